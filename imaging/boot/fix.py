"""Making a disk start again after it was cloned, moved or signed anew: the store and the boot sectors name old places.

What ``rebind.py`` says of the store is written, and beside it the active flag, the signature and the boot sectors.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from osdimage.imaging.boot.bcd.check import default_entry, partition_refs
from osdimage.imaging.boot.bcd.devices import DeviceElement, RawDevice, describe
from osdimage.imaging.boot.bcd.elements import braced, name_of
from osdimage.imaging.boot.bcd.partition import PartitionRef
from osdimage.imaging.boot.bcd.store import NAMES, BcdStore
from osdimage.imaging.boot.check import check_boot
from osdimage.imaging.boot.code.bios import (
    add_missing_code,
    find_boot_code,
    hidden_sectors_of,
    prepared_record,
    set_hidden_sectors,
    write_record,
)
from osdimage.imaging.boot.code.kinds import SECTOR_BYTES, Loader
from osdimage.imaging.boot.elsewhere import refuse_alike
from osdimage.imaging.boot.files import OS_LOADERS, STORES
from osdimage.imaging.boot.firmware import Firmware
from osdimage.imaging.boot.holdings import refuse_unwritable
from osdimage.imaging.boot.ntldr.fix import fix_menu, ntldr_system
from osdimage.imaging.boot.places import choose_places, choose_system, firmware_of, numbered
from osdimage.imaging.boot.rebind import Rebinding, RebindWish, rebind, refs_of, windows_of
from osdimage.imaging.boot.verdict import BootReport
from osdimage.imaging.disk.opened import Disk
from osdimage.imaging.disk.tables.table import Partition, PartitionTable
from osdimage.imaging.errors import InvalidInput, InvalidRequest, Means, OsdImageError, Remedy, no_refusal
from osdimage.imaging.logs import logged
from osdimage.imaging.randomness import RandomBits
from osdimage.imaging.registry.beside import logs_in, write_beside
from osdimage.imaging.units import MIB
from osdimage.imaging.volume.filesystems import FILE_SYSTEMS, open_files

_LARGEST_STORE = 64 * MIB
_NAME_WINDOWS = Remedy("name the partition with Windows: {}", (Means.OS_PARTITION,))


@dataclass(frozen=True, slots=True)
class FixWish:
    """How a disk is fixed.

    Attributes:
        os_partition: the number of the partition with the Windows that starts by itself; None: it is found.
        system_partition: the number of the partition with the store; None: the EFI system partition, or the active one.
        prune: also take out the entries of other disks, which may be in the machine.
        force: write also to a volume that is marked dirty.
        rehearse: write nothing, and tell what would be done.
    """

    os_partition: int | None = None
    system_partition: int | None = None
    prune: bool = False
    force: bool = False
    rehearse: bool = False


@dataclass(frozen=True, slots=True)
class FixResult:
    """What was changed so that a disk starts again.

    Attributes:
        changes: one sentence for each; none when all was right.
        left: a sentence for each thing in the store that was left as it is, since it is not known what it should be.
        unbound: the same for each partition of this disk of which it cannot be told which one it is now; to install
            boot files for the Windows of a partition binds that one.
        foreign: the same for each partition of another disk, which may be in the machine.
        report: what is left, as :func:`~osdimage.imaging.boot.check.check_boot` finds it now.
    """

    changes: tuple[str, ...]
    left: tuple[str, ...]
    unbound: tuple[str, ...]
    foreign: tuple[str, ...]
    report: BootReport


@logged("fix the boot of {disk}")
def fix_boot(
    disk: Disk,
    wish: FixWish | None = None,
    *,
    windows_disk: Disk | None = None,
    now: datetime | None = None,
    rng: RandomBits | None = None,
) -> FixResult:
    """Bind the store of a disk to its partitions, and put active flag, signature and boot sectors right.

    Boot code is written where there is none, and never over any.

    Entries that name a partition of this disk which is gone leave the store, as it cannot start them.

    Args:
        disk: the disk, open for writing unless the wish is to rehearse.
        wish: how.
        windows_disk: another disk that has the Windows which starts by itself, open in the same way; None: the same.
            Of it only a signature of 0, and the place in the boot sector of Windows, are changed.
        now: the time for the store; None: now.
        rng: where a signature comes from, when the disk has none; None: the system.

    Raises:
        InvalidRequest: when it is not clear which partition is meant; the message tells what to name.
        InvalidInput: when there is no store, or the table, the store or a volume is damaged.
        TargetRefused: when a volume must not be written to; nothing was written.
        OsdImageError: when it is refused after something else was changed; the message tells what.
        StorageError: when reading or writing failed.
    """
    if windows_disk is not None:
        refuse_alike(windows_disk.table, windows_disk.name, disk)
    return _Fix(disk, windows_disk, wish or FixWish(), now or datetime.now(UTC), rng or random.SystemRandom()).run()


class _Fix:
    def __init__(self, disk: Disk, beside: Disk | None, wish: FixWish, now: datetime, rng: RandomBits) -> None:
        self._disk = disk
        self._beside = beside
        # The disk with Windows.
        self._home = beside or disk
        self._homes = self._home.table
        self._wish = wish
        self._now = now
        self._rng = rng
        self._changes: list[str] = []

    def run(self) -> FixResult:
        table = self._disk.table
        older = ntldr_system(self._disk, table, self._wish.system_partition)
        if older is not None and self._beside is not None:
            raise InvalidRequest(f"{self._disk.name}: boot.ini names no disk by which another one could be found")
        if older is not None:
            return self._run_ntldr(table, older)
        homes = self._homes
        windows = self._windows(homes)
        firmware, system = self._system(table, windows)
        with no_refusal(self._disk.name, lambda: "; ".join(self._changes) if not self._wish.rehearse else ""):
            if firmware is Firmware.BIOS:
                table = self._fix_record(table, system)
                homes = table if self._beside is None else self._fix_signature(self._beside, homes)
                self._homes = homes
            bound, store = self._fix_store(
                table, firmware, system, None if windows is None else numbered(homes, windows)
            )
            if firmware is Firmware.BIOS:
                self._fix_hidden(self._disk, (system, *_named_by(store, table)))
                if self._beside is not None:
                    self._fix_hidden(self._beside, _named_by(store, homes))
                self._add_code(homes, system, windows, Loader.BOOTMGR)
        return FixResult(
            tuple(self._changes),
            tuple(_unknown_devices(store)),
            tuple(f"the BCD store still names {ref}, and it cannot be told which partition that is now"
                  for ref in bound.unbound),
            tuple(f"the BCD store names {ref}, which is not on this disk; the entry stays" for ref in bound.foreign),
            check_boot(self._disk, windows_disk=self._beside),
        )  # fmt: skip

    def _run_ntldr(self, table: PartitionTable, system: Partition) -> FixResult:
        """Fix a disk that starts NTLDR, whose menu is ``boot.ini``."""
        wish = self._wish
        with no_refusal(self._disk.name, lambda: "; ".join(self._changes) if not wish.rehearse else ""):
            table = self._fix_record(table, system)
            menu = fix_menu(self._disk, table, system, wish.os_partition, force=wish.force, rehearse=wish.rehearse)
            self._changes += menu.changes
            self._fix_hidden(self._disk, (system, *menu.partitions))
            windows = None if menu.default is None else menu.default.number
            self._add_code(table, system, windows, Loader.NTLDR)
        return FixResult(tuple(self._changes), (), menu.unbound, (), check_boot(self._disk))

    def _windows(self, table: PartitionTable) -> int | None:
        """Return the partition with Windows: the one that is named, or the only one; None when there are several."""
        if self._wish.os_partition is not None:
            return self._wish.os_partition
        path = OS_LOADERS[firmware_of(table)]
        found = [each.number for each in _candidates(table) if _holds(self._home, each, path)]
        if not found:
            shown = "\\" + path.replace("/", "\\")
            raise InvalidRequest(f"{self._home.name}: no partition holds {shown}", remedy=_NAME_WINDOWS)
        return found[0] if len(found) == 1 else None

    def _system(self, table: PartitionTable, windows: int | None) -> tuple[Firmware, Partition]:
        wanted = _system_of(self._disk, table, self._wish.system_partition)
        if windows is None or self._beside is not None:
            return choose_system(table, wanted)
        places = choose_places(table, windows, wanted)
        return places.firmware, places.system

    def _fix_record(self, table: PartitionTable, system: Partition) -> PartitionTable:
        fixed = prepared_record(table, active=system.number, rng=self._rng)
        if not self._wish.rehearse:
            write_record(self._disk.target, fixed)
        if fixed.disk_signature != table.disk_signature:
            self._changes.append(f"the disk has the signature {fixed.disk_signature:08X} now; it had none")
        if fixed.partitions != table.partitions:
            self._changes.append(f"partition {system.number} is the active one now")
        return fixed

    def _fix_signature(self, disk: Disk, table: PartitionTable) -> PartitionTable:
        """Give the disk with Windows a signature when it has none, without which no store can name it."""
        signed = replace(table, disk_signature=table.disk_signature or self._rng.getrandbits(32) or 1)
        if signed != table:
            if not self._wish.rehearse:
                write_record(disk.target, signed)
            self._changes.append(f"{disk.name} has the signature {signed.disk_signature:08X} now; it had none")
        return signed

    def _fix_store(
        self, table: PartitionTable, firmware: Firmware, system: Partition, windows: Partition | None
    ) -> tuple[Rebinding, BcdStore]:
        """Bind the store, and return it as it is now."""
        volume = self._disk.volume_in(system)
        path = STORES[firmware]
        with open_files(volume) as files:
            if not files.exists(path):
                remedy = Remedy("{} writes one", (Means.INSTALL_BOOT,))
                raise InvalidInput(f"{files.name}: there is no BCD store to fix", remedy=remedy)
            data = files.read(path, limit=_LARGEST_STORE)
            store = BcdStore.parse(data, name=f"{files.name}: the BCD store", logs=lambda: logs_in(files, path))
        is_started = default_entry(store) is not None
        wish = RebindWish(system, prune=self._wish.prune)
        count = 0
        if self._beside is None:
            wish = replace(wish, windows=windows, is_asked_for=self._wish.os_partition is not None)
        else:
            wish = replace(wish, beside=frozenset(partition_refs(self._homes)))
            count = self._bind_beside(store, table, windows)
        bound = rebind(self._disk, table, store, wish)
        if is_started:
            self._refuse_no_start(store, bound)
        if bound.is_changed or count:
            data = store.to_bytes(now=self._now)
            if self._wish.rehearse:
                refuse_unwritable(volume, force=self._wish.force)
            else:
                with open_files(volume, write=True, force=self._wish.force) as files:
                    write_beside(files, path, data, empties_logs=store.hive.is_unclosed)
            self._changes += bound.sentences()
        return bound, store

    def _bind_beside(self, store: BcdStore, table: PartitionTable, windows: Partition | None) -> int:
        """Bind what the default entry names, and neither disk has, to the Windows of the other; return how often."""
        if self._beside is None or windows is None:
            return 0
        known = partition_refs(table) | partition_refs(self._homes)
        is_asked_for = self._wish.os_partition is not None
        new = PartitionRef.of(self._homes, windows)
        lost = [
            each for each in windows_of(default_entry(store)) if each not in known or (is_asked_for and each != new)
        ]
        count = store.rebind(dict.fromkeys(lost, new))
        for each in lost:
            self._changes.append(f"what was {each} is partition {windows.number} of {self._beside.name} now")
        return count

    def _refuse_no_start(self, store: BcdStore, bound: Rebinding) -> None:
        """Refuse to leave a store whose default entry starts nothing, when it is about this disk."""
        default = default_entry(store)
        if default is None:
            remedy = Remedy("{} puts one into it", (Means.INSTALL_BOOT,))
            raise InvalidRequest(f"{self._disk.name}: no entry of the BCD store is about this disk", remedy=remedy)
        open_ones = sorted(str(each) for each in refs_of(default) & set(bound.unbound))
        if open_ones:
            raise InvalidRequest(
                f"{self._disk.name}: the BCD store names {open_ones[0]}, and several partitions may be that now",
                remedy=_NAME_WINDOWS,
            )

    def _add_code(self, table: PartitionTable, system: Partition, windows: int | None, loader: Loader) -> None:
        """Write boot code where there is none, as on a disk that was restored from images of its volumes."""
        if self._disk.geometry.sector_size != SECTOR_BYTES:
            return
        code = None
        place = next((each for each in table.partitions if each.number == windows), None)
        if place is not None and self._home.volume_in(place).content in FILE_SYSTEMS:
            with open_files(self._home.volume_in(place)) as files:
                code = find_boot_code(files, loader)
        self._changes += add_missing_code(self._disk.target, system, code, loader=loader, rehearse=self._wish.rehearse)

    def _fix_hidden(self, disk: Disk, partitions: Iterable[Partition]) -> None:
        """Put the place into the boot sectors of the volumes that are started from."""
        for partition in {each.number: each for each in partitions}.values():
            if disk.volume_in(partition).content not in FILE_SYSTEMS:
                continue
            window = disk.target.window(partition.extent)
            before = hidden_sectors_of(window)
            if before == partition.extent.first:
                continue
            if not self._wish.rehearse:
                set_hidden_sectors(window, partition.extent.first)
            self._changes.append(
                f"the boot sector of partition {partition.number} says that it begins at sector "
                f"{partition.extent.first}; it said {before}"
            )


def _named_by(store: BcdStore, table: PartitionTable) -> Iterator[Partition]:
    """Yield the partitions of a table that a store names."""
    refs = partition_refs(table)
    return (refs[ref] for ref in store.partitions if ref in refs)


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


def _system_of(disk: Disk, table: PartitionTable, wanted: int | None) -> int | None:
    """Return the partition that is named, or of a disk with an MBR the one primary partition that has a store."""
    if wanted is not None or firmware_of(table) is Firmware.UEFI:
        return wanted
    found = [each for each in _candidates(table) if not each.is_logical and _holds(disk, each, "bootmgr")]
    active = [each for each in found if each.active]
    return active[0].number if len(active) == 1 else found[0].number if len(found) == 1 else None


def _unknown_devices(store: BcdStore) -> Iterator[str]:
    """Yield a sentence for each element whose device is of a kind that is not understood, so that it was not bound."""
    for each in store.objects:
        for element in each.elements:
            if isinstance(element.content, DeviceElement) and isinstance(element.content.device, RawDevice):
                yield (
                    f"{each.kind} {braced(each.guid, NAMES)}: {name_of(element.id, each.type)} is "
                    f"{describe(element.content.device)}, which stays as it is"
                )
