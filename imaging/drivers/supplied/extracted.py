"""Archives that a program takes apart into a folder for a while: cabinets, 7z, MSI, what extracts itself."""

from __future__ import annotations

import os
import stat
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from osdimage.imaging.drivers.supplied.folder import FolderFiles
from osdimage.imaging.drivers.supplied.members import (
    Member,
    SupplyLimits,
    refuse_bomb,
    refuse_unsafe,
    too_large,
    too_many,
)
from osdimage.imaging.drivers.supplied.programs import ArchiveKind, Extractor, NoArchive, extractor_for, no_archive
from osdimage.imaging.errors import InvalidInput, OsdImageError, quoted
from osdimage.imaging.logs import ran
from osdimage.imaging.scratch import scratch_folder

# How often the folder is looked at while a program fills it.
_LOOK_S = 0.2
# Bytes of a list for each member that there may be.
_LISTED = 1024


class ExtractedFiles(FolderFiles):
    """The files of an archive that lie in a folder for a while.

    Attributes:
        total_bytes: of all files together.
        members: how many files and folders there are.
    """

    def __init__(self, folder: Path, name: str, total_bytes: int, members: int) -> None:
        """Take the folder, which stays the caller's."""
        super().__init__(folder)
        self.name = name
        self.total_bytes = total_bytes
        self.members = members


@contextmanager
def extracted(path: Path, kind: ArchiveKind, name: str, limits: SupplyLimits) -> Iterator[ExtractedFiles]:
    """Take an archive apart into a folder of :mod:`osdimage.imaging.scratch`, and yield its files; they go afterwards.

    Args:
        path: of the archive.
        kind: what it is.
        name: what messages call it.
        limits: what it may become.

    Raises:
        InvalidInput: when it is damaged, not safe, or more than the limits allow, or a program that holds no archive.
        OsdImageError: when the program that extracts it is missing or fails.
        StorageError: when there is no place for the files.
    """
    program, extractor = extractor_for(kind, name)
    # What begins with a hyphen would be an option to some, whatever stands before it.
    archive = str(path.absolute())
    members, more = _members_of((program, extractor), archive, name, kind, limits)
    refuse_unsafe(name, members)
    refuse_bomb(name, members, path.stat().st_size, limits)
    with scratch_folder() as folder:
        first, *rest = (each.replace("{}", str(folder)) for each in extractor.extracting)
        _extract([program, first, *more, *rest, archive], folder, name, limits)
        found = list(_members_in(folder))
        # What was listed need not be what it makes.
        refuse_unsafe(name, found)
        _refuse_missing(name, members, found)
        total_bytes = refuse_bomb(name, found, path.stat().st_size, limits)
        yield ExtractedFiles(folder, name, total_bytes, len(found))


def _members_of(
    tool: tuple[str, Extractor], archive: str, name: str, kind: ArchiveKind, limits: SupplyLimits
) -> tuple[list[Member], tuple[str, ...]]:
    """Return what an archive says to hold, and the arguments with which it is one."""
    program, extractor = tool
    first, *rest = extractor.listing
    attempts = extractor.attempts if kind is ArchiveKind.PROGRAM else ((),)
    for number, more in enumerate(attempts, 1):
        try:
            return extractor.parse(name, _listed([program, first, *more, *rest, archive], name, kind, limits)), more
        except NoArchive:
            if number == len(attempts):
                raise
    raise no_archive(name)


def _refuse_missing(name: str, members: Sequence[Member], found: Sequence[Member]) -> None:
    """Refuse when a file that was listed was not extracted, or has another size; of an MSI sizes are not known."""
    sizes = {each.parts: each.size for each in found if not each.is_directory}
    for each in members:
        if not each.is_directory and (each.parts not in sizes or each.size not in {0, sizes[each.parts]}):
            raise InvalidInput(f"{name}: {quoted(each.name)} was not extracted whole: the archive is damaged")


def _listed(command: list[str], name: str, kind: ArchiveKind, limits: SupplyLimits) -> str:
    """Return what a program lists, or refuse when it is more than all members that are allowed can be."""
    most = limits.members * _LISTED
    with _running(command, name, subprocess.PIPE) as (process, errors):
        assert process.stdout is not None  # noqa: S101 - it is a pipe
        with process.stdout as stream:
            listed = stream.read(most + 1)
        if len(listed) > most:
            raise too_many(name, limits)
        process.wait()
        if process.returncode != 0:
            if kind is ArchiveKind.PROGRAM:
                raise no_archive(name)
            raise InvalidInput(f"{name}: is no {kind.value} that can be read: {_said(command, errors)}")
    return listed.decode("utf-8", "surrogateescape")


def _extract(command: list[str], folder: Path, name: str, limits: SupplyLimits) -> None:
    with _running(command, name, subprocess.DEVNULL) as (process, errors):
        pause = _LOOK_S
        while process.returncode is None:
            with suppress(subprocess.TimeoutExpired):
                process.wait(pause)
            begun = time.monotonic()
            _refuse_overflow(folder, name, limits)
            pause = max(_LOOK_S, 5 * (time.monotonic() - begun))
        if process.returncode != 0:
            raise InvalidInput(f"{name}: cannot be extracted: {_said(command, errors)}")


@contextmanager
def _running(command: list[str], name: str, output: int) -> Iterator[tuple[subprocess.Popen[bytes], BinaryIO]]:
    """Start a program, and end it in any case; yield what it says of errors, too, as a file that is never full."""
    with tempfile.TemporaryFile() as errors:
        try:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=errors,
                env={**os.environ, "LC_ALL": "C.UTF-8"},
            )
        except OSError as error:
            raise OsdImageError(f"{name}: {command[0]} cannot be run: {error.strerror}") from error
        try:
            yield process, errors
        finally:
            process.kill()
            ran(__name__, command, process.wait())


def _said(command: list[str], errors: BinaryIO) -> str:
    """Return what a program said of its failure, in a line: its first line that tells of an error, or else the last."""
    errors.seek(0)
    text = errors.read(1 << 16).decode("utf-8", "replace").replace(f"{command[-1]} : ", "")
    lines = [" ".join(line.split()) for line in text.splitlines() if line.strip()]
    told = [line for line in lines if line.lower().startswith("error: ")]
    return f"{Path(command[0]).name} says {(told or lines[::-1] or ['nothing'])[0]!r}"


def _refuse_overflow(folder: Path, name: str, limits: SupplyLimits) -> None:
    """Refuse what has become too much already, whatever the archive has said of itself."""
    total = count = 0
    for each in _members_in(folder):
        total += each.size
        count += 1
    if total > limits.total_bytes:
        raise too_large(name, total, limits)
    if count > limits.members:
        raise too_many(name, limits)


def _members_in(folder: Path) -> Iterator[Member]:
    """Yield what is below a folder; what goes meanwhile is passed over."""
    waiting = [""]
    while waiting:
        above = waiting.pop()
        with suppress(FileNotFoundError), os.scandir(folder / above) as entries:
            for entry in entries:
                path = f"{above}/{entry.name}" if above else entry.name
                with suppress(FileNotFoundError):
                    facts = entry.stat(follow_symlinks=False)
                    is_directory = stat.S_ISDIR(facts.st_mode)
                    is_file = stat.S_ISREG(facts.st_mode) and facts.st_nlink == 1
                    yield Member(path, facts.st_size if is_file else 0, is_directory, is_plain=is_directory or is_file)
                    if is_directory:
                        waiting.append(path)
