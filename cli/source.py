"""Opening the WIM that a command reads."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click
from osdimage.cli.render import Reporter
from osdimage.imaging.progress import ProgressCallback, portion

if TYPE_CHECKING:
    from osdimage.imaging.browse.tree import VolumeTree
    from osdimage.imaging.disk.opening import Opening
    from osdimage.imaging.wim.file import WimFile
    from osdimage.imaging.wim.select import ImageSelector

# Hashing a WIM's bytes takes about this part of checking it and then writing its contents.
_CHECK_PERCENT = 20.0


@contextmanager
def open_wim(
    path: Path, reporter: Reporter, *, check: bool, refs: Iterable[str]
) -> Iterator[tuple[WimFile, ProgressCallback | None]]:
    """Open a WIM and show its warnings; yield it with the callback for the rest of the command's progress."""
    from osdimage.imaging.wim.file import WimFile, leave_memory  # noqa: PLC0415 - start-up stays cheap

    leave_memory()
    progress = portion(reporter.callback, 0, _CHECK_PERCENT) if check else None
    with WimFile.open(path, check=check, refs=refs, progress=progress) as opened:
        for text in opened.warnings:
            reporter.warn(text)
        was_checked = check and opened.header.has_integrity_table
        yield opened, portion(reporter.callback, _CHECK_PERCENT, 100) if was_checked else reporter.callback


def holds_volume(path: Path, partition: int | None) -> bool:
    """Tell whether the files that are meant are in a volume or on a disk, not in a WIM.

    Raises:
        StorageError: when it cannot be read.
    """
    from osdimage.imaging.disk.probe import probe  # noqa: PLC0415
    from osdimage.imaging.disk.wim_mark import is_wim  # noqa: PLC0415 - start-up stays cheap
    from osdimage.imaging.wim.placed.on_disc import disc_path  # noqa: PLC0415

    if partition is not None:
        return True
    if disc_path(path) is not None:
        return False
    return not is_wim(path) and probe(path) is not None


@contextmanager
def open_tree_of(path: Path, partition: int | None, opening: Opening, reporter: Reporter) -> Iterator[VolumeTree]:
    """Open a volume whose files are looked at, and show what is to be said of it."""
    from osdimage.imaging.browse.places import open_tree  # noqa: PLC0415 - start-up stays cheap
    from osdimage.imaging.wim.file import leave_memory  # noqa: PLC0415

    leave_memory()
    with open_tree(path, partition, opening=opening) as tree:
        for text in tree.notes:
            reporter.warn(text)
        yield tree


def refuse_of_images(selector: ImageSelector, **given: bool) -> None:
    """Refuse options that choose or read images, for what is none.

    Args:
        selector: the choice of an image.
        given: whether each was, by its name with ``_`` in the place of ``-``.

    Raises:
        click.UsageError: naming them.
    """
    given["index"] = selector.index is not None
    # The other ways to choose one.
    given["name"] = replace(selector, index=None) != type(selector)()
    names = [f"--{name.replace('_', '-')}" for name, is_given in given.items() if is_given]
    if names:
        raise click.UsageError(f"{', '.join(names)}: for images of WIMs, not for volumes")
