"""Scripts for Windows PE in Wine's shell, with other programs in place of those of Windows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from uuid import UUID

import pytest
from cases.pe_runs import KNOWN, PeComputer, lab_machine, run_line, set_variable
from cases.sequence import windows_tree
from judges.batch import faults
from judges.wine import Wine
from osdimage.imaging.media.winpe.model import PeFile, PeWish
from osdimage.imaging.media.winpe.run import plan_pe_run
from osdimage.imaging.tasksequence.conditions import Compare, Operator
from osdimage.imaging.tasksequence.forms.build import group, sequence
from runs.commands import osdimage
from runs.first_starts import started_wine

pytestmark = pytest.mark.foreign
SET = UUID("0f3a5f0a-5f9b-4e2c-9d43-2f3f0f6f7b11")
FAILED = Compare("_SMSTSLastActionSucceeded", Operator.EQUALS, "false")


@pytest.fixture(scope="module")
def wine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wine]:
    with started_wine(tmp_path_factory.mktemp("wine") / "prefix") as made:
        yield made


@pytest.fixture(scope="module")
def medium(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A medium with a package that has a WIM of Windows."""
    folder = tmp_path_factory.mktemp("medium")
    package = folder / "osdimage" / "packages" / "ABC00001"
    package.mkdir(parents=True)
    tree = windows_tree(folder / "tree")
    (tree / "Windows" / "Boot").mkdir()
    osdimage("capture", tree, package / "install.wim", "--name", "Windows")
    (folder / "osdimage" / "media.json").write_text(f'{{"set": {{"id": "{SET}"}}}}\n')
    return folder


@pytest.fixture
def computer(wine: Wine, medium: Path) -> PeComputer:
    return PeComputer(wine, medium)


def wrong(file: PeFile, known: Sequence[str] = ()) -> list[str]:
    """Return what is wrong with a script by its text alone; a condition is called with the echo off."""
    return faults(file.data, (*KNOWN, *known)) if file.path.endswith(".cmd") else []


def wish(medium: Path, **more: object) -> PeWish:
    packages = {"ABC00001": medium / "osdimage" / "packages" / "ABC00001"}
    return PeWish(sequences=(lab_machine(),), packages=packages, variables={"Site": "B12"}, **more)  # type: ignore[arg-type]


def programs(told: list[str]) -> list[str]:
    """Return what was told to programs, without what diskpart read."""
    return [line for line in told if line.startswith(("bcdboot", "dism", "diskpart", "wpeutil"))]


def test_a_windows_is_installed_as_the_computer_was_started(computer: PeComputer, medium: Path) -> None:
    made = plan_pe_run(wish(medium, medium_id=SET))
    assert {each.path: found for each in made.files if (found := wrong(each))} == {}
    computer.has(made.files)
    answers = computer.wine.drive / "windows" / "Panther" / "unattend.xml"
    assert programs(computer.start("uefi", "yes")) == [
        "wpeutil UpdateBootInfo",
        r'diskpart /s "C:\osdimage-letters.txt"',
        r'diskpart /s "C:\osdimage\1-uefi\disk-1.txt"',
        r'dism /Apply-Image /ImageFile:"D:\osdimage\packages\ABC00001\install.wim"  /Index:1 /ApplyDir:C:' + "\\",
        r"bcdboot C:\Windows /s S: /f UEFI",
        "wpeutil reboot",
    ]
    assert answers.read_bytes() == next(each.data for each in made.files if each.path.endswith("uefi/unattend-3.xml"))
    assert (computer.wine.drive / "noted.txt").read_text().strip() == "C: B12"
    assert [line for line in computer.log if line.startswith(("Step", "The"))] == [
        "The medium is D:",
        "Step 1: Partition for UEFI",
        "Step 3: Apply Windows",
        "Step 4: Note",
        "The task sequence has ended.",
    ]


@pytest.mark.matrix
# Of the letters of the new volumes, C: is that of another volume, and D: that of the medium.
def test_letters_are_free_before_disks_are_partitioned(computer: PeComputer, medium: Path) -> None:
    computer.has(plan_pe_run(wish(medium, is_unattended=True)).files)
    computer.diskpart_moves()
    told = computer.start("bios")
    first = told.index(r'diskpart /s "C:\osdimage-letters.txt"')
    assert told[first + 1 : first + 6] == [
        "select volume D",
        "list disk",
        "assign letter=Z",
        "select volume C",
        "remove letter=C",
    ]
    assert [line for line in programs(told) if line.startswith(("dism", "bcdboot"))] == [
        r'dism /Apply-Image /ImageFile:"Z:\osdimage\packages\ABC00001\install.wim"  /Index:1 /ApplyDir:D:' + "\\",
        r"bcdboot D:\Windows /s C: /f BIOS",
    ]


@pytest.mark.matrix
@pytest.mark.parametrize(
    ("says", "typed", "shown"),
    [
        # What diskpart of a German Windows prints; the star is the disk with the focus.
        pytest.param(
            "  Datenträger ###  Status\n  ---------------  ------\n* Datenträger 0    Online\n",
            "yes",
            "The medium is on disk 0, which the task sequence would partition.",
            id="the medium is on the disk",
        ),
        pytest.param("", "no", "Nothing was changed.", id="a person says no"),
        pytest.param("", "", "Nothing was changed.", id="nobody says anything"),
    ],
)
def test_no_disk_is_written(computer: PeComputer, medium: Path, says: str, typed: str, shown: str) -> None:
    computer.has(plan_pe_run(wish(medium)).files)
    computer.diskpart_says(says)
    told = computer.start("uefi", typed)
    assert shown in computer.shown
    assert not [line for line in told if "disk-1.txt" in line or line.startswith("wpeutil reboot")]


@pytest.mark.matrix
def test_a_step_that_fails_ends_the_sequence(computer: PeComputer, medium: Path) -> None:
    computer.has(plan_pe_run(wish(medium)).files)
    computer.ends_with("dism", 1)
    told = programs(computer.start("uefi", "yes"))
    assert told[-1].startswith("dism")
    assert computer.log[-2:] == [
        "It has ended with 1.",
        r"The task sequence has failed; C:\osdimage.log tells more.",
    ]


def test_a_failure_goes_on_where_the_sequence_lets_it(computer: PeComputer, medium: Path) -> None:
    wanted = sequence(
        "Flow",
        set_variable("Kind", "first"),
        run_line("Fails", "cmd.exe /c exit 7", continue_on_error=True),
        set_variable("Kind", "second", FAILED),
        run_line("Told", r"cmd.exe /c echo %Kind%>>C:\noted.txt"),
        group(
            "May fail",
            run_line("Tried", r"cmd.exe /c echo tried>>C:\noted.txt & exit 5", retry_count=2),
            run_line("Never", r"cmd.exe /c echo never>>C:\noted.txt"),
            continue_on_error=True,
        ),
        run_line(
            "Skipped", r"cmd.exe /c echo skipped>>C:\noted.txt", condition=Compare("Kind", Operator.EQUALS, "first")
        ),
        run_line("Code", r"cmd.exe /c exit 3", success_codes=(3,)),
        run_line("Package", r"cmd.exe /c if exist install.wim echo there>>C:\noted.txt", {"PackageID": "abc00001"}),
    )
    made = plan_pe_run(PeWish((wanted,), {"ABC00001": medium / "osdimage" / "packages" / "ABC00001"}))
    assert {each.path: found for each in made.files if (found := wrong(each, ["kind"]))} == {}
    computer.has(made.files)
    assert programs(computer.start("uefi"))[-1] == "wpeutil reboot"
    noted = (computer.wine.drive / "noted.txt").read_text().split()
    assert noted == ["second", "tried", "tried", "tried", "there"]


@pytest.mark.matrix
# The first medium that is found is of another set; its parts are those that a WIM was split into.
def test_a_person_chooses_among_the_sequences_of_the_right_medium(
    computer: PeComputer, medium: Path, tmp_path: Path
) -> None:
    other = tmp_path / "osdimage"
    other.mkdir()
    (other / "media.json").write_text('{"set": {"id": "11111111-5f9b-4e2c-9d43-2f3f0f6f7b11"}}\n')
    split = tmp_path / "split" / "osdimage"
    (split / "packages" / "ABC00001").mkdir(parents=True)
    (split / "packages" / "ABC00001" / "install.swm").touch()
    (split / "media.json").write_text(f'{{"set": {{"id": "{SET}"}}}}\n')
    computer.has_drive("d", tmp_path)
    computer.has_drive("e", split.parent)
    first = sequence("First & last", run_line("Told", r"cmd.exe /c echo first>>C:\noted.txt"))
    wanted = PeWish(
        (first, lab_machine()),
        {"ABC00001": medium / "osdimage" / "packages" / "ABC00001"},
        medium_id=SET,
        variables={"Site": "B12"},
        is_unattended=True,
        prestart=r"cmd.exe /c echo before>>C:\noted.txt",
    )
    computer.has(plan_pe_run(wanted).files)
    told = programs(computer.start("uefi", "2"))
    assert "1  First ? last" in computer.shown
    assert (computer.wine.drive / "noted.txt").read_text().split() == ["before", "C:", "B12"]
    assert [line for line in told if line.startswith("dism")] == [
        r'dism /Apply-Image /ImageFile:"E:\osdimage\packages\ABC00001\install.swm" '
        r'/SWMFile:"E:\osdimage\packages\ABC00001\install*.swm" /Index:1 /ApplyDir:C:' + "\\"
    ]
