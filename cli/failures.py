"""One table: what was raised -> one line on stderr, an error object for programs, and an exit code."""

from __future__ import annotations

import errno
import os
import re
import signal
import sys
import traceback
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import click
from osdimage.cli import documents
from osdimage.cli.guidance.advice import remedy_of
from osdimage.cli.invocation import Invocation
from osdimage.cli.lazy import NoCommand
from osdimage.cli.streams import note, one_line, say
from osdimage.imaging import errors

FAILED, USAGE, INVALID_INPUT, REFUSED = 1, 2, 3, 4
NOT_KNOWN = 6

# The first class that fits decides.
EXIT_CODES: tuple[tuple[type[errors.OsdImageError], int], ...] = (
    (errors.UnsupportedSteps, INVALID_INPUT),
    (errors.NotForMedia, INVALID_INPUT),
    (errors.InvalidRequest, USAGE),
    (errors.InvalidInput, INVALID_INPUT),
    (errors.TargetRefused, REFUSED),
    # As of a program that the signal ends.
    (errors.ReaderLeft, 128 + signal.SIGPIPE),
    (errors.OsdImageError, FAILED),
)


def exit_code(error: errors.OsdImageError) -> int:
    """Return the exit code of an error."""
    return next(code for kind, code in EXIT_CODES if isinstance(error, kind))


@dataclass(frozen=True, slots=True)
class Failure:
    """How a command failed, for people and programs.

    Attributes:
        code: the exit code.
        kind: a word for programs: that of the error's class, such as ``not-a-wim``.
        message: a sentence: what, where, and what would be valid.
        where: the path that it is about, or None when that is not known.
        errno: the name of the system's error number, such as ``ENOSPC``, or None.
        remedy: what would help, or None.
        problems: every single thing that is wrong, when there are several.
        candidates: what may have been meant, a line for each.
    """

    code: int
    kind: str
    message: str
    where: str | None = None
    errno: str | None = None
    remedy: str | None = None
    problems: Sequence[str] = ()
    candidates: Sequence[str] = ()


def report(error: Exception, invocation: Invocation) -> int:
    """Tell people and programs of an error, and return the exit code."""
    if invocation.debug:
        traceback.print_exception(error)
    if isinstance(error, click.exceptions.Exit):
        return error.exit_code
    if isinstance(error, NoCommand):
        note_help(error)
        return USAGE
    return tell(describe(error), invocation)


def note_help(error: NoCommand) -> None:
    """Show the help of a command without which nothing can be done."""
    click.echo(error.format_message(), err=True)


def tell(failure: Failure, invocation: Invocation) -> int:
    """Print a failure; return its exit code."""
    several = len(failure.problems) > 1
    if several:
        say(one_line(failure.message).partition(": ")[0] + ":")
        for text in (*failure.problems, *([] if failure.remedy is None else [failure.remedy])):
            note(f"  {one_line(text)}")
    else:
        say(_with(one_line(failure.message), failure.remedy))
    for candidate in failure.candidates:
        click.echo(f"  {one_line(candidate)}".encode("utf-8", "backslashreplace"), err=True)
    if invocation.as_json and not invocation.has_answered:
        # What stdout does not take cannot be told on it.
        with suppress(OSError):
            documents.failure_document(failure, sends=invocation.sends)
    return failure.code


def _with(said: str, remedy: str | None) -> str:
    """Return one line of a message and of what would help; what follows a question is a sentence of its own."""
    if remedy is None:
        return said
    text = one_line(remedy)
    return f"{said} {text[0].upper()}{text[1:]}" if said.endswith("?") else f"{said}; {text}"


def stopped(error: BaseException, number: int) -> Failure:
    """Describe how a signal ended the command."""
    name = signal.Signals(number).name
    notes = "".join(f" -- {text}" for text in getattr(error, "__notes__", ()))
    return Failure(128 + number, "stopped", f"stopped by {name}{notes}", remedy=remedy_of(error))


def describe(error: Exception) -> Failure:
    """Return what is told of an error."""
    if isinstance(error, (click.ClickException, click.Abort)):
        return _of_click(error)
    for kind, code in EXIT_CODES:
        if isinstance(error, kind):
            return _of_library(error, code)
    if isinstance(error, OSError):
        where = "" if error.filename is None else f"{error.filename}: "
        return Failure(
            FAILED,
            "system",
            f"{where}{error.strerror or error}",
            where=None if error.filename is None else str(error.filename),
            errno=_errno_name(error.errno),
        )
    said = f"internal error: {type(error).__name__}: {error} (run again with --debug and report it)"
    return Failure(FAILED, "internal", said)


def _of_library(error: errors.OsdImageError, code: int) -> Failure:
    where = getattr(error, "path", None)
    return Failure(
        code,
        _word(type(error)),
        " -- ".join((error.said, *getattr(error, "__notes__", ()))),
        where=None if where is None else os.fspath(where),
        errno=_errno_name(getattr(error, "errno", None)),
        remedy=remedy_of(error),
        problems=error.problems if isinstance(error, (errors.InvalidLayout, errors.NotReady)) else (),
        candidates=error.candidates if isinstance(error, errors.ImageNotFound) else (),
    )


def _word(kind: type[errors.OsdImageError]) -> str:
    """Return the name of a class of errors as programs read it: ``NotAWim`` is ``not-a-wim``."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "-", kind.__name__).lower()


def _errno_name(number: int | None) -> str | None:
    return None if number is None else errno.errorcode.get(number, str(number))


def _of_click(error: click.ClickException | click.Abort) -> Failure:
    if isinstance(error, click.Abort):
        # Signals have a way of their own: this is a question that was answered with no, or not at all.
        return Failure(FAILED, "declined", "not confirmed: nothing was changed")
    if isinstance(error, click.UsageError):
        said = _said(error)
        if said.startswith("Got unexpected extra argument") and "--ref" in sys.argv:
            # The shell put the names of the files in the place of the pattern.
            said += "; the pattern of --ref is quoted, as in --ref 'install*.swm'"
        said = _habit(error) or said
        path = error.ctx.command_path if error.ctx is not None else "osdimage"
        return Failure(USAGE, "usage", said, remedy=f"see {path} --help")
    return Failure(error.exit_code, "usage", _said(error))


def _habit(error: click.UsageError) -> str | None:
    """Return what is said in the place of a mistake that is a habit from another program."""
    from osdimage.cli.guidance.habits import habit_of  # noqa: PLC0415 - only after a mistake

    # Words that are left over, or one that is no file as it is an image.
    is_left = "unexpected extra argument" in error.format_message()
    return habit_of(error) if is_left or isinstance(error, click.BadParameter) else None


def _option_meant(error: click.NoSuchOption) -> str | None:
    """Return the option that does what one of another program does, if the command has it."""
    from osdimage.cli.guidance.hints import option_hint  # noqa: PLC0415 - only after a mistake

    known = (
        []
        if error.ctx is None
        else [name for each in error.ctx.command.params for name in (*each.opts, *each.secondary_opts)]
    )
    return option_hint(error.option_name, known)


def _instead(error: click.NoSuchOption) -> str | None:
    """Return what is done in the place of an option of another program, where that is no option."""
    from osdimage.cli.guidance.hints import option_instead  # noqa: PLC0415 - only after a mistake

    return None if error.ctx is None else option_instead(error.ctx.command.name or "", error.option_name)


def _needed(error: click.MissingParameter) -> str | None:
    """Return the arguments that are needed, where click says that the first of them is missing.

    A word that is given alone goes to the last, as the first takes all that are left; which is meant is not known.
    """
    if error.ctx is None or error.param is None or error.param.nargs != -1:
        return None
    arguments = [each for each in error.ctx.command.params if isinstance(each, click.Argument)]
    names = [(each.metavar or each.name or "").rstrip(".").upper() for each in arguments]
    return " and ".join(names) if len(arguments) > 1 and arguments[0] is error.param else None


def _said(error: click.ClickException) -> str:
    """Return the sentence of click without its full stop: more may follow in the line.

    An argument has its bare name there, without the marks of what can be left out or repeated.
    """
    if isinstance(error, click.NoSuchOption) and (meant := _option_meant(error)) is not None:
        return f"No such option '{error.option_name}'. Did you mean '{meant}'?"
    if isinstance(error, click.NoSuchOption) and (instead := _instead(error)) is not None:
        return f"No such option '{error.option_name}'; {instead}"
    if isinstance(error, click.MissingParameter) and (needed := _needed(error)) is not None:
        return f"Missing argument; needed are {needed}"
    said = one_line(error.format_message()).removesuffix(".")
    return re.sub(r"^(Invalid value for|Missing argument) '\[?([A-Z]+)\]?(?:\.{3})?'", r"\1 '\2'", said)
