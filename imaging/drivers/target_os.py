"""The Windows that drivers are for: what an INF asks of it.

Sources: Microsoft, "INF Manufacturer Section" (windows-driver-docs, ``install/inf-manufacturer-section.md``) for what
a decoration compares; "OSVERSIONINFOEX" for the numbers of product types and suites.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import IntEnum, StrEnum

from osdimage.imaging.errors import InvalidRequest, quoted


class Architecture(StrEnum):
    """A processor architecture, as an INF spells it."""

    X86 = "x86"
    AMD64 = "amd64"
    IA64 = "ia64"
    ARM = "arm"
    ARM64 = "arm64"

    @classmethod
    def parse(cls, text: str) -> Architecture:
        """Return the architecture that people, Windows, a WIM or Linux call so, such as ``x64`` or ``aarch64``.

        Raises:
            InvalidRequest: when none is called so.
        """
        lowered = text.strip().lower()
        try:
            return cls(_ALIASES.get(lowered, lowered))
        except ValueError:
            raise InvalidRequest(
                f"{quoted(text)} is no architecture; valid are {', '.join(cls)} (x64 is amd64)"
            ) from None


_ALIASES = {"x64": "amd64", "x86_64": "amd64", "i386": "x86", "i686": "x86", "aarch64": "arm64"}


class ProductType(IntEnum):
    """``wProductType`` of Windows."""

    WORKSTATION = 1
    DOMAIN_CONTROLLER = 2
    SERVER = 3


_VERSION = re.compile(r"(\d{1,3})\.(\d{1,3})(?:\.(\d{1,6}))?", re.ASCII)
_CALLED = {"7": "6.1", "8": "6.2", "8.0": "6.2", "8.1": "6.3", "10": "10.0", "11": "10.0.22000", "11.0": "10.0.22000"}
"""Versions of what people call Windows 7 and the like, which are other numbers than those in its name."""


@dataclass(frozen=True, slots=True)
class TargetOs:
    """A Windows, as far as drivers ask for it.

    Attributes:
        major: 10 for Windows 10 and 11, and for Server 2016 and later.
        minor: such as 1 for Windows 7, which is 6.1.
        build: such as 22631; 0 when it is not known, which fits no decoration of this version that asks for a build.
        architecture: of its kernel.
        product: workstation, domain controller or server.
        suites: the bits ``VER_SUITE_*``.
    """

    major: int
    minor: int
    build: int
    architecture: Architecture
    product: ProductType = ProductType.WORKSTATION
    suites: int = 0

    @classmethod
    def parse(
        cls, version: str, architecture: Architecture, *, product: ProductType = ProductType.WORKSTATION
    ) -> TargetOs:
        """Return the Windows of a version such as ``10.0.22631`` or ``6.1``.

        Raises:
            InvalidRequest: when it is no such version.
        """
        called = _CALLED.get(version.strip())
        if called is not None:
            raise InvalidRequest(f"{quoted(version)} is no version; that of Windows {version.strip()} is {called}")
        found = _VERSION.fullmatch(version.strip())
        if found is None:
            raise InvalidRequest(
                f"{quoted(version)} is no version of Windows; valid is MAJOR.MINOR[.BUILD], such as 10.0.22631 or 6.1"
            )
        return cls(int(found[1]), int(found[2]), int(found[3] or 0), architecture, product)

    @property
    def version(self) -> tuple[int, int]:
        """Major and minor version, which compare as Windows compares them."""
        return self.major, self.minor

    def __str__(self) -> str:
        """Return what messages call it, such as ``10.0.22631 amd64 workstation``."""
        build = f".{self.build}" if self.build else ""
        product = self.product.name.lower().replace("_", " ")
        return f"{self.major}.{self.minor}{build} {self.architecture} {product}"
