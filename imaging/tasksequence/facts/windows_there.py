"""The Windows that runs in the phase of a sequence: its files, its registry, and what it is, as far as disks tell."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from osdimage.imaging.drivers.offline.windows import OfflineWindows, offline_windows
from osdimage.imaging.drivers.target_os import Architecture
from osdimage.imaging.files import FileSource
from osdimage.imaging.registry.lookup import text_of
from osdimage.imaging.tasksequence.computer.machine import Machine
from osdimage.imaging.tasksequence.computer.old_windows import find_old_windows
from osdimage.imaging.tasksequence.computer.target_files import files_of
from osdimage.imaging.tasksequence.computer.volumes import Place
from osdimage.imaging.tasksequence.phases import Phase
from osdimage.imaging.volume.filesystems import open_files

CURRENT_VERSION = r"Microsoft\Windows NT\CurrentVersion"


class NotKnownError(Exception):
    """What nobody here can know; the text tells what."""


@dataclass(frozen=True, slots=True)
class RunningWindows:
    """The Windows of a phase.

    Attributes:
        place: its volume; in the new Windows, where it is applied to.
        letter: the drive letter that its volume has when it runs.
        offline: what it is, and its hives.
    """

    place: Place
    letter: str
    offline: OfflineWindows

    @property
    def is_64bit(self) -> bool:
        """Whether it has a 32-bit and a 64-bit view of files and the registry."""
        return self.offline.os.architecture in {Architecture.AMD64, Architecture.ARM64, Architecture.IA64}


def running_windows(machine: Machine, drive: str | None = None) -> RunningWindows:
    """Return the Windows that runs in the phase of the sequence.

    Args:
        machine: the computer.
        drive: of the old Windows, where that is known.

    Raises:
        NotKnownError: when it is Windows PE, or cannot be told.
        OsdImageError: when it cannot be read.
    """
    if machine.phase is Phase.PE:
        raise NotKnownError("what Windows PE is")
    if machine.phase is Phase.LOST:
        raise NotKnownError("which Windows runs")
    place = find_old_windows(machine, drive) if machine.phase is Phase.OLD else _new_place(machine)
    with opened_place(machine, place) as files:
        offline = offline_windows(files)
    software = None if offline.software is None else offline.software.root.find(CURRENT_VERSION)
    root = text_of(software, "SystemRoot") or ""
    return RunningWindows(place, root[:1].upper() if root[1:3] == ":\\" else "C", offline)


def _new_place(machine: Machine) -> Place:
    if machine.system is None:
        raise NotKnownError("which Windows runs")
    return machine.system.place


@contextmanager
def opened_place(machine: Machine, place: Place) -> Iterator[FileSource]:
    """Open the files of a volume as they are when a step begins; in a rehearsal, those that would be there.

    Raises:
        NotKnownError: when what would be there is not known.
        OsdImageError: when it cannot be read.
    """
    system = machine.system
    if machine.is_rehearsal and system is not None and system.place == place and system.image is not None:
        with files_of(machine, system) as files:
            yield files
        return
    if machine.is_rehearsal and place in machine.used:
        raise NotKnownError("what the steps before it leave on the disk")
    with machine.opened(place.disk) as disk, open_files(disk.volume(place.partition)) as files:
        yield files
