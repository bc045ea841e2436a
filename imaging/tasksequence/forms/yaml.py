"""The short form of a task sequence in YAML, for sequences that are written by hand; :data:`GRAMMAR` describes it."""

from __future__ import annotations

from collections.abc import Mapping

from osdimage.imaging.tasksequence.conditions import Compare, Condition, Joined, Joint, Operator
from osdimage.imaging.tasksequence.forms import build
from osdimage.imaging.tasksequence.forms.plain import PlainReader, load_plain
from osdimage.imaging.tasksequence.judging.known import known_names
from osdimage.imaging.tasksequence.result import RunIn
from osdimage.imaging.tasksequence.sequence import Group, Sequence, Step

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
        runIn: WinPEandFullOS               # or WinPE, or FullOS: an installed Windows
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
    reader = _Reader(source)
    top = reader.mapping(load_plain(data, source), source, _TOP)
    return build.sequence(
        reader.text(top, "name", source) or "",
        *reader.members(top.get("steps"), "steps"),
        description=reader.text(top, "description", source) or "",
        variables=reader.values(top.get("variables"), "variables"),
    )


def _type(written: str) -> str:
    """Return the type that a person means by a title or a type; what nobody knows stays, and its run tells."""
    info = known_names().get(written.strip().lower())
    return written.strip() if info is None else info.type_name


class _Reader(PlainReader):
    """Reads a sequence."""

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
        codes = self.text(facts, "successCodeList", where)
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
            success_codes=self._numbers(codes, where) if codes is not None else None,
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
