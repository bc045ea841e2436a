"""What must be known of an image before any of it is written.

libwim repairs damaged trees as it loads them: an entry named ``..`` is dropped, the second of two equal names too, and
the program that asked learns nothing but a line on stderr.  osdimage takes those lines: a dropped name refuses the
image, everything else is reported.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha1
from pathlib import Path
from typing import TYPE_CHECKING

from osdimage.imaging.errors import (
    CorruptWim,
    Means,
    MissingParts,
    OsdImageError,
    Remedy,
    StorageError,
    TargetRefused,
    UnsafeName,
    quoted,
)
from osdimage.imaging.units import GIB, MIB, counted, format_size
from osdimage.imaging.wim.checks.names import KEPT, OTHER_NAMES, REASONS, REFUSED
from osdimage.imaging.wim.checks.parts import missing_parts
from osdimage.imaging.wim.placed.on_disc import file_of
from osdimage.imaging.wim.trees import read_tree
from osdimage.native.status import LOST_MESSAGES, WimlibCode, WimlibError
from osdimage.native.wim import entries, tree
from osdimage.native.wim.handles import WimHandle
from osdimage.native.wim.tree import Audit, Fault, Occupied

if TYPE_CHECKING:
    from osdimage.native.engine.arrays import Tree

# libwim reads the tree of an image into memory in one piece.  The tree of a Windows image takes some 60 MB; a header
# that claims more than this is a lie or a bomb.
LARGEST_TREE = GIB
# An entry takes at least 112 bytes in a file, and some 700 in libwim's memory.  One that takes far more is there many
# times over: a list of entries that several directories share.  The rest is for buffers.
_MEMORY_FACTOR = 16
_MEMORY_FOR_BUFFERS = 256 * MIB

# How libwim (1.13 and 1.14, src/dentry.c) begins the line about an entry that it dropped for its name.
_DROPPED_NAMES = ('Ignoring file named "." or ".."', "Ignoring filename with embedded null", "Ignoring unnamed file")


def refuse_own_place(path: Path, handle: WimHandle, index: int, to: Path, items: Mapping[str, str]) -> None:
    """Refuse to extract over the WIM itself: what is not read yet would be lost with it.

    Args:
        path: the WIM.
        handle: the open WIM.
        index: the image.
        to: the directory.
        items: what is extracted: paths in the image, and where each goes, from the directory, as ``/a/b``.

    Raises:
        TargetRefused: that names the file of the image.
        WimlibError: when the tree cannot be loaded.
    """
    folder, file = to.resolve(), file_of(path).resolve()
    if not file.is_relative_to(folder):
        return
    own = "/" + file.relative_to(folder).as_posix()
    for item, place in items.items():
        above = place.rstrip("/")
        if own != place and not own.startswith(above + "/"):
            continue
        inside = item.rstrip("/") + own[len(above) :]
        if _holds(handle, index, inside):
            raise TargetRefused(
                f"{path}: image {index} holds {inside}, which would take the place of this WIM; "
                "choose another directory"
            )


def _holds(handle: WimHandle, index: int, inside: str) -> bool:
    try:
        entries.each_entry(handle, index, inside, recursive=False, visit=lambda _: None)
    except WimlibError as error:
        if error.code != WimlibCode.PATH_DOES_NOT_EXIST:
            raise
        return False
    return True


def load_tree(
    path: Path, handle: WimHandle, index: int, *, target: str | None = None, arrays: Tree | None = None
) -> Audit:
    """Load the tree of an image and pass over it once.

    Args:
        path: the WIM.
        handle: the open WIM.
        index: the image.
        target: a directory that it comes to, without links on its way, where its place is looked at; None for none.
        arrays: are filled on the way.

    Raises:
        CorruptWim: when its size cannot be true, or it expands to more than a tree of its size can hold.
        WimlibError: when it cannot be loaded.
    """
    size = _size_of_tree(path, handle, index)
    try:
        return tree.audit(
            handle,
            index,
            target=target,
            tree=None if arrays is None else arrays.pointer,
            memory=_MEMORY_FOR_BUFFERS + _MEMORY_FACTOR * size,
        )
    except WimlibError as error:
        if error.code == WimlibCode.PATH_DOES_NOT_EXIST:
            raise CorruptWim(f"{path}: image {index} holds nothing, not even a root directory") from error
        if error.code != WimlibCode.NOMEM:
            raise
        raise CorruptWim(
            f"{path}: the tree of image {index} does not fit into memory, or its directories share their contents"
        ) from error


def read_sound_tree(path: Path, handle: WimHandle, index: int) -> bytes | None:
    """Return the tree of an image as it is stored; None when libwim must be asked for it.

    That is so when it is damaged or cannot be read, which libwim tells, or the WIM is pipable.

    Raises:
        CorruptWim: when its size cannot be true.
        WimlibError: when the blob table cannot be read.
    """
    _size_of_tree(path, handle, index)
    found = tree.tree_blob(handle, index)
    try:
        stored = read_tree(path, handle, index)
    except (CorruptWim, StorageError):
        return None
    if found is None or stored is None or sha1(stored, usedforsecurity=False).digest() != found.sha1:
        return None
    return stored


def refuse_dropped_names(path: Path, index: int, audit: Audit) -> None:
    """Refuse an image of which libwim dropped an entry for its name.

    Raises:
        UnsafeName: with libwim's words.
        CorruptWim: when libwim dropped and repaired more than it could tell, names perhaps among it.
    """
    for line in audit.messages:
        if line.startswith(_DROPPED_NAMES):
            raise UnsafeName(f"{path}: image {index} holds a name that is not allowed: {line}")
    if LOST_MESSAGES in audit.messages:
        raise CorruptWim(
            f"{path}: the tree of image {index} is damaged in more places than can be told; the first: "
            f"{audit.messages[0]}"
        )


def refuse_unsafe_names(path: Path, index: int, audit: Audit) -> None:
    """Refuse an image with a name that could lead out of a target.

    Raises:
        UnsafeName: which names the first such path.
    """
    if audit.refusal is None:
        return
    more = f" ({audit.refused_names - 1} more like it)" if audit.refused_names > 1 else ""
    raise UnsafeName(
        f"{path}: image {index}: the name of {audit.refused_path!r} {REASONS[audit.refusal]}, which is not allowed "
        f"in a Windows image{more}",
        path=audit.refused_path,
        can_be_kept=audit.refusal in KEPT,
    )


def refuse_unkept_names(path: Path, handle: WimHandle, index: int, item: str = "/") -> None:
    r"""Refuse an image with a name that a directory of Linux cannot have either.

    Args:
        path: the WIM.
        handle: the open WIM.
        index: the image.
        item: the path in it at and below which names matter; those of streams do not.

    Raises:
        UnsafeName: which names the first that holds a ``/``, is ``.`` or ``..``, or is too long.
        WimlibError: when the tree cannot be loaded.
    """
    for each in tree.odd_names(handle, index, REFUSED, item):
        worse = each.faults & REFUSED - KEPT
        if each.stream is None and (worse or "/" in each.name):
            fault = next((fault for fault in REASONS if fault in worse), Fault.SEPARATOR)
            raise UnsafeName(
                f"{path}: image {index}: the name of {quoted(each.path)} {REASONS[fault]}, and cannot be kept",
                path=each.path,
                remedy=OTHER_NAMES,
            )


def refuse_link(target: Path, path: str | None) -> None:
    """Refuse a target with a symbolic link in the place of a directory of the image.

    Raises:
        TargetRefused: which names the directory.
    """
    if path is not None:
        raise TargetRefused(
            f"{target}: has a symbolic link where the image has the directory {path!r}; nothing is written through "
            "links"
        )


def refuse_occupied(target: Path, occupied: Occupied | None) -> None:
    """Refuse a target with a directory in the place of a file of the image, or the other way.

    Raises:
        TargetRefused: which names the path.
    """
    if occupied is not None:
        there, wanted = ("directory", "file") if occupied.is_directory else ("file", "directory")
        raise TargetRefused(
            f"{target}: has a {there} where the image has the {wanted} {occupied.path!r}; nothing was written, move it "
            "away first"
        )


def refuse_missing(path: Path, index: int, audit: Audit) -> None:
    """Refuse an image of which contents are not at hand.

    Raises:
        MissingParts: with the number of files.
    """
    if audit.missing_blobs:
        absent = "; ".join(missing_parts(path))
        noted = noted_bases(path, index)
        text = f"{path}: the contents of {counted(audit.missing_blobs, 'file')} of image {index} are in another file"
        if absent:
            raise MissingParts(f"{text}: {absent}", remedy=Remedy("{} says where it is", (Means.REFERENCES,)))
        raise MissingParts(text + noted, remedy=Remedy("name with {} the base of the delta", (Means.REFERENCES,)))


def noted_bases(path: Path, index: int) -> str:
    """Name what an image of a delta was based on, for the end of a sentence; nothing where that is not noted."""
    # Only who lacks a file asks.
    from osdimage.imaging.wim.described.info import decode_xml, parse_images  # noqa: PLC0415
    from osdimage.imaging.wim.opening import open_wim  # noqa: PLC0415

    try:
        with open_wim(path) as handle:
            images = parse_images(decode_xml(handle.xml()), handle.info().image_count)
    except (OsdImageError, WimlibError):
        return ""
    found = images[index - 1].bases if index <= len(images) else ()
    return "".join(f", {each.name} (GUID {each.guid})" for each in found)


def repairs(audit: Audit) -> tuple[str, ...]:
    """Return what libwim repaired or dropped when it loaded the tree, one sentence each."""
    return tuple(line for line in audit.messages if not line.startswith(_DROPPED_NAMES))


def _size_of_tree(path: Path, handle: WimHandle, index: int) -> int:
    """Return the size of an image's tree in bytes; refuse one that cannot be true."""
    found = tree.tree_blob(handle, index)
    size = 0 if found is None else found.size
    if size > LARGEST_TREE:
        raise CorruptWim(
            f"{path}: the tree of image {index} claims {format_size(size)}; more than "
            f"{format_size(LARGEST_TREE)} is not believed"
        )
    return size
