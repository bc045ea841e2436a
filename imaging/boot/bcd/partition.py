"""How Windows tells a partition from all others, in a BCD store as in its registry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING
from uuid import UUID

from osdimage.imaging.disk.roles import Scheme
from osdimage.imaging.errors import InvalidRequest

if TYPE_CHECKING:
    from osdimage.imaging.disk.tables.table import Partition, PartitionTable


@dataclass(frozen=True, slots=True)
class PartitionRef:
    """How Windows tells a partition from all others.

    Attributes:
        scheme: the kind of table.
        disk: GPT: the GUID of the disk.  MBR: its signature, 1 to 2**32 - 1.
        partition: GPT: the GUID of the partition.  MBR: where it begins, in bytes.
    """

    scheme: Scheme
    disk: UUID | int
    partition: UUID | int

    def __post_init__(self) -> None:
        """Refuse what no disk has."""
        if self.scheme is Scheme.GPT:
            if not isinstance(self.disk, UUID) or not isinstance(self.partition, UUID):
                raise InvalidRequest("a partition of a GPT is told by the GUIDs of the disk and of the partition")
        elif not isinstance(self.disk, int) or not isinstance(self.partition, int):
            raise InvalidRequest("a partition of an MBR is told by the disk's signature and its own offset in bytes")
        elif not 0 <= self.disk < 1 << 32 or not 0 <= self.partition < 1 << 64:
            raise InvalidRequest(f"signature {self.disk:#x}, offset {self.partition}: beyond 32 and 64 bits")

    @classmethod
    def gpt(cls, disk: UUID, partition: UUID) -> PartitionRef:
        """Name a partition of a GPT."""
        return cls(Scheme.GPT, disk, partition)

    @classmethod
    def mbr(cls, signature: int, offset_bytes: int) -> PartitionRef:
        """Name a partition of an MBR."""
        return cls(Scheme.MBR, signature, offset_bytes)

    @classmethod
    def of(cls, table: PartitionTable, partition: Partition) -> PartitionRef:
        """Name a partition of a table.

        Raises:
            InvalidRequest: when the disk has no identity: an MBR with signature 0.
        """
        if table.disk_guid is not None and partition.guid is not None:
            return cls.gpt(table.disk_guid, partition.guid)
        if not table.disk_signature:
            raise InvalidRequest("the disk has signature 0: Windows cannot find a partition on it; give it another one")
        return cls.mbr(table.disk_signature, partition.extent.first * table.geometry.sector_size)

    def __str__(self) -> str:
        """Tell people."""
        if self.scheme is Scheme.GPT:
            return f"partition {{{self.partition}}} of GPT disk {{{self.disk}}}"
        return f"partition at byte {self.partition} of MBR disk {self.disk:08X}"


Names = Mapping[PartitionRef, str]
"""What people call partitions, such as by their numbers."""

NO_NAMES: Names = MappingProxyType({})
"""For stores that are told without their disk: partitions are called by the identities that the store has."""
