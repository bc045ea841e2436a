"""Run Command Line: what is recognized in Windows PE is done on the disks; in the new Windows it waits."""

from __future__ import annotations

from osdimage.imaging.tasksequence.computer.machine import Machine
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.failures import action, forecast
from osdimage.imaging.tasksequence.result import ActionInfo, ActionResult, Events, Forecast
from osdimage.imaging.tasksequence.staging.run_command_line import VARIABLES, stage_command_line
from osdimage.imaging.tasksequence.winpe.at_work import forecast_in_pe, needless_in_pe, refused_in_pe, run_in_pe


@action(VARIABLES)
def run_command_line(env: Environment, machine: Machine, events: Events) -> ActionResult:
    """Do what a command line of Windows PE would do on the disks, and end with its exit code.

    Raises:
        ActionFailed: E_INVALIDARG when it is not recognized, or another code when something cannot be read or written.
    """
    return run_in_pe(env, machine, events)


@forecast
def forecast_run_command_line(env: Environment, machine: Machine) -> Forecast:
    """Tell what :func:`run_command_line` would change, and what would be lost."""
    return forecast_in_pe(env, machine)


INFO = ActionInfo(
    type_name="SMS_TaskSequence_RunCommandLineAction",
    title="Run Command Line",
    run=run_command_line,
    why_not="it runs a program of Windows",
    forecast=forecast_run_command_line,
    holds=needless_in_pe,
    refuses=refused_in_pe,
    stage=stage_command_line,
    package_properties=("PackageID",),
    variables=VARIABLES,
    destroys="what the command line removes or replaces",
)
