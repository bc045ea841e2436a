r"""Would NTLDR come to a Windows?  Its files on the system partition, ``boot.ini``, and what that starts by itself."""

from __future__ import annotations

from osdimage.imaging.boot import remedies
from osdimage.imaging.boot.check_windows import volume_state
from osdimage.imaging.boot.code.bios import boot_sector_loader
from osdimage.imaging.boot.code.kinds import SECTOR_BYTES, Loader
from osdimage.imaging.boot.files import shown
from osdimage.imaging.boot.holdings import Holdings
from osdimage.imaging.boot.ntldr.boot_ini import LARGEST, ArcPath, BootIni
from osdimage.imaging.boot.ntldr.files import DETECT, DRIVER, MENU, NTLDR, is_compressed
from osdimage.imaging.boot.ntldr.menu import driver_lines, holds_windows, is_here, partition_of
from osdimage.imaging.boot.ntldr.windows import KERNEL, NtWindows, driver_warning, settings_of
from osdimage.imaging.disk.content import Content
from osdimage.imaging.disk.opened import Disk
from osdimage.imaging.disk.tables.table import Partition, PartitionTable
from osdimage.imaging.disk.volume import OpenVolume
from osdimage.imaging.errors import OsdImageError
from osdimage.imaging.files import FileSource
from osdimage.imaging.finding import Finding, error, warning
from osdimage.imaging.volume.filesystems import open_files
from osdimage.imaging.volume.sectors import sector_bytes_of

HAL = "system32/hal.dll"
"""What NTLDR loads beside the kernel."""
USUAL = ArcPath("multi", 0, 0, 0, 1, "WINDOWS")
"""What NTLDR of Windows XP starts when there is no menu."""


def is_started_by_ntldr(volume: OpenVolume, files: FileSource) -> bool:
    """Tell whether a system volume under a BIOS starts NTLDR: its boot code says so, or else what is there.

    Raises:
        InvalidVolume, StorageError: when it cannot be read.
    """
    window = volume.window()
    loader = boot_sector_loader(window) if sector_bytes_of(window) == SECTOR_BYTES else None
    if loader is not None:
        return loader is Loader.NTLDR
    return files.exists(NTLDR) and not files.exists(Loader.BOOTMGR.value)


def read_menu(files: FileSource) -> BootIni | None:
    """Return the menu of a system partition, or None when there is none.

    Raises:
        InvalidInput: when it is no text.
        StorageError: when it cannot be read.
    """
    facts = files.find(MENU)
    if facts is None or facts.is_directory:
        return None
    return BootIni.from_bytes(files.read(MENU, limit=LARGEST), name=f"{files.name}: {shown(MENU)}")


def default_of(menu: BootIni) -> ArcPath | str:
    """Return what starts by itself: the default, or else the first line; a text when it is no Windows of a disk."""
    text = menu.default or next((each.path for each in menu.entries), None)
    if text is None:
        return USUAL
    return ArcPath.parse(text) or text


def nt_findings(
    disk: Disk, table: PartitionTable, files: FileSource, holdings: Holdings
) -> tuple[Partition | None, list[Finding]]:
    """Look at all that NTLDR needs to start a Windows.

    Args:
        disk: the disk.
        table: its partitions.
        files: of the system partition.
        holdings: what its volumes hold.

    Returns:
        The partition with the Windows that starts by itself, or None when it is not known, and what is to be said.
    """
    work = _Nt(disk, table, files, holdings)
    return work.look(), work.found


class _Nt:
    def __init__(self, disk: Disk, table: PartitionTable, files: FileSource, holdings: Holdings) -> None:
        self._disk = disk
        self._table = table
        self._files = files
        self._holdings = holdings
        self.found: list[Finding] = []

    def look(self) -> Partition | None:
        self._loader()
        try:
            menu = read_menu(self._files)
        except OsdImageError as problem:
            self.found.append(error("boot-ini-damaged", problem.said, remedies.WRITES_A_NEW_ONE))
            return None
        if menu is None:
            usual = shown(USUAL.folder)
            text = f"{self._files.name}: {shown(MENU)} is missing: NTLDR tries {usual} on the first partition"
            self.found.append(warning("boot-ini-missing", text, remedies.WRITES_IT))
            menu = BootIni()
        for text in driver_lines(menu.entries):
            self.found.append(warning("boot-ini-driver", text, remedies.install("{} names the disk as a BIOS does")))
        arc = default_of(menu)
        if isinstance(arc, str):
            text = f"boot.ini starts {arc}, which is no Windows of a disk; where that leads is not known"
            self.found.append(warning("os-other", text, remedies.CANNOT_TELL))
            return None
        return self._windows(arc)

    def _loader(self) -> None:
        for name in (NTLDR, DETECT):
            if not self._files.exists(name):
                text = f"{self._files.name}: {shown(name)} is missing"
                self.found.append(error("loader-missing", text, remedies.WRITES_IT))
        if is_compressed(self._files):
            text = f"{self._files.name}: {shown(NTLDR)} is compressed by NTFS, and no boot sector reads it like that"
            remedy = remedies.install("delete it and copy it anew, not compressed: {}")
            self.found.append(error("loader-compressed", text, remedy))

    def _windows(self, arc: ArcPath) -> Partition | None:
        if not is_here(self._table, arc):
            text = f"boot.ini starts {arc}, which is on another disk of the machine"
            self.found.append(warning("os-elsewhere", text, remedies.CANNOT_TELL))
            return None
        partition = partition_of(self._table, arc)
        bind = remedies.fix("{} binds it to the partition with Windows")
        if partition is None:
            text = f"boot.ini starts {arc}, and this disk has no such partition"
            self.found.append(error("os-partition-missing", text, bind))
            return None
        holds = holds_windows(self._holdings, partition, arc.folder)
        if holds is None:
            text = (
                f"{self._disk.name} partition {partition.number}: cannot be read, and boot.ini starts a Windows there"
            )
            self.found.append(warning("os-unread", text, remedies.CHECK_VOLUME))
        elif not holds:
            kernel = shown(f"{arc.folder}/{KERNEL}")
            text = f"{self._disk.name} partition {partition.number}: {kernel} is missing, which boot.ini starts"
            self.found.append(error("os-loader-missing", text, bind))
        else:
            self._volume(partition, arc)
        return partition

    def _volume(self, partition: Partition, arc: ArcPath) -> None:
        volume = self._disk.volume_in(partition)
        try:
            with open_files(volume) as files:
                if not files.exists(f"{arc.folder}/{HAL}"):
                    text = f"{files.name}: {shown(f'{arc.folder}/{HAL}')} is missing, which NTLDR loads with the kernel"
                    self.found.append(error("os-hal-missing", text, remedies.APPLY))
                driver = driver_warning(files, settings_of(files, NtWindows(arc.folder, None)))
            if driver is not None:
                text = "add the driver of the machine's controller to the image, or set atapi and intelide to Start=0"
                self.found.append(warning("disk-driver", driver, text))
            if arc.needs_driver and not self._files.exists(DRIVER):
                text = f"{self._files.name}: {shown(DRIVER)} is missing, through which boot.ini reads the disk"
                self.found.append(
                    error("disk-driver-missing", text, remedies.install("{} names the disk as a BIOS does"))
                )
            if volume.content is Content.NTFS:
                self.found += volume_state(volume)
        except OsdImageError as problem:
            text = f"{problem.said}; whether the Windows there starts is not known"
            self.found.append(warning("os-unread", text, remedies.CHECK_VOLUME))
