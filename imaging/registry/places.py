r"""Hives where they are: a file, a file inside an NTFS or FAT32 volume, or a file inside an image of a WIM."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from osdimage.imaging.disk.container import WIM_MAGICS
from osdimage.imaging.disk.opening import AS_FOUND, Opening
from osdimage.imaging.errors import InvalidInput, InvalidRequest, Means, Remedy, StorageError, TargetRefused, explain
from osdimage.imaging.logs import logged
from osdimage.imaging.registry.edits import full_path, hive_path, registry_prefix
from osdimage.imaging.registry.hive import Hive
from osdimage.imaging.registry.read import read_hive
from osdimage.imaging.registry.write import write_hive
from osdimage.imaging.scratch import scratch_folder
from osdimage.imaging.units import MIB
from osdimage.imaging.wim.extracted.options import ExtractOptions
from osdimage.imaging.wim.select import ImageSelector

if TYPE_CHECKING:
    from osdimage.imaging.disk.volume import OpenVolume
    from osdimage.imaging.volume.files import VolumeFiles

MAX_HIVE_BYTES = 1024 * MIB
"""Larger files are not read: Windows itself gives a hive 2 GB at most, and SOFTWARE has about 100 MB."""
_HIVE_MAGIC = b"regf"
_PIECE = 8 * MIB

Result = TypeVar("Result")

_NAME_IT = Remedy("where it holds hives, name one, such as SYSTEM, with {}", (Means.HIVE,))


@dataclass(frozen=True, slots=True)
class HiveAddress:
    r"""Where a hive is.

    Attributes:
        target: the hive's own file; or a disk, a volume, or a WIM that holds it.
        hive: what it is called inside: ``SYSTEM`` and the like, or a path such as ``Users\x\NTUSER.DAT``; None when the
            target is the hive.
        partition: of a disk: the number of the partition.
        selector: of a WIM: which image.
        prefix: what the hive is called in the registry; None: what its name says.
        opening: of a disk: how it is opened.
        refs: of a WIM: files or glob patterns of files with contents: parts of a split WIM, or the base of a delta.
    """

    target: Path
    hive: str | None = None
    partition: int | None = None
    selector: ImageSelector = field(default_factory=ImageSelector)
    prefix: str | None = None
    opening: Opening = AS_FOUND
    refs: tuple[str, ...] = ()

    @property
    def registry_prefix(self) -> str:
        r"""What the hive is called in the registry, such as ``HKEY_LOCAL_MACHINE\SYSTEM``."""
        return full_path(self.prefix) if self.prefix else registry_prefix(self.hive or self.target.name)

    @property
    def path(self) -> str:
        """The path inside the target; empty when the target is the hive."""
        return hive_path(self.hive) if self.hive is not None else ""

    @property
    def is_in_wim(self) -> bool:
        """Whether the target is a WIM that holds the hive; with a partition it is a disk."""
        return self.hive is not None and self.partition is None and _head(self.target, 8) in WIM_MAGICS

    def __str__(self) -> str:
        """Return what messages call it."""
        inside = f" partition {self.partition}" if self.partition is not None else ""
        return f"{self.target}{inside}" + (f": {self.path}" if self.path else "")


def load_hive(address: HiveAddress) -> Hive:
    """Read a hive where it is; nothing is written.

    Raises:
        InvalidInput: when it is damaged or no hive.
        InvalidRequest: when there is no such file, partition or image.
        StorageError, TargetRefused: when it cannot be read.
    """
    _check(address)
    if address.hive is None:
        data = _read_own_file(address.target)
    elif address.is_in_wim:
        with scratch_folder() as folder:
            data = _read_from_wim(address, folder)
    else:
        return _load_from_volume(address)
    return read_hive(data, name=str(address))


@logged("change {address}")
def change_hive(
    address: HiveAddress, change: Callable[[Hive], Result], *, now: datetime | None = None, force: bool = False
) -> Result:
    """Change a hive where it is: read it, call ``change`` with it, and write it if something changed.

    A file is replaced in one step when the new one is complete; inside a volume the file is written in place, with the
    old contents kept until the new ones are on the medium (:mod:`osdimage.imaging.volume.files`); a WIM is appended to
    (:mod:`osdimage.imaging.service.replace`).

    Args:
        address: where it is.
        change: changes the hive in memory; what it returns is returned.  When it raises, nothing is written.
        now: the time of what was changed; None leaves all times as they are.
        force: write also a dirty hive, whose last changes are lost then, and to a volume that is marked dirty.

    Raises:
        TargetRefused: when the hive or volume is dirty, or cannot be written to; nothing was written.
        InvalidInput, InvalidRequest, StorageError: as :func:`load_hive`.
    """
    _check(address)
    if address.hive is None:
        return _change_file(address, change, now=now, force=force)
    if address.is_in_wim:
        return _change_in_wim(address, change, now=now, force=force)
    return _change_in_volume(address, change, now=now, force=force)


def _check(address: HiveAddress) -> None:
    if address.hive is None and (address.partition is not None or address.selector != ImageSelector()):
        raise InvalidRequest(
            f"{address.target}: a partition or an image was chosen, but no hive in it", remedy=_NAME_IT
        )
    if address.refs and not address.is_in_wim:
        raise InvalidRequest(f"{address}: is not in a WIM, whose contents could be in other files")


def _changed_bytes(
    address: HiveAddress, data: bytes, change: Callable[[Hive], Result], *, now: datetime | None, force: bool
) -> tuple[Result, bytes | None]:
    """Return what ``change`` returned, and the new file, or None when nothing changed."""
    hive = read_hive(data, name=str(address))
    if hive.is_dirty and not force:
        # Refused before the change is tried.
        write_hive(hive)
    result = change(hive)
    return result, write_hive(hive, now=now, force=force) if hive.is_changed else None


# ---- a file


def _head(path: Path, size: int, magic: bytes = b"") -> bytes:
    """Return the first bytes of a file; of one that does not begin with ``magic`` only as many as that has."""
    try:
        with path.open("rb") as file:
            data = file.read(len(magic))
            if data != magic:
                return data
            if file.seekable():
                # At once, so that a large file is in memory once.
                file.seek(0)
                return file.read(min(size, os.fstat(file.fileno()).st_size + 1))
            # A pipe.
            return data + file.read(size - len(data))
    except OSError as error:
        raise StorageError(f"{path}: {error.strerror}", path=path, errno=error.errno) from error


def _read_file(path: Path, magic: bytes = b"") -> bytes:
    data = _head(path, MAX_HIVE_BYTES + 1, magic)
    if len(data) > MAX_HIVE_BYTES:
        raise InvalidRequest(f"{path}: is larger than any hive", remedy=_NAME_IT)
    return data


def _read_own_file(path: Path) -> bytes:
    """Read the file that was given as a hive; of what is none, a disk perhaps, not more than its first bytes."""
    data = _read_file(path, _HIVE_MAGIC)
    if not data.startswith(_HIVE_MAGIC):
        raise InvalidInput(f"{path}: not a registry hive: it does not begin with 'regf'", remedy=_NAME_IT)
    return data


def _change_file(
    address: HiveAddress, change: Callable[[Hive], Result], *, now: datetime | None, force: bool
) -> Result:
    from osdimage.imaging.output import new_file  # noqa: PLC0415 - only changes need it

    result, data = _changed_bytes(address, _read_own_file(address.target), change, now=now, force=force)
    if data is not None:
        with new_file(address.target, replace=True) as descriptor, open(descriptor, "wb", closefd=False) as file:
            # In pieces: a signal is answered between them.
            file.writelines(memoryview(data)[at : at + _PIECE] for at in range(0, len(data), _PIECE))
    return result


# ---- a volume


@contextmanager
def _open_volume(address: HiveAddress, *, write: bool = False) -> Iterator[OpenVolume]:
    """Open the volume with the hive; of a disk one of the partitions must have been chosen."""
    from osdimage.imaging.disk.opened import open_volume  # noqa: PLC0415
    from osdimage.imaging.disk.read import read_table  # noqa: PLC0415 - reading a plain file needs no library

    with (
        _blaming_the_choice(address),
        open_volume(address.target, address.partition, write=write, opening=address.opening) as volume,
    ):
        table = read_table(volume.target).table if address.partition is None and volume.content is None else None
        if table is not None:
            held = [f"{each.number} ({each.type_label})" for each in table.partitions if not each.is_extended]
            text = f"{address.target}: is a disk with a partition table: {', '.join(held) or 'it has no partition'}"
            remedy = Remedy("{} chooses the one with the hive", (Means.PARTITION_NUMBER,))
            raise InvalidRequest(text, remedy=remedy)
        yield volume


@contextmanager
def _blaming_the_choice(address: HiveAddress) -> Iterator[None]:
    """Say that it was wrong to choose a partition where there can be none."""
    try:
        yield
    except (InvalidInput, TargetRefused) as error:
        if _head(address.target, 8) in WIM_MAGICS:
            raise InvalidRequest(f"{address.target}: is a WIM; choose an image, not a partition") from error
        raise


def _load_from_volume(address: HiveAddress) -> Hive:
    from osdimage.imaging.volume.filesystems import open_files  # noqa: PLC0415 - reading a plain file needs no library

    with _open_volume(address) as volume, open_files(volume) as files:
        data = files.read(address.path, limit=MAX_HIVE_BYTES)
        with _telling_of_the_other(address, files):
            return read_hive(data, name=str(address))


@contextmanager
def _telling_of_the_other(address: HiveAddress, files: VolumeFiles) -> Iterator[None]:
    """Add to what is said of a damaged hive where the contents are that an interrupted change was writing."""
    from osdimage.imaging.volume.ntfs.files import beside  # noqa: PLC0415 - as above

    try:
        yield
    except InvalidInput as error:
        *above, name = address.path.replace("\\", "/").split("/")
        other = "/".join((*above, beside(name)))
        if files.exists(other):
            text = f"an earlier change was interrupted; what it was to write is in {other}"
            explain(error, text, Remedy("{} reads it", (Means.HIVE_FILE,)))
        raise


def _whole_beside(address: HiveAddress, files: VolumeFiles, data: bytes) -> bytes | None:
    """Return what an interrupted change of an earlier version was writing, when it left the hive damaged."""
    from osdimage.imaging.volume.ntfs.files import beside  # noqa: PLC0415 - as above

    *above, name = address.path.replace("\\", "/").split("/")
    other = "/".join((*above, beside(name)))
    if not files.exists(other) or _is_whole(data, address):
        return None
    found = files.read(other, limit=MAX_HIVE_BYTES)
    return found if _is_whole(found, address) else None


def _is_whole(data: bytes, address: HiveAddress) -> bool:
    try:
        return not read_hive(data, name=str(address)).is_dirty
    except InvalidInput:
        return False


def _change_in_volume(
    address: HiveAddress, change: Callable[[Hive], Result], *, now: datetime | None, force: bool
) -> Result:
    from osdimage.imaging.volume.filesystems import open_files  # noqa: PLC0415 - as above

    with _open_volume(address, write=True) as volume:
        # First only read: a volume is not marked dirty for a change that is refused.
        with open_files(volume) as files:
            old, is_mended = files.read(address.path, limit=MAX_HIVE_BYTES), False
            other = _whole_beside(address, files, old)
            if other is not None:
                old, is_mended = other, True
            result, data = _changed_bytes(address, old, change, now=now, force=force)
            data = old if data is None and is_mended else data
        if data is not None:
            with open_files(volume, write=True, force=force) as files:
                files.write(address.path, data)
    return result


# ---- a WIM


def _read_from_wim(address: HiveAddress, folder: Path) -> bytes:
    from osdimage.imaging.wim.file import WimFile  # noqa: PLC0415 - reading a plain file needs no library

    with WimFile.open(address.target, refs=address.refs) as wim:
        image = wim.select(address.selector)
        image.extract([f"/{address.path}"], folder, ExtractOptions(limit_bytes=MAX_HIVE_BYTES))
    found = [each for each in folder.iterdir() if each.is_file()]
    if len(found) != 1:
        raise InvalidRequest(f"{address}: is not one file of the image")
    return _read_file(found[0])


def _change_in_wim(
    address: HiveAddress, change: Callable[[Hive], Result], *, now: datetime | None, force: bool
) -> Result:
    from osdimage.imaging.service.replace import replace_file  # noqa: PLC0415 - as above

    results: list[Result] = []

    def work(old: bytes) -> bytes | None:
        result, new = _changed_bytes(address, old, change, now=now, force=force)
        results.append(result)
        return new

    replace_file(address.target, address.selector, address.path, work, limit_bytes=MAX_HIVE_BYTES, refs=address.refs)
    return results[0]
