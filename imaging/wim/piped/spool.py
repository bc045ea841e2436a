"""Keeping a WIM that comes from a stream in a file, for who must look into it in any order."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from osdimage.imaging.errors import OsdImageError, StorageError
from osdimage.imaging.progress import Meter, Phase, ProgressCallback
from osdimage.imaging.scratch import scratch_folder
from osdimage.imaging.wim.piped.relaid import receive
from osdimage.imaging.wim.piped.streams import InputStream


@contextmanager
def spooled(stream: InputStream, progress: ProgressCallback | None = None) -> Iterator[Path]:
    """Read a WIM from a stream to its end, and yield the path of a file that holds it, and is gone afterwards.

    The file is where ``TMPDIR`` says, and takes as much room as the stream.  A pipable WIM becomes a plain one on the
    way, so that all that can be done with a WIM can be done with this one.

    Args:
        stream: the stream.
        progress: receives the progress of reading, whose end is not known before.

    Raises:
        NotAWim: when it is none.
        CorruptWim: when it is a pipable one that is damaged, or ends too early.
        StorageError: when the stream cannot be read, or there is no room for the file.
    """
    with scratch_folder() as folder:
        path = folder / stream.name
        spool(stream, path, progress)
        with told_of(stream, path):
            yield path


@contextmanager
def told_of(stream: InputStream, path: Path) -> Iterator[None]:
    """Let errors name the stream in the place of the file that it is kept in, of which nobody knows."""
    try:
        yield
    except OsdImageError as error:
        kept = os.fspath(path)
        error.args = tuple(each.replace(kept, stream.name) if isinstance(each, str) else each for each in error.args)
        if error.remedy is not None:
            values = tuple(each.replace(kept, stream.name) for each in error.remedy.values)
            error.remedy = replace(error.remedy, values=values)
        if isinstance(error, StorageError) and error.path == kept:
            error.path = error.filename = stream.name
        raise


def spool(stream: InputStream, path: Path, progress: ProgressCallback | None = None) -> None:
    """Read a WIM from a stream to its end into a new file; see :func:`spooled`."""
    meter = Meter(progress, {Phase.READ: 1})
    with written(stream, path) as descriptor:
        stream.listener = lambda size: meter.step(Phase.READ, size, None)
        try:
            receive(stream, descriptor)
        finally:
            stream.listener = None


@contextmanager
def written(stream: InputStream, path: Path) -> Iterator[int]:
    """Yield the descriptor of a new file for what comes from a stream; errors say what it is for.

    Raises:
        StorageError: when it cannot be written.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            yield descriptor
        finally:
            os.close(descriptor)
    except OSError as error:
        if isinstance(error, OsdImageError):
            raise
        where = path.parent.parent
        raise StorageError(
            f"{where}: {error.strerror}: the WIM from {stream.name} is kept there as long as it is needed; name "
            "another place in TMPDIR",
            path=where,
            errno=error.errno,
        ) from error
