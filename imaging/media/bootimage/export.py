"""Copying a boot image alone to a WIM of its own, with what is wished for in it; the source stays as it is."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from osdimage.imaging import filetime
from osdimage.imaging.logs import logged
from osdimage.imaging.media.bootimage.change import BootChange, Planner, carry_out, memory_warnings
from osdimage.imaging.media.bootimage.reading import boot_image_of, unread_compression
from osdimage.imaging.output import REPLACE_IT, refuse_existing, refuse_source
from osdimage.imaging.progress import ProgressCallback, portion
from osdimage.imaging.scratch import scratch_folder
from osdimage.imaging.service.update import UpdateOptions
from osdimage.imaging.wim.compression import Compression, CompressionSpec
from osdimage.imaging.wim.copied.export import ExportOptions, export_images
from osdimage.imaging.wim.described.properties import ImageProperties
from osdimage.imaging.wim.file import WimFile
from osdimage.imaging.wim.select import ImageSelector
from osdimage.imaging.wim.write import WriteMode

_COPIED, _CHANGED = 40.0, 60.0


@logged("export the boot image of {source} to {destination}")
def export_boot_image(
    source: str | os.PathLike[str],
    selector: ImageSelector,
    destination: str | os.PathLike[str],
    planner: Planner,
    *,
    overwrite: bool = False,
    threads: int = 0,
    dry_run: bool = False,
    refs: Iterable[str] = (),
    now: datetime | None = None,
    progress: ProgressCallback | None = None,
) -> BootChange:
    """Write a WIM that has one image, which starts: a boot image of another WIM, changed as it is planned.

    What the boot manager cannot read, as of an ESD, is compressed as of a boot.wim (LZX).  A copy of the image is in
    TMPDIR while it is changed.

    Args:
        source: the WIM that has it; it is only read.
        selector: which image; without a choice the one that starts, or the only one.
        destination: the new WIM; it appears complete or not at all.
        planner: plans what is changed.
        overwrite: replace a file that is there.
        threads: compressor threads, 0 for one a processor.
        dry_run: find out what would be changed, and write nothing.
        refs: files or glob patterns of files that hold contents of ``source`` too.
        now: the time of keys of hives that are changed, and the latest that what is changed may have; the same wishes
            make the same WIM again with it.  None leaves all times as they are.
        progress: receives the progress.

    Raises:
        TargetRefused: when the destination is there, or the image is no Windows PE.
        OsdImageError: as the planner, :func:`~osdimage.imaging.export_images` and ``update_image`` do.
    """
    path = Path(destination)
    if not overwrite:
        refuse_existing(path, REPLACE_IT)
    refuse_source(path, source, "the WIM that is exported")
    with WimFile.open(source, refs=refs) as opened:
        image = boot_image_of(opened, selector)
        plan = planner(image)
        if dry_run:
            return BootChange(path, plan, opened.header.file_size, opened.header.file_size, 0, plan.warnings)
        header = opened.header
        compression = None if unread_compression(header) is None else CompressionSpec(Compression.LZX)
        options = ExportOptions(boot=True, threads=threads, compression=compression, repeatable=True)
        final = replace(options, mode=WriteMode.OVERWRITE if overwrite else WriteMode.NEW)
        if plan.is_empty:
            result = export_images(opened, path, final, images=[image], progress=progress)
            return BootChange(
                path, plan, header.file_size, result.file_size, 0, (*plan.warnings, *result.warnings), is_written=True
            )
        with scratch_folder() as folder:
            made = folder / "boot.wim"
            first = export_images(opened, made, options, images=[image], progress=portion(progress, 0, _COPIED))
            with WimFile.open(made) as copied:
                # What it warns of was told of the source.
                planned = replace(planner(copied.image(1)), warnings=())
            change = carry_out(
                made,
                planned,
                UpdateOptions(threads=threads, latest=now),
                now=now,
                progress=portion(progress, _COPIED, _CHANGED),
            )
            # What the change has left behind stays there.
            with WimFile.open(made) as changed:
                last = export_images(
                    changed,
                    path,
                    final,
                    properties=None if now is None else _modified(now),
                    progress=portion(progress, _CHANGED, 100),
                )
    large = memory_warnings(path, plan, last.file_size)
    warnings = tuple(dict.fromkeys((*first.warnings, *plan.warnings, *change.warnings, *last.warnings, *large)))
    return BootChange(path, plan, header.file_size, last.file_size, 0, warnings, is_written=True)


def _modified(now: datetime) -> ImageProperties:
    """Return what says in the XML of an image when it was changed."""
    moment = filetime.from_datetime(now)
    halves = {"HIGHPART": moment >> 32, "LOWPART": moment & 0xFFFFFFFF}
    return ImageProperties(
        elements=tuple((f"LASTMODIFICATIONTIME/{name}", f"0x{half:08X}") for name, half in halves.items())
    )
