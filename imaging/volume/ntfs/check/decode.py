"""The records of the MFT taken apart, with every contradiction noted, and as much of the rest read as can be."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from osdimage.imaging.volume.ntfs.check import attributes as attrs
from osdimage.imaging.volume.ntfs.check.attributes import Attribute, Record
from osdimage.imaging.volume.ntfs.check.boot import Shape
from osdimage.imaging.volume.ntfs.check.faults import Faults
from osdimage.imaging.volume.ntfs.check.kinds import FaultKind

# Update sequences protect blocks of 512 bytes, whatever the size of a sector is (NTFS_BLOCK_SIZE).
_BLOCK = 512
_HEADER = struct.Struct("<4sHHQHHHHIIQH")
# With size, place and flags of a resident value, which is what most attributes have.
_ATTRIBUTE = struct.Struct("<IIBBHHHIHBx")
_MAPPED = struct.Struct("<qqHB5xqqq")
_STORED = struct.Struct("<q")
_HEAD, _MAPPED_HEAD = 24, 64
# From here on a record has its number in front of the update sequence (version 3.1 of NTFS).
_NUMBER_AT, _WITH_NUMBER = 44, 48
_BAD_CLUSTERS = 8
_LARGEST_UNIT = 16
_UNKNOWN_FLAGS = 0xFFFF & ~attrs.KNOWN_FLAGS


@dataclass(frozen=True, slots=True)
class Rules:
    """What records are judged by.

    Attributes:
        shape: the sizes of the volume.
        upcase: its table of upper-case letters, by which names are sorted; None while it is not known.
    """

    shape: Shape
    upcase: Sequence[int] | None = None

    def sorted_as(self, name: bytes) -> tuple[int, ...]:
        """Return what a name is sorted by."""
        units = struct.unpack(f"<{len(name) // 2}H", name)
        return units if self.upcase is None else tuple(map(self.upcase.__getitem__, units))


def undo_fixups(block: bytes, at: int, count: int) -> tuple[bytes, int | None] | None:
    """Put back the last two bytes of each 512 (the update sequence array).

    Returns:
        The block, and the number of the first of its 512 bytes that were not written with the rest or None; None when
        the sequence itself cannot be.
    """
    if count != len(block) // _BLOCK + 1 or at % 2 or at + 2 * count > min(len(block), _BLOCK - 2):
        return None
    result = bytearray(block)
    check = block[at : at + 2]
    torn = None
    for number in range(1, count):
        end = number * _BLOCK
        if block[end - 2 : end] != check and torn is None:
            torn = number
        result[end - 2 : end] = block[at + 2 * number : at + 2 * number + 2]
    return bytes(result), torn


def decode_record(block: bytes, number: int, rules: Rules, faults: Faults) -> Record | None:
    """Take a record apart that begins with FILE; None when nothing can be made of it."""
    header = _HEADER.unpack_from(block)
    _, fixups_at, fixups, _, sequence, links, begin, flags, used, allocated, base, next_instance = header
    fixed = undo_fixups(block, fixups_at, fixups)
    if fixed is None or fixups_at < _NUMBER_AT - 2:
        faults.tell(FaultKind.RECORD_FIXUPS, f"{fixups} numbers at byte {fixups_at}", number)
        return None
    record, torn = fixed
    if torn is not None:
        faults.tell(FaultKind.RECORD_TORN, f"its block {torn} is of another time than the first", number)
        return None
    if allocated != len(block):
        faults.tell(
            FaultKind.RECORD_HEADER, f"it has {allocated} bytes by its header, {len(block)} by the volume", number
        )
    if begin % 8 or not fixups_at + 2 * fixups <= begin <= used - 4 or used > len(block):
        faults.tell(FaultKind.RECORD_HEADER, f"attributes from byte {begin} to {used} of {len(block)}", number)
        return None
    if sequence == 0:
        faults.tell(FaultKind.RECORD_SEQUENCE, "whoever refers to it cannot", number)
    if flags & ~attrs.KNOWN_RECORD_FLAGS:
        faults.tell(FaultKind.RECORD_HEADER, f"its flags are {flags:#x}", number)
    if fixups_at >= _WITH_NUMBER:
        said = int.from_bytes(record[_NUMBER_AT : _NUMBER_AT + 4], "little")
        if said != number & 0xFFFFFFFF:
            faults.tell(FaultKind.RECORD_NUMBER, f"it says that it is record {said}", number)
    walk = _Walk(record, number, used, rules, faults)
    is_whole = walk.run(begin)
    if is_whole and walk.instances and max(walk.instances) >= next_instance:
        text = f"the next one is number {next_instance}, and there is a number {max(walk.instances)}"
        faults.tell(FaultKind.RECORD_INSTANCE, text, number)
    return Record(number, sequence, links, flags, base, walk.found, is_whole)


class _Walk:
    """A walk over the attributes of a record."""

    def __init__(self, record: bytes, number: int, used: int, rules: Rules, faults: Faults) -> None:
        self.record = record
        self.number = number
        self.used = used
        self.rules = rules
        self.faults = faults
        self.found: list[Attribute] = []
        self.instances: set[int] = set()
        self._kind = 0
        self._name = b""

    def run(self, at: int) -> bool:  # noqa: C901, PLR0912 - a third of the time of a check is spent here
        """Read all attributes; return whether that was possible."""
        # Behind the last attribute there need not be as many bytes as the head of one has.
        record, used, is_whole = self.record + bytes(_HEAD), self.used, True
        unpack, definitions, instances = _ATTRIBUTE.unpack_from, attrs.DEFINITIONS, self.instances
        while at + 8 <= used:
            kind, length, is_mapped, units, name_at, flags, instance, size, value_at, indexed = unpack(record, at)
            if kind == attrs.END:
                if at + 8 != used:
                    text = f"{used} of its bytes are in use by its header, {at + 8} by its attributes"
                    self.faults.tell(FaultKind.RECORD_HEADER, text, self.number)
                return is_whole
            if length < _HEAD or length % 8 or at + length > used - 4:
                self.faults.tell(FaultKind.ATTRIBUTE_LENGTH, f"at byte {at} of {used}", self.number)
                return False
            name = b""
            if units:
                if name_at < _HEAD - 8 or name_at + 2 * units > length:
                    text = f"{units} characters at byte {name_at} of {length}"
                    self.faults.tell(FaultKind.ATTRIBUTE_NAME, text, self.number, attrs.label_of(kind))
                    is_whole = False
                    at += length
                    continue
                name = record[at + name_at : at + name_at + 2 * units]
            if kind <= self._kind or instance in instances:
                self._order(kind, name, instance)
            instances.add(instance)
            self._kind, self._name = kind, name
            if flags & _UNKNOWN_FLAGS or is_mapped > 1:
                self._say(FaultKind.ATTRIBUTE_FLAGS, f"{flags:#x}, in clusters: {is_mapped}", kind, name)
            if is_mapped:
                attribute = self._mapped(record[at : at + length], kind, name, flags, instance)
            elif value_at < _HEAD + len(name) or value_at + size > length:
                self._say(FaultKind.ATTRIBUTE_VALUE, f"{size} bytes at byte {value_at} of {length}", kind, name)
                attribute = None
            else:
                if indexed != (kind == attrs.FILE_NAME):
                    self._say(FaultKind.ATTRIBUTE_INDEXED, f"its flags are {indexed}", kind, name)
                value = record[at + value_at : at + value_at + size]
                # By position, which takes half of the time.
                attribute = Attribute(
                    kind, name, instance, flags, self.number, value, 0, -1, 0, 0, size, size, None, ()
                )
            if attribute is None:
                is_whole = False
            else:
                self.found.append(attribute)
                definition = definitions.get(kind)
                if (
                    definition is None
                    or not definition[1] <= attribute[10] <= definition[2]
                    or definition[3] == is_mapped
                ):
                    self._definition(attribute)
            at += length
        self.faults.tell(FaultKind.RECORD_HEADER, f"its attributes have no end before byte {used}", self.number)
        return False

    def _order(self, kind: int, name: bytes, instance: int) -> None:
        """Compare an attribute with the one before."""
        if instance in self.instances:
            self._say(FaultKind.ATTRIBUTE_INSTANCE, f"number {instance} is there twice", kind, name)
        if kind < self._kind or (kind == self._kind and name != self._name and not self._comes_after(name)):
            before = attrs.label_of(self._kind, self._name)
            self._say(FaultKind.ATTRIBUTE_ORDER, f"it is behind {before}", kind, name)

    def _comes_after(self, name: bytes) -> bool:
        if self.rules.upcase is None:
            return True
        return self.rules.sorted_as(self._name) <= self.rules.sorted_as(name)

    def _definition(self, attribute: Attribute) -> None:
        definition = attrs.DEFINITIONS.get(attribute.kind)
        if definition is None:
            self._say(FaultKind.ATTRIBUTE_TYPE, "Windows knows none of this type", attribute.kind, attribute.name)
            return
        _, least, most, is_resident = definition
        if is_resident is not None and is_resident is not (attribute.value is not None):
            place = "its record" if is_resident else "clusters"
            self._say(FaultKind.ATTRIBUTE_PLACE, f"it must be in {place}", attribute.kind, attribute.name)
        if not least <= attribute.size <= most and attribute.first == 0:
            text = f"{attribute.size} bytes; valid are {least} to {most}"
            self._say(FaultKind.ATTRIBUTE_SIZE, text, attribute.kind, attribute.name)

    def _mapped(self, body: bytes, kind: int, name: bytes, flags: int, instance: int) -> Attribute | None:
        if len(body) < _MAPPED_HEAD:
            self._say(FaultKind.ATTRIBUTE_LENGTH, f"{len(body)} bytes cannot tell where its clusters are", kind, name)
            return None
        first, last, runs_at, unit_log, allocated, size, initialized = _MAPPED.unpack_from(body, 16)
        stored = None
        has_holes = flags & (attrs.COMPRESSED | attrs.SPARSE)
        if first:
            # Only the first part has sizes.
            allocated = size = initialized = 0
        elif has_holes and len(body) >= _MAPPED_HEAD + 8:
            (stored,) = _STORED.unpack_from(body, _MAPPED_HEAD)
        least = _MAPPED_HEAD + (0 if stored is None else 8) + len(name)
        if first < 0 or last < first - 1 or unit_log > _LARGEST_UNIT or not least <= runs_at < len(body):
            text = f"clusters {first} to {last}, their list at byte {runs_at} of {len(body)}"
            self._say(FaultKind.RUNS_DAMAGED, text, kind, name)
            return None
        runs = self._runs(body, runs_at, last - first + 1, kind, name)
        if runs is not None and not has_holes and self.number != _BAD_CLUSTERS and any(run[0] < 0 for run in runs):
            self._say(FaultKind.RUNS_HOLE, "its flags are neither", kind, name)
            # The clusters that should be there seem lost.
            self.faults.is_complete = False
        return Attribute(
            kind, name, instance, flags, self.number, None,
            first, last, unit_log, allocated, size, initialized, stored, runs,
        )  # fmt: skip

    def _runs(self, body: bytes, at: int, claimed: int, kind: int, name: bytes) -> tuple[tuple[int, int], ...] | None:
        """Decode mapping pairs."""
        clusters, end = self.rules.shape.clusters, len(body)
        runs: list[tuple[int, int]] = []
        cluster = total = 0
        while True:
            if at >= end:
                self._say(FaultKind.RUNS_DAMAGED, "it has no end", kind, name)
                return None
            head = body[at]
            if head == 0:
                break
            count_end = at + 1 + (head & 15)
            after = count_end + (head >> 4)
            count = int.from_bytes(body[at + 1 : count_end], "little", signed=True)
            if not head & 15 or after > end or count <= 0 or head & 15 > 8 or head >> 4 > 8:
                self._say(FaultKind.RUNS_DAMAGED, f"run {len(runs) + 1} is impossible", kind, name)
                return None
            if head >> 4:
                cluster += int.from_bytes(body[count_end:after], "little", signed=True)
                if cluster < 0 or cluster + count > clusters:
                    text = f"clusters {cluster} to {cluster + count - 1} of {clusters}"
                    self._say(FaultKind.RUNS_OUTSIDE, text, kind, name)
                    return None
                runs.append((cluster, count))
            else:
                runs.append((-1, count))
            total += count
            at = after
        if total != claimed:
            self._say(FaultKind.RUNS_COUNT, f"it says {claimed} clusters, and lists {total}", kind, name)
            return None
        return tuple(runs)

    def _say(self, fault: FaultKind, text: str, kind: int, name: bytes) -> None:
        self.faults.tell(fault, text, self.number, attrs.label_of(kind, name))
