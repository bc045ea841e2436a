"""What a BCD store says, held against the partitions of the disk that it is on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

from osdimage.imaging.boot import remedies
from osdimage.imaging.boot.bcd.devices import (
    BootDevice,
    DeviceElement,
    FileDevice,
    LocateDevice,
    RamdiskDevice,
    VirtualDiskDevice,
    describe,
    outer_path,
    partition_of,
)
from osdimage.imaging.boot.bcd.elements import Id
from osdimage.imaging.boot.bcd.partition import PartitionRef
from osdimage.imaging.boot.bcd.store import BOOTMGR, LOADER_TYPE, BcdObject, BcdStore
from osdimage.imaging.boot.firmware import Firmware
from osdimage.imaging.disk.roles import LDM_DATA, LDM_METADATA, MBR_LDM, Scheme
from osdimage.imaging.disk.tables.table import Partition, PartitionTable
from osdimage.imaging.errors import InvalidRequest, Means, Remedy
from osdimage.imaging.finding import Finding, error, note, warning
from osdimage.imaging.registry.hive_log import LogFile

_DYNAMIC = frozenset({MBR_LDM, LDM_DATA, LDM_METADATA})
_IN_FILES = (FileDevice, RamdiskDevice, VirtualDiskDevice)


@dataclass(frozen=True, slots=True)
class StoreFacts:
    """A store and the partitions of its disk.

    Attributes:
        store: the store.
        refs: every partition as a store names it.
        own: what the disk is, and what it was when the store was bound; see :func:`own_disks`.
        system: the partition that the store is on.
        default: the entry that starts by itself, or None.
        windows: the partition of that entry, or None when it is not on this disk.
        loader: the partition that its program is on, which is that of Windows but in odd stores.
        loader_path: what that entry starts there, or None when it says nothing.
        system_root: the folder of Windows, or None when it says none.
        container: the file that holds that Windows, in words, or None when a partition does.
        container_path: that file, from the root of its partition, or None.
        is_located: whether the entry names no partition, but whatever holds its program.
        is_beside: whether the partition of that entry is on the other disk that was named.
    """

    store: BcdStore
    refs: dict[PartitionRef, Partition]
    own: frozenset[tuple[Scheme, UUID | int]]
    system: Partition
    default: BcdObject | None
    windows: Partition | None
    loader: Partition | None
    loader_path: str | None
    system_root: str | None
    container: str | None = None
    container_path: str | None = None
    is_located: bool = False
    is_beside: bool = False


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


def own_disks(store: BcdStore, table: PartitionTable) -> frozenset[tuple[Scheme, UUID | int]]:
    """Return what the disk is and was: a store on it that names another one for its boot manager came from there.

    A store whose boot manager names no partition came from the disk of its default entry.  What names a partition by a
    GUID that is here names this disk before it got another GUID.
    """
    own: set[tuple[Scheme, UUID | int]] = set()
    identity = table.disk_guid or table.disk_signature
    if identity:
        own.add((table.scheme, identity))
    manager, default = store.object(BOOTMGR), default_entry(store)
    for each, number in ((manager, Id.DEVICE), (default, Id.OS_DEVICE)):
        content = None if each is None else each.content(number)
        ref = partition_of(content.device) if isinstance(content, DeviceElement) else None
        if ref is not None:
            own.add((ref.scheme, ref.disk))
            break
    guids = {each.guid for each in table.partitions if each.guid is not None}
    own |= {(ref.scheme, ref.disk) for ref in store.partitions if ref.partition in guids}
    return frozenset(own)


def read_store_facts(
    data: bytes,
    table: PartitionTable,
    system: Partition,
    *,
    name: str,
    beside: PartitionTable | None = None,
    logs: Callable[[], Sequence[LogFile]] | None = None,
) -> StoreFacts:
    """Read a store and find what it starts.

    Args:
        data: the store.
        table: the partitions of the disk that it is on.
        system: the one that it is on.
        name: what messages call that.
        beside: the partitions of another disk, on which the Windows may be.
        logs: as of :meth:`BcdStore.parse`.

    Raises:
        InvalidInput: when it is no store, or damaged.
    """
    store = BcdStore.parse(data, name=f"{name}: the BCD store", logs=logs)
    others = {} if beside is None else partition_refs(beside)
    refs = others | partition_refs(table)
    own = own_disks(store, table) | {(ref.scheme, ref.disk) for ref in others}
    default = default_entry(store)
    if default is None:
        return StoreFacts(store, refs, own, system, None, None, None, None, None)
    place = default.content(Id.OS_DEVICE) or default.content(Id.DEVICE)
    windows = _partition(place, refs, system)
    device = place.device if isinstance(place, DeviceElement) else None
    return StoreFacts(
        store,
        refs,
        own,
        system,
        default,
        windows,
        _partition(default.content(Id.DEVICE), refs, system) or windows,
        _text(default, Id.PATH),
        _text(default, Id.FILE_PATH) if default.type == LOADER_TYPE else None,
        describe(device) if isinstance(device, _IN_FILES) else None,
        None if device is None else outer_path(device),
        isinstance(device, LocateDevice) and device.parent is None and device.mode == 0,
        device is not None and partition_of(device) in others,
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


def store_findings(facts: StoreFacts, firmware: Firmware, *, name: str, bind: Remedy) -> Iterator[Finding]:
    """Yield what of a store does not fit the disk.

    Args:
        facts: the store.
        firmware: what starts the disk.
        name: what messages call the store.
        bind: what helps when the default entry names a partition that is not there.
    """
    if facts.default is None:
        text = f"{name} has no entry that starts anything"
        yield error("bcd-no-entry", text, remedies.WRITES_A_NEW_ONE)
        return
    if facts.store.hive.replayed is not None:
        text = f"{name} is read {facts.store.hive.replayed}: Windows was not shut down"
        yield note("bcd-replayed", text, "nothing has to be done: the boot manager reads it so, too")
    for text in facts.store.hive.warnings:
        yield warning("bcd-hive", f"{name}: {text}", remedies.WRITES_A_NEW_ONE)
    yield from _entry_findings(facts, facts.default, name, bind)
    yield from _other_findings(facts, facts.default, name)
    manager = facts.store.object(BOOTMGR)
    device = None if manager is None else manager.content(Id.DEVICE)
    place = _partition(device, facts.refs, facts.system)
    if place is not None and place != facts.system:
        text = f"{name} says that the boot manager is on partition {place.number}; it is on {facts.system.number}"
        yield warning("bcd-system-partition", text, remedies.install("{} puts it right"))
    suffix = ".efi" if firmware is Firmware.UEFI else ".exe"
    path = facts.loader_path
    if facts.default.type == LOADER_TYPE and path is not None and not path.lower().endswith(suffix):
        text = f"{name}: the default entry starts {path}, which is not for {firmware.upper()}"
        yield error("bcd-firmware", text, Remedy("{} writes a store for this disk", (Means.NEW_STORE,)))


def _entry_findings(facts: StoreFacts, entry: BcdObject, name: str, bind: Remedy) -> Iterator[Finding]:
    is_loader = entry.type == LOADER_TYPE
    for number in (Id.DEVICE, Id.OS_DEVICE) if is_loader else (Id.DEVICE,):
        content = entry.content(number)
        if not isinstance(content, DeviceElement):
            text = f"{name}: the default entry does not say where Windows is"
            yield error("bcd-no-device", text, remedies.WRITES_A_NEW_ONE)
            return
        if isinstance(content.device, BootDevice | LocateDevice):
            continue
        ref = partition_of(content.device)
        if ref is None:
            text = f"{name}: the default entry names {describe(content.device)}: whether that is here is not known"
            yield warning("bcd-device-unknown", text, remedies.WRITES_A_NEW_ONE)
            return
        if ref not in facts.refs:
            yield _elsewhere(facts, ref, name, bind)
            return
    if facts.loader_path is None:
        text = f"{name}: the default entry does not say which program it starts"
        yield error("bcd-no-path", text, remedies.WRITES_A_NEW_ONE)
    if facts.system_root is None and is_loader:
        text = f"{name}: the default entry does not say in which folder Windows is"
        yield error("bcd-no-root", text, remedies.WRITES_A_NEW_ONE)


def _elsewhere(facts: StoreFacts, ref: PartitionRef, name: str, bind: Remedy) -> Finding:
    text = f"{name}: the default entry names what is not on this disk: {ref}"
    if any(each.type_id in _DYNAMIC for each in facts.refs.values()):
        told = f"{text}, unless it is a volume of this dynamic disk, which osdimage does not look into"
        return warning("os-unread", told, remedies.CANNOT_TELL)
    if (ref.scheme, ref.disk) in facts.own:
        return error("bcd-partition", text, bind)
    return warning("os-elsewhere", f"{text}; whether that disk is there and starts is not known", remedies.BIND_HERE)


def _other_findings(facts: StoreFacts, default: BcdObject, name: str) -> Iterator[Finding]:
    """Yield for each partition that is missing which entries beside the default one name it."""
    naming: dict[PartitionRef, list[BcdObject]] = {}
    of_default = set(_named(default))
    for each in facts.store.objects:
        for ref in dict.fromkeys(_named(each)):
            if ref not in facts.refs and ref not in of_default and each.guid != default.guid:
                naming.setdefault(ref, []).append(each)
    for ref, objects in naming.items():
        entries = [each for each in objects if each.type == LOADER_TYPE] or objects
        called = ", ".join(repr(_text(each, Id.DESCRIPTION) or each.kind) for each in entries)
        verb = "names" if len(entries) == 1 else "name"
        text = f"{name}: {called} in the store {verb} what is not on this disk: {ref}"
        remedy = remedies.BINDS_IT if (ref.scheme, ref.disk) in facts.own else remedies.PRUNE
        yield warning("bcd-partition-other", text, remedy)


def _named(each: BcdObject) -> Iterator[PartitionRef]:
    for element in each.elements:
        if isinstance(element.content, DeviceElement):
            ref = partition_of(element.content.device)
            if ref is not None:
                yield ref
