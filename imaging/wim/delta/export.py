"""Copying images to a new WIM without the contents that other WIMs hold: a delta of images that exist.

What is left is copied as it is stored where it can be.  libwim cannot write such a WIM by itself: to it the WIM that is
exported and the bases are the same, files to which the new one refers.  So where the form changes, what is left goes
uncompressed into a WIM for a while, to which the bases are other files.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from osdimage.imaging.errors import CorruptWim, InvalidRequest, StorageError
from osdimage.imaging.logs import logged
from osdimage.imaging.output import refuse_source
from osdimage.imaging.progress import Meter, ProgressCallback
from osdimage.imaging.scratch import scratch_folder
from osdimage.imaging.units import format_size
from osdimage.imaging.wim.checks.audit import read_sound_tree
from osdimage.imaging.wim.contents import BlobSource, references
from osdimage.imaging.wim.copied.export import (
    ExportOptions,
    ExportResult,
    as_stored,
    check_image,
    check_request,
    spec_of,
)
from osdimage.imaging.wim.delta.bases import find_bases, hashes_of, held, noted, patterns_of, refer_to
from osdimage.imaging.wim.delta.needs import contents_of, needs_in
from osdimage.imaging.wim.described.base import note_bases
from osdimage.imaging.wim.described.changes import of_images, refuse_equal_names, set_properties_of
from osdimage.imaging.wim.described.info import parse_root
from osdimage.imaging.wim.described.properties import ImageProperties
from osdimage.imaging.wim.destination import refuse_destination
from osdimage.imaging.wim.failures import wim_errors
from osdimage.imaging.wim.file import WimFile
from osdimage.imaging.wim.image import WimImage
from osdimage.imaging.wim.raw.export import copy_images
from osdimage.imaging.wim.raw.plain import PlainWim
from osdimage.imaging.wim.raw.source import NotRaw
from osdimage.imaging.wim.stored.format import HeaderFlag
from osdimage.imaging.wim.stored.in_place import kept_from_others
from osdimage.imaging.wim.write import WRITE_SHARES, WriteMode, Writing, prepare_output, write_file
from osdimage.native.wim.handles import WimHandle

_AS_IT_IS = ExportOptions()


@logged("export a delta of {source} to {destination}")
def export_delta(
    source: WimFile,
    destination: str | os.PathLike[str],
    bases: Iterable[str],
    options: ExportOptions = _AS_IT_IS,
    *,
    images: Sequence[WimImage] | None = None,
    properties: ImageProperties | None = None,
    progress: ProgressCallback | None = None,
) -> ExportResult:
    """Copy images of a WIM to a new one without the contents that its bases hold.

    The images can be read where the bases are at hand; these must not lose contents afterwards.  Which they are is
    noted in the XML of the images.  Nothing is compressed again where that can be avoided.

    Args:
        source: the WIM to copy from; it stays open.
        destination: the delta to write.
        bases: files or glob patterns of WIMs.
        options: how; a delta of images is a file of its own, so the mode is NEW or OVERWRITE.
        images: of ``source``, in the order they are to have; None for all, which also keeps the boot index.
        properties: a new name and description (of a single image).
        progress: receives the progress.

    Raises:
        InvalidRequest: when the options contradict each other, nothing fits a pattern, or a base is one of both WIMs.
        TargetRefused: when the destination exists and ``mode`` is NEW, another program is writing to a base, or there
            is not room enough.
        UnsafeName, CorruptWim, MissingParts: when an image cannot be read whole, be it from the bases.
        StorageError: when reading or writing failed; nothing is left of a new file, an old one is as it was,
            unless the message says what is there.
    """
    path = Path(destination)
    chosen = tuple(source.images if images is None else images)
    if options.mode is WriteMode.APPEND:
        raise InvalidRequest(f"{path}: a delta of images is a file of its own; nothing is added to a WIM by it")
    if options.pipable:
        raise InvalidRequest(f"{path}: a delta is not pipable: what it lacks could not be given to who reads a pipe")
    refuse_destination(path, options.mode)
    found = find_bases(bases, path)
    for each in found:
        refuse_source(source.path, each, "the base of the delta")
    check_request(source, path, chosen, properties, options.mode)
    meter = Meter(progress, WRITE_SHARES)
    with held(found), kept_from_others(path, replaces=options.mode is WriteMode.OVERWRITE):
        _check_whole(source, chosen, found)
        job = _Job(source, path, chosen, options, properties, found, keeps_boot_index=images is None)
        warnings = [*(options.compression or spec_of(source)).setup_warnings(path.name)]
        for text in warnings:
            meter.warn(text)
        is_copied = job.copied(meter)
        if not is_copied:
            warnings += job.made_anew(meter)
        indexes = tuple(range(1, len(chosen) + 1))
        needs = needs_in(path, indexes, found)
    meter.finish()
    return ExportResult(path, indexes, path.stat().st_size, tuple(warnings), is_copied, needs)


def _check_whole(source: WimFile, chosen: Sequence[WimImage], bases: Sequence[Path]) -> None:
    """Refuse images that cannot be read whole with the bases; the source itself may be a delta of these."""
    others = (*references(source.path, source.handle), *bases)
    with WimFile.open(source.path, refs=patterns_of(others), with_parts=False) as judge:
        for image in chosen:
            check_image(judge, judge.image(image.index), WriteMode.NEW)


@dataclass(frozen=True, slots=True)
class _Job:
    """What is asked for."""

    source: WimFile
    path: Path
    chosen: Sequence[WimImage]
    options: ExportOptions
    properties: ImageProperties | None
    bases: Sequence[Path]
    keeps_boot_index: bool

    def copied(self, meter: Meter) -> bool:
        """Copy contents as they are stored; False when that cannot be."""
        copy = as_stored(
            self.source, self.chosen, self.options, self.properties, keeps_boot_index=self.keeps_boot_index
        )
        if copy is None:
            return False
        copy = replace(copy, may_miss=True, bases=noted(self.bases), without=hashes_of(self.bases))
        replaces = self.options.mode is WriteMode.OVERWRITE
        with suppress(NotRaw):
            copy_images(self.source.path, self.path, copy, replace=replaces, meter=meter)
            return True
        return False

    def made_anew(self, meter: Meter) -> tuple[str, ...]:
        """Let libwim write it from what is left, which is kept uncompressed beside it for a while."""
        source, options = self.source, self.options
        spec = options.compression or spec_of(source)
        with self._kept(meter) as handle:
            refer_to(handle, self.bases)
            prepare_output(handle, spec)
            boot = source.header.boot_index if self.keeps_boot_index else None
            handle.set_boot_index(len(self.chosen) if options.boot else boot or 0)
            has_table = source.header.has_integrity_table
            how = Writing(
                integrity=has_table if options.integrity is None else options.integrity,
                threads=options.threads,
                skips_references=True,
                repeatable=options.repeatable,
            )
            replaces = options.mode is WriteMode.OVERWRITE
            return write_file(handle, self.path, spec, how, replace=replaces, meter=meter)

    def _kept(self, meter: Meter) -> WimHandle:
        """Return a WIM for a while, open, with the images and the contents that are left; its file has no name."""
        with scratch_folder() as folder:
            path = folder / "kept.wim"
            try:
                with path.open("w+b") as file:
                    self._keep(file.fileno(), folder.parent, meter)
            except OSError as error:
                if isinstance(error, StorageError):
                    raise
                raise StorageError(
                    f"a temporary file cannot be written: {error.strerror}", path=folder.parent, errno=error.errno
                ) from error
            with wim_errors(self.path):
                return WimHandle.open(path)

    def _keep(self, descriptor: int, folder: Path, meter: Meter) -> None:
        """Write the images with the contents that are left."""
        source = self.source
        trees = [_tree(source, image) for image in self.chosen]
        wanted = set(contents_of(self.chosen)) - hashes_of(self.bases)
        files = []
        for path in (source.path, *references(source.path, source.handle)):
            if wanted:
                files.append(BlobSource(path, wanted))
                wanted = wanted - {sha1 for _, sha1 in files[-1].facts}
        total = sum(size for each in files for size, _ in each.facts)
        free = shutil.disk_usage(folder).free
        if total > free:
            raise StorageError(
                f"{self.path}: what is exported takes {format_size(total)} for a while in {folder}, which has room for "
                f"{format_size(free)}; name another folder in TMPDIR",
                path=folder,
            )
        plain, done = PlainWim(descriptor, self.path), 0
        for each in files:
            done = plain.take(each, meter, done, total)
        xml = of_images(parse_root(source.xml), [image.index for image in self.chosen])
        if xml is None:
            raise CorruptWim(f"{source.path}: its XML document has not one element for each image")
        elements = list(xml.iter("IMAGE"))
        for element in elements:
            set_properties_of(element, self.properties or ImageProperties())
            note_bases(element, noted(self.bases))
        refuse_equal_names(self.path, elements)
        plain.write(trees, xml, HeaderFlag.RPFIX if source.header.rewrites_links else HeaderFlag(0))


def _tree(source: WimFile, image: WimImage) -> bytes:
    with wim_errors(source.path):
        tree = read_sound_tree(source.path, source.handle, image.index)
    if tree is None:
        raise InvalidRequest(
            f"{source.path}: the tree of image {image.index} cannot be taken as it is; export the WIM whole first"
        )
    return tree
