"""What a BCD store says, held against the partitions of the disk that it is on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

from osdimage.imaging.boot.bcd.devices import (
    BootDevice,
    DeviceElement,
    FileDevice,
    LocateDevice,
    RamdiskDevice,
    VirtualDiskDevice,
    describe,
    partition_of,
)
from osdimage.imaging.boot.bcd.elements import Id
from osdimage.imaging.boot.bcd.partition import PartitionRef
from osdimage.imaging.boot.bcd.store import BOOTMGR, LOADER_TYPE, BcdObject, BcdStore
from osdimage.imaging.boot.firmware import Firmware
from osdimage.imaging.disk.table import Partition, PartitionTable
from osdimage.imaging.errors import InvalidRequest, Means, Remedy
from osdimage.imaging.finding import Finding, error, warning

_FIX = Remedy("{} binds the store to this disk", (Means.FIX_BOOT,))
_NEW = Remedy("{} writes a new one", (Means.INSTALL_BOOT,))
_IN_FILES = (FileDevice, RamdiskDevice, VirtualDiskDevice)


@dataclass(frozen=True, slots=True)
class StoreFacts:
    """A store and the partitions of its disk.

    Attributes:
        store: the store.
        refs: every partition as a store names it.
        system: the partition that the store is on.
        default: the entry that starts by itself, or None.
        windows: the partition of that entry, or None when it is not on this disk.
        loader: the partition that its program is on, which is that of Windows but in odd stores.
        loader_path: what that entry starts there, or None when it says nothing.
        system_root: the folder of Windows, or None when it says none.
        container: the file that holds that Windows, in words, or None when a partition does.
    """

    store: BcdStore
    refs: dict[PartitionRef, Partition]
    system: Partition
    default: BcdObject | None
    windows: Partition | None
    loader: Partition | None
    loader_path: str | None
    system_root: str | None
    container: str | None


def partition_refs(table: PartitionTable) -> dict[PartitionRef, Partition]:
    """Return the partitions as a store names them; a disk without a signature has none."""
    found = {}
    for each in table.partitions:
        if not each.is_extended:
            try:
                found[PartitionRef.of(table, each)] = each
            except InvalidRequest:
                return {}
    return found


def read_store_facts(data: bytes, table: PartitionTable, system: Partition, *, name: str) -> StoreFacts:
    """Read a store and find what it starts.

    Raises:
        InvalidInput: when it is no store, or damaged.
    """
    store = BcdStore.parse(data, name=f"{name}: the BCD store")
    refs = partition_refs(table)
    default = default_entry(store)
    if default is None:
        return StoreFacts(store, refs, system, None, None, None, None, None, None)
    place = default.content(Id.OS_DEVICE) or default.content(Id.DEVICE)
    windows = _partition(place, refs, system)
    device = place.device if isinstance(place, DeviceElement) else None
    return StoreFacts(
        store,
        refs,
        system,
        default,
        windows,
        _partition(default.content(Id.DEVICE), refs, system) or windows,
        _text(default, Id.PATH),
        _text(default, Id.FILE_PATH) if default.type == LOADER_TYPE else None,
        describe(device) if isinstance(device, _IN_FILES) else None,
    )


def _text(entry: BcdObject, number: Id) -> str | None:
    """Return the text of an element, or None when it is missing, empty or no text."""
    content = entry.content(number)
    return content if isinstance(content, str) and content else None


def default_entry(store: BcdStore) -> BcdObject | None:
    """Return the entry that starts by itself: the default, or else the first of the menu that is there."""
    manager = store.object(BOOTMGR)
    if manager is None:
        return None
    order = manager.content(Id.DISPLAY_ORDER)
    listed = [each for each in order if isinstance(each, UUID)] if isinstance(order, tuple) else []
    wanted = manager.content(Id.DEFAULT)
    for guid in [wanted, *listed]:
        found = store.object(guid) if isinstance(guid, UUID) else None
        if found is not None:
            return found
    return None


def _partition(content: object, refs: dict[PartitionRef, Partition], system: Partition) -> Partition | None:
    if not isinstance(content, DeviceElement):
        return None
    if isinstance(content.device, BootDevice):
        return system
    ref = partition_of(content.device)
    return None if ref is None else refs.get(ref)


def store_findings(facts: StoreFacts, firmware: Firmware, *, name: str) -> Iterator[Finding]:
    """Yield what of a store does not fit the disk."""
    if facts.default is None:
        text = f"{name} has no entry that starts anything"
        yield error("bcd-no-entry", text, _NEW)
        return
    for text in facts.store.hive.warnings:
        yield warning("bcd-hive", f"{name}: {text}", _NEW)
    yield from _entry_findings(facts, facts.default, name)
    for each in facts.store.objects:
        if each.guid == facts.default.guid:
            continue
        missing = sorted({str(ref) for ref in _named(each) if ref not in facts.refs})
        if missing:
            text = f"{name}: the entry {each.kind} {{{each.guid}}} names what is not on this disk: {missing[0]}"
            yield warning("bcd-partition-other", text, _FIX)
    manager = facts.store.object(BOOTMGR)
    device = None if manager is None else manager.content(Id.DEVICE)
    place = _partition(device, facts.refs, facts.system)
    if place is not None and place.number != facts.system.number:
        text = f"{name} says that the boot manager is on partition {place.number}; it is on {facts.system.number}"
        yield warning("bcd-system-partition", text, _FIX)
    suffix = ".efi" if firmware is Firmware.UEFI else ".exe"
    path = facts.loader_path
    if path is not None and not path.lower().endswith(suffix):
        text = f"{name}: the default entry starts {path}, which is not for {firmware.upper()}"
        yield error("bcd-firmware", text, Remedy("{} writes a store for this disk", (Means.INSTALL_BOOT,)))


def _entry_findings(facts: StoreFacts, entry: BcdObject, name: str) -> Iterator[Finding]:
    for number in (Id.DEVICE, Id.OS_DEVICE):
        content = entry.content(number)
        if not isinstance(content, DeviceElement):
            text = f"{name}: the default entry does not say where Windows is"
            yield error("bcd-no-device", text, _NEW)
            return
        if isinstance(content.device, BootDevice | LocateDevice):
            continue
        ref = partition_of(content.device)
        if ref is None or ref not in facts.refs:
            what = "no partition that is understood" if ref is None else f"what is not on this disk: {ref}"
            yield error("bcd-partition", f"{name}: the default entry names {what}", _FIX)
            return
    if facts.loader_path is None:
        text = f"{name}: the default entry does not say which program it starts"
        yield error("bcd-no-path", text, _NEW)
    if facts.system_root is None and entry.type == LOADER_TYPE:
        text = f"{name}: the default entry does not say in which folder Windows is"
        yield error("bcd-no-root", text, _NEW)


def _named(each: BcdObject) -> Iterator[PartitionRef]:
    for element in each.elements:
        if isinstance(element.content, DeviceElement):
            ref = partition_of(element.content.device)
            if ref is not None:
                yield ref
