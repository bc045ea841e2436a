"""Folders in which something is made ready before it takes its place; what a killed process leaves is swept up.

Such a folder is locked as long as its maker lives.  Where there are no locks, nobody sweeps.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from osdimage.imaging.errors import explain

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


class WorkingFolder:
    """A folder in which something is made ready.

    Attributes:
        path: where it is.
        is_kept: whether it stays when its maker is done.
    """

    def __init__(self, path: Path) -> None:
        """Begin with what is to be removed."""
        self.path = path
        self.is_kept = False


@contextmanager
def working_folder(parent: Path, prefix: str) -> Iterator[WorkingFolder]:
    """Yield a new folder in another one, which is removed afterwards unless it is kept or has another name then.

    Raises:
        OSError: when it cannot be made.
    """
    path, descriptor = _new_folder(parent, prefix)
    folder = WorkingFolder(path)
    try:
        yield folder
    except BaseException as error:
        _remove(folder)
        if path.exists():
            explain(error, f"{path} could not be removed")
        raise
    else:
        _remove(folder)
    finally:
        # After the files: with the descriptor goes the lock that says whose they are.
        os.close(descriptor)


def _remove(folder: WorkingFolder) -> None:
    if not folder.is_kept:
        shutil.rmtree(folder.path, ignore_errors=True)


def _new_folder(parent: Path, prefix: str) -> tuple[Path, int]:
    """Make a folder and lock it; another process may sweep it up in the moment between."""
    while True:
        path = parent / f"{prefix}{os.urandom(8).hex()}"
        try:
            path.mkdir()
            descriptor = _locked(path)
        except BaseException:
            # A signal, too, may come as soon as it is there.
            with suppress(OSError):
                path.rmdir()
            raise
        if descriptor is not None:
            return path, descriptor


def _locked(path: Path) -> int | None:
    """Lock a new folder, and return its descriptor; None when it was swept up."""
    try:
        descriptor = os.open(path, _DIRECTORY)
    except FileNotFoundError:
        return None
    # Who sweeps has it for a moment.
    with suppress(OSError):
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    if path.is_dir():
        return descriptor
    os.close(descriptor)
    return None


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Wait until no other process is inside such a ``with`` for the same folder; where there are no locks, do not.

    Raises:
        OSError: when the folder cannot be opened.
    """
    descriptor = os.open(folder, _DIRECTORY)
    try:
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def left_behind(parent: Path, prefix: str) -> Iterator[list[Path]]:
    """Yield the folders of processes that were killed, which nobody takes for his own meanwhile."""
    with ExitStack() as stack:
        found: list[Path] = []
        with suppress(OSError):
            folders = sorted(parent.glob(f"{prefix}*"))
            found.extend(each for each in folders if stack.enter_context(_held_if_dead(each)))
        yield found


def sweep(parent: Path, prefix: str) -> None:
    """Remove the folders of processes that were killed."""
    with left_behind(parent, prefix) as dead:
        remove_folders(dead)


def remove_folders(folders: list[Path]) -> None:
    """Remove folders; what cannot be, stays."""
    for each in folders:
        shutil.rmtree(each, ignore_errors=True)


def sync(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the medium.

    Raises:
        OSError: when the medium refuses.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _held_if_dead(folder: Path) -> Iterator[bool]:
    """Tell whether nobody works in a folder any more; if so, nobody begins to inside the ``with``."""
    try:
        descriptor = os.open(folder, _DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        yield False
        return
    try:
        is_dead = True
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            is_dead = False
        yield is_dead
    finally:
        os.close(descriptor)
