r"""The manifest of a medium, ``\osdimage\media.json``: what the medium is for, and every file of it with its hash.

A signature covers the manifest alone, and the manifest covers all else.  The first disc of a set tells of the files of
all discs; each later one of its own, with the hash of the first one's manifest, so that discs of two sets are not taken
for one.

``manifest_json.py`` has its bytes.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from uuid import UUID

from osdimage.imaging.boot.firmware import Firmware
from osdimage.imaging.media.parts.medium import SignedBy
from osdimage.imaging.volume import windows_names

FOLDER = "osdimage"
"""The folder of a medium with all that is of a task sequence."""
MANIFEST = f"{FOLDER}/media.json"
SIGNATURE = f"{FOLDER}/media.json.sig"
SUMS = f"{FOLDER}/SHA256SUMS"
UNLISTED = frozenset({MANIFEST.lower(), SIGNATURE.lower(), SUMS.lower()})
"""The paths of what no manifest tells of, in lower case."""
MOST_VOLUMES = 999
"""Discs of a set."""

_LONGEST_PATH = 1023


class MediaKind(StrEnum):
    """What a medium is for."""

    BOOT = "boot"
    STANDALONE = "standalone"
    CAPTURE = "capture"
    INSTALL = "install"
    NETBOOT = "netboot"


class Runner(StrEnum):
    """Who carries out what is on a medium: osdimage on Linux, scripts in Windows PE, or the boot image's own client."""

    LINUX = "linux"
    WINPE = "winpe"
    SITE = "site"


@dataclass(frozen=True, slots=True)
class ManifestFile:
    """A file of a medium.

    Attributes:
        path: names with ``/`` between them, and none in front.
        size: in bytes.
        sha256: of its contents, 64 digits in lower case.
        volume: the number of the disc that it is on, from 1.
    """

    path: str
    size: int
    sha256: str
    volume: int = 1


@dataclass(frozen=True, slots=True)
class ManifestPackage:
    """A package of content.

    Attributes:
        identifier: by which steps name it.
        name: for people.
        path: of its folder on the medium.
        size: of its files together, in bytes.
        volumes: the discs that it is on: one, unless it is a WIM in parts.
    """

    identifier: str
    name: str
    path: str
    size: int
    volumes: tuple[int, ...] = (1,)


@dataclass(frozen=True, slots=True)
class ManifestSequence:
    """A task sequence.

    Attributes:
        identifier: by which it is chosen.
        name: for people.
        path: of its file on the medium.
        is_encrypted: whether a password opens it.
    """

    identifier: str
    name: str
    path: str
    is_encrypted: bool


@dataclass(frozen=True, slots=True)
class ManifestVariables:
    """The file of the variables; their names are not told.

    Attributes:
        path: of it on the medium.
        is_encrypted: whether a password opens it.
    """

    path: str
    is_encrypted: bool


@dataclass(frozen=True, slots=True)
class ManifestImage:
    """The boot image.

    Attributes:
        path: of its WIM on the medium.
        index: of the image in it that starts.
        name: of the image.
    """

    path: str
    index: int
    name: str


@dataclass(frozen=True, slots=True)
class DiscOfSet:
    """Which disc of a set a medium is.

    Attributes:
        identifier: of the set, which all of its discs have and no other disc.
        volume: the number of the disc, from 1.
        volumes: how many discs there are, at least 2.
        name: of the set, for people.
        first: the SHA-256 of the manifest of the first disc, 64 digits; None on the first disc.
    """

    identifier: UUID
    volume: int
    volumes: int
    name: str
    first: str | None = None


@dataclass(frozen=True, slots=True)
class MediaManifest:
    """What a manifest says.

    Attributes:
        kind: what the medium is for.
        label: of its volume.
        created: when it was made, UTC, in whole seconds.
        tool: what made it, with its version.
        files: all of them, in the order of their paths; on the first disc of a set those of all discs.
        valid_from: before then it is not to be used; None where that does not matter.
        expires: after then it is not to be used, likewise.
        of_set: which disc of a set it is; None of a medium that is alone.
        architecture: of the boot image: ``x86``, ``x64``, ``arm`` or ``arm64``; None when nothing starts from it.
        firmware: what can start it.
        signed: what the loader for UEFI is signed with.
        boot_image: what starts; None on a later disc, and where several do.
        runner: who carries out what is on it; None when there is nothing to carry out.
        sequences: the task sequences.
        variables: where those of the medium are; None without any.
        packages: the content.
        others: what this version does not know of, at the top of the document: names, and JSON of the values.
    """

    kind: MediaKind
    label: str
    created: datetime
    tool: str
    files: tuple[ManifestFile, ...] = field(default=(), repr=False)
    valid_from: datetime | None = None
    expires: datetime | None = None
    of_set: DiscOfSet | None = None
    architecture: str | None = None
    firmware: frozenset[Firmware] = frozenset()
    signed: SignedBy = SignedBy.UNKNOWN
    boot_image: ManifestImage | None = None
    runner: Runner | None = None
    sequences: tuple[ManifestSequence, ...] = ()
    variables: ManifestVariables | None = None
    packages: tuple[ManifestPackage, ...] = ()
    others: tuple[tuple[str, str], ...] = ()

    @property
    def volume(self) -> int:
        """The number of the disc, from 1; a medium that is alone is the first."""
        return 1 if self.of_set is None else self.of_set.volume

    @property
    def volumes(self) -> int:
        """How many discs there are."""
        return 1 if self.of_set is None else self.of_set.volumes

    @property
    def is_encrypted(self) -> bool:
        """Whether a password is needed to use the medium."""
        variables = self.variables is not None and self.variables.is_encrypted
        return variables or any(each.is_encrypted for each in self.sequences)

    @property
    def here(self) -> tuple[ManifestFile, ...]:
        """The files of this disc."""
        return tuple(each for each in self.files if each.volume == self.volume)

    def find(self, path: str) -> ManifestFile | None:
        """Return the file of a path, without regard to case, or None; of several discs, that of the lowest number."""
        found = [each for each in self.files if each.path.lower() == path.lower()]
        return min(found, key=lambda each: each.volume, default=None)

    def fault_of_dates(self, now: datetime) -> str | None:
        """Tell why the medium is not to be used now; None when it may be.  The dates are advice, and no protection."""
        if self.valid_from is not None and now < self.valid_from:
            return f"is not valid before {moment_text(self.valid_from)}"
        if self.expires is not None and now > self.expires:
            return f"has expired at {moment_text(self.expires)}"
        return None


def fault_of_path(path: str) -> str | None:
    """Tell why a manifest cannot have a path; None when it can: names that Windows opens, with ``/`` between them."""
    if len(path.encode("utf-8", "surrogatepass")) > _LONGEST_PATH:
        return f"is longer than {_LONGEST_PATH} bytes"
    if not unicodedata.is_normalized("NFC", path):
        return "is not in the composed form of Unicode (NFC), which systems take for another name"
    for name in path.split("/"):
        fault = windows_names.fault_of(name)
        if fault is None and "\\" in name:
            fault = r"holds \ "
        if fault is not None:
            return f"has a name that {fault.rstrip()}"
    return None


def moment_text(moment: datetime) -> str:
    """Return a time as manifests have it: UTC, in whole seconds."""
    # Not strftime(): it writes the year 999 with three digits.
    return moment.astimezone(UTC).replace(tzinfo=None, microsecond=0).isoformat() + "Z"
