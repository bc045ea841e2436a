"""Gather: the facts about the computer, as MDT's ZTIGather finds them, and its rules.

The facts are those that the caller gives and that the firmware and the Windows that runs tell; see ``local.py``.  Facts
that the caller set as variables stay.  Rules count when ``GatherLocalOnly`` is not ``true``; see ``rules.py``.
"""

from __future__ import annotations

from osdimage.imaging.errors import InvalidRequest
from osdimage.imaging.tasksequence.codes import HResult
from osdimage.imaging.tasksequence.computer.machine import Machine
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.failures import action, forecast
from osdimage.imaging.tasksequence.inputs import boolean, optional, output
from osdimage.imaging.tasksequence.judging.facts import UNKNOWN, set_missing
from osdimage.imaging.tasksequence.layers import Origin
from osdimage.imaging.tasksequence.mdt import local
from osdimage.imaging.tasksequence.mdt.lite_touch import follow, needed_rules, work_out_rules
from osdimage.imaging.tasksequence.phases import EVERYWHERE
from osdimage.imaging.tasksequence.result import (
    ActionInfo,
    ActionResult,
    Events,
    Forecast,
    LogType,
    Refusal,
    VariableInfo,
)

_MDT = "MDT"

VARIABLES: tuple[VariableInfo, ...] = (
    boolean("GatherLocalOnly", "gather facts, and process no rules", default=True, source=_MDT),
    optional("RulesFile", "the file of rules in the deployment share", default="CustomSettings.ini", source=_MDT),
    output("IsUEFI", "True or False: whether the computer starts by UEFI", source=_MDT),
    output("OSVersion", "WinPE; not set where another Windows runs", source=_MDT),
    output("IsServerOS", "True or False: whether what runs is a Windows Server", source=_MDT),
    output("IsServerCoreOS", "False in Windows PE; else not set", source=_MDT),
    output("OSCurrentVersion", "the version of the Windows that runs; not set in Windows PE", source=_MDT),
    output("OSCurrentBuild", "its build", source=_MDT),
    output("Make", "the maker of the computer, by facts as all below", source=_MDT),
    output("Model", "its model", source=_MDT),
    output("Product", "its main board", source=_MDT),
    output("SerialNumber", "its serial number", source=_MDT),
    output("AssetTag", "its asset tag", source=_MDT),
    output("UUID", "its UUID", source=_MDT),
    output("Memory", "its memory in MB", source=_MDT),
    output("ProcessorSpeed", "the speed of its processor in MHz", source=_MDT),
    output("Architecture", "X86, X64 or ARM64", source=_MDT),
    output("IsLaptop", "True or False, by the kind of its case", source=_MDT),
    output("IsDesktop", "the same", source=_MDT),
    output("IsServer", "the same", source=_MDT),
    output("IsVM", "True or False: whether it is a virtual machine", source=_MDT),
    output("IsOnBattery", "True or False: whether it runs on a battery", source=_MDT),
    output("IPAddress001", "its addresses, and so on with IPAddress002", source=_MDT),
    output("MACAddress001", "the addresses of its adapters, and so on with MACAddress002", source=_MDT),
    output("DefaultGateway001", "its default gateways, and so on with DefaultGateway002", source=_MDT),
)


@action(VARIABLES)
def gather_facts(env: Environment, machine: Machine, events: Events) -> ActionResult:
    """Set what is known of the computer, and what rules come to for it.

    Raises:
        ActionFailed: E_INVALIDARG when rules are not there or ask what cannot be answered here, INVALID_DATA when they
            or the facts are damaged, or another code when they cannot be read.
    """
    made = _gather(env, machine)
    unknown = [name for name in UNKNOWN if name not in env and f"{name}001" not in env]
    events.log(LogType.INFO, f"not known of the computer: {', '.join(unknown)}")
    does, warnings, ruled = _follow(env, machine)
    return ActionResult(HResult.S_OK, f"gathered {_told(env)}{does}", outputs=(*made, *ruled), warnings=warnings)


@forecast
def forecast_gather(env: Environment, machine: Machine) -> Forecast:
    """Set the same in the copy of the environment that forecasts are made with."""
    _gather(env, machine)
    does, warnings, _ = _follow(env, machine)
    return Forecast(f"gather {_told(env)}{does}; what nobody told stays unset", warnings=warnings)


def _gather(env: Environment, machine: Machine) -> tuple[str, ...]:
    now = local.running(machine)
    for name in local.RUNNING:
        # What was gathered in another Windows is not of this one; what the caller set is.
        if env.origin(name) is Origin.SET:
            env[name] = now.get(name, "")
    return set_missing(env, now | local.hardware(machine))


def _follow(env: Environment, machine: Machine) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    """Let rules count where they do; return what that did, in words, the warnings, and the names of the variables."""
    if _is_local(env):
        return "", (), ()
    rules = work_out_rules(env, needed_rules(machine, env.text("RulesFile") or ""))
    names = follow(env, machine, rules)
    sections = ", ".join(f"[{each}]" for each in rules.outcome.sections) or "none"
    return f", and what sections of {rules.path} set: {sections}", rules.outcome.warnings, names


def _is_local(env: Environment) -> bool:
    return (env.text("GatherLocalOnly") or "true").lower() == "true"


def _told(env: Environment) -> str:
    names = [each.name for each in VARIABLES if each.needs is each.needs.OUTPUT]
    return ", ".join(f"{name}={env.get(name)}" for name in names if name in env)


def refuse_rules(env: Environment, machine: Machine) -> Refusal | None:
    """Return why a step cannot be run that processes rules; None for one that can, or gathers facts alone."""
    if _is_local(env):
        return None
    copy = env.copy()
    try:
        _gather(copy, machine)
        work_out_rules(copy, needed_rules(machine, env.text("RulesFile") or ""))
    except InvalidRequest as error:
        return Refusal(error.said, error.remedy)
    return None


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
