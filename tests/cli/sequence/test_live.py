"""The tree of a task sequence while it runs."""

from __future__ import annotations

import io

import pytest
from osdimage.cli.sequence.live import Tree
from osdimage.imaging.progress import Phase, ProgressEvent
from osdimage.imaging.tasksequence.computer.machine import Machine
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.forms.build import group, sequence, step
from osdimage.imaging.tasksequence.plan import plan_sequence
from osdimage.imaging.tasksequence.report import RunEvent, StepReport, StepState
from osdimage.imaging.tasksequence.runstate import RunState
from rich.console import Console

WANTED = sequence(
    "Deploy",
    group("Prepare", step("one", "Own"), step("two", "Own")),
    group("Install", step("three", "Own"), group("Inner", step("four", "Own")), step("five swordfish", "Own")),
    step("six", "Own"),
)


@pytest.fixture
def tree() -> Tree:
    env = Environment(computer={"OSDJoinPassword": "swordfish"})
    machine = Machine()
    return Tree(WANTED, plan_sequence(WANTED, env, machine, {}), RunState("x", env, machine))


def drawn(tree: Tree, *, height: int = 30, width: int = 60) -> list[str]:
    out = io.StringIO()
    console = Console(file=out, width=width, height=height, force_terminal=False)
    console.print(tree, height=height)
    return [line.rstrip() for line in out.getvalue().splitlines()]


def end(tree: Tree, number: int, state: StepState, message: str = "", tries: int = 1) -> None:
    report = StepReport(number, (), "", None, state, 0, message, 1.26, tries)
    tree.take(RunEvent(number, state, report))


def test_before_the_first_step_groups_are_one_line_each(tree: Tree) -> None:
    assert drawn(tree) == ["· Prepare", "· Install", "· six"]
    assert tree.count == 6
    assert tree.name_of(5) == "five ***"
    assert tree.name_of(99) == ""


def test_the_group_at_work_is_open_and_what_has_ended_is_folded(tree: Tree) -> None:
    end(tree, 1, StepState.SUCCEEDED)
    end(tree, 2, StepState.SKIPPED, tries=0)
    end(tree, 3, StepState.SUCCEEDED, "applied image 1")
    tree.take(RunEvent(4, StepState.RUNNING))
    tree.take(RunEvent(4, progress=ProgressEvent(Phase.EXTRACT_DATA, 1, 2, "bytes", 42.4, None)))
    assert drawn(tree) == [
        "✓ Prepare",
        "▶ Install",
        "  ✓ three  1.3 s  applied image 1",
        "  ▶ Inner",
        "    ▶ four  42 %  0 s",
        "  · five ***",
        "· six",
    ]


@pytest.mark.parametrize(
    ("first", "second", "mark"),
    [
        (StepState.SUCCEEDED, StepState.FAILED, "✗"),
        (StepState.TOLERATED, StepState.SUCCEEDED, "!"),
        (StepState.SKIPPED, StepState.SKIPPED, "-"),
        (StepState.SUCCEEDED, StepState.STAGED, ">"),
        (StepState.SKIPPED, StepState.HOLDS, "="),
        (StepState.FAILED, StepState.NOT_RUN, "✗"),
    ],
)
def test_a_folded_group_shows_the_worst_of_its_steps(
    tree: Tree, first: StepState, second: StepState, mark: str
) -> None:
    end(tree, 1, first)
    end(tree, 2, second)
    assert drawn(tree)[0] == f"{mark} Prepare"


def test_a_small_terminal_shows_what_runs(tree: Tree) -> None:
    end(tree, 1, StepState.SUCCEEDED)
    end(tree, 2, StepState.SUCCEEDED)
    end(tree, 3, StepState.SUCCEEDED)
    tree.take(RunEvent(5, StepState.RUNNING))
    shown = drawn(tree, height=4, width=20)
    assert len(shown) == 3
    assert any(line.startswith("  ▶ five ***") for line in shown)
    assert all(len(line) <= 20 for line in shown)


def test_lines_are_cut_and_never_wrap(tree: Tree) -> None:
    end(tree, 6, StepState.SUCCEEDED, "a message that is far too long for this terminal")
    assert all(len(line) <= 30 for line in drawn(tree, width=30))
    assert len(drawn(tree, width=30)) == 3


def test_an_event_about_the_whole_changes_nothing(tree: Tree) -> None:
    before = drawn(tree)
    tree.take(RunEvent(None, log="x"))
    assert drawn(tree) == before


def test_what_is_put_on_the_disk_in_the_end_is_a_line_of_its_own(tree: Tree) -> None:
    tree.take(RunEvent(None, progress=ProgressEvent(Phase.CREATE_FILES, 1, 3, "bytes", 33.3, None)))
    assert drawn(tree)[-1] == "> put on the disk for the first start  33 %"
