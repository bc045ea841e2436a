"""NTFS volumes, read by our own code."""

from __future__ import annotations

import os
import shutil
import struct
import tempfile
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

from cases.journals import Page
from osdimage.imaging.boot.code.bios import boot_sector_code
from osdimage.imaging.disk.image import create_image
from osdimage.imaging.disk.places import open_volume
from osdimage.imaging.disk.target import MemoryTarget
from osdimage.imaging.errors import InvalidInput, InvalidVolume, TargetRefused
from osdimage.imaging.units import MIB, Extent, Lba
from osdimage.imaging.volume.filesystems import open_files
from osdimage.imaging.volume.ntfs import journal, unfinished
from osdimage.imaging.volume.ntfs.check.volume import NtfsCheckOptions, check_ntfs
from osdimage.imaging.volume.ntfs.compress import decompress
from osdimage.imaging.volume.ntfs.format import NtfsFormat, format_ntfs
from osdimage.imaging.volume.ntfs.mft import path_of
from osdimage.imaging.volume.ntfs.mirror import is_unfinished
from osdimage.imaging.volume.ntfs.plain_records import (
    PlainData,
    plain_list,
    plain_record,
    pointless_list,
    pointless_record,
)
from osdimage.imaging.volume.ntfs.read import NtfsVolume
from osdimage.imaging.volume.ntfs.secure import read_descriptors
from osdimage.imaging.volume.ntfs.wof import WofRecords
from osdimage.native.engine.bulk import is_new
from osdimage.native.slices.sources import Source

from fuzz.places import as_disk, from_disk
from fuzz.target import Target

_ENTRIES = 100
_PIECES = 2
_SIZE = 3 * MIB
_FILLED = 16
_RECORD = 1024


def _survey(disk: MemoryTarget) -> None:
    unfinished._survey(disk, {"windows"})


def _check_clusters(disk: MemoryTarget) -> None:
    unfinished._check_clusters(disk)


def _volume(data: bytes) -> None:
    disk = as_disk(data)
    for look in (_survey, _check_clusters):
        try:
            look(disk)
        except InvalidVolume:
            # They are asked about volumes that are known to be damaged.
            continue
    volume = NtfsVolume(disk)
    boot_sector_code(disk)
    is_unfinished(disk)
    path_of(disk, 5)
    compressed = WofRecords(disk)
    for entry in islice(volume.entries(), _ENTRIES):
        for stream in entry.streams:
            try:
                for _ in islice(volume.pieces(stream), _PIECES):
                    pass
                volume.position(stream)
            except InvalidVolume:
                # The others may be sound.
                continue
        try:
            compressed.is_compressed(entry.record)
            if 0 < sum(stream.size for stream in entry.streams) < MIB:
                compressed.read(entry.record)
        except InvalidInput:
            continue


def _plain_record(data: bytes) -> None:
    value = data[:600] if data[:1] == b"v" else None
    plain_list(data)
    pointless_list(data)
    if len(data) >= _RECORD:
        record = plain_record(data[:_RECORD], 7, PlainData(600, value, first_cluster=99, clusters=1), 4096)
        assert len(record) == _RECORD
        assert len(pointless_record(data[:_RECORD], 7, 0x400)) == _RECORD


def _plain_seeds() -> Iterator[bytes]:
    head = struct.pack("<4sHHQHHHHIIQHHI", b"FILE", 48, 3, 0, 1, 1, 56, 1, 168, _RECORD, 0, 3, 0, 7).ljust(56, b"\0")
    attribute = struct.pack("<IIBBHHHIH", 0x10, 96, 0, 0, 24, 0, 0, 72, 24).ljust(96, b"\0")
    yield (head + attribute + b"\xff" * 4).ljust(_RECORD, b"\0")


def _check(data: bytes) -> None:
    options = NtfsCheckOptions(most=3, is_fresh=bool(data[:1] and data[0] & 1))
    report = check_ntfs(as_disk(data), options)
    assert sum(report.counts.values()) >= len(report.faults)
    for fault in report.faults:
        assert fault.text
        (fault.path or "").encode("utf-8", "surrogatepass")


def _seeds() -> Iterator[bytes]:
    yield from _filled(_is_not_read)


def _seeds_with_letters() -> Iterator[bytes]:
    # The checker sorts names by them.
    yield from _filled(_is_journal)


def _filled(leave_out: Callable[[bytes], bool]) -> Iterator[bytes]:
    if shutil.which("mkntfs") is None:
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "volume.img"
        with create_image(str(path), _SIZE) as target:
            extent = Extent(Lba(0), target.geometry.sectors)
            format_ntfs(target, extent, NtfsFormat(label="LABEL", serial=1, is_zero=True, cluster_size=512))
        with open_volume(path, write=True) as volume, open_files(volume, write=True) as files:
            files.make_directory("folder")
            for number in range(_FILLED):
                files.write(f"folder/file number {number}", b"x" * (number * 100))
        with open_volume(path) as volume:
            copy = MemoryTarget(volume.window().geometry)
            copy.write_at(0, volume.window().read_at(0, _SIZE))
            yield from_disk(copy, leave_out=leave_out)


def _is_not_read(sector: bytes) -> bool:
    """Tell whether it is of the journal, or of the table of upper-case letters, which are most of a small volume."""
    is_of_letters = sum(low == index for index, low in enumerate(sector[::2])) > len(sector) // 4
    return is_of_letters or _is_journal(sector)


def _is_journal(sector: bytes) -> bool:
    return sector.startswith((b"\xff" * 16, b"RSTR"))


def _new_volume(data: bytes) -> None:
    disk = as_disk(data)
    size = disk.geometry.size_bytes
    descriptor = os.memfd_create("volume")
    try:
        os.pwrite(descriptor, disk.read_at(0, size), 0)
        with Source.of_file(descriptor) as source:
            if not is_new(source, 0, size):
                raise InvalidVolume("the volume is not new")
    finally:
        os.close(descriptor)


def _new_seeds() -> Iterator[bytes]:
    if shutil.which("mkntfs") is None:
        return
    with tempfile.TemporaryDirectory() as folder, create_image(f"{folder}/volume.img", _SIZE) as target:
        extent = Extent(Lba(0), target.geometry.sectors)
        format_ntfs(target, extent, NtfsFormat(serial=1, is_zero=True, cluster_size=512))
        copy = MemoryTarget(target.geometry)
        copy.write_at(0, target.read_at(0, _SIZE))
    # Of the journal the begin is read.
    unused: list[bytes] = []

    def is_not_read(sector: bytes) -> bool:
        if not sector.startswith(b"\xff" * 16):
            return _is_not_read(sector)
        unused.append(sector)
        return len(unused) > 1

    yield from_disk(copy, leave_out=is_not_read)


def _chunks(data: bytes) -> None:
    (size,) = struct.unpack("<H", data[:2].ljust(2, b"\0"))
    assert len(decompress(data[2:], size)) == size


class _Log(journal._Log):
    """A journal in memory, as large as one must be."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.size = 64 * 4096

    def read(self, offset: int, size: int) -> bytes:
        return self._data[offset : offset + size].ljust(size, b"\0")


def _journal(data: bytes) -> None:
    found = journal._judge(_Log(data))
    assert (found.hazard("volume") is None) == found.is_closed
    assert found.can_be_emptied


def _journal_seeds() -> Iterator[bytes]:
    for page in (Page(), Page(clean=True), Page(version=(2, 0)), Page(magic=b"CHKD")):
        yield page.bytes(64 * 4096) * 2


def _secure(data: bytes) -> None:
    read_descriptors(iter([data]))


TARGETS = (
    Target("ntfs", _volume, _seeds, (InvalidVolume, TargetRefused), largest=256 << 10),
    Target("ntfs-check", _check, _seeds_with_letters, (), largest=384 << 10),
    Target("ntfs-new", _new_volume, _new_seeds, (InvalidVolume,), largest=256 << 10),
    Target("ntfs-compressed", _chunks, lambda: (b"\0\x10\x03\xb0\x02ab\0\0",), (InvalidVolume,), largest=4096),
    Target("ntfs-plain", _plain_record, _plain_seeds, (InvalidVolume,), largest=4096),
    Target("ntfs-journal", _journal, _journal_seeds, (), largest=16384),
    Target("ntfs-secure", _secure, lambda: (bytes(40),), (InvalidVolume,), largest=4096),
)
