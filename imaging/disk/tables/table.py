"""The facts: partitions that have a place, whether they were planned or read from a disk."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID

from osdimage.imaging.disk import roles
from osdimage.imaging.disk.layouts.layout import PartitionSpec
from osdimage.imaging.disk.roles import GptAttributes, Role, Scheme
from osdimage.imaging.units import Bytes, Extent, Geometry, Lba

FIRST_LOGICAL = 5
"""Logical partitions are counted from 5, as Linux names them (``sda5``), however many of the four entries are used."""


@dataclass(frozen=True, slots=True)
class Partition:
    """A partition that has a place.

    Attributes:
        number: 1 to 4 for the entries of an MBR and from 5 for logical partitions; 1 to 128 for the entries of a GPT.
            The same numbers that Linux puts into device names.
        extent: its sectors.
        type_id: the type byte (MBR) or type GUID (GPT).
        active: MBR: the active flag.
        guid: GPT: the partition's own GUID; None on MBR.
        name: GPT: the name of the entry; empty on MBR.
        attributes: GPT: the attribute bits; 0 on MBR.
        ebr_lba: where the EBR of a logical partition is; None for all others.
        spec: the wish it was placed for; None when it was read from a disk.  Not a part of equality.
    """

    number: int
    extent: Extent
    type_id: int | UUID
    active: bool = False
    guid: UUID | None = None
    name: str = ""
    attributes: int = 0
    ebr_lba: Lba | None = None
    spec: PartitionSpec | None = field(default=None, compare=False)

    @property
    def is_logical(self) -> bool:
        """Tell whether it is inside an extended partition."""
        return self.ebr_lba is not None

    @property
    def is_extended(self) -> bool:
        """Tell whether it is the container of logical partitions."""
        return self.type_id in roles.MBR_EXTENDED and self.ebr_lba is None

    @property
    def role(self) -> Role | None:
        """What osdimage takes it for, or None for a type that it does not make."""
        if self.is_logical:
            return Role.LOGICAL
        if self.spec is not None:
            return self.spec.role
        row = roles.type_of(self.type_id)
        if self.type_id == roles.BASIC_DATA and self.attributes & GptAttributes.HIDDEN:
            return Role.HIDDEN
        return row.role if row is not None else None

    @property
    def type_label(self) -> str:
        """The type in words, or the bare byte or GUID when it is not known."""
        row = roles.type_of(self.type_id)
        return row.label if row is not None else roles.format_type(self.type_id)


class SpaceKind(StrEnum):
    """What a stretch of a disk is."""

    PARTITION = "partition"
    EXTENDED = "extended"
    FREE = "free"


@dataclass(frozen=True, slots=True)
class Space:
    """A stretch of a disk in order: a partition, the inside of an extended one, or nothing.

    Attributes:
        kind: what it is.
        extent: its sectors.
        partition: the partition; for ``FREE`` the extended partition around it, or None.
    """

    kind: SpaceKind
    extent: Extent
    partition: Partition | None = None


@dataclass(frozen=True, slots=True)
class PartitionTable:
    """A partition table.

    Attributes:
        scheme: MBR or GPT.
        geometry: the disk it is for.
        partitions: in the order of their numbers.
        disk_signature: MBR: the 32-bit number at offset 440 by which Windows knows the disk; None on GPT.
        disk_guid: GPT: the GUID of the disk; None on MBR.
        usable: GPT: the sectors that partitions may occupy; None on MBR.
        entry_count: GPT: how many entries the array has; None on MBR.
    """

    scheme: Scheme
    geometry: Geometry
    partitions: tuple[Partition, ...]
    disk_signature: int | None = None
    disk_guid: UUID | None = None
    usable: Extent | None = None
    entry_count: int | None = None

    @property
    def extended(self) -> Partition | None:
        """The extended partition, or None."""
        return next((partition for partition in self.partitions if partition.is_extended), None)

    @property
    def logicals(self) -> tuple[Partition, ...]:
        """The logical partitions in the order of the chain."""
        return tuple(partition for partition in self.partitions if partition.is_logical)

    def size_bytes(self, partition: Partition) -> Bytes:
        """Return the size of a partition of this table."""
        return Bytes(partition.extent.count * self.geometry.sector_size)

    def offset_bytes(self, partition: Partition) -> Bytes:
        """Return where a partition of this table begins."""
        return Bytes(partition.extent.first * self.geometry.sector_size)

    def windows_numbers(self) -> dict[int, int]:
        """Return, by our number, the number by which Windows and ``DestinationPartition`` count a partition.

        Windows counts from 1 without gaps: the entries first, then the logical partitions; an extended partition has
        no number (inferred from the documented ``disk,partition`` form and Windows' own numbering).
        """
        counted = (each.number for each in self.partitions if not each.is_extended)
        return {number: place for place, number in enumerate(counted, 1)}

    def spaces(self) -> Iterator[Space]:
        """Yield partitions and free space in the order of the disk; logical partitions follow their extended one.

        Free space is only what lies between the usable ends; partitions that overlap are yielded all the same.
        """
        whole = self.usable if self.usable is not None else Extent(Lba(1), max(1, self.geometry.sectors - 1))
        tops = sorted((p for p in self.partitions if not p.is_logical), key=lambda p: p.extent)
        for space in _with_gaps(whole, tops, None):
            yield space
            if space.kind is SpaceKind.EXTENDED and space.partition is not None:
                inner = sorted(self.logicals, key=lambda p: p.extent)
                yield from _with_gaps(space.extent, inner, space.partition)


def _with_gaps(whole: Extent, partitions: list[Partition], container: Partition | None) -> Iterator[Space]:
    cursor = whole.first
    for partition in partitions:
        if partition.extent.first > cursor:
            yield Space(SpaceKind.FREE, Extent(cursor, partition.extent.first - cursor), container)
        kind = SpaceKind.EXTENDED if partition.is_extended else SpaceKind.PARTITION
        yield Space(kind, partition.extent, partition)
        cursor = Lba(max(cursor, partition.extent.end))
    if cursor < whole.end:
        yield Space(SpaceKind.FREE, Extent(cursor, whole.end - cursor), container)
