"""Would this disk start?  All that is on the way from the firmware to Windows is looked at.

Each finding says what to do.  Nothing is changed and nothing is started: a disk of which all was read, and without
errors, has all that osdimage knows to be needed.  What was not read is a finding as well, and leaves it open whether
the disk starts (``verdict.py``).  What only a machine knows, such as its settings of Secure Boot, is not looked at.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial

from osdimage.imaging.boot import remedies
from osdimage.imaging.boot.bcd.check import StoreFacts, read_store_facts, store_findings
from osdimage.imaging.boot.check_bios import active_partition, boot_sector_findings, record_findings
from osdimage.imaging.boot.check_loaders import LARGEST_LOADER, loader_findings, manager_architecture
from osdimage.imaging.boot.check_windows import default_findings
from osdimage.imaging.boot.files import OS_LOADERS, STORES, shown
from osdimage.imaging.boot.firmware import Firmware
from osdimage.imaging.boot.holdings import Holdings, why_unwritable
from osdimage.imaging.boot.ntldr.check import is_started_by_ntldr, nt_findings
from osdimage.imaging.boot.places import firmware_of, readable_by, warn_of_small_fat
from osdimage.imaging.boot.verdict import BootReport, ranked
from osdimage.imaging.disk.content import FATS, Content
from osdimage.imaging.disk.opened import Disk
from osdimage.imaging.disk.roles import EFI_SYSTEM, format_type
from osdimage.imaging.disk.signatures import identify
from osdimage.imaging.disk.tables.table import Partition, PartitionTable
from osdimage.imaging.disk.volume import OpenVolume
from osdimage.imaging.errors import Means, OsdImageError, Remedy
from osdimage.imaging.finding import Finding, Severity, error, warning
from osdimage.imaging.registry.beside import logs_in
from osdimage.imaging.volume.fat.read import open_fat
from osdimage.imaging.volume.files import VolumeFiles
from osdimage.imaging.volume.filesystems import open_files
from osdimage.imaging.volume.hazards import PENDING, is_pending

_BLANK_BYTES = 64 << 10


def check_boot(disk: Disk, *, windows_disk: Disk | None = None) -> BootReport:
    """Look at all that a disk needs to start.

    Args:
        disk: the disk that firmware starts.
        windows_disk: another one that may have the Windows; None: only this disk is looked at.

    Raises:
        InvalidTable: when the disk that may have the Windows has no partition table.
        StorageError: when the disk cannot be read.
    """
    reading = disk.read()
    if reading.table is None:
        found = [each for each in reading.findings if each.code not in {"no-table", "whole-disk-volume"}]
        found.append(_without_table(disk))
        return BootReport(disk.name, None, None, None, None, ranked(found))
    with Holdings(disk) as holdings, nullcontext() if windows_disk is None else Holdings(windows_disk) as others:
        beside = None if windows_disk is None or others is None else _Beside(windows_disk, windows_disk.table, others)
        return _Check(disk, reading.table, holdings, beside).run(reading.findings)


@dataclass(frozen=True, slots=True)
class _Beside:
    """The other disk, on which the Windows may be."""

    disk: Disk
    table: PartitionTable
    holdings: Holdings


def _without_table(disk: Disk) -> Finding:
    held = identify(disk.target)
    if held is not None:
        text = f"{disk.name} has no partition table, but is {held.described}: some machines start such a disk"
        return warning("whole-disk", text, remedies.CANNOT_TELL)
    return error("no-table", f"{disk.name} has no partition table, so nothing there is started", remedies.DEPLOY)


class _Check:
    def __init__(self, disk: Disk, table: PartitionTable, holdings: Holdings, beside: _Beside | None) -> None:
        self._disk = disk
        self._beside = beside
        self._table = table
        self._firmware = firmware_of(table)
        self._holdings = holdings
        self._found: list[Finding] = []
        self._architecture: str | None = None
        # The partition with the Windows that NTLDR starts by itself.
        self._older: Partition | None = None

    def run(self, about_table: tuple[Finding, ...]) -> BootReport:
        self._found += (
            warning("table-damaged", each.text, each.remedy) for each in about_table if each.severity is Severity.ERROR
        )
        if self._firmware is Firmware.UEFI:
            system = self._efi_partition()
        else:
            system, found = active_partition(self._table, self._holdings)
            self._found += [*found, *record_findings(self._disk, self._table)]
        facts = None if system is None else self._system(system)
        if facts is not None:
            disk, holdings = self._disk, self._holdings
            if facts.is_beside and self._beside is not None:
                disk, holdings = self._beside.disk, self._beside.holdings
            windows, more = default_findings(disk, facts, self._firmware, holdings, manager=self._architecture)
            self._found += self._untold(more)
        else:
            windows = self._older
        return BootReport(
            self._disk.name,
            self._firmware,
            None if system is None else system.number,
            None if windows is None else windows.number,
            self._architecture,
            ranked(self._found),
            self._beside.disk.name if self._beside is not None and facts is not None and facts.is_beside else None,
        )

    # ---- which partition UEFI firmware goes to

    def _efi_partition(self) -> Partition | None:
        found = [each for each in self._table.partitions if each.type_id == EFI_SYSTEM]
        if found:
            # Firmware looks on all of them; Windows makes one.
            return next((each for each in found if self._holdings.holds(each, "EFI")), found[0])
        for each in self._table.partitions:
            if self._holdings.content(each) in FATS and self._holdings.holds(each, "EFI"):
                text = (
                    f"partition {each.number} holds the boot files, but its type is {format_type(each.type_id)} "
                    f"({each.type_label}); firmware looks on EFI system partitions"
                )
                number = each.number
                remedy = f"give it the type of an EFI system partition: sgdisk -t {number}:ef00 DISK"
                self._found.append(error("esp-type", text, remedy))
                return each
        text = "the disk has no EFI system partition, where firmware looks for a loader"
        how = "lay the disk out with one, as the preset uefi does; {} names another disk that has it"
        self._found.append(error("no-esp", text, Remedy(how, (Means.SYSTEM_DISK,))))
        return None

    # ---- the system partition

    def _system(self, system: Partition) -> StoreFacts | None:
        try:
            volume = self._disk.volume_in(system)
        except OsdImageError as problem:
            self._found.append(error("system-off-disk", str(problem), remedies.WHOLE))
            return None
        if volume.content not in readable_by(self._firmware):
            self._found.append(self._unreadable(volume))
            return None
        try:
            if self._firmware is Firmware.BIOS:
                self._found += boot_sector_findings(self._disk, system)
            elif (told := warn_of_small_fat(volume)) is not None:
                self._found.append(warning("esp-fat16", told, "none is needed where the machine starts from it"))
            self._found += _unwritable(volume)
            if volume.content in FATS and open_fat(volume.window()).used_backup:
                text = f"{volume.name}: the boot sector cannot be used, and firmware does not look at its copy"
                self._found.append(warning("system-unread", text, remedies.CHECK_VOLUME))
            with open_files(volume) as files:
                if self._firmware is Firmware.BIOS and is_started_by_ntldr(volume, files):
                    self._older, found = nt_findings(self._disk, self._table, files, self._holdings)
                    self._found += self._untold(found)
                    return None
                if self._firmware is Firmware.UEFI:
                    self._architecture = manager_architecture(files)
                    self._found += loader_findings(files, self._architecture)
                elif not files.exists("bootmgr"):
                    text = f"{files.name}: \\bootmgr is missing"
                    self._found.append(error("loader-missing", text, remedies.WRITES_IT))
                return self._store(files, system)
        except OsdImageError as problem:
            text = f"{problem.said}; what is on the system partition was not read to its end"
            self._found.append(warning("system-unread", text, remedies.CHECK_VOLUME))
            return None

    def _unreadable(self, volume: OpenVolume) -> Finding:
        """Return what is to be said of a system partition that is not of the kind which is looked into."""
        number = str(volume.partition)
        if (volume.content is None and not _is_blank(volume)) or (
            self._firmware is Firmware.BIOS and _has_code(volume) and volume.content is not Content.BITLOCKER
        ):
            unknown = "whose boot code is not known" if volume.content in FATS else "which osdimage does not look into"
            text = f"the system partition {number} holds {volume.described}, {unknown}"
            return warning("system-unread", text, remedies.CANNOT_TELL)
        who = "firmware reads FAT" if self._firmware is Firmware.UEFI else "bootmgr starts from NTFS or FAT32"
        code = "esp-format" if self._firmware is Firmware.UEFI else "system-format"
        means = (Means.FORMAT_FAT32, Means.INSTALL_BOOT)
        remedy = Remedy("copy what it holds, if that is of use; {}, then {}", means, (number,))
        return error(code, f"the system partition {number} holds {volume.described}; {who}", remedy)

    def _untold(self, findings: Iterable[Finding]) -> list[Finding]:
        """Leave out what was said of the system partition, where that is the one with Windows."""
        told = {each.text for each in self._found}
        return [each for each in findings if each.code != "os-volume" or each.text not in told]

    # ---- the store

    def _store(self, files: VolumeFiles, system: Partition) -> StoreFacts | None:
        path = STORES[self._firmware]
        if not files.exists(path):
            text = f"{files.name}: {shown(path)} is missing: the boot manager knows of no Windows"
            self._found.append(error("bcd-missing", text, remedies.WRITES_IT))
            return None
        data = files.read(path, limit=LARGEST_LOADER)
        try:
            beside = None if self._beside is None else self._beside.table
            logs = partial(logs_in, files, path)
            facts = read_store_facts(data, self._table, system, name=files.name, beside=beside, logs=logs)
        except OsdImageError as problem:
            self._found.append(error("bcd-damaged", problem.said, remedies.WRITES_A_NEW_ONE))
            return None
        loader = OS_LOADERS[self._firmware]
        looked = [(self._holdings, self._table)]
        if self._beside is not None:
            looked.append((self._beside.holdings, self._beside.table))
        has_windows = any(
            holdings.holds(each, loader)
            for holdings, table in looked
            for each in table.partitions
            if not each.is_extended
        )
        name = f"{files.name}: {shown(path)}"
        bind = remedies.BINDS_IT if has_windows else remedies.APPLY
        self._found += store_findings(facts, self._firmware, name=name, bind=bind)
        return facts


def _unwritable(volume: OpenVolume) -> Iterator[Finding]:
    """Yield why the boot files of a volume cannot be written, which firmware reads all the same."""
    why = why_unwritable(volume)
    if why is not None:
        means = (Means.INSTALL_BOOT, Means.FIX_BOOT)
        remedy = Remedy("check it with chkdsk or fsck.fat; until then {} and {} refuse it", means)
        yield warning("system-dirty", why, remedy)
    elif is_pending(volume):
        text = f"{volume.name}: {PENDING}"
        yield warning("system-pending", text, Remedy("{} does so", (Means.FIX_BOOT,)))


def _is_blank(volume: OpenVolume) -> bool:
    window = volume.window()
    return not any(window.read_at(0, min(_BLANK_BYTES, window.geometry.size_bytes)))


def _has_code(volume: OpenVolume) -> bool:
    """Tell whether a first sector begins with a jump and ends as one that a BIOS starts."""
    sector = volume.window().read_at(0, 512)
    return sector[510:] == b"\x55\xaa" and sector[0] in {0xEB, 0xE9, 0xFA, 0x33, 0x31}
