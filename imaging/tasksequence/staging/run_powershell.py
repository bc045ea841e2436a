r"""Run PowerShell Script, and MDT's Run PowerShell Script: at the first start of the new Windows.

The script is one that the step carries, or one of a package, or of the deployment share.  It is started as people start
one, ``powershell.exe -File SCRIPT PARAMETERS``: its exit code is that of the step.

Sources: "Run PowerShell Script" of the task sequence steps of Configuration Manager; "Property Reference" and "Task
Sequence Steps" of the Microsoft Deployment Toolkit; "about_PowerShell_exe".  Measured in exports: a script that a step
carries is in Base64, of UTF-16 with a mark.
"""

from __future__ import annotations

import base64
import binascii
import re

from osdimage.imaging.errors import InvalidRequest
from osdimage.imaging.firststart.starting import POWERSHELL
from osdimage.imaging.tasksequence.computer.machine import Machine
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.inputs import Inputs, boolean, optional, required
from osdimage.imaging.tasksequence.mdt.share import needed_share
from osdimage.imaging.tasksequence.result import ActionInfo, VariableInfo
from osdimage.imaging.tasksequence.sequence import codes_of
from osdimage.imaging.tasksequence.staging.commands import arguments, checked_path, quoted
from osdimage.imaging.tasksequence.staging.needs import folder_of, needed_package, require_powershell
from osdimage.imaging.tasksequence.staging.run_command_line import as_another_user, start_lines, warned
from osdimage.imaging.tasksequence.staging.staged import StagedCommand, StagedFile, StagedPackage

_OWN = "OSDRunPowerShellScript"
VARIABLES: tuple[VariableInfo, ...] = (
    optional(f"{_OWN}PackageID", "the package with the script", source="CB"),
    optional(f"{_OWN}ScriptName", "the script in the package", source="CB"),
    optional("SourceScript", "the script itself, in Base64 of UTF-16", is_property=True, source="CB"),
    optional(f"{_OWN}Parameters", "what the script is told", source="CB"),
    optional(
        f"{_OWN}ExecutionPolicy",
        "which scripts may run",
        default="AllSigned",
        choices=("AllSigned", "Undefined", "Bypass"),
        source="CB",
    ),
    optional(f"{_OWN}OutputVariableName", "the variable that its output becomes", source="CB"),
    optional("SuccessCodes", "exit codes with blanks between them", is_property=True, source="CB"),
    optional("SMSTSRunPowerShellWorkingDirectory", "a folder, or one of the package", max_length=255, source="CB"),
    boolean("_SMSTSRunPowerShellAsUser", "whether it runs as another user", default=False, source="CB"),
    boolean("SMSTSRunPowerShellAsUser", "the same, as it is documented", default=False, source="CB"),
    boolean("OSDLogPowerShellParameters", "whether what the script is told may be shown", default=False, source="CB"),
)
MDT_VARIABLES: tuple[VariableInfo, ...] = (
    required("ScriptName", "a script of the package or of the deployment share", source="MDT"),
    optional("Parameters", "what the script is told", source="MDT"),
    optional("PackageID", "the package with the script", is_property=True, source="MDT"),
)
_LARGEST_SCRIPT = 1 << 20
_SIGNED = "# SIG # Begin signature block"
_SCRIPT = "script.ps1"
_UNPLAIN = re.compile(r"[^A-Za-z0-9_.-]+", re.ASCII)


def script_lines(
    folder: tuple[str, ...], script: str, parameters: str, machine: Machine, policy: str = "Bypass"
) -> tuple[str, ...]:
    """Return the lines of a batch file that run a script of PowerShell.

    Args:
        folder: the lines that go to where it starts.
        script: its path, as a batch file has it between quotation marks.
        parameters: what it is told, with its variables replaced.
        machine: what tells the new Windows.
        policy: which scripts may run.

    Raises:
        InvalidRequest: when the new Windows has no PowerShell, or no batch file can hold the parameters.
        OsdImageError: when its image or its volume cannot be read.
    """
    require_powershell(machine)
    start = rf'"%SystemRoot%\{POWERSHELL}" -NoProfile -NonInteractive -ExecutionPolicy {policy} -File "{script}"'
    return (*folder, arguments(start, parameters, machine.unsure))


def stage_script(env: Environment, machine: Machine) -> StagedCommand:
    """Return what Run PowerShell Script becomes at the first start.

    Raises:
        InvalidRequest: when a setting is wrong, there is no script, it runs as another user, or the new Windows has no
            PowerShell.
    """
    inputs = Inputs(env, VARIABLES)
    package_id, name = inputs.text(f"{_OWN}PackageID"), inputs.text(f"{_OWN}ScriptName")
    source = inputs.parsed("SourceScript", _decoded)
    parameters = inputs.text(f"{_OWN}Parameters") or ""
    policy = inputs.text(f"{_OWN}ExecutionPolicy") or "AllSigned"
    output = inputs.text(f"{_OWN}OutputVariableName")
    codes = inputs.parsed("SuccessCodes", codes_of)
    folder = inputs.text("SMSTSRunPowerShellWorkingDirectory")
    is_shown = inputs.boolean("OSDLogPowerShellParameters")
    runs_as = inputs.boolean("_SMSTSRunPowerShellAsUser") or inputs.boolean("SMSTSRunPowerShellAsUser")
    inputs.finish()
    if runs_as:
        raise as_another_user("SMSTSRunPowerShellAsUser")
    package = None if package_id is None else needed_package(machine, package_id)
    files: tuple[StagedFile, ...] = ()
    if package is not None and name is not None:
        machine.package_file(package_id or "", name)
        script = rf"{folder_of(package)}\{checked_path(name)}"
    elif source is not None:
        script, files = rf"%~dp0{_SCRIPT}", (StagedFile(_SCRIPT, source, is_unicode=True),)
        name = "that it carries"
    else:
        raise InvalidRequest(
            f"it has no script; valid are {_OWN}PackageID and {_OWN}ScriptName, or a script of its own"
        )
    unsigned: tuple[str, ...] = ()
    if policy == "AllSigned" and source is not None and _SIGNED not in source:
        unsigned = ("its script is not signed, and its execution policy is AllSigned: PowerShell will not run it",)
    told = f" {parameters}" if is_shown and parameters else ""
    return StagedCommand(
        does=f"run the script {name}{told}",
        lines=script_lines(start_lines(folder, package, machine), script, parameters, machine, policy),
        success_codes=codes,
        output_variable=output,
        packages=() if package is None else (package,),
        files=files,
        warnings=(*warned(parameters, machine), *unsigned),
    )


def stage_script_of_mdt(env: Environment, machine: Machine) -> StagedCommand:
    """Return what MDT's Run PowerShell Script becomes at the first start.

    Raises:
        InvalidRequest: when a setting is wrong, the script is nowhere, or the new Windows has no PowerShell.
        StorageError: when the deployment share cannot be read.
    """
    inputs = Inputs(env, MDT_VARIABLES)
    name, package_id = inputs.text("ScriptName") or "", inputs.text("PackageID")
    parameters = inputs.text("Parameters") or ""
    inputs.finish()
    if package_id is not None:
        package = needed_package(machine, package_id)
        machine.package_file(package_id, name)
        script = rf"{folder_of(package)}\{checked_path(name)}"
    else:
        package = _in_share(env, machine, name)
        script = rf"{folder_of(package)}\{checked_path(package.path.name)}"
    lines = script_lines(start_lines(None, package, machine), script, parameters, machine)
    told = "MDT's own PowerShell is not there: a script that reads or sets variables by tsenv: fails"
    return StagedCommand(
        f"run the script {name}", lines, packages=(package,), warnings=(*warned(parameters, machine), told)
    )


def _in_share(env: Environment, machine: Machine, name: str) -> StagedPackage:
    """Return a script of the deployment share, where MDT looks for it: there, and in its folder of scripts."""
    share = needed_share(machine, f"the script {quoted(name)}")
    inner = name
    for address in (env.text("SCRIPTROOT"), env.text("DeployRoot")):
        if address and inner.lower().startswith(f"{address.lower()}\\"):
            inner = inner[len(address) + 1 :]
    for place in (inner, rf"Scripts\{inner}"):
        found = share.find(place)
        if found is not None and found.is_file():
            # The folder is called as the file is, so that two of one name do not meet.
            return StagedPackage(_UNPLAIN.sub("-", str(found.relative_to(share.root)))[-60:].strip("-."), found)
    raise InvalidRequest(
        f"the script {quoted(name)} is neither in the deployment share {share.root} nor in its Scripts"
    )


def _decoded(text: str) -> str:
    """Return a script that a step carries; ValueError when it is none."""
    if len(text) > _LARGEST_SCRIPT:
        raise ValueError
    try:
        data = base64.b64decode(text, validate=True)
        script = data.decode("utf-16" if data[:2] in {b"\xff\xfe", b"\xfe\xff"} else "utf-16-le")
    except (binascii.Error, UnicodeDecodeError):
        raise ValueError from None
    if not script or "\0" in script:
        raise ValueError
    return script.replace("\r\n", "\n").replace("\r", "\n")


INFOS: tuple[ActionInfo, ...] = (
    ActionInfo(
        type_name="SMS_TaskSequence_RunPowerShellScriptAction",
        title="Run PowerShell Script",
        run=None,
        why_not="it runs a program of Windows",
        variables=VARIABLES,
        stage=stage_script,
    ),
    ActionInfo(
        type_name="BDD_RunPowerShellAction",
        title="Run MDT PowerShell Script",
        run=None,
        why_not="it runs a program of Windows",
        other_types=("ZTIPowerShell",),
        variables=MDT_VARIABLES,
        package_properties=("PackageID",),
        stage=stage_script_of_mdt,
    ),
)
