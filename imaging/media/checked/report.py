"""What is said of a medium that was looked at."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from osdimage.imaging.boot.firmware import Firmware
from osdimage.imaging.finding import Finding, Severity


class MediumKind(StrEnum):
    """What a medium is."""

    DISC = "disc"
    DISK = "disk"
    FOLDER = "folder"
    NETBOOT = "netboot"

    @property
    def called(self) -> str:
        """What people call it."""
        return _CALLED[self]


_CALLED = {
    MediumKind.DISC: "a disc",
    MediumKind.DISK: "a stick, or the image of one",
    MediumKind.FOLDER: "a folder",
    MediumKind.NETBOOT: "a folder for network boot",
}


@dataclass(frozen=True, slots=True)
class MediumReport:
    """What was found on a medium.

    Attributes:
        medium: what messages call it.
        kind: what it is.
        label: of its volume; None without one.
        files: how many it holds.
        contents_bytes: what all of them hold together.
        firmware: what starts it, as far as is known: all on the way to the boot image is there.
        architecture: of the loaders for UEFI, or else of the boot image; None when neither tells it, or several do.
        findings: what is wrong or worth knowing, the worst first.
    """

    medium: str
    kind: MediumKind
    label: str | None
    files: int
    contents_bytes: int
    firmware: tuple[Firmware, ...]
    architecture: str | None
    findings: tuple[Finding, ...]

    @property
    def is_sound(self) -> bool:
        """Whether there is no error; there may be warnings."""
        return not any(each.severity is Severity.ERROR for each in self.findings)
