"""What is told of a run: how each step stands, what happens, and how it ended.  All text in it is masked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from osdimage.imaging.progress import ProgressEvent
from osdimage.imaging.tasksequence.phases import RestartTarget
from osdimage.imaging.tasksequence.result import LogType


class StepState(StrEnum):
    """How it stands with a step.

    STAGED: it waits for the first start of the new Windows; it is not done.  LATER: the run goes on with it when that
    Windows was started.
    """

    PENDING = "pending"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    HOLDS = "true already"
    STAGED = "staged"
    FAILED = "failed"
    TOLERATED = "failed, continued"
    SKIPPED = "skipped"
    LEFT_OUT = "left out"
    LATER = "later"
    NOT_RUN = "not run"


@dataclass(frozen=True, slots=True)
class StepReport:
    """How a step ended.

    Attributes:
        number: from 1, over all steps of the sequence.
        groups: the names of the groups around it, the outermost first.
        name: of the step.
        type: of the step, or None.
        state: how it ended.
        code: what its action returned, as an unsigned number; None when none ran.
        message: what was done, or why not.
        seconds: how long it took, all tries together.
        tries: how often its action ran.
        warnings: what was left out or lost.
        shown: what people call its number: ``12.3`` in a child task sequence that stands in place of step 12.
    """

    number: int
    groups: tuple[str, ...]
    name: str
    type: str | None
    state: StepState
    code: int | None = None
    message: str = ""
    seconds: float = 0.0
    tries: int = 0
    warnings: tuple[str, ...] = ()
    shown: str = ""

    @property
    def called(self) -> str:
        """What people call its number."""
        return self.shown or str(self.number)


class RunEnd(StrEnum):
    """How a run ended.

    SUCCEEDED: every step ran that was neither disabled nor passed over by a condition.  DONE: it came to its end too,
    but steps were left out that would have run.  PAUSED: it goes on when the new Windows was started, has done what
    waits for it, and was shut down.
    """

    SUCCEEDED = "succeeded"
    DONE = "done"
    PAUSED = "paused"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class RunReport:
    """How a run ended.

    Attributes:
        name: of the sequence.
        end: how it ended.
        code: 0, or why it failed.
        message: why it failed, ``""`` when it did not.
        restarts: how many restarts were recorded.
        steps: one for each step, in their order.
        state_file: what a run that failed or is paused can be resumed from, or None.
        first_start: what was put on the disk for the first start of the new Windows, as a sentence; "" for nothing.
    """

    name: str
    end: RunEnd
    code: int
    message: str
    restarts: int
    steps: tuple[StepReport, ...]
    state_file: Path | None = None
    first_start: str = ""

    @property
    def succeeded(self) -> bool:
        """Whether it came to its end, and no step was left out that would have run."""
        return self.end is RunEnd.SUCCEEDED

    @property
    def counts(self) -> dict[StepState, int]:
        """How many steps ended how; together they are all of its steps."""
        return dict(Counter(step.state for step in self.steps))

    @property
    def waiting(self) -> int:
        """How many steps wait for the first start of the new Windows."""
        return sum(1 for step in self.steps if step.state is StepState.STAGED)

    @property
    def left_out(self) -> int:
        """How many steps were left out that would have run."""
        return sum(1 for step in self.steps if step.state is StepState.LEFT_OUT)


@dataclass(frozen=True, slots=True)
class RunEvent:
    """What happens in a run; all text is masked.

    Attributes:
        step: the number of the step it is about, from 1; None when it is about the whole.
        state: what the step has become, or None.
        report: how the step ended, with its last event.
        progress: how far the step is, 0 to 100 % of this step; without a step, how far media are read, before the
            first one, and how far all that waits for the first start is put on the disk.
        log: a line of its log, or None.
        kind: how much the line matters.
        restart: the restart that was recorded, or None.
    """

    step: int | None
    state: StepState | None = None
    report: StepReport | None = None
    progress: ProgressEvent | None = None
    log: str | None = None
    kind: LogType = LogType.INFO
    restart: RestartTarget | None = None


Observer = Callable[[RunEvent], None]
"""Is told what happens, in the thread that runs the sequence."""
