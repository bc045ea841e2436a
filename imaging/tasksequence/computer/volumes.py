"""Volumes as Windows PE would see them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from osdimage.imaging.disk import roles
from osdimage.imaging.disk.content import Content
from osdimage.imaging.disk.roles import GptAttributes, Role
from osdimage.imaging.disk.tables.table import Partition, PartitionTable
from osdimage.imaging.volume.eligible import is_efi
from osdimage.imaging.volume.filesystems import FILE_SYSTEMS

LETTERS = "CDEFGHIJKLMNOPQRSTUVWYZ"
"""What Windows PE gives to volumes: X: is its own, A: and B: are for floppy disks."""


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A partition of a disk: the number of the disk, and that of the partition as ``read_table`` lists it."""

    disk: int
    partition: int


@dataclass(frozen=True, slots=True)
class Volume:
    """A volume as Windows PE would see it.

    Attributes:
        place: where it is.
        number: the number of its partition in Windows, which does not count an extended partition.
        content: what it holds, or None.
        letter: its drive letter without colon, or None.
        is_efi: whether it is an EFI system partition.
        is_hidden: whether it is hidden or for recovery.
        is_active: whether BIOS starts from it.
        size: of the partition in bytes.
    """

    place: Place
    number: int
    content: Content | None
    letter: str | None
    is_efi: bool
    is_hidden: bool
    is_active: bool
    size: int

    @property
    def is_usable(self) -> bool:
        """Whether images can go to it."""
        return self.content in FILE_SYSTEMS

    @property
    def is_ordinary(self) -> bool:
        """Whether Windows PE gives it a letter by itself, and "next available partition" means it too."""
        return self.is_usable and not self.is_efi and not self.is_hidden

    @property
    def name(self) -> str:
        """What messages call it."""
        letter = f" ({self.letter}:)" if self.letter else ""
        return f"disk {self.place.disk} partition {self.number}{letter}"


def volumes_of(
    disk: int, table: PartitionTable, held: Mapping[int, Content | None], letters: Mapping[Place, str]
) -> list[Volume]:
    """Return the partitions of a table but extended ones, in their order.

    Args:
        disk: the number of the disk.
        table: its partition table.
        held: what the partitions hold, by their numbers.
        letters: the drive letters.
    """
    numbers = table.windows_numbers()
    return [
        Volume(
            place=Place(disk, each.number),
            number=numbers[each.number],
            content=held.get(each.number),
            letter=letters.get(Place(disk, each.number)),
            is_efi=is_efi(each),
            is_hidden=_is_hidden(each),
            is_active=each.active,
            size=table.size_bytes(each),
        )
        for each in table.partitions
        if each.number in numbers
    ]


def planned_content(partition: Partition) -> Content | None:
    """Return what a partition of a table that is not written yet will hold, or None."""
    spec = partition.spec
    return None if spec is None or spec.filesystem is None else spec.filesystem.content


def _is_hidden(partition: Partition) -> bool:
    return (
        partition.role in {Role.HIDDEN, Role.RECOVERY}
        or partition.type_id == roles.WINDOWS_RECOVERY
        or bool(isinstance(partition.type_id, UUID) and partition.attributes & GptAttributes.NO_DRIVE_LETTER)
    )
