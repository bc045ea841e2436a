"""A FAT volume that an image is compared with, read by pyfatfs.

osdimage has a reader of its own, which is faster, but that one shares with the writer how an entry is laid out, how
times are counted and how names are decoded: a mistake there would be written and read back alike.  pyfatfs shares
nothing, and takes some 4 s for 50,000 files.  It believes what a volume says and follows loops for ever; so our own
check comes first, and pyfatfs sees only volumes in which that found no error.

Times are taken as UTC, which is what osdimage writes where nobody names another zone.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from osdimage.imaging import wof
from osdimage.imaging.attributes import FileAttribute
from osdimage.imaging.compare.fidelity import Fidelity
from osdimage.imaging.compare.target import (
    PROGRESS_EVERY,
    ComparedTarget,
    FoundFile,
    FoundStream,
    ScanProgress,
)
from osdimage.imaging.disk.content import FileSystem
from osdimage.imaging.disk.target import BlockTarget
from osdimage.imaging.errors import InvalidVolume, TargetRefused
from osdimage.imaging.filetime import UNIX_EPOCH, from_ns
from osdimage.imaging.finding import Severity
from osdimage.imaging.volume.fat.check import check_fat
from osdimage.imaging.volume.fat.read import open_fat
from osdimage.imaging.volume.fat.second import LARGEST_FAT, SecondReader, can_judge
from osdimage.imaging.wim.entries import Entry

_SECOND = 10_000_000
_DAY = 86_400 * _SECOND
# The first and the last moment of FAT: 1 January 1980, and the last tick of 2107.
_FIRST = UNIX_EPOCH + 3652 * _DAY
_LAST = UNIX_EPOCH + 50_403 * _DAY - 1
# fatgen103: creation has hundredths of a second, modification even seconds, access the day.
_STEPS: Final = {
    Fidelity.CREATION_TIMES: _SECOND // 100,
    Fidelity.MODIFICATION_TIMES: 2 * _SECOND,
    Fidelity.ACCESS_TIMES: _DAY,
}


class FatTarget(ComparedTarget):
    """A FAT volume.

    It has no place for security descriptors, named streams, object ids and hard links, which become copies, nor for
    reparse points and files encrypted by EFS, which are left out with their names.  Its root has neither attributes nor
    times; they are not counted.
    """

    holds = frozenset(
        {
            Fidelity.NAMES,
            Fidelity.CONTENTS,
            Fidelity.ATTRIBUTES,
            Fidelity.CREATION_TIMES,
            Fidelity.MODIFICATION_TIMES,
            Fidelity.ACCESS_TIMES,
            Fidelity.SHORT_NAMES,
            Fidelity.EXTRA,
        }
    )
    attributes = FileAttribute.READONLY | FileAttribute.HIDDEN | FileAttribute.SYSTEM | FileAttribute.ARCHIVE
    names_by_itself = True

    def __init__(self, window: BlockTarget) -> None:
        """Check the volume and open it.

        Raises:
            InvalidVolume: when it is damaged.
            OsdImageError: when pyfatfs is missing.
            TargetRefused: when pyfatfs cannot read such a volume.
            StorageError: when it cannot be read.
        """
        findings = check_fat(window)
        wrong = [each.text for each in findings if each.severity is Severity.ERROR]
        if wrong:
            more = f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""
            raise InvalidVolume(f"the volume is damaged: {wrong[0]}{more}", volume=window.name)
        volume = open_fat(window)
        if not can_judge(volume):
            raise TargetRefused(
                f"{window.name}: the volume has {volume.layout.clusters:,} clusters, or keeps one FAT of two, or fills "
                f"the FAT of FAT12; pyfatfs, with which it is compared, reads {LARGEST_FAT:,} and the first FAT, and "
                "of a FAT12 all entries but maybe the last"
            )
        content = volume.layout.width.content
        self.kind, self.filesystem = content.described, FileSystem(content.value)
        self.notes = tuple(each.text for each in findings if each.severity is Severity.WARNING)
        self._reader = SecondReader(window)

    def files(self, progress: ScanProgress) -> Iterator[FoundFile]:
        """Yield every name; the root has nothing else."""
        yield FoundFile("/", "a directory", 0, 1, None, None, None, None)
        for number, entry in enumerate(self._reader.entries(), 1):
            if number % PROGRESS_EVERY == 0:
                progress(number, None)
            yield FoundFile(
                f"/{entry.path}",
                "a directory" if entry.is_directory else "a file",
                number,
                1,
                _ticks(entry.modified_ns),
                entry.attributes,
                _ticks(entry.created_ns),
                _ticks(entry.accessed_ns),
                short_name=entry.short_name,
                streams=() if entry.is_directory else (FoundStream(None, entry.size, entry),),
            )

    def pieces(self, stream: FoundStream) -> Iterator[bytes]:
        """Yield the contents of a file."""
        return self._reader.pieces(stream.source)

    def position(self, stream: FoundStream) -> int:
        """Return where on the volume the file begins."""
        return self._reader.position(stream.source)

    def leaves_out(self, entry: Entry) -> bool:
        """Tell whether it is a reparse point, or encrypted, so that what the image has of it is not its contents."""
        is_directory = bool(entry.attributes & FileAttribute.DIRECTORY)
        if entry.reparse_tag == wof.TAG and not is_directory:
            return False
        return entry.reparse_tag is not None or bool(
            entry.attributes & FileAttribute.REPARSE_POINT
            or (entry.attributes & FileAttribute.ENCRYPTED and not is_directory)
        )

    def nearest_time(self, kind: Fidelity, ticks: int) -> int:
        """Return the time in the steps and within the years of FAT; 0, not known, stays so but for modification."""
        if ticks == 0 and kind is not Fidelity.MODIFICATION_TIMES:
            return 0
        within = min(max(ticks, _FIRST), _LAST)
        return within - (within - _FIRST) % _STEPS[kind]

    def spans_time(self, ticks: int) -> bool:
        """Tell whether the time is within the years of FAT, or not known."""
        return ticks == 0 or _FIRST <= ticks <= _LAST


def _ticks(time_ns: int | None) -> int:
    """Return a time in 100 ns since 1601, and 0 for one that is not stored, as Windows does."""
    return 0 if time_ns is None else from_ns(time_ns)
