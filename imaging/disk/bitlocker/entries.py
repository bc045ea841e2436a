"""Entries of BitLocker's metadata and of startup keys: one kind of record in the other, read with bounds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from osdimage.imaging.disk.bitlocker.layout import ENTRY, KEY, SEALED, EntryKind, ValueKind
from osdimage.imaging.errors import InvalidVolume


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry.

    Attributes:
        kind: what it is for, one of :class:`EntryKind` or a number that is not known here.
        value: what it holds, one of :class:`ValueKind` or a number that is not known here.
        data: the value.  It may be a key, so nobody is shown it.
    """

    kind: int
    value: int
    data: bytes = field(repr=False)

    def inside(self, header_bytes: int) -> Iterator[Entry]:
        """Yield the entries that follow a header in the value.

        Raises:
            InvalidVolume: when one does not lie in it.
        """
        yield from entries_of(self.data[header_bytes:])


@dataclass(frozen=True, slots=True)
class Sealed:
    """A key that is encrypted with another one, whose tag says whether that was the right one."""

    nonce: bytes
    tag: bytes
    data: bytes = field(repr=False)

    @classmethod
    def of(cls, data: bytes) -> Sealed:
        """Return what the value of an entry holds.

        Raises:
            InvalidVolume: when it is too short.
        """
        if len(data) <= SEALED.size:
            raise InvalidVolume(f"a sealed key of {len(data)} bytes")
        nonce, tag = SEALED.unpack_from(data)
        return cls(nonce, tag, data[SEALED.size :])


def entries_of(data: bytes) -> Iterator[Entry]:
    """Yield entries, one behind the other, up to the end or to zeros.

    Raises:
        InvalidVolume: when one does not lie in the data.
    """
    at = 0
    while at + ENTRY.size <= len(data):
        size, kind, value, _ = ENTRY.unpack_from(data, at)
        if size == kind == value == 0:
            return
        if size < ENTRY.size or at + size > len(data):
            raise InvalidVolume(f"an entry of {size} bytes at byte {at}")
        yield Entry(kind, value, data[at + ENTRY.size : at + size])
        at += size


def first(entries: Iterator[Entry], kind: EntryKind, value: ValueKind) -> Entry | None:
    """Return the first entry of a kind with a kind of value, or None."""
    return next((each for each in entries if each.kind == kind and each.value == value), None)


def key_in(data: bytes) -> bytes | None:
    """Return the key of 32 bytes that the value of an entry holds, or None when it is of another size."""
    key = data[KEY.size :]
    return key if len(key) == 32 else None
