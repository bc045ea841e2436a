"""The volume descriptors of ISO 9660 (ECMA-119, 8.4 and 8.5; Joliet, "Supplementary Volume Descriptor"), declared."""

from __future__ import annotations

from dataclasses import dataclass

import construct as c

# ---- declaration: names and order of the standard; numbers are recorded in both orders of bytes ----

_BOTH_16 = c.Struct("Little" / c.Int16ul, "Big" / c.Int16ub)
_BOTH_32 = c.Struct("Little" / c.Int32ul, "Big" / c.Int32ub)

VOLUME_DESCRIPTOR = c.Struct(
    "VolumeDescriptorType" / c.Int8ul,
    "StandardIdentifier" / c.Bytes(5),
    "VolumeDescriptorVersion" / c.Int8ul,
    "VolumeFlags" / c.Int8ul,
    "SystemIdentifier" / c.Bytes(32),
    "VolumeIdentifier" / c.Bytes(32),
    "Unused" / c.Bytes(8),
    "VolumeSpaceSize" / _BOTH_32,
    "EscapeSequences" / c.Bytes(32),
    "VolumeSetSize" / _BOTH_16,
    "VolumeSequenceNumber" / _BOTH_16,
    "LogicalBlockSize" / _BOTH_16,
    "PathTableSize" / _BOTH_32,
    "LocationsOfPathTables" / c.Bytes(16),
    "DirectoryRecordForRootDirectory" / c.Bytes(34),
)

# ---- behaviour ----

PRIMARY, SUPPLEMENTARY = 1, 2
# UCS-2 of level 1, 2 and 3.
_JOLIET = (b"%/@", b"%/C", b"%/E")


@dataclass(frozen=True, slots=True)
class VolumeDescriptor:
    """What a volume descriptor says.

    Attributes:
        is_joliet: whether names are in UCS-2, as Joliet has them.
        label: of the volume.
        blocks: how many the volume has.
        block_bytes: of each.
        volume_number: which disc of a set this is.
        root: the record of the root directory.
    """

    is_joliet: bool
    label: str
    blocks: int
    block_bytes: int
    volume_number: int
    root: bytes


def primary_of(found: tuple[bytes, ...]) -> VolumeDescriptor | None:
    """Return the primary volume descriptor, or None."""
    return next((_parsed(each, is_joliet=False) for each in found if each[0] == PRIMARY), None)


def joliet_of(found: tuple[bytes, ...]) -> VolumeDescriptor | None:
    """Return the descriptor of Joliet, or None."""
    supplementary = (each for each in found if each[0] == SUPPLEMENTARY)
    return next((_parsed(each, is_joliet=True) for each in supplementary if each[88:91] in _JOLIET), None)


def _parsed(data: bytes, *, is_joliet: bool) -> VolumeDescriptor:
    raw = VOLUME_DESCRIPTOR.parse(data)
    encoding = "utf-16-be" if is_joliet else "utf-8"
    return VolumeDescriptor(
        is_joliet=is_joliet,
        label=raw.VolumeIdentifier.decode(encoding, "replace").rstrip("\0 "),
        blocks=raw.VolumeSpaceSize.Little,
        block_bytes=raw.LogicalBlockSize.Little,
        volume_number=raw.VolumeSequenceNumber.Little,
        root=raw.DirectoryRecordForRootDirectory,
    )
