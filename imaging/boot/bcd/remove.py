"""Taking objects out of a BCD store, with what only they use and all that points to them."""

from __future__ import annotations

from collections.abc import Container, Iterable
from uuid import UUID

from osdimage.imaging.boot.bcd.devices import DeviceElement
from osdimage.imaging.boot.bcd.elements import Element, Id
from osdimage.imaging.boot.bcd.store import (
    BOOTMGR,
    DEVICE_OPTIONS_TYPE,
    LOADER_TYPE,
    NAMES,
    RESUME_TYPE,
    BcdObject,
    BcdStore,
)


def remove_objects(store: BcdStore, unwanted: Iterable[UUID]) -> tuple[UUID, ...]:
    """Remove objects; return all that are gone, those that only the removed ones used among them.

    Lists of entries lose them.  When the default entry goes, the first of the menu that stays is the default, and the
    boot manager resumes what that one does.
    """
    objects = {each.guid: each for each in store.objects}
    gone = [guid for guid in unwanted if guid not in NAMES and guid in objects]
    removed = dict.fromkeys(gone)
    listed = set(_listed(store))
    waiting = list(gone)
    users: dict[UUID, set[UUID]] = {}
    for each in objects.values():
        for used in _uses(each):
            users.setdefault(used, set()).add(each.guid)
    while waiting:
        for used in _uses(objects[waiting.pop()]):
            served = users.get(used, set()) - removed.keys()
            if used in objects and used not in removed and not served and _is_servant(objects[used], listed):
                removed[used] = None
                waiting.append(used)
    for guid in removed:
        store.remove(guid)
    if removed:
        _forget(store, set(removed))
    return tuple(removed)


def _uses(each: BcdObject) -> set[UUID]:
    """Return what an entry resumes and recovers with, and the options of its devices."""
    used = {*guids_of(each, Id.DEFAULT), *guids_of(each, Id.RECOVERY_SEQUENCE)} if each.guid != BOOTMGR else set()
    contents = (element.content for element in each.elements)
    return used | {one.options for one in contents if isinstance(one, DeviceElement) and one.options is not None}


def _is_servant(each: BcdObject, listed: Container[UUID]) -> bool:
    """Tell whether an object is there for others alone: what resumes or recovers them, or options of their devices."""
    is_recovery = each.type == LOADER_TYPE and each.content(Id.WINPE) is True and each.guid not in listed
    return each.guid not in NAMES and (each.type in {RESUME_TYPE, DEVICE_OPTIONS_TYPE} or is_recovery)


def _listed(store: BcdStore) -> tuple[UUID, ...]:
    manager = store.object(BOOTMGR)
    return () if manager is None else (*guids_of(manager, Id.DISPLAY_ORDER), *guids_of(manager, Id.TOOLS_ORDER))


def _forget(store: BcdStore, gone: set[UUID]) -> None:
    for each in store.objects:
        for element in each.elements:
            content = element.content
            if isinstance(content, tuple) and gone & {one for one in content if isinstance(one, UUID)}:
                left = tuple(one for one in content if isinstance(one, UUID) and one not in gone)
                if left:
                    store.set_element(each.guid, Element(element.id, left))
                else:
                    store.remove_element(each.guid, element.id)
                    if element.id == Id.RECOVERY_SEQUENCE:
                        store.remove_element(each.guid, Id.RECOVERY_ENABLED)
            elif isinstance(content, UUID) and content in gone:
                store.remove_element(each.guid, element.id)
    set_default(store)


def set_default(store: BcdStore) -> None:
    """Let the first entry of the menu start by itself when the boot manager names none that is there."""
    manager = store.object(BOOTMGR)
    if manager is None:
        return
    (default,) = guids_of(manager, Id.DEFAULT) or (None,)
    if default is None or store.object(default) is None:
        default = next((guid for guid in guids_of(manager, Id.DISPLAY_ORDER) if store.object(guid) is not None), None)
        if default is None:
            return
        store.set_element(BOOTMGR, Element(Id.DEFAULT, default))
    entry = store.object(default)
    resumes = guids_of(entry, Id.DEFAULT) if entry is not None and entry.type == LOADER_TYPE else ()
    (resumed,) = guids_of(manager, Id.RESUME_OF_MANAGER) or (None,)
    if resumes and (resumed is None or store.object(resumed) is None):
        store.set_element(BOOTMGR, Element(Id.RESUME_OF_MANAGER, resumes[0]))


def guids_of(each: BcdObject, number: Id) -> tuple[UUID, ...]:
    """Return the objects that an element names."""
    content = each.content(number)
    found = content if isinstance(content, tuple) else (content,)
    return tuple(one for one in found if isinstance(one, UUID))
