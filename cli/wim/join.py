"""``osdimage join``."""

from __future__ import annotations

from pathlib import Path

import click
from osdimage.cli import params, values
from osdimage.cli.render import Reporter, counted


@click.command("join")
@click.argument("out", type=values.NEW_FILE)
@click.argument("parts", nargs=-1, required=True, type=values.WIM, metavar="PART...")
@click.option("--overwrite", is_flag=True, help="Replace a WIM that is there, once the new one is complete.")
@params.integrity("as the first part")
@params.check
@params.output()
def join_command(
    out: Path,
    parts: tuple[Path, ...],
    overwrite: bool,
    integrity: bool | None,
    check: bool,
    reporter: Reporter,
) -> None:
    """Make one WIM of the parts of a split one, given in any order; the parts stay.

    Of a single PART the others are found by their names.  Nothing is compressed again.
    """
    from osdimage.imaging.units import format_size  # noqa: PLC0415 - start-up stays cheap
    from osdimage.imaging.wim.copied.join import join_wim  # noqa: PLC0415
    from osdimage.imaging.wim.file import leave_memory  # noqa: PLC0415

    leave_memory()
    result = join_wim(out, parts, replace=overwrite, check=check, integrity=integrity, progress=reporter.callback)
    held = f"{counted(len(result.parts), 'part')}, {counted(result.images, 'image')}"
    reporter.result(result, f"{out}: {held}; the file has {format_size(result.file_size)}")
