"""An image with other names in the place of those that a target refuses, for as long as it is needed.

The tree with the other names is in a small WIM of its own, in a temporary folder, which refers to the one with the
contents, as a delta does.
"""

from __future__ import annotations

import glob
import hashlib
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from osdimage.imaging.attributes import FileAttribute
from osdimage.imaging.errors import CorruptWim, InvalidRequest, StorageError
from osdimage.imaging.scratch import scratch_folder
from osdimage.imaging.wim.failures import wim_errors
from osdimage.imaging.wim.renamed.replacing import NameRule, ReplacedName
from osdimage.imaging.wim.stored.dentries import END_BYTES
from osdimage.imaging.wim.stored.format import (
    BLOB_STRUCT,
    DENTRY_STRUCT,
    HEADER_SIZE,
    NO_HASH,
    NO_SECURITY_ID,
    SECURITY_STRUCT,
    Header,
    HeaderFlag,
    Resource,
    ResourceFlag,
)
from osdimage.imaging.wim.stored.renamed import with_other_names
from osdimage.imaging.wim.trees import read_tree
from osdimage.native.wim.handles import WimHandle

_EMPTY_TREE = (
    SECURITY_STRUCT.pack(SECURITY_STRUCT.size, 0)
    + DENTRY_STRUCT.pack(
        DENTRY_STRUCT.size + 2, FileAttribute.DIRECTORY.value, NO_SECURITY_ID, 0, 0, 0, 0, 0, 0, NO_HASH, 0, 0, 0, 0
    )
    + bytes(2 + END_BYTES)
)


@dataclass(frozen=True, slots=True)
class RenamedImage:
    """An image with other names.

    Attributes:
        handle: of a WIM that has it with them, at the index that it has.
        names: those that were replaced; of a file with several names its streams are told once for each.
        paths: of what has another path: what it is now, by what it was.
    """

    handle: WimHandle
    names: tuple[ReplacedName, ...] = ()
    paths: Mapping[str, str] = field(default_factory=dict)


@contextmanager
def with_names_replaced(path: Path, handle: WimHandle, index: int, rule: NameRule) -> Iterator[RenamedImage]:
    """Yield an image in which no name is that a rule refuses, for the body of the ``with``.

    It is the image itself where it has none.  Otherwise it has the tree with other names, and the contents of the WIM.

    Args:
        path: the WIM, which must stay as it is.
        handle: the open WIM.
        index: of the image, to which no files were added in memory.
        rule: which names cannot be.

    Raises:
        InvalidRequest: when the WIM is pipable.
        CorruptWim: when the tree of the image is damaged.
        StorageError: when the WIM cannot be read, or a temporary file not be written.
    """
    stored = read_tree(path, handle, index)
    if stored is None:
        raise InvalidRequest(f"{path}: names of a pipable WIM cannot be replaced; export it first")
    try:
        renamed = with_other_names(stored, rule)
    except CorruptWim as error:
        raise CorruptWim(f"{path}: image {index}: {error}") from error
    if renamed is None:
        yield RenamedImage(handle)
        return
    with scratch_folder() as folder, wim_errors(path):
        made = folder / "names.wim"
        _write(made, handle, index, renamed.tree)
        with WimHandle.open(made) as opened:
            opened.trees = made
            opened.reference_files([glob.escape(os.fspath(path)), *handle.references])
            yield RenamedImage(opened, renamed.names, renamed.paths)


def _write(path: Path, handle: WimHandle, index: int, tree: bytes) -> None:
    """Write a WIM with the tree of an image at the place that it has, and no contents."""
    facts, xml = handle.info(), handle.xml()
    trees = [tree if number == index else _EMPTY_TREE for number in range(1, facts.image_count + 1)]
    table, at = b"", HEADER_SIZE
    for each in trees:
        resource = Resource.plain(at, len(each), ResourceFlag.METADATA)
        table += BLOB_STRUCT.pack(*resource.numbers(), 1, 1, hashlib.sha1(each, usedforsecurity=False).digest())
        at += len(each)
    header = Header(
        flags=HeaderFlag.RPFIX.value if facts.has_rpfix else 0,
        guid=os.urandom(16),
        image_count=facts.image_count,
        blob_table=Resource.plain(at, len(table)),
        xml=Resource.plain(at + len(table), len(xml)),
    )
    try:
        with path.open("xb") as file:
            file.writelines((header.build(), *trees, table, xml))
    except OSError as error:
        raise StorageError(
            f"a temporary file cannot be written: {error.strerror}; name another place in TMPDIR",
            path=path,
            errno=error.errno,
        ) from error
