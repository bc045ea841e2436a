"""The reserved sectors of a FAT32 volume, and how a size becomes clusters; pure, without a target.

Source: Microsoft, "FAT32 File System Specification" 1.03 (fatgen103); its field names are used in the declaration.
A volume is: 32 reserved sectors (boot sector in 0, FSInfo in 1, copies of both in 6 and 7), two FATs, and clusters
numbered from 2.  The number of clusters alone makes it FAT32: with fewer than 65,525, programs take it for FAT16.
"""

from __future__ import annotations

from dataclasses import dataclass

import construct as c
from osdimage.imaging.errors import InvalidRequest, InvalidVolume
from osdimage.imaging.units import GIB, KIB, MIB, Geometry, format_size

# ---- declaration: names and order of the specification ----

BOOT_STRUCT = c.Struct(
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
    "BPB_FATSz32" / c.Int32ul,
    "BPB_ExtFlags" / c.Int16ul,
    "BPB_FSVer" / c.Int16ul,
    "BPB_RootClus" / c.Int32ul,
    "BPB_FSInfo" / c.Int16ul,
    "BPB_BkBootSec" / c.Int16ul,
    "BPB_Reserved" / c.Bytes(12),
    "BS_DrvNum" / c.Int8ul,
    "BS_Reserved1" / c.Int8ul,
    "BS_BootSig" / c.Int8ul,
    "BS_VolID" / c.Int32ul,
    "BS_VolLab" / c.Bytes(11),
    "BS_FilSysType" / c.Bytes(8),
    "BootCode" / c.Bytes(420),
    "Signature" / c.Int16ul,
)

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
FIRST_CLUSTER = 2
FREE, END_OF_CHAIN, BAD_CLUSTER = 0, 0x0FFFFFFF, 0x0FFFFFF7
FIRST_END_MARK = 0x0FFFFFF8
ENTRY_MASK = 0x0FFFFFFF
UNKNOWN = 0xFFFFFFFF
"""What FSInfo holds where a count is not known."""
CLEAN_SHUTDOWN = 0x08000000
"""Set in FAT[1] while the volume is clean."""
CLEAN_BITS = 0x0C000000
"""Set in FAT[1] while the volume is clean (0x08000000) and had no read errors (0x04000000)."""

MIN_CLUSTERS = 65_525
MAX_CLUSTERS = 0x0FFFFFF5 - FIRST_CLUSTER
MAX_SECTORS = 0xFFFFFFFF
RESERVED_SECTORS = 32
FSINFO_SECTOR, BACKUP_SECTOR = 1, 6
SECTOR_SIZES = (512, 1024, 2048, 4096)
"""fatgen103, BPB_BytsPerSec.  A disk has sectors of 512 or 4096 bytes; a volume that is alone in a file has those that
its boot sector says."""
_FATS = 2
_ENTRY_BYTES = 4
_SIGNATURE = 0xAA55
_LEAD_SIGNATURE, _STRUCT_SIGNATURE, _TRAIL_SIGNATURE = 0x41615252, 0x61417272, 0xAA550000
# Microsoft, "Default cluster size for NTFS, FAT, and exFAT": 128 and 256 KiB only with sectors above 512 bytes.
_LARGEST_CLUSTER, _LARGEST_OF_LARGE_SECTORS = 64 * KIB, 256 * KIB
_MOST_SECTORS_PER_CLUSTER = 128
# fatgen103, DskTableFAT32, which mkfs.fat follows: up to this many bytes, clusters of so many bytes.
_DEFAULT_CLUSTERS = ((260 * MIB, 512), (8 * GIB, 4 * KIB), (16 * GIB, 8 * KIB), (32 * GIB, 16 * KIB))
_DEFAULT_ABOVE = 32 * KIB
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
        root_cluster: the first cluster of the root directory.
    """

    sector_size: int
    sectors: int
    sectors_per_cluster: int
    reserved: int
    fats: int
    fat_sectors: int
    root_cluster: int = FIRST_CLUSTER

    @property
    def cluster_size(self) -> int:
        """The size of a cluster in bytes."""
        return self.sector_size * self.sectors_per_cluster

    @property
    def data_sector(self) -> int:
        """The first sector of cluster 2."""
        return self.reserved + self.fats * self.fat_sectors

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
        fsinfo_sector: where FSInfo is, or None.
        backup_sector: where the copy of the boot sector is, or None.
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


def plan_layout(geometry: Geometry, cluster_size: int | None = None, *, sector_size: int | None = None) -> FatLayout:
    """Return the layout of a volume of this size.

    Args:
        geometry: of the window that becomes the volume.
        cluster_size: in bytes; None for what is usual for the size.
        sector_size: of the volume in bytes, one of :data:`SECTOR_SIZES`; None for that of the window.

    Raises:
        InvalidRequest: when FAT32 cannot have this size; the message says what would be valid.
    """
    sector_size = geometry.sector_size if sector_size is None else sector_size
    _refuse_sector_size(sector_size)
    sectors = geometry.size_bytes // sector_size
    if sectors > MAX_SECTORS:
        most = format_size(MAX_SECTORS * sector_size)
        raise InvalidRequest(f"{format_size(geometry.size_bytes)} is too large for FAT32; valid is less than {most}")
    if cluster_size is None:
        cluster_size = max(_usual_cluster(geometry.size_bytes), sector_size)
    else:
        _refuse_cluster_size(cluster_size, sector_size)
    layout = _layout(sector_size, sectors, cluster_size)
    if layout.clusters < MIN_CLUSTERS:
        least = smallest_sectors(sector_size, layout.cluster_size) * sector_size
        raise InvalidRequest(
            f"{format_size(geometry.size_bytes)} is too small for FAT32: {max(layout.clusters, 0)} clusters of "
            f"{layout.cluster_size} bytes, at least {MIN_CLUSTERS} are needed; valid with such clusters are volumes "
            f"from {least} bytes ({format_size(least)})"
        )
    if layout.clusters > MAX_CLUSTERS:
        raise InvalidRequest(
            f"{format_size(geometry.size_bytes)} has {layout.clusters} clusters of {layout.cluster_size} bytes, FAT32 "
            f"at most {MAX_CLUSTERS}; choose larger clusters, up to {_largest_cluster(sector_size)} bytes"
        )
    return layout


def smallest_sectors(sector_size: int, cluster_size: int) -> int:
    """Return the size in sectors of the smallest volume that has enough clusters."""
    per_cluster = cluster_size // sector_size
    # A multiple of the cluster size that is a little too small: everything but what aligning the clusters may take.
    fat_sectors = -(-(MIN_CLUSTERS + FIRST_CLUSTER) * _ENTRY_BYTES // sector_size)
    sectors = RESERVED_SECTORS + _FATS * fat_sectors + MIN_CLUSTERS * per_cluster
    while _layout(sector_size, sectors, cluster_size).clusters < MIN_CLUSTERS:
        sectors += 1
    return sectors


def _usual_cluster(size_bytes: int) -> int:
    return next((each for limit, each in _DEFAULT_CLUSTERS if size_bytes <= limit), _DEFAULT_ABOVE)


def _largest_cluster(sector_size: int) -> int:
    largest = _LARGEST_CLUSTER if sector_size == min(SECTOR_SIZES) else _LARGEST_OF_LARGE_SECTORS
    return min(largest, sector_size * _MOST_SECTORS_PER_CLUSTER)


def _refuse_sector_size(sector_size: int) -> None:
    if sector_size not in SECTOR_SIZES:
        raise InvalidRequest(
            f"sectors of {sector_size} bytes are not possible on FAT32; valid are {', '.join(map(str, SECTOR_SIZES))}"
        )


def _refuse_cluster_size(cluster_size: int, sector_size: int) -> None:
    largest = _largest_cluster(sector_size)
    valid = [size for size in (sector_size << shift for shift in range(8)) if size <= largest]
    if cluster_size not in valid:
        raise InvalidRequest(
            f"clusters of {cluster_size} bytes are not possible with sectors of {sector_size} bytes; valid are "
            f"{', '.join(map(str, valid))}"
        )


def _layout(sector_size: int, sectors: int, cluster_size: int) -> FatLayout:
    """Lay out a volume: FATs as small as can be, then as much larger as makes the clusters begin at a multiple."""
    per_cluster = cluster_size // sector_size
    space = sectors - RESERVED_SECTORS
    # n clusters and 2 FATs of (n + 2) entries fill the space.
    per_fat_sector = sector_size // _ENTRY_BYTES
    fat_sectors = max(1, -(-(space + FIRST_CLUSTER * per_cluster) // (per_fat_sector * per_cluster + _FATS)))
    while (RESERVED_SECTORS + _FATS * fat_sectors) % per_cluster:
        fat_sectors += 1
    return FatLayout(sector_size, sectors, per_cluster, RESERVED_SECTORS, _FATS, fat_sectors)


def build_boot(boot: BootSector) -> bytes:
    """Return the 512 bytes of a boot sector that starts nothing."""
    layout = boot.layout
    built: bytes = BOOT_STRUCT.build(
        {
            "BS_jmpBoot": b"\xeb\x58\x90",
            # fatgen103: the one name that no driver trips over.
            "BS_OEMName": b"MSWIN4.1",
            "BPB_BytsPerSec": layout.sector_size,
            "BPB_SecPerClus": layout.sectors_per_cluster,
            "BPB_RsvdSecCnt": layout.reserved,
            "BPB_NumFATs": layout.fats,
            "BPB_RootEntCnt": 0,
            "BPB_TotSec16": 0,
            "BPB_Media": boot.media,
            "BPB_FATSz16": 0,
            "BPB_SecPerTrk": boot.sectors_per_track,
            "BPB_NumHeads": boot.heads,
            "BPB_HiddSec": boot.hidden_sectors,
            "BPB_TotSec32": layout.sectors,
            "BPB_FATSz32": layout.fat_sectors,
            "BPB_ExtFlags": 0,
            "BPB_FSVer": 0,
            "BPB_RootClus": layout.root_cluster,
            "BPB_FSInfo": FSINFO_SECTOR,
            "BPB_BkBootSec": BACKUP_SECTOR,
            "BPB_Reserved": bytes(12),
            "BS_DrvNum": 0x80,
            "BS_Reserved1": 0,
            "BS_BootSig": 0x29,
            "BS_VolID": boot.serial,
            "BS_VolLab": boot.label,
            "BS_FilSysType": b"FAT32   ",
            "BootCode": NO_BOOT_CODE.ljust(420, b"\0"),
            "Signature": _SIGNATURE,
        }
    )
    return built


def parse_boot(sector: bytes, *, size_bytes: int) -> BootSector:
    """Read a boot sector, believing nothing that cannot be.

    Raises:
        InvalidVolume: when it is not one of a FAT32 volume of at most ``size_bytes`` bytes.
    """
    raw = BOOT_STRUCT.parse(sector[:BOOT_BYTES])
    if raw.Signature != _SIGNATURE:
        raise InvalidVolume("not a FAT32 volume: its first sector does not end in 55 AA")
    problem = _boot_problem(raw)
    if problem is not None:
        raise InvalidVolume(f"not a FAT32 volume: {problem}")
    layout = FatLayout(
        raw.BPB_BytsPerSec,
        raw.BPB_TotSec32 or raw.BPB_TotSec16,
        raw.BPB_SecPerClus,
        raw.BPB_RsvdSecCnt,
        raw.BPB_NumFATs,
        raw.BPB_FATSz32,
        raw.BPB_RootClus,
    )
    _refuse_impossible(layout, size_bytes)
    return BootSector(
        layout,
        raw.BS_VolID,
        raw.BS_VolLab,
        raw.BPB_HiddSec,
        raw.BPB_NumHeads,
        raw.BPB_SecPerTrk,
        raw.BPB_Media,
        # Bit 7: mirroring is off, and the low bits name the FAT that counts.
        raw.BPB_ExtFlags & 0x0F if raw.BPB_ExtFlags & 0x80 and raw.BPB_ExtFlags & 0x0F < raw.BPB_NumFATs else None,
        raw.BPB_FSInfo if 0 < raw.BPB_FSInfo < raw.BPB_RsvdSecCnt else None,
        raw.BPB_BkBootSec if 0 < raw.BPB_BkBootSec < raw.BPB_RsvdSecCnt else None,
        bool(raw.BS_Reserved1 & 1),
    )


def _boot_problem(raw: c.Container) -> str | None:
    if raw.BPB_BytsPerSec not in SECTOR_SIZES:
        return f"sectors of {raw.BPB_BytsPerSec} bytes"
    per_cluster = raw.BPB_SecPerClus
    if per_cluster == 0 or per_cluster & (per_cluster - 1):
        return f"clusters of {per_cluster} sectors"
    if raw.BPB_RsvdSecCnt == 0 or raw.BPB_NumFATs == 0:
        return "no reserved sectors, or no FAT"
    # What tells FAT32 from FAT12 and FAT16, whose FATs and root directories have these sizes.
    if raw.BPB_FATSz16 != 0 or raw.BPB_RootEntCnt != 0 or raw.BPB_FATSz32 == 0:
        return "its sizes are those of FAT12 or FAT16, or of no FAT at all"
    return None


def _refuse_impossible(layout: FatLayout, size_bytes: int) -> None:
    if layout.sectors * layout.sector_size > size_bytes:
        raise InvalidVolume(f"the FAT32 volume claims {layout.sectors * layout.sector_size} bytes of {size_bytes}")
    if layout.data_sector > layout.sectors or layout.clusters < 1:
        raise InvalidVolume("the FAT32 volume has no room for clusters")
    entries = layout.fat_sectors * layout.sector_size // _ENTRY_BYTES
    if layout.clusters + FIRST_CLUSTER > entries or layout.clusters > MAX_CLUSTERS:
        raise InvalidVolume(f"the FAT32 volume has {layout.clusters} clusters and a FAT of {entries} entries")
    if not FIRST_CLUSTER <= layout.root_cluster < FIRST_CLUSTER + layout.clusters:
        raise InvalidVolume(f"the FAT32 volume has its root in cluster {layout.root_cluster}, which does not exist")


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
