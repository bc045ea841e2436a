r"""``run.cmd``: the steps of a sequence one after the other, and where it goes on when one fails.

It finds ``_pe_medium``, the drive of the medium, ``_pe_root``, the folder of all scripts, and ``_pe_log`` in its
environment, and ends with 0 when the sequence has succeeded, with 2 when a person did not want it.  Each step is a file
of its own, in a shell of its own.
"""

from __future__ import annotations

from collections.abc import Iterator

from osdimage.imaging.firststart.steps import signed
from osdimage.imaging.media.winpe.disks import LETTERS
from osdimage.imaging.media.winpe.model import FOLDER, PeFate, PeFile
from osdimage.imaging.media.winpe.planning import Do, Enter, Item, Leave, Planned, When
from osdimage.imaging.media.winpe.text import script, shown, with_blocks
from osdimage.imaging.tasksequence.staging.batch import if_quoted

SAY = ("echo %~1", '>>"%_pe_log%" echo %DATE% %TIME% %~1', "exit /b 0")
"""The block that tells a text, and notes it in the log."""
_BLOCKS = {
    "failed": ('call :say "The task sequence has failed; %_pe_log% tells more."', "exit /b 1"),
    "refused": ('call :say "Nothing was changed."', "exit /b 2"),
    "ended": (
        "rem Whether a code is one of success; conditions of later steps may ask for it.",
        'set "_SMSTSLastActionRetCode=%~1"',
        "set _SMSTSLastActionSucceeded=false",
        'for %%c in (%~2) do if "%~1"=="%%c" set _SMSTSLastActionSucceeded=true',
        'call :say "It has ended with %~1."',
        'if "%_SMSTSLastActionSucceeded%"=="true" exit /b 0',
        "exit /b 1",
    ),
    "say": SAY,
}


def run_files(folder: str, name: str, planned: Planned, *, asks: bool) -> tuple[PeFile, ...]:
    """Return the files of a sequence under one firmware.

    Args:
        folder: their folder below that of all scripts.
        name: of the sequence.
        planned: what becomes of its steps.
        asks: whether a person is asked before disks are written.

    Raises:
        InvalidRequest: when a line cannot be one of a script.
    """
    files: dict[str, bytes] = {}
    lines = [*_head(name, planned, asks=asks)]
    for item in planned.items:
        lines += _item(item, files)
    lines += ['call :say "The task sequence has ended."', *_kept_log(planned), "exit /b 0"]
    files["run.cmd"] = script(with_blocks(lines, _BLOCKS))
    return tuple(PeFile(f"{FOLDER}/{folder}/{each}", files[each]) for each in sorted(files))


def _head(name: str, planned: Planned, *, asks: bool) -> Iterator[str]:
    yield from (
        "@echo off",
        "rem Made by osdimage: the steps of a task sequence, for Windows PE.",
        "setlocal EnableExtensions DisableDelayedExpansion",
        'set "_pe_here=%~dp0"',
        "set _SMSTSLastActionRetCode=",
        "set _SMSTSLastActionSucceeded=",
        *planned.initial,
        f'call :say "{shown(name)}"',
    )
    if not planned.partitions:
        return
    yield from (f"echo Everything on disk {each} of this computer will be lost." for each in planned.partitions)
    if asks:
        yield from (
            "set _pe_answer=",
            'set /p "_pe_answer=Type YES to go on: "',
            "if not defined _pe_answer goto refused",
            if_quoted("_pe_answer", "refused"),
            'if /i not "%_pe_answer%"=="yes" goto refused',
        )
    letters = dict.fromkeys(each.letter for each in planned.disks.volumes if each.letter is not None)
    yield from (
        f"set _pe_disks={' '.join(map(str, planned.partitions))}",
        f"set _pe_letters={' '.join(letters)}",
        f"set _pe_spare={' '.join(each for each in LETTERS[::-1] if each not in letters)}",
        'call "%_pe_root%letters.cmd"',
        "if errorlevel 1 goto failed",
    )


def _kept_log(planned: Planned) -> tuple[str, ...]:
    """Return the line that keeps the log, which is in memory, in the Windows that was applied."""
    root = planned.env.get("OSDTargetSystemRoot")
    if root is None:
        return ()
    return (f'if exist "{root}\\Temp\\" copy /y "%_pe_log%" "{root}\\Temp\\osdimage.log" >nul',)


def _item(item: Item, files: dict[str, bytes]) -> Iterator[str]:
    if isinstance(item, Leave):
        yield f":group_{item.group}"
    elif isinstance(item, Enter):
        if item.when is not None:
            # What cannot be told of a group fails the sequence, as a step in it would.
            yield from _asked(f"when-group-{item.group}.cmd", item.when, files, f"group_{item.group}", "failed")
    elif item.carried is None:
        yield from _set(item, files)
    else:
        yield from _do(item, files)


def _set(item: Do, files: dict[str, bytes]) -> Iterator[str]:
    """Yield the lines of a step that sets a variable, which always succeeds."""
    label = item.step.label.replace(".", "_")
    yield ""
    yield _title(item)
    if item.when is not None:
        yield from _asked(f"when-{label}.cmd", item.when, files, f"after_{label}", _failure(item, label))
    if item.sets is not None:
        yield item.sets
    yield 'call :ended 0 "0"'
    yield f":after_{label}"


def _do(item: Do, files: dict[str, bytes]) -> Iterator[str]:
    """Yield the lines of a step that has a file of its own."""
    label = item.step.label.replace(".", "_")
    carried = item.carried
    if carried is None:
        return
    files[f"step-{label}.cmd"] = script(carried.lines)
    files |= carried.files
    codes = " ".join(str(signed(each)) for each in carried.success_codes)
    yield ""
    yield _title(item)
    if item.when is not None:
        yield from _asked(f"when-{label}.cmd", item.when, files, f"after_{label}", _failure(item, label))
    if item.retries:
        yield from ("set _pe_tries=0", f":try_{label}")
    yield f'"%SystemRoot%\\System32\\cmd.exe" /d /c "%_pe_here%step-{label}.cmd"'
    yield f'call :ended %ERRORLEVEL% "{codes}"'
    if item.retries or not item.may_fail:
        yield f"if not errorlevel 1 goto after_{label}"
    if item.retries:
        yield from ("set /a _pe_tries=_pe_tries+1", f"if %_pe_tries% leq {item.retries} goto try_{label}")
    if not item.may_fail:
        yield f"goto {_failure(item, label)}"
    yield f":after_{label}"


def _title(item: Do) -> str:
    done = "done when the medium was made: " if item.step.fate is PeFate.KNOWN else ""
    return f'call :say "Step {item.step.label}: {done}{shown(item.step.name)}"'


def _failure(item: Do, label: str) -> str:
    """Return the label where the sequence goes on when a step has failed."""
    if item.may_fail:
        return f"after_{label}"
    return "failed" if item.failure is None else f"group_{item.failure}"


def _asked(name: str, when: When, files: dict[str, bytes], no: str, failure: str) -> Iterator[str]:
    """Yield the lines that ask the computer, and go on elsewhere when it is not to be."""
    files[name] = script(when.lines)
    yield from (
        "set _fs_open=",
        f'call "%_pe_here%{name}"',
        "if not errorlevel 1 set _pe_is=1",
        "if errorlevel 1 set _pe_is=",
        'if defined _fs_open call :say "Whether it is to run cannot be told on this computer."',
        f"if defined _fs_open goto {failure}",
        f"if not defined _pe_is goto {no}",
    )
