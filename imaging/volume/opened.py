"""Opening a volume where it lies: a file or device that holds nothing else, or a partition of a disk."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from osdimage.imaging.disk.container import disk_bytes
from osdimage.imaging.disk.content import Content, described
from osdimage.imaging.disk.target import FileTarget, Window, lock
from osdimage.imaging.errors import InvalidRequest, StorageError, TargetRefused
from osdimage.imaging.units import Extent, Geometry, Lba, format_size
from osdimage.native.slices.slices import CACHE_SIZE, Slice

if TYPE_CHECKING:
    from osdimage.imaging.disk.table import Partition, PartitionTable

_BLKSSZGET = 0x1268  # linux/fs.h


def title_of(path: Path, partition: int | None) -> str:
    """Return what messages call a volume: a partition of a disk, or a file or device that holds nothing else."""
    return str(path) if partition is None else f"{path} partition {partition}"


@dataclass(frozen=True, slots=True)
class OpenVolume:
    """A volume that is open; :func:`open_volume` makes it.

    Attributes:
        path: the file or device.
        partition: the number of the partition in it, or None when the volume is all there is.
        target: the file or device, open.
        extent: the sectors of the volume.
        content: what it holds, or None when that is not known.
    """

    path: Path
    partition: int | None
    target: FileTarget
    extent: Extent
    content: Content | None

    @property
    def name(self) -> str:
        """What messages call it."""
        return title_of(self.path, self.partition)

    @property
    def described(self) -> str:
        """What it holds, in words."""
        return described(self.content)

    def window(self) -> Window:
        """Return its sectors as a target of their own, with its name."""
        window = self.target.window(self.extent)
        window.name = self.name
        return window

    @contextmanager
    def sliced(self, *, read_only: bool, sync: bool = True, cache_size: int = CACHE_SIZE) -> Iterator[Slice]:
        """Give the volume a name by which libwim and libntfs-3g open it.

        Raises:
            StorageError: when what was written by that name could not be stored.
        """
        size = self.target.geometry.sector_size
        try:
            piece = Slice(
                self.target.descriptor,
                self.extent.first * size,
                self.extent.count * size,
                read_only=read_only,
                sync=sync,
                sector_size=size,
                cache_size=cache_size,
            )
        except OSError as error:
            raise self.failure(error) from error
        with piece:
            yield piece
            try:
                piece.close()
            except OSError as error:
                raise self.failure(error) from error

    def failure(self, error: OSError) -> StorageError:
        """Return what to raise for a system error that concerns it."""
        return StorageError(f"{self.name}: {error.strerror}", path=self.path, errno=error.errno)


@contextmanager
def open_volume(path: Path, partition: int | None = None, *, write: bool = False) -> Iterator[OpenVolume]:
    """Open a volume, and close it at the end.

    For writing, a device is opened exclusively and both files and devices are locked, so that two programs that ask do
    not write them at once.

    Args:
        path: a disk (file or device), or without ``partition`` a file or device that holds one volume.
        partition: the number of the partition, as ``osdimage disk show`` lists them.
        write: whether it will be written to.

    Raises:
        StorageError: when it cannot be opened or read.
        TargetRefused: when it is in use or read-only, or no file or device at all.
        InvalidTable: when the disk has no partition table that can be used.
        InvalidInput: when it is the file of a virtual machine, such as qcow2; for writing, that is TargetRefused.
        InvalidRequest: when the disk has no such partition, or it cannot hold a volume.
    """
    if partition is None:
        with _open_whole(path, write=write) as target:
            if target.geometry.sectors == 0:
                raise TargetRefused(f"{path}: is empty")
            yield _identified(path, None, target, Extent(Lba(0), target.geometry.sectors))
        return
    # With partition tables comes construct, which whoever applies to a directory need not wait for.
    from osdimage.imaging.disk.device import open_target  # noqa: PLC0415
    from osdimage.imaging.disk.read import read_table  # noqa: PLC0415

    with open_target(str(path), write=write) as target:
        table = read_table(target).require()
        yield _identified(path, partition, target, _find(path, target, table, partition).extent)


def _identified(path: Path, partition: int | None, target: FileTarget, extent: Extent) -> OpenVolume:
    from osdimage.imaging.disk import signatures  # noqa: PLC0415 - see open_volume

    return OpenVolume(path, partition, target, extent, signatures.identify(target.window(extent)))


def _find(path: Path, target: FileTarget, table: PartitionTable, number: int) -> Partition:
    found = next((each for each in table.partitions if each.number == number), None)
    if found is None:
        from osdimage.imaging.disk.held import volumes  # noqa: PLC0415 - see open_volume

        held = dict(volumes(target, table))
        lines = [
            f"{each.number} ({(held[each].kind if each in held else None) or each.type_label}, "
            f"{format_size(table.size_bytes(each))})"
            for each in table.partitions
            if not each.is_extended
        ]
        there = f"it has {', '.join(lines)}" if lines else "it has none"
        raise InvalidRequest(f"{path}: there is no partition {number}; {there}")
    if found.is_extended:
        inner = ", ".join(str(each.number) for each in table.logicals) or "none"
        raise InvalidRequest(
            f"{path}: partition {number} is the extended partition, which holds no volume; in it are: {inner}"
        )
    return found


@contextmanager
def _open_whole(path: Path, *, write: bool) -> Iterator[FileTarget]:
    """Open a file, a disk or a partition's device as it is, with its sector size."""
    try:
        facts = path.stat()
        is_device = stat.S_ISBLK(facts.st_mode)
        if not (is_device or stat.S_ISREG(facts.st_mode)):
            raise TargetRefused(f"{path}: is neither a file nor a block device")
        exclusive = os.O_EXCL if is_device and write else 0
        descriptor = os.open(path, (os.O_RDWR if write else os.O_RDONLY) | exclusive | os.O_CLOEXEC)
    except OSError as error:
        if error.errno in {errno.EBUSY, errno.EROFS}:
            raise TargetRefused(f"{path} cannot be opened for writing: {error.strerror}") from error
        raise StorageError(f"{path}: {error.strerror}", path=path, errno=error.errno) from error
    try:
        if write:
            lock(descriptor, str(path))
        sector_size = struct.unpack("i", fcntl.ioctl(descriptor, _BLKSSZGET, bytes(4)))[0] if is_device else 512
        size_bytes = os.lseek(descriptor, 0, os.SEEK_END)
        if not is_device:
            size_bytes = disk_bytes(str(path), descriptor, size_bytes, write=write)
        geometry = Geometry.of_size(size_bytes, sector_size)
    except BaseException:
        os.close(descriptor)
        raise
    with FileTarget(str(path), descriptor, geometry) as target:
        yield target
