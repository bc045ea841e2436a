"""What docs/how-to/task-sequences.md takes for granted."""

from __future__ import annotations

import shutil
from pathlib import Path

from cases.offline_windows import WINDOWS_11, make_tree
from cases.windows_trees import write_tree

from touring.stock import ROOT, osdimage


def prepare() -> None:
    """Bring a task sequence, the image that it applies, and a folder with an update."""
    shutil.copy(ROOT / "fixtures" / "tasksequence" / "existing-image.xml", "existing-image.xml")
    osdimage("capture", str(write_tree(Path("tree"), make_tree(WINDOWS_11))), "install.wim", "--name", "Windows")
    Path("updates").mkdir()
    Path("updates", "windows11.0-kb5030219-x64.msu").touch()
