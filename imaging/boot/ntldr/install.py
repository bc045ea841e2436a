r"""Making a disk start a Windows 2000, XP or Server 2003: NTLDR and what it reads, ``boot.ini`` and boot code.

The order is that of the installation of later ones: nothing points at what is not there yet, and the boot code is last.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from osdimage.imaging.boot.code.bios import (
    BiosLoader,
    BootCodeReport,
    boot_sector_loader,
    code_at_risk,
    find_boot_code,
    planned_code,
    prepared_record,
    write_boot_code,
    write_record,
)
from osdimage.imaging.boot.code.kinds import Loader, refuse_large_sectors
from osdimage.imaging.boot.code.ntfs import NtfsBootCode
from osdimage.imaging.boot.files import STORES, BootFile, BootFilePlan, read_boot_files, shown, write_boot_files
from osdimage.imaging.boot.firmware import Firmware
from osdimage.imaging.boot.holdings import Holdings, refuse_unwritable
from osdimage.imaging.boot.ntldr.boot_ini import BootIni, Entry
from osdimage.imaging.boot.ntldr.check import read_menu
from osdimage.imaging.boot.ntldr.files import ATTRIBUTES, DRIVER, MENU, NTLDR, plan_nt_files, refuse_compressed
from osdimage.imaging.boot.ntldr.menu import (
    NtMenuWish,
    arc_of,
    driver_lines,
    lines_of,
    rebind,
    with_windows,
)
from osdimage.imaging.boot.ntldr.windows import (
    NtSettings,
    NtWindows,
    driver_warning,
    settings_of,
    usual_name,
    usual_options,
)
from osdimage.imaging.boot.options import BootOptions, BootResult
from osdimage.imaging.boot.places import BootPlaces, choose_places, firmware_of
from osdimage.imaging.boot.sources import image_source
from osdimage.imaging.disk.content import Content
from osdimage.imaging.disk.opened import Disk
from osdimage.imaging.disk.tables.table import PartitionTable
from osdimage.imaging.disk.volume import OpenVolume
from osdimage.imaging.errors import InvalidRequest, Means, Remedy, TargetRefused, no_refusal
from osdimage.imaging.files import FileSource
from osdimage.imaging.progress import Meter, Phase, ProgressCallback
from osdimage.imaging.randomness import RandomBits
from osdimage.imaging.volume.filesystems import open_files

if TYPE_CHECKING:
    from osdimage.imaging.wim.image import WimImage

READABLE = (Content.FAT32, Content.NTFS)
"""What the boot code for NTLDR reads."""


@dataclass(frozen=True, slots=True)
class NtWork:
    """What is to be done.

    Attributes:
        disk: the disk, open for writing unless it is a rehearsal.
        windows: the Windows in the partition.
        options: how.
        image: take the files from it; None: from the volume of Windows.
        rng: where a signature comes from.
        now: the time for ``boot.ini``.
    """

    disk: Disk
    windows: NtWindows
    options: BootOptions
    image: WimImage | None
    rng: RandomBits
    now: datetime


@dataclass(frozen=True, slots=True)
class _Found:
    """What was read of Windows and of the system partition before anything is written."""

    plan: BootFilePlan
    contents: list[tuple[BootFile, bytes]]
    settings: NtSettings
    code: NtfsBootCode | None
    menu: BootIni
    like: Entry | None
    has_driver: bool
    image: str | None
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What was done."""

    table: PartitionTable
    places: BootPlaces
    found: _Found
    menu: BootIni
    code: BootCodeReport
    lost: tuple[str, ...]
    warnings: tuple[str, ...]


def install_nt(work: NtWork, windows: int, system: int | None, progress: ProgressCallback | None) -> BootResult:
    """Make a disk start a Windows by NTLDR; see :func:`~osdimage.imaging.boot.install.install_boot`.

    Raises:
        OsdImageError: as there.
    """
    return _NtInstallation(work).run(windows, system, progress)


def refuse_gpt(firmware: Firmware, name: str) -> None:
    """Refuse what NTLDR cannot start from.

    Raises:
        InvalidRequest: for a disk with a GPT.
    """
    if firmware is Firmware.UEFI:
        raise InvalidRequest(
            f"{name} has a GPT: Windows 2000, XP and Server 2003 start from disks with an MBR, under a BIOS, only"
        )


class _NtInstallation:
    def __init__(self, work: NtWork) -> None:
        self._work = work
        self._disk = work.disk
        self._options = work.options
        # What is written already; a refusal is none from then on.
        self._done = ""

    def run(self, windows: int, system: int | None, progress: ProgressCallback | None) -> BootResult:
        with no_refusal(self._disk.name, lambda: self._done):
            places = self._places(windows, system)
            meter = Meter(progress, {Phase.READ: 1.0, Phase.WRITE_DATA: 2.0})
            volume = self._system_volume(places)
            found = self._read(places, volume)
            meter.step(Phase.READ, found.plan.size, found.plan.size)
            table = prepared_record(self._disk.table, active=places.system.number, rng=self._work.rng)
            menu, unbound = self._menu(table, places, found)
            report = planned_code(
                self._disk.target, places.system, found.code, wanted=self._options.bios_loader, loader=Loader.NTLDR
            )
            lost = tuple(code_at_risk(self._disk.target, places.system, report))
            if self._options.rehearse:
                refuse_unwritable(volume, force=self._options.force)
            else:
                self._write(table, places, volume, found, menu)
            meter.step(Phase.WRITE_DATA, found.plan.size, found.plan.size)
            warnings = (*report.warnings, *found.warnings, *self._warnings(menu, found))
            for text in warnings:
                meter.warn(text)
            meter.finish()
            return self._result(_Outcome(table, places, found, menu, report, lost, (*warnings, *unbound)))

    def _places(self, windows: int, system: int | None) -> BootPlaces:
        refuse_gpt(firmware_of(self._disk.table), self._disk.name)
        if self._options.recovery:
            raise InvalidRequest(f"{self._disk.name}: Windows before 7 has no recovery environment to be copied")
        return choose_places(self._disk.table, windows, system)

    def _system_volume(self, places: BootPlaces) -> OpenVolume:
        """Return the volume of the system partition; refuse one from which NTLDR is not started."""
        volume = self._disk.volume_in(places.system)
        if volume.content not in READABLE:
            raise TargetRefused(
                f"{volume.name}: holds {volume.described}; NTLDR is started from "
                f"{' or '.join(each.called for each in READABLE)}: copy what it holds, and format the partition"
            )
        refuse_large_sectors(self._disk.target)
        with open_files(volume) as files:
            refuse_compressed(files)
            self._refuse_manager(volume, files)
        return volume

    def _refuse_manager(self, volume: OpenVolume, files: FileSource) -> None:
        """Refuse to take a later Windows its way to start."""
        if self._options.bios_loader is BiosLoader.NONE or boot_sector_loader(volume.window()) is not Loader.BOOTMGR:
            return
        if files.exists("bootmgr") and files.exists(STORES[Firmware.BIOS]):
            raise TargetRefused(
                f"{volume.name}: starts \\bootmgr of a later Windows, which NTLDR does not start",
                remedy=Remedy("choose another partition with {}", (Means.SYSTEM_PARTITION,)),
            )

    def _read(self, places: BootPlaces, system: OpenVolume) -> _Found:
        work = self._work
        with open_files(self._disk.volume_in(places.windows)) as windows, open_files(system) as present:
            source: FileSource = windows if work.image is None else image_source(work.image)
            plan = plan_nt_files(source, work.windows, present)
            settings = settings_of(windows, work.windows)
            is_ntfs = system.content is Content.NTFS
            menu = BootIni() if self._options.new_store else read_menu(present) or BootIni()
            warning = driver_warning(windows, settings)
            return _Found(
                plan,
                list(read_boot_files(source, plan)),
                settings,
                find_boot_code(source, Loader.NTLDR) if is_ntfs else None,
                menu,
                None if places.system == places.windows else self._like(windows),
                any(each.target == DRIVER for each in plan.files) or present.exists(DRIVER),
                None if source is windows else source.name,
                () if warning is None else (warning,),
            )

    def _like(self, windows: FileSource) -> Entry | None:
        """Return the line for this Windows in the menu that it was captured with, from a disk with one partition."""
        menu = read_menu(windows)
        folder = self._work.windows.folder.casefold()
        lines = () if menu is None else menu.entries
        return next((each for each in lines if each.arc is not None and each.arc.folder.casefold() == folder), None)

    def _menu(self, table: PartitionTable, places: BootPlaces, found: _Found) -> tuple[BootIni, tuple[str, ...]]:
        """Return the menu as it will be, and what in it starts nothing here."""
        windows = self._work.windows
        arc = arc_of(table, places.windows, windows.folder)
        with Holdings(self._disk) as holdings:
            bound = rebind(found.menu, table, holdings)
        wish = NtMenuWish(
            arc,
            self._options.description,
            usual_name(windows, found.settings),
            usual_options(windows, found.settings),
            self._options.timeout_s,
        )
        return with_windows(bound.menu, table, wish, like=found.like), bound.unbound

    def _warnings(self, menu: BootIni, found: _Found) -> Iterator[str]:
        yield from driver_lines(menu.entries)
        if found.has_driver and not any(each.arc is not None and each.arc.needs_driver for each in menu.entries):
            yield f"{shown(DRIVER)} is the driver of the controller of one machine; no line of boot.ini needs it"
        if self._options.locale is not None:
            yield "the menu of NTLDR has no language of its own; the one that was asked for does nothing"
        if self._options.signed_2023:
            yield "the loaders signed in 2023 are for UEFI; NTLDR starts this disk under a BIOS"

    def _write(
        self, table: PartitionTable, places: BootPlaces, volume: OpenVolume, found: _Found, menu: BootIni
    ) -> None:
        before = self._disk.table
        if table != before:
            write_record(self._disk.target, table)
            self._done = "only the MBR was changed"
        modified_ns = int(self._work.now.timestamp()) * 1_000_000_000
        with open_files(volume, write=True, force=self._options.force, sync=self._options.sync) as files:
            write_boot_files(files, found.plan, found.contents)
            files.write(MENU, menu.to_bytes(), attributes=ATTRIBUTES, modified_ns=modified_ns)
        self._done = "the boot files are written, but the boot code is not whole"
        write_boot_code(
            self._disk.target,
            table,
            places.system,
            found.code,
            wanted=self._options.bios_loader,
            loader=Loader.NTLDR,
        )
        if self._options.sync:
            self._disk.target.flush()

    def _result(self, made: _Outcome) -> BootResult:
        places, found = made.places, made.found
        arc = arc_of(made.table, places.windows, self._work.windows.folder)
        ours = {each.line for each in lines_of(made.menu, made.table, arc)}
        return BootResult(
            disk=self._disk.path,
            system_disk=None,
            firmware=places.firmware,
            architecture=None,
            system_partition=places.system.number,
            os_partition=places.windows.number,
            files=len(found.plan.files),
            size=found.plan.size,
            image=found.image,
            store=MENU,
            loader=NTLDR,
            locale=None,
            locale_source=None,
            replaced_store=self._options.new_store,
            kept_entries=tuple(each.called for each in made.menu.entries if each.line not in ours),
            removed_entries=(),
            default_entry=None,
            recovery_partition=None,
            boot_code=made.code,
            lost_code=made.lost,
            warnings=made.warnings,
        )
