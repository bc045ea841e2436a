"""What is on an NTFS volume, against what is to come or to stay there.

A file that both have is replaced by that of the image, and a folder that both have is joined.  A folder in the place of
a file would have to go, with all that is in it, and so would a file in the place of a folder: both are refused.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from osdimage.imaging.attributes import FileAttribute
from osdimage.imaging.disk.volume import OpenVolume
from osdimage.imaging.errors import InvalidVolume, TargetRefused
from osdimage.imaging.wim.checks.audit import refuse_occupied
from osdimage.imaging.wim.failures import wim_errors
from osdimage.imaging.wim.image import WimImage
from osdimage.native.wim import entries, tree

_FOLDER, _LINK = int(FileAttribute.DIRECTORY), int(FileAttribute.REPARSE_POINT)


def refuse_clash(image: WimImage, volume: OpenVolume) -> None:
    """Refuse a volume with a folder in the place of a file or link of an image, or the other way.

    Raises:
        TargetRefused: which names the path.
        StorageError: when the volume cannot be read.
    """
    found = None
    # One that is damaged is refused or mended by who writes to it.
    with suppress(InvalidVolume):
        found = _clash(image, volume)
    refuse_occupied(Path(volume.name), found)


def refuse_absent(volume: OpenVolume, paths: Iterable[str]) -> None:
    r"""Refuse a volume that lacks a path that a wipe is to leave.

    Args:
        volume: before it is wiped.
        paths: separated by ``\``, from the root of the volume.

    Raises:
        TargetRefused: which names the first.
        StorageError: when the volume cannot be read.
    """
    from osdimage.imaging.volume.ntfs.read import NtfsVolume  # noqa: PLC0415 - construct comes with it

    missing = {_folded("/" + path.replace("\\", "/")): path for path in paths}
    try:
        for each in NtfsVolume(volume.window()).entries():
            missing.pop(_folded(each.path), None)
            if not missing:
                return
    except InvalidVolume:
        # Who wipes it refuses it, if something is to stay.
        return
    path = next(iter(missing.values()))
    raise TargetRefused(
        f"{volume.name}: does not hold {path!r}, which is to be kept; nothing was written, and valid is a path that is "
        "there"
    )


def _clash(image: WimImage, volume: OpenVolume) -> tree.Occupied | None:
    from osdimage.imaging.volume.ntfs.read import NtfsVolume  # noqa: PLC0415 - construct comes with it

    with wim_errors(image.path):
        tops = {_folded(name) for name in tree.names_in_root(image.handle, image.index)}
    there = (
        (each.path, each.is_directory and each.reparse is None)
        for each in NtfsVolume(volume.window()).entries()
        if _folded(each.path[1:].split("/", 1)[0]) in tops
    )
    held = {_folded(path): is_folder for path, is_folder in there}
    return _first(image, held) if held else None


def _first(image: WimImage, held: dict[str, bool]) -> tree.Occupied | None:
    found: list[tree.Occupied] = []

    def compare(entry: entries.Entry) -> None:
        is_folder = entry.attributes & (_FOLDER | _LINK) == _FOLDER
        there = held.get(_folded(entry.path))
        if there is not None and there is not is_folder and not found:
            found.append(tree.Occupied(entry.path, is_directory=there))

    with wim_errors(image.path):
        entries.each_entry(image.handle, image.index, "/", recursive=True, visit=compare)
    return found[0] if found else None


def _folded(path: str) -> str:
    # As the table of a volume does, but for some letters of which one becomes several here.
    return path.upper()
