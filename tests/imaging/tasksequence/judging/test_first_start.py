"""What waits for the first start: which steps, and what they become there."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
from osdimage.imaging.documents import Fields
from osdimage.imaging.errors import InvalidInput, InvalidRequest, Means, Remedy, UnsupportedSteps
from osdimage.imaging.tasksequence.computer.kept import load_machine, save_machine
from osdimage.imaging.tasksequence.computer.machine import Machine
from osdimage.imaging.tasksequence.computer.supplies import Application, FirstBoot, Supplies
from osdimage.imaging.tasksequence.conditions import Compare, Operator
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.forms.build import group, sequence, step
from osdimage.imaging.tasksequence.forms.xml import read_sequence
from osdimage.imaging.tasksequence.judging.judgement import Decision
from osdimage.imaging.tasksequence.judging.kinds import action_table
from osdimage.imaging.tasksequence.phases import EVERYWHERE, FROM_PE, Phase
from osdimage.imaging.tasksequence.plan import plan_sequence
from osdimage.imaging.tasksequence.result import ActionInfo, ActionResult, Already, Events, Refusal
from osdimage.imaging.tasksequence.sequence import Sequence
from osdimage.imaging.tasksequence.staging.first_start import first_steps
from osdimage.imaging.tasksequence.staging.staged import (
    StagedCommand,
    StagedCondition,
    StagedFile,
    StagedPackage,
    StagedStep,
)


def work(env: Environment, machine: Machine, events: Events) -> ActionResult:
    del machine, events
    env["Worked"] = "yes"
    return ActionResult(0, "worked")


def stage(env: Environment, machine: Machine) -> StagedCommand:
    del machine
    text = env.text("Text") or "hello"
    if text == "wrong":
        raise InvalidRequest("Text is wrong", remedy=Remedy("give {}", (Means.PROGRAM,), ("A:B",)))
    return StagedCommand(f"say {text}", (f"echo {text}",), sets=("Said",))


def holds(env: Environment, machine: Machine) -> Already | None:
    del machine
    return Already("it is there", sets={"Path": "D:"}) if "There" in env else None


ACTIONS = action_table(
    [
        ActionInfo("BDD_Work", "Work", work),
        ActionInfo("BDD_Anywhere", "Anywhere", work, phases=EVERYWHERE),
        ActionInfo("BDD_Both", "Both", work, phases=EVERYWHERE, stage=stage),
        ActionInfo("BDD_Say", "Say", None, why_not="it runs a program", stage=stage),
        ActionInfo("BDD_Soon", "Soon", None, why_not="it runs a program", stage=stage, stages_in=FROM_PE),
        ActionInfo("BDD_There", "There", None, why_not="it is not there", holds=holds),
    ]
)


def decisions(wanted: Sequence, env: Environment | None = None, **facts: object) -> list[Decision]:
    machine = Machine(**{"phase": Phase.NEW} | facts)  # type: ignore[arg-type]
    return [each.decision for each in plan_sequence(wanted, env or Environment(), machine, ACTIONS).steps]


ONE = {name: sequence("S", step("a", f"BDD_{name}")) for name in ("Work", "Anywhere", "Both", "Say", "Soon", "There")}


@pytest.mark.parametrize(
    ("name", "phase", "expected"),
    [
        ("Work", Phase.PE, Decision.RUN),
        ("Work", Phase.NEW, Decision.REFUSE),
        ("Work", Phase.OLD, Decision.REFUSE),
        ("Work", Phase.LOST, Decision.REFUSE),
        ("Anywhere", Phase.NEW, Decision.RUN),
        ("Anywhere", Phase.LOST, Decision.REFUSE),
        ("Both", Phase.NEW, Decision.RUN),
        ("Say", Phase.PE, Decision.REFUSE),
        ("Say", Phase.NEW, Decision.STAGE),
        ("Say", Phase.LOST, Decision.REFUSE),
        ("Soon", Phase.OLD, Decision.REFUSE),
        ("Soon", Phase.PE, Decision.STAGE),
        ("Soon", Phase.NEW, Decision.STAGE),
    ],
)
def test_what_a_step_becomes_hangs_on_the_system_that_runs(name: str, phase: Phase, expected: Decision) -> None:
    assert decisions(ONE[name], phase=phase) == [expected]


def test_what_is_true_already_sets_what_the_step_would_set() -> None:
    assert decisions(ONE["There"]) == [Decision.REFUSE]
    env = Environment(computer={"There": "1"})
    after = step("b", "BDD_Anywhere", condition=Compare("Path", Operator.EQUALS, "D:"))
    assert decisions(sequence("S", step("a", "BDD_There"), after), env) == [Decision.HOLDS, Decision.RUN]


def test_what_is_true_already_needs_no_condition_unless_it_sets_something() -> None:
    xml = '<condition><expression type="Own_Expression"/></condition>'
    wanted = read_sequence(
        f'<sequence version="3.10"><step name="a" type="BDD_There">{xml}</step></sequence>'.encode(), source="x"
    )
    sets = Already("it is there", sets={"Path": "D:"})
    for already, expected in ((Already("it is there"), Decision.HOLDS), (sets, Decision.REFUSE)):
        info = ActionInfo("BDD_There", "There", None, holds=lambda env, machine, found=already: found)  # noqa: ARG005
        plan = plan_sequence(wanted, Environment(), Machine(), action_table([info]))
        assert [each.decision for each in plan.steps] == [expected]


def test_a_refusal_names_what_would_change_it() -> None:
    env = Environment(computer={"Text": "wrong"})
    plan = plan_sequence(ONE["Say"], env, Machine(phase=Phase.NEW), ACTIONS)
    assert plan.problems() == ("step 1 'a': Text is wrong (BDD_Say, class windows)",)
    remedy = plan.remedy_for()
    assert remedy is not None
    assert remedy.means == (Means.LEAVE_OUT, Means.PROGRAM)
    with pytest.raises(UnsupportedSteps):
        plan.require()


def test_a_step_that_cannot_be_run_has_a_remedy_of_its_own() -> None:
    refusal = Refusal("Text is wrong", Remedy("give {}", (Means.FACTS,)))
    info = ActionInfo("BDD_Work", "Work", work, refuses=lambda env, machine: refusal)  # noqa: ARG005
    plan = plan_sequence(ONE["Work"], Environment(), Machine(), action_table([info]))
    assert plan.problems() == ("step 1 'a': Text is wrong (BDD_Work, class windows)",)
    remedy = plan.remedy_for()
    assert remedy is not None
    assert remedy.means == (Means.LEAVE_OUT, Means.FACTS)


def test_a_file_that_a_step_cannot_read_is_why_it_is_refused() -> None:
    def broken(env: Environment, machine: Machine) -> StagedCommand:
        del env, machine
        raise InvalidInput("list.xml is no XML")

    info = ActionInfo("BDD_Say", "Say", None, why_not="it runs a program", stage=broken)
    plan = plan_sequence(ONE["Say"], Environment(), Machine(phase=Phase.NEW), action_table([info]))
    assert plan.problems() == ("step 1 'a': list.xml is no XML (BDD_Say, class windows)",)


def test_a_step_that_changes_variables_waits_when_it_hangs_on_one_that_waits() -> None:
    said = Compare("Said", Operator.EXISTS)
    first = step("say", "BDD_Say")
    # What it hangs on, only the first start knows; what does not can be done now.
    assert decisions(sequence("S", first, step("b", "BDD_Both"))) == [Decision.STAGE, Decision.RUN]
    uses = step("b", "BDD_Both", {"Text": "%Said%"})
    assert decisions(sequence("S", first, uses)) == [Decision.STAGE, Decision.STAGE]
    inside = sequence("S", group("g", first, step("b", "BDD_Both"), continue_on_error=True))
    assert decisions(inside) == [Decision.STAGE, Decision.STAGE]
    assert decisions(sequence("S", first, step("b", "BDD_Anywhere", condition=said))) == [
        Decision.STAGE,
        Decision.REFUSE,
    ]


def test_a_secret_is_not_put_on_the_disk_unless_it_may_be() -> None:
    env = Environment(computer={"OSDJoinPassword": "Pa55word", "Text": "%OSDJoinPassword%"})
    plan = plan_sequence(ONE["Say"], env, Machine(phase=Phase.NEW), ACTIONS)
    (only,) = plan.steps
    assert only.decision is Decision.REFUSE
    assert only.reason == "it would put OSDJoinPassword on the disk in clear text"
    assert "Pa55word" not in repr(plan)
    machine = Machine(phase=Phase.NEW, supplies=Supplies(secrets_on_disk=True))
    allowed = plan_sequence(ONE["Say"], env, machine, ACTIONS)
    assert allowed.steps[0].decision is Decision.STAGE
    assert allowed.first_start is not None
    assert allowed.first_start.secrets == (1,)
    assert "Pa55word" not in repr(allowed)


def test_another_command_takes_the_place_of_any_step_and_nothing_waits_where_it_may_not() -> None:
    wanted = sequence("S", step("a", "Unheard"))
    supplies = Supplies(replaced={1: "setup.exe /quiet"})
    assert decisions(wanted, phase=Phase.PE, supplies=supplies) == [Decision.STAGE]
    refused = dataclasses.replace(supplies, first_boot=FirstBoot.NONE)
    assert decisions(wanted, phase=Phase.PE, supplies=refused) == [Decision.REFUSE]


def test_without_a_windows_nothing_can_wait() -> None:
    plan = plan_sequence(ONE["Say"], Environment(), Machine(phase=Phase.NEW), ACTIONS)
    assert [each for each in plan.problems() if "no Windows was applied" in each]


def staged(number: int, *place: int, **facts: object) -> StagedStep:
    return StagedStep(number, place, f"step {number}", StagedCommand("x", ("ver",)), **facts)  # type: ignore[arg-type]


def test_after_a_failure_the_first_start_goes_on_behind_the_innermost_group_that_may_fail() -> None:
    steps = first_steps(
        (
            staged(1, 0, 0, tolerant=((0,),)),
            staged(2, 0, 1, 0, tolerant=((0,), (0, 1))),
            staged(3, 0, 1, 1, may_fail=True, tolerant=((0,), (0, 1))),
            staged(5, 0, 2, tolerant=((0,),)),
            staged(6, 1),
        ),
        Environment(),
        first=2,
    )
    assert [each.on_failure for each in steps] == [6, 5, 5, 6, None]


def test_a_condition_of_a_group_is_asked_once() -> None:
    conditions = (StagedCondition((0,), ("exit /b 1",)), StagedCondition(None, ("exit /b 0",)))
    (only,) = first_steps((staged(1, 0, 0, conditions=conditions),), Environment())
    assert only.condition[:8] == (
        "@echo off",
        "call :ask1",
        "if defined _fs_open exit /b 2",
        'if not "%errorlevel%"=="0" exit /b 1',
        "call :ask2",
        "if defined _fs_open exit /b 2",
        'if not "%errorlevel%"=="0" exit /b 1',
        "exit /b 0",
    )
    assert "if exist group-0.no exit /b 1" in only.condition


def test_what_waits_and_what_was_given_is_kept_with_the_machine(tmp_path: Path) -> None:
    command = StagedCommand(
        "run it",
        ("setup.exe",),
        success_codes=(0, 3010),
        retries=2,
        is_wow=True,
        restarts=True,
        timeout_seconds=900,
        output_variable="Out",
        sets=("A",),
        packages=(StagedPackage("ABC00001", tmp_path),),
        files=(StagedFile("script.ps1", "exit 0\n", is_unicode=True),),
        warnings=("w",),
    )
    condition = StagedCondition((0, 1), ("exit /b 0",))
    step_kept = StagedStep(4, (0, 1, 2), "n", command, (0,), 1, True, ((0,),), (condition,))
    supplies = Supplies(
        programs={"ABC00001:Install": "setup.exe"},
        applications={"App": Application("app.exe", "ABC00002")},
        updates=tmp_path,
        facts=("qemu",),
        replaced={3: "ver"},
        first_boot=FirstBoot.LOGON,
        without_client=True,
    )
    machine = Machine(supplies=supplies, phase=Phase.NEW, is_set_up=True, staged=[step_kept], unsure={"a"})
    machine.installs_drivers = True
    save_machine(machine, tmp_path / "machine.json")
    assert load_machine(tmp_path / "machine.json") == machine
    assert StagedStep.from_fields(Fields.of(json.loads(json.dumps(step_kept.to_document())))) == step_kept
