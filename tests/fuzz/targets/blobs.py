"""Resources of WIMs: what a list of blobs says of a file, tables of chunks, and chunks, as the engine reads them."""

from __future__ import annotations

import os
import random
import struct
from collections.abc import Iterator

from cases.blob_rows import BlobRows, blob_of
from osdimage.native.engine.pipeline import BlobFile, Run, Verdict
from osdimage.native.runtime import Compression

from fuzz.places import as_file
from fuzz.target import Target

# The compression, the power of two that chunks have, how many blobs there are; and each: flags, where its resource is,
# what is stored of it, its size, and the offset and size of the blob in it.
_HEAD = struct.Struct("<BBB")
_BLOB = struct.Struct("<BQQQQQ")
_COMPRESSED, _SOLID, _WHOLE = 1, 2, 4
_LARGEST, _ABSURD = 4 << 20, 1 << 62
_CHUNK = 4096


def _read(data: bytes) -> None:
    kind, order, count = _HEAD.unpack_from(data.ljust(_HEAD.size, b"\0"))
    end = min(len(data), _HEAD.size + count % 8 * _BLOB.size)
    blobs = []
    for at in range(_HEAD.size, end - _BLOB.size + 1, _BLOB.size):
        flags, offset, stored, size, begin, length = _BLOB.unpack_from(data, at)
        # What expands to more takes long, and finds no more.
        if not _LARGEST < size < _ABSURD:
            blobs.append(
                blob_of(
                    stored,
                    size,
                    offset=offset,
                    is_compressed=bool(flags & _COMPRESSED),
                    is_solid=bool(flags & _SOLID),
                    inside=None if flags & _WHOLE else (begin, length),
                )
            )
    blobs.sort(key=lambda each: (each.resource_offset, each.offset_in_resource))
    descriptor = os.open(as_file(data[end:]), os.O_RDONLY)
    try:
        file = BlobFile(descriptor, list(Compression)[kind % 4], 1 << order % 32)
        with Run(BlobRows(*blobs), [file], workers=2, memory=1 << 20) as made:
            for _ in made.progress():
                pass
            assert made.error() is None
            assert all(isinstance(each.fault, Verdict) for each in made.bad())
    finally:
        os.close(descriptor)


def _seeds() -> Iterator[bytes]:
    noise = random.Random(1).randbytes(2 * _CHUNK + 7)
    table = struct.pack("<2I", _CHUNK, 2 * _CHUNK)
    plain, solid = table + noise, struct.pack("<QII3I", len(noise), _CHUNK, 3, _CHUNK, _CHUNK, 7) + noise
    head = _HEAD.pack(2, 12, 1)
    yield head + _BLOB.pack(_COMPRESSED | _WHOLE, 0, len(plain), len(noise), 0, 0) + plain
    yield head + _BLOB.pack(_WHOLE, 0, len(noise), len(noise), 0, 0) + noise
    inside = [(0, 100), (50, _CHUNK + 100), (_CHUNK, _CHUNK)]
    rows = [_BLOB.pack(_COMPRESSED | _SOLID, 0, len(solid), len(noise), begin, size) for begin, size in inside]
    yield _HEAD.pack(3, 12, len(rows)) + b"".join(rows) + solid


TARGETS = (Target("blobs", _read, _seeds, largest=16 << 10),)
