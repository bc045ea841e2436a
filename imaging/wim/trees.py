"""The tree of an image as it is stored, for what libwim does not tell of it."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

from osdimage.imaging.errors import CorruptWim, StorageError
from osdimage.imaging.wim.failures import wim_errors
from osdimage.imaging.wim.placed.place import opened_file
from osdimage.native.runtime import Compression
from osdimage.native.wim.handles import WimHandle
from osdimage.native.wim.resource import DAMAGE, ResourceReader
from osdimage.native.wim.tree import tree_blob


def read_tree(path: Path, handle: WimHandle, index: int) -> bytes | None:
    """Return the metadata resource of an image, expanded.

    It is None when the WIM is pipable, whose resources are laid out in a way that the reader does not know, or when the
    image is in memory only.

    Raises:
        CorruptWim: when it is damaged.
        StorageError: when the file cannot be read.
    """
    with wim_errors(path):
        tree = tree_blob(handle, index)
    facts = handle.info()
    if tree is None or facts.is_pipable:
        return None
    try:
        with opened_file(path if handle.trees is None else handle.trees) as file:
            reader = ResourceReader(
                file.descriptor,
                facts.compression or Compression.NONE,
                facts.chunk_size,
                begin=file.begin,
                length=file.size,
            )
            # Joining would hold all of it twice.
            data = BytesIO()
            for piece in reader.pieces(tree):
                data.write(piece)
            reader.close()
    except OSError as error:
        what = f"{path}: the tree of image {index}"
        if error.errno in DAMAGE:
            raise CorruptWim(f"{what} is damaged") from error
        text = f"{what} cannot be read: {error.strerror}"
        raise StorageError(text, path=path, errno=error.errno) from error
    return data.getvalue()
