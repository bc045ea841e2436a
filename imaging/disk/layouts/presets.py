"""Layouts that need no variables.  Sizes are Microsoft's current advice for Windows 10 and later.

Sources: MS-uefigpt ("configure UEFI/GPT-based hard drive partitions": order, 16 MB MSR, 260 MB for 4096-byte sectors)
and its BIOS/MBR counterpart (a system partition that is active, then Windows, then recovery).
"""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum

from osdimage.imaging.disk.content import FileSystem
from osdimage.imaging.disk.layouts.layout import DiskLayout, FixedSize, PartitionSpec, Remaining
from osdimage.imaging.disk.roles import Role, Scheme
from osdimage.imaging.errors import InvalidRequest
from osdimage.imaging.units import GIB, MIB, Bytes

ESP_BYTES = Bytes(260 * MIB)
"""The smallest FAT32 with 4096-byte sectors needs 65 527 clusters of 4 KB; the same size on 512 keeps plans alike."""
MSR_BYTES = Bytes(16 * MIB)
SYSTEM_BYTES = Bytes(500 * MIB)
RECOVERY_BYTES = Bytes(GIB)
"""Room for WinRE and its updates, which have outgrown the 500 MB of earlier advice."""


class Preset(StrEnum):
    """The names of the layouts."""

    UEFI = "uefi"
    BIOS = "bios"
    DATA_GPT = "data-gpt"
    DATA_MBR = "data-mbr"


class RecoveryPlace(StrEnum):
    """Where the recovery partition goes: before Windows, after it, or nowhere."""

    BEFORE = "before"
    AFTER = "after"
    NONE = "none"


def preset_layout(preset: Preset, recovery: RecoveryPlace | None = None) -> DiskLayout:
    """Make the layout of a preset.

    ``recovery`` says where the recovery partition of ``uefi`` and ``bios`` goes; None is the same as ``after``, where
    it can be enlarged at the cost of Windows.

    Raises:
        InvalidRequest: when a data disk is asked for a recovery partition.
    """
    if preset in {Preset.DATA_GPT, Preset.DATA_MBR}:
        if recovery not in {None, RecoveryPlace.NONE}:
            raise InvalidRequest(f"preset {preset} has no recovery partition; valid for it is none")
        scheme = Scheme.GPT if preset is Preset.DATA_GPT else Scheme.MBR
        data = PartitionSpec(Role.PRIMARY, filesystem=FileSystem.NTFS, label="Data")
        return DiskLayout(scheme, (_own(Role.MSR, MSR_BYTES), data) if scheme is Scheme.GPT else (data,))
    system = _UEFI_SYSTEM if preset is Preset.UEFI else _BIOS_SYSTEM
    scheme = Scheme.GPT if preset is Preset.UEFI else Scheme.MBR
    place = RecoveryPlace.AFTER if recovery is None else recovery
    return DiskLayout(scheme, system + _windows(place), boot_disk=preset is Preset.UEFI)


def _own(
    role: Role, size_bytes: Bytes, filesystem: FileSystem | None = None, label: str | None = None
) -> PartitionSpec:
    """Describe a partition of Windows' own, which gets no drive letter."""
    return PartitionSpec(role, FixedSize(size_bytes), filesystem=filesystem, label=label, assign_letter=False)


_UEFI_SYSTEM = (_own(Role.EFI, ESP_BYTES, FileSystem.FAT32, "System"), _own(Role.MSR, MSR_BYTES))
_BIOS_SYSTEM = (replace(_own(Role.PRIMARY, SYSTEM_BYTES, FileSystem.NTFS, "System Reserved"), active=True),)


def _windows(place: RecoveryPlace) -> tuple[PartitionSpec, ...]:
    leave = RECOVERY_BYTES if place is RecoveryPlace.AFTER else Bytes(0)
    windows = PartitionSpec(
        Role.PRIMARY, Remaining(leave), filesystem=FileSystem.NTFS, label="Windows", letter_variable="OSDisk"
    )
    tools = _own(Role.RECOVERY, RECOVERY_BYTES, FileSystem.NTFS, "Recovery")
    if place is RecoveryPlace.NONE:
        return (windows,)
    return (tools, windows) if place is RecoveryPlace.BEFORE else (windows, tools)
