"""What steps that wait become on the disk of the Windows that was applied: with all that they need, or nothing."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cases.offline_windows import WINDOWS_7, make_tree
from cases.windows_trees import write_tree
from judges.disk import copy_of, partition_of
from judges.ntfs import plain_contents
from judges.wim import assert_ntfs_clean
from osdimage.imaging.disk.content import FileSystem
from osdimage.imaging.disk.layouts.layout import DiskLayout, PartitionSpec
from osdimage.imaging.disk.roles import Role, Scheme
from osdimage.imaging.errors import InvalidInput, StorageError
from osdimage.imaging.firststart import FOLDER, FirstStartPlan, StartsBy, carry_out
from osdimage.imaging.firststart.packages import count_package
from osdimage.imaging.progress import ProgressEvent
from osdimage.imaging.tasksequence.computer.machine import Machine, Place, TargetSystem
from osdimage.imaging.tasksequence.computer.supplies import FirstBoot, Supplies
from osdimage.imaging.tasksequence.computer.windows import WindowsFacts
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.staging.first_start import (
    PackageForecast,
    first_steps,
    foresee_first_start,
    put_first_start,
)
from osdimage.imaging.tasksequence.staging.staged import (
    StagedCommand,
    StagedCondition,
    StagedFile,
    StagedPackage,
    StagedStep,
)
from osdimage.imaging.testing import make_disk
from osdimage.imaging.units import MIB
from osdimage.imaging.volume.filesystems import open_files

pytestmark = pytest.mark.foreign

POWERSHELL = "Windows/System32/WindowsPowerShell/v1.0/powershell.exe"
ONE = StagedCommand("run a", ("@echo off", "a.exe /quiet"))


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A disk with a Windows that was applied."""
    folder = tmp_path_factory.mktemp("deployed")
    tree = write_tree(folder / "windows", {**make_tree(WINDOWS_7), POWERSHELL: b"MZ"})
    layout = DiskLayout(Scheme.MBR, (PartitionSpec(Role.PRIMARY, filesystem=FileSystem.NTFS),))
    make_disk(folder / "disk.img", 64 * MIB, layout, {1: tree})
    return folder / "disk.img"


@pytest.fixture
def machine(deployed: Path, tmp_path: Path) -> Machine:
    machine = Machine.start({0: copy_of(deployed, tmp_path / "disk.img")})
    machine.system = TargetSystem(Place(0, 1), WindowsFacts(6, 1, "x64", "Windows"))
    return machine


def staged(command: StagedCommand, number: int = 5, **more: object) -> StagedStep:
    return replace(StagedStep(number, (number - 1,), f"Step {number}", command), **more)  # type: ignore[arg-type]


def put(machine: Machine, env: Environment | None = None, *steps: StagedStep) -> Path:
    """Put steps on the disk, and return its volume."""
    machine.staged += steps
    put_first_start(machine, env or Environment())
    disk = machine.disk(0)
    volume = partition_of(disk, 1, disk.with_name("volume.ntfs"))
    assert_ntfs_clean(volume)
    return volume


def read(volume: Path, path: str) -> bytes:
    return plain_contents(volume, f"/{FOLDER}/{path}".replace("\\", "/"))


def below(machine: Machine) -> set[str]:
    """Return the files of the first start."""
    with machine.opened(0) as disk, open_files(disk.volume(1)) as files:
        start = len(FOLDER) + 1
        return {each.path[start:] for each in files.walk(FOLDER) if not each.is_directory}


def test_each_field_of_a_staged_command_reaches_the_disk(machine: Machine, tmp_path: Path) -> None:
    package = write_tree(tmp_path / "package", {"setup.exe": b"MZ" * 70_000, "data/a b.txt": b"text"})
    command = StagedCommand(
        "run all",
        ("@echo off", r"packages\ABC00001\setup.exe"),
        is_wow=True,
        restarts=True,
        timeout_seconds=900,
        output_variable="Told",
        packages=(StagedPackage("ABC00001", package),),
        files=(StagedFile("script.ps1", "'ö'\n", is_unicode=True), StagedFile("list.txt", "ö\n")),
    )
    env = Environment(computer={"Told": "before"})
    machine.unsure.add("told")
    volume = put(machine, env, staged(command, success_codes=(0, 7), retries=9))
    assert read(volume, r"1\step.txt") == b"0|0 7|5|1|1|900|Told\r\n"
    assert read(volume, r"1\step.cmd") == b"@echo off\r\npackages\\ABC00001\\setup.exe\r\n"
    assert read(volume, r"1\script.ps1") == b"\xef\xbb\xbf'\xc3\xb6'\r\n"
    assert read(volume, r"1\list.txt") == b"\x94\r\n"
    assert read(volume, r"packages\ABC00001\setup.exe") == b"MZ" * 70_000
    assert read(volume, r"packages\ABC00001\data\a b.txt") == b"text"
    assert read(volume, "vars.txt") == b"told=before\r\n"
    (step,) = json.loads(read(volume, "plan.json"))["steps"]
    assert (step["label"], step["name"], step["is_secret"]) == ("5", "Step 5", False)


def test_a_secret_is_only_in_what_is_deleted(machine: Machine) -> None:
    env = Environment(computer={"OSDJoinPassword": "J0inS3cret!", "Shown": "x"})
    machine.unsure |= {"osdjoinpassword", "shown"}
    command = StagedCommand("join", ("@echo off", "join.exe J0inS3cret!"), output_variable="Told", sets=("Key",))
    put(machine, env, staged(ONE), staged(command, 6, name="Join with J0inS3cret!"))
    with machine.opened(0) as disk, open_files(disk.volume(1)) as files:
        holding = [each for each in below(machine) if b"J0inS3cret" in files.read(f"{FOLDER}/{each}")]
        assert holding == ["2/secret.cmd"]
        assert files.read(rf"{FOLDER}\2\step.cmd") == b'@"%~dp0secret.cmd"\r\n'
        assert files.read(rf"{FOLDER}\vars.txt") == b"shown=x\r\n"
        assert files.read(rf"{FOLDER}\secrets.txt") == b"Key\r\nTold\r\n"


def test_what_an_earlier_one_left_is_gone_with_its_packages(machine: Machine, tmp_path: Path) -> None:
    first = write_tree(tmp_path / "first", {"old.dat": b"o" * 5000, "same.dat": b"1" * 9000})
    again = write_tree(tmp_path / "again", {"same.dat": b"2" * 9000})
    put(machine, None, staged(replace(ONE, packages=(StagedPackage("P", first),))), staged(ONE, 6))
    machine.staged.clear()
    volume = put(machine, None, staged(replace(ONE, packages=(StagedPackage("p", again),))))
    assert read(volume, r"packages\P\same.dat") == b"2" * 9000
    assert below(machine) == {"1/step.cmd", "1/step.txt", "packages/P/same.dat", "plan.json", "run.cmd"}


def test_it_is_forecast_and_nothing_is_written(machine: Machine, tmp_path: Path) -> None:
    package = write_tree(tmp_path / "package", {"setup.exe": b"MZ" * 70_000})
    machine.staged += [staged(replace(ONE, packages=(StagedPackage("P", package),), restarts=True)), staged(ONE, 6)]
    before = machine.disk(0).read_bytes()
    told = foresee_first_start(machine.rehearsal(), Environment())
    assert told is not None
    assert (told.steps, told.restarts, told.problems) == (2, 1, ())
    assert told.size_bytes > 140_000
    assert told.packages == (PackageForecast("P", 1, 140_000),)
    assert machine.disk(0).read_bytes() == before


def test_how_far_packages_are_written_is_told(machine: Machine, tmp_path: Path) -> None:
    package = write_tree(tmp_path / "package", {"a": b"a" * 3000, "b": b"b" * 1000})
    machine.staged.append(staged(replace(ONE, packages=(StagedPackage("P", package),))))
    told: list[ProgressEvent] = []
    put_first_start(machine, Environment(), progress=told.append)
    assert [(each.done, each.total, each.percent) for each in told] == [(3000, 4000, 75.0), (4000, 4000, 100.0)]


@pytest.mark.parametrize(
    ("name", "made", "reason"),
    [
        pytest.param("P", None, "No such file", id="gone"),
        pytest.param(r"..\P", "", "holds a separator", id="name"),
        pytest.param("P", "aux", "is that of a device", id="device"),
        pytest.param("P", "large", "there is no room", id="room"),
    ],
)
def test_a_package_that_cannot_be_put_there_is_a_problem_before_the_first_step(
    machine: Machine, tmp_path: Path, name: str, made: str | None, reason: str
) -> None:
    folder = tmp_path / "package"
    if made is not None:
        folder.mkdir()
        if made:
            with (folder / made).open("wb") as file:
                file.truncate(1 << 30)
    machine.staged.append(staged(replace(ONE, packages=(StagedPackage(name, folder),))))
    told = foresee_first_start(machine, Environment())
    assert told is not None
    assert reason in " ".join(told.problems)


@pytest.mark.parametrize(
    ("now", "error", "reason"),
    [
        pytest.param(b"longer than it was", InvalidInput, "has not the 1 bytes", id="longer"),
        pytest.param(None, StorageError, "No such file", id="gone"),
    ],
)
def test_a_package_that_changes_meanwhile_leaves_nothing(
    machine: Machine, tmp_path: Path, now: bytes | None, error: type[Exception], reason: str
) -> None:
    package = write_tree(tmp_path / "package", {"a": b"a" * 5000, "b": b"b"})
    plan = FirstStartPlan(StartsBy.LOGON, {rf"{FOLDER}\run.cmd": b""}, (count_package("P", package),))
    (package / "b").unlink()
    if now is not None:
        (package / "b").write_bytes(now)
    with machine.opened(0, write=True) as disk:
        with pytest.raises(error, match=reason):
            carry_out(plan, disk.volume(1), root="Windows", now=datetime.now(UTC))
        with open_files(disk.volume(1)) as files:
            assert not files.exists("ProgramData")


def test_at_the_first_logon_where_that_is_asked_for(machine: Machine) -> None:
    machine.supplies = Supplies(first_boot=FirstBoot.LOGON)
    machine.staged.append(staged(ONE))
    assert "which the first logon of an administrator begins" in put_first_start(machine, Environment())


def test_the_condition_of_a_group_is_asked_once_and_a_failure_leaves_the_group() -> None:
    asked = StagedCondition((1,), ("if exist x exit /b 0", "exit /b 1"))
    own = StagedCondition(None, ("exit /b 0",))
    steps = [
        staged(ONE, 1, place=(0,), may_fail=True),
        staged(ONE, 2, place=(1, 0), tolerant=((1,),), conditions=(asked,)),
        staged(ONE, 3, place=(1, 1), tolerant=((1,),), conditions=(asked, own)),
        staged(ONE, 4, place=(2,)),
    ]
    steps[3] = replace(steps[3], shown="4.1")
    made = first_steps(steps, Environment(), first=2)
    assert [each.on_failure for each in made] == [3, 5, 5, None]
    assert [each.label for each in made] == ["1", "2", "3", "4.1"]
    assert sum("group-1.yes" in line for line in made[1].condition) == 2
    assert made[3].condition == ()
