"""Targets that are the same bytes under other names."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from judges import wim as judges
from osdimage.imaging import InvalidRequest, open_disk
from osdimage.imaging.disk import distinct
from osdimage.imaging.disk.distinct import refuse_repeated
from osdimage.imaging.disk.volume import OpenVolume
from osdimage.imaging.units import MIB, Extent, Lba

SIZE = 8 * MIB


def disguised(folder: Path) -> dict[str, Path]:
    """Return other names of a file, and of one that is not there."""
    (folder / "sub").mkdir()
    (folder / "a").write_bytes(bytes(SIZE))
    (folder / "link").symlink_to("a")
    (folder / "hard").hardlink_to(folder / "a")
    (folder / "not there").symlink_to("new")
    (folder / "to folder").symlink_to(folder)
    return {
        "path": folder / "a",
        "detour": folder / "sub" / ".." / "a",
        "symlink": folder / "link",
        "hard link": folder / "hard",
        "folder": folder / "to folder" / "a",
        "new": folder / "sub" / ".." / "new",
        "new symlink": folder / "not there",
    }


@pytest.mark.parametrize("name", ["path", "detour", "symlink", "hard link", "folder", "new", "new symlink"])
def test_a_file_is_found_under_each_of_its_names(name: str, tmp_path: Path) -> None:
    names = disguised(tmp_path)
    first = tmp_path / ("new" if name.startswith("new") else "a")
    refuse_repeated([first, tmp_path / "b", tmp_path / "sub"])
    with pytest.raises(InvalidRequest, match="is given twice" if name == "path" else "are the same target"):
        refuse_repeated([tmp_path / "b", first, names[name]])


@pytest.mark.parametrize("inner", ["sub/a", "sub/there/new/a", "to sub/b"])
@pytest.mark.parametrize("outer", ["sub", "sub/there/..", "to sub"])
def test_what_is_in_a_folder_overlaps_it(outer: str, inner: str, tmp_path: Path) -> None:
    (tmp_path / "sub" / "there").mkdir(parents=True)
    (tmp_path / "sub" / "b").touch()
    (tmp_path / "to sub").symlink_to("sub")
    refuse_repeated([tmp_path / inner, tmp_path / "sub" / "other", tmp_path / "sub a"])
    for targets in ([outer, inner], [inner, outer], ["new", "new/sub"]):
        with pytest.raises(InvalidRequest, match="are the same target, or overlap"):
            refuse_repeated([tmp_path / each for each in targets])


def test_volumes_of_a_disk_are_the_same_where_they_overlap(tmp_path: Path) -> None:
    with open_disk(tmp_path / "disk", write=True, create=SIZE) as disk:
        one, two, third = (
            OpenVolume.of(disk.target, Extent(Lba(first), count), disk.path, number)
            for number, (first, count) in enumerate(((64, 100), (164, 100), (200, 10)), 1)
        )
        refuse_repeated([one, two])
        for targets in ([two, third], [one, one], [one, disk.path]):
            with pytest.raises(InvalidRequest):
                refuse_repeated(targets)


# ---- devices


def folder_of(sys: Path, device: int, **files: str) -> Path:
    folder = sys / f"{os.major(device)}:{os.minor(device)}"
    for name, text in files.items():
        path = folder / name.replace("_of_", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{text}\n")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture
def devices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], distinct._Place]:
    """What the kernel tells of a disk, its partitions, and loop devices, as in Documentation/ABI/stable/sysfs-block."""
    sys = tmp_path / "sys"
    (tmp_path / "backing").touch()
    numbers = {
        name: os.makedev(8, number) for number, name in enumerate(["sda", "sda1", "sda2", "loop", "half", "rest"])
    }
    disk = folder_of(sys, numbers["sda"], dev="8:0")
    for name, start in (("sda1", 2048), ("sda2", 4096)):
        real = disk / name
        real.mkdir()
        for each, text in (("partition", name[-1]), ("start", start), ("size", 2048)):
            (real / each).write_text(f"{text}\n")
        (sys / f"8:{os.minor(numbers[name])}").symlink_to(real)
    for name, offset, limit in (("loop", 0, 0), ("half", 0, 4096), ("rest", 4096, 0)):
        facts = {"loop_of_backing_file": tmp_path / "backing", "loop_of_offset": offset, "loop_of_sizelimit": limit}
        folder_of(sys, numbers[name], **{key: str(value) for key, value in facts.items()})
    monkeypatch.setattr(distinct, "_SYS", sys)
    return lambda name: distinct._place(tmp_path / name) if name == "backing" else distinct._device(numbers[name])


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("sda", "sda1", True),
        ("sda2", "sda", True),
        ("sda1", "sda2", False),
        ("sda1", "sda1", True),
        ("sda", "loop", False),
        ("loop", "backing", True),
        ("half", "backing", True),
        ("half", "rest", False),
        ("loop", "rest", True),
    ],
)
def test_devices_are_the_same_where_they_overlap(
    first: str, second: str, same: bool, devices: Callable[[str], distinct._Place]
) -> None:
    one, other = devices(first), devices(second)
    assert one.overlaps(other) is other.overlaps(one) is same


@contextmanager
def loop(path: Path, *options: str) -> Iterator[Path]:
    done = subprocess.run(["losetup", "--find", "--show", *options, path], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        if os.environ.get("CI"):
            pytest.fail(f"CI needs loop devices: {done.stderr}")
        pytest.skip(f"no loop device can be made here: {done.stderr.strip()}")
    try:
        yield Path(done.stdout.strip())
    finally:
        subprocess.run(["losetup", "--detach", done.stdout.strip()], check=False)


@pytest.mark.foreign
@pytest.mark.root
def test_a_loop_device_is_its_file(tmp_path: Path) -> None:
    judges.require("losetup")
    (tmp_path / "file").write_bytes(bytes(SIZE))
    with ExitStack() as stack:
        one, other, rest = (
            stack.enter_context(loop(tmp_path / "file", *options))
            for options in ([], ["--sizelimit", str(SIZE // 2)], ["--offset", str(SIZE // 2)])
        )
        node = tmp_path / "node"
        os.mknod(node, 0o600 | 0o060000, one.stat().st_rdev)
        refuse_repeated([other, rest])
        for targets in ([one, tmp_path / "file"], [one, tmp_path], [one, other], [node, one], [rest, node]):
            with pytest.raises(InvalidRequest, match="are the same target, or overlap"):
                refuse_repeated(targets)
