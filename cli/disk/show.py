"""``osdimage disk show``."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from osdimage.cli import params, render
from osdimage.cli.disk import params as disk_params
from osdimage.cli.render import Reporter

if TYPE_CHECKING:
    from osdimage.imaging.disk.bitlocker.facts import Encryption
    from osdimage.imaging.disk.containers.facts import ContainerFacts
    from osdimage.imaging.disk.held import VolumeInfo
    from osdimage.imaging.disk.opening import Opening
    from osdimage.imaging.disk.tables.read import DiskReading
    from osdimage.imaging.units import Geometry
    from osdimage.imaging.volume.ntfs.journal import Journal


@click.command("show")
@click.argument("disk", type=disk_params.DISK)
@disk_params.opening
@params.output(events=False, more="notes, and the identifiers of the partitions")
def show_command(disk: Path, opening: Opening, reporter: Reporter) -> None:
    """Show the partitions of DISK, a disk image or a device: a picture in proportion, and a table.

    What is wrong with the table is said on stderr, and which volumes were not shut down; `osdimage disk check` looks
    further.
    """
    from osdimage.cli.disk import render as disk_render  # noqa: PLC0415 - start-up stays cheap
    from osdimage.imaging.disk.device import open_target  # noqa: PLC0415
    from osdimage.imaging.disk.held import volumes  # noqa: PLC0415
    from osdimage.imaging.disk.tables.read import read_table  # noqa: PLC0415
    from osdimage.imaging.disk.volume import title_of  # noqa: PLC0415
    from osdimage.imaging.finding import Severity  # noqa: PLC0415
    from osdimage.imaging.volume.hazards import journals  # noqa: PLC0415

    with open_target(str(disk), opening=opening) as target:
        reading = read_table(target)
        container, geometry = target.container, target.geometry
        held = {} if reading.table is None else {p.number: v for p, v in volumes(target, reading.table)}
        logs = {} if reading.table is None else journals(target, reading.table)
    if reporter.as_json:
        facts = document(str(disk), geometry, reading, held, logs)
        render.document({**facts, "container": _container(container)})
        reading.require()
        return
    table = reading.require()
    for finding in reading.findings:
        if finding.severity is not Severity.NOTE or reporter.verbose:
            reporter.warn(finding.text)
    disk_render.show_disk(str(disk), table, held)
    if container is not None:
        disk_render.container(container)
    disk_render.encryptions(table, held)
    disk_render.foreign(table, held)
    for number, journal in logs.items():
        hazard = journal.hazard(title_of(disk, number))
        if hazard is not None:
            reporter.warn(hazard)
    if reporter.verbose:
        disk_render.identifiers(table)


def document(
    name: str, geometry: Geometry, reading: DiskReading, held: dict[int, VolumeInfo], logs: dict[int, Journal]
) -> dict[str, Any]:
    """Return what was read as one JSON document."""
    from osdimage.imaging.disk.plan import table_document  # noqa: PLC0415 - start-up stays cheap
    from osdimage.imaging.disk.tables.table import SpaceKind  # noqa: PLC0415

    result: dict[str, Any] = {
        "disk": name,
        "scheme": None,
        "sector_size": geometry.sector_size,
        "sectors": geometry.sectors,
        "size_bytes": geometry.size_bytes,
        **dict.fromkeys(("disk_signature", "disk_guid", "first_usable_lba", "last_usable_lba", "entry_count")),
        "partitions": [],
        "free": [],
    }
    table = reading.table
    if table is not None:
        result.update(table_document(table))
        for entry in result["partitions"]:
            del entry["format"]
            volume = held.get(entry["number"])
            entry["filesystem"] = None if volume is None or volume.kind is None else volume.kind.called
            entry["journal"] = logs[entry["number"]].state if entry["number"] in logs else None
            entry["holds"] = None if volume is None else volume.said
            entry["label"] = None if volume is None else volume.label
            entry["bitlocker"] = None if volume is None or volume.encryption is None else _encrypted(volume.encryption)
        result["free"] = [
            {
                "first_lba": space.extent.first,
                "sectors": space.extent.count,
                "size_bytes": space.extent.count * table.geometry.sector_size,
            }
            for space in table.spaces()
            if space.kind is SpaceKind.FREE
        ]
    result["gpt_copy"] = reading.copy
    result["findings"] = list(reading.findings)
    return result


def _encrypted(encryption: Encryption) -> dict[str, Any]:
    return {
        "condition": encryption.condition,
        "method": encryption.method,
        "description": encryption.description,
        "protectors": [{"id": str(each.identifier), "kind": each.kind} for each in encryption.protectors],
        "faults": list(encryption.faults),
    }


def _container(facts: ContainerFacts | None) -> dict[str, Any] | None:
    if facts is None:
        return None
    return {
        "format": facts.form,
        "variant": facts.variant,
        "size_bytes": facts.size_bytes,
        "creator": facts.creator,
        "files": [{"role": each.role, "name": each.name, "format": each.form} for each in facts.links],
        "snapshots": [
            {"id": each.identifier, "name": each.name, "created": datetime.fromtimestamp(each.seconds, UTC)}
            for each in facts.snapshots
        ],
        "compressed": facts.is_compressed,
        "dirty": facts.is_dirty or facts.has_log,
        "corrupt": facts.is_corrupt,
    }
