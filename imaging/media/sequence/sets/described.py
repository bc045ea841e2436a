"""What a set of discs is: its packages, how they are laid out, and what its discs tell of it."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from uuid import UUID

from osdimage.imaging.disc.facts import DiscExtent
from osdimage.imaging.disc.written.contents import BytesContents, FileContents
from osdimage.imaging.media.parts.medium import Medium, MediumFile, SignedBy
from osdimage.imaging.media.sequence.manifest import FOLDER, DiscOfSet, MediaManifest

PACKAGES = f"{FOLDER}/packages"
"""The folder of a medium with a folder for each package."""
README = "readme.txt"
"""What tells of a disc that it is not the first."""
MADE = "made"
"""The origin of what is made for a medium."""
SIGNATURE_ROOM = 4096
"""Bytes that are kept for a signature: one of RSA with 16384 bits has fewer."""
NO_HASH = "0" * 64
"""Stands for a hash that is not known yet."""


@dataclass(frozen=True, slots=True)
class PackageContent:
    """A package that is to be on a medium.

    Attributes:
        identifier: by which steps name it, one name of a folder.
        name: for people.
        files: of it, each with its path in the package.
    """

    identifier: str
    name: str
    files: tuple[MediumFile, ...] = field(repr=False)

    @property
    def path(self) -> str:
        """Of its folder on the medium."""
        return f"{PACKAGES}/{self.identifier}"


@dataclass(frozen=True, slots=True)
class SetOptions:
    """How files are laid out over discs.

    Attributes:
        manifest: what the manifests say besides files, packages and the set; its label is that of the medium.
        identifier: of the set, if it becomes one.
        capacity: bytes of a disc; None when all is on one.
        largest_file: bytes of the largest file, as on FAT32; None when there is no such limit.
        is_signed: whether room for signatures is kept.
    """

    manifest: MediaManifest
    identifier: UUID
    capacity: int | None = None
    largest_file: int | None = None
    is_signed: bool = False

    @property
    def modified_ns(self) -> int:
        """The time of what is made for the medium, in nanoseconds since 1970."""
        return int(self.manifest.created.timestamp()) * 1_000_000_000


@dataclass(frozen=True, slots=True)
class SplitWim:
    """A WIM of a package that is split.

    Attributes:
        identifier: of the package.
        source: the WIM.
        part_bytes: the largest size of a part.
        parts: with the files that they will be.
    """

    identifier: str
    source: Path
    part_bytes: int
    parts: tuple[MediumFile, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class PlannedDisc:
    """A disc of a set, before its manifest is made.

    Attributes:
        number: of it, from 1.
        label: of its volume.
        files: of it, without manifest, list of hashes and signature.
        packages: the identifiers of those that are on it, in whole or in part.
        size: of an ISO file of it, in bytes.
    """

    number: int
    label: str
    files: tuple[MediumFile, ...] = field(repr=False)
    packages: tuple[str, ...]
    size: int


@dataclass(frozen=True, slots=True)
class SetPlan:
    """What is on each disc of a set, or on a medium that is alone.

    Attributes:
        medium: what the first disc has besides packages.
        packages: all of them.
        options: how they are laid out.
        discs: in their order.
        split: the WIMs that are split before.
    """

    medium: Medium = field(repr=False)
    packages: tuple[PackageContent, ...] = field(repr=False)
    options: SetOptions = field(repr=False)
    discs: tuple[PlannedDisc, ...]
    split: tuple[SplitWim, ...] = ()


def disc_path(path: str | os.PathLike[str], number: int, discs: int) -> Path:
    """Return the path of a disc of a set by that of the set: ``NAME-1.iso`` and so on, or the same when it is alone."""
    whole = Path(path)
    return whole if discs == 1 else whole.with_name(f"{whole.stem}-{number}{whole.suffix}")


def placed(package: PackageContent) -> tuple[MediumFile, ...]:
    """Return the files of a package with their paths on the medium."""
    return tuple(replace(each, path=f"{package.path}/{each.path}") for each in package.files)


def of_disc(options: SetOptions, number: int, count: int, first: str | None = NO_HASH) -> MediaManifest:
    """Return what the manifest of a disc says besides files and packages."""
    bare = replace(options.manifest, files=(), packages=(), of_set=None)
    if count == 1:
        return bare
    name = bare.label
    of_set = DiscOfSet(options.identifier, number, count, name, None if number == 1 else first)
    if number == 1:
        return replace(bare, label=f"{name}_1", of_set=of_set)
    return replace(
        bare,
        label=f"{name}_{number}",
        of_set=of_set,
        architecture=None,
        firmware=frozenset(),
        signed=SignedBy.UNKNOWN,
        boot_image=None,
        sequences=(),
        variables=None,
    )


def readme_of(options: SetOptions, number: int, count: int) -> MediumFile:
    """Return what says of a later disc which one it is."""
    name = options.manifest.label
    text = (
        f"Disc {number} of {count} of {name}.\r\n\r\n"
        "No computer starts from this disc: it holds packages of the set, and disc 1 says which.\r\n"
    )
    return MediumFile(README, BytesContents(text.encode("utf-8")), options.modified_ns, MADE)


def planned(path: Path, size: int) -> FileContents:
    """Return contents of a size that will be at a path."""
    return FileContents(path, (DiscExtent(0, size),) if size else (), size, 0)
