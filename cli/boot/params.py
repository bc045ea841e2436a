"""Options of the boot commands."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click
from osdimage.cli import params
from osdimage.cli.failures import FAILED, NOT_KNOWN

if TYPE_CHECKING:
    from osdimage.imaging.boot.install import BootOptions
    from osdimage.imaging.boot.verdict import BootReport

Command = Callable[..., Any]

system_partition = click.option(
    "--system-partition",
    type=click.IntRange(min=1),
    metavar="M",
    help="The partition with the boot manager.  Default: the EFI system partition, or the active one.",
)
force = click.option("--force", is_flag=True, help="Also write to a volume that is marked dirty.")


def exit_code(report: BootReport) -> int:
    """Return what a command leaves with that says whether a disk starts."""
    return {True: 0, False: FAILED, None: NOT_KNOWN}[report.starts]


def options(command: Command) -> Command:
    """Add the options that say how boot is installed, and pass a maker as ``boot_options``.

    It makes :class:`~osdimage.imaging.boot.install.BootOptions`.
    """

    @functools.wraps(command)
    def run(
        *args: Any,  # noqa: ANN401 - passed through
        signed_2023: bool,
        locale: str | None,
        menu_name: str | None,
        timeout: int | None,
        bios_loader: str,
        winre: bool,
        **kwargs: Any,  # noqa: ANN401
    ) -> Any:  # noqa: ANN401
        def make(
            *, force: bool = False, new_store: bool = False, sync: bool = True, rehearse: bool = False
        ) -> BootOptions:
            from osdimage.imaging.boot.code.bios import BiosLoader  # noqa: PLC0415 - start-up stays cheap
            from osdimage.imaging.boot.install import BootOptions  # noqa: PLC0415

            return BootOptions(
                signed_2023=signed_2023,
                locale=locale,
                description=menu_name,
                timeout_s=timeout,
                bios_loader=BiosLoader(bios_loader),
                recovery=winre,
                new_store=new_store,
                force=force,
                sync=sync,
                rehearse=rehearse,
            )

        return command(*args, boot_options=make, **kwargs)

    return params.add(
        click.option(
            "--signed-2023",
            is_flag=True,
            help="UEFI: take the loaders signed with 'Windows UEFI CA 2023' from the image (Windows\\Boot\\EFI_EX).",
        ),
        click.option(
            "--locale", metavar="NAME", help="Language of the boot menu, such as de-DE.  Default: Windows' own."
        ),
        click.option("--menu-name", metavar="TEXT", help="What the boot menu calls this Windows.  [default: Windows]"),
        click.option(
            "--timeout",
            type=click.IntRange(min=0, max=999),
            metavar="SECONDS",
            help="Of the boot menu.  Default: what a store that is there says, or 30.",
        ),
        click.option(
            "--bios-loader",
            type=click.Choice(["auto", "image", "osdimage", "grub", "none"]),
            default="auto",
            show_default=True,
            help="BIOS: where the boot sector of an NTFS system partition comes from.",
        ),
        click.option(
            "--winre",
            is_flag=True,
            help="Copy Windows' recovery environment (winre.wim) to the recovery partition and make it part of the "
            "BCD store.  Windows sets it up by itself too, when it starts the first time.",
        ),
    )(run)
