"""Media that others made, opened: discs of genisoimage, volumes of mkfs.vfat and mcopy, folders."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from osdimage.imaging.errors import InvalidInput, InvalidRequest, InvalidVolume
from osdimage.imaging.media.sequence import opened
from osdimage.imaging.media.sequence.opened import MediumForm, OpenMedium, open_medium

CONTENTS = {"bootmgr": b"b", "osdimage/media.json": b"{}", "osdimage/packages/PS1/install.wim": bytes(3 << 20) + b"w"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    top = tmp_path_factory.mktemp("medium")
    for path, data in CONTENTS.items():
        file = top / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    return top


def require_all(medium: OpenMedium) -> None:
    """Everything is there, under any spelling of its path."""
    assert {each.path.lower(): each.size for each in medium.files()} == {
        path.lower(): len(data) for path, data in CONTENTS.items()
    }
    for path, data in CONTENTS.items():
        assert medium.read(path.upper().replace("/", "\\")) == data
        assert b"".join(medium.pieces(path)) == data
    assert medium.find("osdimage/packages/ps1/nothing") is None
    assert [each.name.lower() for each in medium.list("osdimage")] == ["media.json", "packages"]
    assert [each.path.lower() for each in medium.files("osdimage/packages")] == ["osdimage/packages/ps1/install.wim"]
    assert len(list(medium.walk())) == 6


def test_a_folder_is_a_medium(folder: Path) -> None:
    with open_medium(folder) as medium:
        assert medium.form is MediumForm.FOLDER
        require_all(medium)
        assert medium.place_of("OSDIMAGE/packages/PS1/install.wim") == folder / "osdimage/packages/PS1/install.wim"


@pytest.mark.foreign
@pytest.mark.parametrize("has_table", [False, True], ids=["disc", "disc that is a disk, too"])
def test_a_disc_of_genisoimage_is_a_medium(has_table: bool, folder: Path, tmp_path: Path) -> None:
    iso = tmp_path / "medium.iso"
    # genisoimage 1.1.11
    subprocess.run(["genisoimage", "-quiet", "-udf", "-J", "-o", iso, folder], check=True, capture_output=True)
    if has_table:
        # util-linux 2.38
        subprocess.run(["sfdisk", "-q", "--wipe", "never", iso], input=b"label: dos\nstart=64, type=17\n", check=True)
    with open_medium(iso) as medium:
        assert medium.form is MediumForm.DISC
        require_all(medium)
        assert medium.place_of("bootmgr") == Path(f"{iso}!bootmgr")


@pytest.mark.foreign
@pytest.mark.parametrize("has_table", [False, True], ids=["volume", "disk"])
def test_a_stick_of_mkfs_is_a_medium(has_table: bool, folder: Path, tmp_path: Path) -> None:
    stick = tmp_path / "stick.img"
    first = 2048 if has_table else 0
    os.truncate(os.open(stick, os.O_CREAT | os.O_WRONLY), 64 << 20)
    if has_table:
        # util-linux 2.38
        subprocess.run(["sfdisk", "-q", stick], input=b"label: dos\nstart=2048, type=c, bootable\n", check=True)
    subprocess.run(["mkfs.vfat", "--offset", str(first), "-F", "16", stick], check=True, capture_output=True)
    at = f"{stick}@@{first * 512}"
    for each in sorted(folder.iterdir()):
        subprocess.run(["mcopy", "-s", "-i", at, each, "::/"], check=True, capture_output=True)
    with open_medium(stick) as medium:
        assert medium.form is MediumForm.STICK
        require_all(medium)
        assert medium.place_of("bootmgr") is None


def test_links_and_special_files_of_a_folder_are_told_and_not_followed(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "out").symlink_to(folder)
    (tmp_path / "file").symlink_to(folder / "bootmgr")
    os.mkfifo(tmp_path / "pipe")
    with open_medium(tmp_path) as medium:
        assert {each.path: each.is_link for each in medium.files()} == {"file": True, "out": True, "pipe": True}
        for path in ("file", "out", "pipe"):
            with pytest.raises(InvalidVolume, match="is a link, which is not followed"):
                list(medium.pieces(path))
        assert medium.find("out/bootmgr") is None


def test_what_is_no_medium_is_refused_with_what_is_valid(tmp_path: Path) -> None:
    text = tmp_path / "text"
    text.write_text("no medium\n")
    with pytest.raises(InvalidInput), open_medium(text):
        pass
    with pytest.raises(InvalidRequest, match="there is no such file"), open_medium(tmp_path / "nowhere"):
        pass
    valid = "valid is a disc, a stick or the image of one, or a folder"
    with pytest.raises(InvalidInput, match=valid), open_medium("/dev/null"):
        pass
    blank = tmp_path / "blank"
    blank.write_bytes(bytes(446) + b"\0" * 64 + b"\x55\xaa" + bytes(1 << 20))
    with pytest.raises(InvalidInput), open_medium(blank):
        pass


def test_what_is_asked_for_and_is_not_there_is_named(folder: Path) -> None:
    with open_medium(folder) as medium:
        with pytest.raises(InvalidRequest, match="there is no 'nothing'"):
            medium.read("nothing")
        with pytest.raises(InvalidRequest, match="there is no directory 'bootmgr'"):
            medium.list("bootmgr")
        with pytest.raises(InvalidRequest, match="there is no directory 'nothing'"):
            list(medium.files("nothing"))
        with pytest.raises(InvalidRequest, match="'osdimage' is a directory"):
            list(medium.pieces("osdimage"))
        with pytest.raises(InvalidRequest, match="is no path of a volume"):
            medium.find("../etc/passwd")


def test_more_files_than_any_medium_has_are_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opened, "MOST_NAMES", 3)
    with pytest.raises(InvalidVolume, match="has more than 3 files and folders"), open_medium(folder):
        pass


def test_a_file_of_two_volumes_is_that_of_the_first() -> None:
    medium = OpenMedium(Path("stick"), MediumForm.STICK)
    about = [("a", True), ("a/b", False), ("c", False), ("A/B", False), ("C", True), ("C/d", False)]
    for number, (path, is_directory) in enumerate(about):
        facts = opened.FileFacts(path, is_directory, 0, 0, None)
        medium.add(facts, lambda number=number: iter([bytes([number])]))  # type: ignore[misc]
    assert sorted((each.path, medium.read(each.path)) for each in medium.files()) == [("a/b", b"\1"), ("c", b"\2")]
