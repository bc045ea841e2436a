"""What a medium is to hold, whatever it is written to: a disc, a stick, or a folder that a server hands out."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path

from osdimage.imaging.boot.firmware import Firmware
from osdimage.imaging.disc.written.contents import Contents
from osdimage.imaging.errors import InvalidInput, quoted

BOOT_WIM = "sources/boot.wim"
"""Where the boot image is on a medium: the BCD stores that are made for media name it."""
BOOT_WIMS = r"sources/boot\d*\.wim"
"""A pattern of where boot images are on a medium that has several, in lower case."""
_BOOT_WIM = re.compile(BOOT_WIMS)
_SHOWN = 20


class SignedBy(StrEnum):
    """Which of Microsoft's certificates a loader is signed with: firmware trusts one of them, or both."""

    CA_2011 = "2011"
    CA_2023 = "2023"
    UNKNOWN = "unknown"

    @property
    def called(self) -> str:
        """What people call it."""
        return _CALLED[self]


_CALLED = {
    SignedBy.CA_2011: "Microsoft Windows Production PCA 2011",
    SignedBy.CA_2023: "Windows UEFI CA 2023",
    SignedBy.UNKNOWN: "not known",
}


@dataclass(frozen=True, slots=True)
class MediumFile:
    r"""A file that a medium is to hold.

    Attributes:
        path: names with ``/`` between them, and none in front; as Windows compares them, without case.
        contents: what is in it.
        modified_ns: the time of its last change, in nanoseconds since 1970.
        origin: where it comes from, as people read it: ``"boot.wim image 1: \Windows\Boot\PCAT\bootmgr"``, or
            ``"made"`` of what is made for the medium.
    """

    path: str
    contents: Contents
    modified_ns: int
    origin: str

    @property
    def size(self) -> int:
        """In bytes."""
        return self.contents.size


@dataclass(frozen=True, slots=True)
class BootParts:
    """What starts a computer from a medium, without the boot image: loaders, BCD stores, ``boot.sdi``, fonts.

    Attributes:
        files: of the medium, in the order of their paths.
        firmware: what can start it.
        architecture: of its loaders and of the boot image: ``x86``, ``x64``, ``arm`` or ``arm64``.
        signed: what the loader for UEFI is signed with; UNKNOWN without one.
        bios_image: the path of the file that a BIOS starts from a disc, or None.
        uefi_image: the path of the file that UEFI starts from a disc, or None.
        warnings: sentences for people.
    """

    files: tuple[MediumFile, ...] = field(repr=False)
    firmware: frozenset[Firmware]
    architecture: str
    signed: SignedBy
    bios_image: str | None
    uefi_image: str | None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PreparedImage:
    """A WIM that is ready to be the boot image of a medium.

    Attributes:
        path: of the WIM, which may be one that was made for the medium and goes with it.
        source: the WIM that was given.
        index: of the image in ``path`` that starts; the header of the WIM names it.
        name: of the image.
        architecture: ``x86``, ``x64``, ``arm`` or ``arm64``.
        version: of Windows, such as ``10.0.22621.1``, or None.
        warnings: sentences for people.
    """

    path: Path
    source: Path
    index: int
    name: str
    architecture: str
    version: str | None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Medium:
    """What is to be on a medium.

    Attributes:
        label: of its volume.
        files: all of them, in the order of their paths; no two differ in case alone.
        boot: what starts from it, whose files are among them; None of a later disc of a set.
        warnings: sentences for people.
    """

    label: str
    files: tuple[MediumFile, ...] = field(repr=False)
    boot: BootParts | None
    warnings: tuple[str, ...] = ()

    @property
    def contents_bytes(self) -> int:
        """What all files hold together."""
        return sum(each.size for each in self.files)


def wim_path(number: int) -> str:
    """Return where a boot image is on a medium that has several, of which the first is 1."""
    return BOOT_WIM if number == 1 else f"sources/boot{number}.wim"


def is_boot_wim(path: str) -> bool:
    """Tell whether a path is one of those that :func:`wim_path` returns: there the boot manager looks for an image."""
    return _BOOT_WIM.fullmatch(path.lower()) is not None


def joined(*groups: Iterable[MediumFile]) -> tuple[MediumFile, ...]:
    """Return the files of several groups in the order of their paths; of two with one path the later is taken.

    Folders that differ in case alone are one to Windows: all files in it name it as the first of them does.
    """
    found: dict[str, MediumFile] = {}
    folders: dict[str, str] = {}
    for group in groups:
        for each in group:
            path = _respelled(each.path, folders)
            found[path.lower()] = each if path == each.path else replace(each, path=path)
    return tuple(sorted(found.values(), key=lambda each: each.path))


def _respelled(path: str, folders: dict[str, str]) -> str:
    """Return a path with its folders as they were spelled first, which are noted."""
    folder, slash, name = path.rpartition("/")
    if not folder:
        return path
    spelled = folders.get(folder.lower())
    if spelled is None:
        spelled = folders[folder.lower()] = _respelled(folder, folders)
    return spelled + slash + name


def require_apart(*groups: Iterable[MediumFile]) -> None:
    """Require that no two files of several groups have one path, for Windows, and that none is in another.

    Raises:
        InvalidInput: which names all of them, up to 20, with where they come from.
    """
    files: dict[str, MediumFile] = {}
    faults: list[str] = []
    for each in (each for group in groups for each in group):
        other = files.setdefault(each.path.lower(), each)
        if other is not each:
            faults.append(f"{quoted(each.path)} (of {each.origin}, and of {other.origin})")
    for path, each in files.items():
        above = path.rpartition("/")[0]
        while above:
            if above in files:
                faults.append(f"{quoted(each.path)}, which is in the file {quoted(files[above].path)}")
            above = above.rpartition("/")[0]
    if faults:
        more = f"; and {len(faults) - _SHOWN} more" if len(faults) > _SHOWN else ""
        raise InvalidInput(f"two files of the medium would have one place: {'; '.join(faults[:_SHOWN])}{more}")
