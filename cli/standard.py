"""The standard streams as WIMs: ``-`` in the place of a file."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, redirect_stdout
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click
from osdimage.cli import closed

if TYPE_CHECKING:
    from osdimage.cli.render import Reporter
    from osdimage.imaging.wim.piped.streams import InputStream, OutputStream, Passed

_STDIN, _STDOUT, _STDERR = 0, 1, 2


class Standard(Enum):
    """What takes the place of a path: a file that is called ``-`` is one all the same."""

    STREAM = "-"


STREAM: Final = Standard.STREAM


@contextmanager
def taken_stdout() -> Iterator[OutputStream]:
    """Take stdout for a WIM alone: whoever prints, a library or another program too, prints on stderr meanwhile.

    Raises:
        click.UsageError: when it is a terminal, or closed.
    """
    from osdimage.imaging.wim.piped.streams import OutputStream  # noqa: PLC0415 - start-up stays cheap

    if _STDOUT in closed.CLOSED:
        raise click.UsageError("standard output is closed; valid is a pipe or a file for the WIM")
    if os.isatty(_STDOUT):
        raise click.UsageError("standard output is a terminal; valid is a pipe or a file for the WIM")
    with ExitStack() as stack:
        sys.stdout.flush()
        descriptor = os.dup(_STDOUT)
        stack.callback(os.close, descriptor)
        os.dup2(_STDERR, _STDOUT)
        stack.callback(os.dup2, descriptor, _STDOUT)
        stack.enter_context(redirect_stdout(sys.stderr))
        yield OutputStream(descriptor)


def stdin() -> InputStream:
    """Return stdin as a stream that gives a WIM.

    Raises:
        click.UsageError: when it is a terminal, or closed.
    """
    from osdimage.imaging.wim.piped.streams import InputStream  # noqa: PLC0415 - start-up stays cheap

    if _STDIN in closed.CLOSED:
        raise click.UsageError("standard input is closed; valid is a pipe or a file with the WIM")
    if os.isatty(_STDIN):
        raise click.UsageError("standard input is a terminal; valid is a pipe or a file with the WIM")
    return InputStream(_STDIN)


class Source:
    """The WIM that a command reads: a file, or what was kept of stdin in one.

    Attributes:
        path: of the file.
    """

    def __init__(self, path: Path, stream: InputStream | None = None) -> None:
        """Remember both."""
        self.path = path
        self._stream = stream

    @property
    def title(self) -> str:
        """What messages call it."""
        return str(self.path) if self._stream is None else self._stream.name

    @property
    def passed(self) -> Passed | None:
        """What came through stdin; None when that was not read."""
        return None if self._stream is None else self._stream.passed


@contextmanager
def source(wim: Path | Standard, reporter: Reporter) -> Iterator[Source]:
    """Yield the WIM that a command reads in any order; one on stdin is kept in a file until the ``with`` ends.

    Raises:
        click.UsageError: when stdin is a terminal, or closed.
        OsdImageError: when no WIM comes.
    """
    if not isinstance(wim, Standard):
        yield Source(wim)
        return
    from osdimage.imaging.wim.piped.spool import spooled  # noqa: PLC0415 - start-up stays cheap

    stream = stdin()
    tell_kept(reporter)
    with spooled(stream, reporter.callback) as path:
        yield Source(path, stream)


def tell_kept(reporter: Reporter) -> None:
    """Tell where a WIM is kept that comes from stdin and is needed whole, and how much room there is."""
    from osdimage.cli.streams import note  # noqa: PLC0415 - it imports the display
    from osdimage.imaging.units import format_size  # noqa: PLC0415 - start-up stays cheap

    if reporter.quiet:
        return
    folder = tempfile.gettempdir()
    room = format_size(shutil.disk_usage(folder).free)
    note(f"the WIM from standard input is kept in {folder} until all is done; there is room for {room}")


def with_stream(facts: object, passed: Passed | None) -> dict[str, object]:
    """Return the members of a document, and one that tells what went through a stream, or null where there was none."""
    from osdimage.cli.documents import to_plain  # noqa: PLC0415 - it needs the invocation, which needs this

    plain = to_plain(facts)
    if not isinstance(plain, dict):
        raise TypeError(f"a document is an object, not {type(facts).__name__}")
    return plain | {"stream": None if passed is None else {"bytes": passed.size, "sha256": passed.sha256}}


def line(passed: Passed | None, verb: str) -> list[str]:
    """Return the line about what went through a stream, if there was one."""
    return [] if passed is None else [f"  {verb} {passed.size:,} bytes, SHA-256 {passed.sha256}"]
