r"""What the lines of ``boot.ini`` mean on a disk, and the menu as an installation leaves it.

A line names a Windows by the number of a disk in the order of the BIOS, and of a partition.  The disk that a BIOS
starts is the first; another one is of the machine, and its lines stay as they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from osdimage.imaging.boot.holdings import Holdings
from osdimage.imaging.boot.ntldr.boot_ini import ArcPath, BootIni, Entry, encoded
from osdimage.imaging.boot.ntldr.windows import KERNEL
from osdimage.imaging.disk.tables.table import Partition, PartitionTable

DEFAULT_TIMEOUT_S = 30


@dataclass(frozen=True, slots=True)
class NtMenuWish:
    """What is wanted of a menu.

    Attributes:
        arc: the Windows that starts by itself.
        name: what the menu calls it; None: as its line says, or ``usual_name``.
        usual_name, usual_options: of a line that is made.
        timeout_s: how long it waits, in seconds; None: as long as the menu that is there says, or else 30.
    """

    arc: ArcPath
    name: str | None
    usual_name: str
    usual_options: str
    timeout_s: int | None


@dataclass(frozen=True, slots=True)
class Rebound:
    """A menu that was bound to a disk.

    Attributes:
        menu: as it is now.
        changes: a sentence for each line that names another partition now.
        unbound: a sentence for each that starts nothing here, and of which it is not clear what it should.
    """

    menu: BootIni
    changes: tuple[str, ...]
    unbound: tuple[str, ...]


def arc_of(table: PartitionTable, partition: Partition, folder: str) -> ArcPath:
    """Return the path of a folder of Windows on the disk that the BIOS starts."""
    return ArcPath("multi", 0, 0, 0, table.windows_numbers()[partition.number], folder)


def is_here(table: PartitionTable, arc: ArcPath) -> bool:
    """Tell whether a path is about this disk, which the BIOS starts."""
    if arc.bus == "signature":
        return arc.adapter == table.disk_signature
    return arc.bus == "multi" and (arc.adapter, arc.disk, arc.rdisk) == (0, 0, 0)


def partition_of(table: PartitionTable, arc: ArcPath) -> Partition | None:
    """Return the partition of this disk that a path names, or None."""
    numbers = {place: number for number, place in table.windows_numbers().items()}
    number = numbers.get(arc.partition) if is_here(table, arc) else None
    return next((each for each in table.partitions if each.number == number), None)


def holds_windows(holdings: Holdings, partition: Partition, folder: str) -> bool | None:
    """Tell whether a partition has a Windows in a folder; None when it cannot be read."""
    return holdings.holds(partition, f"{folder}/{KERNEL}")


def rebind(menu: BootIni, table: PartitionTable, holdings: Holdings) -> Rebound:
    """Bind the lines that name a partition of this disk without their Windows to the one that has it.

    Only where it is clear: one partition has a Windows in that folder, no other line starts it, and of several paths
    that are wrong in the same way the one that starts by itself comes first.
    """
    changes, unbound = [], []
    for old in _stale(menu, table, holdings):
        new = _place_of(old, menu, table, holdings)
        if new is None:
            unbound.append(f"boot.ini names {old}, and no partition here is clearly that Windows")
            continue
        for each in menu.entries:
            if each.arc is not None and each.arc.is_same(old):
                menu = menu.with_path(each, str(new))
        default = None if menu.default is None else ArcPath.parse(menu.default)
        if default is not None and default.is_same(old):
            menu = menu.with_setting("default", str(new))
        changes.append(f"boot.ini names {new} now; it named {old}")
    return Rebound(menu, tuple(changes), tuple(unbound))


def _named(menu: BootIni) -> Iterator[ArcPath]:
    """Yield the paths of a menu, that which starts by itself first, each once."""
    texts = (*(() if menu.default is None else (menu.default,)), *(each.path for each in menu.entries))
    seen: list[ArcPath] = []
    for text in texts:
        arc = ArcPath.parse(text)
        if arc is not None and not any(arc.is_same(each) for each in seen):
            seen.append(arc)
            yield arc


def _stale(menu: BootIni, table: PartitionTable, holdings: Holdings) -> list[ArcPath]:
    """Return the paths about this disk that lead to nothing; where it cannot be read, there may be something."""
    found = []
    for arc in _named(menu):
        if is_here(table, arc):
            partition = partition_of(table, arc)
            if partition is None or holds_windows(holdings, partition, arc.folder) is False:
                found.append(arc)
    return found


def _place_of(old: ArcPath, menu: BootIni, table: PartitionTable, holdings: Holdings) -> ArcPath | None:
    """Return where the Windows of a path is now, or None when that is not clear."""
    taken = {_key(table, arc) for arc in _named(menu)}
    plain = (each for each in table.partitions if not each.is_extended)
    found = [arc_of(table, each, old.folder) for each in plain if holds_windows(holdings, each, old.folder)]
    free = [each for each in found if _key(table, each) not in taken]
    return free[0] if len(free) == 1 else None


def _key(table: PartitionTable, arc: ArcPath) -> tuple[int | None, str]:
    partition = partition_of(table, arc)
    return (None if partition is None else partition.number), arc.folder.casefold()


def lines_of(menu: BootIni, table: PartitionTable, arc: ArcPath) -> list[Entry]:
    """Return the lines that start a Windows of this disk, whatever they call its disk."""
    wanted = _key(table, arc)
    return [
        each
        for each in menu.entries
        if each.arc is not None and is_here(table, each.arc) and _key(table, each.arc) == wanted
    ]


def with_windows(menu: BootIni, table: PartitionTable, wish: NtMenuWish, *, like: Entry | None = None) -> BootIni:
    """Return a menu whose first choice is a Windows; lines of others stay.

    Args:
        menu: as it is.
        table: the partitions.
        wish: what is wanted.
        like: a line of another menu for the same Windows, whose name and options a new one takes.

    Raises:
        InvalidRequest: when ``boot.ini`` has no place for the name.
    """
    path = str(wish.arc)
    for each in lines_of(menu, table, wish.arc):
        if each.arc is not None and not each.arc.is_same(wish.arc):
            menu = menu.with_path(each, path)
    ours = lines_of(menu, table, wish.arc)
    if not ours:
        usual = encoded(wish.name or wish.usual_name)
        if like is None:
            menu = menu.with_entry(path, usual, wish.usual_options)
        else:
            menu = menu.with_entry(path, usual if wish.name is not None else like.name, like.options)
    elif wish.name is not None:
        menu = menu.with_name(ours[0], encoded(wish.name))
    default = None if menu.default is None else ArcPath.parse(menu.default)
    if default is None or not default.is_same(wish.arc):
        menu = menu.with_setting("default", path)
    if wish.timeout_s is not None:
        return menu.with_setting("timeout", str(wish.timeout_s))
    return menu if menu.timeout is not None else menu.with_setting("timeout", str(DEFAULT_TIMEOUT_S))


def driver_lines(entries: Sequence[Entry]) -> Iterator[str]:
    """Yield a sentence for each line that NTLDR reads through a driver of one machine."""
    for each in entries:
        if each.arc is not None and each.arc.needs_driver:
            yield (
                f"boot.ini: {each.called!r} ({each.path}) is read through \\ntbootdd.sys, the driver of one machine's "
                "controller; on another machine it starts only where that has the same one"
            )
