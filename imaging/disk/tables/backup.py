"""Saving the partition table of a disk in a file, and putting it back.

The file is one JSON document: a manifest (format, version, time, disk, geometry) and ``pieces``, each with its offset
on the disk, its size, its SHA-256 and its bytes in base64.  A piece can be put back without osdimage: decode it and
write it at its offset.  Saved are sector 0, both copies of a GPT or the room they would take, every EBR, and all that a
write is about to replace.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from osdimage.imaging.disk.device import DeviceTarget
from osdimage.imaging.disk.layouts.place import array_sectors
from osdimage.imaging.disk.roles import Scheme
from osdimage.imaging.disk.tables.read import DiskReading, read_table
from osdimage.imaging.disk.tables.write import Flush, Step, Write, interim_steps
from osdimage.imaging.disk.target import BlockTarget, MemoryTarget
from osdimage.imaging.documents import (
    MAX_NUMBER,
    Fields,
    parse_json,
    read_document,
    reason_of,
    require_version,
    write_document,
)
from osdimage.imaging.errors import (
    InvalidDocument,
    InvalidRequest,
    Means,
    OsdImageError,
    Remedy,
    StorageError,
    TargetRefused,
)
from osdimage.imaging.units import MIB, Extent, Geometry, Lba

FORMAT = "osdimage-partition-table-backup"
VERSION = 1
MAX_BYTES = 16 * MIB
"""Both copies of the largest GPT that is read, twice and in base64, are a third of it."""
MOST_SAVED = 5
"""So many files of one disk stay that were saved under names of their own; the oldest ones go."""
_SAVED_NAME = r"{}\.table-\d{{8}}T\d{{6}}Z(-\d+)?\.json"


@dataclass(frozen=True, slots=True)
class TableSaving:
    """Whether and where a table is saved before it is replaced.

    Attributes:
        path: the file, or None for one beside an image, and for a device in :func:`state_folder`.
        is_wanted: whether it is saved at all.
    """

    path: Path | None = None
    is_wanted: bool = True


USUAL_SAVING = TableSaving()


@dataclass(frozen=True, slots=True)
class Piece:
    """Bytes of a disk."""

    offset_bytes: int
    data: bytes
    what: str


@dataclass(frozen=True, slots=True)
class TableBackup:
    """A saved partition table.

    Attributes:
        created: when, UTC.
        disk: what the disk was called.
        geometry: its sectors.
        scheme: what was on it, or None when there was no table.
        serial: its serial number, or None.
        pieces: its bytes, in the order of the disk, not overlapping.
    """

    created: datetime
    disk: str
    geometry: Geometry
    scheme: Scheme | None
    serial: str | None
    pieces: tuple[Piece, ...]

    @property
    def is_blank(self) -> bool:
        """Tell whether there is nothing to save: no table, and only zeros."""
        return self.scheme is None and not any(any(piece.data) for piece in self.pieces)


def take_backup(target: BlockTarget, reading: DiskReading, *, now: datetime, steps: Iterable[Step] = ()) -> TableBackup:
    """Read from a disk what is its table, and what ``steps`` would replace.

    Raises:
        StorageError: when the disk cannot be read.
    """
    size = target.geometry.sector_size
    wanted = {extent: what for what, extent in _table_extents(target.geometry, reading)}
    for step in steps:
        if isinstance(step, Write):
            wanted.setdefault(Extent(Lba(step.offset_bytes // size), len(step.data) // size), f"before: {step.what}")
    pieces = []
    cursor = 0
    for extent, what in sorted(wanted.items(), key=lambda item: (item[0].first, -item[0].count)):
        first, end = max(cursor, extent.first), min(extent.end, target.geometry.sectors)
        if first < end:
            pieces.append(Piece(first * size, target.read_sectors(first, end - first), what))
            cursor = end
    return TableBackup(
        created=now,
        disk=target.name,
        geometry=target.geometry,
        scheme=reading.table.scheme if reading.table is not None else None,
        serial=target.facts.serial if isinstance(target, DeviceTarget) else None,
        pieces=tuple(pieces),
    )


def _table_extents(geometry: Geometry, reading: DiskReading) -> list[tuple[str, Extent]]:
    entries = array_sectors(geometry)
    extents = [
        ("MBR", Extent(Lba(0), 1)),
        ("primary GPT header", Extent(Lba(1), 1)),
        ("primary GPT entries", Extent(Lba(2), entries)),
    ]
    tail = geometry.sectors - 1 - entries
    if tail > 0:
        extents.append(("backup GPT entries", Extent(Lba(tail), entries)))
        extents.append(("backup GPT header", Extent(Lba(geometry.sectors - 1), 1)))
    extents += [(f"EBR at sector {lba}", Extent(lba, 1)) for lba in reading.ebrs]
    for name, state in (("primary", reading.primary), ("backup", reading.backup)):
        if state is not None:
            # Usually inside what is listed already; not on a disk that has grown, or with an array elsewhere.
            extents.append((f"{name} GPT header", Extent(state.header.my_lba, 1)))
            count = -(-len(state.array) // geometry.sector_size)
            extents.append((f"{name} GPT entries", Extent(state.header.entries_lba, count)))
    return [(what, extent) for what, extent in extents if extent.first < geometry.sectors]


def to_json(backup: TableBackup) -> str:
    """Write the document."""
    document = {
        "format": FORMAT,
        "version": VERSION,
        "created": backup.created.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "disk": backup.disk,
        "serial": backup.serial,
        "scheme": backup.scheme,
        "sector_size": backup.geometry.sector_size,
        "sectors": backup.geometry.sectors,
        "pieces": [
            {
                "what": piece.what,
                "offset_bytes": piece.offset_bytes,
                "size_bytes": len(piece.data),
                "sha256": hashlib.sha256(piece.data).hexdigest(),
                "base64": base64.b64encode(piece.data).decode("ascii"),
            }
            for piece in backup.pieces
        ],
    }
    return json.dumps(document, indent=1) + "\n"


def from_json(text: str, *, source: str) -> TableBackup:
    """Read the document and check every piece against its SHA-256.

    Raises:
        InvalidDocument: when it is not such a document, is damaged, or is of another version.
    """
    try:
        document = Fields.of(parse_json(text))
        if document.values.get("format") != FORMAT:
            raise InvalidDocument(f"{source} is not a saved partition table of osdimage")
        require_version(document, VERSION, source=source)
        size = document.number("sector_size", 1, 1 << 16)
        geometry = Geometry(size, document.number("sectors", 1, MAX_NUMBER // size))
        pieces = tuple(sorted((_piece(each, source) for each in document.each("pieces")), key=lambda p: p.offset_bytes))
        backup = TableBackup(
            created=document.parsed("created", datetime.fromisoformat, "a date and time"),
            disk=document.text("disk"),
            geometry=geometry,
            scheme=document.parsed_or_none("scheme", Scheme, "mbr, gpt or null"),
            serial=document.text_or_none("serial"),
            pieces=pieces,
        )
    except ValueError as error:
        raise InvalidDocument(f"{source} is damaged: {reason_of(error)}") from error
    end = 0
    for piece in pieces:
        reach = piece.offset_bytes + len(piece.data)
        is_whole = piece.data and not (piece.offset_bytes % size or len(piece.data) % size)
        if not is_whole or piece.offset_bytes < end or reach > geometry.size_bytes:
            raise InvalidDocument(f"{source}: the piece at byte {piece.offset_bytes} cannot be on such a disk")
        end = reach
    return backup


def _piece(entry: Fields, source: str) -> Piece:
    data = entry.parsed("base64", lambda text: base64.b64decode(text, validate=True), "base64")
    offset = entry.number("offset_bytes")
    if len(data) != entry.number("size_bytes") or hashlib.sha256(data).hexdigest() != entry.text("sha256"):
        raise InvalidDocument(f"{source}: the piece at byte {offset} is damaged; its checksum differs")
    return Piece(offset, data, entry.text("what"))


def save_backup(backup: TableBackup, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
    """Write the document under its name complete or not at all, and wait until it is on the medium.

    Raises:
        TargetRefused: when the file exists and ``overwrite`` is not given, or is no file.
        StorageError: when it cannot be written.
    """
    path = Path(path)
    if not overwrite and path.exists():
        raise TargetRefused(f"{path} exists", remedy=Remedy("give another name, or {}", (Means.OVERWRITE,)))
    if path.exists() and not path.is_file():
        # The document takes the place of the name: a device would lose its node.
        raise TargetRefused(f"{path}: is not a regular file; valid is a file, or a new name")
    write_document(path, to_json(backup))


def load_backup(path: str | os.PathLike[str]) -> TableBackup:
    """Read a saved table.

    Raises:
        StorageError: when the file cannot be read.
        InvalidDocument: as :func:`from_json`.
    """
    path = Path(path)
    return from_json(read_document(path, MAX_BYTES), source=str(path))


def restore_steps(backup: TableBackup, old: DiskReading) -> tuple[Step, ...]:
    """Return the steps that put a saved table back over an old one; a stop leaves one of the two, as when writing.

    For a GPT: the end of the disk, its beginning, sector 0 last.  For an MBR: EBRs, sector 0, and the rest, which may
    be what is left of a GPT, last.
    """
    rehearsal = MemoryTarget(backup.geometry)
    for piece in backup.pieces:
        rehearsal.write_at(piece.offset_bytes, piece.data)
    saved = read_table(rehearsal)
    if saved.table is not None and saved.table.scheme is Scheme.MBR:
        ebrs = {lba * backup.geometry.sector_size for lba in saved.ebrs}
        chain = [piece for piece in backup.pieces if piece.offset_bytes in ebrs]
        first = [piece for piece in backup.pieces if piece.offset_bytes == 0]
        rest = [piece for piece in backup.pieces if piece.offset_bytes not in ebrs | {0}]
        return (*interim_steps(saved.table, old), *_in_groups(chain, first, rest))
    middle = backup.geometry.sectors // 2 * backup.geometry.sector_size
    tail = [piece for piece in backup.pieces if piece.offset_bytes >= middle]
    head = [piece for piece in reversed(backup.pieces) if 0 < piece.offset_bytes < middle]
    first = [piece for piece in backup.pieces if piece.offset_bytes == 0]
    return _in_groups(tail, head, first)


def _in_groups(*groups: list[Piece]) -> tuple[Step, ...]:
    steps: list[Step] = []
    for group in groups:
        if group:
            steps += [Write(piece.offset_bytes, piece.data, piece.what) for piece in group]
            steps.append(Flush())
    return tuple(steps)


def default_path(target: BlockTarget, now: datetime) -> Path:
    """Return where the old table is saved when the user names no file.

    Beside a disk image; for a device in :func:`state_folder`.
    """
    stamp = now.strftime("%Y%m%dT%H%M%SZ")
    if not isinstance(target, DeviceTarget):
        path = Path(target.name)
        return unused(path.with_name(f"{path.name}.table-{stamp}.json"))
    return unused(state_folder() / f"{target.facts.kernel_name}.table-{stamp}.json")


def remove_older(path: Path, backup: TableBackup) -> None:
    """Remove all but the newest of the files that were saved of a disk before, under names that nobody chose.

    What is not a saved table, or is one of another disk that had the same name, stays.

    Args:
        path: the file that was saved last, as :func:`default_path` named it.
        backup: what is in it.
    """
    pattern = re.compile(_SAVED_NAME.format(re.escape(path.name.rpartition(".table-")[0])), re.ASCII)
    found = []
    with suppress(OSError):
        names = [each for each in path.parent.iterdir() if pattern.fullmatch(each.name) and each != path]
        for each in names:
            with suppress(OsdImageError):
                saved = load_backup(each)
                if (saved.serial, saved.geometry) == (backup.serial, backup.geometry):
                    found.append((saved.created, each.name, each))
        # The new one counts.
        for _, _, each in sorted(found, reverse=True)[MOST_SAVED - 1 :]:
            each.unlink(missing_ok=True)


def state_folder() -> Path:
    """Return the folder for files that belong to no other place, and make it.

    It is ``$OSDIMAGE_STATE_DIR``, ``/var/lib/osdimage`` for root, or ``osdimage`` in ``$XDG_STATE_HOME``
    (``~/.local/state``).

    Raises:
        StorageError: when it cannot be made.
    """
    chosen = os.environ.get("OSDIMAGE_STATE_DIR")
    if chosen:
        folder = Path(chosen)
    elif os.geteuid() == 0:
        folder = Path("/var/lib/osdimage")
    else:
        folder = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "osdimage"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"{folder}: {error.strerror}", path=folder, errno=error.errno) from error
    return folder


def unused(path: Path) -> Path:
    """Return the path, or one with a number when the second has seen a file of this name before."""
    candidate, number = path, 1
    while candidate.exists():
        number += 1
        candidate = path.with_name(f"{path.stem}-{number}.json")
        if number > 1000:
            remedy = Remedy("name a file with {}", (Means.BACKUP_FILE,))
            raise InvalidRequest(f"{path.parent} holds too many backups", remedy=remedy)
    return candidate
