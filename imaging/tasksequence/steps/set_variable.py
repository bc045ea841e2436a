"""Set Task Sequence Variable.

The value overrides every other one from here on; an empty value deletes the variable.  A name that begins with ``_`` is
refused with E_ACCESSDENIED: the engine alone sets those.

Where the value, or whether the step runs, hangs on steps that wait for the first start of the new Windows, the variable
is set there.
"""

from __future__ import annotations

from osdimage.imaging.errors import quoted
from osdimage.imaging.tasksequence.codes import HResult
from osdimage.imaging.tasksequence.computer.machine import Machine
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.failures import action, forecast
from osdimage.imaging.tasksequence.inputs import Inputs, boolean, optional, required
from osdimage.imaging.tasksequence.layers import check_settable
from osdimage.imaging.tasksequence.phases import EVERYWHERE
from osdimage.imaging.tasksequence.result import ActionInfo, ActionResult, Events, Forecast, VariableInfo
from osdimage.imaging.tasksequence.staging.commands import setting_lines
from osdimage.imaging.tasksequence.staging.staged import StagedCommand

VARIABLES: tuple[VariableInfo, ...] = (
    required("VariableName", "a letter, then letters, digits, _ and -", max_length=256, is_property=True),
    optional("VariableValue", "the value; without it the variable is deleted", max_length=4000, is_property=True),
    boolean("DoNotShowVariableValue", "treat the value as secret", default=False, is_property=True, source="SDK"),
)


@action(VARIABLES)
def set_variable(env: Environment, machine: Machine, events: Events) -> ActionResult:
    """Set a variable of the task sequence.

    Raises:
        ActionFailed: E_ACCESSDENIED when it is read-only, E_INVALIDARG when the name or the value breaks the rules.
    """
    del machine, events
    name, value = _set(env)
    done = f"set {name} to {quoted(env.shown_value(name))}" if value else f"deleted {name}"
    return ActionResult(HResult.S_OK, done, outputs=(name,))


@forecast
def forecast_set_variable(env: Environment, machine: Machine) -> Forecast:
    """Set the variable in the copy of the environment that forecasts are made with."""
    del machine
    name, value = _set(env)
    return Forecast(f"set {name} to {quoted(env.shown_value(name))}" if value else f"delete {name}")


def stage_set_variable(env: Environment, machine: Machine) -> StagedCommand:
    """Return what sets the variable at the first start, for the steps after it.

    Raises:
        ReadOnlyVariable: when the engine alone sets it.
        InvalidRequest: when the name or the value breaks the rules, or no batch file can hold the value.
    """
    name, value, is_hidden = _read(env)
    check_settable(name)
    if is_hidden and value:
        env.keep_secret(value)
    lines = setting_lines(name, value, machine.unsure)
    return StagedCommand(f"set {name} to {quoted(value)}" if value else f"delete {name}", lines, sets=(name,))


def _set(env: Environment) -> tuple[str, str]:
    name, value, is_hidden = _read(env)
    if is_hidden:
        env.hide(name)
    env[name] = value
    return name, value


def _read(env: Environment) -> tuple[str, str, bool]:
    inputs = Inputs(env, VARIABLES)
    name, value = inputs.text("VariableName") or "", inputs.text("VariableValue") or ""
    is_hidden = inputs.boolean("DoNotShowVariableValue")
    inputs.finish()
    return name, value, bool(is_hidden)


INFO = ActionInfo(
    type_name="SMS_TaskSequence_SetVariableAction",
    title="Set Task Sequence Variable",
    run=set_variable,
    forecast=forecast_set_variable,
    variables=VARIABLES,
    phases=EVERYWHERE,
    stage=stage_set_variable,
)
