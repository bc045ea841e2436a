"""The options that say which drivers are brought into a Windows, and what is shown of that."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from osdimage.cli import params
from osdimage.cli.driver.catalog import catalog as catalog_of_names
from osdimage.cli.driver.params import SUPPLY
from osdimage.imaging.units import counted, format_size

if TYPE_CHECKING:
    from osdimage.imaging.drivers.injection.choose import ChosenDrivers
    from osdimage.imaging.drivers.injection.plan import InjectionPlan

_SHOWN, _NAMED = 40, 3
_METHODS = ("auto", "stage", "boot")

driver = click.option(
    "--driver",
    "drivers",
    type=SUPPLY,
    multiple=True,
    metavar="PATH",
    help="Drivers to choose from: a folder, an INF, an archive, a disc, DISC.iso!FOLDER, or catalog:NAME.  Repeatable.",
)
package = click.option(
    "--driver-package",
    "packages",
    type=SUPPLY,
    multiple=True,
    metavar="PATH",
    help="Drivers of a model of computer: all are taken that are for the Windows.  Repeatable.",
)
allow_modified = click.option(
    "--allow-modified", is_flag=True, help="Take drivers whose files are not as their catalogs say they were signed."
)


def devices(name: str) -> params.Decorator:
    """Return the option that says of which computer the devices are, by the name that a command has for it."""
    return click.option(
        name,
        "devices",
        metavar="SOURCE",
        help="What tells the devices of the computer: host, qemu, a listing of lspci, pnputil or modalias lines, a "
        "domain of libvirt, a SYSTEM hive.  Of --driver the best for each are taken then.",
    )


def wish(command: params.Command) -> params.Command:
    """Add the options of ``driver add``, and pass a ``DriverWish`` as ``wish``."""

    @functools.wraps(command)
    def run(
        *args: Any,  # noqa: ANN401 - passed through
        drivers: tuple[str, ...],
        packages: tuple[str, ...],
        devices: str | None,
        method: str,
        boot_critical: tuple[str, ...],
        keep_drivers: bool,
        replace_services: bool,
        allow_modified: bool,
        catalog: Path | None,
        **kwargs: Any,  # noqa: ANN401
    ) -> Any:  # noqa: ANN401
        from osdimage.imaging.drivers.injection.choose import DriverWish  # noqa: PLC0415 - start-up stays cheap
        from osdimage.imaging.drivers.injection.plan import InjectionOptions, Method  # noqa: PLC0415

        if not (drivers or packages):
            raise click.UsageError("give the drivers: --driver PATH or --driver-package PATH")
        if method == "boot" and not (devices or boot_critical):
            raise click.UsageError("--method boot enables drivers of disk controllers; name these with --for, or one "
                                   "with --boot-critical")  # fmt: skip
        if method == "stage" and boot_critical:
            raise click.UsageError("--boot-critical enables a driver, and --method stage enables none")
        options = InjectionOptions(
            Method(method), keeps_drivers=keep_drivers, force=replace_services, allows_modified=allow_modified
        )
        made = DriverWish(drivers, packages, devices, boot_critical, options, catalog)
        return command(*args, wish=made, **kwargs)

    return params.add(
        driver,
        package,
        devices("--for"),
        catalog_of_names,
        click.option(
            "--method",
            type=click.Choice(_METHODS),
            default="auto",
            show_default=True,
            help="stage: put the drivers where Windows installs them from when it starts first.  boot: enable those of "
            "the disk controllers, so that it starts.  auto: both.",
        ),
        click.option(
            "--boot-critical",
            multiple=True,
            metavar="NAME",
            help="Enable the driver of this INF or service, whatever the devices.  Repeatable.",
        ),
        click.option("--keep-drivers", is_flag=True, help=r"Leave \Drivers when Windows has installed what is in it."),
        click.option(
            "--replace-services", is_flag=True, help="Overwrite the values of a service that is there already."
        ),
        allow_modified,
    )(run)


def lines(plan: InjectionPlan, chosen: ChosenDrivers, *, verbose: bool) -> Iterator[str]:
    """Say what will be done."""
    windows = plan.windows
    yield f"{windows.name}: Windows {windows.os}, {'generalized' if windows.is_generalized else 'not generalized'}"
    if plan.is_empty:
        yield "  all of it is there already; nothing is to be changed"
        return
    yield from _drivers(plan)
    for enabled in plan.enabled:
        signed = "signed in itself" if enabled.is_signed else "without a signature in itself"
        yield f"  enable for booting: {enabled.driver.service} ({enabled.driver.file_name}, {signed})"
    start = plan.first_start
    if start is not None:
        yield f"  at the first start: {start.how}"
        if start.command is not None:
            yield f"    {start.command}  (in {_shown(start.answer_file or '')})"
    changes = plan.changes
    yield f"  write {counted(len(changes.files), 'file')}, {format_size(changes.size)}; {_edits(plan)}"
    if verbose:
        yield from _all(plan)
    lacking = list(dict.fromkeys(chosen.without_driver))
    if lacking:
        shown = lacking if verbose else lacking[:_NAMED]
        more = "" if len(shown) == len(lacking) else f" and {len(lacking) - len(shown)} more"
        yield f"  no driver in what was given for: {', '.join(shown)}{more}; Windows may have its own"
    yield "  not known: whether Windows takes these drivers; it checks them, and may have better ones of its own"


def _drivers(plan: InjectionPlan) -> Iterator[str]:
    staged = plan.drivers[:_SHOWN]
    for want, each in zip(plan.wanted, staged, strict=False):
        there = ", there already" if each.is_there else ""
        devices = f", for {', '.join(dict.fromkeys(want.devices))}" if want.devices else ""
        size = f"{counted(len(each.files), 'file')}, {format_size(each.size)}"
        yield f"  \\Drivers\\{each.folder}: {want.package.inf.version.class_name or 'no class'}, {size}{there}{devices}"
    if len(plan.drivers) > len(staged):
        yield f"  and {counted(len(plan.drivers) - len(staged), 'more driver')}"


def _edits(plan: InjectionPlan) -> str:
    by_hive = plan.changes.edits_by_hive()
    told = [f"{counted(len(edits), 'value')} of {name}" for name, edits in by_hive.items()]
    return f"set {' and '.join(told)}" if told else "no hive is changed"


def _all(plan: InjectionPlan) -> Iterator[str]:
    """Yield every file and value."""
    from osdimage.imaging.registry.edits import value_lines  # noqa: PLC0415 - start-up stays cheap

    for file in plan.changes.files:
        old = "" if file.old_size is None else f", in place of {format_size(file.old_size)}"
        yield f"    {_shown(file.path)}: {format_size(file.size)}{old}"
    for each in plan.changes.edits:
        value = each.edit.value
        new = "" if value is None else f": {value_lines(value)}"
        old = "" if each.old is None else f"  (was {value_lines(each.old)})"
        yield f"    {each.edit.key}{new}{old}"


def _shown(path: str) -> str:
    return "\\" + path.replace("/", "\\")
