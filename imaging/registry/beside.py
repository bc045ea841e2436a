"""The logs beside a hive: what they are called, what they hold, and how they end when the hive is written.

The hive is written first, closed and with a later number than any of its logs; only then are these emptied.  When that
is interrupted, the logs are older than the hive, and whoever reads it ignores them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from osdimage.imaging.errors import InvalidRequest, InvalidVolume, StorageError
from osdimage.imaging.files import FileSource
from osdimage.imaging.registry.hive import Hive
from osdimage.imaging.registry.hive_log import LogFile
from osdimage.imaging.registry.read import read_hive
from osdimage.imaging.registry.replay import is_unclosed, replay, unused
from osdimage.imaging.units import MIB

if TYPE_CHECKING:
    from osdimage.imaging.volume.files import VolumeFiles

MAX_LOG_BYTES = 256 * MIB
"""Larger files are not read; those of Windows have some MB."""
_SUFFIXES = (".LOG1", ".LOG2", ".LOG")


def log_paths(path: str) -> tuple[str, ...]:
    """Return what the logs of a hive would be called."""
    return tuple(path + suffix for suffix in _SUFFIXES)


def read_with_logs(
    data: bytes, logs: Callable[[], Sequence[LogFile]], *, name: str = "hive", replays: bool = True
) -> Hive:
    """Read a hive with the changes that Windows has noted in its logs and not yet written into it.

    Args:
        data: the whole file.
        logs: returns its logs; called only when the hive was not closed.
        name: what messages call it.
        replays: whether those changes are wanted; otherwise the hive is read as it is, and is dirty.

    Raises:
        InvalidInput: as :func:`~osdimage.imaging.registry.read.read_hive`.
    """
    if not is_unclosed(data):
        return read_hive(data, name=name)
    found = replay(data, logs())
    # The numbers of the logs count in any case: what is written later must be newer.
    return read_hive(data, name=name, replay=found if replays else unused(found, data))


# ---- as contents


def logs_of(path: str, contents: Mapping[str, bytes]) -> list[LogFile]:
    """Return the logs of a hive out of contents of files by their paths."""
    return [LogFile(_name_of(each), contents[each]) for each in log_paths(path) if each in contents]


def with_empty_logs(path: str, contents: Mapping[str, bytes], data: bytes, hive: Hive) -> dict[str, bytes]:
    """Return the new contents of a hive, and of those of its logs that are emptied with it."""
    # Asked for only then: contents may be read when they are.
    held = (each for each in log_paths(path) if contents.get(each)) if hive.is_unclosed else ()
    return {path: data, **dict.fromkeys(held, b"")}


# ---- in volumes and images


def read_beside(files: FileSource, path: str, *, limit: int, name: str, replays: bool = True) -> Hive:
    """Read a hive of a volume or an image with the changes that are in its logs.

    Args:
        files: of the volume or image.
        path: of the hive.
        limit: the most bytes that it may have.
        name: what messages call it.
        replays: whether its logs are looked at.

    Raises:
        InvalidInput: when it is damaged, or no hive.
        InvalidRequest: when there is no such file.
        StorageError: when it cannot be read.
    """
    data = files.read(path, limit=limit)
    return read_with_logs(data, lambda: logs_in(files, path), name=name, replays=replays)


def logs_in(files: FileSource, path: str) -> list[LogFile]:
    """Return the logs of a hive of a volume or an image.

    Raises:
        StorageError: when the medium failed.
    """
    return [_log_in(files, each) for each in log_paths(path) if _is_file(files, each)]


def _is_file(files: FileSource, path: str) -> bool:
    facts = files.find(path)
    return facts is not None and not facts.is_directory


def _log_in(files: FileSource, path: str) -> LogFile:
    name = _name_of(path)
    try:
        return LogFile(name, files.read(path, limit=MAX_LOG_BYTES))
    except (InvalidVolume, InvalidRequest) as error:
        return LogFile(name, b"", fault=error.said)


def _name_of(path: str) -> str:
    return path.replace("\\", "/").rpartition("/")[2]


def write_beside(files: VolumeFiles, path: str, data: bytes, *, empties_logs: bool) -> None:
    """Write a hive of a volume, and empty its logs; both are one change of the volume.

    Args:
        files: of the volume, open for writing.
        path: of the hive.
        data: its new contents.
        empties_logs: whether the logs are emptied; those of a hive that was closed are older than it and may stay.

    Raises:
        OsdImageError: as :meth:`VolumeFiles.write`.
    """
    files.write(path, data)
    if empties_logs:
        empty_logs(files, path)


def empty_logs(files: VolumeFiles, path: str) -> None:
    """Empty the logs of a hive of a volume that hold something.

    Raises:
        OsdImageError: as :meth:`VolumeFiles.write`.
    """
    for each in log_paths(path):
        facts = files.find(each)
        if facts is not None and facts.size and not facts.is_directory and not facts.is_link:
            files.write(each, b"")


# ---- in directories of this machine


def files_beside(path: Path) -> list[Path]:
    """Return the logs that are beside a hive; of several whose names differ in case, the one named as the hive is.

    Raises:
        StorageError: when the directory cannot be read.
    """
    try:
        there = sorted(each.name for each in path.absolute().parent.iterdir())
    except OSError as error:
        raise StorageError(f"{path.parent}: {error.strerror}", path=path.parent, errno=error.errno) from error
    found = (_named(there, each) for each in log_paths(path.name))
    return [path.with_name(each) for each in found if each is not None and path.with_name(each).is_file()]


def _named(there: Iterable[str], wanted: str) -> str | None:
    same = [each for each in there if each.upper() == wanted.upper()]
    return wanted if wanted in same else next(iter(same), None)


def logs_beside(path: Path) -> list[LogFile]:
    """Return the logs that are beside a hive.

    Raises:
        StorageError: when the directory cannot be read.
    """
    return [_log_file(each) for each in files_beside(path)]


def _log_file(path: Path) -> LogFile:
    try:
        if path.stat().st_size > MAX_LOG_BYTES:
            return LogFile(path.name, b"", fault="it is larger than any log")
        return LogFile(path.name, path.read_bytes())
    except OSError as error:
        return LogFile(path.name, b"", fault=error.strerror)


def empty_files(path: Path) -> None:
    """Empty the logs beside a hive that was written and is on the medium.

    What a symbolic link leads to stays as it is: it need be no log, and a hive that is newer ignores it if it is one.

    Raises:
        StorageError: when one cannot be; the hive is written, and ignores it.
    """
    for each in files_beside(path):
        try:
            if each.stat().st_size and not each.is_symlink():
                descriptor = os.open(each, os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
                try:
                    os.ftruncate(descriptor, 0)
                    os.fsync(descriptor)
                finally:
                    os.close(descriptor)
        except OSError as error:
            text = f"{each}: cannot be emptied: {error.strerror}; {path} is written, and Windows ignores its old logs"
            raise StorageError(text, path=each, errno=error.errno) from error
