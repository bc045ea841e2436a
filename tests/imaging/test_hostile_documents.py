"""Documents in which any value was replaced by any other: every reader reads them, or refuses them in one line."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cases.documents import backup, deployment, disk_plan, machine, media_manifest, state
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from osdimage.imaging.deploy import document as deployments
from osdimage.imaging.deploy.set_document import set_from_json, to_set_document
from osdimage.imaging.disk import plan as plans
from osdimage.imaging.disk.layouts.presets import Preset
from osdimage.imaging.disk.layouts.variables import parse_variables
from osdimage.imaging.disk.tables import backup as backups
from osdimage.imaging.errors import InvalidDocument
from osdimage.imaging.media import manifest_from_json, manifest_to_json
from osdimage.imaging.tasksequence.runstate import RunState


def _load_state(text: str, *, source: str) -> object:
    Path(source).write_text(text, encoding="utf-8", errors="surrogatepass")
    return RunState.load(Path(source))


def _load_manifest(text: str, *, source: str) -> object:
    found = manifest_from_json(text.encode("utf-8", "surrogatepass"), source=source)
    # Whatever is read can be written, and reads the same.
    assert manifest_from_json(manifest_to_json(found), source=source) == found
    return found


_KINDS: dict[str, tuple[Callable[[Path], Any], Callable[..., object]]] = {
    "plan of a GPT": (lambda _: plans.to_document(disk_plan(Preset.UEFI)), plans.from_json),
    "plan of an MBR": (lambda _: plans.to_document(disk_plan(Preset.BIOS)), plans.from_json),
    "backup": (lambda _: json.loads(backups.to_json(backup())), backups.from_json),
    "deployment": (lambda _: deployments.plan_to_document(deployment()), deployments.plan_from_json),
    "machine": (lambda _: to_set_document(machine()), set_from_json),
    "manifest": (lambda _: json.loads(manifest_to_json(media_manifest())), _load_manifest),
    "later manifest": (lambda _: json.loads(manifest_to_json(media_manifest(2))), _load_manifest),
    "state": (state, _load_state),
    "variables": (lambda _: {"OSDDiskIndex": 0, "OSDPartitionStyle": "GPT", "A": True}, parse_variables),
}

_LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from([0, -1, 1, 1 << 31, 1 << 63, 1 << 70, 10**3000, float("inf"), float("nan"), 1.0, 0.5]),
    st.integers(),
    st.floats(),
    st.sampled_from(["", "0", "0x0", "-0x1", "1_0", "\ud800", "\0", "\n", "a" * 5000, "NTFS", "gpt", "٣"]),
    st.text(max_size=20),
)
_ANYTHING = st.recursive(
    _LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
)


def _paths(value: object, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in inner:
        yield from _paths(each, (*path, key))


def _replaced(value: Any, path: tuple[str | int, ...], new: object) -> object:
    if not path:
        return new
    copy = value.copy()
    copy[path[0]] = _replaced(value[path[0]], path[1:], new)
    return copy


def _refusal(read: Callable[..., object], document: object, source: Path) -> str | None:
    try:
        read(json.dumps(document), source=str(source))
    except InvalidDocument as error:
        return str(error)
    return None


@pytest.mark.parametrize("kind", _KINDS)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_value_in_any_place_is_read_or_refused_in_one_line(kind: str, data: st.DataObject, tmp_path: Path) -> None:
    make, read = _KINDS[kind]
    whole = make(tmp_path)
    path = data.draw(st.sampled_from(list(_paths(whole))))
    told = _refusal(read, _replaced(whole, path, data.draw(_ANYTHING)), tmp_path / "x.json")
    if told is not None:
        assert told.startswith(str(tmp_path / "x.json"))
        assert "\n" not in told
        assert len(told) < 1000
        assert not re.search("'(int|str|dict|list|NoneType|float|bool)'|object is not", told)
        assert "swordfish" not in told


@pytest.mark.parametrize("kind", _KINDS)
def test_the_document_itself_is_read(kind: str, tmp_path: Path) -> None:
    make, read = _KINDS[kind]
    assert read(json.dumps(make(tmp_path)), source=str(tmp_path / "x.json"))


_WRONG: list[object] = [None, True, 1, -1, 1.5, "x\0", [], {}]


@pytest.mark.parametrize("kind", _KINDS)
def test_no_value_of_another_kind_passes(kind: str, tmp_path: Path) -> None:
    make, read = _KINDS[kind]
    whole = make(tmp_path)
    passed = set()
    for path in _paths(whole):
        if kind == "machine" and (path[:3] == ("disks", 0, "plan") or path[2:4] == ("plan", "disk")):
            # These have a row of their own.
            continue
        old: Any = whole
        for key in path:
            old = old[key]
        for new in _WRONG:
            # Null is what many may be, variables may be numbers, and what nobody reads may be anything.
            if type(new) is type(old) or new is None or old is None or kind == "variables":
                continue
            if _refusal(read, _replaced(whole, path, new), tmp_path / "x.json") is None:
                passed.add(next(key for key in reversed(path) if isinstance(key, str)))
    assert passed <= _NOT_READ


_NOT_READ = {
    # What the other values say already, for people and for other programs.
    "size_bytes", "type_label", "attribute_words", "windows_number", "role", "does", "destroys", "seconds",
}  # fmt: skip


@pytest.mark.parametrize("name", ["last_lba", "offset_bytes", "size_bytes"])
def test_a_plan_of_which_one_number_was_changed_alone_contradicts_itself(name: str, tmp_path: Path) -> None:
    plan = plans.to_document(disk_plan(Preset.UEFI))
    changed = _replaced(plan, ("partitions", 1, name), plan["partitions"][1][name] + 1)
    refused = _refusal(plans.from_json, changed, tmp_path / "x.json")
    assert refused is not None
    assert f"partitions[1].{name} contradicts first_lba and sectors" in refused
    # One that was written without it is carried out.
    plan["partitions"][1].pop(name)
    assert _refusal(plans.from_json, plan, tmp_path / "x.json") is None
