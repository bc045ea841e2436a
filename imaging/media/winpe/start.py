r"""What begins in Windows PE: ``startnet.cmd``, and ``start.cmd``, which looks for the medium and chooses a sequence.

Sources: "WinPE: Identify drive letters with a script" (a loop over all letters); "Boot to UEFI mode or legacy BIOS
mode" (``wpeutil UpdateBootInfo`` and the value ``PEFirmwareType``: 1 is BIOS, 2 is UEFI); "Winpeshl.ini".
"""

from __future__ import annotations

from collections.abc import Sequence

from osdimage.imaging.errors import InvalidRequest
from osdimage.imaging.media.winpe.disks import LETTERS
from osdimage.imaging.media.winpe.flow import SAY
from osdimage.imaging.media.winpe.model import FOLDER, PeFile, PeScript, PeWish
from osdimage.imaging.media.winpe.text import script, shown, with_blocks
from osdimage.imaging.tasksequence.staging.batch import if_quoted
from osdimage.imaging.tasksequence.staging.commands import command_line

SYSTEM = "Windows/System32"
STARTNET, SHELL = f"{SYSTEM}/startnet.cmd", f"{SYSTEM}/winpeshl.ini"
MOST = 9
"""Sequences of one menu: a person types one digit."""
_MANIFEST = r"osdimage\media.json"
_ALL = " ".join(LETTERS)


def startnet_files() -> tuple[PeFile, ...]:
    r"""Return what makes Windows PE run ``X:\osdimage\start.cmd``, and leave its prompt there when that ends.

    A boot image of Windows Setup runs Setup, and no startnet.cmd, unless winpeshl.ini names that.
    """
    lines = (
        "@echo off",
        "rem Made by osdimage: begins what this medium is for.",
        "wpeinit",
        f'call "%SystemDrive%\\{FOLDER}\\start.cmd"',
    )
    shell = ("[LaunchApps]", r"%SYSTEMROOT%\System32\cmd.exe, /k %SYSTEMROOT%\System32\startnet.cmd")
    return PeFile(STARTNET, script(lines)), PeFile(SHELL, script(shell))


def start_files(scripts: Sequence[PeScript], folders: Sequence[str], wish: PeWish) -> tuple[PeFile, ...]:
    """Return the scripts that are the same for all sequences.

    Args:
        scripts: each sequence under each firmware, the sequences in their order.
        folders: of their files.
        wish: what is to run.

    Raises:
        InvalidRequest: for more than 9 sequences, or a prestart command that no script can run.
    """
    names = list(dict.fromkeys(id(each) for each in wish.sequences))
    if len(names) > MOST:
        raise InvalidRequest(
            f"{len(names)} task sequences are too many for the menu of a medium; valid are 1 to {MOST}"
        )
    lines = [
        "@echo off",
        "rem Made by osdimage: looks for the medium that this Windows PE was started from, and runs its task sequence.",
        "setlocal EnableExtensions DisableDelayedExpansion",
        'set "_pe_root=%~dp0"',
        'set "_pe_log=%SystemDrive%\\osdimage.log"',
        f"set _pe_id={'' if wish.medium_id is None else wish.medium_id}",
        *_prestart(wish.prestart),
        *_FIRMWARE,
        *_MEDIUM,
        *_menu(wish, scripts, folders),
    ]
    return (
        PeFile(f"{FOLDER}/find.cmd", script(_FIND)),
        PeFile(f"{FOLDER}/letters.cmd", script(_LETTERS)),
        PeFile(f"{FOLDER}/start.cmd", script(with_blocks(lines, _BLOCKS))),
    )


def _prestart(command: str | None) -> tuple[str, ...]:
    if command is None:
        return ()
    return (
        'call :say "The prestart command runs."',
        r'"%SystemRoot%\System32\cmd.exe" /d /c "%_pe_root%prestart.cmd"',
        'if not "%ERRORLEVEL%"=="0" goto prestart',
    )


def prestart_files(command: str | None) -> tuple[PeFile, ...]:
    """Return the script of the command that runs before the medium is looked for; nothing without one."""
    if command is None:
        return ()
    lines = ("@echo off", 'pushd "%SystemDrive%\\"', command_line(command), "exit /b %ERRORLEVEL%")
    return (PeFile(f"{FOLDER}/prestart.cmd", script(lines)),)


def _menu(wish: PeWish, scripts: Sequence[PeScript], folders: Sequence[str]) -> list[str]:
    """Return the lines that choose a sequence, and run it as the computer was started."""
    count = len(wish.sequences)
    lines = ["set _pe_choice=1"]
    if count > 1:
        lines += [":choose", "echo.", *(f"echo {n}  {shown(each.name)}" for n, each in enumerate(wish.sequences, 1))]
        lines += [
            "set _pe_choice=",
            f'set /p "_pe_choice=Which task sequence is to run, 1 to {count}? "',
            "if not defined _pe_choice goto unchosen",
            if_quoted("_pe_choice", "unchosen"),
        ]
    lines += [f'if "%_pe_choice%-%_pe_firmware%"=="{each}" goto {_run_label(each)}' for each in folders]
    lines += ["goto unchosen" if count > 1 else "goto no_firmware"]
    for each, folder in zip(scripts, folders, strict=True):
        lines += ["", f":{_run_label(folder)}"]
        if each.refused is not None:
            firmware = each.firmware.value.upper()
            lines += [
                f'call :say "{shown(each.name)} does not run on computers that start by {firmware}:"',
                f'call :say "{shown(each.refused)}"',
                "exit /b 1",
            ]
        else:
            lines += [f'call "%_pe_root%{folder}\\run.cmd"', "goto over"]
    return lines


def _run_label(folder: str) -> str:
    return f"run_{folder.replace('-', '_')}"


_QUERY = r"'%SystemRoot%\System32\reg.exe query HKLM\SYSTEM\CurrentControlSet\Control /v PEFirmwareType 2^>nul'"
_FIRMWARE = (
    "rem How the computer was started: 1 by a BIOS, 2 by UEFI.",
    "call wpeutil UpdateBootInfo >nul 2>&1",
    "set _pe_type=",
    f'for /f "tokens=2,3" %%a in ({_QUERY}) do if "%%a"=="REG_DWORD" set _pe_type=%%b',
    "set _pe_firmware=",
    'if "%_pe_type%"=="0x1" set _pe_firmware=bios',
    'if "%_pe_type%"=="0x2" set _pe_firmware=uefi',
    "if not defined _pe_firmware goto no_firmware",
)
_MEDIUM = (
    "rem Windows PE gives the medium any letter; of what is in a share, who has connected to that tells the path.",
    "set _pe_local=",
    "if defined _pe_medium goto found",
    ":look",
    "set _pe_medium=",
    f'for %%d in ({_ALL}) do if not defined _pe_medium if exist "%%d:\\{_MANIFEST}" call :medium %%d',
    "if not defined _pe_medium goto no_medium",
    "set _pe_local=1",
    ":found",
    'call :say "The medium is %_pe_medium%"',
)
_IS_MEDIUM = (
    "rem Another medium of this kind may be in the computer.",
    "if not defined _pe_id goto take",
    f'"%SystemRoot%\\System32\\find.exe" "%_pe_id%" "%~1:\\{_MANIFEST}" >nul 2>&1',
    "if errorlevel 1 exit /b 0",
    "goto take",
)
_BLOCKS = {
    "medium": _IS_MEDIUM,
    "take": ("set _pe_medium=%~1:", "exit /b 0"),
    "no_medium": (
        "echo The medium is in no drive of this computer.  Put it in, and press a key.",
        "pause >nul",
        "goto look",
    ),
    "no_firmware": ('call :say "It cannot be told how this computer was started, by a BIOS or by UEFI."', "exit /b 1"),
    "unchosen": ("echo That is none of them.", "goto choose"),
    "prestart": ('call :say "The prestart command has failed; nothing else was done."', "exit /b 1"),
    "over": (
        "if errorlevel 1 exit /b 1",
        "rem Windows PE ends, and the computer starts from its disk.",
        "call wpeutil reboot",
        "exit /b 0",
    ),
    "say": SAY,
}
_FIND = (
    "@echo off",
    "rem Made by osdimage: finds a package on the medium, or on another disc of its set.  _pe_at becomes its folder.",
    ":look",
    "set _pe_at=",
    r'if exist "%_pe_medium%\osdimage\packages\%~1\" set "_pe_at=%_pe_medium%\osdimage\packages\%~1"',
    "if defined _pe_at exit /b 0",
    "if not defined _pe_local goto absent",
    rf'for %%d in ({_ALL}) do if not defined _pe_at if exist "%%d:\osdimage\packages\%~1\" call :disc %%d "%~1"',
    "if defined _pe_at exit /b 0",
    "echo Put in the disc of this medium that has package %~1, and press a key.",
    "pause >nul",
    "goto look",
    "",
    ":absent",
    "echo Package %~1 is not there.",
    "exit /b 2",
    "",
    ":disc",
    "if not defined _pe_id goto take",
    f'"%SystemRoot%\\System32\\find.exe" "%_pe_id%" "%~1:\\{_MANIFEST}" >nul 2>&1',
    "if errorlevel 1 exit /b 0",
    "",
    ":take",
    r'set "_pe_at=%~1:\osdimage\packages\%~2"',
    "exit /b 0",
)
# diskpart marks the disk that has the focus with a star; each run of it is to have ended before the next one begins
# ("diskpart", scripts: 15 seconds).
_LETTERS = (
    "@echo off",
    "rem Made by osdimage: makes room for the letters _pe_letters of new volumes, before the disks _pe_disks are",
    "rem partitioned.  The medium is on none of these disks, and gets one of the letters _pe_spare where it must.",
    'set "_pe_script=%SystemDrive%\\osdimage-letters.txt"',
    'set "_pe_told=%SystemDrive%\\osdimage-letters.log"',
    'if exist "%_pe_script%" del "%_pe_script%"',
    "set _pe_own=",
    "set _pe_new=",
    "set _pe_move=",
    "if not defined _pe_local goto others",
    'for %%d in (%_pe_letters%) do if /i "%_pe_medium%"=="%%d:" set _pe_move=1',
    "if defined _pe_move for %%d in (%_pe_spare%) do if not defined _pe_new call :spare %%d",
    '>"%_pe_script%" echo select volume %_pe_medium:~0,1%',
    '>>"%_pe_script%" echo list disk',
    'if defined _pe_new >>"%_pe_script%" echo assign letter=%_pe_new%',
    ":others",
    'for %%d in (%_pe_letters%) do if /i not "%_pe_medium%"=="%%d:" call :leave %%d',
    'if not exist "%_pe_script%" exit /b 0',
    'call diskpart /s "%_pe_script%" >"%_pe_told%"',
    'if not "%ERRORLEVEL%"=="0" goto failed',
    'for /f "usebackq tokens=1-3" %%a in ("%_pe_told%") do if "%%a"=="*" set "_pe_own=%%c"',
    'for %%d in (%_pe_disks%) do if "%_pe_own%"=="%%d" goto own',
    "if defined _pe_new set _pe_medium=%_pe_new%:",
    f'if defined _pe_new if not exist "%_pe_medium%\\{_MANIFEST}" goto failed',
    "call ping -n 16 127.0.0.1 >nul",
    "exit /b 0",
    "",
    ":spare",
    r'if not exist "%~1:\" if not exist "%~1:\*" set _pe_new=%~1',
    "exit /b 0",
    "",
    ":leave",
    r'if not exist "%~1:\" if not exist "%~1:\*" exit /b 0',
    '>>"%_pe_script%" echo select volume %~1',
    '>>"%_pe_script%" echo remove letter=%~1',
    "exit /b 0",
    "",
    ":own",
    "echo The medium is on disk %_pe_own%, which the task sequence would partition.  Nothing was changed.",
    "exit /b 1",
    "",
    ":failed",
    "echo diskpart could not make room for the letters %_pe_letters%:",
    'type "%_pe_told%"',
    "exit /b 1",
)
