"""Convert Disk to Dynamic: not supported; nothing is changed, and the step fails with NOT_SUPPORTED (0x80070032)."""

from __future__ import annotations

from typing import NoReturn

from osdimage.imaging.disk.layouts.layout import MAX_DISK_INDEX
from osdimage.imaging.errors import ActionFailed
from osdimage.imaging.tasksequence.codes import HResult
from osdimage.imaging.tasksequence.computer.machine import Machine
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.failures import action, forecast
from osdimage.imaging.tasksequence.inputs import Inputs, required
from osdimage.imaging.tasksequence.result import ActionInfo, ActionResult, Events, Forecast, VariableInfo

VARIABLES: tuple[VariableInfo, ...] = (
    required("OSDConvertDiskIndex", "the number of the disk", numbers=(0, MAX_DISK_INDEX)),
)


@action(VARIABLES)
def convert_disk(env: Environment, machine: Machine, events: Events) -> ActionResult:
    """Refuse to make a disk dynamic.

    Raises:
        ActionFailed: E_INVALIDARG when the variable is wrong, otherwise NOT_SUPPORTED.
    """
    del events
    _refuse(env, machine)


@forecast
def forecast_convert_disk(env: Environment, machine: Machine) -> Forecast:
    """Tell that :func:`convert_disk` fails."""
    _refuse(env, machine)


def _refuse(env: Environment, machine: Machine) -> NoReturn:
    inputs = Inputs(env, VARIABLES)
    index = inputs.number("OSDConvertDiskIndex")
    inputs.finish()
    machine.disk(index or 0)
    raise ActionFailed(
        HResult.NOT_SUPPORTED,
        f"disk {index} was not changed: osdimage does not make dynamic disks; disable the step, or use basic disks",
    )


INFO = ActionInfo(
    type_name="SMS_TaskSequence_ConvertDiskAction",
    title="Convert Disk to Dynamic",
    run=convert_disk,
    forecast=forecast_convert_disk,
    variables=VARIABLES,
    destroys="nothing: it is not supported, and fails",
)
