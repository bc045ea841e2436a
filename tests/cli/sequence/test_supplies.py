"""The options of ``osdimage run`` that give what a site, a share or a Windows that runs would."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from runs.commands import osdimage

SEQUENCE = """\
name: Later
steps:
  - {step: Nothing to start from, type: Restart Computer}
  - {step: Never, type: SetVariable, disable: true, variables: {VariableName: X, VariableValue: x}}
"""


@pytest.fixture
def sequence(tmp_path: Path) -> Path:
    path = tmp_path / "sequence.yaml"
    path.write_text(SEQUENCE)
    return path


def stopped(sequence: Path, *options: str | Path) -> dict[str, object]:
    """Run the sequence, which fails in its first step, and return the computer of the state that it leaves."""
    state = sequence.with_name("state.json")
    how = ("--disk", f"0={sequence.with_name('d.img')}", "--size", "8MB", "--state", state)
    osdimage("run", sequence, *how, *options, code=1)
    return dict(json.loads(state.read_text())["machine"])


def test_what_is_given_is_kept_with_the_state(sequence: Path, tmp_path: Path) -> None:
    (tmp_path / "share" / "Control").mkdir(parents=True)
    (tmp_path / "rules.ini").touch()
    options = (
        *("--first-boot", "logon", "--facts", "qemu", "--rules", tmp_path / "rules.ini"),
        *("--deployment-share", tmp_path / "share", "--updates", tmp_path / "share"),
        *("--program", "ABC00001:Install=setup.exe /a=b", "--application", "Viewer=viewer.exe"),
        *("--application-package", "Viewer=ABC00002", "--replace", "never=cmd /c later.cmd"),
        *("--without-client", "--secrets-on-disk", "--from-windows"),
    )
    machine = stopped(sequence, *options)
    assert machine["phase"] == "old"
    assert machine["supplies"] == {
        "first_boot": "logon",
        "facts": ["qemu"],
        "rules": str(tmp_path / "rules.ini"),
        "deployment_share": str(tmp_path / "share"),
        "updates": str(tmp_path / "share"),
        "programs": {"ABC00001:Install": "setup.exe /a=b"},
        "applications": {"Viewer": ["viewer.exe", "ABC00002"]},
        "replaced": {"2": "cmd /c later.cmd"},
        "without_client": True,
        "secrets_on_disk": True,
    }


def test_a_run_that_is_resumed_takes_more(sequence: Path, tmp_path: Path) -> None:
    stopped(sequence, "--program", "ABC00001:One=one.exe", "--facts", "qemu")
    state = tmp_path / "state.json"
    osdimage("run", sequence, "--resume", state, "--program", "ABC00001:Two=two.exe", "--first-boot", "none", code=1)
    supplies = json.loads(state.read_text())["machine"]["supplies"]
    assert supplies["programs"] == {"ABC00001:One": "one.exe", "ABC00001:Two": "two.exe"}
    assert (supplies["facts"], supplies["first_boot"]) == (["qemu"], "none")


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        pytest.param(("--program", "a"), 2, "value 1 is not ID:NAME=COMMAND", id="no command"),
        pytest.param(("--application", "=b"), 2, "value 1 is not NAME=COMMAND", id="no name"),
        pytest.param(("--replace", "1=a", "--replace", "1=b"), 2, "1 is given twice", id="twice"),
        pytest.param(("--replace", "7=a"), 2, "there is no step '7'", id="a step that is not there"),
        pytest.param(("--application-package", "a=b"), 2, "application 'a' has no command", id="no application"),
        pytest.param(("--updates", "/nowhere"), 2, "'/nowhere' does not exist", id="no folder"),
        pytest.param(("--first-boot", "never"), 2, "'never' is not one of 'setup', 'logon', 'none'", id="no way"),
    ],
)
def test_what_is_wrong_is_told(sequence: Path, options: tuple[str, ...], code: int, message: str) -> None:
    disk = ("--disk", f"0={sequence.with_name('d.img')}", "--size", "8MB")
    done = osdimage("run", sequence, *disk, *options, "--dry-run", code=code)
    assert message in done.err
    assert not sequence.with_name("d.img").exists()


def test_a_command_that_is_wrong_is_not_shown(sequence: Path) -> None:
    assert "Pa55" not in osdimage("run", sequence, "--program", "setup /password:Pa55", code=2).err


def test_a_run_that_is_resumed_does_not_begin_in_another_system(sequence: Path, tmp_path: Path) -> None:
    stopped(sequence)
    done = osdimage("run", sequence, "--resume", tmp_path / "state.json", "--from-windows", code=2)
    assert "--resume goes with no --state, --size, --firmware, --from-windows" in done.err


def family(folder: Path) -> tuple[Path, tuple[str, str]]:
    (folder / "parent.yaml").write_text(
        "name: P\nsteps:\n"
        "  - {step: Software, type: Run Task Sequence, properties: {TsPackageID: ABC00002}}\n"
        "  - {step: Nothing to start from, type: Restart Computer}\n"
    )
    (folder / "child.yaml").write_text(
        "name: C\nsteps:\n"
        "  - {step: First, type: SetVariable, properties: {VariableName: X, VariableValue: x}}\n"
        "  - {step: Second, type: SetVariable, properties: {VariableName: Y, VariableValue: y}}\n"
    )
    return folder / "parent.yaml", ("--sequence", f"ABC00002={folder / 'child.yaml'}")


def test_the_steps_of_a_child_take_the_place_of_the_step_that_runs_it(tmp_path: Path) -> None:
    parent, child = family(tmp_path)
    disk = ("--disk", f"0={tmp_path / 'd.img'}", "--size", "8MB", "--dry-run")
    refused = osdimage("run", parent, *disk, code=3)
    assert "1 refused" in refused.out
    assert "step 1 'Software': the task sequence that it runs is not given: ABC00002" in refused.out
    assert "give --sequence ABC00002=FILE" in refused.out
    told = osdimage("run", parent, *disk, *child, "--leave-out", "1.2").out
    assert "3 steps: 2 run now, 1 left out, 0 refused" in told
    assert "\nSoftware\n  + 1.1. First: " in told
    assert "\n  ~ 1.2. Second: left out by its name\n+ 2. Nothing to start from: " in told


def test_a_run_with_children_that_failed_tells_how_to_go_on_with_them(tmp_path: Path) -> None:
    parent, child = family(tmp_path)
    state = tmp_path / "state.json"
    failed = osdimage(
        "run", parent, "--disk", f"0={tmp_path / 'd.img'}", "--size", "8MB", "--state", state, *child, code=1
    )
    again = failed.err.strip().splitlines()[-1]
    assert again == f"to go on: osdimage run {parent} {' '.join(child)} --resume {state}"
    assert "that of another task sequence" in osdimage("run", parent, "--resume", state, code=2).err
    assert "step 2 'Nothing to start from'" in osdimage(*again.split()[4:], code=1).err


def test_a_child_that_is_not_there_is_told(tmp_path: Path) -> None:
    parent, _ = family(tmp_path)
    refused = osdimage("run", parent, "--disk", "0=x", "--sequence", "ABC00002=none.xml", code=2)
    assert "--sequence ABC00002=none.xml: none.xml does not exist" in refused.err


def test_a_file_of_answers_gives_the_same_as_options(tmp_path: Path) -> None:
    parent, _ = family(tmp_path)
    (tmp_path / "answers.yaml").write_text(
        "{sequence: {ABC00002: child.yaml}, facts: qemu, leave-out: [Second], program: {'A:B': of the file, 'A:C': c},"
        " from-windows: true}"
    )
    answers = ("--answers", tmp_path / "answers.yaml")
    state, disk = tmp_path / "state.json", ("--disk", f"0={tmp_path / 'd.img'}", "--size", "8MB")
    failed = osdimage("run", parent, *disk, "--state", state, *answers, "--program", "A:B=given", code=1)
    machine = json.loads(state.read_text())["machine"]
    assert (machine["phase"], machine["supplies"]["facts"]) == ("old", ["qemu"])
    assert machine["supplies"]["programs"] == {"A:B": "given", "A:C": "c"}
    # It goes on with the same file, whose sequences the state does not keep.
    again = failed.err.strip().splitlines()[-1]
    assert again == f"to go on: osdimage run {parent} --answers {answers[1]} --resume {state}"
    assert "step 2 'Nothing to start from'" in osdimage(*again.split()[4:], code=1).err


def test_a_log_does_not_take_the_place_of_the_answers(tmp_path: Path) -> None:
    parent, _ = family(tmp_path)
    (tmp_path / "answers.yaml").write_text("facts: qemu\n")
    answers = ("--answers", tmp_path / "answers.yaml", "--log", tmp_path / "answers.yaml")
    refused = osdimage("run", parent, "--disk", f"0={tmp_path / 'd.img'}", "--size", "8MB", *answers, code=2)
    assert "the run needs this file itself" in refused.err
    assert (tmp_path / "answers.yaml").read_text() == "facts: qemu\n"
