"""Options of the boot commands."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from osdimage.cli import params
from osdimage.cli.failures import FAILED, NOT_KNOWN

if TYPE_CHECKING:
    from osdimage.imaging.boot.install import BootOptions
    from osdimage.imaging.boot.verdict import BootReport
    from osdimage.imaging.disk.opened import Disk
    from osdimage.imaging.disk.opening import Opening

Command = Callable[..., Any]

system_partition = click.option(
    "--system-partition",
    type=click.IntRange(min=1),
    metavar="M",
    help="The partition with the boot manager.  Default: the EFI system partition, or the active one.",
)


@dataclass(frozen=True, slots=True)
class SystemWish:
    """Another disk with the boot manager; ``partition`` None: its EFI system partition, or the active one."""

    disk: Path
    partition: int | None


class _SystemType(click.ParamType):  # type: ignore[type-arg] # generic in newer versions of click only
    """``DISK`` or ``DISK:M``; a disk whose name ends in a colon and a number is taken as it is when it is there."""

    name = "disk"

    def convert(self, value: str | SystemWish, param: click.Parameter | None, ctx: click.Context | None) -> SystemWish:
        if isinstance(value, SystemWish):
            return value
        path, colon, number = value.rpartition(":")
        if not colon or not number.isdecimal() or Path(value).exists():
            path, number = value, ""
        if number and int(number) < 1:
            self.fail(f"{value}: partitions are counted from 1", param, ctx)
        if not Path(path).exists():
            self.fail(f"{path} does not exist", param, ctx)
        return SystemWish(Path(path), int(number) if number else None)


other_system = click.option(
    "--system",
    type=_SystemType(),
    metavar="DISK[:M]",
    help="Another disk with the boot manager, in its partition M, which firmware must start.  Windows is on DISK.",
)


system_disk = click.option(
    "--system",
    type=_SystemType(),
    metavar="DISK",
    help="Another disk with the boot manager, which the firmware starts.  Windows is on DISK.",
)


def system(command: Command) -> Command:
    """Add the options that say where the boot manager is, and pass ``system_partition`` and ``system`` (or None)."""

    @functools.wraps(command)
    def run(*args: Any, system_partition: int | None, system: SystemWish | None, **kwargs: Any) -> Any:  # noqa: ANN401
        if system is not None and system_partition is not None:
            raise click.UsageError("--system DISK:M names the partition itself; it does not go with --system-partition")
        if system is not None:
            system_partition = system.partition
        return command(*args, system_partition=system_partition, system=system, **kwargs)

    return params.add(system_partition, other_system)(run)


@contextmanager
def opened(
    disk: Path, system: SystemWish | None, opening: Opening, *, write: bool = False
) -> Iterator[tuple[Disk, Disk | None]]:
    """Open the disk with Windows, and that with the boot manager when it is another one."""
    from osdimage.imaging.disk.opened import open_disk  # noqa: PLC0415 - start-up stays cheap
    from osdimage.imaging.disk.several import open_disks  # noqa: PLC0415

    if system is None:
        with open_disk(disk, write=write, opening=opening) as one:
            yield one, None
        return
    with open_disks((disk, system.disk), write=write, opening=opening) as (windows, other):
        yield windows, other


@contextmanager
def opened_system(system: SystemWish | None, *, opening: Opening, write: bool = False) -> Iterator[Disk | None]:
    """Open the other disk with the boot manager, if there is one."""
    from osdimage.imaging.disk.opened import open_disk  # noqa: PLC0415 - start-up stays cheap

    if system is None:
        yield None
        return
    with open_disk(system.disk, write=write, opening=replace(opening, sector_size=None)) as disk:
        yield disk


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
