"""The short form of a task sequence in YAML, for sequences that are written by hand; :data:`GRAMMAR` describes it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NoReturn

from osdimage.imaging.errors import InvalidInput
from osdimage.imaging.tasksequence.conditions import Compare, Condition, Joined, Joint, Operator
from osdimage.imaging.tasksequence.forms import build
from osdimage.imaging.tasksequence.judging.kinds import meant
from osdimage.imaging.tasksequence.judging.known import known_names
from osdimage.imaging.tasksequence.result import RunIn
from osdimage.imaging.tasksequence.sequence import Group, Sequence, Step
from osdimage.imaging.units import MIB, format_size

MAX_BYTES = MIB
"""A sequence of thousands of steps, and what PyYAML reads in seconds."""
MAX_DEPTH = 64

GRAMMAR = """\
name: Deploy                                # of the sequence
description: Deploys a reference image      # may be left out, here and everywhere
variables: {OSDComputerName: PC1}           # for all steps
steps:                                      # what runs, in this order
  - group: Install Operating System         # a group has steps of its own
    condition: _SMSTSInWinPE equals true    # what must hold for its steps to run
    continueOnError: true                   # go on after the group although a step in it failed; default false
    steps:
      - step: Partition Disk 0              # a step has a name ...
        type: PartitionDisk                 # ... and a type that is known, or its title
        variables: {OSDDiskIndex: 0, OSDPartitionStyle: GPT, OSDPartitions0Type: Primary,
                    OSDPartitions0FileSystem: NTFS}
      - step: Apply Operating System
        type: Apply Operating System Image
        variables: {OSDImageIndex: 1}       # those of its type; and properties
        properties: {ImagePackageID: ABC00001}
        condition:                          # all of a list must hold; or all:, any: or none: with a list
          - any: [_SMSTSBootUEFI equals true, Firmware notExists]
          - Memory greaterEqual 4096
        disable: false                      # true leaves it out
        continueOnError: false              # true goes on after it failed
        successCodeList: 0 3010             # the codes that count as success
        retryCount: 0                       # how often it is tried again
        runIn: WinPEandFullOS               # or WinPE, or FullOS, which cannot be run here
        command: ""                         # the command line, of steps that have one

A condition is NAME OPERATOR VALUE; operators are exists, notExists, equals, notEquals, less, lessEqual, greater and
greaterEqual.  All values are text as they are written.  A file has at most 1 MB and is at most 64 deep; a name that is
not known, a name twice, anchors with their aliases, and tags that make objects are errors.
"""

_TOP = ("name", "description", "variables", "steps")
_GROUP = ("group", "description", "condition", "disable", "continueOnError", "steps")
_STEP = (
    "step", "type", "description", "condition", "disable", "continueOnError", "runIn", "successCodeList", "retryCount",
    "variables", "properties", "command",
)  # fmt: skip
_JOINTS = {"all": Joint.ALL, "any": Joint.ANY, "none": Joint.NONE}


def read_yaml(data: bytes, *, source: str) -> Sequence:
    """Make a sequence of the short form.

    Raises:
        InvalidInput: when it is not YAML, or not such a sequence; names the place in it.
    """
    if len(data) > MAX_BYTES:
        raise InvalidInput(f"{source} is larger than {format_size(MAX_BYTES)}")
    top = _Reader(source).mapping(_load(data, source), source, _TOP)
    reader = _Reader(source)
    return build.sequence(
        reader.text(top, "name", source) or "",
        *reader.members(top.get("steps"), "steps"),
        description=reader.text(top, "description", source) or "",
        variables=reader.values(top.get("variables"), "variables"),
    )


def _load(data: bytes, source: str) -> object:
    """Return plain lists, mappings and text.

    They are made of PyYAML's events, which its C parser tells ten times as fast as that in Python: no objects are
    made, tags mean nothing, and an alias, which could make a small file large, is refused where it stands.
    """
    import yaml  # noqa: PLC0415 - only for this form

    loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
    made = _Maker()
    try:
        for event in yaml.parse(data, Loader=loader):
            line = 0 if event.start_mark is None else event.start_mark.line
            match event:
                case yaml.ScalarEvent():
                    made.add(event.value, line)
                case yaml.SequenceStartEvent():
                    made.begin([], line)
                case yaml.MappingStartEvent():
                    made.begin({}, line)
                case yaml.SequenceEndEvent() | yaml.MappingEndEvent():
                    made.end()
                case yaml.AliasEvent():
                    made.refuse("aliases are not read", line)
    except _Refused as error:
        raise InvalidInput(f"{source}, line {error.line + 1}: not YAML that is read here: {error}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        where = "" if mark is None else f", line {mark.line + 1}"
        what = getattr(error, "problem", None) or "cannot be read"
        raise InvalidInput(f"{source}{where}: not YAML that is read here: {what}") from None
    return made.root


class _Refused(Exception):
    """Something in the file is not read; ``line`` counts from 0."""

    def __init__(self, why: str, line: int) -> None:
        super().__init__(why)
        self.line = line


class _Maker:
    """Makes the values of a document of their parts, in the order of the file."""

    def __init__(self) -> None:
        self.root: object = None
        self._has_root = False
        self._open: list[list[object] | dict[str, object]] = []
        # The key that waits for its value, for each mapping that is open.
        self._keys: list[str | None] = []

    def begin(self, value: list[object] | dict[str, object], line: int) -> None:
        if len(self._open) == MAX_DEPTH:
            self.refuse(f"more than {MAX_DEPTH} deep", line)
        self.add(value, line)
        self._open.append(value)
        self._keys.append(None)

    def refuse(self, why: str, line: int) -> NoReturn:
        raise _Refused(why, line)

    def end(self) -> None:
        self._open.pop()
        self._keys.pop()

    def add(self, value: object, line: int) -> None:
        if not self._open:
            if self._has_root:
                self.refuse("there is a second document", line)
            self.root, self._has_root = value, True
            return
        parent, key = self._open[-1], self._keys[-1]
        if isinstance(parent, list):
            parent.append(value)
        elif key is not None:
            parent[key] = value
            self._keys[-1] = None
        elif isinstance(value, str) and value not in parent:
            self._keys[-1] = value
        else:
            self.refuse("a key is given twice, or is no text", line)


def _type(written: str) -> str:
    """Return the type that a person means by a title or a type; what nobody knows stays, and its run tells."""
    info = known_names().get(written.strip().lower())
    return written.strip() if info is None else info.type_name


class _Reader:
    """Reads the plain values, and says where one is wrong."""

    def __init__(self, source: str) -> None:
        self._source = source

    def fail(self, where: str, what: str) -> InvalidInput:
        return InvalidInput(f"{self._source}: {where}: {what}")

    def mapping(self, value: object, where: str, known: tuple[str, ...]) -> Mapping[str, object]:
        if not isinstance(value, dict):
            raise self.fail(where, f"expected are {', '.join(known)}")
        for key in value:
            if key not in known:
                raise self.fail(where, f"{key!r} is not known{meant(key, known)}; valid are {', '.join(known)}")
        return value

    def text(self, values: Mapping[str, object], key: str, where: str) -> str | None:
        value = values.get(key)
        if value is not None and not isinstance(value, str):
            raise self.fail(where, f"{key} is text")
        return value

    def boolean(self, values: Mapping[str, object], key: str, where: str) -> bool:
        text = (self.text(values, key, where) or "false").lower()
        if text not in {"true", "false"}:
            raise self.fail(where, f"{key}: {text}; valid are true and false")
        return text == "true"

    def values(self, value: object, where: str) -> dict[str, str]:
        if value is None or value == "":
            return {}
        if not isinstance(value, dict) or not all(isinstance(each, str) for each in value.values()):
            raise self.fail(where, "expected are names and values, NAME: VALUE")
        return dict(value)

    def members(self, value: object, where: str) -> list[Group | Step]:
        if not isinstance(value, list):
            raise self.fail(where, "expected is a list of groups and steps")
        return [self._member(each, f"{where}[{index}]") for index, each in enumerate(value)]

    def _member(self, value: object, where: str) -> Group | Step:
        if isinstance(value, dict) and "group" in value:
            facts = self.mapping(value, where, _GROUP)
            return build.group(
                self.text(facts, "group", where) or "",
                *self.members(facts.get("steps"), f"{where}.steps"),
                description=self.text(facts, "description", where) or "",
                condition=self._condition(facts.get("condition"), where),
                disable=self.boolean(facts, "disable", where),
                continue_on_error=self.boolean(facts, "continueOnError", where),
            )
        facts = self.mapping(value, where, _STEP)
        name, kind = self.text(facts, "step", where), self.text(facts, "type", where)
        if not name or not kind:
            raise self.fail(where, "a step has step: NAME and type: TYPE; a group has group: NAME")
        return build.step(
            name,
            _type(kind),
            self.values(facts.get("variables"), f"{where}.variables"),
            self.values(facts.get("properties"), f"{where}.properties"),
            command=self.text(facts, "command", where) or "",
            description=self.text(facts, "description", where) or "",
            condition=self._condition(facts.get("condition"), where),
            disable=self.boolean(facts, "disable", where),
            continue_on_error=self.boolean(facts, "continueOnError", where),
            run_in=self._run_in(facts, where),
            success_codes=self._numbers(self.text(facts, "successCodeList", where) or "0", where),
            retry_count=self._numbers(self.text(facts, "retryCount", where) or "0", where)[0],
        )

    def _run_in(self, facts: Mapping[str, object], where: str) -> RunIn:
        text = self.text(facts, "runIn", where) or RunIn.BOTH.value
        for each in RunIn:
            if each.value.lower() == text.lower():
                return each
        raise self.fail(where, f"runIn: {text}; valid are {', '.join(each.value for each in RunIn)}")

    def _numbers(self, text: str, where: str) -> tuple[int, ...]:
        words = text.split()
        if not words or not all(word.isascii() and word.isdigit() and len(word) <= 10 for word in words):
            raise self.fail(where, f"{text!r} is not a whole number")
        return tuple(map(int, words))

    def _condition(self, value: object, where: str) -> Condition | None:
        if value is None:
            return None
        where = f"{where}.condition"
        if isinstance(value, list):
            return Joined(Joint.ALL, tuple(self._part(each, where) for each in value))
        return Joined(Joint.ALL, (self._part(value, where),))

    def _part(self, value: object, where: str) -> Condition:
        if isinstance(value, dict):
            if len(value) != 1 or not set(value) <= set(_JOINTS):
                raise self.fail(where, "valid are all:, any: and none:, each with a list")
            ((word, parts),) = value.items()
            if not isinstance(parts, list) or not parts:
                raise self.fail(where, f"{word}: needs a list of conditions")
            return Joined(_JOINTS[word], tuple(self._part(each, where) for each in parts))
        words = value.split(None, 2) if isinstance(value, str) else []
        operators = {each.value.lower(): each for each in Operator}
        operator = operators.get(words[1].lower()) if len(words) > 1 else None
        # A value that is empty is no third word.
        if operator is None or (len(words) == 3 and not operator.takes_value):
            valid = ", ".join(each.value for each in Operator)
            raise self.fail(where, f"{value!r} is not NAME OPERATOR VALUE; operators are {valid}")
        return Compare(words[0], operator, words[2] if len(words) == 3 else "")
