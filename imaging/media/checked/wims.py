"""A WIM on a medium, as who starts it sees it: its header and its XML, which are read of any medium alike."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from osdimage.imaging.errors import CorruptWim, InvalidInput, InvalidVolume
from osdimage.imaging.files import FileSource
from osdimage.imaging.finding import Finding, error
from osdimage.imaging.units import GIB, MIB, format_size
from osdimage.imaging.wim.described.info import decode_xml, parse_images
from osdimage.imaging.wim.stored.format import HEADER_SIZE, HEADER_STRUCT, MAGIC, VERSION, HeaderFlag, ResourceFlag

_SIZE_MASK = (1 << 56) - 1
LARGEST_WIM = 8 * GIB
"""What is larger is none that a boot manager could start."""
_LARGEST_XML = 16 * MIB
_MOST_IMAGES = 1 << 16
_CHUNK_BYTES = 32768
_STARTABLE = HeaderFlag.XPRESS | HeaderFlag.LZX
COPY = "copy the medium again from where it came"
EXPORT = "make the boot image anew, and the medium of it"


@dataclass(frozen=True, slots=True)
class BootWim:
    """What starts of a WIM.

    Attributes:
        index: of the image that starts; None when the header names none.
        architecture: of that image, as the XML tells it; None when it does not.
        findings: what keeps it from starting.
    """

    index: int | None
    architecture: str | None
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class _Header:
    flags: int
    version: int
    chunk: int
    part: int
    parts: int
    images: int
    boot_index: int
    xml_at: int
    xml_bytes: int
    xml_flags: int
    end: int


def read_boot_wim(files: FileSource, path: str) -> BootWim:
    """Look at a WIM that a boot manager is to start; what is wrong with it is told.

    Raises:
        InvalidRequest: when there is no such file.
        InvalidVolume: when it cannot be read to the end of its XML.
        StorageError: when the medium cannot be read.
    """
    name = f"{files.name}: {path}"
    facts = files.find(path)
    size = 0 if facts is None else facts.size
    reader = _Forward(files.pieces(path))
    if size > LARGEST_WIM:
        text = f"{name}: has {format_size(size)}; what starts is read into memory, of which no computer has so much"
        return BootWim(None, None, (error("wim-too-large", text, EXPORT),))
    try:
        header = _header(reader.take(0, HEADER_SIZE))
        found = list(_startable(header, name))
        if header.end > size:
            text = f"{name}: has {size} bytes, and describes {header.end}: it is cut off"
            return BootWim(None, None, (*found, error("wim-cut-off", text, EXPORT)))
        if header.xml_bytes > _LARGEST_XML or header.xml_flags & ResourceFlag.COMPRESSED:
            raise CorruptWim("its XML document is none that a WIM has")
        if not 1 <= header.boot_index <= header.images:
            return BootWim(None, None, tuple(found))
        document = reader.take(header.xml_at, header.xml_bytes)
        image = parse_images(decode_xml(document), header.images)[header.boot_index - 1]
    except InvalidVolume as problem:
        # The medium, not the WIM.
        return BootWim(None, None, (error("wim-damaged", f"{name}: {problem.fault}", COPY),))
    except InvalidInput as problem:
        return BootWim(None, None, (error("wim-damaged", f"{name}: {problem.said}", EXPORT),))
    windows = image.windows
    return BootWim(header.boot_index, None if windows is None else windows.architecture, tuple(found))


class _Forward:
    """Contents that come piece by piece, of which parts are taken that lie behind each other."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._held = b""
        self._at = 0

    def take(self, offset: int, size: int) -> bytes:
        """Return a part, which begins where the one before it ends or later.

        Raises:
            CorruptWim: when it begins before that, or the contents end first.
        """
        if offset < self._at:
            raise CorruptWim("what it says of its parts contradicts itself")
        parts: list[bytes] = []
        while size:
            skipped = min(offset - self._at, len(self._held))
            self._held = self._held[skipped:]
            self._at += skipped
            if self._at == offset and self._held:
                part = self._held[:size]
                parts.append(part)
                self._held = self._held[len(part) :]
                self._at += len(part)
                offset += len(part)
                size -= len(part)
                continue
            self._held = next(self._pieces, b"")
            if not self._held:
                raise CorruptWim(f"ends at byte {self._at}: it is cut off")
        return b"".join(parts)


def _header(data: bytes) -> _Header:
    (tag, size, version, flags, chunk, _, part, parts, images, *places) = HEADER_STRUCT.unpack(data)
    if tag != MAGIC or size != HEADER_SIZE:
        raise CorruptWim("is no WIM, or one that no boot manager reads")
    table, xml = places[0:3], places[3:6]
    if images > _MOST_IMAGES:
        raise CorruptWim(f"claims to hold {images} images")
    ends = [offset + (stored & _SIZE_MASK) for stored, offset, _ in (table, xml)]
    return _Header(
        flags, version, chunk, part, parts, images, places[9], xml[1], xml[0] & _SIZE_MASK, xml[0] >> 56, max(ends)
    )


def _startable(header: _Header, name: str) -> Iterator[Finding]:
    if header.parts > 1 or header.part > 1:
        text = f"{name}: is part {header.part} of {header.parts} of a split WIM, which no boot manager starts"
        yield error("wim-split", text, EXPORT)
    if header.version != VERSION or header.flags & HeaderFlag.LZMS:
        yield error(
            "wim-compression", f"{name}: is solid or LZMS compressed; boot managers read XPRESS and LZX", EXPORT
        )
    elif header.flags & HeaderFlag.COMPRESSED and not header.flags & _STARTABLE:
        yield error("wim-compression", f"{name}: is compressed in a way that no boot manager reads", EXPORT)
    elif header.flags & HeaderFlag.COMPRESSED and header.chunk != _CHUNK_BYTES:
        text = f"{name}: is compressed in chunks of {header.chunk} bytes; boot managers read {_CHUNK_BYTES}"
        yield error("wim-chunks", text, EXPORT)
    if header.flags & HeaderFlag.WRITE_IN_PROGRESS:
        yield error("wim-unfinished", f"{name}: is marked as being written: that was not finished", EXPORT)
    if header.boot_index == 0:
        text = f"{name}: its header names no image that starts, though it holds {header.images}"
        yield error("wim-boot-index", text, EXPORT)
    elif header.boot_index > header.images:
        text = f"{name}: its header starts image {header.boot_index}, and it holds {header.images}"
        yield error("wim-boot-index", text, EXPORT)
