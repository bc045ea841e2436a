"""A plan: the exact table that will be written, and for which disk.  A JSON document that can be read and kept.

The document holds sectors and identifiers, so that writing it twice gives the same bytes.  When it was made for a disk
that exists, it also holds a fingerprint of what was on it: :func:`check_target` refuses a disk that has changed since.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from osdimage.imaging.disk import roles
from osdimage.imaging.disk.backup import take_backup
from osdimage.imaging.disk.content import FileSystem
from osdimage.imaging.disk.device import DeviceTarget, check_expected
from osdimage.imaging.disk.layout import PartitionSpec
from osdimage.imaging.disk.read import DiskReading
from osdimage.imaging.disk.roles import Role, Scheme
from osdimage.imaging.disk.table import Partition, PartitionTable
from osdimage.imaging.disk.target import FileTarget
from osdimage.imaging.disk.write import check_geometry, verify_table
from osdimage.imaging.documents import reason_of
from osdimage.imaging.errors import InvalidDocument, Means, Remedy, TargetRefused
from osdimage.imaging.units import Extent, Geometry, Lba

FORMAT = "osdimage-disk-plan"
VERSION = 1
# The deployment, which is built on this, writes documents of its own; they are easily mistaken for these.
_OF_A_DEPLOYMENT = "osdimage-deploy-plan"


@dataclass(frozen=True, slots=True)
class DiskIdentity:
    """Which disk a plan is for.

    Attributes:
        path: what it was called; a disk may be found under another name later.
        serial: its serial number or WWN, or None.
        fingerprint: SHA-256 of its table as it was.
    """

    path: str
    serial: str | None
    fingerprint: str


@dataclass(frozen=True, slots=True)
class DiskPlan:
    """What will be written.

    Attributes:
        table: the partitions, with the wishes for their formatting in ``Partition.spec``.
        disk: the disk it was made for, or None when it was made for a size.
        advice: what the user should know.
    """

    table: PartitionTable
    disk: DiskIdentity | None = None
    advice: tuple[str, ...] = ()


def identify_disk(target: FileTarget, reading: DiskReading) -> DiskIdentity:
    """Describe a disk so that it is recognised again.

    Raises:
        StorageError: when it cannot be read.
    """
    serial = (target.facts.serial or target.facts.wwn) if isinstance(target, DeviceTarget) else None
    return DiskIdentity(target.name, serial, fingerprint(target, reading))


def fingerprint(target: FileTarget, reading: DiskReading) -> str:
    """Return the SHA-256 of all that is the table of a disk, with the offsets."""
    from datetime import UTC, datetime  # noqa: PLC0415 - the time is not a part of the fingerprint

    digest = hashlib.sha256()
    for piece in take_backup(target, reading, now=datetime.fromtimestamp(0, UTC)).pieces:
        digest.update(piece.offset_bytes.to_bytes(16, "little"))
        digest.update(piece.data)
    return digest.hexdigest()


def check_target(plan: DiskPlan, target: FileTarget, reading: DiskReading) -> None:
    """Make sure that a disk is still the one that a plan was made for.

    Raises:
        TargetRefused: when its size, serial number or table differ.
    """
    check_geometry(target, plan.table.geometry)
    if plan.disk is None:
        return
    check_expected(target, serial=plan.disk.serial, size_bytes=None)
    if fingerprint(target, reading) != plan.disk.fingerprint:
        raise TargetRefused(
            f"{target.name}: its partition table is not the one that the plan was made for; make a new plan"
        )


# ---- the document ----


def to_document(plan: DiskPlan) -> dict[str, Any]:
    """Return the plan as what :func:`json.dumps` takes."""
    table = plan.table
    disk = plan.disk
    return {
        "format": FORMAT,
        "version": VERSION,
        "disk": None if disk is None else {"path": disk.path, "serial": disk.serial, "fingerprint": disk.fingerprint},
        **table_document(table),
        "advice": list(plan.advice),
    }


def table_document(table: PartitionTable) -> dict[str, Any]:
    """Return a table as what :func:`json.dumps` takes."""
    usable, windows = table.usable, table.windows_numbers()
    return {
        "scheme": table.scheme,
        "sector_size": table.geometry.sector_size,
        "sectors": table.geometry.sectors,
        "size_bytes": table.geometry.size_bytes,
        "disk_signature": None if table.disk_signature is None else f"0x{table.disk_signature:08x}",
        "disk_guid": None if table.disk_guid is None else str(table.disk_guid),
        "first_usable_lba": None if usable is None else usable.first,
        "last_usable_lba": None if usable is None else usable.last,
        "entry_count": table.entry_count,
        "partitions": [_partition_document(table, each, windows.get(each.number)) for each in table.partitions],
    }


def _partition_document(table: PartitionTable, partition: Partition, windows: int | None) -> dict[str, Any]:
    spec = partition.spec
    return {
        "number": partition.number,
        "windows_number": windows,
        "role": partition.role,
        "first_lba": partition.extent.first,
        "last_lba": partition.extent.last,
        "sectors": partition.extent.count,
        "offset_bytes": table.offset_bytes(partition),
        "size_bytes": table.size_bytes(partition),
        "type": roles.format_type(partition.type_id),
        "type_label": partition.type_label,
        "active": partition.active,
        "guid": None if partition.guid is None else str(partition.guid),
        "name": partition.name,
        "attributes": f"0x{partition.attributes:016x}",
        "attribute_words": list(roles.attribute_words(partition.attributes)),
        "ebr_lba": partition.ebr_lba,
        "format": None
        if spec is None
        else {
            "origin": spec.origin,
            "role": spec.role,
            "filesystem": None if spec.filesystem is None else spec.filesystem.called,
            "label": spec.label,
            "quick": spec.quick_format,
            "assign_letter": spec.assign_letter,
            "letter_variable": spec.letter_variable,
        },
    }


def to_json(plan: DiskPlan) -> str:
    """Write the document."""
    return json.dumps(to_document(plan), indent=2) + "\n"


def from_json(text: str, *, source: str) -> DiskPlan:
    """Read the document and verify that its table can be written.

    Raises:
        InvalidDocument: when it is not a plan, is damaged, or its partitions cannot be.
    """
    try:
        document = json.loads(text)
        if isinstance(document, dict) and document.get("format") == _OF_A_DEPLOYMENT:
            remedy = Remedy("{} carries it out", (Means.DEPLOY,))
            raise InvalidDocument(f"{source} is the plan of a deployment, not of a disk", remedy=remedy)
        if not isinstance(document, dict) or document.get("format") != FORMAT:
            remedy = Remedy("{} writes one", (Means.SAVE_PLAN,))
            raise InvalidDocument(f"{source} is not a plan of osdimage", remedy=remedy)
        if document.get("version") != VERSION:
            raise InvalidDocument(f"{source} is of version {document.get('version')}; this osdimage reads {VERSION}")
        table = _table(document)
        given = document["disk"]
        disk = None
        if given is not None:
            serial = None if given["serial"] is None else str(given["serial"])
            disk = DiskIdentity(str(given["path"]), serial, str(given["fingerprint"]))
        plan = DiskPlan(table, disk, tuple(str(each) for each in document.get("advice", ())))
        verify_table(table)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, OverflowError) as error:
        raise InvalidDocument(f"{source} cannot be used: {reason_of(error)}") from error
    return plan


def _table(document: dict[str, Any]) -> PartitionTable:
    scheme = Scheme(document["scheme"])
    first, last = document["first_usable_lba"], document["last_usable_lba"]
    signature, guid = document["disk_signature"], document["disk_guid"]
    count = document["entry_count"]
    is_gpt = scheme is Scheme.GPT
    return PartitionTable(
        scheme=scheme,
        geometry=Geometry(int(document["sector_size"]), int(document["sectors"])),
        partitions=tuple(_partition(each) for each in document["partitions"]),
        disk_signature=None if is_gpt else int(signature, 16),
        disk_guid=UUID(guid) if is_gpt else None,
        usable=Extent(Lba(int(first)), int(last) - int(first) + 1) if is_gpt else None,
        entry_count=int(count) if is_gpt else None,
    )


def _partition(entry: dict[str, Any]) -> Partition:
    wish = entry["format"]
    spec = None
    if wish is not None:
        spec = PartitionSpec(
            role=Role(wish["role"]),
            filesystem=None if wish["filesystem"] is None else FileSystem(wish["filesystem"]),
            label=wish["label"],
            quick_format=bool(wish["quick"]),
            active=bool(entry["active"]),
            assign_letter=bool(wish["assign_letter"]),
            letter_variable=wish["letter_variable"],
            origin=wish["origin"],
        )
    return Partition(
        number=int(entry["number"]),
        extent=Extent(Lba(int(entry["first_lba"])), int(entry["sectors"])),
        type_id=roles.parse_type(entry["type"]),
        active=bool(entry["active"]),
        guid=None if entry["guid"] is None else UUID(entry["guid"]),
        name=str(entry["name"]),
        attributes=int(entry["attributes"], 16),
        ebr_lba=None if entry["ebr_lba"] is None else Lba(int(entry["ebr_lba"])),
        spec=spec,
    )
