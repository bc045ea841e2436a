"""``osdimage media verify``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
from osdimage.cli import params, render, values
from osdimage.cli.failures import INVALID_INPUT
from osdimage.cli.render import Reporter
from osdimage.imaging.units import counted, format_size

if TYPE_CHECKING:
    from osdimage.imaging.media.checked.report import MediumReport

_MEDIUM = values.PathType(exists=True, path_type=Path)


@click.command("verify")
@click.argument("media", metavar="MEDIUM...", nargs=-1, required=True, type=_MEDIUM)
@click.option(
    "--boot-only", is_flag=True, help="Look at nothing but what starts a computer; what starts none is an error then."
)
@params.output(events=False)
def verify_command(media: tuple[Path, ...], boot_only: bool, reporter: Reporter) -> int:
    """Look at all that can be known of each MEDIUM without starting it, and say what to do about each fault.

    A MEDIUM is an ISO file or a drive, a stick or the image of one, or a folder.  Looked at are its table, its volumes
    and every name in them; and the way from firmware to Windows PE: boot catalog or boot code, loaders, the entries of
    both stores, the WIM and boot.sdi that these name, and whether all are of one architecture.  Whether a loader does
    its work is not tried.  Leaves with 3 when there is an error, with 0 for mere warnings and notes.
    """
    from osdimage.imaging.media.checked.verify import verify_medium  # noqa: PLC0415 - start-up stays cheap

    reports = [verify_medium(each, boot_only=boot_only) for each in media]
    is_sound = all(each.is_sound for each in reports)
    if reporter.as_json:
        render.document({"media": [_facts(each) for each in reports], "is_sound": is_sound})
    else:
        for each in reports:
            render.findings(each.findings, quiet=reporter.quiet)
            if not reporter.quiet:
                render.line(_line(each, counts=not boot_only))
    return 0 if is_sound else INVALID_INPUT


def _facts(report: MediumReport) -> dict[str, object]:
    facts = render.to_plain(report)
    assert isinstance(facts, dict)  # noqa: S101 - of a dataclass
    return {**facts, "is_sound": report.is_sound}


def _line(report: MediumReport, *, counts: bool) -> str:
    label = "" if report.label is None else f", label {report.label}"
    held = f", {counted(report.files, 'file')}, {format_size(report.contents_bytes)}" if counts else ""
    kinds = " and ".join(each.upper() for each in report.firmware)
    of = "" if report.architecture is None else f" ({report.architecture})"
    starts = f"starts under {kinds}{of}, as far as can be told" if kinds else "nothing starts it"
    return f"{report.medium}: {report.kind.called}{label}{held}: {starts}"
