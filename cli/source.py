"""Opening the WIM that a command reads."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from osdimage.cli.render import Reporter
from osdimage.imaging.progress import ProgressCallback, portion

if TYPE_CHECKING:
    from osdimage.imaging.wim.file import WimFile

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
