"""What a directory has no place for: names, paths and targets of links that its file system does not take.

Known beforehand are the bytes of a name (``pathconf``) and of a path (``PATH_MAX``).  What is odd is tried, in a folder
that is removed again: names that Windows cannot open, which FAT, exFAT and CIFS do not take either, two names that
differ in case, and long targets of links.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from osdimage.imaging.errors import StorageError, TargetRefused, quoted
from osdimage.imaging.wim.blobs import read_small_blobs
from osdimage.imaging.wim.checks.names import KEPT, REFUSED
from osdimage.imaging.wim.failures import wim_errors
from osdimage.imaging.wim.renamed.replacing import NameRule
from osdimage.native.text import to_c
from osdimage.native.wim.tree import Audit, Fault

# PATH_MAX of Linux, with the zero at the end.
_LONGEST_PATH = 4096
_LARGEST_LINK = 16 * 1024
# The first names with these faults may be those of streams, which a directory does not have.
_TRIED = {Fault.SEPARATOR: "a\\b", Fault.COLON: "a:b"}


def refuse_for_directory(folder: Path, path: Path, audit: Audit, *, left_out: str = "") -> None:
    """Refuse a directory whose file system cannot hold a name, a path or a link of an image.

    Args:
        folder: the directory, which need not be there.
        path: the WIM.
        audit: of the image, or of a part of it.
        left_out: the path of the directory in the image that ``folder`` stands for.

    Raises:
        TargetRefused: which names the first.
        StorageError: when the directory cannot be written.
        WimlibError: when the image cannot be read.
    """
    existing = _existing(folder)
    extent = audit.extent
    longest = os.pathconf(existing, "PC_NAME_MAX")
    if 0 < longest < extent.longest_name:
        raise TargetRefused(
            f"{folder}: a name of the image takes {extent.longest_name} bytes, and the file system holds {longest}: "
            f"{quoted(extent.longest_name_at)}"
        )
    prefix = len(os.fsencode(folder.absolute()))
    whole = prefix + extent.longest_path - len(to_c(left_out.rstrip("/")))
    if whole >= _LONGEST_PATH:
        raise TargetRefused(
            f"{folder}: a path of the image would take {whole} bytes there, and Linux opens {_LONGEST_PATH - 1}: "
            f"{quoted(extent.longest_path_at)}; take a directory with a shorter path, or a volume"
        )
    names = _odd_names(audit)
    links = _long_links(path, audit.long_links, prefix)
    if names or links:
        with _scratch(folder, existing) as scratch:
            _try_names(folder, scratch, names)
            _try_links(folder, scratch, links)


def directory_rule(folder: Path, audit: Audit, *, is_tried: bool = True) -> NameRule:
    """Return which names of an image are replaced in a directory: all that are refused there, unless they are kept.

    What the file system does not take is tried where the directory is or can be made, unless ``is_tried`` is false.

    Raises:
        StorageError: when the directory cannot be written.
    """
    existing = _existing(folder)
    longest = os.pathconf(existing, "PC_NAME_MAX")
    names = _odd_names(audit) if is_tried else []
    faults: set[Fault] = set()
    if names:
        with _scratch(folder, existing) as scratch:
            faults |= {fault for fault, _, _ in _not_taken(scratch, names)}
    return NameRule(REFUSED | faults, longest if longest > 0 else None)


def _existing(folder: Path) -> Path:
    return next(each for each in (folder.absolute(), *folder.absolute().parents) if each.exists())


def _odd_names(audit: Audit) -> list[tuple[Fault, str]]:
    """Return examples of names that not every file system takes."""
    odd = [each for each in audit.faulty if each.fault not in {*REFUSED, Fault.SHORT}]
    names = [(each.fault, example) for each in odd for example in each.examples if ":" not in example]
    return names + [(each.fault, _TRIED[each.fault]) for each in audit.faulty if each.fault in KEPT]


def _long_links(path: Path, found: Mapping[bytes, str], added: int) -> dict[str, int]:
    """Return how many bytes the targets of links take that may be long, with what may be put before them, by path."""
    if not found:
        return {}
    with wim_errors(path):
        blobs = read_small_blobs(path, set(found), largest=_LARGEST_LINK)
    return {found[sha1]: added + _target_bytes(data) for sha1, data in blobs.items()}


def _target_bytes(data: bytes) -> int:
    """Return how many bytes of UTF-8 the target of a link has at most, from the reparse data of either kind."""
    offset, length = (int.from_bytes(data[at : at + 2], "little") for at in (0, 2))
    # The names begin behind 8 bytes in those of a junction, and behind 12 in those of a symbolic link.
    targets = (data[begin + offset : begin + offset + length] for begin in (8, 12))
    return max(len(target.decode("utf-16-le", "replace").encode()) for target in targets)


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
    for _, path, reason in _not_taken(scratch, names):
        raise TargetRefused(f"{folder}: the file system does not take the name of {quoted(path)}: {reason}")


def _not_taken(scratch: Path, names: Iterable[tuple[Fault, str]]) -> Iterator[tuple[Fault, str, str]]:
    """Make files with names of the image; yield what cannot be made, and why."""
    for number, (fault, path) in enumerate(names):
        place = scratch / str(number)
        place.mkdir()
        name = path.rpartition("/")[2]
        reason = _problem(place, to_c(name))
        if reason is None and fault is Fault.TWIN:
            reason = _problem(place, to_c(name.swapcase()))
        if reason is not None:
            yield fault, path, reason


def _problem(scratch: Path, name: bytes) -> str | None:
    try:
        descriptor = os.open(os.fsencode(scratch) + b"/" + name, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC)
    except OSError as error:
        return error.strerror
    os.close(descriptor)
    return None


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
