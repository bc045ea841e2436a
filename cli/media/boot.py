"""``osdimage media boot``."""

from __future__ import annotations

from pathlib import Path

import click
from osdimage.cli import params, values
from osdimage.cli.media import boot_params, pe_media
from osdimage.cli.media.boot_params import BootGiven
from osdimage.cli.media.pe_media import DiscWish
from osdimage.cli.render import Reporter


@click.command("boot")
@click.argument("iso", type=values.NEW_FILE)
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
@params.dry_run
@params.output(more="each file, and where it comes from")
def boot_command(iso: Path, server: str, given: BootGiven, wish: DiscWish, dry_run: bool, reporter: Reporter) -> None:
    """Make ISO, a small medium that starts a boot image and goes on with what a server has.

    With a share, scripts in the boot image connect to it, ask for the account at the computer, and run what a
    medium with task sequences for Windows PE has brought there.  With a web address nothing is put into the boot image:
    that is then one with a client of its own, such as Configuration Manager's.
    """
    from osdimage.imaging.media.sequence.manifest import MediaKind, Runner  # noqa: PLC0415 - start-up stays cheap
    from osdimage.imaging.media.winpe.served import served_files  # noqa: PLC0415
    from osdimage.imaging.media.winpe.shares import share_path, web_address  # noqa: PLC0415

    address = web_address(server)
    if address is not None:
        purpose = pe_media.Purpose(MediaKind.BOOT, Runner.SITE, address, "OSDIMAGE_BOOT")
    else:
        if "://" in server and not server.lower().startswith("smb:"):
            # An address may have a password in it, and is not shown.
            raise click.UsageError(
                "--server: is no address of a web server that a manifest may have; valid is http(s)://SERVER/PATH "
                r"without a user, or a share: \\SERVER\SHARE\FOLDER, smb://SERVER/SHARE/FOLDER"
            )
        share = share_path(server)
        purpose = pe_media.Purpose(MediaKind.BOOT, Runner.WINPE, str(share), "OSDIMAGE_BOOT", served_files(share))
    pe_media.make(iso, purpose, given, wish, reporter, dry_run=dry_run)
