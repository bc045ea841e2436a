"""Conditions of groups and steps: reading them, and finding out whether they hold.

Model: a tree with three answers.  Yes and no are known; what osdimage cannot find out (a query of WMI, a file of a
running Windows, an operator that it does not know) is unknown, ``not`` keeps it unknown, and a condition whose answer
is unknown does not hold: the step does not run, and the reason is told.

Sources: SMS_TaskSequence_VariableConditionExpression, ...OSConditionGroup and ...OSExpressionGroup of the SDK
(operators), exports of ConfigMgr and MDT (shape).
Chosen here, since no source says it: several expressions side by side must all hold; text is compared without case;
less and greater compare whole numbers as numbers, anything else as text; a variable that is not set equals the empty
text and is neither less nor greater than anything; ``%NAME%`` in the value is replaced.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from osdimage.imaging.element import Comment, Element, make
from osdimage.imaging.errors import InvalidRequest, Means, Remedy, quoted
from osdimage.imaging.tasksequence.environment import Environment, names_in
from osdimage.imaging.tasksequence.layers import Properties
from osdimage.imaging.tasksequence.result import StepClass

VARIABLE_EXPRESSION = "SMS_TaskSequence_VariableConditionExpression"
LAST_ACTION = frozenset({"_smstslastactionsucceeded", "_smstslastactionretcode"})
"""The variables that tell how the last action ended, in lower case."""
_Ordered = TypeVar("_Ordered", str, int, tuple[int, ...])
TELLING_FACTS = Remedy("{} tells what the computer is", (Means.FACTS,))
"""What lets a question about the computer be answered."""
_INTEGER = re.compile(r"\s*[+-]?\d{1,400}\s*", re.ASCII)


class Operator(StrEnum):
    """How a variable is compared."""

    EXISTS = "exists"
    NOT_EXISTS = "notExists"
    EQUALS = "equals"
    NOT_EQUALS = "notEquals"
    LESS = "less"
    LESS_EQUAL = "lessEqual"
    GREATER = "greater"
    GREATER_EQUAL = "greaterEqual"

    @property
    def takes_value(self) -> bool:
        """Whether a value belongs to it."""
        return self not in {Operator.EXISTS, Operator.NOT_EXISTS}


class Subject(StrEnum):
    """What a question is about: the other expressions of the SDK, ``SMS_TaskSequence_...ConditionExpression``."""

    WMI = "WMI"
    FILE = "File"
    FOLDER = "Folder"
    REGISTRY = "Registry"
    SOFTWARE = "Software"
    COMPUTER = "Computer"

    @property
    def type_name(self) -> str:
        """The class of its expression."""
        return f"SMS_TaskSequence_{self.value}ConditionExpression"


class Joint(StrEnum):
    """How conditions are joined."""

    ALL = "and"
    ANY = "or"
    NONE = "not"


# A list of operating systems holds queries of WMI: one of its members must hold, and of a member all.
_GROUPS = {"operator": "", "osconditiongroup": Joint.ANY.value, "osexpressiongroup": Joint.ALL.value}


_OF_HARDWARE = frozenset({Subject.WMI, Subject.COMPUTER})


@dataclass(frozen=True, slots=True)
class Compare:
    """A comparison of one variable."""

    variable: str
    operator: Operator
    value: str = ""

    @property
    def named(self) -> tuple[str, ...]:
        """The variables that its answer hangs on."""
        return (self.variable, *(names_in(self.value) if self.operator.takes_value else ()))

    def describe(self) -> str:
        """Say it for people."""
        value = f" {quoted(self.value)}" if self.operator.takes_value else ""
        return f"{self.variable} {self.operator.value}{value}"


@dataclass(frozen=True, slots=True)
class Question:
    """What only the computer, or the Windows that runs on it, can tell.

    Attributes:
        subject: what it is about.
        facts: the settings of the expression by their names, such as ``Query``; ``%NAME%`` in them is not replaced yet.
    """

    subject: Subject
    facts: Properties

    @property
    def named(self) -> tuple[str, ...]:
        """The variables that are in its settings, and maybe other names between two ``%``."""
        return tuple(name for text in self.facts.values() for name in names_in(text))

    def describe(self) -> str:
        """Say it for people."""
        return f"{self.subject.value} {' '.join(f'{name}={quoted(value)}' for name, value in self.facts.items())}"


@dataclass(frozen=True, slots=True)
class Joined:
    """Conditions that are joined; ``not`` holds when none of them does."""

    joint: Joint
    parts: tuple[Condition, ...]

    def describe(self) -> str:
        """Say it for people."""
        if not self.parts:
            return "always"
        if len(self.parts) == 1 and self.joint is not Joint.NONE:
            return self.parts[0].describe()
        inner = f" {'or' if self.joint is Joint.NONE else self.joint.value} ".join(
            f"({part.describe()})" if isinstance(part, Joined) else part.describe() for part in self.parts
        )
        return f"not ({inner})" if self.joint is Joint.NONE else inner


@dataclass(frozen=True, slots=True)
class Unknown:
    """What cannot be found out here.

    Attributes:
        what: in words.
        step_class: WINDOWS for what a running Windows knows, UNKNOWN for what nobody here has heard of.
        remedy: what would let it be found out, or None.
    """

    what: str
    step_class: StepClass = StepClass.UNKNOWN
    remedy: Remedy | None = None

    def describe(self) -> str:
        """Say it for people."""
        return self.what


Condition = Compare | Joined | Question | Unknown


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a condition holds.

    Attributes:
        holds: whether what depends on it runs.
        reason: why not, for people; secrets are masked.
        is_known: False when it does not hold only because it cannot be found out.
        step_class: what it would take to find it out, where it cannot be.
        remedy: what would let it be found out, or None.
    """

    holds: bool
    reason: str
    is_known: bool = True
    step_class: StepClass = StepClass.UNKNOWN
    remedy: Remedy | None = None


Doubt = Callable[[str], str | None]
"""Tells by the name of a variable, in lower case, why nobody here can know its value; None for any other."""


def CERTAIN(name: str) -> str | None:  # noqa: N802 - stands for a value: no doubts
    """Doubt no variable."""
    del name
    return None


Ask = Callable[[Question, Environment], "bool | str"]
"""Answers a question, or tells why nobody here can."""


def NOBODY(question: Question, env: Environment) -> bool | str:  # noqa: N802 - stands for a value: who is not there
    """Answer no question."""
    del env
    return f"expression of type {question.subject.type_name}"


def evaluate(condition: Condition | None, env: Environment, doubt: Doubt = CERTAIN, ask: Ask = NOBODY) -> Verdict:
    """Find out whether a condition holds; what it asks of variables that are in doubt is unknown."""
    if condition is None:
        return Verdict(True, "no condition")  # noqa: FBT003 - the field's name is beside it
    answer = _answer(condition, env, doubt, ask)
    text = env.mask(condition.describe())
    if answer is None:
        parts = list(_unknown_parts(condition, env, doubt, ask))
        unknown = "; ".join(dict.fromkeys(part.what for part in parts))
        is_windows = all(part.step_class is StepClass.WINDOWS for part in parts)
        return Verdict(
            holds=False,
            reason=f"cannot be found out on Linux: {unknown}",
            is_known=False,
            step_class=StepClass.WINDOWS if is_windows else StepClass.UNKNOWN,
            remedy=next((part.remedy for part in parts if part.remedy is not None), None),
        )
    return Verdict(holds=answer, reason=f"condition {'holds' if answer else 'does not hold'}: {text}")


def _answer(condition: Condition, env: Environment, doubt: Doubt, ask: Ask) -> bool | None:
    if isinstance(condition, Unknown):
        return None
    if isinstance(condition, (Compare, Question)) and any(True for _ in _doubts(condition, doubt)):
        return None
    if isinstance(condition, Question):
        answer = ask(condition, env)
        return None if isinstance(answer, str) else answer
    if isinstance(condition, Compare):
        return _compare(condition, env)
    answers = [_answer(part, env, doubt, ask) for part in condition.parts]
    if condition.joint is Joint.ALL:
        return False if False in answers else None if None in answers else True
    some = True if True in answers else None if None in answers else False
    if condition.joint is Joint.ANY:
        return some
    return None if some is None else not some


def _compare(wish: Compare, env: Environment) -> bool:
    value = env.get(wish.variable)
    if wish.operator is Operator.EXISTS:
        return value is not None
    if wish.operator is Operator.NOT_EXISTS:
        return value is None
    if value is None and wish.operator not in {Operator.EQUALS, Operator.NOT_EQUALS}:
        return False
    return compare_texts(wish.operator, value or "", env.expand(wish.value))


def operator_of(text: str) -> Operator | None:
    """Return the operator of a word, whatever its case, or None; the registry has ``nonExists`` for ``notExists``."""
    wanted = text.strip().lower()
    wanted = Operator.NOT_EXISTS.value.lower() if wanted == "nonexists" else wanted
    return next((each for each in Operator if each.value.lower() == wanted), None)


def compare_texts(operator: Operator, left: str, right: str) -> bool:
    """Tell whether two texts are to each other as an operator says; their order is that of numbers where both are."""
    left, right = left.casefold(), right.casefold()
    is_order = operator not in {Operator.EQUALS, Operator.NOT_EQUALS}
    if is_order and _INTEGER.fullmatch(left) and _INTEGER.fullmatch(right):
        return ordered(operator, int(left), int(right))
    return ordered(operator, left, right)


def ordered(operator: Operator, left: _Ordered, right: _Ordered) -> bool:
    """Tell whether two values are to each other as an operator says that takes a value."""
    order = (left > right) - (left < right)
    return {
        Operator.EQUALS: order == 0,
        Operator.NOT_EQUALS: order != 0,
        Operator.LESS: order < 0,
        Operator.LESS_EQUAL: order <= 0,
        Operator.GREATER: order > 0,
        Operator.GREATER_EQUAL: order >= 0,
    }[operator]


def names_last_action(condition: Condition | None) -> bool:
    """Tell whether a condition asks how the last action ended, which no plan can know."""
    if isinstance(condition, Joined):
        return any(map(names_last_action, condition.parts))
    if not isinstance(condition, (Compare, Question)):
        return False
    return any(name.lower() in LAST_ACTION for name in condition.named)


def _doubts(asked: Compare | Question, doubt: Doubt) -> Iterator[str]:
    """Yield why it cannot be told whether something holds: for each variable in it that is in doubt."""
    return (why for name in asked.named if (why := doubt(name.lower())) is not None)


def _unknown_parts(condition: Condition, env: Environment, doubt: Doubt, ask: Ask) -> Iterator[Unknown]:
    if isinstance(condition, Unknown):
        yield condition
    elif isinstance(condition, Joined):
        for part in condition.parts:
            yield from _unknown_parts(part, env, doubt, ask)
    elif doubts := tuple(_doubts(condition, doubt)):
        yield from (Unknown(why, StepClass.WINDOWS) for why in doubts)
    elif isinstance(condition, Question):
        answer = ask(condition, env)
        if isinstance(answer, str):
            yield Unknown(answer, StepClass.WINDOWS, TELLING_FACTS if condition.subject in _OF_HARDWARE else None)


def read_condition(elements: Sequence[Element]) -> Condition:
    """Read ``condition`` elements; an empty one always holds."""
    return Joined(Joint.ALL, tuple(_read(child) for element in elements for child in element.children))


def _read(element: Element) -> Condition:
    tag = element.tag.lower()
    if tag in _GROUPS:
        text = element.get("type") or _GROUPS[tag]
        parts = tuple(_read(child) for child in element.children)
        for joint in Joint:
            if joint.value == text.lower():
                return Joined(joint, parts) if parts else Unknown(f"the operator {text} has nothing to join")
        return Unknown(f"operator of type {quoted(text)}")
    if tag != "expression":
        return Unknown(f"condition element <{element.tag}>")
    kind = element.get("type") or ""
    facts = {(child.get("name") or "").lower(): child.text for child in element.children if child.tag == "variable"}
    if kind != VARIABLE_EXPRESSION:
        subject = next((each for each in Subject if each.type_name.lower() == kind.lower()), None)
        settings = Properties({child.get("name") or "": child.text for child in element.children})
        return Unknown(f"expression of type {kind}") if subject is None else Question(subject, settings)
    operator = operator_of(facts.get("operator", ""))
    if operator is None:
        return Unknown(f"operator {quoted(facts.get('operator', ''))} of a variable")
    name = facts.get("variable", "").strip()
    return Compare(name, operator, facts.get("value", "")) if name else Unknown("expression without a variable")


def write_condition(condition: Condition) -> Element:
    """Make the ``condition`` element; :func:`read_condition` reads an equal condition from it.

    Raises:
        InvalidRequest: when a part of it is unknown: it has no XML of its own.
    """
    parts = condition.parts if isinstance(condition, Joined) and condition.joint is Joint.ALL else (condition,)
    return make("condition", None, *map(_write, parts))


def _write(condition: Condition) -> Element | Comment:
    if isinstance(condition, Unknown):
        raise InvalidRequest(f"a condition that is not known cannot be written: {condition.what}")
    if isinstance(condition, Joined):
        return make("operator", {"type": condition.joint.value}, *map(_write, condition.parts))
    if isinstance(condition, Question):
        entries = [make("variable", {"name": name}, text) for name, text in sorted(condition.facts.items())]
        return make("expression", {"type": condition.subject.type_name}, *entries)
    facts = {"Operator": condition.operator.value, "Variable": condition.variable}
    if condition.operator.takes_value:
        facts["Value"] = condition.value
    entries = [make("variable", {"name": name}, text) for name, text in sorted(facts.items())]
    return make("expression", {"type": VARIABLE_EXPRESSION}, *entries)
