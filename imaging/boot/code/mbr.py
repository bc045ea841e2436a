"""The boot code of an MBR, which starts the boot sector of the active partition; its source is ``mbr.asm``."""

from __future__ import annotations

from osdimage.imaging.boot.code.kinds import SECTOR_BYTES, BootCode, assembled, refuse_large_sectors
from osdimage.imaging.disk.tables.mbr import parse_boot_record
from osdimage.imaging.disk.tables.write import Flush, Write, run_steps
from osdimage.imaging.disk.target import BlockTarget
from osdimage.imaging.errors import TargetRefused

CODE_BYTES = 440
"""The disk signature follows, and then the partitions."""
# Where GRUB's boot.img has its name, and what its error messages begin with.
_GRUB = b"GRUB \0"
# What code says that starts the active partition and does nothing else.  Microsoft's, since Windows 2000: D. Sedory,
# "An Examination of the Windows 7 MBR"; Syslinux' mbr.bin: its mbr/mbr.S.
_SAYS = {
    BootCode.MICROSOFT: (
        b"Invalid partition table\0",
        b"Error loading operating system\0",
        b"Missing operating system\0",
    ),
    BootCode.SYSLINUX: (b"Missing operating system.\r\n", b"Operating system load error.\r\n"),
}


def write_mbr_code(target: BlockTarget) -> None:
    """Write boot code into the first 440 bytes of a disk; boot code that was there is lost, and nothing else.

    The code starts whichever partition is active when the machine starts, so none need be active now.

    Args:
        target: a disk that has an MBR.

    Raises:
        TargetRefused: when its sectors do not have 512 bytes, when it has no MBR, or one that protects a GPT, or when
            its signature is 0: Windows would then write one of its own, and no longer find what is bound to it.
        StorageError: when writing failed.
    """
    refuse_large_sectors(target)
    sector = target.read_at(0, SECTOR_BYTES)
    record = parse_boot_record(sector)
    if record is None or record.is_protective:
        found = "no partition table" if record is None else "a GPT, which UEFI starts"
        raise TargetRefused(f"{target.name} has {found}: boot code is for disks with an MBR")
    if record.disk_signature == 0:
        raise TargetRefused(f"{target.name} has the disk signature 0: Windows starts from a disk with another one only")
    run_steps(target, (Write(0, assembled("mbr") + sector[CODE_BYTES:], "boot code of the MBR"), Flush()))


def mbr_code(target: BlockTarget) -> BootCode:
    """Tell whose boot code is in the MBR of a disk."""
    code = target.read_at(0, CODE_BYTES)
    if not any(code):
        return BootCode.NONE
    if code == assembled("mbr"):
        return BootCode.OSDIMAGE
    if _GRUB in code:
        return BootCode.GRUB
    return next((each for each, said in _SAYS.items() if all(text in code for text in said)), BootCode.OTHER)
