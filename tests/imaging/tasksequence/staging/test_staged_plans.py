"""Groups, conditions and failures of staged steps in Wine's shell, against a model that walks them as documents say."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from cases.first_start import Told
from cases.staged_plans import HIDDEN, Asked, OneGroup, OneStep, StagedPlan, expected_of, random_staged_plan
from judges.batch import faults
from judges.wine import Wine
from osdimage.imaging.firststart.folder import FOLDER, first_start_files
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.staging.first_start import first_steps
from runs.first_starts import put, results, start_until_it_ends, started_wine

pytestmark = pytest.mark.foreign


@pytest.fixture(scope="module")
def wine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wine]:
    with started_wine(tmp_path_factory.mktemp("wine") / "prefix") as made:
        yield made


def env() -> Environment:
    return Environment(computer={"OSDJoinPassword": HIDDEN})


def end_of(folder: Path) -> str:
    return next((name for name in ("failed", "done") if (folder / name).exists()), "")


def runs_of(folder: Path) -> list[int]:
    """Return how often each step ran that did."""
    return [len(each.read_text().split()) for each in (*folder.rglob("ran"), *folder.glob("ran-*"))]


def judge_plan(wine: Wine, plan: StagedPlan) -> None:
    folder = put(wine, first_steps(plan.staged(), env()))
    starts = start_until_it_ends(wine, folder)
    told = expected_of(plan)
    # A restart after the last step is followed by a start that finds nothing to do but to end.
    assert (results(folder), starts, end_of(folder)) == (told.results, told.starts, told.end)
    assert set(runs_of(folder)) <= {1}
    assert holding_secrets(folder) == []


def holding_secrets(folder: Path) -> list[str]:
    return [str(each) for each in folder.rglob("*") if each.is_file() and HIDDEN.encode() in each.read_bytes()]


# A group whose condition a step before it makes true, is asked once: what a step in it makes of it changes nothing.
INSIDE = StagedPlan(
    (
        OneStep((0,), sets="V0"),
        OneStep((1, 0, 0), sets="V1", has_secret=True),
        OneStep((1, 0, 1), code=5),
        OneStep((1, 0, 2)),
        OneStep((1, 1), asked=Asked("V1", is_set=False)),
        OneStep((2, 0)),
        OneStep((3,), code=3010),
    ),
    {
        (1,): OneGroup(asked=Asked("V0", is_set=True)),
        (1, 0): OneGroup(may_fail=True, asked=Asked("V1", is_set=False)),
        (2,): OneGroup(asked=Asked("V9", is_set=True)),
    },
)


def test_the_model_says_what_the_documents_do() -> None:
    results = ["1 done 0", "2 done 0", "3 failed 5", "5 skipped 0", "6 skipped 0", "7 done 3010"]
    assert expected_of(INSIDE) == Told(results, 2, "done")


@pytest.mark.slow
def test_groups_are_asked_once_and_left_where_a_step_fails(wine: Wine) -> None:
    judge_plan(wine, INSIDE)


@pytest.mark.slow
def test_it_does_what_the_model_says(wine: Wine) -> None:
    judge_plan(wine, random_staged_plan(random.Random(1)))


@pytest.mark.matrix
@pytest.mark.parametrize("seed", range(100, 112))
def test_it_does_what_the_model_says_of_many_plans(wine: Wine, seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(25):
        judge_plan(wine, random_staged_plan(rng))


# The texts alone, of many plans: no label that is missing, no variable that nobody sets, no line that is too long.
def test_what_steps_become_is_without_fault() -> None:
    rng = random.Random(7)
    for _ in range(40):
        plan = random_staged_plan(rng)
        made = first_start_files(first_steps(plan.staged(), env()), "cp437")
        names = [step.sets for step in plan.steps if step.sets]
        wrong = {path: faults(data, names) for path, data in made.items() if path.endswith(".cmd")}
        assert not {path: told for path, told in wrong.items() if told and not path.endswith("secret.cmd")}


# The power is cut at moments of chance: what has secrets is deleted all the same, and runs again only with retries.
@pytest.mark.matrix
@pytest.mark.parametrize("seed", range(10))
def test_a_cut_at_any_moment_leaves_no_secret(wine: Wine, seed: int) -> None:
    rng = random.Random(seed)
    steps = tuple(
        OneStep((index,), may_fail=True, sets=f"V{index}", has_secret=index % 2 == 0, asked=Asked("V9", is_set=False))
        for index in range(5)
    )
    folder = put(wine, first_steps(StagedPlan(steps).staged(), env()))
    for _ in range(4):
        begun = wine.begin("cmd.exe", "/d", "/c", rf"C:\{FOLDER}\run.cmd")
        time.sleep(rng.uniform(0.2, 1.5))
        wine.stop()
        begun.wait(60)
    start_until_it_ends(wine, folder)
    last = {line.split()[0]: line.split()[1] for line in results(folder)}
    assert set(last.values()) <= {"done", "interrupted"}
    assert (len(last), end_of(folder)) == (5, "done")
    assert set(runs_of(folder)) <= {1}
    assert holding_secrets(folder) == []
