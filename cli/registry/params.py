"""The arguments that the verbs for hives share."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from osdimage.cli import params, values
from osdimage.cli.disk import params as disk_params
from osdimage.cli.disk.keys import keys

if TYPE_CHECKING:
    from osdimage.cli.render import Reporter
    from osdimage.imaging.disk.opening import Opening
    from osdimage.imaging.registry.hive import Hive
    from osdimage.imaging.wim.select import ImageSelector

TARGET = values.EXISTING
force = click.option(
    "--force",
    is_flag=True,
    help="Write also a dirty hive, whose last changes in its log files are lost then, and a damaged one anew, with all "
    "that can be read of it.",
)


def address(command: params.Command) -> params.Command:
    """Add the argument and options that name a hive, and pass a ``HiveAddress`` as ``address``."""

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
        **kwargs: Any,  # noqa: ANN401
    ) -> Any:  # noqa: ANN401
        from osdimage.imaging.registry.places import HiveAddress  # noqa: PLC0415 - start-up stays cheap

        return command(*args, address=HiveAddress(target, hive, partition, selector, prefix, opening, refs), **kwargs)

    return params.add(
        click.argument("target", type=TARGET),
        click.option(
            "--hive",
            metavar="NAME|PATH",
            help=r"The hive in TARGET: SYSTEM, SOFTWARE, DEFAULT, SAM, SECURITY, or a path such as Users\x\NTUSER.DAT.",
        ),
        click.option("--partition", type=click.IntRange(min=1), metavar="N", help="The partition of a disk."),
        disk_params.opening,
        keys,
        params.selector,
        params.references,
        click.option("--prefix", metavar="KEY", help=r"What the hive is in the registry, such as HKLM\SYSTEM."),
    )(run)


def now() -> datetime:
    """Return the time that changed keys get."""
    return datetime.now(UTC)


@contextmanager
def told(hive: Hive, reporter: Reporter) -> Iterator[None]:
    """Show what is wrong with a hive, as far as the body reads it, also when that ends in an error."""
    try:
        yield
    finally:
        for text in hive.warnings:
            reporter.warn(text)
