"""Taking what a run needs from stand-alone media: the sequence, its variables, and its packages.

All media are compared with the manifest before anything is taken.  WIMs of one piece are read where they lie on a disc
or in a folder; other packages are copied into a scratch folder, which is gone when the media are closed.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from osdimage.imaging.errors import InvalidInput, Means, Remedy, TargetRefused, quoted
from osdimage.imaging.finding import Severity
from osdimage.imaging.media.parts.source import refuse_configmgr
from osdimage.imaging.media.sequence.checking import check_manifest, check_set, read_manifest
from osdimage.imaging.media.sequence.families import MediaSequence, chosen, with_family
from osdimage.imaging.media.sequence.manifest import MANIFEST, MediaKind, MediaManifest
from osdimage.imaging.media.sequence.opened import MediumForm, OpenMedium, open_medium
from osdimage.imaging.media.sequence.sealed import LARGEST_SEALED, unseal
from osdimage.imaging.media.sequence.settings import MediaSettings, settings_from_json
from osdimage.imaging.media.sequence.signature import Trusted
from osdimage.imaging.media.sequence.taken import take_packages
from osdimage.imaging.progress import ProgressCallback, portion
from osdimage.imaging.scratch import scratch_folder
from osdimage.imaging.tasksequence.forms.xml import read_sequence
from osdimage.imaging.tasksequence.sequence import Sequence as TaskSequence

_VERIFIED = 60.0
"""Per cent of the work that comparing the media with their manifest is; the rest is copying packages."""


@dataclass(frozen=True, slots=True)
class MediaUse:
    """How media are used.

    Attributes:
        password: returns the password; called only where the media have one.
        sequence: the ID or the name of the sequence that runs; None where they have one.
        trusted: who is trusted to have signed them; None where that does not matter.
        ignores_dates: whether they are used before they are valid, and after they have expired.
        now: when they are used; None for the clock of this machine.
    """

    password: Callable[[], bytes]
    sequence: str | None = None
    trusted: Trusted | None = None
    ignores_dates: bool = False
    now: datetime | None = None


@dataclass(frozen=True, slots=True)
class MediaRun:
    """What a run takes from media, for as long as they are open.

    Attributes:
        manifest: of the first medium.
        sequence: with the children that its steps run, where these are on the media.
        settings: what the media tell a run.
        packages: files and folders of this machine, or files on a disc, by the IDs of packages.
        launch_mode: ``_SMSTSLaunchMode``: ``CD`` of a disc, ``UFD`` of a stick.
        warnings: sentences for people.
    """

    manifest: MediaManifest
    sequence: TaskSequence
    settings: MediaSettings
    packages: Mapping[str, Path]
    launch_mode: str
    warnings: tuple[str, ...] = ()


@contextmanager
def open_media_run(
    paths: Iterable[str | os.PathLike[str]], use: MediaUse, *, progress: ProgressCallback | None = None
) -> Iterator[MediaRun]:
    """Compare media with their manifest, and yield what a run needs of them, which is gone afterwards.

    Args:
        paths: ISO files, drives, sticks or images of sticks, and folders; of a set all discs, in any order.
        use: how they are used.
        progress: receives events while the media are read.

    Raises:
        InvalidInput: when one is no medium that a sequence runs from, is damaged or was changed, when a disc of a set
            is missing or there twice, when nobody who is trusted has signed them, or the password does not open them.
        InvalidRequest: when it is not clear which sequence runs.
        TargetRefused: when they are not valid yet, or have expired.
        TooSmall: when there is no room for copies of packages.
        StorageError: when something cannot be read, or copied.
    """
    with ExitStack() as stack:
        media = [stack.enter_context(open_medium(each)) for each in paths]
        manifests = {each: _manifest_of(each) for each in media}
        _require_dates(manifests, use)
        # Nobody waits for gigabytes to be read to be asked then.
        password = use.password() if any(each.is_encrypted for each in manifests.values()) else None
        warnings = _checked(manifests, use, portion(progress, 0, _VERIFIED))
        first = next(each for each in media if manifests[each].volume == 1)
        manifest = manifests[first]
        settings = _settings(first, manifest, password)
        sequences = tuple(_sequences(first, manifest, password))
        sequence = with_family(chosen(sequences, use.sequence), sequences)
        packages = take_packages(
            manifest,
            {manifests[each].volume: each for each in media},
            stack.enter_context(scratch_folder()),
            progress=portion(progress, _VERIFIED, 100),
        )
        launch_mode = "CD" if first.form is MediumForm.DISC else "UFD"
        yield MediaRun(manifest, sequence, settings, packages, launch_mode, warnings)


def _require_dates(manifests: Mapping[OpenMedium, MediaManifest], use: MediaUse) -> None:
    for each, manifest in manifests.items():
        fault = manifest.fault_of_dates(datetime.now(UTC) if use.now is None else use.now)
        if fault is not None and not use.ignores_dates:
            raise TargetRefused(
                f"{each.name}: {fault}", remedy=Remedy("{} uses it all the same", (Means.IGNORE_DATES,))
            )


def _checked(
    manifests: Mapping[OpenMedium, MediaManifest], use: MediaUse, progress: ProgressCallback | None
) -> tuple[str, ...]:
    """Compare media with their manifests; return warnings.

    Raises:
        InvalidInput: with all that is wrong.
    """
    share = 100 / len(manifests)
    reports = [
        check_manifest(
            each,
            trusted=use.trusted,
            now=use.now,
            progress=portion(progress, number * share, (number + 1) * share),
        )
        for number, each in enumerate(manifests)
    ]
    # What the discs of a set are to each other comes first: it explains the rest.
    found = [*check_set(reports), *(each for report in reports for each in report.findings)]
    faults = [each.text for each in found if each.severity is Severity.ERROR]
    if faults:
        raise InvalidInput("; ".join(faults))
    return tuple(each.text for each in found if each.severity is Severity.WARNING)


def _manifest_of(medium: OpenMedium) -> MediaManifest:
    manifest = read_manifest(medium)
    if manifest is None:
        refuse_configmgr(medium)
        raise InvalidInput(f"{medium.name}: has no {MANIFEST}; valid are media for task sequences that osdimage made")
    if manifest.kind is not MediaKind.STANDALONE:
        raise InvalidInput(
            f"{medium.name}: is a medium of kind {manifest.kind}; a sequence runs from one of kind "
            f"{MediaKind.STANDALONE}"
        )
    return manifest


def _settings(first: OpenMedium, manifest: MediaManifest, password: bytes | None) -> MediaSettings:
    told = manifest.variables
    if told is None:
        return MediaSettings()
    data = _plain(first, manifest, told.path, password if told.is_encrypted else None)
    return settings_from_json(data, source=told.path)


def _sequences(first: OpenMedium, manifest: MediaManifest, password: bytes | None) -> Iterator[MediaSequence]:
    for each in manifest.sequences:
        data = _plain(first, manifest, each.path, password if each.is_encrypted else None)
        yield MediaSequence(each.identifier, each.name, read_sequence(data, source=each.path))


def _plain(first: OpenMedium, manifest: MediaManifest, path: str, password: bytes | None) -> bytes:
    if manifest.find(path) is None:
        # It was compared with no hash, and no signature vouches for it.
        raise InvalidInput(f"{first.name}: {quoted(path)} is none of the files that the manifest tells of")
    data = first.read(path, LARGEST_SEALED)
    return data if password is None else unseal(data, password, name=f"{first.name}: {path}")
