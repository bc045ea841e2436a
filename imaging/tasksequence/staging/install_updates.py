r"""Install Software Updates: those of a folder that the caller gives, at the first start of the new Windows.

Which updates a computer needs, a site knows.  Those of the folder are installed in the order of their names; what is
there already, or is for another Windows, is passed over.

Sources: Microsoft, "Windows Update Standalone Installer", "DISM Operating System Package Servicing Command-Line
Options"; "Windows Update error codes" for 0x00240006 (WU_S_ALREADY_INSTALLED) and 0x80240017 (WU_E_NOT_APPLICABLE),
winerror.h and cbs for 0x800F081E (CBS_E_NOT_APPLICABLE).
"""

from __future__ import annotations

from pathlib import Path

from osdimage.imaging.errors import InvalidRequest, Means, Remedy
from osdimage.imaging.tasksequence.computer.machine import Machine
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.inputs import Inputs, boolean, optional
from osdimage.imaging.tasksequence.result import ActionInfo, Already, RunIn, StepClass, VariableInfo
from osdimage.imaging.tasksequence.staging.commands import PACKAGES, checked_path
from osdimage.imaging.tasksequence.staging.several import Part, retries_of, several
from osdimage.imaging.tasksequence.staging.staged import SUCCESS, StagedCommand, StagedPackage
from osdimage.imaging.units import counted

VARIABLES: tuple[VariableInfo, ...] = (
    optional("SMSInstallUpdateTarget", "All or Mandatory; no effect: all of the folder are installed", source="CM07"),
    boolean("SMSTSSoftwareUpdateScanUseCache", "no effect here", source="CB"),
)
_PASSED = (2359302, -2145124329, -2146498530)
"""As ``%ERRORLEVEL%`` shows them."""
_MOST_UPDATES = 500


def updates_of(folder: Path) -> tuple[Path, ...]:
    """Return the updates in a folder, in the order of their names.

    Raises:
        InvalidRequest: when it is no folder, or has very many.
    """
    if not folder.is_dir():
        raise InvalidRequest(f"{folder} is no folder with updates of Windows")
    found = sorted(each for each in folder.iterdir() if each.suffix.lower() in {".msu", ".cab"} and each.is_file())
    if len(found) > _MOST_UPDATES:
        raise InvalidRequest(f"{folder} has {len(found)} updates; valid are {_MOST_UPDATES}")
    return tuple(found)


def holds_no_update(env: Environment, machine: Machine) -> Already | None:
    """Tell that the folder with updates has none."""
    del env
    folder = machine.supplies.updates
    return None if folder is None or updates_of(folder) else Already(f"there is no update in {folder}")


def stage_updates(env: Environment, machine: Machine) -> StagedCommand:
    """Return what the step becomes at the first start.

    Raises:
        InvalidRequest: when there is no folder with updates.
    """
    inputs = Inputs(env, VARIABLES)
    inputs.text("SMSInstallUpdateTarget")
    inputs.finish()
    folder = machine.supplies.updates
    if folder is None:
        raise InvalidRequest("it asks a site for updates", remedy=Remedy("give {}", (Means.UPDATES,)))
    return update_command(updates_of(folder), "updates", f"install {{}} of {folder}")


def update_command(updates: tuple[Path, ...], name: str, does: str) -> StagedCommand:
    """Return what installs updates, or packages of Windows, one after another.

    Args:
        updates: files that end with ``.msu`` or ``.cab``.
        name: of the folders that they are put into, which get a number.
        does: one sentence, with ``{}`` for how many they are.

    Raises:
        InvalidRequest: when a name is none that a batch file can hold.
    """
    packages = tuple(StagedPackage(f"{name}-{number}", each) for number, each in enumerate(updates, 1))
    parts = [Part(_lines(each), _PASSED) for each in packages]
    lines, files = several(parts)
    told = does.format(counted(len(updates), "update"))
    return StagedCommand(told, lines, SUCCESS, retries_of(parts), packages=packages, files=files)


def _lines(package: StagedPackage) -> tuple[str, ...]:
    path = rf"{PACKAGES}\{package.name}\{checked_path(package.path.name)}"
    if package.path.suffix.lower() == ".msu":
        return ("@echo off", rf'"%SystemRoot%\System32\wusa.exe" "{path}" /quiet /norestart')
    return (
        "@echo off",
        rf'"%SystemRoot%\System32\dism.exe" /online /add-package "/packagepath:{path}" /quiet /norestart',
    )


INFO = ActionInfo(
    type_name="SMS_TaskSequence_InstallUpdateAction",
    title="Install Software Updates",
    run=None,
    why_not="it runs in the new Windows",
    variables=VARIABLES,
    runs_in=RunIn.FULL_OS,
    step_class=StepClass.SITE,
    holds=holds_no_update,
    stage=stage_updates,
)
