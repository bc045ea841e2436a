"""Disks that ``install_boot`` is tried on, and what other programs read from them afterwards."""

from __future__ import annotations

import hashlib
import random
import re
import shutil
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

from judges import disk as disk_judges
from judges import fat as fat_judges
from judges import ntfs as ntfs_judges
from judges.disk import fdisk, missing, run, sfdisk
from osdimage.imaging import Preset, preset_layout
from osdimage.imaging.boot.install import BootOptions, BootResult, install_boot
from osdimage.imaging.disk.content import FileSystem
from osdimage.imaging.disk.layouts.layout import DiskLayout, FixedSize, PartitionSpec
from osdimage.imaging.disk.opened import open_disk
from osdimage.imaging.disk.opening import Opening
from osdimage.imaging.disk.roles import Role, Scheme
from osdimage.imaging.testing import make_disk
from osdimage.imaging.units import MIB, Bytes
from osdimage.imaging.wim.image import WimImage

from cases.windows_trees import windows_files, write_tree

SIZE = 3 << 30


@dataclass
class Made:
    """A disk with a Windows, and the files of it."""

    path: Path
    windows: int
    system: int
    files: dict[str, bytes]
    sector_size: int = 512
    parts: dict[int, tuple[int, int]] = field(default_factory=dict)

    def part(self, number: int) -> Path:
        """Cut a partition out of the disk, by what sfdisk says of its place."""
        begin, count = self.places()[number]
        to = self.path.with_name(f"{self.path.stem}-{number}")
        return disk_judges.cut_out(self.path, begin * self.sector_size, count * self.sector_size, to)

    def places(self) -> dict[int, tuple[int, int]]:
        rows = fdisk(self.path, self.sector_size) if self.sector_size != 512 else sfdisk(self.path)[1]
        return {each.number: (each.first, each.sectors) for each in rows if each.sectors is not None}


def spec(role: Role, size: int | None, filesystem: FileSystem | None, **more: Any) -> PartitionSpec:
    if size is None:
        return PartitionSpec(role, filesystem=filesystem, **more)
    return PartitionSpec(role, FixedSize(Bytes(size)), filesystem=filesystem, **more)


ONE = DiskLayout(Scheme.MBR, (spec(Role.PRIMARY, None, FileSystem.NTFS, active=True),))
FAT_SYSTEM = DiskLayout(
    Scheme.MBR,
    (
        spec(Role.PRIMARY, 100 * MIB, FileSystem.FAT32, active=True),
        spec(Role.PRIMARY, None, FileSystem.NTFS),
    ),
)


def made(
    folder: Path,
    layout: DiskLayout,
    windows: int,
    system: int,
    *,
    sector_size: int = 512,
    size: int = SIZE,
    **tree: Any,
) -> Made:
    files = windows_files(**tree)
    path = disk_with(folder, layout, {windows: files}, sector_size=sector_size, size=size)
    return Made(path, windows, system, files, sector_size)


def disk_with(
    folder: Path,
    layout: DiskLayout,
    trees: dict[int, dict[str, bytes]],
    *,
    sector_size: int = 512,
    size: int = SIZE,
) -> Path:
    """Return a disk with files on some of its partitions, a copy of one that is made once beside the tests' folders."""
    wanted = repr((layout, sorted(trees.items()), sector_size, size)).encode()
    made_once = folder.parent / f"disk {hashlib.sha256(wanted).hexdigest()}"
    if not made_once.exists():
        sources = {number: write_tree(folder / f"tree {number}", files) for number, files in trees.items()}
        make_disk(made_once, size, layout, sources, sector_size=sector_size)
    return disk_judges.copy_of(made_once, folder / "disk.img")


def uefi(folder: Path, **more: Any) -> Made:
    return made(folder, preset_layout(Preset.UEFI), 3, 1, **more)


def bios(folder: Path, layout: DiskLayout | None = None, **more: Any) -> Made:
    return made(folder, layout or preset_layout(Preset.BIOS), 2, 1, **more)


def fat_contents(volume: Path) -> dict[str, bytes]:
    fat_judges.fsck(volume)
    folder = volume.with_suffix(".out")
    shutil.rmtree(folder, ignore_errors=True)
    fat_judges.copy_out(volume, folder)
    return {str(each.relative_to(folder)): each.read_bytes() for each in folder.rglob("*") if each.is_file()}


def ntfs_contents(volume: Path) -> dict[str, bytes]:
    ntfs_judges.ntfsfix(volume)
    assert not ntfs_judges.is_dirty(volume)
    with volume.open("rb") as stream:
        opened = ntfs_judges.dissect(stream)
        return {
            name.lstrip("/"): opened.mft.get(name).open().read()
            for name, held in ntfs_judges.contents(volume).items()
            if held != "directory"
        }


def store_of(data: bytes, path: Path) -> dict[str, dict[str, Any]]:
    """Return the elements of a store's objects by GUID and number, as dissect.regf reads them."""
    try:
        from dissect.regf import RegistryHive  # noqa: PLC0415 - a judge may be missing
    except ImportError:
        missing("dissect.regf is not installed")
    path.write_bytes(data)
    with path.open("rb") as stream:
        objects = RegistryHive(stream).open("Objects")
        return {
            each.name: {element.name: element.value("Element").value for element in each.subkey("Elements").subkeys()}
            for each in objects.subkeys()
        }


def gpt_device(element: bytes) -> tuple[UUID, UUID]:
    """Take a device element of a GPT partition apart: the GUIDs of the disk and of the partition."""
    assert len(element) == 0x58
    assert struct.unpack_from("<II", element, 0x10) == (6, 0)
    assert struct.unpack_from("<II", element, 0x30) == (0, 0)
    return UUID(bytes_le=element[0x38:0x48]), UUID(bytes_le=element[0x20:0x30])


def mbr_device(element: bytes) -> tuple[int, int]:
    """Take a device element of an MBR partition apart: the signature and the offset in bytes."""
    assert struct.unpack_from("<II", element, 0x10) == (6, 0)
    assert struct.unpack_from("<II", element, 0x30) == (0, 1)
    return struct.unpack_from("<I", element, 0x38)[0], struct.unpack_from("<Q", element, 0x20)[0]


BOOTMGR = "{9dea862c-5cdd-4e70-acc1-f32b344d4795}"
# What every store has (Windows SDK, bcd.h).
BCD_NAMES = {
    BOOTMGR,
    "{b2721d73-1db4-4c62-bf78-c548a880142d}",
    "{7ea2e1ac-2e61-4728-aaa3-896d9d0a9f0e}",
    "{6efb52bf-1766-41db-a6b3-0ee5eff72bd7}",
    "{1afa9c49-16ab-4a5c-901b-212802da9460}",
    "{4636856e-540f-4170-a130-a84776f4c654}",
    "{0ce4991b-e6b3-4b16-b23c-5e0d9250e5d9}",
    "{5189b25c-5558-4bf2-bca4-289b11bd29e2}",
    "{7ff607e0-4395-11db-b0de-0800200c9a66}",
}


def default_entry(store: dict[str, dict[str, Any]]) -> dict[str, Any]:
    return store[store[BOOTMGR]["23000003"]]


def guids(disk: Path, number: int) -> tuple[UUID, UUID]:
    """Return the GUIDs of a disk and of a partition, as sgdisk prints them."""
    whole = re.search(r"Disk identifier \(GUID\): (\S+)", run(["sgdisk", "-p", disk]))
    part = re.search(r"Partition unique GUID: (\S+)", run(["sgdisk", "-i", str(number), disk]))
    assert whole is not None
    assert part is not None
    return UUID(whole[1]), UUID(part[1])


def start(
    path: Path,
    windows: int,
    system: int | None = None,
    *,
    sector_size: int | None = None,
    source: WimImage | None = None,
    options: BootOptions | None = None,
    rng: random.Random | None = None,
) -> BootResult:
    """Make a disk start, opened by its path."""
    with open_disk(path, write=True, opening=Opening(sector_size)) as disk:
        return install_boot(disk, windows, system, source=source, options=options, rng=rng)
