"""Files of shares that command lines of the first start name."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from cases.staging import judged, new_windows, refusal, staged
from judges.wine import Wine
from osdimage.imaging.tasksequence.computer.machine import Machine
from osdimage.imaging.tasksequence.computer.supplies import Application, Supplies
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.forms.build import step
from osdimage.imaging.tasksequence.judging.effects import take_for_done
from osdimage.imaging.tasksequence.mdt.share import enter_share
from osdimage.imaging.tasksequence.mdt.share_files import without_shares

FILES = (
    "Scripts/Tool/run.cmd",
    "Scripts/Tool/sub/a b.exe",
    "Scripts/own.exe",
    "Applications/My App/setup.exe",
    "x.exe",
)


@pytest.fixture
def share(tmp_path: Path) -> Path:
    for each in FILES:
        path = tmp_path / "share" / each
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"@echo off\r\n>%~dp0told.txt echo {each} %1\r\n")
    (tmp_path / "share" / "Control").mkdir()
    return tmp_path / "share"


def entered(share: Path) -> tuple[Machine, Environment]:
    machine, env = new_windows(supplies=Supplies(deployment_share=share)), Environment()
    enter_share(env, machine)
    return machine, env


P = "%OSDImageFirstStart%\\packages"


@pytest.mark.parametrize(
    ("text", "expected", "packages"),
    [
        pytest.param(
            r"%SCRIPTROOT%\tool\run.cmd /x", rf"{P}\share-Scripts-Tool\run.cmd /x", ["Scripts/Tool"], id="bare"
        ),
        pytest.param(
            r'cmd /c "%DeployRoot%\Scripts\Tool\sub\a b.exe" "1 2"',
            rf'cmd /c "{P}\share-Scripts-Tool\sub\a b.exe" "1 2"',
            ["Scripts/Tool"],
            id="deep-and-quoted",
        ),
        pytest.param(r"%SCRIPTROOT%\own.exe", rf"{P}\share-Scripts\own.exe", ["Scripts"], id="beside-all-scripts"),
        pytest.param(
            r'"%DeployRoot%\Applications\My App\setup.exe" /log %SCRIPTROOT%\Tool\run.cmd',
            rf'"{P}\share-Applications-My-App\setup.exe" /log {P}\share-Scripts-Tool\run.cmd',
            ["Applications/My App", "Scripts/Tool"],
            id="two",
        ),
        pytest.param(r"%SCRIPTROOT%\Tool", rf"{P}\share-Scripts-Tool", ["Scripts/Tool"], id="folder"),
        pytest.param(r"C:\a.exe \\other\share\x", r"C:\a.exe \\other\share\x", [], id="elsewhere"),
    ],
)
def test_a_file_of_the_share_is_put_on_the_disk_with_what_is_around_it(
    share: Path, text: str, expected: str, packages: list[str]
) -> None:
    machine, env = entered(share)
    found = without_shares(env, machine, env.expand(text))
    assert found.text == expected
    assert [each.path for each in found.packages] == [share / each for each in packages]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param(r"%SCRIPTROOT%\Tool\nothing.cmd", "is not in the deployment share", id="missing"),
        pytest.param(r"%DeployRoot%\x.exe", "is no file in a folder of the deployment share", id="whole-share"),
        pytest.param(r"%SCRIPTROOT%\..\x.exe", "is not in the deployment share", id="above"),
    ],
)
def test_what_is_not_there_is_refused(share: Path, text: str, reason: str) -> None:
    machine, env = entered(share)
    assert reason in refusal(step("r", "RunCommandLine", properties={"CommandLine": text}), machine, env)


def test_without_a_share_a_command_that_names_it_asks_for_it() -> None:
    wanted = step("r", "RunCommandLine", properties={"CommandLine": r"%ScriptRoot%\a.cmd"})
    assert "names %ScriptRoot%, and no deployment share was given; give Supplies" in refusal(wanted, new_windows())


@pytest.fixture
def mapped(tmp_path: Path) -> Machine:
    for each in (
        "x.msi",
        "Adobe/setup.exe",
        "Adobe/data1.cab",
        "a/own.exe",
        "a/b/c/d.exe",
        "logs/old.log",
        "My Tool/go.cmd",
    ):
        path = tmp_path / "apps" / each
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(each)
    machine = new_windows()
    machine.shares = {r"\\Srv\apps$": tmp_path / "apps", "//srv/apps$/a": tmp_path / "apps" / "a"}
    return machine


@pytest.mark.parametrize(
    ("text", "expected", "packages"),
    [
        pytest.param(
            r"msiexec.exe /i \\srv\apps$\X.MSI /qn",
            rf"msiexec.exe /i {P}\Srv-apps-x.msi\x.msi /qn",
            ["x.msi"],
            id="alone",
        ),
        pytest.param(
            r'"\\srv\apps$\Adobe\setup.exe" /s', rf'"{P}\Srv-apps-Adobe\setup.exe" /s', ["Adobe"], id="with-its-folder"
        ),
        pytest.param(r"\\srv\apps$\a\own.exe", rf"{P}\srv-apps-a\own.exe", ["a"], id="within-a-share"),
        pytest.param(r"\\srv\apps$\a\b\c\d.exe", rf"{P}\srv-apps-a-b-c\d.exe", ["a/b/c"], id="longest-address-first"),
        pytest.param(
            r"cmd /c copy C:\a.log \\srv\apps$\logs\pc.log",
            r"cmd /c copy C:\a.log \\srv\apps$\logs\pc.log",
            [],
            id="written",
        ),
        pytest.param(r"robocopy C:\l \\srv\apps$\logs", r"robocopy C:\l \\srv\apps$\logs", [], id="folder"),
        pytest.param(r"\\srv\apps$\..\x.msi", r"\\srv\apps$\..\x.msi", [], id="above"),
        pytest.param(r"\\srv\apps$2\x.msi \\srv\apps$", r"\\srv\apps$2\x.msi \\srv\apps$", [], id="another-share"),
    ],
)
def test_a_file_of_a_mapped_share_is_put_on_the_disk_and_what_is_written_stays(
    mapped: Machine, tmp_path: Path, text: str, expected: str, packages: list[str]
) -> None:
    found = without_shares(Environment(), mapped, text)
    assert found.text == expected
    assert [each.path for each in found.packages] == [tmp_path / "apps" / each for each in packages]


def test_a_command_starts_in_a_folder_of_a_mapped_share(mapped: Machine, tmp_path: Path) -> None:
    wanted = {"CommandLine": "go.cmd", "WorkingDirectory": r"\\srv\apps$\My Tool"}
    made = staged(step("r", "RunCommandLine", properties=wanted), mapped)
    assert rf'pushd "{P}\Srv-apps-My-Tool"' in made.lines
    assert [each.path for each in made.packages] == [tmp_path / "apps" / "My Tool"]
    assert made.warnings == ()


def test_programs_of_a_drive_that_a_step_connects_are_put_on_the_disk(mapped: Machine) -> None:
    given = {"SMSConnectNetworkFolderPath": r"\\srv\apps$\Adobe", "SMSConnectNetworkFolderDriveLetter": "z:"}
    connected = judged(step("c", "ConnectNetworkFolder", given), mapped)
    assert connected.already is not None
    take_for_done(Environment(), mapped, connected.already, connected.info)
    found = without_shares(Environment(), mapped, r"Z:\SETUP.exe /log:Z:\data1.cab xZ:\setup.exe")
    assert found.text == rf"{P}\Z\setup.exe /log:{P}\Z\data1.cab xZ:\setup.exe"
    assert [each.path for each in found.packages] == [mapped.shares[r"\\Srv\apps$"] / "Adobe"]


def test_programs_and_applications_that_only_a_site_knows_may_be_on_a_mapped_share(
    mapped: Machine, tmp_path: Path
) -> None:
    command = r"\\srv\apps$\Adobe\setup.exe /s"
    mapped.packages["ABC00001"] = tmp_path
    mapped.supplies = Supplies(programs={"ABC00001:x": command}, applications={"Reader": Application(command)})
    properties = {"PackageID": "ABC00001", "ProgramName": "x"}
    for wanted in (
        step("s", "InstallSoftware", properties=properties),
        step("a", "InstallApplication", properties={"ApplicationName": "Reader"}),
    ):
        made = staged(wanted, mapped)
        assert made.packages[-1].path == tmp_path / "apps" / "Adobe"
        held = "\n".join((*made.lines, *(each.text for each in made.files)))
        assert rf'"{P}\Srv-apps-Adobe\setup.exe" /s' in held


def test_packages_with_names_that_are_too_long_do_not_meet(mapped: Machine, tmp_path: Path) -> None:
    for each in ("a", "b"):
        folder = tmp_path / "apps" / ("n" * 70) / each
        folder.mkdir(parents=True)
        (folder / "x.exe").write_text(each)
    text = rf"\\srv\apps$\{'n' * 70}\a\x.exe \\srv\apps$\{'n' * 70}\b\x.exe"
    names = [each.name for each in without_shares(Environment(), mapped, text).packages]
    assert len(set(names)) == 2
    assert max(map(len, names)) <= 60


@pytest.fixture(scope="module")
def wine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wine]:
    made = Wine.make(tmp_path_factory.mktemp("wine") / "prefix")
    yield made
    made.stop()


@pytest.mark.foreign
def test_a_script_of_the_share_runs_from_the_disk(share: Path, wine: Wine) -> None:
    machine, env = entered(share)
    text = r"%SCRIPTROOT%\Tool\run.cmd one"
    made = staged(step("r", "RunCommandLine", properties={"CommandLine": text}), machine, env)
    (only,) = made.packages
    target = wine.drive / "fs" / "packages" / only.name
    target.mkdir(parents=True)
    (target / "run.cmd").write_bytes((only.path / "run.cmd").read_bytes())
    (wine.drive / "step.cmd").write_bytes("".join(f"{line}\r\n" for line in made.lines).encode())
    wine.run("cmd", "/d", "/c", r"set OSDImageFirstStart=C:\fs& cmd /d /c C:\step.cmd")
    assert (target / "told.txt").read_text().split() == ["Scripts/Tool/run.cmd", "one"]
