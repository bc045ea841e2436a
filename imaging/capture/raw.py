"""The bytes of a partition as an image: one file, in which what the partition has as zeros is a hole."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from osdimage.imaging.capture.scan import Scanned
from osdimage.imaging.disk.opened import Disk
from osdimage.imaging.disk.raw import pieces
from osdimage.imaging.disk.tables.table import Partition
from osdimage.imaging.errors import StorageError
from osdimage.imaging.output import nameless_file, path_of
from osdimage.imaging.progress import Meter, Phase
from osdimage.imaging.wim.described.captured import BYTES_FILE
from osdimage.imaging.wim.described.properties import ImageProperties
from osdimage.imaging.wim.failures import wim_errors
from osdimage.native.wim.handles import WimHandle


@contextmanager
def copied(disk: Disk, partition: Partition, *, beside: Path, meter: Meter) -> Iterator[tuple[int, int]]:
    """Copy the bytes of a partition to a file without a name, for the body of the ``with``.

    Yields:
        Its descriptor, and its size in bytes.

    Raises:
        StorageError: when the disk cannot be read, or the file not be written.
    """
    size = partition.extent.count * disk.geometry.sector_size
    with nameless_file(beside) as descriptor:
        try:
            os.ftruncate(descriptor, size)
            for at, data in pieces(disk.target, partition.extent):
                meter.step(Phase.SCAN, at, size)
                _write(descriptor, data, at)
        except OSError as error:
            raise StorageError(
                f"{beside}: the bytes of partition {partition.number} cannot be kept beside it for a while: "
                f"{error.strerror}",
                path=beside,
                errno=error.errno,
            ) from error
        yield descriptor, size


def _write(descriptor: int, data: bytes, at: int) -> None:
    view = memoryview(data)
    while view:
        done = os.pwrite(descriptor, view, at)
        view, at = view[done:], at + done


def add_bytes(handle: WimHandle, descriptor: int, size: int, wanted: ImageProperties) -> Scanned:
    """Add an image with a file of an open descriptor, which stays open until the WIM is written."""
    with wim_errors(wanted.name or ""):
        index = handle.add_empty_image(wanted.name or "")
        handle.add_file(index, path_of(descriptor), f"/{BYTES_FILE}")
    for element, value in wanted.by_element().items():
        if element != "NAME":
            handle.set_image_property(index, element, value)
    return Scanned(
        index=index,
        name=wanted.name or "",
        directories=1,
        files=1,
        size=size,
        excluded=0,
        excluded_paths=(),
        unsupported=(),
        losses=(),
        odd_names=(),
        warnings=(),
    )
