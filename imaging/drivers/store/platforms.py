"""Which Windows a driver is for: what its INF says, any, or a list that a person has made.

ConfigMgr lets an administrator replace what it read from the INF, because its "accuracy can vary".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from osdimage.imaging.drivers.target_os import Architecture, ProductType, TargetOs
from osdimage.imaging.errors import InvalidRequest, quoted

_PLATFORM = re.compile(
    r"(?P<major>\d{1,3})\.(?P<minor>\d{1,3})(?:\.(?P<build>\d{1,6}))?-(?P<architecture>\w+)"
    r"(?:-(?P<product>workstation|server))?",
    re.ASCII | re.IGNORECASE,
)


class Applicability(StrEnum):
    """What tells which Windows a driver of a catalog is for."""

    INF = "inf"
    ANY = "any"
    LISTED = "listed"


@dataclass(frozen=True, slots=True)
class Platform:
    """A Windows that a person has chosen for a driver, such as ``10.0.22000-amd64`` or ``6.1-x86-server``.

    Attributes:
        major: of the version, which is this one and no later.
        minor: of the version.
        build: the first build of the version that is meant; 0 for all.
        architecture: of the Windows.
        is_server: whether servers (domain controllers too) or workstations alone are meant; None for both.
    """

    major: int
    minor: int
    build: int
    architecture: Architecture
    is_server: bool | None = None

    @classmethod
    def parse(cls, text: str) -> Platform:
        """Read one.

        Raises:
            InvalidRequest: when it is none.
        """
        found = _PLATFORM.fullmatch(text.strip())
        if found is None:
            raise InvalidRequest(
                f"{quoted(text)} is no platform; valid is MAJOR.MINOR[.BUILD]-ARCHITECTURE[-workstation|-server], such "
                "as 10.0-amd64 or 10.0.22000-arm64-workstation"
            )
        product = found["product"]
        return cls(
            int(found["major"]),
            int(found["minor"]),
            int(found["build"] or 0),
            Architecture.parse(found["architecture"]),
            None if product is None else product.lower() == "server",
        )

    def fits(self, target: TargetOs) -> bool:
        """Tell whether a Windows is meant."""
        is_server = target.product is not ProductType.WORKSTATION
        return (
            (self.major, self.minor) == target.version
            and self.build <= target.build
            and self.architecture is target.architecture
            and self.is_server in {None, is_server}
        )

    def __str__(self) -> str:
        """Return it as it is written."""
        build = f".{self.build}" if self.build else ""
        product = "" if self.is_server is None else "-server" if self.is_server else "-workstation"
        return f"{self.major}.{self.minor}{build}-{self.architecture}{product}"


def parse_platforms(text: str) -> tuple[Applicability, tuple[Platform, ...]]:
    """Read ``inf``, ``any``, or platforms with commas between them.

    Raises:
        InvalidRequest: when it is none of these.
    """
    word = text.strip().lower()
    if word in {Applicability.INF, Applicability.ANY}:
        return Applicability(word), ()
    return Applicability.LISTED, tuple(dict.fromkeys(map(Platform.parse, text.split(","))))
