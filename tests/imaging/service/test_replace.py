"""Replacing one file of an image: all or nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from cases import wimcraft
from judges import wim as judges
from osdimage.imaging import ImageSelector, InvalidRequest, TargetRefused
from osdimage.imaging.service.replace import replace_file

CHOSEN = ImageSelector(index=1)
LIMIT = 1 << 20


@pytest.fixture
def wim(tmp_path: Path) -> Path:
    path = tmp_path / "x.wim"
    tree = wimcraft.root(wimcraft.folder("Folder", wimcraft.Node("File", b"old contents", short_name="FILE~1")))
    path.write_bytes(wimcraft.build(tree))
    return path


@pytest.mark.foreign
@pytest.mark.parametrize("new", [b"", b"new", bytes(300_000)], ids=["empty", "small", "large"])
def test_the_contents_are_replaced(wim: Path, tmp_path: Path, new: bytes) -> None:
    seen = []
    replace_file(wim, CHOSEN, "FOLDER/file", lambda old: seen.append(old) or new, limit_bytes=LIMIT)
    assert seen == [b"old contents"]
    judges.wimlib("apply", wim, "1", tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["Folder"]
    assert (tmp_path / "out" / "Folder" / "File").read_bytes() == new
    judges.wimlib("verify", wim)
    judges.seven_zip_test(wim)


def test_an_error_or_no_change_leaves_the_wim_as_it_was(wim: Path) -> None:
    before = wim.read_bytes()

    def fail(_: bytes) -> bytes:
        raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        replace_file(wim, CHOSEN, "Folder/File", fail, limit_bytes=LIMIT)
    replace_file(wim, CHOSEN, "Folder/File", lambda _: None, limit_bytes=LIMIT)
    assert wim.read_bytes() == before


@pytest.mark.parametrize(
    ("path", "limit", "message"),
    [
        ("Folder", LIMIT, "'Folder' is not a file"),
        ("Folder/None", LIMIT, "holds no '/Folder/None'"),
        ("Folder/File", 5, "has 12 bytes; at most 5 are taken"),
    ],
)
def test_what_cannot_be_replaced_is_named(wim: Path, path: str, limit: int, message: str) -> None:
    before = wim.read_bytes()
    with pytest.raises(InvalidRequest, match=message):
        replace_file(wim, CHOSEN, path, lambda _: b"", limit_bytes=limit)
    assert wim.read_bytes() == before


@pytest.mark.foreign
def test_a_wim_that_cannot_be_changed_is_refused(wim: Path, tmp_path: Path) -> None:
    wim.write_bytes(wimcraft.lie(wim.read_bytes(), flags=0x4))
    with pytest.raises(TargetRefused):
        replace_file(wim, CHOSEN, "Folder/File", lambda _: b"new", limit_bytes=LIMIT)
    assert list(tmp_path.iterdir()) == [wim]
