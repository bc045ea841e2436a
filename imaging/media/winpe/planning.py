"""A sequence under one firmware: what becomes of each step, decided when the medium is made.

A condition that hangs on the computer alone is asked there, by a script (``tasksequence/staging/when.py``).  What hangs
on such a condition, or comes behind a step of a group that may fail, is not known here: a variable that is set so is
one that the scripts have, and a disk that would be partitioned so is refused, for all later letters hang on it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from osdimage.imaging.boot.firmware import Firmware
from osdimage.imaging.errors import InvalidRequest, OsdImageError, UnsupportedSteps, quoted
from osdimage.imaging.media.winpe.disks import NewDisks
from osdimage.imaging.media.winpe.model import PeFate, PeStep, PeWish
from osdimage.imaging.media.winpe.steps import CARRIED, Carried, Planning
from osdimage.imaging.media.winpe.text import script
from osdimage.imaging.tasksequence.computer.machine import Machine
from osdimage.imaging.tasksequence.conditions import LAST_ACTION, NOBODY, Condition, Verdict, evaluate
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.inputs import Inputs
from osdimage.imaging.tasksequence.judging.judgement import may_fail
from osdimage.imaging.tasksequence.judging.kinds import find_action, kind_of
from osdimage.imaging.tasksequence.judging.known import known_actions
from osdimage.imaging.tasksequence.layers import check_settable
from osdimage.imaging.tasksequence.result import ActionInfo, RunIn
from osdimage.imaging.tasksequence.sequence import Group, Sequence, Step
from osdimage.imaging.tasksequence.staging.commands import WINDOWS_NAMES, assignment
from osdimage.imaging.tasksequence.staging.when import compiled
from osdimage.imaging.tasksequence.steps import apply_data, apply_os, partition_disk, set_variable

_OF_SHELL = WINDOWS_NAMES | {"cd", "cmdcmdline", "date", "errorlevel", "path", "pathext", "prompt", "random", "time"}
_OF_DISKS = frozenset({each.INFO.type_name for each in (partition_disk, apply_os, apply_data)})
_VALID = (
    "Format and Partition Disk, Apply Operating System Image, Apply Data Image, Set Task Sequence Variable and Run "
)
_VALID += "Command Line"


@dataclass(frozen=True, slots=True)
class When:
    """A condition that the computer answers: the lines of a script that ends with 0 when it holds."""

    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Enter:
    """The beginning of a group, by its number; without a condition it is always entered."""

    group: int
    when: When | None


@dataclass(frozen=True, slots=True)
class Leave:
    """The end of a group: here a failure goes on that it may have."""

    group: int


@dataclass(frozen=True, slots=True)
class Do:
    """A step that runs.

    Attributes:
        step: what is told of it.
        when: its own condition, or None.
        carried: what it becomes; None sets a variable.
        sets: the line of a script that sets a variable; None where one is set already.
        retries: how often it is tried again.
        may_fail: whether what comes next runs although it failed.
        failure: the group behind which a failure goes on, or None: the sequence ends.
    """

    step: PeStep
    when: When | None
    carried: Carried | None = None
    sets: str | None = None
    retries: int = 0
    may_fail: bool = False
    failure: int | None = None


Item = Enter | Leave | Do


@dataclass(frozen=True, slots=True)
class Planned:
    """A sequence that is planned.

    Attributes:
        items: in the order of the script.
        steps: all steps.
        initial: lines that set variables before the first step.
        disks: that it partitions, with their volumes.
        partitions: the numbers of all disks that it partitions.
        env: the variables, which know what is secret.
    """

    items: tuple[Item, ...]
    steps: tuple[PeStep, ...]
    initial: tuple[str, ...]
    disks: NewDisks
    partitions: tuple[int, ...]
    env: Environment


def plan_under(sequence: Sequence, wish: PeWish, firmware: Firmware) -> Planned:
    """Decide what becomes of each step of a sequence on computers that start in one way.

    Raises:
        UnsupportedSteps: naming each step that Windows PE cannot carry out, and why.
        InvalidRequest: when a variable breaks the rules.
    """
    env = Environment(media=wish.variables, sequence=sequence.variables, hidden=wish.hidden)
    facts = {
        "_SMSTSInWinPE": "true",
        "_SMSTSType": "2",
        "_SMSTSMediaType": wish.media_type,
        "_SMSTSLaunchMode": wish.launch_mode,
        "_SMSTSBootUEFI": "true" if firmware is Firmware.UEFI else "false",
        "_SMSTSPackageName": sequence.name,
        "_SMSTSPackageID": sequence.package_id or "",
    }
    for name, value in facts.items():
        if value:
            env.set_read_only(name, value)
    planner = _Planner(sequence, env, Machine(packages=dict(wish.packages), is_rehearsal=True))
    planner.walk(sequence.members, certain=True, failure=None)
    if planner.refused:
        raise UnsupportedSteps([env.mask(text) for text in planner.refused])
    return planner.planned()


@dataclass(slots=True)
class _Planner:
    sequence: Sequence
    env: Environment
    machine: Machine
    items: list[Item] = field(default_factory=list)
    steps: list[PeStep] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    initial: dict[str, str] = field(default_factory=dict)
    disks: NewDisks = field(default_factory=NewDisks)
    partitions: list[int] = field(default_factory=list)
    unsure: set[str] = field(default_factory=set)
    groups: int = 0
    labels: Iterator[str] = field(init=False)
    # Whether a step before in the same group, which may fail, could keep what follows from running.
    jumped: bool = False

    def __post_init__(self) -> None:
        self.labels = iter(self.sequence.labels)

    def planned(self) -> Planned:
        return Planned(
            tuple(self.items),
            tuple(self.steps),
            tuple(self.initial.values()),
            self.disks,
            tuple(dict.fromkeys(self.partitions)),
            self.env,
        )

    def walk(self, members: tuple[Group | Step, ...], *, certain: bool, failure: int | None) -> None:
        """Plan groups and steps one after the other; ``failure`` is the group that takes a failure."""
        for member in members:
            if isinstance(member, Step):
                self._step(member, next(self.labels), certain=certain, failure=failure)
            else:
                self._group(member, certain=certain, failure=failure)

    def _group(self, group: Group, *, certain: bool, failure: int | None) -> None:
        verdict = self._verdict(group.condition)
        if group.is_disabled or (verdict.is_known and not verdict.holds):
            self._skip(
                group.members, f"group {quoted(group.name)} is disabled" if group.is_disabled else verdict.reason
            )
            return
        self.groups += 1
        number = self.groups
        try:
            when = self._when(group.condition, verdict, f"g{number}")
        except InvalidRequest as error:
            self.refused.append(f"group {quoted(group.name)}: {error.said}")
            self._skip(group.members, error.said)
            return
        self.items.append(Enter(number, when))
        before = self.jumped
        if group.continue_on_error:
            self.jumped = False
        self.walk(
            group.members, certain=certain and when is None, failure=number if group.continue_on_error else failure
        )
        self.jumped = before if group.continue_on_error else self.jumped
        self.items.append(Leave(number))

    def _skip(self, members: tuple[Group | Step, ...], why: str) -> None:
        for member in members:
            if isinstance(member, Group):
                self._skip(member.members, why)
            else:
                self.steps.append(PeStep(next(self.labels), self.env.mask(member.name), PeFate.SKIP, why))

    def _step(self, step: Step, label: str, *, certain: bool, failure: int | None) -> None:
        name = self.env.mask(step.name)
        verdict = self._verdict(step.condition)
        if step.is_disabled or (verdict.is_known and not verdict.holds):
            why = "disabled" if step.is_disabled else verdict.reason
            self.steps.append(PeStep(label, name, PeFate.SKIP, why))
            return
        info = find_action(step, known_actions())
        called = f"step {label} {quoted(name)}"
        try:
            when = self._when(step.condition, verdict, f"s{label.replace('.', '_')}")
            done = self._done(step, info, label, name, when, certain=certain and when is None, failure=failure)
        except OsdImageError as error:
            kind = kind_of(step) or "no type"
            self.refused.append(f"{called}: {error.said} ({kind})" if info is None else f"{called}: {error.said}")
            return
        self.items.append(done)
        self.steps.append(done.step)
        if failure is not None and done.carried is not None and not done.may_fail:
            self.jumped = True

    def _done(
        self,
        step: Step,
        info: ActionInfo | None,
        label: str,
        name: str,
        when: When | None,
        *,
        certain: bool,
        failure: int | None,
    ) -> Do:
        self.env.set_read_only("_SMSTSCurrentActionName", step.name[:2000])
        if info is None:
            raise InvalidRequest(f"its type is not known; Windows PE carries out {_VALID}")
        if step.run_in is RunIn.FULL_OS:
            raise InvalidRequest("it runs in the installed Windows, and the run in Windows PE ends before that starts")
        with self.env.leaving(self.unsure | LAST_ACTION), self.env.step_defaults(step.defaults, step.told):
            if info is set_variable.INFO:
                return self._set(label, name, when, certain=certain and not self.jumped)
            carry = CARRIED.get(info.type_name)
            if carry is None:
                raise InvalidRequest(f"{info.title} is not carried out in Windows PE; it carries out {_VALID}")
            if info.type_name in _OF_DISKS:
                self._require_certain(step, certain=certain)
            carried = carry(Planning(self.env, self.machine, self.disks, self.unsure | LAST_ACTION), step, label)
            # What cannot stand in a script is told with the step that wants it.
            script(carried.lines)
            if info is partition_disk.INFO:
                self.partitions += self.disks.schemes
        told = PeStep(
            label, name, PeFate.RUN, self.env.mask(carried.does), carried.destroys, self._masked(carried.warnings)
        )
        retries, tolerated = step.retry_count, may_fail(step, info)
        return Do(told, when, carried, retries=retries, may_fail=tolerated, failure=failure)

    def _require_certain(self, step: Step, *, certain: bool) -> None:
        """Refuse what is done to disks where only the computer knows whether, or with which settings."""
        if not certain:
            raise InvalidRequest(
                "whether it runs, only the computer can tell, and all later steps hang on what is on the disks; valid "
                "is a condition that is known when the medium is made"
            )
        texts = " ".join((*step.defaults.values(), *step.told.values())).lower()
        held = [each for each in sorted(self.unsure) if f"%{each}%" in texts]
        if held:
            raise InvalidRequest(f"it hangs on {', '.join(held)}, whose value only the computer will know")

    def _set(self, label: str, name: str, when: When | None, *, certain: bool) -> Do:
        inputs = Inputs(self.env, set_variable.VARIABLES)
        variable, value = inputs.text("VariableName") or "", inputs.text("VariableValue") or ""
        hides = inputs.boolean("DoNotShowVariableValue")
        inputs.finish()
        check_settable(variable)
        if hides:
            self.env.hide(variable)
        line = None
        if not certain or variable.lower() in self.unsure or self._reads_later(value):
            line = self._set_there(variable, value)
        else:
            self.env[variable] = value
        shown = self.env.mask(value) if not self.env.is_secret(variable) else "***"
        does = f"set {variable} to {quoted(shown)}" if value else f"delete {variable}"
        fate = PeFate.KNOWN if line is None else PeFate.RUN
        return Do(PeStep(label, name, fate, does), when, sets=line)

    def _set_there(self, name: str, value: str) -> str:
        """Return the line that sets a variable where the script runs; it begins with the value that is known now."""
        if name.lower() in _OF_SHELL:
            raise InvalidRequest(f"{name} is a variable of Windows PE itself; valid is another name")
        if name.lower() not in self.unsure:
            before = self.env.text(name)
            if before is not None:
                self.initial[name.lower()] = assignment(name, before)
            self.unsure.add(name.lower())
        return assignment(name, value, self.unsure | LAST_ACTION)

    def _reads_later(self, text: str) -> bool:
        return any(f"%{each}%" in text.lower() for each in self.unsure | LAST_ACTION)

    def _doubt(self, name: str) -> str | None:
        return f"{name}, which is set in Windows PE" if name in self.unsure | LAST_ACTION else None

    def _verdict(self, condition: Condition | None) -> Verdict:
        return evaluate(condition, self.env, self._doubt, NOBODY)

    def _when(self, condition: Condition | None, verdict: Verdict, label: str) -> When | None:
        if verdict.is_known:
            return None
        unsure = self.unsure | LAST_ACTION
        return When(compiled(condition, self.env, self._doubt, NOBODY, label=label, unsure=unsure))

    def _masked(self, texts: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(map(self.env.mask, texts))
