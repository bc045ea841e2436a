"""What docs/how-to/task-sequence-media.md takes for granted."""

from __future__ import annotations

from pathlib import Path

from cases import media, pe_runs
from osdimage.imaging.tasksequence.forms.xml import write_sequence

from touring.discs import capture, windows_11
from touring.starting import starting_files


def prepare() -> None:
    """Make a boot image with all that a medium is started with, a Windows, and a task sequence that installs it."""
    media.boot_image(Path("boot.wim"), starting_files())
    capture(windows_11(), "windows.wim", "Windows 11 Pro")
    Path("lab.xml").write_bytes(write_sequence(pe_runs.lab_machine(), wrapped=True))
