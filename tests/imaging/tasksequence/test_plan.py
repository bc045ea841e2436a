"""What is found out before the first step."""

from __future__ import annotations

from pathlib import Path

import pytest
from cases.sequence_bench import Bench, foreseeing
from osdimage.imaging.errors import InvalidRequest, Means, NotReady, Remedy
from osdimage.imaging.tasksequence.computer.machine import Machine, Place
from osdimage.imaging.tasksequence.conditions import Compare, Operator
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.forms.build import group, sequence, step
from osdimage.imaging.tasksequence.judging.judgement import Decision
from osdimage.imaging.tasksequence.phases import Phase
from osdimage.imaging.tasksequence.plan import plan_sequence
from osdimage.imaging.tasksequence.result import Forecast
from osdimage.imaging.tasksequence.runner import run_sequence
from osdimage.imaging.tasksequence.sequence import Step


def test_a_plan_tells_what_is_destroyed_and_changes_nothing() -> None:
    def forecast(env: Environment, machine: Machine) -> Forecast:
        assert machine.is_rehearsal
        env["Output"] = "C:"
        machine.letters["C"] = Place(0, 1)
        return Forecast("do it", destroys=("all of disk 0",), unknown="the size")

    env, machine = Environment(), Machine()
    wanted = sequence(
        "S",
        step("a", "Work"),
        step("b", "Work", condition=Compare("Output", Operator.EQUALS, "C:")),
        step("c", "Work", condition=Compare("Output", Operator.NOT_EXISTS)),
    )
    plan = plan_sequence(wanted, env, machine, foreseeing(forecast))
    assert [each.decision for each in plan.steps] == [Decision.RUN, Decision.RUN, Decision.SKIP]
    assert plan.destroys == ("all of disk 0",)
    assert (plan.steps[0].does, plan.steps[0].note) == ("do it", "the size")
    assert (dict(env), machine.letters) == ({}, {})


def test_problems_of_all_steps_are_told_together_and_nothing_runs(tmp_path: Path) -> None:
    there = tmp_path / "install.wim"
    there.touch()

    def forecast(env: Environment, machine: Machine) -> Forecast:
        del machine
        if env.properties["ImagePackageID"] == "RAISES":
            raise InvalidRequest("raised with swordfish")
        return Forecast("x", problems=("image 7 is not in it",))

    wanted = sequence(
        "S",
        step("a", "Work", properties={"ImagePackageID": "ABC00001"}),
        step("b", "Work", properties={"ImagePackageID": "ABC00002"}),
        step("c", "Work", properties={"ImagePackageID": "ABC00003"}),
        step("d", "Work", properties={"ImagePackageID": "RAISES"}),
        step("e", "Work", properties={"ImagePackageID": "ABC00001"}, continue_on_error=True),
    )
    machine = Machine(packages={"abc00001": there, "ABC00002": tmp_path / "gone.wim", "RAISES": there})
    env = Environment(computer={"OSDJoinPassword": "swordfish"})
    with pytest.raises(NotReady) as caught:
        run_sequence(wanted, env, machine, foreseeing(forecast))
    assert caught.value.problems[0] == "step 1 'a': image 7 is not in it"
    assert caught.value.problems[1] == f"step 2 'b': ImagePackageID=ABC00002: {tmp_path}/gone.wim does not exist"
    assert "step 3 'c': ImagePackageID=ABC00003" in caught.value.problems[2]
    assert caught.value.remedy == Remedy("give {}", (Means.PACKAGES,), ("ABC00003",))
    assert caught.value.problems[3] == "step 4 'd': raised with ***"
    # Its failure is allowed, so it is a warning.
    plan = plan_sequence(wanted, env, machine, foreseeing(forecast))
    assert plan.warnings == ("step 5 'e': image 7 is not in it",)


# "Task Sequence Built-in Variables": the variable "is set to "true" if the last action is succeeded and to "false" if
# the last action failed", so a step that asks for "true" runs after one that nothing speaks against.
def test_a_plan_knows_the_last_action_that_a_condition_asks_for() -> None:
    def forecast(env: Environment, machine: Machine) -> Forecast:
        del machine
        name = env["_SMSTSCurrentActionName"]
        return Forecast(name, destroys=(f"all of {name}",), problems=("no image",) if name == "c" else ())

    def after(value: str) -> Compare:
        return Compare("_SMSTSLastActionSucceeded", Operator.EQUALS, value)

    wanted = sequence(
        "S",
        step("a", "Work"),
        step("b", "Work", condition=after("true")),
        step("c", "Work", continue_on_error=True),
        step("d", "Work", condition=after("false")),
        step("e", "Work", condition=Compare("_SMSTSLastActionRetCode", Operator.EQUALS, "0")),
    )
    plan = plan_sequence(wanted, Environment(), Machine(), foreseeing(forecast))
    assert [each.decision for each in plan.steps] == [Decision.RUN] * 5


def test_a_plan_tells_what_is_lost_by_a_step_that_runs_only_after_a_failure() -> None:
    def forecast(env: Environment, machine: Machine) -> Forecast:
        del env, machine
        return Forecast("it", destroys=("all of disk 0",))

    failed = Compare("_SMSTSLastActionSucceeded", Operator.EQUALS, "false")
    wanted = sequence(
        "S",
        step("a", "Work", continue_on_error=True, condition=Compare("No", Operator.EXISTS)),
        group("Rescue", step("b", "Work"), step("c", "Work", disable=True), condition=failed),
    )
    plan = plan_sequence(wanted, Environment(), Machine(), foreseeing(forecast))
    assert [each.decision for each in plan.steps] == [Decision.SKIP] * 3
    assert plan.destroys == ("if step 2 runs after all: all of disk 0",)


# "Task Sequence Groups": if step 2 of a group that continues on error fails, the sequence "will continue to run task
# sequence steps 4 and 5 which are in a different task sequence group", so a problem there must not stop them.
def test_a_problem_in_a_group_that_may_fail_is_a_warning(bench: Bench) -> None:
    def forecast(env: Environment, machine: Machine) -> Forecast:
        del machine
        return Forecast("it", problems=("no image",) if env["_SMSTSCurrentActionName"] == "a" else ())

    inner = group("Inner", step("a", "Work"))
    wanted = sequence("S", group("Outer", inner, continue_on_error=True), step("b", "Work"))
    plan = plan_sequence(wanted, Environment(), Machine(), foreseeing(forecast))
    assert plan.problems(strict=True) == ()
    assert plan.warnings == ("step 1 'a': no image",)
    assert bench.run(wanted, Environment(computer={"Fail": "a"})).succeeded


def test_a_plan_tells_which_packages_nothing_was_asked_about(tmp_path: Path) -> None:
    wanted = sequence(
        "S",
        step("a", "Work", properties={"ImagePackageID": "%Which%"}),
        step("b", "Work", properties={"ImagePackageID": "ABC00002"}, disable=True),
        packages=["abc00001", "ABC00002", "ABC00003"],
    )
    env = Environment(computer={"Which": "ABC00001"})
    machine = Machine(packages={"ABC00001": tmp_path})
    plan = plan_sequence(wanted, env, machine, foreseeing(lambda _env, _machine: Forecast("do it")))
    assert plan.problems(strict=False) == ()
    assert plan.unchecked == ("ABC00002", "ABC00003")


@pytest.mark.parametrize(
    "made",
    [
        step("data", "SMS_TaskSequence_ApplyDataImageAction", {}, {"ImagePackageID": "%OSDJoinPassword%"}),
        step(
            "software",
            "SMS_TaskSequence_InstallSoftwareAction",
            {},
            {"PackageID": "ABC00001", "ProgramName": "%OSDJoinPassword%"},
        ),
    ],
    ids=lambda made: made.name,
)
def test_what_would_help_shows_no_secret(made: Step) -> None:
    env = Environment(computer={"OSDJoinPassword": "Pa55-word"})
    machine = Machine(phase=Phase.NEW) if made.name == "software" else Machine()
    plan = plan_sequence(sequence("S", made), env, machine)
    told = (*map(str, plan.remedies()), *plan.problems())
    assert "***" in repr(told)
    assert "Pa55-word" not in repr((told, plan.steps))
