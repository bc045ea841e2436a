"""The files of the Windows that a sequence has applied, for looking at it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from osdimage.imaging.files import FileSource
from osdimage.imaging.tasksequence.computer.machine import Machine
from osdimage.imaging.tasksequence.computer.system import TargetSystem
from osdimage.imaging.volume.filesystems import open_files
from osdimage.imaging.wim.file import WimFile


@contextmanager
def files_of(machine: Machine, system: TargetSystem) -> Iterator[FileSource]:
    """Open the files of a Windows: in a rehearsal those of the image that would be there.

    Raises:
        OsdImageError: when the image or the volume cannot be read.
    """
    if system.image is not None:
        with WimFile.open(system.image.path) as wim:
            yield wim.image(system.image.index).files()
        return
    with (
        machine.opened(system.place.disk) as disk,
        open_files(disk.volume(system.place.partition)) as files,
    ):
        yield files
