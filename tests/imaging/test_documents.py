"""What is said of a document that cannot be used."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from osdimage.imaging.deploy.document import FORMAT
from osdimage.imaging.disk import plan
from osdimage.imaging.disk.tables import backup
from osdimage.imaging.documents import Fields, as_text, parse_json, read_limited, reason_of
from osdimage.imaging.errors import InvalidDocument, InvalidRequest, StorageError
from osdimage.imaging.tasksequence.computer.kept import load_machine, save_machine
from osdimage.imaging.tasksequence.computer.machine import Machine
from osdimage.imaging.tasksequence.environment import Environment
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
    ("save", "load", "name"),
    [
        (RunState("x", Environment(), Machine()).save, RunState.load, "sequence"),
        (partial(save_machine, Machine()), load_machine, "system"),
        (Environment().save, Environment.load, "hidden"),
    ],
    ids=["run", "machine", "environment"],
)
def test_what_a_saved_run_misses_is_named(
    save: Callable[[Path], None], load: Callable[[Path], object], name: str, tmp_path: Path
) -> None:
    path = tmp_path / "state.json"
    save(path)
    document = json.loads(path.read_text(encoding="utf-8"))
    del document[name]
    path.write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(InvalidDocument, match=rf"state\.json is damaged: '{name}' is missing"):
        load(path)


def test_the_plan_of_a_deployment_is_told_from_that_of_a_disk() -> None:
    told = "x is the plan of a deployment, not of a disk; execute carries it out"
    with pytest.raises(InvalidDocument, match=told):
        plan.from_json(json.dumps({"format": FORMAT}), source="x")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('{"a": Infinity}', "Infinity is no number in JSON"),
        ('{"a": -Infinity}', "-Infinity is no number in JSON"),
        ('{"a": NaN}', "NaN is no number in JSON"),
        ('{"a": 1e999}', "a number is too large"),
        (f'{{"a": {"9" * 5000}}}', "a number has 5000 digits; valid are at most 24"),
        ('{"a": 1, "b": 2, "a": 1}', "a is given twice"),
        # Each compared with all before it would take minutes.
        ("{" + "".join(f'"{name}": 0, ' for name in range(200_000)) + '"199999": 0}', "199999 is given twice"),
        ("[" * 100_000, "it is nested too deeply"),
    ],
    ids=[
        "infinity",
        "minus infinity",
        "nan",
        "beyond a double",
        "digits",
        "name twice",
        "the last of many twice",
        "depth",
    ],
)
def test_json_that_readers_disagree_about_is_refused(text: str, told: str) -> None:
    with pytest.raises(ValueError, match=re.escape(told)):
        parse_json(text)


_VALUES: dict[str, object] = {
    "null": None, "true": True, "whole": 1, "fraction": 1.0, "text": "1", "list": [], "object": {},
}  # fmt: skip
_TAKEN: dict[str, tuple[Callable[[Fields, str], object], set[str]]] = {
    "text": (Fields.text, {"text"}),
    "text_or_none": (Fields.text_or_none, {"text", "null"}),
    "number": (Fields.number, {"whole"}),
    "number_or_none": (Fields.number_or_none, {"whole", "null"}),
    "duration": (Fields.duration, {"whole", "fraction"}),
    "truth": (Fields.truth, {"true"}),
    "fields": (Fields.fields, {"object"}),
    "fields_or_none": (Fields.fields_or_none, {"object", "null"}),
    "each": (Fields.each, {"list"}),
    "texts": (Fields.texts, {"list"}),
    "named_texts": (Fields.named_texts, {"object"}),
}


@pytest.mark.parametrize("method", _TAKEN)
@pytest.mark.parametrize("kind", [*_VALUES, "missing"])
def test_a_value_of_another_kind_is_refused_with_its_place(method: str, kind: str) -> None:
    take, taken = _TAKEN[method]
    fields = Fields(dict(_VALUES), "disks[2]")
    if kind in taken:
        take(fields, kind)
        return
    with pytest.raises(ValueError, match=rf"^'?disks\[2\]\.{kind}'? is "):
        take(fields, kind)


@pytest.mark.parametrize("value", [-1, 1 << 63, 5], ids=["negative", "huge", "beyond what is asked for"])
def test_a_number_out_of_range_is_refused_without_showing_it(value: int) -> None:
    with pytest.raises(ValueError, match=r"^n is out of range; valid are whole numbers from 0 to 4$"):
        Fields({"n": value}).number("n", 0, 4)


@pytest.mark.parametrize("text", ["a\0b", "\ud800"], ids=["NUL", "half a character"])
def test_what_no_text_has_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"^t holds a character that no text has$"):
        Fields({"t": text}).text("t")


def test_no_more_than_the_limit_is_read(tmp_path: Path) -> None:
    path = tmp_path / "x.reg"
    path.write_bytes(b"12345")
    assert read_limited(path, 5, kind="files of this kind") == b"12345"
    with pytest.raises(InvalidDocument, match=r"x\.reg is larger than 4 bytes; files of this kind are not$"):
        read_limited(path, 4, kind="files of this kind")
    with pytest.raises(InvalidDocument, match=r"larger than 1\.0 KB"):
        read_limited(Path("/dev/zero"), 1024, kind="files of this kind")
    with pytest.raises(StorageError, match="No such file"):
        read_limited(tmp_path / "none", 4, kind="files of this kind")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_text_is_read_as_windows_tools_write_it(encoding: str) -> None:
    assert as_text("Größe=1".encode(encoding), source="x") == "Größe=1"


def test_what_is_no_text_is_told_so() -> None:
    with pytest.raises(InvalidDocument, match=r"^x is not a text file in UTF-8 or UTF-16, at byte 0$"):
        as_text(b"\xe9", source="x")
