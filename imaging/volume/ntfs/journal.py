r"""Whether the journal of an NTFS volume, ``$LogFile``, was closed; what it holds is not looked into.

It begins with two restart pages, of which the one with the higher sequence number counts.  A page that says that a
client has the journal open, and not that the volume is clean, is what a Windows leaves that was not shut down: changes
that it has committed may be in the journal alone.  Two things are called dirty, then: this, and the flag in $Volume,
which only says that somebody wants the volume checked.

The journal has version 1.1.  Windows 8 and later give it 2.0 while they have the volume, and 1.1 again when they close
it; that alone does not say that Windows is hibernated, which hiberfil.sys does, but that it did not close the volume.
A journal full of FF has been emptied, by whoever made the volume or by ntfs-3g, and holds nothing.

Format: <ntfs-3g/logfile.h>, whose names the comments use; libfsntfs documentation, "Transaction journal".  What counts
as clean is what libntfs-3g takes for it, which writes to no other volume.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum

from osdimage.imaging.disk.content import Content
from osdimage.imaging.disk.target import BlockTarget
from osdimage.imaging.disk.volume import OpenVolume
from osdimage.imaging.errors import InvalidVolume
from osdimage.imaging.volume.interrupted import settled_window
from osdimage.imaging.volume.ntfs import records
from osdimage.imaging.volume.ntfs.data import Contents, RunMap
from osdimage.imaging.volume.ntfs.mft import Mft
from osdimage.imaging.volume.ntfs.records import BootSector

_LOG_FILE = 2
_BLOCK = 512
_LARGEST = 1 << 32  # MaxLogFileSize
_PAGE = 4096  # DefaultLogPageSize
_FEWEST_PAGES = 2 + 48  # MinLogRecordPages, and the two restart pages
# More blocks have no room for their update sequence numbers in the first one.
_LARGEST_PAGE = 128 << 10
_RESTART, _CHECKED, _RECORDS, _EMPTY = b"RSTR", b"CHKD", b"RCRD", b"\xff\xff\xff\xff"

# RESTART_PAGE_HEADER: magic, usa_ofs, usa_count, chkdsk_lsn, system_page_size, log_page_size, restart_area_offset,
# minor_ver, major_ver.
_HEADER = struct.Struct("<4sHHqIIHhh")
# RESTART_AREA: current_lsn, log_clients, client_free_list, client_in_use_list, flags, seq_number_bits,
# restart_area_length, client_array_offset, file_size; what follows up to the clients: last_lsn_data_length,
# log_record_header_length, log_page_data_offset.
_AREA = struct.Struct("<qHHHHIHHqIHH")
_AREA_FILE_SIZE_AT = 24
_LENGTH, _LENGTH_AT = struct.Struct("<H"), 20
# LOG_CLIENT_RECORD: prev_client and next_client, after two sequence numbers.
_CLIENT_BYTES, _CLIENT_LINKS, _CLIENT_LINKS_AT = 160, struct.Struct("<HH"), 16
_NO_CLIENT = 0xFFFF
_IS_CLEAN = 0x0002
_OLD, _WINDOWS_8 = (1, 1), (2, 0)


class JournalState(StrEnum):
    """What a journal says of its volume."""

    EMPTY = "empty"
    CLEAN = "clean"
    OPEN = "open"
    DAMAGED = "damaged"


@dataclass(frozen=True, slots=True)
class Journal:
    """What the restart pages of a journal say.

    Attributes:
        state: whether the volume was closed.
        version: of the journal, such as ``(1, 1)``; None of one that is empty or damaged.
        fault: what is wrong with a damaged one, in a clause; else None.
        can_be_emptied: whether an empty one in its place is one that libntfs-3g and Windows take.
    """

    state: JournalState
    version: tuple[int, int] | None = None
    fault: str | None = None
    can_be_emptied: bool = True

    @property
    def is_closed(self) -> bool:
        """Whether it holds nothing that is not in the volume."""
        return self.state in {JournalState.EMPTY, JournalState.CLEAN}

    def hazard(self, name: str) -> str | None:
        """Return, in a sentence, why what the volume holds may not be all that it should hold, or None."""
        if self.is_closed:
            return None
        if self.state is JournalState.DAMAGED:
            return (
                f"{name}: the volume's journal is damaged: {self.fault}; which changes it holds that are not in the "
                "volume is not known"
            )
        return (
            f"{name}: the volume was not shut down: its journal holds changes that are not in it; files that were "
            "written last may be old"
        )


def read_journal(volume: BlockTarget) -> Journal:
    """Read the restart pages of the journal of an NTFS volume.

    Raises:
        InvalidVolume: when the volume is so damaged that its journal cannot be found.
        StorageError: when it cannot be read.
    """
    size = volume.geometry.size_bytes
    boot = BootSector.from_bytes(volume.read_at(0, min(_BLOCK, size)), size)
    _, attributes = Mft(volume, boot).whole_record(_LOG_FILE)
    parts = [each for each in attributes if each.kind == records.DATA and not each.name]
    if not parts or parts[0].value is not None:
        return _damaged("it has no clusters", can_be_emptied=False)
    try:
        return _judge(_Log(volume, RunMap(Contents.of(parts, "it"), boot, "it"), parts[0].size, parts[0].initialized))
    except InvalidVolume as error:
        # Its clusters are no clusters: what contradicts itself in its pages is caught there.
        return _damaged(error.fault, can_be_emptied=False)


def tell_journal(volume: OpenVolume) -> None:
    """Tell whoever opened a volume for reading that its journal holds changes that are not in it.

    Who writes to it is refused, or has agreed to what is lost.

    Raises:
        StorageError: when it cannot be read.
    """
    if volume.content is not Content.NTFS or volume.target.is_writable:
        return
    with suppress(InvalidVolume):
        # What is so damaged that it has no journal is told by who reads it.
        text = read_journal(settled_window(volume)).hazard(volume.name)
        if text is not None:
            volume.opening.tell(__name__, text)


class _Log:
    """The bytes of a journal; those that were never written are zeros."""

    def __init__(self, volume: BlockTarget, clusters: RunMap, size: int, initialized: int) -> None:
        self._volume = volume
        self._clusters = clusters
        self._initialized = initialized
        self.size = size

    def read(self, offset: int, size: int) -> bytes:
        data = self._clusters.read(self._volume, offset, size)
        return data[: max(self._initialized - offset, 0)].ljust(size, b"\0")


@dataclass(frozen=True, slots=True)
class _Restart:
    """A restart page: its version, the last sequence number, and whether it says that the volume was closed."""

    version: tuple[int, int]
    sequence: int
    is_clean: bool


def _damaged(fault: str, *, can_be_emptied: bool = True) -> Journal:
    return Journal(JournalState.DAMAGED, fault=fault, can_be_emptied=can_be_emptied)


def _judge(log: _Log) -> Journal:
    """Look where restart pages may be: at the begin, and at each power of two, one of which is the size of a page."""
    pages = min(log.size, _LARGEST) // _PAGE
    if pages < _FEWEST_PAGES:
        text = f"it has {log.size} bytes, and valid are {_FEWEST_PAGES * _PAGE} or more"
        return _damaged(text, can_be_emptied=False)
    blocks = {at: log.read(at, _BLOCK) for at in _places(pages * _PAGE)}
    if all(block[:4] == _EMPTY for block in blocks.values()):
        return Journal(JournalState.EMPTY)
    found, fault = list[_Restart](), "it has no restart page"
    for at, block in _until_records(blocks):
        if block[:4] not in {_RESTART, _CHECKED}:
            continue
        try:
            found.append(_restart_page(log, block, at))
        except InvalidVolume as error:
            fault = f"the restart page at its byte {at} has {error.fault}"
            continue
        if at:
            break
    if not found:
        return _damaged(fault)
    # The second only where it is newer.
    newest = max(found, key=lambda each: each.sequence)
    is_clean = newest.is_clean and newest.version != _WINDOWS_8
    return Journal(JournalState.CLEAN if is_clean else JournalState.OPEN, newest.version)


def _places(size: int) -> Iterator[int]:
    yield 0
    at = _BLOCK
    while at < size:
        yield at
        at *= 2


def _until_records(blocks: Mapping[int, bytes]) -> Iterator[tuple[int, bytes]]:
    """Yield blocks up to one of records, or one that is empty after one that is not: no restart page is behind it."""
    is_empty = True
    for at, block in blocks.items():
        if block[:4] == _RECORDS or (block[:4] == _EMPTY and not is_empty):
            return
        is_empty = is_empty and block[:4] == _EMPTY
        yield at, block


def _restart_page(log: _Log, block: bytes, at: int) -> _Restart:
    """Read a restart page, of which the first 512 bytes are given.

    Raises:
        InvalidVolume: when it contradicts itself; the fault is what it has.
    """
    magic, fixups_at, fixups, checked, page_size, log_page_size, area_at, minor, major = _HEADER.unpack_from(block)
    is_plain = magic == _CHECKED and fixups == 0
    for what, size in (("system", page_size), ("log", log_page_size)):
        _require(size >= _BLOCK and size & (size - 1) == 0, f"{what} pages of {size} bytes")
    _require(at in {0, page_size}, f"pages of {page_size} bytes, none of which begins there")
    _require(page_size <= min(_LARGEST_PAGE, log.size - at), f"pages of {page_size} bytes")
    version = major, minor
    _require(version in {_OLD, _WINDOWS_8}, f"the version {major}.{minor}, and valid are 1.1 and 2.0")
    least = _HEADER.size
    if not is_plain:
        _require(fixups == 1 + page_size // _BLOCK, f"{fixups} update sequence numbers for {page_size} bytes")
        least = fixups_at + 2 * fixups
        _require(_HEADER.size <= fixups_at and least <= _BLOCK - 2, f"update sequence numbers at byte {fixups_at}")
    _require(area_at % 8 == 0 and least <= area_at <= page_size, f"its area at byte {area_at}")
    _require(magic == _CHECKED or checked == 0, "a sequence number of chkdsk, which was not there")
    _require(area_at + _AREA_FILE_SIZE_AT <= _BLOCK - 2, f"its area at byte {area_at}")
    page = log.read(at, page_size)
    is_whole = True
    if not is_plain:
        try:
            page = bytes(records.undo_fixups(page, "the page", magic))
        except InvalidVolume:
            # Where the area lies in the first block, it is read all the same, and not believed to be clean.
            is_whole = False
            (length,) = _LENGTH.unpack_from(block, area_at + _LENGTH_AT)
            _require(area_at + length <= _BLOCK - 2, "not all of it that was written")
    return _restart_area(page, area_at, _Restart(version, checked, is_whole), is_checked=magic == _CHECKED)


def _restart_area(page: bytes, at: int, header: _Restart, *, is_checked: bool) -> _Restart:
    """Read the restart area of a whole page."""
    _require(at + _AREA.size <= len(page), f"its area at byte {at}")
    (sequence, clients, free, used, flags, bits, length, array_at, size, _, record_header, page_data) = (
        _AREA.unpack_from(page, at)
    )
    _require(array_at % 8 == 0 and at + array_at <= _BLOCK - 2, f"its clients at byte {array_at} of its area")
    needed = array_at + clients * _CLIENT_BYTES
    fits = needed <= length and at + max(needed, length) <= len(page)
    _require(fits, f"an area of {length} bytes with {clients} clients")
    for first in (free, used):
        _require(first == _NO_CLIENT or first < clients, f"a client {first} of {clients}")
    # 67 less the bits of the size of the journal.
    _require(bits == 67 - (size & (1 << 64) - 1).bit_length(), f"{bits} bits of a sequence number")
    _require(record_header % 8 == 0 and page_data % 8 == 0, f"records of {record_header} and {page_data} bytes")
    if is_checked:
        # chkdsk has been there, and its number counts.
        sequence = header.sequence
    elif used != _NO_CLIENT:
        _check_clients(page, at + array_at, clients, (free, used))
    is_clean = used == _NO_CLIENT or bool(flags & _IS_CLEAN)
    return _Restart(header.version, sequence, header.is_clean and is_clean)


def _check_clients(page: bytes, array_at: int, clients: int, lists: tuple[int, int]) -> None:
    """Go along the list of clients that are free, and of those that are in use: each is in one of them, once."""
    left = clients
    for first in lists:
        client = first
        while client != _NO_CLIENT:
            at = array_at + client * _CLIENT_BYTES
            _require(left > 0 and client < clients, "a list of clients that leads nowhere")
            before, after = _CLIENT_LINKS.unpack_from(page, at + _CLIENT_LINKS_AT)
            _require(client != first or before == _NO_CLIENT, "a list of clients without a begin")
            client, left = after, left - 1


def _require(holds: bool, fault: str) -> None:  # noqa: FBT001 - a condition
    if not holds:
        raise InvalidVolume(fault)
