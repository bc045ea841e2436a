"""What is said of a document that cannot be used."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from osdimage.imaging.deploy.document import FORMAT
from osdimage.imaging.disk import backup, plan
from osdimage.imaging.documents import reason_of
from osdimage.imaging.errors import InvalidDocument, InvalidRequest
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.machine import Machine
from osdimage.imaging.tasksequence.runstate import RunState
from osdimage.imaging.tasksequence.state import read_state


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (KeyError("steps"), "'steps' is missing"),
        (TypeError("'int' object is not iterable"), "a value is of the wrong kind"),
        (RecursionError("maximum recursion depth exceeded"), "it is nested too deeply"),
        (InvalidRequest("partition 1 is too small"), "partition 1 is too small"),
        (ValueError("'apm' is no scheme"), "'apm' is no scheme"),
    ],
)
def test_a_reason_has_no_names_of_python(error: Exception, told: str) -> None:
    assert reason_of(error) == told


def _state(text: str, *, source: str) -> object:
    Path(source).write_text(text, encoding="utf-8")
    return read_state(Path(source))


@pytest.mark.parametrize("read", [plan.from_json, backup.from_json, _state], ids=["plan", "backup", "state"])
def test_what_is_no_json_is_told_so(
    read: Callable[..., object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InvalidDocument, match=r"^x\.json .*: not JSON: Expecting value: line 1 column 1"):
        read("no", source="x.json")


@pytest.mark.parametrize(
    ("read", "start", "told"),
    [
        (plan.from_json, {"format": plan.FORMAT, "version": plan.VERSION}, "cannot be used: 'scheme' is missing"),
        (backup.from_json, {"format": backup.FORMAT, "version": backup.VERSION}, "damaged: 'sector_size' is missing"),
    ],
    ids=["plan", "backup"],
)
def test_what_is_missing_is_named(read: Callable[..., object], start: dict[str, object], told: str) -> None:
    with pytest.raises(InvalidDocument, match=told):
        read(json.dumps(start), source="x.json")


@pytest.mark.parametrize(
    ("saved", "name"),
    [(RunState("x", Environment(), Machine()), "sequence"), (Machine(), "system"), (Environment(), "hidden")],
    ids=["run", "machine", "environment"],
)
def test_what_a_saved_run_misses_is_named(saved: RunState | Machine | Environment, name: str, tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    saved.save(path)
    document = json.loads(path.read_text(encoding="utf-8"))
    del document[name]
    path.write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(InvalidDocument, match=rf"state\.json is damaged: '{name}' is missing"):
        saved.load(path)


def test_the_plan_of_a_deployment_is_told_from_that_of_a_disk() -> None:
    told = "x is the plan of a deployment, not of a disk; execute carries it out"
    with pytest.raises(InvalidDocument, match=told):
        plan.from_json(json.dumps({"format": FORMAT}), source="x")
