r"""``winpeshl.ini``: what Windows PE starts in the place of ``startnet.cmd``.

``[LaunchApp]`` has one ``AppPath = PROGRAM``, which takes no options.  ``[LaunchApps]`` has lines ``PROGRAM, OPTIONS``
that are run in their order, each when the one before has ended.  No line has more than 250 characters (Microsoft,
"Winpeshl.ini Reference: Launching an app when WinPE starts").
"""

from __future__ import annotations

import codecs
from dataclasses import dataclass

from osdimage.imaging.errors import InvalidInput, InvalidRequest
from osdimage.imaging.media.bootimage.ini import IniText

LONGEST_LINE = 250
"""Characters of a line with a program and its options."""
_APP, _APPS, _PATH = "LaunchApp", "LaunchApps", "AppPath"


@dataclass(frozen=True, slots=True)
class Launched:
    """A program that winpeshl.ini names.

    Attributes:
        program: its path, with variables such as ``%SYSTEMROOT%``.
        options: as they stand there; empty without any.
    """

    program: str
    options: str


def read_winpeshl(data: bytes, name: str) -> IniText:
    """Read a file that somebody wrote for Windows PE.

    Raises:
        InvalidInput: when it is in UTF-8 with a byte order mark, which the functions of Windows for it do not know, or
            is not text.
    """
    if data.startswith(codecs.BOM_UTF8):
        raise InvalidInput(f"{name}: is UTF-8 with a byte order mark; valid is UTF-16 with one, or ASCII without")
    return IniText.parse(data, name=name)


def line_with(ini: IniText, text: str) -> str | None:
    """Return the first line of ``[LaunchApps]`` that holds a text, whatever its case; None without one."""
    return next((line for line in ini.section(_APPS) or () if text.lower() in line.lower()), None)


def launched(ini: IniText) -> tuple[Launched, ...]:
    """Return the programs that the file names, in the order of its lines."""
    found = [Launched(path, "")] if (path := ini.get(_APP, _PATH)) else []
    for line in ini.section(_APPS) or ():
        program, _, options = line.partition(",")
        found.append(Launched(program.strip(), options.strip()))
    return tuple(found)


def faults(ini: IniText) -> tuple[str, ...]:
    """Return what Windows PE would not do as the file says: one sentence each."""
    found = []
    if not launched(ini):
        found.append("names no program; valid is [LaunchApps] with lines PROGRAM, OPTIONS, or [LaunchApp] with AppPath")
    if ini.section(_APP) is not None and not ini.get(_APP, _PATH):
        found.append("has a section [LaunchApp] without AppPath")
    found += [
        f"the line {line[:40]!r}... has {len(line)} characters; at most {LONGEST_LINE} are valid"
        for line in _lines(ini)
        if len(line) > LONGEST_LINE
    ]
    return tuple(found)


def refuse_faults(ini: IniText, name: str) -> None:
    """Refuse a file that Windows PE would not carry out as it says.

    Raises:
        InvalidInput: naming the first of its faults.
    """
    for text in faults(ini):
        raise InvalidInput(f"{name}: {text}")


def put_first(ini: IniText, line: str, name: str) -> None:
    """Put a program in front of all others; one that ``[LaunchApp]`` names stays, and comes after it.

    Raises:
        InvalidRequest: when the line is too long.
    """
    if len(line) > LONGEST_LINE:
        raise InvalidRequest(
            f"{name}: the line {line[:40]!r}... would have {len(line)} characters; at most {LONGEST_LINE} are valid"
        )
    if (path := ini.get(_APP, _PATH)) and ini.section(_APPS) is None:
        # What [LaunchApp] starts is waited for, and nothing would come after it.
        _move_to_apps(ini, path)
    ini.insert(_APPS, line)


def _move_to_apps(ini: IniText, path: str) -> None:
    lines = [line for line in ini.lines if line.strip().lower() != f"[{_APP}]".lower()]
    ini.lines = [line for line in lines if line.partition("=")[0].strip().lower() != _PATH.lower()]
    ini.insert(_APPS, path)


def _lines(ini: IniText) -> list[str]:
    return [*(ini.section(_APP) or ()), *(ini.section(_APPS) or ())]
