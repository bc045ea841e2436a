"""Documents in which any value was replaced by any other: every reader reads them, or refuses them in one line."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from osdimage.imaging.boot.firmware import Firmware
from osdimage.imaging.boot.install import BootOptions
from osdimage.imaging.boot.places import BootPlaces
from osdimage.imaging.deploy import document as deployments
from osdimage.imaging.deploy.boot_plan import ForgetDrives, InstallBoot
from osdimage.imaging.deploy.plan import ApplyToVolume, DeployPlan, FormatVolume, WriteTable
from osdimage.imaging.disk import backup as backups
from osdimage.imaging.disk import plan as plans
from osdimage.imaging.disk.content import FileSystem
from osdimage.imaging.disk.place import place
from osdimage.imaging.disk.presets import Preset, preset_layout
from osdimage.imaging.disk.read import read_table
from osdimage.imaging.disk.target import MemoryTarget
from osdimage.imaging.disk.variables import parse_variables
from osdimage.imaging.disk.write import Write, write_steps
from osdimage.imaging.errors import InvalidDocument
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.judging.judge import Decision, Judgement
from osdimage.imaging.tasksequence.machine import Machine, Place, TargetSystem
from osdimage.imaging.tasksequence.report import StepReport, StepState
from osdimage.imaging.tasksequence.runstate import RunState
from osdimage.imaging.tasksequence.windows import WindowsFacts
from osdimage.imaging.units import Geometry

_SIZE = Geometry.of_size(4 << 30, 512)
_NOW = datetime(2026, 1, 2, tzinfo=UTC)


def _disk_plan(preset: Preset) -> plans.DiskPlan:
    table = place(preset_layout(preset), _SIZE, random.Random(1))
    return plans.DiskPlan(table, plans.DiskIdentity("d.img", "S1", "0" * 64), ("beware",))


def _deployment() -> DeployPlan:
    disk = _disk_plan(Preset.UEFI)
    efi, windows = disk.table.partitions[0], disk.table.partitions[2]
    steps = (
        WriteTable(disk),
        FormatVolume(efi, FileSystem.FAT32, "SYSTEM", 0xABCD, True),
        FormatVolume(windows, FileSystem.NTFS, None, 0xABCDEF, True),
        ApplyToVolume(windows, 1, "Windows", 100, 10, _NOW),
        ForgetDrives(windows),
        InstallBoot(BootPlaces(Firmware.UEFI, efi, windows), BootOptions(locale="en-US"), 99),
    )
    return DeployPlan(steps, "/unattend.xml", ("beware",))


def _backup() -> backups.TableBackup:
    target = MemoryTarget(_SIZE)
    empty = read_table(target)
    for step in write_steps(_disk_plan(Preset.BIOS).table, empty):
        if isinstance(step, Write):
            target.write_at(step.offset_bytes, step.data)
    return backups.take_backup(target, read_table(target), now=_NOW)


def _state(folder: Path) -> dict[str, Any]:
    machine = Machine(
        disks={0: Path("/d.img")},
        packages={"ABC00001": Path("/w.wim")},
        letters={"C": Place(0, 3)},
        used=[Place(0, 3)],
        system=TargetSystem(Place(0, 3), WindowsFacts(10, 0, "x64", "Windows")),
    )
    env = Environment(computer={"OSDComputerName": "PC1", "P": "swordfish"}, hidden=["P"])
    report = StepReport(1, ("Install",), "Apply", "T", StepState.SUCCEEDED, 0, "done", 1.5, 1, ("lost",))
    state = RunState("0" * 64, env, machine, 1, 1, {(0,): Judgement(Decision.RUN)}, (report,))
    state.save(folder / "whole.json")
    document: dict[str, Any] = json.loads((folder / "whole.json").read_text())
    return document


def _load_state(text: str, *, source: str) -> object:
    Path(source).write_text(text, encoding="utf-8", errors="surrogatepass")
    return RunState.load(Path(source))


_KINDS: dict[str, tuple[Callable[[Path], Any], Callable[..., object]]] = {
    "plan of a GPT": (lambda _: plans.to_document(_disk_plan(Preset.UEFI)), plans.from_json),
    "plan of an MBR": (lambda _: plans.to_document(_disk_plan(Preset.BIOS)), plans.from_json),
    "backup": (lambda _: json.loads(backups.to_json(_backup())), backups.from_json),
    "deployment": (lambda _: deployments.to_document(_deployment()), deployments.from_json),
    "state": (_state, _load_state),
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
    "size_bytes", "type_label", "attribute_words", "windows_number", "offset_bytes", "last_lba", "role", "does",
    "destroys", "seconds",
}  # fmt: skip
