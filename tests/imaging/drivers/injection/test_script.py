"""The script that installs drivers at the first start, run by Wine's command interpreter.

Wine has no pnputil and no pnpunattend: scripts of ours stand in for them, note what they are given, and end with the
exit code that the name of the INF tells.  Programs that end with 259 are none of them: to Wine they are running still.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from judges.wine import Wine
from osdimage.imaging.answers.commands import LONGEST_PATH
from osdimage.imaging.drivers.injection.script import Cleaning, Installer, install_command, install_script
from osdimage.imaging.drivers.injection.staging import StagedDriver

pytestmark = [pytest.mark.foreign, pytest.mark.slow]

DRIVERS = (
    StagedDriver("00-fine", "fine driver-0.inf"),
    StagedDriver("01-again", "restart-3010.inf"),
    StagedDriver("03-bad", "bad-5.inf"),
)
CODES = {"00-fine": 0, "01-again": 3010, "03-bad": 5}
KEY = r"HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion\UnattendSettings\PnPUnattend\DriverPaths\1"


@dataclass(frozen=True)
class Machine:
    """A Windows of Wine's."""

    wine: Wine

    @property
    def drive(self) -> Path:
        return self.wine.drive

    def stage(self, script: bytes) -> None:
        """Put the drivers there, and the script with other programs in it."""
        for driver in DRIVERS:
            folder = self.drive / "Drivers" / driver.folder
            folder.mkdir(parents=True, exist_ok=True)
            (folder / driver.inf).write_bytes(b"inf")
            (folder / "x64").mkdir(exist_ok=True)
            (folder / "x64" / "driver.sys").write_bytes(b"sys")
        for name in (b"pnputil.exe", b"pnpunattend.exe"):
            script = script.replace(name, b"cmd.exe /c C:\\fake.cmd " + name)
        (self.drive / "Drivers" / "osdimage-drivers.cmd").write_bytes(script)
        (self.drive / "fake.cmd").write_bytes(
            b"@echo off\r\nsetlocal\r\necho %*>>C:\\given.txt\r\n"
            + b"".join(b'if exist "%%~dp3*-%d.inf" exit /b %d\r\n' % (code, code) for code in CODES.values() if code)
            + b"exit /b 0\r\n"
        )

    def start(self, *, before: tuple[str, ...] = (), after: tuple[str, ...] = ()) -> int:
        """Run the command line of the answer file, and return its exit code."""
        lines = [*before, install_command(r"\Drivers"), r"echo %ERRORLEVEL% >C:\code.txt", *after]
        (self.drive / "setup.cmd").write_text("".join(f"@{each}\n" for each in lines), newline="\r\n")
        self.wine.run("cmd.exe", "/c", r"C:\setup.cmd")
        return int((self.drive / "code.txt").read_text())

    def lines(self, path: str) -> list[str]:
        """Return the lines of a text file; Wine leaves blanks where it took a redirection out."""
        return [each.rstrip() for each in (self.drive / path).read_text().splitlines()]


@pytest.fixture(scope="module")
def wine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wine]:
    made = Wine.make(tmp_path_factory.mktemp("wine") / "prefix")
    yield made
    made.stop()


@pytest.fixture
def machine(wine: Wine) -> Iterator[Machine]:
    made = Machine(wine)
    yield made
    shutil.rmtree(made.drive / "Drivers", ignore_errors=True)
    for each in (made.drive / "given.txt", *(made.drive / "windows/temp").glob("osdimage-drivers.*")):
        each.unlink(missing_ok=True)


def test_each_driver_is_given_to_pnputil_and_those_that_it_took_are_removed(machine: Machine) -> None:
    machine.stage(install_script(DRIVERS, Installer.PNPUTIL))
    # Any other code would end Windows Setup.
    assert machine.start() == 0
    given = machine.lines("given.txt")
    assert given == [
        rf'pnputil.exe /add-driver "C:\Drivers\{driver.folder}\{driver.inf}" /install' for driver in DRIVERS
    ]
    codes = machine.lines("windows/temp/osdimage-drivers.txt")
    assert codes == [rf"{CODES[driver.folder]} {driver.folder}\{driver.inf}" for driver in DRIVERS]
    # 3010 is no failure; what failed is there to be looked at.
    assert [each.name for each in (machine.drive / "Drivers").iterdir()] == ["03-bad"]
    assert (machine.drive / "Drivers/03-bad/x64/driver.sys").exists()
    assert r"03-bad\bad-5.inf: exit code 5" in machine.lines("windows/temp/osdimage-drivers.log")


def test_all_is_gone_when_nothing_failed(machine: Machine) -> None:
    drivers = DRIVERS[:2]
    machine.stage(install_script(drivers, Installer.PNPUTIL_OF_VISTA))
    shutil.rmtree(machine.drive / "Drivers/03-bad")
    assert machine.start() == 0
    given = machine.lines("given.txt")
    assert given == [rf'pnputil.exe -i -a "C:\Drivers\{each.folder}\{each.inf}"' for each in drivers]
    assert not (machine.drive / "Drivers").exists()


def test_keys_and_the_device_path_are_taken_back(machine: Machine) -> None:
    current = r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion"
    old = r"%SystemRoot%\inf;D:\More Drivers"
    machine.stage(install_script(DRIVERS, Installer.PNP_UNATTEND, Cleaning(key=KEY, device_path=old)))
    key, path = f'reg.exe query "{KEY}"', f'reg.exe query "{current}" /v DevicePath'
    before = (rf'reg.exe add "{KEY}" /v Path /d C:\Drivers /f', rf"{key} >C:\before.txt")
    assert machine.start(before=before, after=(rf"{key} >C:\after.txt", rf"{path} >>C:\after.txt")) == 0
    assert machine.lines("given.txt") == ["pnpunattend.exe AuditSystem /L"]
    assert not (machine.drive / "Drivers").exists()
    assert re.search(r"Path\s+REG_SZ\s+C:.Drivers$", "\n".join(machine.lines("before.txt")), re.MULTILINE)
    after = "\n".join(machine.lines("after.txt"))
    assert "DriverPaths" not in after
    assert re.findall(r"DevicePath\s+REG_EXPAND_SZ\s+(.*)", after) == [old]


def test_what_was_installed_before_the_computer_stopped_is_no_failure(machine: Machine) -> None:
    machine.stage(install_script(DRIVERS, Installer.PNPUTIL))
    shutil.rmtree(machine.drive / "Drivers/00-fine")
    assert machine.start() == 0
    given = machine.lines("given.txt")
    assert given == [rf'pnputil.exe /add-driver "C:\Drivers\{each.folder}\{each.inf}" /install' for each in DRIVERS[1:]]
    codes = machine.lines("windows/temp/osdimage-drivers.txt")
    assert codes == [r"3010 01-again\restart-3010.inf", r"5 03-bad\bad-5.inf"]
    log = machine.lines("windows/temp/osdimage-drivers.log")
    assert r"00-fine\fine driver-0.inf: is not there any more" in log


def test_drivers_that_are_to_be_kept_stay(machine: Machine) -> None:
    machine.stage(install_script(DRIVERS, Installer.PNPUTIL, Cleaning(keeps_drivers=True)))
    assert machine.start() == 0
    there = {each.name for each in (machine.drive / "Drivers").iterdir()}
    assert there == {*CODES, "osdimage-drivers.cmd"}


def test_a_script_that_is_not_there_ends_no_setup(machine: Machine) -> None:
    assert machine.start() == 0


def test_the_command_is_one_that_setup_takes() -> None:
    assert len(install_command(r"\Drivers")) <= LONGEST_PATH


def test_no_device_for_a_driver_is_no_failure() -> None:
    # ERROR_NO_MORE_ITEMS, Microsoft, "System Error Codes".
    assert b'if "%code%"=="259" set "is_done=1"\r\n' in install_script(DRIVERS, Installer.PNPUTIL)


def test_a_name_that_a_command_line_would_take_apart_is_not_in_the_script() -> None:
    script = install_script((StagedDriver("00-odd", "100% & größer.inf"),), Installer.PNPUTIL).decode("ascii")
    assert r'/add-driver "%here%00-odd\*.inf" /install' in script
    assert "100%" not in script
