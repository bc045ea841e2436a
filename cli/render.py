"""What people and programs see: the only place that formats.

Results go to stdout, everything else to stderr.  Names come from files that others made: what is not printable is
escaped, so that a name cannot move the cursor or pretend to be a message.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterable, Sequence
from contextlib import ExitStack, redirect_stdout
from types import TracebackType
from typing import TYPE_CHECKING, Self

import click
from osdimage.cli import invocation, standard, streams
from osdimage.cli.documents import compact, document, to_plain
from osdimage.cli.guidance import advice
from osdimage.cli.progress import Bar, Display, EventStream, Lines
from osdimage.cli.streams import line, note, out, printable, wrapped
from osdimage.imaging.progress import ProgressCallback, ProgressEvent
from osdimage.imaging.units import counted

if TYPE_CHECKING:
    from osdimage.imaging.apply.job import ApplyResult
    from osdimage.imaging.capture.image import CaptureResult
    from osdimage.imaging.finding import Finding
    from osdimage.imaging.wim.extracted.extract import ExtractResult
    from osdimage.imaging.wim.piped.streams import OutputStream

__all__ = [
    "Reporter",
    "compacted_lines",
    "contents",
    "counted",
    "document",
    "engine_lines",
    "findings",
    "line",
    "note",
    "out",
    "printable",
    "table",
    "to_plain",
    "wrapped",
]


def contents(files: int, directories: int) -> str:
    """Say how much a tree holds."""
    return f"{counted(files, 'file')} and {counted(directories, 'directory', 'directories')}"


def table(
    headings: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    right: Sequence[int] = (),
    drop: Sequence[int] = (),
    cut: bool = False,
    below: int | None = None,
) -> None:
    """Print rows under headings, columns as wide as their widest cell.

    On a terminal that is narrower, columns are left out, and named below the table; elsewhere all are there.

    Args:
        headings: one for each column.
        rows: a cell for each column.
        right: the columns whose cells stand to the right.
        drop: the columns that can be left out, the first of them first.
        cut: whether lines end where the terminal does, when no column is left to be left out.
        below: how far in, on a terminal that is narrower, the last cell of a row stands below the row; None: beside it.
    """
    columns = streams.terminal_width()
    lines = [list(headings), *([printable(cell) for cell in row] for row in rows)]
    shown = list(range(len(headings)))
    dropped: list[str] = []
    for column in drop:
        if columns is None or _width(lines, shown) <= columns:
            break
        shown.remove(column)
        dropped.append(headings[column])
    widths = {column: max(len(row[column]) for row in lines) for column in shown}
    for row in lines:
        parts = [row[each].rjust(widths[each]) if each in right else row[each].ljust(widths[each]) for each in shown]
        text, under = "  ".join(parts).rstrip(), ""
        if below is not None and columns is not None and len(text) > columns:
            text, under = "  ".join(parts[:-1]).rstrip(), row[shown[-1]]
        out(streams.shortened(text, columns) if cut and columns is not None else text)
        if under and below is not None:
            wrapped(under, 0, first=below)
    if dropped:
        line(f"(not shown, for want of room: {', '.join(dropped)})")


def findings(found: Iterable[Finding], *, quiet: bool) -> None:
    """Print what was noticed, with what to do about each; with ``quiet`` the errors alone."""
    for each in found:
        if not quiet or each.severity == "error":
            line(f"{each.severity}: {each.text} [{each.code}]")
            line(f"  {advice.worded(each.remedy)}")


def _width(lines: Sequence[Sequence[str]], shown: Sequence[int]) -> int:
    """Return how wide the widest line is, without the blanks behind its last cell."""
    before = sum(max(len(row[column]) for row in lines) + 2 for column in shown[:-1])
    return before + max(len(row[shown[-1]]) for row in lines)


class Reporter:
    """Shows the progress of one command, its warnings, and its result.

    Use it as a context manager and hand :attr:`callback` to the library.

    Attributes:
        quiet: print nothing but errors, and what was asked for.
        verbose: print more.
        as_json: print the result as JSON.
        sent: stdout, when a WIM goes there and all that is printed to stderr; else None.
    """

    def __init__(self, *, events: str | None, quiet: bool, verbose: bool, as_json: bool, sends: bool = False) -> None:
        """Prepare; nothing is shown before the first event.  With ``sends`` a WIM goes to stdout, and nothing else.

        Raises:
            click.UsageError: when two of the WIM, the events and the result would go to stdout.
        """
        invocation.current().sends = sends
        if events == "-" and sends:
            raise click.UsageError("--events - and the WIM would both go to stdout; give --events a file")
        if events == "-" and as_json:
            raise click.UsageError("--events - and --json both write to stdout; give --events a file")
        self._events_to = events
        self.quiet = quiet
        self.verbose = verbose
        self.as_json = as_json
        self._stack = ExitStack()
        self.sent: OutputStream | None = None
        self._sends = sends
        self._events: EventStream | None = None
        self._display: Display | None = None
        self._warned: set[str] = set()

    def __enter__(self) -> Self:
        """Open the events' file, and take the terminal."""
        if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout.errors == "strict":
            # A name that the locale's encoding lacks is escaped; it must not end the command.
            sys.stdout.reconfigure(errors="backslashreplace")
        if self._sends:
            self.sent = self._stack.enter_context(standard.taken_stdout())
        if self._events_to is not None:
            self._events = EventStream(self._events_to, sys.stdout)
            self._stack.callback(self._events.close)
        if self._events_to == "-":
            # Programs get JSON lines and nothing else; what people read is on stderr then.
            self._stack.enter_context(redirect_stdout(sys.stderr))
        if self.shows_bar:
            self._display = Bar()
        elif not self.quiet and self._events is None:
            self._display = Lines()
        if self._display is not None:
            self._stack.enter_context(streams.beside(self._display))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take the bar away and close the file."""
        self._stack.close()
        self._display = None

    def refuse_unattended(self, would: str) -> None:
        """Refuse to ask when nobody would see the question; ``would`` says what would happen, and to what.

        Raises:
            click.UsageError: that says so.
        """
        if self.as_json or self.quiet or not sys.stdin.isatty():
            raise click.UsageError(f"{would}; give --yes when nobody is there to be asked")

    @property
    def writes_events_to_stdout(self) -> bool:
        """Whether stdout is for JSON lines alone."""
        return self._events_to == "-"

    @property
    def shows_bar(self) -> bool:
        """Whether there is a person to show a bar to."""
        return not self.quiet and sys.stderr.isatty() and os.environ.get("TERM") != "dumb"

    @property
    def callback(self) -> ProgressCallback | None:
        """The function for the library, or None when nobody listens."""
        if self._events is None and self.quiet:
            return None
        return self._on_event

    def event(self, facts: object) -> None:
        """Write a JSON line to where ``--events`` says.

        Raises:
            StorageError: when nothing more can be written to it.
        """
        if self._events is not None:
            self._events.write(compact(facts))

    def result(self, facts: object, *lines: str) -> None:
        """Print the result: the facts as JSON when that was asked for, the lines otherwise."""
        if self.as_json:
            document(facts)
        elif not self.quiet:
            for text in lines:
                line(text)

    def answer(self, facts: object, *lines: str) -> None:
        """Print what was asked for, also when nothing else is to be said."""
        if self.as_json:
            document(facts)
        else:
            streams.lines(lines)

    def warn(self, text: str) -> None:
        """Show a warning, once: a plan tells it before the question, and its execution again."""
        if not self.quiet and text not in self._warned:
            self._warned.add(text)
            note(f"warning: {text}")

    def tell(self, text: str) -> None:
        """Show a line about what is done, on stderr; it is no warning."""
        if not self.quiet:
            note(text)

    def move(self, event: ProgressEvent) -> None:
        """Show how far the work is, to people alone."""
        if self._display is not None:
            self._display.move(event)

    def settle(self) -> None:
        """Take the bar away: work that follows has another one, or asks."""
        if self._display is not None:
            self._display.clear()

    def _on_event(self, event: ProgressEvent) -> None:
        self.event(event)
        if event.warning is not None:
            self.warn(event.warning)
        elif event.excluded is not None:
            if self.verbose:
                note(f"left out: {event.excluded}")
        else:
            self.move(event)


def replaced_lines(result: ApplyResult | CaptureResult | ExtractResult) -> list[str]:
    """Tell which names were replaced by others."""
    more = result.replaced - len(result.replaced_names)
    lines = list(map(str, result.replaced_names))
    return [*lines, f"and {more:,} more names"] if more else lines


def engine_lines(result: ApplyResult) -> list[str]:
    """Tell what filled a volume or a directory, and why that was not bulk."""
    if result.engine is None:
        return []
    return [f"engine: {result.engine}" + ("" if result.engine_reason is None else f", as {result.engine_reason}")]


def compacted_lines(result: ApplyResult) -> list[str]:
    """Tell what compressing files as a whole has saved."""
    from osdimage.imaging.units import format_size  # noqa: PLC0415 - start-up stays cheap

    found = result.compacted
    if found is None:
        return []
    if not found.files:
        return ["compressed: no file, as none takes less room so, or the boot loader reads it"]
    saved = f"{format_size(found.stored)} in place of {format_size(found.size)}"
    return [f"compressed: {counted(found.files, 'file')}, {saved}"]
