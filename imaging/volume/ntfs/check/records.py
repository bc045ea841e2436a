"""All records of the MFT, read once from the first to the last, and what each file is by them."""

from __future__ import annotations

from collections.abc import Callable

from osdimage.imaging.volume.ntfs.check import attributes as attrs
from osdimage.imaging.volume.ntfs.check.attributes import IN_USE
from osdimage.imaging.volume.ntfs.check.census import Census
from osdimage.imaging.volume.ntfs.check.clusters import WINDOW_BITS, compare_bitmap, counted_runs, set_bits
from osdimage.imaging.volume.ntfs.check.decode import decode_record
from osdimage.imaging.volume.ntfs.check.faults import Faults
from osdimage.imaging.volume.ntfs.check.files import FileCheck
from osdimage.imaging.volume.ntfs.check.ground import Ground, parts_of
from osdimage.imaging.volume.ntfs.check.kinds import FaultKind
from osdimage.imaging.volume.ntfs.check.lists import ListReader

# Records 12 to 23 are kept for later versions; Windows takes them in the bitmap without using all of them.
_FIRST_OF_FILES = 24
_TAKEN = "holds a file"

Progress = Callable[[int, int], None]


def check_records(ground: Ground, census: Census, faults: Faults, progress: Progress | None, *, is_fresh: bool) -> None:
    """Read every record, and judge each file by itself.

    On a volume that was just made (``is_fresh``) a record that is not in use is written all the same; Windows leaves
    room for more of them behind the last one.
    """
    files = FileCheck(ground, census, faults)
    without_magic = _read_all(files, progress)
    if is_fresh:
        for begin, end in without_magic:
            faults.tell(FaultKind.RECORD_UNWRITTEN, f"{end - begin} from here on", begin)
    _finish_lists(files)
    _compare_with_bitmap(files, without_magic)


def _read_all(files: FileCheck, progress: Progress | None) -> list[tuple[int, int]]:
    """Judge all files that are in one record; return the ranges of records that do not begin with FILE."""
    mft, size = files.ground.mft, files.ground.rules.shape.record_bytes
    total = mft.size // size
    without_magic: list[tuple[int, int]] = []
    expected = 0
    for at, piece in mft.pieces(size):
        number = at // size
        if number > expected:
            without_magic.append((expected, number))
        for offset in range(0, len(piece) - size + 1, size):
            if piece[offset : offset + 4] == b"FILE":
                if piece[offset + 22] & IN_USE:
                    _take(piece[offset : offset + size], number, files)
            elif without_magic and without_magic[-1][1] == number:
                without_magic[-1] = (without_magic[-1][0], number + 1)
            else:
                without_magic.append((number, number + 1))
            number += 1
        expected = number
        if progress is not None:
            progress(number, total)
    if expected < total:
        without_magic.append((expected, total))
    return without_magic


def _take(block: bytes, number: int, files: FileCheck) -> None:
    census, faults = files.census, files.faults
    record = decode_record(block, number, files.ground.rules, faults)
    if record is None or not record.is_whole:
        # What hangs on it cannot be judged, and would only repeat the fault.
        faults.is_complete = False
        census.partial.add(number)
        if record is None:
            return
    if record.sequence == 0:
        census.partial.add(number)
    census.add_record(number, record.sequence, record.flags, record.base)
    for attribute in record.attributes:
        if attribute.value is None:
            if attribute.runs is None:
                faults.is_complete = False
                census.partial.add(number)
            else:
                census.clusters.add(attribute.runs, number)
    if record.base:
        return
    if any(each.kind == attrs.ATTRIBUTE_LIST for each in record.attributes):
        # Its records may be anywhere: these files come when all were read.
        census.listed.append(number)
    else:
        files.judge(record)


def _finish_lists(files: FileCheck) -> None:
    """Judge the files of which parts are in other records."""
    ground, census, faults = files.ground, files.census, files.faults
    reader = ListReader(ground, census, faults)
    for number in census.listed:
        record = ground.record(number)
        if record is not None:
            files.judge(reader.merged(record))
    for number, base in census.extensions.items():
        if number not in reader.used and base & attrs.NUMBER not in census.partial and not _is_unknown(base, census):
            record = ground.record(number)
            is_empty = record is not None and record.is_whole and not record.attributes
            kind = FaultKind.EXTENSION_EMPTY if is_empty else FaultKind.EXTENSION_LOST
            faults.tell(kind, f"it continues record {base & attrs.NUMBER}", number)
            census.partial.add(number)


def _is_unknown(base: int, census: Census) -> bool:
    """Tell whether the file that a record continues could not be read, so that nothing can be said."""
    return not census.is_known(base & attrs.NUMBER) and base & attrs.NUMBER in census.partial


def _compare_with_bitmap(files: FileCheck, without_magic: list[tuple[int, int]]) -> None:
    """Compare the records in use with the bitmap of the MFT."""
    ground, census, faults = files.ground, files.census, files.faults
    first = ground.record(0)
    bitmap = None if first is None else parts_of(ListReader(ground, census, Faults(0)).merged(first), attrs.BITMAP)
    stream = ground.stream(bitmap) if bitmap else None
    if stream is None:
        faults.tell(FaultKind.SYSTEM_FILE, "the MFT has no bitmap that can be read", 0, "$BITMAP")
        return

    def differs(window: int, alone: int, missing: int) -> None:
        for at, count in counted_runs(missing, FaultKind.RECORD_FREE, faults):
            faults.tell(FaultKind.RECORD_FREE, _several(window + at, count, "is free, and holds a file"), window + at)
        if window == 0:
            alone &= ~((1 << _FIRST_OF_FILES) - 1)
        damaged = alone & _mask(without_magic, window)
        for at, count in counted_runs(damaged, FaultKind.RECORD_MAGIC, faults):
            faults.is_complete = False
            census.partial.update(range(window + at, window + at + min(count, faults.most)))
            faults.tell(FaultKind.RECORD_MAGIC, _several(window + at, count, _TAKEN), window + at)
        for at, count in counted_runs(alone & ~damaged, FaultKind.RECORD_LOST, faults):
            faults.tell(FaultKind.RECORD_LOST, _several(window + at, count, _TAKEN), window + at)

    compare_bitmap(stream, census.in_use(), ground.mft.size // ground.rules.shape.record_bytes, differs)


def _several(first: int, count: int, what: str) -> str:
    return f"by the bitmap it {what}" if count == 1 else f"by the bitmap each of {count} from {first} on {what}"


def _mask(ranges: list[tuple[int, int]], window: int) -> int:
    """Return the bits of a window that are in some ranges."""
    bits = bytearray(WINDOW_BITS // 8)
    for begin, end in ranges:
        low, high = max(begin - window, 0), min(end - window, WINDOW_BITS)
        if high > low:
            set_bits(bits, low, high)
    return int.from_bytes(bits, "little")
