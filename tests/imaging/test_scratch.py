"""Folders for a while."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from osdimage.imaging.errors import StorageError
from osdimage.imaging.scratch import scratch_folder


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_it_is_gone_afterwards_whatever_happens(place: Path) -> None:
    def fail() -> None:
        with scratch_folder() as folder:
            (folder / "file").write_bytes(b"x")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert list(place.iterdir()) == []


def test_what_a_killed_command_left_goes_with_the_next_and_what_another_uses_stays(place: Path) -> None:
    dead = place / "osdimage-scratch-dead"
    dead.mkdir()
    (dead / "large").write_bytes(b"x")
    theirs = place / "osdimage-other"
    theirs.mkdir()
    with scratch_folder() as first:
        assert not dead.exists()
        with scratch_folder() as second:
            assert first != second
            assert first.exists()
    assert list(place.iterdir()) == [theirs]


def test_a_place_that_takes_no_folder_is_named(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(place / "missing"))
    with pytest.raises(StorageError, match="name another place in TMPDIR"), scratch_folder():
        pass


def test_a_signal_in_the_moment_in_which_it_is_made_leaves_nothing(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make = Path.mkdir

    def interrupted(self: Path, mode: int = 0o777) -> None:
        make(self, mode)
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "mkdir", interrupted)
    with pytest.raises(KeyboardInterrupt), scratch_folder():
        pass
    assert list(place.iterdir()) == []


def test_a_folder_that_another_takes_for_a_dead_one_is_made_again(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make, made = Path.mkdir, []

    def swept(self: Path, mode: int = 0o777) -> None:
        make(self, mode)
        made.append(self)
        if len(made) == 1:
            self.rmdir()

    monkeypatch.setattr(Path, "mkdir", swept)
    with scratch_folder() as folder:
        assert made[1:] == [folder]
        assert folder.exists()
    assert list(place.iterdir()) == []
