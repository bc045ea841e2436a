"""Run Command Line: at the first start of the new Windows.

There the command line starts in the folder of the step's package, or in its working directory.  In a Windows for amd64
ConfigMgr, whose own program is one of 32 bits, starts it where such a program would find itself
(``SMSTSDisableWow64Redirection``); MDT, whose steps have no such setting, does not.

Sources: "Run Command Line" of the task sequence steps of Configuration Manager; what steps of MDT carry: exports.
"""

from __future__ import annotations

import re

from osdimage.imaging.errors import InvalidRequest
from osdimage.imaging.tasksequence.computer.machine import Machine
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.inputs import Inputs, boolean, optional, required
from osdimage.imaging.tasksequence.result import ActionInfo, VariableInfo
from osdimage.imaging.tasksequence.sequence import codes_of
from osdimage.imaging.tasksequence.staging.commands import (
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
_MOST_SHOWN = 200


def stage_command_line(env: Environment, machine: Machine) -> StagedCommand:
    """Return what the step becomes at the first start.

    Raises:
        InvalidRequest: when a setting is wrong, a package is not there, no batch file can hold the command line, or it
            runs as another user.
    """
    inputs = Inputs(env, VARIABLES)
    command, package_id = inputs.text("CommandLine") or "", inputs.text("PackageID")
    folder = inputs.text("WorkingDirectory") or inputs.text("StartIn")
    codes = inputs.parsed("SuccessCodes", codes_of)
    is_redirected = not inputs.boolean("SMSTSDisableWow64Redirection")
    output = inputs.text("SMSTSRunCommandLineOutputVariableName")
    is_hidden = inputs.boolean("OSDDoNotLogCommand")
    runs_as = [name for name in _AS_USER if inputs.boolean(name)]
    inputs.finish()
    if runs_as:
        raise InvalidRequest(f"it runs as another user ({runs_as[0]}), and the first start has none but the system")
    match = _RUN.match(command)
    if match is not None:
        command, package_id = command[match.end() :], package_id or match[1] or None
    package = None if package_id is None else needed_package(machine, package_id)
    return StagedCommand(
        does="run a command line that is not to be shown" if is_hidden else f"run {_shown(command)}",
        lines=(*start_lines(folder, package, machine), command_line(command, machine.unsure)),
        success_codes=codes,
        is_wow=is_redirected and "RunAsUser" not in env,
        output_variable=output,
        packages=() if package is None else (package,),
        warnings=warned(f"{command} {folder or ''}", machine),
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
        return folder_lines(folder, machine.unsure)
    return folder_lines(folder.replace("/", "\\").strip('\\"'), machine.unsure, below=base)


def _is_absolute(folder: str) -> bool:
    return folder.lstrip('"')[:1] in {"%", "\\", "/"} or folder.lstrip('"')[1:2] == ":"


def warned(text: str, machine: Machine) -> tuple[str, ...]:
    """Return what is to be said of variables whose values only the first start knows."""
    names = read_later(text, machine.unsure)
    if not names:
        return ()
    named = ", ".join(names)
    return (f"{named}: what the first start puts there, its shell reads: & | < > ^ are no text outside of quotes",)


def _shown(command: str) -> str:
    return command if len(command) <= _MOST_SHOWN else f"{command[:_MOST_SHOWN]}..."


INFO = ActionInfo(
    type_name="SMS_TaskSequence_RunCommandLineAction",
    title="Run Command Line",
    run=None,
    why_not="it runs a program of Windows",
    variables=VARIABLES,
    package_properties=("PackageID",),
    stage=stage_command_line,
)
