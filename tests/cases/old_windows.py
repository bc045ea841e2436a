"""A computer with a Windows on its disk, as a task sequence finds it before it deploys another."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from osdimage.imaging.disk.places import open_volume
from osdimage.imaging.tasksequence.computer.machine import Machine
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.steps.partition_disk import partition_disk
from osdimage.imaging.volume.filesystems import open_files

from cases.sequence import MBR, MIB, blank_disk, computer, run

TWO_VOLUMES = MBR | {
    "OSDPartitions0Size": "50",
    "OSDPartitions0SizeUnits": "Percent",
    "OSDPartitions1Type": "Primary",
    "OSDPartitions1FileSystem": "NTFS",
    "OSDPartitions1QuickFormat": "TRUE",
}


def disk_with(path: Path, *trees: Mapping[str, bytes]) -> Path:
    """Make a disk of one NTFS volume for each tree of files by their paths."""
    disk = blank_disk(path, 128 * MIB)
    run(partition_disk, Environment(), computer(disk), MBR if len(trees) == 1 else TWO_VOLUMES)
    for number, tree in enumerate(trees, 1):
        put_files(disk, tree, number)
    return disk


def put_files(disk: Path, tree: Mapping[str, bytes], partition: int = 1) -> None:
    """Write files into a volume of a disk."""
    with open_volume(disk, partition, write=True) as volume, open_files(volume, write=True, sync=False) as files:
        for path, data in tree.items():
            files.write(path, data)


def machine_with(path: Path, *trees: Mapping[str, bytes]) -> Machine:
    """Return a computer that has such a disk."""
    return computer(disk_with(path, *trees))
