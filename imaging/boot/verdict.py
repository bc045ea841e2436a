"""What is said of a disk that was looked at: findings, and whether it starts as far as they tell."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from osdimage.imaging.boot.firmware import Firmware
from osdimage.imaging.finding import Finding, Severity


class Verdict(StrEnum):
    """Whether a disk starts."""

    STARTS = "starts"
    DOES_NOT_START = "does-not-start"
    NOT_KNOWN = "not-known"


# Findings about what decides, and was not read or cannot be told from the disk.
_OPEN = frozenset(
    {
        "bcd-device-unknown",
        "boot-sector-other",
        "loader-other",
        "loader-unread",
        "machine-32-bit",
        "mbr-code-other",
        "os-elsewhere",
        "os-encrypted",
        "os-hibernated",
        "os-inside",
        "os-other",
        "os-unread",
        "system-unread",
        "table-damaged",
        "uefi-from-mbr",
        "whole-disk",
    }
)


@dataclass(frozen=True, slots=True)
class BootReport:
    """What was found on the way from the firmware to Windows.

    Attributes:
        disk: what messages call it.
        firmware: what would start it, or None when it has no partition table.
        system_partition: the number of the partition with the boot manager, or None.
        os_partition: the number of the partition that the default entry starts, or None.
        architecture: of the loader, or None when there is none, or under a BIOS.
        findings: what is wrong or worth knowing, the worst first.
        windows_disk: what messages call the disk of ``os_partition``, where that is not ``disk``; else None.
    """

    disk: str
    firmware: Firmware | None
    system_partition: int | None
    os_partition: int | None
    architecture: str | None
    findings: tuple[Finding, ...]
    windows_disk: str | None = None

    @property
    def verdict(self) -> Verdict:
        """Whether it starts: not where an error was found, and not known where something that decides was not read."""
        if any(each.severity is Severity.ERROR for each in self.findings):
            return Verdict.DOES_NOT_START
        return Verdict.NOT_KNOWN if self.open else Verdict.STARTS

    @property
    def starts(self) -> bool | None:
        """Whether nothing was found that keeps it from starting; None when that is not known."""
        return None if self.verdict is Verdict.NOT_KNOWN else self.verdict is Verdict.STARTS

    @property
    def open(self) -> tuple[Finding, ...]:
        """The findings that leave it open whether the disk starts."""
        return tuple(each for each in self.findings if each.code in _OPEN)


def ranked(findings: list[Finding]) -> tuple[Finding, ...]:
    """Return findings, the worst first."""
    ranks = list(Severity)
    return tuple(sorted(findings, key=lambda each: ranks.index(each.severity)))
