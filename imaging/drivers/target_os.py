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


# Behind the build, ``ver`` shows the revision of the updates, for which no INF asks.
_VERSION = re.compile(r"(\d{1,3})\.(\d{1,3})(?:\.(\d{1,6})(?:\.\d{1,6})?)?", re.ASCII)
# What people call a Windows, and its version: Microsoft, "Operating System Version" (Win32, sysinfo); builds of the
# servers and of the first Windows 11 from its release information.  Of these none is the version of another Windows.
_PRODUCT = re.compile(r"^(?:windows|win)?[\s-]*(?:server)?[\s-]*")
_NAMED = {
    "xp": "5.1",
    "vista": "6.0",
    "7": "6.1",
    "7.0": "6.1",
    "8": "6.2",
    "8.0": "6.2",
    "8.1": "6.3",
    "10": "10.0",
    "11": "10.0.22000 or a later build",
    "11.0": "10.0.22000 or a later build",
    "2008": "6.0",
    "2012": "6.2",
    "2016": "10.0.14393",
    "2019": "10.0.17763",
    "2022": "10.0.20348",
    "2025": "10.0.26100",
}


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
            InvalidRequest: when it is no such version, or the number in the name of a Windows, such as ``8.1``.
        """
        text = version.strip().lower()
        found = _VERSION.fullmatch(text)
        if found is None or text in _NAMED:
            bare = _PRODUCT.sub("", text, count=1)
            named = f"; that of Windows {bare} is {_NAMED[bare]}" if bare in _NAMED else ""
            raise InvalidRequest(
                f"{quoted(version)} is no version of Windows; valid is MAJOR.MINOR[.BUILD], such as 10.0.22631 or "
                f"6.1{named}"
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
