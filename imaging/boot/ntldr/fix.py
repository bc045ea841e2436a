r"""Binding ``boot.ini`` to a disk that was cloned onto one with other partitions, or whose partitions were moved."""

from __future__ import annotations

from dataclasses import dataclass

from osdimage.imaging.boot.files import shown
from osdimage.imaging.boot.firmware import Firmware
from osdimage.imaging.boot.holdings import Holdings, refuse_unwritable
from osdimage.imaging.boot.ntldr.boot_ini import ArcPath
from osdimage.imaging.boot.ntldr.check import default_of, is_started_by_ntldr, read_menu
from osdimage.imaging.boot.ntldr.files import ATTRIBUTES, MENU, NTLDR
from osdimage.imaging.boot.ntldr.menu import arc_of, lines_of, partition_of, rebind
from osdimage.imaging.boot.ntldr.windows import find_nt_windows
from osdimage.imaging.boot.places import choose_system, firmware_of
from osdimage.imaging.disk.opened import Disk
from osdimage.imaging.disk.tables.table import Partition, PartitionTable
from osdimage.imaging.errors import InvalidInput, InvalidRequest, Means, OsdImageError, Remedy
from osdimage.imaging.volume.filesystems import FILE_SYSTEMS, open_files

_ADDS_ONE = Remedy("{} adds one", (Means.INSTALL_BOOT,))


@dataclass(frozen=True, slots=True)
class NtFix:
    """What became of the menu.

    Attributes:
        changes: a sentence for each line that was changed.
        unbound: a sentence for each that starts nothing here, and of which it is not clear what it should.
        partitions: those with a Windows that the menu names.
        default: the one that starts by itself, or None.
    """

    changes: tuple[str, ...]
    unbound: tuple[str, ...]
    partitions: tuple[Partition, ...]
    default: Partition | None


def ntldr_system(disk: Disk, table: PartitionTable, system: int | None = None) -> Partition | None:
    """Return the system partition of a disk that starts NTLDR, or None when the disk starts something else.

    Args:
        disk: the disk.
        table: its partitions.
        system: the number of the one that is named; None: the active one, or the only one with NTLDR.

    Raises:
        InvalidRequest: when the named one cannot be it.
    """
    if firmware_of(table) is not Firmware.BIOS:
        return None
    primary = [each for each in table.partitions if not each.is_logical and not each.is_extended]
    if system is not None:
        chosen = [choose_system(table, system)[1]]
    else:
        chosen = [each for each in primary if each.active]
        if len(chosen) != 1:
            chosen = [each for each in chosen or primary if _starts(disk, each)]
    return chosen[0] if len(chosen) == 1 and _starts(disk, chosen[0]) else None


def _starts(disk: Disk, partition: Partition) -> bool:
    try:
        volume = disk.volume_in(partition)
        if volume.content not in FILE_SYSTEMS:
            return False
        with open_files(volume) as files:
            return files.exists(NTLDR) and is_started_by_ntldr(volume, files)
    except OsdImageError:
        return False


def fix_menu(
    disk: Disk, table: PartitionTable, system: Partition, windows: int | None, *, force: bool, rehearse: bool
) -> NtFix:
    """Bind the menu to the partitions of a disk.

    Args:
        disk: the disk, open for writing unless it is a rehearsal.
        table: its partitions.
        system: the one with the menu.
        windows: the number of the one with the Windows that is to start by itself; None: as the menu says.
        force: write also to a volume that is marked dirty.
        rehearse: write nothing.

    Raises:
        InvalidRequest: when the named partition has no Windows, or none in the menu.
        InvalidInput: when there is no menu, or it is no text, or a volume is damaged.
        TargetRefused: when the volume must not be written to.
        StorageError: when reading or writing failed.
    """
    volume = disk.volume_in(system)
    with open_files(volume) as files:
        old = read_menu(files)
        if old is None:
            remedy = Remedy("{} writes one", (Means.INSTALL_BOOT,))
            raise InvalidInput(f"{files.name}: there is no {shown(MENU)} to fix", remedy=remedy)
    with Holdings(disk) as holdings:
        bound = rebind(old, table, holdings)
    menu, changes = bound.menu, list(bound.changes)
    if windows is not None:
        arc = _windows_of(disk, table, windows)
        if not lines_of(menu, table, arc):
            raise InvalidRequest(f"{disk.name}: boot.ini has no line for partition {windows}", remedy=_ADDS_ONE)
        default = default_of(menu)
        if isinstance(default, str) or not default.is_same(arc):
            menu = menu.with_setting("default", str(arc))
            changes.append(f"boot.ini starts {arc} by itself now")
    if menu != old:
        if rehearse:
            refuse_unwritable(volume, force=force)
        else:
            with open_files(volume, write=True, force=force) as files:
                files.write(MENU, menu.to_bytes(), attributes=ATTRIBUTES)
    arcs = [each.arc for each in menu.entries]
    named = [partition_of(table, each) for each in arcs if each is not None]
    default = default_of(menu)
    chosen = partition_of(table, default) if isinstance(default, ArcPath) else None
    return NtFix(tuple(changes), bound.unbound, tuple(each for each in named if each is not None), chosen)


def _windows_of(disk: Disk, table: PartitionTable, number: int) -> ArcPath:
    partition = next((each for each in table.partitions if each.number == number and not each.is_extended), None)
    if partition is None:
        raise InvalidRequest(f"{disk.name}: there is no partition {number} that holds a volume")
    with open_files(disk.volume_in(partition)) as files:
        found = find_nt_windows(files)
    if found is None:
        raise InvalidRequest(f"{disk.name}: partition {number} holds no Windows that NTLDR starts")
    return arc_of(table, partition, found.folder)
