"""What the disks of a computer, and the Windows on them, tell as classes of WMI.

Known completely are disks and partitions.  Of volumes there may be more than those of the disks: that of Windows PE,
discs and removable ones.
"""

from __future__ import annotations

from osdimage.imaging.disk.content import Content
from osdimage.imaging.disk.held import look_at
from osdimage.imaging.drivers.offline.windows import OfflineWindows
from osdimage.imaging.drivers.target_os import Architecture, ProductType
from osdimage.imaging.errors import InvalidTable, OsdImageError
from osdimage.imaging.tasksequence.computer.machine import Machine
from osdimage.imaging.tasksequence.computer.volumes import Volume
from osdimage.imaging.tasksequence.facts.computer import CIMV2, ComputerFacts, Fact, Instance, KnownClass
from osdimage.imaging.volume.filesystems import FILE_SYSTEMS, free_bytes

DISK_CLASSES = frozenset({"win32_diskdrive", "win32_diskpartition", "win32_logicaldisk"})
"""What disks tell, in lower case."""
WINDOWS_CLASS = "win32_operatingsystem"
"""What a Windows tells of itself, in lower case."""

_FIXED, _REMOVABLE, _DISC = 3, 2, 5
_FILE_SYSTEMS = {
    Content.NTFS: "NTFS",
    Content.FAT32: "FAT32",
    Content.FAT16: "FAT",
    Content.FAT12: "FAT",
    Content.EXFAT: "exFAT",
}
_PRODUCT_TYPES = {ProductType.WORKSTATION: 1, ProductType.DOMAIN_CONTROLLER: 2, ProductType.SERVER: 3}


def disk_facts(machine: Machine) -> ComputerFacts:
    """Return what the disks of a computer tell; in a rehearsal, what they would tell then."""
    drives, partitions, volumes = [], [], []
    for index in sorted(machine.disks):
        drives.append(Instance(_drive(machine, index)))
        for volume in machine.disk_volumes(index):
            partitions.append(Instance(_partition(volume)))
            if volume.letter is not None:
                volumes.append(Instance({**_volume(volume), **_inside(machine, volume)}))
    others = (Instance({"DeviceID": "X:"}), Instance({"DriveType": _REMOVABLE}), Instance({"DriveType": _DISC}))
    found = [
        KnownClass("Win32_DiskDrive", tuple(drives)),
        KnownClass("Win32_DiskPartition", tuple(partitions)),
        KnownClass("Win32_LogicalDisk", tuple(volumes), others),
    ]
    return ComputerFacts({(CIMV2, each.name.lower()): each for each in found})


def _drive(machine: Machine, index: int) -> dict[str, Fact]:
    told: dict[str, Fact] = {"Index": index, "DeviceID": rf"\\.\PHYSICALDRIVE{index}"}
    size = _size_of(machine, index)
    return told if size is None else {**told, "Size": size}


def _size_of(machine: Machine, index: int) -> int | None:
    if index in machine.planned or not machine.disk(index).exists():
        try:
            return machine.table(index).geometry.size_bytes
        except InvalidTable:
            return None
    with machine.opened(index) as disk:
        return disk.geometry.size_bytes


def _partition(volume: Volume) -> dict[str, Fact]:
    return {
        "DiskIndex": volume.place.disk,
        "Size": volume.size,
        "Bootable": volume.is_active or volume.is_efi,
        "BootPartition": volume.is_active or volume.is_efi,
    }


def _volume(volume: Volume) -> dict[str, Fact]:
    letter = f"{volume.letter}:"
    told: dict[str, Fact] = {"DeviceID": letter, "Name": letter, "Caption": letter, "DriveType": _FIXED}
    if volume.content in _FILE_SYSTEMS:
        told |= {"FileSystem": _FILE_SYSTEMS[volume.content], "Size": volume.size}
    return told


def _inside(machine: Machine, volume: Volume) -> dict[str, Fact]:
    """Return label and free room of a volume; nothing of one that is damaged, or that steps before it fill."""
    place = volume.place
    is_foreseen = machine.is_rehearsal and (place.disk in machine.planned or place in machine.used)
    if is_foreseen or volume.content not in FILE_SYSTEMS:
        return {}
    try:
        with machine.opened(place.disk) as disk:
            opened = disk.volume(place.partition)
            free = free_bytes(opened)
            label = look_at(opened.window()).label or ""
    except OsdImageError:
        return {}
    return {"VolumeName": label} if free is None else {"VolumeName": label, "FreeSpace": free}


def windows_facts(windows: OfflineWindows) -> ComputerFacts:
    """Return what a Windows tells of itself, and what no start of it changes."""
    found = windows.os
    told: dict[str, Fact] = {"ProductType": _PRODUCT_TYPES[found.product]}
    if found.build:
        told["Version"] = f"{found.major}.{found.minor}.{found.build}"
        told["BuildNumber"] = str(found.build)
    if found.architecture in {Architecture.X86, Architecture.AMD64}:
        told["OSArchitecture"] = "32-bit" if found.architecture is Architecture.X86 else "64-bit"
    return ComputerFacts.of({"Win32_OperatingSystem": [told]})
