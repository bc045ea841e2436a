"""A plan: the exact table that will be written, and for which disk.  A JSON document that can be read and kept.

The document holds sectors and identifiers, so that writing it twice gives the same bytes.  When it was made for a disk
that exists, it also holds a fingerprint of what was on it: :func:`check_target` refuses a disk that has changed since.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

from osdimage.imaging.disk import roles
from osdimage.imaging.disk.content import FileSystem
from osdimage.imaging.disk.device import DeviceTarget, check_expected
from osdimage.imaging.disk.layouts.layout import PartitionSpec
from osdimage.imaging.disk.roles import Role, Scheme
from osdimage.imaging.disk.tables.backup import take_backup
from osdimage.imaging.disk.tables.read import DiskReading
from osdimage.imaging.disk.tables.table import Partition, PartitionTable
from osdimage.imaging.disk.tables.write import check_geometry, verify_table
from osdimage.imaging.disk.target import DiskTarget
from osdimage.imaging.documents import MAX_NUMBER, Fields, parse_json, reason_of, require_version
from osdimage.imaging.errors import InvalidDocument, Means, Remedy, TargetRefused
from osdimage.imaging.units import Extent, Geometry, Lba

FORMAT = "osdimage-disk-plan"
VERSION = 1
_LARGEST_SECTOR = 1 << 16
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


def identify_disk(target: DiskTarget, reading: DiskReading) -> DiskIdentity:
    """Describe a disk so that it is recognised again.

    Raises:
        StorageError: when it cannot be read.
    """
    serial = (target.facts.serial or target.facts.wwn) if isinstance(target, DeviceTarget) else None
    return DiskIdentity(target.name, serial, fingerprint(target, reading))


def fingerprint(target: DiskTarget, reading: DiskReading) -> str:
    """Return the SHA-256 of all that is the table of a disk, with the offsets."""
    from datetime import UTC, datetime  # noqa: PLC0415 - the time is not a part of the fingerprint

    digest = hashlib.sha256()
    for piece in take_backup(target, reading, now=datetime.fromtimestamp(0, UTC)).pieces:
        digest.update(piece.offset_bytes.to_bytes(16, "little"))
        digest.update(piece.data)
    return digest.hexdigest()


def check_target(plan: DiskPlan, target: DiskTarget, reading: DiskReading, *, is_saved: bool = False) -> None:
    """Make sure that a disk is still the one that a plan was made for.

    With ``is_saved`` the plan was made before: where that was for an image that was not there yet, the disk may hold
    no table but that of the plan, from a run that was interrupted.

    Raises:
        TargetRefused: when its size, serial number or table differ.
    """
    check_geometry(target, plan.table.geometry)
    if plan.disk is None:
        if is_saved and reading.table is not None and reading.table.partitions != plan.table.partitions:
            raise TargetRefused(
                f"{target.name}: holds a partition table, and the plan was made for a new disk image; make a plan for "
                "the disk, or name another file"
            )
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
            # Of FAT12 and FAT16 of a captured disk.
            **({} if spec.cluster_size is None else {"cluster_size": spec.cluster_size}),
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
        return from_fields(Fields.of(parse_json(text)), source=source)
    except ValueError as error:
        raise InvalidDocument(f"{source} cannot be used: {reason_of(error)}") from error


def from_fields(document: Fields, *, source: str) -> DiskPlan:
    """Read a plan that may be a part of a document, and verify that its table can be written.

    Raises:
        InvalidDocument: when it is not a plan, or of another version.
        ValueError: when it is damaged, or its partitions cannot be.
    """
    form = document.values.get("format")
    if form == _OF_A_DEPLOYMENT:
        remedy = Remedy("{} carries it out", (Means.DEPLOY,))
        raise InvalidDocument(f"{source} is the plan of a deployment, not of a disk", remedy=remedy)
    if form != FORMAT:
        remedy = Remedy("{} writes one", (Means.SAVE_PLAN,))
        raise InvalidDocument(f"{source} is not a plan of osdimage", remedy=remedy)
    require_version(document, VERSION, source=source)
    table = _table(document)
    given = document.fields_or_none("disk")
    disk = None
    if given is not None:
        disk = DiskIdentity(given.text("path"), given.text_or_none("serial"), given.text("fingerprint"))
    advice = document.texts("advice") if "advice" in document.values else ()
    verify_table(table)
    _refuse_contradictions(document, table)
    return DiskPlan(table, disk, advice)


def _table(document: Fields) -> PartitionTable:
    scheme = document.parsed("scheme", Scheme, _one_of(Scheme))
    size = document.number("sector_size", 1, _LARGEST_SECTOR)
    count = document.number_or_none("entry_count")
    usable: Extent | None = None
    signature: int | None = None
    guid: UUID | None = None
    if scheme is Scheme.GPT:
        first = document.number("first_usable_lba")
        usable = Extent(Lba(first), document.number("last_usable_lba", first) - first + 1)
        guid = document.parsed("disk_guid", UUID, "a GUID")
    else:
        signature = document.hexadecimal("disk_signature", 32)
    return PartitionTable(
        scheme=scheme,
        geometry=Geometry(size, document.number("sectors", 1, MAX_NUMBER // size)),
        partitions=tuple(map(_partition, document.each("partitions"))),
        disk_signature=signature,
        disk_guid=guid,
        usable=usable,
        entry_count=count if scheme is Scheme.GPT else None,
    )


def _partition(entry: Fields) -> Partition:
    active = entry.truth("active")
    ebr = entry.number_or_none("ebr_lba")
    wish = entry.fields_or_none("format")
    return Partition(
        number=entry.number("number"),
        extent=Extent(Lba(entry.number("first_lba")), entry.number("sectors", 1)),
        type_id=entry.parsed("type", roles.parse_type, "a type byte such as 0x07, or a GUID"),
        active=active,
        guid=entry.parsed_or_none("guid", UUID, "a GUID"),
        name=entry.text("name"),
        attributes=entry.hexadecimal("attributes", 64),
        ebr_lba=None if ebr is None else Lba(ebr),
        spec=None if wish is None else _wish(wish, active=active),
    )


def _refuse_contradictions(document: Fields, table: PartitionTable) -> None:
    """Refuse what is told for people and other programs and was changed alone: it would be passed over."""
    for entry, each in zip(document.each("partitions"), table.partitions, strict=True):
        told = {
            "last_lba": each.extent.last,
            "offset_bytes": table.offset_bytes(each),
            "size_bytes": table.size_bytes(each),
        }
        for name, expected in told.items():
            if name in entry.values and entry.number(name) != expected:
                raise ValueError(f"{entry.at(name)} contradicts first_lba and sectors, which make it {expected}")


def _wish(wish: Fields, *, active: bool) -> PartitionSpec:
    return PartitionSpec(
        role=wish.parsed("role", Role, _one_of(Role)),
        filesystem=wish.parsed_or_none("filesystem", FileSystem, "NTFS, FAT32 or null"),
        cluster_size=wish.number("cluster_size", 1) if "cluster_size" in wish.values else None,
        label=wish.text_or_none("label"),
        quick_format=wish.truth("quick"),
        active=active,
        assign_letter=wish.truth("assign_letter"),
        letter_variable=wish.text_or_none("letter_variable"),
        origin=wish.text_or_none("origin"),
    )


def _one_of(words: type[StrEnum]) -> str:
    return "one of " + ", ".join(each.value for each in words)
