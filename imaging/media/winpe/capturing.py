r"""Capturing the Windows of a computer in Windows PE: ``dism /Capture-Image`` into a share.

Sysprep is the user's: it is to have prepared the Windows, or the image is of that one computer.  It leaves
``Sysprep_succeeded.tag`` where it has; without that a person is asked.  A file that is there is never replaced.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from osdimage.imaging.errors import InvalidRequest, quoted
from osdimage.imaging.media.winpe.disks import LETTERS
from osdimage.imaging.media.winpe.flow import SAY
from osdimage.imaging.media.winpe.model import FOLDER, PeFile
from osdimage.imaging.media.winpe.shares import SharePath, connecting, no_share
from osdimage.imaging.media.winpe.start import startnet_files
from osdimage.imaging.media.winpe.text import script, with_blocks
from osdimage.imaging.tasksequence.staging.batch import if_quoted

COMPRESSIONS = ("max", "fast", "none")
"""What dism takes."""
_TEXT = re.compile(r"[A-Za-z0-9 .,:;_+=@#$~/'()-]{1,250}")


@dataclass(frozen=True, slots=True)
class CaptureWish:
    """An image that is to be captured.

    Attributes:
        destination: the WIM that becomes.
        name: of the image.
        description: of the image; empty for none.
        compression: as dism calls it.
    """

    destination: SharePath
    name: str
    description: str = ""
    compression: str = "max"


def capture_files(wish: CaptureWish) -> tuple[PeFile, ...]:
    """Return what goes into a boot image so that it captures the Windows of a computer.

    Raises:
        InvalidRequest: when a text cannot be given to dism by a script, or the destination is no WIM.
    """
    for what, text in (("name", wish.name), ("description", wish.description)):
        if text and (_TEXT.fullmatch(text) is None or not text.strip()):
            raise InvalidRequest(
                f"the {what} {quoted(text[:60])} cannot be given to dism by a script; valid are up to 250 letters, "
                "digits, blanks and . , : ; _ + = @ # $ ~ / ' ( ) -"
            )
    if not wish.name.strip():
        raise InvalidRequest("the image has no name; valid is one that no other image of the WIM has")
    if wish.compression not in COMPRESSIONS:
        raise InvalidRequest(f"the compression {quoted(wish.compression)}; valid are {', '.join(COMPRESSIONS)}")
    if not wish.destination.inner.lower().endswith(".wim"):
        raise InvalidRequest(rf"{wish.destination}: is no WIM; valid is a file such as \\SERVER\SHARE\IMAGE.wim")
    return (PeFile(f"{FOLDER}/start.cmd", script(with_blocks(_lines(wish), _blocks(wish)))), *startnet_files())


def _lines(wish: CaptureWish) -> list[str]:
    options = f'/Name:"{wish.name}"'
    if wish.description:
        options += f' /Description:"{wish.description}"'
    options += f" /Compress:{wish.compression}"
    return [
        "@echo off",
        "rem Made by osdimage: captures the Windows of this computer into a share.",
        "setlocal EnableExtensions DisableDelayedExpansion",
        'set "_pe_log=%SystemDrive%\\osdimage.log"',
        f'set "_pe_image={wish.destination}"',
        'call :say "The Windows of this computer is to become %_pe_image%"',
        "set _pe_drives=",
        f"for %%d in ({' '.join(LETTERS)}) do call :windows %%d",
        "if not defined _pe_drives goto no_windows",
        "set _pe_drive=%_pe_drives:~1%",
        # One letter: it needs no choice.
        'if "%_pe_drives:~2%"=="" goto chosen',
        ":choose",
        "set _pe_drive=",
        'set /p "_pe_drive=Which Windows is to be captured? On drives:%_pe_drives%: "',
        "set _pe_is=",
        "if not defined _pe_drive goto choose",
        if_quoted("_pe_drive", "choose"),
        'if not "%_pe_drive:~1%"=="" goto choose',
        'for %%d in (%_pe_drives%) do if /i "%_pe_drive%"=="%%d" set _pe_is=1',
        "if not defined _pe_is goto choose",
        ":chosen",
        'call :say "Windows on drive %_pe_drive%:"',
        'if exist "%_pe_drive%:\\Windows\\System32\\Sysprep\\Sysprep_succeeded.tag" goto prepared',
        "echo It does not seem to be prepared by Sysprep: the image would be of this one computer.",
        "set _pe_answer=",
        'set /p "_pe_answer=Type YES to capture it all the same: "',
        "if not defined _pe_answer goto refused",
        if_quoted("_pe_answer", "refused"),
        'if /i not "%_pe_answer%"=="yes" goto refused',
        ":prepared",
        *connecting(wish.destination),
        'if exist "%_pe_image%" goto there',
        f'call dism /Capture-Image /ImageFile:"%_pe_image%" /CaptureDir:%_pe_drive%:\\ {options}',
        'if not "%ERRORLEVEL%"=="0" goto failed',
        'call :say "The image is captured."',
        f'call net use "{wish.destination.root}" /delete >nul 2>&1',
        "call wpeutil shutdown",
        "exit /b 0",
    ]


def _blocks(wish: CaptureWish) -> dict[str, tuple[str, ...]]:
    return {
        "windows": (
            r'if exist "%~1:\Windows\System32\config\SYSTEM" set "_pe_drives=%_pe_drives% %~1"',
            "exit /b 0",
        ),
        "no_windows": ('call :say "There is no Windows on any drive of this computer."', "exit /b 1"),
        "refused": ('call :say "Nothing was captured."', "exit /b 2"),
        "no_share": no_share(wish.destination),
        "there": ('call :say "%_pe_image% is there already; nothing was captured."', "exit /b 1"),
        "failed": (
            'call :say "dism has failed; what it has written is no whole image.  %_pe_log% tells more."',
            "exit /b 1",
        ),
        "say": SAY,
    }
