"""The tree of an image as it is stored, for what libwim does not tell of it."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from osdimage.imaging.errors import CorruptWim
from osdimage.imaging.wim.failures import wim_errors
from osdimage.native.runtime import Compression
from osdimage.native.wim import tree
from osdimage.native.wim.handles import WimHandle
from osdimage.native.wim.resource import ResourceReader
from osdimage.native.wim.tree import Blob


class _Enough(Exception):
    """Ends the iteration over the blob table early."""


def read_tree(path: Path, handle: WimHandle, index: int) -> bytes | None:
    """Return the metadata resource of an image, expanded.

    It is None when the WIM is pipable, whose resources are laid out in a way that the reader does not know, or when the
    image is in memory only.

    Raises:
        CorruptWim: when it cannot be read.
    """
    trees: list[Blob] = []

    def take(blob: Blob) -> None:
        # libwim lists the trees first, in the order of the images.
        if not blob.is_metadata or len(trees) >= index:
            raise _Enough
        trees.append(blob)

    facts = handle.info()
    with wim_errors(path), suppress(_Enough):
        tree.each_blob(handle, take)
    if len(trees) < index or facts.is_pipable:
        return None
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            reader = ResourceReader(descriptor, facts.compression or Compression.NONE, facts.chunk_size)
            data = b"".join(bytes(piece) for piece in reader.pieces(trees[index - 1]))
            reader.close()
        finally:
            os.close(descriptor)
    except OSError as error:
        raise CorruptWim(f"{path}: the tree of image {index} cannot be read: {error.strerror}") from error
    return data
