"""A sequence from its file to the first start of the Windows on its disk, in Wine's shell, and to what became of it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from cases.offline_windows import WINDOWS_7, make_tree
from cases.windows_trees import write_tree
from judges.wine import Wine
from osdimage.imaging.disk.places import open_volume
from osdimage.imaging.firststart.folder import FOLDER
from osdimage.imaging.volume.filesystems import open_files
from runs.commands import osdimage
from runs.first_starts import start_until_it_ends, started_wine

SEQUENCE = r"""
name: Waits
steps:
  - {step: Partition, type: PartitionDisk, variables: {OSDDiskIndex: 0, OSDPartitionStyle: MBR,
     OSDPartitions0Type: Primary, OSDPartitions0FileSystem: NTFS, OSDPartitions0QuickFormat: true}}
  - {step: Apply, type: ApplyOperatingSystem, variables: {OSDImageIndex: 1}, properties: {ImagePackageID: WIM}}
  - {step: Setup, type: SetupWindowsAndSMS}
  - {step: Copy, type: RunCommandLine, properties: {PackageID: PKG,
     CommandLine: 'cmd.exe /c copy "in a.txt" C:\copied.txt'}}
  - {step: Fail, type: RunCommandLine, continueOnError: true, properties: {CommandLine: cmd.exe /c exit 5}}
  - group: After a failure
    condition: _SMSTSLastActionSucceeded equals false
    steps:
      - {step: Set, type: SetVariable, variables: {VariableName: Told, VariableValue: in time}}
      - {step: Restart, type: RunCommandLine, successCodeList: 0 3010, properties: {CommandLine: cmd.exe /c exit 3010}}
  - step: Tell
    type: RunCommandLine
    condition: Told equals in time
    properties: {CommandLine: 'cmd.exe /c echo %Told% %Secret%>C:\told.txt'}
  - {step: Not, type: RunCommandLine, condition: Told equals other, properties: {CommandLine: cmd.exe /c exit 1}}
"""


def moved(disk: Path, wine: Wine) -> Path:
    """Put the first start of a disk into the Windows of Wine."""
    with open_volume(disk, 1) as volume, open_files(volume) as files:
        for each in files.walk(FOLDER):
            into = wine.drive / each.path
            if each.is_directory:
                into.mkdir(parents=True, exist_ok=True)
            else:
                into.parent.mkdir(parents=True, exist_ok=True)
                into.write_bytes(files.read(each.path))
    return wine.drive / FOLDER.replace("\\", "/")


def moved_back(folder: Path, disk: Path) -> None:
    """Make the first start of the disk what it has become, with the times of its files."""
    with open_volume(disk, 1, write=True) as volume, open_files(volume, write=True) as files:
        for each in list(files.walk(FOLDER)):
            if not each.is_directory and not (folder / each.path[len(FOLDER) + 1 :]).exists():
                files.delete(each.path)
        for each in folder.rglob("*"):
            if each.is_file():
                path = f"{FOLDER}/{each.relative_to(folder)}"
                files.write(path, each.read_bytes(), modified_ns=each.stat().st_mtime_ns)


@pytest.mark.slow
@pytest.mark.foreign
def test_what_waits_runs_when_windows_starts_and_is_collected(tmp_path: Path) -> None:
    osdimage("capture", write_tree(tmp_path / "windows", make_tree(WINDOWS_7)), tmp_path / "w.wim")
    package = write_tree(tmp_path / "package", {"in a.txt": b"from the package"})
    (tmp_path / "s.yaml").write_text(SEQUENCE)
    disk = tmp_path / "disk.img"
    words = ["--disk", f"0={disk}", "--size", "64MB", "--package", f"WIM={tmp_path / 'w.wim'}", "--without-client"]
    words += ["--package", f"PKG={package}", "--var", "Secret=H1dden", "--hide", "Secret", "--secrets-on-disk"]
    told = osdimage("run", tmp_path / "s.yaml", *words, "--state", tmp_path / "state", "--yes").out
    assert re.search("succeeded, 3 steps done, 6 wait for the first start", told)
    assert "H1dden" not in told

    with started_wine(tmp_path / "prefix") as wine:
        folder = moved(disk, wine)
        assert start_until_it_ends(wine, folder) == 2
        assert (wine.drive / "copied.txt").read_bytes() == b"from the package"
        assert (wine.drive / "told.txt").read_text().split() == ["in", "time", "H1dden"]
        moved_back(folder, disk)

    found = osdimage("run", "--collect", disk, "--log", tmp_path / "log", "--json").document
    assert [(each["step"], each["result"], each["code"]) for each in found["steps"]] == [
        ("4", "done", 0),
        ("5", "failed", 5),
        ("6", "done", 0),
        ("7", "done", 3010),
        ("8", "done", 0),
        ("9", "skipped", None),
    ]
    assert (found["starts"], found["is_done"], found["has_failed"]) == (2, True, False)
    assert "Start executing step 7: Restart" in (tmp_path / "log").read_text()
    with open_volume(disk, 1) as volume, open_files(volume) as files:
        holding = [each.path for each in files.walk(FOLDER) if not each.is_directory]
        assert not [path for path in holding if b"H1dden" in files.read(path)]
