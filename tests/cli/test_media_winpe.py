"""``osdimage media standalone --runner winpe``: from the command to what Windows PE's programs are told."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from cases import media
from cases.pe_runs import PeComputer, apply_windows, lab_machine
from cases.sequence import windows_tree
from judges.wim import output
from judges.wine import Wine
from osdimage.imaging.media.winpe.model import PeFile
from osdimage.imaging.tasksequence.forms.build import sequence, step
from osdimage.imaging.tasksequence.forms.xml import write_sequence
from runs.commands import osdimage
from runs.first_starts import started_wine

pytestmark = pytest.mark.foreign


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a boot image, the image of a Windows, and task sequences."""
    made = tmp_path_factory.mktemp("winpe")
    media.boot_image(made / "pe.wim")
    tree = windows_tree(made / "tree")
    (tree / "Windows" / "Boot").mkdir()
    osdimage("capture", tree, made / "windows.wim", "--name", "Windows")
    (made / "lab.xml").write_bytes(write_sequence(lab_machine()))
    settings = step("Apply settings", "ApplyWindowsSettings", {"OSDComputerName": "PC"})
    (made / "settings.xml").write_bytes(write_sequence(sequence("Settings", settings, apply_windows())))
    return made


@pytest.fixture
def here(folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    for each in folder.iterdir():
        (tmp_path / each.name).symlink_to(each)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def wine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wine]:
    with started_wine(tmp_path_factory.mktemp("wine") / "prefix") as made:
        yield made


LAB = ("--sequence", "lab.xml", "--package", "ABC00001=windows.wim", "--boot-image", "pe.wim", "--runner", "winpe")


@pytest.mark.slow
def test_a_computer_is_installed_by_the_scripts_of_a_medium(here: Path, wine: Wine) -> None:
    made = osdimage("media", "standalone", "lab.iso", *LAB, "--var", "Site=B12", "--json").document
    assert made["warnings"] == []
    output("7zz", "x", "-tudf", f"-o{here / 'disc'}", "lab.iso")
    manifest = json.loads((here / "disc" / "osdimage" / "media.json").read_text())
    assert manifest["runner"] == "winpe"
    # What wimlib takes out of the boot image of the disc is what the computer has in memory.
    output("wimlib-imagex", "extract", here / "disc/sources/boot.wim", "1", "/osdimage", f"--dest-dir={here / 'X'}")
    scripts = [each for each in sorted((here / "X").rglob("*")) if each.is_file()]
    inside = [PeFile(each.relative_to(here / "X").as_posix(), each.read_bytes()) for each in scripts]
    assert f"set _pe_id={manifest['id']}" in (here / "X/osdimage/start.cmd").read_text().splitlines()
    computer = PeComputer(wine, here / "disc")
    computer.has(inside)
    told = computer.start("uefi", "yes")
    assert [line for line in told if line.startswith(("dism", "bcdboot"))] == [
        r'dism /Apply-Image /ImageFile:"D:\osdimage\packages\ABC00001\windows.wim"  /Index:1 /ApplyDir:C:' + "\\",
        r"bcdboot C:\Windows /s S: /f UEFI",
    ]
    assert told[-1] == "wpeutil reboot"
    assert (wine.drive / "noted.txt").read_text().strip() == "C: B12"


@pytest.mark.usefixtures("here")
def test_a_sequence_that_windows_pe_cannot_carry_out_is_refused() -> None:
    words = ("--sequence", "settings.xml", *LAB[2:])
    told = osdimage("media", "standalone", "lab.iso", *words, code=3).err
    assert "step 1 'Apply settings': Apply Windows Settings is not carried out in Windows PE" in told
    assert not Path("lab.iso").exists()


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("words", "told"),
    [
        pytest.param(
            ("--password-file", "password"), "nothing in Windows PE opens what a password hides", id="password"
        ),
        pytest.param(("--startnet", "lab.xml"), "is made for the medium", id="startnet"),
    ],
)
def test_what_windows_pe_has_no_use_for_is_refused(words: tuple[str, ...], told: str) -> None:
    Path("password").write_text("correct horse battery\n")
    assert told in osdimage("media", "standalone", "lab.iso", *LAB, *words, code=2).err
    unattended = ("media", "standalone", "lab.iso", *LAB[:-2], "--unattended")
    assert "--unattended is for --runner winpe" in osdimage(*unattended, code=2).err


# dism in Windows PE asks for no other disc, so the parts of an image are on one; osdimage on Linux takes them of all.
def test_an_image_in_parts_on_several_discs_is_refused(here: Path) -> None:
    tree = windows_tree(here / "large")
    for number in range(6):
        (tree / f"{number}.bin").write_bytes(random.Random(number).randbytes(700_000))
    osdimage("capture", tree, "large.wim", "--name", "Windows")
    words = ("--sequence", "lab.xml", "--package", "ABC00001=large.wim", *LAB[4:], "--media-size", "3MB", "--dry-run")
    told = osdimage("media", "standalone", "lab.iso", *words, code=2).err
    assert re.search(r"package ABC00001: large\.wim would be in parts on \d discs", told)
    osdimage("media", "standalone", "lab.iso", *words[:6], *words[8:])
