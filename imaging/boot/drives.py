r"""Clearing the map of drive letters of an applied Windows, or letting it name the disks that there are now.

``SYSTEM\MountedDevices`` maps letters to the disks of the machine that was captured.  On another disk Windows may give
its own volume another letter than C: by it, and then finds nothing; without the map it assigns letters anew.  Where all
disks of the machine are made again, letters of theirs stay.

A value names a partition of an MBR by the signature of the disk and where it begins, in bytes (4 and 8 bytes), one of a
GPT by ``DMIO:ID:`` and its GUID (winreg-kb, "Mounted devices"; all little-endian).
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from uuid import UUID

from osdimage.imaging.boot.bcd.partition import PartitionRef
from osdimage.imaging.disk.volume import OpenVolume
from osdimage.imaging.errors import InvalidInput
from osdimage.imaging.registry.beside import read_beside, write_beside
from osdimage.imaging.registry.edits import clear_mounted_devices, move_mounted_devices
from osdimage.imaging.registry.hive import Hive
from osdimage.imaging.registry.write import write_hive
from osdimage.imaging.units import MIB
from osdimage.imaging.volume.filesystems import open_files

SYSTEM_HIVE = "Windows/System32/config/SYSTEM"
SYSTEM_HIVES = (SYSTEM_HIVE, "WINNT/System32/config/SYSTEM")
"""Where the hive of a Windows may be; Windows 2000 has the other folder."""
_LARGEST_HIVE = 512 * MIB


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What came of clearing the map, or of letting it name other partitions.

    Attributes:
        left: why it was left as it was, in a sentence; None when it is as it was to be.
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
    return _change_drives(volume, lambda hive: clear_mounted_devices(hive) > 0, force=force, sync=sync)


def move_drives(
    volume: OpenVolume, moved: Mapping[PartitionRef, PartitionRef], *, force: bool = False, sync: bool = True
) -> Forgotten:
    """Let the map of drive letters name other partitions, and drop the letters of what is not among them.

    Args:
        volume: that of Windows, of a disk that is open for writing.
        moved: what is now the partition that was another one.
        force: write also to a volume that is marked dirty.
        sync: wait until everything is on the medium.

    Raises:
        TargetRefused: when the volume must not be written to.
        StorageError: when reading or writing failed.
    """
    devices: dict[bytes, bytes] = {}
    for old, new in moved.items():
        # A GUID that two partitions had tells nothing.
        device = _device_of(old)
        devices[device] = b"" if device in devices else _device_of(new)
    known = {old: new for old, new in devices.items() if new}

    def change(hive: Hive) -> bool:
        done = move_mounted_devices(hive, known)
        return bool(done.moved or done.removed)

    return _change_drives(volume, change, force=force, sync=sync)


def _device_of(ref: PartitionRef) -> bytes:
    """Return the data of a value of ``MountedDevices`` that names a partition."""
    if isinstance(ref.partition, UUID):
        return b"DMIO:ID:" + ref.partition.bytes_le
    return struct.pack("<IQ", ref.disk, ref.partition)


def _change_drives(volume: OpenVolume, change: Callable[[Hive], bool], *, force: bool, sync: bool) -> Forgotten:
    """Change the hive of a Windows; ``change`` tells whether it did anything."""
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
            if not change(hive):
                return Forgotten()
            data = write_hive(hive)
        except InvalidInput as error:
            return Forgotten(f"{error}; its map of drive letters was left as it is")
    with open_files(volume, write=True, force=force, sync=sync) as files:
        write_beside(files, path, data, empties_logs=hive.is_unclosed)
    return Forgotten(replayed=None if hive.replayed is None else f"{name} was written {hive.replayed}")
