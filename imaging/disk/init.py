"""Replacing what is on a disk by a new table: check, save the old table, write, compare, tell the kernel."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from osdimage.imaging.disk.content import UNKNOWN
from osdimage.imaging.disk.device import DeviceTarget, announce
from osdimage.imaging.disk.held import protected, volumes
from osdimage.imaging.disk.layouts.place import ENTRY_COUNT, gpt_usable
from osdimage.imaging.disk.roles import Scheme
from osdimage.imaging.disk.tables import backup as backups
from osdimage.imaging.disk.tables.read import DiskReading, read_table
from osdimage.imaging.disk.tables.table import PartitionTable
from osdimage.imaging.disk.tables.write import (
    Flush,
    Step,
    Write,
    check_geometry,
    leftovers,
    run_steps,
    tidied,
    verify_table,
    write_steps,
)
from osdimage.imaging.disk.target import BlockTarget
from osdimage.imaging.errors import InvalidTable, Means, Remedy, StorageError
from osdimage.imaging.logs import logged
from osdimage.imaging.units import format_size


@dataclass(frozen=True, slots=True)
class WriteReport:
    """What was done.

    Attributes:
        saved: the file that holds the old table, or None when there was none or none was wanted.
        wiped: which leftovers were cleared.
        warnings: what did not work although the table is written.
    """

    saved: Path | None
    wiped: tuple[str, ...]
    warnings: tuple[str, ...]


def losses(target: BlockTarget, reading: DiskReading) -> Iterator[str]:
    """Yield what becomes unreachable when the table of a disk is replaced."""
    if reading.table is None:
        yield from (finding.text for finding in reading.findings if finding.code == "whole-disk-volume")
        return
    for partition, volume in volumes(target, reading.table):
        size = format_size(reading.table.size_bytes(partition))
        label = f" {volume.label!r}" if volume.label is not None else ""
        held = f"{volume.kind.called}{label}" if volume.kind is not None else partition.type_label
        unknown = f"; it is not empty, and holds {UNKNOWN}" if volume.is_unknown else ""
        yield f"partition {partition.number}: {held}, {size}{protected(volume)}{unknown}"


@logged("write a partition table to {target}")
def initialize(
    target: BlockTarget,
    table: PartitionTable,
    *,
    now: datetime | None = None,
    save_to: str | os.PathLike[str] | None = None,
    save: bool = True,
    done: Callable[[Step], None] | None = None,
    begun: Callable[[], None] | None = None,
) -> WriteReport:
    """Write a table to a disk.  All partitions that are on it are lost; their contents are not overwritten.

    Everything is checked before the first write.  The old table is saved first, to ``save_to`` or where
    :func:`~osdimage.imaging.disk.tables.backup.default_path` says, where the newest few of a disk stay; a blank disk
    has none; ``now`` is the time in its name and its document, None for now.  The caller closes the target.
    ``begun`` is called before the first write, ``done`` after each step.

    Raises:
        TargetRefused: when the table is for a disk of another size, or the file exists; nothing was written.
        InvalidLayout: when the table is not sound.
        StorageError: when reading or writing fails, or the disk does not hold what was written.
    """
    check_geometry(target, table.geometry)
    verify_table(table)
    old = read_table(target)
    wipes = leftovers(target, table, old)
    steps = (*tidied(target, write_steps(table, old)), *wipes, *((Flush(),) if wipes else ()))
    saved = _save(target, old, steps, now=now, save_to=save_to) if save else None
    if begun is not None:
        begun()
    _run(target, steps, saved, done)
    warnings = announce(target, table) if isinstance(target, DeviceTarget) else ()
    return WriteReport(saved, tuple(wipe.what for wipe in wipes), warnings)


def restore(
    target: BlockTarget,
    backup: backups.TableBackup,
    *,
    now: datetime | None = None,
    save_to: str | os.PathLike[str] | None = None,
    save: bool = True,
    done: Callable[[Step], None] | None = None,
) -> WriteReport:
    """Put a saved table back: MBR, EBRs, both copies of a GPT, and what a write replaced besides.

    The table that is on the disk is lost, but saved first as :func:`initialize` does.

    Raises:
        TargetRefused: when the backup is of a disk of another size.
        StorageError: when reading or writing fails, or the disk does not hold what was written.
    """
    check_geometry(target, backup.geometry, what="saved table")
    old = read_table(target)
    steps = tidied(target, backups.restore_steps(backup, old))
    saved = _save(target, old, steps, now=now, save_to=save_to) if save else None
    _run(target, steps, saved, done)
    restored = read_table(target).table
    warnings: tuple[str, ...] = ()
    if isinstance(target, DeviceTarget) and restored is not None:
        warnings = announce(target, restored)
    return WriteReport(saved, (), warnings)


def repaired(reading: DiskReading) -> PartitionTable:
    """Return the table to write so that both copies of a GPT are whole, agree, and end where the disk ends.

    Partitions keep their sectors and GUIDs.

    Raises:
        InvalidTable: when there is no GPT that can be read, or a partition would be in the way of a copy.
    """
    table = reading.require()
    if table.scheme is not Scheme.GPT:
        raise InvalidTable("an MBR has no second copy to repair it from; restore a saved table")
    usable = gpt_usable(table.geometry)
    for partition in table.partitions:
        if partition.number > ENTRY_COUNT or not usable.contains(partition.extent):
            raise InvalidTable(
                f"partition {partition.number}, sectors {partition.extent.first} to {partition.extent.last}, does not "
                f"fit between the copies of the GPT, sectors {usable.first} to {usable.last}"
            )
    return replace(table, usable=usable, entry_count=ENTRY_COUNT)


def rewrite(
    target: BlockTarget,
    table: PartitionTable,
    *,
    now: datetime | None = None,
    save_to: str | os.PathLike[str] | None = None,
) -> WriteReport:
    """Write a repaired table; unlike :func:`initialize`, what the partitions hold is left as it is.

    Raises:
        InvalidLayout: when the table is not sound.
        StorageError: as :func:`initialize`.
    """
    check_geometry(target, table.geometry)
    verify_table(table)
    old = read_table(target)
    steps = list(write_steps(table, old))
    if old.backup is not None and table.usable is not None:
        # The copy that was at the end before the disk grew would be a second truth.  Where it grew by a few sectors, as
        # when it was made a VHD, the new copy lies on it.
        size, at = table.geometry.sector_size, old.backup.header.my_lba
        if table.usable.first <= at < table.usable.end:
            steps += [Write(at * size, bytes(size), "old GPT header"), Flush()]
    saved = _save(target, old, tuple(steps), now=now, save_to=save_to)
    _run(target, tuple(steps), saved, None)
    warnings = announce(target, table) if isinstance(target, DeviceTarget) else ()
    return WriteReport(saved, (), warnings)


def _save(
    target: BlockTarget,
    old: DiskReading,
    steps: tuple[Step, ...],
    *,
    now: datetime | None,
    save_to: str | os.PathLike[str] | None,
) -> Path | None:
    now = now or datetime.now(UTC)
    backup = backups.take_backup(target, old, now=now, steps=steps)
    if backup.is_blank:
        return None
    path = backups.default_path(target, now) if save_to is None else Path(save_to)
    backups.save_backup(backup, path)
    if save_to is None:
        backups.remove_older(path, backup)
    return path


def _run(target: BlockTarget, steps: tuple[Step, ...], saved: Path | None, done: Callable[[Step], None] | None) -> None:
    try:
        run_steps(target, steps, done)
    except StorageError as error:
        if saved is None:
            raise
        remedy = Remedy("{} puts it back", (Means.RESTORE_SAVED,), (target.name, str(saved)))
        text = f"{error.said}; the old table is saved in {saved}"
        raise StorageError(text, path=error.path, errno=error.errno, remedy=remedy) from error
