"""Making disks start under a BIOS: boot code, the active partition, the signature."""

from __future__ import annotations

import random
import re
import struct
from pathlib import Path

import pytest
from cases.installs import (
    BOOTMGR,
    FAT_SYSTEM,
    ONE,
    SIZE,
    Made,
    bios,
    default_entry,
    fat_contents,
    made,
    mbr_device,
    ntfs_contents,
    spec,
    start,
    store_of,
)
from cases.windows_trees import pe, windows_files, write_tree
from judges import wim as judges
from judges.disk import head, run
from osdimage.imaging import InvalidInput, InvalidRequest, OsdImageError, Preset, TargetRefused, preset_layout
from osdimage.imaging.boot.code.bios import BiosLoader
from osdimage.imaging.boot.install import BootOptions
from osdimage.imaging.disk.content import FileSystem
from osdimage.imaging.disk.layouts.layout import DiskLayout
from osdimage.imaging.disk.roles import Role, Scheme
from osdimage.imaging.testing import make_disk
from osdimage.imaging.units import MIB

pytestmark = pytest.mark.foreign


def test_an_mbr_disk_with_a_system_partition_of_ntfs(tmp_path: Path) -> None:
    disk = bios(tmp_path)
    result = start(disk.path, 2, options=BootOptions(bios_loader=BiosLoader.NONE))
    assert (result.architecture, result.system_partition) == (None, 1)
    held = ntfs_contents(disk.part(1))
    store = store_of(held.pop("Boot/BCD"), tmp_path / "BCD")
    assert held == {
        {"bootmgr": "bootmgr", "bootnxt": "BOOTNXT"}.get(name := path.split("/", 3)[3], f"Boot/{name}"): data
        for path, data in disk.files.items()
        if path.startswith("Windows/Boot/PCAT/")
    } | {
        path.removeprefix("Windows/"): data
        for path, data in disk.files.items()
        if path.startswith(("Windows/Boot/Fonts/", "Windows/Boot/Resources/"))
    }
    signature = int(re.search(r"label-id: (\S+)", run(["sfdisk", "--dump", disk.path]))[1], 16)  # type: ignore[index]
    places = disk.places()
    assert mbr_device(default_entry(store)["21000001"]) == (signature, places[2][0] * 512)
    assert mbr_device(store[BOOTMGR]["11000001"]) == (signature, places[1][0] * 512)
    part = disk.part(1)
    for path, letters in (
        ("bootmgr", "READONLY HIDDEN SYSTEM"),
        ("BOOTNXT", "HIDDEN SYSTEM"),
        ("Boot", "HIDDEN SYSTEM"),
    ):
        assert f"File attributes:\t {letters} (" in run(["ntfsinfo", "-F", path, part])
    assert result.boot_code is not None
    assert (result.boot_code.mbr, result.boot_code.boot_sector) == (False, None)
    assert any("no boot code" in text for text in result.boot_code.warnings)


def test_an_mbr_disk_with_a_system_partition_of_fat32(tmp_path: Path) -> None:
    disk = bios(tmp_path, FAT_SYSTEM)
    result = start(disk.path, 2)
    held = fat_contents(disk.part(1))
    assert held["bootmgr"] == disk.files["Windows/Boot/PCAT/bootmgr"]
    assert {path for path in held if "/" not in path} == {"bootmgr", "BOOTNXT"}
    shown = run(["mattrib", "-i", disk.part(1), "::bootmgr", "::BOOTNXT", "::Boot"])
    assert [set(line.partition(":")[0]) & set("ASHR") for line in shown.splitlines()] == [
        set("SHR"), set("SH"), set("SH"),
    ]  # fmt: skip
    assert result.boot_code is not None
    assert (result.boot_code.mbr, result.boot_code.boot_sector) == (True, "osdimage")
    boot = head(disk.part(1))
    assert struct.unpack_from("<I", boot, 0x1C)[0] == disk.places()[1][0]


def test_windows_on_the_active_partition_itself(tmp_path: Path) -> None:
    disk = made(tmp_path, ONE, 1, 1)
    result = start(disk.path, 1, options=BootOptions(bios_loader=BiosLoader.NONE))
    assert result.system_partition == 1
    held = ntfs_contents(disk.part(1))
    assert held["bootmgr"] == disk.files["Windows/Boot/PCAT/bootmgr"]
    assert held["Windows/explorer.exe"] == b"explorer"


def test_one_partition_is_active_and_the_signature_is_not_zero(tmp_path: Path) -> None:
    disk = bios(tmp_path, FAT_SYSTEM)
    for flag, active in (("1", True), ("2", True)):
        run(["sfdisk", "--activate", disk.path, *(["1", "2"] if active else [flag])])
    run(["sfdisk", "--disk-id", disk.path, "0x00000000"])
    with disk.path.open("r+b") as file:
        file.write(b"\x90" * 440)
    start(disk.path, 2, 1, options=BootOptions(bios_loader=BiosLoader.NONE), rng=random.Random(3))
    dump = run(["sfdisk", "--dump", disk.path])
    assert len(re.findall("bootable", dump)) == 1
    assert re.search(r"1 : .*bootable", dump)
    found = re.search(r"label-id: (0x\w+)", dump)
    assert found is not None
    assert int(found[1], 16) != 0
    # The code that was there is no business of the table.
    assert head(disk.path, 440) == b"\x90" * 440


@pytest.mark.parametrize("choice", [BiosLoader.AUTO, BiosLoader.IMAGE])
def test_the_boot_sector_of_the_image_is_used(tmp_path: Path, choice: BiosLoader) -> None:
    """A made-up untfs.dll with what marks the code in Microsoft's; see test_ntfs_boot."""
    code = bytearray(8192)
    code[:11] = b"\xeb\x52\x90NTFS    "
    code[0x60:0x62] = b"\xcd\x13"
    code[510:512] = b"\x55\xaa"
    second = b"\x07\0" + "BOOTMGR".encode("utf-16-le") + b"\x04\0" + "$I30".encode("utf-16-le")
    code[512 : 512 + len(second)] = second
    files = windows_files() | {"Windows/System32/untfs.dll": pe(0x8664) + bytes(code)}
    disk = Made(tmp_path / "disk.img", 2, 1, files)
    make_disk(disk.path, SIZE, preset_layout(Preset.BIOS), {2: write_tree(tmp_path / "tree", files)})
    result = start(disk.path, 2, options=BootOptions(bios_loader=choice))
    assert result.boot_code is not None
    assert result.boot_code.boot_sector == "Windows/System32/untfs.dll"
    part = disk.part(1)
    begin = head(part, 8192)
    assert begin[512:8192] == bytes(code[512:])
    assert struct.unpack_from("<I", begin, 0x1C)[0] == disk.places()[1][0]
    assert ntfs_contents(part)["bootmgr"] == files["Windows/Boot/PCAT/bootmgr"]


def test_an_image_without_boot_code_says_what_to_do(tmp_path: Path) -> None:
    disk = bios(tmp_path)
    with pytest.raises(InvalidInput, match=r"no boot code for NTFS in .*untfs\.dll"):
        start(disk.path, 2, options=BootOptions(bios_loader=BiosLoader.IMAGE))


def test_osdimage_starts_an_ntfs_volume_when_the_image_has_no_code_and_leaves_other_code(tmp_path: Path) -> None:
    disk = bios(tmp_path)
    for _ in range(2):
        result = start(disk.path, 2)
        assert result.boot_code is not None
        assert result.boot_code.boot_sector == "osdimage"
    assert b"second part missing" in head(disk.part(1))
    with disk.path.open("r+b") as file:
        # Code that is not known here.
        file.seek(disk.places()[1][0] * 512 + 0x54)
        file.write(b"\xfa\x33\xc0")
    kept = start(disk.path, 2)
    assert kept.boot_code is not None
    assert kept.boot_code.boot_sector == "kept"
    replaced = start(disk.path, 2, options=BootOptions(bios_loader=BiosLoader.OSDIMAGE))
    assert replaced.boot_code is not None
    assert replaced.boot_code.boot_sector == "osdimage"


def test_grub_starts_an_ntfs_volume_when_it_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    judges.require("grub-mkimage")
    disk = bios(tmp_path)
    result = start(disk.path, 2, options=BootOptions(bios_loader=BiosLoader.GRUB))
    assert result.boot_code is not None
    assert result.boot_code.boot_sector == "grub"
    assert b"GRUB \0" in head(disk.part(1))
    monkeypatch.setattr("osdimage.imaging.boot.code.grub.find_grub", lambda: None)
    with pytest.raises(OsdImageError, match="not installed"):
        start(disk.path, 2, options=BootOptions(bios_loader=BiosLoader.GRUB))


def test_a_bios_starts_no_disk_of_4k_sectors(tmp_path: Path) -> None:
    layout = DiskLayout(
        Scheme.MBR,
        (spec(Role.PRIMARY, 400 * MIB, FileSystem.FAT32, active=True), spec(Role.PRIMARY, None, FileSystem.NTFS)),
    )
    make_disk(tmp_path / "disk.img", SIZE, layout, sector_size=4096)
    with pytest.raises(TargetRefused, match="4096 bytes"):
        start(tmp_path / "disk.img", 2, sector_size=4096)


def test_a_logical_partition_of_windows_needs_a_primary_one(tmp_path: Path) -> None:
    layout = DiskLayout(
        Scheme.MBR,
        (
            spec(Role.PRIMARY, 100 * MIB, FileSystem.FAT32),
            spec(Role.EXTENDED, None, None),
            spec(Role.LOGICAL, None, FileSystem.NTFS),
        ),
    )
    disk = made(tmp_path, layout, 5, 1)
    with pytest.raises(InvalidRequest, match=r"no primary partition is active.*one of: 1$"):
        start(disk.path, 5)
    with pytest.raises(InvalidRequest, match=r"a logical one.*: 1"):
        start(disk.path, 5, 5)
    start(disk.path, 5, 1)
    assert re.search(r"1 : .*bootable", run(["sfdisk", "--dump", disk.path]))
