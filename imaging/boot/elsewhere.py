"""The system partition on another disk than Windows: what the two disks must be so that firmware and Windows agree."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from osdimage.imaging.boot.places import BootPlaces, choose_system, firmware_of, numbered
from osdimage.imaging.disk.distinct import refuse_repeated
from osdimage.imaging.disk.opened import Disk, open_disk
from osdimage.imaging.disk.opening import AS_FOUND, Opening
from osdimage.imaging.disk.tables.table import PartitionTable
from osdimage.imaging.errors import TargetRefused

_SYS = Path("/sys/dev/block")


def choose_places_on_two(
    windows: PartitionTable, system: PartitionTable, number: int, chosen: int | None
) -> BootPlaces:
    """Return the partitions that take part, each of the table of its disk.

    Args:
        windows: of the disk with Windows.
        system: of the disk that firmware starts.
        number: of the partition with Windows.
        chosen: the number of the system partition, or None: the EFI system partition, or the active one.

    Raises:
        InvalidRequest: when there is none, or the named one cannot be it.
    """
    firmware, partition = choose_system(system, chosen)
    return BootPlaces(firmware, partition, numbered(windows, number))


def refuse_alike(one: PartitionTable, name: str, system: Disk) -> None:
    """Refuse two disks that a boot manager cannot tell apart, or that need different firmware.

    Args:
        one: the table of the disk with Windows.
        name: what messages call it.
        system: the disk with the boot manager.

    Raises:
        TargetRefused: when one has the identity of the other, as a clone has: Windows would change that of one.
        InvalidInput: when one has no partition table.
        StorageError: when one cannot be read.
    """
    other = system.table
    if firmware_of(one) is not firmware_of(other):
        raise TargetRefused(
            f"{name} is {one.scheme.upper()} and {system.name} is {other.scheme.upper()}: UEFI starts Windows "
            "from GPT disks and a BIOS from MBR disks; valid are two disks of one kind"
        )
    for what, mine, its in (
        ("GUID", one.disk_guid, other.disk_guid),
        ("signature", one.disk_signature or None, other.disk_signature or None),
    ):
        if mine is not None and mine == its:
            told = f"{mine:08X}" if isinstance(mine, int) else str(mine)
            raise TargetRefused(
                f"{name} and {system.name} have the same disk {what} {told}, as a clone has: Windows would "
                "give one of them another, and the boot manager find nothing; valid are disks with different ones"
            )


def removable_warning(system: Disk) -> str | None:
    """Return a sentence about a system disk that may not be there when the machine starts, or None."""
    if not system.target.is_device:
        return None
    try:
        number = system.path.stat().st_rdev
        flag = (_SYS / f"{os.major(number)}:{os.minor(number)}" / "removable").read_text()
    except OSError:
        return None
    if flag.strip() != "1":
        return None
    return f"{system.name}: is removable; without it Windows on the other disk does not start"


@contextmanager
def open_disks(
    paths: Sequence[str | os.PathLike[str]], *, write: bool = False, opening: Opening = AS_FOUND
) -> Iterator[tuple[Disk, ...]]:
    """Open several disks, and close them at the end.

    They are locked in the order of their devices and inodes, whatever the order of the paths: of two programs that want
    the same disks one has all of them.

    Args:
        paths: of the disks.
        write: whether they will be written to.
        opening: as :func:`~osdimage.imaging.disk.opened.open_disk` takes it.

    Yields:
        The disks in the order of their paths.

    Raises:
        InvalidRequest: when two paths lead to one disk, or to parts of one.
        OsdImageError: as :func:`~osdimage.imaging.disk.opened.open_disk`.
    """
    refuse_repeated(paths)
    with ExitStack() as stack:
        found = {
            place: stack.enter_context(open_disk(paths[place], write=write, opening=opening))
            for place in sorted(range(len(paths)), key=lambda each: rank_of(Path(paths[each])))
        }
        yield tuple(found[place] for place in range(len(paths)))


def rank_of(path: Path) -> tuple[int, int, int]:
    """Return by what disks are ordered that are locked together: a device by its number, a file by where it is."""
    try:
        facts = path.stat()
    except OSError:
        # Opening it says why.
        return (0, 0, 0)
    return (facts.st_rdev, facts.st_dev, facts.st_ino)
