"""What ``osdimage run`` tells of a plan, and of how its steps ended: by classes whose counts are all steps."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from cases.offline_windows import WINDOWS_11, make_tree
from cases.windows_trees import write_tree
from runs.commands import Outcome, osdimage
from runs.terminal import on_a_terminal

SEQUENCE = """\
name: Five classes
steps:
  - {step: Partition, type: PartitionDisk, variables: {OSDDiskIndex: 0, OSDPartitionStyle: MBR,
     OSDPartitions0Type: Primary, OSDPartitions0FileSystem: NTFS, OSDPartitions0QuickFormat: true}}
  - {step: Apply, type: ApplyOperatingSystem, variables: {OSDImageIndex: 1}, properties: {ImagePackageID: WIM}}
  - group: Software
    steps:
      - {step: Office, type: SMS_TaskSequence_NobodyKnowsAction}
      - {step: Viewer, type: SMS_TaskSequence_NobodyKnowsAction}
      - {step: Never, type: SetVariable, disable: true, variables: {VariableName: X, VariableValue: x}}
  - {step: Store, type: UpgradeOperatingSystem}
"""


@pytest.fixture(scope="module")
def wim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("windows")
    osdimage("capture", write_tree(folder / "windows", make_tree(WINDOWS_11)), folder / "w.wim")
    return folder / "w.wim"


def run(folder: Path, wim: Path, *options: str, code: int = 0) -> Outcome:
    (folder / "sequence.yaml").write_text(SEQUENCE)
    given = ("--disk", f"0={folder / 'disk.img'}", "--size", "64MB", "--package", f"WIM={wim}")
    return osdimage("run", folder / "sequence.yaml", *given, "--state", folder / "state", *options, code=code)


REPLACED = ("--replace", "Office=setup.exe /quiet", "--replace", "4=viewer.exe")


def test_the_plan_counts_every_step_and_marks_what_becomes_of_it(tmp_path: Path, wim: Path) -> None:
    told = run(tmp_path, wim, *REPLACED, "--dry-run", code=3).out
    head, *tree = told.partition("\n\n")[0].splitlines()
    assert head == "plan for 'Five classes': 6 steps: 2 run now, 2 at first start, 1 skipped, 1 refused"
    assert tree.pop(0) == "the computer starts by BIOS"
    assert [line[:20] for line in tree] == [
        "+ 1. Partition: part",
        "+ 2. Apply: apply im",
        "Software",
        "  > 3. Office: run s",
        "  > 4. Viewer: run v",
        "  - 5. Never: disabl",
        "x 6. Store: its Setu",
        "     let the first s",
    ]
    assert "\nAt the first start of Windows, which SetupComplete.cmd begins: 2 steps\n" in told
    assert r"in \ProgramData\osdimage\FirstStart" in told
    assert "IN CLEAR TEXT" not in told


def test_a_plan_in_which_all_is_well_says_that_nothing_is_refused(tmp_path: Path, wim: Path) -> None:
    told = run(tmp_path, wim, *REPLACED, "--leave-out", "6", "--dry-run").out
    assert "6 steps: 2 run now, 2 at first start, 1 skipped, 1 left out, 0 refused\n" in told
    assert "~ 6. Store: left out by its name" in told


def test_a_terminal_gets_lines_that_are_as_wide_as_it_is(tmp_path: Path, wim: Path) -> None:
    (tmp_path / "sequence.yaml").write_text(SEQUENCE)
    given = ["--disk", f"0={tmp_path / 'disk.img'}", "--size", "64MB", "--package", f"WIM={wim}", "--leave-out", "6"]
    words = ["run", str(tmp_path / "sequence.yaml"), *given, *REPLACED]
    _, _, plan = on_a_terminal([*words, "--dry-run"], whole=True, COLUMNS="60")
    told, _, _ = plan.replace("\r", "").partition("warning: ")
    # A path is not broken: it would not be one any more.
    assert max(len(line) for line in told.splitlines() if "disk.img" not in line) <= 60
    assert "+ 2. Apply: apply image 1 'windows' to disk 0 partition 1\n    (C:): Windows 10.0" in told
    code, _, shown = on_a_terminal([*words, "--yes"], whole=True, COLUMNS="60")
    assert code == 0, shown
    assert re.search(r"3 +Office +staged *\r?\n {8}waits for the first start: run setup.exe /quiet", shown)


def test_programs_get_the_same(tmp_path: Path, wim: Path) -> None:
    document = run(tmp_path, wim, *REPLACED, "--dry-run", "--json", code=3).document
    classes = ["run", "run", "first-start", "first-start", "skipped", "refused"]
    assert [step["class"] for step in document["steps"]] == classes
    assert document["counts"] == {
        "run": 2, "true": 0, "first-start": 2, "later": 0, "skipped": 1, "left-out": 0, "refused": 1,
    }  # fmt: skip
    start = document["first_start"]
    assert (start["way"], start["folder"]) == ("SetupComplete.cmd", r"ProgramData\osdimage\FirstStart")
    assert (start["steps"], start["secrets"], start["problems"]) == (2, [], [])
    assert start["size_bytes"] > 0


def test_a_secret_that_is_put_on_the_disk_is_told(tmp_path: Path, wim: Path) -> None:
    secret = ("--var", "OSDJoinPassword=Pa55-word", "--replace", "3=join.exe Pa55-word", "--leave-out", "6")
    options = (*REPLACED[2:], *secret, "--dry-run")
    refused = run(tmp_path, wim, *options, code=3)
    assert "--secrets-on-disk allows it" in refused.out
    told = run(tmp_path, wim, *options, "--secrets-on-disk")
    assert "IN CLEAR TEXT, until each has ended: secrets of step 3\n" in told.out
    assert "Pa55-word" not in refused.out + refused.err + told.out + told.err


def test_a_step_that_is_staged_is_never_called_done(tmp_path: Path, wim: Path) -> None:
    done = run(tmp_path, wim, *REPLACED, "--leave-out", "6", "--yes")
    rows = [line.split()[1:3] for line in done.out.splitlines() if line[:3].strip().isdigit()]
    assert dict(rows) == {
        "Partition": "done",
        "Apply": "done",
        "Office": "staged",
        "Viewer": "staged",
        "Never": "skipped",
        "Store": "left",
    }
    assert "Five classes: done, 1 step left out, 2 steps ran, 2 wait for the first start, 1 skipped (" in done.out
    assert "osdimage run --collect DISK tells how they ended" in done.err


def test_a_run_in_which_all_is_done_or_staged_has_succeeded(tmp_path: Path, wim: Path) -> None:
    document = run(tmp_path, wim, *REPLACED, "--replace", "6=late.exe", "--yes", "--json").document
    assert (document["end"], document["succeeded"], document["waiting"]) == ("succeeded", True, 3)
    assert document["counts"] == {"succeeded": 2, "staged": 3, "skipped": 1}


def test_what_is_true_already_is_counted_beside_what_was_done(tmp_path: Path) -> None:
    (tmp_path / "sequence.yaml").write_text(
        "name: S\nsteps:\n"
        "  - {step: Copy, type: LTICopyScripts}\n"
        "  - {step: Set, type: SetVariable, properties: {VariableName: X, VariableValue: x}}\n"
    )
    known = ("--disk", f"0={tmp_path / 'disk.img'}", "--size", "8MB", "--state", tmp_path / "state")
    told = osdimage("run", tmp_path / "sequence.yaml", *known, "--dry-run").out
    assert told.startswith("plan for 'S': 2 steps: 1 run now, 1 true already, 0 refused\n= 1. Copy: ")
    done = osdimage("run", tmp_path / "sequence.yaml", *known, "--yes").out
    assert "S: succeeded, 1 step done, 1 true already (" in done


def test_a_step_that_would_fail_says_why_in_its_place(tmp_path: Path) -> None:
    (tmp_path / "sequence.yaml").write_text(
        "name: S\nsteps:\n"
        "  - {step: Set, type: SetVariable, properties: {VariableName: _SMSTSLogPath, VariableValue: x}}\n"
    )
    known = ("--disk", f"0={tmp_path / 'disk.img'}", "--size", "8MB", "--dry-run")
    told = osdimage("run", tmp_path / "sequence.yaml", *known, code=2).out
    assert "\n+ 1. Set: would fail: _SMSTSLogPath is read-only: " in told


def test_a_step_that_is_refused_and_may_fail_lets_the_sequence_begin(tmp_path: Path) -> None:
    (tmp_path / "sequence.yaml").write_text(
        "name: S\nsteps:\n  - {step: Own, type: SMS_TaskSequence_NobodyKnowsAction, continueOnError: true}\n"
    )
    known = ("--disk", f"0={tmp_path / 'disk.img'}", "--size", "8MB", "--dry-run")
    told = osdimage("run", tmp_path / "sequence.yaml", *known).out.splitlines()
    assert told[0] == "plan for 'S': 1 step: 1 refused"
    assert told[1].startswith("x 1. Own: step type SMS_TaskSequence_NobodyKnowsAction is not known to osdimage")
    assert told[2] == "     it may fail: the sequence goes on without it"
