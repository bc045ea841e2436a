"""Options that the verbs for boot images share."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from osdimage.cli import params, values
from osdimage.cli.driver import catalog as catalog_params
from osdimage.cli.pairs import source_and_path

if TYPE_CHECKING:
    from osdimage.imaging.media.bootimage.choosing import DriverWish
    from osdimage.imaging.media.bootimage.settings import BootSettings


def _unattend(name: str) -> Callable[[params.Command], params.Command]:
    return click.option(
        name,
        "unattend",
        type=values.EXISTING,
        metavar="FILE",
        help="The answer file for wpeinit, or for the Setup in the image.",
    )


_UNATTEND = _unattend("--unattend")
_OPTIONS: tuple[Callable[[params.Command], params.Command], ...] = (
    click.option(
        "--scratch",
        type=int,
        metavar="MB",
        help="Megabytes that can be written to X:, in memory: 32, 64, 128, 256 or 512.",
    ),
    click.option("--background", type=values.EXISTING, metavar="FILE", help="The picture that is shown, a JPEG."),
    click.option(
        "--prestart",
        metavar="COMMAND",
        help="What Configuration Manager runs before its task sequence (TSConfig.ini), such as 'cmd /c ask.cmd'.",
    ),
    click.option(
        "--prestart-files",
        type=values.ANY_PATH,
        metavar="DIR",
        help="A folder with the files that this command needs; they go into the root of the image.",
    ),
    click.option(
        "--startnet", type=values.EXISTING, metavar="FILE", help="The startnet.cmd; the lines of osdimage in it stay."
    ),
    click.option(
        "--winpeshl",
        type=values.EXISTING,
        metavar="FILE",
        help="The winpeshl.ini, which says what is started in the place of startnet.cmd.",
    ),
    _UNATTEND,
    click.option("--add-file", "added", multiple=True, metavar="SRC=DST", help="Add a file as DST.  Repeatable."),
)


def _with_settings(command: params.Command) -> params.Command:
    """Pass what the options say as one value."""

    @functools.wraps(command)
    def run(
        *args: Any,  # noqa: ANN401 - passed through
        scratch: int | None,
        background: Path | None,
        prestart: str | None,
        prestart_files: Path | None,
        startnet: Path | None,
        winpeshl: Path | None,
        unattend: Path | None,
        added: tuple[str, ...],
        **kwargs: Any,  # noqa: ANN401
    ) -> Any:  # noqa: ANN401
        from osdimage.imaging.media.bootimage.settings import AddedFile, BootSettings  # noqa: PLC0415 - start-up

        files = tuple(AddedFile(*source_and_path("--add-file", each, instead=_INSTEAD)) for each in added)
        wished = BootSettings(scratch, background, prestart, prestart_files, startnet, winpeshl, unattend, files)
        return command(*args, wished=wished, **kwargs)

    return run


def settings(command: params.Command) -> params.Command:
    """Add the options about what is set in a boot image, and pass a ``BootSettings`` as ``wished``."""
    return params.add(*_OPTIONS)(_with_settings(command))


def settings_of_media(command: params.Command) -> params.Command:
    """Add them for a command that makes a medium, on which there is another answer file, too."""
    named = tuple(_unattend("--pe-unattend") if each is _UNATTEND else each for each in _OPTIONS)
    return params.add(*named)(_with_settings(command))


_INSTEAD = "osdimage update --command \"add 'SRC' 'DST'\" says which"


def require_wish(wished: BootSettings) -> None:
    """End in a usage error when nothing is wished for."""
    if wished.is_empty:
        names = "--scratch, --background, --prestart, --startnet, --winpeshl, --unattend or --add-file"
        raise click.UsageError(f"say what to set, with {names}")


rebuild = click.option(
    "--rebuild", is_flag=True, help="Write the WIM anew, without what no image needs.  Default: append."
)


@dataclass(frozen=True, slots=True)
class DriversGiven:
    """What the options about drivers hold.

    Attributes:
        paths: where drivers are.
        devices: what tells the devices that they are for; None for all.
        every: drivers of every class.
        catalog: the catalog of ``catalog:NAME``; None for that of the person.
        allow_modified: take what is not as its catalog file says.
    """

    paths: tuple[str, ...]
    devices: str | None
    every: bool
    catalog: Path | None
    allow_modified: bool

    @property
    def is_empty(self) -> bool:
        """Whether nothing is said."""
        return self == DriversGiven((), None, every=False, catalog=None, allow_modified=False)

    @property
    def sources(self) -> tuple[Path, ...]:
        """What is read: files and folders with drivers, and those that are named and perhaps not there."""
        from osdimage.imaging.drivers.store.addresses import is_address  # noqa: PLC0415 - start-up stays cheap

        paths = [each for each in self.paths if not is_address(each)]
        named = (*paths, *(() if self.devices is None else (self.devices,)))
        return (*map(Path, named), *(() if self.catalog is None else (self.catalog,)))

    @contextmanager
    def opened(self) -> Iterator[DriverWish | None]:
        """Open what is given; yield None when nothing is."""
        from osdimage.imaging.drivers.devices.sources import read_devices  # noqa: PLC0415
        from osdimage.imaging.drivers.store.addresses import is_address, resolve  # noqa: PLC0415
        from osdimage.imaging.drivers.store.catalog import open_catalog  # noqa: PLC0415
        from osdimage.imaging.drivers.supplied.opened import open_supply  # noqa: PLC0415 - start-up stays cheap
        from osdimage.imaging.media.bootimage.choosing import DriverWish, refuse_package  # noqa: PLC0415

        if not self.paths:
            if self.devices is not None or self.every or self.catalog is not None or self.allow_modified:
                raise click.UsageError("--for, --all, --catalog and --allow-modified are about the drivers of --driver")
            yield None
            return
        named = [each for each in self.paths if is_address(each)]
        paths = [each for each in self.paths if not is_address(each)]
        for each in paths:
            refuse_package(each)
        devices = None if self.devices is None else functools.partial(read_devices, self.devices)
        with ExitStack() as stack:
            packages = []
            if named:
                catalog = stack.enter_context(open_catalog(self.catalog))
                packages = [package for each in named for package in resolve(each, catalog).packages]
            supplies = tuple(stack.enter_context(open_supply(each)) for each in paths)
            yield DriverWish(supplies, devices, self.every, tuple(packages), self.allow_modified)


def drivers(command: params.Command) -> params.Command:
    """Add the options about drivers, and pass a :class:`DriversGiven` as ``given``."""

    @functools.wraps(command)
    def run(
        *args: Any,  # noqa: ANN401 - passed through
        driver_paths: tuple[str, ...],
        devices: str | None,
        every_driver: bool,
        catalog: Path | None,
        allow_modified: bool,
        **kwargs: Any,  # noqa: ANN401
    ) -> Any:  # noqa: ANN401
        given = DriversGiven(driver_paths, devices, every_driver, catalog, allow_modified)
        return command(*args, given=given, **kwargs)

    return params.add(
        click.option(
            "--driver",
            "driver_paths",
            multiple=True,
            metavar="PATH|catalog:NAME",
            help="Where drivers are, or drivers, a package or a category of the catalog.  Repeatable.",
        ),
        click.option(
            "--for",
            "devices",
            metavar="SOURCE",
            help="Take only drivers of these devices: host, qemu, or a file that tells them, as of lspci or pnputil.",
        ),
        click.option(
            "--all", "every_driver", is_flag=True, help="Take drivers of every class, not of storage and network alone."
        ),
        catalog_params.catalog,
        click.option(
            "--allow-modified", is_flag=True, help="Take also drivers whose files are not what their catalog files say."
        ),
    )(run)
