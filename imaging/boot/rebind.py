"""Binding a store to the disk that it is on now: one that was cloned, restored from images, moved or signed anew.

A store names partitions by the identities that they had.  Which partition is which now is told, in this order, by who
restored the disk, by an identity that stayed, by the part of the system partition, and by what an entry needs to find
there.  Entries, their order, names and options stay as they are.  What named the disk that this one was, and has no
place here, can never start: such entries go, with what only they use and all that points to them.  Entries of a third
disk stay: that disk may be in the machine.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from uuid import UUID

from osdimage.imaging.boot.bcd.check import default_entry, own_disks, partition_refs
from osdimage.imaging.boot.bcd.devices import (
    Device,
    DeviceElement,
    PartitionDevice,
    outer_path,
    partition_of,
)
from osdimage.imaging.boot.bcd.elements import Id
from osdimage.imaging.boot.bcd.partition import PartitionRef
from osdimage.imaging.boot.bcd.remove import remove_objects
from osdimage.imaging.boot.bcd.store import BOOTMGR, LOADER_TYPE, MEMORY_TEST, RESUME_TYPE, BcdObject, BcdStore
from osdimage.imaging.boot.holdings import Holdings
from osdimage.imaging.disk.opened import Disk
from osdimage.imaging.disk.roles import Scheme
from osdimage.imaging.disk.tables.table import Partition, PartitionTable

_APPLICATION = 1
"""What the type of an object begins with that the boot manager starts, or is."""


@dataclass(frozen=True, slots=True)
class Rebinding:
    """What became of a store.

    Attributes:
        moved: each partition that it named, and the one that it names instead.
        elements: how many elements name another partition now.
        removed: what the menu called the entries that are gone.
        unbound: the partitions of which it cannot be told which they are now.
        foreign: those of other disks, whose entries stay.
    """

    moved: Mapping[PartitionRef, Partition]
    elements: int
    removed: tuple[str, ...]
    unbound: tuple[PartitionRef, ...]
    foreign: tuple[PartitionRef, ...]

    @property
    def is_changed(self) -> bool:
        """Whether the store is another one now."""
        return bool(self.elements or self.removed)

    def sentences(self) -> Iterator[str]:
        """Yield what was done, for people."""
        for old, new in self.moved.items():
            yield f"what was {old} is partition {new.number} now"
        if self.elements:
            yield f"{self.elements} elements of the BCD store were bound to these partitions"
        for name in self.removed:
            yield f"the entry {name!r} was taken out of the BCD store: what it starts is not on this disk"


@dataclass(frozen=True, slots=True)
class RebindWish:
    """What is known of a store before it is looked at.

    Attributes:
        system: the partition that it is on.
        windows: the partition of the Windows that starts by itself, or None: it is found.
        is_asked_for: somebody says so, and it is that Windows even where the store names one of another disk.
        known: which number a partition that is named has here, as far as somebody knows.
        prune: also take out the entries that name other disks.
        is_added_anew: also take out those that may be on several partitions: whoever asks adds entries for them.
        beside: the partitions of another disk that is known to be in the machine: what names them stays.
    """

    system: Partition
    windows: Partition | None = None
    is_asked_for: bool = False
    known: Mapping[PartitionRef, int] = field(default_factory=dict)
    prune: bool = False
    is_added_anew: bool = False
    beside: frozenset[PartitionRef] = frozenset()


def rebind(disk: Disk, table: PartitionTable, store: BcdStore, wish: RebindWish) -> Rebinding:
    """Bind a store to the partitions of its disk, and take out what has no place there.  Only the store is changed.

    Args:
        disk: the disk.
        table: its partitions, with the identities that they have or will have.
        store: the store; it is changed.
        wish: what is known.

    Raises:
        StorageError: when the disk cannot be read.
    """
    with Holdings(disk) as holdings:
        return _Rebinding(holdings, table, store, wish).run()


class _Rebinding:
    def __init__(self, holdings: Holdings, table: PartitionTable, store: BcdStore, wish: RebindWish) -> None:
        self._store = store
        self._objects = store.objects
        self._wish = wish
        self._refs = partition_refs(table)
        self._default = default_entry(store)
        self._needed = refs_of(self._default)
        self._systems = {ref for each in self._objects if each.type == LOADER_TYPE for ref in windows_of(each)}
        self._holdings = holdings
        self._candidates = [each for each in table.partitions if not each.is_extended]
        self._own = own_disks(store, table) | {(ref.scheme, ref.disk) for ref in wish.known}
        self._moved: dict[PartitionRef, Partition] = {}
        self._open: set[PartitionRef] = set()

    def run(self) -> Rebinding:
        strange = [ref for ref in _in_order(self._store, self._default) if self._is_strange(ref)]
        self._by_identity(strange)
        self._by_part(strange)
        self._by_contents([ref for ref in strange if ref not in self._moved and self._is_own(ref)])
        dead = {each.guid: _called(each) for each in self._objects if self._is_dead(each, strange)}
        by_number = {partition.number: ref for ref, partition in self._refs.items()}
        count = self._store.rebind({old: by_number[new.number] for old, new in self._moved.items()})
        # An entry goes with what resumes it, of which the menu knows nothing.
        resumed = {each.guid for each in self._objects if each.type == RESUME_TYPE}
        removed = remove_objects(self._store, dead)
        left = [ref for ref in self._store.partitions if self._is_strange(ref)]
        return Rebinding(
            dict(self._moved),
            count,
            tuple(dead[guid] for guid in removed if guid in dead and guid not in resumed),
            tuple(ref for ref in left if ref in self._open),
            tuple(ref for ref in left if ref not in self._open),
        )

    def _is_strange(self, ref: PartitionRef) -> bool:
        return ref not in self._refs and ref not in self._wish.beside

    def _is_own(self, ref: PartitionRef) -> bool:
        is_meant = self._wish.is_asked_for and ref in self._needed
        return is_meant or (ref.scheme, ref.disk) in self._own

    # ---- which partition is which

    def _by_identity(self, strange: Iterable[PartitionRef]) -> None:
        """Bind what somebody knows, and what is told by a GUID, or an offset, that stayed."""
        numbers = {each.number: each for each in self._candidates}
        for old in strange:
            known = numbers.get(self._wish.known.get(old, 0))
            same = [
                self._refs[ref] for ref in self._refs if ref.scheme is old.scheme and ref.partition == old.partition
            ]
            if known is not None:
                self._moved[old] = known
            elif len(same) == 1 and not self._is_settled(old) and (old.scheme is Scheme.GPT or self._is_own(old)):
                # On most disks a partition begins where one of this disk does.
                self._moved[old] = same[0]

    def _is_settled(self, ref: PartitionRef) -> bool:
        """Tell whether somebody knows all partitions of its disk, so that one that is not among them is gone."""
        return any((ref.scheme, ref.disk) == (known.scheme, known.disk) for known in self._wish.known)

    def _by_part(self, strange: Iterable[PartitionRef]) -> None:
        manager = self._store.object(BOOTMGR)
        device = None if manager is None else manager.content(Id.DEVICE)
        ref = partition_of(device.device) if isinstance(device, DeviceElement) else None
        if ref is not None and ref in strange:
            # Whatever else is said of it: the boot manager is where its store is.
            self._moved[ref] = self._wish.system

    def _by_contents(self, unknown: Iterable[PartitionRef]) -> None:
        """Bind what only one partition can be, as long as that leaves less for the others."""
        waiting = [ref for ref in unknown if not self._is_settled(ref)]
        if self._wish.windows is not None:
            for ref in [each for each in waiting if each in windows_of(self._default)]:
                self._moved[ref] = self._wish.windows
                waiting.remove(ref)
        wanted: dict[PartitionRef, list[str]] = {}
        for each in self._objects:
            for on, path in _wants(each):
                wanted.setdefault(on, []).append(path)
        fits = {ref: self._holdings.best(self._candidates, wanted.get(ref, ())) for ref in waiting}
        is_changed = True
        while is_changed:
            is_changed = False
            # What starts by itself comes first: another entry cannot take its partition.
            for ref in tuple(waiting):
                left = [each for each in fits[ref] if self._is_free(each, ref)]
                if len(left) == 1:
                    self._moved[ref] = left[0]
                    waiting.remove(ref)
                    is_changed = True
        unread = [each for each in self._candidates if self._holdings.is_closed(each)]
        self._open = {ref for ref in waiting if any(self._is_free(each, ref) for each in (*fits[ref], *unread))}
        if self._wish.is_added_anew:
            self._open -= {ref for ref in waiting if fits[ref]}

    def _is_free(self, partition: Partition, ref: PartitionRef) -> bool:
        """Tell whether a partition is not that of another Windows already; a file of an entry may be anywhere."""
        if ref not in self._systems:
            return True
        places = (self._moved.get(each) or self._refs.get(each) for each in self._systems)
        return partition not in {each for each in places if each is not None}

    # ---- what can never start

    def _is_dead(self, each: BcdObject, strange: Iterable[PartitionRef]) -> bool:
        """Tell whether an application names what was on this disk, and is not any more."""
        if each.type >> 28 != _APPLICATION or each.guid in {BOOTMGR, MEMORY_TEST}:
            return False
        named = refs_of(each) & set(strange)
        lost = {ref for ref in named if ref not in self._moved and ref not in self._open}
        if any(self._is_own(ref) or self._wish.prune for ref in lost):
            return True
        if lost or each.type == RESUME_TYPE:
            return False
        wanted = [(self._moved[ref], path) for ref, path in _wants(each) if ref in self._moved]
        return any(self._holdings.holds(place, path) is False for place, path in wanted)


def _called(each: BcdObject) -> str:
    name = each.content(Id.DESCRIPTION)
    return name if isinstance(name, str) and name.strip() else each.kind


def refs_of(each: BcdObject | None) -> set[PartitionRef]:
    """Return the partitions that an object names."""
    elements = () if each is None else each.elements
    found = (partition_of(one.content.device) for one in elements if isinstance(one.content, DeviceElement))
    return {ref for ref in found if ref is not None}


def windows_of(each: BcdObject | None) -> set[PartitionRef]:
    """Return the partition that is the Windows of an entry: none for one inside a file, or in memory."""
    content = None if each is None else each.content(Id.OS_DEVICE)
    if isinstance(content, DeviceElement) and isinstance(content.device, PartitionDevice):
        return {content.device.ref}
    return set()


def _in_order(store: BcdStore, default: BcdObject | None) -> list[PartitionRef]:
    """Return the partitions that a store names: those of the default entry, of the menu in its order, and others."""
    manager = store.object(BOOTMGR)
    order = None if manager is None else manager.content(Id.DISPLAY_ORDER)
    listed = [store.object(guid) for guid in order if isinstance(guid, UUID)] if isinstance(order, tuple) else []
    first = (ref for each in (default, *listed) for ref in sorted(refs_of(each), key=str))
    return list(dict.fromkeys((*first, *store.partitions)))


def _wants(each: BcdObject) -> Iterator[tuple[PartitionRef, str]]:
    """Yield what an object must find on which partition: its program, its Windows, or the file that holds both."""
    pairs = [(Id.DEVICE, Id.PATH), (Id.SDI_DEVICE, Id.SDI_PATH)]
    if each.type == LOADER_TYPE:
        pairs.append((Id.OS_DEVICE, Id.FILE_PATH))
    for number, said in pairs:
        content, path = each.content(number), each.content(said)
        if not isinstance(content, DeviceElement):
            continue
        if isinstance(content.device, PartitionDevice):
            if isinstance(path, str) and path:
                yield content.device.ref, path
        else:
            yield from _files_of(content.device)


def _files_of(device: Device) -> Iterator[tuple[PartitionRef, str]]:
    ref, path = partition_of(device), outer_path(device)
    if ref is not None and path is not None:
        yield ref, path
