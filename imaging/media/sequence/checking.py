"""A medium compared with its manifest, and the discs of a set with each other: what is wrong, all of it at once.

What is covered is every file that the manifest tells of, and nothing else: what firmware reads of a disc besides, such
as its boot catalog, is looked at by whoever checks how the medium starts.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from osdimage.imaging import finding
from osdimage.imaging.errors import InvalidInput, InvalidVolume, quoted
from osdimage.imaging.files import FileFacts, FileSource
from osdimage.imaging.finding import Finding
from osdimage.imaging.media.sequence.manifest import FOLDER, MANIFEST, SIGNATURE, SUMS, ManifestFile, MediaManifest
from osdimage.imaging.media.sequence.manifest_json import LARGEST_MANIFEST, manifest_from_json
from osdimage.imaging.media.sequence.signature import (
    LARGEST_SIGNATURE,
    SignatureReport,
    SignatureState,
    Trusted,
    check_signature,
)
from osdimage.imaging.media.sequence.sums import LARGEST_SUMS, sums_from_text
from osdimage.imaging.progress import Meter, Phase, ProgressCallback
from osdimage.imaging.units import counted

_SHOWN = 20
# What Windows puts on a stick that it has seen.
_OF_WINDOWS = ("system volume information/", "$recycle.bin/")
_MAKE_ANEW = "make the medium anew, or take another copy of it"


@dataclass(frozen=True, slots=True)
class CheckedManifest:
    """What was found of the manifest of a medium.

    Attributes:
        name: what messages call the medium.
        manifest: None when there is none, or it cannot be read.
        sha256: of the manifest's file; None likewise.
        signature: what is known of it; None without a manifest.
        findings: what is wrong, and what is to be known.
    """

    name: str
    manifest: MediaManifest | None
    sha256: str | None
    signature: SignatureReport | None
    findings: tuple[Finding, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class _Places:
    """The paths of a manifest, of its signature, and of the list of hashes."""

    manifest: str
    signature: str
    sums: str

    @classmethod
    def in_folder(cls, folder: str) -> _Places:
        """Return those in a folder of a medium; empty is its root."""
        names = (each.rpartition("/")[2] for each in (MANIFEST, SIGNATURE, SUMS))
        return cls(*(f"{folder}/{name}" if folder else name for name in names))


def read_manifest(medium: FileSource, folder: str = FOLDER) -> MediaManifest | None:
    """Return the manifest of a medium, or None when it has none; its signature and its files are not looked at.

    Args:
        medium: it stays the caller's.
        folder: that the manifest is in; empty for the root.

    Raises:
        InvalidDocument: when it is damaged, or of another version.
        InvalidVolume, StorageError: when it cannot be read.
    """
    path = _Places.in_folder(folder).manifest
    data = _read(medium, path, LARGEST_MANIFEST)
    return None if data is None else manifest_from_json(data, source=_named(medium, path))


def check_manifest(
    medium: FileSource,
    *,
    folder: str = FOLDER,
    trusted: Trusted | None = None,
    now: datetime | None = None,
    progress: ProgressCallback | None = None,
) -> CheckedManifest:
    """Compare a medium with its manifest: the signature, the list of hashes, and every file of it.

    Args:
        medium: it stays the caller's.
        folder: that the manifest is in, with its signature and the list of hashes; empty for the root.
        trusted: who may have signed; None when that is not asked.
        now: with which its dates are compared; None for the clock.
        progress: is told how much of the files was read.

    Raises:
        StorageError: when the medium, or the file of allowed signers, cannot be read.
        OsdImageError: when there is a signature, and ssh-keygen is missing.
    """
    places = _Places.in_folder(folder)
    data = _read(medium, places.manifest, LARGEST_MANIFEST)
    if data is None:
        told = finding.note("manifest-none", f"{medium.name}: has no manifest ({places.manifest})", "none is needed")
        return CheckedManifest(medium.name, None, None, None, (told,))
    sha256 = hashlib.sha256(data).hexdigest()
    report = check_signature(data, _read(medium, places.signature, LARGEST_SIGNATURE), trusted)
    findings = [_about_signature(medium.name, report, trusted)]
    try:
        manifest = manifest_from_json(data, source=_named(medium, places.manifest))
    except InvalidInput as error:
        findings.append(finding.error("manifest-damaged", str(error), _MAKE_ANEW))
        return CheckedManifest(medium.name, None, sha256, report, tuple(findings))
    fault = manifest.fault_of_dates(datetime.now(UTC) if now is None else now)
    if fault is not None:
        told = finding.warning("manifest-dates", f"{medium.name}: {fault}", "make it anew, or look at the clock")
        findings.append(told)
    findings += _about_sums(medium, manifest, places.sums)
    findings += _about_files(medium, manifest, places, progress)
    return CheckedManifest(medium.name, manifest, sha256, report, tuple(findings))


def check_set(discs: Sequence[CheckedManifest]) -> tuple[Finding, ...]:
    """Say what is wrong with the discs of a set as a set: one is missing, is there twice, or is of another set.

    Args:
        discs: each of which :func:`check_manifest` has looked at; those without a manifest are passed over.
    """
    found = [each for each in discs if each.manifest is not None]
    if not found:
        return ()
    first = next((each for each in found if each.manifest is not None and each.manifest.volume == 1), found[0])
    return tuple(_about_set(first, found))


def _about_set(first: CheckedManifest, discs: Sequence[CheckedManifest]) -> Iterator[Finding]:
    manifest = first.manifest
    if manifest is None or manifest.of_set is None:
        for each in discs:
            if each is not first:
                text = f"{each.name} and {first.name}: are not discs of one set"
                yield finding.error("set-mixed", text, "name the discs of one set")
        return
    wanted = manifest.of_set
    seen: dict[int, str] = {}
    for each in discs:
        own = None if each.manifest is None else each.manifest.of_set
        if own is None or (own.identifier, own.volumes) != (wanted.identifier, wanted.volumes):
            text = (
                f"{each.name}: is not of the set {quoted(wanted.name)} ({wanted.identifier}), of which {first.name} is"
            )
            yield finding.error("set-mixed", text, "name the discs of one set")
            continue
        if own.volume in seen:
            text = f"{each.name} and {seen[own.volume]}: are both disc {own.volume} of {own.volumes}"
            yield finding.error("set-doubled", text, "name each disc once")
            continue
        seen[own.volume] = each.name
        if own.first is not None and wanted.first is None and own.first != first.sha256:
            text = f"{each.name}: was made together with another disc 1 than {first.name}"
            yield finding.error("set-mixed", text, "take the discs that were made together")
    missing = [number for number in range(1, wanted.volumes + 1) if number not in seen]
    if missing:
        numbers = ", ".join(map(str, missing[:_SHOWN])) + (", ..." if len(missing) > _SHOWN else "")
        text = f"the set {quoted(wanted.name)} has {wanted.volumes} discs, of which {numbers} {_are(missing)} missing"
        yield finding.error("set-incomplete", text, "name all discs of the set")


def _are(numbers: Sequence[int]) -> str:
    return "is" if len(numbers) == 1 else "are"


def _about_signature(name: str, report: SignatureReport, trusted: Trusted | None) -> Finding:
    text = f"{name}: {report.said}"
    match report.state:
        case SignatureState.INVALID:
            return finding.error("signature-invalid", text, "do not use it: it was changed after it was signed")
        case SignatureState.NOT_TRUSTED:
            return finding.error("signature-not-trusted", text, "ask who made the medium for their key")
        case SignatureState.UNSIGNED if trusted is not None:
            return finding.error("signature-missing", text, "ask who made the medium for a signed one")
        case SignatureState.UNSIGNED:
            remedy = "who can change a file of it can change its hash in the manifest, too"
            return finding.note("signature-missing", text, remedy)
        case _:
            return finding.note(f"signature-{report.state}", text, "none is needed")


def _about_sums(medium: FileSource, manifest: MediaManifest, path: str) -> Iterator[Finding]:
    data = _read(medium, path, LARGEST_SUMS)
    if data is None:
        yield finding.warning("sums-missing", f"{medium.name}: {path} is missing", "the manifest has the same hashes")
        return
    try:
        sums = sums_from_text(data, source=_named(medium, path))
    except InvalidInput as error:
        yield finding.error("sums-damaged", str(error), _MAKE_ANEW)
        return
    wanted = {each.path.lower(): each.sha256 for each in manifest.here}
    differ = [each for each in {**wanted, **sums} if wanted.get(each) != sums.get(each)]
    if differ:
        text = f"{medium.name}: {path} says otherwise than the manifest of {_shown(sorted(differ))}"
        yield finding.error("sums-differ", text, _MAKE_ANEW)


def _about_files(
    medium: FileSource, manifest: MediaManifest, places: _Places, progress: ProgressCallback | None
) -> Iterator[Finding]:
    there = {each.path.lower(): each for each in medium.walk() if not each.is_directory}
    wanted = {each.path.lower(): each for each in manifest.here}
    meter = Meter(progress, {Phase.VERIFY_DATA: 1})
    missing = [each.path for key, each in wanted.items() if key not in there]
    changed = list(_changed(medium, wanted, there, meter))
    meter.finish()
    own = {each.lower() for each in (places.manifest, places.signature, places.sums)}
    more = [
        each.path
        for key, each in there.items()
        if key not in wanted and key not in own and not key.startswith(_OF_WINDOWS)
    ]
    if missing:
        yield finding.error("files-missing", f"{medium.name}: files missing: {_shown(missing)}", _MAKE_ANEW)
    if changed:
        yield finding.error("files-changed", f"{medium.name}: files changed: {_shown(changed)}", _MAKE_ANEW)
    if more:
        text = f"{medium.name}: {counted(len(more), 'file')} of which the manifest does not tell: {_shown(more)}"
        yield finding.warning("files-unknown", text, "look where they come from; nothing vouches for them")


def _changed(
    medium: FileSource, wanted: dict[str, ManifestFile], there: dict[str, FileFacts], meter: Meter
) -> Iterator[str]:
    """Yield the paths of files that are not what they were, reading those whose size is right."""
    total = sum(each.size for key, each in wanted.items() if key in there and there[key].size == each.size)
    done = 0
    for key, each in wanted.items():
        facts = there.get(key)
        if facts is None:
            continue
        if facts.is_link or facts.size != each.size:
            yield each.path
            continue
        digest = hashlib.sha256()
        try:
            for piece in medium.pieces(facts.path):
                digest.update(piece)
                done += len(piece)
                meter.step(Phase.VERIFY_DATA, done, total)
        except InvalidInput:
            # Damaged where it lies: what could be read of it is not what it was.
            yield each.path
            continue
        if digest.hexdigest() != each.sha256:
            yield each.path


def _read(medium: FileSource, path: str, limit: int) -> bytes | None:
    facts = medium.find(path)
    if facts is None:
        return None
    if facts.is_directory:
        raise InvalidVolume(f"{quoted(facts.path)} is a directory", volume=medium.name)
    return medium.read(facts.path, limit)


def _named(medium: FileSource, path: str) -> str:
    return f"{medium.name}: {path}"


def _shown(paths: Sequence[str]) -> str:
    more = f"; and {len(paths) - _SHOWN} more" if len(paths) > _SHOWN else ""
    return ", ".join(map(quoted, paths[:_SHOWN])) + more
