r"""The command that installs staged drivers when Windows starts first, in the pass specialize.

Windows Setup ends when a command of that pass fails, so this one always ends with 0; what became of each driver is in
a log and in a list of exit codes.  It cleans up behind itself: the folder of a driver that was installed is removed,
that of one that was not stays, to be looked at.  One that is not there any more is passed over: the computer may have
stopped in the middle of this script.

Source of the exit codes 259 (no device has the driver) and 3010 (Windows must start again): Microsoft, "System Error
Codes", ERROR_NO_MORE_ITEMS and ERROR_SUCCESS_REBOOT_REQUIRED; that pnputil ends with them, common knowledge.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from osdimage.imaging.drivers.injection.staging import FOLDER, StagedDriver
from osdimage.imaging.firststart.steps import FirstStep

SCRIPT = "osdimage-drivers.cmd"
LOG, CODES = r"%SystemRoot%\Temp\osdimage-drivers.log", r"%SystemRoot%\Temp\osdimage-drivers.txt"
"""What the script writes: what the programs said, and a line for each driver with the exit code and the INF."""
DONE_CODES = (0, 3010, 259)
"""Exit codes that are no failure: installed, installed and to be started again, kept for a device that is not there."""
# What stands for itself between quotation marks of a command line, whatever the code page.
_PLAIN_NAME = re.compile(r"[A-Za-z0-9 ._()+-]{1,100}", re.ASCII)


class Installer(StrEnum):
    """What installs the staged drivers when Windows starts first."""

    PNPUTIL = "pnputil /add-driver"
    PNPUTIL_OF_VISTA = "pnputil -i -a"
    PNP_UNATTEND = "pnpunattend"


@dataclass(frozen=True, slots=True)
class Cleaning:
    r"""What is taken back when the drivers are installed.

    Attributes:
        keeps_drivers: the folders with the drivers stay.
        key: of the registry, such as ``HKLM\SOFTWARE\...``, that is removed; None for none.
        device_path: what ``DevicePath`` becomes again; None: it stays.
    """

    keeps_drivers: bool = False
    key: str | None = None
    device_path: str | None = None


def install_command(folder: str) -> str:
    r"""Return the command line for the answer file; ``folder`` is that of the script on its drive: ``\Drivers``."""
    here = f"%SystemDrive%{folder}"
    # Without /s the folder is removed only when nothing is left in it.
    return f'cmd.exe /d /c "call {here}\\{SCRIPT} & rd {here} & exit 0"'


def driver_step() -> FirstStep:
    r"""Return the step of a first start that runs the script, whatever drivers that has.

    Its exit code is that of the first driver that failed; else 3010 when Windows has to restart for one of them.
    """
    here = rf"%SystemDrive%\{FOLDER}"
    done = " ".join(map(str, DONE_CODES))
    lines = (
        "@echo off",
        "setlocal",
        f'if not exist "{here}\\{SCRIPT}" exit /b 0',
        # The codes of a driver that was installed before.
        f'if exist "{CODES}" del "{CODES}"',
        f'cmd.exe /d /c "{here}\\{SCRIPT}"',
        f'rd "{here}" 2>nul',
        'set "result=0"',
        f'if exist "{CODES}" for /f "usebackq tokens=1" %%a in ("{CODES}") do call :take %%a',
        "exit /b %result%",
        "",
        ":take",
        'if "%~1"=="3010" if "%result%"=="0" set "result=3010"',
        f'for %%c in ({done}) do if "%~1"=="%%c" exit /b 0',
        'if "%result%"=="0" set "result=%~1"',
        'if "%result%"=="3010" set "result=%~1"',
        "exit /b 0",
    )
    return FirstStep("Install the drivers", lines, success_codes=(0, 3010), on_failure=2, retries=1)


def install_script(drivers: Sequence[StagedDriver], installer: Installer, cleaning: Cleaning = Cleaning()) -> bytes:
    """Return the script: ASCII, with the line ends of Windows."""
    lines = [
        "@echo off",
        "rem Written by osdimage. Installs the drivers beside it, in the pass specialize of Windows Setup, which ends",
        "rem when a command fails: this one always ends with 0. What came of each driver is in these two files.",
        "setlocal",
        'set "here=%~dp0"',
        f'set "log={LOG}"',
        f'set "codes={CODES}"',
        'cd /d "%SystemRoot%"',
        '>>"%log%" echo osdimage-drivers: begun %DATE% %TIME%',
        *_work(drivers, installer, cleaning),
        *_taking_back(cleaning),
        '>>"%log%" echo osdimage-drivers: ended %DATE% %TIME%',
        "exit /b 0" if cleaning.keeps_drivers else 'del "%~f0" & exit /b 0',
        "",
        ":done",
        'set "code=%ERRORLEVEL%"',
        '>>"%log%" echo %name%: exit code %code%',
        '>>"%codes%" echo %code% %name%',
        'set "is_done="',
        *(f'if "%code%"=="{code}" set "is_done=1"' for code in DONE_CODES),
        "goto :eof",
    ]
    return "".join(f"{line}\r\n" for line in lines).encode("ascii")


def _work(drivers: Sequence[StagedDriver], installer: Installer, cleaning: Cleaning) -> Iterator[str]:
    if installer is Installer.PNP_UNATTEND:
        yield 'set "name=pnpunattend"'
        yield 'pnpunattend.exe AuditSystem /L >>"%log%" 2>&1'
        yield "call :done"
    for number, each in enumerate(drivers):
        if installer is not Installer.PNP_UNATTEND:
            name = each.inf if _PLAIN_NAME.fullmatch(each.inf) else "*.inf"
            inf = f'"%here%{each.folder}\\{name}"'
            yield f'set "name={each.folder}\\{name}"'
            yield f'if not exist {inf} >>"%log%" echo %name%: is not there any more'
            yield f"if not exist {inf} goto after{number}"
            command = f"/add-driver {inf} /install" if installer is Installer.PNPUTIL else f"-i -a {inf}"
            yield f'pnputil.exe {command} >>"%log%" 2>&1'
            yield "call :done"
        if not cleaning.keeps_drivers:
            yield f'if defined is_done rd /s /q "%here%{each.folder}" >>"%log%" 2>&1'
        if installer is not Installer.PNP_UNATTEND:
            yield f":after{number}"


def _taking_back(cleaning: Cleaning) -> Iterator[str]:
    if cleaning.key is not None:
        yield f'reg.exe delete "{cleaning.key}" /f >>"%log%" 2>&1'
    if cleaning.device_path is not None:
        value = cleaning.device_path.replace("%", "%%")
        key = r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion"
        yield f'reg.exe add "{key}" /v DevicePath /t REG_EXPAND_SZ /d "{value}" /f >>"%log%" 2>&1'
