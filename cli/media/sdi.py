"""``osdimage media sdi``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
from osdimage.cli import params, values
from osdimage.cli.failures import INVALID_INPUT
from osdimage.cli.render import Reporter
from osdimage.imaging.units import format_size

if TYPE_CHECKING:
    from osdimage.imaging.media.parts.sdi import SdiFacts


@click.command("sdi")
@click.argument("file", type=values.NEW_FILE)
@click.option("--check", is_flag=True, help="Leave with 3 when something is wrong with FILE.")
@click.option("--create", is_flag=True, help="Make FILE, of the form of Windows' own.")
@click.option("--overwrite", is_flag=True, help="With --create: replace a file that is there.")
@params.output(events=False)
def sdi_command(file: Path, check: bool, create: bool, overwrite: bool, reporter: Reporter) -> int:
    """Show what is in FILE, a boot.sdi: where its volume is, and what is wrong with it.

    The boot manager of a medium starts Windows PE on the disk in memory that such a file describes.  Every Windows
    brings one, always the same; take that where there is one. Whether the boot manager takes a file that was made here
    was never tried.
    """
    from osdimage.imaging.documents import read_limited  # noqa: PLC0415 - start-up stays cheap
    from osdimage.imaging.media.parts.sdi import LARGEST_SDI, read_sdi, write_sdi  # noqa: PLC0415

    if check and create:
        raise click.UsageError("--check looks at a file, and --create makes one; give one of them")
    if overwrite and not create:
        raise click.UsageError("--overwrite goes with --create")
    if create:
        write_sdi(file, overwrite=overwrite)
    data = read_limited(file, LARGEST_SDI, kind="SDI files")
    facts = read_sdi(data, name=str(file))
    for text in facts.faults:
        reporter.warn(f"{file}: {text}")
    (reporter.result if create else reporter.answer)(_document(file, facts, created=create), *_lines(file, facts))
    return INVALID_INPUT if check and not facts.is_sound else 0


def _document(file: Path, facts: SdiFacts, *, created: bool) -> dict[str, object]:
    return {
        "path": file,
        "size_bytes": facts.size_bytes,
        "created": created,
        "is_sound": facts.is_sound,
        "parts": [
            {
                "type": each.kind,
                "offset_bytes": each.offset,
                "size_bytes": each.size,
                "partition_type": each.partition_type,
            }
            for each in facts.parts
        ],
        "faults": facts.faults,
    }


def _lines(file: Path, facts: SdiFacts) -> list[str]:
    lines = [f"{file}: boot.sdi, {format_size(facts.size_bytes)}"]
    for each in facts.parts:
        size = "up to the end" if not each.size else format_size(each.size)
        kind = f", partition type {each.partition_type:#04x}" if each.partition_type else ""
        lines.append(f"  {each.kind}: at byte {each.offset:,}, {size}{kind}")
    return lines
