"""What the fuzzers found once is read or refused now, and what parsers understand is read; without Atheris."""

from __future__ import annotations

from pathlib import Path

import pytest

from fuzz.registry import TARGETS
from fuzz.repeat import shortest

_INPUTS = Path(__file__).parent / "inputs"
_KEPT = sorted(path for path in _INPUTS.rglob("*") if path.is_file())


@pytest.mark.parametrize("path", _KEPT, ids=lambda path: str(path.relative_to(_INPUTS)))
def test_an_input_that_was_found_is_read_or_refused(path: Path) -> None:
    TARGETS[path.parent.name].attempt(path.read_bytes())


@pytest.mark.parametrize("name", TARGETS)
def test_a_target_understands_what_it_begins_with(name: str) -> None:
    seeds = list(TARGETS[name].seeds())
    if not seeds:
        pytest.skip("needs another program")
    assert any(TARGETS[name].attempt(seed) for seed in seeds)


def test_every_kept_input_is_of_a_target() -> None:
    assert {path.parent.name for path in _KEPT} <= set(TARGETS)


def test_what_a_fault_does_not_need_is_left_out() -> None:
    found = bytes(1000) + b"a" + bytes(500) + b"b" + bytes(77)
    assert shortest(found, lambda data: b"a" in data and b"b" in data) == b"ab"
