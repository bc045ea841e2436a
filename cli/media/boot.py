"""``osdimage media boot``."""

from __future__ import annotations

from pathlib import Path

import click
from osdimage.cli import params, values
from osdimage.cli.media import boot_params, pe_media
from osdimage.cli.media import stick as stick_options
from osdimage.cli.media.boot_params import BootGiven
from osdimage.cli.media.pe_media import DiscWish
from osdimage.cli.media.stick import StickWish
from osdimage.cli.render import Reporter


@click.command("boot")
@click.argument("medium", type=values.NEW_FILE)
@click.option(
    "--server",
    required=True,
    metavar="ADDRESS",
    help=r"Where the task sequences are: \\SERVER\SHARE\FOLDER or smb://SERVER/SHARE/FOLDER with what a "
    "medium with task sequences for Windows PE has; or http(s)://..., which the boot image's own client reads in the "
    "manifest.",
)
@boot_params.options
@pe_media.disc
@stick_options.optional
@params.dry_run
@params.output(more="each file, and where it comes from")
def boot_command(
    medium: Path,
    server: str,
    given: BootGiven,
    wish: DiscWish,
    stick: StickWish | None,
    dry_run: bool,
    reporter: Reporter,
) -> None:
    """Make MEDIUM, a small ISO file or with --usb a stick, that starts a boot image and goes on with a server.

    With a share, scripts in the boot image connect to it, ask for the account at the computer, and run what a
    medium with task sequences for Windows PE has brought there.  With a web address nothing is put into the boot image:
    that is then one with a client of its own, such as Configuration Manager's.
    """
    from osdimage.imaging.media.sequence.manifest import MediaKind, Runner  # noqa: PLC0415 - start-up stays cheap
    from osdimage.imaging.media.winpe.served import served_files  # noqa: PLC0415
    from osdimage.imaging.media.winpe.shares import share_path, web_address  # noqa: PLC0415

    address = web_address(server)
    if address is not None:
        purpose = pe_media.Purpose(MediaKind.BOOT, Runner.SITE, address, "OSDIMAGE_BOOT", "OSD_BOOT")
    else:
        if "://" in server and not server.lower().startswith("smb:"):
            # An address may have a password in it, and is not shown.
            raise click.UsageError(
                "--server: is no address of a web server that a manifest may have; valid is http(s)://SERVER/PATH "
                r"without a user, or a share: \\SERVER\SHARE\FOLDER, smb://SERVER/SHARE/FOLDER"
            )
        share = share_path(server)
        purpose = pe_media.Purpose(
            MediaKind.BOOT, Runner.WINPE, str(share), "OSDIMAGE_BOOT", "OSD_BOOT", served_files(share)
        )
    pe_media.make(medium, purpose, given, wish, reporter, stick=stick, dry_run=dry_run)
