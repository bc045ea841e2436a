"""What is seen of a task sequence while it runs: the tree of its groups and steps, or a line for each step."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from types import TracebackType
from typing import TYPE_CHECKING, Self

from osdimage.cli import render
from osdimage.cli.render import Reporter, printable
from osdimage.imaging.errors import quoted
from osdimage.imaging.tasksequence.judging.judgement import numbered
from osdimage.imaging.tasksequence.planned import RunPlan
from osdimage.imaging.tasksequence.report import RunEvent, StepReport, StepState
from osdimage.imaging.tasksequence.runstate import RunState
from osdimage.imaging.tasksequence.sequence import Group, Sequence, Step
from osdimage.imaging.tasksequence.staging.staged import Position

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult
    from rich.live import Live
    from rich.text import Text


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
                self._say(f"warning: step {event.report.called} {quoted(event.report.name)}: {text}")
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
    StepState.LATER: ("*", "dim cyan"),
    StepState.FAILED: ("✗", "bold red"),
    StepState.TOLERATED: ("!", "yellow"),
    StepState.SKIPPED: ("-", "dim"),
    StepState.LEFT_OUT: ("~", "dim yellow"),
    StepState.NOT_RUN: ("-", "dim"),
}


_WORST_FIRST = (
    StepState.FAILED,
    StepState.TOLERATED,
    # What waits for the first start is not done, nor is a group that it is in.
    StepState.STAGED,
    StepState.SUCCEEDED,
    StepState.HOLDS,
    StepState.LEFT_OUT,
)
"""What a group has become, by the first of these that one of its steps has."""


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
        self._put: float | None = None
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
            self._put = self._put if event.progress is None else event.progress.percent
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
        if self._put is not None:
            yield True, Text(f"> put on the disk for the first start  {self._put:.0f} %", style="cyan")

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
        for worst in _WORST_FIRST:
            if worst in states:
                return worst
        return StepState.SKIPPED
