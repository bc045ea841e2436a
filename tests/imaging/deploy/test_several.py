"""One image on several disks: each is a disk of its own, and one that fails stops none of the others."""

from __future__ import annotations

import io
import json
import random
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cases import bulk as cases
from cases.smalldisk import small_disk
from cases.wimcraft import Node, build, folder, root
from judges.disk import cut_out, sfdisk
from judges.ntfs import contents, is_dirty
from judges.wim import assert_ntfs_clean, require, run
from osdimage.imaging import InvalidRequest, Preset, WimFile, make_plan, open_disk, preset_layout
from osdimage.imaging.deploy import Deployment, DeployOptions, execute_on_all
from osdimage.imaging.disk.tables.backup import TableSaving
from osdimage.imaging.wim.feed import ImageFeed
from runs.commands import Outcome, osdimage

MIB = 1 << 20
SIZE = 160 * MIB
FILES = {"/a", "/a/b", "/c"}
NOW = datetime(2024, 1, 2, tzinfo=UTC)


@pytest.fixture(scope="module")
def wim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("several") / "small.wim"
    path.write_bytes(build(root(folder("a", Node("b", cases.noise(3 * MIB))), Node("c", b"short"))))
    return path


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OSDIMAGE_STATE_DIR", str(tmp_path / "state"))


def deploy(wim: Path, disks: str, *options: str, preset: str = "data-mbr", code: int = 0) -> Outcome:
    first, *others = disks.split()
    also = [word for each in others for word in ("--also", each)]
    return osdimage("deploy", str(wim), first, *also, "--preset", preset, "--no-sync", *options, code=code)


def told(outcome: Outcome) -> list[tuple[str, int]]:
    return [(each["target"], each["code"]) for each in outcome.document["targets"]]


def blank(path: Path, size: int = SIZE) -> None:
    with path.open("wb") as file:
        file.truncate(size)


def volume_of(disk: Path, to: Path) -> Path:
    """Cut the last partition out of a disk."""
    part = sfdisk(disk)[1][-1]
    assert part.sectors is not None
    return cut_out(disk, part.first * 512, part.sectors * 512, to / "part.ntfs")


def assert_whole(disk: Path) -> bytes:
    """Return the serial number of the volume, which holds the image."""
    volume = volume_of(disk, disk.parent)
    assert_ntfs_clean(volume)
    assert contents(volume).keys() == FILES
    return volume.read_bytes()[0x48:0x50]


def identifiers(disk: Path) -> list[str]:
    """Return what is to be the disk's own: of the table, of the partitions, and of the volume."""
    table, parts = sfdisk(disk)
    return [table["id"].lower(), *(each.guid for each in parts if each.guid), assert_whole(disk).hex()]


@pytest.mark.foreign
def test_each_disk_has_identifiers_of_its_own_which_a_seed_makes_again(wim: Path, tmp_path: Path) -> None:
    size, preset = ("--size", str(SIZE)), "data-gpt"
    deploy(wim, "1 2", *size, "--seed", "x", preset=preset)
    first, second = (identifiers(tmp_path / name) for name in "12")
    assert len({*first, *second}) == len(first) + len(second)
    # Again, and one more, which changes nothing for these.
    deploy(wim, "1 2 3", *size, "--seed", "x", "--yes", "--no-backup", preset=preset)
    assert [identifiers(tmp_path / name) for name in "12"] == [first, second]
    # Each can be made alone.
    deploy(wim, "alone", *size, "--seed", "x#2", preset=preset)
    assert identifiers(tmp_path / "alone") == second


def test_the_first_disk_has_what_it_has_without_the_others(wim: Path) -> None:
    wish = ("--size", str(SIZE), "--seed", "x", "--dry-run", "--json")
    first, second = (each["result"] for each in deploy(wim, "1 2", *wish).document["targets"])
    assert first["disk"]["disk_signature"] != second["disk"]["disk_signature"]
    assert {"kind": "deploy-plan", **first} == deploy(wim, "1", *wish).document


@pytest.mark.foreign
def test_one_that_fails_stops_none_of_the_others_and_says_how_far_it_came(wim: Path, tmp_path: Path) -> None:
    (tmp_path / "mount").mkdir()
    with small_disk(tmp_path / "mount", 3 * MIB) as full:
        (full.seen / "disk").touch()
        (tmp_path / "full").symlink_to(full.seen / "disk")
        (tmp_path / "other").write_bytes(bytes(MIB))
        outcome = deploy(wim, "1 full other gone/2 3", "--size", str(SIZE), "--json", "--no-backup", code=5)
        assert told(outcome) == [("1", 0), ("full", 1), ("other", 4), ("gone/2", 1), ("3", 0)]
        assert outcome.document["targets"][1]["error"]["errno"] == "ENOSPC"
        assert "full is partitioned and formatted, 0 of 1 images are applied" in outcome.err
        assert is_dirty(volume_of(full.seen / "disk", tmp_path))
    for name in "13":
        assert_whole(tmp_path / name)
    assert (tmp_path / "other").read_bytes() == bytes(MIB)


@pytest.mark.foreign
def test_all_that_fail_are_told_and_nothing_is_left_of_new_ones(wim: Path, tmp_path: Path) -> None:
    outcome = deploy(wim, "gone/1 2 3.qcow2", "--size", str(2 * MIB), code=1)
    assert [line.split(":")[0] for line in outcome.err.splitlines() if line.startswith("  ")] == [
        "  gone/1",
        "  2",
        "  3.qcow2",
    ]
    assert [path.name for path in tmp_path.iterdir()] == []


@pytest.mark.foreign
def test_each_becomes_a_file_of_its_format(wim: Path, tmp_path: Path) -> None:
    require("qemu-img")
    deploy(wim, "1.qcow2 2.img 3.vhdx", "--size", str(SIZE))
    formats = [
        json.loads(run("qemu-img", "info", "--output=json", tmp_path / name))["format"]
        for name in ("1.qcow2", "2.img", "3.vhdx")
    ]
    assert formats == ["qcow2", "raw", "vhdx"]
    run("qemu-img", "convert", "-O", "raw", tmp_path / "1.qcow2", tmp_path / "1.img")
    assert assert_whole(tmp_path / "1.img") != assert_whole(tmp_path / "2.img")


@pytest.mark.foreign
def test_each_image_of_several_is_read_once_for_all_disks(
    wim: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    volumes = ["OSDDiskIndex=0", "OSDPartitionStyle=MBR", "OSDPartitions=2"]
    for number, size in enumerate(("50", "100")):
        unit = ("MB", "Percent")[number]
        facts = {"Type": "Primary", "FileSystem": "NTFS", "QuickFormat": "true", "Size": size, "SizeUnits": unit}
        volumes += [f"OSDPartitions{number}{name}={value}" for name, value in facts.items()]
    (tmp_path / "two.vars").write_text("\n".join(volumes))
    osdimage("deploy", wim, "old", "--vars", "two.vars", "--size", str(SIZE), "--partition", "2", "--no-sync")
    osdimage("apply", wim, "old", "--partition", "1", "--no-sync")
    osdimage("capture", "old", "all.wim", "--all-volumes")
    reads: list[tuple[int, int]] = []
    run_feed = ImageFeed.run

    def counted(feed: ImageFeed, sinks: Any, *arguments: Any, **options: Any) -> Any:
        reads.append((feed.index, len(sinks)))
        return run_feed(feed, sinks, *arguments, **options)

    monkeypatch.setattr(ImageFeed, "run", counted)
    layout = ("--layout-from-wim", "--all-volumes", "--size", str(SIZE), "--no-sync")
    osdimage("deploy", "all.wim", "1", "--also", "2", *layout)
    assert reads == [(1, 2), (2, 2)]
    for name in "12":
        assert_whole(tmp_path / name)


def test_the_nth_serial_number_is_that_of_the_nth_disk(
    wim: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files have none, so each is said to have its name."""
    asked: list[tuple[str, str | None, int | None]] = []

    def check(target: Any, *, serial: str | None, size_bytes: int | None) -> None:
        asked.append((target.name, serial, size_bytes))

    monkeypatch.setattr("osdimage.imaging.disk.device.check_expected", check)
    for name in "123":
        (tmp_path / name).write_bytes(bytes(16 * MIB))
    serials = ["--expect-serial", "A", "--expect-serial", "B", "--expect-serial", "C"]
    deploy(wim, "1 2 3", *serials, "--expect-size", "16MiB", "--dry-run")
    assert asked == [("1", "A", 16 * MIB), ("2", "B", 16 * MIB), ("3", "C", 16 * MIB)]


USAGE = {
    "serials": (["--expect-serial", "A"], "--expect-serial is given 1 time for 2 disks"),
    "more serials": (["--expect-serial", "A"] * 3, "--expect-serial is given 3 times for 2 disks"),
    "plan": (["--plan", "plan.json"], "--plan FILE is the plan of one disk"),
    "backup": (["--backup", "saved.json"], "--backup FILE is the table of one disk"),
    "twice": (["--also", "./1"], "1 is given twice"),
    "input": (["--also", "small.wim"], "small.wim is read by this command"),
    "format": (["--also", "4.vmdk"], "VMDK disks are not made"),
    "unattended": ([], "1, 2 would be overwritten; give --yes"),
}


@pytest.mark.parametrize("name", USAGE)
def test_what_cannot_be_meant_is_refused_before_anything_is_written(name: str, wim: Path, tmp_path: Path) -> None:
    options, said = USAGE[name]
    for each in "12":
        (tmp_path / each).write_bytes(bytes(16 * MIB))
    (tmp_path / "small.wim").symlink_to(wim)
    (tmp_path / "plan.json").write_text("{}")
    words = ["deploy", str(wim), "1", "--also", "2", *options]
    words += [] if name == "plan" else ["--preset", "data-mbr"]
    assert said in osdimage(*words, code=2).err
    for each in "12":
        assert (tmp_path / each).read_bytes() == bytes(16 * MIB)


def test_the_plan_of_each_is_a_document_that_can_be_carried_out(wim: Path, tmp_path: Path) -> None:
    blank(tmp_path / "2")
    outcome = deploy(wim, "1 2", "--dry-run", "--json", "--seed", "x", code=5)
    assert told(outcome) == [("1", 2), ("2", 0)]
    assert "1 of 2 targets failed: 1 does not exist; give --size" in outcome.err
    (tmp_path / "plan.json").write_text(json.dumps(outcome.document["targets"][1]["result"]))
    again = osdimage("deploy", str(wim), "2", "--plan", "plan.json", "--dry-run", "--json").document
    assert again["disk"] == outcome.document["targets"][1]["result"]["disk"]
    said = deploy(wim, "1 2", "--dry-run", "--size", str(SIZE)).out
    assert [line.split(":")[0] for line in said.splitlines() if line.startswith("plan for")] == [
        "plan for 1",
        "plan for 2",
    ]


class Answer(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("answer", ["n\n", "y\n"])
def test_one_question_shows_the_plan_of_each(
    answer: str, wim: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for each in "12":
        blank(tmp_path / each)
    monkeypatch.setattr("sys.stdin", Answer(answer))
    outcome = deploy(wim, "1 2", code=0 if answer == "y\n" else 1)
    assert [outcome.out.count(f"plan for {name}: ") for name in "12"] == [1, 1]
    assert (outcome.out + outcome.err).count("Carry it out on 2 disks?") == 1
    assert (b"\x55\xaa" in (tmp_path / "2").read_bytes()[:512]) is (answer == "y\n")


def test_a_library_gets_a_result_for_each(wim: Path, tmp_path: Path) -> None:
    with WimFile.open(wim) as opened:
        image = opened.image(1)
        disks = [open_disk(name, write=True, create=SIZE) for name in "12"]
        made = [
            Deployment(make_plan(image, preset_layout(Preset.DATA_MBR), disk.geometry, random.Random(number)), disk)
            for number, disk in enumerate(disks)
        ]
        with pytest.raises(InvalidRequest, match="is given twice"):
            execute_on_all([made[0], made[0]], image, now=NOW)
        with pytest.raises(InvalidRequest, match="one file cannot hold the tables of several disks"):
            execute_on_all(made, image, now=NOW, saving=TableSaving(tmp_path / "saved"))
        done = execute_on_all(made, image, now=NOW, options=DeployOptions(sync=False))
        for disk in disks:
            disk.close()
    assert [(each.target, each.error) for each in done] == [(Path("1"), None), (Path("2"), None)]
    assert [each.result.applied.files for each in done if each.result is not None] == [2, 2]
