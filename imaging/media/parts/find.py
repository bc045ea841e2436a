r"""Finding what starts a computer from a medium: each file in the first place that has it, each with where it is from.

The BCD stores are made for the medium, whatever the places have; all else is Microsoft's and is taken as it is.  What
is missing is told at once, with what it is needed for.  Where it is left open what is to start the medium, what can
start it does, and of the other it is told why not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePosixPath

from osdimage.imaging import filetime
from osdimage.imaging.boot.bcd.media import MediaEntry, MediaStoreSettings, create_media_store
from osdimage.imaging.boot.files import LARGEST_FILE, shown
from osdimage.imaging.boot.firmware import Firmware
from osdimage.imaging.boot.language import locale_of
from osdimage.imaging.boot.sources import image_source
from osdimage.imaging.disc.written.contents import BytesContents
from osdimage.imaging.errors import InvalidInput, InvalidRequest, Means, Remedy
from osdimage.imaging.files import FileFacts, FileSource
from osdimage.imaging.logs import logged
from osdimage.imaging.media.bootimage.reading import is_file
from osdimage.imaging.media.parts import table
from osdimage.imaging.media.parts.medium import BootParts, MediumFile, PreparedImage, SignedBy, joined, wim_path
from osdimage.imaging.media.parts.places import Place
from osdimage.imaging.media.parts.prepared import boot_wim_file
from osdimage.imaging.media.parts.signing import signed_by
from osdimage.imaging.media.parts.source import MediumSource
from osdimage.imaging.media.parts.table import Part
from osdimage.imaging.pe import read_pe
from osdimage.imaging.wim.file import WimFile

_CALLED = {Firmware.BIOS: "BIOS", Firmware.UEFI: "UEFI"}
_OF_BIOS = {"x86", "x64"}
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
        locale: the language of the menu, such as ``de-DE``; None: that of the boot image.
        timeout_s: how long the menu waits, in seconds; None: not at all with one boot image, else half a minute.
    """

    firmware: frozenset[Firmware] | None = None
    is_disc: bool = True
    is_prompting: bool = True
    signed_2023: bool = False
    locale: str | None = None
    timeout_s: int | None = None


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
        boot_files_from: files of a Windows, such as those of an image, which come last.
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
        images = (_Startable.of(prepared, files), *map(_startable, others))
        return _Finder(places, wish, images, locales, made_ns, now).parts(source)


@dataclass(frozen=True, slots=True)
class _Startable:
    """A boot image, and the paths of its loaders."""

    image: PreparedImage
    loaders: Mapping[Firmware, str]

    @classmethod
    def of(cls, image: PreparedImage, files: FileSource) -> _Startable:
        """Look which loaders an image has."""
        found: dict[Firmware, str] = {}
        for firmware, paths in table.OS_LOADERS.items():
            there = next((path for path in paths if is_file(files, path)), None)
            if there is not None:
                found[firmware] = there
        return cls(image, found)


def _startable(image: PreparedImage) -> _Startable:
    with WimFile.open(image.path) as wim:
        return _Startable.of(image, wim.image(image.index).files())


@dataclass(frozen=True, slots=True)
class _Start:
    """What starts the medium by one kind of firmware.

    Attributes:
        files: of the medium.
        missing: sentences about what is not there; empty when it starts.
        disc_image: the path of the file that starts from a disc.
        signed: what the loader is signed with.
    """

    files: tuple[MediumFile, ...]
    missing: tuple[str, ...]
    disc_image: str | None
    signed: SignedBy = SignedBy.UNKNOWN


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
    images: tuple[_Startable, ...]
    locales: Mapping[Firmware, str]
    made_ns: int
    now: datetime | None

    @property
    def _architecture(self) -> str:
        return self.images[0].image.architecture

    def parts(self, source: MediumSource | None) -> BootParts:
        """Return what starts the medium; raise as :func:`find_parts`."""
        wanted = self._firmware()
        starts = {each: self._bios() if each is Firmware.BIOS else self._uefi() for each in wanted}
        working = [each for each in wanted if not starts[each].missing]
        if not working or (self.wish.firmware is not None and len(working) < len(wanted)):
            raise self._lacking(text for each in wanted for text in starts[each].missing)
        warnings = tuple(
            f"{_CALLED[each]} does not start the medium: there is no {text}"
            for each in wanted
            for text in starts[each].missing
        )
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
            warnings,
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

    def _bios(self) -> _Start:
        found = _Found()
        found.need(table.BOOTMGR, self._file(table.BOOTMGR))
        disc_image = None
        if self.wish.is_disc:
            file = found.need(table.ETFSBOOT, self._file(table.ETFSBOOT))
            if file is not None:
                _require_etfsboot(file)
                disc_image = file.path
            if self.wish.is_prompting:
                found.take(self._file(table.BOOTFIX))
        self._shared(Firmware.BIOS, found)
        return _Start(tuple(found.files), tuple(found.missing), disc_image)

    def _uefi(self) -> _Start:
        found = _Found()
        loader = table.loader_part(self._architecture, signed_2023=self.wish.signed_2023)
        file, signed = self._loader(loader)
        found.need(loader, file)
        found.take(self._file(table.manager_part(signed_2023=self.wish.signed_2023), self._is_wanted))
        found.take(self._file(table.BOOT_STL))
        disc_image = None
        if self.wish.is_disc:
            wish = self.wish
            part = table.disc_loader_part(is_prompting=wish.is_prompting, signed_2023=wish.signed_2023)
            volume = found.need(part, self._file(part, self._is_named_so))
            disc_image = None if volume is None else volume.path
        self._shared(Firmware.UEFI, found)
        return _Start(tuple(found.files), tuple(found.missing), disc_image, signed)

    def _shared(self, firmware: Firmware, found: _Found) -> None:
        """Find what both have, each in its own folder: the SDI file, the memory test, what the menu shows, a store."""
        found.need(table.BOOT_SDI, self._file(table.BOOT_SDI))
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

    def _store(self, firmware: Firmware, *, has_memory_test: bool) -> MediumFile:
        settings = MediaStoreSettings(
            firmware,
            tuple(self._entries(firmware)),
            timeout_s=self.wish.timeout_s,
            locale=self.locales[firmware],
            has_memory_test=has_memory_test,
        )
        data = create_media_store(settings, now=self.now).to_bytes(now=self.now)
        return MediumFile(table.STORES[firmware], BytesContents(data), self.made_ns, "made")

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
        data = b"".join(file.contents.pieces())
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

    def _is_named_so(self, _: Place, facts: FileFacts) -> bool:
        """Tell whether the name of a file is one of what is signed with the certificate that is asked for."""
        return not self.wish.signed_2023 or _is_named_2023(facts.path)

    def _lacking(self, texts: Iterable[str]) -> InvalidInput:
        where = ", ".join(each.called for each in self.places)
        told = "; no ".join(dict.fromkeys(texts))
        return InvalidInput(
            f"{where}: cannot start a medium: there is no {told}",
            remedy=Remedy("{} takes what is missing from another image of Windows", (Means.BOOT_FILES_FROM,)),
        )


class _Found:
    """What was found for one kind of firmware, and what was not."""

    def __init__(self) -> None:
        self.files: list[MediumFile] = []
        self.missing: list[str] = []

    def need(self, part: Part, file: MediumFile | None) -> MediumFile | None:
        """Take a part without which nothing starts."""
        if file is None:
            self.missing.append(f"{shown(part.target)}, {part.use} (in an image of Windows {shown(part.in_image[0])})")
        return self.take(file)

    def take(self, file: MediumFile | None) -> MediumFile | None:
        """Take a part when it is there."""
        if file is not None:
            self.files.append(file)
        return file


def _is_named_2023(path: str) -> bool:
    return PurePosixPath(path).stem.upper().endswith("_EX")


def _require_etfsboot(file: MediumFile) -> None:
    if file.size != ETFSBOOT_BYTES:
        raise InvalidInput(
            f"{file.origin}: has {file.size} bytes; what a BIOS starts from a disc has {ETFSBOOT_BYTES}, all of which "
            "it loads"
        )
