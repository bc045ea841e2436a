"""``osdimage mount``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click
from osdimage.cli import params, values
from osdimage.cli.render import Reporter, table

if TYPE_CHECKING:
    from osdimage.imaging.service.mounts.table import Mount
    from osdimage.imaging.wim.select import ImageSelector


@dataclass(frozen=True, slots=True)
class MountWish:
    """What the options say of how an image is mounted."""

    read_write: bool
    allow_other: bool
    unix_data: bool
    streams: str
    staging: Path | None
    check: bool


_how = params.gathered(
    "wish",
    MountWish,
    click.option(
        "--read-write",
        "--rw",
        "read_write",
        cls=params.OldSpelling,
        is_flag=True,
        help="Let files be changed.  The WIM is changed by a commit alone.",
    ),
    click.option("--allow-other", is_flag=True, help="Let other users in, root among them."),
    click.option("--unix-data", is_flag=True, help="Show and store owners, modes and device numbers."),
    click.option(
        "--streams",
        type=click.Choice(["none", "xattr", "windows"]),
        default="xattr",
        help="Named streams: none, xattr (stream S is user.S; the default), or windows (FILE:S is a file).",
    ),
    click.option(
        "--staging-dir",
        "staging",
        type=values.ANY_PATH,
        metavar="DIR",
        help="Where contents of changed files are until then.  Default: beside the WIM.",
    ),
    params.check,
)


@click.command("mount")
@click.argument("wim", type=values.WIM, required=False)
@click.argument("directory", metavar="DIR", type=values.NewPathType(readable=False, path_type=Path), required=False)
@click.option("--list", "lists", is_flag=True, help="List the images that are mounted; so does mount alone.")
@params.selector
@_how
@params.references
@params.output(events=False)
def mount_command(
    wim: Path | None,
    directory: Path | None,
    lists: bool,
    selector: ImageSelector,
    wish: MountWish,
    refs: tuple[str, ...],
    reporter: Reporter,
) -> None:
    """Mount an image at DIR, an empty directory, through FUSE, or list what is mounted.

    Files are read where they lie in the WIM: nothing is copied.  Read-only unless told otherwise.  A mount stays until
    osdimage unmount, which also takes what wimlib-imagex has mounted; both are listed.
    """
    from osdimage.imaging.service.mounts.table import list_mounts  # noqa: PLC0415 - start-up stays cheap

    if wim is None:
        _list(list_mounts(), reporter)
        return
    if lists:
        raise click.UsageError("--list takes no WIM")
    if directory is None:
        raise click.UsageError("say where to mount it: osdimage mount WIM DIR")
    from osdimage.imaging.service.mounts.mount import MountOptions, mount_image  # noqa: PLC0415
    from osdimage.imaging.wim.fuse import StreamInterface  # noqa: PLC0415

    options = MountOptions(
        wish.read_write, wish.allow_other, wish.unix_data, StreamInterface(wish.streams), wish.staging, wish.check
    )
    mounted = mount_image(wim, directory, selector, options, refs=refs, progress=reporter.callback)
    for text in mounted.warnings:
        reporter.warn(text)
    found = mounted.mount
    how = "read-write" if found.read_write else "read-only"
    reporter.result({"mounts": [found]}, f"{directory}: image {found.index} {found.name!r} of {wim} is mounted, {how}")


def _list(mounts: Sequence[Mount], reporter: Reporter) -> None:
    """Show what is mounted."""
    from osdimage.imaging.service.mounts.table import MountState  # noqa: PLC0415 - start-up stays cheap

    if reporter.as_json:
        reporter.answer({"mounts": list(mounts)})
        return
    if not mounts:
        reporter.result({}, "no image is mounted")
        return
    rows = [
        (
            str(each.directory),
            each.state.value,
            "read-write" if each.read_write else "read-only",
            "-" if each.index is None else str(each.index),
            "-" if each.wim is None else str(each.wim),
        )
        for each in mounts
    ]
    table(("directory", "state", "access", "image", "WIM"), rows, right=(3,))
    for each in mounts:
        if each.state in {MountState.DEAD, MountState.ENDED}:
            left = "" if each.staging is None else f"; contents of changed files are in {each.staging}"
            reporter.warn(
                f"{each.directory}: the process that served it has died{left}; osdimage unmount {each.directory} "
                "clears it away"
            )
