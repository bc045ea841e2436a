"""One table: what was raised -> one line on stderr and an exit code."""

from __future__ import annotations

import traceback

import click
from osdimage.cli.advice import remedy_of
from osdimage.cli.render import printable
from osdimage.imaging import errors

FAILED, USAGE, INVALID_INPUT, REFUSED, INTERRUPTED = 1, 2, 3, 4, 130

# The first class that fits decides.
EXIT_CODES: tuple[tuple[type[errors.OsdImageError], int], ...] = (
    (errors.InvalidRequest, USAGE),
    (errors.InvalidInput, INVALID_INPUT),
    (errors.TargetRefused, REFUSED),
    (errors.OsdImageError, FAILED),
)


def report(error: Exception, *, debug: bool) -> int:
    """Print an error for people and return the exit code."""
    if debug:
        traceback.print_exception(error)
    if isinstance(error, (click.ClickException, click.exceptions.Exit, click.Abort)):
        return _report_click(error)
    for kind, code in EXIT_CODES:
        if isinstance(error, kind):
            if isinstance(error, (errors.InvalidLayout, errors.NotReady)) and len(error.problems) > 1:
                say(error.said.partition(": ")[0] + ":")
                for problem in (*error.problems, *_remedies(error)):
                    click.echo(f"  {one_line(problem)}", err=True)
                return code
            said = " -- ".join(one_line(text) for text in (error.said, *getattr(error, "__notes__", ())))
            say("; ".join((said, *map(one_line, _remedies(error)))))
            if isinstance(error, errors.ImageNotFound):
                for candidate in error.candidates:
                    click.echo(f"  {one_line(candidate)}".encode("utf-8", "backslashreplace"), err=True)
            return code
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename is not None else ""
        say(f"{where}{error.strerror or error}")
        return FAILED
    say(f"internal error: {type(error).__name__}: {one_line(str(error))} (run again with --debug and report it)")
    return FAILED


def _remedies(error: BaseException) -> list[str]:
    found = remedy_of(error)
    return [] if found is None else [found]


def _report_click(error: click.ClickException | click.exceptions.Exit | click.Abort) -> int:
    if isinstance(error, click.exceptions.Exit):
        return error.exit_code
    if isinstance(error, click.Abort):
        say("stopped")
        return INTERRUPTED
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        click.echo(error.format_message(), err=True)
        return USAGE
    if isinstance(error, click.UsageError):
        path = error.ctx.command_path if error.ctx is not None else "osdimage"
        say(f"{one_line(error.format_message())} (see {path} --help)")
        return USAGE
    say(one_line(error.format_message()))
    return error.exit_code


def say(text: str) -> None:
    """Print one line on stderr; what cannot be encoded is escaped."""
    click.echo(f"osdimage: {text}".encode("utf-8", "backslashreplace"), err=True)


def one_line(text: str) -> str:
    """Fold line breaks and escape what is not printable; a hostile file name may hold both."""
    return printable(" ".join(text.split()))
