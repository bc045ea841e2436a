"""Files of the deployment share that command lines of the first start name."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from cases.staging import new_windows, refusal, staged
from judges.wine import Wine
from osdimage.imaging.tasksequence.computer.machine import Machine
from osdimage.imaging.tasksequence.computer.supplies import Supplies
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.forms.build import step
from osdimage.imaging.tasksequence.mdt.share import enter_share
from osdimage.imaging.tasksequence.mdt.share_files import without_share

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
    found = without_share(env, machine, env.expand(text))
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
