"""The store of security descriptors, ``$Secure``: the stream $SDS with its copies, and the two indexes of it.

The stream is a sequence of blocks of 256 KiB, each followed by a copy of itself.  A block holds entries at multiples of
16 bytes: hash, id, own offset and length (SECURITY_DESCRIPTOR_HEADER), then the descriptor.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from osdimage.imaging.units import KIB
from osdimage.imaging.volume.ntfs.check import attributes as attrs
from osdimage.imaging.volume.ntfs.check.attributes import Record
from osdimage.imaging.volume.ntfs.check.census import Census
from osdimage.imaging.volume.ntfs.check.descriptors import descriptor_fault
from osdimage.imaging.volume.ntfs.check.faults import Faults
from osdimage.imaging.volume.ntfs.check.ground import Ground, Stream, parts_of
from osdimage.imaging.volume.ntfs.check.index import Budget, Entry, Index, numbers
from osdimage.imaging.volume.ntfs.check.kinds import FaultKind

_RECORD = 9
_SDS, _SII, _SDH = (name.encode("utf-16-le") for name in ("$SDS", "$SII", "$SDH"))
_LABEL = attrs.label_of(attrs.DATA, _SDS)
_HEADER = struct.Struct("<IIQI")
_BLOCK = 256 * KIB
_FIRST_ID = 0x100
_ULONG, _SECURITY_HASH = 0x10, 0x12


class SecureCheck:
    """Checks the store of a volume, and that every file has a descriptor of it."""

    def __init__(self, ground: Ground, census: Census, faults: Faults, budget: Budget) -> None:
        """Prepare."""
        self._ground = ground
        self._census = census
        self._faults = faults
        self._budget = budget
        self._headers: dict[int, bytes] = {}
        self._is_whole = True

    def check(self, file: Record) -> None:
        """Check the file ``$Secure``."""
        parts = parts_of(file, attrs.DATA, _SDS)
        stream = self._ground.stream(parts) if parts else None
        if stream is None:
            # The store of a volume that nothing was ever written to may be empty, and in the record.
            if not parts or parts[0].value is None:
                self._tell(FaultKind.SECURE, "it is not there")
                return
        else:
            self._read(stream)
        self._index(file, _SII, _ULONG, 4)
        self._index(file, _SDH, _SECURITY_HASH, 8)
        if self._is_whole:
            for number, record in self._census.security_ids.items():
                if number not in self._headers:
                    self._faults.tell(
                        FaultKind.SECURE_UNKNOWN, f"it has number {number}", record, "$STANDARD_INFORMATION"
                    )

    def _tell(self, kind: FaultKind, text: str, label: str = _LABEL) -> None:
        self._faults.tell(kind, text, _RECORD, label)

    def _read(self, stream: Stream) -> None:
        """Read the descriptors, block by block."""
        for start in range(0, stream.size, 2 * _BLOCK):
            self._ground.spend(2 * _BLOCK)
            both = stream.read(start, 2 * _BLOCK)
            block, copy = both[:_BLOCK], both[_BLOCK:]
            # The stream ends with the last copy: what is behind that place in the block was never made part of it.
            block = block[: len(copy)] if copy else block
            for at, entry in self._entries(block, start):
                # What is behind an entry that does not fit cannot be told from what was there before.
                if copy[at : at + len(entry)] != entry:
                    self._tell(
                        FaultKind.SECURE_COPY, f"of number {int.from_bytes(entry[4:8], 'little')} at byte {start + at}"
                    )

    def _entries(self, block: bytes, start: int) -> Iterator[tuple[int, bytes]]:
        at = 0
        while at + _HEADER.size <= len(block):
            checksum, number, offset, length = _HEADER.unpack_from(block, at)
            if number == 0 and checksum == 0 and offset == 0:
                if length == 0:
                    return
                # chkdsk takes a descriptor away by clearing it, and leaves its length.
                at += (length + 15) // 16 * 16
                continue
            if offset != start + at or length < _HEADER.size or at + length > len(block):
                text = f"the entry at byte {start + at} has number {number}, says byte {offset}, and has {length} bytes"
                self._tell(FaultKind.SECURE, text)
                self._is_whole = False
                return
            entry = block[at : at + length]
            self._entry(number, checksum, entry)
            yield at, entry
            at += (length + 15) // 16 * 16

    def _entry(self, number: int, checksum: int, entry: bytes) -> None:
        descriptor = entry[_HEADER.size :]
        if number < _FIRST_ID or number in self._headers:
            why = f"numbers below {_FIRST_ID} are reserved" if number < _FIRST_ID else "another one has it"
            self._tell(FaultKind.SECURE_ID, f"number {number}: {why}")
            # The number that it should have seems to be missing.
            self._is_whole = False
        self._headers.setdefault(number, entry[: _HEADER.size])
        found = _hash(descriptor)
        if found != checksum:
            self._tell(FaultKind.SECURE_HASH, f"number {number}: {checksum:#010x} is stored, {found:#010x} is right")
            return
        fault = descriptor_fault(descriptor)
        if fault is not None:
            self._tell(FaultKind.SECURE_FORM, f"number {number}: {fault}")

    def _index(self, file: Record, name: bytes, rule: int, key_bytes: int) -> None:
        """Compare one of the indexes with the store: the header of each descriptor, by its number or its hash."""
        label = attrs.label_of(attrs.INDEX_ROOT, name)
        index = Index(file, name, self._ground, self._faults, self._budget)
        found: set[int] = set()
        for entry in index.entries(0, rule, numbers):
            number = self._number(entry, key_bytes)
            header = self._headers.get(number)
            if not self._is_whole and header is None:
                continue
            if header is None or entry.data[: _HEADER.size] != header or entry.key != _key(header, key_bytes):
                why = "which is not in the store" if header is None else "which the store has otherwise"
                self._tell(FaultKind.SECURE_INDEX, f"it has number {number}, {why}", label)
            found.add(number)
        if index.is_whole and self._is_whole:
            for number in self._headers.keys() - found:
                self._tell(FaultKind.SECURE_INDEX, f"number {number} of the store is not in it", label)

    @staticmethod
    def _number(entry: Entry, key_bytes: int) -> int:
        return int.from_bytes(entry.key[key_bytes - 4 : key_bytes], "little")


def _key(header: bytes, key_bytes: int) -> bytes:
    """Return the key of a descriptor: its number, with its hash in front of it in the other index."""
    return header[8 - key_bytes : 8]


def _hash(descriptor: bytes) -> int:
    """Return the hash of a descriptor: each 32 bits are added to what was, rotated by 3 (libfsntfs, "$SDS")."""
    value = 0
    for (word,) in struct.iter_unpack("<I", descriptor[: len(descriptor) // 4 * 4]):
        value = (word + (value << 3 | value >> 29)) & 0xFFFFFFFF
    return value
