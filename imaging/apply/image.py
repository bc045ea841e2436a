"""Applying an image: what is asked for, and the back end that does it.

Everything that can be known is checked before the first byte is written: names, missing contents, size, the kind and
state of the target, links in the target that would lead elsewhere.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from osdimage.imaging.apply.directory import DirectoryBackend
from osdimage.imaging.apply.job import ApplyJob, ApplyOptions, ApplyResult, Backend
from osdimage.imaging.apply.naming import with_names_of
from osdimage.imaging.apply.pipe import PipedImage
from osdimage.imaging.apply.supply import Supplies
from osdimage.imaging.apply.work import Work, alone
from osdimage.imaging.disk.content import FATS, Content, FileSystem
from osdimage.imaging.disk.opening import AS_FOUND, Opening
from osdimage.imaging.disk.places import opened_place
from osdimage.imaging.disk.probe import described, name_of, probe_place
from osdimage.imaging.disk.unfinished import read_unfinished
from osdimage.imaging.disk.volume import OpenVolume
from osdimage.imaging.errors import Incomplete, InvalidRequest, Means, Remedy, TargetRefused
from osdimage.imaging.logs import logged
from osdimage.imaging.loss import summarise
from osdimage.imaging.progress import Meter, Phase, ProgressCallback
from osdimage.imaging.wim.image import WimImage
from osdimage.imaging.wim.renamed.replacing import LISTED, names_replaced

# Shares of the time of an apply, measured with libwim's progress messages on an image of 63,000 files (NTFS volume on
# tmpfs: 1.7 s of 7.3 s in creating files; directory: about the same).  How much there is to join is not known before.
_SHARES = {Phase.CREATE_FILES: 23.0, Phase.EXTRACT_DATA: 75.0, Phase.SET_METADATA: 2.0, Phase.JOIN: 2.0}
_WIPE_SHARE = {Phase.WIPE: 25.0}


_REPLACED = Remedy("{} puts an NTFS volume in its place, and all that is in it is lost", (Means.WIPE,))


@logged("apply {image} to {target}")
def apply_image(
    image: WimImage,
    target: OpenVolume | str | os.PathLike[str],
    options: ApplyOptions = ApplyOptions(),  # noqa: B008 - it is frozen
    *,
    partition: int | None = None,
    opening: Opening = AS_FOUND,
    progress: ProgressCallback | None = None,
) -> ApplyResult:
    r"""Apply the image to a directory, to a file or device that holds one volume, or to a partition of a disk.

    What is there stays, except files that the image has too, which are replaced; a directory that both have is
    joined; a directory in the place of a file, or the other way, is refused.  A directory is made if it is missing.  An
    NTFS volume is marked dirty before the first change and clean after the last, so that half an image never looks
    whole.

    A FAT volume is made anew in one pass, with the label, serial number and cluster size that it had, so it must
    be empty or be wiped; until it is whole there is no volume.

    Args:
        image: of a WIM that is open.
        target: a volume of a disk that is open for writing, or the path of a directory, file or device.
        partition: the number of a partition of the disk that ``target`` is.
        opening: how the disk is opened.
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
    return alone(
        work_on(image, target, options, partition=partition, opening=opening, progress=progress, supplies=Supplies())
    )


def work_on(
    image: WimImage,
    target: OpenVolume | str | os.PathLike[str],
    options: ApplyOptions,
    *,
    partition: int | None = None,
    opening: Opening = AS_FOUND,
    progress: ProgressCallback | None,
    supplies: Supplies,
    piped: PipedImage | None = None,
) -> Work[ApplyResult]:
    """Return what :func:`apply_image` does as work, which can share the contents with other targets; see there.

    What is known of the images is shared by ``supplies``.  ``piped`` is where the contents come from, when that is a
    pipe.

    Raises:
        OsdImageError: as there.
    """
    with opened_place(target, partition, write=True, opening=opening) as place:
        backend = backend_of(place, wipes=options.wipe)
        if options.unix_data and isinstance(place, OpenVolume):
            raise TargetRefused(
                f"{backend.name}: owner, group and mode of Unix cannot be stored on a volume of Windows"
            )
        if options.fixes_links and isinstance(place, OpenVolume):
            raise TargetRefused(
                f"{backend.name}: absolute links cannot be made to lead into a volume, whose letter is not known"
            )
        if options.compact is not None and not options.is_part and backend.filesystem is not FileSystem.NTFS:
            raise TargetRefused(f"{backend.name}: files are compressed as a whole in NTFS volumes only")
        shares = _WIPE_SHARE | _SHARES if options.wipe else _SHARES
        meter = Meter(progress, shares)
        job = ApplyJob(image, options, meter, progress, supplies, backend.filesystem, piped=piped)
        with with_names_of(job, backend) as named:
            lost = names_replaced(named.replaced)
            for loss in lost:
                meter.warn(str(loss))
            result = yield from backend.work(named)
            result = replace(
                result,
                losses=lost + result.losses,
                replaced=len(named.replaced),
                replaced_names=named.replaced[:LISTED],
            )
    if options.strict and (result.losses or result.warnings):
        raise Incomplete(
            f"{backend.name}: applied, but not everything was kept: {summarise(result.losses, result.warnings)}"
        )
    return result


def check_apply(image: WimImage, volume: OpenVolume, options: ApplyOptions) -> None:
    """Refuse what :func:`apply_image` to a volume would refuse, without writing anything.

    Raises:
        OsdImageError: as :func:`apply_image`.
    """
    backend = backend_of(volume, wipes=options.wipe)
    job = ApplyJob(image, options, Meter(None, {}), None, filesystem=backend.filesystem)
    with with_names_of(job, backend) as named:
        backend.check(named)


def backend_of(place: Path | OpenVolume, *, wipes: bool = False) -> Backend:
    """Return what applies to a place; one that is encrypted can only be replaced, by an NTFS volume, if it is wiped.

    Raises:
        TargetRefused: when the place is nothing that an image can be applied to.
        InvalidRequest: when it is a disk, of which no partition was chosen.
    """
    if isinstance(place, OpenVolume):
        content = place.content
        if content is Content.UNFINISHED:
            unfinished = read_unfinished(place.window())
            content = None if unfinished is None else unfinished.content
        if content is Content.NTFS or (wipes and content is Content.BITLOCKER):
            from osdimage.imaging.apply.ntfs import NtfsBackend  # noqa: PLC0415 - a directory needs none of them

            return NtfsBackend(place)
        if content in FATS:
            from osdimage.imaging.apply.fat import FatBackend  # noqa: PLC0415

            return FatBackend(place)
        if content is Content.BITLOCKER:
            raise TargetRefused(f"{place.name}: holds {place.described}", remedy=_REPLACED)
        if place.partition is not None:
            raise TargetRefused(f"{place.name}: holds {place.described}; an image is applied to an NTFS or FAT volume")
    found = probe_place(place)
    if isinstance(place, Path) and found in {Content.DIRECTORY, Content.MISSING}:
        return DirectoryBackend(place)
    if found is Content.TABLE:
        raise InvalidRequest(
            f"{name_of(place)} is {described(found)}", remedy=Remedy("choose one with {}", (Means.PARTITION,))
        )
    raise TargetRefused(
        f"{name_of(place)}: is {described(found)}; an image is applied to a directory, to a file or device that holds "
        "one NTFS or FAT volume, or to a partition of a disk"
    )
