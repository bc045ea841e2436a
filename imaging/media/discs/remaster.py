"""A disc that is there already, as what a new one is made of: its files, their order, and what starts from it.

Contents are taken where they lie in the file of the old disc, so that the new one is written in the time of a copy.
What firmware starts is a file of the new disc. On discs of Microsoft it is often none, and becomes one, unless a file
of the disc has the same contents.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from osdimage.imaging.boot.firmware import Firmware
from osdimage.imaging.disc.eltorito import BootEntry, Emulation, Platform
from osdimage.imaging.disc.facts import DiscExtent
from osdimage.imaging.disc.opened import open_disc
from osdimage.imaging.disc.written.contents import FileContents
from osdimage.imaging.disc.written.tree import NewFolder
from osdimage.imaging.errors import InvalidInput, quoted
from osdimage.imaging.media.parts.changes import is_within
from osdimage.imaging.media.parts.medium import BootParts, MediumFile, SignedBy, joined
from osdimage.imaging.media.parts.signing import signed_by
from osdimage.imaging.media.parts.source import open_source

_FIRMWARE = {Platform.BIOS: Firmware.BIOS, Platform.UEFI: Firmware.UEFI}
_LOADERS = {
    "efi/boot/bootx64.efi": "x64",
    "efi/boot/bootia32.efi": "x86",
    "efi/boot/bootaa64.efi": "arm64",
    "efi/boot/bootarm.efi": "arm",
}
# Files that may have the contents of what firmware starts, and where it gets a name otherwise.
_LIKELY = {
    Firmware.BIOS: ("boot/etfsboot.com",),
    Firmware.UEFI: ("efi/microsoft/boot/efisys.bin", "efi/microsoft/boot/efisys_noprompt.bin"),
}
_NAMES = {
    Firmware.BIOS: ("boot/etfsboot.com", "boot/started.com"),
    Firmware.UEFI: ("efi/microsoft/boot/efisys.bin", "efi/microsoft/boot/started.bin"),
}
_SEGMENTS = {0, 0x7C0}
_SECTOR_BYTES = 512
_BIOS_IMAGE_BYTES = 4096
_LARGEST_LOADER = 64 << 20
_LARGEST_IMAGE = 32 << 20
_MANIFEST = "osdimage/media.json"


@dataclass(frozen=True, slots=True)
class OldDisc:
    """What a new disc takes over from an old one.

    Attributes:
        path: of the old one.
        label: of its volume.
        files: all of them, those that firmware starts among them.
        folders: its directories, with their times.
        order: the paths of the files in the order in which they lie on it.
        boot: what starts from it, without an architecture where it has no loader for UEFI; None where nothing does.
        warnings: sentences for people.
    """

    path: Path
    label: str
    files: tuple[MediumFile, ...] = field(repr=False)
    folders: tuple[NewFolder, ...] = field(repr=False)
    order: tuple[str, ...] = field(repr=False)
    boot: BootParts | None
    warnings: tuple[str, ...]

    def folders_of(self, files: Sequence[MediumFile], removed: Sequence[str] = ()) -> tuple[NewFolder, ...]:
        """Return the directories that a new disc has, too.

        They are those of its files, and those that were empty before and are not within a path that was removed.
        """
        before, now = _above(self.files), _above(files)
        spelled = {each.lower() for each in before}
        taken = {each.lower(): each for each in now}
        return tuple(
            NewFolder(taken.get(each.path.lower(), each.path), each.modified_ns)
            for each in self.folders
            if each.path.lower() in taken
            or (each.path.lower() not in spelled and not any(is_within(each.path, path) for path in removed))
        )


def read_old_disc(path: str | os.PathLike[str]) -> OldDisc:
    """Read what a new disc takes over from an old one; nothing stays open.

    Raises:
        InvalidInput: when it is no disc, holds what no medium takes, or starts in a way that no new disc does.
        InvalidVolume: when it is damaged.
        StorageError: when it cannot be read.
    """
    where = Path(path)
    source = open_source(where)
    files = {each.path.lower(): each for each in source.files}
    with open_disc(where) as disc:
        entries = disc.boot_entries()
        notes = disc.notes
        size_bytes, made_ns = disc.size_bytes, where.stat().st_mtime_ns
        folders = tuple(
            NewFolder(each.path.strip("/"), made_ns if each.modified_ns is None else each.modified_ns)
            for each in disc.walk()
            if each.is_directory and each.path != "/"
        )
    old = _Old(where.resolve(), size_bytes, made_ns, files)
    warnings = [f"{where}: {each}" for each in notes]
    images: dict[Firmware, str] = {}
    more: list[MediumFile] = []
    for entry in entries:
        if not entry.is_bootable:
            warnings.append(f"{where}: an entry that nothing starts from is left out of the boot catalog")
            continue
        firmware = _firmware_of(entry, images, where)
        image = old.file_started(entry, firmware)
        if firmware is Firmware.BIOS and image.size != _BIOS_IMAGE_BYTES:
            raise InvalidInput(
                f"{where}: a BIOS starts {quoted(image.path)} of {image.size:,} bytes; valid is what Windows media "
                f"have, one of {_BIOS_IMAGE_BYTES:,}"
            )
        if image.path.lower() not in files:
            warnings.append(f"{where}: what {firmware.name} starts was no file; it is one now, {image.path}")
            more.append(image)
        images[firmware] = image.path
    if _MANIFEST in files:
        warnings.append(
            f"{where}: has a manifest of osdimage, {_MANIFEST}, which tells of the files as they were on it"
        )
    taken = joined(source.files, more)
    return OldDisc(
        where,
        source.label or "",
        taken,
        folders,
        tuple(each.path for each in sorted(taken, key=_place)),
        _boot(files, images) if images else None,
        tuple(warnings),
    )


def _place(file: MediumFile) -> int:
    contents = file.contents
    places = [each.offset for each in contents.stretches] if isinstance(contents, FileContents) else []
    return next((each for each in places if each is not None), 0)


def _above(files: Sequence[MediumFile]) -> set[str]:
    """Return the paths of the directories that files are in."""
    found: set[str] = set()
    for each in files:
        path = each.path.rpartition("/")[0]
        while path and path not in found:
            found.add(path)
            path = path.rpartition("/")[0]
    return found


def _firmware_of(entry: BootEntry, images: Mapping[Firmware, str], where: Path) -> Firmware:
    """Return what an entry is for.

    Raises:
        InvalidInput: when a new disc has no such entry.
    """
    if entry.platform not in _FIRMWARE:
        raise InvalidInput(f"{where}: starts firmware of the kind {entry.platform:#04x}; valid are BIOS and UEFI")
    firmware = _FIRMWARE[Platform(entry.platform)]
    if entry.emulation != Emulation.NONE or entry.load_segment not in _SEGMENTS:
        raise InvalidInput(
            f"{where}: {firmware.name} is shown a drive that is none, or loads what it starts to an odd place; "
            "valid is what Windows media have, an image without emulation"
        )
    if firmware in images:
        raise InvalidInput(f"{where}: {firmware.name} can start several images; valid is one")
    return firmware


def _boot(files: Mapping[str, MediumFile], images: Mapping[Firmware, str]) -> BootParts:
    loaders = [each for each in _LOADERS if each in files]
    signed = SignedBy.UNKNOWN
    if loaders and files[loaders[0]].size <= _LARGEST_LOADER:
        signed = signed_by(b"".join(files[loaders[0]].contents.pieces()))
    # Their order on the disc is kept: nothing else is asked of what belongs to them.
    return BootParts(
        (),
        frozenset(images),
        _LOADERS[loaders[0]] if loaders else "",
        signed,
        images.get(Firmware.BIOS),
        images.get(Firmware.UEFI),
    )


@dataclass(frozen=True, slots=True)
class _Old:
    """The file of an old disc, and the files on it, by their paths in lower case."""

    path: Path
    size_bytes: int
    made_ns: int
    files: Mapping[str, MediumFile]

    def file_started(self, entry: BootEntry, firmware: Firmware) -> MediumFile:
        """Return the file that has what an entry starts: one of the disc, or a new one.

        Raises:
            InvalidInput: when it lies beyond the end of the disc.
        """
        if entry.path is not None:
            return self.files[entry.path.strip("/").lower()]
        for path in _LIKELY[firmware]:
            likely = self.files.get(path)
            if likely is not None and likely.size and self._is_same(likely, entry.offset):
                return likely
        contents = self._contents(entry.offset, self._size_of(entry, firmware))
        name = next((each for each in _NAMES[firmware] if each not in self.files), None)
        if name is None:
            raise InvalidInput(
                f"{self.path}: what {firmware.name} starts is no file of it, and its places are taken: "
                f"{', '.join(map(quoted, _NAMES[firmware]))}"
            )
        return MediumFile(name, contents, self.made_ns, f"{self.path}, at byte {entry.offset}")

    def _size_of(self, entry: BootEntry, firmware: Firmware) -> int:
        """Return how large an image is: for UEFI the size of its FAT volume, as some catalogs say one sector."""
        if firmware is Firmware.BIOS:
            return _BIOS_IMAGE_BYTES
        head = b"".join(self._contents(entry.offset, _SECTOR_BYTES).pieces())
        bytes_per_sector, few, many = struct.unpack_from("<11xH6xH11xI", head)
        size = bytes_per_sector * (few or many)
        return size if 0 < size < 1 << 32 else entry.sectors * _SECTOR_BYTES

    def _contents(self, offset: int, size: int) -> FileContents:
        if offset + size > self.size_bytes:
            raise InvalidInput(f"{self.path}: what firmware starts would end at byte {offset + size}, beyond its end")
        return FileContents(self.path, (DiscExtent(offset, size),), self.size_bytes, self.made_ns)

    def _is_same(self, file: MediumFile, offset: int) -> bool:
        if file.size > _LARGEST_IMAGE or offset + file.size > self.size_bytes:
            return False
        return b"".join(file.contents.pieces()) == b"".join(self._contents(offset, file.size).pieces())
