"""Adding an installation of Windows to a BCD store that is there, as bcdboot does: what others have in it stays."""

from __future__ import annotations

from uuid import UUID

from osdimage.imaging.boot.bcd.devices import BootDevice, DeviceElement, partition_of
from osdimage.imaging.boot.bcd.elements import Element, Id
from osdimage.imaging.boot.bcd.partition import PartitionRef
from osdimage.imaging.boot.bcd.store import BOOTMGR, MEMORY_TEST, NAMES, BcdObject, BcdStore


def add_installation(store: BcdStore, fresh: BcdStore) -> tuple[BcdObject, ...]:
    """Take what a new store starts into one that is there; return the entries of the menu that were there before.

    The new entry comes first and starts by itself.  An entry that starts the same Windows gives way, with what only it
    uses.  Settings stay as they are; of the boot manager, what the new store says wins.

    Args:
        store: the one that is there; it is changed.
        fresh: the new one, from :func:`~osdimage.imaging.boot.bcd.create.create_store`.
    """
    system = _partition(fresh.object(BOOTMGR), Id.DEVICE, None)
    started = {_started(each, system) for each in fresh.loaders if not _is_recovery(each)}
    for each in store.loaders:
        if not _is_recovery(each) and _started(each, system) in started:
            _remove_entry(store, each)
    kept = _listed(store)
    for each in fresh.objects:
        is_setting = each.guid in NAMES and each.guid != MEMORY_TEST
        if each.guid != BOOTMGR and not (is_setting and store.object(each.guid) is not None):
            store.put(each)
    _put_manager(store, fresh, tuple(each.guid for each in kept))
    return kept


def _put_manager(store: BcdStore, fresh: BcdStore, others: tuple[UUID, ...]) -> None:
    wanted, there = fresh.object(BOOTMGR), store.object(BOOTMGR)
    if wanted is None:
        return
    if there is None:
        store.put(BcdObject(wanted.guid, wanted.type, ()))
    for element in wanted.elements:
        content = element.content
        if element.id == Id.DISPLAY_ORDER:
            content = (*_guids(wanted, Id.DISPLAY_ORDER), *others)
        elif element.id == Id.TOOLS_ORDER and there is not None:
            content = tuple(dict.fromkeys((*_guids(wanted, Id.TOOLS_ORDER), *_guids(there, Id.TOOLS_ORDER))))
        store.set_element(BOOTMGR, Element(element.id, content))


def _listed(store: BcdStore) -> tuple[BcdObject, ...]:
    """Return what the menu lists, in its order."""
    manager = store.object(BOOTMGR)
    found = [] if manager is None else [store.object(each) for each in _guids(manager, Id.DISPLAY_ORDER)]
    return tuple(each for each in found if each is not None)


def _remove_entry(store: BcdStore, entry: BcdObject) -> None:
    """Remove an entry, and what it resumes and recovers with when no other entry does so too."""
    store.remove(entry.guid)
    for each in (*_guids(entry, Id.DEFAULT), *_guids(entry, Id.RECOVERY_SEQUENCE)):
        if _is_used(store, each):
            continue
        found = store.object(each)
        store.remove(each)
        device = None if found is None else found.content(Id.DEVICE)
        options = device.options if isinstance(device, DeviceElement) else None
        if options is not None and not _is_used(store, options):
            store.remove(options)


def _is_used(store: BcdStore, guid: UUID) -> bool:
    """Tell whether a loader still names an object: to resume, to recover, or as the options of its ramdisk."""
    for each in store.loaders:
        device = each.content(Id.DEVICE)
        if isinstance(device, DeviceElement) and device.options == guid:
            return True
        if guid in {*_guids(each, Id.DEFAULT), *_guids(each, Id.RECOVERY_SEQUENCE)}:
            return True
    return False


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


def _guids(each: BcdObject, number: Id) -> tuple[UUID, ...]:
    """Return the objects that an element names."""
    content = each.content(number)
    found = content if isinstance(content, tuple) else (content,)
    return tuple(one for one in found if isinstance(one, UUID))
