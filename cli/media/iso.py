"""``osdimage media iso``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click
from osdimage.cli import params, values
from osdimage.cli.disk import params as disk_params
from osdimage.cli.media import boot_params, view
from osdimage.cli.media.boot_params import BootGiven
from osdimage.cli.media.changes import changes as change_options
from osdimage.cli.media.sizes import DISC_SIZE
from osdimage.cli.render import Reporter

if TYPE_CHECKING:
    from osdimage.imaging.media.discs.plan import IsoOptions
    from osdimage.imaging.media.discs.remaster import OldDisc
    from osdimage.imaging.media.parts.changes import MediumChanges
    from osdimage.imaging.media.parts.medium import BootParts, Medium, MediumFile, PreparedImage


@dataclass(frozen=True, slots=True)
class DiscWish:
    """What the options say of the disc itself.

    Attributes:
        label: None for that of what it is made of.
        limit_bytes: how large it may be; None for any size.
        volume_id: what its volume is identified by; None for a new one.
        seed: what identifiers are drawn from; None for the system.
    """

    label: str | None
    limit_bytes: int | None
    volume_id: str | None
    seed: str | None


@click.command("iso")
@click.argument("iso", type=values.NEW_FILE)
@click.option(
    "--from",
    "old",
    type=values.PRESENT,
    metavar="ISO",
    help="Make it of this disc, with its files, order, label and what starts from it.",
)
@boot_params.options
@change_options
@params.gathered(
    "wish",
    DiscWish,
    click.option("--label", help="The label of the disc.  Default: that of the source, or one such as WINPE_X64."),
    click.option(
        "--media-size",
        "limit_bytes",
        type=DISC_SIZE,
        metavar="cd|dvd|dvd-dl|bd|bd-dl|SIZE",
        help="Refuse to make a disc that is larger.  Default: unlimited.",
    ),
    click.option(
        "--volume-id",
        metavar="HEX",
        help="What the volume is identified by, 16 digits, as blkid shows it.  Default: the time and a random number.",
    ),
    click.option("--seed", metavar="TEXT", help="Draw the volume's identifier from this text: the same again."),
)
@click.option("--overwrite", is_flag=True, help="Replace a file that is there.")
@params.dry_run
@params.output(more="each file, and where it comes from")
def iso_command(
    iso: Path,
    given: BootGiven,
    old: Path | None,
    changes: MediumChanges,
    wish: DiscWish,
    overwrite: bool,
    dry_run: bool,
    reporter: Reporter,
) -> None:
    """Make ISO, a disc that starts a boot image by BIOS and UEFI, or a disc of another one with other files.

    Boot files are looked for in the source, then in the boot image, then in --boot-files-from: nothing comes with
    osdimage.  The disc has UDF, which takes files of 4 GiB and more; ISO 9660 shows a README alone.
    """
    from osdimage.imaging.media.discs.plan import plan_iso  # noqa: PLC0415 - start-up stays cheap
    from osdimage.imaging.media.discs.write import refuse_iso_target, write_iso  # noqa: PLC0415

    read = (*changes.sources, *given.sources) if old is None else (*changes.sources, old)
    refuse_iso_target(iso, replace=overwrite, sources=read)
    made_at = disk_params.made_at(wish.seed)
    opened = _new(given, reporter, made_at) if old is None else _made_of(old, given)
    with opened as contents:
        medium = _medium(contents, changes, wish)
        folders = () if contents.old is None else contents.old.folders_of(medium.files, changes.removed)
        plan = plan_iso(medium, _options(contents, made_at, wish), folders=folders)
        if not dry_run:
            progress = reporter.callback if old is not None else given.rest(reporter)
            write_iso(plan, iso, replace=overwrite, progress=progress)
        view.report([view.Made(iso, medium, plan.size)], reporter, images=contents.images, dry_run=dry_run)


@dataclass(frozen=True, slots=True)
class _Contents:
    """What the disc is made of, before it is changed.

    Attributes:
        label: that it has unless another one is wished for.
        files: all of them.
        boot: what starts from it; None where nothing does.
        images: the boot images that were given.
        warnings: sentences for people.
        old: the disc that it is made of, or None.
    """

    label: str
    files: tuple[MediumFile, ...]
    boot: BootParts | None
    images: tuple[PreparedImage, ...]
    warnings: tuple[str, ...]
    old: OldDisc | None = None


@contextmanager
def _new(given: BootGiven, reporter: Reporter, made_at: datetime) -> Iterator[_Contents]:
    """Open what a new disc is made of."""
    with given.opened(reporter, now=made_at) as boot:
        label = boot.source_label or f"WINPE_{boot.image.architecture.upper()}"
        yield _Contents(label, boot.files, boot.parts, (boot.image, *boot.others), boot.warnings)


@contextmanager
def _made_of(path: Path, given: BootGiven) -> Iterator[_Contents]:
    """Read the disc that another one is made of, and starts as."""
    from osdimage.imaging.media.discs.remaster import read_old_disc  # noqa: PLC0415 - start-up stays cheap

    if not given.is_empty:
        raise click.UsageError(
            f"--from keeps what starts; for another boot image give the disc as --source: --source {path}"
        )
    old = read_old_disc(path)
    yield _Contents(old.label, old.files, old.boot, (), old.warnings, old)


def _medium(contents: _Contents, changes: MediumChanges, wish: DiscWish) -> Medium:
    from osdimage.imaging.media.parts.changes import changed_medium  # noqa: PLC0415 - start-up stays cheap
    from osdimage.imaging.media.parts.medium import Medium  # noqa: PLC0415

    label = contents.label if wish.label is None else wish.label
    folders = () if contents.old is None else [each.path for each in contents.old.folders]
    medium = Medium(label, contents.files, contents.boot, contents.warnings)
    return changed_medium(medium, changes, folders=folders)


def _options(contents: _Contents, made_at: datetime, wish: DiscWish) -> IsoOptions:
    from osdimage.imaging import filetime  # noqa: PLC0415 - start-up stays cheap
    from osdimage.imaging.media.discs.plan import IsoOptions, new_set_id  # noqa: PLC0415

    created_ns = filetime.to_ns(filetime.from_datetime(made_at))
    set_id = wish.volume_id
    if set_id is None:
        set_id = new_set_id(created_ns, disk_params.random_bits(wish.seed))
    order = () if contents.old is None else contents.old.order
    return IsoOptions(created_ns, set_id.lower(), limit_bytes=wish.limit_bytes, order=order)
