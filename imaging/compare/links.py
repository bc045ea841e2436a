"""Reparse points that Linux has as symbolic links: what a link must say when an image was applied to a directory.

The buffers are those of [MS-FSCC] 2.1.2.4 and 2.1.2.5, without their first eight bytes, as a WIM keeps them.
"""

from __future__ import annotations

import hashlib
import os
import struct
from collections.abc import Iterable, Iterator
from pathlib import Path

from osdimage.imaging.errors import CorruptWim
from osdimage.native.handles import WimHandle
from osdimage.native.resource import BlobTable, ResourceReader
from osdimage.native.runtime import Compression

SYMBOLIC_LINK = 0xA000000C
MOUNT_POINT = 0xA0000003
_RELATIVE = 1
# MAXIMUM_REPARSE_DATA_BUFFER_SIZE.
_MAX_BUFFER = 16 << 10
# What NT writes in front of a drive or of the name of a device.
_PREFIXES = ("\\??\\", "\\\\?\\", "\\DosDevices\\", "\\Device\\")


def link_texts(tag: int, data: bytes, target: Path) -> tuple[str, ...]:
    r"""Return what a link may say that stands for a reparse point in a directory.

    A relative link says what its reparse point says.  An absolute one leads to the root of the file system, as
    ``C:\Users`` is ``/Users``, or, when the image's links are rewritten on apply, to the root of the target.
    Nothing is returned when the buffer is damaged.
    """
    head = 12 if tag == SYMBOLIC_LINK else 8
    if len(data) < head:
        return ()
    offset, length = struct.unpack_from("<HH", data)
    is_relative = tag == SYMBOLIC_LINK and bool(struct.unpack_from("<I", data, 8)[0] & _RELATIVE)
    name = data[head + offset : head + offset + length]
    if len(name) != length or length % 2:
        return ()
    text = name.decode("utf-16-le", "surrogatepass")
    if is_relative:
        return (text.replace("\\", "/"),)
    for prefix in _PREFIXES:
        if text.startswith(prefix):
            text = text[len(prefix) :]
            break
    if text[1:2] == ":":
        text = text[2:]
    path = text.replace("\\", "/")
    return (path, os.fspath(target.resolve()).rstrip("/") + path)


def read_blobs(path: Path, hashes: Iterable[bytes]) -> dict[bytes, bytes]:
    """Return the contents of small blobs of a WIM file by their SHA-1.

    What the file does not hold is left out, and everything when it is pipable.

    Raises:
        CorruptWim: when one cannot be read.
        WimlibError: when the WIM cannot be opened.
    """
    wanted = set(hashes)
    if not wanted:
        return {}
    with WimHandle.open(path) as handle:
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
            if sha1 in wanted and size <= _MAX_BUFFER:
                blob = blobs[position]
                found[sha1] = _part(reader.pieces(blob), blob.offset_in_resource, size)
                if hashlib.sha1(found[sha1], usedforsecurity=False).digest() != sha1:
                    raise CorruptWim(f"{path}: the target of a link does not match its SHA-1 ({sha1.hex()})")
        reader.close()
    except OSError as error:
        raise CorruptWim(f"{path}: the target of a link cannot be read: {error.strerror}") from error
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
