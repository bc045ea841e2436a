"""Which Windows a section is for: ``NTamd64.10.0...16299`` behind its name.

Source: Microsoft, "INF Manufacturer Section" (``install/inf-manufacturer-section.md``)::

    nt[Architecture][.[OSMajor][.[OSMinor][.[ProductType][.[SuiteMask][.[BuildNumber]]]]]]

Windows before 10.0.14310 does not know of build numbers, and finds no section that has one; Windows 2000 finds only
those without a decoration.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from osdimage.imaging.drivers.target_os import Architecture, TargetOs

_FORM = re.compile(
    r"nt(?P<architecture>[a-z0-9]*)"
    r"(?:\.(?P<major>[^.]*)(?:\.(?P<minor>[^.]*)(?:\.(?P<product>[^.]*)(?:\.(?P<suites>[^.]*)(?:\.(?P<build>[^.]*))?)?)?)?)?",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"0x[0-9a-f]{1,8}|[0-9]{1,9}", re.IGNORECASE)
_KNOWS_DECORATIONS = (5, 1)
_WANTS_ARCHITECTURE = (5, 2)
"""From Windows Server 2003 SP1 on a section that names no architecture is for x86 alone."""
_KNOWS_BUILDS = (10, 0, 14310)
_ARCHITECTURES: dict[str, Architecture | None] = {"": None, **{each.value: each for each in Architecture}}


@dataclass(frozen=True, slots=True)
class Decoration:
    """A platform that an INF names.

    Attributes:
        text: as it stands there, without the dot in front; empty for a section without a decoration.
        architecture: or None when it names none.
        major: or None when it names no version.
        minor: 0 when it names only a major one.
        product: a ``wProductType``, or None.
        suites: bits ``VER_SUITE_*`` that must all be there, or None.
        build: of this version of Windows, or None.
    """

    text: str = ""
    architecture: Architecture | None = None
    major: int | None = None
    minor: int = 0
    product: int | None = None
    suites: int | None = None
    build: int | None = None

    @classmethod
    def parse(cls, text: str) -> Decoration | None:
        """Return the platform of a text such as ``NTx86.6.1``; None when it is none, as Windows sees it."""
        stripped = text.strip()
        found = _FORM.fullmatch(stripped)
        if found is None or found["architecture"].lower() not in _ARCHITECTURES:
            return None
        numbers: dict[str, int | None] = {}
        for name in ("major", "minor", "product", "suites", "build"):
            digits = found[name]
            if digits and not _NUMBER.fullmatch(digits):
                return None
            numbers[name] = int(digits, 16 if digits[:2].lower() == "0x" else 10) if digits else None
        return cls(
            stripped,
            _ARCHITECTURES[found["architecture"].lower()],
            numbers["major"],
            numbers["minor"] or 0,
            numbers["product"],
            numbers["suites"],
            numbers["build"],
        )

    @property
    def version(self) -> tuple[int, int]:
        """Major and minor version; 0.0, below each Windows, when it names none."""
        return self.major or 0, self.minor

    @property
    def runs_on(self) -> Architecture:
        """The architecture that its section is for; one that names none is for x86."""
        return self.architecture or Architecture.X86

    def fits(self, os: TargetOs) -> bool:
        """Tell whether the section is one for a Windows, if not the best of several."""
        if self.text and os.version < _KNOWS_DECORATIONS:
            return False
        if self.architecture is None:
            if os.architecture is not Architecture.X86 and os.version >= _WANTS_ARCHITECTURE:
                return False
        elif self.architecture is not os.architecture:
            return False
        if self.product is not None and self.product != os.product:
            return False
        if self.suites is not None and self.suites & ~os.suites:
            return False
        return self.version <= os.version and self._build_fits(os)

    def _build_fits(self, os: TargetOs) -> bool:
        if self.build is None:
            return True
        if (*os.version, os.build) < _KNOWS_BUILDS:
            return False
        return self.version != os.version or os.build >= self.build

    def __str__(self) -> str:
        """Return the text that messages show."""
        return self.text or "(any x86)"


def best_of(decorations: Iterable[Decoration], os: TargetOs) -> Decoration | None:
    """Return the platform whose section a Windows takes, or None when none is for it.

    The highest version wins, of its equals the highest build, then one that names the product type, then one that
    names more suites, then one that names the architecture, then the first.
    """

    def rank(each: Decoration) -> tuple[tuple[int, int], int, bool, int, bool, bool]:
        return (
            each.version,
            each.build or 0,
            each.product is not None,
            (each.suites or 0).bit_count(),
            each.architecture is not None,
            bool(each.text),
        )

    return max((each for each in decorations if each.fits(os)), key=rank, default=None)
