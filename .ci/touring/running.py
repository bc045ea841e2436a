"""Running a page in a folder that is made for it, with an environment that is made for it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from touring.matching import difference, matches, to_show
from touring.pages import Command, Page
from touring.preparing import preparer

# What no output of a program for people may hold.
_FORBIDDEN = ("Traceback", "internal error", "Exception ignored", "command not found")
# How an error of osdimage begins, and the codes that it may leave with (see docs/reference/json.md).
_ERROR = "osdimage: "
_REFUSALS = range(1, 7)
_MINUTES = 3
_LIST_OF_MOUNTS = "osdimage mount"
# Where the folders of a page are in what it shows.
_SHOWN = {"work": "/srv/lab", "home": "/home/lab", "tmp": "/tmp"}  # noqa: S108 - nothing is written there


@dataclass(frozen=True)
class Fault:
    """What is wrong with a command, at a line of its page."""

    line: int
    command: str
    text: str


@dataclass(frozen=True)
class Outcome:
    """What became of a page, and its text with what was printed."""

    faults: tuple[Fault, ...]
    text: str
    seconds: float


def walk(page: Page, place: Path, root: Path, *, is_update: bool) -> Outcome:
    """Run the commands of a page in a new folder below a place; with ``is_update`` other outputs are no faults.

    The process has another current directory and environment then: it is one of its own.
    """
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="osdimage-tour.", dir=place) as name:
        folder = Path(name)
        for each in _SHOWN:
            (folder / each).mkdir()
        os.environ.clear()
        os.environ.update(_environment(folder))
        # Python has remembered that of the page before.
        tempfile.tempdir = None
        os.chdir(folder / "work")
        try:
            preparer(page.path, root)()
            faults, printed = _run_all(page, folder, is_update=is_update)
        finally:
            os.chdir("/")
    return Outcome(tuple(faults), page.with_outputs(printed), time.monotonic() - begun)


def _environment(folder: Path) -> dict[str, str]:
    path = f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin"
    return {"HOME": f"{folder}/home", "PATH": path, "LANG": "C.UTF-8", "TMPDIR": f"{folder}/tmp"}  # noqa: S108


def _run_all(page: Page, folder: Path, *, is_update: bool) -> tuple[list[Fault], dict[Command, list[str]]]:
    faults: list[Fault] = []
    printed: dict[Command, list[str]] = {}
    for command in page.commands:
        if _is_given(command):
            continue
        code, lines = _run(command.line, folder)
        wrong = _wrong(command, code, lines)
        if wrong is not None:
            faults.append(Fault(command.number, command.line, wrong + "\n" + "\n".join(lines)))
        elif not matches(_trimmed(command.shown), lines := _of_the_page(command.line, lines)):
            gap = command.shown[len(_trimmed(command.shown)) :]
            printed[command] = [*to_show(_trimmed(command.shown), lines), *gap]
            if not is_update:
                faults.append(Fault(command.number, command.line, difference(_trimmed(command.shown), lines)))
    return faults, printed


def _of_the_page(line: str, printed: list[str]) -> list[str]:
    """Return what was printed, without what the list of mounts says of those of other people on the machine."""
    if line != _LIST_OF_MOUNTS:
        return printed
    return [each for each in printed if not each.removeprefix("warning: ").startswith("/") or _SHOWN["work"] in each]


def _is_given(command: Command) -> bool:
    """Write the file that `cat FILE` shows, where there is none yet; tell whether there was none."""
    words = command.line.split()
    if len(words) != 2 or words[0] != "cat" or not command.shown or Path(words[1]).exists():
        return False
    Path(words[1]).parent.mkdir(parents=True, exist_ok=True)
    Path(words[1]).write_text("\n".join(_trimmed(command.shown)) + "\n", encoding="utf-8")
    return True


def _run(line: str, folder: Path) -> tuple[int, list[str]]:
    """Run a command as a shell does; return its exit code, and the lines that it printed to either stream."""
    # A file, not a pipe: what a command leaves running in the background keeps it open.
    with tempfile.TemporaryFile(dir=folder) as output:
        process = subprocess.Popen(
            ["/bin/bash", "-c", line], stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )
        try:
            code = process.wait(_MINUTES * 60)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            code = process.wait()
        output.seek(0)
        said = output.read().decode("utf-8", "replace")
    for each, shown in _SHOWN.items():
        said = said.replace(f"{folder}/{each}", shown)
    return code, _trimmed([text.rstrip() for text in said.splitlines()])


def _wrong(command: Command, code: int, lines: list[str]) -> str | None:
    """Return what is wrong with how a command ended, or None."""
    is_error = any(line.startswith(_ERROR) for line in lines)
    if code and not (code in _REFUSALS and is_error):
        return f"left with {code}, and shows no error; `; echo $?` behind a command shows its exit code"
    if is_error and not any(line.startswith(_ERROR.strip()) for line in command.shown):
        return (
            f"prints an error, and the page does not show that it does, by a line that begins with `{_ERROR.strip()}`"
        )
    return next((f"printed {word!r}" for word in _FORBIDDEN if any(word in line for line in lines)), None)


def _trimmed(lines: list[str] | tuple[str, ...]) -> list[str]:
    """Return lines without the empty ones at their end."""
    end = len(lines)
    while end and not lines[end - 1].strip():
        end -= 1
    return list(lines[:end])
