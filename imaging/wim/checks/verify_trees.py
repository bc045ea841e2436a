"""What a check tells of a tree that is sound: names, links and folders that Windows or DISM has trouble with."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from osdimage.imaging.errors import CorruptWim, OsdImageError, quoted
from osdimage.imaging.wim.blobs import read_small_blobs
from osdimage.imaging.wim.checks.names import REFUSED, names_told
from osdimage.imaging.wim.stored.folder_streams import LinkMark, survey
from osdimage.imaging.wim.trees import read_tree
from osdimage.native.engine.arrays import untold
from osdimage.native.status import WimlibError
from osdimage.native.wim.handles import WimHandle
from osdimage.native.wim.tree import Audit

_EXAMPLES = 3
_LARGEST_REPARSE_DATA = 16 * 1024
# Substitute names of what is on no drive of the computer that was captured.
_NEVER_REWRITTEN = ("\\??\\volume{", "\\??\\unc\\")
_RELATIVE = 1
_SYMLINK_OFFSET = 12


def tree_notes(path: Path, handle: WimHandle, index: int, audit: Audit) -> Iterator[str]:
    """Yield a sentence for each class of what is sound and gives trouble in an image of a WIM that is not pipable."""
    for each in names_told([each for each in audit.faulty if each.fault not in REFUSED]):
        yield f"image {index}: {each}"
    # Only folders that are links or have streams have an old form.
    if not audit.links and not audit.named_streams:
        return
    try:
        tree = read_tree(path, handle, index)
    except CorruptWim:
        # That is told elsewhere.
        return
    # To go over all of it here takes longer than all else in an image of many files; most have nothing of the kind.
    if tree is None or not untold(tree).marked:
        return
    found = survey(tree)
    for paths, what, who in (
        (found.old_folders, "folders with named streams", "DISM"),
        (found.old_links, "links of folders", "the Setup of Windows 8"),
    ):
        if paths:
            yield (
                f"image {index}: {what} stored in the form of libwim before 1.14.2, which {who} may refuse: "
                f"{_some(paths)}; a copy that is exported to a new WIM has the newer form"
            )
    wrong = list(_wrong_marks(path, found.marks))
    if wrong:
        yield (
            f"image {index}: links marked as rewritten when they were captured, although their targets cannot have "
            f"been: {_some(wrong)}; DISM may change or refuse them (libwim before 1.14.5 marks those of volumes)"
        )


def _wrong_marks(path: Path, marks: Sequence[LinkMark]) -> Iterator[str]:
    """Yield the paths of links that are marked as rewritten, and whose targets say that they are not."""
    contents: dict[bytes, bytes] = {}
    # What is damaged or missing is told elsewhere.
    with suppress(OsdImageError, WimlibError):
        contents = read_small_blobs(path, (mark.sha1 for mark in marks), largest=_LARGEST_REPARSE_DATA)
    for mark in marks:
        data = contents.get(mark.sha1)
        if data is not None and _is_never_rewritten(data, is_symlink=mark.is_symlink):
            yield mark.path


def _is_never_rewritten(data: bytes, *, is_symlink: bool) -> bool:
    """Tell whether a target is relative, or on no drive: a volume by its identifier, or a server."""
    if is_symlink and int.from_bytes(data[8:12], "little") & _RELATIVE:
        return True
    begin = (_SYMLINK_OFFSET if is_symlink else 8) + int.from_bytes(data[0:2], "little")
    target = data[begin : begin + int.from_bytes(data[2:4], "little")].decode("utf-16-le", "replace")
    return target.lower().startswith(_NEVER_REWRITTEN)


def _some(paths: Sequence[str]) -> str:
    named = ", ".join(map(quoted, paths[:_EXAMPLES]))
    return f"{len(paths)} ({named}{', ...' if len(paths) > _EXAMPLES else ''})"
