"""Files that are opened by a path, wherever their bytes are."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from osdimage.imaging.wim.placed import on_disc


@dataclass(frozen=True, slots=True)
class PlacedFile:
    """A file that is open for reading.

    Attributes:
        descriptor: of it, or of another in which it lies.
        begin: where it begins in what the descriptor has.
        size: how many bytes it has; 0 of what has no size, such as a pipe.
        is_regular: whether it is a regular file.
    """

    descriptor: int
    begin: int
    size: int
    is_regular: bool = True

    def read(self, size: int, offset: int) -> bytes:
        """Return bytes, fewer where the file ends before.

        Raises:
            OSError: when they cannot be read.
        """
        if offset >= self.size:
            # The system takes no place that is farther than any file reaches.
            return b""
        return os.pread(self.descriptor, min(size, self.size - offset), self.begin + offset)


def whole(descriptor: int) -> PlacedFile:
    """Return all that a descriptor has.

    Raises:
        OSError: when it cannot be looked at.
    """
    facts = os.fstat(descriptor)
    if stat.S_ISREG(facts.st_mode):
        return PlacedFile(descriptor, 0, facts.st_size)
    try:
        return PlacedFile(descriptor, 0, os.lseek(descriptor, 0, os.SEEK_END), is_regular=False)
    except OSError:
        return PlacedFile(descriptor, 0, 0, is_regular=False)


@contextmanager
def opened_file(path: Path) -> Iterator[PlacedFile]:
    """Open a file by a path of this machine, or of a disc.

    Raises:
        OSError: when it cannot be opened; ``strerror`` says which part of a path is not there.
        InvalidInput: when it is on a disc that is damaged, or in a form that cannot be read at its place.
    """
    place = on_disc.disc_path(path)
    # Whether it is a pipe, for which opening would wait, is asked by whoever wants no pipes.
    descriptor = os.open(path if place is None else place.disc, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        if place is None:
            yield whole(descriptor)
        else:
            where = on_disc.located(place)
            yield PlacedFile(descriptor, where.begin, where.size)
    finally:
        os.close(descriptor)


def identity(path: Path) -> tuple[int, int, int]:
    """Return what two paths of one file have in common: device, inode, and where it begins.

    Raises:
        OSError, InvalidInput: as :func:`opened_file`.
    """
    place = on_disc.disc_path(path)
    facts = (path if place is None else place.disc).stat()
    return facts.st_dev, facts.st_ino, 0 if place is None else on_disc.located(place).begin


def size_of(path: Path) -> int:
    """Return how many bytes a file has.

    Raises:
        OSError, InvalidInput: as :func:`opened_file`.
    """
    place = on_disc.disc_path(path)
    return path.stat().st_size if place is None else on_disc.located(place).size


def is_there(path: Path) -> bool:
    """Tell whether there is a file or folder, on this machine or on a disc."""
    place = on_disc.disc_path(path)
    if place is None:
        return path.exists()
    try:
        on_disc.located(place)
    except OSError as error:
        return error.errno not in {errno.ENOENT, errno.ENOTDIR}
    return True
