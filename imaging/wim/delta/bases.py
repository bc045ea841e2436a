"""The bases of a delta: other WIMs whose contents it does not hold again."""

from __future__ import annotations

import fcntl
import glob
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from uuid import UUID

from osdimage.imaging.errors import InvalidRequest, StorageError, TargetRefused
from osdimage.imaging.output import refuse_source
from osdimage.imaging.wim.described.base import NotedBase, base_properties
from osdimage.imaging.wim.failures import wim_errors
from osdimage.imaging.wim.file import other_parts, reference_files
from osdimage.imaging.wim.opening import open_wim, opened_wim_file
from osdimage.imaging.wim.placed.on_disc import paths_fitting
from osdimage.imaging.wim.placed.place import opened_file
from osdimage.imaging.wim.stored.format import HEADER_SIZE, Header
from osdimage.native.wim.handles import WimHandle
from osdimage.native.wim.resource import BlobTable


def find_bases(patterns: Iterable[str], destination: Path) -> tuple[Path, ...]:
    """Return the files of bases; the other parts of a split one are found by their names.

    Args:
        patterns: files or glob patterns.
        destination: the delta.

    Raises:
        InvalidRequest: when nothing fits a pattern, or the delta would be its own base.
    """
    given = tuple(patterns)
    found: dict[Path, None] = {}
    for pattern in given:
        # A file whose own name is none that fits itself, such as "old[1].wim", is meant all the same.
        own = [pattern] if os.path.lexists(pattern) else []
        fitting = own or paths_fitting(pattern)
        if not fitting:
            raise InvalidRequest(f"{pattern}: there is no such file, nor one that fits it as a pattern")
        for name in fitting:
            refuse_source(destination, name, "the base of the delta")
            found[Path(name)] = None
    return tuple(dict.fromkeys(each for path in found for each in files_of(path, given)))


def files_of(path: Path, among: Sequence[str] = ()) -> tuple[Path, ...]:
    """Return the files of a WIM: itself, and the other parts of a split one that are found and not in ``among``."""
    patterns = other_parts(path, among)
    return (path, *(Path(each) for pattern in patterns for each in paths_fitting(pattern)))


@contextmanager
def held(bases: Sequence[Path]) -> Iterator[None]:
    """Keep other programs from changing bases, of which contents are left out because they are there.

    Raises:
        TargetRefused: when a program is changing one.
        StorageError: when one cannot be opened.
    """
    with ExitStack() as stack:
        for path in bases:
            file = stack.enter_context(opened_wim_file(path))
            try:
                fcntl.flock(file.descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise TargetRefused(f"{path}: another program is writing to it, so it cannot be a base now") from error
            except OSError:
                # A file system without locks; other programs go on without them, too.
                continue
        yield


def refer_to(handle: WimHandle, files: Sequence[Path]) -> None:
    """Let contents of a WIM be found in other files, too.

    Raises:
        OsdImageError: which names the file, when one is no WIM or cannot be read.
    """
    if files:
        reference_files(handle, patterns_of(files))


def patterns_of(files: Sequence[Path]) -> list[str]:
    """Return patterns that fit files and nothing else."""
    return [glob.escape(os.fspath(each)) for each in files]


def noted(bases: Sequence[Path]) -> tuple[NotedBase, ...]:
    """Return what an image notes of its bases.

    Raises:
        StorageError: when one cannot be read.
    """
    found = []
    for path in bases:
        try:
            with opened_file(path) as file:
                header = Header.parse(file.read(HEADER_SIZE, 0))
        except OSError as error:
            raise StorageError(f"{path}: {error.strerror}", path=path, errno=error.errno) from error
        found.append(NotedBase(path.name, str(UUID(bytes_le=header.guid))))
    return tuple(found)


def note_in(handle: WimHandle, index: int, bases: Sequence[Path]) -> None:
    """Note the bases of an image that is in memory, so that whoever has the delta alone knows what it needs.

    Raises:
        StorageError: when one cannot be read.
    """
    for where, text in base_properties(noted(bases)):
        handle.set_image_property(index, where, text)


def hashes_of(files: Sequence[Path]) -> frozenset[bytes]:
    """Return the SHA-1 of all contents that files hold.

    Raises:
        OsdImageError: as :func:`refer_to`.
    """
    found: set[bytes] = set()
    for path in files:
        # One by one: a handle that refers to others takes the memory of all.
        with wim_errors(path), open_wim(path) as handle:
            found.update(sha1 for sha1, _, _ in BlobTable(handle).of_files())
    return frozenset(found)
