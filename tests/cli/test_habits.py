"""What users of wimlib-imagex and DISM write by habit: each is told what is written here."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from runs.commands import osdimage


@pytest.fixture
def folder(pair: Path, small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with ``W``, a WIM of two images, and ``D``, a folder."""
    made = tmp_path / "folder"
    made.mkdir()
    (made / "W").write_bytes(pair.read_bytes())
    (made / "D").symlink_to(small)
    monkeypatch.chdir(made)
    return made


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        # The synopses of the manual pages of wimlib-imagex 1.14 (`man wimapply`, `man wimexport`...).
        ("apply W 1 t", "apply W t --index 1"),
        ("apply W 'Windows 11 Pro' t", "apply W t --name 'Windows 11 Pro'"),
        ("apply W all t", "apply W t --all"),
        ("apply W 1 t --unix-data", "apply W t --index 1 ..."),
        ("capture . . 'My PC'", "capture . . --name 'My PC'"),
        ("capture D x.wim 'My PC' 'As it was'", "capture D x.wim --name 'My PC' --description 'As it was'"),
        ("delete W 1", "delete W --index 1"),
        ("delete W all", "delete W --all"),
        ("export W 1 x.wim", "export W x.wim --index 1"),
        ("export W all x.wim", "export W x.wim --all"),
        ("export W 1 x.wim A B", "export W x.wim --index 1 --new-name A --description B"),
        ("info W 2", "info W --index 2"),
        ("info W 2 New Text", "info W --index 2 --set name=New --set description=Text"),
        ("info W 0 --boot", "info W --boot no ..."),
        ("list W 2 /sub", "list W /sub --index 2"),
        ("mount W 2 d", "mount W d --index 2"),
        ("optimize W 1", "optimize W"),
        ("split W x.swm 3800", "split W x.swm --size 3800MB"),
        ("update W 2", "update W --index 2"),
        # Of ours, by the same habit.
        ("compare W 1 D", "compare W D --index 1"),
        ("deploy W 1 x.img", "deploy W x.img --index 1"),
        ("diff W 1 2", "diff W:1 W:2"),
        ("diff W 1 W second", "diff W:1 W:second"),
    ],
)
def test_an_image_among_the_arguments_is_told_as_an_option(folder: Path, words: str, meant: str) -> None:
    before = sorted(folder.iterdir())
    (line,) = osdimage(*shlex.split(words), code=2).err.splitlines()
    assert f"; did you mean osdimage {meant}? See osdimage {words.partition(' ')[0]} --help" in line
    assert sorted(folder.iterdir()) == before


@pytest.mark.parametrize("words", ["apply W t u --index 1", "apply W a/b t", "split W x.swm name"])
@pytest.mark.usefixtures("folder")
def test_other_words_that_are_left_over_get_no_such_advice(words: str) -> None:
    assert "did you mean osdimage" not in osdimage(*words.split(), code=2).err


@pytest.mark.parametrize("words", ["apply W 1", "export W 1", "mount W 1"])
def test_a_number_is_no_new_target(folder: Path, words: str) -> None:
    before = sorted(folder.iterdir())
    assert "--index 1 chooses one, and ./1 is a path" in osdimage(*words.split(), code=2).err
    assert sorted(folder.iterdir()) == before


def test_a_number_that_is_there_and_one_with_a_slash_are_targets(folder: Path) -> None:
    osdimage("apply", "W", "./1", "--index", "2")
    (folder / "2").mkdir()
    osdimage("apply", "W", "2", "--index", "2")
    osdimage("export", "W", "./3", "--index", "2")
    assert sorted(each.name for each in folder.iterdir()) == ["1", "2", "3", "D", "W"]


@pytest.mark.parametrize(
    ("words", "option"),
    [
        ("list W 1", "--index 1"),
        ("list W SECOND", "--name SECOND"),
        ("list W 2 --json", "--index 2"),
        ("extract W 1 --to out", "--index 1"),
        ("extract W second /a.txt --to out", "--name second"),
    ],
)
def test_an_image_in_the_place_of_a_path_is_told_as_an_option(
    folder: Path, single: Path, words: str, option: str
) -> None:
    before = sorted(folder.iterdir())
    assert f"W: an image is chosen by an option; did you mean {option}?\n" in osdimage(*words.split(), code=2).err
    of_one = osdimage("list", single, "1", code=2).err
    assert of_one.endswith("holds no '1'; an image is chosen by an option; did you mean --index 1?\n")
    # A number of no image, and one beside a choice, are paths that are not there.
    assert "did you mean" not in osdimage("list", single, "2", code=2).err
    assert "did you mean" not in osdimage("list", "W", "1", "--index", "1", code=2).err
    assert sorted(folder.iterdir()) == before


@pytest.mark.parametrize(
    ("word", "said"),
    [
        # `dism /?`, `dism /image:x /?`, and the cmdlets of the PowerShell module DISM (learn.microsoft.com).
        ("/Get-MountedWimInfo", "did you mean osdimage mount --list?"),
        ("/Mount-Wim", "did you mean osdimage mount?"),
        ("/Unmount-Wim", "did you mean osdimage unmount?"),
        ("/Commit-Image", "did you mean osdimage unmount --commit?"),
        ("/Commit-Wim", "did you mean osdimage unmount --commit?"),
        ("/Cleanup-Wim", "did you mean osdimage unmount DIR?"),
        ("/Cleanup-Mountpoints", "did you mean osdimage unmount DIR?"),
        ("/Remove-Image", "did you mean osdimage delete?"),
        ("/Append-Image", "did you mean osdimage capture --append?"),
        ("/Get-WimInfo", "did you mean osdimage info?"),
        ("/Apply-Unattend:x.xml", "did you mean osdimage update --unattend?"),
        ("/Online", "a Windows that runs is not worked on"),
        ("/Image:C:\\mnt", "an image is changed in its WIM: osdimage update"),
        ("/Add-Package", "are not serviced here"),
        ("/Apply-FFU", "FFU images are neither made nor applied"),
        ("/Apply-Ffu:x", "FFU images are neither made nor applied"),
        ("Mount-WindowsImage", "did you mean osdimage mount?"),
        ("Expand-WindowsImage", "did you mean osdimage apply?"),
        ("Dismount-WindowsImage", "did you mean osdimage unmount?"),
        ("Save-WindowsImage", "did you mean osdimage unmount --commit?"),
        ("New-WindowsImage", "did you mean osdimage capture?"),
        ("Add-WindowsImage", "did you mean osdimage capture --append?"),
        ("Remove-WindowsImage", "did you mean osdimage delete?"),
        ("Get-WindowsImage", "did you mean osdimage info?"),
        ("Get-WindowsImageContent", "did you mean osdimage list?"),
    ],
)
def test_words_of_dism_are_told_with_ours(word: str, said: str) -> None:
    (line,) = osdimage(word, code=2).err.splitlines()
    assert line.startswith("osdimage: there is no command ")
    assert said in line


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("unmount d --discard", "without --commit what was changed is lost"),
        ("list w --path=x", "as in osdimage list WIM PATH"),
        ("list w --one-file-only", "Did you mean '--no-recurse'?"),
        ("capture d w --flags=Professional", "--set FLAGS=EDITION sets it"),
        ("capture d w --snapshot", "a volume that is in use is not captured"),
        ("capture d w --wimboot", "WIMBoot is not made"),
        ("update w --wimboot-config f", "--add FILE=/Windows/System32/WimBootCompress.ini is what it does"),
        ("capture d w --delta-from=x", "Did you mean '--base'?"),
        ("apply w d --noacls", "Did you mean '--no-acls'?"),
        ("apply w d --include-invalid-names", "Did you mean '--names'?"),
        ("info w --extract-xml=x", "--xml > FILE"),
    ],
)
def test_options_of_others_are_told_with_what_does_it_here(words: str, said: str) -> None:
    assert said in osdimage(*words.split(), code=2).err


def test_files_that_are_not_there_are_usage_at_every_option(folder: Path) -> None:
    before = (folder / "W").read_bytes()
    for words in (
        ("update", "W", "--index", "2", "--from", "missing"),
        ("update", "W", "--from", "D"),
        ("update", "W", "--reg", "missing"),
        ("update", "W", "--unattend", "missing"),
        ("update", "W", "--config", "missing", "--add", "a=b"),
        ("extract", "W", "--list", "missing", "--to", "out"),
        ("capture", "missing", "x.wim", "--source-list"),
        ("capture", "D", "x.wim", "--base", "missing"),
        ("capture", "D", "x.wim", "--update-of", "missing:1"),
        ("list", "W", "--ref", "missing"),
    ):
        osdimage(*words, code=2)
    assert sorted(each.name for each in folder.iterdir()) == ["D", "W"]
    assert (folder / "W").read_bytes() == before
