"""The wish: which partitions a disk shall have, before anybody knows how large the disk is."""

from __future__ import annotations

from dataclasses import dataclass

from osdimage.imaging.disk.content import FileSystem
from osdimage.imaging.disk.roles import NO_ATTRIBUTES, GptAttributes, Role, Scheme
from osdimage.imaging.units import Bytes, format_size

MAX_DISK_INDEX = 10000
"""Largest disk number since ConfigMgr 2103 (CB-steps); it was 99 before."""
NOTHING = Bytes(0)


@dataclass(frozen=True, slots=True)
class FixedSize:
    """So many bytes, more than 0."""

    size_bytes: Bytes

    def __str__(self) -> str:
        """Say it for people."""
        return format_size(self.size_bytes)


@dataclass(frozen=True, slots=True)
class PercentOfFree:
    """So many percent, 1 to 100, of what is free when the partition is reached in the order of the layout."""

    percent: int

    def __str__(self) -> str:
        """Say it for people."""
        return f"{self.percent} % of what is left"


@dataclass(frozen=True, slots=True)
class Remaining:
    """All that is free when the partition is reached, but for ``leave_bytes``."""

    leave_bytes: Bytes = NOTHING

    def __str__(self) -> str:
        """Say it for people."""
        return "all that is left" if self.leave_bytes == 0 else f"all that is left but {format_size(self.leave_bytes)}"


SizeWish = FixedSize | PercentOfFree | Remaining


@dataclass(frozen=True, slots=True)
class PartitionSpec:
    """The wish for one partition.

    Attributes:
        role: what it is for.
        size: how large it shall be.
        filesystem: what it will be formatted with; None leaves it unformatted.
        label: the volume label for formatting; None for none.
        cluster_size: of the volume in bytes, or None for what is usual for its size.
        active: MBR only: set the active flag.
        quick_format: format without writing every sector.
        name: GPT only: the name of the entry, at most 36 UTF-16 units; None takes the name that Windows gives.
        attributes: GPT only: attribute bits beyond those of the role.
        assign_letter: whether the volume is given a drive letter.
        letter_variable: the variable that receives the drive letter, or None.
        origin: what messages call the partition: the base of its variables such as ``OSDPartitions2``, or None.
    """

    role: Role
    size: SizeWish = Remaining()
    filesystem: FileSystem | None = None
    label: str | None = None
    active: bool = False
    quick_format: bool = True
    name: str | None = None
    attributes: GptAttributes = NO_ATTRIBUTES
    assign_letter: bool = True
    letter_variable: str | None = None
    origin: str | None = None
    cluster_size: int | None = None


@dataclass(frozen=True, slots=True)
class DiskLayout:
    """The wish for a disk.  ``place`` makes a partition table of it.

    Attributes:
        scheme: MBR or GPT.
        partitions: the partitions in the order in which they are placed.
        boot_disk: Windows boots from it, so that an EFI system partition is added when none is given; no effect on MBR.
        add_reserved: GPT only: add a Microsoft reserved partition when none is given, and the EFI system partition
            of a boot disk.
        bios_compatibility: the layout of Windows XP, from sector 63 and on cylinder boundaries; no effect on GPT.
        disk_index: the number of the disk as a task sequence counts, or None; it does not change the layout.
    """

    scheme: Scheme
    partitions: tuple[PartitionSpec, ...]
    boot_disk: bool = False
    add_reserved: bool = True
    bios_compatibility: bool = False
    disk_index: int | None = None
