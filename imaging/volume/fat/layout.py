"""The boot sector of a FAT volume and where it puts the parts, and FSInfo; pure, without a target.

Source: Microsoft, "FAT32 File System Specification" 1.03 (fatgen103), which is also that of FAT12 and FAT16; its field
names are used in the declaration.  A volume is: reserved sectors, the first of which is the boot sector, the tables,
and clusters numbered from 2.  FAT32 keeps FSInfo in sector 1 and copies of both in 6 and 7; its root directory is a
chain of clusters as any other.  FAT12 and FAT16 have a root directory of a fixed size before the clusters, and nothing
but the boot sector in front of the tables.
"""

from __future__ import annotations

from dataclasses import dataclass

import construct as c
from osdimage.imaging.disk.fat_width import DIRECTORY_ENTRY_BYTES, FIRST_CLUSTER, FatWidth
from osdimage.imaging.errors import InvalidVolume
from osdimage.imaging.volume.fat.packing import KINDS, EntryKind

# ---- declaration: names and order of the specification ----

# BPB_RootEntCnt, BPB_TotSec16 and BPB_FATSz16 are 0 on FAT32.
_COMMON = (
    "BS_jmpBoot" / c.Bytes(3),
    "BS_OEMName" / c.Bytes(8),
    "BPB_BytsPerSec" / c.Int16ul,
    "BPB_SecPerClus" / c.Int8ul,
    "BPB_RsvdSecCnt" / c.Int16ul,
    "BPB_NumFATs" / c.Int8ul,
    "BPB_RootEntCnt" / c.Int16ul,
    "BPB_TotSec16" / c.Int16ul,
    "BPB_Media" / c.Int8ul,
    "BPB_FATSz16" / c.Int16ul,
    "BPB_SecPerTrk" / c.Int16ul,
    "BPB_NumHeads" / c.Int16ul,
    "BPB_HiddSec" / c.Int32ul,
    "BPB_TotSec32" / c.Int32ul,
)
# Windows keeps its mark of use in BS_Reserved1 (Windows-driver-samples, fastfat: FAT_BOOT_SECTOR_DIRTY): at byte 37 of
# FAT12 and FAT16, at byte 65 of FAT32.
_EXTENDED = (
    "BS_DrvNum" / c.Int8ul,
    "BS_Reserved1" / c.Int8ul,
    "BS_BootSig" / c.Int8ul,
    "BS_VolID" / c.Int32ul,
    "BS_VolLab" / c.Bytes(11),
    "BS_FilSysType" / c.Bytes(8),
)

_CODE_BYTES, _CODE_BYTES_16 = 420, 448

BOOT_STRUCT = c.Struct(
    *_COMMON,
    "BPB_FATSz32" / c.Int32ul,
    "BPB_ExtFlags" / c.Int16ul,
    "BPB_FSVer" / c.Int16ul,
    "BPB_RootClus" / c.Int32ul,
    "BPB_FSInfo" / c.Int16ul,
    "BPB_BkBootSec" / c.Int16ul,
    "BPB_Reserved" / c.Bytes(12),
    *_EXTENDED,
    "BootCode" / c.Bytes(_CODE_BYTES),
    "Signature" / c.Int16ul,
)
"""Of FAT32."""
BOOT_STRUCT_16 = c.Struct(*_COMMON, *_EXTENDED, "BootCode" / c.Bytes(_CODE_BYTES_16), "Signature" / c.Int16ul)
"""Of FAT12 and FAT16."""

FSINFO_STRUCT = c.Struct(
    "FSI_LeadSig" / c.Int32ul,
    "FSI_Reserved1" / c.Bytes(480),
    "FSI_StrucSig" / c.Int32ul,
    "FSI_Free_Count" / c.Int32ul,
    "FSI_Nxt_Free" / c.Int32ul,
    "FSI_Reserved2" / c.Bytes(12),
    "FSI_TrailSig" / c.Int32ul,
)

# ---- behaviour ----

BOOT_BYTES = 512
"""Boot sector and FSInfo fill 512 bytes whatever the sector size."""
UNKNOWN = 0xFFFFFFFF
"""What FSInfo holds where a count is not known."""
IN_USE_AT, IN_USE = {FatWidth.FAT12: 37, FatWidth.FAT16: 37, FatWidth.FAT32: 65}, 1
"""Where the boot sector has Windows' mark of use, and the bit of it."""

MIN_CLUSTERS = FatWidth.FAT16.most_clusters + 1
"""With fewer, some programs take FAT32 for FAT16."""
MAX_CLUSTERS = FatWidth.FAT32.most_clusters
RESERVED_SECTORS = 32
"""Of FAT32."""
FSINFO_SECTOR, BACKUP_SECTOR = 1, 6
SECTOR_SIZES = (512, 1024, 2048, 4096)
"""fatgen103, BPB_BytsPerSec.  A disk has sectors of 512 or 4096 bytes; a volume that is alone in a file has those that
its boot sector says."""
FATS = 2
"""How many tables a new volume has."""
_SIGNATURE = 0xAA55
_LEAD_SIGNATURE, _STRUCT_SIGNATURE, _TRAIL_SIGNATURE = 0x41615252, 0x61417272, 0xAA550000
# int 18h tells the BIOS that there is nothing to start here; then halt for ever.
NO_BOOT_CODE = bytes.fromhex("cd18 f4 ebfd")
NO_LABEL = b"NO NAME    "


@dataclass(frozen=True, slots=True)
class FatLayout:
    """Where the parts of a volume are.

    Attributes:
        sector_size: in bytes.
        sectors: of the whole volume.
        sectors_per_cluster: a power of two.
        reserved: sectors before the first FAT.
        fats: how many FATs there are.
        fat_sectors: of one FAT.
        root_cluster: the first cluster of the root directory; None where that has a place of its own.
        root_entries: how many entries such a root directory holds; 0 where it is a chain.
    """

    sector_size: int
    sectors: int
    sectors_per_cluster: int
    reserved: int
    fats: int
    fat_sectors: int
    root_cluster: int | None = FIRST_CLUSTER
    root_entries: int = 0

    @property
    def width(self) -> FatWidth:
        """Which FAT it is; above all that FAT16 can have, FAT16 still."""
        if self.root_cluster is not None:
            return FatWidth.FAT32
        return FatWidth.of(self.clusters) or FatWidth.FAT16

    @property
    def kind(self) -> EntryKind:
        """How the entries of its table are stored."""
        return KINDS[self.width]

    @property
    def cluster_size(self) -> int:
        """The size of a cluster in bytes."""
        return self.sector_size * self.sectors_per_cluster

    @property
    def root_bytes(self) -> int:
        """The size of a root directory that is no chain."""
        return self.root_entries * DIRECTORY_ENTRY_BYTES

    @property
    def root_offset(self) -> int:
        """The byte at which a root directory begins that is no chain."""
        return self.fat_offset(self.fats)

    @property
    def data_sector(self) -> int:
        """The first sector of cluster 2."""
        return self.reserved + self.fats * self.fat_sectors + -(-self.root_bytes // self.sector_size)

    @property
    def clusters(self) -> int:
        """How many clusters there are; the last one is number ``clusters + 1``."""
        return (self.sectors - self.data_sector) // self.sectors_per_cluster

    @property
    def data_bytes(self) -> int:
        """The size of all clusters."""
        return self.clusters * self.cluster_size

    def offset_of(self, cluster: int) -> int:
        """Return the byte at which a cluster begins."""
        return (self.data_sector + (cluster - FIRST_CLUSTER) * self.sectors_per_cluster) * self.sector_size

    def fat_offset(self, number: int) -> int:
        """Return the byte at which a FAT begins; they are numbered from 0."""
        return (self.reserved + number * self.fat_sectors) * self.sector_size

    def clusters_for(self, size_bytes: int) -> int:
        """Return how many clusters hold so many bytes."""
        return -(-size_bytes // self.cluster_size)


@dataclass(frozen=True, slots=True)
class BootSector:
    """What the boot sector says beside the layout.

    Attributes:
        layout: where the parts are.
        serial: the volume serial number.
        label: 11 bytes in the code page of whoever formatted the volume.
        hidden_sectors: sectors of the disk before the volume.
        heads: of the disk, as its BIOS counts.
        sectors_per_track: likewise.
        media: the media descriptor.
        active_fat: the number of the only FAT that is kept up to date, or None when all are.
        fsinfo_sector: where FSInfo is, or None; FAT12 and FAT16 have none.
        backup_sector: where the copy of the boot sector is, or None; likewise.
        is_dirty: whether Windows marked the volume as in use.
    """

    layout: FatLayout
    serial: int
    label: bytes
    hidden_sectors: int = 0
    heads: int = 255
    sectors_per_track: int = 63
    media: int = 0xF8
    active_fat: int | None = None
    fsinfo_sector: int | None = FSINFO_SECTOR
    backup_sector: int | None = BACKUP_SECTOR
    is_dirty: bool = False


@dataclass(frozen=True, slots=True)
class FsInfo:
    """The counts that FSInfo holds; None is "not known"."""

    free_clusters: int | None
    next_free: int | None


def build_boot(boot: BootSector) -> bytes:
    """Return the 512 bytes of a boot sector that starts nothing."""
    layout = boot.layout
    is_fat32 = layout.width is FatWidth.FAT32
    is_small = not is_fat32 and layout.sectors < 1 << 16
    fields: dict[str, int | bytes | None] = {
        "BS_jmpBoot": b"\xeb\x58\x90" if is_fat32 else b"\xeb\x3c\x90",
        # fatgen103: the one name that no driver trips over.
        "BS_OEMName": b"MSWIN4.1",
        "BPB_BytsPerSec": layout.sector_size,
        "BPB_SecPerClus": layout.sectors_per_cluster,
        "BPB_RsvdSecCnt": layout.reserved,
        "BPB_NumFATs": layout.fats,
        "BPB_RootEntCnt": layout.root_entries,
        "BPB_TotSec16": layout.sectors if is_small else 0,
        "BPB_Media": boot.media,
        "BPB_FATSz16": 0 if is_fat32 else layout.fat_sectors,
        "BPB_SecPerTrk": boot.sectors_per_track,
        "BPB_NumHeads": boot.heads,
        "BPB_HiddSec": boot.hidden_sectors,
        "BPB_TotSec32": 0 if is_small else layout.sectors,
        "BS_DrvNum": 0x80,
        "BS_Reserved1": IN_USE if boot.is_dirty else 0,
        "BS_BootSig": 0x29,
        "BS_VolID": boot.serial,
        "BS_VolLab": boot.label,
        "BS_FilSysType": layout.width.name.encode().ljust(8),
        "Signature": _SIGNATURE,
    }
    if is_fat32:
        fields |= {
            "BPB_FATSz32": layout.fat_sectors,
            "BPB_ExtFlags": 0,
            "BPB_FSVer": 0,
            "BPB_RootClus": layout.root_cluster,
            "BPB_FSInfo": FSINFO_SECTOR,
            "BPB_BkBootSec": BACKUP_SECTOR,
            "BPB_Reserved": bytes(12),
        }
    struct, room = (BOOT_STRUCT, _CODE_BYTES) if is_fat32 else (BOOT_STRUCT_16, _CODE_BYTES_16)
    built: bytes = struct.build({**fields, "BootCode": NO_BOOT_CODE.ljust(room, b"\0")})
    return built


def parse_boot(sector: bytes, *, size_bytes: int) -> BootSector:
    """Read a boot sector, believing nothing that cannot be.

    Raises:
        InvalidVolume: when it is not one of a FAT volume of at most ``size_bytes`` bytes.
    """
    raw = BOOT_STRUCT.parse(sector[:BOOT_BYTES])
    if raw.Signature != _SIGNATURE:
        raise InvalidVolume("not a FAT volume: its first sector does not end in 55 AA")
    # Where the table of FAT12 and FAT16 has its size; see fat_width.py.
    is_fat32 = raw.BPB_FATSz16 == 0
    problem = _boot_problem(raw, is_fat32=is_fat32)
    if problem is not None:
        raise InvalidVolume(f"not a FAT volume: {problem}")
    layout = FatLayout(
        raw.BPB_BytsPerSec,
        (raw.BPB_TotSec32 or raw.BPB_TotSec16) if is_fat32 else (raw.BPB_TotSec16 or raw.BPB_TotSec32),
        raw.BPB_SecPerClus,
        raw.BPB_RsvdSecCnt,
        raw.BPB_NumFATs,
        raw.BPB_FATSz32 if is_fat32 else raw.BPB_FATSz16,
        raw.BPB_RootClus if is_fat32 else None,
        raw.BPB_RootEntCnt,
    )
    _refuse_impossible(layout, size_bytes)
    if not is_fat32:
        small = BOOT_STRUCT_16.parse(sector[:BOOT_BYTES])
        return _described(layout, small, None, None, None)
    return _described(
        layout,
        raw,
        # Bit 7: mirroring is off, and the low bits name the FAT that counts.
        raw.BPB_ExtFlags & 0x0F if raw.BPB_ExtFlags & 0x80 and raw.BPB_ExtFlags & 0x0F < raw.BPB_NumFATs else None,
        raw.BPB_FSInfo if 0 < raw.BPB_FSInfo < raw.BPB_RsvdSecCnt else None,
        raw.BPB_BkBootSec if 0 < raw.BPB_BkBootSec < raw.BPB_RsvdSecCnt else None,
    )


def _described(
    layout: FatLayout, raw: c.Container, active_fat: int | None, fsinfo: int | None, backup: int | None
) -> BootSector:
    return BootSector(
        layout,
        raw.BS_VolID,
        raw.BS_VolLab,
        raw.BPB_HiddSec,
        raw.BPB_NumHeads,
        raw.BPB_SecPerTrk,
        raw.BPB_Media,
        active_fat,
        fsinfo,
        backup,
        bool(raw.BS_Reserved1 & IN_USE),
    )


def _boot_problem(raw: c.Container, *, is_fat32: bool) -> str | None:
    if raw.BPB_BytsPerSec not in SECTOR_SIZES:
        return f"sectors of {raw.BPB_BytsPerSec} bytes"
    per_cluster = raw.BPB_SecPerClus
    if per_cluster == 0 or per_cluster & (per_cluster - 1):
        return f"clusters of {per_cluster} sectors"
    if raw.BPB_RsvdSecCnt == 0 or raw.BPB_NumFATs == 0:
        return "no reserved sectors, or no FAT"
    if is_fat32 and raw.BPB_FATSz32 == 0:
        return "a FAT of no sectors"
    if is_fat32 and raw.BPB_RootEntCnt != 0:
        return "a FAT as FAT32 has it, and a root directory as FAT12 and FAT16 have it"
    if not is_fat32 and raw.BPB_RootEntCnt == 0:
        return "a root directory without entries"
    return None


def _refuse_impossible(layout: FatLayout, size_bytes: int) -> None:
    if layout.sectors * layout.sector_size > size_bytes:
        raise InvalidVolume(f"the FAT volume claims {layout.sectors * layout.sector_size} bytes of {size_bytes}")
    if layout.data_sector > layout.sectors or layout.clusters < 1:
        raise InvalidVolume("the FAT volume has no room for clusters")
    width, clusters = layout.width, layout.clusters
    entries = layout.kind.most_entries(layout.fat_sectors * layout.sector_size)
    if clusters + FIRST_CLUSTER > entries or clusters > width.most_clusters:
        raise InvalidVolume(f"the {width.name} volume has {clusters} clusters and a FAT of {entries} entries")
    root = layout.root_cluster
    if root is not None and not FIRST_CLUSTER <= root < FIRST_CLUSTER + clusters:
        raise InvalidVolume(f"the FAT32 volume has its root in cluster {root}, which does not exist")


def build_fsinfo(info: FsInfo) -> bytes:
    """Return the 512 bytes of FSInfo."""
    built: bytes = FSINFO_STRUCT.build(
        {
            "FSI_LeadSig": _LEAD_SIGNATURE,
            "FSI_Reserved1": bytes(480),
            "FSI_StrucSig": _STRUCT_SIGNATURE,
            "FSI_Free_Count": UNKNOWN if info.free_clusters is None else info.free_clusters,
            "FSI_Nxt_Free": UNKNOWN if info.next_free is None else info.next_free,
            "FSI_Reserved2": bytes(12),
            "FSI_TrailSig": _TRAIL_SIGNATURE,
        }
    )
    return built


def parse_fsinfo(sector: bytes) -> FsInfo | None:
    """Read FSInfo, or return None when its signatures are missing."""
    raw = FSINFO_STRUCT.parse(sector[:BOOT_BYTES])
    marks = (raw.FSI_LeadSig, raw.FSI_StrucSig, raw.FSI_TrailSig)
    if marks != (_LEAD_SIGNATURE, _STRUCT_SIGNATURE, _TRAIL_SIGNATURE):
        return None
    free, following = raw.FSI_Free_Count, raw.FSI_Nxt_Free
    return FsInfo(None if free == UNKNOWN else free, None if following == UNKNOWN else following)
