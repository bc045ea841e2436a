"""Which Linux distribution this is, and how its packages are installed."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

__all__ = ["Distribution", "Family", "Packages"]


class Family(Enum):
    """Distributions that share a package manager; the value is its command."""

    DEBIAN = "apt-get install"
    FEDORA = "dnf install"
    ARCH = "pacman -S"


# ID and ID_LIKE of os-release(5).
_FAMILIES = {
    "debian": Family.DEBIAN,
    "ubuntu": Family.DEBIAN,
    "fedora": Family.FEDORA,
    "rhel": Family.FEDORA,
    "centos": Family.FEDORA,
    "arch": Family.ARCH,
}


@dataclass(frozen=True, kw_only=True)
class Packages:
    """The names that one package has."""

    debian: str
    fedora: str
    arch: str


@dataclass(frozen=True, kw_only=True)
class Distribution:
    """A Linux distribution.

    Attributes:
        name: what it calls itself, with its version.
        family: how packages are installed, or None when that is not known.
        codename: of the Debian release that it is or is derived from, or of its own; None when it has none.
    """

    name: str
    family: Family | None
    codename: str | None

    @classmethod
    def from_os_release(cls, fields: Mapping[str, str]) -> Distribution:
        """Read the fields of os-release(5)."""
        names = [fields.get("ID", ""), *fields.get("ID_LIKE", "").split()]
        families = [_FAMILIES[name] for name in names if name in _FAMILIES]
        return cls(
            name=fields.get("PRETTY_NAME") or fields.get("NAME") or "Linux",
            family=families[0] if families else None,
            codename=fields.get("DEBIAN_CODENAME") or fields.get("VERSION_CODENAME") or None,
        )

    @classmethod
    def current(cls) -> Distribution:
        """Ask this system; one without os-release(5) is of no known family."""
        try:
            fields = platform.freedesktop_os_release()
        except OSError:
            fields = {}
        return cls.from_os_release(fields)

    def install_command(self, packages: Packages) -> str | None:
        """Return the command that installs a package, or None when the family is not known."""
        if self.family is None:
            return None
        return f"sudo {self.family.value} {getattr(packages, self.family.name.lower())}"
