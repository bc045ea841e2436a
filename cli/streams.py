"""The standard streams: where text leaves the command."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

import click

if TYPE_CHECKING:
    from osdimage.cli.progress import Display

# What shows the progress now.  There is one terminal, and all that is printed on it shares it.
_display: Display | None = None

_BLOCK_LINES = 2000
# Some paths of the longest kind, and a sentence.
_LONGEST_LINE = 20_000
_NARROWEST = 40


@contextmanager
def beside(display: Display) -> Iterator[None]:
    """Print beside a display until it is taken away in the end: a line on stdout takes its place."""
    global _display  # noqa: PLW0603 - see above
    before, _display = _display, display
    try:
        yield
    finally:
        _display = before
        display.clear()


def printable(text: str) -> str:
    """Escape what is not printable."""
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode("ascii")
        for character in text
    )


def one_line(text: str) -> str:
    """Fold line breaks, escape what is not printable, and cut what nobody reads: hostile paths may be or have all."""
    if len(text) > _LONGEST_LINE:
        kept = _LONGEST_LINE // 2
        text = f"{text[:kept]} [... {len(text) - 2 * kept:,} characters ...] {text[-kept:]}"
    return printable(" ".join(text.split()))


def terminal_width() -> int | None:
    """Return how many columns the terminal has that stdout is, or None when it is none."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def holds(text: str) -> bool:
    """Tell whether stdout can show characters, in the encoding that it has."""
    try:
        text.encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def shortened(text: str, width: int) -> str:
    """Return a text that is cut where it is wider, with a sign that it goes on."""
    if len(text) <= width:
        return text
    sign = "…" if holds("…") else "~"
    return text[: max(0, width - 1)] + sign


def out(text: str | bytes, *, end: str = "\n", file: TextIO | None = None, color: bool | None = None) -> None:
    """Print on stdout, or on what took its place as ``file``; bytes whatever its encoding is.

    Raises:
        OSError: which names the stream, when nothing more can be written to it.
    """
    if _display is not None and file is None:
        _display.clear()
    try:
        click.echo(text + end if isinstance(text, str) else text + end.encode(), file=file, nl=False, color=color)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OSError(error.errno, error.strerror, "standard output") from error


def line(text: str = "") -> None:
    """Print a line of the result on stdout."""
    out(printable(text))


def wrapped(text: str, hanging: int, *, first: int = 0) -> None:
    """Print a line of the result on stdout, on a terminal broken between words where it ends, else as it is.

    Args:
        text: the line, which may begin with blanks.
        hanging: how many blanks more than those its other lines have before them.
        first: how many blanks are put before all.
    """
    columns, shown = terminal_width(), " " * first + printable(text)
    if columns is None or len(shown) <= columns:
        out(shown)
        return
    behind = " " * (len(shown) - len(shown.lstrip()) + hanging)
    width = max(_NARROWEST, columns)
    for each in textwrap.wrap(shown, width, subsequent_indent=behind, break_long_words=False, break_on_hyphens=False):
        out(each)


def lines(texts: Sequence[str]) -> None:
    """Print lines of the result on stdout in one piece: of a hundred thousand, each alone would take its time."""
    # Each alone only where one of them must be escaped: a line break is not printable either.
    is_printable = "".join(texts).isprintable()
    out("\n".join(texts if is_printable else map(printable, texts)))


def raw_lines(texts: Sequence[str]) -> None:
    """Print texts of the result as they are, each with a line break behind it; what is in them was escaped."""
    out("\n".join(texts))


@contextmanager
def in_blocks(show: Callable[[Sequence[str]], None] = lines) -> Iterator[Callable[[str], None]]:
    """Give a function that prints a line of the result, for results of a hundred thousand: see :func:`lines`."""
    block: list[str] = []

    def take(text: str) -> None:
        block.append(text)
        if len(block) == _BLOCK_LINES:
            show(block)
            block.clear()

    yield take
    if block:
        show(block)


def note(text: str) -> None:
    """Print a line about the work on stderr."""
    if _display is not None:
        _display.say(text)
    else:
        click.echo(printable(text), err=True)


def once(show: Callable[[str], None]) -> Callable[[str], None]:
    """Return what shows a text the first time only: a disk tells the same each time that it is looked at."""
    shown: set[str] = set()

    def show_once(text: str) -> None:
        if text not in shown:
            shown.add(text)
            show(text)

    return show_once


def say(text: str) -> None:
    """Print a line of the command about itself on stderr; what cannot be encoded is escaped."""
    click.echo(f"osdimage: {text}".encode("utf-8", "backslashreplace"), err=True)
