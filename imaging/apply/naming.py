"""What becomes of names of an image that a target refuses: refused, kept or replaced, as ``apply/names.py`` has it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from osdimage.imaging.apply.job import ApplyJob, Backend
from osdimage.imaging.apply.names import REFUSED_ON
from osdimage.imaging.apply.supply import Supplies
from osdimage.imaging.disk.content import FileSystem
from osdimage.imaging.errors import InvalidRequest
from osdimage.imaging.wim.checks.names import REFUSED, Names
from osdimage.imaging.wim.image import WimImage
from osdimage.imaging.wim.limits import directory_rule
from osdimage.imaging.wim.renamed.renamed_image import with_names_replaced
from osdimage.imaging.wim.renamed.replacing import NamePart, NameRule, ReplacedName


@contextmanager
def with_names_of(job: ApplyJob, backend: Backend) -> Iterator[ApplyJob]:
    """Yield a job whose image has no name that a target refuses, if names are to be replaced, for the ``with``.

    Raises:
        OsdImageError: as :func:`~osdimage.imaging.wim.renamed.renamed_image.with_names_replaced`.
    """
    if job.options.names is not Names.REPLACE:
        yield job
        return
    with with_names_for(job.image, backend.filesystem, Path(backend.name)) as (image, names):
        if image is job.image:
            yield job
        else:
            # What is known of the image is not known of this one.
            yield replace(job, image=image, supplies=Supplies(), replaced=names)


@contextmanager
def with_names_for(
    image: WimImage, filesystem: FileSystem | None, folder: Path, *, is_tried: bool = True
) -> Iterator[tuple[WimImage, tuple[ReplacedName, ...]]]:
    """Yield an image with the names that it gets at a target where names are replaced, and those that were replaced.

    Both are there for the body of the ``with``; it is the image itself where no name is to be replaced.

    Args:
        image: the image.
        filesystem: of the volume, or None for a directory.
        folder: that directory.
        is_tried: whether it may be tried what the file system of the directory takes.

    Raises:
        InvalidRequest: when files were added to the image.
        OsdImageError: as :func:`~osdimage.imaging.wim.renamed.renamed_image.with_names_replaced`.
    """
    audit = image.audit()
    if filesystem is None:
        rule = directory_rule(folder, audit, is_tried=is_tried)
    else:
        rule = NameRule(REFUSED | REFUSED_ON[filesystem])
    if not rule.is_broken_by(audit):
        yield image, ()
        return
    if image.is_changed:
        raise InvalidRequest(f"{image.path}: names cannot be replaced in an image that files were added to")
    with with_names_replaced(image.path, image.handle, image.index, rule) as renamed:
        if renamed.handle is image.handle:
            yield image, ()
            return
        # A directory and FAT have no streams, and short names of their own or none.
        has_all = filesystem is FileSystem.NTFS
        names = tuple(each for each in renamed.names if has_all or each.part is NamePart.NAME)
        yield WimImage(image.path, renamed.handle, image.info), names
