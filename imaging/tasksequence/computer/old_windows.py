r"""The Windows that is on a computer before a sequence deploys one.

Model: of the volumes that no step of this sequence has filled, the only one that holds ``System32\config\SYSTEM`` in a
folder of Windows.  Where several do, ``_OSDDetectedWinDrive`` says which, the variable of ConfigMgr for that,
and nothing is guessed.  It is looked at as it is on the disk, with the changes that are in the logs of its hives.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from osdimage.imaging.disk.content import Content
from osdimage.imaging.drivers.offline.windows import OfflineWindows, offline_windows, windows_folder
from osdimage.imaging.errors import InvalidRequest
from osdimage.imaging.tasksequence.computer.machine import Machine, NotThere
from osdimage.imaging.tasksequence.computer.volumes import Place, Volume
from osdimage.imaging.volume.files import VolumeFiles
from osdimage.imaging.volume.filesystems import open_files

DETECTED_DRIVE = "_OSDDetectedWinDrive"
"""The variable that says which of several volumes is meant, as ``C:``."""


def find_old_windows(machine: Machine, drive: str | None = None) -> Place:
    """Return the volume of the Windows that a computer has; in a rehearsal, what planned steps leave of it.

    Args:
        machine: the computer.
        drive: its drive, such as ``C:``, where that is known.

    Raises:
        NotThere: when there is none.
        InvalidRequest: when there are several, and nobody says which.
        InvalidInput, StorageError: when a volume cannot be read.
    """
    looked_at = [each for each in machine.volumes() if _may_hold_windows(machine, each)]
    if drive is not None:
        place = machine.lettered(drive)
        looked_at = [each for each in looked_at if each.place == place]
    found = [each for each in looked_at if _holds_windows(machine, each)]
    if len(found) > 1:
        names = ", ".join(each.name for each in found)
        raise InvalidRequest(f"several volumes hold a Windows ({names}); {DETECTED_DRIVE} says which, such as C:")
    if not found:
        raise NotThere(_why_none(machine, drive))
    return found[0].place


@contextmanager
def opened_old_windows(machine: Machine, drive: str | None = None) -> Iterator[tuple[VolumeFiles, OfflineWindows]]:
    """Open the files of the Windows that a computer has, and tell what it is.

    Raises:
        NotThere, InvalidRequest: as :func:`find_old_windows`.
        InvalidInput: when it is damaged so that it cannot be told which it is.
        TargetRefused: when Windows did not close a hive, and its logs do not complete it.
        StorageError: when it cannot be read.
    """
    place = find_old_windows(machine, drive)
    with machine.opened(place.disk) as disk, open_files(disk.volume(place.partition)) as files:
        windows = offline_windows(files)
        windows.refuse_unclosed()
        yield files, windows


def _may_hold_windows(machine: Machine, volume: Volume) -> bool:
    if volume.place.disk in machine.planned or volume.place in machine.used:
        return False
    return volume.is_usable and not volume.is_efi


def _holds_windows(machine: Machine, volume: Volume) -> bool:
    place = volume.place
    with machine.opened(place.disk) as disk, open_files(disk.volume(place.partition)) as files:
        return windows_folder(files) is not None


def _why_none(machine: Machine, drive: str | None) -> str:
    encrypted = [each.name for each in machine.volumes() if each.content is Content.BITLOCKER]
    if encrypted:
        return f"no volume holds a Windows that can be read: {', '.join(encrypted)} is encrypted with BitLocker"
    where = "no volume of this computer" if drive is None else f"no volume {drive}"
    return rf"{where} holds a Windows that was there before: there is no \Windows\System32\config\SYSTEM"
