"""The partitions of a stick, and which of them a file goes to."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from osdimage.imaging.disk import roles
from osdimage.imaging.disk.content import FileSystem
from osdimage.imaging.disk.layouts.layout import FixedSize, PartitionSpec
from osdimage.imaging.disk.layouts.place import ENTRY_COUNT, MBR_LIMIT, gpt_usable
from osdimage.imaging.disk.roles import GPT_NAMES, Role, Scheme
from osdimage.imaging.disk.tables.table import Partition, PartitionTable
from osdimage.imaging.errors import TargetRefused, TooSmall
from osdimage.imaging.media.parts.medium import BOOT_WIMS, is_boot_wim
from osdimage.imaging.randomness import RandomBits, random_guid
from osdimage.imaging.units import MIB, Bytes, Extent, Geometry, Lba, align_down, format_size

LARGEST_FILE = 0xFFFFFFFF
"""Of FAT32, in bytes."""
ALIGNMENT = MIB
"""Where partitions begin and end, in bytes; the first one at the first such place, as Windows puts it."""
SEQUENCE_FOLDER = "osdimage"
"""The folder of a medium that has the sequence, what it needs, and the list of all of it, which stay together."""
# What Setup applies; https://learn.microsoft.com/windows-hardware/manufacture/desktop/split-a-windows-image--wim--file-to-span-across-multiple-dvds
_INSTALLED = re.compile(r"sources/install\d*\.(wim|esd|swm)")
# What firmware and the boot manager read, which must be on the volume that they start from.
_STARTED = re.compile(r"(boot|efi)/.*|bootmgr(\.efi)?|(boot|bootmgr)\.(stl|sdi)|" + BOOT_WIMS)


class StickLayout(StrEnum):
    """Which table and which volumes a stick has.

    FAT32: an MBR and one volume, which starts in computers of every kind.  FAT32_NTFS: an MBR, and behind that volume
    one of NTFS for what FAT32 cannot hold.  GPT: a GPT with an EFI system partition, which UEFI alone starts, and NTFS.
    """

    FAT32 = "fat32"
    FAT32_NTFS = "fat32+ntfs"
    GPT = "gpt"

    @property
    def scheme(self) -> Scheme:
        """Of its table."""
        return Scheme.GPT if self is StickLayout.GPT else Scheme.MBR

    @property
    def has_ntfs(self) -> bool:
        """Whether there is a second volume, of NTFS."""
        return self is not StickLayout.FAT32

    def is_for_ntfs(self, path: str, size_bytes: int) -> bool:
        """Tell whether a file goes to the volume of NTFS."""
        if not self.has_ntfs:
            return False
        if self is StickLayout.GPT:
            # Windows gives an EFI system partition no letter: what Setup and people look for is on the other one.
            return _STARTED.fullmatch(path.lower()) is None
        large = size_bytes > LARGEST_FILE and not is_boot_wim(path)
        return large or is_of_sequence(path) or is_installed(path)


def is_installed(path: str) -> bool:
    """Tell whether a file is what Setup applies, or would take for a part of it."""
    return _INSTALLED.fullmatch(path.lower()) is not None


def is_of_sequence(path: str) -> bool:
    """Tell whether a file belongs to the sequence of a medium."""
    return path.lower().startswith(f"{SEQUENCE_FOLDER}/")


@dataclass(frozen=True, slots=True)
class StickSizes:
    """How large the volumes of a stick are to be, in bytes.

    Attributes:
        fat32: the least that the volume of FAT32 needs.
        ntfs: the least that the volume of NTFS needs, or None where there is none.
    """

    fat32: int
    ntfs: int | None

    def disk_bytes(self, layout: StickLayout) -> int:
        """Return the size of the smallest disk that holds them."""
        behind = ALIGNMENT if layout is StickLayout.GPT else 0
        return ALIGNMENT + self.fat32 + (self.ntfs or 0) + behind


def table_of(
    layout: StickLayout,
    geometry: Geometry,
    sizes: StickSizes,
    *,
    end_bytes: int,
    label: str | None,
    name: str,
    rng: RandomBits,
) -> PartitionTable:
    """Return the table of a stick: a single volume has all of the disk, and of two the second has the rest.

    Args:
        layout: which partitions.
        geometry: of the disk.
        sizes: whole multiples of :data:`ALIGNMENT`.
        end_bytes: how much of the disk is used, from its beginning.
        label: of the volumes.
        name: what messages call the disk.
        rng: where the identifiers come from.

    Raises:
        TargetRefused: when it is an MBR, and the disk is larger than an MBR can describe.
        TooSmall: when the disk is smaller than the volumes need.
    """
    unit = geometry.sector_size
    usable = gpt_usable(geometry) if layout is StickLayout.GPT else None
    most = geometry.sectors if usable is None else usable.end
    if usable is None and min(end_bytes, geometry.size_bytes) > MBR_LIMIT * unit:
        raise TargetRefused(
            f"{name}: has {format_size(geometry.size_bytes)}, and an MBR describes {format_size(MBR_LIMIT * unit)}; "
            "valid is a GPT, or to use less of it"
        )
    if end_bytes > geometry.size_bytes:
        raise TargetRefused(f"{name}: has {geometry.size_bytes} bytes, and {end_bytes} were to be used")
    end = align_down(min(most * unit, end_bytes), ALIGNMENT)
    left = end - ALIGNMENT - sizes.fat32
    if left < (sizes.ntfs or 0):
        needed = sizes.disk_bytes(layout)
        raise TooSmall(
            f"{name}: not written: {format_size(needed)} are needed ({needed} bytes), {format_size(end_bytes)} are "
            f"there ({end_bytes} bytes)"
        )
    fat32 = end - ALIGNMENT if sizes.ntfs is None else sizes.fat32
    wishes = [(_first_spec(layout, label, fat32), ALIGNMENT, fat32)]
    if sizes.ntfs is not None:
        wishes.append((_spec(Role.PRIMARY, FileSystem.NTFS, label, left), ALIGNMENT + fat32, left))
    is_gpt = layout is StickLayout.GPT
    partitions = tuple(
        _partition(number, spec, Extent(Lba(at // unit), size // unit), is_gpt=is_gpt, rng=rng)
        for number, (spec, at, size) in enumerate(wishes, 1)
    )
    if usable is not None:
        guid = random_guid(rng)
        return PartitionTable(Scheme.GPT, geometry, partitions, disk_guid=guid, usable=usable, entry_count=ENTRY_COUNT)
    return PartitionTable(Scheme.MBR, geometry, partitions, disk_signature=rng.getrandbits(32) or 1)


def _first_spec(layout: StickLayout, label: str | None, size_bytes: int) -> PartitionSpec:
    role = Role.EFI if layout is StickLayout.GPT else Role.PRIMARY
    return _spec(role, FileSystem.FAT32, label, size_bytes, active=layout is not StickLayout.GPT)


def _spec(
    role: Role, filesystem: FileSystem, label: str | None, size_bytes: int, *, active: bool = False
) -> PartitionSpec:
    return PartitionSpec(role, FixedSize(Bytes(size_bytes)), filesystem=filesystem, label=label, active=active)


def _partition(number: int, spec: PartitionSpec, extent: Extent, *, is_gpt: bool, rng: RandomBits) -> Partition:
    if not is_gpt:
        type_byte = roles.mbr_type(spec.role, spec.filesystem, below_chs_limit=False)
        return Partition(number, extent, type_byte, active=spec.active, spec=spec)
    type_guid, attributes = roles.gpt_type(spec.role)
    return Partition(
        number,
        extent,
        type_guid,
        guid=random_guid(rng),
        name=GPT_NAMES[spec.role],
        attributes=int(attributes),
        spec=spec,
    )
