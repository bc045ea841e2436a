r"""Clearing the map of drive letters of an applied Windows.

``SYSTEM\MountedDevices`` maps letters to the disks of the machine that was captured.  On another disk Windows may give
its own volume another letter than C: by it, and then finds nothing; without the map it assigns letters anew.
"""

from __future__ import annotations

from dataclasses import dataclass

from osdimage.imaging.disk.volume import OpenVolume
from osdimage.imaging.errors import InvalidInput
from osdimage.imaging.registry.beside import read_beside, write_beside
from osdimage.imaging.registry.edits import clear_mounted_devices
from osdimage.imaging.registry.write import write_hive
from osdimage.imaging.units import MIB
from osdimage.imaging.volume.filesystems import open_files

SYSTEM_HIVE = "Windows/System32/config/SYSTEM"
SYSTEM_HIVES = (SYSTEM_HIVE, "WINNT/System32/config/SYSTEM")
"""Where the hive of a Windows may be; Windows 2000 has the other folder."""
_LARGEST_HIVE = 512 * MIB


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What came of clearing the map.

    Attributes:
        left: why it was left as it was, in a sentence; None when it is clear.
        replayed: which changes of its logs the hive was written with, in a sentence; None when there was no need.
    """

    left: str | None = None
    replayed: str | None = None


def forget_drives(volume: OpenVolume, *, force: bool = False, sync: bool = True) -> Forgotten:
    """Clear the map of drive letters.

    A hive that Windows did not close is written with the changes that are in its logs; where those cannot be used, it
    is left as it is.

    Args:
        volume: that of Windows, of a disk that is open for writing.
        force: write also to a volume that is marked dirty.
        sync: wait until everything is on the medium.

    Raises:
        TargetRefused: when the volume must not be written to.
        StorageError: when reading or writing failed.
    """
    with open_files(volume) as files:
        path = next((each for each in SYSTEM_HIVES if files.exists(each)), None)
        if path is None:
            return Forgotten()
        name = f"{files.name}: {path}"
        try:
            hive = read_beside(files, path, limit=_LARGEST_HIVE, name=name)
            if hive.is_dirty:
                dirty = hive.warnings[0]
                return Forgotten(
                    f"{dirty}; Windows did not close this hive; its map of drive letters was left as it is"
                )
            if clear_mounted_devices(hive) == 0:
                return Forgotten()
            data = write_hive(hive)
        except InvalidInput as error:
            return Forgotten(f"{error}; its map of drive letters was left as it is")
    with open_files(volume, write=True, force=force, sync=sync) as files:
        write_beside(files, path, data, empties_logs=hive.is_unclosed)
    return Forgotten(replayed=None if hive.replayed is None else f"{name} was written {hive.replayed}")
