"""Capture or Apply Network Settings, of MDT (ZTINicConfig).

In the phase STATECAPTURE it captures what the Windows on the computer has, as Capture Network Settings does, which a
new computer has not.  In any other it applies ``OSDAdapterCount`` and what belongs to it, into the answer file of the
Windows that was applied; MDT sets them in the Windows when it has started, so that steps that wait for the first start
find them already.

Source: "Capture Network Settings" and "Apply Network Settings" of the task sequence steps of MDT.
"""

from __future__ import annotations

from osdimage.imaging.tasksequence.capturing.capture_network import captured, refuses_in_windows_pe
from osdimage.imaging.tasksequence.codes import HResult
from osdimage.imaging.tasksequence.computer.machine import Machine
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.failures import action, forecast
from osdimage.imaging.tasksequence.mdt.new_computer import is_new
from osdimage.imaging.tasksequence.phases import EVERYWHERE, Phase
from osdimage.imaging.tasksequence.result import ActionInfo, ActionResult, Already, Events, Forecast, Refusal
from osdimage.imaging.tasksequence.steps.answer_files import change_answer_file, rehearse_change
from osdimage.imaging.tasksequence.steps.apply_network import ADAPTERS, adapter_settings, described_adapters

_CAPTURING = "STATECAPTURE"


@action(ADAPTERS)
def configure_adapters(env: Environment, machine: Machine, events: Events) -> ActionResult:
    """Write the settings of network adapters into the answer file of the Windows that was applied, or capture them.

    Raises:
        ActionFailed: E_INVALIDARG when a variable is wrong or no Windows was applied, or another code when the volume
            cannot be read or written.
    """
    if _captures(env):
        return captured(env, machine, adapters=True, membership=False).result(events)
    settings = adapter_settings(env)
    path, unplaced = change_answer_file(env, machine, events, lambda answers: answers.set_network(settings))
    return ActionResult(HResult.S_OK, f"{described_adapters(settings)}: wrote to {path}", warnings=unplaced)


@forecast
def forecast_configure_adapters(env: Environment, machine: Machine) -> Forecast:
    """Tell what would be captured, or whether the settings can be written."""
    if _captures(env):
        return captured(env, machine, adapters=True, membership=False).forecast()
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


def refuse_elsewhere(env: Environment, machine: Machine) -> Refusal | None:
    """Tell why adapters are not captured where that Windows does not run, nor set up before there is another one."""
    if _captures(env):
        return refuses_in_windows_pe(env, machine)
    return Refusal("it sets up the adapters of the new Windows") if machine.phase is Phase.OLD else None


def _captures(env: Environment) -> bool:
    return (env.text("PHASE") or "").upper() == _CAPTURING


INFO = ActionInfo(
    type_name="ZTINicConfig",
    title="Capture or Apply Network Settings",
    run=configure_adapters,
    forecast=forecast_configure_adapters,
    holds=holds_adapters,
    refuses=refuse_elsewhere,
    variables=ADAPTERS,
    phases=EVERYWHERE,
)
