"""Driver files in a folder: what is there, in whatever case, and nothing that a link leads to."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from osdimage.imaging.drivers import FolderFiles, open_supply
from osdimage.imaging.errors import InvalidInput, InvalidRequest, InvalidVolume, StorageError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with a package, and links out of it; ``secret`` and ``away/secret.sys`` are beside it."""
    top = tmp_path / "drivers"
    (top / "AMD64" / "deep").mkdir(parents=True)
    (top / "Net.inf").write_bytes(b"; an INF")
    (top / "AMD64" / "Net.SYS").write_bytes(b"driver")
    (top / "AMD64" / "deep" / "x").write_bytes(b"")
    (tmp_path / "secret").write_bytes(b"secret")
    (tmp_path / "away").mkdir()
    (tmp_path / "away" / "secret.sys").write_bytes(b"secret")
    (top / "link.sys").symlink_to(tmp_path / "secret")
    (top / "linked").symlink_to(tmp_path / "away")
    os.mkfifo(top / "pipe.sys")
    return top


def test_everything_below_is_listed_once_with_links_told_as_such(folder: Path) -> None:
    found = {each.path: (each.is_directory, each.is_link, each.size) for each in FolderFiles(folder).walk()}
    assert found == {
        "AMD64": (True, False, 0),
        "AMD64/Net.SYS": (False, False, 6),
        "AMD64/deep": (True, False, 0),
        "AMD64/deep/x": (False, False, 0),
        "Net.inf": (False, False, 8),
        "link.sys": (False, True, 0),
        "linked": (False, True, 0),
        "pipe.sys": (False, True, 0),
    }


@pytest.mark.parametrize("path", ["AMD64/Net.SYS", r"amd64\net.sys", "/Amd64//NET.sys"])
def test_a_file_is_found_in_whatever_case_the_inf_spells_it(folder: Path, path: str) -> None:
    assert FolderFiles(folder).read(path) == b"driver"


def test_of_names_that_differ_in_case_only_the_exact_one_is_meant_and_else_the_first(folder: Path) -> None:
    (folder / "a.sys").write_bytes(b"lower")
    (folder / "A.SYS").write_bytes(b"upper")
    files = FolderFiles(folder)
    assert files.read("a.sys") == b"lower"
    assert files.read("A.SYS") == b"upper"
    assert files.read("A.sys") == b"upper"


@pytest.mark.parametrize("path", ["link.sys", "pipe.sys", "LINK.SYS"])
def test_what_is_no_plain_file_is_not_read(folder: Path, path: str) -> None:
    with pytest.raises(InvalidVolume, match=f"{path}' is a link or no plain file"):
        FolderFiles(folder).read(path)


@pytest.mark.parametrize("path", ["linked/secret.sys", "Linked/secret.sys", "Net.inf/x", "none/x", "none", "x" * 300])
def test_nothing_is_found_behind_a_link_or_where_nothing_is(folder: Path, path: str) -> None:
    files = FolderFiles(folder)
    assert files.find(path) is None
    with pytest.raises(InvalidRequest, match="there is no"):
        files.read(path)
    with pytest.raises(InvalidRequest, match="there is no directory"):
        files.list(path)


@pytest.mark.parametrize("path", ["../secret", r"AMD64\..\..\secret", "./Net.inf", "a\0b"])
def test_a_path_that_leads_out_is_refused(folder: Path, path: str) -> None:
    with pytest.raises(InvalidRequest, match="no path of a file below a folder"):
        FolderFiles(folder).find(path)


def test_a_name_with_a_colon_is_read_and_one_with_a_backslash_left_out(folder: Path) -> None:
    (folder / "LAN: new").mkdir()
    (folder / "LAN: new" / "lan.inf").write_bytes(b"lan")
    (folder / r"AMD64\evil.sys").write_bytes(b"evil")
    files = FolderFiles(folder)
    assert files.read("lan: new/LAN.inf") == b"lan"
    assert not [each for each in files.walk() if "evil" in each.path]


def test_a_name_that_no_file_of_linux_has_is_not_there(folder: Path) -> None:
    assert FolderFiles(folder).find("half \ud800 pair.sys") is None


def test_a_name_that_is_no_text_is_listed_and_read(folder: Path) -> None:
    Path(os.fsdecode(os.fsencode(folder) + b"/\xff.sys")).write_bytes(b"bytes")
    files = FolderFiles(folder)
    (found,) = (each for each in files.list() if each.size == 5)
    assert files.read(found.path) == b"bytes"


def test_a_folder_that_is_too_large_a_file_or_absent_says_so(folder: Path) -> None:
    with pytest.raises(InvalidVolume, match="has 6 bytes; such a file has at most 5"):
        FolderFiles(folder).read("amd64/net.sys", 5)
    with pytest.raises(StorageError, match="Not a directory"):
        FolderFiles(folder / "Net.inf")
    with pytest.raises(StorageError, match="No such file"):
        FolderFiles(folder / "none")


def test_a_folder_is_a_supply_and_an_inf_is_one_with_its_folder(folder: Path) -> None:
    with open_supply(folder) as supply:
        assert (supply.folder, supply.is_inf, supply.name) == ("", False, str(folder))
        assert supply.files.read("net.inf") == b"; an INF"
    with open_supply(folder / "Net.inf") as supply:
        assert (supply.folder, supply.is_inf) == ("Net.inf", True)
        assert supply.files.read(r"amd64\net.sys") == b"driver"


def test_a_folder_given_by_a_link_is_read(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "by").symlink_to(folder)
    with open_supply(tmp_path / "by") as supply:
        assert supply.files.exists("Net.inf")


def test_an_update_of_windows_is_told_from_drivers(tmp_path: Path) -> None:
    (tmp_path / "kb.MSU").write_bytes(b"MSCF")
    with pytest.raises(InvalidInput, match=r"kb.MSU: driver files .*; it is an update of Windows, which DISM installs"):
        open_supply(tmp_path / "kb.MSU").__enter__()


def test_what_is_no_supply_names_what_is_valid(folder: Path) -> None:
    (folder / "readme.txt").write_bytes(b"hello")
    with pytest.raises(InvalidInput, match=r"readme.txt: driver files are not read of such a file; valid are a folder"):
        open_supply(folder / "readme.txt").__enter__()
    with pytest.raises(StorageError, match="none: No such file"):
        open_supply(folder / "none").__enter__()
