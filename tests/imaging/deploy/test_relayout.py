"""The disk that a WIM was captured from, made again: same size, larger, too small; judged by foreign tools."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from judges import wim as judges
from osdimage.imaging import DiskLayout, FileSystem, Geometry, InvalidInput, InvalidRequest, PartitionSpec
from osdimage.imaging.disk import FixedSize, Role, Scheme
from osdimage.imaging.disk.layouts.fit import Giver, fitted
from osdimage.imaging.disk.tables.write import verify_table
from osdimage.imaging.testing import MadeDisk
from osdimage.imaging.wim import CapturedDisk, CapturedPartition
from osdimage.imaging.wim.described.captured import Kept
from osdimage.imaging.wim.described.captured_table import table_of
from runs.commands import osdimage

pytestmark = pytest.mark.foreign
MIB = 1 << 20


def spec(role: Role, size: int, filesystem: FileSystem | None = None, label: str | None = None) -> PartitionSpec:
    return PartitionSpec(role, FixedSize(size * MIB), filesystem=filesystem, label=label)  # type: ignore[arg-type]


LAYOUTS = {
    "gpt": (
        DiskLayout(
            Scheme.GPT,
            (
                spec(Role.EFI, 100, FileSystem.FAT32, "SYSTEM"),
                spec(Role.MSR, 16),
                spec(Role.PRIMARY, 128, FileSystem.NTFS, "Windows"),
                spec(Role.RECOVERY, 100, FileSystem.NTFS, "Recovery"),
            ),
        ),
        3,
    ),
    "mbr": (
        DiskLayout(
            Scheme.MBR,
            (
                spec(Role.EXTENDED, 280),
                spec(Role.LOGICAL, 128, FileSystem.NTFS, "Windows"),
                spec(Role.LOGICAL, 80, FileSystem.FAT32, "DATA"),
            ),
        ),
        5,
    ),
}


def places(disk: Path) -> list[tuple[int, str]]:
    table = json.loads(judges.output("sfdisk", "-J", disk))["partitiontable"]
    return [(each["size"] * 512, each["type"].lower()) for each in table["partitions"]]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "which").write_text("contents")
    return tmp_path / "tree"


@pytest.mark.parametrize("scheme", ["gpt", "mbr"])
def test_a_disk_is_made_again(osdimage_disk: Callable[..., MadeDisk], tree: Path, tmp_path: Path, scheme: str) -> None:
    layout, windows = LAYOUTS[scheme]
    formatted = [1, 3, 4] if scheme == "gpt" else [5, 6]
    disk = osdimage_disk(size="400MB", layout=layout, trees=dict.fromkeys(formatted, tree))
    wim, same, larger = tmp_path / "disk.wim", tmp_path / "same.img", tmp_path / "larger.img"
    osdimage("capture", disk.path, wim, "--all-volumes")
    for target, size in ((same, "400MB"), (larger, "600MB")):
        osdimage("deploy", wim, target, "--layout-from-wim", "--all-volumes", "--size", size)
        for number in formatted:
            again = tmp_path / f"{target.stem}-{number}.wim"
            osdimage("capture", target, again, "--partition", str(number))
            assert "/which" in judges.wimlib_paths(again)
        if scheme == "gpt":
            assert "No problems found" in judges.run("sgdisk", "-v", target)
    assert places(same) == places(disk.path)
    index = windows - 1 if scheme == "gpt" else 1
    grown, old = places(larger), places(disk.path)
    assert grown[index][0] >= old[index][0] + 150 * MIB
    rest = [place for number, place in enumerate(grown) if number != index and place[1] not in {"f", "5"}]
    assert rest == [place for number, place in enumerate(old) if number != index and place[1] not in {"f", "5"}]
    too_small = osdimage(
        "deploy", wim, tmp_path / "no.img", "--layout-from-wim", "--size", "80MB", "--index", "1", code=2
    )
    assert "the disk has 80.0 MB" in too_small.err
    assert "the partitions need " in too_small.err
    assert not (tmp_path / "no.img").exists()


def test_one_image_goes_where_it_came_from(osdimage_disk: Callable[..., MadeDisk], tree: Path, tmp_path: Path) -> None:
    disk = osdimage_disk(size="400MB", layout=LAYOUTS["gpt"][0], trees={4: tree})
    osdimage("capture", disk.path, tmp_path / "disk.wim", "--all-volumes")
    words = ("--layout-from-wim", "--size", "400MB", "--index", "3", "--dry-run")
    assert "to partition 4" in osdimage("deploy", tmp_path / "disk.wim", tmp_path / "new.img", *words).out


def test_what_cannot_be_is_refused(tree: Path, tmp_path: Path) -> None:
    wim = tmp_path / "plain.wim"
    judges.wimlib("capture", tree, wim)
    disk = tmp_path / "new.img"
    failed = osdimage("deploy", wim, disk, "--layout-from-wim", "--size", "400MB", code=3)
    assert "holds no layout of a disk" in failed.err
    assert not disk.exists()
    for words in (("--layout-from-wim", "--preset", "uefi"), ("--all-volumes", "--preset", "uefi")):
        osdimage("deploy", wim, disk, *words, "--size", "400MB", code=2)


PARTITIONS = st.builds(
    CapturedPartition,
    index=st.integers(1, 260),
    type=st.sampled_from([*Role, "Linux", ""]),
    filesystem=st.sampled_from(["NTFS", "FAT32", "EXT", None]),
    boot=st.booleans(),
    label=st.none() | st.text(max_size=64).filter(str.isprintable),
    offset=st.integers(1, 1 << 63),
    size=st.integers(1, 1 << 63),
    type_id=st.sampled_from(["0x07", "0x05", "ebd0a0a2-b9e5-4433-87c0-68b6b72699c7"]),
    name=st.text(max_size=64).filter(str.isprintable),
    attributes=st.integers(0, (1 << 64) - 1),
    captured=st.booleans(),
    ebr=st.none() | st.integers(1, 1 << 63),
    kept=st.sampled_from(Kept),
)


@given(
    st.builds(
        CapturedDisk,
        scheme=st.sampled_from(Scheme),
        size=st.just(1 << 30) | st.integers(1, 1 << 63),
        sector_size=st.sampled_from([512, 4096]),
        partitions=st.lists(PARTITIONS, min_size=1, max_size=6, unique_by=lambda each: each.index).map(tuple),
    )
)
def test_any_layout_becomes_a_table_or_is_refused(disk: CapturedDisk) -> None:
    try:
        table = table_of(disk, random.Random(1))
        givers = [Giver(each.number, MIB) for each in table.partitions]
        made = fitted(table, Geometry.of_size(1 << 30, 512), taker=givers[0].number, givers=givers)
        verify_table(made)
    except (InvalidInput, InvalidRequest):
        return
    assert all(each.extent.end <= made.geometry.sectors for each in made.partitions)
