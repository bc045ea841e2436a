"""Adding an installation of Windows to a BCD store that is there, as bcdboot does: what others have in it stays."""

from __future__ import annotations

from collections.abc import Container, Iterable
from uuid import UUID

from osdimage.imaging.boot.bcd.devices import BootDevice, DeviceElement, LocateDevice, partition_of
from osdimage.imaging.boot.bcd.elements import Element, Id
from osdimage.imaging.boot.bcd.partition import PartitionRef
from osdimage.imaging.boot.bcd.remove import guids_of, remove_objects, set_default
from osdimage.imaging.boot.bcd.store import BOOTMGR, MEMORY_TEST, NAMES, BcdObject, BcdStore


def add_installation(store: BcdStore, fresh: BcdStore, *, keep: Container[int] = ()) -> tuple[BcdObject, ...]:
    """Take what a new store starts into one that is there; return the entries of the menu that were there before.

    The new entry comes first and starts by itself.  An entry that starts the same Windows gives way, with what only it
    uses.  Settings stay as they are; of the boot manager, what the new store says wins.

    Args:
        store: the one that is there; it is changed.
        fresh: the new one, from :func:`~osdimage.imaging.boot.bcd.create.create_store`.
        keep: elements of the boot manager that stay as they are, where it has them.
    """
    system = _partition(fresh.object(BOOTMGR), Id.DEVICE, None)
    started = {_started(each, system) for each in fresh.loaders if not _is_recovery(each)}
    remove_objects(
        store, [each.guid for each in store.loaders if not _is_recovery(each) and _started(each, system) in started]
    )
    kept = listed(store)
    for each in fresh.objects:
        is_setting = each.guid in NAMES and each.guid != MEMORY_TEST
        if each.guid != BOOTMGR and not (is_setting and store.object(each.guid) is not None):
            store.put(each)
    _put_manager(store, fresh, tuple(each.guid for each in kept), keep)
    return kept


def installed(store: BcdStore, fresh: BcdStore) -> tuple[BcdObject, ...]:
    """Return the entries of a store that start the Windows of a new one, those that look for it everywhere too."""
    system = _partition(fresh.object(BOOTMGR), Id.DEVICE, None)
    started = {_started(each, system) for each in fresh.loaders if not _is_recovery(each)}
    folders = {folder for _, folder in started}
    found = []
    for each in store.loaders:
        place, folder = _started(each, system)
        device = each.content(Id.OS_DEVICE)
        is_anywhere = isinstance(device, DeviceElement) and isinstance(device.device, LocateDevice) and place is None
        if not _is_recovery(each) and ((place, folder) in started or (is_anywhere and folder in folders)):
            found.append(each)
    return tuple(found)


def add_recovery(store: BcdStore, entries: Iterable[BcdObject], fresh: BcdStore) -> None:
    """Let entries of a store recover with what a new store does, unless they have something to recover with."""
    for made in fresh.loaders:
        sequence = guids_of(made, Id.RECOVERY_SEQUENCE)
        for each in entries:
            if not sequence or guids_of(each, Id.RECOVERY_SEQUENCE):
                continue
            for found in filter(None, map(fresh.object, sequence)):
                device = found.content(Id.DEVICE)
                options = device.options if isinstance(device, DeviceElement) else None
                about = None if options is None else fresh.object(options)
                for one in (found, about):
                    if one is not None:
                        store.put(one)
            store.set_element(each.guid, Element(Id.RECOVERY_SEQUENCE, sequence))
            store.set_element(each.guid, Element(Id.RECOVERY_ENABLED, content=True))


def complete_manager(store: BcdStore, fresh: BcdStore, entries: Iterable[BcdObject]) -> None:
    """See to it that a boot manager is there, lists entries in its menu, and starts one; its settings stay."""
    if store.object(BOOTMGR) is None:
        _put_manager(store, fresh, (), ())
        store.remove_element(BOOTMGR, Id.DISPLAY_ORDER)
        store.remove_element(BOOTMGR, Id.DEFAULT)
    shown = [each.guid for each in listed(store)]
    missing = [each.guid for each in entries if each.guid not in shown]
    if missing and not shown:
        store.set_element(BOOTMGR, Element(Id.DISPLAY_ORDER, tuple(missing)))
    set_default(store)


def _put_manager(store: BcdStore, fresh: BcdStore, others: tuple[UUID, ...], keep: Container[int]) -> None:
    wanted, there = fresh.object(BOOTMGR), store.object(BOOTMGR)
    if wanted is None:
        return
    if there is None:
        store.put(BcdObject(wanted.guid, wanted.type, ()))
    for element in wanted.elements:
        content = element.content
        if element.id == Id.DISPLAY_ORDER:
            content = (*guids_of(wanted, Id.DISPLAY_ORDER), *others)
        elif element.id == Id.TOOLS_ORDER and there is not None:
            content = tuple(dict.fromkeys((*guids_of(wanted, Id.TOOLS_ORDER), *guids_of(there, Id.TOOLS_ORDER))))
        elif element.id in keep and there is not None and there.content(element.id) is not None:
            continue
        store.set_element(BOOTMGR, Element(element.id, content))


def listed(store: BcdStore) -> tuple[BcdObject, ...]:
    """Return what the menu lists, in its order."""
    manager = store.object(BOOTMGR)
    found = [] if manager is None else [store.object(each) for each in guids_of(manager, Id.DISPLAY_ORDER)]
    return tuple(each for each in found if each is not None)


def _is_recovery(each: BcdObject) -> bool:
    return each.content(Id.WINPE) is True


def _started(entry: BcdObject, system: PartitionRef | None) -> tuple[PartitionRef | None, str]:
    """Return which Windows an entry starts: its partition and its folder."""
    folder = entry.content(Id.FILE_PATH)
    return _partition(entry, Id.OS_DEVICE, system), folder.lower() if isinstance(folder, str) else ""


def _partition(each: BcdObject | None, number: Id, system: PartitionRef | None) -> PartitionRef | None:
    content = None if each is None else each.content(number)
    if not isinstance(content, DeviceElement):
        return None
    return system if isinstance(content.device, BootDevice) else partition_of(content.device)
