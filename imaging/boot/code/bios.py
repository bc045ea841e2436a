"""What a BIOS needs beside files: an active partition, a disk signature, and code in the MBR and in a boot sector."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

from osdimage.imaging.boot.code import ntfs
from osdimage.imaging.boot.code.fat32 import fat32_boot_code, fat32_boot_loader, write_fat32_boot_sector
from osdimage.imaging.boot.code.grub import has_grub_chain, install_grub_chain
from osdimage.imaging.boot.code.kinds import SECTOR_BYTES, BootCode, Loader
from osdimage.imaging.boot.code.mbr import CODE_BYTES, mbr_code, write_mbr_code
from osdimage.imaging.boot.code.ntfs import (
    NtfsBootCode,
    ntfs_boot_code,
    ntfs_boot_code_from,
    ntfs_boot_loader,
    own_ntfs_boot_code,
    write_ntfs_boot_code,
)
from osdimage.imaging.disk.content import FATS, Content
from osdimage.imaging.disk.signatures import identify
from osdimage.imaging.disk.tables.table import Partition, PartitionTable
from osdimage.imaging.disk.tables.write import Flush, Step, Write, run_steps
from osdimage.imaging.disk.target import BlockTarget, DiskTarget
from osdimage.imaging.errors import InvalidInput, InvalidRequest
from osdimage.imaging.files import FileSource
from osdimage.imaging.randomness import RandomBits
from osdimage.imaging.units import MIB
from osdimage.imaging.volume.fat.layout import parse_boot
from osdimage.imaging.volume.sectors import sector_bytes_of

# Of a partition entry: 16 bytes each, the boot indicator first.
_ENTRIES_AT, _ENTRY_BYTES, _ACTIVE = 446, 16, 0x80
_LARGEST_SOURCE = 64 * MIB
_FOREIGN = frozenset({BootCode.OTHER, BootCode.MICROSOFT})
_LOST = {BootCode.OTHER: "none that is known", BootCode.GRUB: "GRUB's"}
KEPT = "kept"
"""What a report calls the boot sector that is left as it was."""


class BiosLoader(StrEnum):
    """Where the boot sector of an NTFS system volume comes from.

    AUTO: from the image, or else that of osdimage itself.  NONE: nothing of boot code is written at all.
    """

    AUTO = "auto"
    IMAGE = "image"
    OSDIMAGE = "osdimage"
    GRUB = "grub"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class BootCodeReport:
    """What boot code was written.

    Attributes:
        mbr: whether the MBR got code.
        boot_sector: whose code the boot sector of the system volume has now: ``osdimage``, ``grub``, the path of the
            file of the image that it is from, ``kept`` for what was there, or None when none was written.
        warnings: what is still to be done, in sentences.
    """

    mbr: bool
    boot_sector: str | None
    warnings: tuple[str, ...] = ()


def prepared_record(table: PartitionTable, *, active: int, rng: RandomBits) -> PartitionTable:
    """Return a table with one active partition, and with a signature when it has none; nothing is written.

    Raises:
        InvalidRequest: when the partition is a logical one.
    """
    if not 1 <= active <= 4:
        raise InvalidRequest(f"partition {active} is a logical one; only a primary partition can be active")
    partitions = tuple(replace(each, active=each.number == active) for each in table.partitions)
    return replace(table, disk_signature=table.disk_signature or rng.getrandbits(32) or 1, partitions=partitions)


def write_record(target: DiskTarget, table: PartitionTable) -> None:
    """Write the signature and the active flags of a table.

    One sector is written, in one write, and only when it changes; boot code and partitions stay as they are.

    Raises:
        StorageError: when writing failed, or the disk does not hold what was written.
    """
    sector = bytearray(target.read_at(0, target.geometry.sector_size))
    before = bytes(sector)
    sector[CODE_BYTES : CODE_BYTES + 4] = (table.disk_signature or 0).to_bytes(4, "little")
    active = {each.number for each in table.partitions if each.active}
    for number in range(1, 5):
        sector[_ENTRIES_AT + (number - 1) * _ENTRY_BYTES] = _ACTIVE if number in active else 0
    if sector != before:
        run_steps(target, (Write(0, bytes(sector), "MBR"), Flush()))


def find_boot_code(files: FileSource, loader: Loader = Loader.BOOTMGR) -> NtfsBootCode | None:
    """Look for the boot code of NTFS that starts a loader in the files of a Windows."""

    def read(path: str) -> bytes | None:
        facts = files.find(path)
        if facts is None or facts.is_directory or facts.is_link or facts.size > _LARGEST_SOURCE:
            return None
        return files.read(path, limit=_LARGEST_SOURCE)

    return ntfs_boot_code_from(read, loader=loader)


def write_boot_code(
    target: DiskTarget,
    table: PartitionTable,
    system: Partition,
    ntfs_code: NtfsBootCode | None,
    *,
    wanted: BiosLoader = BiosLoader.AUTO,
    loader: Loader = Loader.BOOTMGR,
) -> BootCodeReport:
    """Write the code that leads from the BIOS to a loader: in the boot sector of the system volume, then in the MBR.

    Args:
        target: the disk.
        table: its partitions.
        system: the active one, which holds the loader.
        ntfs_code: what the image holds for an NTFS volume and this loader, or None.
        wanted: where the code for an NTFS volume comes from.
        loader: what is started.

    Raises:
        InvalidInput: when the image holds no code, and it is to come from there.
        OsdImageError: when GRUB is asked for and is not installed, or fails.
        TargetRefused, InvalidVolume, StorageError: as the writers of each kind.
    """
    report = planned_code(target, system, ntfs_code, wanted=wanted, loader=loader)
    if report.mbr:
        window = _window(target, system)
        if identify(window) is Content.FAT32:
            write_fat32_boot_sector(window, hidden_sectors=system.extent.first, loader=loader)
        elif report.boot_sector == BootCode.GRUB.value:
            install_grub_chain(target, table, system, loader=loader)
        elif report.boot_sector != KEPT:
            code = _chosen(ntfs_code, wanted, loader)
            write_ntfs_boot_code(window, code, hidden_sectors=system.extent.first)
        write_mbr_code(target)
    return report


def planned_code(
    target: DiskTarget,
    system: Partition,
    ntfs_code: NtfsBootCode | None,
    *,
    wanted: BiosLoader,
    loader: Loader = Loader.BOOTMGR,
) -> BootCodeReport:
    """Return what :func:`write_boot_code` would write; nothing is.

    Raises:
        InvalidInput: when the image holds no code, and it is to come from there.
        InvalidVolume: when the partition holds neither NTFS nor FAT32.
    """
    if wanted is BiosLoader.NONE:
        return BootCodeReport(mbr=False, boot_sector=None, warnings=("no boot code was written, as was asked for",))
    window = _window(target, system)
    if identify(window) is Content.FAT32:
        return BootCodeReport(mbr=True, boot_sector=BootCode.OSDIMAGE.value)
    if wanted is BiosLoader.IMAGE and ntfs_code is None:
        raise InvalidInput(
            f"{window.name}: the image holds no boot code for NTFS in {', '.join(ntfs.CANDIDATES)} that starts {loader}"
        )
    if wanted is BiosLoader.GRUB:
        return BootCodeReport(mbr=True, boot_sector=BootCode.GRUB.value)
    if wanted is BiosLoader.AUTO and ntfs_code is None and _is_kept(window, loader):
        return BootCodeReport(mbr=True, boot_sector=KEPT)
    return BootCodeReport(mbr=True, boot_sector=_chosen(ntfs_code, wanted, loader).source)


def _is_kept(window: BlockTarget, loader: Loader) -> bool:
    """Tell whether an NTFS volume keeps its code: whoever wrote it knows how to start what is there."""
    return ntfs_boot_code(window) in _FOREIGN and ntfs_boot_loader(window) in {None, loader}


def code_at_risk(target: DiskTarget, system: Partition, report: BootCodeReport) -> Iterator[str]:
    """Yield whose boot code is lost when what a report says is written; that of Windows and of osdimage does not count.

    Raises:
        InvalidVolume: when the partition holds neither NTFS nor FAT32.
        StorageError: when reading failed.
    """
    if not report.mbr:
        return
    code = mbr_code(target)
    if code in _LOST:
        yield f"{target.name}: the boot code in the MBR is {_LOST[code]}"
    code = boot_sector_code(_window(target, system))
    if report.boot_sector != KEPT and code in _LOST and not (code is BootCode.GRUB and has_grub_chain(target)):
        yield f"{target.name} partition {system.number}: its boot code is {_LOST[code]}"


def add_missing_code(
    target: DiskTarget,
    system: Partition,
    ntfs_code: NtfsBootCode | None,
    *,
    loader: Loader = Loader.BOOTMGR,
    rehearse: bool,
) -> list[str]:
    """Write boot code where there is none, in the boot sector of the system volume and in the MBR; tell what was done.

    Args:
        target: the disk, which has an MBR with a signature.
        system: the active partition, with an NTFS or FAT32 volume.
        ntfs_code: what Windows holds for an NTFS volume and this loader, or None.
        loader: what is started.
        rehearse: write nothing, and tell what would be done.

    Raises:
        TargetRefused, InvalidVolume, StorageError: as the writers of each kind.
    """
    done = []
    window = _window(target, system)
    # There is no boot code of FAT12 and FAT16.
    if identify(window) not in {Content.FAT12, Content.FAT16} and boot_sector_code(window) is BootCode.NONE:
        done.append(f"boot code was written into the boot sector of partition {system.number}, which had none")
        if not rehearse and identify(window) is Content.FAT32:
            write_fat32_boot_sector(window, hidden_sectors=system.extent.first, loader=loader)
        elif not rehearse:
            code = _chosen(ntfs_code, BiosLoader.AUTO, loader)
            write_ntfs_boot_code(window, code, hidden_sectors=system.extent.first)
    if mbr_code(target) is BootCode.NONE:
        done.append("boot code was written into the MBR, which had none")
        if not rehearse:
            write_mbr_code(target)
    return done


def _window(target: DiskTarget, system: Partition) -> BlockTarget:
    window = target.window(system.extent)
    window.name = f"{target.name} partition {system.number}"
    return window


def _chosen(code: NtfsBootCode | None, wanted: BiosLoader, loader: Loader) -> NtfsBootCode:
    return own_ntfs_boot_code(loader) if code is None or wanted is BiosLoader.OSDIMAGE else code


# Of a boot sector, NTFS and FAT alike: the number of sectors before the volume.
_HIDDEN = slice(0x1C, 0x20)


def hidden_sectors_of(volume: BlockTarget) -> int:
    """Return how many sectors the boot sector of an NTFS or FAT volume says are before it."""
    return int.from_bytes(volume.read_at(0, SECTOR_BYTES)[_HIDDEN], "little")


def set_hidden_sectors(volume: BlockTarget, count: int) -> None:
    """Write into the boot sector of an NTFS or FAT volume, and into its copy, how many sectors are before it.

    Raises:
        InvalidRequest: when 32 bits do not hold the number.
        InvalidVolume: when it is no such volume.
        StorageError: when writing failed.
    """
    if not 0 <= count <= 0xFFFFFFFF:
        raise InvalidRequest(f"{volume.name}: begins beyond what a boot sector can tell, at sector {count}")
    first = volume.read_at(0, SECTOR_BYTES)
    steps: list[Step] = []
    for at in (_copy_of(volume, first), 0):
        if at is not None:
            sector = bytearray(volume.read_at(at, SECTOR_BYTES))
            sector[_HIDDEN] = count.to_bytes(4, "little")
            steps += [Write(at, bytes(sector), "boot sector"), Flush()]
    run_steps(volume, tuple(steps))


def _copy_of(volume: BlockTarget, first: bytes) -> int | None:
    """Return the byte at which the copy of a boot sector is, or None when there is none."""
    if identify(volume) in FATS:
        boot = parse_boot(first, size_bytes=volume.geometry.size_bytes)
        return None if boot.backup_sector is None else boot.backup_sector * boot.layout.sector_size
    size = sector_bytes_of(volume)
    at = int.from_bytes(first[0x28:0x30], "little") * size
    if at + size > volume.geometry.size_bytes or volume.read_at(at, SECTOR_BYTES)[3:11] != b"NTFS    ":
        return None
    return at


def boot_sector_code(volume: BlockTarget) -> BootCode:
    """Tell whose boot code is in an NTFS or FAT32 volume.

    Raises:
        InvalidVolume: when it is neither.
    """
    return fat32_boot_code(volume) if identify(volume) is Content.FAT32 else ntfs_boot_code(volume)


def boot_sector_loader(volume: BlockTarget) -> Loader | None:
    """Return what the boot code of an NTFS or FAT32 volume starts, or None when there is none or it is not known.

    Raises:
        InvalidVolume: when it is neither.
    """
    return fat32_boot_loader(volume) if identify(volume) is Content.FAT32 else ntfs_boot_loader(volume)
