"""Rock Ridge: names, links and facts of Unix beside the records of ISO 9660 (IEEE P1281, SUSP; P1282, RRIP).

What is behind the name of a record is a list of entries: two letters, a length, a version.  ``CE`` says where it goes
on.
"""

from __future__ import annotations

import os
import stat
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from osdimage.imaging.disc.facts import UnixFacts
from osdimage.imaging.disc.iso.records import nanoseconds
from osdimage.imaging.disc.tree import LONGEST_TARGET

_HEAD_BYTES = 4
_MARK = b"SP\x07\x01\xbe\xef"
_CONTINUATION = struct.Struct("<I4xI4xI4x")
_MODE = struct.Struct("<I4xI4xI4xI4x")
_DEVICE = struct.Struct("<I4xI4x")
# Names of Linux have 255 bytes; a list goes on in a few places, which begin in different ones.
_LONGEST_NAME = 255
_MOST_CONTINUATIONS = 64
_GOES_ON, _HERE, _ABOVE, _ROOT = 1, 2, 4, 8
# The times of a file, those of seven kinds, in one of two forms.
_CREATED, _MODIFIED, _ACCESSED, _KINDS = 0, 1, 2, 7
_LONG_TIMES, _SHORT_TIME, _LONG_TIME = 0x80, 7, 17

Reader = Callable[[int, int, int], bytes]
"""What reads a continuation: block, offset in it, size."""


class Damaged(Exception):
    """A list contradicts itself; the text says how."""


@dataclass(frozen=True, slots=True)
class RockRidge:
    """What the list of a record tells.

    Attributes:
        name: of the file, or None.
        target: where a symbolic link leads, or None.
        unix: owner, mode and so on, or None.
        created_ns: nanoseconds since 1970, or None when it is not told.
        modified_ns: the same of the last change.
        accessed_ns: the same of the last reading.
        elsewhere: the block of a directory that was moved, so that the tree of ISO 9660 is less deep, or None.
        is_moved: whether this is the directory that was moved, which is listed elsewhere.
        unreadable: why the contents cannot be read, or None.
    """

    name: bytes | None = None
    target: bytes | None = None
    unix: UnixFacts | None = None
    created_ns: int | None = None
    modified_ns: int | None = None
    accessed_ns: int | None = None
    elsewhere: int | None = None
    is_moved: bool = False
    unreadable: str | None = None


NOTHING = RockRidge()
"""What is told where there is no list."""


def skipped_bytes(system_use: bytes) -> int | None:
    """Return how many bytes come before each list, or None when the record of the root marks no lists at all."""
    return system_use[6] if system_use.startswith(_MARK) and len(system_use) > len(_MARK) else None


def read_list(system_use: bytes, read: Reader) -> RockRidge:
    """Read the list of a record.

    Raises:
        Damaged: when it contradicts itself, or goes on for ever.
    """
    parts = _Parts()
    for kind, data in _entries(system_use, read):
        take = _TAKEN.get(kind)
        if take is not None and data:
            take(parts, data)
        elif kind == b"RE":
            parts.is_moved = True
        elif kind in _NOT_READ:
            parts.unreadable = _NOT_READ[kind]
    return parts.whole()


class _Parts:
    """What was read of a list; names and targets may be in several entries."""

    def __init__(self) -> None:
        self.unreadable: str | None = None
        self._name: bytes | None = None
        self._target: bytes | None = None
        self._unix: UnixFacts | None = None
        self._device: int | None = None
        self._times: dict[int, int | None] = {}
        self._elsewhere: int | None = None
        self.is_moved = False
        self._component_goes_on = False

    def whole(self) -> RockRidge:
        unix = self._unix
        if unix is not None and stat.S_IFMT(unix.mode) in {stat.S_IFBLK, stat.S_IFCHR}:
            unix = replace(unix, device=self._device)
        created, modified, accessed = (self._times.get(each) for each in (_CREATED, _MODIFIED, _ACCESSED))
        return RockRidge(
            self._name,
            self._target,
            unix,
            created,
            modified,
            accessed,
            self._elsewhere,
            self.is_moved,
            self.unreadable,
        )

    def take_name(self, data: bytes) -> None:
        if data[0] & (_HERE | _ABOVE):
            # Of the records of a directory for itself and the one above.
            return
        self._name = (self._name or b"") + data[1:]
        if len(self._name) > _LONGEST_NAME:
            raise Damaged(f"has a name of more than {_LONGEST_NAME} bytes")

    def take_target(self, data: bytes) -> None:
        at = 1
        while at + 2 <= len(data):
            flags, length = data[at], data[at + 1]
            text = data[at + 2 : at + 2 + length]
            if len(text) != length:
                raise Damaged("has a symbolic link that is cut off")
            at += 2 + length
            self._add_component(flags, text)

    def _add_component(self, flags: int, text: bytes) -> None:
        text = b"." if flags & _HERE else b".." if flags & _ABOVE else text
        if flags & _ROOT:
            self._target = b"/"
        elif self._target is None:
            self._target = text
        elif self._component_goes_on or self._target.endswith(b"/"):
            self._target += text
        else:
            self._target += b"/" + text
        self._component_goes_on = bool(flags & _GOES_ON)
        if len(self._target) > LONGEST_TARGET:
            raise Damaged(f"has a symbolic link to more than {LONGEST_TARGET} bytes")

    def take_mode(self, data: bytes) -> None:
        mode, links, uid, gid = _unpacked(_MODE, data)
        self._unix = UnixFacts(mode, uid, gid, links, None)

    def take_device(self, data: bytes) -> None:
        high, low = _unpacked(_DEVICE, data)
        # Some writers have both numbers in the lower half (IEEE P1282, 4.1.2).
        numbers = (high & 0xFFFFF, low & 0xFFFFF) if high else (low >> 8 & 0xFFF, low & 0xFF)
        self._device = os.makedev(*numbers)

    def take_times(self, data: bytes) -> None:
        size = _LONG_TIME if data[0] & _LONG_TIMES else _SHORT_TIME
        at = 1
        for kind in range(_KINDS):
            if data[0] & 1 << kind:
                stamp = data[at : at + size]
                at += size
                self._times[kind] = nanoseconds(stamp) if len(stamp) == size else None

    def take_place(self, data: bytes) -> None:
        self._elsewhere = int.from_bytes(data[:4], "little")


_TAKEN: dict[bytes, Callable[[_Parts, bytes], None]] = {
    b"NM": _Parts.take_name,
    b"SL": _Parts.take_target,
    b"PX": _Parts.take_mode,
    b"PN": _Parts.take_device,
    b"TF": _Parts.take_times,
    b"CL": _Parts.take_place,
}
_NOT_READ = {
    b"ZF": "is compressed (zisofs), which is not read",
    b"SF": "is recorded with holes (Rock Ridge SF), which is not read",
}


def _entries(area: bytes, read: Reader) -> Iterator[tuple[bytes, bytes]]:
    for _ in range(_MOST_CONTINUATIONS):
        following: tuple[int, int, int] | None = None
        at = 0
        while at + _HEAD_BYTES <= len(area):
            kind, length = area[at : at + 2], area[at + 2]
            if kind == b"ST" or not length:
                break
            if length < _HEAD_BYTES or at + length > len(area):
                raise Damaged("has a list of Rock Ridge that is cut off")
            data = area[at + _HEAD_BYTES : at + length]
            at += length
            if kind == b"CE":
                block, offset, size = _unpacked(_CONTINUATION, data)
                following = block, offset, size
            else:
                yield kind, data
        if following is None:
            return
        area = read(*following)
    raise Damaged(f"has a list of Rock Ridge in more than {_MOST_CONTINUATIONS} places, or in a loop")


def _unpacked(form: struct.Struct, data: bytes) -> tuple[int, ...]:
    return form.unpack(data[: form.size].ljust(form.size, b"\0"))
