"""The whole tree of an image as it is stored, compared with its SHA-1, of WIMs of every kind."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from osdimage.imaging.errors import CorruptWim, StorageError
from osdimage.imaging.wim import trees
from osdimage.imaging.wim.checks.audit import LARGEST_TREE, load_tree
from osdimage.imaging.wim.failures import wim_errors
from osdimage.imaging.wim.stored.blob_table import read_blob_table, read_tree
from osdimage.imaging.wim.stored.format import HEADER_SIZE, Header
from osdimage.native.runtime import Compression
from osdimage.native.wim.facts import WriteSettings
from osdimage.native.wim.handles import WimHandle
from osdimage.native.wim.resource import BlobTable, ResourceReader
from osdimage.native.wim.tree import tree_blob


def stored_tree(path: Path, handle: WimHandle, index: int, *, in_memory: bool = False) -> bytes:
    """Return the metadata resource of an image, expanded; with ``in_memory`` as it was changed there.

    Raises:
        CorruptWim: when it is damaged, or its size cannot be true.
        MissingParts: when the file has none, as the second part of a split WIM.
        StorageError: when it cannot be read.
    """
    with wim_errors(path):
        blob = tree_blob(handle, index)
    if blob is not None and blob.resource_size > LARGEST_TREE:
        raise CorruptWim(f"{path}: the tree of image {index} claims {blob.resource_size:,} bytes")
    tree = None if in_memory or blob is None else trees.read_tree(path, handle, index)
    if blob is None or tree is None:
        return _as_libwim_has_it(path, handle, index)
    if hashlib.sha1(tree, usedforsecurity=False).digest() != blob.sha1:
        raise CorruptWim(f"{path}: the tree of image {index} does not match its SHA-1")
    return tree


def _as_libwim_has_it(path: Path, handle: WimHandle, index: int) -> bytes:
    """Return the tree of an image that is pipable, or in memory only, by writing a WIM of it without any contents."""
    with wim_errors(path):
        load_tree(path, handle, index)
        with WimHandle.create(Compression.NONE) as copy:
            handle.export_image(index, copy, name="", description="", boot=False)
            descriptor = os.memfd_create("osdimage-tree", os.MFD_CLOEXEC)
            try:
                copy.write(descriptor, WriteSettings(Compression.NONE, skips_references=True))
                header = Header.parse(os.pread(descriptor, HEADER_SIZE, 0))
                reader = ResourceReader(descriptor, Compression.NONE, header.chunk_size)
                try:
                    (entry,) = (each for each in read_blob_table(descriptor, header) if each.is_tree)
                    return read_tree(reader, entry)
                finally:
                    reader.close()
            except OSError as error:
                raise StorageError(f"{path}: {error.strerror}", path=path, errno=error.errno) from error
            finally:
                os.close(descriptor)


def blob_sizes(handle: WimHandle) -> dict[bytes, int]:
    """Return the size of each blob that is known to a WIM, and to the files that it refers to."""
    table = BlobTable(handle)
    return {sha1: size for size, sha1 in table.sizes_and_hashes(0, len(table))}
