r"""Finding what starts a computer from a medium: each file in the first place that has it, each with where it is from.

The BCD stores are made for the medium, whatever the places have; all else is Microsoft's and is taken as it is.  What
is missing is told at once, with what it is needed for, after the Windows that another medium installs was looked at for
it, too; what nobody has is made, where that is wished for.  Where it is left open what is to start the medium, what can
start it does, and of the other it is told why not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import PurePosixPath

from osdimage.imaging import filetime
from osdimage.imaging.boot.bcd.media import MediaEntry, MediaStoreSettings, TftpOptions, create_media_store
from osdimage.imaging.boot.files import LARGEST_FILE, fallback_path, shown
from osdimage.imaging.boot.firmware import Firmware
from osdimage.imaging.boot.language import locale_of
from osdimage.imaging.boot.sources import image_source
from osdimage.imaging.disc.written.contents import BytesContents
from osdimage.imaging.errors import InvalidInput, InvalidRequest, Means, Remedy
from osdimage.imaging.files import FileFacts, FileSource
from osdimage.imaging.logs import logged
from osdimage.imaging.media.parts import table
from osdimage.imaging.media.parts.efisys import loader_in, make_efisys
from osdimage.imaging.media.parts.found import Found, Start, Startable, bytes_of, faults_of_sdi, startable
from osdimage.imaging.media.parts.installed import installed_windows
from osdimage.imaging.media.parts.medium import BootParts, MediumFile, PreparedImage, SignedBy, joined, wim_path
from osdimage.imaging.media.parts.places import Place
from osdimage.imaging.media.parts.prepared import boot_wim_file
from osdimage.imaging.media.parts.sdi import create_sdi
from osdimage.imaging.media.parts.signing import signed_by
from osdimage.imaging.media.parts.source import MediumSource
from osdimage.imaging.media.parts.table import Part
from osdimage.imaging.pe import read_pe
from osdimage.imaging.wim.file import WimFile

_CALLED = {Firmware.BIOS: "BIOS", Firmware.UEFI: "UEFI"}
_OF_BIOS = {"x86", "x64"}
MADE = "made"
"""The origin of what was made for the medium."""
ETFSBOOT_BYTES = 4096
"""Of the file that a BIOS starts from a disc: eight sectors, as Windows' own have."""


@dataclass(frozen=True, slots=True)
class PartsWish:
    """What is wished for of what starts a medium.

    Attributes:
        firmware: what is to start it; None: what can.
        is_disc: whether it is a disc, on which firmware looks for a boot image of its own.
        is_prompting: whether a disc asks a person to press a key before it starts.
        signed_2023: take the loaders for UEFI that are signed with "Windows UEFI CA 2023".
        generate_sdi: make a ``boot.sdi`` when there is none.
        generate_efisys: make what UEFI starts from a disc of the loader, when there is none.
        locale: the language of the menu, such as ``de-DE``; None: that of the boot image.
        timeout_s: how long the menu waits, in seconds; None: not at all with one boot image, else half a minute.
        tftp: how the boot manager asks a server for the boot image; None for what is no server.
    """

    firmware: frozenset[Firmware] | None = None
    is_disc: bool = True
    is_prompting: bool = True
    signed_2023: bool = False
    generate_sdi: bool = False
    generate_efisys: bool = False
    locale: str | None = None
    timeout_s: int | None = None
    tftp: TftpOptions | None = None

    def __post_init__(self) -> None:
        """Refuse a wish for what the medium would not have."""
        has_uefi = self.firmware is None or Firmware.UEFI in self.firmware
        if self.signed_2023 and not has_uefi:
            raise InvalidRequest(
                "what is signed with 'Windows UEFI CA 2023' starts by UEFI, and the medium is for a BIOS alone; valid "
                "is UEFI, or both"
            )
        if self.generate_efisys and not (has_uefi and self.is_disc):
            raise InvalidRequest("UEFI starts an efisys.bin of discs alone, and the medium is none, or for a BIOS")
        if not (self.is_prompting or self.is_disc):
            raise InvalidRequest("discs alone ask for a key before they start, and the medium is none")


@logged("find what starts {prepared.source}")
def find_parts(
    prepared: PreparedImage,
    wish: PartsWish,
    *,
    others: Sequence[PreparedImage] = (),
    source: MediumSource | None = None,
    boot_files_from: FileSource | None = None,
    now: datetime | None = None,
) -> BootParts:
    """Find what starts a medium, and make its BCD stores.

    Args:
        prepared: the boot image that starts by itself.
        wish: what is wished for.
        others: more boot images, which the menu offers besides.
        source: another medium, whose files come first.
        boot_files_from: files of a Windows, such as those of an image, which come last; None: where something is
            missing, those of the first image that ``source`` installs.
        now: the time of what is made; None: that of the file of the boot image.

    Raises:
        InvalidInput: when files are missing, with all of their names; when they are for another processor than the boot
            image; when one is not what it is to be.
        InvalidRequest: when the processor has no such firmware, or the language is none.
        OsdImageError: when something cannot be read.
    """
    for each in others:
        if each.architecture != prepared.architecture:
            raise InvalidInput(
                f"{each.source}: is for {each.architecture}, and {prepared.source} for {prepared.architecture}: one "
                "medium starts those of one processor"
            )
    made_ns = boot_wim_file(prepared).modified_ns if now is None else filetime.to_ns(filetime.from_datetime(now))
    with WimFile.open(prepared.path) as wim:
        image = wim.image(prepared.index)
        files = image_source(image)
        places = [Place(files, str(prepared.source))]
        if source is not None:
            places.insert(0, Place(source, source.name))
        if boot_files_from is not None:
            places.append(Place(boot_files_from, boot_files_from.name))
        told = None if image.info.windows is None else image.info.windows.default_language
        locales = {each: locale_of(files, each, wanted=wish.locale, told=told).name for each in Firmware}
        images = (Startable.of(prepared, files), *map(startable, others))
        finder = _Finder(places, wish, images, locales, made_ns, now)
        if source is None or boot_files_from is not None or not finder.lacks_parts:
            return finder.parts(source)
        with installed_windows(source) as installed:
            if installed is not None:
                finder = replace(finder, places=(*places, Place(installed, installed.name)))
            return finder.parts(source)


@dataclass(frozen=True, slots=True)
class _Finder:
    """The places to look at, and what is wished for.

    Attributes:
        places: in their order.
        wish: what is wished for.
        images: the boot images; the first one starts by itself.
        locales: the language of the menu, by what shows it.
        made_ns: the time of what is made, in nanoseconds since 1970.
        now: that of hives; None: none.
    """

    places: Sequence[Place]
    wish: PartsWish
    images: tuple[Startable, ...]
    locales: Mapping[Firmware, str]
    made_ns: int
    now: datetime | None

    @property
    def _architecture(self) -> str:
        return self.images[0].image.architecture

    @property
    def lacks_parts(self) -> bool:
        """Whether no place has something of what starts the medium; raise as :func:`find_parts`."""
        found_alone = replace(self.wish, generate_sdi=False, generate_efisys=False)
        return any(each.missing for each in replace(self, wish=found_alone).starts([]).values())

    def starts(self, warnings: list[str]) -> dict[Firmware, Start]:
        """Return what starts the medium by each firmware that is wanted; add what is to be said of all of it."""
        sdi = self._sdi(warnings)
        return {each: self._bios(sdi) if each is Firmware.BIOS else self._uefi(sdi) for each in self._firmware()}

    def parts(self, source: MediumSource | None) -> BootParts:
        """Return what starts the medium; raise as :func:`find_parts`."""
        warnings: list[str] = []
        starts = self.starts(warnings)
        wanted = tuple(starts)
        working = [each for each in wanted if not starts[each].missing]
        needed = self.wish.firmware or ({Firmware.UEFI} if self.wish.signed_2023 else set())
        if not working or not needed <= set(working):
            raise self._lacking(text for each in wanted for text in starts[each].missing)
        warnings += (
            f"{_CALLED[each]} does not start the medium: there is no {text}"
            for each in wanted
            for text in starts[each].missing
        )
        warnings += (text for each in working for text in starts[each].warnings)
        files = joined(*(starts[each].files for each in working))
        images = {each: starts[each].disc_image for each in working}
        if source is not None:
            files = source.spelling(files)
            images = {each: None if path is None else source.spelled(path) for each, path in images.items()}
        return BootParts(
            files,
            frozenset(working),
            self._architecture,
            starts[Firmware.UEFI].signed if Firmware.UEFI in working else SignedBy.UNKNOWN,
            images.get(Firmware.BIOS),
            images.get(Firmware.UEFI),
            tuple(dict.fromkeys(warnings)),
        )

    def _firmware(self) -> tuple[Firmware, ...]:
        """Return what is to start the medium, or may."""
        possible = [each for each in (Firmware.BIOS, Firmware.UEFI) if each is Firmware.UEFI or self._has_bios]
        if self.wish.firmware is None:
            return tuple(possible)
        for each in self.wish.firmware:
            if each not in possible:
                raise InvalidRequest(
                    f"{self.images[0].image.source}: is for {self._architecture}, which no BIOS starts; valid is UEFI"
                )
        return tuple(each for each in possible if each in self.wish.firmware)

    @property
    def _has_bios(self) -> bool:
        return self._architecture in _OF_BIOS

    def _bios(self, sdi: MediumFile | None) -> Start:
        found = Found()
        found.need(table.BOOTMGR, self._file(table.BOOTMGR))
        disc_image = None
        if self.wish.is_disc:
            file = found.need(table.ETFSBOOT, self._file(table.ETFSBOOT))
            if file is not None:
                _require_etfsboot(file)
                disc_image = file.path
            if self.wish.is_prompting:
                found.take(self._file(table.BOOTFIX))
        self._shared(Firmware.BIOS, sdi, found)
        return found.start(disc_image)

    def _uefi(self, sdi: MediumFile | None) -> Start:
        found = Found()
        loader = table.loader_part(self._architecture, signed_2023=self.wish.signed_2023)
        file, signed = self._loader(loader)
        found.need(loader, file)
        # Microsoft has signed the newer one of these with the older certificate.
        found.take(self._file(table.manager_part(signed_2023=self.wish.signed_2023), self._is_named_so))
        if found.take(self._file(table.BOOT_STL)) is None:
            found.warnings += (
                f"{each.image.source}: Windows {each.image.version} does not start by UEFI without "
                f"{shown(table.BOOT_STL.target)}, which was not found"
                for each in self.images
                if _build_of(each.image.version) >= table.BOOT_STL_BUILD
            )
        disc_image = self._disc_loader(found, file, signed) if self.wish.is_disc else None
        self._shared(Firmware.UEFI, sdi, found)
        return found.start(disc_image, signed)

    def _disc_loader(self, found: Found, loader: MediumFile | None, signed: SignedBy) -> str | None:
        """Find what UEFI starts from a disc, and return its path; its loader and that of the medium are of one kind."""
        part = table.disc_loader_part(is_prompting=self.wish.is_prompting, signed_2023=self.wish.signed_2023)
        volume = self._file(part, partial(self._is_of, signed)) or self._file(part, self._is_named_so)
        inner = SignedBy.UNKNOWN
        if volume is not None:
            inside = loader_in(bytes_of(volume), self._architecture)
            inner = SignedBy.UNKNOWN if inside is None else signed_by(inside)
            if inside is None:
                found.warnings.append(
                    f"{volume.origin}: is no FAT volume that has {shown(fallback_path(self._architecture))}, which is "
                    "what UEFI starts from a disc"
                )
        if volume is not None and SignedBy.UNKNOWN not in {inner, signed} and inner is not signed:
            found.warnings.append(
                f"{volume.origin}: its loader is signed with {inner.called}, and that of the medium with "
                f"{signed.called}: where firmware trusts one of them alone, Secure Boot stops between them"
            )
        if volume is None and self.wish.generate_efisys and loader is not None:
            data = make_efisys(bytes_of(loader), self._architecture, modified_ns=loader.modified_ns, name=loader.origin)
            volume = MediumFile(part.target, BytesContents(data), self.made_ns, MADE)
            found.warnings.append(
                f"{shown(part.target)}: was made of {loader.origin}: firmware starts it, and whether Microsoft's "
                "loader then finds its store on the disc is not known"
            )
        found.need(part, volume)
        return None if volume is None else volume.path

    def _shared(self, firmware: Firmware, sdi: MediumFile | None, found: Found) -> None:
        """Find what both have, each in its own folder: the SDI file, the memory test, what the menu shows, a store."""
        found.need(table.BOOT_SDI, sdi)
        memory_test = found.take(self._file(table.MEMORY_TESTS[firmware]))
        trees = table.TREES[firmware]
        if firmware is Firmware.UEFI and self.wish.signed_2023:
            trees = table.TREES_2023
        for tree in trees:
            found.files += next(filter(None, (each.tree(tree, self.made_ns) for each in self.places)), ())
        lacking = [each.image for each in self.images if firmware not in each.loaders]
        for image in lacking:
            path = table.OS_LOADERS[firmware][-1]
            found.missing.append(f"{shown(path)} in {image.source}, which starts Windows PE by {_CALLED[firmware]}")
        if not lacking:
            found.take(self._store(firmware, has_memory_test=memory_test is not None))

    def _sdi(self, warnings: list[str]) -> MediumFile | None:
        """Find the SDI file, or make it; add what is to be said of it."""
        file = self._file(table.BOOT_SDI)
        if file is not None:
            warnings += faults_of_sdi(file)
        elif self.wish.generate_sdi:
            file = MediumFile(table.BOOT_SDI.target, BytesContents(create_sdi()), self.made_ns, MADE)
            warnings.append(
                f"{shown(file.path)}: was made of the form that Windows' own has; whether Microsoft's boot manager "
                "takes it is not known"
            )
        return file

    def _store(self, firmware: Firmware, *, has_memory_test: bool) -> MediumFile:
        settings = MediaStoreSettings(
            firmware,
            tuple(self._entries(firmware)),
            timeout_s=self.wish.timeout_s,
            locale=self.locales[firmware],
            has_memory_test=has_memory_test,
            tftp=self.wish.tftp,
        )
        data = create_media_store(settings, now=self.now).to_bytes(now=self.now)
        return MediumFile(table.STORES[firmware], BytesContents(data), self.made_ns, MADE)

    def _entries(self, firmware: Firmware) -> Iterator[MediaEntry]:
        shown_names: dict[str, int] = {}
        for number, each in enumerate(self.images, 1):
            name = each.image.name or "Windows PE"
            shown_names[name] = count = shown_names.get(name, 0) + 1
            yield MediaEntry(
                name if count == 1 else f"{name} ({count})",
                shown(wim_path(number)),
                shown(each.loaders[firmware]).lower(),
                self.locales[firmware],
            )

    def _file(self, part: Part, is_wanted: Callable[[Place, FileFacts], bool] | None = None) -> MediumFile | None:
        """Return a part from the first place that has it; None when none has."""
        for place in self.places:
            for facts in place.candidates(part):
                if is_wanted is None or is_wanted(place, facts):
                    return place.taken(facts, part.target, self.made_ns)
        return None

    def _loader(self, part: Part) -> tuple[MediumFile | None, SignedBy]:
        """Return the loader for UEFI, and what it is signed with.

        Raises:
            InvalidInput: when it is no program, or for another processor than the boot image.
        """
        file = self._file(part, self._is_wanted)
        if file is None:
            return None, SignedBy.UNKNOWN
        data = bytes_of(file)
        architecture = read_pe(data, name=file.origin).architecture
        if architecture != self._architecture:
            raise InvalidInput(
                f"{file.origin}: is for {architecture}, and the boot image of {self.images[0].image.source} for "
                f"{self._architecture}"
            )
        return file, signed_by(data)

    def _is_wanted(self, place: Place, facts: FileFacts) -> bool:
        """Tell whether a program is signed with the certificate that is asked for."""
        if not self.wish.signed_2023:
            return True
        found = signed_by(place.files.read(facts.path, limit=LARGEST_FILE))
        return found is SignedBy.CA_2023 or (found is SignedBy.UNKNOWN and _is_named_2023(facts.path))

    def _is_of(self, signed: SignedBy, place: Place, facts: FileFacts) -> bool:
        """Tell whether the loader in a volume can be signed with what that of the medium is signed with."""
        inner = self._signed_in(place.files.read(facts.path, limit=LARGEST_FILE))
        if self.wish.signed_2023:
            return inner is SignedBy.CA_2023 or (inner is SignedBy.UNKNOWN and _is_named_2023(facts.path))
        return SignedBy.UNKNOWN in {inner, signed} or inner is signed

    def _is_named_so(self, _: Place, facts: FileFacts) -> bool:
        """Tell whether the name of a file is one of what belongs to the certificate that is asked for."""
        return not self.wish.signed_2023 or _is_named_2023(facts.path)

    def _signed_in(self, volume: bytes) -> SignedBy:
        loader = loader_in(volume, self._architecture)
        return SignedBy.UNKNOWN if loader is None else signed_by(loader)

    def _lacking(self, texts: Iterable[str]) -> InvalidInput:
        where = ", ".join(each.called for each in self.places)
        told = "; no ".join(dict.fromkeys(texts))
        return InvalidInput(
            f"{where}: cannot start a medium: there is no {told}",
            remedy=Remedy("{} takes what is missing from another image of Windows", (Means.BOOT_FILES_FROM,)),
        )


def _build_of(version: str | None) -> int:
    """Return the third number of a version of Windows such as ``10.0.26100.1``; 0 without one."""
    parts = [] if version is None else version.split(".")
    return int(parts[2]) if len(parts) > 2 and parts[2].isdecimal() else 0


def _is_named_2023(path: str) -> bool:
    return PurePosixPath(path).stem.upper().endswith("_EX")


def _require_etfsboot(file: MediumFile) -> None:
    if file.size != ETFSBOOT_BYTES:
        raise InvalidInput(
            f"{file.origin}: has {file.size} bytes; what a BIOS starts from a disc has {ETFSBOOT_BYTES}, all of which "
            "it loads"
        )
