"""Putting child task sequences in the place of the steps that run them, before anything else is done with a sequence.

Parent and children are one: the environment is global, a step that fails in a child fails as in a group, and the
conditions and error settings of the step are those of the group that takes its place.  A child that is not given
leaves its step as it is, which is refused if it comes up.  The steps of a child that step 12 runs are 12.1, 12.2 ...

Sources: "Run Task Sequence" of the task sequence steps of Configuration Manager current branch, and the element
``subtasksequence`` of an export.  Chosen here, since no source says it: variables of the whole child count where the
parent has none of this name; a ``retryCount`` of the step is passed over, as it counts unexpected restarts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from osdimage.imaging.element import MAX_DEPTH, Comment, Element, make
from osdimage.imaging.errors import InvalidInput, InvalidRequest, Means, Remedy, quoted
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.result import ActionInfo, Refusal, StepClass
from osdimage.imaging.tasksequence.sequence import CHILD, MAX_STEPS, STEP_TAGS, Sequence, Step, check_sequence

if TYPE_CHECKING:
    from osdimage.imaging.tasksequence.computer.machine import Machine

MAX_CHILDREN_DEEP = 10
_PROPERTY, _VARIABLE = "TsPackageID", "OSDSubTasksequencePackageID"
_MEMBERS = frozenset({"group", *STEP_TAGS})
# A document has the sequence around its groups, and a step has three more elements within one another.
_MAX_GROUPS = MAX_DEPTH - 5
_OF_GROUPS = ("name", "description", "disable", "continueOnError")


def child_of(step: Step) -> str | None:
    """Return the ID of the task sequence that a step runs, ``""`` when it names none; None for any other step."""
    if step.element.tag != "subtasksequence" and (step.type or "").lower() != RUN_TASK_SEQUENCE.type_name.lower():
        return None
    return (step.properties.get(_PROPERTY) or step.defaults.get(_VARIABLE) or "").strip()


def _without_child(env: Environment, machine: Machine) -> Refusal:
    """Refuse what still stands in a sequence, since its child was not given."""
    del machine
    name = (env.properties.get(_PROPERTY) or env.get(_VARIABLE) or "").strip()
    if not name:
        return Refusal("it names no task sequence that it runs")
    remedy = Remedy("give {}", (Means.CHILD_SEQUENCE,), (name,))
    return Refusal(f"the task sequence that it runs is not given: {name}", remedy)


RUN_TASK_SEQUENCE = ActionInfo(
    # The one class that is not named ...Action.
    type_name="SMS_TaskSequence_SubTasksequence",
    title="Run Task Sequence",
    run=None,
    why_not="the steps of the task sequence that it runs take its place, where that is given",
    step_class=StepClass.SITE,
    refuses=_without_child,
    needs=(Means.CHILD_SEQUENCE,),
)


def with_children(sequence: Sequence, children: Mapping[str, Sequence]) -> Sequence:
    """Return a sequence with the members of child sequences in the place of the steps that run them.

    Args:
        sequence: the parent.
        children: by their IDs, in any case.

    Raises:
        InvalidRequest: when a child is given that no step runs.
        InvalidInput: when a child runs itself, or a child's child does; when they are more than 10 deep, or together
            have more than 10,000 steps, or groups that are too deep; or when a child is disabled: a deployment would
            fail, "Continue on error" or not.
    """
    if not children:
        return sequence
    family = _Family(children)
    family.measure(sequence)
    family.require_used(sequence)
    made = family.expanded(sequence)
    check_sequence(made, source=f"sequence {quoted(sequence.name)} with its children")
    return made


@dataclass(frozen=True, slots=True)
class _Size:
    """How large a sequence is with all of its children.

    Attributes:
        steps: all of them.
        groups: how many are within one another.
        children: how many are below one another.
    """

    steps: int
    groups: int
    children: int


class _Family:
    def __init__(self, children: Mapping[str, Sequence]) -> None:
        self._names = {name.lower(): name for name in children}
        self._children = {name.lower(): each for name, each in children.items()}
        self._sizes: dict[str, _Size] = {}

    def _given(self, step: Step) -> str | None:
        """Return the key of the child that a step runs, or None when it runs none that is given."""
        name = (child_of(step) or "").lower()
        return name if name in self._children else None

    # How large it will be, found out before it is made: a few lines can name ten thousand million steps

    def measure(self, sequence: Sequence, above: tuple[str, ...] = ()) -> _Size:
        steps = groups = children = 0
        for place, member in sequence.walk():
            groups = max(groups, len(place))
            key = self._given(member) if isinstance(member, Step) else None
            if key is not None:
                size = self._child(key, above)
                steps += size.steps
                groups, children = max(groups, len(place) + size.groups), max(children, size.children + 1)
            elif isinstance(member, Step):
                steps += 1
        whole = f"sequence {quoted(sequence.name)} with its children"
        if steps > MAX_STEPS:
            raise InvalidInput(f"{whole} has more than {MAX_STEPS:,} steps")
        if groups > _MAX_GROUPS:
            raise InvalidInput(f"{whole} has more than {_MAX_GROUPS} groups within one another")
        if len(above) + children > MAX_CHILDREN_DEEP:
            raise InvalidInput(f"{whole} is more than {MAX_CHILDREN_DEEP} children deep")
        return _Size(steps, groups, children)

    def _child(self, key: str, above: tuple[str, ...]) -> _Size:
        if key in above:
            way = " runs ".join(self._names[each] for each in (*above[above.index(key) :], key))
            raise InvalidInput(f"a task sequence runs itself: {way}")
        if len(above) == MAX_CHILDREN_DEEP:
            raise InvalidInput(f"task sequence {self._names[key]} is more than {MAX_CHILDREN_DEEP} children deep")
        if self._children[key].is_off:
            raise InvalidInput(f"task sequence {self._names[key]} is disabled: a deployment that runs it fails")
        if key not in self._sizes:
            self._sizes[key] = self.measure(self._children[key], (*above, key))
        return self._sizes[key]

    def require_used(self, sequence: Sequence) -> None:
        unused = [self._names[key] for key in self._children if key not in self._sizes]
        if not unused:
            return
        family = (sequence, *(self._children[key] for key in self._sizes))
        run = dict.fromkeys(name for each in family for step in each.steps if (name := child_of(step)))
        raise InvalidRequest(
            f"no step runs task sequence {', '.join(unused)}; those that are run: {', '.join(run) or 'none'}"
        )

    # Making it

    def expanded(self, sequence: Sequence) -> Sequence:
        family = (sequence, *(self._children[key] for key in self._sizes))
        packages = dict.fromkeys(package for each in family for package in each.packages)
        lists = (_references(sequence, packages), _variables(family))
        kept = tuple(each for each in sequence.element.content if not _is_list(each))
        content = (*(each for each in lists if each is not None), *map(self._member, kept))
        element = replace(sequence.element, content=content)
        return replace(sequence, element=element, document=element)

    def _member(self, item: Element | Comment | str) -> Element | Comment | str:
        if not isinstance(item, Element) or item.tag not in _MEMBERS:
            return item
        if item.tag == "group":
            return replace(item, content=tuple(map(self._member, item.content)))
        key = self._given(Step(item))
        return item if key is None else self._group(item, key)

    def _group(self, step: Element, key: str) -> Element:
        """Make the group that takes the place of a step that runs a child."""
        attributes = {name: step.get(name) for name in _OF_GROUPS} | {CHILD: self._names[key]}
        conditions = (each for each in step.children if each.tag == "condition")
        members = (each for each in self._children[key].element.children if each.tag in _MEMBERS)
        made = make("group", attributes, *conditions)
        return replace(made, content=(*made.content, *map(self._member, members)))


def _is_list(item: Element | Comment | str) -> bool:
    return isinstance(item, Element) and item.tag in {"referenceList", "globalVarList"}


def _references(sequence: Sequence, packages: Iterable[str]) -> Element | None:
    """Return the list of what a sequence refers to, with the packages of its children; None for nothing."""
    own = sequence.element.child("referenceList")
    more = [make("reference", {"package": each}) for each in packages if each not in sequence.packages]
    return make("referenceList", None, *(() if own is None else own.content), *more) if own or more else None


def _variables(family: tuple[Sequence, ...]) -> Element | None:
    """Return the list of variables of a sequence, with those of its children that it does not have itself."""
    found: dict[str, Element] = {}
    for each in family:
        listed = each.element.child("globalVarList")
        of_it = () if listed is None else listed.children
        # Of entries with one name in one list the last counts, and one list comes before another.
        found = {(entry.get("name") or "").lower(): entry for entry in of_it} | found
    return make("globalVarList", None, *found.values()) if found else None
