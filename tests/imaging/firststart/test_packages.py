"""Packages that are counted: all of what a folder holds, and nothing from elsewhere."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from osdimage.imaging.errors import InvalidInput, InvalidRequest, StorageError
from osdimage.imaging.firststart import packages
from osdimage.imaging.firststart.packages import count_package, count_packages


def fill(folder: Path) -> Path:
    (folder / "inner" / "empty").mkdir(parents=True)
    (folder / "setup.exe").write_bytes(b"MZ" * 500)
    (folder / "inner" / "a.dat").write_bytes(b"a")
    (folder / "again.exe").symlink_to("setup.exe")
    os.utime(folder / "setup.exe", ns=(0, 1_000_000_000_000))
    return folder


def test_a_folder_is_counted_with_its_empty_folders_and_its_links_as_files(tmp_path: Path) -> None:
    found = count_package("ABC00001", fill(tmp_path / "p"))
    assert found.folders == ("inner", r"inner\empty")
    assert {each.path: each.size for each in found.files} == {"setup.exe": 1000, "again.exe": 1000, r"inner\a.dat": 1}
    assert found.size == 2001
    setup = next(each for each in found.files if each.path == "setup.exe")
    assert (b"".join(setup.pieces()), setup.modified_ns) == (b"MZ" * 500, 1_000_000_000_000)


def test_a_file_is_a_package_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "one.msi").write_bytes(b"x")
    found = count_package("one", tmp_path / "one.msi")
    assert [(each.path, each.size) for each in found.files] == [("one.msi", 1)]


def outward(folder: Path) -> None:
    (folder / "x").symlink_to("/etc/passwd")


def around(folder: Path) -> None:
    (folder / "x").symlink_to(folder)


def loop(folder: Path) -> None:
    (folder / "x").symlink_to("x")


def dangling(folder: Path) -> None:
    (folder / "x").symlink_to("nowhere")


def pipe(folder: Path) -> None:
    os.mkfifo(folder / "x")


def twins(folder: Path) -> None:
    (folder / "Name").touch()
    (folder / "name").touch()


def device(folder: Path) -> None:
    (folder / "con.txt").touch()


def separator(folder: Path) -> None:
    (folder / "a\\b").touch()


def below_device(folder: Path) -> None:
    (folder / "aux").mkdir()


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        pytest.param(outward, "is a link that leads out of the package", id="link out"),
        pytest.param(around, "neither a file nor a folder, nor a link to a file", id="link to a folder"),
        pytest.param(pipe, "neither a file nor a folder", id="pipe"),
        pytest.param(twins, "are one name to Windows", id="case"),
        pytest.param(device, "is that of a device", id="device"),
        pytest.param(below_device, "is that of a device", id="folder of a device"),
        pytest.param(separator, "holds a separator", id="separator"),
    ],
)
def test_what_no_package_holds_is_refused(tmp_path: Path, make: Callable[[Path], None], reason: str) -> None:
    make(tmp_path)
    with pytest.raises(InvalidInput, match=reason):
        count_package("p", tmp_path)


@pytest.mark.parametrize("make", [loop, dangling])
def test_links_that_lead_nowhere_cannot_be_read(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path)
    with pytest.raises(StorageError):
        count_package("p", tmp_path)


@pytest.mark.parametrize("name", [r"..\x", "a/b", "CON", "", "x.", "a" * 256])
def test_a_package_has_a_name_that_windows_opens(tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidRequest, match="cannot be put on the disk: its name"):
        count_package(name, tmp_path)


def test_too_many_files_and_folders_that_are_too_deep_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packages, "MOST_ENTRIES", 3)
    for number in range(4):
        (tmp_path / str(number)).touch()
    with pytest.raises(InvalidInput, match="has more than 3 files and folders"):
        count_package("p", tmp_path)
    deep = tmp_path / "deep"
    deep.joinpath(*["d"] * 70).mkdir(parents=True)
    monkeypatch.undo()
    with pytest.raises(InvalidInput, match="more than 64 folders deep"):
        count_package("p", deep)


def test_a_package_that_is_needed_twice_is_counted_once_and_two_of_one_name_are_refused(tmp_path: Path) -> None:
    one, two = fill(tmp_path / "one"), fill(tmp_path / "two")
    assert [each.name for each in count_packages([("P", one), ("Q", two), ("p", one)])] == ["P", "Q"]
    with pytest.raises(InvalidRequest, match=r"is .*one for one step and .*two for another"):
        count_packages([("P", one), ("p", two)])


def test_what_takes_the_place_of_a_file_is_no_end_of_the_world(tmp_path: Path) -> None:
    (found,) = count_package("p", fill(tmp_path / "p") / "setup.exe").files
    found.source.unlink()
    with pytest.raises(StorageError, match="No such file"):
        list(found.pieces())
    os.mkfifo(found.source)
    assert list(found.pieces()) == []
