"""``osdimage disk format``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
from osdimage.cli import params, render, values
from osdimage.cli.disk import params as disk_params
from osdimage.cli.disk.overlay import overlay
from osdimage.cli.guidance import advice
from osdimage.cli.render import Reporter

if TYPE_CHECKING:
    from osdimage.imaging.disk.held import VolumeInfo
    from osdimage.imaging.disk.opening import Opening


@click.command("format")
@click.argument("disk", type=disk_params.DISK)
@click.option(
    "--partition", type=click.IntRange(min=1), metavar="N", required=True, help="The partition, as disk show lists it."
)
@click.option(
    "--fs",
    "filesystem",
    type=click.Choice(["ntfs", "fat32"]),
    default="ntfs",
    show_default=True,
    help="The file system.",
)
@click.option(
    "--label",
    help="The volume label: 32 characters on NTFS, 11 on FAT32, where it is kept in upper case, as Windows does.",
)
@click.option("--cluster-size", type=values.SIZE, metavar="SIZE", help="Bytes.  Default: as Windows for this size.")
@click.option(
    "--full",
    is_flag=True,
    help="Also write zeros over everything, which finds sectors that cannot be written.  Holes of an image stay.",
)
@disk_params.opening_to_write
@overlay("disk")
@disk_params.seed
@params.add(*disk_params.expectations)
@disk_params.yes
@params.output()
def format_command(
    disk: Path,
    partition: int,
    filesystem: str,
    label: str | None,
    cluster_size: int | None,
    full: bool,
    opening: Opening,
    seed: str | None,
    expect_serial: str | None,
    expect_size: int | None,
    yes: bool,
    reporter: Reporter,
) -> None:
    """Make a file system in one partition of DISK.

    EVERYTHING THAT IS IN THE PARTITION IS LOST; nothing outside it is touched.  You are asked, unless --yes is given.
    """
    from osdimage.imaging.disk.content import FileSystem  # noqa: PLC0415
    from osdimage.imaging.disk.device import check_expected  # noqa: PLC0415
    from osdimage.imaging.disk.held import look_at, protected  # noqa: PLC0415
    from osdimage.imaging.disk.opened import open_disk  # noqa: PLC0415
    from osdimage.imaging.disk.tables.check import misfit  # noqa: PLC0415 - start-up stays cheap
    from osdimage.imaging.errors import InvalidRequest  # noqa: PLC0415
    from osdimage.imaging.units import format_size  # noqa: PLC0415
    from osdimage.imaging.volume.filesystems import FormatWish, format_volume, serial_bits  # noqa: PLC0415

    rng = disk_params.random_bits(seed)
    with open_disk(disk, write=True, opening=opening) as opened:
        check_expected(opened.target, serial=expect_serial, size_bytes=expect_size)
        table = opened.table
        chosen = next((each for each in table.partitions if each.number == partition), None)
        if chosen is None or chosen.is_extended:
            numbers = ", ".join(str(each.number) for each in table.partitions if not each.is_extended) or "none"
            raise InvalidRequest(f"{disk}: there is no partition {partition} to format; there are: {numbers}")
        size = format_size(table.size_bytes(chosen))
        if not yes:
            held = look_at(opened.target.window(chosen.extent))
            what = f"{chosen.type_label}, {size}{_held(held)}{protected(held)}"
            _ask(f"{disk} partition {partition}, {what}", reporter)
        made = FileSystem(filesystem)
        label = None if label is None else made.label_for(label)
        wish = FormatWish(rng.getrandbits(serial_bits(made)), label, cluster_size, quick=not full)
        format_volume(opened.volume_in(chosen), made, wish, progress=reporter.callback)
        opened.target.flush()
    found = misfit(chosen, made.content)
    if found is not None:
        reporter.warn(f"{found.text}; {advice.worded(found.remedy)}")
    facts = {"disk": disk, "partition": partition, "filesystem": made.called, "label": label}
    reporter.result(facts, f"{disk}: partition {partition}, {size}, is formatted as {made.called}")


def _held(volume: VolumeInfo) -> str:
    """Say what is in a partition that is not encrypted; nothing of one that is empty."""
    if volume.encryption is not None:
        return ""
    if volume.kind is None:
        return "; it is not empty, and what it holds is not known here" if volume.is_unknown else ""
    return f", with {volume.kind.described}" + (f" {volume.label!r}" if volume.label is not None else "")


def _ask(what: str, reporter: Reporter) -> None:
    reporter.refuse_unattended(f"{what} would be formatted")
    render.line(f"This will be lost: {what}")
    click.confirm("Format it?", abort=True, err=True)
