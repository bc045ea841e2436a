"""Finding the partition and the root of a UDF volume (ECMA-167, part 3/8 and 4/8)."""

from __future__ import annotations

from dataclasses import dataclass

from osdimage.imaging.disc.facts import TreeFacts, TreeKind
from osdimage.imaging.disc.source import DiscSource
from osdimage.imaging.disc.udf import descriptors as d
from osdimage.imaging.disc.udf import tags
from osdimage.imaging.disc.udf.sequence import Place, Sequence, read_sequence
from osdimage.imaging.errors import InvalidVolume

_ANCHOR_BLOCK = 256
# Discs have 2048, images of hard disks 512 or 4096.
_BLOCK_SIZES = (2048, 512, 4096, 1024)
_OSTA = b"*OSTA UDF Compliant"
_NEWEST = 0x0260
_OPEN = 0
_PLAIN_MAP = 1
# Partition maps of type 2 (OSTA UDF 2.2.8 to 2.2.10), which give blocks other places than their numbers say.
_OTHER_MAPS = {
    b"*UDF Virtual Partition": "a virtual allocation table (VAT), as discs have that are written bit by bit",
    b"*UDF Sparable Partition": "a sparing table, as rewritable discs have",
    b"*UDF Metadata Partition": "a metadata partition, as UDF 2.50 has",
}


@dataclass(frozen=True, slots=True)
class Volume:
    """Where the files of a UDF volume are.

    Attributes:
        facts: about it.
        partition_at: the byte where the partition begins.
        root: the block of the partition with the root's file entry.
        notes: sentences about what is odd.
    """

    facts: TreeFacts
    partition_at: int
    root: int
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Anchor:
    block_bytes: int
    main: Place
    reserve: Place
    notes: tuple[str, ...]


def find_volume(source: DiscSource) -> Volume:
    """Find the partition and the root.

    Raises:
        InvalidVolume: when the volume is damaged, or of a kind that is not read.
        StorageError: when it cannot be read.
    """
    anchor = _anchor(source)
    block, notes = anchor.block_bytes, list(anchor.notes)
    try:
        found = read_sequence(source, anchor.main, block)
    except InvalidVolume as error:
        found = read_sequence(source, anchor.reserve, block)
        notes.append(f"{error.fault}; its copy is taken")
    revision = _revision(source, found, block)
    number = _partition_number(source, found)
    partition = found.partitions.get(number)
    if partition is None:
        raise source.invalid(f"the UDF volume is in partition {number}, which is not described")
    begin = partition.first * block
    root = _root(source, found, begin, block)
    if _is_open(source, found, block):
        notes.append("the UDF volume is marked open: what wrote it did not finish")
    facts = TreeFacts(TreeKind.UDF, revision, found.label, block, begin + partition.blocks * block)
    return Volume(facts, begin, root, tuple(notes))


def _anchor(source: DiscSource) -> _Anchor:
    for block in _BLOCK_SIZES:
        blocks = source.size_bytes // block
        for place in (_ANCHOR_BLOCK, blocks - 1, blocks - 1 - _ANCHOR_BLOCK):
            if not 0 < place < blocks:
                continue
            data = source.read(place * block, block, "the anchor of the UDF volume")
            if tags.fault_of(data, d.ANCHOR, place) is None:
                raw = d.ANCHOR_VOLUME_DESCRIPTOR_POINTER.parse(data)
                main, reserve = (
                    Place(each.Location, each.Length // block)
                    for each in (raw.MainVolumeDescriptorSequenceExtent, raw.ReserveVolumeDescriptorSequenceExtent)
                )
                odd = () if place == _ANCHOR_BLOCK else (f"the UDF volume has no anchor in block {_ANCHOR_BLOCK}",)
                return _Anchor(block, main, reserve, odd)
    raise source.invalid(
        f"says to hold a UDF volume, and has no sound anchor of one: neither in block {_ANCHOR_BLOCK} nor at its end"
    )


def _revision(source: DiscSource, found: Sequence, block: int) -> str:
    """Return the revision; refuse what follows other rules."""
    if found.block_bytes != block:
        raise source.invalid(f"the UDF volume has blocks of {found.block_bytes} bytes in sectors of {block}")
    if found.domain != _OSTA:
        raise source.invalid(f"the volume is one of ECMA-167, and none of UDF: its domain is {found.domain!r}")
    if found.revision > _NEWEST:
        raise source.invalid(f"the UDF volume is of revision {found.revision:#06x}; 1.02 to 2.60 are read")
    return f"{found.revision >> 8:x}.{found.revision & 0xFF:02x}"


def _partition_number(source: DiscSource, found: Sequence) -> int:
    """Return the number of the partition that the volume is in; refuse all but one plain partition of this disc."""
    for each in found.maps:
        name = _OTHER_MAPS.get(each.identifier)
        if name is not None:
            raise source.invalid(
                f"the UDF volume has {name}, which is not read; one plain partition is, as discs from a factory have"
            )
    if len(found.maps) != 1 or found.maps[0].kind != _PLAIN_MAP:
        raise source.invalid(f"the UDF volume has {len(found.maps)} partition maps; one plain partition is read")
    (only,) = found.maps
    if only.volume != found.volume_number:
        raise source.invalid(
            f"the UDF volume is on disc {only.volume} of a set, and this is disc {found.volume_number}"
        )
    return only.partition


def _root(source: DiscSource, found: Sequence, begin: int, block: int) -> int:
    """Return the block with the root's file entry."""
    if found.file_set.partition != 0:
        raise source.invalid(f"the UDF volume has its files in partition {found.file_set.partition}, of which it has 0")
    at = begin + found.file_set.block * block
    data = source.read(at, block, "the file set of the UDF volume")
    fault = tags.fault_of(data, d.FILE_SET, found.file_set.block)
    if fault is not None:
        raise source.invalid(f"the file set of the UDF volume, at byte {at}, {fault}")
    root = d.FILE_SET_DESCRIPTOR.parse(data).RootDirectoryICB.ExtentLocation
    if root.PartitionReferenceNumber != 0:
        raise source.invalid(
            f"the UDF volume has its root in partition {root.PartitionReferenceNumber}, of which it has 0"
        )
    return int(root.LogicalBlockNumber)


def _is_open(source: DiscSource, found: Sequence, block: int) -> bool:
    """Tell whether the volume's condition was last recorded as open; without a record it is not."""
    is_open = False
    for place in range(found.integrity.first, found.integrity.first + min(found.integrity.blocks, 64)):
        if (place + 1) * block > source.size_bytes:
            break
        data = source.read(place * block, block, "the integrity of the UDF volume")
        if tags.fault_of(data, d.INTEGRITY, place) is not None:
            break
        is_open = d.LOGICAL_VOLUME_INTEGRITY_DESCRIPTOR.parse(data).IntegrityType == _OPEN
    return is_open
