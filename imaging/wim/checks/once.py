"""One pass over the tree of an image, for all that is asked of it."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from osdimage.imaging.errors import CorruptWim, InvalidInput
from osdimage.imaging.wim.checks.audit import load_tree, read_sound_tree
from osdimage.native.engine.arrays import DAMAGED_TREE, Tree, Untold, untold
from osdimage.native.wim.handles import WimHandle
from osdimage.native.wim.resource import BlobTable
from osdimage.native.wim.tree import Audit, audit_stored


@dataclass(frozen=True, slots=True)
class Pass:
    """What a pass has found.

    Attributes:
        audit: what must be known before any of the image is written.
        tree: the files; to be finished once the audit was judged, by :func:`finish`.
        untold: what libwim does not tell of them; None where it was asked for the tree.
    """

    audit: Audit
    tree: Tree
    untold: Untold | None


def pass_once(
    path: Path, handle: WimHandle, index: int, blobs: BlobTable, *, is_changed: bool, target: str | None = None
) -> Pass:
    """Pass over the tree of an image: as it is stored, or where something is to be mended as libwim loads it.

    Args:
        path: the WIM.
        handle: the open WIM.
        index: the image.
        blobs: all blobs of the WIM, and of those that it refers to.
        is_changed: whether the image is another in memory than in the file.
        target: a directory that it comes to, in which what is in its place is looked at.

    Raises:
        CorruptWim: when its size cannot be true, or it expands to more than a tree of its size can hold.
        InvalidInput: when it holds more than can be counted here.
        WimlibError: when it cannot be loaded.
    """
    stored = None if is_changed else read_sound_tree(path, handle, index)
    if stored is not None:
        tree = _begun(path, index, blobs)
        audit = audit_stored(stored, tree.pointer, target=target)
        if audit is not None:
            return Pass(audit, tree, untold(stored))
    # A new one: that was filled in part.  libwim reads the tree itself.
    stored = None
    tree = _begun(path, index, blobs)
    return Pass(load_tree(path, handle, index, target=target, arrays=tree), tree, None)


def finish(path: Path, index: int, tree: Tree) -> None:
    """Take a tree as it was filled.

    Raises:
        CorruptWim: when it contradicts itself.
        InvalidInput: when it holds more than can be counted here.
    """
    with _errors(path, index):
        tree.finish()


def _begun(path: Path, index: int, blobs: BlobTable) -> Tree:
    with _errors(path, index):
        return Tree(blobs)


@contextmanager
def _errors(path: Path, index: int) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno == errno.ENOMEM:
            raise MemoryError from error
        if error.errno == DAMAGED_TREE:
            raise CorruptWim(f"{path}: the tree of image {index} contradicts itself") from error
        raise InvalidInput(f"{path}: image {index}: {error.strerror}") from error
