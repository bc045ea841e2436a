"""Steps of a sequence that wait for the first start, from the sequence to what becomes of them in Wine's shell."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from cases.staging import new_windows
from cases.telling_program import telling_program
from judges.wine import Wine
from osdimage.imaging.firststart.packages import count_package
from osdimage.imaging.tasksequence.computer.machine import Machine
from osdimage.imaging.tasksequence.computer.supplies import Application, Supplies
from osdimage.imaging.tasksequence.conditions import Compare, Operator
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.forms.build import sequence, step
from osdimage.imaging.tasksequence.plan import rehearse
from osdimage.imaging.tasksequence.sequence import Sequence, Step
from osdimage.imaging.tasksequence.staging.first_start import first_steps
from runs.first_starts import put, results, start_until_it_ends, started_wine

pytestmark = [pytest.mark.foreign, pytest.mark.slow]


@pytest.fixture(scope="module")
def wine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wine]:
    with started_wine(tmp_path_factory.mktemp("wine") / "prefix") as made:
        yield made


@pytest.fixture
def package(tmp_path: Path) -> Path:
    folder = tmp_path / "package"
    (folder / "sub").mkdir(parents=True)
    (folder / "told.exe").write_bytes(telling_program())
    # A script that is started without call takes the place of the one that starts it.
    (folder / "install.cmd").write_bytes(b"@echo off\r\ncd > C:\\installed.txt\r\nexit /b 3010\r\n")
    (folder / "sub" / "file.txt").write_text("held")
    return folder


def run(text: str, package_id: str = "ABC00001", **more: object) -> Step:
    properties = {"CommandLine": text, "PackageID": package_id}
    return step(text[:20], "RunCommandLine", None, properties, success_codes=(0, 3010), **more)  # type: ignore[arg-type]


def carried_out(wine: Wine, wanted: Sequence, env: Environment, machine: Machine) -> tuple[Path, int]:
    """Put what waits of a sequence into Wine, and start it until it ends; return its folder and the starts."""
    plan, after = rehearse(wanted, env, machine)
    assert [each.reason for each in plan.steps if each.decision.value not in {"run", "first start"}] == []
    folder = put(wine, first_steps(after.staged, env))
    for staged in after.staged:
        for each in staged.command.packages:
            into = folder / "packages" / each.name
            for file in count_package(each.name, each.path).files:
                target = into / file.path.replace("\\", "/")
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(b"".join(file.pieces()))
    return folder, start_until_it_ends(wine, folder)


def told(folder: Path, number: int) -> str:
    return (folder / str(number) / "output.txt").read_bytes().decode("utf-16-le").rstrip("\0")


def test_steps_do_at_the_first_start_what_the_sequence_says(wine: Wine, package: Path) -> None:
    given = {"Viewer": Application("install.cmd", "ABC00001"), "Editor": Application("cmd.exe /c exit 0")}
    machine = new_windows({"ABC00001": package, "ABC00002": package}, supplies=Supplies(applications=given))
    download = {"OSDDownloadDownloadPackages": "ABC00002", "OSDDownloadDestinationVariable": "Drv"}
    succeeded = Compare("_TSAppInstallStatus", Operator.EQUALS, "Success")
    wanted = sequence(
        "S",
        run('told.exe "a & b" & %Known% %Unknown% ^ 100%'),
        step("get", "DownloadPackageContent", download),
        # No percent sign: Wine, unlike Windows, looks for variables in what it has put in place of one.
        step("set", "SetVariable", None, {"VariableName": "Full", "VariableValue": r"%Drv01%\sub & (x)"}),
        run(r'cmd.exe /c copy "%Drv01%\sub\file.txt" C:\copied.txt'),
        run('told.exe "%Full%"'),
        step("apps", "InstallApplication", None, {"ApplicationName": "Viewer,Editor"}),
        run(r"cmd.exe /c echo after > C:\after.txt", condition=succeeded),
        run("cmd.exe /c exit 5", continue_on_error=True),
        run("told.exe end", condition=Compare("_SMSTSLastActionRetCode", Operator.EQUALS, "5")),
    )
    folder, starts = carried_out(wine, wanted, Environment(computer={"Known": "k"}), machine)
    assert results(folder) == [
        "1 done 0",
        "2 done 0",
        "3 done 0",
        "4 done 0",
        "5 done 0",
        "6 done 3010",
        "7 done 0",
        "8 failed 5",
        "9 done 0",
    ]
    assert (starts, (folder / "done").exists()) == (2, True)
    assert told(folder, 1) == 'told.exe "a & b" & k %Unknown% ^ 100%'
    assert (wine.drive / "copied.txt").read_text() == "held"
    assert told(folder, 5) == r'told.exe "C:\ProgramData\osdimage\FirstStart\packages\ABC00002\sub & (x)"'
    assert (wine.drive / "installed.txt").read_text().strip().endswith(r"packages\ABC00001")
    assert (wine.drive / "after.txt").read_text().strip() == "after"
    assert told(folder, 9) == "told.exe end"
