"""An image with other names in the place of those that a target refuses, for as long as it is needed.

The tree with the other names is in a small WIM of its own, in a temporary folder, which refers to the one with the
contents, as a delta does.
"""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from osdimage.imaging.errors import CorruptWim, InvalidRequest, StorageError
from osdimage.imaging.scratch import scratch_folder
from osdimage.imaging.wim.failures import wim_errors
from osdimage.imaging.wim.opening import refer
from osdimage.imaging.wim.overlaid import write_overlaid
from osdimage.imaging.wim.placed.on_disc import paths_fitting
from osdimage.imaging.wim.renamed.renamed_tree import with_other_names
from osdimage.imaging.wim.renamed.replacing import NameRule, ReplacedName
from osdimage.imaging.wim.stored.format import HEADER_SIZE
from osdimage.imaging.wim.trees import read_tree
from osdimage.native.wim.handles import WimHandle


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
            for pattern in (glob.escape(os.fspath(path)), *handle.references):
                refer(opened, [Path(name) for name in paths_fitting(pattern)], pattern)
            yield RenamedImage(opened, renamed.names, renamed.paths)


def _write(path: Path, handle: WimHandle, index: int, tree: bytes) -> None:
    """Write a WIM with the tree of an image at the place that it has, and no contents."""
    try:
        with path.open("xb") as file:
            file.seek(HEADER_SIZE)
            write_overlaid(file, handle, index, tree)
    except OSError as error:
        raise StorageError(
            f"a temporary file cannot be written: {error.strerror}; name another place in TMPDIR",
            path=path,
            errno=error.errno,
        ) from error
