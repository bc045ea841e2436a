r"""Hives where they are: a file, a file inside an NTFS or FAT volume, or a file inside an image of a WIM."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

from osdimage.imaging.disk.opening import AS_FOUND, Opening
from osdimage.imaging.disk.wim_mark import WIM_MAGICS
from osdimage.imaging.errors import InvalidInput, InvalidRequest, Means, Remedy, StorageError, TargetRefused, explain
from osdimage.imaging.logs import logged
from osdimage.imaging.registry.beside import (
    empty_files,
    log_paths,
    logs_beside,
    logs_in,
    logs_of,
    read_beside,
    read_with_logs,
    with_empty_logs,
    write_beside,
)
from osdimage.imaging.registry.edits import full_path, hive_path, registry_prefix
from osdimage.imaging.registry.hive import Hive
from osdimage.imaging.registry.hive_log import LogFile
from osdimage.imaging.registry.read import read_hive
from osdimage.imaging.registry.write import write_hive
from osdimage.imaging.scratch import scratch_folder
from osdimage.imaging.units import MIB
from osdimage.imaging.wim.extracted.options import ExtractOptions
from osdimage.imaging.wim.placed.on_disc import disc_path, refuse_on_disc
from osdimage.imaging.wim.placed.place import opened_file
from osdimage.imaging.wim.select import ImageSelector

if TYPE_CHECKING:
    from osdimage.imaging.disk.volume import OpenVolume
    from osdimage.imaging.volume.files import VolumeFiles
    from osdimage.imaging.wim.edited.commands import Contents
    from osdimage.imaging.wim.image import WimImage

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
        replays: whether a hive that Windows did not close is read with the changes that are in its logs.
    """

    target: Path
    hive: str | None = None
    partition: int | None = None
    selector: ImageSelector = field(default_factory=ImageSelector)
    prefix: str | None = None
    opening: Opening = AS_FOUND
    refs: tuple[str, ...] = ()
    replays: bool = True

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
        return _load_own_file(address)
    if address.is_in_wim:
        return _load_from_wim(address)
    return _load_from_volume(address)


@logged("change {address}")
def change_hive(
    address: HiveAddress, change: Callable[[Hive], Result], *, now: datetime | None = None, force: bool = False
) -> Result:
    """Change a hive where it is: read it, call ``change`` with it, and write it if something changed.

    A file is replaced in one step when the new one is complete; inside a volume the file is written in place, with the
    old contents kept until the new ones are on the medium (:mod:`osdimage.imaging.volume.files`); a WIM is appended to
    (:mod:`osdimage.imaging.service.replace`).  The logs of a hive that Windows did not close are emptied after that, in
    a volume or WIM together with it.

    Args:
        address: where it is.
        change: changes the hive in memory; what it returns is returned.  When it raises, nothing is written.
        now: the time of what was changed; None leaves all times as they are.
        force: write also a hive whose last changes are in logs that cannot be used, or are not to be; they are lost
            then.  And write to a volume that is marked dirty.

    Raises:
        TargetRefused: when the hive or volume is dirty, or cannot be written to; nothing was written.
        InvalidInput, InvalidRequest, StorageError: as :func:`load_hive`.
    """
    _check(address)
    refuse_on_disc(address.target)
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


@dataclass(frozen=True, slots=True)
class _Changed(Generic[Result]):
    """What came of a change: its result; the new file, or None when nothing changed; whether logs are emptied then."""

    result: Result
    data: bytes | None
    empties_logs: bool


def _changed(hive: Hive, change: Callable[[Hive], Result], *, now: datetime | None, force: bool) -> _Changed[Result]:
    if hive.is_dirty and not force:
        # Refused before the change is tried.
        write_hive(hive)
    result = change(hive)
    return _Changed(result, write_hive(hive, now=now, force=force) if hive.is_changed else None, hive.is_unclosed)


# ---- a file


def _head(path: Path, size: int, magic: bytes = b"") -> bytes:
    """Return the first bytes of a file; of one that does not begin with ``magic`` only as many as that has."""
    try:
        if disc_path(path) is not None:
            with opened_file(path) as placed:
                return placed.read(size if placed.read(len(magic), 0) == magic else len(magic), 0)
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


def _load_own_file(address: HiveAddress) -> Hive:
    """Read the file that was given as a hive; of what is none, a disk perhaps, not more than its first bytes."""
    path = address.target
    data = _read_file(path, _HIVE_MAGIC)
    if not data.startswith(_HIVE_MAGIC):
        # Its first block may be damaged, of which its logs have a copy.
        if not (address.replays and any(each.data.startswith(_HIVE_MAGIC) for each in logs_beside(path))):
            raise InvalidInput(f"{path}: not a registry hive: it does not begin with 'regf'", remedy=_NAME_IT)
        data = _read_file(path)
    return read_with_logs(data, lambda: logs_beside(path), name=str(address), replays=address.replays)


def _change_file(
    address: HiveAddress, change: Callable[[Hive], Result], *, now: datetime | None, force: bool
) -> Result:
    from osdimage.imaging.output import new_file  # noqa: PLC0415 - only changes need it

    changed = _changed(_load_own_file(address), change, now=now, force=force)
    data = changed.data
    if data is not None:
        with new_file(address.target, replace=True) as descriptor, open(descriptor, "wb", closefd=False) as file:
            # In pieces: a signal is answered between them.
            file.writelines(memoryview(data)[at : at + _PIECE] for at in range(0, len(data), _PIECE))
        # Only now: until the new file is on the medium, the old one needs them.
        if changed.empties_logs:
            empty_files(address.target)
    return changed.result


# ---- a volume


@contextmanager
def _open_volume(address: HiveAddress, *, write: bool = False) -> Iterator[OpenVolume]:
    """Open the volume with the hive; of a disk one of the partitions must have been chosen."""
    from osdimage.imaging.disk.places import open_volume  # noqa: PLC0415
    from osdimage.imaging.disk.tables.read import read_table  # noqa: PLC0415 - reading a plain file needs no library

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

    with _open_volume(address) as volume, open_files(volume) as files, _telling_of_the_other(address, files):
        return read_beside(files, address.path, limit=MAX_HIVE_BYTES, name=str(address), replays=address.replays)


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
            old = files.read(address.path, limit=MAX_HIVE_BYTES)
            other = _whole_beside(address, files, old)
            hive = read_with_logs(
                old if other is None else other,
                lambda: logs_in(files, address.path),
                name=str(address),
                replays=address.replays,
            )
            changed = _changed(hive, change, now=now, force=force)
            # What an earlier version was writing is written, also without a change.
            data = other if changed.data is None else changed.data
        if data is not None:
            empties = changed.empties_logs or other is not None
            with open_files(volume, write=True, force=force) as files:
                write_beside(files, address.path, data, empties_logs=empties)
    return changed.result


# ---- a WIM


def _load_from_wim(address: HiveAddress) -> Hive:
    from osdimage.imaging.wim.file import WimFile  # noqa: PLC0415 - reading a plain file needs no library

    with scratch_folder() as folder, WimFile.open(address.target, refs=address.refs) as wim:
        image = wim.select(address.selector)

        def contents(path: str) -> bytes | None:
            into = folder / str(len(list(folder.iterdir())))
            into.mkdir()
            image.extract([f"/{path}"], into, ExtractOptions(limit_bytes=MAX_HIVE_BYTES))
            found = [each for each in into.iterdir() if each.is_file() and not each.is_symlink()]
            return _read_file(found[0]) if len(found) == 1 else None

        def logs() -> list[LogFile]:
            held: dict[str, bytes] = {}
            for each in log_paths(address.path):
                if _is_in(image, each) and (log := contents(each)) is not None:
                    held[each] = log
            return logs_of(address.path, held)

        data = contents(address.path)
        if data is None:
            raise InvalidRequest(f"{address}: is not one file of the image")
        return read_with_logs(data, logs, name=str(address), replays=address.replays)


def _is_in(image: WimImage, path: str) -> bool:
    try:
        return bool(image.entries(f"/{path}", recursive=False))
    except InvalidRequest:
        return False


def _change_in_wim(
    address: HiveAddress, change: Callable[[Hive], Result], *, now: datetime | None, force: bool
) -> Result:
    from osdimage.imaging.service.replace import replace_files  # noqa: PLC0415 - as above

    path = address.path
    results: list[Result] = []

    def work(old: Contents) -> Contents:
        hive = read_with_logs(old[path], lambda: logs_of(path, old), name=str(address), replays=address.replays)
        changed = _changed(hive, change, now=now, force=force)
        results.append(changed.result)
        return {} if changed.data is None else with_empty_logs(path, old, changed.data, hive)

    paths = (path, *log_paths(path))
    replace_files(address.target, address.selector, paths, work, limit_bytes=MAX_HIVE_BYTES, refs=address.refs)
    return results[0]
