"""What is said of a medium that was looked at."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from osdimage.imaging.boot.firmware import Firmware
from osdimage.imaging.finding import Finding, Severity
from osdimage.imaging.media.parts.medium import SignedBy
from osdimage.imaging.media.sequence.checking import CheckedManifest


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
        signed: what the loaders for UEFI are signed with; UNKNOWN also where they differ.
        manifest: what was found of its manifest; None without one, or where nothing but what starts was looked at.
    """

    medium: str
    kind: MediumKind
    label: str | None
    files: int
    contents_bytes: int
    firmware: tuple[Firmware, ...]
    architecture: str | None
    findings: tuple[Finding, ...]
    signed: SignedBy = SignedBy.UNKNOWN
    manifest: CheckedManifest | None = field(default=None, repr=False)

    @property
    def is_sound(self) -> bool:
        """Whether there is no error; there may be warnings."""
        return not any(each.severity is Severity.ERROR for each in self.findings)


@dataclass(frozen=True, slots=True)
class MediaReport:
    """What was found on several media.

    Attributes:
        media: each of them.
        findings: what is wrong with them as discs of one set.
    """

    media: tuple[MediumReport, ...]
    findings: tuple[Finding, ...]

    @property
    def is_sound(self) -> bool:
        """Whether there is no error in any of them, nor in the set."""
        return all(each.is_sound for each in self.media) and not any(
            each.severity is Severity.ERROR for each in self.findings
        )
