"""Media that are written to sticks."""

from __future__ import annotations

import random
from collections.abc import Iterable
from pathlib import Path

from judges import disk as disk_judges
from osdimage.imaging.boot.firmware import Firmware
from osdimage.imaging.disc import BytesContents
from osdimage.imaging.media import BootParts, Medium, MediumFile, SignedBy
from osdimage.imaging.media.usb.layout import StickLayout
from osdimage.imaging.media.usb.plan import StickOptions
from osdimage.imaging.media.usb.target import planned_stick
from osdimage.imaging.media.usb.write import StickReport, write_stick

# 2024-05-17 12:34:56 UTC.
MODIFIED_NS = 1_715_949_296 * 10**9
GRUB = Path(__file__).with_name("stick_grub.cfg")
"""What the loader of a stick does that is GRUB."""
GRUB_MODULES = ("part_msdos", "hashsum", "gcry_sha256")
ALL_FIRMWARE = frozenset(Firmware)


def file(path: str, data: bytes = b"", origin: str = "made") -> MediumFile:
    return MediumFile(path, BytesContents(data), MODIFIED_NS, origin)


def medium(
    files: Iterable[MediumFile], *, label: str = "SETUP", firmware: frozenset[Firmware] = ALL_FIRMWARE
) -> Medium:
    """Return a medium of files that is said to start."""
    ordered = tuple(sorted(files, key=lambda each: each.path))
    return Medium(label, ordered, BootParts((), firmware, "x64", SignedBy.UNKNOWN, None, None))


def windows_files(*more: MediumFile, bootmgr: bytes = b"BOOTMGR", loader: bytes = b"MZ") -> list[MediumFile]:
    """Return files as a medium of Windows has them, with contents of several clusters."""
    data = random.Random(20).randbytes
    return [
        file("bootmgr", bootmgr),
        file("boot/bcd", data(8192)),
        file("boot/boot.sdi", data(70_001)),
        file("efi/boot/bootx64.efi", loader),
        file("sources/boot.wim", data(300_000)),
        file("sources/install.wim", data(1 << 20)),
        file("sources/lang.ini", b"[Available UI Languages]\r\nen-US = 3\r\n"),
        file("osdimage/media.json", b"{}"),
        file("setup.exe", data(4096)),
        file("empty.txt"),
        file("Ein langer Name mit \N{LATIN SMALL LETTER A WITH DIAERESIS}.txt", b"x"),
        *more,
    ]


def write(path: Path, what: Medium, layout: StickLayout = StickLayout.FAT32, *, seed: int = 1) -> StickReport:
    """Write a stick to a file, the same again."""
    rng = random.Random(seed)
    with planned_stick(path, what, StickOptions(layout, rng=rng)) as (plan, disk):
        return write_stick(plan, disk)


def partition(disk: Path, number: int) -> Path:
    """Cut a partition out of a stick, by what fdisk says of its place."""
    return disk_judges.partition_of(disk, number, disk.with_name(f"{disk.name}.{number}"))
