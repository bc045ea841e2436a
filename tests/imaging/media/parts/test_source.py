"""The files of a medium that is there: a folder, and a disc that genisoimage made of it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from cases.media import medium_files
from cases.windows_trees import write_tree
from judges.wim import require
from osdimage.imaging.errors import InvalidInput, InvalidRequest
from osdimage.imaging.media import MediumFile, open_source
from osdimage.imaging.media.parts.medium import joined

FILES = medium_files() | {"sources/empty": b"", "sources/large": bytes(5000) + b"end"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tree(tmp_path_factory.mktemp("source") / "medium", FILES)


@pytest.fixture(scope="module")
def disc(folder: Path) -> Path:
    made = folder.with_name("medium.iso")
    program = require("genisoimage")
    subprocess.run(
        [program, "-quiet", "-udf", "-allow-limited-size", "-V", "CCCOMA", "-o", made, folder],
        check=True,
        capture_output=True,
    )
    return made


def read(file: MediumFile) -> bytes:
    return b"".join(file.contents.pieces())


def test_all_files_of_a_folder_are_contents(folder: Path) -> None:
    source = open_source(folder)
    assert {each.path: read(each) for each in source.files} == FILES
    assert [each.path for each in source.files] == sorted(FILES)
    assert (source.label, source.files[0].origin) == (None, str(folder / "BOOTMGR"))
    assert source.files[0].modified_ns == (folder / "BOOTMGR").stat().st_mtime_ns


@pytest.mark.foreign
def test_all_files_of_a_disc_are_stretches_of_it(disc: Path) -> None:
    source = open_source(disc)
    assert {each.path: read(each) for each in source.files} == FILES
    assert (source.label, source.files[0].origin) == ("CCCOMA", f"{disc}!BOOTMGR")
    large = source.file("sources/LARGE")
    assert large is not None
    assert disc.read_bytes().count(read(large)) == 1


@pytest.mark.foreign
def test_a_disc_is_read_by_way_of_a_link(disc: Path, tmp_path: Path) -> None:
    (tmp_path / "cdrom").symlink_to(disc)
    assert open_source(tmp_path / "cdrom").read("bootmgr") == FILES["BOOTMGR"]


def test_files_are_found_without_case_and_spelled_as_they_are(folder: Path) -> None:
    source = open_source(folder)
    assert source.read(r"boot\BOOT.SDI") == FILES["Boot/boot.sdi"]
    assert [each.name for each in source.list("/EFI")] == ["Microsoft", "boot"]
    assert sorted(each.path for each in source.walk("efi") if not each.is_directory) == [
        "efi/Microsoft/boot/efisys.bin",
        "efi/boot/bootx64.efi",
    ]
    assert source.spelled("efi/microsoft/boot/bcd") == "efi/Microsoft/boot/bcd"
    assert source.spelled("boot/bcd") == "Boot/BCD"
    assert source.spelled("new/boot") == "new/boot"
    assert (source.find("none"), source.file("boot")) == (None, None)
    with pytest.raises(InvalidRequest, match=r"no directory 'setup\.exe'"):
        source.list("setup.exe")


def test_what_no_medium_takes_is_refused_all_at_once(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"")
    (tmp_path / "b").symlink_to("a")
    os.mkfifo(tmp_path / "c")
    (tmp_path / os.fsdecode(b"d\xff")).write_bytes(b"")
    with pytest.raises(InvalidInput) as caught:
        open_source(tmp_path)
    told = str(caught.value)
    assert "'a'" not in told
    assert all(
        each in told for each in ("'b' (a symbolic link)", "'c' (no regular file)", "(a name that is not UTF-8)")
    )


def test_names_that_differ_in_case_alone_are_refused(tmp_path: Path) -> None:
    write_tree(tmp_path, {"A/x": b"", "a/y": b"", "B": b"", "b": b""})
    with pytest.raises(InvalidInput, match="'A' and 'a'; 'B' and 'b': differ in case alone"):
        open_source(tmp_path)


def test_what_is_no_disc_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.iso").write_bytes(bytes(100_000))
    with pytest.raises(InvalidInput, match=r"x\.iso"):
        open_source(tmp_path / "x.iso")


def test_a_file_that_changed_since_is_not_taken(tmp_path: Path) -> None:
    write_tree(tmp_path, {"x": b"old"})
    source = open_source(tmp_path)
    (tmp_path / "x").write_bytes(b"other")
    with pytest.raises(OSError, match="changed"):
        source.read("x")


def test_folders_of_two_sources_that_differ_in_case_become_one(tmp_path: Path) -> None:
    first = open_source(write_tree(tmp_path / "1", {"EFI/Boot/a": b"", "x": b"old"})).files
    second = open_source(write_tree(tmp_path / "2", {"efi/boot/B/c": b"", "efi/boot/B/d": b"", "X": b"new"})).files
    found = joined(first, second)
    assert [each.path for each in found] == ["EFI/Boot/B/c", "EFI/Boot/B/d", "EFI/Boot/a", "X"]
    assert read(found[-1]) == b"new"
