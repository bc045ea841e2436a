"""The packages that the task sequences of ``fixtures/tasksequence`` refer to.

The WIMs are made by wimlib-imagex, not by osdimage.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from judges import wim as judges

from cases import offline_windows
from cases.boot_drivers import storage_package
from cases.sequence import windows_tree
from cases.windows_trees import write_tree

GENERALIZED = replace(offline_windows.WINDOWS_7, image_state="IMAGE_STATE_GENERALIZE_RESEAL_TO_OOBE")

ANSWER_FILE = """\
<?xml version="1.0" encoding="utf-8"?>
<unattend xmlns="urn:schemas-microsoft-com:unattend">
  <settings pass="oobeSystem">
    <component name="Microsoft-Windows-Shell-Setup" processorArchitecture="amd64"
        publicKeyToken="31bf3856ad364e35" language="neutral" versionScope="nonSxS">
      <OOBE><HideEULAPage>true</HideEULAPage></OOBE>
    </component>
  </settings>
</unattend>
"""


def packages(folder: Path) -> dict[str, Path]:
    """Make an image of Windows 7, one of data, a directory with an answer file, and one with drivers."""
    windows = windows_tree(folder / "windows", version=(6, 1))
    hives = offline_windows.make_tree(GENERALIZED)
    for name in ("SYSTEM", "SOFTWARE"):
        path = f"Windows/System32/config/{name}"
        (windows / path).write_bytes(hives[path])
    (windows / "Users" / "Public").mkdir(parents=True)
    (windows / "Users" / "Public" / "readme.txt").write_text("of the image\n")
    data = folder / "data"
    (data / "Docs").mkdir(parents=True)
    (data / "Docs" / "data.txt").write_text("data\n" * 1000)
    answers = folder / "answers"
    answers.mkdir()
    (answers / "unattend.xml").write_text(ANSWER_FILE)
    return {
        "ABC00001": _captured(windows, folder / "windows.wim", "Windows"),
        "ABC00002": _captured(data, folder / "data.wim", "Data"),
        "ABC00003": answers,
        "ABC00005": write_tree(folder / "drivers", storage_package("viostor", folder="viostor")),
    }


def _captured(folder: Path, wim: Path, name: str) -> Path:
    judges.wimlib("capture", folder, wim, name, "--compress=fast", "--no-acls")
    return wim
