"""Small blobs of a WIM, by their SHA-1."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from osdimage.imaging.errors import CorruptWim
from osdimage.imaging.wim.opening import open_wim
from osdimage.native.runtime import Compression
from osdimage.native.wim.resource import BlobTable, ResourceReader


def read_small_blobs(path: Path, hashes: Iterable[bytes], *, largest: int) -> dict[bytes, bytes]:
    """Return the contents of blobs of a WIM file by their SHA-1; one of more than ``largest`` bytes is left out.

    So is what the file does not hold, and everything when it is pipable.

    Raises:
        CorruptWim: when one cannot be read.
        WimlibError: when the WIM cannot be opened.
    """
    wanted = set(hashes)
    if not wanted:
        return {}
    with open_wim(path) as handle:
        facts = handle.info()
        blobs = BlobTable(handle)
    found: dict[bytes, bytes] = {}
    if facts.is_pipable:
        # Its resources are laid out in another way, which the reader does not know.
        return found
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        reader = ResourceReader(descriptor, facts.compression or Compression.NONE, facts.chunk_size)
        for position, (size, sha1) in enumerate(blobs.sizes_and_hashes(0, len(blobs))):
            if sha1 in wanted and size <= largest:
                blob = blobs[position]
                found[sha1] = _part(reader.pieces(blob), blob.offset_in_resource, size)
                if hashlib.sha1(found[sha1], usedforsecurity=False).digest() != sha1:
                    raise CorruptWim(f"{path}: the blob {sha1.hex()} does not match its SHA-1")
        reader.close()
    except OSError as error:
        raise CorruptWim(f"{path}: a blob cannot be read: {error.strerror}") from error
    finally:
        os.close(descriptor)
    return found


def _part(pieces: Iterator[memoryview], offset: int, size: int) -> bytes:
    """Return some bytes of a resource; reading ends behind them."""
    part, position = b"", 0
    for piece in pieces:
        part += bytes(piece[max(0, offset - position) : max(0, offset + size - position)])
        position += len(piece)
        if len(part) >= size:
            break
    return part
