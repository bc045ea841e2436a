"""Metadata of BitLocker volumes, and keys that users give."""

from __future__ import annotations

import struct
import zlib
from dataclasses import replace
from functools import cache
from itertools import pairwise

from cases import bitlocker as maker
from osdimage.imaging.disk.bitlocker.facts import look_at_encryption
from osdimage.imaging.disk.bitlocker.keys import KeyRing, read_keys
from osdimage.imaging.disk.bitlocker.metadata import read_metadata
from osdimage.imaging.disk.bitlocker.unlock import moved_parts, open_clear
from osdimage.imaging.disk.target import MemoryTarget
from osdimage.imaging.errors import InvalidInput, InvalidRequest, InvalidVolume
from osdimage.imaging.units import Geometry

from fuzz.target import Target

_SIZE = 1 << 20
_WISH = maker.Wish((0x40000, 0x80000, 0xC0000), 0x60000, protectors=(maker.CLEAR_PROTECTOR,), used_only=True)


@cache
def _volume() -> bytes:
    return maker.make(bytes(_SIZE), _WISH)


def _read(data: bytes) -> None:
    """Take a boot sector, and a block whose checksum is made right."""
    volume = MemoryTarget(Geometry.of_size(_SIZE, 512))
    volume.write_at(0, _volume())
    volume.write_at(0, data[:512])
    block = bytearray(data[512 : 512 + maker.BLOCK])
    size = struct.unpack_from("<H", block, 8)[0] * 16 if len(block) > 10 else 0
    if size + 8 <= len(block):
        struct.pack_into("<I", block, size + 4, zlib.crc32(block[:size]))
    for place in _WISH.places:
        volume.write_at(place, block)
    repr(look_at_encryption(volume)[0])
    metadata = read_metadata(volume)
    length = _SIZE // metadata.header.sector_size * metadata.header.sector_size
    parts = moved_parts(metadata, length)
    assert all(0 <= each.begin < each.end <= length for each in parts)
    assert all(one.end <= other.begin for one, other in pairwise(parts))
    found = open_clear(metadata)
    if found is not None:
        found.material.wipe()


def _read_key(data: bytes) -> None:
    KeyRing(read_keys(data, name="key")).wipe()


def _seeds() -> tuple[bytes, ...]:
    protected = replace(_WISH, protectors=maker.ALL_PROTECTORS)
    return tuple(maker.boot_sector(each) + maker.block(each, _SIZE).ljust(2048, b"\0") for each in (_WISH, protected))


TARGETS = (
    Target("bitlocker", _read, _seeds, (InvalidVolume,)),
    Target(
        "bitlocker-key",
        _read_key,
        lambda: (maker.startup_key(), maker.RECOVERY.encode(), maker.PASSWORD.encode("utf-16")),
        (InvalidInput, InvalidRequest),
        largest=1024,
    ),
)
