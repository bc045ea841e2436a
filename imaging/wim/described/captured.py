"""The layout of a disk as it is kept in the XML of a WIM, beside each image of one of its volumes.

::

    <OSDIMAGE><DISK INDEX="0" STYLE="GPT" SIZE="..." SECTORSIZE="512" ID="b688844c-...">
      <PARTITION INDEX="3" TYPE="Primary" FILESYSTEM="NTFS" BOOT="0" LABEL="Windows" OFFSET="..." SIZE="..."
                 TYPEID="ebd0a0a2-..." NAME="Basic data partition" ATTRIBUTES="0x0" CAPTURED="1" KEPT="files"
                 ID="a4b28834-..."/>
    </DISK></OSDIMAGE>

INDEX, STYLE, TYPE, FILESYSTEM, BOOT, LABEL, OFFSET and SIZE say what ConfigMgr knows of a captured partition
(SMS_ImageDiskInformation); its own element names are not public.  INDEX of a disk is its number among those that were
captured together, 0 where there is none.  CAPTURED marks the partition that the image is of, so
that an image which is exported alone still tells.  KEPT says what the WIM has of each: see :class:`Kept`.  A logical
partition has its EBR, in bytes from the beginning of the disk.  ID is how a boot store names the disk (by its GUID, or
by the signature of an MBR, as 0x12345678) and the partition (by its GUID; on an MBR by OFFSET); either may be missing.
ENCRYPTED is there when BitLocker had encrypted the partition; what the WIM has of it is not.  CLUSTER is the size of a
cluster of FAT12 and FAT16 in bytes, by which the volume that is made again is one as well.
What is read may have been written by anybody: every value is checked.

An image of a partition whose bytes are kept holds them in one file, :data:`BYTES_FILE`.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING
from uuid import UUID

from osdimage.imaging.disk import roles
from osdimage.imaging.disk.content import FileSystem
from osdimage.imaging.disk.roles import Scheme
from osdimage.imaging.errors import InvalidInput
from osdimage.imaging.units import SECTOR_SIZES

if TYPE_CHECKING:
    # With them comes construct, which whoever only reads a WIM need not wait for.
    from osdimage.imaging.disk.held import VolumeInfo
    from osdimage.imaging.disk.tables.table import PartitionTable

_MOST_PARTITIONS = 260  # 4 entries and 256 logical partitions; a GPT has 128
_MOST_ENTRIES = 8192  # of the largest GPT that is read
_LARGEST = (1 << 63) - 1
_LONGEST_TEXT = 64
MOST_DISKS = 64
"""That are captured together."""
_MOST_CLUSTER = 1 << 20
_U32 = 0xFFFFFFFF

BYTES_FILE = "partition.img"
"""The one file of an image that is the bytes of a partition."""


class Kept(StrEnum):
    """What a WIM has of a partition; the values are those of the XML.

    Attributes:
        FILES: an image has its files, and its file system is made anew.
        BYTES: an image has its bytes.
        ROOM: nothing is in it: zeros, an extended partition, or what Microsoft reserves.
        NOTHING: it holds something that no image has.
    """

    FILES = "files"
    BYTES = "bytes"
    ROOM = "room"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class CapturedPartition:
    """A partition of the disk that was captured.  Sizes in bytes.

    Attributes:
        index: its number, as ``read_table`` lists it.
        type: what it is for (``Primary``, ``EFI`` and so on), or the name of its type.
        filesystem: ``NTFS``, ``FAT32``, ``FAT16``, the name of another one, or None.
        boot: whether it has the active flag (MBR) or is the EFI system partition (GPT).
        label: of the volume, or None.
        offset: where it begins.
        size: of the partition.
        type_id: the type byte or GUID, as text.
        name: of the GPT entry; empty on MBR.
        attributes: of the GPT entry; 0 on MBR.
        captured: whether the image is of this one.
        ebr: where the EBR of a logical partition is; None for others, and where it is not known.
        kept: what the WIM has of it.
        guid: of the GPT entry; None on MBR, or when it is not known.
        was_encrypted: whether BitLocker had encrypted it; what is made of the image is not.
        cluster_size: of a FAT12 or FAT16 volume; else None.
    """

    index: int
    type: str
    filesystem: str | None
    boot: bool
    label: str | None
    offset: int
    size: int
    type_id: str
    name: str
    attributes: int
    captured: bool
    ebr: int | None = None
    kept: Kept = Kept.NOTHING
    guid: UUID | None = None
    was_encrypted: bool = False
    cluster_size: int | None = None

    @property
    def is_efi(self) -> bool:
        """Whether it is an EFI system partition."""
        return roles.parse_type(self.type_id) in roles.EFI_TYPES


@dataclass(frozen=True, slots=True)
class CapturedDisk:
    """The disk that an image was captured from; sizes in bytes.

    Attributes:
        scheme: the kind of its table.
        size: of the disk.
        sector_size: of its sectors.
        partitions: by their places.
        identity: the GUID of a GPT, or the signature of an MBR; None when it is not known.
        index: its number among the disks that were captured together, from 0.
    """

    scheme: Scheme
    size: int
    sector_size: int
    partitions: tuple[CapturedPartition, ...]
    identity: UUID | int | None = None
    index: int = 0

    @property
    def captured(self) -> CapturedPartition | None:
        """The partition that the image is of."""
        return next((each for each in self.partitions if each.captured), None)

    @property
    def is_of_bytes(self) -> bool:
        """Whether the image is the bytes of its partition, not files that were on a volume."""
        return self.captured is not None and self.captured.kept is Kept.BYTES


def describe_disk(
    table: PartitionTable, held: Mapping[int, VolumeInfo], kept: Mapping[int, Kept], number: int, *, index: int = 0
) -> CapturedDisk:
    """Return the layout of a disk of which one partition becomes an image.

    Args:
        table: of the disk.
        held: what its partitions hold, by their numbers.
        kept: what the WIM will have of them.
        number: of the partition that the image is of.
        index: the number of the disk among those that are captured together.
    """
    from osdimage.imaging.disk.held import VolumeInfo  # noqa: PLC0415 - see above

    partitions = []
    for each in table.partitions:
        volume = held.get(each.number, VolumeInfo())
        partitions.append(
            CapturedPartition(
                index=each.number,
                type=each.type_label if each.role is None else each.role.value,
                filesystem=None if volume.kind is None else volume.kind.upper(),
                boot=each.active or each.type_id == roles.EFI_SYSTEM,
                label=_clean(volume.label or "") or None,
                offset=table.offset_bytes(each),
                size=table.size_bytes(each),
                type_id=roles.format_type(each.type_id),
                name=_clean(each.name),
                attributes=each.attributes,
                captured=each.number == number,
                ebr=None if each.ebr_lba is None else each.ebr_lba * table.geometry.sector_size,
                kept=kept.get(each.number, Kept.ROOM),
                guid=each.guid,
                was_encrypted=volume.encryption is not None,
                cluster_size=volume.cluster_size,
            )
        )
    geometry, identity = table.geometry, table.disk_guid or table.disk_signature or None
    return CapturedDisk(table.scheme, geometry.size_bytes, geometry.sector_size, tuple(partitions), identity, index)


def _clean(text: str) -> str:
    """Drop what XML cannot hold."""
    return "".join(character for character in text if character.isprintable())[:_LONGEST_TEXT]


def to_element(disk: CapturedDisk) -> ET.Element:
    """Write the ``DISK`` element."""
    facts = {
        "INDEX": str(disk.index),
        "STYLE": disk.scheme.upper(),
        "SIZE": str(disk.size),
        "SECTORSIZE": str(disk.sector_size),
    }
    if disk.identity is not None:
        facts["ID"] = str(disk.identity) if isinstance(disk.identity, UUID) else f"{disk.identity:#010x}"
    element = ET.Element("DISK", facts)
    for each in disk.partitions:
        ET.SubElement(
            element,
            "PARTITION",
            {
                "INDEX": str(each.index),
                "TYPE": each.type,
                "FILESYSTEM": each.filesystem or "",
                "BOOT": str(int(each.boot)),
                "LABEL": each.label or "",
                "OFFSET": str(each.offset),
                "SIZE": str(each.size),
                "TYPEID": each.type_id,
                "NAME": each.name,
                "ATTRIBUTES": f"{each.attributes:#x}",
                "CAPTURED": str(int(each.captured)),
                "KEPT": each.kept,
                **({} if each.ebr is None else {"EBR": str(each.ebr)}),
                **({} if each.guid is None else {"ID": str(each.guid)}),
                **({"ENCRYPTED": "BitLocker"} if each.was_encrypted else {}),
                **({} if each.cluster_size is None else {"CLUSTER": str(each.cluster_size)}),
            },
        )
    return element


def from_element(element: ET.Element) -> CapturedDisk:
    """Read the ``DISK`` element.

    Raises:
        InvalidInput: when a value is missing or cannot be; the message names it and the valid ones.
    """
    style = _text(element, "STYLE").lower()
    if style not in set(Scheme):
        raise _wrong(element, "STYLE", "MBR and GPT")
    size = _number(element, "SIZE", 1, _LARGEST)
    sector_size = _number(element, "SECTORSIZE", 512, 4096)
    if sector_size not in SECTOR_SIZES:
        raise _wrong(element, "SECTORSIZE", "512 and 4096")
    children = element.findall("PARTITION")
    if not 1 <= len(children) <= _MOST_PARTITIONS:
        raise InvalidInput(f"DISK holds {len(children)} PARTITION elements; valid are 1 to {_MOST_PARTITIONS}")
    partitions = tuple(_partition(child, size) for child in children)
    if len({each.index for each in partitions}) < len(partitions):
        raise InvalidInput("two PARTITION elements have the same INDEX")
    if sum(each.captured for each in partitions) > 1:
        raise InvalidInput("two PARTITION elements are CAPTURED; an image is of one")
    scheme = Scheme(style)
    index = _number(element, "INDEX", 0, MOST_DISKS - 1) if "INDEX" in element.attrib else 0
    return CapturedDisk(scheme, size, sector_size, partitions, _identity(element, scheme), index)


def _identity(element: ET.Element, scheme: Scheme) -> UUID | int | None:
    if scheme is Scheme.GPT:
        return _guid(element)
    return _number(element, "ID", 1, _U32) if element.get("ID") else None


def _partition(element: ET.Element, disk_size: int) -> CapturedPartition:
    offset = _number(element, "OFFSET", 1, disk_size - 1)
    try:
        type_id = roles.format_type(roles.parse_type(_text(element, "TYPEID")))
    except ValueError as error:
        raise _wrong(element, "TYPEID", "a byte such as 0x07 and a GUID") from error
    filesystem = _text(element, "FILESYSTEM") or None
    # Not there in what earlier versions wrote, which kept files alone.
    kept = _text(element, "KEPT") or (Kept.FILES if was_kept(filesystem) else Kept.NOTHING)
    if kept not in set(Kept):
        raise _wrong(element, "KEPT", ", ".join(Kept))
    return CapturedPartition(
        index=_number(element, "INDEX", 1, _MOST_ENTRIES),
        type=_text(element, "TYPE"),
        filesystem=filesystem,
        boot=_number(element, "BOOT", 0, 1) == 1,
        label=_text(element, "LABEL") or None,
        offset=offset,
        size=_number(element, "SIZE", 1, disk_size - offset),
        type_id=type_id,
        name=_text(element, "NAME"),
        attributes=_number(element, "ATTRIBUTES", 0, (1 << 64) - 1),
        captured=_number(element, "CAPTURED", 0, 1) == 1,
        ebr=_number(element, "EBR", 1, offset - 1) if "EBR" in element.attrib else None,
        kept=Kept(kept),
        guid=_guid(element),
        was_encrypted=_text(element, "ENCRYPTED") != "",
        cluster_size=_number(element, "CLUSTER", 1, _MOST_CLUSTER) if "CLUSTER" in element.attrib else None,
    )


def was_kept(filesystem: str | None) -> bool:
    """Tell whether earlier versions kept the files of a file system, by the name that the XML has for it."""
    return any(each.called == filesystem for each in FileSystem.for_layouts())


def _guid(element: ET.Element) -> UUID | None:
    text = _text(element, "ID")
    try:
        return UUID(text) if text else None
    except ValueError as error:
        raise _wrong(element, "ID", "a GUID, or none") from error


def _text(element: ET.Element, name: str) -> str:
    text = element.get(name, "")
    if len(text) > _LONGEST_TEXT or not text.isprintable():
        raise _wrong(element, name, f"at most {_LONGEST_TEXT} printable characters")
    return text


def _number(element: ET.Element, name: str, least: int, most: int) -> int:
    text = _text(element, name)
    valid = f"whole numbers from {least} to {most}"
    try:
        # Text is short, so the number is too.
        number = int(text, 16 if text.lower().startswith("0x") else 10)
    except ValueError as error:
        raise _wrong(element, name, valid) from error
    if not least <= number <= most:
        raise _wrong(element, name, valid)
    return number


def _wrong(element: ET.Element, name: str, valid: str) -> InvalidInput:
    return InvalidInput(f"{element.tag} has {name}={element.get(name, '')[:_LONGEST_TEXT]!r}; valid are {valid}")
