"""A hive that was read and changed -> its file, in which only the cells of what was changed are others."""

from __future__ import annotations

import struct

from osdimage.imaging.registry import cells
from osdimage.imaging.registry.bins import Records, inline, leaf_of, longest_name, value_record
from osdimage.imaging.registry.cells import KeyField
from osdimage.imaging.registry.descriptors import Descriptors
from osdimage.imaging.registry.hive import Key, Stored, ValueSlot
from osdimage.imaging.registry.hive_file import Fault, HiveFile
from osdimage.imaging.registry.names import fold, store
from osdimage.imaging.registry.overlay import Overlay
from osdimage.imaging.registry.values import Value

_INLINE_BYTES = 4
_DATA_AT = 4 + 8
"""Where the cell of a value has the offset of its data."""
_MOST_UNITS = 0xFFFF


def first_block(header: bytes, length: int, now: int | None, root: int | None = None) -> bytes:
    """Return the first block of a file with so many bytes of bins, made of the one that it had."""
    fields = cells.BASE_BLOCK_STRUCT.parse(header)
    if now is not None:
        fields.TimeStamp = now
    if root is not None:
        fields.RootCell = root
    fields.Sequence1 = fields.Sequence2 = (max(fields.Sequence1, fields.Sequence2) + 1) & 0xFFFFFFFF
    fields.Length = length
    fields.Type = 0
    fields.CheckSum = cells.checksum(cells.BASE_BLOCK_STRUCT.build(fields))
    return bytes(cells.BASE_BLOCK_STRUCT.build(fields))


class Patch:
    """The changes of one hive."""

    def __init__(self, file: HiveFile, root: Stored, header: bytes, now: int | None) -> None:
        """Prepare; ``now`` is the time of what was changed, 100 ns since 1601, or None to leave times alone."""
        self.file = file
        self.now = now
        self._root = root.offset
        self._header = header
        timestamp = now if now is not None else cells.BASE_BLOCK_STRUCT.parse(header).TimeStamp
        self.overlay = Overlay(file, timestamp)
        self.descriptors = Descriptors(file, self.overlay, root.fields[KeyField.SECURITY])
        self.records = Records(self.overlay, file.minor, now, self.descriptors.cell_of)
        # Of keys that are deleted: where they are, and where their descriptor is.
        self._deleted: dict[int, int] = {}

    def apply(self) -> list[str]:
        """Write what was changed; return why something would be lost, and then nothing must be written."""
        damage: list[str] = []
        for key in list(self.file.changed.values()):
            if key.stored is not None:
                damage += _Edit(self, key, key.stored).apply()
        if self.file.is_changed:
            damage += self.file.faults
        if not damage:
            self._give_back()
        return damage

    def to_bytes(self) -> bytes:
        """Return the whole file."""
        block = first_block(self._header, self.overlay.close(), self.now)
        return b"".join((block, *self.overlay.pieces()))

    def _give_back(self) -> None:
        self.overlay.keep_what_is_needed()
        for offset, descriptor in self._deleted.items():
            if self.overlay.is_unused(offset):
                self.descriptors.release(descriptor)
        unlinked = list(self.descriptors.unlink_unused())
        if unlinked:
            for offset, size in unlinked:
                self.overlay.unused(offset, size)
            self.overlay.keep_what_is_needed()
        self.overlay.give_back()

    # ---- what is deleted

    def delete_tree(self, offset: int, parent: int) -> None:
        """Give back the cells of a key and of everything below it, as far as they can be read.

        A key that says that it is in another one than it was found in stays: it may be one that this one is in.
        """
        waiting, seen = [(offset, parent)], {self._root}
        while waiting:
            at, above = waiting.pop()
            if at in seen:
                continue
            seen.add(at)
            try:
                start, _ = self.file.record(at, cells.KEY.size, b"nk")
            except Fault:
                continue
            fields = cells.KEY.unpack_from(self.file.data, start)
            if fields[KeyField.PARENT] != above:
                continue
            self.overlay.unused(at, cells.KEY.size + fields[KeyField.NAME_BYTES])
            self._deleted[at] = fields[KeyField.SECURITY]
            if fields[KeyField.CLASS_BYTES]:
                self.overlay.unused(fields[KeyField.CLASS], fields[KeyField.CLASS_BYTES])
            if fields[KeyField.SUBKEYS]:
                waiting += [(each, at) for each in self.delete_lists(fields[KeyField.SUBKEY_LIST])]
            if fields[KeyField.VALUES] and not fields[KeyField.FLAGS] & cells.KEY_PREDEF_HANDLE:
                self._delete_values(fields[KeyField.VALUE_LIST], fields[KeyField.VALUES])

    def delete_lists(self, offset: int) -> list[int]:
        """Give back lists of subkeys; return the offsets that were in them."""
        found: list[int] = []
        for at, size, entries in self._lists(offset):
            self.overlay.unused(at, size)
            found += entries
        return found

    def _lists(self, offset: int, *, is_top: bool = True) -> list[tuple[int, int, list[int]]]:
        kinds = (b"lh", b"lf", b"li", b"ri") if is_top else (b"lh", b"lf", b"li")
        try:
            start, end = self.file.record(offset, cells.LIST.size, *kinds)
        except Fault:
            return []
        signature, count = cells.LIST.unpack_from(self.file.data, start)
        words = 2 if signature in {b"lh", b"lf"} else 1
        first = start + cells.LIST.size
        count = min(count, (end - first) // (4 * words))
        entries = list(struct.unpack_from(f"<{words * count}I", self.file.data, first)[::words])
        size = cells.LIST.size + 4 * words * count
        if signature != b"ri":
            return [(offset, size, entries)]
        return [(offset, size, []), *(one for each in entries for one in self._lists(each, is_top=False))]

    def _delete_values(self, offset: int, count: int) -> None:
        try:
            start, end = self.file.cell(offset)
        except Fault:
            return
        for each in struct.unpack_from(f"<{min(count, (end - start) // 4)}I", self.file.data, start):
            self.delete_value(each)
        self.overlay.unused(offset, 4 * count)

    def delete_value(self, offset: int) -> None:
        """Give back the cells of a value."""
        try:
            start, _ = self.file.record(offset, cells.VALUE.size, b"vk")
        except Fault:
            return
        fields = cells.VALUE.unpack_from(self.file.data, start)
        self.overlay.unused(offset, cells.VALUE.size + fields[1])
        self.delete_data(fields[2], fields[3])

    def delete_data(self, length: int, offset: int) -> None:
        """Give back the cells of the data of a value, whose record notes them so."""
        if length & cells.INLINE or not length:
            return
        try:
            start, end = self.file.cell(offset)
            if not self.records.is_big(length) or end - start >= length:
                self.overlay.unused(offset, length)
                return
            segments = self.file.segments(offset, length)
            for number, each in enumerate(segments):
                self.overlay.unused(each, min(length - number * cells.SEGMENT_BYTES, cells.SEGMENT_BYTES))
            self.overlay.unused(cells.BIG_DATA.unpack_from(self.file.data, start)[2], 4 * len(segments))
            self.overlay.unused(offset, cells.BIG_DATA.size)
        except Fault:
            return


class _Edit:
    """The changes of one key."""

    def __init__(self, patch: Patch, key: Key, stored: Stored) -> None:
        self._patch = patch
        self._overlay = patch.overlay
        self._key = key
        self._stored = stored
        self._fields = list(stored.fields)
        self._damage: list[str] = []

    def apply(self) -> list[str]:
        """Write the record of the key and its lists; return what would be lost."""
        key, fields, stored, patch = self._key, self._fields, self._stored, self._patch
        if key.changed:
            self._subkeys()
            self._values()
        fields[KeyField.FLAGS] = key.flags | stored.fields[KeyField.FLAGS] & cells.KEY_COMP_NAME
        fields[KeyField.TIME] = patch.now if key.changed and patch.now is not None else key.timestamp
        fields[KeyField.ACCESS], fields[KeyField.CONTROL] = key.access, key.control
        if key.predefined is not None:
            fields[KeyField.VALUES] = key.predefined
        if key.class_data != patch.file.class_of(stored):
            if fields[KeyField.CLASS_BYTES]:
                self._overlay.unused(fields[KeyField.CLASS], fields[KeyField.CLASS_BYTES])
            fields[KeyField.CLASS] = patch.records.add(key.class_data) if key.class_data else cells.NOWHERE
            fields[KeyField.CLASS_BYTES] = len(key.class_data)
        if key.security != patch.file.security_of(stored):
            patch.descriptors.release(fields[KeyField.SECURITY])
            fields[KeyField.SECURITY] = patch.descriptors.cell_of(key.security)
        at = stored.offset + 4
        gone = [at + place for each, place in cells.KEY_POINTERS.items() if fields[each] != stored.fields[each]]
        self._overlay.overwrite(at, cells.KEY.pack(*fields), *gone)
        return self._damage

    def _refuse(self, lost: str | None) -> None:
        if lost is not None:
            self._damage.append(f"key {self._stored.called!r}: {lost}")

    # ---- subkeys

    def _subkeys(self) -> None:
        """Write the list of subkeys, with those that were made."""
        there = self._key.read_subkeys
        if there is None:
            return
        kept = {id(key) for key in there.values()}
        removed = [each for each in self._stored.children if each.key is not None and id(each.key) not in kept]
        made = [(fold(key.name), key) for key in there.values() if key.stored is None]
        if not removed and not made:
            return
        self._refuse(self._stored.lost_subkeys)
        for each in removed:
            self._patch.delete_tree(each.offset, self._stored.offset)
        old = self._fields[KeyField.SUBKEY_LIST]
        kind = self._stored.list_kind
        kind = kind if kind in {b"lh", b"lf"} else self._patch.records.list_kind
        entries = self._merged(made, {id(each) for each in removed}, kind)
        self._fields[KeyField.SUBKEYS] = len(entries)
        self._fields[KeyField.SUBKEY_LIST] = self._write_list(old, entries, kind)
        names = [folded for folded, _ in made]
        longest = max(self._fields[KeyField.LONGEST_SUBKEY], longest_name(names))
        self._fields[KeyField.LONGEST_SUBKEY] = min(longest, _MOST_UNITS)
        most = max((len(key.class_data) for _, key in made), default=0)
        self._fields[KeyField.LONGEST_CLASS] = max(self._fields[KeyField.LONGEST_CLASS], most)

    def _merged(self, made: list[tuple[str, Key]], removed: set[int], kind: bytes) -> list[tuple[int, int]]:
        """Return the entries of the new list: those that were there in their order, and new ones where they belong."""
        records, stored = self._patch.records, self._stored
        new = [
            (folded, (records.add_tree(key, stored.offset, stored.depth + 1), records.word_of(key.name, folded, kind)))
            for folded, key in sorted(made, key=lambda pair: pair[0], reverse=True)
        ]
        entries: list[tuple[int, int]] = []
        for slot in stored.children:
            if id(slot) in removed:
                continue
            word = slot.word
            if slot.key is not None:
                folded = fold(slot.key.name)
                while new and new[-1][0] < folded:
                    entries.append(new.pop()[1])
                if kind != stored.list_kind:
                    word = records.word_of(slot.key.name, folded, kind)
            entries.append((slot.offset, word))
        return entries + [entry for _, entry in reversed(new)]

    def _write_list(self, old: int, entries: list[tuple[int, int]], kind: bytes) -> int:
        """Write a list of subkeys where it was if it can be, or anew."""
        had = self._stored.fields[KeyField.SUBKEYS]
        if entries and had and kind == self._stored.list_kind and len(entries) <= cells.LEAF_ENTRIES:
            try:
                start, end = self._patch.file.record(old, cells.LIST.size, kind)
            except Fault:
                # An index of several lists.
                pass
            else:
                data, room = leaf_of(entries, kind), cells.LIST.size + 8 * had
                if len(data) <= room <= end - start and self._overlay.is_sole(old, room):
                    self._overlay.overwrite(old + 4, data.ljust(room, b"\0"), *range(old + 8, old + 4 + room, 8))
                    return old
        if had:
            self._patch.delete_lists(old)
        return self._patch.records.add_list(entries, kind) if entries else cells.NOWHERE

    # ---- values

    def _values(self) -> None:
        there, stored, fields = self._key.read_values, self._stored, self._fields
        if there is None or self._key.predefined is not None:
            return
        slots = [each for each in stored.values if each.value is not None]
        if len(slots) == len(there) and all(there.get(each.folded) is each.value for each in slots):
            return
        self._refuse(stored.lost_values)
        known = {each.folded for each in slots}
        entries = [offset for each in stored.values if (offset := self._entry(each)) is not None]
        new = [value for folded, value in there.items() if folded not in known]
        entries += [self._patch.records.add_value(value) for value in new]
        fields[KeyField.VALUES] = len(entries)
        fields[KeyField.VALUE_LIST] = self._write_offsets(fields[KeyField.VALUE_LIST], entries)
        values = list(there.values())
        fields[KeyField.LONGEST_VALUE] = max(
            fields[KeyField.LONGEST_VALUE], longest_name([each.name for each in values])
        )
        fields[KeyField.MOST_DATA] = max(fields[KeyField.MOST_DATA], *(len(each.data) for each in values), 0)

    def _entry(self, slot: ValueSlot) -> int | None:
        """Return where a value is now that was listed, or None when it is gone."""
        if slot.value is None:
            return slot.offset
        value = (self._key.read_values or {}).get(slot.folded)
        if value is None:
            self._patch.delete_value(slot.offset)
            return None
        return slot.offset if value is slot.value else self._replaced(slot.offset, value)

    def _replaced(self, offset: int, value: Value) -> int:
        """Write a value in place of another; return its offset."""
        data = self._patch.file.data
        start = offset + cells.BASE_BLOCK_BYTES + 4
        _, name_bytes, length, where, _, _, spare = cells.VALUE.unpack_from(data, start)
        name = store(value.name)[0]
        if len(name) != name_bytes or not self._overlay.is_sole(offset, cells.VALUE.size + name_bytes):
            self._patch.delete_value(offset)
            return self._patch.records.add_value(value)
        if len(value.data) <= _INLINE_BYTES:
            self._patch.delete_data(length, where)
            noted = inline(value)
        else:
            noted = len(value.data), self._place(value.data, length, where)
        self._overlay.overwrite(offset + 4, value_record(value, *noted, spare), offset + _DATA_AT)
        return offset

    def _place(self, data: bytes, length: int, where: int) -> int:
        """Write data where others are if they fit there, or anew; return their offset."""
        records = self._patch.records
        is_plain = not length & cells.INLINE and length and not records.is_big(length)
        if is_plain and len(data) <= length and self._patch.file.is_used(where):
            start, end = self._patch.file.cell(where)
            if length <= end - start and self._overlay.is_sole(where, length):
                self._overlay.overwrite(where + 4, data.ljust(length, b"\0"))
                return where
        self._patch.delete_data(length, where)
        return records.add_data(data)

    def _write_offsets(self, old: int, entries: list[int]) -> int:
        """Write a list of values where it was if it can be, or anew."""
        had = self._stored.fields[KeyField.VALUES]
        if entries and had:
            try:
                start, end = self._patch.file.cell(old)
            except Fault:
                had = 0
            else:
                data, room = struct.pack(f"<{len(entries)}I", *entries), 4 * had
                if len(data) <= room <= end - start and self._overlay.is_sole(old, room):
                    self._overlay.overwrite(old + 4, data.ljust(room, b"\0"), *range(old + 4, old + 4 + room, 4))
                    return old
        if had:
            self._overlay.unused(old, 4 * had)
        return self._patch.records.add_offsets(entries) if entries else cells.NOWHERE
