"""Single files of an NTFS volume; see ``volume/files.py``."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from osdimage.imaging import wof
from osdimage.imaging.attributes import FileAttribute
from osdimage.imaging.disk.content import Content
from osdimage.imaging.disk.volume import OpenVolume
from osdimage.imaging.errors import (
    InvalidInput,
    InvalidRequest,
    InvalidVolume,
    OsdImageError,
    StorageError,
)
from osdimage.imaging.files import FileFacts, split_path
from osdimage.imaging.filetime import from_ns, to_ns
from osdimage.imaging.units import MIB
from osdimage.imaging.volume.files import VolumeFiles
from osdimage.imaging.volume.ntfs import session, state
from osdimage.imaging.volume.ntfs.journal import tell_journal
from osdimage.imaging.volume.ntfs.wof import WofRecords
from osdimage.native.ntfs.files import ROOT, NtfsAbout, NtfsFiles
from osdimage.native.ntfs.volume import VolumeFacts
from osdimage.native.slices.slices import Slice

_BESIDE_SUFFIX = ".osdimage-new"
_LONGEST_NAME = 255

_PIECE = 16 * MIB


def beside(name: str) -> str:
    """Return the name under which earlier versions wrote new contents of a file before they replaced the old ones."""
    return name[: _LONGEST_NAME - len(_BESIDE_SUFFIX)] + _BESIDE_SUFFIX


@contextmanager
def open_ntfs(volume: OpenVolume, *, write: bool, force: bool, sync: bool) -> Iterator[VolumeFiles]:
    """Open the files of an NTFS volume; see :func:`~osdimage.imaging.volume.filesystems.open_files`."""
    if volume.target.is_writable:
        # First of all: what is read next is to be what is there.
        session.finish(volume, sync=sync)
    if not write:
        tell_journal(volume)
        with (
            session.as_it_will_be(volume) as source,
            volume.sliced(read_only=True, source=source) as piece,
            state.write_errors(volume, piece),
            _opened(volume, piece, read_only=True) as native,
        ):
            yield _NtfsVolumeFiles(volume, native, is_writable=False)
        return
    with volume.sliced(read_only=True) as piece:
        facts = state.read_facts(volume, piece)
        state.refuse_unsafe(volume, facts, force=force)
    if facts.has_open_log:
        from osdimage.imaging.volume.ntfs.unfinished import refuse_unsound  # noqa: PLC0415 - construct comes with it

        # What only the journal has may be what holds the volume together.
        refuse_unsound(volume)
    with (
        session.edits(volume, lambda: _mark_dirty(volume, facts, sync=sync), sync=sync) as source,
        # What is held need not be synced.
        volume.sliced(read_only=False, sync=False, source=source) as piece,
        state.clean_at_end(volume, piece, facts),
        _opened(volume, piece, read_only=False) as native,
    ):
        yield _NtfsVolumeFiles(volume, native, is_writable=True)


def _mark_dirty(volume: OpenVolume, facts: VolumeFacts, *, sync: bool) -> None:
    """Mark a volume dirty before its files are changed, and tell what is lost with that."""
    state.mark_dirty(volume, facts, sync=sync)
    if facts.has_open_log:
        volume.opening.tell(__name__, f"{volume.name}: {state.GIVEN_UP}")


@contextmanager
def _opened(volume: OpenVolume, piece: Slice, *, read_only: bool) -> Iterator[NtfsFiles]:
    try:
        native = NtfsFiles(piece.name, read_only=read_only)
    except OSError as error:
        state.refuse_unreadable(volume, piece)
        if error.errno == errno.EIO:
            raise InvalidInput(f"{volume.name}: the NTFS volume is damaged; {state.CHECK}") from error
        raise InvalidInput(f"{volume.name}: the NTFS volume cannot be opened: {error.strerror}") from error
    try:
        yield native
    except BaseException:
        with _failing(volume, "closing the volume", quiet=True):
            native.close()
        raise
    with _failing(volume, "closing the volume"):
        native.close()


@contextmanager
def _failing(volume: OpenVolume, what: str, *, quiet: bool = False) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if not quiet:
            raise _failure(volume, what, error) from error


def _failure(volume: OpenVolume, what: str, error: OSError) -> OsdImageError:
    if error.errno == errno.ENOSPC:
        # No refusal: some of it is written, though into clusters that are free.
        return StorageError(f"{volume.name}: {what}: the volume is full", path=volume.path, errno=errno.ENOSPC)
    if error.errno == errno.EOPNOTSUPP:
        return InvalidVolume(
            f"{what}: it is a link, or encrypted, or stored as only Windows reads it", volume=volume.name
        )
    if error.errno in {errno.EOVERFLOW, errno.ERANGE}:
        return InvalidVolume(f"{what}: the file claims more than its clusters hold; {state.CHECK}", volume=volume.name)
    if error.errno in {errno.EIO, errno.EINVAL, errno.ENOENT}:
        # A record that cannot be, or is not where a directory says; a medium that fails is told by the slice.
        return InvalidVolume(f"{what}: the NTFS volume is damaged there; {state.CHECK}", volume=volume.name)
    return StorageError(f"{volume.name}: {what}: {volume.target.reason(error)}", path=volume.path, errno=error.errno)


class _NtfsVolumeFiles(VolumeFiles):
    content = Content.NTFS

    def __init__(self, volume: OpenVolume, native: NtfsFiles, *, is_writable: bool) -> None:
        super().__init__(volume.name, is_writable=is_writable)
        self._volume = volume
        self._native = native
        self._records: WofRecords | None = None

    def find(self, path: str) -> FileFacts | None:
        parts = split_path(path)
        found = self._find(parts)
        return None if found is None else self._facts("/".join(parts), found)

    def list(self, path: str = "") -> list[FileFacts]:
        parts = split_path(path)
        about = self._find(parts)
        if about is None or not about.is_directory or _is_link(about):
            raise InvalidRequest(f"{self.name}: there is no directory {path!r}")
        prefix = "".join(f"{part}/" for part in parts)
        with _failing(self._volume, f"listing {path!r}"):
            # Another name of a file, or one that a deletion left behind, is not listed twice.
            children = dict(self._native.children(about.reference))
            return [self._facts(prefix + name, self._native.about(children[name])) for name in sorted(children)]

    def write(self, path: str, data: bytes, *, attributes: int | None = None, modified_ns: int | None = None) -> None:
        parts = self._file_parts(path)
        folder = self._folder(parts[:-1], path, modified_ns)
        with _failing(self._volume, f"writing {path!r}"):
            old = self._native.child(folder.reference, parts[-1])
            filetime = _filetime(modified_ns)
            if old is None:
                made = self._native.make_file(folder.reference, parts[-1], data, time=filetime)
                self._native.set_attributes(made.reference, FileAttribute.ARCHIVE if attributes is None else attributes)
                return
            if old.is_directory:
                raise InvalidRequest(f"{self.name}: {path!r} is a directory")
            self._replace(folder, parts[-1], old, data, filetime)
            if attributes is not None:
                self._native.set_attributes(old.reference, attributes)

    def write_pieces(self, path: str, pieces: Iterable[bytes], size: int, *, modified_ns: int | None = None) -> None:
        parts = self._file_parts(path)
        folder = self._folder(parts[:-1], path, modified_ns)
        with _failing(self._volume, f"writing {path!r}"):
            made = self._native.make_file(folder.reference, parts[-1], b"", time=_filetime(modified_ns))
            self._native.set_attributes(made.reference, FileAttribute.ARCHIVE)
            self._native.reserve(made.reference, size)
        at = 0
        # Beside the others: that a piece cannot be read is no failure of this volume.
        for each in self._of_size(path, pieces, size):
            with _failing(self._volume, f"writing {path!r}"):
                self._native.write(made.reference, at, each)
            at += len(each)

    def _replace(self, folder: NtfsAbout, name: str, old: NtfsAbout, data: bytes, filetime: int) -> None:
        """Overwrite a file, with all else about it kept; one that Windows has compressed becomes plain."""
        is_compressed = self._compressed(old)
        if _is_link(old) and not is_compressed:
            raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))
        if is_compressed:
            self._native.overwrite_covered(old.reference, wof.STREAM, data, time=filetime)
        else:
            self._native.overwrite(old.reference, data, time=filetime)
        # What earlier versions left there when they were interrupted; it would be in the way for ever.
        dead = beside(name)
        if self._native.child(folder.reference, dead) is not None:
            self._native.delete(folder.reference, dead)

    def make_directory(self, path: str, *, attributes: int | None = None, modified_ns: int | None = None) -> None:
        folder = self._folder(self._file_parts(path), path, modified_ns)
        if attributes is not None:
            with _failing(self._volume, f"writing {path!r}"):
                self._native.set_attributes(folder.reference, attributes)

    def set_attributes(self, path: str, attributes: int) -> None:
        reference = self._existing(self._file_parts(path), path).reference
        with _failing(self._volume, f"writing {path!r}"):
            self._native.set_attributes(reference, attributes)

    def delete(self, path: str) -> None:
        parts = self._file_parts(path)
        self._existing(parts, path)
        folder = self._existing(parts[:-1], path)
        with _failing(self._volume, f"deleting {path!r}"):
            try:
                self._native.delete(folder.reference, parts[-1])
            except OSError as error:
                if error.errno != errno.ENOTEMPTY:
                    raise
                raise InvalidRequest(f"{self.name}: the directory {path!r} is not empty") from error

    def _read(self, facts: FileFacts) -> bytes:
        return b"".join(self._pieces(facts))

    def _pieces(self, facts: FileFacts) -> Iterator[bytes]:
        about = self._existing(split_path(facts.path), facts.path)
        if self._compressed(about):
            yield self._read_compressed(about, facts)
            return
        left = facts.size
        while left > 0:
            with _failing(self._volume, f"reading {facts.path!r}"):
                piece = self._native.read(about.reference, facts.size - left, min(left, _PIECE))
            if not piece:
                raise InvalidVolume(f"{facts.path!r} ends after {facts.size - left} bytes", volume=self.name)
            yield piece
            left -= len(piece)

    def _compressed(self, about: NtfsAbout) -> bool:
        """Tell whether Windows has compressed a file as a whole; see :mod:`osdimage.imaging.wof`."""
        if about.is_directory or not _is_link(about):
            return False
        try:
            return self._wof().is_compressed(about.reference)
        except InvalidVolume as error:
            raise InvalidVolume(error.fault, volume=self.name) from error

    def _read_compressed(self, about: NtfsAbout, facts: FileFacts) -> bytes:
        try:
            return self._wof().read(about.reference)
        except InvalidVolume as error:
            raise InvalidVolume(f"{facts.path!r}: {error.fault}", volume=self.name) from error
        except InvalidInput as error:
            raise InvalidVolume(f"{facts.path!r} {error}", volume=self.name) from error

    def _wof(self) -> WofRecords:
        # Files that are compressed are none of those that were made since the volume was opened: the medium has them.
        if self._records is None:
            self._records = WofRecords(self._volume.window())
        return self._records

    def _facts(self, path: str, about: NtfsAbout) -> FileFacts:
        attributes = about.attributes & 0xFFFF | (FileAttribute.DIRECTORY if about.is_directory else 0)
        unreadable = FileAttribute.REPARSE_POINT | (0 if about.is_directory else FileAttribute.ENCRYPTED)
        is_link = bool(about.attributes & unreadable) and not self._compressed(about)
        return FileFacts(path, about.is_directory, about.size, int(attributes), to_ns(about.modified), is_link)

    def _existing(self, parts: tuple[str, ...], path: str) -> NtfsAbout:
        found = self._find(parts)
        if found is None:
            raise InvalidRequest(f"{self.name}: there is no {path!r}")
        return found

    def _find(self, parts: tuple[str, ...]) -> NtfsAbout | None:
        """Walk down; return what is there, or None."""
        with _failing(self._volume, f"looking for {'/'.join(parts)!r}"):
            here = self._native.about(ROOT)
            for part in parts:
                if not here.is_directory:
                    return None
                if _is_link(here):
                    raise InvalidRequest(
                        f"{self.name}: {'/'.join(parts)!r} leads through a link, which is not followed"
                    )
                below = self._native.child(here.reference, part)
                if below is None:
                    return None
                here = below
        return here

    def _folder(self, parts: tuple[str, ...], path: str, modified_ns: int | None) -> NtfsAbout:
        """Return a directory; it and those above it are made when they are missing."""
        with _failing(self._volume, f"writing {path!r}"):
            here = self._native.about(ROOT)
            for part in parts:
                below = self._native.child(here.reference, part)
                if below is None:
                    below = self._native.make_directory(here.reference, part, time=_filetime(modified_ns))
                    self._native.set_attributes(below.reference, 0)
                if not below.is_directory or _is_link(below):
                    raise InvalidRequest(f"{self.name}: {path!r} cannot be: {part!r} is not a directory")
                here = below
        return here


def _is_link(about: NtfsAbout) -> bool:
    return bool(about.attributes & FileAttribute.REPARSE_POINT)


def _filetime(time_ns: int | None) -> int:
    return from_ns(time.time_ns() if time_ns is None else time_ns)
