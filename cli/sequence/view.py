"""What is seen of a task sequence: its plan, its tree while it runs, and how its steps ended."""

from __future__ import annotations

import dataclasses
import functools
import shlex
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self, TypeVar

import click
from osdimage.cli import render
from osdimage.cli.guidance.advice import worded
from osdimage.cli.render import Reporter, counted, printable
from osdimage.cli.streams import one_line, say
from osdimage.imaging.errors import quoted
from osdimage.imaging.tasksequence.judging.judge import Decision, numbered
from osdimage.imaging.tasksequence.plan import PlannedStep, RunPlan
from osdimage.imaging.tasksequence.report import RunEnd, RunEvent, RunReport, StepReport, StepState
from osdimage.imaging.tasksequence.runstate import RunState
from osdimage.imaging.tasksequence.sequence import Group, Sequence, Step
from osdimage.imaging.tasksequence.staging.staged import Position

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult
    from rich.live import Live
    from rich.text import Text


def show_plan(plan: RunPlan, sequence_file: Path, reporter: Reporter, *, strict: bool) -> None:
    """Print what would happen."""
    problems = plan.problems(strict=strict)
    if reporter.as_json:
        for text in plan.warnings:
            reporter.warn(text)
        render.document(
            {
                "name": plan.name,
                "steps": plan.steps,
                "destroys": plan.destroys,
                "problems": problems,
                "unchecked": plan.unchecked,
                "firmware": plan.firmware,
                "warnings": plan.warnings,
            },
            kind="run-plan",
        )
        return
    for text in _head_and_tree(plan, sequence_file):
        render.line(text)
    for heading, texts in (("This will be lost:", plan.destroys), ("It cannot begin:", problems)):
        if texts:
            render.line()
            render.line(heading)
            for text in texts:
                render.line(f"  {text}")
    remedy = plan.remedy_for(strict=strict)
    if problems and remedy is not None:
        render.line(f"  {worded(remedy)}")
    if plan.unchecked:
        render.line()
        render.line(f"Not checked, since no step that runs needs them: packages {', '.join(plan.unchecked)}")
    for text in plan.warnings:
        reporter.warn(text)


def _head_and_tree(plan: RunPlan, sequence_file: Path) -> Iterator[str]:
    counts = ((plan.count(decision), word) for decision, word in _COUNTED.items())
    told = ", ".join(f"{count} {word}" for count, word in counts if count)
    yield f"plan for {quoted(plan.name or sequence_file.name)}: {counted(len(plan.steps), 'step')}: {told or 'none'}"
    if plan.firmware == "bios":
        yield "the computer starts by BIOS"
    yield from _planned_tree(plan)


_PLAN_MARKS = {
    Decision.RUN: "+",
    Decision.STAGE: ">",
    Decision.HOLDS: "=",
    Decision.SKIP: "-",
    Decision.LEAVE_OUT: "~",
    Decision.REFUSE: "x",
}
_COUNTED = {
    Decision.RUN: "run now",
    Decision.STAGE: "at first start",
    Decision.HOLDS: "true already",
    Decision.SKIP: "skipped",
    Decision.LEAVE_OUT: "left out",
    Decision.REFUSE: "refused",
}


def _planned_tree(plan: RunPlan) -> Iterator[str]:
    shown: tuple[str, ...] = ()
    for steps in _folded(plan.steps, lambda step: step.reason):
        groups = _common(steps)
        yield from _headings(shown, groups)
        shown = groups
        if len(steps) == 1:
            yield from _planned(steps[0])
        else:
            mark = _PLAN_MARKS[steps[0].decision]
            yield f"{'  ' * len(groups)}{mark} {_span(steps)}. {_of_group(steps[0].reason or '')}"


_Told = TypeVar("_Told", PlannedStep, StepReport)


def _folded(steps: Iterable[_Told], reason: Callable[[_Told], str | None]) -> Iterator[tuple[_Told, ...]]:
    """Yield the steps, those together that one group keeps from running."""
    run: list[_Told] = []
    for step in steps:
        why = reason(step) or ""
        if run and not (why.startswith("group ") and why == reason(run[0])):
            yield tuple(run)
            run = []
        run.append(step)
    if run:
        yield tuple(run)


def _common(steps: tuple[_Told, ...]) -> tuple[str, ...]:
    """Return the groups that all of the steps are in."""
    return functools.reduce(lambda one, other: one[: _shared(one, other)], (step.groups for step in steps))


def _shared(one: tuple[str, ...], other: tuple[str, ...]) -> int:
    same = 0
    while same < min(len(one), len(other)) and one[same] == other[same]:
        same += 1
    return same


def _span(steps: tuple[_Told, ...]) -> str:
    return f"{steps[0].number}-{steps[-1].number}"


def _of_group(reason: str) -> str:
    """Leave out the name of the group, which stands above."""
    return "the group is disabled" if reason.endswith(" is disabled") else reason.partition("': ")[2]


def _headings(shown: tuple[str, ...], groups: tuple[str, ...]) -> Iterator[str]:
    for depth in range(_shared(shown, groups), len(groups)):
        yield f"{'  ' * depth}{groups[depth]}"


def _planned(step: PlannedStep) -> Iterator[str]:
    indent = "  " * len(step.groups)
    mark = _PLAN_MARKS[step.decision]
    yield f"{indent}{mark} {step.number}. {step.name}: {step.does if step.decision is Decision.RUN else step.reason}"
    if step.note is not None:
        yield f"{indent}     {step.note}"
    yield from (f"{indent}     {text}" for text in step.details)


_WORDS = {
    StepState.SUCCEEDED: "done",
    StepState.FAILED: "FAILED",
    StepState.TOLERATED: "failed, goes on",
    StepState.SKIPPED: "skipped",
    StepState.LEFT_OUT: "left out",
    StepState.NOT_RUN: "not run",
}


def ask(plan: RunPlan, sequence_file: Path, reporter: Reporter, *, strict: bool) -> None:
    """Show a plan and ask.

    Raises:
        click.UsageError: when nobody is there to be asked.
        click.Abort: when the answer is no.
    """
    reporter.refuse_unattended(f"{plan.destroys[0]} would be lost")
    show_plan(plan, sequence_file, reporter, strict=strict)
    click.confirm("Carry it out?", abort=True, err=True)


def show_report(report: RunReport, sequence_file: Path, reporter: Reporter) -> None:
    """Print how the steps ended."""
    if reporter.as_json:
        facts = {each.name: getattr(report, each.name) for each in dataclasses.fields(report)}
        render.document({**facts, "succeeded": report.succeeded, "left_out": report.left_out})
        return
    if not reporter.quiet:
        render.table(["", "step", "result", "code", "time", ""], _rows(report), right=(0, 4), cut=True)
        render.line()
        render.line(f"{report.name or sequence_file.name}: {_end(report)}")
        if report.first_start:
            render.line(report.first_start)
    if report.end is not RunEnd.FAILED:
        return
    failed = next((step for step in reversed(report.steps) if step.state is StepState.FAILED), None)
    why = "" if failed is None else f": {failed.message}"
    say(one_line(f"{report.message}{why} (0x{report.code:08X})"))
    if report.state_file is not None and not reporter.quiet:
        render.note(how_to_go_on(sequence_file, report.state_file))


def _end(report: RunReport) -> str:
    """Say how a run ended; that it succeeded only when steps ran, and none was left out or failed."""
    counts = Counter(step.state for step in report.steps)
    done, failed = counts[StepState.SUCCEEDED], counts[StepState.TOLERATED]
    left_out = f", {counted(report.left_out, 'step')} left out" if report.left_out else ""
    passed_over = f", {counted(failed, 'step')} failed and passed over" if failed else ""
    if report.end is RunEnd.FAILED:
        word, ran = "FAILED", "done"
    elif left_out or passed_over or not done:
        word, ran = "done", "ran"
    else:
        word, ran = "succeeded", "done"
    took = sum(step.seconds for step in report.steps)
    waiting = f", {report.waiting} wait for the first start" if report.waiting else ""
    restarts = f", {counted(report.restarts, 'restart')} recorded" if report.restarts else ""
    return f"{word}{left_out}{passed_over}, {counted(done, 'step')} {ran}{waiting} ({took:.1f} s){restarts}"


def how_to_go_on(sequence_file: Path, state_file: Path) -> str:
    """Say how a run that stopped is resumed."""
    return f"to go on: osdimage run {shlex.quote(str(sequence_file))} --resume {shlex.quote(str(state_file))}"


def _rows(report: RunReport) -> Iterator[tuple[str, ...]]:
    shown: tuple[str, ...] = ()
    passed = {StepState.SKIPPED, StepState.LEFT_OUT}
    for steps in _folded(report.steps, lambda step: step.message if step.state in passed else None):
        groups = _common(steps)
        yield from (("", heading, "", "", "", "") for heading in _headings(shown, groups))
        shown = groups
        step = steps[0]
        word = _WORDS.get(step.state, step.state.value)
        if len(steps) > 1:
            yield _span(steps), "  " * len(groups) + counted(len(steps), "step"), word, "", "", _of_group(step.message)
            continue
        code = "" if step.code is None else f"0x{step.code:08X}"
        took = f"{step.seconds:.1f} s" if step.tries else ""
        yield str(step.number), "  " * len(groups) + step.name, word, code, took, step.message


class Watcher:
    """Shows a run: the tree on a terminal, a line for each step elsewhere, JSON lines for programs.

    Use it as a context manager, and as the observer of the run.
    """

    def __init__(self, sequence: Sequence, plan: RunPlan, state: RunState, reporter: Reporter) -> None:
        """Prepare; nothing is shown before the first event."""
        self._reporter = reporter
        self._tree = Tree(sequence, plan, state)
        self._stack = ExitStack()
        self._live: Live | None = None

    def __enter__(self) -> Self:
        """Show the tree, when there is a person to show it to."""
        if self._reporter.shows_bar:
            from rich.console import Console  # noqa: PLC0415 - only a terminal pays for rich
            from rich.live import Live  # noqa: PLC0415

            live = Live(self._tree, console=Console(stderr=True), refresh_per_second=8, transient=True)
            self._live = self._stack.enter_context(live)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take the tree away."""
        self._stack.close()

    def __call__(self, event: RunEvent) -> None:
        """Show an event."""
        if event.log is None or self._reporter.verbose:
            self._reporter.event(event)
        self._tree.take(event)
        if self._live is not None and event.state is not None:
            self._live.refresh()
        if self._reporter.quiet:
            return
        if event.log is not None and self._reporter.verbose:
            self._say(event.log)
        elif event.progress is not None and event.progress.warning is not None:
            self._say(f"warning: {event.progress.warning}")
        elif event.report is not None:
            for text in event.report.warnings:
                self._say(f"warning: step {event.report.number} {quoted(event.report.name)}: {text}")
        if self._live is None and event.state is StepState.RUNNING and not self._reporter.as_json:
            render.note(f"step {event.step} of {self._tree.count}: {self._tree.name_of(event.step or 0)}")

    def _say(self, text: str) -> None:
        if self._live is None:
            render.note(text)
        else:
            self._live.console.print(printable(text), markup=False, highlight=False)


_MARKS = {
    StepState.PENDING: ("·", "dim"),
    StepState.RUNNING: ("▶", "bold cyan"),
    StepState.SUCCEEDED: ("✓", "green"),
    StepState.HOLDS: ("=", "green"),
    StepState.STAGED: (">", "cyan"),
    StepState.FAILED: ("✗", "bold red"),
    StepState.TOLERATED: ("!", "yellow"),
    StepState.SKIPPED: ("-", "dim"),
    StepState.LEFT_OUT: ("~", "dim yellow"),
    StepState.NOT_RUN: ("-", "dim"),
}


class Tree:
    """The groups and steps with their states.

    Groups in which nothing has begun, and groups that have ended, are one line each, so that what runs is in sight.
    """

    def __init__(self, sequence: Sequence, plan: RunPlan, state: RunState) -> None:
        """Take over what has ended before."""
        self._members = list(sequence.walk())
        self._numbers: dict[Position, int] = {
            position: number for number, (position, _) in enumerate(numbered(sequence), 1)
        }
        self._plan = {step.number: step for step in plan.steps}
        self._reports: dict[int, StepReport] = {report.number: report for report in state.reports}
        self._states = {number: report.state for number, report in self._reports.items()}
        self._began: dict[int, float] = {}
        self._percent: dict[int, float] = {}
        self._mask = state.env.mask

    @property
    def count(self) -> int:
        """How many steps there are."""
        return len(self._numbers)

    def name_of(self, number: int) -> str:
        """Return the name of a step."""
        planned = self._plan.get(number)
        return "" if planned is None else planned.name

    def take(self, event: RunEvent) -> None:
        """Take over what happened."""
        if event.step is None:
            return
        if event.state is not None:
            self._states[event.step] = event.state
            if event.state is StepState.RUNNING:
                self._began[event.step] = time.monotonic()
        if event.report is not None:
            self._reports[event.step] = event.report
        if event.progress is not None:
            self._percent[event.step] = event.progress.percent

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw as many lines as fit, what runs among them."""
        lines = list(self.lines())
        room = max(3, (options.height or console.height) - 1)
        at_work = next((index for index, (is_at_work, _) in enumerate(lines) if is_at_work), len(lines) - 1)
        first = max(0, min(at_work - room // 2, len(lines) - room))
        for _, text in lines[first : first + room]:
            text.no_wrap, text.overflow = True, "ellipsis"
            yield text

    def lines(self) -> Iterator[tuple[bool, Text]]:
        """Yield the lines, and whether each is about the step that runs."""
        from rich.text import Text  # noqa: PLC0415 - only a terminal pays for rich

        folded: Position | None = None
        for position, member in self._members:
            if folded is not None and position[: len(folded)] == folded:
                continue
            indent = "  " * (len(position) - 1)
            if isinstance(member, Group):
                state = self._group_state(position)
                if state is not StepState.RUNNING:
                    folded = position
                mark, style = _MARKS[state]
                yield False, Text(f"{indent}{mark} {printable(self._mask(member.name))}", style=style)
            else:
                yield self._step_line(position, member, indent)

    def _step_line(self, position: Position, step: Step, indent: str) -> tuple[bool, Text]:
        from rich.text import Text  # noqa: PLC0415 - only a terminal pays for rich

        number = self._numbers[position]
        state = self._states.get(number, StepState.PENDING)
        mark, style = _MARKS[state]
        line = Text(f"{indent}{mark} {printable(self._mask(step.name))}", style=style)
        if state is StepState.RUNNING:
            percent = self._percent.get(number)
            seconds = time.monotonic() - self._began.get(number, time.monotonic())
            line.append("" if percent is None else f"  {percent:.0f} %", style="cyan")
            line.append(f"  {seconds:.0f} s", style="dim")
        report = self._reports.get(number)
        if report is not None and report.state is state:
            time_text = f"  {report.seconds:.1f} s" if report.tries else ""
            line.append(f"{time_text}  {printable(report.message)}", style="dim")
        return state is StepState.RUNNING, line

    def _group_state(self, group: Position) -> StepState:
        """Sum up the steps of a group."""
        states = [
            self._states.get(number, StepState.PENDING)
            for position, number in self._numbers.items()
            if position[: len(group)] == group
        ]
        if not states or set(states) == {StepState.PENDING}:
            return StepState.PENDING
        if StepState.PENDING in states or StepState.RUNNING in states:
            return StepState.RUNNING
        for worst in (StepState.FAILED, StepState.TOLERATED, StepState.SUCCEEDED, StepState.LEFT_OUT):
            if worst in states:
                return worst
        return StepState.SKIPPED
