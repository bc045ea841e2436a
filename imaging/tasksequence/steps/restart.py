"""Restart Computer: recorded, for the runner to act on.  There must be a formatted volume, or the sequence is lost."""

from __future__ import annotations

import re

from osdimage.imaging.errors import ActionFailed, quoted
from osdimage.imaging.tasksequence.codes import HResult
from osdimage.imaging.tasksequence.computer.machine import Machine
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.failures import action, forecast
from osdimage.imaging.tasksequence.inputs import Inputs, optional
from osdimage.imaging.tasksequence.judging.restarts import means_new_windows
from osdimage.imaging.tasksequence.phases import BEFORE_NEW, Phase, RestartTarget
from osdimage.imaging.tasksequence.result import (
    ActionInfo,
    ActionResult,
    Events,
    Forecast,
    LogType,
    VariableInfo,
)
from osdimage.imaging.tasksequence.staging.staged import StagedCommand

VARIABLES: tuple[VariableInfo, ...] = (
    optional(
        "Target",
        "WinPE, or HD for the Windows on the disk",
        default="HD",
        choices=("WinPE", "HD"),
        is_property=True,
        source="SDK",
    ),
    optional("SMSRebootMessage", "what users are told", max_length=512),
    optional("SMSRebootTimeout", "seconds for which they are told", default="0", numbers=(0, 0xFFFFFFFF)),
)


_INTO_PE = re.compile(r"/target:winpe\b", re.IGNORECASE)
"""What the command line of every restart of MDT holds, whose property is empty: true of that from the old Windows."""


@action(VARIABLES)
def restart_computer(env: Environment, machine: Machine, events: Events) -> ActionResult:
    """Ask for a restart after this step.

    Raises:
        ActionFailed: E_INVALIDARG when a variable is wrong, E_FAIL when no disk has a formatted volume.
    """
    target, message, seconds = _request(env, machine)
    if not any(volume.is_ordinary for volume in machine.volumes()):
        raise ActionFailed(
            HResult.E_FAIL, "no disk has a formatted volume, where a task sequence keeps itself during a restart"
        )
    said = f", after {seconds} seconds with the message {quoted(message)}" if message and seconds else ""
    events.log(LogType.INFO, f"restart into {target} requested{said}")
    return ActionResult(HResult.S_OK, f"restart into {target} requested{said}", restart=target)


@forecast
def forecast_restart_computer(env: Environment, machine: Machine) -> Forecast:
    """Tell into what the computer would restart."""
    target = _request(env, machine)[0]
    return Forecast(f"restart into {target}", restart=target)


def stage_restart(env: Environment, machine: Machine) -> StagedCommand:
    """Return the restart of the new Windows, after which its first start goes on."""
    _request(env, machine)
    return StagedCommand("restart the computer", ("exit /b 0",), restarts=True)


def _request(env: Environment, machine: Machine) -> tuple[RestartTarget, str | None, int]:
    inputs = Inputs(env, VARIABLES)
    target = inputs.parsed("Target", RestartTarget)
    given, line = env.properties.get("Target"), env.properties.get("CommandLine") or ""
    if not given and machine.phase is Phase.OLD and _INTO_PE.search(line) is not None:
        target = RestartTarget.WINPE
    message, seconds = inputs.text("SMSRebootMessage"), inputs.number("SMSRebootTimeout")
    inputs.finish()
    return target or RestartTarget.HARD_DISK, message, seconds or 0


def _leaves_windows(env: Environment) -> bool:
    """Tell whether it goes into Windows PE: what follows works on the disk of a Windows that was started."""
    target = (env.properties.get("Target") or "").lower()
    return target == RestartTarget.WINPE.value.lower() and not means_new_windows(env)


INFO = ActionInfo(
    type_name="SMS_TaskSequence_RebootAction",
    title="Restart Computer",
    run=restart_computer,
    forecast=forecast_restart_computer,
    phases=BEFORE_NEW,
    pauses=_leaves_windows,
    stage=stage_restart,
    variables=VARIABLES,
)
