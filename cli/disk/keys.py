"""The keys of encrypted volumes: from files, from the environment, or typed; never from the command."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from osdimage.cli import invocation, streams
from osdimage.cli.invocation import KEY_VARIABLE

if TYPE_CHECKING:
    from osdimage.imaging.disk.bitlocker.keys import KeyRing, UnlockKey

_KEY = click.option(
    "--bitlocker-key",
    "key_files",
    metavar="[N=]FILE|-",
    multiple=True,
    help="A file with what opens a BitLocker volume (of partition N): recovery password, password, or startup key "
    f"(.BEK); - is stdin.  Repeatable.  Default: what {KEY_VARIABLE} holds, or what is typed.",
)

_OF_VOLUMES = {
    "key_files": "--bitlocker-key",
    "allow_linked": "--allow-linked",
    "replay_log": "--replay-log",
    "vm_snapshot": "--vm-snapshot",
}


def keys(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the option that names keys, and put them into the ``Opening`` that is passed as ``opening``."""

    @functools.wraps(command)
    def run(*args: Any, key_files: tuple[str, ...], **kwargs: Any) -> Any:  # noqa: ANN401 - passed through
        quiet = bool(kwargs.get("quiet"))
        with _ring(key_files, quiet=quiet) as ring:
            return command(*args, opening=replace(kwargs.pop("opening"), keys=ring), **kwargs)

    return _KEY(run)


def refuse_for_images() -> None:
    """Refuse what the current command was given for a volume, and has a WIM: keys, and what opens its disk.

    Raises:
        click.UsageError: naming the options.
    """
    given = click.get_current_context().params
    names = [option for name, option in _OF_VOLUMES.items() if given.get(name)]
    if names:
        raise click.UsageError(f"{', '.join(names)}: for volumes, not for images of WIMs")


@contextmanager
def _ring(files: tuple[str, ...], *, quiet: bool) -> Iterator[KeyRing | None]:
    """Yield the keys, and wipe them at the end; None where there are none and nobody can be asked."""
    from_environment = invocation.current().key
    is_attended = not quiet and _is_attended()
    if not files and not from_environment and not is_attended:
        yield None
        return
    from osdimage.imaging.disk.bitlocker.keys import KeyRing, read_keys  # noqa: PLC0415 - few have any

    if sum(_split(each)[1] == "-" for each in files) > 1:
        raise click.UsageError("standard input holds one key")
    with ExitStack() as stack:
        held: list[UnlockKey] = []
        stack.callback(lambda: KeyRing(tuple(held)).wipe())
        for each in files:
            partition, name = _split(each)
            held += _read(name, partition)
        if from_environment and not files:
            with _wiped(bytearray(os.fsencode(from_environment))) as data:
                held += read_keys(data, name=KEY_VARIABLE)
        yield KeyRing(tuple(held), _ask if is_attended else None)


def _is_attended() -> bool:
    """Tell whether somebody can be asked."""
    return not invocation.current().as_json and sys.stdin.isatty() and sys.stderr.isatty()


def _split(value: str) -> tuple[int | None, str]:
    """Return the number of a partition, or None, and the path."""
    number, equals, name = value.partition("=")
    if equals and number.isascii() and number.isdecimal():
        return int(number), name
    return None, value


def _read(name: str, partition: int | None) -> tuple[UnlockKey, ...]:
    from osdimage.imaging.disk.bitlocker.keys import LARGEST_KEY_FILE, read_keys  # noqa: PLC0415 - as above
    from osdimage.imaging.errors import InvalidInput, StorageError  # noqa: PLC0415

    if not name:
        raise click.UsageError("--bitlocker-key: names no file; - is standard input")
    shown = "standard input" if name == "-" else name
    with _wiped(bytearray(LARGEST_KEY_FILE + 1)) as room:
        try:
            with open(0 if name == "-" else Path(name), "rb", buffering=0, closefd=name != "-") as file:
                size = 0
                # A pipe gives what it has.
                while (count := file.readinto(memoryview(room)[size:])) and size <= LARGEST_KEY_FILE:
                    size += count
        except FileNotFoundError:
            # The name is not told: it may be the key.
            raise click.UsageError(
                "--bitlocker-key: there is no such file; valid is a file that holds the key, or - for standard input, "
                "never the key itself"
            ) from None
        except OSError as error:
            raise StorageError(f"{shown}: {error.strerror}", path=name, errno=error.errno) from error
        if size > LARGEST_KEY_FILE:
            raise InvalidInput(f"{shown}: is too large to hold a key: more than {LARGEST_KEY_FILE} bytes")
        with _wiped(room[:size]) as data:
            return read_keys(data, name=shown, partition=partition)


@contextmanager
def _wiped(data: bytearray) -> Iterator[bytearray]:
    """Yield what may hold a key, and make it zeros at the end."""
    try:
        yield data
    finally:
        data[:] = bytes(len(data))


def _ask(said: str) -> bytearray | None:
    """Ask for a key at the terminal, which does not show it."""
    click.echo(streams.printable(said), err=True)
    typed: str = click.prompt("Key (empty for none)", hide_input=True, default="", show_default=False, err=True)
    return bytearray(typed.encode("utf-8", "surrogateescape")) if typed else None
