"""Runs first starts in Wine's shell: a restart is the harness, which starts what ``CmdLine`` of the registry names."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from cases.first_start import MOST_STARTS
from judges.wine import Wine
from osdimage.imaging.firststart.folder import FOLDER, first_start_files
from osdimage.imaging.firststart.steps import FirstStep

SETUP = r"HKLM\SYSTEM\Setup"


@contextmanager
def started_wine(prefix: Path) -> Iterator[Wine]:
    """Yield a Windows folder of Wine, which is gone at the end."""
    made = Wine.make(prefix)
    try:
        yield made
    finally:
        made.stop()
        shutil.rmtree(made.prefix)


def folder_of(wine: Wine) -> Path:
    return wine.drive / FOLDER.replace("\\", "/")


def put(wine: Wine, steps: Sequence[FirstStep], variables: dict[str, str] | None = None) -> Path:
    """Put a first start in place of the one before, and let the registry be that of a Windows that was set up."""
    folder = folder_of(wine)
    shutil.rmtree(folder, ignore_errors=True)
    for path, data in first_start_files(steps, "cp437", variables).items():
        into = folder / path.replace("\\", "/")
        into.parent.mkdir(parents=True, exist_ok=True)
        into.write_bytes(data)
    wine.run("reg", "delete", SETUP, "/va", "/f")
    return folder


def setup_values(wine: Wine) -> tuple[str | None, str | None, str | None]:
    found = wine.values(SETUP)
    for _ in range(2):
        if "SetupType" not in found:
            # On a busy machine Wine loses the start of a program now and then, here that of reg.exe.
            found = wine.values(SETUP)
    return found.get("SetupType"), found.get("CmdLine"), found.get("SetupShutdownRequired")


def start(wine: Wine) -> None:
    """Start the computer: what Setup would run, or else what SetupComplete.cmd calls."""
    command = wine.values(SETUP).get("CmdLine")
    words = command.split() if command else ["cmd.exe", "/d", "/c", rf"C:\{FOLDER}\run.cmd"]
    wine.run(*words)


def start_until_it_ends(wine: Wine, folder: Path) -> int:
    """Start, and start again for as long as a restart is asked for; return how often."""
    for count in range(1, MOST_STARTS + 5):
        start(wine)
        kind, command, restart = setup_values(wine)
        if restart is None:
            assert kind == "0x0", (kind, command, (folder / "log.txt").read_text())
            return count
        assert (kind, restart) == ("0x2", "0x1")
        assert not {"done", "failed"} & {each.name for each in folder.iterdir()}
    raise AssertionError("it restarts for ever")


def results(folder: Path) -> list[str]:
    path = folder / "results.txt"
    return [line.strip() for line in path.read_text().splitlines()] if path.exists() else []


def cut_in(wine: Wine, folder: Path, step: int) -> None:
    """Cut the power while a step is at work."""
    begun = wine.begin("cmd.exe", "/d", "/c", rf"C:\{FOLDER}\run.cmd")
    for _ in range(600):
        if (folder / str(step) / "ran").exists():
            break
        time.sleep(0.05)
    else:
        raise AssertionError(f"step {step} does not begin")
    wine.stop()
    begun.wait(60)
