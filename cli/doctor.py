"""``osdimage doctor``: what is installed, what is missing, and the command that installs it."""

from __future__ import annotations

import textwrap

import click
from osdimage.cli import params, render
from osdimage.cli.render import Reporter
from osdimage.imaging import doctor
from osdimage.imaging.errors import OsdImageError

WIDTH = 110


@click.command("doctor")
@params.output(events=False)
def doctor_command(*, reporter: Reporter) -> None:
    """Show what is installed, what is missing, and how to install it.

    Exit code 0 when everything is there that osdimage cannot work without, otherwise 1.
    """
    report = doctor.examine()
    if reporter.as_json:
        render.document(_document(report))
    else:
        render.out(_text(report))
    if report.missing:
        raise OsdImageError(f"required and missing: {', '.join(report.missing)}")


def _document(report: doctor.Report) -> dict[str, object]:
    return {
        "distribution": report.distribution.name,
        "complete": not report.missing,
        "components": [
            {
                "name": one.name,
                "present": one.present,
                "version": one.version,
                "required": one.required,
                "needed_for": one.needed_for,
                "install": one.install,
                "remarks": [{"severity": remark.severity, "text": remark.text} for remark in one.remarks],
            }
            for one in report.components
        ],
    }


def _text(report: doctor.Report) -> str:
    """Lay the report out in columns, each remark and command below what it is about."""
    name_width = max(len(one.name) for one in report.components)
    version_width = max(len(one.version or "") for one in report.components)
    lines = [f"On {report.distribution.name}:", ""]
    for one in report.components:
        state = "ok" if one.present else "MISSING" if one.required else "missing"
        lines.append(
            f"{state:<8}{one.name:<{name_width}}  {one.version or '':<{version_width}}  {one.needed_for}".rstrip()
        )
        below = [f"{remark.severity}: {remark.text}" for remark in one.remarks]
        if one.install:
            below.append(f"install: {one.install}")
        for text in below:
            lines += textwrap.wrap(
                text,
                WIDTH,
                initial_indent=" " * 10,
                subsequent_indent=" " * 12,
                break_long_words=False,
                break_on_hyphens=False,
            )
    return "\n".join(lines)
