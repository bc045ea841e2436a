"""Symbolic links that are followed while a tree is read."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from osdimage.imaging.errors import InvalidRequest, StorageError, quoted


def refuse_endless(source: Path, is_excluded: Callable[[str], bool]) -> None:
    """Refuse a tree that, with links followed, has no end, or has a link that leads nowhere.

    libwim follows a link to a directory above it again and again, until there is no memory.

    Args:
        source: the file or directory.
        is_excluded: tells whether a path from there, with ``/`` before each name, is left out.

    Raises:
        InvalidRequest: which names the link.
        StorageError: when a directory cannot be read.
    """
    path = os.fspath(source)
    try:
        facts = source.stat()
    except OSError as error:
        raise StorageError(f"{path}: {error.strerror}", path=source, errno=error.errno) from error
    # A directory is left when its number of directories above is come back to: no recursion, as trees may be deep.
    above: list[tuple[int, int]] = []
    open_directories = [(path, (facts.st_dev, facts.st_ino), 0)] if source.is_dir() else []
    while open_directories:
        folder, identity, depth = open_directories.pop()
        del above[depth:]
        above.append(identity)
        for entry, number in _directories(folder, lambda found: is_excluded(found.removeprefix(path))):
            if number in above:
                raise InvalidRequest(
                    f"{entry}: leads to a directory that it is in, so that what links lead to has no end; leave the "
                    "link out, or store links as they are"
                )
            open_directories.append((entry, number, depth + 1))


def _directories(folder: str, is_excluded: Callable[[str], bool]) -> list[tuple[str, tuple[int, int]]]:
    """Return the directories in one, links to some included, with what tells them from others."""
    found = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if is_excluded(entry.path):
                    continue
                if entry.is_symlink() and not Path(entry.path).exists():
                    target = os.fspath(Path(entry.path).readlink())
                    raise InvalidRequest(f"{entry.path}: leads to {quoted(target)}, which is not there")
                if entry.is_dir():
                    facts = entry.stat()
                    found.append((entry.path, (facts.st_dev, facts.st_ino)))
    except OSError as error:
        raise StorageError(f"{folder}: {error.strerror}", path=Path(folder), errno=error.errno) from error
    return found
