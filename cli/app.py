"""The click group, and the one place where a command ends: exit codes, signals, errors."""

from __future__ import annotations

import gc
import io
import os
import platform
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from types import FrameType
from typing import NoReturn

import click
from osdimage.cli.commands import COMMANDS, help_text
from osdimage.cli.invocation import KEY_VARIABLE, Invocation
from osdimage.cli.lazy import LazyGroup
from osdimage.cli.patience import Patience
from osdimage.cli.streams import out
from osdimage.imaging.version import VERSION

_LIBRARIES = ("libwim", "libntfs-3g")
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Commands(LazyGroup):
    """All commands."""

    table = COMMANDS

    def invoke(self, ctx: click.Context) -> object:
        """Run the command; click would end in silence at any error with the number of a broken pipe."""
        try:
            return super().invoke(ctx)
        except OSError as error:
            raise Carried(error) from error

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the help that also needs no click."""
        del ctx
        formatter.write(help_text() + "\n")


@click.group(
    cls=Commands,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
@click.option("--version", "-V", "shows_version", is_flag=True, help="Show the version and exit.")
@click.option("--verbose", "-v", is_flag=True, help="With --version: also show those of the libraries.")
@click.pass_context
def cli(ctx: click.Context, *, shows_version: bool, verbose: bool) -> None:
    """Capture, inspect, convert and apply Windows images."""
    if shows_version:
        for text in _versions(verbose=verbose):
            out(text)
        ctx.exit()
    if verbose:
        raise click.UsageError("-v goes behind the command, or with --version", ctx)
    if ctx.invoked_subcommand is None:
        click.echo(help_text(), err=True)
        ctx.exit(2)


def _versions(*, verbose: bool) -> Iterator[str]:
    """Yield the version, and with ``verbose`` those of what does the work."""
    yield f"osdimage {VERSION}"
    if verbose:
        from osdimage.imaging import doctor  # noqa: PLC0415 - it loads all of them

        for one in doctor.examine().components:
            if one.name in _LIBRARIES:
                yield f"{one.name} {one.version or 'missing'}"
        yield f"Python {platform.python_version()}"


class Carried(Exception):
    """Takes an error past click."""

    def __init__(self, error: OSError) -> None:
        """Remember the error."""
        super().__init__(error)
        self.error = error


class Stopped(BaseException):
    """A signal asked the command to stop.  Not an Exception: nothing on the way may swallow it."""

    def __init__(self, number: int) -> None:
        """Remember the signal."""
        super().__init__(number)
        self.number = number


def _stop(number: int, frame: FrameType | None) -> NoReturn:
    del frame
    raise Stopped(number)


def run() -> NoReturn:
    """Run the command line and leave with the documented exit code."""
    patience = Patience()
    invocation = Invocation.of(sys.argv[1:])
    # Of every command: no program that is run from here needs it.
    invocation.key = os.environ.pop(KEY_VARIABLE, None)
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A file name that the terminal's encoding lacks is shown escaped, and stops nothing.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        # Here, so that none comes where nobody takes it.
        _begin_handlers()
        with _log_on_stderr() if invocation.debug else nullcontext():
            code = _outcome(invocation)
    except Stopped as stop:
        # A second signal, in the moment before the first outcome could end the handlers.
        _end_handlers()
        code = 128 + stop.number
    patience.end()
    _leave_no_output()
    # All memory goes back at once; nothing is to be searched for garbage any more.
    gc.freeze()
    sys.exit(code if isinstance(code, int) else 0)


@contextmanager
def _log_on_stderr() -> Iterator[None]:
    """Show on stderr what the library logs."""
    import logging  # noqa: PLC0415 - it takes a tenth of the start-up

    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    log = logging.getLogger("osdimage")
    level = log.level
    log.addHandler(handler)
    log.setLevel(logging.DEBUG)
    try:
        yield
    finally:
        # A process may run more than one command; the next stands on its own.
        log.removeHandler(handler)
        log.setLevel(level)


def _outcome(invocation: Invocation) -> object:
    """Run the command, tell how it ended, and return its exit code."""
    try:
        # standalone_mode would turn every click exception into an exit by itself.
        code: object = cli.main(prog_name="osdimage", standalone_mode=False, obj=invocation)
        sys.stdout.flush()
    except Stopped as stop:
        _end_handlers()
        from osdimage.cli.failures import stopped, tell  # noqa: PLC0415 - not on the path of a command that works

        code = tell(stopped(stop, stop.number), invocation)
    except Exception as raised:  # noqa: BLE001 - the last place: no traceback reaches a user
        _end_handlers()
        error = raised.error if isinstance(raised, Carried) else raised
        if type(error) is BrokenPipeError:
            # The reader of our output left (`| head`): the code of a program that the signal would have ended, as git.
            return 128 + signal.SIGPIPE
        from osdimage.cli.failures import report  # noqa: PLC0415 - as above

        code = report(_of_stdout(error), invocation)
    _end_handlers()
    return code


def _of_stdout(error: Exception) -> Exception:
    """Name the standard output in an error that it raised: what printed, such as a help text of click, does not."""
    if isinstance(error, OSError) and error.filename is None:
        try:
            # What it did not take is still in the buffer.
            sys.stdout.flush()
        except OSError as again:
            if again.errno == error.errno:
                return OSError(error.errno, error.strerror, "standard output")
    return error


def _begin_handlers() -> None:
    for number in _SIGNALS:
        # A parent that ignores a signal (nohup) means it.
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _stop)


def _end_handlers() -> None:
    """Let a signal end the process from now on: there is nothing to undo, and stderr may take nothing more."""
    for number in _SIGNALS:
        if signal.getsignal(number) is _stop:
            signal.signal(number, signal.SIG_DFL)


def _leave_no_output() -> None:
    """Give up what stdout does not take: Python would try again when it ends, and end with a code of its own."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
