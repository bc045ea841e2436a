"""Boot code for BIOS machines: what the kinds of it have in common."""

from __future__ import annotations

from enum import StrEnum
from functools import cache
from importlib.resources import files

from osdimage.imaging.disk.target import BlockTarget
from osdimage.imaging.errors import TargetRefused

SECTOR_BYTES = 512
"""The size of a sector of every disk that a BIOS starts."""
SIGNATURE = b"\x55\xaa"
"""The end of a sector with boot code."""


class BootCode(StrEnum):
    """Whose boot code a sector holds."""

    NONE = "none"
    OSDIMAGE = "osdimage"
    GRUB = "grub"
    MICROSOFT = "microsoft"
    SYSLINUX = "syslinux"
    OTHER = "other"


class Loader(StrEnum):
    """What the boot sector of a volume starts, by its name in the root directory."""

    BOOTMGR = "bootmgr"
    NTLDR = "ntldr"


def assembled_for(filesystem: str, loader: Loader) -> bytes:
    """Return the machine code that starts a loader from a volume of ``ntfs`` or ``fat32``."""
    return assembled(filesystem if loader is Loader.BOOTMGR else f"{filesystem}-{loader}")


@cache
def assembled(name: str) -> bytes:
    """Return the machine code of a source beside this module."""
    return (files("osdimage.imaging.boot.code") / f"{name}.bin").read_bytes()


def refuse_large_sectors(target: BlockTarget) -> None:
    """Make sure that a BIOS can start the disk.

    Raises:
        TargetRefused: when its sectors do not have 512 bytes.
    """
    if target.geometry.sector_size != SECTOR_BYTES:
        raise TargetRefused(
            f"{target.name} has sectors of {target.geometry.sector_size} bytes: no BIOS starts such a disk, "
            f"valid are sectors of {SECTOR_BYTES} bytes, or UEFI and a GPT"
        )
