"""Options NAME=VALUE, and disks that have numbers: those of a computer, and those that were captured together."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from osdimage.cli.values import DISK_SIZE, SIZE, SizeType
from osdimage.imaging.disk.layouts.layout import MAX_DISK_INDEX

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
    """Read SIZE or N=SIZE of disks that are made."""
    return _sizes(DISK_SIZE, ctx, param, values)


def exact_sizes(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> Sizes:
    """Read SIZE or N=SIZE of disks that are there."""
    return _sizes(SIZE, ctx, param, values)


def _sizes(kind: SizeType, ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> Sizes:
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
        found[number] = kind.convert(text, param, ctx)
    return tuple(found.items())


def size_of(sizes: Sizes, number: int) -> int | None:
    """Return the size of a disk, or that of all that have none of their own, or None."""
    found = dict(sizes)
    return found.get(number, found.get(None))


def one_size(sizes: Sizes, option: str) -> int | None:
    """Return the size of the one disk that there is, or None.

    Raises:
        click.UsageError: when it is for a disk with a number.
    """
    for number, size in sizes:
        if number is not None:
            raise click.UsageError(f"{option} {number}=SIZE is for --disk {number}=DISK")
        return size
    return None


def targets_of(target: Path | None, disks: Pairs, *, all_volumes: bool) -> dict[int, Path]:
    """Return the argument TARGET, or in its place the disks of a machine that ``--disk`` names, by their numbers.

    Raises:
        click.UsageError: when both are given or none is, or disks are given for one image.
    """
    if not disks:
        if target is None:
            raise click.MissingParameter(param_hint="'TARGET'", param_type="argument")
        return {0: target}
    if target is not None or not all_volumes:
        raise click.UsageError("--disk N=DISK names all disks of a machine: it goes with --all-volumes, and no TARGET")
    return numbered_disks(disks)


def disks_option(text: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return the option ``--disk N=DISK``, which passes pairs as ``disks``; ``text`` is its help."""
    return click.option(
        "--disk", "disks", multiple=True, metavar="N=DISK", callback=pairs("N=DISK, such as 0=disk.img"), help=text
    )


def numbered_disks(disks: Pairs, sizes: Sizes = (), *, may_be_missing: bool = False) -> dict[int, Path]:
    """Return the paths of disks by their numbers; every disk must be there, but those that have a size.

    With ``may_be_missing`` something else knows their sizes.

    Raises:
        click.UsageError: when a number is none, nothing is at a path, two disks are one file, or a size is of no disk.
    """
    found: dict[int, Path] = {}
    sized = dict(sizes)
    for number, path in disks:
        if not (number.isascii() and number.isdigit() and len(number) < 6 and int(number) <= MAX_DISK_INDEX):
            raise click.UsageError(f"--disk {number}={path}: the number is 0 to {MAX_DISK_INDEX}")
        is_made = may_be_missing or bool({None, int(number)} & sized.keys())
        disk = Path(path) if is_made else present("--disk", number, path)
        for other, same in found.items():
            if same.resolve() == disk.resolve():
                raise click.UsageError(f"--disk {number}={path}: disk {other} is the same file")
        if int(number) in found:
            raise click.UsageError(f"--disk {number}={path}: disk {int(number)} is given twice")
        found[int(number)] = disk
    if lost := sized.keys() - {None} - found.keys():
        raise click.UsageError(f"--size {min(filter(None, lost), default=0)}=SIZE: there is no such --disk")
    return found


def present(option: str, name: str, path: str) -> Path:
    """Return the path of an option NAME=PATH.

    Raises:
        click.UsageError: when nothing is there.
    """
    from osdimage.imaging.wim.placed.place import is_there  # noqa: PLC0415 - start-up stays cheap

    found = Path(path)
    # A package may be a WIM on a disc.
    if not (is_there(found) if option == "--package" else found.exists()):
        hint = f"; --size 64GB makes one, or: truncate -s 64G {shlex.quote(path)}" if option == "--disk" else ""
        raise click.UsageError(f"{option} {name}={path}: {path} does not exist{hint}")
    return found
