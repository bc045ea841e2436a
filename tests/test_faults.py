"""A share of the matrix of commands and faults; ``make faults`` runs all of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from cases.writing import make_small_material, writings
from runs.fault_matrix import Trial
from runs.faults import FAULTS, Faulty, faulty

pytestmark = pytest.mark.foreign
NAMES = (
    "capture --append",
    "capture --overwrite",
    "registry set in ntfs",
    "registry set in fat",
    "driver add to ntfs",
    "registry set with a log",
    "registry set --discard-journal",
    "apply to fat",
)


@pytest.fixture(scope="module")
def material(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("material")
    make_small_material(folder)
    return folder


@pytest.fixture(scope="module")
def faults(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Faulty]:
    with faulty(tmp_path_factory.mktemp("shim")) as made:
        yield made


@pytest.mark.parametrize("name", NAMES)
def test_a_call_that_fails_loses_nothing_and_is_no_trap(
    name: str, material: Path, faults: Faulty, tmp_path: Path
) -> None:
    writing = next(each for each in writings() if each.name == name)
    trial = Trial(writing, faults, material, tmp_path / "work")
    for number, (fault, what) in enumerate(FAULTS.items()):
        moments = trial.moments(what)
        if fault in {"error", "kill", "late error", "errors"} and moments:
            # Of each kind another call, from the begin of the command to its end.
            trial.run(what, moments[(number * 5 + 3) * len(moments) // 32 % len(moments)])
