"""Changes that an interrupted write left in a volume, which whoever opens it next carries out."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator
from contextlib import suppress

from osdimage.imaging.disk.target import MemoryTarget
from osdimage.imaging.errors import InvalidInput
from osdimage.imaging.units import Geometry
from osdimage.imaging.volume import pending

from fuzz.target import Target

_SECTORS = 256
_POINTER, _ROOM = 1024 - pending.POINTER_BYTES, 4096
_LENGTH = struct.Struct("<H")


class _Stopped(Exception):
    """Between pointing to the changes and carrying them out."""


def _volume() -> MemoryTarget:
    return MemoryTarget(Geometry(512, _SECTORS))


def _pending(data: bytes) -> None:
    volume = _volume()
    size = volume.geometry.size_bytes
    (length,) = _LENGTH.unpack(data[: _LENGTH.size].ljust(_LENGTH.size, b"\0"))
    volume.write_at(_ROOM, data[_LENGTH.size :][: size - _ROOM])
    # No chance finds the checksum of what is pointed to.
    digest = hashlib.sha256(volume.read_at(_ROOM, min(length, size - _ROOM))).digest()
    volume.write_at(_POINTER, struct.pack("<16sQQ32s", b"osdimage pending", _ROOM, length, digest))
    found = pending.find(volume, _POINTER)
    assert pending.find(volume, None) is None
    if found is None:
        raise InvalidInput("nothing is pending")
    seen = bytearray(pending.overlaid(volume, found).read_at(0, size))
    parts = b"".join(pending.overlaid(volume, found).read_at(at, 512) for at in range(0, size, 512))
    assert parts == bytes(seen)
    assert pending.finish(volume, _POINTER)
    seen[_POINTER : _POINTER + pending.POINTER_BYTES] = found.replaced
    assert volume.read_at(0, size) == bytes(seen)


def _seeds() -> Iterator[bytes]:
    for count in (1, 5):
        volume = _volume()
        changes = [pending.Change(32768 + 2048 * number, bytes([number + 1]) * 1024, number) for number in range(count)]

        def stop() -> None:
            raise _Stopped

        with suppress(_Stopped):
            pending.carry_out(volume, changes, pointer=_POINTER, room=_ROOM, mark=stop)
        (length,) = struct.unpack_from("<Q", volume.read_at(_POINTER, pending.POINTER_BYTES), 24)
        yield _LENGTH.pack(length) + volume.read_at(_ROOM, 16384)


TARGETS = (Target("pending-changes", _pending, _seeds, largest=20 << 10),)
