"""Leaving the disk of a command as it is: what is written goes to a new file, which is the disk from then on."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from osdimage.cli import values
from osdimage.cli.suffix import refuse_other_than_qcow2

if TYPE_CHECKING:
    from osdimage.imaging.disk.opening import Opening

Command = Callable[..., Any]

_OVERLAY = click.option(
    "--overlay",
    type=values.ANY_PATH,
    metavar="NEW.qcow2",
    help="Leave the disk as it is, and write to this new qcow2 file, which is the disk with the changes.",
)
# What chooses, makes or adds other disks, by the names of parameters.
_OTHERS = {
    "also": "--also",
    "disks": "--disk",
    "size": "--size",
    "sizes": "--size",
    "system": "--system",
    "every": "--all",
}


def overlay(argument: str, *, needs: str | None = None) -> Callable[[Command], Command]:
    """Return a decorator that adds the option; the argument with the disk is passed as that of the new file.

    It stands below the options that make an ``Opening``.  A rehearsal makes no file.

    Args:
        argument: the parameter that has the disk.
        needs: the parameter of a switch without which the command does not write.
    """

    def decorate(command: Command) -> Command:
        @functools.wraps(command)
        def run(*args: Any, overlay: Path | None, **kwargs: Any) -> Any:  # noqa: ANN401 - passed through
            if overlay is None:
                return command(*args, **kwargs)
            _refuse_others(kwargs, needs)
            refuse_other_than_qcow2(overlay)
            if kwargs.get("dry_run") or kwargs[argument] is None:
                # The command says what is missing.
                return command(*args, **kwargs)
            with _made(kwargs[argument], overlay, kwargs["opening"]) as opening:
                return command(*args, **{**kwargs, argument: overlay, "opening": opening})

        return _OVERLAY(run)

    return decorate


def _refuse_others(given: dict[str, Any], needs: str | None) -> None:
    # deploy has gathered what it is told of Windows.
    every = {**given, "system": given.get("system") or getattr(given.get("wish"), "system", None)}
    others = sorted({option for name, option in _OTHERS.items() if every.get(name)})
    if others:
        raise click.UsageError(f"--overlay is for one disk that is there; it does not go with {', '.join(others)}")
    if needs is not None and not given.get(needs):
        raise click.UsageError(f"--overlay goes with --{needs.replace('_', '-')}: nothing else writes here")


@contextmanager
def _made(disk: Path, new: Path, opening: Opening) -> Iterator[Opening]:
    """Make the file, and yield how it is opened; it goes again when the command is refused before it writes."""
    from osdimage.imaging.disk.containers.overlay import make_overlay  # noqa: PLC0415 - start-up stays cheap

    if not disk.exists():
        raise click.UsageError(f"{disk} does not exist; --overlay is for one disk that is there")
    make_overlay(disk, new, opening=opening)
    made = _state(new)
    try:
        # It was made here, so that it may name the disk wherever that is; what is below that was looked at.
        yield replace(opening, allow_linked=True)
    except BaseException:
        # Whatever ended it: to be opened alone changes nothing in it.
        if new.exists() and _state(new) == made:
            new.unlink()
        raise


def _state(file: Path) -> tuple[int, int, int]:
    """Return what is another when a file was written to, or is another file."""
    facts = file.stat()
    return facts.st_ino, facts.st_size, facts.st_mtime_ns
