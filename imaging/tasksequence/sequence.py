"""The model of a task sequence: groups, steps, conditions.

Every part wraps the XML element that it was read from, or that ``forms/build.py`` made, and reads its properties from
there: there is one truth, and what osdimage does not know is kept.  Grammar: the exports of ConfigMgr
(``version="3.10"``) and of MDT (``version="3.00"``), and the SDK's SMS_TaskSequence_* classes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

from osdimage.imaging.element import Element
from osdimage.imaging.errors import InvalidInput
from osdimage.imaging.tasksequence.conditions import Condition, read_condition
from osdimage.imaging.tasksequence.layers import Properties
from osdimage.imaging.tasksequence.result import RunIn

STEP_TAGS = frozenset({"step", "subtasksequence"})
CHILD = "childSequence"
"""The attribute of a group that stands for a child task sequence: its ID; see ``forms/children.py``."""
# Hidden variables are what the command line carries; the count of partitions is the one that the action reads.
_HIDDEN_BUT_SET = frozenset({"osdpartitions"})
# A whole script, which is longer than a variable can be; its step finds it among its properties.
_NOT_SET = frozenset({"osdrunpowershellscriptsourcescript"})
_TRUE = frozenset({"true", "1"})
_FALSE = frozenset({"false", "0", ""})


@dataclass(frozen=True, slots=True)
class StepVariable:
    """One entry of a ``defaultVarList``.

    Attributes:
        name: of the variable.
        property_name: of the property of the WMI class that it comes from.
        value: as written; ``""`` for none.
        is_hidden: whether the editor keeps it to itself.
    """

    name: str
    property_name: str
    value: str
    is_hidden: bool

    @property
    def is_set(self) -> bool:
        """Whether it becomes a variable while the step runs."""
        name = self.name.lower()
        return (not self.is_hidden or name in _HIDDEN_BUT_SET) and name not in _NOT_SET


@dataclass(frozen=True, slots=True)
class _Member:
    """What groups and steps have in common."""

    element: Element

    @property
    def name(self) -> str:
        """What the editor shows."""
        return self.element.get("name") or ""

    @property
    def description(self) -> str:
        """The description, ``""`` for none."""
        return self.element.get("description") or ""

    @property
    def is_disabled(self) -> bool:
        """Whether it is left out."""
        return _boolean(self.element, "disable")

    @property
    def continue_on_error(self) -> bool:
        """Whether what comes after it runs although it failed."""
        return _boolean(self.element, "continueOnError")

    @property
    def condition(self) -> Condition | None:
        """What must hold for it to run, or None."""
        found = [child for child in self.element.children if child.tag == "condition"]
        return None if not found else read_condition(found)


@dataclass(frozen=True, slots=True)
class Step(_Member):
    """One step."""

    @property
    def type(self) -> str | None:
        """The WMI class of its action, or None: some steps of MDT have none."""
        return self.element.get("type") or None

    @property
    def command(self) -> str:
        """The command line of its action."""
        action = self.element.child("action")
        return "" if action is None else action.text.strip()

    @property
    def run_in(self) -> RunIn:
        """Where it runs."""
        text = self.element.get("runIn") or RunIn.BOTH.value
        for each in RunIn:
            if each.value.lower() == text.lower():
                return each
        valid = ", ".join(each.value for each in RunIn)
        raise InvalidInput(f"step {self.name!r}: runIn={text!r}; valid are {valid}")

    @property
    def success_codes(self) -> tuple[int, ...]:
        """The codes that count as success."""
        text = self.element.get("successCodeList") or "0"
        try:
            return codes_of(text) or (0,)
        except ValueError:
            raise InvalidInput(
                f"step {self.name!r}: successCodeList={text!r}; valid are numbers with spaces between them"
            ) from None

    @property
    def timeout_seconds(self) -> int | None:
        """After how many seconds its command is ended, or None for never."""
        text = self.element.get("timeout") or "0"
        if not (text.isascii() and text.isdigit() and len(text) <= 7):
            raise InvalidInput(f"step {self.name!r}: timeout={text!r}; valid are whole numbers of seconds")
        return int(text) or None

    @property
    def retry_count(self) -> int:
        """How often it is tried again after it failed."""
        text = self.element.get("retryCount") or "0"
        if not (text.isascii() and text.isdigit() and len(text) <= 5):
            raise InvalidInput(f"step {self.name!r}: retryCount={text!r}; valid are whole numbers")
        return int(text)

    @property
    def variables(self) -> tuple[StepVariable, ...]:
        """The entries of its ``defaultVarList``."""
        return tuple(
            _variable(each)
            for found in self.element.children
            if found.tag == "defaultVarList"
            for each in found.children
            if each.tag == "variable"
        )

    @property
    def defaults(self) -> dict[str, str]:
        """What becomes variables while it runs; of entries with one name the last counts."""
        merged = {each.name.lower(): (each.name, each.value) for each in self.variables if each.is_set}
        return dict(merged.values())

    @property
    def properties(self) -> Properties:
        """All of its settings by the names of their properties."""
        return Properties({each.property_name: each.value for each in self.variables})

    @property
    def told(self) -> Properties:
        """What its action is told besides variables: its properties, its command line, and where that starts."""
        own = {"CommandLine": self.command, "StartIn": self.element.get("startIn") or ""}
        return Properties({**{name: value for name, value in own.items() if value}, **self.properties})


@dataclass(frozen=True, slots=True)
class Group(_Member):
    """A group: what it holds runs in order, under one condition."""

    @property
    def child(self) -> str | None:
        """The ID of the child task sequence whose members it holds, or None."""
        return self.element.get(CHILD)

    @property
    def members(self) -> tuple[Group | Step, ...]:
        """Its groups and steps."""
        return _members(self.element)


@dataclass(frozen=True, slots=True)
class Sequence:
    """A task sequence.

    Attributes:
        element: its ``sequence`` element.
        document: the root of the document that it was in, a wrapper or the element itself.
        package_id: the ID that the wrapper tells, or None.
        package_name: the name that the wrapper tells, or None.
        is_off: whether the wrapper tells that it is disabled as a whole.
    """

    element: Element
    document: Element
    package_id: str | None = None
    package_name: str | None = None
    is_off: bool = False

    @property
    def name(self) -> str:
        """Its name, ``""`` for none."""
        return self.element.get("name") or self.package_name or ""

    @property
    def description(self) -> str:
        """Its description, ``""`` for none."""
        return self.element.get("description") or ""

    @property
    def version(self) -> str:
        """The version of the format."""
        return self.element.get("version") or ""

    @property
    def members(self) -> tuple[Group | Step, ...]:
        """Its groups and steps."""
        return _members(self.element)

    @property
    def packages(self) -> tuple[str, ...]:
        """The packages that it says it refers to."""
        listed = self.element.child("referenceList")
        references = () if listed is None else listed.children
        return tuple(dict.fromkeys(value for each in references if (value := each.get("package"))))

    @property
    def variables(self) -> dict[str, str]:
        """The variables of the whole sequence; the last of several with one name counts."""
        listed = self.element.child("globalVarList")
        found = () if listed is None else tuple(_variable(each) for each in listed.children if each.tag == "variable")
        return dict({each.name.lower(): (each.name, each.value) for each in found if each.is_set}.values())

    def walk(self) -> Iterator[tuple[tuple[int, ...], Group | Step]]:
        """Return every group and step with its place: (0, 2) is the third member of the first group."""
        yield from _walk(self.members, ())

    @property
    def steps(self) -> tuple[Step, ...]:
        """All steps, in their order."""
        return tuple(member for _, member in self.walk() if isinstance(member, Step))

    @property
    def labels(self) -> tuple[str, ...]:
        """What people call its steps: ``12``, and ``12.3`` for the third of a child that stands in place of step 12."""
        return tuple(label for label, member in self.labelled() if isinstance(member, Step))

    def labelled(self) -> Iterator[tuple[str, Group | Step]]:
        """Return every step, and every group that stands for a child, with what people call its number."""
        yield from _labelled(self.members, "", count(1))


def _labelled(
    members: tuple[Group | Step, ...], prefix: str, numbers: Iterator[int]
) -> Iterator[tuple[str, Group | Step]]:
    for member in members:
        if isinstance(member, Group) and member.child is None:
            yield from _labelled(member.members, prefix, numbers)
            continue
        label = f"{prefix}{next(numbers)}"
        yield label, member
        if isinstance(member, Group):
            yield from _labelled(member.members, f"{label}.", count(1))


MAX_STEPS = 10_000
"""Ten times as many as anybody has seen in one sequence."""


def check_sequence(sequence: Sequence, *, source: str) -> None:
    """Read every property once, so that what is wrong is told before anything runs.

    Raises:
        InvalidInput: when the version or an attribute is not valid, or there are more than 10,000 steps.
    """
    if not sequence.version.startswith("3."):
        raise InvalidInput(f"{source}: sequence version {sequence.version!r} is not known; versions 3.x are")
    if len(sequence.steps) > MAX_STEPS:
        raise InvalidInput(f"{source} has more than {MAX_STEPS:,} steps")
    try:
        for _, member in sequence.walk():
            _ = (member.is_disabled, member.continue_on_error, member.condition)
            if isinstance(member, Step):
                _ = (member.run_in, member.success_codes, member.retry_count, member.timeout_seconds, member.defaults)
    except InvalidInput as error:
        raise InvalidInput(f"{source}: {error}") from None


def _walk(members: tuple[Group | Step, ...], place: tuple[int, ...]) -> Iterator[tuple[tuple[int, ...], Group | Step]]:
    for index, member in enumerate(members):
        here = (*place, index)
        yield here, member
        if isinstance(member, Group):
            yield from _walk(member.members, here)


def _members(element: Element) -> tuple[Group | Step, ...]:
    members: list[Group | Step] = []
    for child in element.children:
        if child.tag == "group":
            members.append(Group(child))
        elif child.tag in STEP_TAGS:
            members.append(Step(child))
    return tuple(members)


def _variable(element: Element) -> StepVariable:
    name = element.get("name") or element.get("property") or ""
    return StepVariable(
        name=name,
        property_name=element.get("property") or name,
        value=element.text,
        is_hidden=_boolean(element, "hidden"),
    )


def _boolean(element: Element, attribute: str) -> bool:
    text = (element.get(attribute) or "").strip().lower()
    if text in _TRUE | _FALSE:
        return text in _TRUE
    where = f"{element.tag} {element.get('name') or ''!r}"
    raise InvalidInput(f"{where}: {attribute}={element.get(attribute)!r}; valid are true and false")


def codes_of(text: str) -> tuple[int, ...]:
    """Return exit codes, decimal or hexadecimal, with blanks between them; ValueError when one is none."""
    return tuple(map(_code, text.split()))


def _code(word: str) -> int:
    return int(word, 16 if word.lower().startswith("0x") else 10) & 0xFFFFFFFF
