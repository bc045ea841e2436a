r"""The recovery environment of an applied Windows: where it comes from, and where the boot manager starts it from.

Windows carries it along as ``\Windows\System32\Recovery\Winre.wim``.  The boot manager starts a copy on the recovery
partition, with ``boot.sdi`` beside it as the disk that it is in memory (Microsoft, "Deploy Windows RE").
"""

from __future__ import annotations

from osdimage.imaging.attributes import FileAttribute
from osdimage.imaging.disk.roles import Role
from osdimage.imaging.disk.tables.table import Partition, PartitionTable
from osdimage.imaging.disk.volume import OpenVolume
from osdimage.imaging.errors import InvalidInput, InvalidRequest, OsdImageError
from osdimage.imaging.units import MIB
from osdimage.imaging.volume.files import VolumeFiles
from osdimage.imaging.volume.filesystems import FILE_SYSTEMS, open_files

RECOVERY_WIM = "Windows/System32/Recovery/Winre.wim"
"""Where Windows carries its recovery environment along."""
_SDI = ("Windows/Boot/DVD/EFI/boot.sdi", "Windows/Boot/DVD/PCAT/boot.sdi")
_FOLDER = "Recovery/WindowsRE"
_NAMES = ("Winre.wim", "boot.sdi")
_LARGEST_WIM, _LARGEST_SDI = 2048 * MIB, 64 * MIB
_HIDDEN = FileAttribute.HIDDEN | FileAttribute.SYSTEM


def has_recovery(files: VolumeFiles) -> bool:
    r"""Tell whether a volume holds a recovery environment that is whole (``\Recovery\WindowsRE``)."""
    return all(files.exists(f"{_FOLDER}/{name}") for name in _NAMES)


def holds_recovery(volume: OpenVolume) -> bool:
    """Tell whether a volume of any kind, damaged ones too, holds a recovery environment that is whole."""
    if volume.content not in FILE_SYSTEMS:
        return False
    try:
        with open_files(volume) as files:
            return has_recovery(files)
    except OsdImageError:
        return False


def choose_recovery(table: PartitionTable) -> Partition:
    """Return the recovery partition of a disk, the first one.

    Raises:
        InvalidRequest: when there is none.
    """
    found = next((each for each in table.partitions if each.role is Role.RECOVERY), None)
    if found is None:
        raise InvalidRequest("the disk has no recovery partition for the recovery environment; the presets make one")
    return found


def copy_recovery(
    source: OpenVolume, target: OpenVolume, *, modified_ns: int, force: bool = False, sync: bool = True
) -> None:
    """Copy the recovery environment of Windows to the recovery partition; one that is there is replaced.

    All of it is in memory meanwhile: some 500 MB.

    Args:
        source: the volume of Windows.
        target: the volume of the recovery partition.
        modified_ns: the time of the copies, nanoseconds since 1970.
        force: write also to a volume that is marked dirty.
        sync: wait until everything is on the medium.

    Raises:
        InvalidInput: when Windows has none; nothing was written.
        TargetRefused: when the target holds no NTFS or FAT, is dirty, or too small.
        StorageError: when reading or writing failed.
    """
    with open_files(source) as files:
        sdi = next((path for path in _SDI if files.exists(path)), None)
        missing = RECOVERY_WIM if not files.exists(RECOVERY_WIM) else _SDI[0] if sdi is None else None
        if sdi is None or missing is not None:
            shown = "\\" + str(missing).replace("/", "\\")
            raise InvalidInput(f"{files.name}: {shown} is missing, so there is no recovery environment to copy")
        contents = (files.read(RECOVERY_WIM, limit=_LARGEST_WIM), files.read(sdi, limit=_LARGEST_SDI))
    with open_files(target, write=True, force=force, sync=sync) as files:
        files.make_directory("Recovery", attributes=_HIDDEN)
        for name, data in zip(_NAMES, contents, strict=True):
            path = f"{_FOLDER}/{name}"
            if files.exists(path):
                # There is no room for two.
                files.delete(path)
            files.write(path, data, modified_ns=modified_ns)
