"""The layouts that the judges are asked about, by name."""

from __future__ import annotations

import io
import random
from dataclasses import dataclass

from osdimage.imaging.disk.content import FileSystem
from osdimage.imaging.disk.layouts.layout import DiskLayout, FixedSize, PartitionSpec, Remaining
from osdimage.imaging.disk.layouts.place import place
from osdimage.imaging.disk.layouts.presets import Preset, RecoveryPlace, preset_layout
from osdimage.imaging.disk.layouts.variables import layout_from_variables
from osdimage.imaging.disk.roles import GptAttributes, Role, Scheme
from osdimage.imaging.disk.tables.table import PartitionTable
from osdimage.imaging.disk.target import MemoryTarget
from osdimage.imaging.units import GIB, MIB, TIB, Bytes, Geometry


def variables(style: str, *elements: str, **others: str) -> dict[str, str]:
    """Write variables for elements such as ``"Primary NTFS 100 MB active"``; all but the type may be left out."""
    result = {"OSDDiskIndex": "0", "OSDPartitionStyle": style, **others}
    for index, element in enumerate(elements):
        base, (kind, *words) = f"OSDPartitions{index}", element.split()
        result |= {f"{base}Type": kind, f"{base}Bootable": "false", f"{base}QuickFormat": "true"}
        while words:
            word = words.pop(0)
            if word in {"NTFS", "FAT32"}:
                result[f"{base}FileSystem"] = word
            elif word == "active":
                result[f"{base}Bootable"] = "true"
            else:
                result |= {f"{base}Size": word, f"{base}SizeUnits": words.pop(0)}
    return result


def layout(style: str, *elements: str, **others: str) -> DiskLayout:
    """Return the layout of such variables."""
    return layout_from_variables(variables(style, *elements, **others))


@dataclass(frozen=True, slots=True)
class Case:
    """A layout and the disk that it is placed on."""

    name: str
    layout: DiskLayout
    geometry: Geometry

    def table(self) -> PartitionTable:
        """Place it; the same table every time."""
        return place(self.layout, self.geometry, random.Random(self.name))


def _disk(size_bytes: int, sector_size: int = 512) -> Geometry:
    return Geometry.of_size(size_bytes, sector_size)


_SIX_LOGICALS = ["Logical NTFS 300 MB", "Logical FAT32 1 GB", "Logical NTFS 25 Percent", "Logical 64 MB"]
_SIX_LOGICALS += ["Logical FAT32 50 Percent", "Logical NTFS"]
_BOOT = {"OSDGPTBootDisk": "true"}
# Windows 10 by MDT's template: every size in the order of the array.
_MDT = ["EFI FAT32 499 MB active", "MSR NTFS 128 MB", "Primary NTFS 99 %", "Recovery NTFS 100 %"]
_ATTRIBUTES = DiskLayout(
    Scheme.GPT,
    (
        PartitionSpec(Role.PRIMARY, FixedSize(Bytes(GIB)), name="Archive", attributes=GptAttributes.READ_ONLY),
        PartitionSpec(Role.PRIMARY, FixedSize(Bytes(GIB)), attributes=GptAttributes.NO_DRIVE_LETTER),
        PartitionSpec(Role.PRIMARY, FixedSize(Bytes(GIB)), attributes=GptAttributes.REQUIRED | GptAttributes.HIDDEN),
        PartitionSpec(Role.PRIMARY, FixedSize(Bytes(GIB)), attributes=GptAttributes.SHADOW_COPY),
    ),
    add_reserved=False,
)
_NAMES = DiskLayout(
    Scheme.GPT,
    tuple(PartitionSpec(Role.PRIMARY, FixedSize(Bytes(64 * MIB)), name=name) for name in ("Größe", "データ", "x" * 36)),
)
_MANY = tuple(PartitionSpec(Role.PRIMARY, FixedSize(Bytes(8 * MIB)), filesystem=FileSystem.FAT32) for _ in range(126))
_EXACT_GPT = 1 + 100 + 128 + 1024 + 1


def _compat(name: str, size_bytes: int, *elements: str) -> Case:
    return Case(f"compat-{name}", layout("MBR", *elements, OSDDiskpartBiosCompatibilityMode="true"), _disk(size_bytes))


CASES: tuple[Case, ...] = (
    # MBR, aligned
    Case("mbr-one-ntfs", layout("MBR", "Primary NTFS active"), _disk(64 * GIB)),
    Case("mbr-one-fat32", layout("MBR", "Primary FAT32"), _disk(16 * GIB)),
    Case("mbr-one-raw", layout("MBR", "Primary"), _disk(16 * GIB)),
    Case("mbr-two", layout("MBR", "Primary NTFS 500 MB active", "Primary NTFS"), _disk(64 * GIB)),
    Case("mbr-three", layout("MBR", "Primary NTFS 1 GB active", "Primary 99 %", "Recovery NTFS"), _disk(64 * GIB)),
    Case("mbr-four", layout("MBR", *["Primary NTFS 10 GB"] * 3, "Primary FAT32 1 GB"), _disk(32 * GIB)),
    Case("mbr-second-active", layout("MBR", "Primary NTFS 1 GB", "Primary NTFS active"), _disk(8 * GIB)),
    Case(
        "mbr-six-logicals",
        layout("MBR", "Primary NTFS 2 GB active", "Primary FAT32 1 GB", "Hidden NTFS 1 GB", "Extended", *_SIX_LOGICALS),
        _disk(64 * GIB),
    ),
    Case("mbr-extended-first", layout("MBR", "Extended 4 GB", "Logical NTFS", "Primary NTFS"), _disk(16 * GIB)),
    Case("mbr-extended-small", layout("MBR", "Primary 1 GB", "Extended 2 GB", "Logical FAT32 500 MB"), _disk(8 * GIB)),
    Case("mbr-extended-empty", layout("MBR", "Primary NTFS 4 GB", "Extended"), _disk(16 * GIB)),
    Case(
        "mbr-logicals-between",
        layout("MBR", "Primary 1 GB", "Extended 3 GB", "Logical 1 GB", "Primary", "Logical"),
        _disk(16 * GIB),
    ),
    Case("mbr-hidden-ntfs", layout("MBR", "Hidden NTFS 1 GB", "Primary NTFS active"), _disk(16 * GIB)),
    Case("mbr-hidden-fat32", layout("MBR", "Hidden FAT32 1 GB", "Primary NTFS active"), _disk(16 * GIB)),
    Case("mbr-hidden-raw", layout("MBR", "Primary NTFS 8 GB active", "Hidden"), _disk(16 * GIB)),
    Case("mbr-recovery", layout("MBR", "Recovery NTFS 1 GB", "Primary NTFS active"), _disk(16 * GIB)),
    Case("mbr-percents", layout("MBR", *["Primary NTFS 33 Percent"] * 3, "Primary NTFS 100 Percent"), _disk(10 * GIB)),
    Case("mbr-exact-fit", layout("MBR", "Primary 2048 MB", "Primary 2047 MB"), _disk(4 * GIB)),
    Case("mbr-small-disk", layout("MBR", "Primary FAT32 20 MB active", "Primary"), _disk(50 * MIB)),
    Case("mbr-small-logicals", layout("MBR", "Extended", "Logical 10 MB", "Logical 10 MB"), _disk(50 * MIB)),
    Case("mbr-odd-size", layout("MBR", "Primary NTFS"), Geometry(512, 20_000_003)),
    Case("mbr-2tib-edge", layout("MBR", "Primary NTFS"), _disk(2 * TIB)),
    Case("mbr-2tib-one-less", layout("MBR", "Primary NTFS"), Geometry(512, (1 << 32) - 1)),
    Case("mbr-beyond-2tib", layout("MBR", "Primary NTFS 1 GB", "Extended", "Logical NTFS"), _disk(3 * TIB)),
    Case("mbr-preset-bios", preset_layout(Preset.BIOS), _disk(128 * GIB)),
    Case("mbr-preset-bios-before", preset_layout(Preset.BIOS, RecoveryPlace.BEFORE), _disk(128 * GIB)),
    Case("mbr-preset-data", preset_layout(Preset.DATA_MBR), _disk(TIB)),
    # MBR as Windows XP made it
    _compat("one", 40 * GIB, "Primary NTFS active"),
    _compat("fat32-low", 40 * GIB, "Primary FAT32 2 GB active", "Primary NTFS"),
    _compat("hidden", 40 * GIB, "Hidden FAT32 2 GB", "Hidden NTFS 1 GB", "Primary FAT32"),
    _compat("logicals", 40 * GIB, "Primary NTFS 2 GB active", "Extended", *_SIX_LOGICALS),
    _compat("small-extended", 4 * GIB, "Primary 1 GB", "Extended 2 GB", "Logical"),
    _compat("extended-first", 4 * GIB, "Extended 2 GB", "Logical 1 GB", "Logical"),
    # GPT
    Case("gpt-boot-added", layout("GPT", "Primary NTFS", **_BOOT), _disk(64 * GIB)),
    Case("gpt-boot-large", layout("GPT", "Primary NTFS 50 Percent", "Primary NTFS", **_BOOT), _disk(500 * GIB)),
    Case("gpt-boot-small", layout("GPT", "Primary NTFS", **_BOOT), _disk(3 * GIB)),
    Case("gpt-boot-given", layout("GPT", *_MDT, **_BOOT), _disk(128 * GIB)),
    Case("gpt-data", layout("GPT", "Primary NTFS 100 GB", "Primary NTFS"), _disk(TIB)),
    Case("gpt-hidden", layout("GPT", "Hidden NTFS 1 GB", "Primary NTFS"), _disk(16 * GIB)),
    Case("gpt-recovery-first", layout("GPT", "Recovery NTFS 1 GB", "Primary NTFS", **_BOOT), _disk(64 * GIB)),
    Case("gpt-percents", layout("GPT", *["Primary NTFS 50 Percent"] * 6, "Primary"), _disk(77 * GIB)),
    Case("gpt-exact-fit", layout("GPT", "EFI FAT32 100 MB", "MSR 128 MB", "Primary 1024 MB"), _disk(_EXACT_GPT * MIB)),
    Case("gpt-attributes", _ATTRIBUTES, _disk(16 * GIB)),
    Case("gpt-names", _NAMES, _disk(8 * GIB)),
    Case("gpt-128", DiskLayout(Scheme.GPT, (*_MANY, PartitionSpec(Role.PRIMARY))), _disk(8 * GIB)),
    Case("gpt-tiny", layout("GPT", "Primary NTFS 8 MB"), _disk(16 * MIB)),
    Case("gpt-odd-size", layout("GPT", "Primary NTFS"), Geometry(512, 123_456_789)),
    Case("gpt-8tib", layout("GPT", "Primary NTFS 4096 GB", "Primary NTFS"), _disk(8 * TIB)),
    Case("gpt-preset-uefi", preset_layout(Preset.UEFI), _disk(64 * GIB)),
    Case("gpt-preset-uefi-before", preset_layout(Preset.UEFI, RecoveryPlace.BEFORE), _disk(64 * GIB)),
    Case("gpt-preset-uefi-none", preset_layout(Preset.UEFI, RecoveryPlace.NONE), _disk(64 * GIB)),
    Case("gpt-preset-data", preset_layout(Preset.DATA_GPT), _disk(4 * TIB)),
    # sectors of 4096 bytes
    Case("4k-mbr", layout("MBR", "Primary NTFS 1 GB active", "Primary NTFS"), _disk(64 * GIB, 4096)),
    Case("4k-mbr-logicals", layout("MBR", "Primary 1 GB", "Extended", *_SIX_LOGICALS), _disk(64 * GIB, 4096)),
    Case("4k-mbr-8tib", layout("MBR", "Primary NTFS 4096 GB", "Primary NTFS"), _disk(8 * TIB, 4096)),
    Case("4k-gpt-boot", layout("GPT", "Primary NTFS", **_BOOT), _disk(64 * GIB, 4096)),
    Case("4k-gpt-data", layout("GPT", "Primary NTFS 1 GB", "Primary NTFS"), _disk(64 * GIB, 4096)),
    Case("4k-gpt-small", layout("GPT", "Primary NTFS 64 MB", "Primary FAT32"), _disk(256 * MIB, 4096)),
    Case("4k-gpt-uefi", preset_layout(Preset.UEFI), _disk(TIB, 4096)),
    Case("4k-gpt-attributes", _ATTRIBUTES, _disk(16 * GIB, 4096)),
    Case("4k-gpt-128", DiskLayout(Scheme.GPT, (*_MANY, PartitionSpec(Role.PRIMARY))), _disk(8 * GIB, 4096)),
)

# No file system holds a file of this size, so only dissect.volume can be asked, through memory.
HUGE: tuple[Case, ...] = (
    Case("gpt-1eib", layout("GPT", "Primary NTFS 50 Percent", "Primary NTFS"), _disk(1 << 60)),
    Case("gpt-8eib", DiskLayout(Scheme.GPT, (PartitionSpec(Role.PRIMARY, Remaining()),)), _disk((1 << 63) - 512)),
    Case("4k-gpt-7eib", layout("GPT", "Primary NTFS 4194303 GB", "Primary NTFS"), _disk(7 << 60, 4096)),
    Case("4k-mbr-beyond-16tib", layout("MBR", "Primary NTFS"), _disk(20 * TIB, 4096)),
)


class TargetStream(io.RawIOBase):
    """A target as a file that a judge written in Python can read."""

    def __init__(self, target: MemoryTarget) -> None:
        self._target = target
        self._at = 0

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._target.geometry.size_bytes}[whence]
        self._at = base + offset
        return self._at

    def read(self, size: int = -1) -> bytes:
        left = self._target.geometry.size_bytes - self._at
        count = left if size < 0 else min(size, left)
        data = self._target.read_at(self._at, count)
        self._at += count
        return data
