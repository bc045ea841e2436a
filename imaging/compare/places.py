"""Opening what an image is to be compared with."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from osdimage.imaging.compare.directory import DirectoryTarget
from osdimage.imaging.compare.ntfs import NtfsTarget
from osdimage.imaging.compare.target import ComparedTarget
from osdimage.imaging.disk.content import Content
from osdimage.imaging.disk.content import described as held
from osdimage.imaging.disk.device import open_target
from osdimage.imaging.disk.probe import described, probe
from osdimage.imaging.disk.read import read_table
from osdimage.imaging.disk.signatures import identify
from osdimage.imaging.disk.target import BlockTarget, FileTarget
from osdimage.imaging.errors import InvalidRequest, InvalidVolume, StorageError, TargetRefused
from osdimage.imaging.units import Extent, Geometry, Lba


@contextmanager
def open_compared(path: Path, partition: int | None, sector_size: int | None) -> Iterator[ComparedTarget]:
    """Open what an image is to be compared with.

    Raises:
        TargetRefused: when it is nothing that an image can be compared with.
        InvalidRequest: when there is no such partition, or one has to be chosen.
        InvalidTable, InvalidVolume: when the disk or the volume is damaged.
        StorageError: when it cannot be read.
    """
    found = probe(path)
    if found is Content.DIRECTORY and partition is None:
        yield DirectoryTarget(path)
        return
    where = os.fspath(path) if partition is None else f"{path}: partition {partition}"
    with ExitStack() as stack:
        volume = _open_window(stack, path, found, partition, sector_size)
        volume.name = where
        try:
            yield _of_volume(volume)
        except InvalidVolume as error:
            raise InvalidVolume(f"{where}: {str(error).removeprefix(f'{where}: ')}") from error


def _of_volume(volume: BlockTarget) -> ComparedTarget:
    found = identify(volume)
    if found is Content.NTFS:
        return NtfsTarget(volume)
    if found is Content.FAT32:
        from osdimage.imaging.compare.fat import Fat32Target  # noqa: PLC0415 - construct comes with it

        return Fat32Target(volume)
    raise TargetRefused(f"{volume.name}: holds {held(found)}; only NTFS and FAT32 volumes can be compared")


def _open_window(
    stack: ExitStack, path: Path, found: Content | None, partition: int | None, sector_size: int | None
) -> BlockTarget:
    """Open the bytes of a volume."""
    if partition is not None:
        if found in {Content.MISSING, Content.DIRECTORY, Content.SPECIAL}:
            raise TargetRefused(f"{path}: is {described(found)}, not a disk with partitions")
        disk = stack.enter_context(open_target(os.fspath(path), sector_size=sector_size))
        return disk.window(_extent(disk, partition))
    if found is Content.TABLE:
        raise InvalidRequest(
            f"{path} is {described(found)}: choose one with --partition (osdimage disk show lists them)"
        )
    if found in {None, Content.MISSING, Content.SPECIAL, Content.WIM, Content.CONTAINER}:
        raise TargetRefused(
            f"{path}: is {described(found)}; an image is compared with a directory, with a file or device that holds "
            "one volume, or with a partition of a disk"
        )
    return stack.enter_context(_open_volume(path))


def _open_volume(path: Path) -> FileTarget:
    """Open a file or device that holds one volume; unlike a disk it may be a partition that the kernel knows."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise StorageError(f"{path}: {error.strerror}", path=path, errno=error.errno) from error
    return FileTarget(os.fspath(path), descriptor, Geometry.of_size(os.lseek(descriptor, 0, os.SEEK_END), 512))


def _extent(disk: BlockTarget, number: int) -> Extent:
    table = read_table(disk).require()
    for partition in table.partitions:
        if partition.number == number:
            if not Extent(Lba(0), disk.geometry.sectors).contains(partition.extent):
                raise InvalidVolume(f"{disk.name}: partition {number} is not all on the disk")
            return partition.extent
    numbers = ", ".join(str(partition.number) for partition in table.partitions) or "none"
    raise InvalidRequest(f"{disk.name} has no partition {number}; there are: {numbers}")
