r"""Making a disk start: boot files, the BCD store and, for a BIOS, boot code; what Microsoft's bcdboot and bootsect do.

The volumes are written where they lie; nothing is mounted.  The order is such that nothing points at what is not there
yet: the boot files and the store of one system volume become visible together, and the boot code comes last.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import TYPE_CHECKING

from osdimage.imaging.boot.bcd.partition import PartitionRef
from osdimage.imaging.boot.code.bios import (
    BiosLoader,
    BootCodeReport,
    code_at_risk,
    find_boot_code,
    planned_code,
    prepared_record,
    write_boot_code,
    write_record,
)
from osdimage.imaging.boot.code.kinds import refuse_large_sectors
from osdimage.imaging.boot.code.ntfs import NtfsBootCode
from osdimage.imaging.boot.elsewhere import choose_places_on_two, refuse_alike, removable_warning
from osdimage.imaging.boot.files import (
    OS_LOADERS,
    STORES,
    BootFile,
    BootFilePlan,
    plan_boot_files,
    read_boot_files,
    write_boot_files,
)
from osdimage.imaging.boot.firmware import Firmware, Generation
from osdimage.imaging.boot.holdings import refuse_unwritable
from osdimage.imaging.boot.language import Locale, locale_of
from osdimage.imaging.boot.menu import MenuWish, WindowsFacts, make_menu
from osdimage.imaging.boot.ntldr.install import NtWork, install_nt
from osdimage.imaging.boot.ntldr.windows import NtWindows, find_nt_windows
from osdimage.imaging.boot.options import BootOptions, BootResult
from osdimage.imaging.boot.places import BootPlaces, choose_places, readable_by, warn_of_small_fat
from osdimage.imaging.boot.recovery import choose_recovery, copy_recovery, holds_recovery
from osdimage.imaging.boot.sources import image_source, refuse_other_architecture
from osdimage.imaging.boot.windows import generation_of, template_of
from osdimage.imaging.disk.content import Content
from osdimage.imaging.disk.opened import Disk
from osdimage.imaging.disk.roles import Role
from osdimage.imaging.disk.tables.table import PartitionTable
from osdimage.imaging.disk.volume import OpenVolume
from osdimage.imaging.errors import InvalidRequest, TargetRefused, no_refusal
from osdimage.imaging.files import FileSource
from osdimage.imaging.logs import logged
from osdimage.imaging.progress import Meter, Phase, ProgressCallback
from osdimage.imaging.randomness import RandomBits
from osdimage.imaging.registry.beside import empty_logs
from osdimage.imaging.units import MIB
from osdimage.imaging.volume.filesystems import FILE_SYSTEMS, open_files

if TYPE_CHECKING:
    from osdimage.imaging.wim.image import WimImage

__all__ = ["BootOptions", "BootResult", "install_boot"]

_LARGEST_STORE = 64 * MIB


@dataclass(frozen=True, slots=True)
class _Found:
    """What was read of Windows; ``image`` names the image that it is from, if it is."""

    plan: BootFilePlan
    contents: list[tuple[BootFile, bytes]]
    generation: Generation
    locale: Locale
    template: bytes | None
    ntfs_code: NtfsBootCode | None
    has_loader: bool
    image: str | None


@dataclass(frozen=True, slots=True)
class _Sources:
    """Where an installation takes from what it does not find on the disk."""

    image: WimImage | None
    restored: Mapping[PartitionRef, int] | None
    moved: Mapping[PartitionRef, PartitionRef]
    system_disk: Disk | None
    rng: RandomBits
    now: datetime


@logged("install boot on {disk}")
def install_boot(
    disk: Disk,
    os_partition: int,
    system_partition: int | None = None,
    *,
    source: WimImage | None = None,
    options: BootOptions | None = None,
    restored: Mapping[PartitionRef, int] | None = None,
    moved: Mapping[PartitionRef, PartitionRef] = MappingProxyType({}),
    system_disk: Disk | None = None,
    rng: RandomBits | None = None,
    now: datetime | None = None,
    progress: ProgressCallback | None = None,
) -> BootResult:
    r"""Make a disk start the Windows that was applied to one of its partitions.

    On a GPT this is for UEFI: the boot files and ``\EFI\Microsoft\Boot\BCD`` go to the EFI system partition.  On an
    MBR it is for a BIOS: they go to the active partition (``\bootmgr``, ``\Boot\BCD``), which is made active if none
    is, boot code is written to the MBR and to the boot sector of that partition, and a disk signature of 0 becomes
    another.  In a BCD store that is there, the new entry comes first and those of other systems stay; a store of a disk
    that this one was, or was made from, is bound to its partitions first (``rebind.py``).

    Windows 2000, XP and Server 2003 are started by NTLDR, from an MBR disk: ``\ntldr``, ``\ntdetect.com`` and
    ``\boot.ini`` are in the place of boot manager and store (``ntldr/install.py``).

    Args:
        disk: the disk, open for writing.
        os_partition: the number of the partition with Windows.
        system_partition: the number of the one with the boot manager; None: the EFI system partition, or the active
            one.
        source: take the boot files, the template of the store, the language of the menu and the boot code of NTFS from
            an image of an open WIM; None: from the Windows that was applied.  It must be one for the same processor.
        options: how.
        restored: the store came with the volumes of another disk: the numbers that its partitions have on the disk of
            the system partition, as far as they are known.  An entry that starts this Windows stays then, with all that
            was set of it.  None: the store is that of this disk.
        moved: what became of the partitions of other disks that were restored along with that of the store.
        system_disk: the disk with the system partition, open for writing, which firmware starts; None: the same disk.
            Boot code goes to that disk only; of the other one at most a signature of 0 is changed.
        rng: where GUIDs and a signature come from; None: the system.
        now: the time for the store; None: now.
        progress: receives the progress.

    Raises:
        InvalidRequest: when a partition is not there, or cannot be what it is to be, the boot files of the image are
            for another processor than the Windows, or a Windows that needs NTLDR is on a GPT.
        InvalidInput: when Windows or the image lacks a boot file, or the disk, a volume or the WIM is damaged; the
            message names it.  All of the image is read before anything is written.
        TargetRefused: when a volume must not be written to, or a FAT volume is full; nothing was written.
        OsdImageError: when it is refused after something else was written; the message tells what.
        StorageError: when reading or writing failed.
    """
    sources = _Sources(source, restored, moved, system_disk, rng or random.SystemRandom(), now or datetime.now(UTC))
    options = options or BootOptions()
    older = _needs_ntldr(disk, os_partition)
    if older is not None:
        if system_disk is not None:
            raise InvalidRequest(
                f"{disk.name}: boot.ini names disks by their order in the BIOS, which is not known; valid is a system "
                "partition on the disk with Windows"
            )
        work = NtWork(disk, older, options, source, sources.rng, sources.now)
        return install_nt(work, os_partition, system_partition, progress)
    return _Installation(disk, options, sources).run(os_partition, system_partition, progress)


def _needs_ntldr(disk: Disk, number: int) -> NtWindows | None:
    """Return the Windows of a partition when NTLDR starts it; what is wrong with the partition is said later."""
    found = next((each for each in disk.table.partitions if each.number == number and not each.is_extended), None)
    if found is None:
        return None
    volume = disk.volume_in(found)
    if volume.content not in FILE_SYSTEMS:
        return None
    with open_files(volume) as files:
        return find_nt_windows(files)


class _Installation:
    """One disk that is made to start."""

    def __init__(self, disk: Disk, options: BootOptions, sources: _Sources) -> None:
        self._disk = disk
        self._is_elsewhere = sources.system_disk is not None
        # The disk that firmware starts.
        self._system = sources.system_disk or disk
        self._options = options
        self._image = sources.image
        self._restored = sources.restored
        self._moved = sources.moved
        self._rng = sources.rng
        self._now = sources.now
        self._now_ns = int(self._now.timestamp()) * 1_000_000_000
        # What is written already; a refusal is none from then on.
        self._done = ""

    def run(self, windows: int, system: int | None, progress: ProgressCallback | None) -> BootResult:
        with no_refusal(self._disk.name, lambda: self._done):
            return self._run(windows, system, progress)

    def _run(self, windows: int, system: int | None, progress: ProgressCallback | None) -> BootResult:
        meter = Meter(progress, {Phase.READ: 1.0, Phase.WRITE_DATA: 2.0})
        table = self._disk.table
        places = self._places(table, windows, system)
        volume = self._system_volume(places)
        found = self._read(places)
        recovery = self._recovery(table, places)
        meter.step(Phase.READ, found.plan.size, found.plan.size)
        systems = self._system.table
        if places.firmware is Firmware.BIOS:
            prepared = prepared_record(systems, active=places.system.number, rng=self._rng)
            systems = self._recorded(self._system, prepared)
            if self._is_elsewhere:
                signed = replace(table, disk_signature=table.disk_signature or self._rng.getrandbits(32) or 1)
                table = self._recorded(self._disk, signed)
            else:
                table = systems
        wish = MenuWish(
            self._options.description,
            self._options.timeout_s,
            self._options.locale,
            new_store=self._options.new_store,
            restored=self._restored,
            recovery=recovery,
            beside=table if self._is_elsewhere else None,
            moved=self._moved,
        )
        facts = WindowsFacts(found.generation, found.locale, found.template)
        store = make_menu(self._system, systems, places, wish, facts, rng=self._rng, now=self._now)
        report, lost = self._planned_code(places, found)
        if self._options.rehearse:
            refuse_unwritable(volume, force=self._options.force)
        else:
            self._write(systems, places, volume, found, store.data)
        meter.step(Phase.WRITE_DATA, found.plan.size, found.plan.size)
        warnings = list(() if report is None else report.warnings)
        warnings += store.warnings
        if places.firmware is Firmware.UEFI and (told := warn_of_small_fat(volume)) is not None:
            warnings.append(told)
        warnings += _without_use(self._options, places.firmware)
        if self._is_elsewhere and (removable := removable_warning(self._system)) is not None:
            warnings.append(removable)
        if not found.has_loader:
            warnings.append(
                f"{self._disk.name} partition {places.windows.number}: \\{OS_LOADERS[places.firmware]} is missing, "
                "which the boot manager starts".replace("/", "\\")
            )
        for text in warnings:
            meter.warn(text)
        meter.finish()
        return BootResult(
            disk=self._disk.path,
            system_disk=self._system.path if self._is_elsewhere else None,
            firmware=places.firmware,
            architecture=found.plan.architecture,
            system_partition=places.system.number,
            os_partition=places.windows.number,
            files=len(found.plan.files),
            size=found.plan.size,
            image=found.image,
            store=STORES[places.firmware],
            loader=found.plan.fallback or "bootmgr",
            locale=store.locale.name,
            locale_source=store.locale.source,
            replaced_store=store.is_replaced,
            kept_entries=store.kept,
            removed_entries=store.removed,
            default_entry=store.default,
            recovery_partition=recovery,
            boot_code=report,
            lost_code=lost,
            warnings=tuple(warnings),
        )

    def _places(self, table: PartitionTable, windows: int, system: int | None) -> BootPlaces:
        if not self._is_elsewhere:
            return choose_places(table, windows, system)
        refuse_alike(table, self._disk.name, self._system)
        return choose_places_on_two(table, self._system.table, windows, system)

    def _recorded(self, disk: Disk, table: PartitionTable) -> PartitionTable:
        """Write the signature and the active flags of a table to its disk, unless it is a rehearsal; return it."""
        is_changed = table != disk.table
        if not self._options.rehearse:
            write_record(disk.target, table)
        if is_changed:
            self._done = self._done or "only the MBR was changed"
        return table

    def _system_volume(self, places: BootPlaces) -> OpenVolume:
        """Return the volume of the system partition; refuse one that the firmware or its boot code cannot read."""
        volume = self._system.volume_in(places.system)
        valid = readable_by(places.firmware)
        if volume.content not in valid:
            who = "UEFI firmware reads" if places.firmware is Firmware.UEFI else "the boot manager is started from"
            raise TargetRefused(
                f"{volume.name}: holds {volume.described}; {who} {' or '.join(each.called for each in valid)}: "
                "copy what it holds, and format the partition"
            )
        if places.firmware is Firmware.BIOS:
            refuse_large_sectors(self._system.target)
        return volume

    def _read(self, places: BootPlaces) -> _Found:
        """Read all that is needed of Windows, before anything is written."""
        with open_files(self._disk.volume_in(places.windows)) as windows:
            files: FileSource = windows if self._image is None else image_source(self._image)
            plan = plan_boot_files(files, places.firmware, signed_2023=self._options.signed_2023)
            if files is not windows:
                refuse_other_architecture(plan, files, windows)
            is_ntfs_bios = (
                places.firmware is Firmware.BIOS and self._system.volume_in(places.system).content is Content.NTFS
            )
            return _Found(
                plan,
                list(read_boot_files(files, plan)),
                generation_of(windows, files),
                locale_of(files, places.firmware, wanted=self._options.locale, told=self._told_language()),
                template_of(files),
                find_boot_code(files) if is_ntfs_bios else None,
                windows.exists(OS_LOADERS[places.firmware]),
                None if files is windows else files.name,
            )

    def _told_language(self) -> str | None:
        if self._image is None:
            return self._options.image_language
        return None if self._image.info.windows is None else self._image.info.windows.default_language

    def _recovery(self, table: PartitionTable, places: BootPlaces) -> int | None:
        """Return the number of the partition with a recovery environment that is whole, or None; copy one if asked."""
        if self._options.recovery:
            chosen = choose_recovery(table)
            if self._options.rehearse:
                return chosen.number
            copy_recovery(
                self._disk.volume_in(places.windows),
                self._disk.volume_in(chosen),
                modified_ns=self._now_ns,
                force=self._options.force,
                sync=self._options.sync,
            )
            self._done = "only the recovery environment was copied"
            return chosen.number
        found = (each for each in table.partitions if each.role is Role.RECOVERY)
        return next((each.number for each in found if holds_recovery(self._disk.volume_in(each))), None)

    def _planned_code(self, places: BootPlaces, found: _Found) -> tuple[BootCodeReport | None, tuple[str, ...]]:
        """Return what boot code is written, and whose is lost by that."""
        if places.firmware is Firmware.UEFI:
            return None, ()
        target = self._system.target
        report = planned_code(target, places.system, found.ntfs_code, wanted=self._options.bios_loader)
        return report, tuple(code_at_risk(target, places.system, report))

    def _write(
        self, table: PartitionTable, places: BootPlaces, volume: OpenVolume, found: _Found, store: bytes
    ) -> None:
        with open_files(volume, write=True, force=self._options.force, sync=self._options.sync) as files:
            write_boot_files(files, found.plan, found.contents)
            files.write(STORES[places.firmware], store, modified_ns=self._now_ns)
            # A new store begins its numbers anew; what older logs hold would look newer to Windows.
            empty_logs(files, STORES[places.firmware])
        if places.firmware is Firmware.BIOS:
            self._done = "the boot files are written, but the boot code is not whole"
            wanted = self._options.bios_loader
            write_boot_code(self._system.target, table, places.system, found.ntfs_code, wanted=wanted)
        if self._options.sync:
            self._system.target.flush()


def _without_use(options: BootOptions, firmware: Firmware) -> Iterator[str]:
    """Yield a sentence for each option that was given and does nothing on this disk."""
    if firmware is Firmware.BIOS and options.signed_2023:
        yield "the loaders signed in 2023 are for UEFI; a BIOS starts this disk, by the boot files that it always takes"
    if firmware is Firmware.UEFI and options.bios_loader is not BiosLoader.AUTO:
        yield f"UEFI starts this disk, so no boot sector was written from what was asked for ({options.bios_loader})"
