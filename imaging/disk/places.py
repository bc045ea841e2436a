"""Volumes by their paths: of a disk, or of a file or device that holds one volume and nothing else."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from osdimage.imaging.disk.containers.kinds import is_container
from osdimage.imaging.disk.image import FileTarget
from osdimage.imaging.disk.locking import lock, look_for_qemu
from osdimage.imaging.disk.opened import open_disk, unlocked
from osdimage.imaging.disk.opening import AS_FOUND, Opening
from osdimage.imaging.disk.target import DiskTarget
from osdimage.imaging.disk.volume import OpenVolume
from osdimage.imaging.disk.wim_mark import is_wim
from osdimage.imaging.errors import InvalidRequest, StorageError, TargetRefused
from osdimage.imaging.units import Extent, Geometry, Lba

_BLKSSZGET = 0x1268  # linux/fs.h
_LEAST_SECTOR = 512


@contextmanager
def open_volume(
    path: str | os.PathLike[str],
    partition: int | None = None,
    *,
    write: bool = False,
    opening: Opening = AS_FOUND,
    share: bool = False,
) -> Iterator[OpenVolume]:
    """Open a volume by its path, and close it at the end.

    Args:
        path: a disk (file or device), or without ``partition`` a file or device that holds one volume.
        partition: the number of the partition.
        write: whether it will be written to; then it is locked as :func:`open_disk` does.
        opening: as :func:`open_disk` takes it.
        share: as :func:`open_disk` takes it.

    Raises:
        StorageError: when it cannot be opened or read.
        TargetRefused: when it is in use or read-only, or no file or device at all.
        InvalidTable: when the disk has no partition table that can be used.
        InvalidInput: when it is a WIM, or the file of a virtual machine that cannot be used; for writing, that is
            TargetRefused.
        InvalidRequest: when the disk has no such partition, or it cannot hold a volume.
    """
    where = Path(path)
    if partition is not None:
        with open_disk(where, write=write, opening=opening, share=share) as disk:
            yield disk.volume(partition)
        return
    with _open_whole(where, write=write, share=share, opening=opening) as target:
        if target.geometry.sectors == 0:
            raise TargetRefused(f"{where}: is empty")
        whole = Extent(Lba(0), target.geometry.sectors)
        found = unlocked(OpenVolume.of(target, whole, where, None, opening), opening)
        try:
            yield found
        finally:
            if found.target is not target:
                found.target.close()


@contextmanager
def opened_place(
    place: OpenVolume | str | os.PathLike[str],
    partition: int | None = None,
    *,
    write: bool = False,
    opening: Opening = AS_FOUND,
    share: bool = False,
) -> Iterator[OpenVolume | Path]:
    """Yield the volume that a place is, opened once when it was given by its path, or the path of what is none.

    None is a directory, what is not there yet, a pipe, a WIM, or a file of less than a sector.  The arguments are those
    of :func:`open_volume`.

    Raises:
        InvalidRequest: when a partition of a directory was chosen, or a volume that is open is not for writing.
        OsdImageError: as :func:`open_volume`.
    """
    if isinstance(place, OpenVolume):
        if write:
            place.target.require_writable()
        yield place
        return
    path = Path(place)
    if partition is None and not _may_hold_volume(path):
        opening.require_disk(str(path))
        yield path
        return
    with open_volume(path, partition, write=write, opening=opening, share=share) as volume:
        yield volume


def _may_hold_volume(path: Path) -> bool:
    try:
        facts = path.stat()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise StorageError(f"{path}: {error.strerror}", path=path, errno=error.errno) from error
    if stat.S_ISREG(facts.st_mode):
        # The descriptor of a VMDK may be less than a sector.
        return (facts.st_size >= _LEAST_SECTOR and not is_wim(path)) or is_container(path)
    return stat.S_ISBLK(facts.st_mode)


def _open_whole(path: Path, *, write: bool, share: bool, opening: Opening) -> DiskTarget:
    """Open a file, a disk or a partition's device as it is; a file has sectors of 512 bytes unless others are said."""
    from osdimage.imaging.disk.device import open_target  # noqa: PLC0415 - a device needs none of it

    try:
        facts = path.stat()
    except OSError as error:
        raise StorageError(f"{path}: {error.strerror}", path=path, errno=error.errno) from error
    if stat.S_ISBLK(facts.st_mode):
        opening.require_disk(str(path))
        return _open_device(path, write=write, share=share, opening=opening)
    if not stat.S_ISREG(facts.st_mode):
        raise TargetRefused(f"{path}: is neither a file nor a block device")
    if facts.st_size == 0:
        raise TargetRefused(f"{path}: is empty")
    return open_target(
        str(path), write=write, share=share, opening=replace(opening, sector_size=opening.sector_size or _LEAST_SECTOR)
    )


def _open_device(path: Path, *, write: bool, share: bool, opening: Opening) -> FileTarget:
    """Open a device, also that of a partition, as it is, with its sector size; refuse another one that is said."""
    from osdimage.imaging.disk.device import refuse_unwritable  # noqa: PLC0415 - only writing needs it

    try:
        descriptor = os.open(path, (os.O_RDWR | os.O_EXCL if write else os.O_RDONLY) | os.O_CLOEXEC)
    except OSError as error:
        if error.errno in {errno.EBUSY, errno.EROFS}:
            raise TargetRefused(f"{path} cannot be opened for writing: {error.strerror}") from error
        raise StorageError(f"{path}: {error.strerror}", path=path, errno=error.errno) from error
    try:
        if write:
            refuse_unwritable(str(path), descriptor)
        if write or share:
            lock(descriptor, str(path), shared=not write)
        look_for_qemu(str(path), descriptor, write=write, opening=opening)
        geometry = Geometry.of_size(
            os.lseek(descriptor, 0, os.SEEK_END), _sector_size(path, descriptor, opening.sector_size)
        )
    except BaseException:
        os.close(descriptor)
        raise
    return FileTarget(str(path), descriptor, geometry)


def _sector_size(path: Path, descriptor: int, said: int | None) -> int:
    size: int = struct.unpack("i", fcntl.ioctl(descriptor, _BLKSSZGET, bytes(4)))[0]
    if said not in {None, size}:
        raise InvalidRequest(f"{path} has sectors of {size} bytes, and cannot have sectors of {said}")
    return size
