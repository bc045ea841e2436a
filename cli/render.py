"""What people and programs see: the only place that formats.

Results go to stdout, everything else to stderr.  Names come from files that others made: what is not printable is
escaped, so that a name cannot move the cursor or pretend to be a message.
"""

from __future__ import annotations

import dataclasses
import io
import os
import stat
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime
from enum import Enum
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self, TextIO
from uuid import UUID

import click
from osdimage.cli.advice import worded
from osdimage.imaging.errors import Remedy, StorageError
from osdimage.imaging.progress import Phase, ProgressCallback, ProgressEvent

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


_BLOCK_LINES = 2000


def printable(text: str) -> str:
    """Escape what is not printable."""
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode("ascii")
        for character in text
    )


def counted(number: int, one: str, several: str | None = None) -> str:
    """Return a number with its noun: ``1 image``, ``2,000 images``."""
    return f"{number:,} {one if number == 1 else several or one + 's'}"


def contents(files: int, directories: int) -> str:
    """Say how much a tree holds."""
    return f"{counted(files, 'file')} and {counted(directories, 'directory', 'directories')}"


def out(text: str | bytes, *, end: str = "\n") -> None:
    """Print on stdout; bytes whatever its encoding is.

    Raises:
        OSError: which names the stream, when nothing more can be written to it.
    """
    try:
        click.echo(text + end if isinstance(text, str) else text + end.encode(), nl=False)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OSError(error.errno, error.strerror, "standard output") from error


def line(text: str = "") -> None:
    """Print a line of the result on stdout."""
    out(printable(text))


def lines(texts: Sequence[str]) -> None:
    """Print lines of the result on stdout in one piece: of a hundred thousand, each alone would take its time."""
    is_printable = "".join(texts).isprintable()
    out("\n".join(texts if is_printable else map(printable, texts)))


@contextmanager
def in_blocks() -> Iterator[Callable[[str], None]]:
    """Give a function that prints a line of the result, for results of a hundred thousand: see :func:`lines`."""
    block: list[str] = []

    def take(text: str) -> None:
        block.append(text)
        if len(block) == _BLOCK_LINES:
            lines(block)
            block.clear()

    yield take
    if block:
        lines(block)


def note(text: str) -> None:
    """Print a line about the work on stderr."""
    click.echo(printable(text), err=True)


def to_plain(value: object) -> object:
    """Turn facts into what JSON has: dataclasses into objects, enums into their names, times into ISO 8601."""
    if isinstance(value, Remedy):
        return worded(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: to_plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Enum):
        return value.value if isinstance(value.value, str) else value.name.lower()
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, (UUID, Path)):
        return str(value)
    if isinstance(value, dict):
        return {str(key): to_plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [to_plain(item) for item in value]
    return value


def document(value: object) -> None:
    """Print one JSON document on stdout.  Lone surrogates of names become JSON escapes."""
    import json  # noqa: PLC0415 - start-up stays cheap

    out(json.dumps(to_plain(value), indent=2))


def table(
    headings: Sequence[str], rows: Iterable[Sequence[str]], *, right: Sequence[int] = (), cut: bool = False
) -> None:
    """Print rows under headings, columns as wide as their widest cell; the columns in ``right`` to the right.

    With ``cut`` lines are as wide as the terminal, when there is one.
    """
    import shutil  # noqa: PLC0415 - start-up stays cheap

    columns = shutil.get_terminal_size().columns if cut and sys.stdout.isatty() else None
    cells = [[printable(cell) for cell in row] for row in rows]
    widths = [max(len(row[column]) for row in [list(headings), *cells]) for column in range(len(headings))]
    for row in [list(headings), *cells]:
        parts = [
            cell.rjust(width) if column in right else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        text = "  ".join(parts).rstrip()
        out(text if columns is None or len(text) <= columns else text[: columns - 1] + "…")


class Reporter:
    """Shows the progress of one command: a bar on a terminal, JSON lines for programs, warnings for both.

    Use it as a context manager and hand :attr:`callback` to the library.

    Attributes:
        quiet: print nothing but errors.
        verbose: print more.
        as_json: print the result as JSON.
    """

    def __init__(self, *, events: str | None, quiet: bool, verbose: bool, as_json: bool) -> None:
        """Prepare; nothing is shown before the first event.

        Raises:
            click.UsageError: when both the events and the result would go to stdout.
        """
        if events == "-" and as_json:
            raise click.UsageError("--events - and --json both write to stdout; give --events a file")
        self._events_to = events
        self.quiet = quiet
        self.verbose = verbose
        self.as_json = as_json
        self._stack = ExitStack()
        self._stream: TextIO | None = None
        self._bar: Progress | None = None
        self._task: TaskID | None = None

    def __enter__(self) -> Self:
        """Open the events' file."""
        if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout.errors == "strict":
            # A name that the locale's encoding lacks is escaped; it must not end the command.
            sys.stdout.reconfigure(errors="backslashreplace")
        if self._events_to == "-":
            self._stream = sys.stdout
        elif self._events_to is not None:
            try:
                self._stream = self._stack.enter_context(_open_events(self._events_to))
            except OSError as error:
                raise click.UsageError(f"--events {self._events_to}: {error.strerror}") from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take the bar away and close the file."""
        self._stack.close()
        self._bar = None

    def refuse_unattended(self, would: str) -> None:
        """Refuse to ask when nobody would see the question; ``would`` says what would happen, and to what.

        Raises:
            click.UsageError: that says so.
        """
        if self.as_json or self.quiet or not sys.stdin.isatty():
            raise click.UsageError(f"{would}; give --yes when nobody is there to be asked")

    @property
    def shows_bar(self) -> bool:
        """Whether there is a person to show a bar to."""
        return not self.quiet and sys.stderr.isatty() and os.environ.get("TERM") != "dumb"

    @property
    def callback(self) -> ProgressCallback | None:
        """The function for the library, or None when nobody listens."""
        if self._stream is None and self.quiet:
            return None
        return self._on_event

    def event(self, facts: object) -> None:
        """Write a JSON line to where ``--events`` says.

        Raises:
            StorageError: when nothing more can be written to it.
        """
        if self._stream is None or self._events_to is None:
            return
        import json  # noqa: PLC0415 - start-up stays cheap

        text = json.dumps(to_plain(facts))
        if self._events_to == "-":
            out(text)
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
                f"--events {self._events_to}: {error.strerror}; the command was stopped",
                path=self._events_to,
                errno=error.errno,
            ) from error

    def result(self, facts: object, *lines: str) -> None:
        """Print the result: the facts as JSON when that was asked for, the lines otherwise."""
        if self.as_json:
            document(facts)
        elif not self.quiet:
            for text in lines:
                line(text)

    def warn(self, text: str) -> None:
        """Show a warning."""
        if self.quiet:
            return
        if self._bar is not None:
            self._bar.console.print(f"warning: {printable(text)}", markup=False, highlight=False)
        else:
            note(f"warning: {text}")

    def _on_event(self, event: ProgressEvent) -> None:
        self.event(event)
        if event.warning is not None:
            self.warn(event.warning)
        elif self.shows_bar:
            self._move_bar(event)

    def _move_bar(self, event: ProgressEvent) -> None:
        if self._bar is None:
            self._bar = self._stack.enter_context(_make_bar())
            self._task = self._bar.add_task("", total=100.0, detail="")
        if self._task is not None:
            self._bar.update(
                self._task, completed=event.percent, description=_LABELS[event.phase], detail=_detail(event)
            )


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


def _make_bar() -> Progress:
    from rich.console import Console  # noqa: PLC0415 - only a terminal pays for rich
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn  # noqa: PLC0415

    return Progress(
        TextColumn("{task.description:<18}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f}%"),
        TextColumn("{task.fields[detail]}"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )


def _detail(event: ProgressEvent) -> str:
    from osdimage.imaging.units import format_size  # noqa: PLC0415

    if event.unit == "files":
        return counted(event.done, "file") if event.total is None else f"{event.done:,} of {event.total:,} files"
    if event.total is None:
        return format_size(event.done) if event.done else ""
    return f"{format_size(event.done)} of {format_size(event.total)}"
