"""The system partition on another disk than Windows: what the two disks must be so that firmware and Windows agree."""

from __future__ import annotations

import os
from pathlib import Path

from osdimage.imaging.boot.places import BootPlaces, choose_system, firmware_of, numbered
from osdimage.imaging.disk.opened import Disk
from osdimage.imaging.disk.several import shared_identity
from osdimage.imaging.disk.tables.table import PartitionTable
from osdimage.imaging.errors import TargetRefused

_SYS = Path("/sys/dev/block")


def choose_places_on_two(
    windows: PartitionTable, system: PartitionTable, number: int, chosen: int | None
) -> BootPlaces:
    """Return the partitions that take part, each of the table of its disk.

    Args:
        windows: of the disk with Windows.
        system: of the disk that firmware starts.
        number: of the partition with Windows.
        chosen: the number of the system partition, or None: the EFI system partition, or the active one.

    Raises:
        InvalidRequest: when there is none, or the named one cannot be it.
    """
    firmware, partition = choose_system(system, chosen)
    return BootPlaces(firmware, partition, numbered(windows, number))


def refuse_alike(one: PartitionTable, name: str, system: Disk) -> None:
    """Refuse two disks that a boot manager cannot tell apart, or that need different firmware.

    Args:
        one: the table of the disk with Windows.
        name: what messages call it.
        system: the disk with the boot manager.

    Raises:
        TargetRefused: when one has the identity of the other, as a clone has: Windows would change that of one.
        InvalidInput: when one has no partition table.
        StorageError: when one cannot be read.
    """
    other = system.table
    if firmware_of(one) is not firmware_of(other):
        raise TargetRefused(
            f"{name} is {one.scheme.upper()} and {system.name} is {other.scheme.upper()}: UEFI starts Windows "
            "from GPT disks and a BIOS from MBR disks; valid are two disks of one kind"
        )
    shared = shared_identity(one, other)
    if shared is not None:
        raise TargetRefused(
            f"{name} and {system.name} have the same disk {shared}, as a clone has: Windows would "
            "give one of them another, and the boot manager find nothing; valid are disks with different ones"
        )


def removable_warning(system: Disk) -> str | None:
    """Return a sentence about a system disk that may not be there when the machine starts, or None."""
    if not system.target.is_device:
        return None
    try:
        number = system.path.stat().st_rdev
        flag = (_SYS / f"{os.major(number)}:{os.minor(number)}" / "removable").read_text()
    except OSError:
        return None
    if flag.strip() != "1":
        return None
    return f"{system.name}: is removable; without it Windows on the other disk does not start"
