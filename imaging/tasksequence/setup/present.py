"""The Windows that a computer has at this point of a sequence: the one that was applied, or the one that was there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from osdimage.imaging.drivers.offline.windows import OfflineWindows, offline_windows
from osdimage.imaging.files import FileSource
from osdimage.imaging.tasksequence.computer.machine import Machine
from osdimage.imaging.tasksequence.computer.old_windows import DETECTED_DRIVE, find_old_windows
from osdimage.imaging.tasksequence.computer.system import TargetSystem
from osdimage.imaging.tasksequence.computer.target_files import files_of
from osdimage.imaging.tasksequence.computer.volumes import Place
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.volume.filesystems import open_files


def place_of_windows(env: Environment, machine: Machine) -> Place:
    """Return the volume of the Windows.

    Raises:
        NotThere: when there is none.
        InvalidRequest: when there are several.
        OsdImageError: when a volume cannot be read.
    """
    return find_old_windows(machine, env.text(DETECTED_DRIVE)) if machine.system is None else machine.system.place


@contextmanager
def present_windows(env: Environment, machine: Machine) -> Iterator[tuple[FileSource, OfflineWindows]]:
    """Open the files of the Windows: in a rehearsal those of the image that would be there.

    Raises:
        OsdImageError: as :func:`place_of_windows`, or when it cannot be told what the Windows is.
    """
    system: TargetSystem | None = machine.system
    if system is not None:
        with files_of(machine, system) as files:
            yield files, offline_windows(files)
        return
    place = place_of_windows(env, machine)
    with machine.opened(place.disk) as disk, open_files(disk.volume(place.partition)) as files:
        yield files, offline_windows(files)
