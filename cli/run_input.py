"""What the options of ``osdimage run`` give: the computer and its variables."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click
from osdimage.cli import disk_params
from osdimage.imaging.disk.layout import MAX_DISK_INDEX

if TYPE_CHECKING:
    from osdimage.imaging.tasksequence.environment import Environment
    from osdimage.imaging.tasksequence.machine import Machine

Pairs = tuple[tuple[str, str], ...]
Split = Callable[[click.Context, click.Parameter, tuple[str, ...]], Pairs]


def pairs(expected: str) -> Split:
    """Return a callback that splits NAME=VALUE, where both are needed."""

    def split(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> Pairs:
        found: dict[str, tuple[str, str]] = {}
        for value in values:
            name, _, text = value.partition("=")
            if not name.strip() or not text:
                raise click.BadParameter(f"{value!r} is not {expected}", ctx, param)
            if name.strip().lower() in found:
                raise click.BadParameter(f"{name.strip()} is given twice", ctx, param)
            found[name.strip().lower()] = (name.strip(), text)
        return tuple(found.values())

    return split


@dataclass(frozen=True, slots=True)
class Computer:
    """The computer that the options describe."""

    disks: dict[int, Path]
    packages: dict[str, Path]
    shares: dict[str, Path]
    firmware: str | None

    @classmethod
    def of_options(cls, disks: Pairs, packages: Pairs, shares: Pairs, firmware: str | None) -> Computer:
        """Read the options; every path must be there.

        Raises:
            click.UsageError: when a number or a path is not valid.
        """
        numbered: dict[int, Path] = {}
        for number, path in disks:
            if not (number.isascii() and number.isdigit() and len(number) < 6 and int(number) <= MAX_DISK_INDEX):
                raise click.UsageError(f"--disk {number}={path}: the number is 0 to {MAX_DISK_INDEX}")
            numbered[int(number)] = _present("--disk", number, path)
        return cls(
            numbered,
            {name: _present("--package", name, path) for name, path in packages},
            {name: _present("--share", name, path) for name, path in shares},
            firmware,
        )

    def machine(self) -> Machine:
        """Return the machine as Windows PE finds it."""
        from osdimage.imaging.tasksequence.machine import Firmware, Machine  # noqa: PLC0415 - start-up stays cheap

        firmware = Firmware(self.firmware or Firmware.UEFI)
        return Machine.start(self.disks, packages=self.packages, shares=self.shares, firmware=firmware)

    def move(self, machine: Machine) -> None:
        """Put the paths that were given in place of those that a saved machine had."""
        machine.disks.update(self.disks)
        machine.packages.update(self.packages)
        machine.shares.update(self.shares)


def _present(option: str, name: str, path: str) -> Path:
    found = Path(path)
    if not found.exists():
        hint = "; make one with: truncate -s 64G FILE" if option == "--disk" else ""
        raise click.UsageError(f"{option} {name}={path}: {path} does not exist{hint}")
    return found


def layers(
    *,
    computer: Path | None,
    collections: Iterable[str],
    media: Path | None,
    sequence: Mapping[str, str],
    hidden: Iterable[str],
) -> Environment:
    """Make the environment of the files of variables and of those of the sequence.

    Raises:
        click.UsageError: when a precedence is none, or a file is not there.
        InvalidRequest: when a variable breaks the rules.
    """
    from osdimage.imaging.tasksequence.environment import CollectionVariables, Environment  # noqa: PLC0415

    made = []
    for text in collections:
        number, equals, name = text.partition("=")
        is_numbered = bool(equals) and number.isascii() and number.isdigit() and len(number) == 1
        path = Path(name if is_numbered else text)
        if not path.is_file():
            raise click.UsageError(f"--collection-vars {text}: {path} is no file")
        made.append(CollectionVariables(read_variables(path), int(number) if is_numbered else 1))
    return Environment(
        computer=None if computer is None else read_variables(computer),
        collections=made,
        media=None if media is None else read_variables(media),
        sequence=sequence,
        hidden=hidden,
    )


def read_variables(path: Path) -> dict[str, str]:
    """Read a file of variables."""
    from osdimage.imaging.disk.variables import parse_variables  # noqa: PLC0415 - start-up stays cheap

    return parse_variables(disk_params.read_text(path), source=str(path))


def set_variables(env: Environment, variables: Mapping[str, str]) -> None:
    """Set what the user gives: whoever runs the sequence may also say what the engine would.

    Raises:
        InvalidRequest: when a variable breaks the rules.
    """
    for name, value in variables.items():
        if name.startswith("_"):
            env.set_read_only(name, value)
        else:
            env[name] = value
