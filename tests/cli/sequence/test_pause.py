"""``osdimage run`` of a sequence that builds a Windows and captures it: it pauses, and goes on with ``--collected``."""

from __future__ import annotations

from pathlib import Path

import pytest
from cases.offline_windows import WINDOWS_11, make_tree
from cases.old_windows import put_files
from cases.sequence import MBR
from cases.windows_trees import write_tree
from judges.schemas import judge_file
from osdimage.imaging.capture import capture_image
from osdimage.imaging.tasksequence.forms.build import sequence, step
from osdimage.imaging.tasksequence.forms.xml import write_sequence
from runs.commands import Outcome, osdimage

FOLDER = r"ProgramData\osdimage\FirstStart"


@pytest.fixture
def words(tmp_path: Path) -> list[str | Path]:
    """Return the command that begins the run."""
    capture_image(write_tree(tmp_path / "tree", make_tree(WINDOWS_11)), tmp_path / "windows.wim")
    wanted = sequence(
        "Build",
        step("partition", "PartitionDisk", MBR),
        step("apply", "ApplyOperatingSystem", {"OSDImageIndex": "1"}, {"ImagePackageID": "WIM"}),
        step("setup", "SetupWindowsAndSMS"),
        step("later", "Later"),
        step("sysprep", "PrepareOS"),
        step("capture", "CaptureSystemImage", {"OSDCaptureDestination": str(tmp_path / "new.wim")}),
    )
    (tmp_path / "build.xml").write_bytes(write_sequence(wanted))
    given = ["--disk", f"0={tmp_path / 'disk.img'}", "--size", "64MB", "--package", f"WIM={tmp_path / 'windows.wim'}"]
    return ["run", tmp_path / "build.xml", *given, "--without-client", "--replace", "4=ver", "--firmware", "bios"]


def resumed(tmp_path: Path, *more: str | Path, code: int = 0) -> Outcome:
    return osdimage("run", tmp_path / "build.xml", "--resume", tmp_path / "state.json", *more, code=code)


def test_a_run_that_builds_and_captures_pauses_and_goes_on(tmp_path: Path, words: list[str | Path]) -> None:
    shown = osdimage(*words, "--dry-run")
    assert "plan for 'Build': 6 steps: 3 run now, 1 at first start, 2 after it, 0 refused" in shown.out
    assert "* 5. sysprep: the run goes on with it when the new Windows was started and shut down" in shown.out
    assert "* 6. capture: then capture disk 0 partition 1 (C:) to" in shown.out
    paused = osdimage(*words, "--state", tmp_path / "state.json", "--yes")
    judge_file(tmp_path / "state.json", "run-state")
    assert "Build: paused for the first start, 3 steps done, 1 waits for the first start" in paused.out
    assert f"--resume {tmp_path / 'state.json'} --collected" in paused.err
    refused = resumed(tmp_path, "--yes", code=2)
    assert "go on with --collected" in refused.err
    put_files(
        tmp_path / "disk.img",
        {
            rf"{FOLDER}\starts.txt": b"1\r\n",
            rf"{FOLDER}\results.txt": b"1 done 0\r\n",
            rf"{FOLDER}\done": b"1\r\n",
        },
    )
    foreseen = resumed(tmp_path, "--collected", "--dry-run")
    assert "2 steps: 1 run now, 1 true already, 0 refused" in foreseen.out
    document = resumed(tmp_path, "--collected", "--yes", "--json").document
    assert (document["end"], document["waiting"]) == ("succeeded", 0)
    assert (tmp_path / "new.wim").exists()
    assert not (tmp_path / "state.json").exists()


def test_collected_goes_with_resume(tmp_path: Path, words: list[str | Path]) -> None:
    del tmp_path
    assert "--collected goes with --resume" in osdimage(*words, "--collected", code=2).err
