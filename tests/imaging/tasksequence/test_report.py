"""What a run tells its observer and its log, and what nobody is told."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from cases.sequence_bench import EXAMPLE, Bench, F, N, S
from osdimage.imaging.progress import Phase, ProgressEvent
from osdimage.imaging.tasksequence.codes import HResult
from osdimage.imaging.tasksequence.computer.machine import Machine
from osdimage.imaging.tasksequence.conditions import Compare, Operator
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.forms.build import group, sequence, step
from osdimage.imaging.tasksequence.log import SequenceLog
from osdimage.imaging.tasksequence.report import RunEvent, StepState
from osdimage.imaging.tasksequence.result import ActionResult, Events, LogType


def test_no_secret_is_told_to_anyone(bench: Bench, tmp_path: Path) -> None:
    def tell(env: Environment, machine: Machine, events: Events) -> ActionResult:
        del env, machine
        events.log(LogType.WARNING, "the password is swordfish")
        assert events.progress is not None
        events.progress(ProgressEvent(Phase.SCAN, 1, 2, "bytes", 50.0, None, warning="swordfish lost"))
        return ActionResult(HResult.E_FAIL, "swordfish is wrong", warnings=("swordfish too",))

    bench.bodies = {"swordfish": tell}
    events: list[RunEvent] = []
    env = Environment(computer={"OSDJoinPassword": "swordfish"})
    wanted = sequence(
        "swordfish",
        group("swordfish", step("swordfish", "Work", {"A": "%OSDJoinPassword%"})),
        step("b", "Work", condition=Compare("A", Operator.EQUALS, "swordfish")),
    )
    with SequenceLog(tmp_path / "smsts.log", mask=env.mask, clock=lambda: datetime(2007, 1, 1, tzinfo=UTC)) as log:
        report = bench.run(wanted, env, observer=events.append, log=log)
    text = (tmp_path / "smsts.log").read_text() + repr(events) + repr(report) + repr(env)
    assert "swordfish" not in text
    assert "the password is ***" in text
    assert 'component="Work"' in text


def test_the_observer_is_told_each_step_in_order(bench: Bench) -> None:
    events: list[RunEvent] = []
    bench.run(EXAMPLE, Environment(computer={"Fail": "2 4"}), observer=events.append)
    told = [(event.step, event.state) for event in events if event.state is not None]
    running = StepState.RUNNING
    assert told == [
        (1, running), (1, S), (2, running), (2, F), (3, N), (4, running), (4, F), (5, N), (6, N),
    ]  # fmt: skip


def test_the_log_tells_the_story(bench: Bench, tmp_path: Path) -> None:
    with SequenceLog(tmp_path / "smsts.log") as log:
        bench.run(EXAMPLE, Environment(computer={"Fail": "2 4"}), log=log)
    text = (tmp_path / "smsts.log").read_text()
    for expected in (
        "Start of task sequence 'Example': 6 steps",
        "Step 2 '2' failed (0x80070070): 2 has failed",
        "Group 'Task Sequence Group 1' failed; its error is passed over",
        "Step 3 '3' not run: an earlier step of group 'Task Sequence Group 1' failed",
        "Task sequence failed: step 4 '4' failed (0x80070070)",
    ):
        assert f"<![LOG[{expected}" in text
