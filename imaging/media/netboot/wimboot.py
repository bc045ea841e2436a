r"""wimboot, which starts a WIM that iPXE has loaded (GPL-2+, ipxe.org/wimboot; no part of osdimage).

Its file is a program of UEFI; that for x64 is what a BIOS starts, too.  Which version it is stands in what it prints
when it starts (wimboot 2.9.0, ``src/main.c``, ``src/efimain.c``).
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from osdimage.imaging.documents import read_limited
from osdimage.imaging.errors import InvalidInput
from osdimage.imaging.pe import read_pe
from osdimage.imaging.units import MIB

LEAST_VERSION = (2, 9, 0)
"""The first that takes ``boot.stl`` out of a WIM, as Windows 11 24H2 needs it, and knows of loaders of CA 2023."""
NAMES = {"x64": "wimboot", "arm64": "wimboot.arm64"}
"""What its files are called, by their architecture; that for x64 starts images for x86 by a BIOS, too."""
_LARGEST = 4 * MIB
_TOLD = re.compile(rb"wimboot v(\d{1,4})\.(\d{1,4})\.(\d{1,4})[^\n\0]{0,40} -- Windows Imaging Format ")


@dataclass(frozen=True, slots=True)
class Wimboot:
    """A file of wimboot.

    Attributes:
        path: of the file.
        architecture: ``x64`` or ``arm64``.
        version: its three numbers, or None when it does not tell.
        is_signed: it has a signature for Secure Boot, whatever that is worth.
        warnings: sentences for people.
    """

    path: Path
    architecture: str
    version: tuple[int, int, int] | None
    is_signed: bool
    warnings: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """What it is called in the folder."""
        return NAMES[self.architecture]


def read_wimboot(path: str | os.PathLike[str]) -> Wimboot:
    """Tell what a file of wimboot is.

    Raises:
        InvalidInput: when it is something else, or for another processor.
        StorageError: when it cannot be read.
    """
    file = Path(path)
    data = read_limited(file, _LARGEST, kind="files of wimboot")
    facts = read_pe(data, name=str(file))
    told = _TOLD.search(data)
    if facts.architecture not in NAMES:
        raise InvalidInput(f"{file}: is for {facts.architecture}; valid are the files of wimboot for x64 and arm64")
    if told is None and b"wimboot" not in data:
        raise InvalidInput(f"{file}: is not wimboot; valid is the file of that name of ipxe.org/wimboot")
    version = None if told is None else (int(told[1]), int(told[2]), int(told[3]))
    return Wimboot(file, facts.architecture, version, facts.is_signed, tuple(_warnings(file, version)))


def _warnings(file: Path, version: tuple[int, int, int] | None) -> list[str]:
    least = ".".join(map(str, LEAST_VERSION))
    if version is None:
        return [f"{file}: does not tell its version; Windows 11 24H2 and later need wimboot {least}"]
    if version < LEAST_VERSION:
        number = ".".join(map(str, version))
        return [f"{file}: is wimboot {number}; Windows 11 24H2 and later, and loaders of CA 2023, need {least}"]
    return []
