"""Writing a disc that was planned."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from osdimage.imaging.disc.written.bridge import bridge
from osdimage.imaging.disc.written.plan import BLOCK_BYTES, FIRST_ENTRY, PARTITION_AT, DiscPlan
from osdimage.imaging.disc.written.udf import directories, file_entries, volume_descriptors
from osdimage.imaging.errors import StorageError
from osdimage.imaging.output import new_file, refuse_full_medium, write_at
from osdimage.imaging.progress import Meter, Phase, ProgressCallback
from osdimage.imaging.units import MIB

_PIECE_BYTES = MIB
# Progress of small files is told together.
_TOLD_BYTES = 4 * MIB


class _StoppedError(Exception):
    """Carries what a listener raised past those who look for errors of the system."""

    def __init__(self, by: BaseException) -> None:
        super().__init__()
        self.by = by


def write_disc(
    plan: DiscPlan, path: str | os.PathLike[str], *, replace: bool = False, progress: ProgressCallback | None = None
) -> None:
    """Write a disc into a new file, which gets its name once it is complete.

    Args:
        plan: the disc.
        path: of the file.
        replace: whether a file of this name is replaced, in one step at the end.
        progress: is told how much of the contents is written; it stops the work by raising an exception of its own.

    Raises:
        TargetRefused: when there is a file of this name, and ``replace`` is false.
        TooSmall: when the file system has less room than the disc has bytes, holes of files among them.
        StorageError: when a file cannot be read or has changed since the plan, or the disc cannot be written.
    """
    destination = Path(path)
    refuse_full_medium(destination, plan.size, "the disc")
    meter = Meter(progress, {Phase.WRITE_DATA: 1})
    with new_file(destination, replace=replace) as descriptor:
        try:
            _fill(plan, descriptor, meter)
        except StorageError:
            raise
        except OSError as error:
            raise StorageError(f"{destination}: {error.strerror}", path=destination) from error
        except _StoppedError as stopped:
            raise stopped.by from None
    meter.finish()


def _fill(plan: DiscPlan, descriptor: int, meter: Meter) -> None:
    os.ftruncate(descriptor, plan.size)
    for block, data in (*bridge(plan), *volume_descriptors(plan)):
        write_at(descriptor, data, block * BLOCK_BYTES)
    at = _write_all(descriptor, file_entries(plan), (PARTITION_AT + FIRST_ENTRY) * BLOCK_BYTES)
    _write_all(descriptor, directories(plan), at)
    total, done, told = plan.contents_bytes, 0, 0

    def copied(count: int) -> None:
        nonlocal done, told
        done += count
        if done - told >= _TOLD_BYTES or done == total:
            told = done
            try:
                meter.step(Phase.WRITE_DATA, done, total)
            except BaseException as error:
                raise _StoppedError(error) from error

    for number in plan.in_order:
        file = plan.nodes[number].file
        if file is not None:
            file.contents.copy_to(descriptor, (PARTITION_AT + plan.starts[number]) * BLOCK_BYTES, copied)


def _write_all(descriptor: int, pieces: Iterable[bytes], at: int) -> int:
    """Write pieces one behind the other, many in one call; return where the last ends."""
    waiting: list[bytes] = []
    size = 0
    for each in pieces:
        waiting.append(each)
        size += len(each)
        if size >= _PIECE_BYTES:
            write_at(descriptor, b"".join(waiting), at)
            at += size
            waiting, size = [], 0
    write_at(descriptor, b"".join(waiting), at)
    return at + size
