r"""Which names of an image a target takes.

What no name may be is refused everywhere (``wim/names.py``): more than 255 UTF-16 units (12 of a short name), a
separator, a colon, ``.`` and ``..``.  Of names that a WIM may hold and Windows does not open:

====================================================  =========  ==========  ==========
name                                                  directory  NTFS        FAT32
====================================================  =========  ==========  ==========
differs from another of its folder in case only       kept [1]_  kept, told  refused
holds one of ``< > " | ? *`` or a control character   kept [1]_  kept, told  refused
ends in a dot or a blank                              kept [1]_  kept, told  refused
of a device: ``CON``, ``lpt1.txt``                    kept [1]_  kept, told  kept, told
holds half a surrogate pair                           kept [1]_  kept, told  kept, told
short name that cannot be, or that two files have     dropped    refused     made anew
====================================================  =========  ==========  ==========

.. [1] Where the file system takes it, which is tried in a folder that is removed again; else the target is refused.

Streams exist on NTFS only.  A directory also has limits for the bytes of a name, of a path and of the target of a link,
and NTFS for the size of a reparse point.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from osdimage.imaging.errors import StorageError, TargetRefused, UnsafeName, quoted
from osdimage.imaging.loss import Loss
from osdimage.imaging.wim.blobs import read_small_blobs
from osdimage.imaging.wim.entries import Audit, Entry
from osdimage.imaging.wim.failures import wim_errors
from osdimage.imaging.wim.image import WimImage
from osdimage.imaging.wim.names import REFUSED, names_told, refusal
from osdimage.native.text import to_c
from osdimage.native.wim.tree import Fault

_REFUSED_ON = {"NTFS": frozenset({Fault.SHORT}), "FAT32": frozenset({Fault.TWIN})}
# What else FAT32 refuses, of what it takes of an image: volume/fat/names.py.
_REFUSED_BY_FAT = frozenset({Fault.CHARACTER, Fault.END})
# [MS-FSCC] 2.1.2.1: 16 KiB, of which the header takes eight bytes.
_LARGEST_REPARSE_DATA = 16 * 1024 - 8
# PATH_MAX of Linux, with the zero at the end.
_LONGEST_PATH = 4096
# A link whose reparse data are no larger has a target that every file system takes, the path of the directory before it
# included, as far as that is usual.
_SMALL_LINK = 300
_LINKS = {0xA000000C, 0xA0000003}


def refuse_for_volume(path: Path, index: int, audit: Audit, filesystem: str) -> None:
    """Refuse an image with a name or a reparse point that a kind of volume does not take.

    Args:
        path: the WIM.
        index: the image.
        audit: of the image.
        filesystem: ``NTFS`` or ``FAT32``.

    Raises:
        UnsafeName: which names the first.
    """
    for each in audit.faulty:
        if each.fault not in _REFUSED_ON[filesystem]:
            continue
        # FAT has no streams, so that their names do not matter.
        paths = [path for path in each.examples if filesystem == "NTFS" or ":" not in path]
        if paths:
            raise UnsafeName(
                f"{path}: image {index}: {refusal(replace(each, examples=tuple(paths)))}, which a volume of "
                f"{filesystem} cannot hold",
                path=paths[0],
            )
    if filesystem == "NTFS" and audit.extent.largest_reparse > _LARGEST_REPARSE_DATA:
        raise UnsafeName(
            f"{path}: image {index}: a reparse point of {audit.extent.largest_reparse} bytes, "
            f"{quoted(audit.extent.largest_reparse_at)}, is larger than the {_LARGEST_REPARSE_DATA} of NTFS",
            path=audit.extent.largest_reparse_at,
        )


def told_on_volume(audit: Audit, filesystem: str) -> tuple[Loss, ...]:
    """Return the names that a kind of volume keeps and Windows cannot open, by class."""
    refused = {*REFUSED, *_REFUSED_ON[filesystem], Fault.SHORT}
    if filesystem == "FAT32":
        refused |= _REFUSED_BY_FAT
    return names_told([each for each in audit.faulty if each.fault not in refused])


def refuse_for_directory(folder: Path, image: WimImage, audit: Audit) -> None:
    """Refuse a directory whose file system cannot hold a name, a path or a link of the image.

    Raises:
        TargetRefused: which names the first.
        StorageError: when the directory cannot be written.
        CorruptWim: when a link of the image is damaged.
    """
    existing = next(each for each in (folder.absolute(), *folder.absolute().parents) if each.exists())
    extent = audit.extent
    longest = os.pathconf(existing, "PC_NAME_MAX")
    if 0 < longest < extent.longest_name:
        raise TargetRefused(
            f"{folder}: a name of the image takes {extent.longest_name} bytes, and the file system holds {longest}: "
            f"{quoted(extent.longest_name_at)}"
        )
    whole = len(os.fsencode(folder.absolute())) + extent.longest_path
    if whole >= _LONGEST_PATH:
        raise TargetRefused(
            f"{folder}: a path of the image would take {whole} bytes there, and Linux opens {_LONGEST_PATH - 1}: "
            f"{quoted(extent.longest_path_at)}; apply to a directory with a shorter path, or to a volume"
        )
    odd = [each for each in audit.faulty if each.fault not in {*REFUSED, Fault.SHORT}]
    names = [(each.fault, example) for each in odd for example in each.examples if ":" not in example]
    links = _long_links(image, len(os.fsencode(folder.absolute()))) if extent.largest_reparse > _SMALL_LINK else {}
    if names or links:
        with _scratch(folder, existing) as scratch:
            _try_names(folder, scratch, names)
            _try_links(folder, scratch, links)


def _long_links(image: WimImage, added: int) -> dict[str, int]:
    """Return how many bytes the targets of links take that may be long, with what may be put before them, by path."""
    found: dict[bytes, str] = {}

    def take(entry: Entry) -> None:
        data = entry.streams[0]
        if entry.reparse_tag in _LINKS and data.size > _SMALL_LINK and data.sha1 is not None:
            found.setdefault(data.sha1, entry.path)

    image.walk(take)
    with wim_errors(image.path):
        blobs = read_small_blobs(image.path, found, largest=_LARGEST_REPARSE_DATA)
    return {found[sha1]: added + _target_bytes(data) for sha1, data in blobs.items()}


def _target_bytes(data: bytes) -> int:
    """Return how many bytes of UTF-8 the target of a link has at most, from the reparse data of either kind."""
    length = int.from_bytes(data[2:4], "little")
    # Where it begins differs by kind and writer; no part of the data is longer than the longest.
    begins = range(8, 13, 4)
    offset = int.from_bytes(data[0:2], "little")
    return max(
        len(data[begin + offset : begin + offset + length].decode("utf-16-le", "replace").encode()) for begin in begins
    )


@contextmanager
def _scratch(folder: Path, existing: Path) -> Iterator[Path]:
    """Make a folder that is removed again."""
    try:
        with tempfile.TemporaryDirectory(prefix=".osdimage-", dir=existing) as scratch:
            yield Path(scratch)
    except OSError as error:
        raise StorageError(f"{folder}: {error.strerror}", path=folder, errno=error.errno) from error


def _try_names(folder: Path, scratch: Path, names: Iterable[tuple[Fault, str]]) -> None:
    """Make files with names of the image, and refuse what cannot be made."""
    for number, (fault, path) in enumerate(names):
        place = scratch / str(number)
        place.mkdir()
        name = path.rpartition("/")[2]
        reason = _problem(place, to_c(name))
        if reason is None and fault is Fault.TWIN:
            reason = _problem(place, to_c(name.swapcase()))
        if reason is not None:
            raise TargetRefused(f"{folder}: the file system does not take the name of {quoted(path)}: {reason}")


def _try_links(folder: Path, scratch: Path, links: Mapping[str, int]) -> None:
    """Make links as long as those of the image, and refuse what cannot be made."""
    for path, length in links.items():
        place = scratch / "link"
        try:
            place.symlink_to("x" * length)
            place.unlink()
        except OSError as error:
            raise TargetRefused(
                f"{folder}: the target of the link {quoted(path)} takes {length} bytes: {error.strerror}"
            ) from error


def _problem(scratch: Path, name: bytes) -> str | None:
    try:
        descriptor = os.open(os.fsencode(scratch) + b"/" + name, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC)
    except OSError as error:
        return error.strerror
    os.close(descriptor)
    return None
