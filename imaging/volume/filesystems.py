r"""Single files of a volume, read and written where they lie: NTFS or FAT32, in one manner.

::

    with open_volume(disk, partition, write=True) as volume, open_files(volume, write=True) as files:
        hive = files.read("Windows/System32/config/SYSTEM", limit=256 * MIB)
        files.write("EFI/Microsoft/Boot/BCD", store, attributes=FileAttribute.ARCHIVE)

Paths begin at the root; ``/`` and ``\`` separate names, whose case does not matter.  Links and junctions are never
followed: what a path leads to is in this volume.

When the ``with`` statement ends in an error, an NTFS volume stays marked dirty with what was written until then, and a
FAT32 volume is as it was.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from osdimage.imaging.errors import TargetRefused
from osdimage.imaging.volume.files import VolumeFiles
from osdimage.imaging.volume.opened import OpenVolume


@contextmanager
def open_files(
    volume: OpenVolume, *, write: bool = False, force: bool = False, sync: bool = True
) -> Iterator[VolumeFiles]:
    """Open the files of a volume; what is written is complete when the ``with`` statement has ended well.

    Args:
        volume: the volume, open for writing when ``write`` is set.
        write: whether something will be written.  An NTFS volume is marked dirty meanwhile.
        force: write also to a volume that is marked dirty; one that Windows has in use is refused all the same.
        sync: wait until everything is on the medium.

    Raises:
        TargetRefused: when it holds no NTFS or FAT32, or must not be written to; it was left as it was.
        InvalidVolume, InvalidInput: when it is damaged.
        StorageError: when reading or writing failed.
    """
    if volume.filesystem == "ntfs":
        from osdimage.imaging.volume.ntfs.files import open_ntfs  # noqa: PLC0415 - one of the two is needed

        with open_ntfs(volume, write=write, force=force, sync=sync) as files:
            yield files
    elif volume.filesystem == "fat32":
        from osdimage.imaging.volume.fat.files import open_fat  # noqa: PLC0415

        with open_fat(volume, write=write, force=force, sync=sync) as files:
            yield files
    else:
        raise TargetRefused(f"{volume.name}: holds {volume.described}; files are read and written on NTFS and FAT32")
