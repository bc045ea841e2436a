"""Build and capture: a run that pauses until the new Windows was started, and what it takes from its disk then.

What the first start leaves is written here as ``run.cmd`` writes it (imaging/firststart/__init__.py), which is judged
itself under Wine.
"""

from __future__ import annotations

import errno
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from cases.offline_windows import WINDOWS_7, WINDOWS_11, WINDOWS_XP, Made, make_tree
from cases.old_windows import machine_with, put_files
from cases.sequence import MBR, MIB, blank_disk, computer
from cases.windows_trees import write_tree
from judges import batch
from judges import wim as judges
from osdimage.imaging.capture import capture_image
from osdimage.imaging.disk.places import open_volume
from osdimage.imaging.errors import InvalidDocument, InvalidRequest, Means, StorageError
from osdimage.imaging.registry.hive import Key
from osdimage.imaging.registry.values import Value, ValueType
from osdimage.imaging.registry.write import new_hive, write_hive
from osdimage.imaging.tasksequence import runner
from osdimage.imaging.tasksequence.codes import HResult
from osdimage.imaging.tasksequence.collected import collect_first_start
from osdimage.imaging.tasksequence.computer.machine import Machine
from osdimage.imaging.tasksequence.computer.supplies import Supplies
from osdimage.imaging.tasksequence.conditions import Compare, Operator
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.forms.build import group, sequence, step
from osdimage.imaging.tasksequence.judging.judgement import Decision
from osdimage.imaging.tasksequence.phases import Phase
from osdimage.imaging.tasksequence.plan import plan_sequence
from osdimage.imaging.tasksequence.planned import RunPlan
from osdimage.imaging.tasksequence.report import RunEnd, RunReport, StepState
from osdimage.imaging.tasksequence.runner import run_sequence
from osdimage.imaging.tasksequence.runstate import RunState
from osdimage.imaging.tasksequence.sequence import Sequence
from osdimage.imaging.tasksequence.setup.prepare_client import stage_removal
from osdimage.imaging.volume.filesystems import open_files

FOLDER = r"ProgramData\osdimage\FirstStart"
SID = bytes.fromhex("010400000000000515000000")
USED = replace(WINDOWS_11, image_state="IMAGE_STATE_COMPLETE", setup_type=0, setup_command="")


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("image")
    capture_image(write_tree(folder / "tree", make_tree(WINDOWS_11)), folder / "windows.wim")
    return folder / "windows.wim"


def build_and_capture(destination: Path, *more: object) -> Sequence:
    return sequence(
        "Build and capture",
        step("partition", "PartitionDisk", MBR),
        step("apply", "ApplyOperatingSystem", {"OSDImageIndex": "1"}, {"ImagePackageID": "WIM"}),
        step("setup", "SetupWindowsAndSMS"),
        step("first", "Later"),
        step("second", "Later"),
        *more,  # type: ignore[arg-type] # steps and groups
        group(
            "Capture",
            step("client", "PrepareSMSClient"),
            step("sysprep", "PrepareOS"),
            step("capture", "CaptureSystemImage", {"OSDCaptureDestination": str(destination)}),
        ),
    )


def new_machine(tmp_path: Path, image: Path) -> Machine:
    machine = computer(blank_disk(tmp_path / "disk.img", 64 * MIB), WIM=image)
    machine.supplies = Supplies(without_client=True, replaced={4: "ver", 5: "ver"})
    return machine


def started(disk: Path, files: Mapping[str, str], made: Made | None = None) -> None:
    """Leave on a disk what a first start leaves, and what becomes of the Windows."""
    written = {rf"{FOLDER}\{path}": text.encode() for path, text in files.items()}
    written |= {} if made is None else make_tree(made)
    put_files(disk, written)


ENDED = {"starts.txt": "2\r\n", "results.txt": "1 done 0\r\n2 done 3010\r\n", "done": "2\r\n"}


def paused(tmp_path: Path, image: Path) -> tuple[RunReport, Path]:
    state_file = tmp_path / "state.json"
    wanted = build_and_capture(tmp_path / "reference.wim")
    report = run_sequence(wanted, Environment(), new_machine(tmp_path, image), state_file=state_file)
    return report, state_file


def go_on(tmp_path: Path, state_file: Path) -> RunReport:
    state = RunState.load(state_file)
    collect_first_start(state)
    wanted = build_and_capture(tmp_path / "reference.wim")
    return run_sequence(wanted, state.env, state.machine, resume=state, state_file=state_file)


def test_the_plan_tells_what_is_done_after_the_first_start(tmp_path: Path, image: Path) -> None:
    machine = new_machine(tmp_path, image)
    plan = plan_sequence(build_and_capture(tmp_path / "reference.wim"), Environment(), machine)
    assert not plan.problems()
    becomes = [each.becomes for each in plan.steps]
    assert becomes == ["run", "run", "run", "first-start", "first-start", "true", "later", "later"]
    assert sum(plan.counts.values()) == len(plan.steps)
    assert plan.first_start is not None
    assert plan.first_start.steps == 2
    assert (plan.steps[-1].does or "").startswith("capture disk 0 partition 1 (C:) to ")
    # What would keep the later steps from running is a problem now.
    nowhere = build_and_capture(tmp_path / "nowhere" / "x.wim")
    found = plan_sequence(nowhere, Environment(), machine).problems()
    assert len(found) == 1
    assert "there is no directory" in found[0]


@pytest.mark.foreign
def test_a_run_pauses_for_the_first_start_and_captures_what_that_has_made(tmp_path: Path, image: Path) -> None:
    report, state_file = paused(tmp_path, image)
    assert (report.end, report.code, report.state_file) == (RunEnd.PAUSED, 0, state_file)
    assert [each.state for each in report.steps[3:]] == [
        StepState.STAGED, StepState.STAGED, StepState.HOLDS, StepState.LATER, StepState.LATER,
    ]  # fmt: skip
    started(tmp_path / "disk.img", {**ENDED, "made.txt": "by the first start"})
    done = go_on(tmp_path, state_file)
    assert (done.end, done.waiting) == (RunEnd.SUCCEEDED, 0)
    assert [(each.state, each.code) for each in done.steps[3:5]] == [
        (StepState.SUCCEEDED, 0), (StepState.SUCCEEDED, 3010),
    ]  # fmt: skip
    assert done.steps[3].message == "done at the first start"
    assert not state_file.exists()
    made = f"--dest-dir={tmp_path}"
    judges.wimlib("extract", tmp_path / "reference.wim", "1", "/ProgramData/osdimage/FirstStart/made.txt", made)
    assert (tmp_path / "made.txt").read_text() == "by the first start"


def test_a_paused_run_does_not_begin_its_first_start_again(tmp_path: Path, image: Path) -> None:
    _, state_file = paused(tmp_path, image)
    state = RunState.load(state_file)
    with pytest.raises(InvalidRequest, match="paused for the first start") as caught:
        run_sequence(build_and_capture(tmp_path / "reference.wim"), state.env, state.machine, resume=state)
    assert caught.value.remedy is not None
    assert caught.value.remedy.means == (Means.COLLECTED,)
    started(tmp_path / "disk.img", ENDED)
    collect_first_start(state)
    with pytest.raises(InvalidRequest, match="is not paused"):
        collect_first_start(state)


def test_a_first_start_that_could_not_be_put_on_the_disk_is_put_there_when_the_run_goes_on(
    tmp_path: Path, image: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> str:
        raise StorageError("the disk is full", path=tmp_path, errno=errno.ENOSPC)

    with monkeypatch.context() as patched:
        patched.setattr(runner, "put_first_start", full)
        report, state_file = paused(tmp_path, image)
    assert (report.end, report.code) == (RunEnd.FAILED, HResult.DISK_FULL)
    assert [each.state for each in report.steps[5:]] == [StepState.HOLDS, StepState.NOT_RUN, StepState.NOT_RUN]
    state, wanted = RunState.load(state_file), build_and_capture(tmp_path / "reference.wim")
    again = run_sequence(wanted, state.env, state.machine, resume=state, state_file=state_file)
    assert (again.end, again.waiting) == (RunEnd.PAUSED, 2)
    assert again.first_start.startswith("2 steps put on the disk for the first start")


@pytest.mark.parametrize(
    ("files", "said"),
    [
        pytest.param({}, "was not started yet", id="not started"),
        pytest.param({"starts.txt": "1", "results.txt": "1 done 0\r\n"}, "is not at its end", id="at work"),
        pytest.param(
            {"starts.txt": "1", "results.txt": "1 done 0\r\n2 failed 5\r\n", "failed": "2 5"},
            "failed: 'second' failed (5)",
            id="failed",
        ),
        pytest.param({"starts.txt": "21", "failed": "starts"}, "the first start has failed", id="starts for ever"),
    ],
)
def test_a_first_start_that_has_not_succeeded_is_not_gone_on_from(
    tmp_path: Path, image: Path, files: dict[str, str], said: str
) -> None:
    _, state_file = paused(tmp_path, image)
    started(tmp_path / "disk.img", files)
    state = RunState.load(state_file)
    with pytest.raises(InvalidRequest) as caught:
        collect_first_start(state)
    assert said in str(caught.value)
    assert state.is_paused


def test_the_first_start_of_another_run_is_not_taken(tmp_path: Path, image: Path) -> None:
    _, state_file = paused(tmp_path, image)
    with open_volume(tmp_path / "disk.img", 1) as volume, open_files(volume) as files:
        plan = json.loads(files.read(rf"{FOLDER}\plan.json", limit=MIB))
    plan["steps"].pop()
    started(tmp_path / "disk.img", {**ENDED, "plan.json": json.dumps(plan)})
    with pytest.raises(InvalidDocument, match="that of another run"):
        collect_first_start(RunState.load(state_file))


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        pytest.param(USED, "the Windows is not generalized; run Sysprep in it", id="not generalized"),
        pytest.param(None, None, id="generalized"),
    ],
)
def test_what_is_captured_was_prepared_by_sysprep(
    tmp_path: Path, image: Path, made: Made | None, reason: str | None
) -> None:
    _, state_file = paused(tmp_path, image)
    started(tmp_path / "disk.img", ENDED, made)
    state = RunState.load(state_file)
    collect_first_start(state)
    wanted = build_and_capture(tmp_path / "reference.wim")
    plan = plan_sequence(wanted, state.env, state.machine, judged=state.judged, first=state.next)
    if reason is None:
        assert [each.decision for each in plan.steps] == [Decision.HOLDS, Decision.RUN]
    else:
        assert plan.steps[0].decision is Decision.REFUSE
        assert (plan.steps[0].reason or "").startswith(reason)
        # Told once, and not again of the step behind it.
        assert len(plan.problems()) == 1


def test_what_the_steps_have_set_decides_what_follows(tmp_path: Path, image: Path) -> None:
    condition = Compare("Built", Operator.EQUALS, "yes")
    wanted = sequence(
        "S",
        step("partition", "PartitionDisk", MBR),
        step("apply", "ApplyOperatingSystem", {"OSDImageIndex": "1"}, {"ImagePackageID": "WIM"}),
        step("setup", "SetupWindowsAndSMS"),
        step("first", "Later"),
        step("restart", "Reboot", {}, {"Target": "WinPE"}),
        step("set", "SetVariable", {}, {"VariableName": "X", "VariableValue": "1"}, condition=condition),
    )
    machine, state_file = new_machine(tmp_path, image), tmp_path / "state.json"
    machine.supplies = Supplies(without_client=True, replaced={4: "ver"})
    plan = plan_sequence(wanted, Environment(), machine)
    assert [each.becomes for each in plan.steps[3:]] == ["first-start", "later", "skipped"]
    assert run_sequence(wanted, Environment(), machine, state_file=state_file).end is RunEnd.PAUSED
    files = {"starts.txt": "1", "results.txt": "1 done 0\r\n", "done": "1"}
    started(tmp_path / "disk.img", {**files, "vars.txt": "Built=no\r\nbuilt=yes\r\nNot=me\r\n"})
    state = RunState.load(state_file)
    # As a step would that sets it.
    state.machine.unsure.add("built")
    collect_first_start(state)
    assert (state.env.get("Built"), state.env.get("Not"), state.machine.unsure) == ("yes", None, set())
    assert (state.env["_SMSTSLastActionRetCode"], state.env["_SMSTSLastActionSucceeded"]) == ("0", "true")
    done = run_sequence(wanted, state.env, state.machine, resume=state)
    assert (done.end, done.restarts) == (RunEnd.SUCCEEDED, 1)
    assert [each.state for each in done.steps[4:]] == [StepState.SUCCEEDED, StepState.SUCCEEDED]
    assert state.machine.phase is Phase.PE


# As run.cmd finds out of a group: imaging/tasksequence/staging/first_start.py.
@pytest.mark.parametrize(
    ("answer", "result", "state"),
    [("yes", "2 done 3010", StepState.SUCCEEDED), ("no", "2 skipped 0", StepState.SKIPPED)],
)
def test_a_group_is_judged_once_over_the_pause(
    tmp_path: Path, image: Path, answer: str, result: str, state: StepState
) -> None:
    wanted = sequence(
        "S",
        step("partition", "PartitionDisk", MBR),
        step("apply", "ApplyOperatingSystem", {"OSDImageIndex": "1"}, {"ImagePackageID": "WIM"}),
        step("setup", "SetupWindowsAndSMS"),
        step("first", "Later"),
        group(
            "G",
            step("second", "Later"),
            step("restart", "Reboot", {}, {"Target": "WinPE"}),
            step("set", "SetVariable", {}, {"VariableName": "X", "VariableValue": "1"}),
            condition=Compare("_SMSTSLastActionRetCode", Operator.EQUALS, "0"),
        ),
    )
    state_file = tmp_path / "state.json"
    report = run_sequence(wanted, Environment(), new_machine(tmp_path, image), state_file=state_file)
    assert report.end is RunEnd.PAUSED
    ended = ENDED | {"results.txt": f"1 done 0\r\n{result}\r\n", f"group-4.{answer}": f"{answer}\r\n"}
    started(tmp_path / "disk.img", ended)
    resumed = RunState.load(state_file)
    collect_first_start(resumed)
    done = run_sequence(wanted, resumed.env, resumed.machine, resume=resumed)
    assert [each.state for each in done.steps[4:]] == [state, state, state]


def test_nothing_waits_for_a_second_first_start() -> None:
    wanted = sequence("S", step("first", "Later"))
    machine = Machine(phase=Phase.NEW, has_started=True, supplies=Supplies(replaced={1: "ver"}))
    (planned,) = plan_sequence(wanted, Environment(), machine).steps
    assert planned.reason == "it would wait for a first start, and the new Windows was started already"


# The Windows that is there


def one(name: str, machine: Machine, env: Environment | None = None) -> RunPlan:
    return plan_sequence(sequence("S", step("a", name)), env or Environment(), machine)


def security(sid: bytes) -> bytes:
    hive = new_hive("SECURITY")
    hive.root.ensure(r"Policy\PolPrDmS").set(Value("", ValueType.NONE, sid))
    return write_hive(hive)


@pytest.mark.parametrize(
    ("made", "sid", "reason"),
    [
        pytest.param(WINDOWS_11, b"", None, id="workgroup"),
        pytest.param(WINDOWS_XP, None, None, id="xp"),
        pytest.param(WINDOWS_11, SID, "the Windows is in a domain; take it out, and run Sysprep", id="domain"),
        pytest.param(WINDOWS_7, b"", "the Windows is not generalized; run Sysprep", id="not generalized"),
    ],
)
@pytest.mark.parametrize("phase", [Phase.OLD, Phase.PE])
def test_a_windows_that_is_there_is_prepared_or_refused(
    tmp_path: Path, made: Made, sid: bytes | None, reason: str | None, phase: Phase
) -> None:
    tree = make_tree(made)
    if sid is not None:
        tree[f"{made.folder}/System32/config/SECURITY"] = security(sid)
    machine = machine_with(tmp_path / "disk.img", tree)
    machine.phase = phase
    (planned,) = one("PrepareOS", machine).steps
    if reason is None:
        assert planned.decision is Decision.HOLDS
    else:
        assert planned.decision is Decision.REFUSE
        assert (planned.reason or "").startswith(reason)


def _service(_root: Key, control: Key) -> None:
    control.ensure(r"Services\CcmExec").set(Value.dword("Start", 2))


@pytest.mark.parametrize(
    ("made", "more", "phase", "expected"),
    [
        pytest.param(WINDOWS_11, {}, Phase.OLD, Decision.HOLDS, id="none"),
        pytest.param(Made(more=_service), {}, Phase.OLD, Decision.REFUSE, id="service"),
        pytest.param(WINDOWS_11, {"Windows/CCM/x.exe": b""}, Phase.PE, Decision.REFUSE, id="folder"),
        pytest.param(Made(more=_service), {}, Phase.NEW, Decision.STAGE, id="new Windows"),
    ],
)
def test_the_client_is_not_there_or_removed_at_the_first_start(
    tmp_path: Path, made: Made, more: dict[str, bytes], phase: Phase, expected: Decision
) -> None:
    machine = machine_with(tmp_path / "disk.img", make_tree(made) | more)
    machine.phase = phase
    assert one("PrepareSMSClient", machine).steps[0].decision is expected


def test_the_removal_of_the_client_is_a_sound_batch_file() -> None:
    lines = stage_removal(Environment(), Machine()).lines
    assert not batch.faults("".join(f"{each}\r\n" for each in lines).encode())


@pytest.mark.parametrize(("made", "expected"), [(WINDOWS_7, Decision.HOLDS), (WINDOWS_XP, Decision.REFUSE)])
def test_sysprep_is_in_windows_since_vista(tmp_path: Path, made: Made, expected: Decision) -> None:
    machine = machine_with(tmp_path / "disk.img", make_tree(made))
    assert one("InstallDeployTools", machine).steps[0].decision is expected


def test_an_upgrade_is_refused_by_name(tmp_path: Path) -> None:
    (planned,) = one("UpgradeOperatingSystem", machine_with(tmp_path / "disk.img", make_tree(WINDOWS_7))).steps
    assert (planned.reason or "").startswith("its Setup runs in the Windows that is upgraded")
