"""Capture or Apply Network Settings, of MDT (ZTINicConfig).

In the phase STATECAPTURE it captures what the Windows on the computer has, which a new computer has not.  In any other
it applies ``OSDAdapterCount`` and what belongs to it, into the answer file of the Windows that was applied; MDT sets
them in the Windows when it has started, so that steps that wait for the first start find them already.

Source: "Capture Network Settings" and "Apply Network Settings" of the task sequence steps of MDT.
"""

from __future__ import annotations

from osdimage.imaging.tasksequence.codes import HResult
from osdimage.imaging.tasksequence.computer.machine import Machine
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.failures import action, forecast
from osdimage.imaging.tasksequence.mdt.new_computer import is_new
from osdimage.imaging.tasksequence.phases import FROM_PE
from osdimage.imaging.tasksequence.result import ActionInfo, ActionResult, Already, Events, Forecast
from osdimage.imaging.tasksequence.steps.answer_files import change_answer_file, rehearse_change
from osdimage.imaging.tasksequence.steps.apply_network import ADAPTERS, adapter_settings, described_adapters

_CAPTURING = "STATECAPTURE"


@action(ADAPTERS)
def configure_adapters(env: Environment, machine: Machine, events: Events) -> ActionResult:
    """Write the settings of network adapters into the answer file of the Windows that was applied.

    Raises:
        ActionFailed: E_INVALIDARG when a variable is wrong or no Windows was applied, or another code when the volume
            cannot be read or written.
    """
    settings = adapter_settings(env)
    path, unplaced = change_answer_file(env, machine, events, lambda answers: answers.set_network(settings))
    return ActionResult(HResult.S_OK, f"{described_adapters(settings)}: wrote to {path}", warnings=unplaced)


@forecast
def forecast_configure_adapters(env: Environment, machine: Machine) -> Forecast:
    """Tell whether the settings can be written."""
    settings = adapter_settings(env)
    rehearse_change(machine, lambda answers: answers.set_network(settings))
    return Forecast(f"write {described_adapters(settings)} to the answer file")


def holds_adapters(env: Environment, machine: Machine) -> Already | None:
    """Tell that there is nothing to capture, or nothing to apply."""
    del machine
    if _captures(env):
        return Already("a new computer has no network settings that are kept") if is_new(env) else None
    if (env.text("OSDAdapterCount") or "0").strip() == "0":
        return Already("OSDAdapterCount is not set: every adapter gets its addresses by itself")
    return None


def refuse_capturing(env: Environment, machine: Machine) -> str | None:
    """Return why nothing can be captured; None where settings are applied."""
    del machine
    return "it captures the network settings of the Windows that is refreshed" if _captures(env) else None


def _captures(env: Environment) -> bool:
    return (env.text("PHASE") or "").upper() == _CAPTURING


INFO = ActionInfo(
    type_name="ZTINicConfig",
    title="Capture or Apply Network Settings",
    run=configure_adapters,
    forecast=forecast_configure_adapters,
    holds=holds_adapters,
    refuses=refuse_capturing,
    variables=ADAPTERS,
    phases=FROM_PE,
)
