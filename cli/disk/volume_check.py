"""What ``osdimage disk check`` tells of a volume."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from osdimage.cli import render
from osdimage.cli.guidance import advice
from osdimage.imaging.units import counted

if TYPE_CHECKING:
    from osdimage.imaging.finding import Finding
    from osdimage.imaging.volume.checked import VolumeCheck
    from osdimage.imaging.volume.ntfs.check.faults import NtfsFault, NtfsReport


def show(name: str, checked: VolumeCheck, *, quiet: bool) -> None:
    """Print each kind of fault with what it means and the places, then what to do; with ``quiet`` the errors alone."""
    report = checked.ntfs
    if report is None:
        render.findings(checked.findings, quiet=quiet)
    else:
        _faults(checked.findings, report, quiet=quiet)
    if quiet:
        return
    contents = "" if report is None else f" in {counted(report.files, 'file')}"
    if not checked.findings:
        render.line(f"{name}: no faults found{contents}")
    elif report is not None:
        errors, warnings = counted(report.errors, "error"), counted(report.warnings, "warning")
        render.line(f"{name}: {errors}, {warnings} and {counted(report.notes, 'note')}{contents}")


def _faults(findings: Iterable[Finding], report: NtfsReport, *, quiet: bool) -> None:
    """Print the findings of an NTFS volume, each with its faults, and what helps against these once."""
    by_code = {kind.code: (kind, count) for kind, count in report.counts.items()}
    remedies: set[str] = set()
    for finding in findings:
        if quiet and finding.severity != "error":
            continue
        if finding.code not in by_code:
            render.findings([finding], quiet=quiet)
            continue
        render.line(f"{finding.severity}: {finding.text} [{finding.code}]")
        kind, count = by_code[finding.code]
        faults = report.of(kind)
        for fault in faults:
            render.line(f"  {_placed(fault)}")
        if count > len(faults) > 0:
            render.line(f"  and {count - len(faults):,} more")
        if finding.severity != "note":
            remedies.add(advice.worded(finding.remedy))
    for text in sorted(remedies):
        render.line(text)


def _placed(fault: NtfsFault) -> str:
    """Return a line of a fault: the file first, which is what people know, and its place on the volume last."""
    text = fault.text if fault.path is None else f"{fault.path}: {fault.text}"
    return f"{text} ({fault.place})" if fault.place else text


def document(disk: Path, partition: int | None, checked: VolumeCheck) -> None:
    """Print the document of a check."""
    render.document(
        {
            "disk": disk,
            "scheme": None,
            "partition": partition,
            "findings": checked.findings,
            "saved": None,
            "volume": _facts(checked),
        }
    )


def _facts(checked: VolumeCheck) -> dict[str, object]:
    report = checked.ntfs
    if report is None:
        return {"filesystem": checked.content.called, "is_sound": checked.is_sound, "ntfs": None}
    return {
        "filesystem": checked.content.called,
        "is_sound": checked.is_sound,
        "ntfs": {
            "files": report.files,
            "directories": report.directories,
            "records": report.records,
            "clusters": report.clusters,
            "used_clusters": report.used,
            "is_complete": report.is_complete,
            "errors": report.errors,
            "warnings": report.warnings,
            "notes": report.notes,
            "kinds": [
                {
                    "code": kind.code,
                    "severity": kind.severity,
                    "count": count,
                    "title": kind.title,
                    "meaning": kind.meaning,
                }
                for kind, count in report.counts.items()
            ],
            "faults": [
                {
                    "code": fault.kind.code,
                    "severity": fault.kind.severity,
                    "text": fault.text,
                    "path": fault.path,
                    "record": fault.record,
                    "attribute": fault.attribute,
                    "cluster": fault.cluster,
                }
                for fault in report.faults
            ],
        },
    }
