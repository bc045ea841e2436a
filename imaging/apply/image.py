"""Applying an image: what is asked for, and the back end that does it.

Everything that can be known is checked before the first byte is written: names, missing contents, size, the kind and
state of the target, links in the target that would lead elsewhere.
"""

from __future__ import annotations

import os
from pathlib import Path

from osdimage.imaging.apply.directory import apply_to_directory
from osdimage.imaging.apply.job import ApplyJob, ApplyOptions, ApplyResult
from osdimage.imaging.disk.content import Content
from osdimage.imaging.disk.probe import described, probe
from osdimage.imaging.errors import Incomplete, InvalidRequest, TargetRefused
from osdimage.imaging.loss import summarise
from osdimage.imaging.progress import Meter, Phase, ProgressCallback
from osdimage.imaging.volume.filesystems import FILE_SYSTEMS
from osdimage.imaging.volume.opened import title_of
from osdimage.imaging.wim.image import WimImage

# Shares of the time of an apply, measured with libwim's progress messages on an image of 63,000 files (NTFS volume on
# tmpfs: 1.7 s of 7.3 s in creating files; directory: about the same).  How much there is to join is not known before.
_SHARES = {Phase.CREATE_FILES: 23.0, Phase.EXTRACT_DATA: 75.0, Phase.SET_METADATA: 2.0, Phase.JOIN: 2.0}
_WIPE_SHARE = {Phase.WIPE: 25.0}


def apply_image(
    image: WimImage,
    target: str | os.PathLike[str],
    options: ApplyOptions = ApplyOptions(),  # noqa: B008 - it is frozen
    *,
    partition: int | None = None,
    progress: ProgressCallback | None = None,
) -> ApplyResult:
    r"""Apply the image to a directory, to a file or device that holds one volume, or to a partition of a disk.

    What is there stays, except files that the image has too, which are replaced; a directory that both have is
    joined.  A directory is made if it is missing.  An NTFS volume is marked dirty before the first change and clean
    after the last, so that half an image never looks whole.

    A FAT32 volume is made anew in one pass, with the label, serial number and cluster size that it had, so it must
    be empty or be wiped; until it is whole there is no volume.

    Args:
        image: of a WIM that is open.
        target: the directory, file or device.
        partition: the number of a partition of the disk that ``target`` is, as ``osdimage disk show`` lists them.
        options: how; see there.
        progress: receives the progress.

    Returns:
        What was written, and what of the image the target could not hold.

    Raises:
        UnsafeName: when the image holds a name that could leave the target; nothing was written.
        TargetRefused: when the target is too small, in use, hibernated, dirty or not one of the kinds above;
            nothing was written.
        InvalidRequest: when there is no such partition, or a path to keep cannot be one.
        InvalidTable: when the disk has no partition table that can be used.
        CorruptWim: when the WIM is damaged; the target may be half written.
        MissingParts: when contents are in another file.
        StorageError: when writing failed, or the image does not fit even after a wipe; the target is half written,
            or wiped.
        Incomplete: with ``strict``, after all is written.
    """
    place = Path(target)
    shares = _WIPE_SHARE | _SHARES if options.wipe else _SHARES
    job = ApplyJob(image, partition, options, Meter(progress, shares), progress)
    where = title_of(place, partition)
    if partition is not None or _is_volume(place):
        if options.unix_data:
            raise TargetRefused(f"{where}: owner, group and mode of Unix cannot be stored on a volume of Windows")
        from osdimage.imaging.apply.ntfs import apply_to_volume  # noqa: PLC0415 - a directory needs none of it

        result = apply_to_volume(job, place)
    else:
        if options.wipe:
            raise InvalidRequest(f"{place}: only a volume can be wiped, not a directory")
        result = apply_to_directory(job, place)
    if options.strict and (result.losses or result.warnings):
        raise Incomplete(f"{where}: applied, but not everything was kept: {summarise(result.losses, result.warnings)}")
    return result


def _is_volume(target: Path) -> bool:
    found = probe(target)
    if found in {Content.DIRECTORY, Content.MISSING}:
        return False
    if found in FILE_SYSTEMS:
        return True
    hint = "; say which partition" if found is Content.TABLE else ""
    raise TargetRefused(
        f"{target}: is {described(found)}; an image is applied to a directory, to a file or device that holds one NTFS "
        f"or FAT32 volume, or to a partition of a disk{hint}"
    )
