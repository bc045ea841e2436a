"""Formatting a partition as NTFS, judged by ntfs-3g's own programs and by dissect.ntfs."""

from __future__ import annotations

import os
import struct
from pathlib import Path

import pytest
from cases.volume import KINDS, SERIAL, Disk, format_disk, make_disk, part_of
from judges.disk import copy_of, head, run
from judges.ntfs import contents, dissect, ntfsfix, ntfsinfo, outside
from judges.wim import require
from osdimage.imaging import output, programs
from osdimage.imaging.disk.device import open_target
from osdimage.imaging.disk.held import VolumeInfo, look_at
from osdimage.imaging.disk.image import create_image
from osdimage.imaging.errors import InvalidRequest, OsdImageError
from osdimage.imaging.units import MIB, Extent, Lba
from osdimage.imaging.volume.ntfs import format as ntfs_format
from osdimage.imaging.volume.ntfs.format import NtfsFormat, format_ntfs
from osdimage.native.slices.sources import Source

pytestmark = pytest.mark.foreign


def fill(disk: Disk, byte: int) -> None:
    """Fill the partition with what an earlier use may have left."""
    with disk.path.open("r+b") as file:
        for at in range(disk.offset, disk.offset + disk.size, 1 << 20):
            os.pwrite(file.fileno(), bytes([byte]) * min(1 << 20, disk.offset + disk.size - at), at)


@pytest.mark.parametrize("kind", KINDS)
def test_a_formatted_partition_is_what_was_asked_for_and_nothing_around_it_changes(kind: str, tmp_path: Path) -> None:
    disk = make_disk(tmp_path / "disk.img", kind)
    before = outside(disk.path, disk.offset, disk.size)
    format_disk(disk, NtfsFormat(label="Windows Zürich", serial=SERIAL))
    assert outside(disk.path, disk.offset, disk.size) == before
    part = part_of(disk)
    ntfsfix(part)
    facts = ntfsinfo(part)
    assert facts["Volume Name"] == "Windows Zürich"
    assert int(facts["Volume Flags"].split()[0], 16) == 0
    assert int(facts["Cluster Size"]) == 4096
    with part.open("rb") as stream:
        volume = dissect(stream)
        assert volume.volume_name == "Windows Zürich"
        assert volume.serial == SERIAL
        assert volume.sector_size == disk.sector_size
    boot = head(part, disk.sector_size)
    track, heads, hidden = struct.unpack_from("<HHI", boot, 0x18)
    assert (track, heads, hidden) == (63, 255, disk.extent.first)
    # All sectors but the last, which holds the copy of the boot sector.
    assert struct.unpack_from("<Q", boot, 0x28)[0] == disk.extent.count - 1
    with part.open("rb") as stream:
        assert os.pread(stream.fileno(), disk.sector_size, disk.size - disk.sector_size) == boot
    assert contents(part) == {}
    with open_target(str(disk.path)) as target:
        assert look_at(target.window(disk.extent)) == VolumeInfo("ntfs", "Windows Zürich")


def test_what_the_system_takes_in_pieces_is_written_to_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk, write = make_disk(tmp_path / "disk.img"), os.pwrite
    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", lambda to, data, at: write(to, memoryview(data)[: (len(data) + 1) // 2], at))
        format_disk(disk, NtfsFormat(serial=SERIAL))
    part = part_of(disk)
    # It compares the copy of the boot sector.
    ntfsfix(part)
    with part.open("rb") as stream:
        assert dissect(stream).serial == SERIAL


@pytest.mark.parametrize("cluster_size", [512, 4096, 65536])
def test_the_cluster_size_is_that_asked_for(cluster_size: int, tmp_path: Path) -> None:
    disk = format_disk(make_disk(tmp_path / "disk.img"), NtfsFormat(cluster_size=cluster_size))
    part = part_of(disk)
    ntfsfix(part)
    assert int(ntfsinfo(part)["Cluster Size"]) == cluster_size


def test_the_same_serial_gives_the_same_volume_byte_for_byte_whatever_was_there(tmp_path: Path) -> None:
    wish = NtfsFormat(label="Data", serial=42)
    first = make_disk(tmp_path / "first.img")
    second = Disk(copy_of(first.path, tmp_path / "second.img"), first.partition, first.extent)
    fill(second, 0xA5)
    format_disk(first, wish)
    format_disk(second, wish)
    assert first.path.read_bytes() == second.path.read_bytes()
    format_disk(second, NtfsFormat(label="Data"))
    assert first.path.read_bytes() != second.path.read_bytes()


@pytest.mark.parametrize("quick", [True, False])
def test_a_disk_that_cannot_make_holes_is_formatted_as_well(
    quick: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = make_disk(tmp_path / "disk.img")
    fill(disk, 0xA5)
    before = outside(disk.path, disk.offset, disk.size)
    monkeypatch.setattr(Source, "zero", lambda *_, **__: False)
    format_disk(disk, NtfsFormat(serial=SERIAL, quick=quick))
    assert outside(disk.path, disk.offset, disk.size) == before
    part = part_of(disk)
    ntfsfix(part)
    assert contents(part) == {}
    left = part.read_bytes().count(b"\xa5" * 4096)
    # Quick leaves the free space as it was; the other way writes everywhere.
    assert left > 1000 if quick else left == 0


def test_quick_leaves_no_mark_of_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = make_disk(tmp_path / "disk.img")
    fill(disk, 0xA5)
    end = disk.offset + disk.size
    with disk.path.open("r+b") as file:
        # The superblock of a RAID, which mkntfs does not overwrite.
        os.pwrite(file.fileno(), b"\xfc\x4e\x2b\xa9", (end - 65536 - disk.offset) // 65536 * 65536 + disk.offset)
        os.pwrite(file.fileno(), b"FAT32   ", disk.offset + 82)
        os.pwrite(file.fileno(), b"-FVE-FS-", disk.offset + 3)
    monkeypatch.setattr(Source, "zero", lambda *_, **__: False)
    format_disk(disk, NtfsFormat(serial=SERIAL))
    with open_target(str(disk.path)) as target:
        window = target.window(disk.extent)
        assert look_at(window).kind == "ntfs"
        assert {name for _, name in ntfs_format.signatures.find_marks(window)} == {"ntfs"}


def test_a_format_that_is_interrupted_leaves_no_volume(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = format_disk(make_disk(tmp_path / "disk.img"))

    class Interrupted(Exception):
        pass

    writes = 0

    def stop_after_some(self: ntfs_format.Window, offset: int, data: bytes) -> None:
        nonlocal writes
        writes += 1
        if writes > 3:
            raise Interrupted
        original(self, offset, data)

    original = ntfs_format.Window._write
    with monkeypatch.context() as patch:
        patch.setattr(ntfs_format.Window, "_write", stop_after_some)
        with pytest.raises(Interrupted):
            format_disk(disk)
    with open_target(str(disk.path)) as target:
        assert look_at(target.window(disk.extent)).kind == "unfinished"
    assert run(["blkid", "-p", part_of(disk)], check=False) == ""
    ntfsfix(part_of(format_disk(disk)))


@pytest.mark.parametrize(
    "wish",
    [
        {"label": "x" * 33},
        {"label": "a\nb"},
        {"label": "a\0b"},
        {"cluster_size": 3000},
        {"cluster_size": 4 << 20},
        {"serial": 1 << 64},
        {"serial": -1},
    ],
)
def test_what_ntfs_does_not_know_is_refused(wish: dict[str, object]) -> None:
    with pytest.raises(InvalidRequest):
        NtfsFormat(**wish)  # type: ignore[arg-type]


@pytest.mark.parametrize("sector_size", [512, 4096])
def test_the_smallest_volume_is_one_mebibyte_and_a_sector(sector_size: int, tmp_path: Path) -> None:
    # mkntfs: "Minimum NTFS volume size is 1MiB", which it counts without the last sector.
    image = tmp_path / "small.ntfs"
    least = MIB // sector_size + 1
    with create_image(str(image), least * sector_size, sector_size=sector_size) as target:
        with pytest.raises(InvalidRequest, match=f"valid are {least * sector_size} and more"):
            format_ntfs(target, Extent(Lba(0), least - 1))
        format_ntfs(target, Extent(Lba(0), least))
    ntfsfix(image)


def test_a_partition_that_is_too_small_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    disk = make_disk(tmp_path / "disk.img")
    before = disk.path.read_bytes()
    with open_target(str(disk.path), write=True) as target, pytest.raises(InvalidRequest, match="too small"):
        format_ntfs(target, Extent(disk.extent.first, 100))
    assert disk.path.read_bytes() == before


def test_what_mkntfs_refuses_is_told_in_its_words_and_nothing_is_written(tmp_path: Path) -> None:
    require("mkntfs")
    disk = make_disk(tmp_path / "disk.img")
    before = disk.path.read_bytes()
    with pytest.raises(OsdImageError, match=r"mkntfs failed \(1\): .*heads"):
        format_disk(disk, NtfsFormat(heads=70000))
    assert disk.path.read_bytes() == before


def test_mkntfs_is_found_where_the_path_of_ordinary_users_does_not_lead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = make_disk(tmp_path / "disk.img")
    monkeypatch.setattr(programs, "bundled_program", lambda _: None)
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    format_disk(disk)
    monkeypatch.setattr(programs, "SYSTEM_FOLDERS", ())
    monkeypatch.setenv("PATH", str(tmp_path))
    with open_target(str(disk.path), write=True) as target, pytest.raises(OsdImageError, match="not installed"):
        format_ntfs(target, disk.extent)


def test_without_proc_what_is_missing_is_told_and_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    require("mkntfs")
    disk = make_disk(tmp_path / "disk.img")
    before = disk.path.read_bytes()
    monkeypatch.setattr(output, "_DESCRIPTORS", str(tmp_path / "proc/self/fd"))
    with pytest.raises(OsdImageError, match=r"^/proc: is not mounted; .*as root: mount -t proc proc /proc$"):
        format_disk(disk)
    assert disk.path.read_bytes() == before
