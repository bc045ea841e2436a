"""The computer that a task sequence runs on: its disks, drive letters, packages and firmware, as files of this machine.

Model: Windows PE numbers disks from 0 and partitions from 1, gives every volume that is made the next free letter from
``C:``, and has ``X:`` for itself.  Volumes that hold neither NTFS nor FAT, EFI system partitions, and partitions that
are hidden or for recovery, have no letter, unless a step asks for one.

A machine is saved with the state of a run, so that a sequence goes on after a restart with the letters it knew.
"""

from __future__ import annotations

import os
import random
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self

from osdimage.imaging.boot.firmware import Firmware
from osdimage.imaging.disk.content import Content
from osdimage.imaging.disk.opened import Disk, open_disk
from osdimage.imaging.disk.opening import AS_FOUND, Opening
from osdimage.imaging.disk.tables.table import PartitionTable
from osdimage.imaging.errors import ActionFailed, ImageNotFound, InvalidRequest, InvalidTable, quoted
from osdimage.imaging.randomness import RandomBits
from osdimage.imaging.tasksequence.codes import HResult
from osdimage.imaging.tasksequence.computer.paths import insensitive, outside_path
from osdimage.imaging.tasksequence.computer.supplies import Supplies
from osdimage.imaging.tasksequence.computer.system import TargetSystem
from osdimage.imaging.tasksequence.computer.volumes import LETTERS, Place, Volume, planned_content, volumes_of
from osdimage.imaging.tasksequence.phases import Phase
from osdimage.imaging.tasksequence.staging.staged import StagedStep
from osdimage.imaging.volume.eligible import look_over
from osdimage.imaging.wof import Algorithm

__all__ = ["Firmware", "Machine", "NotThere", "Place", "TargetSystem", "Volume"]

_DRIVE = re.compile(r"([A-Za-z]):\\?", re.ASCII)
_PATH = re.compile(r"([A-Za-z]):(?:[\\/](.*))?", re.ASCII | re.DOTALL)


@dataclass(frozen=True, slots=True)
class LoadedHive:
    r"""A hive of a volume that a step has loaded into the registry of Windows PE.

    Attributes:
        place: its volume.
        path: of its file there, separated by ``\``.
    """

    place: Place
    path: str


class NotThere(InvalidRequest):
    """What a step needs is not there: a volume, a drive, a Windows.  A step before it may be the one that makes it."""


@dataclass(slots=True)
class Machine:
    r"""The computer.

    Attributes:
        disks: the disk images or devices, by the number that ``OSDDiskIndex`` means.
        packages: files or directories, by the ID of the package.
        shares: directories that stand for network shares, by ``\\server\share``, and for drives that a step has
            connected to one, by ``Z:``.
        driver_packages: addresses in the catalog of drivers, such as ``catalog:NAME``, by the IDs of packages.
        catalog: the file of that catalog, or None for that of the person who runs the sequence.
        devices: what tells the devices of the computer, by which drivers are chosen: paths, or names of presets.
        at_first_start: whether drivers are installed by a script of the first start of Windows, which keeps how that
            ended, and not in a pass of its setup.
        allows_modified: whether drivers are taken whose files are not those that their catalogs vouch for.
        firmware: how it starts.
        opening: how its disks are opened.
        letters: the volumes by their drive letters.
        used: the volumes that Apply Operating System and Apply Data Image of this sequence have filled.
        system: the Windows that was applied, or None.
        supplies: what the caller gives in place of a site, of a share, and of a Windows that runs.
        phase: in which system the sequence is.
        is_set_up: whether the Windows that was applied was prepared to go on with it: by Setup Windows and ConfigMgr,
            or by MDT, which always does.
        has_started: whether that Windows was started, did what waited for it, and was shut down again.
        staged: what the first start of that Windows is to do, in order; written to its disk at the end of the run.
        installs_drivers: whether drivers wait for the first start, before all steps.
        hives: that are loaded in Windows PE, by their keys in lower case, such as ``hkey_local_machine\offline``.
        unsure: names of variables, in lower case, that the first start will set; only there their values are known.
        planned: the tables that steps would write, by the number of the disk: in a rehearsal only.
        is_rehearsal: whether nothing may be written.
        rng: where GUIDs and serial numbers come from; not saved.
        saves_tables: whether the table that is on a disk is saved before it is replaced; not saved with the state.
        compact: how files in NTFS volumes that images are applied to are compressed as a whole, or None; not saved.
        asked: programs and applications of the supplies that steps asked for, as the latter call them; not saved.
        has_powershell: whether a Windows that was applied has PowerShell, once that was asked; not saved.

    Close it, or use it in a ``with`` statement, once :meth:`hold` was called.
    """

    disks: dict[int, Path] = field(default_factory=dict)
    packages: dict[str, Path] = field(default_factory=dict)
    shares: dict[str, Path] = field(default_factory=dict)
    driver_packages: dict[str, str] = field(default_factory=dict)
    catalog: Path | None = None
    devices: tuple[str, ...] = ()
    at_first_start: bool = False
    allows_modified: bool = False
    firmware: Firmware = Firmware.UEFI
    opening: Opening = AS_FOUND
    letters: dict[str, Place] = field(default_factory=dict)
    used: list[Place] = field(default_factory=list)
    system: TargetSystem | None = None
    supplies: Supplies = field(default_factory=Supplies)
    phase: Phase = Phase.PE
    is_set_up: bool = False
    has_started: bool = False
    staged: list[StagedStep] = field(default_factory=list)
    installs_drivers: bool = False
    unsure: set[str] = field(default_factory=set)
    hives: dict[str, LoadedHive] = field(default_factory=dict)
    planned: dict[int, PartitionTable] = field(default_factory=dict)
    is_rehearsal: bool = False
    rng: RandomBits = field(default_factory=random.SystemRandom, repr=False, compare=False)
    saves_tables: bool = field(default=True, repr=False, compare=False)
    compact: Algorithm | None = field(default=None, repr=False, compare=False)
    asked: set[str] = field(default_factory=set, repr=False, compare=False)
    has_powershell: tuple[TargetSystem, bool] | None = field(default=None, repr=False, compare=False)
    _open: dict[int, Disk] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def start(
        cls,
        disks: Mapping[int, Path],
        *,
        packages: Mapping[str, Path] | None = None,
        shares: Mapping[str, Path] | None = None,
        devices: tuple[str, ...] = (),
        firmware: Firmware = Firmware.UEFI,
        opening: Opening = AS_FOUND,
        rng: RandomBits | None = None,
        hold: bool = False,
    ) -> Machine:
        """Return the machine as Windows PE finds it: the volumes that are there have letters, in their order.

        With ``hold`` its disks are held from this first look on; see :meth:`hold`.

        Raises:
            TargetRefused: when another program uses a disk.
            StorageError: when a disk cannot be read.
        """
        machine = cls(
            dict(disks), dict(packages or {}), dict(shares or {}), devices=devices, firmware=firmware, opening=opening
        )
        if rng is not None:
            machine.rng = rng
        try:
            if hold:
                machine.hold()
            for volume in list(machine.volumes()):
                if volume.is_ordinary:
                    machine.assign_letter(volume.place)
        except BaseException:
            machine.close()
            raise
        return machine

    def rehearsal(self) -> Machine:
        """Return a copy on which steps can be forecast: it knows what they would have done, and writes nothing."""
        return replace(
            self,
            disks=dict(self.disks),
            packages=dict(self.packages),
            shares=dict(self.shares),
            driver_packages=dict(self.driver_packages),
            letters=dict(self.letters),
            used=list(self.used),
            staged=list(self.staged),
            unsure=set(self.unsure),
            hives=dict(self.hives),
            planned=dict(self.planned),
            asked=set(self.asked),
            is_rehearsal=True,
        )

    # Disks and volumes

    def disk(self, index: int) -> Path:
        """Return the target of a disk number.

        Raises:
            InvalidRequest: when there is none.
        """
        found = self.disks.get(index)
        if found is None:
            numbers = ", ".join(map(str, sorted(self.disks))) or "none"
            raise InvalidRequest(f"there is no disk {index}; disks of this machine: {numbers}")
        return found

    def hold(self) -> None:
        """Open every disk, and lock it, until :meth:`close`: each is opened once for a whole run.

        Raises:
            TargetRefused: when another program uses one.
            StorageError: when one cannot be opened.
        """
        for index, path in self.disks.items():
            if index not in self._open and path.exists():
                can_write = os.access(path, os.W_OK)
                self._open[index] = open_disk(path, write=can_write, opening=self.opening, share=not can_write)

    @property
    def is_held(self) -> bool:
        """Whether its disks are open."""
        return bool(self._open)

    def close(self) -> None:
        """Close the disks that are held, which gives their locks back; closing twice is harmless."""
        while self._open:
            self._open.popitem()[1].close()

    def __enter__(self) -> Self:
        """Return the machine itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the disks."""
        self.close()

    @contextmanager
    def opened(self, index: int, *, write: bool = False) -> Iterator[Disk]:
        """Yield a disk of the machine: the one that is held, or one that is open for the body of the ``with``.

        Raises:
            InvalidRequest: when there is none.
            TargetRefused: when it is used by another program.
            StorageError: when it cannot be opened.
        """
        path = self.disk(index)
        held = self._open.get(index)
        if held is not None:
            yield held
            return
        with open_disk(path, write=write, opening=self.opening) as disk:
            # Steps that are parts of one, and ask again, get the same.
            self._open[index] = disk
            try:
                yield disk
            finally:
                self._open.pop(index, None)

    def writable_disk(self, index: int) -> Path:
        """Return the target of a disk number, for a step that writes to it: found out before the first step.

        Raises:
            InvalidRequest: when there is none.
            ActionFailed: E_ACCESSDENIED when it cannot be written.
        """
        path = self.disk(index)
        if path.exists() and not os.access(path, os.W_OK):
            raise ActionFailed(HResult.E_ACCESSDENIED, f"disk {index} ({path}) cannot be written: permission denied")
        return path

    def table(self, index: int) -> PartitionTable:
        """Return the partition table of a disk: in a rehearsal, that which a step would write.

        Raises:
            InvalidRequest: when there is no such disk.
            InvalidTable: when it has none.
            StorageError: when it cannot be read.
        """
        if index in self.planned:
            return self.planned[index]
        with self.opened(index) as disk:
            return look_over(disk).table

    def disk_volumes(self, index: int) -> list[Volume]:
        """Return the partitions of a disk but extended ones, in their order; none for a disk without a table.

        Raises:
            InvalidRequest: when there is no such disk.
            StorageError: when it cannot be read.
        """
        path = self.disk(index)
        table = self.planned.get(index)
        held: dict[int, Content | None] = {}
        if table is not None:
            held = {each.number: planned_content(each) for each in table.partitions}
        elif self.is_rehearsal and not path.exists():
            return []
        else:
            try:
                with self.opened(index) as disk:
                    found = look_over(disk)
            except InvalidTable:
                return []
            table, held = found.table, {number: info.kind for number, info in found.held.items()}
        letters = {place: letter for letter, place in self.letters.items()}
        return volumes_of(index, table, held, letters)

    def volumes(self) -> Iterator[Volume]:
        """Yield the partitions of all disks, in the order of the disks."""
        for index in sorted(self.disks):
            yield from self.disk_volumes(index)

    def volume(self, place: Place) -> Volume:
        """Return the volume at a place.

        Raises:
            NotThere: when there is no such partition.
        """
        for each in self.disk_volumes(place.disk):
            if each.place == place:
                return each
        raise NotThere(f"disk {place.disk} has no partition {place.partition} any more")

    def next_volume(self) -> Volume:
        """Return the next formatted volume that no step of this sequence has filled.

        Raises:
            NotThere: when there is none.
        """
        passed = []
        for each in self.volumes():
            if each.is_ordinary and each.place not in self.used:
                return each
            why = "filled by an earlier step" if each.place in self.used else "no volume for images"
            passed.append(f"{each.name}: {why}")
        raise NotThere(f"there is no formatted volume left to apply an image to; {'; '.join(passed) or 'no disk'}")

    def mark_used(self, place: Place) -> None:
        """Remember that a step of this sequence has filled a volume."""
        if place not in self.used:
            self.used.append(place)

    def forget_disk(self, index: int) -> None:
        """Forget the volumes of a disk that is partitioned anew."""
        self.letters = {letter: place for letter, place in self.letters.items() if place.disk != index}
        self.used = [place for place in self.used if place.disk != index]
        self.hives = {key: hive for key, hive in self.hives.items() if hive.place.disk != index}
        if self.system is not None and self.system.place.disk == index:
            self.system = None

    # Drive letters

    def assign_letter(self, place: Place) -> str | None:
        """Give a volume the next free letter and return it, or the one it has; None when all are taken."""
        for letter, taken in self.letters.items():
            if taken == place:
                return letter
        free = next((letter for letter in LETTERS if letter not in self.letters), None)
        if free is not None:
            self.letters[free] = place
        return free

    def lettered(self, drive: str) -> Place:
        r"""Return the volume of a drive such as ``C:`` or ``C:\``.

        Raises:
            InvalidRequest: when it is no drive.
            NotThere: when no volume has the letter.
        """
        match = _DRIVE.fullmatch(drive)
        if match is None:
            raise InvalidRequest(f"{quoted(drive)} is no drive; valid is a letter with a colon, such as C:")
        place = self.letters.get(match[1].upper())
        if place is None:
            known = ", ".join(f"{letter}:" for letter in sorted(self.letters)) or "none"
            raise NotThere(f"there is no volume {match[1].upper()}:; drives of this machine: {known}")
        return place

    def located(self, path: str) -> tuple[Place, str]:
        r"""Return the volume of a path such as ``C:\Windows``, and the path in it, separated by ``\``.

        Raises:
            InvalidRequest: when it is no such path, or no volume has the letter.
        """
        match = _PATH.fullmatch(path)
        if match is None:
            raise InvalidRequest(f"{quoted(path)} is no path with a drive; valid is one such as C:\\Windows")
        inner = "\\".join(part for part in (match[2] or "").replace("/", "\\").split("\\") if part)
        return self.lettered(f"{match[1]}:"), inner

    # Packages and shares

    def package(self, package_id: str) -> Path:
        """Return the file or directory of a package.

        Raises:
            InvalidRequest: when it was not mapped.
        """
        for name, path in self.packages.items():
            if name.lower() == package_id.lower():
                return path
        known = ", ".join(sorted(self.packages)) or "none"
        raise InvalidRequest(f"there is no path for package {quoted(package_id)}; packages with one: {known}")

    def has_package(self, package_id: str) -> bool:
        """Tell whether a package was mapped."""
        return any(name.lower() == package_id.lower() for name in self.packages)

    def driver_package(self, package_id: str) -> str | None:
        """Return the address in the catalog of drivers that a package stands for, or None when it is a path."""
        named = (name for each, name in self.driver_packages.items() if each.lower() == package_id.lower())
        return next(named, None)

    def image_file(self, package_id: str) -> Path:
        """Return the WIM of an image package: the file it is, or the only one in the directory it is.

        Raises:
            InvalidRequest: when the package was not mapped, or has no or several WIMs.
        """
        path = self.package(package_id)
        if not path.is_dir():
            return path
        found = sorted(each for each in path.iterdir() if each.suffix.lower() in {".wim", ".esd"} and each.is_file())
        if len(found) != 1:
            names = ", ".join(each.name for each in found) or "none"
            raise ImageNotFound(f"package {package_id}: {path} must hold one .wim file; there are: {names}")
        return found[0]

    def package_file(self, package_id: str, name: str) -> Path:
        """Return a file of a package; links may not lead out of it.

        Raises:
            InvalidRequest: when the package was not mapped, or has no such file.
        """
        path = self.package(package_id)
        if not path.is_dir():
            if path.name.lower() == name.lower():
                return path
            raise InvalidRequest(f"package {package_id}: {path} is not the directory that holds {quoted(name)}")
        found = insensitive(path, name)
        if found is None or not found.is_file() or not found.resolve().is_relative_to(path.resolve()):
            raise InvalidRequest(f"package {package_id}: {path} holds no file {quoted(name)}")
        return found

    def outside_path(self, path: str) -> Path:
        r"""Return the file of this machine that a UNC path, or a path of Linux, means.

        Raises:
            InvalidRequest: when nothing was mapped to the share, or a name is longer than one can be.
        """
        return outside_path(path, self.shares)
