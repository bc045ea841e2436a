"""Volumes in partitions of a disk whose sectors are not those that they say; mkfs.fat, mkntfs and dd put them there."""

from __future__ import annotations

import os
import struct
import subprocess
from pathlib import Path

import pytest
from cases.volume import MIB, Disk, make_disk, part_of
from judges.wim import require
from osdimage.imaging.disk.image import open_image
from osdimage.imaging.disk.opened import open_disk
from osdimage.imaging.disk.opening import Opening
from osdimage.imaging.disk.places import open_volume
from osdimage.imaging.volume.ntfs import unfinished
from osdimage.imaging.volume.sectors import odd_sectors
from runs.commands import osdimage

pytestmark = pytest.mark.foreign
_ZEROS = bytes(MIB)
_ODD = "sectors of {} bytes, its disk of {}: Windows mounts only a volume with the sectors of its disk"


def made_by(disk: Disk, *command: str) -> Disk:
    """Let a program make a volume in a file, and put what is not zero of it into the partition."""
    volume = disk.path.with_name("volume")
    with volume.open("wb") as file:
        file.truncate(disk.size)
    subprocess.run([require(command[0]), *command[1:], volume], check=True, capture_output=True)
    with volume.open("rb") as source, disk.path.open("r+b") as target:
        for at in range(0, disk.size, MIB):
            piece = os.pread(source.fileno(), MIB, at)
            if piece != _ZEROS:
                os.pwrite(target.fileno(), piece, disk.offset + at)
    volume.unlink()
    return disk


MADE = {
    "NTFS of 4096 bytes on a disk of 512": ("gpt", 512, 4096, ("mkntfs", "-qFQ", "-s", "4096"), ("ntfsfix", "-n")),
    "NTFS of 512 bytes on a disk of 4096": ("gpt-4096", 4096, 512, ("mkntfs", "-qFQ", "-s", "512"), ("ntfsfix", "-n")),
    "FAT32 of 2048 bytes on a disk of 512": (
        "gpt", 512, 2048, ("mkfs.vfat", "-F", "32", "-S", "2048", "-s", "1"), ("fsck.fat", "-n")),
    "FAT32 of 512 bytes on a disk of 4096": (
        "gpt-4096", 4096, 512, ("mkfs.vfat", "-F", "32", "-S", "512"), ("fsck.fat", "-n")),
}  # fmt: skip


@pytest.mark.parametrize("case", MADE.values(), ids=MADE)
def test_such_a_volume_is_filled_and_keeps_its_sectors_and_it_is_said(
    tmp_path: Path, wim: Path, case: tuple[str, int, int, tuple[str, ...], tuple[str, ...]]
) -> None:
    kind, disk_sector, sector, made, judged = case
    disk = made_by(make_disk(tmp_path / "disk.img", kind), *made)
    where = ("--partition", str(disk.partition))
    said = osdimage("apply", wim, disk.path, *where, "--wipe", "--yes")
    assert any(_ODD.format(sector, disk_sector) in each for each in said.warnings)
    assert osdimage("compare", wim, disk.path, *where, "--json").document["is_equal"]
    osdimage("capture", disk.path, tmp_path / "again.wim", *where)
    part = part_of(disk)
    subprocess.run([require(judged[0]), *judged[1:], part], check=True, capture_output=True)
    with part.open("rb") as file:
        assert struct.unpack_from("<H", file.read(16), 11) == (sector,)


def test_a_volume_that_is_alone_has_no_disk_whose_sectors_it_could_lack(tmp_path: Path) -> None:
    disk = made_by(make_disk(tmp_path / "disk.img"), "mkntfs", "-qFQ", "-s", "4096")
    with open_volume(part_of(disk)) as alone, open_disk(disk.path) as opened:
        assert odd_sectors(opened.volume(disk.partition)) is not None
        assert odd_sectors(alone) is None


def test_a_volume_that_is_alone_has_the_sectors_that_are_said(tmp_path: Path) -> None:
    path = tmp_path / "volume.img"
    with path.open("wb") as file:
        file.truncate(MIB)
    for said, sectors in ((None, 2048), (4096, 256)):
        with open_volume(path, opening=Opening(said)) as alone:
            assert alone.target.geometry.sectors == sectors


def test_an_ntfs_volume_that_is_made_anew_keeps_its_sectors(tmp_path: Path) -> None:
    disk = made_by(make_disk(tmp_path / "disk.img"), "mkntfs", "-qFQ", "-s", "4096", "-L", "Four")
    with open_disk(disk.path, write=True) as opened:
        assert unfinished.start_over(opened.volume(disk.partition), ()) is not None
    part = part_of(disk)
    subprocess.run([require("ntfsfix"), "-n", part], check=True, capture_output=True)
    with open_image(str(part)) as target:
        assert struct.unpack_from("<H", target.read_at(0, 16), 11) == (4096,)
        assert target.read_at(target.geometry.size_bytes - 4096 + 3, 8) == b"NTFS    "


def test_the_sectors_of_a_disk_that_does_not_tell_them_can_be_said(tmp_path: Path, wim: Path) -> None:
    # An MBR counts in sectors and does not say how large they are.
    disk, how = tmp_path / "disk.img", ("--sector-size", "4096")
    wish = ("--var", "OSDDiskIndex=0", "--var", "OSDPartitionStyle=MBR", "--var", "OSDPartitions=1")
    wish += ("--var", "OSDPartitions0Type=Primary", "--var", "OSDPartitions0FileSystem=NTFS")
    osdimage("disk", "init", disk, *wish, "--size", "100MB", "--yes", *how)
    osdimage("disk", "format", disk, "--partition", "1", "--yes", *how)
    assert "holds no file system" in osdimage("apply", wim, disk, "--partition", "1", code=4).err
    osdimage("apply", wim, disk, "--partition", "1", *how)
    assert osdimage("compare", wim, disk, "--partition", "1", *how, "--json").document["is_equal"]
    osdimage("capture", disk, tmp_path / "one.wim", "--partition", "1", *how)
    osdimage("capture", disk, tmp_path / "all.wim", "--all-volumes", *how)
    osdimage("apply", tmp_path / "all.wim", disk, "--all-volumes", "--wipe", "--yes", *how)
    refused = osdimage("registry", "get", disk, "--partition", "1", "--hive", "SYSTEM", "Key", *how, code=None)
    assert "there is no 'Windows/System32/config/SYSTEM'" in refused.err
