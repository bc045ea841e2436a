"""Progress for people: a bar on a terminal, a line now and then elsewhere; and for programs: JSON lines."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol, TextIO

import click
from osdimage.cli.streams import out, printable
from osdimage.imaging.errors import StorageError
from osdimage.imaging.progress import Phase, ProgressEvent
from osdimage.imaging.units import counted, format_size

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

_LABELS = {
    Phase.SCAN: "Scanning",
    Phase.READ: "Reading",
    Phase.WRITE_DATA: "Writing files",
    Phase.WRITE_METADATA: "Writing trees",
    Phase.CALCULATE_INTEGRITY: "Hashing",
    Phase.CHECK_INTEGRITY: "Checking integrity",
    Phase.WIPE: "Wiping",
    Phase.CREATE_FILES: "Creating files",
    Phase.EXTRACT_DATA: "Writing contents",
    Phase.SET_METADATA: "Setting attributes",
    Phase.JOIN: "Joining",
    Phase.VERIFY_DATA: "Checking contents",
}

# The first key of what is told of work, and of a task sequence.
_EVENT_STARTS = (b'{"phase": ', b'{"step": ')


class Display(Protocol):
    """Where a person sees how far the work is."""

    def move(self, event: ProgressEvent) -> None:
        """Show a step of the work."""

    def say(self, text: str) -> None:
        """Print a line on stderr beside it."""

    def clear(self) -> None:
        """Take it from the screen; the next step shows it again."""


class Bar:
    """A bar on the last line of a terminal."""

    def __init__(self) -> None:
        """Prepare; nothing is drawn before the first step."""
        self._bar: Progress | None = None
        self._task: TaskID | None = None

    def move(self, event: ProgressEvent) -> None:
        """Draw it anew."""
        if self._bar is None:
            self._bar = _make_bar()
            self._bar.start()
            self._task = self._bar.add_task("", total=100.0, detail="", left="")
        if self._task is not None:
            self._bar.update(
                self._task,
                completed=event.percent,
                description=_LABELS[event.phase],
                detail=_detail(event),
                left="" if event.eta_s is None else _clock(event.eta_s),
            )

    def say(self, text: str) -> None:
        """Print a line above it."""
        if self._bar is None:
            click.echo(printable(text), err=True)
        else:
            self._bar.console.print(printable(text), markup=False, highlight=False, soft_wrap=True)

    def clear(self) -> None:
        """Take it away."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None


class Lines:
    """A line on stderr now and then, where nothing can be drawn: in a log, a pipe, or on a dumb terminal.

    Work that is soon done has none, so that cron has nothing to mail.
    """

    FIRST_S, PAUSE_S, LONGEST_S, STEP_PERCENT = 10.0, 10.0, 60.0, 10.0

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin to count the time."""
        self._clock = clock
        self._last_s = clock() + self.FIRST_S - self.PAUSE_S
        self._last_percent = -self.STEP_PERCENT

    def move(self, event: ProgressEvent) -> None:
        """Print a line when there is news: a tenth more of the work, or the same for a minute."""
        pause = self._clock() - self._last_s
        enough = event.percent - self._last_percent >= self.STEP_PERCENT and pause >= self.PAUSE_S
        if not enough and pause < self.LONGEST_S:
            return
        self._last_s, self._last_percent = self._clock(), event.percent
        left = "" if event.eta_s is None else f", {_clock(event.eta_s)} left"
        detail = _detail(event)
        self.say(f"{event.percent:.0f} %: {_LABELS[event.phase]}{f' ({detail})' if detail else ''}{left}")

    def say(self, text: str) -> None:
        """Print a line."""
        click.echo(printable(text), err=True)

    def clear(self) -> None:
        """Do nothing: lines stay."""


def _make_bar() -> Progress:
    from rich.console import Console  # noqa: PLC0415 - only a terminal pays for rich
    from rich.progress import BarColumn, Progress, TextColumn  # noqa: PLC0415

    return Progress(
        TextColumn("{task.description:<18}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f}%"),
        TextColumn("{task.fields[detail]}"),
        TextColumn("{task.fields[left]}"),
        console=Console(stderr=True),
        transient=True,
        # The streams are the command's own: whoever prints takes the bar away before.
        redirect_stdout=False,
        redirect_stderr=False,
    )


def _clock(seconds: float) -> str:
    """Write how long something takes, as ``1:05`` or ``1:02:03``."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _detail(event: ProgressEvent) -> str:
    if event.unit == "files":
        return counted(event.done, "file") if event.total is None else f"{event.done:,} of {event.total:,} files"
    if event.total is None:
        return format_size(event.done) if event.done else ""
    return f"{format_size(event.done)} of {format_size(event.total)}"


class EventStream:
    """Where ``--events`` writes: a file, or stdout."""

    def __init__(self, name: str, stdout: TextIO) -> None:
        """Open the file.

        Raises:
            click.UsageError: when it cannot be opened, or holds something else.
        """
        self._name = name
        self._stream = stdout
        if name != "-":
            try:
                self._stream = _open_events(name)
            except OSError as error:
                raise click.UsageError(f"--events {name}: {error.strerror}") from error

    def close(self) -> None:
        """Close the file; stdout is not ours."""
        if self._name != "-":
            self._stream.close()

    def write(self, text: str) -> None:
        """Write a line, at once.

        Raises:
            OSError: for stdout, as of any output.
            StorageError: when a file takes nothing more.
        """
        if self._name == "-":
            out(text, file=self._stream)
            return
        try:
            self._stream.write(text + "\n")
            self._stream.flush()
        except OSError as error:
            # Closing writes the same once more.
            with suppress(OSError):
                self._stream.close()
            # Not a BrokenPipeError, which stands for a reader of stdout that left and is passed over in silence.
            raise StorageError(
                f"--events {self._name}: {error.strerror}; the command was stopped",
                path=self._name,
                errno=error.errno,
            ) from error


def _open_events(name: str) -> TextIO:
    """Open where events go: a new file, one of events, which is emptied, or what cannot be emptied, such as a pipe.

    Raises:
        OSError: when it cannot be opened.
        click.UsageError: when it holds something else, such as the disk or the WIM that the command is about.
    """
    # Not for reading too: a pipe of which this is a reader itself would never tell that the other one left.
    descriptor = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        # The descriptor is what will be written to, whatever became of the name.
        facts = os.fstat(descriptor)
        reason = _refusal(descriptor, facts)
        if reason is None and stat.S_ISREG(facts.st_mode):
            os.ftruncate(descriptor, 0)
    except BaseException:
        os.close(descriptor)
        raise
    if reason is not None:
        os.close(descriptor)
        raise click.UsageError(f"--events {name}: {reason}; valid is a new file")
    return os.fdopen(descriptor, "w", encoding="utf-8")


def _refusal(descriptor: int, facts: os.stat_result) -> str | None:
    """Say why events are not written to what is open, or None."""
    if stat.S_ISBLK(facts.st_mode):
        return "is a block device"
    if stat.S_ISREG(facts.st_mode) and facts.st_size and not _begins_with_event(descriptor):
        return "exists and holds something else than events"
    return None


def _begins_with_event(descriptor: int) -> bool:
    try:
        again = os.open(f"/proc/self/fd/{descriptor}", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        # What cannot be looked at is not thrown away.
        return False
    try:
        return os.pread(again, max(map(len, _EVENT_STARTS)), 0).startswith(_EVENT_STARTS)
    finally:
        os.close(again)
