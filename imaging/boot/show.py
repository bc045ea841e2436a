"""Explaining what a disk starts: its BCD store, and which of its partitions the store means."""

from __future__ import annotations

from dataclasses import dataclass

from osdimage.imaging.boot.bcd.check import read_store_facts
from osdimage.imaging.boot.bcd.store import BcdReport
from osdimage.imaging.boot.files import STORES
from osdimage.imaging.boot.firmware import Firmware
from osdimage.imaging.boot.places import choose_system
from osdimage.imaging.disk.opened import Disk
from osdimage.imaging.errors import InvalidInput, Means, Remedy
from osdimage.imaging.units import MIB
from osdimage.imaging.volume.filesystems import open_files

_LARGEST_STORE = 64 * MIB


@dataclass(frozen=True, slots=True)
class NamedPartition:
    """A partition as a store names it, and its number on this disk, or None when it is not there."""

    name: str
    number: int | None


@dataclass(frozen=True, slots=True)
class BootView:
    """The store of a disk, explained.

    Attributes:
        disk: what messages call it.
        firmware: what starts it.
        system_partition: the number of the partition that the store is on.
        store: its path there.
        os_partition: the number of the partition that the default entry starts, or None when it is not on this disk.
        partitions: those that the store names.
        lines: the store for people, its partitions by their numbers.
        report: the store for programs.
    """

    disk: str
    firmware: Firmware
    system_partition: int
    store: str
    os_partition: int | None
    partitions: tuple[NamedPartition, ...]
    lines: tuple[str, ...]
    report: BcdReport


def view_boot(disk: Disk, *, system_partition: int | None = None) -> BootView:
    """Read the store of a disk.

    Args:
        disk: the disk.
        system_partition: the number of the partition with the store; None: the EFI system partition, or the active one.

    Raises:
        InvalidRequest: when the disk has no such partition.
        InvalidInput: when there is no store, or the table, the volume or the store is damaged.
        TargetRefused: when the partition holds neither FAT32 nor NTFS.
        StorageError: when the disk cannot be read.
    """
    table = disk.table
    firmware, system = choose_system(table, system_partition)
    path = STORES[firmware]
    with open_files(disk.volume_in(system)) as files:
        if not files.exists(path):
            shown = "\\" + path.replace("/", "\\")
            remedy = Remedy("{} writes one", (Means.INSTALL_BOOT,))
            raise InvalidInput(f"{files.name}: there is no BCD store {shown}", remedy=remedy)
        facts = read_store_facts(files.read(path, limit=_LARGEST_STORE), table, system, name=files.name)
    numbers = {ref: facts.refs[ref].number if ref in facts.refs else None for ref in facts.store.partitions}
    called = {
        ref: f"{ref}, which is not on this disk" if number is None else f"partition {number}"
        for ref, number in numbers.items()
    }
    return BootView(
        disk.name,
        firmware,
        system.number,
        path,
        None if facts.windows is None else facts.windows.number,
        tuple(NamedPartition(str(ref), number) for ref, number in numbers.items()),
        tuple(facts.store.lines(called)),
        facts.store.report(),
    )
