"""A file by itself: its times and flags, its names, the sizes of its data, and what its record counts."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from functools import partial

from osdimage.imaging.units import KIB
from osdimage.imaging.volume.ntfs.check import attributes as attrs
from osdimage.imaging.volume.ntfs.check.attributes import IS_VIEW, Attribute, Record
from osdimage.imaging.volume.ntfs.check.census import Census, Name, namespace_of, parent_of
from osdimage.imaging.volume.ntfs.check.descriptors import descriptor_fault
from osdimage.imaging.volume.ntfs.check.faults import Faults
from osdimage.imaging.volume.ntfs.check.ground import Ground, parts_of
from osdimage.imaging.volume.ntfs.check.kinds import FaultKind
from osdimage.imaging.volume.ntfs.check.lists import streams_of
from osdimage.imaging.volume.ntfs.check.short_names import short_name_fault

I30 = "$I30".encode("utf-16-le")
_ROOT = 5
# The records below are the system's; those from 12 on are kept for later versions, and hold nothing.
_FIRST_KEPT, _FIRST_OF_FILES = 12, 24
_FLAGS_AT, _SECURITY_ID_AT, _WITH_SECURITY_ID = 32, 52, 72
_REPARSE = 0x400
_UNIT_LOG = 4
_WIN32, _DOS = 1, 2
_REPARSE_HEAD = struct.Struct("<IHH")
_GUID_BYTES = 16
_MAX_DESCRIPTOR = 64 * KIB
_REMEMBERED = 1000
_OBJECT_ID_BYTES = 16


@dataclass(slots=True)
class _Found:
    """The attributes of a file, by what they are for."""

    names: list[bytes] = field(default_factory=list)
    special: list[Attribute] = field(default_factory=list)
    standard: bytes | None = None
    data: Attribute | None = None
    is_indexed: bool = False
    has_view: bool = False
    has_clusters: bool = False
    twice: Attribute | None = None


def _are_one(one: Attribute, other: Attribute) -> bool:
    """Tell whether two attributes of a type are the same one; a file may have several names, and parts of a value."""
    return one.kind != attrs.FILE_NAME and one.name == other.name and one.first == other.first


def _sorted(attributes: list[Attribute]) -> _Found:
    found = _Found()
    last: Attribute | None = None
    for each in attributes:
        kind, value = each.kind, each.value
        if value is None:
            found.has_clusters = True
        # They are sorted, so that equal ones lie together.
        if last is not None and kind == last.kind and _are_one(each, last):
            found.twice = each
        last = each
        if kind == attrs.FILE_NAME:
            found.names.append(value or b"")
        elif kind == attrs.STANDARD_INFORMATION:
            found.standard = value
        elif kind == attrs.DATA:
            if not each.name and each.first == 0:
                found.data = each
        elif kind != attrs.INDEX_ROOT:
            found.special.append(each)
        elif each.name == I30:
            found.is_indexed = True
        else:
            found.has_view = True
    return found


class FileCheck:
    """Judges one file after the other.

    Attributes:
        ground: what is read through.
        census: what is counted.
        faults: where contradictions are told.
    """

    def __init__(self, ground: Ground, census: Census, faults: Faults) -> None:
        """Prepare for the files of a volume."""
        self.ground = ground
        self.census = census
        self.faults = faults
        self._sound_descriptors: set[bytes] = set()

    def judge(self, file: Record) -> None:
        """Judge a file with all of its attributes, and count it."""
        census = self.census
        census.files += 1
        if file.is_directory:
            census.directories += 1
        if not file.is_whole:
            census.partial.add(file.number)
            self.faults.is_complete = False
        found = _sorted(file.attributes)
        if found.is_indexed or found.has_view:
            census.indexes.append(file.number)
        if found.twice is not None:
            self._tell(FaultKind.ATTRIBUTE_TWICE, "both have the same name", file, found.twice)
        if found.has_clusters:
            for parts in streams_of(file):
                self._stream(file, parts)
        flags = self._standard(file, found.standard)
        if found.special:
            self._special(file, found.special, flags)
        elif flags & _REPARSE and file.is_whole:
            self._tell(FaultKind.FILE_REPARSE, "it is marked as one, and holds none", file)
        if file.is_whole:
            self._kind(file, is_indexed=found.is_indexed, has_data=found.data is not None)
        self._names(file, found.names, found.data, flags)

    def _tell(self, kind: FaultKind, text: str, file: Record, attribute: Attribute | None = None) -> None:
        label = None if attribute is None else attrs.label_of(attribute.kind, attribute.name)
        self.faults.tell(kind, text, file.number, label)

    def _standard(self, file: Record, standard: bytes | None) -> int:
        """Look at $STANDARD_INFORMATION; return FILE_ATTRIBUTE_*."""
        if standard is None or len(standard) < _FLAGS_AT + 4:
            if file.is_whole and standard is None and not _FIRST_KEPT <= file.number < _FIRST_OF_FILES:
                self._tell(FaultKind.FILE_STANDARD, "it has no $STANDARD_INFORMATION", file)
            return 0
        if len(standard) >= _WITH_SECURITY_ID:
            security_id = int.from_bytes(standard[_SECURITY_ID_AT : _SECURITY_ID_AT + 4], "little")
            has_own = any(each.kind == attrs.SECURITY_DESCRIPTOR for each in file.attributes)
            if security_id and not has_own:
                self.census.security_ids.setdefault(security_id, file.number)
        return int.from_bytes(standard[_FLAGS_AT : _FLAGS_AT + 4], "little")

    def _kind(self, file: Record, *, is_indexed: bool, has_data: bool) -> None:
        if file.is_directory != is_indexed:
            text = "it has no index of names" if file.is_directory else "it has an index of names"
            self._tell(FaultKind.FILE_DIRECTORY, text, file)
            self.census.partial.add(file.number)
        elif not file.is_directory and not has_data and file.number >= _FIRST_OF_FILES and not file.flags & IS_VIEW:
            self._tell(FaultKind.FILE_DATA, "it has no unnamed $DATA", file)

    # ---- what lies in clusters

    def _stream(self, file: Record, parts: list[Attribute]) -> None:
        """Look at the sizes of an attribute, and at how its parts follow each other."""
        head = parts[0]
        if not file.is_whole and head.first:
            return
        expected = 0
        for part in parts:
            if part.first != expected:
                text = f"a part begins at its cluster {part.first}, the one before ends in front of {expected}"
                self._tell(FaultKind.LIST_GAP, text, file, head)
                return
            expected = part.last + 1
        if any(part.runs is None for part in parts):
            return
        cluster_bytes = self.ground.rules.shape.cluster_bytes
        if not 0 <= head.initialized <= head.size <= head.allocated or head.allocated != expected * cluster_bytes:
            text = (
                f"{head.initialized} of {head.size} bytes are initialized, {head.allocated} are allocated, "
                f"and its clusters have {expected * cluster_bytes}"
            )
            self._tell(FaultKind.SIZES, text, file, head)
        if head.stored is not None:
            stored = sum(count for part in parts for cluster, count in part.runs or () if cluster >= 0) * cluster_bytes
            if stored != head.stored:
                text = f"{head.stored} bytes are stored by its record, {stored} by its clusters"
                self._tell(FaultKind.SIZES, text, file, head)
        if head.kind == attrs.DATA and head.flags & attrs.COMPRESSED:
            self._compressed(file, parts, expected)

    def _compressed(self, file: Record, parts: list[Attribute], clusters: int) -> None:
        """Look at the units of compression: clusters that are there, then a hole, or only one of them."""
        head = parts[0]
        if head.unit_log != _UNIT_LOG or clusters % (1 << _UNIT_LOG):
            text = f"{clusters} clusters in units of {1 << head.unit_log}; valid are whole units of {1 << _UNIT_LOG}"
            self._tell(FaultKind.COMPRESSION, text, file, head)
            return
        unit, at, in_hole = 1 << _UNIT_LOG, 0, False
        for part in parts:
            for cluster, count in part.runs or ():
                if at % unit == 0:
                    in_hole = False
                if cluster >= 0 and in_hole:
                    self._tell(FaultKind.COMPRESSION, f"unit {at // unit} goes on behind its hole", file, head)
                    return
                at += count
                in_hole = cluster < 0 and at % unit != 0

    # ---- names

    def _names(self, file: Record, names: list[bytes], data: Attribute | None, flags: int) -> None:
        sound = [value for value in names if self._is_name(value, file)]
        if file.is_whole and file.links != len(names) and not (file.number < _FIRST_OF_FILES and not names):
            self._tell(FaultKind.LINK_COUNT, f"it counts {file.links}, and has {len(names)}", file)
        if not names:
            if file.is_whole and file.number >= _FIRST_OF_FILES:
                self._tell(FaultKind.FILE_NAMELESS, "nothing can lead to it", file)
            return
        if len(sound) > 1:
            self._several_names(file, sound)
        allocated = size = 0
        if data is not None and not file.is_directory:
            size = data.size
            # In the record, what it takes is rounded up to 8 bytes.
            allocated = data.allocated if data.stored is None else data.stored
            allocated = (size + 7) // 8 * 8 if data.value is not None else allocated
        is_only = sum(1 for value in sound if namespace_of(value) != _DOS) == 1 and file.is_whole
        for value in sound:
            self.census.add_name(file.number, Name(value, allocated, size, flags, is_only))
            if file.is_directory and namespace_of(value) != _DOS:
                self.census.parents[file.number] = parent_of(value) & attrs.NUMBER

    def _is_name(self, value: bytes, file: Record) -> bool:
        """Look at one $FILE_NAME."""
        head = attrs.FILE_NAME_HEAD
        if len(value) < head + 2 or len(value) != head + 2 * value[head - 2] or value[head - 1] > _WIN32 + _DOS:
            text = f"{len(value)} bytes" if len(value) < head else f"{value[head - 2]} characters in {len(value)} bytes"
            self.faults.tell(FaultKind.NAME_DAMAGED, text, file.number, "$FILE_NAME")
            # It is in an index all the same.
            self.census.partial.add(file.number)
            return False
        if value[head - 1] & _DOS and file.number != _ROOT:
            problem = short_name_fault(attrs.text_of(value[head:]))
            if problem is not None:
                self.faults.tell(FaultKind.NAME_CHARACTERS, problem, file.number, "$FILE_NAME")
        return True

    def _several_names(self, file: Record, names: list[bytes]) -> None:
        tell = partial(self.faults.tell, record=file.number, attribute="$FILE_NAME")
        head = attrs.FILE_NAME_HEAD
        if len({(parent_of(value), value[head - 2 :]) for value in names}) < len(names):
            tell(FaultKind.NAME_TWICE, "two of its names are equal, and in one directory")
            self.census.partial.add(file.number)
        long: dict[int, int] = {}
        short: dict[int, int] = {}
        for value in names:
            kinds = {_WIN32: long, _DOS: short}.get(namespace_of(value))
            if kinds is not None:
                kinds[parent_of(value)] = kinds.get(parent_of(value), 0) + 1
        for parent, count in short.items():
            if count > 1 or long.get(parent, 0) == 0:
                folder = parent & attrs.NUMBER
                tell(
                    FaultKind.NAME_DOS,
                    f"{count} of them beside {long.get(parent, 0)} in the directory of record {folder}",
                )

    # ---- the rest

    def _special(self, file: Record, special: list[Attribute], flags: int) -> None:
        kinds = {each.kind for each in special}
        if attrs.OBJECT_ID in kinds:
            for each in parts_of(file, attrs.OBJECT_ID):
                if each.value is not None and len(each.value) >= _OBJECT_ID_BYTES:
                    self.census.object_ids.append((each.value[:_OBJECT_ID_BYTES], file.reference))
        if file.is_whole and (attrs.EA in kinds) != (attrs.EA_INFORMATION in kinds):
            have, lack = ("$EA", "$EA_INFORMATION") if attrs.EA in kinds else ("$EA_INFORMATION", "$EA")
            self._tell(FaultKind.EXTENDED_ATTRIBUTES, f"it has {have} without {lack}", file)
        if file.is_whole and bool(flags & _REPARSE) != (attrs.REPARSE_POINT in kinds):
            text = "it is marked as one, and holds none" if flags & _REPARSE else "it holds one, and is not marked"
            self._tell(FaultKind.FILE_REPARSE, text, file)
        if attrs.SECURITY_DESCRIPTOR in kinds:
            self._descriptor(file, parts_of(file, attrs.SECURITY_DESCRIPTOR))
        if attrs.REPARSE_POINT in kinds:
            self._reparse(file, parts_of(file, attrs.REPARSE_POINT))

    def _descriptor(self, file: Record, parts: list[Attribute]) -> None:
        """Look at a security descriptor of the file's own, as volumes before version 3.0 and ntfs-3g have them."""
        value = self.ground.value(parts, _MAX_DESCRIPTOR)
        # Most files of a volume have one of a few.
        if value is None or value in self._sound_descriptors:
            return
        fault = descriptor_fault(value)
        if fault is None and len(self._sound_descriptors) < _REMEMBERED:
            self._sound_descriptors.add(value)
        if fault is not None:
            self._tell(FaultKind.SECURE_FORM, fault, file, parts[0])

    def _reparse(self, file: Record, parts: list[Attribute]) -> None:
        most = attrs.DEFINITIONS[attrs.REPARSE_POINT].most
        value = self.ground.value(parts, most)
        if value is None:
            self.census.partial.add(file.number)
            return
        if len(value) >= _REPARSE_HEAD.size:
            tag, length, _ = _REPARSE_HEAD.unpack_from(value)
            self.census.reparse_tags[file.reference] = tag
            # The buffer of a third party has a GUID behind its head ([MS-FSCC] 2.1.2.3).
            head = _REPARSE_HEAD.size + (0 if tag & 0x80000000 else _GUID_BYTES)
            if len(value) == head + length:
                return
            text = f"{len(value)} bytes, and {head + length} by its head"
        else:
            text = f"{len(value)} bytes"
        self._tell(FaultKind.REPARSE_LENGTH, text, file, parts[0])
