"""What was noticed about a disk while it was read or checked."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


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
    remedy: str


def error(code: str, text: str, remedy: str) -> Finding:
    """Make a finding of severity error."""
    return Finding(Severity.ERROR, code, text, remedy)


def warning(code: str, text: str, remedy: str) -> Finding:
    """Make a finding of severity warning."""
    return Finding(Severity.WARNING, code, text, remedy)


def note(code: str, text: str, remedy: str) -> Finding:
    """Make a finding of severity note."""
    return Finding(Severity.NOTE, code, text, remedy)
