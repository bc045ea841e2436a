"""``osdimage apply``."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click
from osdimage.cli import params
from osdimage.cli.render import Reporter
from osdimage.cli.source import open_wim

if TYPE_CHECKING:
    from osdimage.imaging.wim.select import ImageSelector


@click.command("apply")
@click.argument("wim", type=params.EXISTING)
@click.argument("target", type=params.ANY_PATH)
@params.selector
@params.references
@params.check
@params.limit
@click.option("--unix-data", is_flag=True, help="Also set owner, group and mode, where the image has them.")
@click.option("--force", is_flag=True, help="Apply to a volume that is marked dirty.")
@click.option("--strict", is_flag=True, help="Fail when something of the image could not be kept.")
@params.output()
def apply_command(
    wim: Path,
    target: Path,
    selector: ImageSelector,
    refs: tuple[str, ...],
    check: bool,
    limit_bytes: int | None,
    unix_data: bool,
    force: bool,
    strict: bool,
    reporter: Reporter,
) -> None:
    """Apply one image of a WIM to a directory, or to a file or device that holds one NTFS volume.

    What is there stays.  In a directory, files that the image has too are replaced; a volume that has a name of the
    image's root is refused.  A WIM with one image needs no choice; otherwise choose by --index, --name, or what it is
    (--edition, --arch, --language).
    """
    from osdimage.imaging.units import format_size  # noqa: PLC0415 - start-up stays cheap

    began = time.monotonic()
    with open_wim(wim, reporter, check=check, refs=refs) as (opened, progress):
        image = opened.select(selector)
        result = image.apply_to(
            target,
            unix_data=unix_data,
            limit_bytes=limit_bytes,
            force=force,
            strict=strict,
            progress=progress,
        )
    seconds = time.monotonic() - began
    summary = (
        f"{target}: {result.files:,} files and {result.directories:,} directories, {format_size(result.size)}, "
        f"from image {image.index} {image.name!r} ({seconds:.1f} s)"
    )
    details = [f"  {text}" for text in result.warnings] if reporter.verbose else []
    reporter.result(result, summary, *details)
