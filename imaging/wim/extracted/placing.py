"""Putting what was extracted where it belongs, once all of it is there.

libwim gives a file its name and its whole size before it writes what is in it, so that one which is stopped leaves
files that look complete, also in the place of older ones.  So it writes to a hidden folder of the target, and from
there each file gets its name in one step.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from osdimage.imaging.errors import StorageError, explain
from osdimage.imaging.scratch import scratch_folder

_LONGEST_PATH = 4095
# The name of the hidden folder.
_ROOM = 64
# More would take too long to remove when a signal ends the work.
_MOST_FILES = 20_000


def can_stage(to: Path, files: int, longest_path: int) -> bool:
    """Tell whether so many files and directories are written to a hidden folder first, the longest path in bytes."""
    return files <= _MOST_FILES and len(os.fsencode(to.absolute())) + _ROOM + longest_path <= _LONGEST_PATH


@contextmanager
def staged(to: Path, *, hidden: bool) -> Iterator[Path]:
    """Yield the folder to extract to, and move what is in it to ``to`` when the body ends without an exception.

    The target is made if it is missing.  Files there are replaced, and directories joined, which get the times of those
    that come.

    Args:
        to: the target; there is nothing of another kind in the place of what comes.
        hidden: use a hidden folder; otherwise it is the target itself, and an error says what becomes of it.

    Raises:
        StorageError: when a folder cannot be made or a file moved.
    """
    is_new = not to.exists()
    try:
        to.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(
            f"{to}: the directory cannot be made: {error.strerror}", path=to, errno=error.errno
        ) from error
    if not hidden:
        try:
            yield to
        except BaseException as error:
            explain(error, f"{to} may hold files that are not complete")
            raise
        return
    hiding: Path | None = None
    is_filled = False
    try:
        with scratch_folder(to) as hiding:
            yield hiding
            is_filled = True
            _move(hiding, to)
    except BaseException as error:
        if hiding is not None and not is_filled:
            explain(error, _unchanged(to, hiding))
        if is_new:
            with suppress(OSError):
                to.rmdir()
        raise


def _unchanged(to: Path, hiding: Path) -> str:
    if not os.path.lexists(hiding):
        return f"{to} is as it was"
    return f"{to} holds the hidden folder {hiding.name}, which could not be removed, and is otherwise as it was"


def _move(folder: Path, to: Path) -> None:
    joined: list[tuple[Path, os.stat_result]] = []
    waiting = [(folder, to)]
    try:
        while waiting:
            source, target = waiting.pop()
            with os.scandir(source) as listing:
                entries = list(listing)
            for entry in entries:
                place = target / entry.name
                if entry.is_dir(follow_symlinks=False) and place.is_dir() and not place.is_symlink():
                    waiting.append((Path(entry.path), place))
                    joined.append((place, entry.stat(follow_symlinks=False)))
                else:
                    _rename(Path(entry.path), place)
        for place, facts in reversed(joined):
            os.utime(place, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    except OSError as error:
        raise StorageError(
            f"{to}: {error.strerror} -- some of the extracted files are in their places, each complete",
            path=to,
            errno=error.errno,
        ) from error


def _rename(source: Path, place: Path) -> None:
    try:
        source.replace(place)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        # Another file system is mounted in the target.
        shutil.move(source, place)
