"""The plan of a deployment as a document: carried out to the letter, and refused when something has changed."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cases.windows_trees import windows_files, write_tree
from hypothesis import given, settings
from hypothesis import strategies as st
from judges import wim as judges
from judges.disk import sfdisk
from osdimage.imaging import InvalidDocument, Preset, WimFile, preset_layout
from osdimage.imaging.deploy.document import plan_from_json, plan_to_document
from osdimage.imaging.deploy.plan import DeployPlan, make_plan
from osdimage.imaging.units import Geometry
from runs.commands import osdimage

pytestmark = pytest.mark.foreign
GIB = 1 << 30


@pytest.fixture(scope="module")
def wim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("plans")
    write_tree(folder / "tree", windows_files())
    judges.wimlib("capture", folder / "tree", folder / "install.wim", "Windows")
    return folder / "install.wim"


ANSWERS = b'<unattend xmlns="urn:schemas-microsoft-com:unattend"/>'


@pytest.fixture(scope="module", params=["uefi", "bios"])
def plan(wim: Path, request: pytest.FixtureRequest) -> DeployPlan:
    answers = wim.with_name("answers.xml")
    answers.write_bytes(ANSWERS)
    with WimFile.open(wim) as opened:
        layout, geometry = preset_layout(Preset(request.param)), Geometry.of_size(4 * GIB, 512)
        return make_plan(opened.image(1), layout, geometry, random.Random(1), unattend=str(answers))


def saved(wim: Path, disk: Path, plan: Path, *words: str) -> dict[str, Any]:
    told = osdimage("deploy", wim, disk, "--preset", "uefi", *words, "--dry-run", "--json")
    plan.write_text(told.out)
    document: dict[str, Any] = told.document
    return document


def test_a_plan_is_read_as_it_was_written(plan: DeployPlan) -> None:
    assert plan_from_json(json.dumps(plan_to_document(plan)), source="plan.json") == plan


def test_a_saved_plan_is_carried_out_to_the_letter(wim: Path, tmp_path: Path) -> None:
    disk, again, plan = tmp_path / "disk.img", tmp_path / "again.img", tmp_path / "plan.json"
    document = saved(wim, disk, plan, "--size", "4GB")
    assert not disk.exists()
    for path in (disk, again):
        osdimage("deploy", wim, path, "--plan", plan)
    tables = [json.loads(judges.output("sfdisk", "-J", path))["partitiontable"] for path in (disk, again)]
    wanted = document["disk"]
    for table in tables:
        assert table["id"].lower() == wanted["disk_guid"]
        assert [(each["start"], each["size"], each["uuid"].lower()) for each in table["partitions"]] == [
            (each["first_lba"], each["sectors"], each["guid"]) for each in wanted["partitions"]
        ]
    osdimage("compare", wim, disk, "--partition", "3")
    osdimage("boot", "check", disk)


def test_a_plan_for_a_disk_that_has_changed_is_refused(wim: Path, tmp_path: Path) -> None:
    disk, plan = tmp_path / "disk.img", tmp_path / "plan.json"
    osdimage("disk", "init", disk, "--preset", "data-gpt", "--size", "4GB")
    saved(wim, disk, plan)
    osdimage("disk", "init", disk, "--preset", "data-gpt", "--yes")
    before = sfdisk(disk)
    refused = osdimage("deploy", wim, disk, "--plan", plan, "--yes", code=4)
    assert "its partition table is not the one that the plan was made for" in refused.err
    assert sfdisk(disk) == before


def test_a_plan_for_a_new_image_is_refused_for_a_disk_with_a_table_of_its_own(wim: Path, tmp_path: Path) -> None:
    disk, other, plan = tmp_path / "disk.img", tmp_path / "other.img", tmp_path / "plan.json"
    osdimage("disk", "init", other, "--preset", "data-gpt", "--size", "4GB")
    before = sfdisk(other)
    saved(wim, disk, plan, "--size", "4GB")
    refused = osdimage("deploy", wim, other, "--plan", plan, "--yes", code=4)
    assert "holds a partition table, and the plan was made for a new disk image" in refused.err
    assert sfdisk(other) == before
    # One without a table is as good as new, and so is one that has the plan's: of a run that was interrupted.
    disk.touch()
    os.truncate(disk, 4 * GIB)
    for _ in range(2):
        osdimage("deploy", wim, disk, "--plan", plan, "--yes", "--quiet")


def test_a_plan_for_a_disk_of_another_size_is_refused(wim: Path, tmp_path: Path) -> None:
    disk, plan = tmp_path / "disk.img", tmp_path / "plan.json"
    saved(wim, disk, plan, "--size", "4GB")
    disk.touch()
    os.truncate(disk, 5 * GIB)
    osdimage("deploy", wim, disk, "--plan", plan, "--yes", code=4)
    assert judges.output("blkid", "-p", disk, code=None) == ""


def test_a_plan_for_another_image_is_refused(wim: Path, tmp_path: Path) -> None:
    disk, plan, other = tmp_path / "disk.img", tmp_path / "plan.json", tmp_path / "other.wim"
    saved(wim, disk, plan, "--size", "4GB")
    judges.wimlib("capture", write_tree(tmp_path / "tree", {"file": b"other"}), other, "Windows")
    refused = osdimage("deploy", other, disk, "--plan", plan, code=2)
    assert "image 1 is not the one that the plan was made for" in refused.err
    assert not disk.exists()


@pytest.mark.parametrize(
    "words",
    [
        ("--preset", "uefi"),
        ("--index", "1"),
        ("--partition", "3"),
        ("--seed", "1"),
        ("--no-boot",),
        ("--locale", "de-DE"),
    ],
)
def test_a_plan_is_complete(wim: Path, tmp_path: Path, words: tuple[str, ...]) -> None:
    saved(wim, tmp_path / "disk.img", tmp_path / "plan.json", "--size", "4GB")
    refused = osdimage("deploy", wim, tmp_path / "disk.img", "--plan", tmp_path / "plan.json", *words, code=2)
    assert "--plan is complete" in refused.err


def drop(document: dict[str, Any]) -> None:
    del document["steps"][0]


def swap(document: dict[str, Any]) -> None:
    document["steps"].reverse()


def misplace(document: dict[str, Any]) -> None:
    document["steps"][-1]["os_partition"] = 9


def overlap(document: dict[str, Any]) -> None:
    document["disk"]["partitions"][1]["first_lba"] = document["disk"]["partitions"][0]["first_lba"]


def unformat(document: dict[str, Any]) -> None:
    document["steps"] = [each for each in document["steps"] if (each["step"], each.get("partition")) != ("format", 3)]


def misformat(document: dict[str, Any]) -> None:
    next(each for each in document["steps"] if each["step"] == "format")["filesystem"] = "NTFS"


def reserve(document: dict[str, Any]) -> None:
    next(each for each in document["steps"] if each["step"] == "format")["partition"] = 2


@pytest.mark.parametrize(
    ("change", "told"),
    [
        pytest.param(lambda document: document.update(format="x"), "is not the plan of a deployment", id="format"),
        pytest.param(lambda document: document.update(version=9), "is of version 9", id="version"),
        pytest.param(drop, "its steps are not a table", id="no table"),
        pytest.param(swap, "its steps are not a table", id="order"),
        pytest.param(misplace, "a step is about partition 9", id="partition"),
        pytest.param(overlap, "cannot be used", id="table"),
    ],
)
def test_a_plan_that_cannot_be_is_refused(
    plan: DeployPlan, change: Callable[[dict[str, Any]], None], told: str
) -> None:
    document = json.loads(json.dumps(plan_to_document(plan)))
    change(document)
    with pytest.raises(InvalidDocument, match=told):
        plan_from_json(json.dumps(document), source="plan.json")


def leaves(value: object, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(found for key, each in items for found in leaves(each, (*path, key)))]


@given(st.data())
@settings(max_examples=200, deadline=None)
def test_a_plan_with_any_value_changed_is_a_plan_or_is_refused(plan: DeployPlan, data: st.DataObject) -> None:
    document = json.loads(json.dumps(plan_to_document(plan)))
    *above, last = data.draw(st.sampled_from(leaves(document)[1:]))
    place: Any = document
    for key in above:
        place = place[key]
    scalars = st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.floats()
    place[last] = data.draw(scalars | st.lists(scalars, max_size=2) | st.dictionaries(st.text(max_size=3), scalars))
    try:
        read = plan_from_json(json.dumps(document), source="plan.json")
    except InvalidDocument:
        return
    assert isinstance(read, DeployPlan)
    list(read.describe())


def test_an_answer_file_of_a_plan_is_found_from_everywhere(
    wim: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk, plan, answers = tmp_path / "disk.img", tmp_path / "plan.json", tmp_path / "answers.xml"
    answers.write_bytes(ANSWERS)
    monkeypatch.chdir(tmp_path)
    saved(wim, disk, plan, "--size", "4GB", "--unattend", "answers.xml")
    monkeypatch.chdir("/")
    assert json.loads(plan.read_text())["unattend"] == str(answers)
    osdimage("deploy", wim, disk, "--plan", plan, "--dry-run")


def test_what_windows_would_ignore_of_an_answer_file_is_told(wim: Path, tmp_path: Path) -> None:
    # The image tells its architecture by its kernel alone.
    answers, disk, plan = tmp_path / "answers.xml", tmp_path / "disk.img", tmp_path / "plan.json"
    identity = 'publicKeyToken="31bf3856ad364e35" language="neutral" versionScope="nonSxS"'
    text = (
        '<unattend xmlns="urn:schemas-microsoft-com:unattend"><settings pass="specialize">'
        f'<component name="Shell-Setup" processorArchitecture="amd64" {identity}/></settings></unattend>'
    )
    words = ["--preset", "uefi", "--size", "4GB", "--unattend", answers, "--no-boot", "--dry-run"]
    answers.write_text(text)
    assert osdimage("deploy", wim, disk, *words).err == ""
    written = osdimage("deploy", wim, disk, *words, "--json")
    assert written.document["warnings"] == []
    plan.write_text(written.out)
    answers.write_text(text.replace("amd64", "x86"))
    told = f"{answers}: nothing of it is used: the image is for amd64, and its components are for x86"
    assert f"warning: {told}\n" in osdimage("deploy", wim, disk, *words).err
    assert osdimage("deploy", wim, disk, *words, "--json").document["warnings"] == [told]
    # Of a saved plan the file may have changed since.
    assert f"warning: {told}\n" in osdimage("deploy", wim, disk, "--plan", plan, "--dry-run").err


@pytest.mark.parametrize("contents", [None, b"<other/>"], ids=["gone", "of another kind"])
def test_an_answer_file_of_a_plan_that_cannot_be_used_costs_nothing(
    wim: Path, tmp_path: Path, contents: bytes | None
) -> None:
    disk, plan, answers = tmp_path / "disk.img", tmp_path / "plan.json", tmp_path / "answers.xml"
    osdimage("disk", "init", disk, "--preset", "data-gpt", "--size", "4GB")
    answers.write_bytes(ANSWERS)
    saved(wim, disk, plan, "--unattend", str(answers))
    before = sfdisk(disk)
    answers.unlink()
    if contents is not None:
        answers.write_bytes(contents)
    refused = osdimage("deploy", wim, disk, "--plan", plan, "--yes", code=None)
    assert refused.code in {1, 3}
    assert "answers.xml" in refused.err
    assert sfdisk(disk) == before


def test_a_plan_for_an_image_that_was_captured_anew_is_refused(tmp_path: Path) -> None:
    disk, plan, other = tmp_path / "disk.img", tmp_path / "plan.json", tmp_path / "other.wim"
    tree = write_tree(tmp_path / "tree", {"file": b"1"})
    judges.wimlib("capture", tree, other, "Windows")
    told = osdimage("deploy", other, disk, "--preset", "data-gpt", "--size", "1GB", "--dry-run", "--json")
    plan.write_text(told.out)
    # People see what programs read.
    assert told.err.splitlines() == [f"warning: {text}" for text in told.document["warnings"]] != []
    (tree / "file").write_bytes(b"2")
    other.unlink()
    judges.wimlib("capture", tree, other, "Windows")
    refused = osdimage("deploy", other, disk, "--plan", plan, code=2)
    assert "image 1 is not the one that the plan was made for" in refused.err
    assert not disk.exists()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        pytest.param(unformat, "image 1 is for partition 3, which no step formats", id="not formatted"),
        pytest.param(misformat, "firmware starts from FAT only", id="a file system that starts nothing"),
        pytest.param(reserve, "partition 2 never holds a volume", id="the reserved partition"),
    ],
)
def test_a_plan_that_formats_what_it_must_not_is_refused(
    wim: Path, change: Callable[[dict[str, Any]], None], told: str
) -> None:
    with WimFile.open(wim) as opened:
        layout, geometry = preset_layout(Preset.UEFI), Geometry.of_size(4 * GIB, 512)
        plan = make_plan(opened.image(1), layout, geometry, random.Random(1))
    document = json.loads(json.dumps(plan_to_document(plan)))
    change(document)
    with pytest.raises(InvalidDocument, match=told):
        plan_from_json(json.dumps(document), source="plan.json")
