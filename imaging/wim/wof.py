"""The files of an image that Windows has compressed as a whole; see :mod:`osdimage.imaging.wof`.

An image that was captured from a volume has them as they are stored there.  libwim applies them so to NTFS; to a
directory it writes only their unnamed streams, which hold zeros.  So whoever takes such a file elsewhere asks here.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from osdimage.imaging import wof
from osdimage.imaging.errors import CorruptWim, InvalidInput, InvalidRequest, MissingParts, StorageError
from osdimage.imaging.wim.blobs import read_small_blobs
from osdimage.imaging.wim.contents import BlobSource, references
from osdimage.imaging.wim.failures import wim_errors
from osdimage.imaging.wim.opening import open_wim
from osdimage.imaging.wim.stored.reparse import ReparsePoint, reparse_points
from osdimage.imaging.wim.trees import read_tree
from osdimage.native.status import WimlibCode, WimlibError
from osdimage.native.text import to_c
from osdimage.native.wim.entries import Entry, each_entry
from osdimage.native.wim.handles import WimHandle
from osdimage.native.wim.resource import BlobTable
from osdimage.native.wim.tree import Audit

# WOF_EXTERNAL_INFO and what a provider adds to it; nothing that is known has more than some hundred bytes.
_LARGEST_DATA = 4096


@dataclass(frozen=True, slots=True)
class WofFile:
    """A file that Windows has compressed.

    Attributes:
        path: from the root, separated by ``/``.
        size: of the plain contents, in bytes.
        stored_sha1: of the stream that holds them compressed.
        algorithm: how.
    """

    path: str
    size: int
    stored_sha1: bytes
    algorithm: wof.Algorithm


def wof_files(
    path: Path, handle: WimHandle, index: int, audit: Audit, *, faults: dict[str, str] | None = None
) -> dict[str, WofFile]:
    """Return the compressed files of an image by their paths.

    Args:
        path: the WIM.
        handle: the open WIM.
        index: of the image.
        audit: of it; most images have no such files, and are not looked at again.
        faults: takes what cannot be read, by its path, with the end of a sentence about it; None refuses it.

    Raises:
        InvalidInput: when one cannot be read, such as one that is in another WIM (WIMBoot); it is named.
        InvalidRequest: when the WIM is pipable and has any.
        CorruptWim: when the tree is damaged.
        MissingParts: when the contents of one are in no file that is at hand.
        StorageError: when the WIM cannot be read.
    """
    if not audit.other_reparse_points:
        return {}
    there = _Lookup(path, handle, index)
    found = {
        each.path: each
        for each in _stored(path, handle, index)
        if each.tag == wof.TAG and not each.is_directory and there.has(each.path)
    }
    if not found:
        return {}
    collected: dict[str, str] = {}
    files = _facts(path, handle, found, collected)
    for name, fault in collected.items() if faults is None else ():
        more = f" ({len(collected) - 1} more like it)" if len(collected) > 1 else ""
        raise InvalidInput(f"{path}: image {index}: {name!r} {fault}{more}")
    if faults is not None:
        faults |= collected
    return files


def with_plain_sizes(audit: Audit, files: Iterable[WofFile]) -> Audit:
    """Return the audit of an image with the sizes that compressed files have when they are expanded."""
    return replace(audit, size=audit.size + sum(each.size for each in files))


def expanded(path: Path, handle: WimHandle, files: Iterable[WofFile]) -> Iterator[tuple[WofFile, Iterator[memoryview]]]:
    """Yield each file with its plain contents, which must be used up, or left, before the next is asked for.

    Raises:
        CorruptWim: when contents are damaged.
        MissingParts: when they are in no file that is at hand.
        StorageError: when the WIM, or a temporary file, cannot be read or written.
    """
    waiting: dict[bytes, list[WofFile]] = {}
    for each in files:
        waiting.setdefault(each.stored_sha1, []).append(each)
    for place in (path, *references(path, handle)):
        if not waiting:
            return
        source = BlobSource(place, waiting)
        holders = [waiting.pop(sha1) for _, sha1 in source.facts]
        for number, pieces in source.read([each[0].path for each in holders]):
            if len(holders[number]) == 1:
                yield holders[number][0], plain(path, holders[number][0], pieces)
                continue
            # Files of one content usually have one size, too; each is expanded by itself.
            held = b"".join(bytes(piece) for piece in pieces)
            for each in holders[number]:
                yield each, plain(path, each, (held,))
    for left in waiting.values():
        raise _elsewhere(path, left[0].path)


def plain(path: Path, file: WofFile, stored: Iterable[bytes | memoryview]) -> Iterator[memoryview]:
    """Yield the plain contents of a file of a WIM, given those that are stored.

    Raises:
        CorruptWim: when they are damaged.
        StorageError: when a temporary file cannot be written.
    """
    try:
        yield from wof.expand(stored, file.size, file.algorithm)
    except InvalidInput as error:
        if isinstance(error, CorruptWim):
            raise
        raise CorruptWim(f"{path}: {file.path!r} {error}") from error
    except OSError as error:
        raise StorageError(
            f"a temporary file cannot be written: {error.strerror}", path=path, errno=error.errno
        ) from error


def write_plain(path: Path, handle: WimHandle, files: Iterable[WofFile], places: dict[str, Path]) -> None:
    """Write the plain contents of files in place of the zeros that libwim has written.

    Args:
        path: the WIM.
        handle: the open WIM.
        files: of an image.
        places: where each is, by its path in the image; those without one are left out.

    Raises:
        CorruptWim, MissingParts: as :func:`expanded`.
        StorageError: when reading or writing failed.
    """
    wanted = [each for each in files if each.path in places]
    for each, pieces in expanded(path, handle, wanted):
        _overwrite(places[each.path], pieces)


def place_of(folder: Path, path: str) -> Path:
    """Return where libwim puts a path of an image below a folder, as it spells names on disk."""
    return Path(os.fsdecode(os.fsencode(folder) + to_c(path)))


def _overwrite(place: Path, pieces: Iterator[memoryview]) -> None:
    try:
        # libwim has made it a moment ago; whatever took its place since then is not followed.
        descriptor = os.open(place, os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        try:
            facts = os.fstat(descriptor)
            os.ftruncate(descriptor, 0)
            with open(descriptor, "wb", closefd=False) as file:
                file.writelines(pieces)
            os.utime(descriptor, ns=(facts.st_atime_ns, facts.st_mtime_ns))
        finally:
            os.close(descriptor)
    except OSError as error:
        raise StorageError(f"{place}: {error.strerror}", path=place, errno=error.errno) from error


class _Lookup:
    """Tells whether a path of the image still is such a file: another may have been put there in memory."""

    def __init__(self, path: Path, handle: WimHandle, index: int) -> None:
        self._path = path
        self._handle = handle
        self._index = index

    def has(self, path: str) -> bool:
        found: list[Entry] = []
        with wim_errors(self._path), suppress(_NotThere):
            try:
                each_entry(self._handle, self._index, path, recursive=False, visit=found.append)
            except WimlibError as error:
                if error.code == WimlibCode.PATH_DOES_NOT_EXIST:
                    raise _NotThere from error
                raise
        return bool(found) and found[0].reparse_tag == wof.TAG


class _NotThere(Exception):
    """There is nothing at a path."""


def _stored(path: Path, handle: WimHandle, index: int) -> Iterator[ReparsePoint]:
    """Read what an image has with a reparse point from its tree in the file."""
    data = read_tree(path, handle, index)
    if data is None:
        if handle.info().is_pipable:
            raise InvalidRequest(
                f"{path}: files that are links of Windows' own kinds cannot be read from a pipable WIM; export it first"
            )
        return
    try:
        yield from reparse_points(data)
    except CorruptWim as error:
        raise CorruptWim(f"{path}: image {index}: {error}") from error


def _facts(path: Path, handle: WimHandle, found: dict[str, ReparsePoint], faults: dict[str, str]) -> dict[str, WofFile]:
    """Find how each file is compressed and how large it is; add what cannot be read to the faults."""
    places = (path, *references(path, handle))
    data = _small(places, {each.data_sha1 for each in found.values() if each.data_sha1 is not None})
    sizes = _sizes(places, {each.contents_sha1 for each in found.values() if each.contents_sha1 is not None})
    files: dict[str, WofFile] = {}
    for each in found.values():
        for sha1, there in ((each.data_sha1, data), (each.contents_sha1, sizes)):
            if sha1 is not None and sha1 not in there:
                raise _elsewhere(path, each.path)
        try:
            algorithm = wof.parse(b"" if each.data_sha1 is None else data[each.data_sha1])
        except InvalidInput as error:
            faults[each.path] = str(error)
            continue
        stored = next((sha1 for name, sha1 in each.streams.items() if name.lower() == wof.STREAM.lower()), None)
        if each.contents_sha1 is None or stored is None:
            faults[each.path] = "is compressed by Windows (WOF), and its contents are not in the image"
        else:
            files[each.path] = WofFile(each.path, sizes[each.contents_sha1], stored, algorithm)
    return files


def _elsewhere(path: Path, name: str) -> MissingParts:
    return MissingParts(
        f"{path}: the contents of {name!r} are in another file: another part of a split WIM, or the base of a delta"
    )


def _small(places: Sequence[Path], hashes: set[bytes]) -> dict[bytes, bytes]:
    found: dict[bytes, bytes] = {}
    for place in places:
        with wim_errors(place):
            found |= read_small_blobs(place, hashes - found.keys(), largest=_LARGEST_DATA)
    return found


def _sizes(places: Sequence[Path], hashes: set[bytes]) -> dict[bytes, int]:
    found: dict[bytes, int] = {}
    for place in places:
        with wim_errors(place), open_wim(place) as opened:
            blobs = BlobTable(opened)
        found |= {sha1: size for size, sha1 in blobs.sizes_and_hashes(0, len(blobs)) if sha1 in hashes}
    return found
