"""Making a disk start again after it was cloned, moved or signed anew: the store and the boot sectors name old places.

Only what names places is changed: entries, their order, names and options stay as they are.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from osdimage.imaging.boot.bcd.check import default_entry, partition_refs
from osdimage.imaging.boot.bcd.devices import DeviceElement, RamdiskDevice, RawDevice, describe, partition_of
from osdimage.imaging.boot.bcd.elements import Id, braced, name_of
from osdimage.imaging.boot.bcd.partition import PartitionRef
from osdimage.imaging.boot.bcd.store import BOOTMGR, NAMES, BcdObject, BcdStore
from osdimage.imaging.boot.check import BootReport, check_boot
from osdimage.imaging.boot.code.bios import hidden_sectors_of, prepare_record, set_hidden_sectors
from osdimage.imaging.boot.files import OS_LOADERS, STORES
from osdimage.imaging.boot.firmware import Firmware
from osdimage.imaging.boot.places import BootPlaces, choose_places, firmware_of
from osdimage.imaging.boot.recovery import holds_recovery
from osdimage.imaging.disk.opened import Disk
from osdimage.imaging.disk.table import Partition, PartitionTable
from osdimage.imaging.errors import InvalidInput, InvalidRequest, Means, OsdImageError, Remedy, no_refusal
from osdimage.imaging.randomness import RandomBits
from osdimage.imaging.units import MIB
from osdimage.imaging.volume.filesystems import FILE_SYSTEMS, open_files

_LARGEST_STORE = 64 * MIB


@dataclass(frozen=True, slots=True)
class FixResult:
    """What was changed so that a disk starts again.

    Attributes:
        changes: one sentence for each; none when all was right.
        left: a sentence for each thing in the store that was left as it is, since it is not known what it should be.
        unbound: the same for each partition of another disk that it still names; to install boot files for the Windows
            of a partition binds that one.
        report: what is left, as :func:`~osdimage.imaging.boot.check.check_boot` finds it now.
    """

    changes: tuple[str, ...]
    left: tuple[str, ...]
    unbound: tuple[str, ...]
    report: BootReport


def fix_boot(
    disk: Disk,
    *,
    os_partition: int | None = None,
    system_partition: int | None = None,
    now: datetime,
    rng: RandomBits | None = None,
    force: bool = False,
) -> FixResult:
    """Bind the store of a disk to its partitions, and put active flag, signature and boot sectors right.

    Args:
        disk: the disk, open for writing.
        os_partition: the number of the partition with Windows; None: the one that holds the loader of Windows.
        system_partition: the number of the partition with the store; None: the EFI system partition, or the active one.
        now: the time for the store.
        rng: where a signature comes from, when the disk has none; None: the system.
        force: write also to a volume that is marked dirty.

    Raises:
        InvalidRequest: when it is not clear which partition is meant; the message tells what to name.
        InvalidInput: when there is no store, or the table, the store or a volume is damaged.
        TargetRefused: when a volume must not be written to; nothing was written.
        OsdImageError: when it is refused after something else was changed; the message tells what.
        StorageError: when reading or writing failed.
    """
    table = disk.table
    windows = os_partition if os_partition is not None else _find_windows(disk, table)
    places = choose_places(table, windows, _system_of(disk, table, system_partition))
    changes: list[str] = []
    with no_refusal(disk.name, lambda: "; ".join(changes)):
        if places.firmware is Firmware.BIOS:
            table, more = _fix_record(disk, table, places, rng or random.SystemRandom())
            changes += more
        bound = _fix_store(disk, table, places, now=now, force=force)
        changes += bound.changes
        if places.firmware is Firmware.BIOS:
            changes += _fix_hidden(disk, places)
    return FixResult(tuple(changes), bound.left, bound.unbound, check_boot(disk))


def _candidates(table: PartitionTable) -> Iterator[Partition]:
    return (each for each in table.partitions if not each.is_extended)


def _holds(disk: Disk, partition: Partition, path: str) -> bool:
    volume = disk.volume_in(partition)
    if volume.content not in FILE_SYSTEMS:
        return False
    try:
        with open_files(volume) as files:
            return files.exists(path)
    except OsdImageError:
        return False


def _find_windows(disk: Disk, table: PartitionTable) -> int:
    path = OS_LOADERS[firmware_of(table)]
    found = [each.number for each in _candidates(table) if _holds(disk, each, path)]
    if len(found) != 1:
        shown = "\\" + path.replace("/", "\\")
        which = f"partitions {', '.join(map(str, found))} hold" if found else "no partition holds"
        remedy = Remedy("name the partition with Windows: {}", (Means.OS_PARTITION,))
        raise InvalidRequest(f"{disk.name}: {which} {shown}", remedy=remedy)
    return found[0]


def _system_of(disk: Disk, table: PartitionTable, wanted: int | None) -> int | None:
    """Return the partition that is named, or of a disk with an MBR the one primary partition that has a store."""
    if wanted is not None or firmware_of(table) is Firmware.UEFI:
        return wanted
    found = [each for each in _candidates(table) if not each.is_logical and _holds(disk, each, "bootmgr")]
    active = [each for each in found if each.active]
    return active[0].number if len(active) == 1 else found[0].number if len(found) == 1 else None


def _fix_record(
    disk: Disk, table: PartitionTable, places: BootPlaces, rng: RandomBits
) -> tuple[PartitionTable, list[str]]:
    fixed = prepare_record(disk.target, table, active=places.system.number, rng=rng)
    changes = []
    if fixed.disk_signature != table.disk_signature:
        changes.append(f"the disk has the signature {fixed.disk_signature:08X} now; it had none")
    if fixed.partitions != table.partitions:
        changes.append(f"partition {places.system.number} is the active one now")
    return fixed, changes


@dataclass(frozen=True, slots=True)
class _Bound:
    """What became of the store, in sentences."""

    changes: tuple[str, ...]
    left: tuple[str, ...]
    unbound: tuple[str, ...]


def _fix_store(disk: Disk, table: PartitionTable, places: BootPlaces, *, now: datetime, force: bool) -> _Bound:
    """Bind the store."""
    volume = disk.volume_in(places.system)
    path = STORES[places.firmware]
    with open_files(volume) as files:
        if not files.exists(path):
            remedy = Remedy("{} writes one", (Means.INSTALL_BOOT,))
            raise InvalidInput(f"{files.name}: there is no BCD store to fix", remedy=remedy)
        store = BcdStore.parse(files.read(path, limit=_LARGEST_STORE), name=f"{files.name}: the BCD store")
    changes, unbound = _new_places(disk, store, table, places)
    left = tuple(_unknown_devices(store))
    if not changes:
        return _Bound((), left, tuple(unbound))
    count = store.rebind(changes)
    data = store.to_bytes(now=now)
    with open_files(volume, write=True, force=force) as files:
        files.write(path, data)
    refs = partition_refs(table)
    told = [f"what was {old} is partition {refs[new].number} now" for old, new in changes.items()]
    told.append(f"{count} elements of the BCD store were bound to these partitions")
    return _Bound(tuple(told), left, tuple(unbound))


def _unknown_devices(store: BcdStore) -> Iterator[str]:
    """Yield a sentence for each element whose device is of a kind that is not understood, so that it was not bound."""
    for each in store.objects:
        for element in each.elements:
            if isinstance(element.content, DeviceElement) and isinstance(element.content.device, RawDevice):
                yield (
                    f"{each.kind} {braced(each.guid, NAMES)}: {name_of(element.id, each.type)} is "
                    f"{describe(element.content.device)}, which stays as it is"
                )


def _new_places(
    disk: Disk, store: BcdStore, table: PartitionTable, places: BootPlaces
) -> tuple[dict[PartitionRef, PartitionRef], list[str]]:
    """Return what each partition that is named and not on this disk is there, and sentences about what is not told.

    The same GUID, or the same offset, is the same partition on a disk that got another GUID or signature.  Otherwise
    the part that it plays decides.
    """
    refs = partition_refs(table)
    numbers = {each.number: ref for ref, each in refs.items()}
    default = default_entry(store)
    needed = _partitions_of(default)
    # Two of them cannot be in one place.
    others = {ref for each in store.loaders if each.content(Id.WINPE) is not True for ref in _partitions_of(each)}
    changes: dict[PartitionRef, PartitionRef] = {}
    unbound: list[str] = []
    # What starts by itself comes first: another entry cannot take its partition.
    for old in sorted(store.partitions, key=lambda each: each not in needed):
        if old in refs:
            continue
        same = [ref for ref in refs if ref.scheme is old.scheme and ref.partition == old.partition]
        number = refs[same[0]].number if len(same) == 1 else _by_part(disk, store, old, table, places)
        new = numbers.get(number) if number is not None else None
        is_taken = old in others and (new in changes.values() or new in store.partitions)
        if new is not None and (old in needed or not is_taken):
            changes[old] = new
        elif old in needed:
            raise InvalidRequest(
                f"{disk.name}: the BCD store names {old}, and it cannot be told which partition that is now",
                remedy=Remedy("{} writes a new store", (Means.INSTALL_BOOT,)),
            )
        else:
            unbound.append(f"the BCD store still names {old}, and it cannot be told which partition that is now")
    return changes, unbound


def _partitions_of(entry: BcdObject | None) -> set[PartitionRef]:
    """Return the partitions that an entry names."""
    elements = () if entry is None else entry.elements
    found = (partition_of(each.content.device) for each in elements if isinstance(each.content, DeviceElement))
    return {each for each in found if each is not None}


def _by_part(disk: Disk, store: BcdStore, old: PartitionRef, table: PartitionTable, places: BootPlaces) -> int | None:
    """Return the partition that plays the part for which the store names an old one."""
    manager = store.object(BOOTMGR)
    device = None if manager is None else manager.content(Id.DEVICE)
    is_manager = isinstance(device, DeviceElement) and partition_of(device.device) == old
    is_ramdisk = is_windows = False
    for each in store.objects:
        for number in (Id.DEVICE, Id.OS_DEVICE, Id.SDI_DEVICE):
            content = each.content(number)
            if isinstance(content, DeviceElement) and partition_of(content.device) == old:
                if isinstance(content.device, RamdiskDevice) or number is Id.SDI_DEVICE:
                    is_ramdisk = True
                elif number is Id.OS_DEVICE:
                    is_windows = True
    if is_windows:
        return places.windows.number
    if is_manager:
        return places.system.number
    if is_ramdisk:
        found = [each.number for each in _candidates(table) if holds_recovery(disk.volume_in(each))]
        return found[0] if len(found) == 1 else None
    return None


def _fix_hidden(disk: Disk, places: BootPlaces) -> list[str]:
    changes = []
    for partition in {places.system.number: places.system, places.windows.number: places.windows}.values():
        window = disk.target.window(partition.extent)
        before = hidden_sectors_of(window)
        if before != partition.extent.first:
            set_hidden_sectors(window, partition.extent.first)
            changes.append(
                f"the boot sector of partition {partition.number} says that it begins at sector "
                f"{partition.extent.first}; it said {before}"
            )
    return changes
