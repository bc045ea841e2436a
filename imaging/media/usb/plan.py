"""What becomes of a stick: its table, its volumes and what goes to each, decided before anything is written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from osdimage.imaging.boot.code.kinds import SECTOR_BYTES
from osdimage.imaging.boot.firmware import Firmware
from osdimage.imaging.disk.content import FileSystem
from osdimage.imaging.disk.tables.table import Partition, PartitionTable
from osdimage.imaging.disk.target import MemoryTarget
from osdimage.imaging.errors import InvalidRequest, Means, Remedy, TargetRefused, TooSmall, quoted
from osdimage.imaging.media.parts.medium import Medium, MediumFile
from osdimage.imaging.media.usb.contents import source_of
from osdimage.imaging.media.usb.layout import ALIGNMENT, LARGEST_FILE, StickLayout, StickSizes, table_of
from osdimage.imaging.randomness import RandomBits, drawn_from
from osdimage.imaging.units import KIB, MIB, Geometry, align_up, format_size
from osdimage.imaging.volume.fat.make import plan_fill
from osdimage.imaging.volume.fat.names import store_label
from osdimage.imaging.volume.fat.plan import plan_layout
from osdimage.imaging.volume.fat.write import FatOptions
from osdimage.imaging.volume.ntfs.format import require_mkntfs

SMALLEST_BYTES = 300 * MIB
"""Of the volume of FAT32 where nothing is said of the size."""
_SPARE = 20
"""One part of so many is left free: 5 %."""
# What NTFS takes for itself: the journal alone up to 64 MiB; a record for each file, and whole clusters.
_NTFS_OWN, _NTFS_RECORD, _NTFS_CLUSTER = 80 * MIB, KIB, 4 * KIB
_SHOWN = 10
_FAT32_LABEL, _NTFS_LABEL = 11, 32
_CODE_PAGE = 437


@dataclass(frozen=True, slots=True)
class StickOptions:
    """How a stick is made.

    Attributes:
        layout: which table and volumes.
        size_bytes: of the disk that is described: of an image that is made, all of it; of a disk that is there, from
            its beginning.  None for what is needed and 5 %, or for all of a disk that is there.
        rng: where identifiers come from; None is the system.
    """

    layout: StickLayout = StickLayout.FAT32
    size_bytes: int | None = None
    rng: RandomBits | None = None


_USUAL = StickOptions()


@dataclass(frozen=True, slots=True)
class StickVolume:
    """A volume of a stick.

    Attributes:
        partition: where it is, and the wish for its formatting.
        filesystem: FAT32 or NTFS.
        label: of it, or None.
        serial: its serial number.
        files: what goes to it.
    """

    partition: Partition
    filesystem: FileSystem
    label: str | None
    serial: int
    files: tuple[MediumFile, ...] = field(repr=False)

    @property
    def contents_bytes(self) -> int:
        """What its files hold together."""
        return sum(each.size for each in self.files)


@dataclass(frozen=True, slots=True)
class StickPlan:
    """A stick before it is written.

    Attributes:
        medium: what it holds.
        layout: which table and volumes it has.
        table: its partition table.
        volumes: in the order of their partitions.
        starts: which firmware starts from it.
        warnings: sentences for people.
    """

    medium: Medium
    layout: StickLayout
    table: PartitionTable
    volumes: tuple[StickVolume, ...]
    starts: frozenset[Firmware]
    warnings: tuple[str, ...] = ()

    @property
    def size_bytes(self) -> int:
        """Of the disk that is described."""
        return self.table.geometry.size_bytes


def plan_stick(
    medium: Medium, options: StickOptions = _USUAL, *, geometry: Geometry | None = None, name: str = "the stick"
) -> StickPlan:
    """Decide where everything of a medium goes on a stick.  Nothing is written.

    Args:
        medium: what it is to hold.
        options: how it is made.
        geometry: of the disk that is there; None for an image that is made.
        name: what messages call the disk.

    Raises:
        InvalidRequest: when nothing could start the medium in this layout, or FAT32 or a disk cannot have the size.
        TargetRefused: when a file is too large for FAT32, all of them for the disk, or the disk for an MBR.
        UnsafeName: when FAT32 has no place for a name.
        OsdImageError: when mkntfs is missing, which makes volumes of NTFS.
    """
    layout = options.layout
    refuse_large(medium.files, layout)
    starts, warnings = starting(medium, layout, SECTOR_BYTES if geometry is None else geometry.sector_size)
    if layout.has_ntfs:
        require_mkntfs(name)
    shares = shared_out(medium.files, layout)
    rng = drawn_from(options.rng)
    sizes = StickSizes(
        ALIGNMENT if _is_given(options, geometry) and not layout.has_ntfs else _fat32_bytes(shares[0]),
        _ntfs_bytes(shares[1]) if layout.has_ntfs else None,
    )
    disk = geometry or Geometry.of_size(options.size_bytes or sizes.disk_bytes(layout), SECTOR_BYTES)
    end = disk.size_bytes if options.size_bytes is None else options.size_bytes
    table = table_of(layout, disk, sizes, end_bytes=end, label=medium.label or None, name=name, rng=rng)
    volumes = tuple(
        _volume(partition, files, medium.label, rng) for partition, files in zip(table.partitions, shares, strict=True)
    )
    _refuse_unfit(volumes[0], table, name)
    warnings += _shortened(volumes, medium.label)
    return StickPlan(medium, layout, table, volumes, starts, (*medium.warnings, *warnings))


def fat_options(volume: StickVolume, *, is_dirty: bool = False, is_zero: bool = False) -> FatOptions:
    """Return how a volume of FAT32 is made."""
    return FatOptions(
        volume.serial,
        volume.label,
        hidden_sectors=volume.partition.extent.first,
        code_page=_CODE_PAGE,
        is_dirty=is_dirty,
        is_zero=is_zero,
    )


def _is_given(options: StickOptions, geometry: Geometry | None) -> bool:
    """Tell whether the size of the disk is known already."""
    return geometry is not None or options.size_bytes is not None


def refuse_large(files: Sequence[MediumFile], layout: StickLayout) -> None:
    """Refuse files that FAT32 cannot hold and that a layout does not put on NTFS.

    Raises:
        TargetRefused: which names them, up to ten.
    """
    large = [each for each in files if each.size > LARGEST_FILE and not layout.is_for_ntfs(each.path, each.size)]
    if large:
        told = ", ".join(f"{quoted(each.path)} ({format_size(each.size)})" for each in large[:_SHOWN])
        more = f" and {len(large) - _SHOWN} more" if len(large) > _SHOWN else ""
        fits = all(StickLayout.FAT32_NTFS.is_for_ntfs(each.path, each.size) for each in large)
        elsewhere = ", or a layout with a second volume of NTFS" if fits else ""
        raise TargetRefused(
            f"{told}{more}: a file on FAT32 holds at most {LARGEST_FILE} bytes; valid are smaller files{elsewhere}",
            remedy=Remedy("{} makes a stick with one", (Means.STICK_LAYOUT,)) if fits else None,
        )


def starting(medium: Medium, layout: StickLayout, sector_bytes: int) -> tuple[frozenset[Firmware], tuple[str, ...]]:
    """Return which firmware starts the medium from a stick of a layout, and what is to be said of that.

    Raises:
        InvalidRequest: when it would start from another stick, and none does from this one.
    """
    if medium.boot is None:
        return frozenset(), ("nothing on it starts a computer",)
    wanted = medium.boot.firmware
    why = None
    if layout is StickLayout.GPT:
        why = "a BIOS does not start a disk with a GPT"
    elif sector_bytes != SECTOR_BYTES:
        why = f"a BIOS does not start a disk with sectors of {sector_bytes} bytes"
    if why is None or Firmware.BIOS not in wanted:
        return wanted, ()
    left = wanted - {Firmware.BIOS}
    if not left:
        raise InvalidRequest(f"{why}, and nothing on the medium is for UEFI; valid are an MBR and sectors of 512 bytes")
    return left, (f"it starts with UEFI alone: {why}",)


def shared_out(files: Sequence[MediumFile], layout: StickLayout) -> tuple[tuple[MediumFile, ...], ...]:
    """Return what goes to each volume."""
    on_ntfs = {each.path: layout.is_for_ntfs(each.path, each.size) for each in files}
    first = tuple(each for each in files if not on_ntfs[each.path])
    return (first, tuple(each for each in files if on_ntfs[each.path])) if layout.has_ntfs else (first,)


def _volume(partition: Partition, files: tuple[MediumFile, ...], label: str, rng: RandomBits) -> StickVolume:
    if partition.number == 1:
        return StickVolume(partition, FileSystem.FAT32, fat32_label(label), rng.getrandbits(32), files)
    return StickVolume(partition, FileSystem.NTFS, label[:_NTFS_LABEL] or None, rng.getrandbits(64), files)


def fat32_label(label: str) -> str | None:
    """Return what is nearest to a label on FAT32: 11 characters in upper case; None for none."""
    made = "".join(map(_on_fat32, FileSystem.FAT32.label_for(label)))[:_FAT32_LABEL].strip(" ")
    return made or None


def _on_fat32(character: str) -> str:
    # A blank inside is valid, and is none at the end: so it is asked between two others.
    try:
        store_label(f"A{character}A", _CODE_PAGE)
    except InvalidRequest:
        return "_"
    return character


def _shortened(volumes: Sequence[StickVolume], label: str) -> tuple[str, ...]:
    found = [
        f"the label {quoted(label)} is {quoted(each.label or '')} on {each.filesystem.called}"
        for each in volumes
        if (each.label or "") != each.filesystem.label_for(label)
    ]
    return tuple(found)


def _fat32_bytes(files: tuple[MediumFile, ...]) -> int:
    """Return a size of a volume of FAT32 for files, in bytes: 5 % more than their clusters, or what it takes."""
    size, wanted = 0, SMALLEST_BYTES
    while size < wanted:
        size = align_up(wanted, ALIGNMENT)
        # A larger volume may have larger clusters.
        layout = plan_layout(Geometry.of_size(size, SECTOR_BYTES))
        taken = sum(map(layout.clusters_for, (each.size for each in files))) * layout.cluster_size
        wanted = max(SMALLEST_BYTES, taken + taken // _SPARE)
    # What directories take is known when all names are.
    while not _fits(files, size):
        size = align_up(size + size // _SPARE, ALIGNMENT)
    return size


def _fits(files: tuple[MediumFile, ...], size_bytes: int) -> bool:
    try:
        # A label takes an entry of the root directory.
        plan_fill(_memory(size_bytes, SECTOR_BYTES, "FAT32"), source_of(files, name="medium"), FatOptions(0, "LABEL"))
    except TooSmall:
        return False
    return True


def _refuse_unfit(volume: StickVolume, table: PartitionTable, name: str) -> None:
    memory = _memory(table.size_bytes(volume.partition), table.geometry.sector_size, name)
    plan_fill(memory, source_of(volume.files, name="medium"), fat_options(volume))


def _memory(size_bytes: int, sector_bytes: int, name: str) -> MemoryTarget:
    return MemoryTarget(Geometry.of_size(size_bytes, sector_bytes), name=name)


def _ntfs_bytes(files: Sequence[MediumFile]) -> int:
    """Return how large a volume of NTFS is that holds files and has 5 % left, in bytes."""
    taken = sum(align_up(each.size, _NTFS_CLUSTER) + _NTFS_RECORD for each in files)
    return align_up(_NTFS_OWN + taken + taken // _SPARE, ALIGNMENT)
