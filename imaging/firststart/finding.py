"""The volume of a disk that has a first start."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from osdimage.imaging.disk.opened import open_disk
from osdimage.imaging.disk.opening import AS_FOUND, Opening
from osdimage.imaging.disk.places import open_volume
from osdimage.imaging.disk.volume import OpenVolume
from osdimage.imaging.errors import InvalidRequest, InvalidTable, Means, Remedy
from osdimage.imaging.firststart.folder import FOLDER, PLAN
from osdimage.imaging.firststart.results import FirstStartResults, NoFirstStart, has_first_start, read_results
from osdimage.imaging.volume.eligible import look_over
from osdimage.imaging.volume.filesystems import open_files


@contextmanager
def open_first_start(
    path: str | os.PathLike[str], partition: int | None = None, *, write: bool = False, opening: Opening = AS_FOUND
) -> Iterator[OpenVolume]:
    """Open the one volume of a disk that has a first start.

    Args:
        path: the disk, or a file or device that is one volume.
        partition: the number of the partition; None looks for it.
        write: whether it will be written to.
        opening: how the disk is opened.

    Raises:
        NoFirstStart: when none of its volumes has one, and none is chosen.
        InvalidRequest: when several do.
        InvalidVolume, StorageError, TargetRefused: when it cannot be read.
    """
    with ExitStack() as stack:
        if partition is not None:
            yield stack.enter_context(open_volume(path, partition, write=write, opening=opening, share=not write))
        else:
            yield _found(stack, path, opening, write=write)


def _found(stack: ExitStack, path: str | os.PathLike[str], opening: Opening, *, write: bool) -> OpenVolume:
    try:
        with ExitStack() as tried:
            disk = tried.enter_context(open_disk(path, write=write, opening=opening, share=not write))
            eligible = [disk.volume(each.number) for each in look_over(disk).eligible(with_efi=False)]
            volume = _only([each for each in eligible if _has_one(each)], path)
            stack.push(tried.pop_all())
            return volume
    except InvalidTable:
        return stack.enter_context(open_volume(path, write=write, opening=opening, share=not write))


def _has_one(volume: OpenVolume) -> bool:
    with open_files(volume) as files:
        return has_first_start(files)


def _only(found: list[OpenVolume], path: str | os.PathLike[str]) -> OpenVolume:
    if len(found) == 1:
        return found[0]
    if not found:
        raise NoFirstStart(f"{path}: there is no first start on it: no volume has {FOLDER}\\{PLAN}")
    numbers = ", ".join(str(each.partition) for each in found)
    remedy = Remedy("{} chooses one", (Means.PARTITION,))
    raise InvalidRequest(f"{path}: there are first starts on partitions {numbers}", remedy=remedy)


def find_results(
    path: str | os.PathLike[str], opening: Opening = AS_FOUND, partition: int | None = None
) -> FirstStartResults:
    """Read what became of the first start of the one Windows on a disk that has one; nothing is written.

    Args:
        path: the disk, or a file or device that is one volume.
        opening: how it is opened.
        partition: the number of the partition; None looks for it.

    Raises:
        NoFirstStart: when none of its volumes has one.
        InvalidRequest: when several do.
        InvalidDocument: as :func:`~osdimage.imaging.firststart.results.read_results`.
        InvalidVolume, StorageError, TargetRefused: when it cannot be read.
    """
    with open_first_start(path, partition, opening=opening) as volume, open_files(volume) as files:
        return read_results(files)
