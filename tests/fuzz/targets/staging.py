"""Steps of the first start: command lines as lines of a batch file, and steps of sequences that wait for Windows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from osdimage.imaging.errors import InvalidInput, InvalidRequest
from osdimage.imaging.firststart.steps import LONGEST_LINE
from osdimage.imaging.tasksequence.computer.machine import Machine
from osdimage.imaging.tasksequence.computer.supplies import Application, Supplies
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.forms.xml import read_sequence
from osdimage.imaging.tasksequence.phases import Phase
from osdimage.imaging.tasksequence.plan import rehearse
from osdimage.imaging.tasksequence.staging.commands import command_line, folder_lines, quoted_argument, setting_lines
from osdimage.imaging.tasksequence.staging.first_start import first_steps

from fuzz.target import Target


def _line(data: bytes) -> None:
    text = data.decode("utf-8", "replace")
    _one_line(command_line(text, _UNSURE))
    for make in (
        lambda: folder_lines(text, _UNSURE),
        lambda: setting_lines("Name", text, _UNSURE),
        lambda: (quoted_argument(text, _UNSURE),),
    ):
        with suppress(InvalidRequest):
            for line in make():
                _one_line(line)


def _one_line(line: str) -> None:
    assert not {"\r", "\n", "\0", "\x1a"} & set(line)
    assert len(line) <= LONGEST_LINE + 100


_UNSURE = frozenset({"out"})
_HERE = Path("/usr")
_SUPPLIES = Supplies(
    programs={"ABC00001:Install": "setup.exe /q"}, applications={"Viewer": Application("viewer.exe", "ABC00001")}
)


def _steps(data: bytes) -> None:
    read = read_sequence(data, source="x")
    machine = Machine(packages={"ABC00001": _HERE}, supplies=_SUPPLIES, phase=Phase.NEW)
    env = Environment(computer={"App001": "ABC00001:Install", "App01": "Viewer"})
    plan, after = rehearse(read, env, machine)
    assert len(plan.steps) == len(read.steps)
    for number, step in enumerate(first_steps(after.staged, env), 1):
        step.check(number)


def _seeds() -> Iterator[bytes]:
    for kind, properties in (
        ("RunCommandLine", {"CommandLine": 'a.exe "%Out%" &amp; b', "PackageID": "ABC00001", "SuccessCodes": "0 0x5"}),
        ("RunPowerShellScript", {"SourceScript": "//5zAA==", "SuccessCodes": "0 3010"}),
        ("InstallSoftware", {"BaseVariableName": "App", "ContinueOnInstallError": "true"}),
        ("InstallApplication", {"BaseVariableName": "App", "ApplicationName": "Viewer"}),
        ("EnableBitLocker", {"Mode": "TPM", "CreateRecoveryPassword": "AD"}),
        ("JoinDomainWorkgroup", {"OSDJoinType": "1", "OSDJoinWorkgroupName": "a'b"}),
        ("DownloadPackageContent", {"OSDDownloadDownloadPackages": "ABC00001", "OSDDownloadDestinationVariable": "D"}),
    ):
        variables = "".join(
            f'<variable name="{name}" property="{name}" hidden="{str(not name.startswith("OSD")).lower()}">{value}'
            "</variable>"
            for name, value in properties.items()
        )
        yield (
            f'<sequence version="3.10"><step type="SMS_TaskSequence_{kind}Action" name="s" timeout="9">'
            f"<action>x</action><defaultVarList>{variables}</defaultVarList></step></sequence>"
        ).encode()


_LINES = (rb'setup.exe /x "a & b" %Out% ^ | > 2>&1 100%', rb"C:\Program Files\A\a.exe /y", b"%windir%\\x")

TARGETS = (
    Target("staged-line", _line, lambda: _LINES, (InvalidRequest,), largest=512),
    Target("staged-steps", _steps, _seeds, (InvalidInput, InvalidRequest), largest=2048),
)
