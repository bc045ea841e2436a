"""Which partitions of a disk take part in starting it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from osdimage.imaging.boot.firmware import Firmware
from osdimage.imaging.disk.content import Content
from osdimage.imaging.disk.roles import EFI_SYSTEM, Scheme
from osdimage.imaging.disk.tables.table import Partition, PartitionTable
from osdimage.imaging.disk.volume import OpenVolume
from osdimage.imaging.errors import InvalidRequest, Means, Remedy


@dataclass(frozen=True, slots=True)
class BootPlaces:
    """The partitions that take part in starting a disk.

    Attributes:
        firmware: what starts the disk: UEFI when it is GPT, a BIOS when it is MBR.
        system: the partition with the boot manager: the EFI system partition, or the active one.
        windows: the partition with Windows; it may be the same under a BIOS.
    """

    firmware: Firmware
    system: Partition
    windows: Partition


def firmware_of(table: PartitionTable) -> Firmware:
    """Return what starts a disk with such a table: Windows starts from GPT under UEFI and from MBR under a BIOS."""
    return Firmware.UEFI if table.scheme is Scheme.GPT else Firmware.BIOS


def readable_by(firmware: Firmware) -> tuple[Content, ...]:
    """Return what the system partition may hold: UEFI firmware reads FAT, and there is boot code of FAT32 and NTFS."""
    if firmware is Firmware.UEFI:
        return Content.FAT32, Content.FAT16, Content.FAT12
    return Content.FAT32, Content.NTFS


def warn_of_small_fat(volume: OpenVolume) -> str | None:
    """Say that an EFI system partition is FAT12 or FAT16, or return None where it is not.

    The UEFI specification has FAT32 for disks and the other two for removable media (2.10, 13.3); firmware made
    from EDK2 reads all three everywhere.
    """
    if volume.content not in {Content.FAT12, Content.FAT16}:
        return None
    return (
        f"{volume.name}: holds {volume.described}: Windows itself makes FAT32, and some firmware reads nothing else on "
        "a disk"
    )


def choose_places(table: PartitionTable, windows: int, system: int | None = None) -> BootPlaces:
    """Choose the system partition for a Windows.

    It is the one that is named, or the first EFI system partition, or the active one; where none is active, it is the
    partition of Windows itself.

    Args:
        table: of the disk.
        windows: the number of the partition with Windows.
        system: the number of the system partition, or None.

    Raises:
        InvalidRequest: when there is none, or the named one cannot be it; the message says what would be valid.
    """
    os_partition = numbered(table, windows)
    if system is None and firmware_of(table) is Firmware.BIOS and not _active(table) and not os_partition.is_logical:
        return BootPlaces(Firmware.BIOS, os_partition, os_partition)
    firmware, chosen = choose_system(table, system)
    return BootPlaces(firmware, chosen, os_partition)


def choose_system(table: PartitionTable, system: int | None = None) -> tuple[Firmware, Partition]:
    """Return what starts a disk, and the system partition: the named one, the first EFI one, or the active one.

    Raises:
        InvalidRequest: as :func:`choose_places`.
    """
    firmware = firmware_of(table)
    if system is not None:
        chosen = numbered(table, system)
        if firmware is Firmware.BIOS and chosen.is_logical:
            raise InvalidRequest(
                f"partition {system} is a logical one; a BIOS starts from a primary partition: {_list(_primary(table))}"
            )
        return firmware, chosen
    if firmware is Firmware.UEFI:
        found = [each for each in table.partitions if each.type_id == EFI_SYSTEM]
        if not found:
            raise InvalidRequest(
                "the disk has no EFI system partition",
                remedy=Remedy("make one (type ef00, FAT32), or name one with {}", (Means.SYSTEM_PARTITION,)),
            )
        return firmware, found[0]
    active = _active(table)
    if not active:
        raise InvalidRequest(
            "no primary partition is active",
            remedy=Remedy(
                f"name the system partition with {{}}, one of: {_list(_primary(table))}", (Means.SYSTEM_PARTITION,)
            ),
        )
    return firmware, active[0]


def _primary(table: PartitionTable) -> list[Partition]:
    return [each for each in table.partitions if not each.is_logical and not each.is_extended]


def _active(table: PartitionTable) -> list[Partition]:
    return [each for each in _primary(table) if each.active]


def numbered(table: PartitionTable, number: int) -> Partition:
    """Return a partition that can hold a volume by its number.

    Raises:
        InvalidRequest: when there is none; the message lists those that there are.
    """
    found = next((each for each in table.partitions if each.number == number and not each.is_extended), None)
    if found is None:
        raise InvalidRequest(
            f"there is no partition {number} that holds a volume; there are: {_list(table.partitions)}"
        )
    return found


def _list(partitions: Iterable[Partition]) -> str:
    return ", ".join(str(each.number) for each in partitions if not each.is_extended) or "none"
