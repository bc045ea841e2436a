"""``osdimage registry export``."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click
from osdimage.cli import params, render, values
from osdimage.cli.registry import params as registry_params
from osdimage.cli.render import Reporter, counted

if TYPE_CHECKING:
    from osdimage.imaging.registry.places import HiveAddress


@click.command("export")
@registry_params.address
@click.argument("key", default="")
@click.option(
    "--to",
    "destination",
    type=values.ANY_PATH,
    metavar="FILE",
    help="The file, UTF-16 as regedit writes it.  Default: stdout, in UTF-8.",
)
@click.option("--overwrite", is_flag=True, help="Replace FILE when it exists.")
@params.output(events=False)
def export_command(
    address: HiveAddress, key: str, destination: Path | None, overwrite: bool, reporter: Reporter
) -> None:
    """Write KEY and everything below it, or the whole hive, as a .reg file of version 5.00.

    Names that a .reg file cannot hold are left out with all that is in them, and on stdout those that cannot be
    printed; the command names them and ends with 1.
    """
    from osdimage.imaging.errors import Incomplete  # noqa: PLC0415
    from osdimage.imaging.output import refuse_source  # noqa: PLC0415
    from osdimage.imaging.registry import edits, reg_file  # noqa: PLC0415 - start-up stays cheap
    from osdimage.imaging.registry.places import load_hive  # noqa: PLC0415

    if destination is not None:
        inside = "the hive" if address.hive is None else "what holds the hive"
        refuse_source(destination, address.target, inside)
    hive = load_hive(address)
    left_out = reg_file.LeftOut()
    is_shown = destination is None and not reporter.as_json
    with registry_params.told(hive, address, reporter):
        keys = edits.export_keys(hive, key, address.registry_prefix)
        pieces = reg_file.reg_lines(keys, left_out, only_printable=is_shown)
        if destination is not None:
            size = _write(destination, pieces, overwrite=overwrite)
        elif reporter.as_json:
            text = "".join(pieces)
        else:
            for piece in pieces:
                for line in piece.split("\r\n")[:-1]:
                    render.line(line)
    replayed = render.to_plain(hive.replayed)
    omitted = {"count": left_out.count, "names": left_out.names}
    if destination is not None:
        facts = {"path": destination, "size": size, "reg": None, "left_out": omitted, "replayed": replayed}
        reporter.result(facts, f"{destination}: {size:,} bytes")
    elif reporter.as_json:
        reporter.result({"path": None, "size": None, "reg": text, "left_out": omitted, "replayed": replayed})
    if left_out.count:
        what = counted(left_out.count, "key or value", "keys and values")
        more = "; what is printed holds only characters that can be" if is_shown else ""
        raise Incomplete(f"{address}: {what} left out: {left_out}{more}")


def _write(destination: Path, pieces: Iterable[str], *, overwrite: bool) -> int:
    """Write the file piece by piece; return its size."""
    from osdimage.imaging.output import new_file  # noqa: PLC0415 - start-up stays cheap
    from osdimage.imaging.registry import reg_file  # noqa: PLC0415

    with new_file(destination, replace=overwrite) as descriptor, open(descriptor, "wb", closefd=False) as file:
        size = file.write(reg_file.MARK)
        for piece in pieces:
            size += file.write(reg_file.encoded(piece))
    return size
