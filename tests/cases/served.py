"""Disks of virtual machines, made by qemu-img and served by qemu-nbd."""

from __future__ import annotations

import json
import random
import re
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from judges.disk import run
from osdimage.imaging.disk.containers.served import ServedTarget
from osdimage.imaging.disk.containers.server import Server

MIB = 1 << 20
# What QEMU calls them, and how they are made so that they have the size that is asked for.
MADE_WITH: dict[str, tuple[str, ...]] = {
    "qcow2": (),
    "vhdx": (),
    "vpc": ("-o", "force_size=on"),
    "vmdk": (),
    "vdi": (),
}


def noise(size: int, seed: int = 1) -> bytes:
    return random.Random(seed).randbytes(size)


def make(path: Path, form: str, size: int) -> Path:
    """Make an empty disk."""
    run(["qemu-img", "create", "-q", "-f", form, *MADE_WITH[form], path, str(size)])
    return path


def convert(raw: Path, path: Path, form: str) -> Path:
    """Make a disk of a plain image."""
    run(["qemu-img", "convert", "-f", "raw", "-O", form, *MADE_WITH[form], raw, path])
    return path


def contents(path: Path, form: str) -> bytes:
    """Return what QEMU reads from a disk."""
    raw = path.with_suffix(".raw")
    run(["qemu-img", "convert", "-f", form, "-O", "raw", path, raw])
    found = raw.read_bytes()
    raw.unlink()
    return found


def data_ranges(path: Path, form: str) -> list[tuple[int, int]]:
    """Return begin and end of what QEMU says is data."""
    found: list[tuple[int, int]] = []
    for each in json.loads(run(["qemu-img", "map", "-f", form, "--output=json", path])):
        if each["zero"]:
            continue
        begin, end = each["start"], each["start"] + each["length"]
        if found and found[-1][1] == begin:
            begin = found.pop()[0]
        found.append((begin, end))
    return found


def check(path: Path, form: str) -> None:
    """Let qemu-img check a disk, where it can."""
    if form not in {"vpc", "vmdk"}:
        run(["qemu-img", "check", "-f", form, path])


def options(path: Path, form: str) -> Sequence[str]:
    """Return what a server is told of a disk that is one file."""
    return (f"driver={form}", "file.driver=file", f"file.filename={path}", "file.locking=on")


def start(path: Path, form: str, *, write: bool = True) -> Server:
    return Server.start(str(path), form, options(path, form), write=write)


def opened(path: Path, form: str, *, write: bool = True) -> ServedTarget:
    return ServedTarget(start(path, form, write=write), 512)


def is_running(pid: int) -> bool:
    """Tell whether a process runs: one that nobody has waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in {"Z", "X"}
    except FileNotFoundError:
        return False


def servers_of(path: Path) -> list[int]:
    """Return the servers of a disk."""
    pattern = f"qemu-nbd.*{re.escape(str(path))}"
    done = subprocess.run(["pgrep", "-f", pattern], capture_output=True, text=True, check=False)
    return [pid for pid in map(int, done.stdout.split()) if is_running(pid)]


def wait_until(condition: Callable[[], bool]) -> bool:
    """Wait for something that is to come soon; return whether it did."""
    end = time.monotonic() + 20
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True
