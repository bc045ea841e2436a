"""The first sector of a volume while it is made.

It holds nothing that a program takes for a volume, and tells osdimage what the volume is to become.  So one whose
making was interrupted is known for what it is, and is made again as it was meant.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from osdimage.imaging.disk.content import Content
from osdimage.imaging.disk.signatures import UNFINISHED_AT, UNFINISHED_MAGIC
from osdimage.imaging.disk.target import BlockTarget

BOOT_BYTES = 90
"""How much of the boot sector is kept: all that NTFS and FAT have before their boot code."""
_LABEL_BYTES = 64
# Behind the magic: what it is to be, its label as UTF-16, the begin of the boot sector.
_STRUCT = struct.Struct(f"<8s{_LABEL_BYTES}s{BOOT_BYTES}s")


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A volume that is being made.

    Attributes:
        content: what it is to be.
        label: its label on NTFS; FAT has it in the boot sector.
        boot: the first :data:`BOOT_BYTES` of its boot sector.
    """

    content: Content
    label: str
    boot: bytes

    def sector(self, size: int) -> bytes:
        """Return the first sector of the volume until then, of so many bytes."""
        label = self.label.encode("utf-16-le", "surrogatepass")[:_LABEL_BYTES]
        told = UNFINISHED_MAGIC + _STRUCT.pack(self.content.value.encode(), label, self.boot[:BOOT_BYTES])
        return (bytes(UNFINISHED_AT) + told).ljust(size, b"\0")


def read_unfinished(volume: BlockTarget) -> Unfinished | None:
    """Return what a volume is to become whose making was interrupted; None for any other.

    Raises:
        StorageError: when it cannot be read.
    """
    size = UNFINISHED_AT + len(UNFINISHED_MAGIC) + _STRUCT.size
    if volume.geometry.size_bytes < size:
        return None
    head = volume.read_at(0, size)
    if head[UNFINISHED_AT : UNFINISHED_AT + len(UNFINISHED_MAGIC)] != UNFINISHED_MAGIC:
        return None
    content, label, boot = _STRUCT.unpack(head[size - _STRUCT.size :])
    try:
        found = Content(content.rstrip(b"\0").decode("ascii"))
    except ValueError:
        return None
    return Unfinished(found, label.decode("utf-16-le", "surrogatepass").rstrip("\0"), boot)
