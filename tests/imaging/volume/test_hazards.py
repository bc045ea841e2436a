"""What is told of volumes that others refuse to write to, before they do."""

from __future__ import annotations

from pathlib import Path

import pytest
from judges.disk import run
from osdimage.imaging import DiskLayout, FileSystem, PartitionSpec
from osdimage.imaging.disk import FixedSize, Role, Scheme
from osdimage.imaging.disk.content import Content
from osdimage.imaging.disk.opened import open_disk
from osdimage.imaging.disk.unfinished import Unfinished, read_unfinished
from osdimage.imaging.testing import make_disk
from osdimage.imaging.units import MIB, Bytes
from osdimage.imaging.volume.hazards import hazards, volume_findings
from runs.commands import osdimage

pytestmark = pytest.mark.foreign
SYSTEM, WINDOWS = 1, 3


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    """A disk with an EFI system partition and an NTFS volume, both clean."""
    specs = ((Role.EFI, 36, FileSystem.FAT32), (Role.PRIMARY, 8, FileSystem.NTFS))
    layout = DiskLayout(
        Scheme.GPT,
        tuple(PartitionSpec(role, FixedSize(Bytes(size * MIB)), filesystem=kind) for role, size, kind in specs),
    )
    make_disk(tmp_path / "disk.img", 96 * MIB, layout)
    return tmp_path / "disk.img"


def told(disk: Path) -> list[str]:
    with open_disk(disk) as opened:
        return [finding.text for finding in volume_findings(opened.target, opened.table)]


def mark_dirty(disk: Path) -> None:
    """Take the bit for a clean volume out of both FATs, as Windows does when it mounts one (fatgen103, FAT[1])."""
    with open_disk(disk, write=True) as opened:
        window = opened.volume(SYSTEM).window()
        head = window.read_at(0, 512)
        reserved, size = int.from_bytes(head[14:16], "little"), int.from_bytes(head[36:40], "little")
        for fat in range(2):
            window.write_at((reserved + fat * size) * 512 + 4, (0x07FFFFFF).to_bytes(4, "little"))


def test_of_clean_volumes_nothing_is_told(disk: Path) -> None:
    assert told(disk) == []


def test_a_dirty_system_partition_is_told_by_disk_check_and_boot_check(disk: Path) -> None:
    mark_dirty(disk)
    assert "Dirty bit is set" in run(["fsck.fat", "-n", _part(disk, SYSTEM)], check=False)
    assert told(disk) == [
        f"{disk} partition {SYSTEM}: the volume is marked dirty: an earlier write to it was not finished"
    ]
    assert "[volume-state]" in osdimage("disk", "check", disk).out
    assert "[system-dirty]" in osdimage("boot", "check", disk, code=None).out


def test_a_volume_whose_making_was_interrupted_is_told(disk: Path) -> None:
    unfinished = Unfinished(Content.FAT32, "DATA", b"boot")
    with open_disk(disk, write=True) as opened:
        opened.volume(SYSTEM).window().write_at(0, unfinished.sector(512))
    with open_disk(disk) as opened:
        volume = opened.volume(SYSTEM)
        assert volume.content is Content.UNFINISHED
        found = read_unfinished(volume.window())
        assert found is not None
        assert (found.content, found.label, found.boot.rstrip(b"\0")) == (Content.FAT32, "DATA", b"boot")
        assert "interrupted" in hazards(volume)[0]
    assert run(["blkid", "-p", _part(disk, SYSTEM)], check=False) == ""


def _part(disk: Path, number: int) -> Path:
    with open_disk(disk) as opened:
        window = opened.volume(number).window()
        to = disk.with_name(f"part-{number}")
        to.write_bytes(window.read_at(0, window.geometry.size_bytes))
    return to
