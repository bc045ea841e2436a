"""Which clusters of a volume are in use: ``$Bitmap``."""

from __future__ import annotations

from osdimage.imaging.disk.target import BlockTarget
from osdimage.imaging.errors import InvalidVolume
from osdimage.imaging.volume.ntfs import records
from osdimage.imaging.volume.ntfs.data import Contents
from osdimage.imaging.volume.ntfs.mft import Mft
from osdimage.imaging.volume.ntfs.records import BootSector

_BITMAP = 6
_BOOT_BYTES = 512


def free_bytes(window: BlockTarget) -> int:
    """Return the size of all free clusters of a volume, as its bitmap tells it.

    Raises:
        InvalidVolume: when it has no bitmap, or is damaged.
        StorageError: when it cannot be read.
    """
    boot = BootSector.from_bytes(window.read_at(0, _BOOT_BYTES), window.geometry.size_bytes)
    used = used_clusters(window, boot)
    return (len(used) * 8 - int.from_bytes(used, "little").bit_count()) * boot.cluster_bytes


def used_clusters(window: BlockTarget, boot: BootSector) -> bytes:
    """Return the bitmap of the clusters that are in use; what it has no bit for counts as used."""
    _, attributes = Mft(window, boot).whole_record(_BITMAP)
    parts = [each for each in attributes if each.kind == records.DATA and not each.name]
    if not parts:
        raise InvalidVolume("the volume has no bitmap of its clusters", volume=window.name)
    size = (boot.clusters + 7) // 8
    found = Contents.of(parts, "$Bitmap").read(window, boot, limit=size + boot.cluster_bytes, what="$Bitmap")
    bits = bytearray(found[: boot.clusters // 8])
    if boot.clusters % 8:
        bits.append(
            (found[boot.clusters // 8] if len(found) > boot.clusters // 8 else 0xFF) | 0xFF << boot.clusters % 8 & 0xFF
        )
    return bytes(bits)
