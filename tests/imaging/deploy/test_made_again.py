"""Disks with partitions that osdimage does not make, captured and made again; laid out and judged by foreign tools."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from cases.windows_trees import windows_files, write_tree
from judges import wim as judges
from judges.disk import copy_of, fdisk, run
from runs.commands import osdimage

pytestmark = pytest.mark.foreign
MIB = 1 << 20
BASIC = "EBD0A0A2-B9E5-4433-87C0-68B6B72699C7"

# Two reserved partitions, one of Linux, one of a type that nobody knows, and attributes.
GPT = """\
label: gpt
start=2048, size=32768, type=E3C9E316-0B5C-4DB8-817D-F92DF00215AE, name="Microsoft reserved partition"
start=34816, size=131072, type=EBD0A0A2-B9E5-4433-87C0-68B6B72699C7, name="Basic data partition"
start=165888, size=2048, type=E3C9E316-0B5C-4DB8-817D-F92DF00215AE
start=167936, size=16384, type=0FC63DAF-8483-4772-8E79-3D69D8477DE4, name="linux"
start=184320, size=2048, type=01234567-89AB-CDEF-0123-456789ABCDEF, attrs="RequiredPartition GUID:60,63"
"""
# OEM partitions in front, one from sector 63; a chain of which the second partition lies before the first.
MBR = """\
label: dos
label-id: 0x12345678
1: start=63, size=20000, type=de
2: start=22528, size=131072, type=7, bootable
3: start=153600, size=60000, type=85
4: start=215040, size=4096, type=ef
5: start=190000, size=8000, type=83
6: start=160000, size=16384, type=12
"""


@dataclass(frozen=True, slots=True)
class Captured:
    """A disk, and where something lies on it: the number of the partition of Windows, and of one with ext in it."""

    disk: Path
    windows: int
    linux: int
    start: int
    tree: Path


def laid_out(folder: Path, script: str, windows: int, linux: int, start: int) -> Captured:
    disk, tree = folder / "disk.img", folder / "tree"
    with disk.open("wb") as file:
        file.truncate(128 * MIB)
    subprocess.run(["sfdisk", "-q", str(disk)], input=script, text=True, check=True)
    tree.mkdir(exist_ok=True)
    (tree / "which").write_text("contents")
    osdimage("disk", "format", disk, "--partition", str(windows), "--label", "Windows", "--yes")
    judges.wimlib("capture", tree, folder / "tree.wim")
    osdimage("apply", folder / "tree.wim", disk, "--partition", str(windows))
    # A volume that osdimage has no hand in.  mke2fs -d fills it without a mount.
    judges.run("mke2fs", "-q", "-t", "ext2", "-d", tree, "-E", f"offset={start * 512}", disk, "4M")
    return Captured(disk, windows, linux, start, tree)


@pytest.fixture(scope="module")
def gpt(tmp_path_factory: pytest.TempPathFactory) -> Captured:
    return laid_out(tmp_path_factory.mktemp("gpt"), GPT, 2, 4, 167936)


@pytest.fixture(scope="module")
def mbr(tmp_path_factory: pytest.TempPathFactory) -> Captured:
    return laid_out(tmp_path_factory.mktemp("mbr"), MBR, 2, 6, 160000)


def dump(disk: Path) -> list[str]:
    """Return what sfdisk says of the partitions, without their GUIDs, which are new."""
    lines = judges.output("sfdisk", "-d", disk).splitlines()
    return [re.sub(r", uuid=[^,]*", "", line).partition(" : ")[2] for line in lines if " : " in line]


def digest(disk: Path, start: int, size: int) -> str:
    with disk.open("rb") as file:
        file.seek(start * 512)
        return hashlib.sha256(file.read(size)).hexdigest()


@pytest.mark.parametrize("scheme", ["gpt", "mbr"])
def test_a_disk_with_partitions_of_others_is_made_again_byte_for_byte(
    request: pytest.FixtureRequest, tmp_path: Path, scheme: str
) -> None:
    made: Captured = request.getfixturevalue(scheme)
    wim, new = tmp_path / "disk.wim", tmp_path / "new.img"
    done = osdimage("capture", made.disk, wim, "--all-volumes", "--keep-raw", "--json")
    assert (done.err, done.document["warnings"], done.document["unkept"]) == ("", [], [])
    assert made.linux in done.document["raw"]
    judges.wimlib("verify", wim)
    index = done.document["partitions"].index(made.linux) + 1
    # What a user of other tools gets is a file that can be mounted.
    judges.run("wimlib-imagex", "extract", wim, str(index), "/partition.img", f"--dest-dir={tmp_path}")
    assert judges.output("debugfs", "-R", "cat /which", tmp_path / "partition.img") == "contents"
    again = ("--layout-from-wim", "--all-volumes", "--no-boot")
    made_it = osdimage("deploy", wim, new, *again, "--size", "128MB")
    assert "byte for byte" in made_it.out
    assert dump(new) == dump(made.disk)
    assert digest(new, made.start, 4 * MIB) == digest(made.disk, made.start, 4 * MIB)
    judges.run("sfdisk", "--verify", new)
    if scheme == "gpt":
        assert "No problems found" in judges.run("sgdisk", "-v", new)
    osdimage("compare", wim, new, "--all-volumes")
    # Not onto a new image: what was there is gone, also where the bytes are zeros.
    with new.open("r+b") as file:
        file.seek(made.start * 512 + 5 * MIB)
        file.write(b"old")
    assert "DIFFERENT" in osdimage("compare", wim, new, "--all-volumes", code=1).out
    osdimage("deploy", wim, new, *again, "--yes")
    osdimage("compare", wim, new, "--all-volumes")


@pytest.mark.parametrize("scheme", ["gpt", "mbr"])
def test_what_is_not_kept_is_said_at_both_ends(request: pytest.FixtureRequest, tmp_path: Path, scheme: str) -> None:
    made: Captured = request.getfixturevalue(scheme)
    wim, new = tmp_path / "disk.wim", tmp_path / "new.img"
    done = osdimage("capture", made.disk, wim, "--all-volumes", "--json", "--events", tmp_path / "events")
    assert done.document["unkept"] == [made.linux]
    (said,) = done.document["warnings"]
    assert said.startswith(f"partition {made.linux} (")
    assert "ext2, ext3 or ext4 volume that is not captured" in said
    assert done.err == f"warning: {said}\n"
    events = [json.loads(line) for line in (tmp_path / "events").read_text().splitlines()]
    assert said in [event.get("warning") for event in events]
    osdimage("capture", made.disk, tmp_path / "s.wim", "--all-volumes", "--strict", code=1)
    words = (wim, new, "--layout-from-wim", "--all-volumes", "--no-boot", "--size", "128MB")
    plan = osdimage("deploy", *words, "--dry-run", "--json").document
    assert sum(text.startswith(f"partition {made.linux} (") for text in plan["warnings"]) == 1
    told = osdimage("deploy", *words)
    assert "is made empty: it held ext" in told.err
    assert dump(new) == dump(made.disk)
    assert digest(new, made.start, 4 * MIB) == hashlib.sha256(bytes(4 * MIB)).hexdigest()


def test_an_image_of_bytes_is_none_to_install(gpt: Captured, tmp_path: Path) -> None:
    wim = tmp_path / "disk.wim"
    osdimage("capture", gpt.disk, wim, "--all-volumes", "--keep-raw", "--name", "PC")
    assert "the bytes of a partition" in osdimage("info", wim).out
    # Of three images one is Windows.
    target = tmp_path / "target"
    osdimage("apply", wim, target)
    assert (target / "which").read_text() == "contents"
    for words in (("--index", "2"), ("--name", "PC (partition 4)")):
        refused = osdimage("apply", wim, tmp_path / "no", *words, code=2)
        assert "is the bytes of a partition" in refused.err
        assert not (tmp_path / "no").exists()
    copy = copy_of(gpt.disk, tmp_path / "copy.img")
    done = osdimage("apply", wim, copy, "--all-volumes", "--wipe", "--yes")
    assert "image 2 'PC (partition 4)' is the bytes of a partition: it goes to no volume" in done.err
    words = ("--size", "2GB", "--preset", "data-gpt", "--index", "2")
    assert "is the bytes of a partition" in osdimage("deploy", wim, tmp_path / "no.img", *words, code=2).err


def test_an_image_that_was_deleted_is_missed(gpt: Captured, tmp_path: Path) -> None:
    wim = tmp_path / "disk.wim"
    osdimage("capture", gpt.disk, wim, "--all-volumes", "--keep-raw")
    osdimage("delete", wim, "--index", "2")
    words = (wim, tmp_path / "new.img", "--layout-from-wim", "--no-boot", "--size", "128MB", "--dry-run")
    assert "partition 4 (Linux, 8.0 MB) is made empty: no image" in osdimage("deploy", *words, "--all-volumes").err
    assert "partition 4 (Linux, 8.0 MB) is made empty: its bytes" in osdimage("deploy", *words, "--index", "1").err


def test_a_plan_with_bytes_is_carried_out_to_the_letter(gpt: Captured, tmp_path: Path) -> None:
    wim, plan = tmp_path / "disk.wim", tmp_path / "plan.json"
    osdimage("capture", gpt.disk, wim, "--all-volumes", "--keep-raw")
    words = ("--layout-from-wim", "--all-volumes", "--no-boot", "--size", "160MB", "--dry-run", "--json")
    plan.write_text(osdimage("deploy", wim, tmp_path / "new.img", *words).out)
    document = json.loads(plan.read_text())
    # The last one ended at 91 MiB, the copy of the GPT needs some of the last 64 KiB.
    assert document["resized"] == [{"number": 2, "old_bytes": 64 * MIB, "new_bytes": 133 * MIB - 65536}]
    osdimage("deploy", wim, tmp_path / "new.img", "--plan", plan)
    osdimage("compare", wim, tmp_path / "new.img", "--all-volumes")
    for step in document["steps"]:
        if step["step"] == "write-bytes":
            step["size"] += 1
    plan.write_text(json.dumps(document))
    refused = osdimage("deploy", wim, tmp_path / "other.img", "--plan", plan, code=2)
    assert "is not the one that the plan was made for" in refused.err


def test_a_partition_is_chosen_to_grow_or_to_shrink(gpt: Captured, tmp_path: Path) -> None:
    wim, new = tmp_path / "disk.wim", tmp_path / "new.img"
    osdimage("capture", gpt.disk, wim, "--all-volumes")
    words = (wim, new, "--layout-from-wim", "--no-boot", "--dry-run", "--size")
    assert "partition 2 grows from 64.0 MB to 173 MB" in osdimage("deploy", *words, "200MB", "--grow", "2").out
    refused = osdimage("deploy", *words, "128MB", "--grow", "4", code=2)
    assert "partition 4 cannot grow: it holds no volume that is made anew; those are: 2" in refused.err
    small = osdimage("deploy", *words, "40MB", "--shrink", "2")
    assert "partition 2 shrinks from 64.0 MB to 12.9 MB" in small.out
    assert "partition 2 will be almost full" in small.err
    refused = osdimage("deploy", *words, "30MB", "--shrink", "2", code=2)
    assert "the partitions need " in refused.err
    osdimage("deploy", wim, new, "--preset", "uefi", "--size", "2GB", "--grow", "2", code=2)


def test_a_disk_of_4k_sectors_is_made_again_as_one(tmp_path: Path) -> None:
    disk, new, wim = tmp_path / "disk.img", tmp_path / "new.img", tmp_path / "disk.wim"
    with disk.open("wb") as file:
        file.truncate(128 * MIB)
    # In sectors of 4096 bytes; the last partition ends where the usable ones do.
    (tmp_path / "script").write_text(
        "label: gpt\nfirst-lba: 6\nstart=6, size=250, type=0FC63DAF-8483-4772-8E79-3D69D8477DE4\n"
        f"start=256, size=16384, type={BASIC}\nstart=20000, size=12762, type=01234567-89AB-CDEF-0123-456789ABCDEF\n"
    )
    # sfdisk takes the size of sectors from version 2.39 on only.
    run(["fdisk", "-b", "4096", disk], text_in=f"I\n{tmp_path / 'script'}\nw\n")
    osdimage("disk", "format", disk, "--partition", "2", "--yes")
    osdimage("capture", disk, wim, "--all-volumes", "--keep-raw")
    osdimage("deploy", wim, new, "--layout-from-wim", "--all-volumes", "--no-boot", "--size", "128MB")
    assert [replace(each, guid=None) for each in fdisk(new, 4096)] == [
        replace(each, guid=None) for each in fdisk(disk, 4096)
    ]
    osdimage("compare", wim, new, "--all-volumes")


@pytest.fixture(scope="module")
def with_windows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Windows (256 MB), data (512 MB) and recovery (64 MB) behind it, captured."""
    folder = tmp_path_factory.mktemp("windows")
    disk = folder / "disk.img"
    with disk.open("wb") as file:
        file.truncate(900 * MIB)
    script = (
        (
            "label: gpt\nstart=2048, size=524288\nstart=526336, size=1048576\n"
            "start=1574912, size=131072, type=DE94BBA4-06D1-4D40-A16A-BFD50179D6AC\n"
        )
        .replace("size=524288", f"size=524288, type={BASIC}")
        .replace("size=1048576", f"size=1048576, type={BASIC}")
    )
    subprocess.run(["sfdisk", "-q", str(disk)], input=script, text=True, check=True)
    judges.wimlib("capture", write_tree(folder / "tree", windows_files()), folder / "tree.wim")
    for number in (1, 2, 3):
        osdimage("disk", "format", disk, "--partition", str(number), "--yes")
    osdimage("apply", folder / "tree.wim", disk, "--partition", "1")
    osdimage("capture", disk, folder / "disk.wim", "--all-volumes")
    return folder / "disk.wim"


@pytest.mark.parametrize(
    ("size", "changes"),
    [
        pytest.param("900MB", {}, id="the same size"),
        pytest.param("2GB", {1: 1470}, id="Windows takes"),
        pytest.param("800MB", {1: 222}, id="Windows gives first"),
        pytest.param("500MB", {1: 70, 2: 364}, id="then what has most to spare"),
    ],
)
def test_windows_takes_and_gives_first(with_windows: Path, tmp_path: Path, size: str, changes: dict[int, int]) -> None:
    words = ("--layout-from-wim", "--all-volumes", "--no-boot", "--size", size, "--dry-run", "--json")
    plan = osdimage("deploy", with_windows, tmp_path / "new.img", *words).document
    assert {each["number"]: each["new_bytes"] // MIB for each in plan["resized"]} == changes
    # Recovery only moves.
    assert plan["disk"]["partitions"][2]["size_bytes"] == 64 * MIB
