"""Would this disk start?  All that is on the way from the firmware to Windows is looked at.

Each finding says what to do.  Nothing is changed and nothing is started: a disk without findings has all that osdimage
knows to be needed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from osdimage.imaging.boot.bcd.check import StoreFacts, read_store_facts, store_findings
from osdimage.imaging.boot.code.bios import boot_sector_code, hidden_sectors_of
from osdimage.imaging.boot.code.kinds import SECTOR_BYTES, BootCode
from osdimage.imaging.boot.code.mbr import mbr_code
from osdimage.imaging.boot.files import STORES, fallback_path
from osdimage.imaging.boot.firmware import Firmware
from osdimage.imaging.boot.places import firmware_of, readable_by
from osdimage.imaging.disk.content import Content
from osdimage.imaging.disk.opened import Disk
from osdimage.imaging.disk.roles import EFI_SYSTEM, format_type
from osdimage.imaging.disk.table import Partition, PartitionTable
from osdimage.imaging.errors import Means, OsdImageError, Remedy
from osdimage.imaging.finding import Finding, Severity, error, note, warning
from osdimage.imaging.pe import MACHINES, read_pe
from osdimage.imaging.units import MIB
from osdimage.imaging.volume.files import VolumeFiles
from osdimage.imaging.volume.filesystems import FILE_SYSTEMS, open_files
from osdimage.imaging.volume.ntfs import state
from osdimage.imaging.volume.sectors import sector_bytes_of


def _fix(text: str) -> Remedy:
    return Remedy(text, (Means.FIX_BOOT,))


def _install(text: str) -> Remedy:
    return Remedy(text, (Means.INSTALL_BOOT,))


_INSTALL = _install("{} writes it")
_NEW = _install("{} writes a new one")
_DEPLOY = Remedy("{} makes a disk that starts", (Means.DEPLOY,))
_LARGEST_LOADER = 64 * MIB
_MANAGER = "EFI/Microsoft/Boot/bootmgfw.efi"
# Which machine a BIOS starts.
_BIOS_ARCHITECTURES = frozenset({"x86", "x64"})


@dataclass(frozen=True, slots=True)
class BootReport:
    """What was found on the way from the firmware to Windows.

    Attributes:
        disk: what messages call it.
        firmware: what would start it, or None when it has no partition table.
        system_partition: the number of the partition with the boot manager, or None.
        os_partition: the number of the partition that the default entry starts, or None.
        architecture: of the loader, or None when there is none, or under a BIOS.
        findings: what is wrong or worth knowing, the worst first.
    """

    disk: str
    firmware: Firmware | None
    system_partition: int | None
    os_partition: int | None
    architecture: str | None
    findings: tuple[Finding, ...]

    @property
    def starts(self) -> bool:
        """Whether nothing was found that keeps it from starting."""
        return not any(each.severity is Severity.ERROR for each in self.findings)


def check_boot(disk: Disk) -> BootReport:
    """Look at all that a disk needs to start.

    Raises:
        StorageError: when the disk cannot be read.
    """
    reading = disk.read()
    if reading.table is None:
        found = [each for each in reading.findings if each.code != "no-table"]
        found.append(error("no-table", f"{disk.name} has no partition table, so nothing there is started", _DEPLOY))
        return BootReport(disk.name, None, None, None, None, _ranked(found))
    return _Check(disk, reading.table).run()


def _ranked(findings: tuple[Finding, ...] | list[Finding]) -> tuple[Finding, ...]:
    ranks = list(Severity)
    return tuple(sorted(findings, key=lambda each: ranks.index(each.severity)))


class _Check:
    def __init__(self, disk: Disk, table: PartitionTable) -> None:
        self._disk = disk
        self._table = table
        self._firmware = firmware_of(table)
        self._found: list[Finding] = []
        self._architecture: str | None = None

    def run(self) -> BootReport:
        if self._firmware is Firmware.UEFI:
            system = self._efi_partition()
        else:
            system = self._active_partition()
            self._found += self._record()
        facts: StoreFacts | None = None
        if system is not None:
            facts = self._system(system)
        windows = None if facts is None else facts.windows
        if facts is not None:
            self._default(facts)
        return BootReport(
            self._disk.name,
            self._firmware,
            None if system is None else system.number,
            None if windows is None else windows.number,
            self._architecture,
            _ranked(self._found),
        )

    # ---- which partition the firmware goes to

    def _efi_partition(self) -> Partition | None:
        found = [each for each in self._table.partitions if each.type_id == EFI_SYSTEM]
        if found:
            return found[0]
        for each in self._table.partitions:
            if self._disk.volume_in(each).content is Content.FAT32 and self._has_efi(each):
                text = (
                    f"partition {each.number} holds the boot files, but its type is {format_type(each.type_id)} "
                    f"({each.type_label}); firmware looks on EFI system partitions"
                )
                number = each.number
                remedy = f"give it the type of an EFI system partition: sgdisk -t {number}:ef00 DISK"
                self._found.append(error("esp-type", text, remedy))
                return each
        text = "the disk has no EFI system partition, where firmware looks for a loader"
        self._found.append(error("no-esp", text, "lay the disk out with one, as the preset uefi does"))
        return None

    def _has_efi(self, partition: Partition) -> bool:
        try:
            with open_files(self._disk.volume_in(partition)) as files:
                return files.exists("EFI")
        except OsdImageError:
            return False

    def _active_partition(self) -> Partition | None:
        active = [each for each in self._table.partitions if each.active and not each.is_logical]
        if not active:
            text = "no partition is active, so the code in the MBR finds nothing to start"
            self._found.append(error("no-active", text, _fix("{} makes the system partition active")))
            return next((each for each in self._table.partitions if self._has_bootmgr(each)), None)
        if len(active) > 1:
            numbers = ", ".join(str(each.number) for each in active)
            text = f"partitions {numbers} are all active; the code in an MBR starts from one, or refuses"
            self._found.append(error("active-twice", text, _fix("{} leaves the one with bootmgr active")))
            return next((each for each in active if self._has_bootmgr(each)), active[0])
        if active[0].is_extended:
            text = f"the active partition {active[0].number} is an extended one, which holds nothing to start"
            self._found.append(error("active-extended", text, "make the partition with bootmgr active"))
            return None
        return active[0]

    def _has_bootmgr(self, partition: Partition) -> bool:
        if partition.is_extended or self._disk.volume_in(partition).content not in FILE_SYSTEMS:
            return False
        try:
            with open_files(self._disk.volume_in(partition)) as files:
                return files.exists("bootmgr")
        except OsdImageError:
            return False

    def _record(self) -> Iterator[Finding]:
        """Look at the MBR."""
        size = self._disk.geometry.sector_size
        if size != SECTOR_BYTES:
            yield error("sector-size", f"the disk has sectors of {size} bytes; no BIOS starts it", "use GPT and UEFI")
            return
        if not self._table.disk_signature:
            text = "the disk signature is 0, by which a BCD store cannot name the disk"
            yield error("disk-signature", text, _fix("{} draws one and binds the store to it"))
        if mbr_code(self._disk.target) is BootCode.NONE:
            yield error("mbr-code", "there is no boot code in the MBR", _INSTALL)

    # ---- the system partition

    def _system(self, system: Partition) -> StoreFacts | None:
        volume = self._disk.volume_in(system)
        if volume.content in {Content.FAT12, Content.FAT16} and self._firmware is Firmware.UEFI:
            text = f"partition {system.number} holds {volume.described}, which osdimage does not look into"
            self._found.append(note("esp-fat16", text, "none is needed; Windows itself makes FAT32"))
            return None
        valid = readable_by(self._firmware)
        if volume.content not in valid:
            who = "firmware reads FAT32" if self._firmware is Firmware.UEFI else "bootmgr starts from NTFS or FAT32"
            code = "esp-format" if self._firmware is Firmware.UEFI else "system-format"
            text = f"the system partition {system.number} holds {volume.described}; {who}"
            means = (Means.FORMAT_FAT32, Means.INSTALL_BOOT)
            remedy = Remedy("{}, then {}", means, (str(system.number),))
            self._found.append(error(code, text, remedy))
            return None
        if self._firmware is Firmware.BIOS:
            self._found += self._boot_sector(system)
        try:
            with open_files(volume) as files:
                self._found += self._efi_loaders(files) if self._firmware is Firmware.UEFI else _bootmgr(files)
                return self._store(files, system)
        except OsdImageError as problem:
            self._found.append(error("system-damaged", str(problem), "repair it, or format it and install boot anew"))
            return None

    def _boot_sector(self, system: Partition) -> Iterator[Finding]:
        window = self._disk.target.window(system.extent)
        hidden = hidden_sectors_of(window)
        if hidden != system.extent.first:
            text = (
                f"the boot sector of partition {system.number} says that it begins at sector {hidden}; it begins at "
                f"{system.extent.first}"
            )
            yield error("hidden-sectors", text, _fix("{} writes the right number"))
        sectors = sector_bytes_of(window)
        if sectors != self._disk.geometry.sector_size:
            text = (
                f"partition {system.number} holds a volume with sectors of {sectors} bytes on a disk with sectors of "
                f"{self._disk.geometry.sector_size}; no boot code starts from it"
            )
            yield error("volume-sectors", text, "format it anew and install boot again")
        elif sectors == SECTOR_BYTES and boot_sector_code(window) is BootCode.NONE:
            text = f"the boot sector of partition {system.number} starts nothing"
            yield error("boot-sector", text, _install("{} writes it, or bootsect /nt60 in Windows PE"))

    def _efi_loaders(self, files: VolumeFiles) -> Iterator[Finding]:
        if not files.exists(_MANAGER):
            text = f"{files.name}: \\EFI\\Microsoft\\Boot\\bootmgfw.efi is missing"
            yield error("manager-missing", text, _INSTALL)
        else:
            architecture, findings = _architecture(files, _MANAGER)
            self._architecture = architecture
            yield from findings
        fallbacks = {fallback_path(each).lower(): each for each in MACHINES.values()}
        present = [path for path in fallbacks if files.exists(path)]
        if not present:
            text = (
                f"{files.name}: \\EFI\\Boot has no loader ({_shown(fallback_path(self._architecture or 'x64'))}); "
                "firmware that remembers no boot entry, as of another machine, finds nothing"
            )
            yield error("loader-missing", text, _INSTALL)
        for path in present:
            architecture, findings = _architecture(files, path)
            yield from findings
            if architecture is not None and architecture != fallbacks[path]:
                text = f"{files.name}: {_shown(path)} is a program for {architecture}; firmware will not start it"
                yield error("loader-architecture", text, _install("{} gives it the name that fits"))

    # ---- the store and what it starts

    def _store(self, files: VolumeFiles, system: Partition) -> StoreFacts | None:
        path = STORES[self._firmware]
        if not files.exists(path):
            text = f"{files.name}: {_shown(path)} is missing: the boot manager knows of no Windows"
            self._found.append(error("bcd-missing", text, _INSTALL))
            return None
        try:
            facts = read_store_facts(files.read(path, limit=_LARGEST_LOADER), self._table, system, name=files.name)
        except OsdImageError as problem:
            self._found.append(error("bcd-damaged", str(problem), _NEW))
            return None
        self._found += store_findings(facts, self._firmware, name=f"{files.name}: {_shown(path)}")
        return facts

    def _default(self, facts: StoreFacts) -> None:
        """Look at what the default entry starts."""
        if facts.container is not None:
            text = f"the default entry starts what is inside {facts.container}, which osdimage does not look into"
            self._found.append(note("os-inside", text, "none is needed"))
            return
        for each in dict.fromkeys((facts.loader, facts.windows)):
            if each is not None:
                self._windows(each, facts)

    def _windows(self, partition: Partition, facts: StoreFacts) -> None:
        """Look at a volume with the loader of the default entry, with its Windows, or with both."""
        volume = self._disk.volume_in(partition)
        if volume.content is Content.BITLOCKER:
            text = f"{volume.name} holds {volume.described}, which osdimage does not look into"
            self._found.append(note("os-encrypted", text, "none is needed"))
            return
        try:
            with open_files(volume) as files:
                missing = _missing(files, facts, is_loader=partition == facts.loader)
                if missing is not None:
                    remedy = _fix("apply an image there, or bind the store to the partition with Windows: {}")
                    self._found.append(error("os-loader-missing", missing, remedy))
                    return
                if partition == facts.loader:
                    self._found += self._os_loader(files, facts.loader_path)
            if volume.content is Content.NTFS:
                with volume.sliced(read_only=True) as piece:
                    for text in state.hazards(volume, state.read_facts(volume, piece)):
                        self._found.append(warning("os-volume", text, "Windows checks it when it starts"))
        except OsdImageError as problem:
            self._found.append(error("os-volume-damaged", str(problem), "apply the image again"))

    def _os_loader(self, files: VolumeFiles, path: str | None) -> Iterator[Finding]:
        if path is None:
            return
        architecture, findings = _architecture(files, path)
        yield from findings
        if architecture is None:
            return
        if self._firmware is Firmware.BIOS and architecture not in _BIOS_ARCHITECTURES:
            text = f"{files.name}: Windows is for {architecture}, which starts under UEFI from GPT disks only"
            yield error("architecture", text, "deploy it with the preset uefi")
        elif self._architecture is not None and architecture != self._architecture:
            text = f"the boot manager is for {self._architecture}, Windows on {files.name} for {architecture}"
            yield error("architecture", text, _install("{} takes the boot manager of that Windows"))


def _missing(files: VolumeFiles, facts: StoreFacts, *, is_loader: bool) -> str | None:
    """Return what the default entry needs on a volume and does not find there, in words."""
    path, root = facts.loader_path, facts.system_root
    if is_loader and path is not None and not files.exists(path):
        return f"{files.name}: {path} is missing, which the default entry starts"
    is_windows = facts.windows == facts.loader or not is_loader
    if is_windows and root is not None and not files.exists(root):
        return f"{files.name}: {root} is missing, where the default entry says that Windows is"
    return None


def _bootmgr(files: VolumeFiles) -> Iterator[Finding]:
    if not files.exists("bootmgr"):
        yield error("loader-missing", f"{files.name}: \\bootmgr is missing", _INSTALL)


def _architecture(files: VolumeFiles, path: str) -> tuple[str | None, list[Finding]]:
    """Return for which architecture a program is, and what is wrong with it."""
    name = f"{files.name}: {_shown(path)}"
    try:
        return read_pe(files.read(path, limit=_LARGEST_LOADER), name=name).architecture, []
    except OsdImageError as problem:
        return None, [error("loader-damaged", str(problem), _install("{} writes it anew"))]


def _shown(path: str) -> str:
    return "\\" + path.replace("/", "\\").lstrip("\\")
