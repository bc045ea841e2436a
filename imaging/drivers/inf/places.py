r"""Folders of Windows by their numbers: ``%12%\x.sys``, and where ``[DestinationDirs]`` puts files.

Source: Microsoft, "Using Dirids" (``install/using-dirids.md``); numbers from 16384 on are 16384 and a ``CSIDL`` of
``shlobj.h``.
"""

from __future__ import annotations

import ntpath
import re
from dataclasses import dataclass
from enum import IntEnum

from osdimage.imaging.drivers.inf.inf_text import InfText, folder_number

_LEADING = re.compile(r"%(-?[0-9]{1,6})%(.*)", re.DOTALL)
_CSIDL = 16384
_ABSOLUTE = frozenset({-1, 65535})
_IN_WINDOWS = {
    10: "",
    11: "System32",
    12: r"System32\drivers",
    17: "INF",
    18: "Help",
    20: "Fonts",
    21: r"System32\viewers",
    23: r"System32\spool\drivers\color",
    50: "system",
    51: r"System32\spool",
    52: r"System32\spool\drivers",
    55: r"System32\spool\prtprocs",
    _CSIDL + 0x14: "Fonts",
    _CSIDL + 0x24: "",
    _CSIDL + 0x25: "System32",
    _CSIDL + 0x29: "SysWOW64",
}
_ON_THE_DRIVE = {
    24: "",
    30: "",
    54: "",
    _CSIDL + 0x16: r"ProgramData\Microsoft\Windows\Start Menu",
    _CSIDL + 0x17: r"ProgramData\Microsoft\Windows\Start Menu\Programs",
    _CSIDL + 0x19: r"Users\Public\Desktop",
    _CSIDL + 0x23: "ProgramData",
    _CSIDL + 0x26: "Program Files",
    _CSIDL + 0x2A: "Program Files (x86)",
    _CSIDL + 0x2B: r"Program Files\Common Files",
    _CSIDL + 0x2C: r"Program Files (x86)\Common Files",
}


class Dirid(IntEnum):
    """Numbers of folders that code asks for."""

    SOURCE = 1
    WINDOWS = 10
    SYSTEM32 = 11
    DRIVERS = 12
    DRIVER_STORE = 13
    """The package's own folder below ``FileRepository``, from Windows 8.1 on."""


@dataclass(frozen=True, slots=True)
class Folders:
    r"""Where the Windows that is meant has its folders, when it runs.

    Attributes:
        drive: with its colon.
        windows: the folder of Windows on it.
        package: the folder of the package in the driver store, such as
            ``\SystemRoot\System32\DriverStore\FileRepository\x.inf_amd64_0123456789abcdef``; None when it is not known.
    """

    drive: str = "C:"
    windows: str = "Windows"
    package: str | None = None

    def path_of(self, dirid: int) -> str | None:
        r"""Return the whole path of a folder, such as ``C:\Windows\System32``; None when it is not known."""
        if dirid == Dirid.DRIVER_STORE:
            return self.package
        below = below_drive(dirid, self.windows)
        return None if below is None else f"{self.drive}\\{below}".rstrip("\\")


def below_drive(dirid: int, windows: str = "Windows") -> str | None:
    r"""Return the path of a folder from the root of the system's drive, such as ``Windows\System32``, or None."""
    if dirid in _IN_WINDOWS:
        return ntpath.join(windows, _IN_WINDOWS[dirid]).rstrip("\\")
    return _ON_THE_DRIVE.get(dirid)


@dataclass(frozen=True, slots=True)
class InfPath:
    r"""A path that an INF names, on the Windows that it is installed on.

    Attributes:
        dirid: the number of the folder; None when the path begins with none.
        tail: below that folder, names separated by ``\``; the whole path when there is no folder.
    """

    dirid: int | None
    tail: str

    @classmethod
    def parse(cls, text: str) -> InfPath:
        r"""Return the path of a text such as ``%12%\x.sys``."""
        found = _LEADING.fullmatch(text)
        if found is None:
            return cls(None, text)
        return cls(int(found[1]), found[2].lstrip("\\"))

    @property
    def name(self) -> str:
        """The last part."""
        return ntpath.basename(self.tail)

    @property
    def on_drive(self) -> str | None:
        r"""The path from the root of the system's drive, such as ``Windows\System32\drivers\x.sys``, or None."""
        if self.dirid is None:
            return None
        folder = below_drive(self.dirid)
        return None if folder is None else ntpath.join(folder, self.tail).lstrip("\\")

    @property
    def in_windows(self) -> str | None:
        r"""The path below the folder of Windows, such as ``System32\drivers\x.sys``; None when it is not there."""
        if self.dirid is None or self.dirid not in _IN_WINDOWS:
            return None
        return ntpath.join(_IN_WINDOWS[self.dirid], self.tail).lstrip("\\")

    def __str__(self) -> str:
        """Return the path as messages show it."""
        if self.dirid is None:
            return self.tail
        below = self.on_drive
        return f"%{self.dirid}%\\{self.tail}" if below is None else f"\\{below}"


def destination(text: InfText, section: str, name: str) -> InfPath | None:
    """Return where ``[DestinationDirs]`` puts a file of a section of files; None when it says nothing of it."""
    for key in (section, "DefaultDestDir"):
        entry = next(text.named("DestinationDirs", key), None)
        if entry is not None:
            dirid = folder_number(entry.value(0).strip())
            tail = ntpath.join(entry.value(1), name).lstrip("\\")
            return InfPath(None if dirid is None or dirid in _ABSOLUTE else dirid, tail)
    return None
