"""A volume in which a change of files was interrupted is compared as it will be.

What it will be is what ntfscat and mtools read once the change was carried out.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from judges.disk import run
from judges.wim import make_ntfs, wimlib
from osdimage.imaging.disk.places import open_volume
from osdimage.imaging.volume import pending
from osdimage.imaging.volume.filesystems import open_files
from osdimage.imaging.volume.interrupted import find_interrupted
from runs.commands import osdimage

pytestmark = pytest.mark.foreign
MIB = 1 << 20
NAME, OLD, NEW = "name.txt", b"old contents", b"new" * 9000
NS = 1_700_000_000_000_000_000


class Unplugged(Exception):
    pass


@pytest.fixture(params=["ntfs", "fat32"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def volume(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A volume whose one file was to become NEW, of which only the pointer to the change was written."""
    path, old = tmp_path / "volume", tmp_path / "old"
    old.write_bytes(OLD)
    if kind == "ntfs":
        make_ntfs(path, 8 * MIB)
        run(["ntfscp", "-q", path, old, NAME])
    else:
        with path.open("wb") as file:
            file.truncate(40 * MIB)
        run(["mkfs.fat", "-F", "32", "-s", "1", path])
        run(["mcopy", "-i", path, old, f"::{NAME}"])

    def fail(*_: object) -> None:
        raise Unplugged

    with monkeypatch.context() as patch:
        patch.setattr(pending, "_write", fail)
        with pytest.raises(Unplugged):
            write_new(path)
    with open_volume(path) as opened:
        assert find_interrupted(opened) is not None
    return path


def write_new(volume: Path) -> None:
    with open_volume(volume, write=True) as opened, open_files(opened, write=True) as files:
        files.write(NAME, NEW, modified_ns=NS)


def read_by_others(kind: str, volume: Path) -> str:
    return run(["ntfscat", "-f", volume, NAME] if kind == "ntfs" else ["mtype", "-i", volume, f"::{NAME}"])


def test_it_is_compared_as_it_will_be(kind: str, volume: Path, tmp_path: Path) -> None:
    found = {}
    for name, data in (("old", OLD), ("new", NEW)):
        (tmp_path / f"tree {name}").mkdir()
        (tmp_path / f"tree {name}" / NAME).write_bytes(data)
        wimlib("capture", tmp_path / f"tree {name}", tmp_path / f"{name}.wim", "--compress=none")
        found[name] = osdimage("compare", tmp_path / f"{name}.wim", volume, "--json", code=1).compared
    assert read_by_others(kind, volume) == OLD.decode()
    assert [different_contents(found[name]) for name in ("old", "new")] == [1, 0]
    write_new(volume)
    assert read_by_others(kind, volume) == NEW.decode()
    for name, before in found.items():
        after = osdimage("compare", tmp_path / f"{name}.wim", volume, "--json", code=1).compared
        assert after["differences"] == before["differences"]


def different_contents(compared: dict[str, list[dict[str, object]]]) -> object:
    return next(each["different"] for each in compared["classes"] if each["kind"] == "contents")
