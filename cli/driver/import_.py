"""``osdimage driver import``."""

from __future__ import annotations

from pathlib import Path

import click
from osdimage.cli import params
from osdimage.cli.driver import catalog as catalog_params
from osdimage.cli.driver import params as driver_params
from osdimage.cli.render import Reporter, counted


@click.command("import")
@click.argument("paths", metavar="PATH...", nargs=-1, required=True, type=driver_params.FILES)
@catalog_params.catalog
@click.option("--category", "categories", multiple=True, metavar="NAME", help="Put them into a category.  Repeatable.")
@click.option("--package", metavar="NAME", help="Put them into a package, which is made if it is missing.")
@click.option("--name", help="Call the one driver so.  Default: as the first device that it supports.")
@click.option("--disabled", is_flag=True, help="Do not offer new ones yet.")
@click.option("--no-archives", is_flag=True, help="Pass over archives: ZIP, cabinets, 7z, MSI, what extracts itself.")
@driver_params.codepage
@params.output(more="what became of each INF")
def import_command(
    paths: tuple[str, ...],
    catalog: Path | None,
    categories: tuple[str, ...],
    package: str | None,
    name: str | None,
    disabled: bool,
    no_archives: bool,
    codepage: str,
    reporter: Reporter,
) -> None:
    """Take the drivers of each PATH into a catalog: an INF, or all that are in a folder, an archive or a disc.

    The files of a driver are copied into a folder beside the catalog, each content once.  Drivers that are there
    already stay, and join the categories and the package.  What cannot be read wholly changes nothing.  A file or
    folder inside of an archive or a disc is named as FILE!PATH.
    """
    from osdimage.imaging.drivers.store.adding import ImportWish, Outcome  # noqa: PLC0415 - start-up stays cheap
    from osdimage.imaging.drivers.store.catalog import open_catalog  # noqa: PLC0415
    from osdimage.imaging.drivers.store.importing import import_drivers  # noqa: PLC0415

    wish = ImportWish(name, categories, package, enabled=not disabled)
    wish.check()
    with open_catalog(catalog, writes=True, creates=True) as opened:
        infs = import_drivers(
            opened, paths, wish, codepage=codepage, archives=not no_archives, progress=reporter.callback
        )
        path = opened.path
    counts = {each: sum(inf.outcome is each for inf in infs) for each in Outcome}
    document = {
        "catalog": path,
        "infs": infs,
        "new": counts[Outcome.NEW],
        "present": counts[Outcome.PRESENT],
        "left_out": counts[Outcome.LEFT_OUT],
    }
    few = [catalog_params.imported_line(each) for each in infs if each.outcome is Outcome.NEW or reporter.verbose]
    # Of what was there already no line tells that it joined them.
    joined = [*(f"category {each}" for each in categories), *([f"package {package}"] if package else [])]
    where = f"; those taken are in {', '.join(joined)}" if joined and len(infs) > counts[Outcome.LEFT_OUT] else ""
    reporter.result(
        document,
        *few,
        f"{path}: {counted(counts[Outcome.NEW], 'new driver')}, {counts[Outcome.PRESENT]:,} there already, "
        f"{counts[Outcome.LEFT_OUT]:,} left out{where}",
    )
