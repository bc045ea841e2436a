"""The boot menu as an installation leaves it: the store that is there with a new entry, or a new store.

A store of a disk that this one was, or was made from, is bound to this one first; see ``rebind.py``.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from osdimage.imaging.boot.bcd.add import add_installation, add_recovery, complete_manager, installed, listed
from osdimage.imaging.boot.bcd.check import partition_refs
from osdimage.imaging.boot.bcd.create import BcdSettings, OsEntry, RecoveryEntry, create_store
from osdimage.imaging.boot.bcd.devices import DeviceElement, partition_of
from osdimage.imaging.boot.bcd.elements import Element, Id
from osdimage.imaging.boot.bcd.partition import PartitionRef
from osdimage.imaging.boot.bcd.remove import guids_of
from osdimage.imaging.boot.bcd.store import BOOTMGR, BcdObject, BcdStore
from osdimage.imaging.boot.files import STORES
from osdimage.imaging.boot.firmware import Generation
from osdimage.imaging.boot.language import Locale, LocaleSource
from osdimage.imaging.boot.places import BootPlaces
from osdimage.imaging.boot.rebind import RebindWish, rebind
from osdimage.imaging.disk.opened import Disk
from osdimage.imaging.disk.tables.table import PartitionTable
from osdimage.imaging.errors import InvalidInput, TargetRefused
from osdimage.imaging.randomness import RandomBits
from osdimage.imaging.registry.beside import logs_in
from osdimage.imaging.units import MIB
from osdimage.imaging.volume.filesystems import open_files

_LARGEST_STORE = 64 * MIB


@dataclass(frozen=True, slots=True)
class MenuWish:
    """What is wanted of a menu.

    Attributes:
        description: what it calls the Windows; None: what a store that was restored calls it, or else Windows.
        timeout_s: how long it waits, in seconds; None: as long as the store that is there says, or else 30.
        locale: the language that was asked for, or None.
        new_store: make it anew, without the entries that it has.
        restored: the store came with the volumes of another disk: the numbers that its partitions have here, as far as
            they are known.  None: it is that of this disk.
        recovery: the number of the partition with a recovery environment that is whole, or None.
        beside: the partitions of the disk with Windows, when that is another than the disk with the store; or None.
        moved: what became of partitions of other disks that were restored along with this one.
    """

    description: str | None
    timeout_s: int | None
    locale: str | None
    new_store: bool
    restored: Mapping[PartitionRef, int] | None
    recovery: int | None
    beside: PartitionTable | None = None
    moved: Mapping[PartitionRef, PartitionRef] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class WindowsFacts:
    """What a Windows says of its entry: its version, its language, and the template that it brings along, if any."""

    generation: Generation
    locale: Locale
    template: bytes | None


@dataclass(frozen=True, slots=True)
class Menu:
    """The BCD store as it will be.

    Attributes:
        data: its bytes.
        locale: the language of its menu.
        kept: the entries of others in it.
        removed: the entries that are gone, since what they start is not on this disk.
        default: what it calls the entry of others that starts by itself; None where that is the Windows of this menu.
        is_replaced: whether all entries that were there are gone.
        warnings: sentences.
    """

    data: bytes
    locale: Locale
    kept: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    default: str | None = None
    is_replaced: bool = False
    warnings: tuple[str, ...] = ()


def make_menu(
    disk: Disk,
    table: PartitionTable,
    places: BootPlaces,
    wish: MenuWish,
    windows: WindowsFacts,
    *,
    rng: RandomBits,
    now: datetime,
) -> Menu:
    """Make the store, with the entries of other systems in the one that is there; nothing is written.

    Args:
        disk: the disk.
        table: its partitions, with the identities that they have or will have.
        places: those that take part.
        wish: what is wanted.
        windows: what the Windows says of itself.
        rng: where GUIDs come from.
        now: the time for the store.

    Raises:
        InvalidInput: when the volume with the store is damaged.
        StorageError: when the disk cannot be read.
    """
    return _Making(disk, table, places, wish, windows).run(rng, now)


class _Making:
    def __init__(
        self, disk: Disk, table: PartitionTable, places: BootPlaces, wish: MenuWish, windows: WindowsFacts
    ) -> None:
        self._disk = disk
        self._table = table
        self._places = places
        self._wish = wish
        self._windows = windows

    @property
    def _beside(self) -> frozenset[PartitionRef]:
        """The partitions of other disks that are in the machine, as a store names them."""
        others = frozenset(self._wish.moved.values())
        return others if self._wish.beside is None else others | frozenset(partition_refs(self._wish.beside))

    def run(self, rng: RandomBits, now: datetime) -> Menu:
        fresh = self._fresh(rng, now)
        locale = self._windows.locale
        volume = self._disk.volume_in(self._places.system)
        path = STORES[self._places.firmware]
        with open_files(volume) as files:
            old = files.read(path, limit=_LARGEST_STORE) if files.exists(path) else None
            logs = logs_in(files, path)
        if old is None:
            return Menu(fresh.to_bytes(now=now), locale)
        replaced = f"{volume.name}: a BCD store was there and was replaced; its entries are gone"
        if self._wish.new_store:
            return Menu(fresh.to_bytes(now=now), locale, is_replaced=True, warnings=(replaced,))
        try:
            store = BcdStore.parse(old, name=f"{volume.name}: the BCD store", logs=lambda: logs)
            kept, removed = self._change(store, fresh)
            data = store.to_bytes(now=now)
        except (InvalidInput, TargetRefused) as error:
            told = f"{replaced}: {error}"
            return Menu(fresh.to_bytes(now=now), locale, is_replaced=True, warnings=(told,))
        here = frozenset(partition_refs(self._table)) | self._beside
        told_of = tuple(f"{volume.name}: {text}" for text in _foreign(kept, here))
        if self._wish.restored is not None:
            locale = _menu_locale(store, locale)
        default = next(iter(_names(_starting_by_itself(store, kept))), None)
        return Menu(data, locale, _names(kept), removed, default, warnings=told_of)

    def _change(self, store: BcdStore, fresh: BcdStore) -> tuple[tuple[BcdObject, ...], tuple[str, ...]]:
        """Bind the store and let it start this Windows; return the entries of others, and the names of those gone."""
        store.rebind(self._wish.moved)
        known = self._wish.restored or {}
        wish = RebindWish(self._places.system, known=known, is_added_anew=True, beside=self._beside)
        bound = rebind(self._disk, self._table, store, wish)
        own = installed(store, fresh) if self._wish.restored is not None else ()
        if own:
            return self._keep(store, own, fresh), bound.removed
        keep = () if self._wish.timeout_s is not None else (Id.TIMEOUT,)
        return add_installation(store, fresh, keep=keep), bound.removed

    def _fresh(self, rng: RandomBits, now: datetime) -> BcdStore:
        """Make a store with nothing but this Windows."""
        refs = {each.number: ref for ref, each in partition_refs(self._wish.beside or self._table).items()}
        wish, plain = self._wish, OsEntry(refs[self._places.windows.number])
        entry = replace(
            plain,
            description=plain.description if wish.description is None else wish.description,
            generation=self._windows.generation,
            locale=self._windows.locale.name,
            recovery=None if wish.recovery is None else RecoveryEntry(refs[wish.recovery]),
        )
        settings = BcdSettings(self._places.firmware, PartitionRef.of(self._table, self._places.system), (entry,))
        if wish.timeout_s is not None:
            settings = replace(settings, timeout_s=wish.timeout_s)
        return create_store(settings, rng, template=self._windows.template, now=now)

    def _keep(self, store: BcdStore, own: tuple[BcdObject, ...], fresh: BcdStore) -> tuple[BcdObject, ...]:
        """Let a restored store keep the entries of this Windows, but for what was asked for; return the other ones."""
        wish = self._wish
        add_recovery(store, own, fresh)
        if wish.description is not None:
            store.set_element(own[0].guid, Element(Id.DESCRIPTION, wish.description))
        complete_manager(store, fresh, own)
        if wish.locale is not None:
            for each in (*(each.guid for each in own), BOOTMGR):
                store.set_element(each, Element(Id.LOCALE, wish.locale))
        if wish.timeout_s is not None:
            store.set_element(BOOTMGR, Element(Id.TIMEOUT, wish.timeout_s))
        return tuple(each for each in listed(store) if each.guid not in {one.guid for one in own})


def _menu_locale(store: BcdStore, found: Locale) -> Locale:
    """Return the language of a menu; what it is but for the one that was found is the store's own."""
    manager = store.object(BOOTMGR)
    name = None if manager is None else manager.content(Id.LOCALE)
    if not isinstance(name, str) or not name or name == found.name:
        return found
    return Locale(name, LocaleSource.STORE)


def _starting_by_itself(store: BcdStore, entries: Iterable[BcdObject]) -> Iterator[BcdObject]:
    manager = store.object(BOOTMGR)
    default = () if manager is None else guids_of(manager, Id.DEFAULT)
    yield from (each for each in entries if each.guid in default)


def _names(entries: Iterable[BcdObject]) -> tuple[str, ...]:
    found = [each.content(Id.DESCRIPTION) for each in entries]
    return tuple(each if isinstance(each, str) else "an entry without a name" for each in found)


def _foreign(entries: Iterable[BcdObject], here: Container[PartitionRef]) -> Iterator[str]:
    """Yield a sentence for each entry that starts what is on another disk, which may be in the machine."""
    for each, name in zip(entries, _names(entries), strict=True):
        content = each.content(Id.OS_DEVICE) or each.content(Id.DEVICE)
        ref = partition_of(content.device) if isinstance(content, DeviceElement) else None
        if ref is not None and ref not in here:
            yield (
                f"the entry {name!r} was kept in the BCD store; it names what is not on this disk: {ref} (a new store "
                "leaves it out)"
            )
