"""``osdimage optimize``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
from osdimage.cli import params, values
from osdimage.cli.render import Reporter
from osdimage.cli.wim.split import warn_of_level

if TYPE_CHECKING:
    from osdimage.imaging.wim.copied.optimize import OptimizeResult


@click.command("optimize")
@click.argument("wim", type=values.WIM)
@params.compression
@params.recompress
@params.integrity("as it was", old="--check/--no-check")
@click.option(
    "--pipable/--not-pipable",
    default=None,
    help="Give it the form that can be sent through a pipe, or the usual one.  Default: as it was.",
)
@params.references
@params.dry_run
@params.threads
@params.output()
def optimize_command(
    wim: Path,
    wish: params.CompressionWish,
    recompress: bool,
    integrity: bool | None,
    pipable: bool | None,
    refs: tuple[str, ...],
    dry_run: bool,
    threads: int,
    reporter: Reporter,
) -> None:
    """Write a WIM anew without its holes, with another compression if wanted.

    What was appended, deleted or interrupted leaves bytes behind that nothing refers to.  The new file is written
    beside the old one, which it replaces in one step; the images, their order and the GUID stay.  Without options
    nothing is compressed again.
    """
    from osdimage.imaging.wim.copied.optimize import OptimizeOptions, optimize_wim  # noqa: PLC0415
    from osdimage.imaging.wim.file import leave_memory  # noqa: PLC0415 - start-up stays cheap

    leave_memory()
    options = OptimizeOptions(
        # A name that ends in .esd asks for nothing here: the file is there, and is what it is.
        compression=wish.for_file(wim, is_new=False),
        recompress=recompress,
        integrity=integrity,
        pipable=pipable,
        threads=threads,
        dry_run=dry_run,
    )
    result = optimize_wim(wim, options, refs=refs, progress=reporter.callback)
    reporter.result(result, _told(result))
    warn_of_level(wish.compress, reporter, kept=not result.recompressed)


def _told(result: OptimizeResult) -> str:
    from osdimage.imaging.units import format_size  # noqa: PLC0415 - as above

    old, new = result.old_size, result.new_size
    if result.written and new is not None:
        gained = f"{format_size(old - new)} less" if new <= old else f"{format_size(new - old)} more"
        return f"{result.path}: the file has {format_size(new)}, {gained}"
    holes = "" if result.unused is None else f"; {format_size(result.unused)} of it are used by nothing"
    if new is None:
        return f"{result.path}: has {format_size(old)}{holes}; what compressing again gives is known afterwards only"
    would = f"would have {format_size(new)}, {format_size(abs(old - new))} {'less' if new <= old else 'more'}"
    return f"{result.path}: {would}; nothing was written"
