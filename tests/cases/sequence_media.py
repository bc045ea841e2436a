"""Media for task sequences, put together by hand: what a run takes from them is not what made them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from osdimage.imaging.disc.written.contents import BytesContents
from osdimage.imaging.media.discs.plan import IsoOptions, plan_iso
from osdimage.imaging.media.discs.write import write_iso
from osdimage.imaging.media.parts.medium import Medium, MediumFile
from osdimage.imaging.media.sequence.content import GivenSequence, content_of
from osdimage.imaging.media.sequence.manifest import (
    MANIFEST,
    SUMS,
    DiscOfSet,
    ManifestFile,
    ManifestPackage,
    MediaKind,
    MediaManifest,
    Runner,
)
from osdimage.imaging.media.sequence.manifest_json import manifest_to_json
from osdimage.imaging.media.sequence.sealed import Stretching, checked_password, seal
from osdimage.imaging.media.sequence.settings import MediaSettings

MOMENT = datetime(2026, 11, 30, 12, tzinfo=UTC)
QUICK = Stretching(log_n=4)
"""A test that opens what a password hides needs no work that makes guessing hard."""
SET = UUID("6ba7b810-9dad-11d1-80b4-00c04fd430c8")


@dataclass(frozen=True)
class WholeMedium:
    """All files of a medium but those about it, and its manifest."""

    files: tuple[MediumFile, ...]
    manifest: MediaManifest


def whole_medium(
    sequences: tuple[GivenSequence, ...],
    packages: Mapping[str, Path],
    settings: MediaSettings,
    password: str | None = None,
    **more: object,
) -> WholeMedium:
    """Return a medium that has all of it, hidden by a password where there is one."""
    key = None if password is None else checked_password(password)
    hide = None if key is None else lambda data: seal(data, key, stretching=QUICK)
    found = content_of(sequences, packages, settings, seal=hide, modified_ns=0)
    placed = {
        each.identifier: [replace(file, path=f"{each.path}/{file.path}") for file in each.files]
        for each in found.packages
    }
    files = sorted((*found.files, *(file for each in placed.values() for file in each)), key=lambda each: each.path)
    manifest = MediaManifest(
        MediaKind.STANDALONE,
        "OSDIMAGE",
        MOMENT,
        "a test",
        tuple(map(_listed, files)),
        runner=Runner.LINUX,
        sequences=found.sequences,
        variables=found.variables,
        packages=tuple(
            ManifestPackage(each.identifier, each.name, each.path, sum(file.size for file in placed[each.identifier]))
            for each in found.packages
        ),
    )
    return WholeMedium(tuple(files), replace(manifest, **more))  # type: ignore[arg-type]


def _listed(file: MediumFile) -> ManifestFile:
    data = b"".join(file.contents.pieces())
    return ManifestFile(file.path, len(data), hashlib.sha256(data).hexdigest())


def files_of(medium: WholeMedium, manifest: MediaManifest | None = None) -> list[MediumFile]:
    """Return all files of a medium, or of the disc that another manifest is of."""
    told = medium.manifest if manifest is None else manifest
    here = {each.path for each in told.here}
    sums = "".join(f"{each.sha256}  {each.path}\n" for each in told.here)
    about = {MANIFEST: manifest_to_json(told), SUMS: sums.encode()}
    made = (MediumFile(path, BytesContents(data), 0, "made") for path, data in about.items())
    return sorted((*(each for each in medium.files if each.path in here), *made), key=lambda each: each.path)


def write_folder(folder: Path, files: list[MediumFile]) -> Path:
    """Write a medium as a folder."""
    for each in files:
        path = folder / each.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"".join(each.contents.pieces()))
    return folder


def write_disc(path: Path, files: list[MediumFile]) -> Path:
    """Write a medium as an ISO."""
    medium = Medium("OSDIMAGE", tuple(files), None)
    write_iso(plan_iso(medium, IsoOptions(0, "0" * 16)), path)
    return path


def as_set(manifest: MediaManifest, second: frozenset[str]) -> tuple[MediaManifest, MediaManifest]:
    """Return the manifests of two discs: these files and folders are on the second."""

    def volume(each: ManifestFile) -> int:
        return 2 if any(f"{each.path}/".startswith(f"{path}/") for path in second) else 1

    files = tuple(replace(each, volume=volume(each)) for each in manifest.files)
    packages = tuple(
        replace(each, volumes=tuple(sorted({file.volume for file in files if file.path.startswith(f"{each.path}/")})))
        for each in manifest.packages
    )
    first = replace(manifest, files=files, packages=packages, of_set=DiscOfSet(SET, 1, 2, "Set"))
    told = hashlib.sha256(manifest_to_json(first)).hexdigest()
    return first, replace(
        first,
        files=tuple(each for each in files if each.volume == 2),
        of_set=DiscOfSet(SET, 2, 2, "Set", told),
        sequences=(),
        variables=None,
        packages=tuple(each for each in packages if each.volumes == (2,)),
    )
