"""Gather: the facts about the computer, as MDT's ZTIGather finds them.

Set is what is known where no Windows runs: ``IsUEFI``, ``OSVersion``, ``IsServerOS``, ``IsServerCoreOS``; see
``judging/facts.py``.  Facts that the caller set stay.  The rules of ``CustomSettings.ini`` are not read: a step that
processes them, with ``GatherLocalOnly`` other than ``true``, cannot be run here.
"""

from __future__ import annotations

from osdimage.imaging.tasksequence.codes import HResult
from osdimage.imaging.tasksequence.computer.machine import Machine
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.failures import action, forecast
from osdimage.imaging.tasksequence.inputs import boolean, optional, output
from osdimage.imaging.tasksequence.judging.facts import UNKNOWN, known_facts, set_missing
from osdimage.imaging.tasksequence.phases import EVERYWHERE
from osdimage.imaging.tasksequence.result import ActionInfo, ActionResult, Events, Forecast, LogType, VariableInfo

VARIABLES: tuple[VariableInfo, ...] = (
    boolean("GatherLocalOnly", "gather facts, and process no rules; valid here is true", source="MDT"),
    optional("RulesFile", "not read: the file of rules", source="MDT"),
    output("IsUEFI", "True or False: whether the computer starts by UEFI", source="MDT"),
    output("OSVersion", "WinPE", source="MDT"),
    output("IsServerOS", "False: what runs is Windows PE", source="MDT"),
    output("IsServerCoreOS", "False: what runs is Windows PE", source="MDT"),
)


@action(VARIABLES)
def gather_facts(env: Environment, machine: Machine, events: Events) -> ActionResult:
    """Set what is known of the computer."""
    made = set_missing(env, known_facts(machine))
    events.log(LogType.INFO, f"not known where no Windows runs: {', '.join(UNKNOWN)}")
    return ActionResult(HResult.S_OK, _told(env), outputs=made)


@forecast
def forecast_gather(env: Environment, machine: Machine) -> Forecast:
    """Set the facts in the copy of the environment that forecasts are made with."""
    set_missing(env, known_facts(machine))
    return Forecast(f"gather {_told(env)}; what only a running Windows finds out stays unset")


def _told(env: Environment) -> str:
    names = [each.name for each in VARIABLES if each.needs is each.needs.OUTPUT]
    return ", ".join(f"{name}={env.get(name) or ''}" for name in names)


def refuse_rules(env: Environment, machine: Machine) -> str | None:
    """Return why a step cannot be run that processes rules; None for one that gathers facts alone."""
    del machine
    if (env.text("GatherLocalOnly") or "true").lower() == "true":
        return None
    return "it processes rules (GatherLocalOnly is not true), and CustomSettings.ini is not read; set its variables"


INFO = ActionInfo(
    type_name="BDD_Gather",
    title="Gather",
    run=gather_facts,
    forecast=forecast_gather,
    other_types=("ZTIGather", "PSDGather"),
    variables=VARIABLES,
    phases=EVERYWHERE,
    refuses=refuse_rules,
)
