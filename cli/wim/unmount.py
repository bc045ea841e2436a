"""``osdimage unmount``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click
from osdimage.cli import params, values
from osdimage.cli.render import Reporter, counted

if TYPE_CHECKING:
    from osdimage.imaging.service.mounts.results import UnmountResult


@dataclass(frozen=True, slots=True)
class UnmountWish:
    """What the options say of how an image is unmounted."""

    commit: bool
    rebuild: bool
    recompress: bool
    integrity: bool | None
    new_image: bool
    new_name: str | None
    force: bool


_how = params.gathered(
    "wish",
    UnmountWish,
    click.option("--commit", is_flag=True, help="Write what was changed into the WIM.  Without it, that is lost."),
    click.option("--rebuild", is_flag=True, help="Then write the WIM anew, without what no image needs."),
    click.option("--recompress", is_flag=True, help="Then write the WIM anew, and compress everything again."),
    params.integrity("as it was", old="--check/--no-check"),
    click.option("--new-image", is_flag=True, help="Commit to a new image, and leave the one that was mounted."),
    click.option(
        "--new-name", type=values.IMAGE_NAME, metavar="TEXT", help="The name of the new image.  Default: NAME (2)."
    ),
    click.option(
        "--force",
        "--lazy",
        "force",
        cls=params.OldSpelling,
        is_flag=True,
        help="Unmount also while somebody uses it: open files are closed.",
    ),
)


@click.command("unmount")
@click.argument("directory", metavar="DIR", type=values.PathType(readable=False, path_type=Path))
@_how
@params.output()
def unmount_command(directory: Path, wish: UnmountWish, reporter: Reporter) -> None:
    """Unmount the image at DIR, and with --commit write what was changed into its WIM.

    What was changed is appended: the WIM holds the old image or the new one, at every moment.  When there is no room
    for it, the image stays mounted, with all that was changed.  Also takes what wimlib-imagex has mounted, and clears
    away what is left of a mount whose process was killed.
    """
    from osdimage.imaging.service.mounts.results import UnmountOptions  # noqa: PLC0415 - start-up stays cheap
    from osdimage.imaging.service.mounts.unmount import unmount_image  # noqa: PLC0415

    _refuse_idle(wish)
    options = UnmountOptions(
        commit=wish.commit,
        force=wish.force,
        rebuild=wish.rebuild,
        recompress=wish.recompress,
        integrity=wish.integrity,
        new_image=wish.new_image,
        new_name=wish.new_name,
    )
    result = unmount_image(directory, options, progress=reporter.callback)
    reporter.result(result, _told(directory, result))


def _refuse_idle(wish: UnmountWish) -> None:
    """Refuse options that would do nothing."""
    if wish.new_name is not None and not wish.new_image:
        raise click.UsageError("--new-name goes with --new-image")
    if wish.commit:
        return
    for name, is_given in (
        ("--rebuild", wish.rebuild),
        ("--recompress", wish.recompress),
        ("--integrity", wish.integrity is not None),
        ("--new-image", wish.new_image),
    ):
        if is_given:
            raise click.UsageError(f"{name} goes with --commit")


def _told(directory: Path, result: UnmountResult) -> str:
    from osdimage.imaging.service.mounts.table import MountState  # noqa: PLC0415 - start-up stays cheap
    from osdimage.imaging.units import format_size  # noqa: PLC0415

    mount = result.mount
    if mount.state in {MountState.DEAD, MountState.ENDED}:
        lost = f", {counted(result.lost_files, 'changed file')} removed" if result.lost_files else ""
        return f"{directory}: the process that served it had died; cleared away{lost}"
    if result.committed and result.old_size is not None and result.new_size is not None:
        more = result.new_size - result.old_size
        than = f"{format_size(abs(more))} {'more' if more >= 0 else 'less'}"
        image = f"image {result.index}" + (f" {result.name!r}" if result.name else "")
        return f"{directory}: unmounted; {image} of {mount.wim} has what was changed, the file {than}"
    lost = "; what was changed in it is lost" if mount.read_write else ""
    return f"{directory}: unmounted{lost}"
