r"""Set Dynamic Variables: variables by rules, each with a condition on the computer or on other variables.

Rules are XML in ``OSDSetDynamicVariablesRules``: ``<Rules><Rule><condition>...</condition><Variables><Variable
Name="A" IsSecret="false">value</Variable></Variables></Rule></Rules>``; a rule without a condition always holds, and of
several that set one variable the last one counts.  What the computer is, facts tell: a rule of which nobody knows
whether it holds refuses the step.  A secret value is not in an export; its variable must be set otherwise.

Sources: "Set Dynamic Variables" of the task sequence steps of Configuration Manager, and an export (shape).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from osdimage.imaging.element import Element, read_element
from osdimage.imaging.errors import ActionFailed, InvalidInput, InvalidRequest, Means, Remedy, quoted
from osdimage.imaging.tasksequence.codes import HResult
from osdimage.imaging.tasksequence.computer.machine import Machine
from osdimage.imaging.tasksequence.conditions import Ask, Condition, Verdict, evaluate, read_condition
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.facts.identity import identity_variables
from osdimage.imaging.tasksequence.facts.known import ask_of, facts_of
from osdimage.imaging.tasksequence.failures import action, forecast
from osdimage.imaging.tasksequence.inputs import optional, output
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

_DECLARATION = re.compile(r"^\s*<\?xml\s[^>]{0,300}\?>", re.ASCII)
_RULES = "OSDSetDynamicVariablesRules"
_FACTS = ("Make", "Model", "MacAddresses", "IPAddresses", "SerialNumber", "AssetTag", "UUID", "DefaultGateways")

VARIABLES: tuple[VariableInfo, ...] = (
    optional(_RULES, "the rules, as XML", source="CB"),
    *(output(f"_SMSTS{name}", "of the computer, where facts tell it", source="CB") for name in _FACTS),
)


@dataclass(frozen=True, slots=True)
class DynamicVariable:
    """A variable that a rule sets.

    Attributes:
        name: of it.
        value: the value, with its ``%NAME%``.
        is_secret: whether it must not be shown; the value is empty then in an export.
    """

    name: str
    value: str
    is_secret: bool


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule.

    Attributes:
        condition: when it holds.
        variables: what it sets then.
    """

    condition: Condition
    variables: tuple[DynamicVariable, ...]


class _NotKnown(Exception):
    """Nobody knows whether a rule holds, or what the value of a secret variable is."""

    def __init__(self, reason: str, remedy: Remedy | None) -> None:
        super().__init__(reason)
        self.remedy = remedy


def read_rules(text: str) -> tuple[Rule, ...]:
    """Read rules.

    Raises:
        InvalidInput: when they are not XML, or hold something else.
    """
    if not text.strip():
        return ()
    # The text is not encoded any more as its declaration says.
    root = read_element(_DECLARATION.sub("", text).encode(), source=_RULES)
    if root.tag.lower() != "rules":
        raise InvalidInput(f"{_RULES}: its element is <{root.tag}>; expected is <Rules>")
    return tuple(_rule(each) for each in root.children)


def _rule(element: Element) -> Rule:
    if element.tag.lower() != "rule":
        raise InvalidInput(f"{_RULES}: <{element.tag}> among the rules; expected is <Rule>")
    for each in element.children:
        if each.tag.lower() not in {"condition", "variables"}:
            raise InvalidInput(f"{_RULES}: <{each.tag}> in a rule; expected are <condition> and <Variables>")
    conditions = [each for each in element.children if each.tag.lower() == "condition"]
    lists = [each for each in element.children if each.tag.lower() == "variables"]
    return Rule(read_condition(conditions), tuple(_variable(each) for some in lists for each in some.children))


def _variable(element: Element) -> DynamicVariable:
    name = _attribute(element, "Name")
    if element.tag.lower() != "variable" or not name:
        raise InvalidInput(f"{_RULES}: <{element.tag}> without a name; expected is <Variable Name=...>")
    return DynamicVariable(name, element.text, (_attribute(element, "IsSecret") or "").lower() == "true")


def _attribute(element: Element, name: str) -> str | None:
    return element.get(name) or element.get(name.lower())


@action(VARIABLES)
def set_dynamic_variables(env: Environment, machine: Machine, events: Events) -> ActionResult:
    """Set the variables of the rules that hold, and those that tell the computer.

    Raises:
        ActionFailed: NOT_SUPPORTED when nobody knows whether a rule holds, INVALID_DATA when the rules are damaged,
            E_ACCESSDENIED when a variable is read-only, E_INVALIDARG when a name or a value breaks the rules.
    """
    made = []
    for name in _set(env, machine):
        made.append(name)
        events.log(LogType.INFO, f"set {name} to {quoted(env.shown_value(name)) if name in env else 'nothing'}")
    return ActionResult(HResult.S_OK, _told(made), outputs=tuple(made))


@forecast
def forecast_dynamic_variables(env: Environment, machine: Machine) -> Forecast:
    """Set the variables in the copy of the environment that forecasts are made with."""
    return Forecast(_told(list(_set(env, machine))))


def _told(names: list[str]) -> str:
    return f"set {', '.join(dict.fromkeys(names))}" if names else "set no variable: no rule holds"


def _set(env: Environment, machine: Machine) -> Iterator[str]:
    try:
        yield from _carried_out(env, machine)
    except _NotKnown as error:
        raise ActionFailed(HResult.NOT_SUPPORTED, str(error)) from error


def _carried_out(env: Environment, machine: Machine) -> Iterator[str]:
    """Set variables, one after the other, and yield their names."""
    rules, ask = read_rules(env.get(_RULES) or ""), ask_of(machine)
    for name, value in identity_variables(facts_of(machine)).items():
        env.set_read_only(name, value)
    for number, rule in enumerate(rules, 1):
        verdict = _verdict(rule, env, machine, ask)
        if not verdict.is_known:
            raise _NotKnown(f"rule {number}: {verdict.reason}", verdict.remedy)
        for each in rule.variables if verdict.holds else ():
            if each.is_secret and not each.value:
                if each.name not in env:
                    remedy = Remedy("tell it with {}", (Means.VARIABLE,), (each.name,))
                    raise _NotKnown(
                        f"rule {number} sets {each.name}, whose secret value is not in the sequence", remedy
                    )
                env.hide(each.name)
                continue
            if each.is_secret:
                env.hide(each.name)
            env[each.name] = env.expand(each.value)
            yield each.name


def _verdict(rule: Rule, env: Environment, machine: Machine, ask: Ask) -> Verdict:
    def doubt(name: str) -> str | None:
        return f"{name}, which the first start of Windows sets" if name in machine.unsure else None

    return evaluate(rule.condition, env, doubt, ask)


def refuse_unknown_rules(env: Environment, machine: Machine) -> Refusal | None:
    """Return why a rule cannot be decided; None when all can."""
    copy = env.copy()
    rules = env.get(_RULES)
    try:
        with copy.step_defaults({} if rules is None else {_RULES: rules}):
            for _ in _carried_out(copy, machine):
                pass
    except _NotKnown as error:
        return Refusal(str(error), error.remedy)
    except (InvalidInput, InvalidRequest):
        # What is wrong with the rules, the forecast tells.
        return None
    return None


INFO = ActionInfo(
    type_name="SMS_TaskSequence_SetDynamicVariablesAction",
    title="Set Dynamic Variables",
    run=set_dynamic_variables,
    forecast=forecast_dynamic_variables,
    variables=VARIABLES,
    phases=EVERYWHERE,
    refuses=refuse_unknown_rules,
)
