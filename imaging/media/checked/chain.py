"""The way from firmware to the boot image, by the files of a medium: loaders, stores, WIMs, the loaders in these."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from osdimage.imaging.boot.check_loaders import LARGEST_LOADER
from osdimage.imaging.boot.files import fallback_path, shown
from osdimage.imaging.boot.firmware import Firmware
from osdimage.imaging.errors import InvalidInput, OsdImageError, StorageError
from osdimage.imaging.files import FileSource
from osdimage.imaging.finding import Finding, Severity, error, warning
from osdimage.imaging.media.bootimage.reading import architecture_of
from osdimage.imaging.media.checked.stores import ANEW, StartedWim, check_store
from osdimage.imaging.media.checked.wims import COPY, EXPORT, BootWim, read_boot_wim
from osdimage.imaging.media.parts.medium import SignedBy
from osdimage.imaging.media.parts.signing import signed_by
from osdimage.imaging.pe import HEAD_BYTES, MACHINES, read_pe

STORES = {Firmware.BIOS: "boot/bcd", Firmware.UEFI: "efi/microsoft/boot/bcd"}
"""Where the store of a medium is."""
BOOTMGR = "bootmgr"
_RUNS = {"x86": frozenset({"x86"}), "x64": frozenset({"x86", "x64"})}
"""Which architectures of Windows the boot manager for a BIOS starts on a processor."""


_MOST_WIMS = 16


@dataclass(frozen=True, slots=True)
class Started:
    """What starts from the files of a medium.

    Attributes:
        has: the firmware for which there is a loader, whatever becomes of it.
        architectures: of the loaders for UEFI, or else of the boot images.
        findings: what is wrong; an error keeps one of the firmware in ``has`` from starting.
        failing: those of ``has`` that an error keeps from it.
        signed: with what the loaders for UEFI are signed, as far as it is known.
    """

    has: frozenset[Firmware]
    architectures: frozenset[str]
    findings: tuple[Finding, ...]
    failing: frozenset[Firmware]
    signed: frozenset[SignedBy] = frozenset()


def check_chain(files: FileSource, path_of: Callable[[str], Path | None]) -> Started:
    """Follow what starts from the files of a medium.

    Args:
        files: of the volume that firmware starts.
        path_of: returns a path at which libwim opens a WIM of it; where that is None, nobody looks into its images.

    Raises:
        StorageError: when the medium cannot be read.
    """
    return _Chain(files, path_of).run()


class _Chain:
    def __init__(self, files: FileSource, path_of: Callable[[str], Path | None]) -> None:
        self._files = files
        self._path_of = path_of
        self._wims: dict[str, BootWim] = {}
        self._found: dict[Finding, None] = {}
        self._images: set[str] = set()

    def run(self) -> Started:
        """Follow both ways."""
        has: set[Firmware] = set()
        failing: set[Firmware] = set()
        try:
            loaders = self._loaders()
            has_bootmgr = self._has_bootmgr()
        except InvalidInput as problem:
            found = error("unreadable", f"{problem.said}; what starts was not looked for", COPY)
            return Started(frozenset(), frozenset(), (found,), frozenset())
        for firmware, is_there in ((Firmware.BIOS, has_bootmgr), (Firmware.UEFI, bool(loaders))):
            if is_there:
                has.add(firmware)
                told = list(self._way(firmware, loaders))
                self._found |= dict.fromkeys(told)
                if any(each.severity is Severity.ERROR for each in told):
                    failing.add(firmware)
        known = {each for each in loaders.values() if each is not None}
        signed = frozenset(self._signed(loaders)) - {SignedBy.UNKNOWN}
        architectures = frozenset(known or self._images)
        return Started(frozenset(has), architectures, tuple(self._found), frozenset(failing), signed)

    def _signed(self, loaders: Iterable[str]) -> Iterator[SignedBy]:
        for path in loaders:
            try:
                yield signed_by(self._files.read(path, limit=LARGEST_LOADER))
            except StorageError:
                raise
            except OsdImageError:
                # That it cannot be read is told of what starts.
                continue

    def _has_bootmgr(self) -> bool:
        found = self._files.find(BOOTMGR)
        return found is not None and not found.is_directory

    def _loaders(self) -> dict[str, str | None]:
        """Return the loaders for UEFI, each with its architecture, or None when it does not tell it."""
        paths = [fallback_path(each) for each in MACHINES.values()]
        present = [path for path in paths if (found := self._files.find(path)) is not None and not found.is_directory]
        return {path: self._architecture(path) for path in present}

    def _architecture(self, path: str) -> str | None:
        try:
            return read_pe(self._head(path), name=f"{self._files.name}: {shown(path)}").architecture
        except StorageError:
            raise
        except InvalidInput:
            return None

    def _head(self, path: str) -> bytes:
        return next(self._files.pieces(path), b"")[:HEAD_BYTES]

    def _way(self, firmware: Firmware, loaders: dict[str, str | None]) -> Iterator[Finding]:
        try:
            if firmware is Firmware.UEFI:
                yield from self._loader_findings(loaders)
            elif not self._head(BOOTMGR):
                yield error("loader-damaged", f"{self._files.name}: {shown(BOOTMGR)} is empty", ANEW)
            wims, found = check_store(self._files, STORES[firmware], firmware)
            yield from found
            runs = frozenset().union(*_RUNS.values()) if firmware is Firmware.BIOS else frozenset(loaders.values())
            for each in wims:
                if each.path not in self._wims and len(self._wims) == _MOST_WIMS:
                    text = f"{self._files.name}: more than {_MOST_WIMS} WIMs start; the others were not looked at"
                    yield warning("wims-many", text, "none is needed")
                    return
                yield from self._wim_findings(each, firmware, runs)
        except StorageError:
            raise
        except OsdImageError as problem:
            text = f"{problem.said}; the way from {firmware.upper()} was not followed to its end"
            yield error("unreadable", text, COPY)

    def _loader_findings(self, loaders: dict[str, str | None]) -> Iterator[Finding]:
        for path, architecture in loaders.items():
            name = f"{self._files.name}: {shown(path)}"
            if architecture is None:
                yield error("loader-damaged", f"{name} is no program that UEFI starts", ANEW)
            elif fallback_path(architecture) != path:
                text = f"{name} is a program for {architecture}; firmware that looks for this name does not start it"
                yield error("loader-architecture", text, ANEW)

    def _wim_findings(self, started: StartedWim, firmware: Firmware, runs: frozenset[str | None]) -> Iterator[Finding]:
        if started.path not in self._wims:
            self._wims[started.path] = read_boot_wim(self._files, started.path)
        wim = self._wims[started.path]
        yield from wim.findings
        architecture = wim.architecture
        if wim.index is not None and not wim.findings:
            inside = self._inside(started, wim.index)
            yield from inside.findings
            architecture = inside.architecture or architecture
        if architecture is None:
            return
        self._images.add(architecture)
        if architecture not in runs and None not in runs:
            known = ", ".join(sorted(filter(None, runs)))
            whose = "a BIOS" if firmware is Firmware.BIOS else f"a loader for {known}"
            text = (
                f"{self._files.name}: {shown(started.path)}: image {wim.index} is for {architecture}, and {whose} "
                "starts it"
            )
            yield error("wim-architecture", text, "take a boot image of the architecture of the loader")

    def _inside(self, started: StartedWim, index: int) -> BootWim:
        """Look into the image that starts for its architecture and for the loader."""
        from osdimage.imaging.wim.file import WimFile  # noqa: PLC0415 - libwim comes with it

        path = self._path_of(started.path)
        if path is None:
            return BootWim(index, None, ())
        try:
            with WimFile.open(path) as wim:
                image = wim.image(index)
                files = image.files()
                architecture = architecture_of(image, files)
                is_there = started.loader is None or files.exists(started.loader)
        except InvalidInput as problem:
            return BootWim(index, None, (error("wim-damaged", problem.said, EXPORT),))
        if is_there:
            return BootWim(index, architecture, ())
        text = f"{started.called} starts {started.loader}, which is not in image {index} of {shown(started.path)}"
        return BootWim(index, architecture, (error("wim-loader-missing", text, ANEW),))
