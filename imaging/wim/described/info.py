"""What a WIM says of itself: the header, and the XML document with one element for each image.

The XML is the one that Windows writes ("Windows Imaging File Format (WIM)", Microsoft 2007, "XML data").  osdimage
keeps what ConfigMgr knows of an image and the format has no element for (creator and version) in an element of its own,
``<OSDIMAGE>``; ConfigMgr's own element names are not public.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from osdimage.imaging import filetime
from osdimage.imaging.errors import CorruptWim, InvalidInput
from osdimage.imaging.wim.described.base import NotedBase, bases_of
from osdimage.imaging.wim.described.elements import CREATOR_PROPERTY, DISK_ELEMENT, VERSION_PROPERTY
from osdimage.native.runtime import Compression
from osdimage.native.wim.facts import WimInfo

if TYPE_CHECKING:
    from osdimage.imaging.wim.described.captured import CapturedDisk

# Of the format, in the header: WIMs that may hold solid resources (ESD).  All others are 0x10D00.
SOLID_VERSION = 0xE00

# PROCESSOR_ARCHITECTURE_* of <winnt.h>.
_ARCHITECTURES = {0: "x86", 5: "arm", 6: "ia64", 9: "x64", 12: "arm64"}


@dataclass(frozen=True, slots=True)
class WimHeader:
    """The facts of a WIM's header.

    Attributes:
        guid: identifies the WIM; the parts of a split WIM share it.
        version: of the format: 0x10D00 (68864), or 0xE00 (3584) where there is LZMS or solid compression.
        compression: of non-solid resources; None when unknown.
        is_solid: whether files are compressed together, as in an ESD.
        chunk_size: bytes that are compressed together.
        part_number: 1 unless the WIM is split.
        total_parts: 1 unless the WIM is split.
        boot_index: the image that boots, or None.
        has_integrity_table: whether there is a table of SHA-1 hashes over the file.
        is_pipable: whether it is in libwim's own sequential format.
        is_read_only: whether the header forbids changes.
        write_in_progress: whether a write is going on, or was interrupted.
        rewrites_links: whether absolute links were made relative to the root of the image when it was captured.
        file_size: bytes.
    """

    guid: UUID
    version: int
    compression: Compression | None
    is_solid: bool
    chunk_size: int
    part_number: int
    total_parts: int
    boot_index: int | None
    has_integrity_table: bool
    is_pipable: bool
    is_read_only: bool
    write_in_progress: bool
    rewrites_links: bool
    file_size: int


def header_of(told: WimInfo, *, is_solid: bool, file_size: int) -> WimHeader:
    """Translate what libwim tells."""
    return WimHeader(
        guid=UUID(bytes_le=told.guid),
        version=told.version,
        compression=told.compression,
        is_solid=is_solid,
        chunk_size=told.chunk_size,
        part_number=told.part_number,
        total_parts=told.total_parts,
        boot_index=told.boot_index or None,
        has_integrity_table=told.has_integrity_table,
        is_pipable=told.is_pipable,
        is_read_only=told.is_marked_readonly,
        write_in_progress=told.write_in_progress,
        rewrites_links=told.has_rpfix,
        file_size=file_size,
    )


@dataclass(frozen=True, slots=True)
class WindowsInfo:
    """The Windows in an image, as its XML says.  Absent elements are None."""

    architecture: str | None
    product_name: str | None
    edition: str | None
    installation_type: str | None
    product_type: str | None
    product_suite: str | None
    hal: str | None
    languages: tuple[str, ...]
    default_language: str | None
    version: str | None
    service_pack_build: int | None
    service_pack_level: int | None
    system_root: str | None


@dataclass(frozen=True, slots=True)
class ImageInfo:
    """One image, as the XML of the WIM says.  Sizes in bytes; absent elements are None.

    ``disk`` is the layout of the disk that it was captured from; ``disk_fault`` says why one that is there is not used.
    ``bases`` are the WIMs that it was based on as part of a delta, as far as that is noted.
    """

    index: int
    name: str
    description: str | None
    display_name: str | None
    display_description: str | None
    flags: str | None
    creator: str | None
    image_version: str | None
    directories: int | None
    files: int | None
    size: int | None
    hard_link_size: int | None
    created: datetime | None
    modified: datetime | None
    is_wimboot: bool
    windows: WindowsInfo | None
    disk: CapturedDisk | None = None
    disk_fault: str | None = None
    bases: tuple[NotedBase, ...] = ()

    @property
    def is_of_bytes(self) -> bool:
        """Whether it is the bytes of a partition, not the files of a volume."""
        return self.disk is not None and self.disk.is_of_bytes


def decode_xml(document: bytes) -> str:
    """Return the text of a WIM's XML document (UTF-16LE with a byte-order mark).

    Raises:
        CorruptWim: when it is not UTF-16.
    """
    try:
        return document.decode("utf-16-le" if document[:2] != b"\xfe\xff" else "utf-16-be").lstrip("\ufeff")
    except UnicodeDecodeError as error:
        raise CorruptWim(f"the XML document is not valid UTF-16: {error.reason} at byte {error.start}") from error


def parse_root(text: str) -> ET.Element:
    """Parse the XML document.

    Raises:
        CorruptWim: when it is not well-formed, or declares entities, which no WIM has and only a bomb would.
    """
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise CorruptWim("the XML document declares a document type; a WIM has none")
    try:
        return ET.fromstring(text.strip("\0 \r\n\t"))  # noqa: S314 - entities were ruled out above
    except ET.ParseError as error:
        raise CorruptWim(f"the XML document is not well-formed: {error}") from error


def parse_images(text: str, count: int) -> tuple[ImageInfo, ...]:
    """Return the facts of ``count`` images from the XML text; an image that the XML lacks has only an index."""
    elements = elements_by_index(parse_root(text))
    empty = ET.Element("IMAGE")
    return tuple(_image(index, elements.get(index, empty)) for index in range(1, count + 1))


def elements_by_index(root: ET.Element) -> dict[int, ET.Element]:
    """Return the elements of the images; one without a number counts by its position, and of two equals the first."""
    elements: dict[int, ET.Element] = {}
    for position, element in enumerate(root.iter("IMAGE"), start=1):
        elements.setdefault(_number(element.get("INDEX")) or position, element)
    return elements


def _image(index: int, element: ET.Element) -> ImageInfo:
    windows = element.find("WINDOWS")
    disk, disk_fault = _disk(element)
    return ImageInfo(
        index=index,
        name=_text(element, "NAME") or "",
        description=_text(element, "DESCRIPTION"),
        display_name=_text(element, "DISPLAYNAME"),
        display_description=_text(element, "DISPLAYDESCRIPTION"),
        flags=_text(element, "FLAGS"),
        creator=_text(element, CREATOR_PROPERTY),
        image_version=_text(element, VERSION_PROPERTY),
        directories=_number(_text(element, "DIRCOUNT")),
        files=_number(_text(element, "FILECOUNT")),
        size=_number(_text(element, "TOTALBYTES")),
        hard_link_size=_number(_text(element, "HARDLINKBYTES")),
        created=_time(element.find("CREATIONTIME")),
        modified=_time(element.find("LASTMODIFICATIONTIME")),
        is_wimboot=_number(_text(element, "WIMBOOT")) == 1,
        windows=None if windows is None else _windows(windows),
        disk=disk,
        disk_fault=disk_fault,
        bases=bases_of(element),
    )


def _disk(element: ET.Element) -> tuple[CapturedDisk | None, str | None]:
    found = element.find(DISK_ELEMENT)
    if found is None:
        return None, None
    from osdimage.imaging.wim.described import captured  # noqa: PLC0415 - only images of whole disks have one

    try:
        return captured.from_element(found), None
    except InvalidInput as error:
        return None, str(error)


def _windows(element: ET.Element) -> WindowsInfo:
    architecture = _number(_text(element, "ARCH"))
    numbers = [_number(_text(element, f"VERSION/{part}")) for part in ("MAJOR", "MINOR", "BUILD")]
    return WindowsInfo(
        architecture=None if architecture is None else _ARCHITECTURES.get(architecture, str(architecture)),
        product_name=_text(element, "PRODUCTNAME"),
        edition=_text(element, "EDITIONID"),
        installation_type=_text(element, "INSTALLATIONTYPE"),
        product_type=_text(element, "PRODUCTTYPE"),
        product_suite=_text(element, "PRODUCTSUITE"),
        hal=_text(element, "HAL"),
        languages=tuple(item.text for item in element.iterfind("LANGUAGES/LANGUAGE") if item.text),
        default_language=_text(element, "LANGUAGES/DEFAULT"),
        version=".".join(str(number) for number in numbers if number is not None) or None,
        service_pack_build=_number(_text(element, "VERSION/SPBUILD")),
        service_pack_level=_number(_text(element, "VERSION/SPLEVEL")),
        system_root=_text(element, "SYSTEMROOT"),
    )


def _text(element: ET.Element, path: str) -> str | None:
    found = element.find(path)
    return None if found is None or not found.text else found.text


def _number(text: str | None) -> int | None:
    """Read a number, decimal or with ``0x``; None for what is none, or does not fit into 64 bits."""
    try:
        number = None if text is None else int(text.strip(), 0 if text.strip().lower().startswith("0x") else 10)
    except ValueError:
        return None
    return number if number is not None and 0 <= number < 1 << 64 else None


def _time(element: ET.Element | None) -> datetime | None:
    """Read a FILETIME: 100 ns since 1601, in two hexadecimal halves."""
    if element is None:
        return None
    high, low = _number(_text(element, "HIGHPART")), _number(_text(element, "LOWPART"))
    if high is None or low is None:
        return None
    try:
        return filetime.to_datetime((high << 32) | low)
    except OverflowError:
        return None
