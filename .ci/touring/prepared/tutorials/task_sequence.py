"""What docs/tutorials/task-sequence.md takes for granted."""

from __future__ import annotations

import shutil
from pathlib import Path

from touring.discs import capture, windows_11
from touring.stock import ROOT


def prepare() -> None:
    """Make an export, an image of Windows, and a folder with an update."""
    shutil.copy(ROOT / "fixtures" / "tasksequence" / "existing-image.xml", "existing-image.xml")
    capture(windows_11(), "install.wim", "Windows 11 Pro")
    Path("updates").mkdir()
    Path("updates", "windows11.0-kb5030219-x64.msu").touch()
