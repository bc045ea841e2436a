"""The arguments that the verbs for hives share."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from osdimage.cli import params, values
from osdimage.cli.disk import params as disk_params
from osdimage.cli.disk.keys import keys
from osdimage.cli.disk.overlay import overlay

if TYPE_CHECKING:
    from osdimage.cli.render import Reporter
    from osdimage.imaging.disk.opening import Opening
    from osdimage.imaging.registry.hive import Hive
    from osdimage.imaging.registry.places import HiveAddress
    from osdimage.imaging.wim.select import ImageSelector

TARGET = values.WIM
force = click.option(
    "--force",
    is_flag=True,
    help="Write also a hive whose last changes are in log files that cannot be used, or are not to be (--no-replay): "
    "they are lost then.  And write a damaged one anew, with all that can be read of it.",
)


def address(command: params.Command) -> params.Command:
    """Add the argument and options that name a hive which is read, and pass a ``HiveAddress`` as ``address``."""
    return _address(command, disk_params.opening, keys)


def written_address(command: params.Command) -> params.Command:
    """Do so for a hive that is written, which no volume that is encrypted takes."""
    return _address(command, disk_params.opening_to_write, overlay("target"))


def _address(command: params.Command, *more: Callable[[params.Command], params.Command]) -> params.Command:
    @functools.wraps(command)
    def run(
        *args: Any,  # noqa: ANN401 - passed through
        target: Path,
        hive: str | None,
        partition: int | None,
        selector: ImageSelector,
        prefix: str | None,
        opening: Opening,
        refs: tuple[str, ...],
        no_replay: bool,
        **kwargs: Any,  # noqa: ANN401
    ) -> Any:  # noqa: ANN401
        from osdimage.imaging.registry.places import HiveAddress  # noqa: PLC0415 - start-up stays cheap

        where = HiveAddress(target, hive, partition, selector, prefix, opening, refs, replays=not no_replay)
        return command(*args, address=where, **kwargs)

    return params.add(
        click.argument("target", type=TARGET),
        click.option(
            "--hive",
            metavar="NAME|PATH",
            help=r"The hive in TARGET: SYSTEM, SOFTWARE, DEFAULT, SAM, SECURITY, or a path such as Users\x\NTUSER.DAT.",
        ),
        click.option("--partition", type=click.IntRange(min=1), metavar="N", help="The partition of a disk."),
        *more,
        params.selector,
        params.references,
        click.option("--prefix", metavar="KEY", help=r"What the hive is in the registry, such as HKLM\SYSTEM."),
        click.option(
            "--no-replay",
            is_flag=True,
            help="Read a hive that Windows did not close as it is, without the changes that are in its log files.",
        ),
    )(run)


def writing(command: params.Command) -> params.Command:
    """Add the options about what a volume with the hive may lose, and put them into ``address``."""

    @functools.wraps(command)
    def run(*args: Any, address: HiveAddress, discard_journal: bool, **kwargs: Any) -> Any:  # noqa: ANN401 - passed through
        opening = replace(address.opening, discards_journal=discard_journal)
        return command(*args, address=replace(address, opening=opening), **kwargs)

    return params.add(disk_params.discard_journal)(run)


def now() -> datetime:
    """Return the time that changed keys get."""
    return datetime.now(UTC)


@contextmanager
def told(hive: Hive, address: HiveAddress, reporter: Reporter) -> Iterator[None]:
    """Show what is wrong with a hive, as far as the body reads it, also when that ends in an error.

    First of all, show which changes of its logs are in it.
    """
    if hive.replayed is not None:
        reporter.tell(f"{address}: {hive.replayed}")
    try:
        yield
    finally:
        for text in hive.warnings:
            reporter.warn(text)
