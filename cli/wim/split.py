"""``osdimage split``, and what it shares with ``osdimage export --split-size``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
from osdimage.cli import params, render, suffix, values
from osdimage.cli.render import Reporter, counted
from osdimage.cli.source import open_wim

if TYPE_CHECKING:
    from osdimage.imaging.wim.compression import CompressionSpec
    from osdimage.imaging.wim.copied.split import SplitResult


@click.command("split")
@click.argument("wim", type=values.WIM)
@click.argument("out", type=values.NEW_FILE)
@click.option(
    "--size",
    "part_bytes",
    type=values.PART_SIZE,
    metavar="SIZE",
    default="3800MB",
    help="Largest size of a part.  Default: 3800MB, which FAT32 can hold.",
)
@params.plain_compression
@params.recompress
@params.allow_larger
@click.option("--overwrite", is_flag=True, help="Replace parts that are there, once the new ones are complete.")
@params.integrity("as it was")
@click.option("--verify", is_flag=True, help="Read the parts again, and compare all contents with their SHA-1.")
@params.references
@params.check
@params.dry_run
@params.threads
@params.output()
def split_command(
    wim: Path,
    out: Path,
    part_bytes: int,
    wish: params.PlainCompressionWish,
    recompress: bool,
    allow_larger: bool,
    overwrite: bool,
    integrity: bool | None,
    verify: bool,
    refs: tuple[str, ...],
    check: bool,
    dry_run: bool,
    threads: int,
    reporter: Reporter,
) -> None:
    """Cut a WIM into parts: OUT.swm, OUT2.swm and so on, as Windows Setup takes them from a FAT32 stick.

    Contents are copied as they are stored.  Those of an ESD or another solid WIM, which no part can hold, are
    compressed again on the way (default then: lzx), and read again from the parts.  A file that is larger than a part
    is named before anything is written, unless --allow-larger lets it have one of its own.  `osdimage join` makes one
    WIM of the parts.
    """
    from osdimage.imaging.wim.copied.export import ExportOptions  # noqa: PLC0415 - start-up stays cheap
    from osdimage.imaging.wim.copied.split import split_images  # noqa: PLC0415
    from osdimage.imaging.wim.write import WriteMode  # noqa: PLC0415

    out = suffix.first_part(out)
    with open_wim(wim, reporter, check=check, refs=refs) as (opened, progress):
        result = split_images(
            opened,
            out,
            part_bytes,
            ExportOptions(
                mode=WriteMode.OVERWRITE if overwrite else WriteMode.NEW,
                compression=wish.for_parts(),
                integrity=integrity,
                threads=threads,
                recompress=recompress,
            ),
            allow_larger=allow_larger,
            verify=verify,
            dry_run=dry_run,
            progress=progress,
        )
    show(out, result, reporter)
    warn_of_level(wish.compress, reporter, kept=not result.recompressed)


def show(out: Path, result: SplitResult, reporter: Reporter, *, kind: str | None = None) -> None:
    """Print the parts of a split WIM; ``kind`` is that of the JSON document where it is not the command's name."""
    from osdimage.imaging.units import format_size  # noqa: PLC0415 - as above

    if reporter.as_json:
        render.document(result, kind=kind)
        return
    if not result.paths:
        how = "compresses contents again" if result.recompressed else "puts contents into one file first"
        reporter.result(result, f"{out}: {how}; how many parts that gives is known afterwards only")
        return
    verb = "" if result.written else "would be "
    count = counted(len(result.paths), "part")
    lines = [f"{out}: {verb}{count}, together {format_size(sum(result.sizes))}"]
    lines += [f"  {path}: {format_size(size)}" for path, size in zip(result.paths, result.sizes, strict=True)]
    reporter.result(result, *lines)


def warn_of_level(compress: CompressionSpec | None, reporter: Reporter, *, kept: bool) -> None:
    """Say that a level which was asked for was not used, as contents were copied."""
    level = None if compress is None else compress.level
    if level is not None and kept:
        reporter.warn(
            f"contents that have this compression are copied as they are, and level {level} was not used; --recompress "
            "compresses them again"
        )
