r"""Capture Windows Settings.

The settings are read from the Windows that is on the disk (:mod:`~osdimage.imaging.tasksequence.computer.old_windows`),
and become the variables that Apply Windows Settings takes: what is captured wins over the defaults of that step.  What
that Windows does not have, such as an organization, is not set.

Sources: "Capture Windows Settings" and "Apply Windows Settings" of Operating System Deployment in Configuration Manager
2007: the second says that the registered user is captured with the organization.
"""

from __future__ import annotations

from osdimage.imaging.drivers.offline.windows import OfflineWindows
from osdimage.imaging.errors import InvalidInput
from osdimage.imaging.files import FileSource
from osdimage.imaging.registry.lookup import text_of
from osdimage.imaging.tasksequence.capturing.storing import Stored, store
from osdimage.imaging.tasksequence.capturing.time_zone import time_zone_of
from osdimage.imaging.tasksequence.codes import HResult
from osdimage.imaging.tasksequence.computer.machine import Machine
from osdimage.imaging.tasksequence.computer.old_windows import DETECTED_DRIVE, opened_old_windows
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.failures import action, forecast
from osdimage.imaging.tasksequence.inputs import Inputs, boolean, output
from osdimage.imaging.tasksequence.phases import BEFORE_NEW
from osdimage.imaging.tasksequence.result import (
    ActionInfo,
    ActionResult,
    Events,
    Forecast,
    LogType,
    RunIn,
    VariableInfo,
)

_NAME, _REGISTRATION, _ZONE = "OSDMigrateComputerName", "OSDMigrateRegistrationInfo", "OSDMigrateTimeZone"
_COMPUTER_NAME = r"Control\ComputerName\ComputerName"
_CURRENT_VERSION = r"Microsoft\Windows NT\CurrentVersion"

VARIABLES: tuple[VariableInfo, ...] = (
    boolean(_NAME, "capture the name of the computer", default=True),
    boolean(_REGISTRATION, "capture registered user and organization", default=True),
    boolean(_ZONE, "capture the time zone", default=True),
    output("OSDComputerName", "the name of the computer", source="CB"),
    output("OSDRegisteredUserName", "the registered user, if there is one"),
    output("OSDRegisteredOrgName", "the registered organization, if there is one", source="CB"),
    output("OSDTimeZone", "the time zone", source="CB"),
)


@action(VARIABLES)
def capture_windows_settings(env: Environment, machine: Machine, events: Events) -> ActionResult:
    """Set variables as the settings of the Windows that is on the disk; nothing is written.

    Raises:
        ActionFailed: E_INVALIDARG when a variable is wrong or there is no such Windows, INVALID_DATA when its registry
            does not tell what is asked for, or another code when it cannot be read.
    """
    where, stored = _capture(env, machine)
    for text in stored.details:
        events.log(LogType.INFO, text)
    told = ", ".join(stored.names) or "nothing"
    return ActionResult(HResult.S_OK, f"captured from {where}: {told}", outputs=stored.names, warnings=stored.warnings)


@forecast
def forecast_capture_windows_settings(env: Environment, machine: Machine) -> Forecast:
    """Tell what would be captured; later steps are forecast with it."""
    where, stored = _capture(env, machine)
    return Forecast(f"capture settings of {where}", warnings=stored.warnings, details=stored.details)


def _capture(env: Environment, machine: Machine) -> tuple[str, Stored]:
    inputs = Inputs(env, VARIABLES)
    wanted = [name for name in (_NAME, _REGISTRATION, _ZONE) if inputs.boolean(name)]
    inputs.finish()
    with opened_old_windows(machine, env.get(DETECTED_DRIVE)) as (files, windows):
        values: dict[str, str] = {}
        if _NAME in wanted:
            values["OSDComputerName"] = computer_name_of(windows)
        if _REGISTRATION in wanted:
            values |= _registration(windows)
        if _ZONE in wanted:
            values["OSDTimeZone"] = time_zone_of(windows)
        return where_it_is(files, windows), store(env, values)


def where_it_is(files: FileSource, windows: OfflineWindows) -> str:
    """Say of which Windows something is."""
    return f"Windows {windows.os} on {files.name}"


def computer_name_of(windows: OfflineWindows) -> str:
    """Return the NetBIOS name of the computer of a Windows.

    Raises:
        InvalidInput: when its registry does not tell it.
    """
    # The default value of the key is another word, "mnmsrvc", in every Windows.
    name = text_of(windows.system.root.find(rf"{windows.control_set}\{_COMPUTER_NAME}"), "ComputerName")
    if not name:
        raise InvalidInput(rf"{windows.name}: its registry does not tell the name of the computer ({_COMPUTER_NAME})")
    return name


def _registration(windows: OfflineWindows) -> dict[str, str]:
    key = None if windows.software is None else windows.software.root.find(_CURRENT_VERSION)
    told = {
        "OSDRegisteredUserName": text_of(key, "RegisteredOwner"),
        "OSDRegisteredOrgName": text_of(key, "RegisteredOrganization"),
    }
    return {name: value.strip() for name, value in told.items() if value is not None and value.strip()}


INFO = ActionInfo(
    type_name="SMS_TaskSequence_CaptureWindowsSettingsAction",
    title="Capture Windows Settings",
    run=capture_windows_settings,
    forecast=forecast_capture_windows_settings,
    variables=VARIABLES,
    runs_in=RunIn.BOTH,
    phases=BEFORE_NEW,
    why_not="the new Windows has the settings that it was given",
)
