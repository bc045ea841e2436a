"""The facts of a VDI file.

Source: VirtualBox, src/VBox/Storage/VDICore.h: VDIPREHEADER, VDIHEADER1 and VDIHEADER1PLUS; and QEMU, block/vdi.c,
for what it takes.  All numbers are little-endian.
"""

from __future__ import annotations

import struct
from typing import Final, NamedTuple
from uuid import UUID

from osdimage.imaging.disk.containers.facts import (
    ContainerFacts,
    ContainerFormat,
    FileBytes,
    checked_size,
    cut_off,
    numbers,
    require,
    shown,
)
from osdimage.imaging.errors import InvalidInput

SIGNATURE: Final = b"\x7f\x10\xda\xbe"
SIGNATURE_AT: Final = 64
_HEADER: Final = struct.Struct("<64s4sIIII256sIIIIIIIQIIII16s16s16s16s")
_VARIANTS: Final = {1: "dynamic", 2: "fixed", 3: "undo", 4: "differencing"}
_BLOCK: Final = 1 << 20
_VERSION: Final = 0x00010001
_NO_BLOCK: Final = 0xFFFFFFFE
"""Of a block without contents, and all numbers above it."""


class _Header(NamedTuple):
    text: bytes
    signature: bytes
    version: int
    header_bytes: int
    image_type: int
    flags: int
    description: bytes
    map_at: int
    data_at: int
    cylinders: int
    heads: int
    sectors_per_track: int
    sector_bytes: int
    unused: int
    size_bytes: int
    block_bytes: int
    block_extra: int
    blocks: int
    allocated: int
    identifier: bytes
    last_snapshot: bytes
    link: bytes
    parent: bytes


def facts(data: FileBytes) -> ContainerFacts:
    """Return what a VDI file says.

    Raises:
        InvalidInput: when it contradicts itself, or is of a version that is not known.
        OSError: when it cannot be read.
    """
    header = _Header(*_HEADER.unpack(require(data, 0, _HEADER.size, "its header")))
    if header.signature != SIGNATURE or header.version != _VERSION:
        raise InvalidInput(f"is a VDI file of version {header.version >> 16}.{header.version & 0xFFFF}; valid is 1.1")
    if header.image_type not in _VARIANTS:
        raise InvalidInput(f"its image type is {header.image_type}; valid are 1 to 4")
    size = checked_size(header.size_bytes)
    if header.block_bytes != _BLOCK or header.sector_bytes != 512:
        raise InvalidInput(
            f"its blocks have {header.block_bytes} bytes, its sectors {header.sector_bytes}; valid are 1 MiB and 512"
        )
    if header.blocks < -(-size // _BLOCK):
        raise InvalidInput(f"its map has {header.blocks} blocks; a disk of {size} bytes has {-(-size // _BLOCK)}")
    if header.map_at % 512 or header.data_at % 512 or header.map_at + 4 * header.blocks > data.size:
        raise InvalidInput(f"its map, {header.blocks} blocks at byte {header.map_at}, is behind the end of the file")
    placed = numbers(data, header.map_at, header.blocks, "I", order="little")
    last = max((each for each in placed if each < _NO_BLOCK), default=None)
    if last is not None and header.data_at + last * _BLOCK >= data.size:
        raise cut_off(header.data_at + last * _BLOCK, data)
    is_linked = header.image_type in {3, 4} or any(header.link) or any(header.parent)
    return ContainerFacts(
        ContainerFormat.VDI,
        size,
        _VARIANTS[header.image_type],
        # It is known by its UUID alone, in the settings of VirtualBox.
        parent=str(UUID(bytes_le=header.parent)) if is_linked else None,
        creator=shown(_creator(header.text)) or None,
    )


def _creator(text: bytes) -> bytes:
    """Return the program of a header's text, such as ``<<< Oracle VM VirtualBox Disk Image >>>``."""
    said = text.split(b"\0", 1)[0].strip(b"<> \n")
    return said.removesuffix(b"Disk Image").rstrip().removesuffix(b" Virtual")
