"""``osdimage driver check``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click
from osdimage.cli import params, render
from osdimage.cli.driver import catalog as catalog_params
from osdimage.cli.driver import params as driver_params
from osdimage.cli.driver.rows import heading, row
from osdimage.cli.failures import INVALID_INPUT
from osdimage.cli.render import Reporter
from osdimage.imaging.errors import InvalidInput
from osdimage.imaging.finding import Severity
from osdimage.imaging.units import counted

if TYPE_CHECKING:
    from osdimage.imaging.drivers.checking.package import CheckedCatalog, CheckedDriver
    from osdimage.imaging.drivers.packages import DriverPackage
    from osdimage.imaging.drivers.signed.pkcs7 import FileSignature
    from osdimage.imaging.drivers.supplied.opened import Supply
    from osdimage.imaging.drivers.supplied.variants import LeftOut
    from osdimage.imaging.drivers.target_os import Architecture, TargetOs


@click.command("check")
@click.argument("path", type=driver_params.SUPPLY)
@driver_params.windows
@catalog_params.catalog
@driver_params.codepage
@click.option("--strict", is_flag=True, help="Leave with 3 for a warning, too.")
@params.output(events=False)
def check_command(
    path: str,
    os: TargetOs | None,
    architecture: Architecture | None,
    catalog: Path | None,
    codepage: str,
    strict: bool,
    reporter: Reporter,
) -> int:
    """Look for what keeps Windows from installing the drivers at PATH, and say what to do about it.

    Looked for are files that are missing, sections and tokens that are named and not there, platforms without devices,
    INFs that a build has not finished, drivers for another processor, catalogs, and files that are not as they were
    signed.  Who signed, and when, is told; whether that is trusted the Windows knows alone.

    PATH is as for `driver show`.  With --os, of a collection such as virtio-win.iso only the packages for that Windows
    are looked at.  Leaves with 3 when there is an error, with 0 for mere warnings and notes.
    """
    from osdimage.imaging.drivers.checking.package import check_package  # noqa: PLC0415 - start-up stays cheap
    from osdimage.imaging.drivers.packages import packages_in  # noqa: PLC0415
    from osdimage.imaging.drivers.signed.package import CatalogChecker  # noqa: PLC0415
    from osdimage.imaging.drivers.store.opening import open_driver_files  # noqa: PLC0415

    faults: list[dict[str, str]] = []
    now = datetime.now(UTC)
    checker = CatalogChecker()
    with open_driver_files(path, catalog=catalog) as supply:
        for text in supply.notes:
            reporter.warn(text)
        packages = packages_in(
            supply.files,
            supply.folder,
            codepage=codepage,
            on_fault=lambda where, error: faults.append({"path": where, "message": str(error)}),
        )
        chosen, left_out = _chosen(supply, packages, os)
        checked = [check_package(each, os, architecture, now=now, checker=checker) for each in chosen]
    if not checked and not faults:
        raise InvalidInput(f"{path}: holds no INF of a driver")
    others = [{"path": each.item.path, "reason": each.reason} for each in left_out]
    if reporter.as_json:
        drivers = render.to_plain(checked)
        render.document({"path": path, "drivers": drivers, "faults": faults, "left_out": others})
    else:
        _show(checked, faults, len(others), reporter)
    bad = {Severity.ERROR, Severity.WARNING} if strict else {Severity.ERROR}
    return INVALID_INPUT if faults or any(driver.has(each) for driver in checked for each in bad) else 0


def _chosen(
    supply: Supply, packages: list[DriverPackage], os: TargetOs | None
) -> tuple[Sequence[DriverPackage], Sequence[LeftOut[DriverPackage]]]:
    """Return the packages that are looked at, and why others are not: none of them is for the Windows."""
    from osdimage.imaging.drivers.supplied.variants import choose_packages  # noqa: PLC0415 - start-up stays cheap

    if os is None or supply.is_inf:
        return packages, ()
    choice = choose_packages(packages, os)
    # Where nothing is for the Windows, that is what is wrong with each.
    return (choice.taken, choice.left_out) if choice.taken else (packages, ())


def _show(
    checked: Sequence[CheckedDriver],
    faults: Sequence[dict[str, str]],
    left_out: int,
    reporter: Reporter,
) -> None:
    for driver in checked:
        if not reporter.quiet:
            for text in _lines(driver):
                render.line(text)
        render.findings(driver.findings, quiet=reporter.quiet)
    for fault in faults:
        render.line(f"error: {fault['message']} [inf-unreadable]")
    if reporter.quiet:
        return
    counts = {severity: sum(f.severity is severity for each in checked for f in each.findings) for severity in Severity}
    counts[Severity.ERROR] += len(faults)
    told = ", ".join(counted(number, severity.value) for severity, number in counts.items() if number)
    also = f"; {left_out} left out, for other Windows or twice there (--json has the reasons)" if left_out else ""
    render.line(f"{counted(len(checked), 'driver')}: {told or 'no faults found'}{also}")


def _lines(driver: CheckedDriver) -> Iterator[str]:
    yield heading(driver)
    for catalog in driver.catalogs:
        yield row("catalog", _catalog(catalog))
        if catalog.signature is not None:
            yield row("signed by", _signature(catalog.signature))
    for each in driver.drivers:
        if not each.has_signature:
            yield row("driver", f"{each.path}, no signature in itself")
        elif each.signature is None:
            yield row("driver", f"{each.path}, with a signature in itself")
        else:
            yield row("driver", f"{each.path}, signed by {_signature(each.signature)}")


def _catalog(catalog: CheckedCatalog) -> str:
    told = {
        "right": f"{counted(catalog.files, 'file')} as signed",
        # What of it is not as it should be, a finding tells.
        "wrong": "without a signature" if catalog.signature is None else "not all as signed",
        "not-checked": "not all of it checked",
    }
    return ", ".join((catalog.path, ", ".join(catalog.architectures), told[catalog.verdict.value]))


def _signature(signature: FileSignature) -> str:
    when = "at a time that nobody confirms"
    if signature.time is not None:
        when = f"{signature.time:%Y-%m-%d %H:%M:%S} UTC by {signature.time_authority}"
    return f"{signature.signer} (certificate of {signature.issuer}), {when}"
