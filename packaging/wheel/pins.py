"""What is bundled in a wheel: each file that it is made of, by name and SHA-256, as ``pins.toml`` says it."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
PINS = HERE / "pins.toml"
# The oldest C library that the wheels run with: that of Debian 10, RHEL 8 and Ubuntu 18.10.
GLIBC = (2, 28)


@dataclass(frozen=True, slots=True)
class Architecture:
    """A kind of machine.

    Attributes:
        name: what wheels and the kernel call it.
        debian: what Debian calls it.
    """

    name: str
    debian: str

    @property
    def target(self) -> str:
        """Return what Zig calls it, with the C library."""
        return f"{self.name}-linux-gnu.{GLIBC[0]}.{GLIBC[1]}"

    @property
    def platform(self) -> str:
        """Return the platform tag of a wheel for it (PEP 600)."""
        return f"manylinux_{GLIBC[0]}_{GLIBC[1]}_{self.name}"


ARCHITECTURES = (Architecture("x86_64", "amd64"), Architecture("aarch64", "arm64"))


@dataclass(frozen=True, slots=True)
class PinnedFile:
    """A file of Debian's archive.

    Attributes:
        path: below the root of the archive.
        sha256: of its contents, in hexadecimal digits.
    """

    path: str
    sha256: str

    @property
    def name(self) -> str:
        """Return the last part of its path."""
        return self.path.rpartition("/")[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Something of others that is in a wheel.

    Attributes:
        name: of the library or program, as osdimage's messages have it.
        version: of its authors.
        licence: an SPDX expression.
        home: where its authors publish it.
        source: name and version of Debian's source package, which is what it was compiled from.
    """

    name: str
    version: str
    licence: str
    home: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Library(Part):
    """A library that is linked into the extension module.

    Attributes:
        package: the binary package that has the static library.
        files: that package, by architecture.
    """

    package: str
    files: Mapping[str, PinnedFile]


@dataclass(frozen=True, slots=True, kw_only=True)
class Program(Part):
    """A program that is compiled from source, for the wheel alone.

    Attributes:
        file: the archive of its source.
    """

    file: PinnedFile


@dataclass(frozen=True, slots=True)
class Pins:
    """All of it.

    Attributes:
        suite: of Debian, from which the libraries are.
        libraries: which depend on those after them only.
        mkntfs: what formats NTFS volumes.
    """

    suite: str
    libraries: tuple[Library, ...]
    mkntfs: Program

    @property
    def parts(self) -> tuple[Part, ...]:
        """Return all that is in a wheel."""
        return (*self.libraries, self.mkntfs)


def read_pins(path: Path = PINS) -> Pins:
    """Read the file."""
    return parse_pins(path.read_text(encoding="utf-8"))


def parse_pins(text: str) -> Pins:
    """Read the text of such a file."""
    document = tomllib.loads(text)
    return Pins(
        suite=document["suite"],
        libraries=tuple(_library(each) for each in document["library"]),
        mkntfs=_program(document["mkntfs"]),
    )


def _library(table: dict[str, Any]) -> Library:
    files = {name: PinnedFile(**pinned) for name, pinned in table.pop("files").items()}
    return Library(files=files, **table)


def _program(table: dict[str, Any]) -> Program:
    return Program(file=PinnedFile(**table.pop("file")), **table)
