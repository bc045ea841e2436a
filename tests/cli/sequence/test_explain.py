"""``osdimage run --actions`` and ``--explain``."""

from __future__ import annotations

import importlib
import re

import pytest
from osdimage.imaging.errors import Means
from osdimage.imaging.tasksequence.elsewhere import ELSEWHERE
from osdimage.imaging.tasksequence.forms.yaml import read_yaml
from osdimage.imaging.tasksequence.judging import known
from osdimage.imaging.tasksequence.judging.kinds import action_table
from osdimage.imaging.tasksequence.phases import BEFORE_NEW, EVERYWHERE
from osdimage.imaging.tasksequence.result import ActionInfo
from osdimage.imaging.tasksequence.steps.actions import ACTIONS
from runs.commands import osdimage


def test_the_list_has_every_step_that_is_known_with_what_becomes_of_it() -> None:
    rows = [re.split(" {2,}", line) for line in osdimage("run", "--actions").out.splitlines()]
    told = {row[0]: row[1:] for row in rows if len(row) > 1}
    assert told.pop("type") == ["step that cannot be run here", "class", "why"]
    assert set(told) == {info.short for info in (*ACTIONS, *ELSEWHERE)}
    assert told["PartitionDisk"] == ["Format and Partition Disk", "run now", "everything on the disk"]
    assert told["Reboot"][0] == "Restart Computer"
    assert told["Reboot"][1].startswith("run now")
    assert told["UpgradeOperatingSystem"][:2] == ["Upgrade Operating System", "windows"]
    assert told["ZTITatoo"] == ["windows", "it is a script of MDT for Windows"]


def test_programs_get_the_same_as_json() -> None:
    listed = {each["type"]: each for each in osdimage("run", "--json", "--actions").document["actions"]}
    assert set(listed) == {info.short for info in (*ACTIONS, *ELSEWHERE)}
    assert (listed["PartitionDisk"]["runs"], listed["PartitionDisk"]["class"]) == (True, None)
    assert (listed["PartitionDisk"]["becomes"], listed["RequestStateStore"]["becomes"]) == (["run"], [])
    assert (listed["RequestStateStore"]["runs"], listed["RequestStateStore"]["class"]) == (False, "site")
    told = osdimage("run", "--explain", "Apply Data Image", "--json").document
    assert told["types"] == ["SMS_TaskSequence_ApplyDataImageAction"]
    index = next(each for each in told["variables"] if each["name"] == "OSDDataImageIndex")
    assert (index["needs"], index["valid"]) == ("required", "the number of the image")
    grammar = osdimage("run", "--explain", "yaml").out
    assert grammar.startswith(osdimage("run", "--explain", "yaml", "--json").document["grammar"])


def test_the_yaml_that_is_explained_is_read() -> None:
    example = osdimage("run", "--explain", "YAML").out.partition("\n\n")[0]
    made = read_yaml(example.encode(), source="x")
    assert [step.type for step in made.steps] == [
        "SMS_TaskSequence_PartitionDiskAction", "SMS_TaskSequence_ApplyOperatingSystemAction",
    ]  # fmt: skip


@pytest.mark.parametrize("columns", ["20", "80", "120"])
@pytest.mark.parametrize("info", ACTIONS, ids=lambda info: info.title)
def test_a_step_is_explained_with_all_of_its_variables(
    info: ActionInfo, columns: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    text = osdimage("run", "--explain", info.title.upper()).out
    words = text.split()
    assert {each.name for each in info.variables} <= set(words)
    for each in info.variables:
        assert " ".join(words).count(" ".join(each.valid.split())) >= 1
    assert f"What is lost: {info.destroys or 'nothing'}." in text
    rows = [line for line in text.splitlines() if line.startswith("  ")]
    assert all(len(line) <= int(columns) for line in rows) or columns == "20"


@pytest.mark.parametrize(
    "name", ["Apply Data Image", "SMS_TaskSequence_ApplyDataImageAction", "applydataimage", "ApplyDataImage"]
)
def test_a_step_may_be_named_by_its_type(name: str) -> None:
    lines = osdimage("run", "--explain", name).out.splitlines()
    assert lines[:2] == ["Apply Data Image", "  SMS_TaskSequence_ApplyDataImageAction"]
    # Facts of "Task Sequence Action Variables" (Configuration Manager 2007): the index is required, the wipe is not.
    row = next(line for line in lines if line.startswith("  OSDDataImageIndex "))
    assert "the number of the image (required; " in row
    text = " ".join(" ".join(lines).split())
    assert "OSDWipeDestinationPartition true or false: delete the files of the volume first (optional; default" in text


@pytest.mark.parametrize("info", [info for info in ACTIONS if info.run], ids=lambda info: info.title)
def test_a_step_is_explained_with_the_function_that_programs_import(info: ActionInfo) -> None:
    last = osdimage("run", "--explain", info.title).out.splitlines()[-1]
    told, _, name = last.rpartition(" ")
    assert told == "In Python: python3 -m pydoc"
    face, _, function = name.rpartition(".")
    assert face == "osdimage.imaging.tasksequence"
    assert getattr(importlib.import_module(face), function) is info.run


def _nothing(*_: object) -> None:
    return None


def _info(**facts: object) -> ActionInfo:
    return ActionInfo("SMS_TaskSequence_SampleAction", "Sample", facts.pop("run", None), **facts)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("info", "told"),
    [
        pytest.param(_info(run=_nothing), ["Run now, on the disks: in Windows PE."], id="run in Windows PE"),
        pytest.param(
            _info(run=_nothing, phases=BEFORE_NEW),
            ["Run now, on the disks: in the old Windows and Windows PE."],
            id="run in two systems",
        ),
        pytest.param(
            _info(run=_nothing, phases=EVERYWHERE, refuses=_nothing),
            [
                "Run now, on the disks: in the old Windows, Windows PE and the new Windows.",
                "Refused where it lacks what its settings need; a plan tells what.",
            ],
            id="run everywhere",
        ),
        pytest.param(
            _info(stage=_nothing, holds=_nothing, why_not="it runs a program of Windows"),
            [
                "True already: where nothing needs to be done; a plan tells why.",
                "At first start: in the new Windows, by a script that is put on its disk.",
                "Refused elsewhere: it runs a program of Windows.",
            ],
            id="true or staged",
        ),
        pytest.param(
            _info(run=_nothing, refuses=_nothing, needs=(Means.DEVICES, Means.PROGRAM)),
            [
                "Run now, on the disks: in Windows PE.",
                "Refused where it needs what is not given: --drivers-for SOURCE, --program NAME=COMMAND.",
            ],
            id="refused without something",
        ),
    ],
)
def test_where_and_how_is_told(info: ActionInfo, told: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known, "known_actions", lambda: action_table((info,)))
    monkeypatch.setenv("COLUMNS", "120")
    lines = osdimage("run", "--explain", "sample").out.splitlines()
    assert lines[:2] == ["Sample", "  SMS_TaskSequence_SampleAction"]
    assert lines[3 : 3 + len(told)] == told
    assert lines[3 + len(told)] == "What is lost: nothing."


def test_why_a_step_is_left_out_is_told() -> None:
    told = osdimage("run", "--explain", "RequestStateStore").out
    assert "Cannot be run here: it needs a ConfigMgr site." in told
    assert "--leave-out site, or RequestStateStore alone" in told


def test_a_step_that_is_not_known_is_refused_with_those_that_are() -> None:
    refused = osdimage("run", "--explain", "Bake a Cake", code=2)
    assert "there is no step Bake a Cake; osdimage run --actions lists all, and " in refused.err
    near = osdimage("run", "--explain", "ApplyOperatingSytem", code=2)
    assert "there is no step ApplyOperatingSytem; did you mean ApplyOperatingSystem" in near.err
