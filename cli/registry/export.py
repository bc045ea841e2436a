"""``osdimage registry export``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
from osdimage.cli import params, render
from osdimage.cli.registry import params as registry_params
from osdimage.cli.render import Reporter

if TYPE_CHECKING:
    from osdimage.imaging.registry.places import HiveAddress


@click.command("export")
@registry_params.address
@click.argument("key", default="")
@click.option(
    "--to",
    "destination",
    type=params.ANY_PATH,
    metavar="FILE",
    help="The file, UTF-16 as regedit writes it.  Default: stdout, in UTF-8.",
)
@click.option("--overwrite", is_flag=True, help="Replace FILE when it exists.")
@params.output(events=False)
def export_command(
    address: HiveAddress, key: str, destination: Path | None, overwrite: bool, reporter: Reporter
) -> None:
    """Write KEY and everything below it, or the whole hive, as a .reg file of version 5.00."""
    from osdimage.imaging.output import new_file, refuse_source  # noqa: PLC0415
    from osdimage.imaging.registry import edits, reg_file  # noqa: PLC0415 - start-up stays cheap
    from osdimage.imaging.registry.places import load_hive  # noqa: PLC0415

    if destination is not None:
        inside = "the hive" if address.hive is None else "what holds the hive"
        refuse_source(destination, address.target, inside)
    hive = load_hive(address)
    registry_params.warnings(hive, reporter)
    text = reg_file.format_reg(edits.export_keys(hive, key, address.registry_prefix))
    if destination is None:
        if reporter.as_json:
            reporter.result({"path": None, "size": None, "reg": text})
            return
        for line in text.split("\r\n")[:-1]:
            render.line(line)
        return
    data = reg_file.encode_reg(text)
    with new_file(destination, replace=overwrite) as descriptor, open(descriptor, "wb", closefd=False) as file:
        file.write(data)
    facts = {"path": destination, "size": len(data), "reg": None}
    reporter.result(facts, f"{destination}: {len(data):,} bytes")
