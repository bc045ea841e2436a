"""The entries of a directory: their bytes, and reading them.

Source: Microsoft, fatgen103, "FAT 32 Byte Directory Entry Structure" and "FAT Long Directory Entry Structure".
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from osdimage.imaging.attributes import FileAttribute
from osdimage.imaging.disk.fat_width import FatWidth
from osdimage.imaging.volume.fat.names import (
    ENTRY_BYTES,
    ERASED,
    LONG_NAME_ATTRIBUTES,
    fault,
    read_long,
    read_short,
    show_e5,
)
from osdimage.imaging.volume.fat.times import Clock, Stamp

# DIR_Name, Attr, NTRes, CrtTimeTenth, CrtTime, CrtDate, LstAccDate, FstClusHI, WrtTime, WrtDate, FstClusLO, FileSize
ENTRY_STRUCT = struct.Struct("<11sBBBHHHHHHHI")
LARGEST_DIRECTORY = 65_536 * ENTRY_BYTES
"""fatgen103: a directory holds 65,536 entries; a root directory that is no chain has fewer."""
VOLUME_ID = 0x08
DOT, DOT_DOT = b".".ljust(11), b"..".ljust(11)
_ATTRIBUTE_MASK = 0x3F
_DIRECTORY = FileAttribute.DIRECTORY.value


@dataclass(frozen=True, slots=True)
class FatEntry:
    """A file or directory of a volume.

    Attributes:
        path: from the root, names separated by ``/``, none in front.
        short_name: the 8.3 name as a command line shows it.
        is_directory: whether it is one.
        size: of the contents in bytes; 0 for a directory.
        attributes: as Windows names them.
        created_ns: nanoseconds since 1970, or None when it was not recorded.
        modified_ns: likewise.
        accessed_ns: likewise; the beginning of a day.
        cluster: the first one, or 0 for none.
    """

    path: str
    short_name: str
    is_directory: bool
    size: int
    attributes: int
    created_ns: int | None
    modified_ns: int | None
    accessed_ns: int | None
    cluster: int

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.rpartition("/")[2]


@dataclass(slots=True)
class Listing:
    """One directory as it is stored.

    Attributes:
        entries: its files and directories, without ``.`` and ``..``.
        label: the name of the volume label entry, or None.
        above: the cluster that ``..`` names, or None when there is no such entry first.
        itself: the cluster that ``.`` names, likewise.
        orphans: how many entries of long names belong to no file.
        faults: sentences about names that cannot be paths; their files are not in ``entries``.
        places: for each of ``entries`` the numbers of the stored entries that it takes, those of its long name first.
    """

    entries: list[FatEntry] = field(default_factory=list)
    label: bytes | None = None
    above: int | None = None
    itself: int | None = None
    orphans: int = 0
    faults: list[str] = field(default_factory=list)
    places: list[range] = field(default_factory=list)


class _Parser:
    """Reads the entries of one directory; None is the root."""

    def __init__(self, directory: FatEntry | None, width: FatWidth, encoding: str, clock: Clock) -> None:
        self._prefix = f"{directory.path}/" if directory is not None else ""
        self._is_root = directory is None
        # Of others it is no part of the number: OS/2 and Windows NT had it for extended attributes.
        self._high = 0xFFFF if width is FatWidth.FAT32 else 0
        self._encoding = encoding
        self._clock = clock
        self._held: list[bytes] = []
        self.found = Listing()

    def parse(self, data: bytes) -> None:
        """Read entries up to the end mark."""
        for at in range(0, len(data), ENTRY_BYTES):
            raw = data[at : at + ENTRY_BYTES]
            if raw[0] == 0:
                break
            attributes = raw[11] & _ATTRIBUTE_MASK
            if raw[0] != ERASED and attributes == LONG_NAME_ATTRIBUTES:
                # The last part comes first and begins a name; what is held then belongs to nothing.
                if raw[0] & 0x40:
                    self._drop()
                self._held.append(raw)
            elif raw[0] == ERASED or attributes & VOLUME_ID:
                self._drop()
                # fatgen103, "ATTR_VOLUME_ID": a directory is no label.
                is_label = raw[0] != ERASED and not attributes & _DIRECTORY
                if is_label and self._is_root and self.found.label is None:
                    self.found.label = show_e5(raw[:11])
            elif not self._is_dot(raw, at // ENTRY_BYTES):
                self._take(raw, at // ENTRY_BYTES)
        self._drop()

    def _drop(self) -> None:
        self.found.orphans += len(self._held)
        self._held = []

    def _is_dot(self, raw: bytes, index: int) -> bool:
        """Note where the entries that lead to this directory and the one above say they lead."""
        if self._is_root or index > 1 or raw[:11] != (DOT, DOT_DOT)[index]:
            return False
        fields = ENTRY_STRUCT.unpack(raw)
        cluster = self._cluster(fields[7], fields[10])
        if index == 0:
            self.found.itself = cluster
        else:
            self.found.above = cluster
        return True

    def _take(self, raw: bytes, index: int) -> None:
        """Read one short entry with the long ones before it."""
        fields = ENTRY_STRUCT.unpack(raw)
        short, attributes = fields[0], fields[1] & _ATTRIBUTE_MASK
        name = read_long(self._held, short) if self._held else None
        if name is None:
            self._drop()
            name = read_short(short, fields[2], self._encoding)
        first, self._held = index - len(self._held), []
        path = self._prefix + name
        wrong = fault(name)
        if wrong is not None:
            self.found.faults.append(f"the name {path!r} {wrong}")
            return
        self.found.places.append(range(first, index + 1))
        is_directory = bool(attributes & _DIRECTORY)
        self.found.entries.append(
            FatEntry(
                path,
                read_short(short, 0, self._encoding),
                is_directory,
                0 if is_directory else fields[11],
                attributes,
                self._clock.nanoseconds(Stamp(fields[5], fields[4], min(fields[3], 199))),
                self._clock.nanoseconds(Stamp(fields[9], fields[8], 0)),
                self._clock.nanoseconds(Stamp(fields[6], 0, 0)),
                self._cluster(fields[7], fields[10]),
            )
        )

    def _cluster(self, high: int, low: int) -> int:
        return (high & self._high) << 16 | low


def parse_directory(
    data: bytes, directory: FatEntry | None, *, width: FatWidth, encoding: str, clock: Clock
) -> Listing:
    """Read the bytes of a directory; None is the root."""
    parser = _Parser(directory, width, encoding, clock)
    parser.parse(data)
    return parser.found
