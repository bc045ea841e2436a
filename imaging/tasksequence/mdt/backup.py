"""Backup (ZTIBackup): the image of a reference computer, where ``DoCapture`` asks for one.

The volumes of the disk with Windows go into a WIM, as with Capture Operating System Image: ``BackupShare`` is mapped to
a folder, ``BackupDir`` a folder in it, and ``BackupFile`` the WIM.  A backup of a computer before it is refreshed is
needless for a new one, and where ``ComputerBackupLocation`` is ``NONE``; elsewhere only the Windows that is refreshed
could make it.

Source: the properties ``DoCapture``, ``BackupShare``, ``BackupDir``, ``BackupFile`` and ``ComputerBackupLocation`` in
the property reference of MDT.
"""

from __future__ import annotations

from osdimage.imaging.tasksequence.computer.machine import Machine
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.failures import action, forecast
from osdimage.imaging.tasksequence.inputs import Inputs, optional, required
from osdimage.imaging.tasksequence.mdt.new_computer import is_new
from osdimage.imaging.tasksequence.result import (
    ActionInfo,
    ActionResult,
    Already,
    Events,
    Forecast,
    RunIn,
    VariableInfo,
)
from osdimage.imaging.tasksequence.steps.capture_os import (
    capture_operating_system_image,
    forecast_capture_operating_system_image,
)

VARIABLES: tuple[VariableInfo, ...] = (
    optional("DoCapture", "YES: the reference computer is captured", source="MDT"),
    required("BackupShare", "the share of the image, such as \\\\server\\share", source="MDT"),
    optional("BackupDir", "a folder in it", source="MDT"),
    required("BackupFile", "the WIM in that", source="MDT"),
    optional("ComputerBackupLocation", "NONE: a computer that is refreshed is not backed up", source="MDT"),
)


@action(VARIABLES)
def back_up_computer(env: Environment, machine: Machine, events: Events) -> ActionResult:
    """Capture the volumes of the disk with Windows into a WIM, which replaces one that is there.

    Raises:
        ActionFailed: as Capture Operating System Image.
    """
    with env.step_defaults(_capture(env)):
        return capture_operating_system_image(env, machine, events)


@forecast
def forecast_back_up_computer(env: Environment, machine: Machine) -> Forecast:
    """Tell what :func:`back_up_computer` would capture, and which file it would replace."""
    with env.step_defaults(_capture(env)):
        return forecast_capture_operating_system_image(env, machine)


def _capture(env: Environment) -> dict[str, str]:
    """Return the variables of Capture Operating System Image."""
    inputs = Inputs(env, VARIABLES)
    share, folder, file = (inputs.text(name) or "" for name in ("BackupShare", "BackupDir", "BackupFile"))
    inputs.finish()
    parts = [part.strip("\\") if number else part.rstrip("\\") for number, part in enumerate((share, folder, file))]
    return {"OSDCaptureDestination": "\\".join(filter(None, parts))}


def holds_backup(env: Environment, machine: Machine) -> Already | None:
    """Tell that nothing is to be captured or backed up."""
    del machine
    if _is_captured(env):
        return None
    if (env.text("ComputerBackupLocation") or "").upper() == "NONE":
        return Already("ComputerBackupLocation=NONE: nothing is backed up")
    return Already("a new computer has nothing that is backed up, and DoCapture is not YES") if is_new(env) else None


def refuse_old_computer(env: Environment, machine: Machine) -> str | None:
    """Return why a computer cannot be backed up before it is refreshed; None where a reference computer is captured."""
    del machine
    if _is_captured(env):
        return None
    return "a computer that is refreshed is backed up by its Windows; valid is ComputerBackupLocation=NONE"


def _is_captured(env: Environment) -> bool:
    return (env.text("DoCapture") or "").upper() == "YES"


INFO = ActionInfo(
    type_name="ZTIBackup",
    title="Backup",
    run=back_up_computer,
    forecast=forecast_back_up_computer,
    holds=holds_backup,
    refuses=refuse_old_computer,
    variables=VARIABLES,
    runs_in=RunIn.WINPE,
)
