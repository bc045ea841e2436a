"""The script of the first start in Wine's shell: what runs, in which order, through restarts and power cuts.

A restart is the harness: it starts what ``CmdLine`` of Wine's registry names, as Windows does.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest
from cases.first_start import RESTART_CODES, Planned, expected
from judges.batch import faults
from judges.wine import Wine
from osdimage.imaging.drivers.injection.script import driver_step
from osdimage.imaging.firststart.folder import FOLDER
from osdimage.imaging.firststart.starting import StartedWindows, called_script
from osdimage.imaging.firststart.steps import FirstFile, FirstStep
from runs.first_starts import SETUP, cut_in, put, results, setup_values, start, start_until_it_ends, started_wine

HRESULT = -2147024891
pytestmark = pytest.mark.foreign


@pytest.fixture(scope="module")
def wine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wine]:
    with started_wine(tmp_path_factory.mktemp("wine") / "prefix") as made:
        yield made


def as_step(number: int, planned: Planned) -> FirstStep:
    lines = ["@echo off", f'>>"%~dp0ran" echo {number}']
    if planned.asks:
        lines.append(r'>"%~dp0..\reboot-requested" echo')
    return FirstStep(
        f"step {number}",
        (*lines, f"exit /b {planned.code}"),
        planned.success,
        planned.on_failure or None,
        restarts=planned.restarts,
        condition=() if planned.when is None else (f"@exit /b {planned.when}",),
    )


# Three starts: the first ends with the restart that 3010 asks for, the second fails, the third does nothing.
def test_it_goes_on_after_a_restart_and_ends_where_a_step_fails(wine: Wine) -> None:
    plan = [Planned(), Planned(5, on_failure=3), Planned(3010), Planned(), Planned(7), Planned()]
    folder = put(wine, [as_step(number, each) for number, each in enumerate(plan, 1)])
    start(wine)
    assert results(folder) == ["1 done 0", "2 failed 5", "3 done 3010"]
    assert setup_values(wine) == ("0x2", rf"cmd.exe /d /c C:\{FOLDER}\run.cmd", "0x1")
    start(wine)
    assert results(folder) == ["1 done 0", "2 failed 5", "3 done 3010", "4 done 0", "5 failed 7"]
    assert setup_values(wine) == ("0x0", "", None)
    assert (folder / "failed").read_text().split() == ["5", "7"]
    assert not (folder / "running.txt").exists()
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    start(wine)
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


# The second time it does not wait.
WAITS = (
    "@echo off",
    'if exist "%~dp0ran" goto again',
    '>>"%~dp0ran" echo x',
    "ping -n 60 127.0.0.1 >nul",
    "exit /b 0",
    ":again",
    '>>"%~dp0ran" echo x',
)


# The power is cut in step 5: the registry leads to the next start, and no step is run twice.
@pytest.mark.slow
@pytest.mark.parametrize(
    ("retries", "on_failure", "ends", "ran"),
    [
        pytest.param(0, 6, ["5 interrupted 0", "6 done 0", "7 done 1641"], 1, id="goes on"),
        pytest.param(0, None, ["5 interrupted 0"], 1, id="fails", marks=pytest.mark.matrix),
        pytest.param(1, None, ["5 done 0", "6 done 0", "7 done 1641"], 2, id="again"),
    ],
)
def test_a_step_that_the_power_was_cut_in(
    wine: Wine, retries: int, on_failure: int | None, ends: list[str], ran: int
) -> None:
    plan = [Planned(), Planned(5, on_failure=3), Planned(when=1), Planned(3010)]
    steps = [as_step(number, each) for number, each in enumerate(plan, 1)]
    steps += [FirstStep("waits", WAITS, on_failure=on_failure, retries=retries)]
    steps += [as_step(6, Planned()), as_step(7, Planned(1641))]
    folder = put(wine, steps)
    start(wine)
    cut_in(wine, folder, 5)
    assert setup_values(wine)[:2] == ("0x2", rf"cmd.exe /d /c C:\{FOLDER}\run.cmd")
    assert (folder / "running.txt").read_text().split() == ["5", "1"]
    start_until_it_ends(wine, folder)
    assert results(folder) == ["1 done 0", "2 failed 5", "3 skipped 0", "4 done 3010", *ends]
    assert len((folder / "5" / "ran").read_text().split()) == ran
    assert (folder / ("failed" if ends[0] == "5 interrupted 0" and on_failure is None else "done")).exists()


# What the disk may hold after a cut between two lines of the script; NTFS may keep a name without its text.
@pytest.mark.parametrize(
    ("there", "after"),
    [
        pytest.param(
            {"running.txt": "1 1", "1/begin": "1", "1/end": "done 0"}, ["1 done 0", "2 done 0"], id="had ended"
        ),
        pytest.param(
            {"results.txt": "1 done 0", "next.txt": "2 0 true", "running.txt": "1 1"},
            ["1 done 0", "2 done 0"],
            id="had gone on",
        ),
        pytest.param({"running.txt": "", "1/begin": ""}, ["1 interrupted 0"], id="running without text"),
        pytest.param({"next.txt": ""}, [], id="next without text"),
        pytest.param({"next.txt": "x y"}, [], id="next is no number", marks=pytest.mark.matrix),
        pytest.param({"starts.txt": "20 1 20"}, [], id="too many starts at one step"),
        pytest.param({"starts.txt": "50 7 20"}, ["1 done 0", "2 done 0"], id="many starts"),
    ],
)
def test_what_a_power_cut_leaves_is_not_run_twice_nor_taken_for_the_end(
    wine: Wine, there: dict[str, str], after: list[str]
) -> None:
    folder = put(wine, [as_step(1, Planned()), as_step(2, Planned())])
    for name, text in there.items():
        (folder / name).write_text(f"{text}\r\n" if text else "", newline="")
    start_until_it_ends(wine, folder)
    assert results(folder) == after
    assert (folder / ("done" if after[-1:] == ["2 done 0"] else "failed")).exists()


def test_a_step_finds_the_variables_of_the_plan_and_how_the_last_one_ended(wine: Wine) -> None:
    lines = (
        r'@>"%~dp0told" echo "%OSDName%" %A-B% %_SMSTSLastActionRetCode% %_SMSTSLastActionSucceeded%',
        "@echo seen",
    )
    steps = [as_step(1, Planned(HRESULT, on_failure=2)), FirstStep("tells", lines)]
    # No percent sign: Wine, unlike Windows, looks for variables in what it has put in place of one.
    folder = put(wine, steps, {"OSDName": "x & y | > ^!", "A-B": "semi;colon"})
    start_until_it_ends(wine, folder)
    assert (folder / "2" / "told").read_text().strip() == f'"x & y | > ^!" semi;colon {HRESULT} false'
    assert (folder / "2" / "output.txt").read_text().strip() == "seen"


# What holds secrets is gone when the step has ended, and the rest of it at the end of all.
def test_secrets_are_deleted_with_what_the_step_wrote(wine: Wine) -> None:
    lines = ("@echo off", 'type "%~dp0key.txt"', 'copy "%~dp0key.txt" "%~dp0..\\seen.txt" >nul', "exit /b 5")
    secret = FirstStep("x", lines, files=(FirstFile("key.txt", "s3cret"),), condition=("@exit /b 0",), is_secret=True)
    secret = replace(secret, sets=("Key", "Other"))
    looks = (r'@if exist 1\output.txt (echo there) else echo "%OSDImageFirstStart%">looked.txt', "@exit /b 1")
    steps = [replace(secret, on_failure=2), FirstStep("looks", looks), secret]
    folder = put(wine, steps, {"Name": "x & y | > ^! 1", "key": "s3cret", "Last": "2"})
    start_until_it_ends(wine, folder)
    assert results(folder) == ["1 failed 5", "2 failed 1"]
    assert (folder / "looked.txt").read_text().strip() == rf'"C:\{FOLDER}"'
    assert (folder / "seen.txt").read_text().strip() == "s3cret"
    # What a step with secrets sets may be one; of the other variables nothing is lost.
    assert (folder / "vars.txt").read_bytes() == b"Name=x & y | > ^! 1\r\nLast=2\r\n"
    assert not (folder / "secrets.txt").exists()
    assert {each.name for each in (folder / "1").iterdir()} == {"step.cmd", "step.txt", "begin", "end"}
    # The third was never begun.
    assert {each.name for each in (folder / "3").iterdir()} == {"step.cmd", "step.txt"}


def test_the_first_logon_does_nothing_where_setup_came_before(wine: Wine) -> None:
    folder = put(wine, [as_step(1, Planned()), as_step(2, Planned(3010)), as_step(3, Planned())])
    command = ("cmd.exe", "/d", "/c", rf"C:\{FOLDER}\run.cmd", "logon")
    wine.run(*command)
    # There is no Setup that would restart the computer: shutdown.exe does.
    assert (results(folder), setup_values(wine)) == (
        ["1 done 0", "2 done 3010"],
        ("0x2", rf"cmd.exe /d /c C:\{FOLDER}\run.cmd", None),
    )
    wine.run(*command)
    assert results(folder) == ["1 done 0", "2 done 3010"]
    start(wine)
    assert results(folder) == ["1 done 0", "2 done 3010", "3 done 0"]


@pytest.mark.parametrize(
    ("command", "after"),
    [
        pytest.param(rf"cmd.exe /d /c C:\{FOLDER}\run.cmd", ("0x0", "", None), id="its own"),
        pytest.param(r"oobe\windeploy.exe", ("0x2", r"oobe\windeploy.exe", None), id="of another"),
    ],
)
def test_one_that_has_ended_clears_only_its_own_command(
    wine: Wine, command: str, after: tuple[str | None, str | None, str | None]
) -> None:
    folder = put(wine, [as_step(1, Planned())])
    (folder / "done").write_text("1")
    wine.run("reg", "add", SETUP, "/v", "CmdLine", "/t", "REG_SZ", "/d", command, "/f")
    wine.run("reg", "add", SETUP, "/v", "SetupType", "/t", "REG_DWORD", "/d", "2", "/f")
    wine.run("cmd.exe", "/d", "/c", rf"C:\{FOLDER}\run.cmd")
    assert (results(folder), setup_values(wine)) == ([], after)


def test_the_script_of_setup_calls_it_and_runs_what_it_had(wine: Wine) -> None:
    folder = put(wine, [as_step(1, Planned()), as_step(2, Planned(3010))])
    users = b'@echo off\r\n>"%SystemDrive%\\had" echo run\r\nexit /b 7\r\n'
    script = wine.drive / "SetupComplete.cmd"
    script.write_bytes(called_script(StartedWindows("Windows", True, "cp437", setup_complete=users)))
    wine.run("cmd", "/d", "/c", r"C:\SetupComplete.cmd")
    assert results(folder) == ["1 done 0", "2 done 3010"]
    assert (wine.drive / "had").read_text().strip() == "run"
    assert setup_values(wine)[2] == "0x1"


# The script that installs the drivers is another's (imaging/drivers): here one that writes the codes that it would.
@pytest.mark.parametrize(
    ("codes", "ends"),
    [
        pytest.param((0, 259, 3010, 0), "1 done 3010", id="installed, one with a restart"),
        pytest.param((0, 259), "1 done 0", id="installed", marks=pytest.mark.matrix),
        pytest.param((3010, 5, 2), "1 failed 5", id="the first that failed counts"),
        pytest.param((), "1 done 0", id="none", marks=pytest.mark.matrix),
    ],
)
def test_the_step_that_installs_drivers_ends_with_what_the_drivers_ended_with(
    wine: Wine, codes: tuple[int, ...], ends: str
) -> None:
    step = driver_step()
    lines = ["@echo off", *(rf'>>"%SystemRoot%\Temp\osdimage-drivers.txt" echo {code} a\b.inf' for code in codes)]
    drivers = wine.drive / "Drivers"
    drivers.mkdir(exist_ok=True)
    (drivers / "osdimage-drivers.cmd").write_text(
        "".join(f"{line}\n" for line in (*lines, 'del "%~f0"')), newline="\r\n"
    )
    folder = put(wine, [step])
    assert faults((folder / "1" / "step.cmd").read_bytes(), ["result"]) == []
    start_until_it_ends(wine, folder)
    assert results(folder) == [ends]
    assert not drivers.exists()
    assert (folder / "done").exists()


def random_plan(rng: random.Random) -> list[Planned]:
    count = rng.randint(1, 12)
    codes = [0, 0, 0, 1, 5, HRESULT, *RESTART_CODES]
    return [
        Planned(
            code=rng.choice(codes),
            success=tuple(rng.sample([0, 3010, 5, HRESULT], rng.randint(1, 3))),
            on_failure=rng.choice([0, number + 1, rng.randint(number + 1, count + 1), number + 1]),
            when=rng.choice([None, None, None, 0, 1, 9009]),
            asks=rng.random() < 0.1,
            restarts=rng.random() < 0.1,
        )
        for number in range(1, count + 1)
    ]


def judge_plan(wine: Wine, plan: list[Planned]) -> None:
    folder = put(wine, [as_step(number, each) for number, each in enumerate(plan, 1)])
    starts = start_until_it_ends(wine, folder)
    told = expected(plan)
    end = "failed" if (folder / "failed").exists() else "done" if (folder / "done").exists() else ""
    assert (results(folder), starts, end) == (told.results, told.starts, told.end)
    # No step ran twice.
    assert all(len(each.read_text().split()) == 1 for each in folder.rglob("ran"))


@pytest.mark.matrix
@pytest.mark.parametrize("seed", range(100, 104))
def test_it_does_what_the_model_says_of_many_plans(wine: Wine, seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(25):
        judge_plan(wine, random_plan(rng))


# A computer whose power is cut again and again: it comes to its end, and no step without retries ran twice.
@pytest.mark.matrix
@pytest.mark.parametrize("seed", range(20))
def test_a_cut_at_any_moment_tears_nothing(wine: Wine, seed: int) -> None:
    rng = random.Random(seed)
    count = 6
    steps = [
        FirstStep(f"step {number}", ("@echo off", '>>"%~dp0ran" echo x', "exit /b 0"), on_failure=number + 1)
        for number in range(1, count + 1)
    ]
    folder = put(wine, steps)
    for _ in range(4):
        begun = wine.begin("cmd.exe", "/d", "/c", rf"C:\{FOLDER}\run.cmd")
        time.sleep(rng.uniform(0.2, 1.5))
        wine.stop()
        begun.wait(60)
    start_until_it_ends(wine, folder)
    last = {line.split()[0]: line.split()[1] for line in results(folder)}
    assert set(last) == {str(number) for number in range(1, count + 1)}
    assert set(last.values()) <= {"done", "interrupted"}
    assert (folder / "done").exists()
    assert all(len(each.read_text().split()) == 1 for each in folder.rglob("ran"))
