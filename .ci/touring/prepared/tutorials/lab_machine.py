"""What docs/tutorials/lab-machine.md takes for granted."""

from __future__ import annotations

from pathlib import Path

from touring.discs import capture, windows_11
from touring.stock import osdimage


def prepare() -> None:
    """Make the disk of a machine, with a Windows and somebody's work on it."""
    course = {"Users/Public/Documents/course.txt": b"read me first\r\n"}
    capture(windows_11() | course, "install.wim", "Windows 11 Pro")
    osdimage("deploy", "install.wim", "lab-pc.img", "--preset", "uefi", "--size", "64GB")
    Path("install.wim").unlink()
