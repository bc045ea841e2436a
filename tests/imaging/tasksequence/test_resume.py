"""Going on with a run that stopped."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest
from cases.sequence_bench import EXAMPLE, Bench, F, Formatted, N, S, states
from osdimage.imaging.errors import InvalidDocument, InvalidRequest
from osdimage.imaging.tasksequence.codes import HResult
from osdimage.imaging.tasksequence.computer.machine import Machine, Place
from osdimage.imaging.tasksequence.conditions import Compare, Operator
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.forms.build import group, sequence, step
from osdimage.imaging.tasksequence.result import ActionResult, Events
from osdimage.imaging.tasksequence.runner import run_sequence
from osdimage.imaging.tasksequence.runstate import RunState


def test_a_failed_run_goes_on_from_its_state(bench: Bench, tmp_path: Path) -> None:
    def set_output(env: Environment, machine: Machine, events: Events) -> ActionResult:
        del events
        env["Output"] = "kept"
        env["OSDJoinPassword"] = "swordfish"
        machine.letters["D"] = Place(0, 2)
        return ActionResult(HResult.S_OK, "")

    bench.bodies = {"a": set_output}
    kept = tmp_path / "state.json"
    wanted = sequence(
        "S",
        group("g", step("a", "Work"), step("b", "Work"), condition=Compare("Gone", Operator.NOT_EXISTS)),
        step("c", "Work"),
    )
    report = bench.run(wanted, Environment(computer={"Fail": "b"}), state_file=kept)
    assert (states(report), report.state_file) == ([S, F, N], kept)
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600

    state = RunState.load(kept)
    assert state.env["Output"] == "kept"
    assert state.machine.letters == {"D": Place(0, 2)}
    state.env["Fail"] = ""
    # The group was entered already; its condition is not asked again.
    state.env["Gone"] = "1"
    state.machine = Formatted(letters=state.machine.letters)
    bench.ran.clear()
    report = run_sequence(wanted, state.env, state.machine, bench.actions, state_file=kept, resume=state)
    assert bench.ran == ["b", "c"]
    assert (states(report), report.succeeded) == ([S, S, S], True)
    assert not kept.exists()


def test_a_run_that_is_interrupted_goes_on_with_the_step_that_was_at_work(bench: Bench, tmp_path: Path) -> None:
    def stop(*_: object) -> ActionResult:
        raise KeyboardInterrupt

    bench.bodies = {"b": stop}
    kept = tmp_path / "state.json"
    wanted = sequence("S", *(step(name, "Work") for name in "abc"))
    with pytest.raises(KeyboardInterrupt):
        bench.run(wanted, state_file=kept)
    bench.bodies.clear()
    bench.ran.clear()
    state = RunState.load(kept)
    assert state.next == 1
    report = run_sequence(wanted, state.env, Formatted(), bench.actions, resume=state)
    assert (bench.ran, report.succeeded) == (["b", "c"], True)


def test_a_step_is_told_that_it_may_have_been_begun_before(bench: Bench, tmp_path: Path) -> None:
    told: list[tuple[str, bool]] = []

    def look(env: Environment, machine: Machine, events: Events) -> ActionResult:
        del machine
        told.append((env["_SMSTSCurrentActionName"], events.is_repeated))
        return ActionResult(HResult.E_FAIL if env.get("Fail") == env["_SMSTSCurrentActionName"] else 0, "")

    bench.bodies = dict.fromkeys("abc", look)
    kept = tmp_path / "state.json"
    wanted = sequence("S", step("a", "Work"), step("b", "Work", retry_count=1), step("c", "Work"))
    bench.run(wanted, Environment(computer={"Fail": "b"}), state_file=kept)
    state = RunState.load(kept)
    state.env["Fail"] = ""
    run_sequence(wanted, state.env, Formatted(), bench.actions, resume=state)
    assert told == [("a", False), ("b", False), ("b", True), ("b", True), ("c", False)]


def test_a_state_goes_only_with_its_own_sequence(bench: Bench, tmp_path: Path) -> None:
    kept = tmp_path / "state.json"
    bench.run(EXAMPLE, Environment(computer={"Fail": "4"}), state_file=kept)
    state = RunState.load(kept)
    with pytest.raises(InvalidRequest, match="another task sequence, or this one was changed"):
        bench.run(sequence("Other", step("a", "Work")), resume=state)


@pytest.mark.parametrize(
    "change",
    [
        {"format": "x"}, {"version": 9}, {"next": -1}, {"next": True}, {"next": "1"}, {"judged": [{}]}, {"machine": {}},
        {"judged": [{"group": [0], "decision": "maybe", "reason": None}]}, {"environment": []},
        {"reports": [{"number": 1}]}, {"reports": [5]}, {"reports": None},
        {"reports": [{"number": 1, "groups": [], "warnings": [], "state": "running mad", "name": "a", "type": None}]},
        {"reports": [{"number": 1, "groups": [], "warnings": [], "state": "failed", "unknown": 1}]},
    ],
)  # fmt: skip
def test_a_damaged_state_is_refused(bench: Bench, tmp_path: Path, change: dict[str, object]) -> None:
    kept = tmp_path / "state.json"
    bench.run(EXAMPLE, Environment(computer={"Fail": "4"}), state_file=kept)
    kept.write_text(json.dumps({**json.loads(kept.read_text()), **change}))
    with pytest.raises(InvalidDocument):
        RunState.load(kept)
