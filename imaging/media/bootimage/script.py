r"""``osdimage-drivers.cmd``: what loads the drivers of a boot image when it starts.

It runs ``drvload`` for each INF, in an order that is fixed when it is written, and notes what drvload said in
``X:\Windows\Temp\osdimage-drivers.log``.  A driver that cannot be loaded keeps no other from being tried.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from osdimage.imaging.errors import InvalidInput, quoted

# cmd replaces %...% in quotes, too, and call doubles ^ there.
_SAFE = re.compile(r"[A-Za-z0-9 ._()+,@#$~{}\[\]-]+")
_HEAD = (
    "@echo off",
    "rem Made by osdimage, which writes it anew when drivers are added: loads the drivers of this boot image.",
    "setlocal",
    r'if not exist "%SystemRoot%\Temp" mkdir "%SystemRoot%\Temp"',
    r'set "OSDIMAGE_LOG=%SystemRoot%\Temp\osdimage-drivers.log"',
    '> "%OSDIMAGE_LOG%" echo osdimage: drivers are loaded',
)
_TAIL = ("endlocal", "exit /b 0")


def driver_script(infs: Sequence[str]) -> bytes:
    """Return the script that loads drivers.

    Args:
        infs: the paths of their INFs from the root of the drive, names separated by ``/``, in the order of loading.
    """
    lines = [*_HEAD]
    for path in infs:
        inf = path.replace("/", "\\")
        lines += [
            f'>> "%OSDIMAGE_LOG%" echo {inf}',
            f'call drvload "%SystemDrive%\\{inf}" >> "%OSDIMAGE_LOG%" 2>&1',
            '>> "%OSDIMAGE_LOG%" echo ended with %ERRORLEVEL%',
        ]
    return "".join(f"{line}\r\n" for line in [*lines, *_TAIL]).encode("ascii")


def refuse_unsafe(inf: str) -> None:
    """Refuse the file name of an INF that a script cannot name.

    Raises:
        InvalidInput: when it holds a character that ``cmd`` replaces, or that its code page may not have.
    """
    if _SAFE.fullmatch(inf) is None:
        raise InvalidInput(
            f"{quoted(inf)}: the name of the INF holds a character that a script of cmd cannot be given; valid is a "
            "copy of the package whose INF has another name"
        )
