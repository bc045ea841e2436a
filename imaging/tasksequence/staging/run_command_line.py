"""Run Command Line: at the first start of the new Windows.

There the command line starts in the folder of the step's package, or in its working directory.  In a Windows for amd64
ConfigMgr, whose own program is one of 32 bits, starts it where such a program would find itself
(``SMSTSDisableWow64Redirection``); MDT, whose steps have no such setting, does not.

Sources: "Run Command Line" of the task sequence steps of Configuration Manager; what steps of MDT carry: exports.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from osdimage.imaging.errors import InvalidRequest
from osdimage.imaging.tasksequence.computer.machine import Machine
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.inputs import Inputs, boolean, optional, required
from osdimage.imaging.tasksequence.mdt.share_files import read_there, without_shares
from osdimage.imaging.tasksequence.result import VariableInfo
from osdimage.imaging.tasksequence.sequence import codes_of
from osdimage.imaging.tasksequence.staging.commands import (
    INSTEAD,
    SYSTEM_FOLDER,
    command_line,
    entering,
    folder_lines,
    read_later,
)
from osdimage.imaging.tasksequence.staging.needs import folder_of, needed_package
from osdimage.imaging.tasksequence.staging.staged import StagedCommand, StagedPackage

VARIABLES: tuple[VariableInfo, ...] = (
    required("CommandLine", "a program and what it is told", is_property=True, source="SDK"),
    optional("PackageID", "the package in whose folder it starts", is_property=True, source="SDK"),
    optional("WorkingDirectory", "a folder, or one of the package", max_length=255, is_property=True, source="SDK"),
    optional("StartIn", "the same, in sequences of MDT", max_length=255, is_property=True, source="MDT"),
    optional("SuccessCodes", "exit codes with blanks between them", is_property=True, source="SDK"),
    boolean("SMSTSDisableWow64Redirection", "whether a Windows for amd64 starts it as it is", default=False),
    optional("SMSTSRunCommandLineOutputVariableName", "the variable that its output becomes", source="CB"),
    boolean("_SMSTSRunCommandLineAsUser", "whether it runs as another user", default=False, source="CB"),
    boolean("SMSTSRunCommandLineAsUser", "the same, as it is documented", default=False, source="CB"),
    boolean("RunAsUser", "the same, in sequences of MDT", default=False, source="MDT"),
    boolean("OSDDoNotLogCommand", "whether the command line is kept out of logs", default=False, source="CB"),
)
_AS_USER = ("_SMSTSRunCommandLineAsUser", "SMSTSRunCommandLineAsUser", "RunAsUser")
_RUN = re.compile(r"\"?smsswd\.exe\"?\s+/run:(\S*)\s*", re.ASCII | re.IGNORECASE)
_SHARE = re.compile(r"(?<![:\w\\.])\\\\[A-Za-z0-9_-][^\\/\s\"<>|*?:]*\\[^\\/\s\"<>|*?:]+")
_MOST_SHOWN = 200


@dataclass(frozen=True, slots=True)
class CommandStep:
    """What a step is told.

    Attributes:
        command: the command line, without the program of ConfigMgr that starts it.
        package_id: of the package in whose folder it starts, or None.
        folder: that it starts in, or None for that of the package.
        success_codes: the exit codes of success, or None for those of the step.
        is_redirected: whether a Windows for amd64 starts it as a program of 32 bits would find itself.
        output: the variable that its output becomes, or None.
        is_hidden: whether the command line is kept out of logs.
        runs_as: the setting that lets it run as another user, or None.
    """

    command: str
    package_id: str | None
    folder: str | None
    success_codes: tuple[int, ...] | None
    is_redirected: bool
    output: str | None
    is_hidden: bool
    runs_as: str | None


def read_command_step(env: Environment) -> CommandStep:
    """Read what a step is told.

    Raises:
        InvalidRequest: when a setting is wrong.
    """
    inputs = Inputs(env, VARIABLES)
    command, package_id = inputs.text("CommandLine") or "", inputs.text("PackageID")
    folder = inputs.text("WorkingDirectory") or inputs.text("StartIn")
    codes = inputs.parsed("SuccessCodes", codes_of)
    is_redirected = not inputs.boolean("SMSTSDisableWow64Redirection")
    output = inputs.text("SMSTSRunCommandLineOutputVariableName")
    is_hidden = inputs.boolean("OSDDoNotLogCommand") is True
    runs_as = [name for name in _AS_USER if inputs.boolean(name)]
    inputs.finish()
    match = _RUN.match(command)
    if match is not None:
        command, package_id = command[match.end() :], package_id or match[1] or None
    return CommandStep(command, package_id, folder, codes, is_redirected, output, is_hidden, next(iter(runs_as), None))


def stage_command_line(env: Environment, machine: Machine) -> StagedCommand:
    """Return what the step becomes at the first start.

    Raises:
        InvalidRequest: when a setting is wrong, a package is not there, no batch file can hold the command line, or it
            runs as another user.
    """
    told = read_command_step(env)
    if told.runs_as is not None:
        raise as_another_user(told.runs_as)
    package = None if told.package_id is None else needed_package(machine, told.package_id)
    line = without_shares(env, machine, told.command)
    folder = without_shares(env, machine, (told.folder or "").strip().strip('"'), is_folder=True)
    return StagedCommand(
        does="run a command line that is not to be shown"
        if told.is_hidden
        else f"run {_shown(env.mask(told.command))}",
        lines=(*start_lines(folder.text or None, package, machine), command_line(line.text, read_there(machine))),
        success_codes=told.success_codes,
        is_wow=told.is_redirected and "RunAsUser" not in env,
        output_variable=told.output,
        packages=tuple(dict.fromkeys((*(() if package is None else (package,)), *line.packages, *folder.packages))),
        warnings=warned(f"{line.text} {folder.text}", machine),
    )


def start_lines(folder: str | None, package: StagedPackage | None, machine: Machine) -> tuple[str, ...]:
    r"""Return the first lines of a step, which go to its folder.

    Args:
        folder: of the new Windows, or one of the package; None for that of the package.
        package: whose files it needs, or None.
        machine: what tells the variables that the first start sets.

    Raises:
        InvalidRequest: when the folder is none.
    """
    base = None if package is None else folder_of(package)
    if folder is None:
        return entering(base or SYSTEM_FOLDER)
    if base is None or _is_absolute(folder):
        return folder_lines(folder, read_there(machine))
    return folder_lines(folder.replace("/", "\\").strip('\\"'), machine.unsure, below=base)


def _is_absolute(folder: str) -> bool:
    return folder.lstrip('"')[:1] in {"%", "\\", "/"} or folder.lstrip('"')[1:2] == ":"


def as_another_user(setting: str) -> InvalidRequest:
    """Return the error about a step that runs as another user."""
    return InvalidRequest(
        f"it runs as another user ({setting}), and the first start has none but the system", remedy=INSTEAD
    )


def warned(text: str, machine: Machine) -> tuple[str, ...]:
    """Return what is to be said of variables whose values only the first start knows, and of what is in the network."""
    told = []
    if names := read_later(text, machine.unsure):
        shell = "what the first start puts there, its shell reads: & | < > ^ are no text outside of quotes"
        told.append(f"{', '.join(names)}: {shell}")
    if shares := dict.fromkeys(_SHARE.findall(text)):
        told.append(f"{', '.join(shares)}: the first start reaches it as the computer, and no folder has what is named")
    return tuple(told)


def _shown(masked: str) -> str:
    # What is cut is masked before: half a secret would not be found.
    return masked if len(masked) <= _MOST_SHOWN else f"{masked[:_MOST_SHOWN]}..."
