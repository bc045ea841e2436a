"""Recognising what a volume holds by the bytes that mark it, and finding the marks that must go.

Sources: the file systems' own headers as libblkid lists them (util-linux, libblkid/src/superblocks); NTFS and exFAT:
Microsoft's specifications; BitLocker: libbde documentation, "volume header".
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from osdimage.imaging.disk.content import FATS, Content
from osdimage.imaging.disk.fat_width import fat_width
from osdimage.imaging.units import KIB

if TYPE_CHECKING:
    from osdimage.imaging.disk.tables.mbr import BootRecord
    from osdimage.imaging.disk.target import BlockTarget


@dataclass(frozen=True, slots=True)
class Mark:
    """Bytes that tell what a volume holds.

    Attributes:
        content: what it holds then.
        offset_bytes: where, from the start of the volume; negative: from its end, counted back from a multiple
            of ``end_step_bytes``.
        magic: the bytes.
        end_step_bytes: see ``offset_bytes``.
    """

    content: Content
    offset_bytes: int
    magic: bytes
    end_step_bytes: int = 1


UNFINISHED_AT, UNFINISHED_MAGIC = 256, b"osdimage unfinished\0"
"""Where the first sector of a volume that is being made says so, and how; see ``unfinished.py``."""

# The order decides when several fit: what wraps or replaces something else comes first.
MARKS: tuple[Mark, ...] = (
    Mark(Content.UNFINISHED, UNFINISHED_AT, UNFINISHED_MAGIC),
    Mark(Content.BITLOCKER, 3, b"-FVE-FS-"),
    # A removable drive (BitLocker To Go), which is a FAT32 volume to whoever cannot unlock it.
    Mark(Content.BITLOCKER, 424, bytes.fromhex("3bd66749292ed84a8399f6a339e3d001")),
    Mark(Content.LUKS, 0, b"LUKS\xba\xbe"),
    Mark(Content.RAID, 4096, b"\xfc\x4e\x2b\xa9"),
    Mark(Content.RAID, 0, b"\xfc\x4e\x2b\xa9"),
    Mark(Content.LVM2, 512, b"LABELONE"),
    Mark(Content.LVM2, 0, b"LABELONE"),
    # In one of the first four sectors (LVM2, lib/label/label.h, LABEL_SCAN_SECTORS).
    Mark(Content.LVM2, 1024, b"LABELONE"),
    Mark(Content.LVM2, 1536, b"LABELONE"),
    # gus33000/StorageSpace on GitHub, SPACEDB; no specification is published.
    Mark(Content.STORAGE_SPACES, 0, b"SPACEDB "),
    Mark(Content.NTFS, 3, b"NTFS    "),
    Mark(Content.EXFAT, 3, b"EXFAT   "),
    Mark(Content.REFS, 3, b"ReFS\0\0\0\0"),
    Mark(Content.FAT32, 82, b"FAT32   "),
    Mark(Content.FAT16, 54, b"FAT16   "),
    Mark(Content.FAT12, 54, b"FAT12   "),
    # "FAT12", "FAT16" or "FAT" (fatgen103, BS_FilSysType), and the last is of one of the two.  Which it is, its numbers
    # tell, whatever is written here: ``fat_width.py``.
    Mark(Content.FAT16, 54, b"FAT     "),
    Mark(Content.XFS, 0, b"XFSB"),
    Mark(Content.APFS, 32, b"NXSB"),
    Mark(Content.SQUASHFS, 0, b"hsqs"),
    Mark(Content.EXT, 1080, b"\x53\xef"),
    Mark(Content.F2FS, 1024, b"\x10\x20\xf5\xf2"),
    Mark(Content.HFS_PLUS, 1024, b"H+\0\x04"),
    # HFSX, of which names differ by case (Apple, TN1150).
    Mark(Content.HFS_PLUS, 1024, b"HX\0\x05"),
    # Linux, fs/bcachefs/bcachefs_format.h, BCHFS_MAGIC.
    Mark(Content.BCACHEFS, 4096 + 24, bytes.fromhex("c68573f666ce90a9d96a60cf803df7ef")),
    # The first pair of the label is "version", behind the header of a list in XDR and the two sizes of the pair
    # (OpenZFS, vdev_label.c, VDEV_PHYS at 16 KiB; libnvpair).
    Mark(Content.ZFS, 16 * KIB + 20, b"\0\0\0\x07version\0"),
    Mark(Content.SWAP, 4086, b"SWAPSPACE2"),
    Mark(Content.ISO9660, 32769, b"CD001"),
    Mark(Content.BTRFS, 65600, b"_BHRfS_M"),
    # md 1.0 is 8 to 12 KiB before the end, md 0.90 in the last whole 64 KiB but one.
    Mark(Content.RAID, -8 * KIB, b"\xfc\x4e\x2b\xa9", 4 * KIB),
    Mark(Content.RAID, -64 * KIB, b"\xfc\x4e\x2b\xa9", 64 * KIB),
)

# Copies of a boot sector, which tools for repair put back: FAT32 keeps one in sector 6, NTFS in the last sector.  And
# what makes a disk dynamic (Linux block/partitions/ldm.c); it says nothing about a volume.
_ONLY_WIPED = (
    *(Mark(Content.FAT32, 6 * size + 82, b"FAT32   ") for size in (512, 1024, 2048, 4096)),
    Mark(Content.DYNAMIC, 6 * 512, b"PRIVHEAD"),
    # The second header of LUKS2, which is taken for the first where that is gone (LUKS2 On-Disk Format, 2.1).
    *(Mark(Content.LUKS, 0x4000 << step, b"SKUL\xba\xbe") for step in range(9)),
)
_NTFS_COPY_FROM_END = 3
# ZFS has four labels, two at the begin and two at the end.  In the second half of each are its uberblocks, by which
# other programs know a pool, too (OpenZFS, vdev_impl.h).
_ZFS_LABEL, _ZFS_LIST_AT, _ZFS_RING_AT, _ZFS_UBERBLOCK = 256 * KIB, 16 * KIB + 20, 128 * KIB, KIB
_ZFS_LIST = b"\0\0\0\x07version\0"
_ZFS_MAGICS = frozenset({(0x00BAB10C).to_bytes(8, "little"), (0x00BAB10C).to_bytes(8, "big")})
HEAD_BYTES = 66 * KIB
BOOT_SECTORS = FATS | {Content.NTFS, Content.EXFAT, Content.REFS, Content.BITLOCKER}
"""What begins with a boot sector, which ends in 55 AA as an MBR does."""


def content_of(head: bytes) -> Content | None:
    """Tell what a window holds by its first bytes (66 KiB show everything); None when that is not known here."""
    for mark in MARKS:
        at = mark.offset_bytes
        if at >= 0 and head[at : at + len(mark.magic)] == mark.magic:
            return _fat_of(head, mark.content) if mark.content in FATS else mark.content
    return None


def _fat_of(head: bytes, marked: Content) -> Content:
    """Return which FAT it is by its numbers, or by its mark where these cannot be."""
    width = fat_width(head)
    return marked if width is None else width.content


def identify(window: BlockTarget) -> Content | None:
    """Tell what a window holds; None when that is not known here.

    Raises:
        StorageError: when it cannot be read.
    """
    return content_of(window.read_at(0, min(HEAD_BYTES, window.geometry.size_bytes)))


def is_volume_boot_sector(head: bytes, record: BootRecord) -> bool:
    """Tell whether sector 0 is the boot sector of a volume without partitions, which ends in 55 AA as an MBR does.

    A boot sector has code where an MBR has entries.  An MBR that a tool made of a boot sector has sound entries.
    """
    if content_of(head[:512]) not in BOOT_SECTORS or head[:1] not in {b"\xeb", b"\xe9"}:
        return False
    sound = all(each.boot_indicator in {0, 0x80} for each in record.records)
    return not (sound and any(each.is_used for each in record.records))


def find_marks(volume: BlockTarget) -> Iterator[tuple[int, Content]]:
    """Yield the offset in bytes and the name of every mark of a volume, also those that others hide."""
    size = volume.geometry.size_bytes
    head = volume.read_at(0, min(HEAD_BYTES, size))
    for mark in (*MARKS, *_ONLY_WIPED):
        at = mark.offset_bytes
        if at < 0:
            at = (size + at) // mark.end_step_bytes * mark.end_step_bytes
            if at < HEAD_BYTES:
                continue
        if at + len(mark.magic) > size:
            continue
        found = head[at : at + len(mark.magic)] if at < HEAD_BYTES else volume.read_at(at, len(mark.magic))
        if found == mark.magic:
            yield at, mark.content
    yield from _zfs_marks(volume)
    last = size - volume.geometry.sector_size
    if last >= HEAD_BYTES and volume.read_at(last + _NTFS_COPY_FROM_END, 8) == b"NTFS    ":
        yield last + _NTFS_COPY_FROM_END, Content.NTFS


def _zfs_marks(volume: BlockTarget) -> Iterator[tuple[int, Content]]:
    """Yield the marks in the labels of a member of a ZFS pool; that in the first label is one of :data:`MARKS`."""
    end = volume.geometry.size_bytes // _ZFS_LABEL * _ZFS_LABEL
    if end < 4 * _ZFS_LABEL:
        return
    for label in (0, _ZFS_LABEL, end - 2 * _ZFS_LABEL, end - _ZFS_LABEL):
        at = label + _ZFS_LIST_AT
        if volume.read_at(at, len(_ZFS_LIST)) != _ZFS_LIST:
            continue
        if label:
            yield at, Content.ZFS
        ring = volume.read_at(label + _ZFS_RING_AT, _ZFS_LABEL - _ZFS_RING_AT)
        for begin in range(0, len(ring), _ZFS_UBERBLOCK):
            if ring[begin : begin + 8] in _ZFS_MAGICS:
                yield label + _ZFS_RING_AT + begin, Content.ZFS
