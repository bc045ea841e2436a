"""Several commands that are one step of the first start: programs of a list, applications, updates.

Each has a batch file of its own, which the step's runs one after another; a file beside it says that it has ended well,
so that a step which is begun again, because the computer was restarted in it, goes on with the next.  A restart that
one of them asks for (3010) comes behind the last; where one has begun it itself (1641), the step waits for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from osdimage.imaging.firststart.steps import MOST_RETRIES
from osdimage.imaging.tasksequence.staging.commands import VARIABLES
from osdimage.imaging.tasksequence.staging.staged import StagedFile

_WAIT = "ping.exe -n 600 127.0.0.1 >nul"
"""Ten minutes: the shell has no other way to wait that needs no console."""


@dataclass(frozen=True, slots=True)
class Part:
    """One of the commands.

    Attributes:
        lines: of its batch file.
        passes: exit codes, signed, that are success besides 0, 3010 and 1641.
    """

    lines: tuple[str, ...]
    passes: tuple[int, ...] = ()


def several(
    parts: Sequence[Part], *, goes_on: bool = False, status: str | None = None
) -> tuple[tuple[str, ...], tuple[StagedFile, ...]]:
    """Return the lines of a step that runs several commands, and their files.

    Its exit code is that of the first that failed; else 3010 when one asks for a restart.

    Args:
        parts: what is run, in order.
        goes_on: whether what follows one that failed is run, and the step succeeds nevertheless.
        status: the variable that becomes ``Success``, or ``Error`` when one failed; None for none.
    """
    files = tuple(
        StagedFile(f"{_name(number)}.cmd", "".join(f"{line}\n" for line in part.lines))
        for number, part in enumerate(parts, 1)
    )
    return tuple(_lines(parts, goes_on=goes_on, status=status)), files


def retries_of(parts: Sequence[Part]) -> int:
    """Return how often such a step is begun again: after each that restarts the computer itself, and once more."""
    return min(len(parts) + 1, MOST_RETRIES)


def _name(number: int) -> str:
    return f"part-{number}"


def _lines(parts: Sequence[Part], *, goes_on: bool, status: str | None) -> Iterator[str]:
    yield from ("@echo off", "setlocal", 'set "result=0"', 'set "restart="')
    for number, part in enumerate(parts, 1):
        codes = " ".join(map(str, part.passes))
        yield f"call :run {_name(number)} {codes}".rstrip()
        if not goes_on:
            yield 'if not "%result%"=="0" goto ended'
    if not goes_on:
        yield ":ended"
    if status is not None:
        yield f'set "{status}=Success"'
        yield f'if not "%result%"=="0" set "{status}=Error"'
        yield f'>>"{VARIABLES}" set {status}'
    if goes_on:
        yield 'set "result=0"'
    yield 'if "%result%"=="0" if defined restart set "result=3010"'
    yield "exit /b %result%"
    yield ":run"
    yield 'if exist "%~dp0%~1.done" exit /b 0'
    yield r'"%SystemRoot%\System32\cmd.exe" /d /c "%~dp0%~1.cmd"'
    yield 'set "code=%ERRORLEVEL%"'
    yield "echo %~1 %code%"
    yield 'if "%code%"=="3010" set "restart=1"'
    yield 'set "passed="'
    yield 'for %%c in (0 3010 1641 %*) do if "%code%"=="%%c" set "passed=1"'
    yield 'if defined passed >"%~dp0%~1.done" echo %code%'
    yield 'if not defined passed if "%result%"=="0" set "result=%code%"'
    yield f'if "%code%"=="1641" {_WAIT}'
    yield "exit /b 0"
