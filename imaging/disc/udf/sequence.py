"""The sequence of volume descriptors, in which a UDF volume describes itself (ECMA-167, 3/8.4; OSTA UDF 2.2)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from osdimage.imaging.disc.source import DiscSource
from osdimage.imaging.disc.udf import descriptors as d
from osdimage.imaging.disc.udf import tags
from osdimage.imaging.disc.udf.text import dstring

# Blocks of a sequence, of which a volume needs sixteen, and how often one goes on elsewhere.
_LONGEST, _MOST = 256, 16
_MAPS_AT = 440
_TYPE_1_BYTES, _TYPE_2_BYTES = 6, 64


@dataclass(frozen=True, slots=True)
class Place:
    """Blocks of a disc.

    Attributes:
        first: the first of them.
        blocks: how many.
    """

    first: int
    blocks: int


@dataclass(frozen=True, slots=True)
class Address:
    """A block of a partition.

    Attributes:
        block: counted from the begin of the partition.
        partition: the index of the partition's map.
    """

    block: int
    partition: int


@dataclass(frozen=True, slots=True)
class PartitionMap:
    """Which partition stands behind an index.

    Attributes:
        kind: 1 is a plain one; those of 2 say what they are.
        identifier: what one of kind 2 says, else ``b""``.
        volume: the disc of a set, of kind 1.
        partition: the number of the partition, of kind 1.
    """

    kind: int
    identifier: bytes
    volume: int
    partition: int


@dataclass(frozen=True, slots=True)
class Sequence:
    """What a UDF volume says of itself.

    Attributes:
        label: of the logical volume.
        volume_number: which disc of a set this is.
        block_bytes: of a block.
        domain: whose rules it follows.
        revision: of the rules: 0x0102 is 1.02.
        file_set: where that is described.
        integrity: where it is recorded that the volume is open or closed.
        maps: the partitions that it consists of.
        partitions: where those of the disc are, by their numbers.
    """

    label: str
    volume_number: int
    block_bytes: int
    domain: bytes
    revision: int
    file_set: Address
    integrity: Place
    maps: tuple[PartitionMap, ...]
    partitions: dict[int, Place]


def read_sequence(source: DiscSource, place: Place, block_bytes: int) -> Sequence:
    """Read a sequence; of descriptors that tell of the same thing, the one of the highest number counts.

    Raises:
        InvalidVolume: when it is damaged, or something is missing.
        StorageError: when it cannot be read.
    """
    newest: dict[tuple[int, int], tuple[int, bytes]] = {}
    for kind, data in _descriptors(source, place, block_bytes):
        # Each begins with its number; that of a partition is behind it.
        sequence_number = int.from_bytes(data[16:20], "little")
        which = d.PARTITION_DESCRIPTOR.parse(data).PartitionNumber if kind == d.PARTITION else 0
        known = newest.get((kind, which))
        if known is None or known[0] <= sequence_number:
            newest[kind, which] = (sequence_number, data)
    for kind, called in ((d.PRIMARY_VOLUME, "primary volume"), (d.LOGICAL_VOLUME, "logical volume")):
        if (kind, 0) not in newest:
            raise source.invalid(f"the UDF volume, from block {place.first} on, has no {called} descriptor")
    primary = d.PRIMARY_VOLUME_DESCRIPTOR.parse(newest[d.PRIMARY_VOLUME, 0][1])
    data = newest[d.LOGICAL_VOLUME, 0][1]
    logical = d.LOGICAL_VOLUME_DESCRIPTOR.parse(data)
    file_set = logical.FileSetDescriptorSequence.ExtentLocation
    integrity = logical.IntegritySequenceExtent
    partitions = [
        d.PARTITION_DESCRIPTOR.parse(found) for (kind, _), (_, found) in newest.items() if kind == d.PARTITION
    ]
    return Sequence(
        label=dstring(logical.LogicalVolumeIdentifier),
        volume_number=primary.VolumeSequenceNumber,
        block_bytes=logical.LogicalBlockSize,
        domain=logical.DomainIdentifier.Identifier.rstrip(b"\0"),
        revision=int.from_bytes(logical.DomainIdentifier.IdentifierSuffix[:2], "little"),
        file_set=Address(file_set.LogicalBlockNumber, file_set.PartitionReferenceNumber),
        integrity=Place(integrity.Location, integrity.Length // block_bytes),
        maps=tuple(_maps(source, data[_MAPS_AT : _MAPS_AT + logical.MapTableLength], logical.NumberOfPartitionMaps)),
        partitions={
            each.PartitionNumber: Place(each.PartitionStartingLocation, each.PartitionLength) for each in partitions
        },
    )


def _descriptors(source: DiscSource, place: Place, block_bytes: int) -> Iterator[tuple[int, bytes]]:
    for _ in range(_MOST):
        if place.blocks > _LONGEST:
            raise source.invalid(
                f"the UDF volume has {place.blocks} volume descriptors from block {place.first} on; more than "
                f"{_LONGEST} are not believed"
            )
        following: Place | None = None
        for number in range(place.first, place.first + place.blocks):
            data = source.read(number * block_bytes, block_bytes, "a volume descriptor of UDF")
            kind = tags.identifier_of(data)
            # A block that was never written ends them, too.
            if kind is None or kind == d.TERMINATOR:
                return
            fault = tags.fault_of(data, kind, number)
            if fault is not None:
                raise source.invalid(f"a volume descriptor of UDF, in block {number}, {fault}")
            if kind == d.VOLUME_POINTER:
                extent: Any = d.VOLUME_DESCRIPTOR_POINTER.parse(data).NextVolumeDescriptorSequenceExtent
                following = Place(extent.Location, extent.Length // block_bytes)
                break
            yield kind, data
        if following is None:
            return
        place = following
    raise source.invalid(f"the UDF volume has its volume descriptors in more than {_MOST} places")


def _maps(source: DiscSource, table: bytes, count: int) -> Iterator[PartitionMap]:
    at = 0
    for _ in range(count):
        size = table[at + 1] if at + 2 <= len(table) else 0
        each = table[at : at + size]
        if len(each) != size or size not in {_TYPE_1_BYTES, _TYPE_2_BYTES}:
            raise source.invalid("the UDF volume has a damaged table of partition maps")
        at += size
        if size == _TYPE_1_BYTES:
            volume, partition = (int.from_bytes(each[first : first + 2], "little") for first in (2, 4))
            yield PartitionMap(each[0], b"", volume, partition)
        else:
            # An identifier behind two reserved bytes, with flags before its characters.
            yield PartitionMap(each[0], each[5:28].rstrip(b"\0"), 0, 0)
