"""Which partitions of a disk take part in starting it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from osdimage.imaging.boot.bcd_create import Firmware
from osdimage.imaging.disk.roles import EFI_SYSTEM, Scheme
from osdimage.imaging.disk.table import Partition, PartitionTable
from osdimage.imaging.disk.target import FileTarget
from osdimage.imaging.disk.volume import identify
from osdimage.imaging.errors import InvalidRequest
from osdimage.imaging.volume.opened import OpenVolume


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


def choose_places(table: PartitionTable, windows: int, system: int | None = None) -> BootPlaces:
    """Choose the system partition; the first EFI system partition, the active one, or the one that is named.

    Args:
        table: of the disk.
        windows: the number of the partition with Windows.
        system: the number of the system partition, or None.

    Raises:
        InvalidRequest: when there is none, or the named one cannot be it; the message says what would be valid.
    """
    firmware = firmware_of(table)
    os_partition = _numbered(table, windows)
    if system is not None:
        chosen = _numbered(table, system)
        if firmware is Firmware.BIOS and chosen.is_logical:
            raise InvalidRequest(
                f"partition {system} is a logical one; a BIOS starts from a primary partition: "
                f"{_list(each for each in table.partitions if not each.is_logical and not each.is_extended)}"
            )
        return BootPlaces(firmware, chosen, os_partition)
    if firmware is Firmware.UEFI:
        found = [each for each in table.partitions if each.type_id == EFI_SYSTEM]
        if not found:
            raise InvalidRequest(
                "the disk has no EFI system partition: make one (type ef00, FAT32), or name one with --system-partition"
            )
        return BootPlaces(firmware, found[0], os_partition)
    found = [each for each in table.partitions if each.active and not each.is_logical and not each.is_extended]
    if not found and not os_partition.is_logical:
        found = [os_partition]
    if not found:
        raise InvalidRequest(
            f"no primary partition is active, and partition {windows} is a logical one, which no BIOS starts; name the "
            f"system partition: {_list(each for each in table.partitions if not each.is_logical)}"
        )
    return BootPlaces(firmware, found[0], os_partition)


def _numbered(table: PartitionTable, number: int) -> Partition:
    found = next((each for each in table.partitions if each.number == number and not each.is_extended), None)
    if found is None:
        raise InvalidRequest(
            f"there is no partition {number} that holds a volume; there are: {_list(table.partitions)}"
        )
    return found


def _list(partitions: Iterable[Partition]) -> str:
    return ", ".join(str(each.number) for each in partitions if not each.is_extended) or "none"


def volume_of(target: FileTarget, partition: Partition) -> OpenVolume:
    """Return the volume in a partition of an open disk, which stays open as long as the volume is used."""
    window = target.window(partition.extent)
    return OpenVolume(Path(target.name), partition.number, target, partition.extent, identify(window).kind)
