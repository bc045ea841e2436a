"""What a call of the command asks of every end that it may have: a result, an error, a signal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import click

Command = Callable[..., Any]

KEY_VARIABLE: Final = "OSDIMAGE_BITLOCKER_KEY"


@dataclass(slots=True)
class Invocation:
    """One call of the command; the root context of click carries it as its object.

    Attributes:
        as_json: whether the result, or the error in its place, is to be a JSON document on stdout.
        debug: whether an error is shown with its traceback.
        has_answered: whether a document was begun on stdout, so that none is to follow.
        sends: whether stdout is for a WIM, so that everything else goes to stderr.
        key: what the environment had in :data:`KEY_VARIABLE`, or None.
    """

    as_json: bool
    debug: bool
    has_answered: bool = False
    sends: bool = False
    key: str | None = field(default=None, repr=False)

    @classmethod
    def of(cls, arguments: Sequence[str]) -> Invocation:
        """Guess from the words: one that click cannot read ends before its options are known."""
        options = arguments[: arguments.index("--")] if "--" in arguments else arguments
        sends = bool(options) and options[0] in _SENDERS and "-" in _without_value(options, "--events")
        return cls("--json" in options, "--debug" in options, sends=sends)


# The commands that write a WIM to stdout where ``-`` takes the place of its path.
_SENDERS = {"capture", "export"}


def _without_value(words: Sequence[str], option: str) -> list[str]:
    """Return words without the value of an option."""
    return [word for before, word in zip(["", *words], words, strict=False) if before != option]


def current() -> Invocation:
    """Return the call that click works on; one of its own where a command is called by something else."""
    context = click.get_current_context(silent=True)
    found = None if context is None else context.find_object(Invocation)
    return Invocation(as_json=False, debug=False) if found is None else found


def flag(name: str, attribute: str, text: str) -> Callable[[Command], Command]:
    """Return an option that is taken over into the invocation before any other, so that their errors know of it."""

    def take(ctx: click.Context, param: click.Parameter, value: bool) -> bool:
        del param
        found = ctx.find_object(Invocation)
        if found is not None:
            # What the words looked like may have been the value of another option.
            setattr(found, attribute, value)
        return value

    return click.option(name, attribute, is_flag=True, is_eager=True, callback=take, help=text)
