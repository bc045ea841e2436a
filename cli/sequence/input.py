"""What the options of ``osdimage run`` give: the computer and its variables."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

import click
from osdimage.cli.suffix import refuse_other_than_raw
from osdimage.cli.values import DISK_SIZE
from osdimage.imaging.disk.layouts.layout import MAX_DISK_INDEX

if TYPE_CHECKING:
    from osdimage.imaging.disk.opening import Opening
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


Sizes = tuple[tuple[int | None, int], ...]
"""Sizes in bytes, each of one disk, or of all that have none of their own."""


def sizes(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> Sizes:
    """Read SIZE or N=SIZE."""
    found: dict[int | None, int] = {}
    for value in values:
        name, equals, text = value.rpartition("=")
        if equals and not (name.isascii() and name.isdigit() and len(name) < 6):
            raise click.BadParameter(f"{value!r} is not SIZE or N=SIZE, such as 64GB or 1=20GB", ctx, param)
        number = int(name) if equals else None
        if number in found:
            raise click.BadParameter(
                f"{value!r}: the size of {'all' if number is None else number} is given twice", ctx, param
            )
        found[number] = DISK_SIZE.convert(text, param, ctx)
    return tuple(found.items())


@dataclass(frozen=True, slots=True)
class Computer:
    """The computer that the options describe.

    Attributes:
        disks: by their numbers.
        packages: by their IDs.
        shares: folders by the shares that they stand for.
        firmware: how it starts, or None.
        new: the sizes in bytes of the disks that are made where they do not exist.
        opening: how its disks are opened.
    """

    disks: dict[int, Path]
    packages: dict[str, Path]
    shares: dict[str, Path]
    firmware: str | None
    new: dict[int, int]
    opening: Opening

    @classmethod
    def of_options(
        cls,
        disks: Pairs,
        packages: Pairs,
        shares: Pairs,
        firmware: str | None,
        *,
        opening: Opening,
        sizes: Sizes = (),
    ) -> Computer:
        """Read the options; every path must be there, but those of disks that have a size.

        Raises:
            click.UsageError: when a number or a path is not valid, or two disks are one file.
        """
        numbered: dict[int, Path] = {}
        sized = dict(sizes)
        for number, path in disks:
            if not (number.isascii() and number.isdigit() and len(number) < 6 and int(number) <= MAX_DISK_INDEX):
                raise click.UsageError(f"--disk {number}={path}: the number is 0 to {MAX_DISK_INDEX}")
            found = Path(path) if {None, int(number)} & sized.keys() else _present("--disk", number, path)
            for other, same in numbered.items():
                if same.resolve() == found.resolve():
                    raise click.UsageError(f"--disk {number}={path}: disk {other} is the same file")
            numbered[int(number)] = found
        if lost := sized.keys() - {None} - numbered.keys():
            raise click.UsageError(f"--size {min(filter(None, lost), default=0)}=SIZE: there is no such --disk")
        return cls(
            numbered,
            {name: _present("--package", name, path) for name, path in packages},
            {name: _present("--share", name, path) for name, path in shares},
            firmware,
            {each: sized[each if each in sized else None] for each in numbered if {None, each} & sized.keys()},
            opening,
        )

    def machine(self, *, hold: bool) -> Machine:
        """Return the machine as Windows PE finds it; with ``hold`` its disks are held until it is closed."""
        from osdimage.imaging.tasksequence.machine import Firmware, Machine  # noqa: PLC0415 - start-up stays cheap

        firmware = Firmware(self.firmware or Firmware.UEFI)
        return Machine.start(
            self.disks,
            packages=self.packages,
            shares=self.shares,
            firmware=firmware,
            opening=self.opening,
            hold=hold,
        )

    def move(self, machine: Machine) -> None:
        """Put the paths that were given in place of those that a saved machine had, before its disks are opened.

        What may be lost on them is what is allowed now.
        """
        allowed = self.opening
        machine.opening = replace(machine.opening, discards_journal=allowed.discards_journal, told=allowed.told)
        machine.disks.update(self.disks)
        machine.packages.update(self.packages)
        machine.shares.update(self.shares)


class NewDisks:
    """Makes the disk images that do not exist; use it as a context manager.

    They are removed again, unless :meth:`keep` says that the run begins: a plan leaves nothing behind.
    """

    def __init__(self, computer: Computer) -> None:
        """Prepare; a disk without a size is not made."""
        self._sizes = {computer.disks[number]: size for number, size in computer.new.items()}
        self._opening = computer.opening
        self._made: list[Path] = []

    def __enter__(self) -> Self:
        """Make the images, sparse.

        Raises:
            TargetRefused: when one exists that has another size, or its file system does not hold a file of this size.
            StorageError: when one cannot be made.
        """
        try:
            for path, size in self._sizes.items():
                self._provide(path, size)
        except BaseException:
            self._remove()
            raise
        return self

    def _provide(self, path: Path, size: int) -> None:
        from osdimage.imaging.disk.device import open_target  # noqa: PLC0415 - start-up stays cheap
        from osdimage.imaging.disk.image import create_image  # noqa: PLC0415
        from osdimage.imaging.errors import TargetRefused  # noqa: PLC0415

        if not path.exists():
            refuse_other_than_raw(path)
            create_image(str(path), size, sector_size=self._opening.sector_size or 512).close()
            self._made.append(path)
            return
        with open_target(str(path), opening=self._opening) as target:
            if target.geometry.size_bytes != size:
                raise TargetRefused(f"{path} exists and has {target.geometry.size_bytes} bytes, not {size}")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Remove what was made and is not kept."""
        self._remove()

    def keep(self) -> None:
        """Leave the images where they are."""
        self._made.clear()

    def _remove(self) -> None:
        for path in self._made:
            path.unlink(missing_ok=True)


def _present(option: str, name: str, path: str) -> Path:
    found = Path(path)
    if not found.exists():
        hint = f"; --size 64GB makes one, or: truncate -s 64G {shlex.quote(path)}" if option == "--disk" else ""
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
    from osdimage.imaging.tasksequence.environment import Environment  # noqa: PLC0415 - start-up stays cheap
    from osdimage.imaging.tasksequence.layers import CollectionVariables  # noqa: PLC0415

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
    from osdimage.imaging.disk.layouts.variables import load_variables  # noqa: PLC0415 - start-up stays cheap

    return load_variables(path)


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
