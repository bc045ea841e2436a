"""Disks that have their names when they are complete: plain ones, and those of virtual machines, through QEMU."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path

from osdimage.imaging.disk.containers.facts import LARGEST_DISK
from osdimage.imaging.disk.containers.qemu import create_file
from osdimage.imaging.disk.containers.served import ServedTarget
from osdimage.imaging.disk.containers.server import Server
from osdimage.imaging.disk.image import blank_image, refuse_size
from osdimage.imaging.disk.opened import Disk
from osdimage.imaging.disk.target import DiskTarget
from osdimage.imaging.disk.wim_mark import is_wim
from osdimage.imaging.errors import InvalidRequest, Means, Remedy, TargetRefused
from osdimage.imaging.output import new_file, path_of
from osdimage.imaging.units import Bytes, format_size

_SECTOR = 512
_FIRST_PASSED = 10


class DiskFormat(StrEnum):
    """Formats of disk images."""

    RAW = "raw"
    QCOW2 = "qcow2"
    VHDX = "vhdx"
    VHD = "vhd"


# What QEMU calls them, and the options of new ones.  Without force_size a VHD has the size of a whole number of
# cylinders, and the copy of a GPT at the end of the disk would not be at the end.
_DRIVERS = {DiskFormat.QCOW2: "qcow2", DiskFormat.VHDX: "vhdx", DiskFormat.VHD: "vpc"}
_CREATION = {
    DiskFormat.VHDX: ("-o", "subformat=dynamic"),
    DiskFormat.VHD: ("-o", "subformat=dynamic,force_size=on"),
}
_OPENING = {DiskFormat.VHD: ("force_size_calc=current_size",)}


@contextmanager
def new_disk(
    destination: str | os.PathLike[str], disk_format: DiskFormat, size_bytes: int, *, sector_size: int, replace: bool
) -> Iterator[Disk]:
    """Yield a blank disk of a format, whose file has its name when the body ends well.

    It is written to a file without a name in the folder of the destination, by QEMU where it is not raw: whatever
    happens, SIGKILL too, the destination appears complete or not at all, and nothing else stays.  See
    :mod:`osdimage.imaging.output` for file systems that have no files without a name.

    Raises:
        InvalidRequest: when the size is not a whole number of sectors or above 64 TiB, or the format has no sectors of
            that size.
        TargetRefused: when the destination exists and is not to be replaced, or is not a file.
        OsdImageError: when qemu-img or qemu-nbd is missing or fails.
        StorageError: when what was written cannot be stored, or the result not be named.
    """
    destination = Path(destination)
    exists = os.path.lexists(destination)
    if exists and not destination.is_file():
        raise TargetRefused(f"{destination}: is not a regular file; a {disk_format} disk is written to a regular file")
    if exists and not replace:
        remedy = Remedy("let it be replaced ({}), or name another file", (Means.REPLACE,))
        raise TargetRefused(f"{destination}: exists already", remedy=remedy)
    if exists and is_wim(destination):
        raise TargetRefused(f"{destination} is a WIM, not an image of a disk; it is not written over")
    refuse_size(size_bytes, sector_size)
    if size_bytes > LARGEST_DISK:
        raise InvalidRequest(
            f"{destination}: a {disk_format} disk of {format_size(Bytes(size_bytes))} is too large; valid is up to "
            f"{format_size(LARGEST_DISK)}"
        )
    if sector_size != _SECTOR and disk_format not in {DiskFormat.RAW, DiskFormat.QCOW2}:
        raise InvalidRequest(
            f"{destination}: a {disk_format} disk of {sector_size}-byte sectors is not made by QEMU; valid are "
            f"{_SECTOR}, or raw and qcow2"
        )
    before = _identity(destination)
    try:
        with (
            new_file(destination, replace=exists) as made,
            _blank(made, disk_format, size_bytes, sector_size, destination) as target,
        ):
            yield Disk(target, destination, is_new=True)
    except BaseException as error:
        # How far it came is of no use: it is removed.  One that has its name is there, whatever failed then.
        error.__notes__ = [f"{destination} was not made"] if _identity(destination) == before else []
        raise


def _blank(made: int, disk_format: DiskFormat, size_bytes: int, sector_size: int, destination: Path) -> DiskTarget:
    if disk_format is DiskFormat.RAW:
        again = fcntl.fcntl(made, fcntl.F_DUPFD_CLOEXEC, 0)
        return blank_image(str(destination), again, size_bytes, sector_size=sector_size)
    options = ("-f", _DRIVERS[disk_format], *_CREATION.get(disk_format, ()))
    create_file(made, destination, disk_format, options, size_bytes)
    return _served(made, disk_format, sector_size, destination)


def _identity(path: Path) -> tuple[int, int] | None:
    """Return what tells a file from the one that was there before, or None when there is none."""
    try:
        facts = path.stat()
    except OSError:
        return None
    return facts.st_dev, facts.st_ino


def _served(made: int, disk_format: DiskFormat, sector_size: int, destination: Path) -> ServedTarget:
    # The server has its socket at number 3.
    passed = fcntl.fcntl(made, fcntl.F_DUPFD_CLOEXEC, _FIRST_PASSED)
    options = (
        f"driver={_DRIVERS[disk_format]}",
        *_OPENING.get(disk_format, ()),
        "file.driver=file",
        f"file.filename={path_of(passed)}",
        "file.locking=on",
    )
    try:
        # Nobody knows the file before it is complete, and then it is synced as a whole.
        server = Server.start(str(destination), disk_format, options, write=True, files=(passed,), is_unfinished=True)
    finally:
        os.close(passed)
    return ServedTarget(server, sector_size)
