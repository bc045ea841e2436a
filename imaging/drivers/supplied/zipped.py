"""The files of a ZIP, read where they are.

Source: PKWARE, "APPNOTE.TXT - .ZIP File Format Specification", which :mod:`zipfile` reads.  What that believes of a
file, and what a hostile one would make it do, is compared here first.
"""

from __future__ import annotations

import errno
import io
import lzma
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from osdimage.imaging.attributes import FileAttribute
from osdimage.imaging.drivers.supplied.members import (
    Member,
    SupplyLimits,
    refuse_bomb,
    refuse_unsafe,
    too_many,
)
from osdimage.imaging.drivers.supplied.names import split
from osdimage.imaging.errors import InvalidInput, InvalidRequest, StorageError, quoted
from osdimage.imaging.files import FileFacts, FileSource
from osdimage.imaging.units import MIB

# What zipfile is known to raise for files that contradict themselves; which one depends on the release of Python.
_DAMAGE = (
    zipfile.BadZipFile,
    NotImplementedError,
    RuntimeError,
    ValueError,
    OverflowError,
    EOFError,
    IndexError,
    struct.error,
    zlib.error,
    lzma.LZMAError,
)
# Bytes of the directory of a ZIP for each member that there may be; names and what belongs to them.
_ENTRY = 256
_ENTRY_MARK = b"PK\x01\x02"
# An entry of the directory, and the header before the contents, without names.
_HEADER = 30
_UNIX = 3
_ENCRYPTED = 1
PLAIN_METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
"""How members that are read here are compressed; others need a program."""


class ZipFiles(FileSource):
    """The files of a ZIP that is open and stays the caller's.

    Attributes:
        total_bytes: of all files together.
        members: how many files and folders it holds.
    """

    def __init__(self, opened: zipfile.ZipFile, name: str, archive_bytes: int, limits: SupplyLimits) -> None:
        """Look at all that it says to hold.

        Raises:
            InvalidInput: when that is not safe, contradicts itself, or is more than the limits allow.
        """
        super().__init__(name)
        self._zip = opened
        infos = opened.infolist()
        members = [_member(each) for each in infos]
        refuse_unsafe(name, members)
        self.total_bytes = refuse_bomb(name, members, archive_bytes, limits)
        self.members = len(members)
        _refuse_overlapping(name, infos)
        self._infos: dict[tuple[str, ...], zipfile.ZipInfo] = {}
        self._facts: dict[tuple[str, ...], FileFacts] = {(): _facts_of((), None)}
        self._below: dict[tuple[str, ...], list[FileFacts]] = {(): []}
        for info, member in zip(infos, members, strict=True):
            if not member.is_directory:
                self._infos[_folded(member.parts)] = info
            self._add(member.parts, None if member.is_directory else info)

    def find(self, path: str) -> FileFacts | None:
        """Return what is at a path; see :meth:`FileSource.find`."""
        parts = split(path)
        found = self._facts.get(_folded(parts))
        return None if found is None else replace(found, path="/".join(parts))

    def list(self, path: str = "") -> list[FileFacts]:
        """Return what is in a directory; see :meth:`FileSource.list`."""
        found = self._below.get(_folded(split(path)))
        if found is None:
            raise InvalidRequest(f"{self.name}: there is no directory {quoted(path)}")
        return sorted(found, key=lambda each: each.path)

    def _read(self, facts: FileFacts) -> bytes:
        info = self._infos[_folded(split(facts.path))]
        try:
            with self._zip.open(info) as file:
                data = file.read(info.file_size)
        except OSError as error:
            raise StorageError(f"{self.name}: {error.strerror}", path=self.name, errno=error.errno) from error
        except _DAMAGE as error:
            raise InvalidInput(f"{self.name}: {quoted(facts.path)} is damaged: {error}") from error
        if len(data) != info.file_size:
            raise InvalidInput(
                f"{self.name}: {quoted(facts.path)} is damaged: it ends after {len(data)} of {info.file_size} bytes"
            )
        return data

    def _add(self, parts: tuple[str, ...], info: zipfile.ZipInfo | None) -> None:
        """Add a member and the folders above it, which need not be members."""
        for count in range(1, len(parts) + 1):
            folded = _folded(parts[:count])
            if folded in self._facts:
                continue
            made = _facts_of(parts[:count], info if count == len(parts) else None)
            self._facts[folded] = made
            if made.is_directory:
                self._below[folded] = []
            self._below[folded[:-1]].append(made)


@contextmanager
def open_zip(path: Path, name: str, limits: SupplyLimits) -> Iterator[ZipFiles | None]:
    """Open a ZIP, also one behind a program that extracts it; yield None when the file is none.

    None is yielded for one with other compression than of :data:`PLAIN_METHODS`, too.

    Args:
        path: of the file.
        name: what messages call it.
        limits: what it may become.

    Raises:
        InvalidInput: as :class:`ZipFiles`, or when it begins as a ZIP and is damaged.
        StorageError: when it cannot be read.
    """
    try:
        file = path.open("rb")
    except OSError as error:
        raise StorageError(f"{name}: {error.strerror}", path=path, errno=error.errno) from error
    with file:
        size = file.seek(0, io.SEEK_END)
        opened = _zip_in(file, name, limits)
        if opened is None or not all(each.compress_type in PLAIN_METHODS for each in opened.infolist()):
            yield None
            return
        yield ZipFiles(opened, name, size, limits)


def _zip_in(file: BinaryIO, name: str, limits: SupplyLimits) -> zipfile.ZipFile | None:
    guarded = _Guarded(file, limits.members)
    try:
        file.seek(0)
        is_plain = file.read(2) == b"PK"
        opened = zipfile.ZipFile(guarded)
    except _TooMuch as error:
        raise too_many(name, limits) from error
    except (OSError, *_DAMAGE) as error:
        if isinstance(error, OSError) and error.errno != errno.EINVAL:
            raise StorageError(f"{name}: {error.strerror}", path=name, errno=error.errno) from error
        if is_plain:
            raise InvalidInput(f"{name}: is a damaged ZIP: {error}") from error
        return None
    guarded.most = None
    return opened


class _TooMuch(Exception):
    """The directory of a ZIP is larger than is allowed."""


class _Guarded(io.RawIOBase):
    """A file of which nobody reads the directory of a ZIP with more members than are allowed.

    :mod:`zipfile` reads the directory in one piece, whatever its size, and makes half a kilobyte of each entry.
    """

    def __init__(self, file: BinaryIO, most: int) -> None:
        super().__init__()
        self._file = file
        self.most: int | None = most

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def read(self, size: int = -1) -> bytes:
        if self.most is not None and size > self.most * _ENTRY + MIB:
            raise _TooMuch
        data = self._file.read(size)
        if self.most is not None and data.count(_ENTRY_MARK) > self.most:
            raise _TooMuch
        return data


def _member(info: zipfile.ZipInfo) -> Member:
    kind = stat.S_IFMT(info.external_attr >> 16) if info.create_system == _UNIX else 0
    is_directory = info.orig_filename.endswith(("/", "\\"))
    return Member(
        # filename is cut off at a NUL.
        info.orig_filename,
        0 if is_directory else info.file_size,
        is_directory=is_directory,
        is_plain=kind in {0, stat.S_IFREG, stat.S_IFDIR},
        is_encrypted=bool(info.flag_bits & _ENCRYPTED),
    )


def _refuse_overlapping(name: str, infos: list[zipfile.ZipInfo]) -> None:
    """Refuse members that share their compressed bytes: so a small file says to hold any number of large ones.

    Source: D. Fifield, "A better zip bomb" (WOOT 2019).
    """
    end = 0
    for each in sorted(infos, key=lambda each: each.header_offset):
        if each.header_offset < end:
            raise InvalidInput(f"{name}: {quoted(each.filename)} lies within another member")
        end = each.header_offset + _HEADER + each.compress_size


def _facts_of(parts: tuple[str, ...], info: zipfile.ZipInfo | None) -> FileFacts:
    return FileFacts(
        "/".join(parts),
        is_directory=info is None,
        size=0 if info is None else info.file_size,
        attributes=int(FileAttribute.DIRECTORY if info is None else FileAttribute.NORMAL),
        # A ZIP tells a local time of somewhere.
        modified_ns=None,
    )


def _folded(parts: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(part.casefold() for part in parts)
