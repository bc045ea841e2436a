"""Disk images in the formats of virtual machines, through qemu-img."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path

from osdimage.imaging.disk.image import blank_image
from osdimage.imaging.disk.opened import Disk
from osdimage.imaging.disk.wim_mark import is_wim
from osdimage.imaging.errors import Means, OsdImageError, Remedy, TargetRefused
from osdimage.imaging.logs import ran
from osdimage.imaging.output import nameless_file, new_file, path_of


class DiskFormat(StrEnum):
    """Formats of disk images."""

    RAW = "raw"
    QCOW2 = "qcow2"
    VHDX = "vhdx"
    VHD = "vhd"


# What qemu-img calls them.  Without force_size a VHD has the size of a whole number of cylinders, and the copy of a GPT
# at the end of the disk would not be at the end.
_ARGUMENTS = {
    DiskFormat.QCOW2: ("-O", "qcow2"),
    DiskFormat.VHDX: ("-O", "vhdx", "-o", "subformat=dynamic"),
    DiskFormat.VHD: ("-O", "vpc", "-o", "subformat=dynamic,force_size=on"),
}


@contextmanager
def raw_beside(
    destination: Path, disk_format: DiskFormat, size_bytes: int, *, sector_size: int, replace: bool
) -> Iterator[Disk]:
    """Yield a blank raw disk, which becomes a file of another format when the body ends well.

    The raw disk is a sparse file without a name in the folder of the destination, and so is what it is converted to
    until it is complete: whatever happens, SIGKILL too, the destination appears complete or not at all, and nothing
    else stays.  See :mod:`osdimage.imaging.output` for file systems that have no files without a name.

    Raises:
        InvalidRequest: when the size is not a whole number of sectors.
        TargetRefused: when the destination exists and is not to be replaced, or is not a file.
        OsdImageError: when qemu-img is missing or fails.
        StorageError: when the result cannot be named.
    """
    exists = os.path.lexists(destination)
    if exists and not destination.is_file():
        raise TargetRefused(f"{destination}: is not a regular file; a {disk_format} disk is written to a regular file")
    if exists and not replace:
        remedy = Remedy("let it be replaced ({}), or name another file", (Means.REPLACE,))
        raise TargetRefused(f"{destination}: exists already", remedy=remedy)
    if exists and is_wim(destination):
        raise TargetRefused(f"{destination} is a WIM, not an image of a disk; it is not written over")
    program = shutil.which("qemu-img")
    if program is None:
        raise OsdImageError(
            f"{destination}: qemu-img is needed for {disk_format} and is not installed (Debian: apt install qemu-utils)"
        )
    try:
        with new_file(destination, replace=exists) as made, nameless_file(destination) as raw:
            # Another descriptor of the file: it is closed, and its lock given up, with the disk.
            again = os.open(path_of(raw), os.O_RDWR | os.O_CLOEXEC)
            with blank_image(str(destination), again, size_bytes, sector_size=sector_size) as target:
                yield Disk(target, destination, is_new=True)
            _convert(program, raw, made, disk_format, destination)
    except BaseException as error:
        # What is said of the raw image (how far it came) is of no use: it is removed.
        error.__notes__ = [f"{destination} was not made"]
        raise


def _convert(program: str, raw: int, made: int, disk_format: DiskFormat, destination: Path) -> None:
    command = [program, "convert", "-f", "raw", *_ARGUMENTS[disk_format], path_of(raw), path_of(made)]
    done = subprocess.run(command, pass_fds=(raw, made), capture_output=True, text=True, errors="replace", check=False)
    ran(__name__, command, done.returncode)
    if done.returncode != 0:
        said = " ".join(done.stderr.split()) or f"exit code {done.returncode}"
        raise OsdImageError(f"{destination}: qemu-img could not make the {disk_format} file: {said}")
