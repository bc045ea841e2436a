"""Applying all images of a WIM to folders of a directory, each to one with its name."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from osdimage.imaging.apply.directory import DirectoryBackend
from osdimage.imaging.apply.image import apply_image
from osdimage.imaging.apply.job import ApplyJob, ApplyOptions, ApplyResult
from osdimage.imaging.apply.volumes import AppliedVolume, in_turn, refuse_losses
from osdimage.imaging.disk.content import Content
from osdimage.imaging.disk.probe import described, probe
from osdimage.imaging.errors import InvalidRequest, Means, Remedy, TargetRefused
from osdimage.imaging.logs import logged
from osdimage.imaging.progress import Meter, ProgressCallback
from osdimage.imaging.wim.copied.room import refuse_full_directory, refuse_large
from osdimage.imaging.wim.file import WimFile
from osdimage.imaging.wim.image import WimImage

# As wimlib-imagex has it (src/extract.c): a longer name is none of a folder.
_LONGEST_NAME = 128


@logged("apply the images of {wim} to folders of {directory}")
def apply_to_folders(
    wim: WimFile,
    directory: str | os.PathLike[str],
    options: ApplyOptions = ApplyOptions(),  # noqa: B008 - it is frozen
    *,
    progress: ProgressCallback | None = None,
) -> tuple[AppliedVolume, ...]:
    """Apply every image of a WIM to a folder of a directory that has the name of the image.

    An image without a name, or with one that no folder can have or that another image has, gets its index for a name.
    Folders and the directory are made if they are missing; what is in them stays as :func:`apply_image`
    leaves it.  Images that are the bytes of a partition are left out.  Everything that can be checked is checked for
    all of them before the first is written.

    Args:
        wim: the open WIM.
        directory: where the folders are.
        options: how, for every image; the limit is that of all together.
        progress: receives the progress over all images.

    Raises:
        InvalidRequest: when no image has files.
        TargetRefused: when the target is no directory, or a folder cannot take its image; nothing was written.
        OsdImageError: as :func:`~osdimage.imaging.apply_image`; folders before the named one are complete.
        Incomplete: with ``strict``, after all is written.
    """
    root = Path(directory)
    _refuse_no_directory(root)
    images = [each for each in wim if not each.info.is_of_bytes]
    if not images:
        raise InvalidRequest(f"{wim.path}: there is no image with files")
    each_options = replace(options, strict=False)
    pairs = list(zip(images, (root / name for name in folder_names(images)), strict=True))
    for image, folder in pairs:
        _refuse_no_directory(folder)
        DirectoryBackend(folder).check(ApplyJob(image, each_options, Meter(None, {}), None))
    audits = [image.audit() for image in images]
    refuse_large(root, audits, options.limit_bytes)
    refuse_full_directory(root, audits)

    def apply(image: WimImage, folder: Path, part: ProgressCallback | None) -> ApplyResult:
        return apply_image(image, folder, each_options, progress=part)

    done = in_turn(pairs, apply, root, "images", progress)
    if options.strict:
        refuse_losses(done, str(root))
    return done


def _refuse_no_directory(place: Path) -> None:
    found = probe(place)
    if found not in {Content.DIRECTORY, Content.MISSING}:
        raise TargetRefused(
            f"{place}: is {described(found)}; all images go to folders of a directory",
            remedy=Remedy("to the volumes of a disk they go with {}", (Means.ALL_VOLUMES,)),
        )


def folder_names(images: Iterable[WimImage]) -> tuple[str, ...]:
    """Return the names of the folders of images, in their order: their own, or their indexes."""
    names = {image.index: image.name for image in images}
    taken: set[str] = set()
    for index, name in names.items():
        if not _is_of_folder(name) or name.casefold() in taken:
            names[index] = ""
        taken.add(name.casefold())
    # One that is called as the folder of another gives way to it.
    while clash := [index for index, name in names.items() if name.isdecimal() and not names.get(_number(name), name)]:
        names[clash[0]] = ""
    return tuple(name or str(index) for index, name in names.items())


def _number(name: str) -> int:
    return int(name) if name.isascii() and name == str(int(name)) else 0


def _is_of_folder(name: str) -> bool:
    """Tell whether a folder of Linux can have a name."""
    try:
        size = len(name.encode())
    except UnicodeEncodeError:
        return False
    return (
        0 < len(name) <= _LONGEST_NAME
        and size <= os.pathconf("/", "PC_NAME_MAX")
        and name not in {".", ".."}
        and not set(name) & {"/", "\0"}
    )
