"""``osdimage update``."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from cases.windows_trees import windows_files, write_tree
from judges import hive as hive_judges
from judges import wim as judges
from osdimage.imaging.registry.hive import Value
from osdimage.imaging.registry.write import new_hive, write_hive
from runs.commands import Outcome, osdimage
from runs.ordinary_user import folder_for_all, osdimage_as_nobody

REG = """Windows Registry Editor Version 5.00

[HKEY_LOCAL_MACHINE\\SYSTEM\\Setup]
"CmdLine"="setup.exe"

[HKEY_LOCAL_MACHINE\\SOFTWARE\\Policies]
"One"=dword:00000001
"""
UNATTEND = """<unattend xmlns="urn:schemas-microsoft-com:unattend"><settings pass="specialize">
<component name="Microsoft-Windows-Shell-Setup" processorArchitecture="amd64" publicKeyToken="31bf3856ad364e35"
 language="neutral" versionScope="nonSxS"><ComputerName>PC</ComputerName></component></settings></unattend>
"""


@pytest.fixture(scope="module")
def windows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a WIM with a Windows that has two hives."""
    folder = tmp_path_factory.mktemp("windows")
    hives = {}
    for name in ("SYSTEM", "SOFTWARE"):
        hive = new_hive(name)
        hive.root.ensure("Setup").set(Value.string("Old", "1"))
        hives[f"Windows/System32/config/{name}"] = write_hive(hive)
    write_tree(folder / "tree", windows_files(locales=("en-US",)) | hives)
    osdimage("capture", folder / "tree", folder / "windows.wim", "--name", "Windows")
    return folder / "windows.wim"


@pytest.fixture
def wim(windows: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a copy of it in the working directory, beside files to add."""
    monkeypatch.chdir(tmp_path)
    Path("new.txt").write_text("new", encoding="ascii")
    Path("lab.reg").write_text(REG, encoding="utf-16")
    Path("unattend.xml").write_text(UNATTEND, encoding="utf-8")
    Path("x.wim").write_bytes(windows.read_bytes())
    return Path("x.wim")


def listed(wim: Path, path: str) -> list[str]:
    return osdimage("list", wim, path).out.splitlines()


def test_what_is_done_is_told_and_done_in_the_order_in_which_it_is_given(wim: Path) -> None:
    Path("more").write_text("# last\nrename /b /c\n", encoding="ascii")
    done = osdimage(
        "update", wim, "--add", "new.txt=/a", "--rename", "a=b", "--add", "new.txt=/a", "--from", "more", "-v"
    )
    assert [line.split(maxsplit=4)[-1] for line in done.out.splitlines()[1:5]] == [
        "/a <- new.txt",
        "/b <- /a",
        "/a <- new.txt",
        "/c <- /b",
    ]
    assert "x.wim: image 1 'Windows': added 2 files (6 bytes), renamed 2 files (6 bytes); the file has" in done.out
    assert re.search(r"of it are of no image any more; --rebuild leaves them out\n$", done.out)
    assert {"/a", "/c"} < {*listed(wim, "/")}
    assert "--rebuild" not in osdimage("update", wim, "--delete", "/[ac]", "--rebuild").out


@pytest.mark.foreign
def test_answers_and_registry_go_with_the_files_in_one_transaction(wim: Path, tmp_path: Path) -> None:
    options = ("--unattend", "unattend.xml", "--reg", "lab.reg", "--add", "new.txt=/Windows/new.txt")
    assert "edited 2 files" in osdimage("update", wim, *options).out
    judges.wimlib("apply", wim, "1", tmp_path / "out")
    out = tmp_path / "out" / "Windows"
    assert (out / "Panther/unattend.xml").read_text(encoding="utf-8") == UNATTEND
    assert (out / "new.txt").read_bytes() == b"new"
    system, software = (
        hive_judges.hivexregedit_export(out / "System32/config" / name) for name in ("SYSTEM", "SOFTWARE")
    )
    assert '"One"=dword:00000001' in software
    assert "\\Setup]" in system
    assert "CmdLine" in system
    judges.wimlib("verify", wim)


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (("--reg", "lab.reg", "--hive", "SYSTEM"), 2, r"lab.reg: line 6: .* is not in this hive"),
        (("--reg", "user.reg"), 2, r"user.reg: line 3: the key .*HKEY_CURRENT_USER.*; name it with --hive"),
        (("--unattend", "new.txt"), 3, "new.txt"),
        (("--hive", "SYSTEM", "--delete", "x"), 2, "--hive goes with --reg"),
        (("--delete", "/Windows"), 2, "'/Windows' is a directory; --recursive deletes directories with all in them"),
        (("--delete", "/none"), 2, "holds nothing that fits '/none'; --force goes on where there is nothing to delete"),
        (("--add", "new.txt"), 2, "takes SRC=DST"),
        (("--rename", "a=b=c"), 2, "has more than one =; --command"),
        (("--command", "add 'a"), 2, "--command: the quote ' has no end"),
        (("--from", "new.txt"), 3, "new.txt:1: there is no command 'new'"),
        ((), 2, "say what to change, with --add"),
    ],
)  # fmt: skip
def test_what_is_refused_leaves_the_wim_as_it_was(wim: Path, options: tuple[str, ...], code: int, message: str) -> None:
    Path("user.reg").write_text("REGEDIT4\n\n[HKEY_CURRENT_USER\\Software]\n", encoding="ascii")
    before = wim.read_bytes()
    refused = (
        osdimage("update", wim, "--add", "new.txt=/n", *options, code=code)
        if options
        else osdimage("update", wim, code=2)
    )
    assert re.search(message, refused.err), refused.err
    assert len(refused.err.splitlines()) == 1
    assert wim.read_bytes() == before


def test_paths_hold_any_character(wim: Path) -> None:
    Path("a=b c").write_text("1", encoding="ascii")
    osdimage(
        "update",
        wim,
        "--add",
        "a=b c=/d=e",
        "--command",
        "rename 'Windows' 'Win = 1'",
        "--command",
        "add 'a=b c' \"/it's = \n\"",
    )
    assert {"/d=e", "/Win = 1"} < {*listed(wim, "/")}
    assert osdimage("list", wim, "/it's = \n", "--json").document["entries"][0]["path"] == "/it's = \n"
    Path("a").touch()
    assert "which divides it" not in osdimage("update", wim, "--add", "a=b=c", "--dry-run").err
    Path("a=b").touch()
    assert "--command" in osdimage("update", wim, "--add", "a=b=c", code=2).err


def test_commands_come_from_standard_input(wim: Path) -> None:
    words = [sys.executable, "-m", "osdimage.cli", "update", str(wim), "--from", "-", "--dry-run", "--json"]
    done = subprocess.run(words, input="add new.txt /é\n".encode("utf-16"), capture_output=True, check=True)
    assert Outcome(0, done.stdout.decode(), "").document["changes"][0]["path"] == "/é"


def test_a_dry_run_lists_what_would_change_and_writes_nothing(wim: Path) -> None:
    before = wim.read_bytes()
    words = ("update", wim, "--add", "new.txt=/n", "--reg", "lab.reg", "--dry-run")
    told = osdimage(*words).out.splitlines()
    assert osdimage(*words, "--quiet").out.splitlines() == told
    assert told[0].split() == ["change", "size", "files", "path"]
    assert told[1].split() == ["add", "3", "bytes", "1", "/n", "<-", "new.txt"]
    assert [line.split()[-3:] for line in told[2:4]] == [
        [f"/Windows/System32/config/{name}", "<-", "lab.reg"] for name in ("SYSTEM", "SOFTWARE")
    ]
    assert told[4].endswith("; nothing was written")
    assert wim.read_bytes() == before


def test_a_file_without_commands_changes_nothing(wim: Path) -> None:
    """As with wimlib-imagex, which exits with 0."""
    before = wim.read_bytes()
    Path("none").write_text("# nothing\n\n", encoding="ascii")
    assert osdimage("update", wim, "--from", "none").out == "x.wim: image 1 'Windows': nothing to change\n"
    assert wim.read_bytes() == before


def test_what_is_left_out_of_a_folder_is_told(wim: Path) -> None:
    Path("folder/sub").mkdir(parents=True)
    for name in ("pagefile.sys", "x.tmp", "sub/y"):
        Path("folder", name).touch()
    (change,) = osdimage("update", wim, "--add", "folder=/f", "--exclude", "*.tmp", "--json").document["changes"]
    assert (change["excluded"], change["files"], change["directories"]) == (2, 1, 2)
    assert listed(wim, "/f") == ["/f", "/f/sub", "/f/sub/y"]


def test_a_source_that_may_not_be_read_is_named_before_anything_is_written(wim: Path) -> None:
    with folder_for_all() as folder:
        (folder / "x.wim").write_bytes(wim.read_bytes())
        (folder / "secret").touch()
        for each in folder.iterdir():
            each.chmod(0o666)
        (folder / "secret").chmod(0)
        for options in ((), ("--dry-run",)):
            words = ("update", "x.wim", "--add", "secret=/s", *options)
            done = osdimage_as_nobody(folder, *words, code=1)
            assert done.stderr == "osdimage: secret: Permission denied\n"
        assert (folder / "x.wim").read_bytes() == wim.read_bytes()
