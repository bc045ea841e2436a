"""Install and Uninstall Roles and Features, of MDT: at the first start.

A client has them from DISM, a server from PowerShell; which of the two it is, the Windows tells then.

Sources: "Install Roles and Features" of the task sequence steps of MDT, and its properties ``OSRoles``,
``OSRoleServices`` and ``OSFeatures``; "DISM Operating System Package Servicing Command-Line Options";
"Install-WindowsFeature", "Uninstall-WindowsFeature"; ``ProductType`` of ``ProductOptions`` is ``WinNT`` in a client.
"""

from __future__ import annotations

import re

from osdimage.imaging.errors import InvalidRequest
from osdimage.imaging.firststart.starting import POWERSHELL
from osdimage.imaging.tasksequence.computer.machine import Machine
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.inputs import Inputs, comma_list, optional
from osdimage.imaging.tasksequence.result import ActionInfo, Already, RunIn, Stage, StepClass, VariableInfo
from osdimage.imaging.tasksequence.staging.staged import StagedCommand

_NAMES = ("OSRoles", "OSRoleServices", "OSFeatures")
_FEATURE = re.compile(r"[A-Za-z0-9_.-]{1,128}", re.ASCII)
_RESTART = 3010
_MOST = 200

VARIABLES: tuple[VariableInfo, ...] = (
    optional("OSRoles", "roles of a server, with commas between them", source="MDT"),
    optional("OSRoleServices", "services of roles", source="MDT"),
    optional("OSFeatures", "features of a server or a client", source="MDT"),
    optional("OSRoleIndex", "not read: for which Windows they were chosen", source="MDT"),
)


def holds_roles(env: Environment, machine: Machine) -> Already | None:
    """Tell that no role and no feature is named."""
    del machine
    return None if any(env.text(name) for name in _NAMES) else Already("no role and no feature is named")


def stage_installing(env: Environment, machine: Machine) -> StagedCommand:
    """Return what the step becomes at the first start.

    Raises:
        InvalidRequest: when a name is none of a role or a feature.
    """
    del machine
    found = _features(env)
    return StagedCommand(
        f"install the features {', '.join(found)}",
        _lines(found, "/enable-feature /all", "Install-WindowsFeature"),
        success_codes=(0, _RESTART),
    )


def stage_uninstalling(env: Environment, machine: Machine) -> StagedCommand:
    """Return what the step becomes at the first start.

    Raises:
        InvalidRequest: when a name is none of a role or a feature.
    """
    del machine
    found = _features(env)
    return StagedCommand(
        f"remove the features {', '.join(found)}",
        _lines(found, "/disable-feature", "Uninstall-WindowsFeature"),
        success_codes=(0, _RESTART),
    )


def _features(env: Environment) -> tuple[str, ...]:
    inputs = Inputs(env, VARIABLES)
    found = [(name, each) for name in _NAMES for each in comma_list(inputs.text(name) or "")]
    for name, each in found:
        if _FEATURE.fullmatch(each) is None:
            inputs.problems.append(f"{name}={each[:60]}: valid are names of letters, digits, _ . and -")
    if len(found) > _MOST:
        inputs.problems.append(f"{len(found)} features are named; valid are at most {_MOST}")
    inputs.finish()
    if not found:
        raise InvalidRequest(f"none of {', '.join(_NAMES)} names a feature")
    return tuple(dict.fromkeys(each for _, each in found))


def _lines(features: tuple[str, ...], dism: str, cmdlet: str) -> tuple[str, ...]:
    ask = (
        f"try {{ $done = {cmdlet} -Name {','.join(map(repr, features))} -ErrorAction Stop }} "
        f"catch {{ Write-Output $_; exit 1 }}; if ($done.RestartNeeded -ne 'No') {{ exit {_RESTART} }}; exit 0"
    )
    named = " ".join(f"/featurename:{each}" for each in features)
    return (
        "@echo off",
        r'reg query "HKLM\SYSTEM\CurrentControlSet\Control\ProductOptions" /v ProductType | find /i "WinNT" >nul',
        "if errorlevel 1 goto server",
        rf'"%SystemRoot%\System32\dism.exe" /online /quiet /norestart {dism} {named}',
        "exit /b %errorlevel%",
        ":server",
        rf'"%SystemRoot%\{POWERSHELL}" -NoProfile -NonInteractive -Command "{ask}"',
        "exit /b %errorlevel%",
    )


def _info(type_name: str, title: str, stage: Stage, scripts: tuple[str, ...] = ()) -> ActionInfo:
    return ActionInfo(
        type_name=type_name,
        title=title,
        run=None,
        why_not="roles and features are installed in the installed Windows",
        holds=holds_roles,
        stage=stage,
        other_types=scripts,
        variables=VARIABLES,
        runs_in=RunIn.FULL_OS,
        step_class=StepClass.WINDOWS,
    )


INFOS: tuple[ActionInfo, ...] = (
    _info(
        "BDD_InstallRoles",
        "Install Roles and Features",
        stage_installing,
        ("ZTIOSRole", "ZTIOSRolePS", "PSDRolesInstall"),
    ),
    _info("BDD_UninstallRoles", "Uninstall Roles and Features", stage_uninstalling),
)
