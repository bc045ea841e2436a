"""What a BIOS needs of a disk: an active partition, and code in the MBR and in its boot sector that is known."""

from __future__ import annotations

from collections.abc import Iterator

from osdimage.imaging.boot import remedies
from osdimage.imaging.boot.code.bios import boot_sector_code, hidden_sectors_of
from osdimage.imaging.boot.code.grub import has_grub_chain
from osdimage.imaging.boot.code.kinds import SECTOR_BYTES, BootCode, Loader
from osdimage.imaging.boot.code.mbr import mbr_code
from osdimage.imaging.boot.holdings import Holdings
from osdimage.imaging.disk.opened import Disk
from osdimage.imaging.disk.roles import EFI_TYPES
from osdimage.imaging.disk.tables.table import Partition, PartitionTable
from osdimage.imaging.errors import Means, Remedy
from osdimage.imaging.finding import Finding, error, warning
from osdimage.imaging.volume.sectors import sector_bytes_of

# Code that starts the boot sector of the active partition, and does nothing else.
_STARTS_ACTIVE = frozenset({BootCode.OSDIMAGE, BootCode.MICROSOFT, BootCode.SYSLINUX})


def active_partition(table: PartitionTable, holdings: Holdings) -> tuple[Partition | None, list[Finding]]:
    """Return the partition that a BIOS starts from, and what is wrong with the choice.

    Raises:
        StorageError: when the disk cannot be read.
    """
    active = [each for each in table.partitions if each.active and not each.is_logical]
    if len(active) == 1 and not active[0].is_extended:
        return active[0], []
    if not active:
        efi = next((each for each in table.partitions if each.type_id in EFI_TYPES), None)
        if efi is not None:
            text = (
                f"no partition is active, and partition {efi.number} is an EFI system partition on an MBR: UEFI "
                "firmware may start from it; osdimage looks for UEFI on a GPT only"
            )
            return None, [warning("uefi-from-mbr", text, remedies.CANNOT_TELL)]
        text = "no partition is active, so the code in the MBR finds nothing to start"
        found = error("no-active", text, remedies.fix("{} makes the system partition active"))
        return _with_bootmgr(table.partitions, holdings), [found]
    if len(active) > 1:
        numbers = ", ".join(str(each.number) for each in active)
        text = f"partitions {numbers} are all active; the code in an MBR starts from one, or refuses"
        found = error("active-twice", text, remedies.fix("{} leaves the one with bootmgr active"))
        return _with_bootmgr(active, holdings) or active[0], [found]
    text = f"the active partition {active[0].number} is an extended one, which holds nothing to start"
    return None, [error("active-extended", text, remedies.fix("{} makes the partition with bootmgr active"))]


def _with_bootmgr(partitions: list[Partition] | tuple[Partition, ...], holdings: Holdings) -> Partition | None:
    plain = [each for each in partitions if not each.is_extended]
    found = (each for loader in Loader for each in plain if holdings.holds(each, loader.value))
    return next(found, None)


def record_findings(disk: Disk, table: PartitionTable) -> Iterator[Finding]:
    """Yield what is wrong with the MBR."""
    size = disk.geometry.sector_size
    if size != SECTOR_BYTES:
        yield error("sector-size", f"the disk has sectors of {size} bytes; no BIOS starts it", "use GPT and UEFI")
        return
    if not table.disk_signature:
        text = "the disk signature is 0, by which a BCD store cannot name the disk"
        yield error("disk-signature", text, remedies.fix("{} draws one and binds the store to it"))
    code = mbr_code(disk.target)
    if code is BootCode.NONE:
        yield error("mbr-code", "there is no boot code in the MBR", remedies.WRITES_IT)
    elif code not in _STARTS_ACTIVE:
        whose = "GRUB's, which starts what its configuration says" if code is BootCode.GRUB else "none that is known"
        text = f"the boot code in the MBR is {whose}: whether it comes to Windows is not known"
        remedy = remedies.install("none is needed where it is wanted; {} writes code that starts the active partition")
        yield warning("mbr-code-other", text, remedy)


def boot_sector_findings(disk: Disk, system: Partition) -> Iterator[Finding]:
    """Yield what is wrong with the boot sector of an NTFS or FAT32 system partition."""
    window = disk.target.window(system.extent)
    hidden = hidden_sectors_of(window)
    if hidden != system.extent.first:
        text = (
            f"the boot sector of partition {system.number} says that it begins at sector {hidden}; it begins at "
            f"{system.extent.first}"
        )
        yield error("hidden-sectors", text, remedies.fix("{} writes the right number"))
    sectors = sector_bytes_of(window)
    if sectors != disk.geometry.sector_size:
        text = (
            f"partition {system.number} holds a volume with sectors of {sectors} bytes on a disk with sectors of "
            f"{disk.geometry.sector_size}; no boot code starts from it"
        )
        yield error("volume-sectors", text, "copy what it holds, format it anew and install boot again")
        return
    if sectors != SECTOR_BYTES:
        return
    code = boot_sector_code(window)
    if code is BootCode.NONE:
        text = f"the boot sector of partition {system.number} starts nothing"
        yield error("boot-sector", text, remedies.install("{} writes it, or bootsect /nt60 in Windows PE"))
    elif code is BootCode.OTHER or (code is BootCode.GRUB and not has_grub_chain(disk.target)):
        text = f"the boot code of partition {system.number} is none that is known: it may start bootmgr or not"
        remedy = Remedy("none is needed where it does; else {} replaces it", (Means.BIOS_LOADER,), ("osdimage",))
        yield warning("boot-sector-other", text, remedy)
