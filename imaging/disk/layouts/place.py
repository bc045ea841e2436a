"""Placement: a layout and a geometry -> a partition table.  Pure arithmetic; the only input besides is randomness.

Sizes are taken in the order of the layout, a percentage of what is free when its turn comes (SDK-partset,
CM07-partprops; fixed sizes that come later are not set aside).  Rounding is inferred: a percentage and a remainder
down, a fixed size up to the next aligned sector, so that what adds up to the disk never overflows it.

Alignment: 1 MiB from 4 GB on, 64 KiB below (SQL-align, and Windows' own disks).  In compatibility mode the geometry is
255 heads of 63 sectors, the first partition begins at sector 63, and all end on cylinder boundaries, rounded to the
nearest one (VDS-cpex).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from osdimage.imaging.disk import roles
from osdimage.imaging.disk.content import FileSystem
from osdimage.imaging.disk.layouts.layout import DiskLayout, FixedSize, PartitionSpec, PercentOfFree, SizeWish
from osdimage.imaging.disk.layouts.rules import MAX_GPT_PARTITIONS, problems
from osdimage.imaging.disk.roles import GPT_NAMES, Role, Scheme
from osdimage.imaging.disk.tables.table import FIRST_LOGICAL, Partition, PartitionTable
from osdimage.imaging.errors import DoesNotFit, InvalidLayout
from osdimage.imaging.randomness import RandomBits, drawn_from, random_guid
from osdimage.imaging.units import GIB, KIB, MIB, Bytes, Extent, Geometry, Lba, align_down, align_up, format_size

ENTRY_COUNT = 128
ENTRY_BYTES = 128
TRACK = 63
CYLINDER = 255 * TRACK
MBR_LIMIT = 1 << 32
"""Sectors that a 32-bit sector number reaches: 2 TiB with 512-byte sectors."""
CHS_LIMIT = 1024 * CYLINDER
_SMALL_DISK = 4 * GIB
_MSR_NEEDS = 32 * MIB
"""create-partition-msr, and the 32 MB that Windows itself takes on a 50 MB disk."""
_MSR_SMALL, _MSR_LARGE, _MSR_LARGE_FROM = 32 * MIB, 128 * MIB, 16 * GIB
_ESP_LEAST, _ESP_MOST, _ESP_LEAST_4K = 100 * MIB, 1000 * MIB, 260 * MIB


def place(layout: DiskLayout, geometry: Geometry, rng: RandomBits | None = None) -> PartitionTable:
    """Give every partition of a layout its sectors and identifiers, which are drawn from ``rng``; None is the system.

    Raises:
        InvalidLayout: when the layout breaks rules that hold on every disk; all of them are listed.
        DoesNotFit: when a partition finds less space than it asks for.
    """
    if found := problems(layout):
        raise InvalidLayout(found)
    rng = drawn_from(rng)
    layout = replace(layout, partitions=tuple(_as_stored(each) for each in layout.partitions))
    if layout.scheme is Scheme.GPT:
        return _place_gpt(layout, geometry, rng)
    return _place_mbr(layout, geometry, rng)


def _as_stored(spec: PartitionSpec) -> PartitionSpec:
    """Return a wish with the label that the volume will have, so that what is planned is what comes."""
    if spec.filesystem is None or spec.label is None:
        return spec
    return replace(spec, label=spec.filesystem.label_for(spec.label))


def array_sectors(geometry: Geometry) -> int:
    """Return how many sectors the 128 entries of a GPT take: 32 of 512 bytes, 4 of 4096."""
    return ENTRY_COUNT * ENTRY_BYTES // geometry.sector_size


def gpt_usable(geometry: Geometry) -> Extent:
    """Return the sectors between the two copies of a GPT (UEFI 5.3.2; 34 to N-34 with 512-byte sectors).

    Raises:
        InvalidLayout: when the disk cannot even hold the two copies.
    """
    first = 2 + array_sectors(geometry)
    count = geometry.sectors - 1 - array_sectors(geometry) - first
    if count < 1:
        raise InvalidLayout([f"a disk of {format_size(geometry.size_bytes)} is too small for a GPT"])
    return Extent(Lba(first), count)


def with_reserved(layout: DiskLayout, geometry: Geometry) -> tuple[PartitionSpec, ...]:
    """Return the wishes of a GPT layout with the partitions that Windows adds.

    An EFI system partition for a boot disk that has none, and a Microsoft reserved partition for every disk that has
    none (create-partition-msr wants one on each), in the documented order ESP, MSR, data.  Sizes are those of the
    Windows that ConfigMgr 2007 deployed: ESP 1 % of the disk, 100 to 1000 MB and 260 MB at least with 4096-byte
    sectors (MS-uefigpt); MSR 32 MB below 16 GB and 128 MB from there on.
    """
    specs = list(layout.partitions)
    if not layout.add_reserved:
        return tuple(specs)
    given = {spec.role for spec in specs}
    if Role.EFI not in given and layout.boot_disk:
        least = _ESP_LEAST if geometry.sector_size == 512 else _ESP_LEAST_4K
        size = min(max(least, align_down(geometry.size_bytes // 100, MIB)), _ESP_MOST)
        esp = PartitionSpec(
            Role.EFI, FixedSize(Bytes(size)), filesystem=FileSystem.FAT32, assign_letter=False, origin="the added EFI"
        )
        specs.insert(0, esp)
    if Role.MSR not in given and geometry.size_bytes >= _MSR_NEEDS:
        size = _MSR_SMALL if geometry.size_bytes < _MSR_LARGE_FROM else _MSR_LARGE
        msr = PartitionSpec(Role.MSR, FixedSize(Bytes(size)), assign_letter=False, origin="the added MSR")
        specs.insert(1 if specs[0].role is Role.EFI else 0, msr)
    return tuple(specs)


def alignment(geometry: Geometry) -> int:
    """Return the alignment of partitions in sectors: 1 MiB from 4 GB on, 64 KiB below."""
    return (MIB if geometry.size_bytes >= _SMALL_DISK else 64 * KIB) // geometry.sector_size


@dataclass(slots=True)
class _Pool:
    """Free space from which partitions are cut, front to back.

    Attributes:
        cursor: the first sector that is not taken.
        end: the first sector after the space.
        step: what starts and ends are multiples of, in sectors.
        lead: sectors in front of each partition that belong to it and not to the pool (the EBR of a logical one).
        nearest: round ends to the nearest multiple of ``step`` rather than starts up and sizes down.
    """

    geometry: Geometry
    cursor: int
    end: int
    step: int
    lead: int = 0
    nearest: bool = False
    name: str = "disk space"

    def take(self, spec: PartitionSpec, number: int) -> Extent:
        """Cut a partition from the front.

        Raises:
            DoesNotFit: when there is less than it asks for.
        """
        first = self.cursor + self.lead
        if not self.nearest:
            first = align_up(first, self.step)
        free = self.end - first
        count = self._count(spec.size, free, first) if free > 0 else 0
        if count < 1 or count > free:
            raise self._refusal(spec, number, max(0, free))
        self.cursor = first + count
        return Extent(Lba(first), count)

    def _count(self, wish: SizeWish, free: int, first: int) -> int:
        size = self.geometry.sector_size
        if isinstance(wish, FixedSize):
            wanted = -(-wish.size_bytes // size)
            if wanted > free:
                return wanted
            wanted = wanted if self.nearest else align_up(wanted, self.step)
        elif isinstance(wish, PercentOfFree):
            wanted = free * wish.percent // 100
        else:
            wanted = free - -(-wish.leave_bytes // size)
        return self._to_cylinder(wanted, free, first) if self.nearest else align_down(wanted, self.step)

    def _to_cylinder(self, wanted: int, free: int, first: int) -> int:
        """Move the end to the nearest cylinder boundary that leaves at least a part of a cylinder."""
        if wanted < 1:
            return wanted
        end = align_down(first + wanted + self.step // 2, self.step)
        return min(max(end, align_up(first + 1, self.step)) - first, free)

    def _refusal(self, spec: PartitionSpec, number: int, free: int) -> DoesNotFit:
        name = spec.origin if spec.origin is not None else f"partition {number}"
        left = free * self.geometry.sector_size
        wanted = spec.size.size_bytes if isinstance(spec.size, FixedSize) else None
        wish = f"{wanted} bytes ({spec.size})" if wanted is not None else str(spec.size)
        unit = format_size(self.step * self.geometry.sector_size)
        return DoesNotFit(
            f"{name} ({spec.role}) is larger than the remaining {self.name}: requested {wish}, "
            f"remaining {left} bytes ({format_size(left)}), in steps of {unit}",
            partition=name,
            wanted_bytes=wanted,
            left_bytes=left,
        )


def _place_gpt(layout: DiskLayout, geometry: Geometry, rng: RandomBits) -> PartitionTable:
    specs = with_reserved(layout, geometry)
    if len(specs) > MAX_GPT_PARTITIONS:
        raise InvalidLayout([f"{len(specs)} partitions with those that are added: a GPT has at most 128"])
    usable, step = gpt_usable(geometry), alignment(geometry)
    pool = _Pool(geometry, usable.first, align_down(usable.end, step), step)
    disk_guid = random_guid(rng)
    placed = []
    for number, spec in enumerate(specs, 1):
        type_guid, attributes = roles.gpt_type(spec.role)
        placed.append(
            Partition(
                number=number,
                extent=pool.take(spec, number),
                type_id=type_guid,
                guid=random_guid(rng),
                name=GPT_NAMES[spec.role] if spec.name is None else spec.name,
                attributes=int(attributes | spec.attributes),
                spec=spec,
            )
        )
    return PartitionTable(
        Scheme.GPT, geometry, tuple(placed), disk_guid=disk_guid, usable=usable, entry_count=ENTRY_COUNT
    )


def _place_mbr(layout: DiskLayout, geometry: Geometry, rng: RandomBits) -> PartitionTable:
    legacy = layout.bios_compatibility
    if legacy and geometry.sector_size != 512:
        raise InvalidLayout(
            ["OSDDiskpartBiosCompatibilityMode=true: only for disks with 512-byte sectors, this one has 4096"]
        )
    step = CYLINDER if legacy else alignment(geometry)
    end = align_down(min(geometry.sectors, MBR_LIMIT), step)
    pool = _Pool(geometry, TRACK if legacy else 1, end, step, nearest=legacy)
    if geometry.sectors > MBR_LIMIT:
        pool.name = "disk space within MBR's 32-bit sector numbers"
    inside: _Pool | None = None
    entries: list[Partition] = []
    logicals: list[Partition] = []
    for index, spec in enumerate(layout.partitions, 1):
        if spec.role is Role.LOGICAL and inside is not None:
            extent = inside.take(spec, index)
            ebr = Lba(extent.first - inside.lead)
            logicals.append(replace(_mbr_partition(spec, FIRST_LOGICAL + len(logicals), extent, legacy), ebr_lba=ebr))
            continue
        partition = _mbr_partition(spec, len(entries) + 1, pool.take(spec, index), legacy)
        entries.append(partition)
        if spec.role is Role.EXTENDED:
            first, stop = partition.extent.first, partition.extent.end
            lead, name = (TRACK if legacy else step), "space of the extended partition"
            inside = _Pool(geometry, first, stop, step, lead=lead, nearest=legacy, name=name)
    signature = rng.getrandbits(32) or 1
    return PartitionTable(Scheme.MBR, geometry, (*entries, *logicals), disk_signature=signature)


def _mbr_partition(spec: PartitionSpec, number: int, extent: Extent, legacy: bool) -> Partition:  # noqa: FBT001
    fits_chs = extent.end <= CHS_LIMIT and (legacy or spec.role is Role.EXTENDED)
    type_id = roles.mbr_type(spec.role, spec.filesystem, below_chs_limit=fits_chs)
    return Partition(number=number, extent=extent, type_id=type_id, active=spec.active, spec=spec)


def advice(layout: DiskLayout, geometry: Geometry) -> tuple[str, ...]:
    """List what a user should know about a layout that can be placed; nothing here is an error."""
    found = []
    if layout.scheme is Scheme.GPT:
        added = with_reserved(layout, geometry)[:2]
        found += [
            f"{spec.role} ({spec.size}) was added, because the layout has none"
            for spec in added
            if spec not in layout.partitions
        ]
        if any(spec.active for spec in layout.partitions):
            found.append("Bootable is ignored: a GPT disk has no active partition")
        if layout.bios_compatibility:
            found.append("OSDDiskpartBiosCompatibilityMode is ignored: it changes nothing on a GPT disk")
        return tuple(found)
    if layout.boot_disk:
        found.append("OSDGPTBootDisk is ignored: the disk is MBR")
    if geometry.sector_size != 512:
        found.append("Windows does not start in BIOS mode from an MBR disk with 4096-byte sectors")
    if geometry.sectors > MBR_LIMIT:
        lost = (geometry.sectors - MBR_LIMIT) * geometry.sector_size
        found.append(f"MBR cannot reach the last {format_size(lost)} of this disk; GPT can")
    return tuple(found)
