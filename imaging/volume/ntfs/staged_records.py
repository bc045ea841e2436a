"""Records of the MFT shown as others, in memory, to who reads a volume where it lies."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from osdimage.imaging.disk.target import BlockTarget
from osdimage.imaging.volume.ntfs import records
from osdimage.imaging.volume.ntfs.data import Contents, RunMap
from osdimage.imaging.volume.ntfs.mft import Mft
from osdimage.imaging.volume.ntfs.records import BootSector
from osdimage.native.slices.sources import StagedSource

ChangeRecord = Callable[[bytes, int, int | None], bytes]
"""Takes a record as it is stored, its number, and the size that its attribute list has afterwards if that lies in
clusters; returns what is shown."""

_MAX_LIST = 256 << 10


class StagedRecords:
    """The records of a volume in a source that holds back what is written."""

    def __init__(self, window: BlockTarget, boot: BootSector, mft: Mft, staged: StagedSource, begin: int) -> None:
        """Take the volume, and where it begins in the source, in bytes."""
        self._window, self._boot, self._mft = window, boot, mft
        self._staged, self._begin = staged, begin

    def change(self, number: int, record: ChangeRecord, value: Callable[[bytes], bytes]) -> None:
        """Show a file's record, and those that hold more of its attributes, as other ones.

        Args:
            number: of the file.
            record: changes each of the records.
            value: changes the value of an attribute list; it becomes no longer.

        Raises:
            InvalidVolume: when they are damaged.
            StorageError: when they cannot be read.
            OSError: when they cannot be held.
        """
        for each in self._mft.numbers_of(number):
            places = list(self._mft.places(each))
            block = b"".join(self._window.read_at(at, count) for at, count in places)
            self._write(record(block, each, self._change_list(each, value)), places)

    def _change_list(self, number: int, change: Callable[[bytes], bytes]) -> int | None:
        """Change an attribute list that lies in clusters; return its size."""
        record = self._mft.record(number)
        for each in record.attributes if record is not None else ():
            if each.kind == records.ATTRIBUTE_LIST and each.value is None:
                where = f"the attribute list of MFT record {number}"
                contents = Contents.of([each], where)
                new = change(contents.read(self._window, self._boot, limit=_MAX_LIST, what=where))
                self._write(new, RunMap(contents, self._boot, where).places(0, len(new)))
                return len(new)
        return None

    def _write(self, data: bytes, places: Iterator[tuple[int, int]] | list[tuple[int, int]]) -> None:
        for at, count in places:
            self._staged.write(self._begin + at, data[:count])
            data = data[count:]
