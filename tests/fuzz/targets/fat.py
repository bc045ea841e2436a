"""FAT volumes of the three widths, read by our own code."""

from __future__ import annotations

from itertools import islice

from cases.fat_volumes import pristine
from osdimage.imaging.boot.code.bios import boot_sector_code
from osdimage.imaging.disk import signatures
from osdimage.imaging.disk.fat_label import fat_label
from osdimage.imaging.disk.fat_width import FatWidth
from osdimage.imaging.errors import InvalidRequest, InvalidVolume, TargetRefused
from osdimage.imaging.finding import Severity
from osdimage.imaging.volume.fat.check import check_fat
from osdimage.imaging.volume.fat.edit import edit_fat
from osdimage.imaging.volume.fat.read import open_fat

from fuzz.places import as_disk, from_disk
from fuzz.target import Target

_ENTRIES = 200
_PIECES = 2


def _read(data: bytes) -> None:
    disk = as_disk(data)
    check_fat(disk)
    head = disk.read_at(0, min(disk.geometry.size_bytes, 64 << 10))
    signatures.identify(disk)
    for is_fat32 in (True, False):
        fat_label(disk, head, is_fat32=is_fat32)
    volume = open_fat(disk)
    if volume.layout.width is FatWidth.FAT32:
        boot_sector_code(disk)
    repr((volume.serial, volume.label, volume.fsinfo()))
    for entry in islice(volume.walk(), _ENTRIES):
        if not entry.is_directory:
            try:
                for _ in islice(volume.read(entry), _PIECES):
                    pass
            except InvalidVolume:
                # The others may be sound.
                continue


def _edit(data: bytes) -> None:
    disk = as_disk(data)
    editor = edit_fat(disk)
    editor.make_directory("new", attributes=0x10, time_ns=0)
    editor.write_file("new/A long name.text", _CONTENTS, attributes=None, time_ns=0)
    if editor.find("sub") is not None and editor.find("top.txt") is not None:
        editor.delete("top.txt")
    editor.commit()
    assert b"".join(open_fat(disk).read("new/A long name.text")) == _CONTENTS
    assert not [each for each in check_fat(disk) if each.severity is Severity.ERROR]


_CONTENTS = bytes(range(256)) * 8


def _seeds() -> tuple[bytes, ...]:
    return tuple(from_disk(pristine(width)) for width in FatWidth)


TARGETS = (
    Target("fat", _read, _seeds, (InvalidVolume,), largest=96 << 10),
    # What is damaged is not edited; a name of the edit may be there, as a file.
    Target(
        "fat-edit",
        _edit,
        _seeds,
        (InvalidVolume, InvalidRequest, TargetRefused),
        largest=96 << 10,
    ),
)
