"""What was noticed about a disk, a volume or a store while it was read or checked."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from osdimage.imaging.errors import Remedy

__all__ = ["Finding", "Severity"]


class Severity(StrEnum):
    """How much it matters: an error keeps somebody from using the disk, a warning may, a note does not."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that was noticed.

    Attributes:
        severity: how much it matters.
        code: a stable word for scripts, such as ``gpt-backup-missing``.
        text: what was found and where.
        remedy: what to do about it.
    """

    severity: Severity
    code: str
    text: str
    remedy: Remedy


def error(code: str, text: str, remedy: Remedy | str) -> Finding:
    """Make a finding of severity error."""
    return _finding(Severity.ERROR, code, text, remedy)


def warning(code: str, text: str, remedy: Remedy | str) -> Finding:
    """Make a finding of severity warning."""
    return _finding(Severity.WARNING, code, text, remedy)


def note(code: str, text: str, remedy: Remedy | str) -> Finding:
    """Make a finding of severity note."""
    return _finding(Severity.NOTE, code, text, remedy)


def _finding(severity: Severity, code: str, text: str, remedy: Remedy | str) -> Finding:
    return Finding(severity, code, text, remedy if isinstance(remedy, Remedy) else Remedy(remedy))
