"""Files whose attributes do not fit into one record: the list that names the others (ATTR_LIST_ENTRY)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

from osdimage.imaging.units import KIB
from osdimage.imaging.volume.ntfs.check import attributes as attrs
from osdimage.imaging.volume.ntfs.check.attributes import NUMBER, Attribute, Record
from osdimage.imaging.volume.ntfs.check.census import Census
from osdimage.imaging.volume.ntfs.check.faults import Faults
from osdimage.imaging.volume.ntfs.check.ground import Ground, parts_of
from osdimage.imaging.volume.ntfs.check.kinds import FaultKind

_ENTRY = struct.Struct("<IHBBqQH")
# Windows and ntfs-3g keep a list within 256 KiB.
_MAX_LIST = 256 * KIB
_LABEL = attrs.label_of(attrs.ATTRIBUTE_LIST)


class _Entry(NamedTuple):
    kind: int
    name: bytes
    first: int
    reference: int
    instance: int

    @property
    def label(self) -> str:
        return attrs.label_of(self.kind, self.name)


class ListReader:
    """Puts files together.

    Attributes:
        used: the records that belong to a file by its list.
    """

    def __init__(self, ground: Ground, census: Census, faults: Faults) -> None:
        """Prepare for the files of a volume; contradictions are told to ``faults``."""
        self.used: set[int] = set()
        self._ground = ground
        self._census = census
        self._faults = faults

    def merged(self, record: Record) -> Record:
        """Return a file with all attributes that its list names; one without a list is as it was."""
        lists = parts_of(record, attrs.ATTRIBUTE_LIST)
        if not lists:
            return record
        value = self._ground.value(lists, _MAX_LIST)
        if value is None:
            # Its clusters are damaged, which was told; or it is larger than one can be.
            if lists[0].size > _MAX_LIST:
                self._faults.tell(FaultKind.LIST, f"{lists[0].size} bytes", record.number, _LABEL)
            return record._replace(is_whole=False)
        entries, is_whole = self._entries(value, record)
        holders = self._holders(entries, record)
        found = [each for each in record.attributes if each.kind == attrs.ATTRIBUTE_LIST]
        is_whole = is_whole and record.is_whole
        there = {
            (holder.number, each.kind, each.instance): each for holder in holders.values() for each in holder.attributes
        }
        for entry in entries:
            number = entry.reference & NUMBER
            holder = holders.get(number)
            if holder is None or (not holder.is_whole and (number, entry.kind, entry.instance) not in there):
                is_whole = False
                continue
            attribute = there.pop((number, entry.kind, entry.instance), None)
            if attribute is None or attribute.name != entry.name or attribute.first != entry.first:
                self._tell(
                    FaultKind.LIST_MISSING, f"{entry.label}, number {entry.instance}, in record {number}", record
                )
                is_whole = False
            else:
                found.append(attribute)
        # An entry that is wrong leaves its attribute behind, which is no second fault.
        left = [each for each in there.values() if each.kind != attrs.ATTRIBUTE_LIST] if is_whole else []
        for each in left:
            label = attrs.label_of(each.kind, each.name)
            self._faults.tell(FaultKind.LIST_UNLISTED, f"of record {record.number}", each.holder, label)
            is_whole = False
        return record._replace(attributes=found, is_whole=is_whole)

    def _entries(self, value: bytes, record: Record) -> tuple[list[_Entry], bool]:
        """Take the list apart; return whether it could be read to its end."""
        entries: list[_Entry] = []
        at, last = 0, (0, ((), 0))
        key: tuple[int, tuple[tuple[int, ...], int]]
        while at < len(value):
            if at + _ENTRY.size > len(value):
                self._tell(FaultKind.LIST, f"{len(value) - at} bytes are left behind its last entry", record)
                return entries, False
            kind, length, units, name_at, first, reference, instance = _ENTRY.unpack_from(value, at)
            is_inside = length % 8 == 0 and at + length <= len(value) and name_at + 2 * units <= length
            if not is_inside or length < _ENTRY.size or (units and name_at < _ENTRY.size):
                self._tell(FaultKind.LIST, f"the entry at byte {at}", record)
                return entries, False
            entry = _Entry(kind, value[at + name_at : at + name_at + 2 * units], first, reference, instance)
            key = (kind, (self._ground.rules.sorted_as(entry.name), first))
            if key < last:
                self._tell(FaultKind.LIST_ORDER, f"{entry.label} at byte {at}", record)
            last = key  # type: ignore[assignment]
            if kind == attrs.ATTRIBUTE_LIST:
                self._tell(FaultKind.LIST, "it names itself", record)
            else:
                entries.append(entry)
            at += length
        return entries, True

    def _holders(self, entries: list[_Entry], record: Record) -> dict[int, Record]:
        """Read the records that a list names, each once."""
        found = {record.number: record}
        asked = {record.number}
        for entry in entries:
            number = entry.reference & NUMBER
            if entry.reference == record.reference or (number in asked and number != record.number):
                continue
            asked.add(number)
            base = self._census.base_of(number)
            is_current = self._census.reference(number) == entry.reference
            if number != record.number and self._census.is_known(number) and is_current and base == record.reference:
                holder = self._ground.record(number)
                self.used.add(number)
                if holder is not None:
                    found[number] = holder
            elif number in self._census.partial and not self._census.is_known(number):
                # It cannot be read, which was told.
                self.used.add(number)
            else:
                whose = f"of record {base & NUMBER}" if base else "of itself"
                text = f"record {number}, sequence {entry.reference >> 48}, which is {whose}"
                self._tell(FaultKind.LIST_BASE, text, record)
                if base == record.reference:
                    self.used.add(number)
        return found

    def _tell(self, kind: FaultKind, text: str, record: Record) -> None:
        self._faults.tell(kind, text, record.number, _LABEL)


def streams_of(record: Record) -> Iterator[list[Attribute]]:
    """Yield the parts of each attribute of a file that lies in clusters, in order."""
    parts: dict[tuple[int, bytes], list[Attribute]] = {}
    for each in record.attributes:
        if each.value is None:
            parts.setdefault((each.kind, each.name), []).append(each)
    for found in parts.values():
        found.sort(key=lambda part: part.first)
        yield found
