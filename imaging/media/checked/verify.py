"""Verifying a medium: what is under its files, its files, and whether firmware comes from one to the other."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import datetime

from osdimage.imaging.boot.firmware import Firmware
from osdimage.imaging.boot.verdict import ranked
from osdimage.imaging.disk.opening import AS_FOUND, Opening
from osdimage.imaging.errors import InvalidInput
from osdimage.imaging.files import FileSource
from osdimage.imaging.finding import Finding, Severity, error, note, warning
from osdimage.imaging.logs import logged
from osdimage.imaging.media.checked.chain import BOOTMGR, Started, check_chain
from osdimage.imaging.media.checked.discs import CatalogCheck, Counted, check_catalog, tree_findings
from osdimage.imaging.media.checked.netboot import check_netboot, is_kept_from_starting
from osdimage.imaging.media.checked.places import Place, open_place
from osdimage.imaging.media.checked.report import MediaReport, MediumKind, MediumReport
from osdimage.imaging.media.checked.sticks import bios_findings, stick_findings, uefi_findings
from osdimage.imaging.media.checked.stores import ANEW
from osdimage.imaging.media.checked.wims import COPY
from osdimage.imaging.media.parts.medium import BOOT_WIM, SignedBy
from osdimage.imaging.media.sequence.checking import CheckedManifest, check_manifest, check_set
from osdimage.imaging.media.sequence.manifest import FOLDER, MANIFEST
from osdimage.imaging.media.sequence.opened import open_medium
from osdimage.imaging.media.sequence.signature import Trusted
from osdimage.imaging.progress import Meter, Phase, ProgressCallback, portion

_FIRMWARE_IN_ORDER = (Firmware.BIOS, Firmware.UEFI)


@dataclass(frozen=True, slots=True)
class VerifyOptions:
    """What is looked at.

    Attributes:
        boot_only: nothing but what starts is looked at: the table or the boot catalog, loaders, stores, the boot image.
            What starts nothing is an error then.
        trusted: who may have signed the manifest; None when that is not asked.  A medium without a signature is an
            error where it is.
        now: with which the dates of a manifest are compared; None for the clock.
        opening: how a stick is opened.
    """

    boot_only: bool = False
    trusted: Trusted | None = None
    now: datetime | None = None
    opening: Opening = AS_FOUND


_USUAL = VerifyOptions()


def verify_media(
    paths: Iterable[str | os.PathLike[str]],
    options: VerifyOptions = _USUAL,
    *,
    progress: ProgressCallback | None = None,
) -> MediaReport:
    """Look at several media, and at those that are discs of a set as a set: each is wanted once, and no other.

    Args:
        paths: of media, as of :func:`verify_medium`.
        options: what is looked at.
        progress: receives the progress of one medium after the other.

    Raises:
        OsdImageError: as :func:`verify_medium`.
    """
    wanted = list(paths)
    share = 100 / max(len(wanted), 1)
    reports = tuple(
        verify_medium(each, options, progress=portion(progress, number * share, (number + 1) * share))
        for number, each in enumerate(wanted)
    )
    manifests = [each.manifest for each in reports if each.manifest is not None]
    is_set = any(each.manifest is not None and each.manifest.of_set is not None for each in manifests)
    return MediaReport(reports, check_set(manifests) if is_set else ())


@logged("verify the medium {path}")
def verify_medium(
    path: str | os.PathLike[str], options: VerifyOptions = _USUAL, *, progress: ProgressCallback | None = None
) -> MediumReport:
    """Look at all that can be known of a medium without starting it; nothing is changed.

    Args:
        path: an ISO file or a drive, a stick or the image of one, or a folder.
        options: what is looked at.
        progress: receives the progress of comparing its files with its manifest.

    Raises:
        InvalidInput: when it is no medium, or so damaged that nothing can be said of it.
        StorageError: when it, or the file of allowed signers, cannot be read.
        OsdImageError: when it is signed, and ssh-keygen is missing.
    """
    with open_place(path, opening=options.opening) as place:
        report = _Verification(place, boot_only=options.boot_only).run()
        checked, found = (None, ()) if options.boot_only else _manifest(place, options, progress)
    if checked is None:
        Meter(progress, {Phase.VERIFY_DATA: 1}).finish()
    return replace(report, manifest=checked, findings=ranked([*report.findings, *found]))


def _manifest(
    place: Place, options: VerifyOptions, progress: ProgressCallback | None
) -> tuple[CheckedManifest | None, tuple[Finding, ...]]:
    try:
        # A folder with the names of network boot may be another medium to which somebody has added them.
        is_netboot = place.kind is MediumKind.NETBOOT and not place.files.exists(MANIFEST)
        folder = "" if is_netboot else FOLDER
        # Of a stick the volumes are one medium.
        with nullcontext(place.files) if place.disk is None else open_medium(place.path) as files:
            checked = check_manifest(files, folder=folder, trusted=options.trusted, now=options.now, progress=progress)
    except InvalidInput as problem:
        text = f"{problem.said}; whether it has a manifest is not known"
        return None, (error("manifest-unread", text, COPY),)
    if checked.sha256 is not None:
        return checked, checked.findings
    if options.trusted is not None:
        text = f"{place.path}: has no manifest, and so no signature"
        return None, (error("signature-missing", text, "ask who made the medium for a signed one"),)
    return None, ()


class _Verification:
    def __init__(self, place: Place, *, boot_only: bool) -> None:
        self._place = place
        self._boot_only = boot_only
        self._counted = Counted()
        self._found: dict[Finding, None] = {}

    def run(self) -> MediumReport:
        """Look at everything."""
        place = self._place
        if not self._boot_only:
            self._add(self._structure())
        catalog = None if place.disc is None else check_catalog(place.disc)
        started = check_chain(place.files, place.path_of)
        firmware, failing = self._ways(catalog, started)
        if place.kind is MediumKind.NETBOOT:
            served, found = check_netboot(place.files)
            self._add(found)
            firmware |= served
            failing |= served if is_kept_from_starting(found) else set()
        self._add(self._absent(firmware, failing))
        signed = started.signed | (set() if catalog is None else catalog.signed)
        if len(signed) > 1:
            self._add([_mixed(place, signed)])
        architectures = started.architectures | (set() if catalog is None else catalog.architectures)
        return MediumReport(
            str(place.path),
            place.kind,
            self._label(),
            self._counted.files,
            self._counted.contents_bytes,
            tuple(each for each in _FIRMWARE_IN_ORDER if each in firmware - failing),
            next(iter(architectures)) if len(architectures) == 1 else None,
            ranked(list(self._found)),
            next(iter(signed)) if len(signed) == 1 else SignedBy.UNKNOWN,
        )

    def _add(self, findings: Iterable[Finding]) -> None:
        self._found |= dict.fromkeys(findings)

    def _label(self) -> str | None:
        try:
            return self._place.label()
        except InvalidInput:
            # Told of the volume.
            return None

    def _has_boot_image(self) -> bool:
        try:
            return self._place.files.exists(BOOT_WIM)
        except InvalidInput:
            # That its directory cannot be read is told.
            return False

    def _structure(self) -> Iterable[Finding]:
        place = self._place
        if place.disc is not None:
            return tree_findings(place.disc, self._counted)
        if place.disk is not None:
            return stick_findings(place, self._counted)
        return _folder_findings(place.files, self._counted)

    def _ways(self, catalog: CatalogCheck | None, started: Started) -> tuple[set[Firmware], set[Firmware]]:
        """Return the firmware that the medium is for, and what of it does not start, with what was found on the way."""
        self._add(started.findings)
        place = self._place
        failing = set(started.failing)
        if catalog is not None:
            self._add(catalog.findings)
            meant = catalog.firmware | catalog.failing
            for each in sorted(started.has - meant):
                text = f"{place.path}: has a loader for {each.upper()}, and the boot catalog no entry that starts it"
                self._add([note("no-catalog-entry", text, "none is needed where it is started otherwise")])
            for each in sorted(catalog.firmware - started.has):
                failing.add(each)
                if self._has_boot_image():
                    self._add([_no_loader(place.files, each)])
            return meant, failing | catalog.failing
        if place.disk is None:
            return set(started.has), failing
        for each, findings in ((Firmware.BIOS, bios_findings), (Firmware.UEFI, uefi_findings)):
            if each in started.has:
                found = list(findings(place))
                self._add(found)
                if any(one.severity is Severity.ERROR or one.code == "gpt-no-bios" for one in found):
                    failing.add(each)
        return set(started.has), failing

    def _absent(self, firmware: set[Firmware], failing: set[Firmware]) -> Iterable[Finding]:
        """Tell what starts nothing: an error where it is asked for, or where there is a boot image."""
        if firmware or failing or any(each.code == "unreadable" for each in self._found):
            return
        place = self._place
        text = f"{place.path}: no firmware starts anything of it: there is neither {BOOTMGR} nor a loader in efi/boot"
        if self._boot_only or self._has_boot_image():
            yield error("starts-nothing", text, ANEW)
        elif place.kind is not MediumKind.NETBOOT:
            yield note("starts-nothing", text, "none is needed where it is not to start a computer")


def _mixed(place: Place, signed: Iterable[SignedBy]) -> Finding:
    names = " and ".join(sorted(each.called for each in signed))
    text = f"{place.path}: its loaders for UEFI are signed with {names}: a firmware that trusts one stops at the other"
    return warning("signed-mixed", text, ANEW)


def _no_loader(files: FileSource, firmware: Firmware) -> Finding:
    what = BOOTMGR if firmware is Firmware.BIOS else "a loader in efi/boot"
    text = f"{files.name}: the boot catalog starts it under {firmware.upper()}, and {what} is missing"
    return error("loader-missing", text, ANEW)


def _folder_findings(files: FileSource, counted: Counted) -> Iterable[Finding]:
    for each in files.walk():
        if each.is_link:
            text = f"{files.name}: {each.path} is a link or no plain file, which no medium holds"
            yield error("no-file", text, "put the file itself there")
        elif not each.is_directory:
            counted.files += 1
            counted.contents_bytes += each.size
