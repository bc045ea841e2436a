"""Set Task Sequence Variable.

The value overrides every other one from here on; an empty value deletes the variable.  A name that begins with ``_`` is
refused with E_ACCESSDENIED: the engine alone sets those.
"""

from __future__ import annotations

from osdimage.imaging.errors import quoted
from osdimage.imaging.tasksequence.codes import HResult
from osdimage.imaging.tasksequence.computer.machine import Machine
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.failures import action, forecast
from osdimage.imaging.tasksequence.inputs import Inputs, boolean, optional, required
from osdimage.imaging.tasksequence.phases import EVERYWHERE
from osdimage.imaging.tasksequence.result import ActionInfo, ActionResult, Events, Forecast, VariableInfo

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


def _set(env: Environment) -> tuple[str, str]:
    inputs = Inputs(env, VARIABLES)
    name, value = inputs.text("VariableName") or "", inputs.text("VariableValue") or ""
    is_hidden = inputs.boolean("DoNotShowVariableValue")
    inputs.finish()
    if is_hidden:
        env.hide(name)
    env[name] = value
    return name, value


INFO = ActionInfo(
    type_name="SMS_TaskSequence_SetVariableAction",
    title="Set Task Sequence Variable",
    run=set_variable,
    forecast=forecast_set_variable,
    variables=VARIABLES,
    phases=EVERYWHERE,
)
