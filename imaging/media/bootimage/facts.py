"""What is in a boot image."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from osdimage.imaging.media.bootimage.winpeshl import Launched


class BootKind(StrEnum):
    """What an image starts."""

    PE = "pe"
    SETUP = "setup"
    RECOVERY = "recovery"
    WINDOWS = "windows"
    OTHER = "other"

    @property
    def called(self) -> str:
        """What people call it."""
        return _CALLED[self]

    @property
    def is_windows_pe(self) -> bool:
        """Whether it is a Windows PE, which alone is a boot image."""
        return self in {BootKind.PE, BootKind.SETUP, BootKind.RECOVERY}


_CALLED = {
    BootKind.PE: "Windows PE",
    BootKind.SETUP: "Windows Setup",
    BootKind.RECOVERY: "Windows RE",
    BootKind.WINDOWS: "a whole Windows",
    BootKind.OTHER: "no Windows",
}


class DriverWay(StrEnum):
    """How a driver comes into effect."""

    LOADED = "drvload"
    SETUP = "winpedriver"
    PUBLISHED = "driver-store"

    @property
    def called(self) -> str:
        """What people read of it."""
        return _LOADED_BY[self]


_LOADED_BY = {
    DriverWay.LOADED: "drvload",
    DriverWay.SETUP: "loaded by Setup",
    DriverWay.PUBLISHED: "in the driver store",
}


@dataclass(frozen=True, slots=True)
class BootDriver:
    """A driver that was added to a boot image.

    Attributes:
        way: how it comes into effect.
        inf: the path of its INF in the image.
        size: bytes of the files in its folder; None of one in the driver store.
    """

    way: DriverWay
    inf: str
    size: int | None


@dataclass(frozen=True, slots=True)
class Component:
    """A package of the component based servicing.

    Attributes:
        name: such as ``WinPE-WMI-Package``.
        architecture, language, version: as its key tells them; the language is empty for a neutral one.
        state: ``CurrentState``; 112 is installed.
    """

    name: str
    architecture: str
    language: str
    version: str
    state: int | None

    @property
    def is_installed(self) -> bool:
        """Whether it is installed."""
        return self.state == _INSTALLED


_INSTALLED = 0x70


@dataclass(frozen=True, slots=True)
class Background:
    """The picture that Windows PE shows.

    Attributes:
        path: of the file in the image; None when there is none.
        size: of it, in bytes.
        registered: what the registry names in its place (``CustomBackground``); None without that.
    """

    path: str | None
    size: int
    registered: str | None


@dataclass(frozen=True, slots=True)
class BootImage:
    """An image of a WIM, as far as it is a boot image.

    Attributes:
        index, name: of the image.
        is_boot: whether it is the one that the WIM starts.
        kind: what it starts.
        architecture: ``x86``, ``x64``, ``arm`` or ``arm64``; None when nothing tells it.
        version: such as ``10.0.22621.1``; None when nothing tells it.
        languages: of the image.
        size: of its files before compression, in bytes.
        startnet: the text of ``startnet.cmd``; None without one.
        launched: what ``winpeshl.ini`` starts in its place; None without that file.
        setup: the path of the Setup in the image; None without one.
        calls_drivers: whether the script with the drivers of osdimage is called.
        prestart: ``CommandLine`` of ``TSConfig.ini``.
        scratch_mb: megabytes that can be written to X:; None where Windows PE chooses.
        background: the picture.
        answer_files: the paths of those in its root.
        drivers: that were added.
        components: its packages, by name.
        warnings: what could not be read, and what would not be done.
    """

    index: int
    name: str
    is_boot: bool
    kind: BootKind
    architecture: str | None
    version: str | None
    languages: tuple[str, ...]
    size: int
    startnet: str | None
    launched: tuple[Launched, ...] | None
    setup: str | None
    calls_drivers: bool
    prestart: str | None
    scratch_mb: int | None
    background: Background
    answer_files: tuple[str, ...]
    drivers: tuple[BootDriver, ...]
    components: tuple[Component, ...]
    warnings: tuple[str, ...]
