r"""The file systems that osdimage knows, in one table: a new one is a row here and a room beside this file.

Single files of a volume are read and written where they lie, whatever holds them::

    with open_disk(path, write=True) as disk, open_files(disk.volume(3), write=True) as files:
        hive = files.read("Windows/System32/config/SYSTEM", limit=256 * MIB)
        files.write("EFI/Microsoft/Boot/BCD", store, attributes=FileAttribute.ARCHIVE)

Paths begin at the root; ``/`` and ``\\`` separate names, whose case does not matter.  Links and junctions are never
followed: what a path leads to is in this volume.

When the ``with`` statement ends in an error, an NTFS volume stays marked dirty with what was written until then, and a
FAT volume is as it was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from osdimage.imaging.disk.content import Content, FileSystem
from osdimage.imaging.disk.fat_width import FatWidth
from osdimage.imaging.disk.volume import OpenVolume
from osdimage.imaging.errors import InvalidVolume, Means, Remedy, TargetRefused
from osdimage.imaging.logs import logged
from osdimage.imaging.progress import ProgressCallback
from osdimage.imaging.units import Geometry
from osdimage.imaging.volume.files import VolumeFiles

if TYPE_CHECKING:
    from osdimage.imaging.volume.checked import VolumeCheck


@dataclass(frozen=True, slots=True)
class FormatWish:
    """How a volume is to be made.

    Attributes:
        serial: its serial number, of as many bits as the file system has; see :func:`serial_bits`.
        label: the volume label, or None for none.
        cluster_size: in bytes; None for what suits the size.
        quick: leave the free space as it is; otherwise write zeros everywhere.
        is_zero: the window is known to hold nothing but zeros, as in a disk image that was just made.
        is_dirty: mark the volume dirty: whoever makes it has more to write, and calls :func:`mark_clean` in the end.
    """

    serial: int
    label: str | None = None
    cluster_size: int | None = None
    quick: bool = True
    is_zero: bool = False
    is_dirty: bool = False


@dataclass(frozen=True, slots=True)
class _Row:
    """What can be done with volumes of one file system; the modules that do it are imported when they are needed."""

    serial_bits: int
    refuse: Callable[[FormatWish, Geometry], None]
    require: Callable[[str], None]
    format: Callable[[OpenVolume, FormatWish, ProgressCallback | None], None]
    open_files: Callable[[OpenVolume, bool, bool, bool], AbstractContextManager[VolumeFiles]]
    mark_dirty: Callable[[OpenVolume], None]
    mark_clean: Callable[[OpenVolume, bool], None]
    check: Callable[[OpenVolume, int, ProgressCallback | None], VolumeCheck]
    free_bytes: Callable[[OpenVolume], int]


def _refuse_ntfs(wish: FormatWish, geometry: Geometry) -> None:
    from osdimage.imaging.volume.ntfs.format import NtfsFormat, refuse_too_small  # noqa: PLC0415 - see _Row

    NtfsFormat(wish.label or "", wish.cluster_size, serial=wish.serial)
    refuse_too_small(geometry)


def _require_ntfs(name: str) -> None:
    from osdimage.imaging.volume.ntfs.format import require_mkntfs  # noqa: PLC0415 - see _Row

    require_mkntfs(name)


def _require_nothing(name: str) -> None:
    """Make FAT volumes without another program."""


def _refuse_fat(width: FatWidth, wish: FormatWish, geometry: Geometry) -> None:
    from osdimage.imaging.volume.fat.plan import plan_width  # noqa: PLC0415 - see _Row
    from osdimage.imaging.volume.fat.write import FatOptions  # noqa: PLC0415

    FatOptions(wish.serial, wish.label, wish.cluster_size)
    plan_width(geometry, width, wish.cluster_size)


def _format_ntfs(volume: OpenVolume, wish: FormatWish, progress: ProgressCallback | None) -> None:
    from osdimage.imaging.volume.ntfs.format import NtfsFormat, format_ntfs  # noqa: PLC0415 - see _Row

    how = NtfsFormat(
        wish.label or "",
        wish.cluster_size,
        serial=wish.serial,
        quick=wish.quick,
        is_zero=wish.is_zero,
        is_dirty=wish.is_dirty,
    )
    format_ntfs(volume.target, volume.extent, how, progress=progress)


def _format_fat(width: FatWidth, volume: OpenVolume, wish: FormatWish, progress: ProgressCallback | None) -> None:
    from osdimage.imaging.volume.fat.make import format_fat  # noqa: PLC0415 - see _Row
    from osdimage.imaging.volume.fat.write import FatOptions  # noqa: PLC0415

    # The field has 32 bits; beyond them no boot code that reads it can be.
    hidden = volume.extent.first if volume.extent.first < 1 << 32 else 0
    options = FatOptions(
        wish.serial, wish.label, wish.cluster_size, hidden_sectors=hidden, is_dirty=wish.is_dirty, width=width
    )
    format_fat(volume.window(), options, full=not wish.quick, progress=progress)


def _open_ntfs(volume: OpenVolume, write: bool, force: bool, sync: bool) -> AbstractContextManager[VolumeFiles]:  # noqa: FBT001
    from osdimage.imaging.volume.ntfs.files import open_ntfs  # noqa: PLC0415 - see _Row

    return open_ntfs(volume, write=write, force=force, sync=sync)


def _open_fat(volume: OpenVolume, write: bool, force: bool, sync: bool) -> AbstractContextManager[VolumeFiles]:  # noqa: FBT001
    from osdimage.imaging.volume.fat.files import open_fat_files  # noqa: PLC0415 - see _Row

    return open_fat_files(volume, write=write, force=force, sync=sync)


def _dirty_ntfs(volume: OpenVolume) -> None:
    from osdimage.imaging.volume.ntfs import state  # noqa: PLC0415 - see _Row

    with volume.sliced(read_only=True) as piece:
        facts = state.read_facts(volume, piece)
    state.mark_dirty(volume, facts, sync=True)


def _dirty_fat(volume: OpenVolume) -> None:
    from osdimage.imaging.volume.fat.edit import mark_dirty as mark  # noqa: PLC0415 - see _Row

    mark(volume.window())


def _clean_ntfs(volume: OpenVolume, sync: bool) -> None:  # noqa: FBT001
    from osdimage.imaging.volume.ntfs.state import mark_clean as mark  # noqa: PLC0415 - see _Row

    mark(volume, sync=sync)


def _clean_fat(volume: OpenVolume, sync: bool) -> None:  # noqa: FBT001
    from osdimage.imaging.volume.fat.edit import mark_clean as mark  # noqa: PLC0415 - see _Row

    mark(volume.window(), sync=sync)


def _check_ntfs(volume: OpenVolume, most: int, progress: ProgressCallback | None) -> VolumeCheck:
    from osdimage.imaging.volume.checked import judge_ntfs  # noqa: PLC0415 - see _Row

    return judge_ntfs(volume, most, progress)


def _check_fat(volume: OpenVolume, most: int, progress: ProgressCallback | None) -> VolumeCheck:  # noqa: ARG001 - see _Row
    from osdimage.imaging.volume.checked import judge_fat  # noqa: PLC0415 - see _Row

    return judge_fat(volume)


def _free_ntfs(volume: OpenVolume) -> int:
    from osdimage.imaging.volume.ntfs.bitmap import free_bytes as free  # noqa: PLC0415 - see _Row

    return free(volume.window())


def _free_fat(volume: OpenVolume) -> int:
    from osdimage.imaging.volume.fat.read import open_fat  # noqa: PLC0415 - see _Row

    return open_fat(volume.window()).free_bytes()


def _fat(width: FatWidth) -> _Row:
    refuse, make = partial(_refuse_fat, width), partial(_format_fat, width)
    return _Row(32, refuse, _require_nothing, make, _open_fat, _dirty_fat, _clean_fat, _check_fat, _free_fat)


_ROWS = {
    Content.NTFS: _Row(
        64, _refuse_ntfs, _require_ntfs, _format_ntfs, _open_ntfs, _dirty_ntfs, _clean_ntfs, _check_ntfs, _free_ntfs
    ),
    **{width.content: _fat(width) for width in FatWidth},
}
FILE_SYSTEMS = frozenset(_ROWS)
"""Those whose volumes are made, filled, captured, changed and checked."""


def serial_bits(filesystem: FileSystem) -> int:
    """Return how many bits the serial number of a file system has."""
    return _ROWS[filesystem.content].serial_bits


def refuse_impossible(filesystem: FileSystem, wish: FormatWish, geometry: Geometry) -> None:
    """Refuse a volume that cannot be made, before anything of a disk is lost for it.

    Args:
        filesystem: what it is to hold.
        wish: how it is to be made.
        geometry: of the window.

    Raises:
        InvalidRequest: when the window cannot hold the file system, or the label cannot be one.
    """
    _ROWS[filesystem.content].refuse(wish, geometry)


def require_programs(filesystem: FileSystem, name: str) -> None:
    """Refuse a disk, called ``name``, where a program is missing that makes the file system, before it loses anything.

    Raises:
        OsdImageError: naming the program.
    """
    _ROWS[filesystem.content].require(name)


@logged("format {volume} with {filesystem}")
def format_volume(
    volume: OpenVolume, filesystem: FileSystem, wish: FormatWish, *, progress: ProgressCallback | None = None
) -> None:
    """Make a file system in a window of an open disk; what the window held is lost, and nothing outside it is touched.

    Raises:
        InvalidRequest: when the window cannot hold the file system, or the label cannot be one.
        StorageError: when writing failed.
        OsdImageError: when a program that is needed is missing or fails.
    """
    _ROWS[filesystem.content].format(volume, wish, progress)


def mark_dirty(volume: OpenVolume) -> None:
    """Mark a volume dirty: whoever does has several changes to make to it, and takes the mark away in the end.

    Raises:
        InvalidInput: when the volume is damaged.
        StorageError: when writing failed.
    """
    if volume.content in _ROWS:
        _ROWS[volume.content].mark_dirty(volume)


def mark_clean(volume: OpenVolume, *, sync: bool = True) -> None:
    """Take away the dirty mark of a volume that was made with one.

    Raises:
        StorageError: when writing failed.
    """
    if volume.content in _ROWS:
        _ROWS[volume.content].mark_clean(volume, sync)


def free_bytes(volume: OpenVolume) -> int | None:
    """Return what is free in a volume, in bytes: whole clusters.  None for a file system that is not known here.

    Raises:
        InvalidVolume: when it is damaged.
        StorageError: when it cannot be read.
    """
    row = None if volume.content is None else _ROWS.get(volume.content)
    return None if row is None else row.free_bytes(volume)


@logged("check {volume}")
def check_volume(volume: OpenVolume, *, most: int = 20, progress: ProgressCallback | None = None) -> VolumeCheck:
    """Check the file system of a volume, every file of it; nothing is changed.

    Args:
        volume: the volume.
        most: how many faults of each kind are told one by one; all are counted.
        progress: receives events, of a file system on which it takes long.

    Raises:
        InvalidVolume: when it holds no file system that can be checked.
        StorageError: when it cannot be read.
    """
    row = None if volume.content is None else _ROWS.get(volume.content)
    if row is None:
        volume.refuse_encrypted()
        raise InvalidVolume(f"holds {volume.described}; NTFS and FAT volumes are checked", volume=volume.name)
    return row.check(volume, most, progress)


@contextmanager
def open_files(
    volume: OpenVolume, *, write: bool = False, force: bool = False, sync: bool = True
) -> Iterator[VolumeFiles]:
    """Open the files of a volume; what is written is complete when the ``with`` statement has ended well.

    Args:
        volume: the volume, open for writing when ``write`` is set.
        write: whether something will be written.  An NTFS volume is marked dirty meanwhile.
        force: write also to a volume that is marked dirty; one that Windows has in use is refused all the same.
        sync: wait until everything is on the medium.

    Raises:
        TargetRefused: when it holds no NTFS or FAT, must not be written to, or is being written to already; it was
            left as it was.
        InvalidVolume, InvalidInput: when it is damaged, or is to be read and encrypted, and no key opened it.
        StorageError: when reading or writing failed.
    """
    row = None if volume.content is None else _ROWS.get(volume.content)
    if row is None:
        volume.refuse_encrypted()
        remedy = None
        if volume.content is Content.ISO9660:
            remedy = Remedy("{} lists what is on a disc, and a WIM there is named as 'DISC!sources/install.wim'",
                            (Means.LIST_DISC,))  # fmt: skip
        raise TargetRefused(
            f"{volume.name}: holds {volume.described}; files are read and written on NTFS and FAT", remedy=remedy
        )
    alone = volume.target.only_writer(volume.extent) if write else nullcontext()
    with alone, row.open_files(volume, write, force, sync) as files:
        yield files
