"""A disc by itself: its tree of files, and what firmware is to start by its boot catalog (El Torito 1.0)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise

from osdimage.imaging.boot.files import fallback_path, shown
from osdimage.imaging.boot.firmware import Firmware
from osdimage.imaging.disc import BootEntry, Disc, DiscExtent, Emulation, FileKind, Platform
from osdimage.imaging.disk.target import MemoryTarget
from osdimage.imaging.errors import InvalidInput, InvalidRequest, InvalidVolume, StorageError, quoted
from osdimage.imaging.finding import Finding, error, warning
from osdimage.imaging.media.checked.stores import ANEW
from osdimage.imaging.media.checked.wims import COPY
from osdimage.imaging.media.parts.medium import SignedBy
from osdimage.imaging.media.parts.signing import signed_by
from osdimage.imaging.pe import HEAD_BYTES, MACHINES, read_pe
from osdimage.imaging.units import MIB, Geometry
from osdimage.imaging.volume.fat.read import FatVolume, open_fat

_SHOWN = 20
_MOST_ENTRIES = 16
_SECTOR = 512
_BIOS_SECTORS = 8
_LARGEST_IMAGE = 32 * MIB
_FLOPPY_BYTES = 1_474_560
_PLATFORMS = {Platform.BIOS: Firmware.BIOS, Platform.UEFI: Firmware.UEFI}


@dataclass(slots=True)
class Counted:
    """What a medium holds: files, and bytes of them."""

    files: int = 0
    contents_bytes: int = 0


@dataclass(slots=True)
class CatalogCheck:
    """What a boot catalog leads to.

    Attributes:
        firmware: for which there is an entry that can be started.
        architectures: of the loaders in the image for UEFI.
        findings: what is wrong.
        failing: firmware that has an entry which cannot be started.
        signed: with what the loaders in the image for UEFI are signed, as far as it is known.
    """

    firmware: set[Firmware] = field(default_factory=set)
    architectures: set[str] = field(default_factory=set)
    findings: list[Finding] = field(default_factory=list)
    failing: set[Firmware] = field(default_factory=set)
    signed: set[SignedBy] = field(default_factory=set)


def tree_findings(disc: Disc, counted: Counted) -> Iterator[Finding]:
    """Look at every file of a disc, and where its contents are; these are not read.

    Raises:
        StorageError: when the disc cannot be read.
    """
    end = max(each.end for each in disc.trees)
    if end > disc.size_bytes:
        text = f"{disc.name}: has {disc.size_bytes} bytes, and its volume {end}: it is cut off"
        yield error("disc-cut-off", text, COPY)
    for text in disc.notes:
        if text not in disc.boot_faults and "is cut off" not in text:
            yield warning("disc-odd", f"{disc.name}: {text}", ANEW)
    faults: list[str] = []
    places: dict[DiscExtent, str] = {}
    try:
        for each in disc.walk():
            if each.kind is not FileKind.FILE:
                continue
            counted.files += 1
            counted.contents_bytes += each.size
            try:
                places |= dict.fromkeys(disc.extents(each), each.path)
            except InvalidVolume as problem:
                faults.append(problem.fault)
    except InvalidVolume as problem:
        yield error("disc-damaged", f"{disc.name}: {problem.fault}; what is behind it was not looked at", COPY)
    yield from (error("file-unreadable", f"{disc.name}: {each}", COPY) for each in faults[:_SHOWN])
    if len(faults) > _SHOWN:
        yield error("file-unreadable", f"{disc.name}: {len(faults) - _SHOWN} more files cannot be read", COPY)
    yield from _overlapping(disc, places)


def _overlapping(disc: Disc, places: dict[DiscExtent, str]) -> Iterator[Finding]:
    """Tell the first two files that share bytes, and are not the same bytes: one was written into the other."""
    recorded = sorted((each.offset, each.size, path) for each, path in places.items() if each.offset is not None)
    for (begin, size, path), (following, _, other) in pairwise(recorded):
        if begin < following < begin + size:
            text = f"{disc.name}: {quoted(path)} and {quoted(other)} share bytes from {following} on"
            yield warning("files-overlap", text, "make the disc anew, unless what made it shares contents on purpose")
            return


def check_catalog(disc: Disc) -> CatalogCheck:
    """Look at what firmware is to start.

    Raises:
        StorageError: when the disc cannot be read.
    """
    check = CatalogCheck()
    for text in disc.boot_faults:
        check.findings.append(error("catalog-damaged", f"{disc.name}: {text}; firmware starts nothing of it", ANEW))
    try:
        entries = disc.boot_entries()
    except InvalidVolume:
        # Told of the tree of files.
        entries = disc.boot_entries(named=False)
    if len(entries) > _MOST_ENTRIES:
        text = f"{disc.name}: the boot catalog has {len(entries)} entries; {_MOST_ENTRIES} were looked at"
        check.findings.append(warning("catalog-long", text, ANEW))
    for each in entries[:_MOST_ENTRIES]:
        firmware = _PLATFORMS.get(Platform(each.platform)) if each.platform in set(Platform) else None
        if firmware is None:
            continue
        found = list(_entry_findings(disc, each, firmware, check))
        check.findings += found
        if any(finding.severity == "error" for finding in found):
            check.failing.add(firmware)
        else:
            check.firmware.add(firmware)
    check.failing -= check.firmware
    return check


def _entry_findings(disc: Disc, entry: BootEntry, firmware: Firmware, check: CatalogCheck) -> Iterator[Finding]:
    name = f"{disc.name}: the boot catalog's entry for {firmware.upper()}"
    if not entry.is_bootable:
        yield error("catalog-not-bootable", f"{name} is marked as one that is not started", ANEW)
    if entry.emulation != Emulation.NONE:
        text = f"{name} lets its image be shown as a drive (emulation {entry.emulation}): a Windows has none"
        yield warning("catalog-emulation", text, "none is needed where the medium is none of Windows")
        return
    if entry.offset >= disc.size_bytes:
        text = f"{name} begins at byte {entry.offset}, and the disc has {disc.size_bytes}"
        yield error("catalog-beyond", text, COPY)
        return
    if firmware is Firmware.BIOS:
        yield from _bios_findings(disc, entry, name)
    else:
        yield from _uefi_findings(disc, entry, name, check)


def _bios_findings(disc: Disc, entry: BootEntry, name: str) -> Iterator[Finding]:
    if not any(disc.read(entry.offset, min(_SECTOR, disc.size_bytes - entry.offset))):
        yield error("boot-image-empty", f"{name}: its image has no code", ANEW)
    elif (entry.path or "").lower().endswith("/etfsboot.com") and entry.sectors != _BIOS_SECTORS:
        text = f"{name} lets {entry.sectors} sectors be loaded of {shown(entry.path or '')}, which has {_BIOS_SECTORS}"
        yield error("boot-image-size", text, ANEW)


def _uefi_findings(disc: Disc, entry: BootEntry, name: str, check: CatalogCheck) -> Iterator[Finding]:
    # Firmware takes it as large as the volume in it says, whatever number of sectors the entry has.
    size = max(entry.sectors * _SECTOR, _FLOPPY_BYTES)
    file = None if entry.path is None else disc.find(entry.path)
    size = min(file.size if file is not None else size, disc.size_bytes - entry.offset, _LARGEST_IMAGE)
    try:
        volume = open_fat(_image(disc, entry.offset, size))
        found = dict(_loaders(volume, check.signed))
    except StorageError:
        raise
    except InvalidInput as problem:
        yield error("boot-image-volume", f"{name}: its image is no FAT volume that can be read: {problem.said}", ANEW)
        return
    check.architectures |= {each for each in found.values() if each is not None}
    if not found:
        text = f"{name}: its image has no loader in \\EFI\\BOOT, where firmware looks"
        yield error("boot-image-loader", text, ANEW)
    for path, architecture in found.items():
        if architecture is None or fallback_path(architecture).lower() != path.lower():
            what = "no program that UEFI starts" if architecture is None else f"a program for {architecture}"
            yield error("boot-image-loader", f"{name}: {shown(path)} in its image is {what}", ANEW)


def _image(disc: Disc, offset: int, size: int) -> MemoryTarget:
    image = MemoryTarget(Geometry.of_size(-(-size // _SECTOR) * _SECTOR, _SECTOR), name=disc.name)
    image.write_at(0, disc.read(offset, size))
    return image


def _loaders(volume: FatVolume, signed: set[SignedBy]) -> Iterator[tuple[str, str | None]]:
    """Yield the loaders of an image, each with its architecture, or None when it tells none; add who signed them."""
    for path in map(fallback_path, MACHINES.values()):
        try:
            entry = volume.entry(path)
        except InvalidRequest:
            continue
        if not entry.is_directory:
            program = b"".join(volume.read(entry))
            signed |= {signed_by(program)} - {SignedBy.UNKNOWN}
            try:
                yield path, read_pe(program[:HEAD_BYTES], name=path).architecture
            except InvalidInput:
                yield path, None
