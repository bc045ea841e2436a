"""``osdimage media capture``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
from osdimage.cli import params, values
from osdimage.cli.media import boot_params, pe_media
from osdimage.cli.media import stick as stick_options
from osdimage.cli.media.boot_params import BootGiven
from osdimage.cli.media.pe_media import DiscWish
from osdimage.cli.media.stick import StickWish
from osdimage.cli.render import Reporter

if TYPE_CHECKING:
    from osdimage.imaging.media.winpe.capturing import CaptureWish


def _wish(destination: str, name: str, description: str, compress: str) -> CaptureWish:
    from osdimage.imaging.media.winpe.capturing import CaptureWish  # noqa: PLC0415 - start-up stays cheap
    from osdimage.imaging.media.winpe.shares import share_path  # noqa: PLC0415

    return CaptureWish(share_path(destination), name, description, compress)


@click.command("capture")
@click.argument("medium", type=values.NEW_FILE)
@click.option(
    "--destination",
    required=True,
    metavar="ADDRESS",
    help=r"The WIM that becomes: \\SERVER\SHARE\IMAGE.wim, or smb://SERVER/SHARE/IMAGE.wim.",
)
@click.option("--name", required=True, help="The name of the image.")
@click.option("--description", default="", help="The description of the image.")
@click.option(
    "--compress",
    type=click.Choice(["max", "fast", "none"]),
    default="max",
    show_default=True,
    help="How dism compresses: LZX, XPRESS, or not.",
)
@boot_params.options
@pe_media.disc
@stick_options.optional
@params.dry_run
@params.output(more="each file, and where it comes from")
def capture_command(
    medium: Path,
    destination: str,
    name: str,
    description: str,
    compress: str,
    given: BootGiven,
    wish: DiscWish,
    stick: StickWish | None,
    dry_run: bool,
    reporter: Reporter,
) -> None:
    """Make MEDIUM, an ISO file or with --usb a stick, that captures the Windows of a computer into a WIM in a share.

    Prepare that Windows first: sysprep /generalize /oobe /shutdown.  The account for the share is asked for at the
    computer, and is not on the medium.  A WIM that is there is left alone.  The disk of a computer that Linux runs on
    needs no such medium: `osdimage capture` does it.
    """
    from osdimage.imaging.media.sequence.manifest import MediaKind, Runner  # noqa: PLC0415 - start-up stays cheap
    from osdimage.imaging.media.winpe.capturing import capture_files  # noqa: PLC0415

    asked = _wish(destination, name, description, compress)
    purpose = pe_media.Purpose(
        MediaKind.CAPTURE, Runner.WINPE, str(asked.destination), "OSDIMAGE_CAPTURE", "OSD_CAPTURE", capture_files(asked)
    )
    pe_media.make(medium, purpose, given, wish, reporter, stick=stick, dry_run=dry_run)
