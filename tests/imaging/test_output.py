"""Files that appear complete or not at all."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from pathlib import Path

import pytest
from osdimage.imaging import output
from osdimage.imaging.errors import StorageError, TargetRefused
from osdimage.imaging.output import new_file


@pytest.fixture(params=["nameless", "temporary name"])
def folder(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder on a file system with O_TMPFILE, and one as if it had none."""
    if request.param == "temporary name":
        monkeypatch.setattr(output, "_DESCRIPTORS", os.fspath(tmp_path / "no-proc"))
    return tmp_path


def test_the_file_has_its_name_only_after_the_end(folder: Path) -> None:
    path = folder / "new"
    with new_file(path, replace=False) as descriptor:
        os.write(descriptor, b"contents")
        assert not path.exists()
    assert path.read_bytes() == b"contents"
    assert sorted(folder.iterdir()) == [path]


@pytest.mark.parametrize("replace", [False, True])
def test_an_exception_leaves_nothing_behind(folder: Path, replace: bool) -> None:
    path = folder / "file"
    if replace:
        path.write_bytes(b"old")
    before = sorted(folder.iterdir())

    def fail() -> None:
        with new_file(path, replace=replace) as descriptor:
            os.write(descriptor, b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert sorted(folder.iterdir()) == before
    if replace:
        assert path.read_bytes() == b"old"


def test_a_file_is_replaced_and_keeps_its_permissions(folder: Path) -> None:
    path = folder / "file"
    path.write_bytes(b"old")
    path.chmod(0o640)
    with new_file(path, replace=True) as descriptor:
        os.write(descriptor, b"new")
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert sorted(folder.iterdir()) == [path]


def test_a_link_stays_and_its_target_is_replaced(folder: Path) -> None:
    (folder / "real").write_bytes(b"old")
    (folder / "link").symlink_to("real")
    with new_file(folder / "link", replace=True) as descriptor:
        os.write(descriptor, b"new")
    assert (folder / "link").is_symlink()
    assert (folder / "real").read_bytes() == b"new"


@pytest.mark.parametrize("kind", ["file", "folder", "dangling link"])
def test_a_name_that_is_taken_is_refused(folder: Path, kind: str) -> None:
    path = folder / "taken"
    {"file": path.touch, "folder": path.mkdir, "dangling link": lambda: path.symlink_to("nowhere")}[kind]()
    with pytest.raises(TargetRefused, match="exists already"), new_file(path, replace=False):
        pass


def test_a_name_that_is_taken_meanwhile_is_refused_and_kept(folder: Path) -> None:
    path = folder / "raced"

    def race() -> None:
        with new_file(path, replace=False) as descriptor:
            os.write(descriptor, b"ours")
            path.write_bytes(b"theirs")

    with pytest.raises(TargetRefused, match="while this was working"):
        race()
    assert path.read_bytes() == b"theirs"
    assert sorted(folder.iterdir()) == [path]


def test_only_a_regular_file_is_replaced(folder: Path) -> None:
    with pytest.raises(TargetRefused, match="not a regular file"), new_file(folder, replace=True):
        pass


def test_a_folder_that_is_not_there_is_named(folder: Path) -> None:
    with pytest.raises(StorageError) as caught, new_file(folder / "no" / "file", replace=False):
        pass
    assert caught.value.errno == errno.ENOENT
    assert "no/file" in str(caught.value)


def test_a_failing_sync_is_an_error_and_leaves_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(StorageError) as caught, new_file(folder / "file", replace=False):
        pass
    assert caught.value.errno == errno.EIO
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("replace", [False, True])
def test_a_name_that_the_medium_does_not_confirm_is_told(
    folder: Path, monkeypatch: pytest.MonkeyPatch, replace: bool
) -> None:
    path = folder / "file"
    if replace:
        path.write_bytes(b"old")
    real = os.fsync

    def fail(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(StorageError, match="is complete and has its name"), new_file(path, replace=replace) as file:
        os.write(file, b"new")
    assert path.read_bytes() == b"new"
    assert sorted(folder.iterdir()) == [path]


def test_a_file_system_without_hard_links_gets_a_rename(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output, "_DESCRIPTORS", os.fspath(tmp_path / "no-proc"))

    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "link", refuse)
    with new_file(tmp_path / "file", replace=False) as descriptor:
        os.write(descriptor, b"contents")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("number", [errno.EBUSY, errno.EPERM, errno.EACCES], ids=["mount point", "immutable", "sticky"])
def test_a_file_that_cannot_be_replaced_leaves_nothing_beside_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    path = folder / "file"
    path.write_bytes(b"old")

    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(StorageError, match=os.strerror(number)) as caught, new_file(path, replace=True) as descriptor:
        os.write(descriptor, b"new")
    assert caught.value.errno == number
    assert path.read_bytes() == b"old"
    assert sorted(folder.iterdir()) == [path]


def test_a_name_that_cannot_be_removed_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    path = tmp_path / "file"
    path.write_bytes(b"old")
    monkeypatch.setattr(Path, "replace", refuse)
    monkeypatch.setattr(Path, "unlink", refuse)
    with pytest.raises(StorageError) as caught, new_file(path, replace=True):
        pass
    (left,) = set(tmp_path.iterdir()) - {path}
    assert f"{left} could not be removed" in str(caught.value)


def test_what_a_killed_command_left_is_removed_by_the_next_and_what_another_writes_is_not(tmp_path: Path) -> None:
    dead, held, old, young, foreign = (
        tmp_path / f".osdimage-{name}" for name in ("dead.tmp", "held.tmp", "old.part", "young.part", "notes.txt")
    )
    for each in (dead, held, old, young, foreign):
        each.write_bytes(b"x")
    os.utime(old, (0, 0))
    with held.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with new_file(tmp_path / "new", replace=False):
            pass
    assert {each.name for each in tmp_path.iterdir()} == {held.name, young.name, foreign.name, "new"}


def test_a_private_file_is_for_its_owner_alone(folder: Path) -> None:
    (folder / "file").write_bytes(b"old")
    (folder / "file").chmod(0o644)
    with new_file(folder / "file", replace=True, private=True):
        pass
    assert stat.S_IMODE((folder / "file").stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("missing/below/new", "there is no directory missing$"),
        ("file/new", "file is no directory$"),
        ("link", r"there is no directory .*/gone$"),
    ],
)
def test_the_folder_that_is_missing_is_named(
    folder: Path, path: str, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    Path("file").touch()
    Path("link").symlink_to("gone/new")
    with pytest.raises(StorageError, match=says), new_file(Path(path), replace=True):
        pass
    assert sorted(each.name for each in folder.iterdir()) == ["file", "link"]
