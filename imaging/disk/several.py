"""Several disks that are opened at once, and whether Windows could tell them apart."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from osdimage.imaging.disk.distinct import refuse_repeated
from osdimage.imaging.disk.opened import Disk, open_disk
from osdimage.imaging.disk.opening import AS_FOUND, Opening

if TYPE_CHECKING:
    # With it comes construct, which whoever only opens disks need not wait for.
    from osdimage.imaging.disk.tables.table import PartitionTable


@contextmanager
def open_disks(
    paths: Sequence[str | os.PathLike[str]],
    *,
    write: bool = False,
    opening: Opening = AS_FOUND,
    share: bool = False,
) -> Iterator[tuple[Disk, ...]]:
    """Open several disks, and close them at the end.

    They are locked in the order of their devices and inodes, whatever the order of the paths: of two programs that want
    the same disks one has all of them.

    Args:
        paths: of the disks.
        write: whether they will be written to.
        opening: as :func:`~osdimage.imaging.disk.opened.open_disk` takes it.
        share: as there.

    Yields:
        The disks in the order of their paths.

    Raises:
        InvalidRequest: when two paths lead to one disk, or to parts of one.
        OsdImageError: as :func:`~osdimage.imaging.disk.opened.open_disk`.
    """
    refuse_repeated(paths)
    with ExitStack() as stack:
        found = {
            place: stack.enter_context(open_disk(paths[place], write=write, opening=opening, share=share))
            for place in lock_order(paths)
        }
        yield tuple(found[place] for place in range(len(paths)))


def lock_order(paths: Sequence[str | os.PathLike[str]]) -> list[int]:
    """Return the places of paths in the order in which their disks are locked when they are opened together."""
    return sorted(range(len(paths)), key=lambda each: rank_of(Path(paths[each])))


def rank_of(path: Path) -> tuple[int, int, int]:
    """Return by what disks are ordered that are locked together: a device by its number, a file by where it is."""
    try:
        facts = path.stat()
    except OSError:
        # Opening it says why.
        return (0, 0, 0)
    return (facts.st_rdev, facts.st_dev, facts.st_ino)


def shared_identity(one: PartitionTable, other: PartitionTable) -> str | None:
    """Return what two disks have in common by which Windows tells disks apart, as a clone has; None when nothing."""
    for what, mine, its in (
        ("GUID", one.disk_guid, other.disk_guid),
        ("signature", one.disk_signature or None, other.disk_signature or None),
    ):
        if mine is not None and mine == its:
            return f"{what} {mine:08X}" if isinstance(mine, int) else f"{what} {mine}"
    return None
