"""``osdimage driver match``."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import click
from osdimage.cli import params, values
from osdimage.cli.driver import catalog as catalog_params
from osdimage.cli.driver import params as driver_params
from osdimage.cli.render import Reporter
from osdimage.imaging.errors import InvalidInput

if TYPE_CHECKING:
    from osdimage.imaging.drivers.inf.inf_file import InfFile
    from osdimage.imaging.drivers.packages import DriverPackage
    from osdimage.imaging.drivers.ranking.index import DriverIndex
    from osdimage.imaging.drivers.ranking.match import Matching
    from osdimage.imaging.drivers.ranking.rank import Signature
    from osdimage.imaging.drivers.store.catalog import DriverCatalog
    from osdimage.imaging.drivers.target_os import Architecture, TargetOs
    from osdimage.imaging.files import FileFacts


@click.command("match")
@click.argument("paths", metavar="PATH...", type=driver_params.SUPPLY, nargs=-1, required=True)
@catalog_params.catalog
@click.option(
    "--for",
    "source",
    metavar="SOURCE",
    type=values.PathType(),
    required=True,
    help="The devices: host (this computer), qemu (what its virtual machines have), or a file that lists them.",
)
@driver_params.windows
@click.option(
    "--os-of",
    metavar="TARGET",
    type=values.WimPathType(exists=True, path_type=Path),
    help="The Windows that is in a WIM, a disk, a volume or a folder, in the place of --os.",
)
@click.option("--partition", type=click.IntRange(min=1), metavar="N", help="With --os-of: the partition of a disk.")
@click.option("--index", type=values.IMAGE_INDEX, metavar="N", help="With --os-of: the image of a WIM.")
@click.option(
    "--all", "shows_all", is_flag=True, help="Show drivers that match less well, too, and those that serve no device."
)
@click.option(
    "--check",
    "checks",
    is_flag=True,
    help="Compare the drivers that match with their catalogs; one that is not as it was signed is not signed.",
)
@params.output(events=False)
def match_command(
    paths: tuple[str, ...],
    catalog: Path | None,
    source: str,
    os: TargetOs | None,
    architecture: Architecture | None,
    os_of: Path | None,
    partition: int | None,
    index: int | None,
    shows_all: bool,
    checks: bool,
    reporter: Reporter,
) -> None:
    """Find, for each device of a computer, the best of the drivers at PATH, as Windows ranks them.

    PATH is what driver show takes.  catalog: is all that is enabled in the catalog, and catalog:NAME a driver, a
    package or a category of it.

    SOURCE is host, qemu, a folder copied from /sys, a file with lines of /sys/bus/*/devices/*/modalias, text of lspci
    -nnvmm, of pnputil /enum-devices /ids or of devcon hwids, JSON or CSV of Win32_PnPEntity, a report of MSInfo32, the
    XML of virsh dumpxml, the hive SYSTEM of a Windows, or a disk or WIM with a Windows that ran on the computer.

    Drivers that Windows itself has are not known here.
    """
    from osdimage.cli.driver.match_view import document, lines  # noqa: PLC0415 - start-up stays cheap
    from osdimage.imaging.drivers.devices.sources import read_devices  # noqa: PLC0415
    from osdimage.imaging.drivers.ranking.match import match_drivers  # noqa: PLC0415

    target = _target(os, architecture, os_of, partition, index)
    devices = read_devices(source, target)
    with ExitStack() as opened:
        given = _Given(paths, target, reporter)
        given.open(catalog, opened)
        matching = match_drivers(given.index(), devices.devices, target)
        if checks:
            signatures = given.signatures(_matched(matching))
            matching = match_drivers(given.index(signatures), devices.devices, target)
    for text in devices.warnings:
        reporter.warn(text)
    reporter.answer(document(matching, devices), *lines(matching, devices, shows_all=shows_all))


def _target(
    os: TargetOs | None,
    architecture: Architecture | None,
    os_of: Path | None,
    partition: int | None,
    index: int | None,
) -> TargetOs:
    """Return the Windows that was named, or that is somewhere."""
    if os_of is None:
        if partition is not None or index is not None:
            raise click.UsageError("--partition and --index say where in --os-of a Windows is; give --os-of, too")
        if os is None:
            raise click.UsageError(
                "which Windows are the drivers for?  Give --os, such as --os 10.0.22631 for Windows 11 23H2, or "
                "--os-of with a WIM, a disk or a folder that holds it"
            )
        return os
    if os is not None or architecture is not None:
        raise click.UsageError("--os-of says all that --os and --arch say; give one of them")
    from osdimage.imaging.drivers.offline.places import open_windows_files  # noqa: PLC0415 - start-up stays cheap
    from osdimage.imaging.drivers.offline.windows import offline_windows  # noqa: PLC0415
    from osdimage.imaging.wim.select import ImageSelector  # noqa: PLC0415

    with open_windows_files(os_of, partition=partition, selector=ImageSelector(index=index)) as files:
        return offline_windows(files).os


def _matched(matching: Matching) -> frozenset[str]:
    """Return the names of the drivers that match a device."""
    return frozenset(
        each.driver.name
        for device in matching.devices
        for each in (*device.candidates, *device.extensions, *device.components)
    )


class _Given:
    """The drivers at all paths, and in a catalog."""

    def __init__(self, paths: tuple[str, ...], os: TargetOs, reporter: Reporter) -> None:
        self._paths, self._os, self._reporter = paths, os, reporter
        self._packages: list[NamedPackage] = []
        self._passed_over: dict[int, str] = {}
        self._whole: DriverCatalog | None = None

    def open(self, catalog: Path | None, opened: ExitStack) -> None:
        """Open what is at the paths; ``opened`` closes it."""
        from osdimage.imaging.drivers.store.addresses import PREFIX, is_address  # noqa: PLC0415 - start-up stays cheap
        from osdimage.imaging.drivers.store.catalog import open_catalog  # noqa: PLC0415

        held = opened.enter_context(open_catalog(catalog)) if any(map(is_address, self._paths)) else None
        if held is None and catalog is not None:
            raise click.UsageError(f"--catalog says where {PREFIX} is; give {PREFIX} or {PREFIX}NAME, too")
        for path in self._paths:
            if held is None or not is_address(path):
                self._add_supply(path, opened)
            elif path.lower() == PREFIX:
                self._whole = held
            else:
                self._add_address(path, held)

    def index(self, signatures: Mapping[str, Signature] = MappingProxyType({})) -> DriverIndex:
        """Return an index of them all; of some the signature is known better, by their names."""
        from osdimage.imaging.drivers.ranking.joined import JoinedIndex  # noqa: PLC0415 - start-up stays cheap
        from osdimage.imaging.drivers.ranking.packages import index_packages  # noqa: PLC0415
        from osdimage.imaging.drivers.store.addresses import PREFIX  # noqa: PLC0415
        from osdimage.imaging.drivers.store.index import CatalogIndex  # noqa: PLC0415

        given = index_packages(self._packages, self._os, passed_over=self._passed_over)
        whole = [] if self._whole is None else [(PREFIX, CatalogIndex(self._whole, self._os))]
        return JoinedIndex([*whole, ("", given)], self._os, signatures=signatures)

    def signatures(self, names: Collection[str]) -> dict[str, Signature]:
        """Compare drivers of some names with their catalogs."""
        from osdimage.imaging.drivers.signed.package import signature_of  # noqa: PLC0415 - start-up stays cheap
        from osdimage.imaging.drivers.store.addresses import PREFIX, package_of  # noqa: PLC0415

        given = {each.path: each.package for each in self._packages}
        found: dict[str, Signature] = {}
        for name in names:
            package = given.get(name)
            if package is None and self._whole is not None:
                package = package_of(self._whole, name.removeprefix(PREFIX))
            if package is not None:
                found[name] = signature_of(package, self._os)
        return found

    def _add_supply(self, path: str, opened: ExitStack) -> None:
        """Add those at a path; INFs that cannot be read are warned of."""
        from osdimage.imaging.drivers.packages import packages_in  # noqa: PLC0415 - start-up stays cheap
        from osdimage.imaging.drivers.supplied.opened import open_supply  # noqa: PLC0415

        supply = opened.enter_context(open_supply(path))
        found = packages_in(
            supply.files,
            supply.folder,
            on_fault=lambda _, error: self._reporter.warn(f"{error}; it is left out"),
        )
        if not found:
            raise InvalidInput(f"{path}: holds no INF of a driver that can be read")
        front = f"{path}: " if len(self._paths) > 1 else ""
        self._add(found, [f"{front}{each.path}" for each in found])

    def _add_address(self, address: str, catalog: DriverCatalog) -> None:
        """Add those that a name in a catalog stands for."""
        from osdimage.imaging.drivers.store.addresses import PREFIX, resolve  # noqa: PLC0415 - start-up stays cheap

        found = resolve(address, catalog)
        for name in found.left_out:
            self._reporter.warn(f"{PREFIX}{name} is disabled; it is left out")
        self._add(found.packages, [f"{PREFIX}{each}" for each in found.names])

    def _add(self, packages: Sequence[DriverPackage], names: Sequence[str]) -> None:
        """Add packages of one collection; those beside which another is nearer to the Windows are passed over."""
        from osdimage.imaging.drivers.supplied.variants import choose_packages  # noqa: PLC0415 - start-up stays cheap

        reasons = {id(each.item): each.reason for each in choose_packages(packages, self._os).left_out}
        for each, name in zip(packages, names, strict=True):
            if id(each) in reasons:
                self._passed_over[len(self._packages)] = reasons[id(each)]
            self._packages.append(NamedPackage(each, name))


@dataclass(frozen=True, slots=True)
class NamedPackage:
    """A package, by a name that tells which of several collections it is from."""

    package: DriverPackage
    path: str

    @property
    def inf(self) -> InfFile:
        """What its INF says."""
        return self.package.inf

    def find(self, path: str) -> FileFacts | None:
        """Return the file at a path below its folder, or None."""
        return self.package.find(path)
