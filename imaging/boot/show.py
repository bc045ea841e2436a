"""Explaining what a disk starts: its BCD store, and which of its partitions the store means."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from osdimage.imaging.boot.bcd.check import StoreFacts, partition_refs, read_store_facts
from osdimage.imaging.boot.bcd.partition import PartitionRef
from osdimage.imaging.boot.bcd.store import BcdReport
from osdimage.imaging.boot.files import STORES
from osdimage.imaging.boot.firmware import Firmware
from osdimage.imaging.boot.ntldr.boot_ini import ArcPath, BootIni, shown
from osdimage.imaging.boot.ntldr.check import default_of, read_menu
from osdimage.imaging.boot.ntldr.files import MENU
from osdimage.imaging.boot.ntldr.fix import ntldr_system
from osdimage.imaging.boot.ntldr.menu import partition_of
from osdimage.imaging.boot.places import choose_system
from osdimage.imaging.disk.opened import Disk
from osdimage.imaging.disk.tables.table import Partition, PartitionTable
from osdimage.imaging.errors import InvalidInput, Means, Remedy
from osdimage.imaging.registry.beside import logs_in
from osdimage.imaging.registry.replay import Replayed
from osdimage.imaging.units import MIB
from osdimage.imaging.volume.filesystems import open_files

_LARGEST_STORE = 64 * MIB


@dataclass(frozen=True, slots=True)
class NamedPartition:
    """A partition as a store names it, and its number on this disk, or None when it is not there.

    ``disk`` is what messages call the disk that it is on, where that is another one that was named.
    """

    name: str
    number: int | None
    disk: str | None = None


@dataclass(frozen=True, slots=True)
class MenuLine:
    """A line of ``boot.ini``: what the menu calls it, what it starts, and with which options."""

    name: str
    path: str
    options: str


@dataclass(frozen=True, slots=True)
class BootView:
    """The store of a disk, explained.

    Attributes:
        disk: what messages call it.
        firmware: what starts it.
        system_partition: the number of the partition that the store is on.
        store: its path there: that of the BCD store, or ``boot.ini``.
        os_partition: the number of the partition that the default entry starts, or None when it is not on this disk.
        partitions: those that the store names.
        lines: the store for people, its partitions by their numbers.
        report: the store for programs; None for ``boot.ini``.
        entries: the lines of ``boot.ini``; none of a BCD store.
        replayed: which changes of its logs a BCD store has, since Windows was not shut down; None: there was no need.
    """

    disk: str
    firmware: Firmware
    system_partition: int
    store: str
    os_partition: int | None
    partitions: tuple[NamedPartition, ...]
    lines: tuple[str, ...]
    report: BcdReport | None
    entries: tuple[MenuLine, ...] = ()
    replayed: Replayed | None = None


def view_boot(disk: Disk, *, system_partition: int | None = None, windows_disk: Disk | None = None) -> BootView:
    """Read the store of a disk.

    Args:
        disk: the disk that firmware starts.
        system_partition: the number of the partition with the store; None: the EFI system partition, or the active one.
        windows_disk: another one that may have the Windows; None: partitions of other disks are not known.

    Raises:
        InvalidRequest: when the disk has no such partition.
        InvalidInput: when there is no store, or the table, the volume or the store is damaged.
        TargetRefused: when the partition holds neither FAT nor NTFS.
        StorageError: when the disk cannot be read.
    """
    table = disk.table
    older = ntldr_system(disk, table, system_partition)
    if older is not None:
        return _view_menu(disk, table, older)
    firmware, system = choose_system(table, system_partition)
    path = STORES[firmware]
    with open_files(disk.volume_in(system)) as files:
        if not files.exists(path):
            shown = "\\" + path.replace("/", "\\")
            remedy = Remedy("{} writes one", (Means.INSTALL_BOOT,))
            raise InvalidInput(f"{files.name}: there is no BCD store {shown}", remedy=remedy)
        beside = None if windows_disk is None else windows_disk.table
        data = files.read(path, limit=_LARGEST_STORE)
        logs = partial(logs_in, files, path)
        facts = read_store_facts(data, table, system, name=files.name, beside=beside, logs=logs)
    others = {} if beside is None else partition_refs(beside)
    named = {ref: _named(ref, facts, windows_disk if ref in others else None) for ref in facts.store.partitions}
    called = {
        ref: f"{ref}, which is not on this disk" if each.number is None else _place(each) for ref, each in named.items()
    }
    return BootView(
        disk.name,
        firmware,
        system.number,
        path,
        None if facts.windows is None else facts.windows.number,
        tuple(named.values()),
        tuple(facts.store.lines(called)),
        facts.store.report(),
        replayed=facts.store.hive.replayed,
    )


def _named(ref: PartitionRef, facts: StoreFacts, other: Disk | None) -> NamedPartition:
    number = facts.refs[ref].number if ref in facts.refs else None
    return NamedPartition(str(ref), number, None if other is None else other.name)


def _place(each: NamedPartition) -> str:
    return f"partition {each.number}" + ("" if each.disk is None else f" of {each.disk}")


def _view_menu(disk: Disk, table: PartitionTable, system: Partition) -> BootView:
    """Explain the menu of NTLDR."""
    with open_files(disk.volume_in(system)) as files:
        menu = read_menu(files)
        if menu is None:
            remedy = Remedy("{} writes one", (Means.INSTALL_BOOT,))
            raise InvalidInput(f"{files.name}: there is no \\{MENU}", remedy=remedy)
    arcs = {str(each.arc): each.arc for each in menu.entries if each.arc is not None}
    default = default_of(menu)
    started = partition_of(table, default) if isinstance(default, ArcPath) else None
    named = {name: partition_of(table, arc) for name, arc in arcs.items()}
    return BootView(
        disk.name,
        Firmware.BIOS,
        system.number,
        MENU,
        None if started is None else started.number,
        tuple(NamedPartition(name, None if found is None else found.number) for name, found in named.items()),
        tuple(_menu_lines(menu, default)),
        None,
        tuple(MenuLine(each.called, shown(each.path), shown(each.options)) for each in menu.entries),
    )


def _menu_lines(menu: BootIni, default: ArcPath | str) -> Iterator[str]:
    """Yield the menu for people."""
    yield f"timeout: {menu.timeout or 'not said'}"
    yield f"default: {default if isinstance(default, ArcPath) else shown(default)}"
    for each in menu.entries:
        yield ""
        yield each.called
        yield f"  starts   {shown(each.path)}"
        yield f"  options  {shown(each.options) or 'none'}"
