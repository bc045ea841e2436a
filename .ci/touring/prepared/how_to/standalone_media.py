"""What docs/how-to/standalone-media.md takes for granted."""

from __future__ import annotations

import shutil
from pathlib import Path

from cases import media
from cases.sequence_packages import packages

from touring.stock import ROOT


def prepare() -> None:
    """Bring a task sequence with the packages that it needs, a boot image, a password and variables."""
    shutil.copy(ROOT / "fixtures" / "tasksequence" / "standalone-media.xml", "lab.xml")
    names = {"ABC00001": "windows.wim", "ABC00002": "data.wim", "ABC00003": "answers"}
    for identifier, path in packages(Path("made")).items():
        if identifier in names:
            path.rename(names[identifier])
    media.boot_image(Path("boot.wim"))
    Path("password.txt").write_text("correct horse battery\n", encoding="utf-8")
    Path("lab.vars").write_text("OSDComputerName=LAB-7\nOSDRegisteredOrgName=The lab\n", encoding="utf-8")
