"""Disk images in the formats of virtual machines, through qemu-img."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from enum import StrEnum
from pathlib import Path

from osdimage.imaging.errors import OsdImageError, StorageError, TargetRefused


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
def raw_beside(destination: Path, disk_format: DiskFormat, *, replace: bool) -> Iterator[Path]:
    """Yield the path for a raw disk image, which becomes a file of another format when the body ends well.

    The raw image is a temporary file beside the destination, sparse, and removed in any case.  The destination appears
    complete or not at all.

    Raises:
        TargetRefused: when the destination exists and is not to be replaced, or is not a file.
        OsdImageError: when qemu-img is missing or fails.
        StorageError: when the result cannot be named.
    """
    if os.path.lexists(destination) and not (replace and destination.is_file()):
        raise TargetRefused(f"{destination}: exists already; a {disk_format} file is written new")
    program = shutil.which("qemu-img")
    if program is None:
        raise OsdImageError(
            f"{destination}: qemu-img is needed for {disk_format} and is not installed (Debian: apt install qemu-utils)"
        )
    token = os.urandom(6).hex()
    raw = destination.parent / f".osdimage-{token}.raw"
    made = destination.parent / f".osdimage-{token}.{disk_format}"
    try:
        yield raw
        _convert(program, raw, made, disk_format, destination)
        try:
            with made.open("rb") as file:
                os.fsync(file.fileno())
            made.replace(destination)
        except OSError as error:
            raise StorageError(f"{destination}: {error.strerror}", path=destination, errno=error.errno) from error
    except BaseException as error:
        # What is said of the raw image (how far it came) is of no use: it is removed.
        error.__notes__ = [f"{destination} was not made"]
        raise
    finally:
        for leftover in (raw, made):
            with suppress(OSError):
                leftover.unlink()


def _convert(program: str, raw: Path, made: Path, disk_format: DiskFormat, destination: Path) -> None:
    command = [program, "convert", "-f", "raw", *_ARGUMENTS[disk_format], os.fspath(raw), os.fspath(made)]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    if done.returncode != 0:
        said = " ".join(done.stderr.split()) or f"exit code {done.returncode}"
        raise OsdImageError(f"{destination}: qemu-img could not make the {disk_format} file: {said}")
