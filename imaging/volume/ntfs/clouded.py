"""An NTFS volume as it would be if no cloud had a hand in it, for who reads it where it lies.

libwim does not look into a directory with a reparse point, as OneDrive gives one to each of its folders
(:mod:`osdimage.imaging.volume.cloud`).  So it is shown the records of such folders, and of the files of which the
contents are here, without that; they become plain ones.  Of files that are in the cloud only the paths are told.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from osdimage.imaging.disk.target import BlockTarget
from osdimage.imaging.disk.volume import OpenVolume
from osdimage.imaging.errors import InvalidVolume
from osdimage.imaging.volume import cloud
from osdimage.imaging.volume.interrupted import settled_window
from osdimage.imaging.volume.ntfs import records
from osdimage.imaging.volume.ntfs.data import Contents
from osdimage.imaging.volume.ntfs.mft import Mft
from osdimage.imaging.volume.ntfs.plain_records import pointless_list, pointless_record
from osdimage.imaging.volume.ntfs.records import Attribute, BootSector, Reference
from osdimage.imaging.volume.ntfs.staged_records import StagedRecords
from osdimage.native.slices.sources import Source, StagedSource

_BOOT_BYTES = 512
_ROOT, _FIRST_USER_RECORD = 5, 24
_DOS = 2
_NAME_AT, _ATTRIBUTES_AT = 66, 32
# A reparse buffer and the data of any provider that is known.
_LARGEST_POINT = (16 << 10) + 24
# Windows takes no longer path; and all of a volume together.
_MAX_PATH, _MAX_PATHS = 32767, 1 << 28
# INDEX_ROOT of <ntfs-3g/layout.h>: its INDEX_HEADER is at 16, and an index that is empty is as long as its last entry.
_INDEX_FLAGS_AT, _EMPTY_INDEX = 28, 48


@dataclass(frozen=True, slots=True)
class WithoutCloud:
    """A volume in which no cloud has a hand.

    Attributes:
        source: where it is read, at the place of the volume.
        elsewhere: the paths, from the root and with ``/`` between their parts, of files of which not all contents are
            here.  They are as they were: who reads them reads zeros.
        in_part: how many folders have more in the cloud than here.
        unread: how many directories with something in them keep a reparse point of another kind, which only a look
            into clusters could tell.
    """

    source: StagedSource
    elsewhere: tuple[str, ...]
    in_part: int
    unread: int


@contextmanager
def without_cloud(volume: OpenVolume, source: Source | None = None) -> Iterator[WithoutCloud]:
    """Yield a volume without what a cloud has done to it.  It is only read.

    Args:
        volume: the volume.
        source: what is read in place of the disk.

    Raises:
        InvalidVolume: when it is damaged.
        StorageError: when it cannot be read.
    """
    sector = volume.target.geometry.sector_size
    begin, length = volume.extent.first * sector, volume.extent.count * sector
    try:
        staged = StagedSource.over(source or volume.target.source, begin, length)
    except OSError as error:
        raise volume.failure(error) from error
    with staged:
        try:
            files = _Files(settled_window(volume))
            files.hide(staged, begin)
        except InvalidVolume as error:
            raise InvalidVolume(error.fault, volume=volume.name) from error
        except OSError as error:
            raise volume.failure(error) from error
        yield WithoutCloud(staged, tuple(sorted(files.elsewhere)), files.in_part, files.unread)


class _Files:
    """The files of a volume that a cloud has a hand in."""

    def __init__(self, window: BlockTarget) -> None:
        size = window.geometry.size_bytes
        self._window = window
        self._boot = BootSector.from_bytes(window.read_at(0, min(_BOOT_BYTES, size)), size)
        self._mft = Mft(window, self._boot)
        self._folders: dict[int, str] = {_ROOT: ""}
        self._length = 0
        self.elsewhere: list[str] = []
        self.in_part = 0
        self.unread = 0

    def hide(self, staged: StagedSource, begin: int) -> None:
        """Show the records of what is here without their reparse points, and list the rest.

        Raises:
            InvalidVolume: when the volume is damaged.
            StorageError, OSError: when it cannot be read, or what is shown not be held.
        """
        shown = StagedRecords(self._window, self._boot, self._mft, staged, begin)
        for number in list(dict.fromkeys(self._with_points())):
            record, attributes = self._mft.whole_record(number)
            if not cloud.is_of_cloud(self._tag(attributes)):
                self.unread += record.is_directory and _has_files(attributes) and _is_in_clusters(attributes)
                continue
            is_elsewhere = cloud.is_elsewhere(_attributes_of(attributes))
            if is_elsewhere and not record.is_directory:
                self.elsewhere += self._paths(attributes, number)
                continue
            self.in_part += is_elsewhere
            shown.change(number, _pointless, pointless_list)

    def _with_points(self) -> Iterator[int]:
        for record in self._mft.each_record(None, frozenset({records.REPARSE_POINT})):
            number = record.number if record.base is None else record.base
            if record.attributes and number >= _FIRST_USER_RECORD:
                yield number

    def _tag(self, attributes: list[Attribute]) -> int | None:
        what = "the reparse point"
        contents = Contents.of([each for each in attributes if each.kind == records.REPARSE_POINT], what)
        point = contents.read(self._window, self._boot, limit=_LARGEST_POINT, what=what)
        return int.from_bytes(point[:4], "little") if len(point) >= 4 else None

    def _paths(self, attributes: list[Attribute], number: int) -> Iterator[str]:
        """Yield the paths of a file; one in a directory that is no more has none."""
        for parent, name in _names(attributes, number):
            folder = self._folder(parent)
            if folder is None:
                continue
            yield self._counted(f"{folder}/{name}")

    def _folder(self, reference: Reference) -> str | None:
        """Return the path of a directory, without an end; None when it is no more."""
        above: list[tuple[int, str]] = []
        length = 0
        while reference.number not in self._folders:
            record = self._mft.record(reference.number)
            if record is None or record.sequence != reference.sequence or not record.is_directory:
                return None
            number = reference.number
            reference, name = next(_names(self._mft.whole_record(number)[1], number), (reference, ""))
            length += 1 + len(name)
            if not name or length > _MAX_PATH:
                raise InvalidVolume(f"the directory of MFT record {number} is in itself, or has no name")
            above.append((number, name))
        path = self._folders[reference.number]
        for number, name in reversed(above):
            path = self._folders[number] = self._counted(f"{path}/{name}")
        return path

    def _counted(self, path: str) -> str:
        """Return a path that is kept, unless all of them are too long."""
        self._length += len(path)
        if self._length > _MAX_PATHS:
            raise InvalidVolume(f"the paths of the volume are too long, such as {path[:80]!r}...")
        return path


def _pointless(block: bytes, number: int, list_bytes: int | None) -> bytes:
    return pointless_record(block, number, cloud.SHOWN_BY, list_bytes=list_bytes)


def _names(attributes: list[Attribute], number: int) -> Iterator[tuple[Reference, str]]:
    """Yield the names of a file, each with its directory; those of DOS have another one beside them."""
    for each in attributes:
        value = each.value or b""
        if each.kind != records.FILE_NAME:
            continue
        if len(value) < _NAME_AT or len(value) < _NAME_AT + 2 * value[64]:
            raise InvalidVolume(f"MFT record {number} has a damaged $FILE_NAME")
        if value[65] != _DOS:
            text = value[_NAME_AT : _NAME_AT + 2 * value[64]].decode("utf-16-le", "surrogatepass")
            yield Reference.from_int(int.from_bytes(value[:8], "little")), text


def _attributes_of(attributes: list[Attribute]) -> int:
    value = next((each.value or b"" for each in attributes if each.kind == records.STANDARD_INFORMATION), b"")
    return int.from_bytes(value[_ATTRIBUTES_AT : _ATTRIBUTES_AT + 4], "little")


def _has_files(attributes: list[Attribute]) -> bool:
    value = next((each.value or b"" for each in attributes if each.kind == records.INDEX_ROOT), b"")
    return len(value) > _EMPTY_INDEX or bool(value[_INDEX_FLAGS_AT : _INDEX_FLAGS_AT + 1].strip(b"\0"))


def _is_in_clusters(attributes: list[Attribute]) -> bool:
    return any(each.kind == records.REPARSE_POINT and each.value is None for each in attributes)
