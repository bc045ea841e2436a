"""The values of a plan: what becomes of each step, what is lost, and why the sequence must not begin."""

from __future__ import annotations

from dataclasses import dataclass

from osdimage.imaging.errors import Incomplete, Means, NotReady, OsdImageError, Remedy, UnsupportedSteps, quoted
from osdimage.imaging.tasksequence.judging.judgement import Decision
from osdimage.imaging.tasksequence.result import StepClass, short_type
from osdimage.imaging.tasksequence.staging.first_start import StartForecast

_BECOMES = {
    Decision.RUN: "run",
    Decision.HOLDS: "true",
    Decision.STAGE: "first-start",
    Decision.LATER: "later",
    Decision.SKIP: "skipped",
    Decision.LEAVE_OUT: "left-out",
    Decision.REFUSE: "refused",
}


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """One step of a plan.

    Attributes:
        number: from 1, over all steps of the sequence.
        groups: the names of the groups around it, the outermost first.
        name: of the step.
        type: of the step, or the script of MDT that it runs, or None.
        decision: whether it runs.
        reason: why not, or None.
        does: what it does, or None.
        destroys: what is lost by it.
        note: what cannot be known before, or None.
        problems: what would make it fail.
        may_fail: whether the sequence goes on after it failed.
        unmapped: the packages that it needs and that have no path.
        step_class: what it would take to run it, where it cannot be run.
        warnings: what it will leave out or lose.
        details: sentences about the parts of what it does.
        serves: names of devices for which it brings a driver.
        lacks: names of disk controllers for which it brings none, and that need one.
        remedy: what would let it run, where it is refused, or None.
        shown: what people call its number: ``12.3`` in a child task sequence that stands in place of step 12.
    """

    number: int
    groups: tuple[str, ...]
    name: str
    type: str | None
    decision: Decision
    reason: str | None = None
    does: str | None = None
    destroys: tuple[str, ...] = ()
    note: str | None = None
    problems: tuple[str, ...] = ()
    may_fail: bool = False
    unmapped: tuple[str, ...] = ()
    step_class: StepClass | None = None
    warnings: tuple[str, ...] = ()
    details: tuple[str, ...] = ()
    serves: tuple[str, ...] = ()
    lacks: tuple[str, ...] = ()
    remedy: Remedy | None = None
    shown: str = ""

    @property
    def called(self) -> str:
        """What people call its number."""
        return self.shown or str(self.number)

    @property
    def becomes(self) -> str:
        """What becomes of it: ``run``, ``true``, ``first-start``, ``later``, ``skipped`` and so on."""
        return _BECOMES[self.decision]

    @property
    def label(self) -> str:
        """What messages call it."""
        return f"step {self.called} {quoted(self.name)}"

    @property
    def obstacle(self) -> str:
        """The sentence about a step that cannot be run."""
        kind = "no type" if self.type is None else short_type(self.type)
        of_class = "" if self.step_class is None else f", class {self.step_class}"
        return f"{self.label}: {self.reason} ({kind}{of_class})"


@dataclass(frozen=True, slots=True)
class RunPlan:
    """What a run would do.

    Attributes:
        name: of the sequence.
        steps: all of its steps, in their order.
        unchecked: packages that the sequence refers to and that no step needs which runs: nothing was asked about them.
        firmware: how the computer starts, ``uefi`` or ``bios``.
        first_start: what is put on the disk for the first start of the new Windows, or None.
        unasked: programs and applications that were given, and that no step asks for which could run.
    """

    name: str
    steps: tuple[PlannedStep, ...]
    unchecked: tuple[str, ...] = ()
    firmware: str = "uefi"
    first_start: StartForecast | None = None
    unasked: tuple[str, ...] = ()

    def count(self, decision: Decision) -> int:
        """Count the steps of which this becomes."""
        return sum(1 for step in self.steps if step.decision is decision)

    @property
    def counts(self) -> dict[str, int]:
        """How many steps become what, by :attr:`PlannedStep.becomes`; together they are all steps."""
        return {word: self.count(decision) for decision, word in _BECOMES.items()}

    @property
    def destroys(self) -> tuple[str, ...]:
        """All that is lost."""
        return tuple(dict.fromkeys(text for step in self.steps for text in step.destroys))

    @property
    def tolerated(self) -> tuple[str, ...]:
        """What would make a step fail whose failure the sequence allows."""
        return tuple(f"{step.label}: {text}" for step in self.steps if step.may_fail for text in step.problems)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What steps will leave out, which they tell again when they run, and what is tolerated."""
        left_out = tuple(f"{step.label}: {text}" for step in self.steps for text in step.warnings)
        of_start = () if self.first_start is None else self.first_start.warnings
        refused = tuple(step.obstacle for step in self.steps if step.decision is Decision.REFUSE and step.may_fail)
        unasked = tuple(f"no step asks for {quoted(each)}, which was given" for each in self.unasked)
        return (*left_out, *of_start, *self.tolerated, *refused, *unasked)

    def obstacles(self, *, strict: bool = False) -> tuple[PlannedStep, ...]:
        """Return the steps that are refused and may not fail; with ``strict`` all, and those that are left out."""
        held = {Decision.REFUSE, Decision.LEAVE_OUT} if strict else {Decision.REFUSE}
        return tuple(step for step in self.steps if step.decision in held and (strict or not step.may_fail))

    @property
    def without_storage(self) -> tuple[str, ...]:
        """Sentences about disk controllers for which no step brings a driver, though one was to."""
        runs = [step for step in self.steps if step.decision is Decision.RUN]
        served = {name for step in runs for name in step.serves}
        found = (f"{step.label}: {name}" for step in runs for name in step.lacks if name not in served)
        return tuple(f"{each}: a disk controller for which no step brings a driver" for each in dict.fromkeys(found))

    def problems(self, *, strict: bool = False) -> tuple[str, ...]:
        """Return why the sequence must not begin.

        With ``strict`` a step that is left out is a reason, and a disk controller without a driver.
        """
        held = {step.number for step in self.obstacles(strict=strict)}
        found: list[str] = []
        for step in self.steps:
            if step.number in held:
                found.append(step.obstacle)
            elif not step.may_fail:
                found += (f"{step.label}: {text}" for text in step.problems)
        if self.first_start is not None:
            found += self.first_start.problems
        if strict:
            found += self.without_storage
        return tuple(dict.fromkeys(found))

    def remedies(self, *, strict: bool = False) -> tuple[Remedy, ...]:
        """Return what would help, each alone: paths for packages, to leave steps out, and what refused steps lack."""
        unmapped = dict.fromkeys(package for step in self.steps if not step.may_fail for package in step.unmapped)
        held = () if strict else self.obstacles()
        classes = tuple(sorted({step.step_class or StepClass.UNKNOWN for step in held}, reverse=True))
        start = () if self.first_start is None else (self.first_start,)
        without = f"to run it without these steps: {' '.join(['{}'] * len(classes))}"
        found = (
            *(Remedy("give {}", (Means.PACKAGES,), (package,)) for package in unmapped),
            *((Remedy(without, (Means.LEAVE_OUT,) * len(classes), classes),) if classes else ()),
            *(each.remedy for each in (*held, *start) if each.remedy is not None),
        )
        return tuple(dict.fromkeys(found))

    def remedy_for(self, *, strict: bool = False) -> Remedy | None:
        """Return :meth:`remedies` as one sentence, or None when there are none."""
        found = self.remedies(strict=strict)
        if not found:
            return None
        means = tuple(means for each in found for means in each.means)
        values = tuple(value for each in found for value in each.values)
        of_steps = {step.remedy for step in self.obstacles()}
        text = "; ".join(f"or {each.text}" if each in of_steps else each.text for each in found)
        return Remedy(text, means, values)

    def refusal(self, *, strict: bool = False) -> OsdImageError | None:
        """Return the error that says why the sequence must not begin, or None when it can; see :meth:`require`."""
        found = self.problems(strict=strict)
        if not found:
            return None
        lacking = self.without_storage
        if strict and set(found) == set(lacking):
            return Incomplete("; ".join(lacking))
        kind = UnsupportedSteps if self.obstacles(strict=strict) else NotReady
        return kind(found, remedy=self.remedy_for(strict=strict))

    def require(self, *, strict: bool = False) -> None:
        """Refuse a sequence that has problems.

        Raises:
            UnsupportedSteps: when steps are among them that cannot be run here; with all problems.
            NotReady: with all of them.
            Incomplete: with ``strict``, when no step brings a driver for a disk controller, and else all is ready.
        """
        refusal = self.refusal(strict=strict)
        if refusal is not None:
            raise refusal
