"""Boot files straight from an image of a WIM, which wimlib-imagex makes and extracts to say what must be where.

mtools, fsck.fat and dissect.ntfs read the volumes, dissect.regf the store.
"""

from __future__ import annotations

import hashlib
import os
import random
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from cases.installs import disk_with, start
from cases.windows_trees import FALLBACKS, body, pe, windows_files, write_tree
from judges import disk as disk_judges
from judges import fat as fat_judges
from judges import ntfs as ntfs_judges
from judges import wim as judges
from judges.bcd import BOOTMGR
from osdimage.imaging import CorruptWim, InvalidInput, InvalidRequest, Preset, WimFile, preset_layout
from osdimage.imaging.boot.bcd import store as bcd
from osdimage.imaging.boot.bcd.elements import Id
from osdimage.imaging.boot.bcd.store import BcdObject, BcdStore, Element
from osdimage.imaging.boot.install import BootOptions, BootResult
from osdimage.imaging.disk.content import FileSystem
from osdimage.imaging.disk.layouts.layout import DiskLayout, FixedSize, PartitionSpec
from osdimage.imaging.disk.roles import Role, Scheme
from osdimage.imaging.testing import make_disk
from osdimage.imaging.units import MIB, Bytes
from runs.commands import osdimage
from runs.formats import of_plain_files

pytestmark = pytest.mark.foreign
SIZE = 3 << 30
FAT_SYSTEM = DiskLayout(
    Scheme.MBR,
    (
        PartitionSpec(Role.PRIMARY, FixedSize(Bytes(100 * MIB)), filesystem=FileSystem.FAT32, active=True),
        PartitionSpec(Role.PRIMARY, filesystem=FileSystem.NTFS),
    ),
)
SOLID = ("--solid",)


def newer_files(architecture: str = "x64", **more: Any) -> dict[str, bytes]:
    """Return a Windows whose boot files differ from those of the one that is applied."""
    files = windows_files(architecture, locales=("fr-FR",), **more)
    return {path: data + b"newer" if "/Boot/" in path else data for path, data in files.items()}


def make_wim(folder: Path, files: dict[str, bytes], *options: str) -> Path:
    wim = folder / "newer.wim"
    folder.mkdir(exist_ok=True)
    judges.wimlib("capture", write_tree(folder / "image", files), wim, "Newer", *options)
    return wim


def make_lost(folder: Path, layout: DiskLayout, windows: int, **tree: Any) -> Path:
    """Make a disk with a Windows that lost its boot files."""
    files = {path: data for path, data in windows_files(**tree).items() if "/Boot/" not in path}
    return disk_with(folder, layout, {windows: files})


def install(disk: Path, windows: int, wim: Path, **options: Any) -> BootResult:
    with WimFile.open(wim) as opened:
        return start(disk, windows, source=opened.images[0], options=BootOptions(**options))


def extracted(wim: Path, *paths: str) -> dict[str, bytes]:
    """Return the files below paths of the image, without ``Windows/Boot/`` in front."""
    to = wim.with_suffix(".out")
    judges.wimlib("extract", wim, "1", *(f"/Windows/Boot/{path}" for path in paths), f"--dest-dir={to}")
    return {str(each.relative_to(to)): each.read_bytes() for each in to.rglob("*") if each.is_file()}


def fat_contents(disk: Path) -> dict[str, bytes]:
    volume = disk_judges.partition_of(disk, 1, disk.with_name("system"))
    fat_judges.fsck(volume)
    fat_judges.copy_out(volume, folder := disk.with_name("system.out"))
    return {str(each.relative_to(folder)): each.read_bytes() for each in folder.rglob("*") if each.is_file()}


def elements(data: bytes, path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the elements of the boot manager and of the default entry, as dissect.regf reads them."""
    try:
        from dissect.regf import RegistryHive  # noqa: PLC0415 - a judge may be missing
    except ImportError:
        disk_judges.missing("dissect.regf is not installed")
    path.write_bytes(data)
    with path.open("rb") as stream:
        store = {
            each.name: {item.name: item.value("Element").value for item in each.subkey("Elements").subkeys()}
            for each in RegistryHive(stream).open("Objects").subkeys()
        }
    return store[BOOTMGR], store[store[BOOTMGR]["23000003"]]


def digest(disk: Path) -> str:
    """Hash what a sparse file holds, and where."""
    found, at, size = hashlib.sha256(), 0, disk.stat().st_size
    with disk.open("rb") as file, suppress(OSError):
        # Behind the last data there is an error.
        while at < size:
            begin = os.lseek(file.fileno(), at, os.SEEK_DATA)
            at = os.lseek(file.fileno(), begin, os.SEEK_HOLE)
            found.update(f"{begin} {at} ".encode() + os.pread(file.fileno(), at - begin, begin))
    return found.hexdigest()


@pytest.mark.parametrize(
    ("architecture", "options"), [("x64", ()), ("x64", SOLID), ("arm64", ("--compress=none",))], ids=str
)
def test_uefi_gets_the_boot_files_of_the_image(tmp_path: Path, architecture: str, options: tuple[str, ...]) -> None:
    disk = make_lost(tmp_path, preset_layout(Preset.UEFI), 3, architecture=architecture)
    with pytest.raises(InvalidInput, match="is missing"):
        start(disk, 3)
    windows = digest(disk_judges.partition_of(disk, 3, tmp_path / "before"))
    wim = make_wim(tmp_path, newer_files(architecture), *options)
    result = install(disk, 3, wim)
    assert (result.architecture, result.locale, result.image) == (architecture, "fr-FR", f"{wim} image 1")
    assert result.warnings == ()
    held = fat_contents(disk)
    manager, entry = elements(held.pop("EFI/Microsoft/Boot/BCD"), tmp_path / "BCD")
    theirs = extracted(wim, "EFI", "Fonts", "Resources")
    assert held == {f"EFI/Microsoft/Boot/{path.removeprefix('EFI/')}": data for path, data in theirs.items()} | {
        f"EFI/Boot/{FALLBACKS[architecture]}": theirs["EFI/bootmgfw.efi"]
    }
    assert manager["12000005"] == entry["12000005"] == "fr-FR"
    assert digest(disk_judges.partition_of(disk, 3, tmp_path / "after")) == windows
    assert osdimage("boot", "check", disk).code == 0


def test_the_loaders_signed_2023_come_from_the_image(tmp_path: Path) -> None:
    disk = make_lost(tmp_path, preset_layout(Preset.UEFI), 3)
    wim = make_wim(tmp_path, newer_files(signed_2023=True))
    install(disk, 3, wim, signed_2023=True)
    assert fat_contents(disk)["EFI/Boot/bootx64.efi"] == extracted(wim, "EFI_EX")["EFI_EX/bootmgfw_EX.efi"]


def test_a_bios_gets_the_boot_files_of_the_image(tmp_path: Path) -> None:
    disk = make_lost(tmp_path, FAT_SYSTEM, 2)
    wim = make_wim(tmp_path, newer_files("x86"))
    # The boot manager of a BIOS starts x86 and x64 alike.
    result = install(disk, 2, wim)
    assert (result.architecture, result.warnings) == (None, ())
    held = fat_contents(disk)
    assert held.pop("Boot/BCD")[:4] == b"regf"
    theirs = extracted(wim, "PCAT", "Fonts", "Resources")
    names = {"PCAT/bootmgr": "bootmgr", "PCAT/bootnxt": "BOOTNXT"}
    assert held == {names.get(path, f"Boot/{path.removeprefix('PCAT/')}"): data for path, data in theirs.items()}
    assert osdimage("boot", "check", disk).code == 0


@pytest.mark.parametrize("options", [(), SOLID], ids=str)
def test_the_boot_code_of_ntfs_comes_from_the_image(tmp_path: Path, options: tuple[str, ...]) -> None:
    """A made-up untfs.dll with what marks the code in Microsoft's; see test_ntfs_boot."""
    code = bytearray(8192)
    code[:11] = b"\xeb\x52\x90NTFS    "
    code[0x60:0x62], code[510:512] = b"\xcd\x13", b"\x55\xaa"
    second = b"\x07\0" + "BOOTMGR".encode("utf-16-le") + b"\x04\0" + "$I30".encode("utf-16-le")
    code[512 : 512 + len(second)] = second
    disk = make_lost(tmp_path, preset_layout(Preset.BIOS), 2)
    wim = make_wim(tmp_path, newer_files() | {"Windows/System32/untfs.dll": pe(0x8664) + bytes(code)}, *options)
    result = install(disk, 2, wim)
    assert result.boot_code is not None
    assert result.boot_code.boot_sector == "Windows/System32/untfs.dll"
    volume = disk_judges.partition_of(disk, 1, tmp_path / "system")
    with volume.open("rb") as stream:
        assert stream.read(8192)[512:] == bytes(code[512:])
        read = ntfs_judges.dissect(stream).mft.get("bootmgr").open().read()
    assert read == extracted(wim, "PCAT")["PCAT/bootmgr"]


def test_the_template_of_the_store_comes_from_the_image_and_the_generation_from_the_windows(tmp_path: Path) -> None:
    template = BcdStore.empty()
    settings = (Element(Id.DESCRIPTION, "Start"), Element(Id.TIMEOUT, 3), Element(0x26000020, True))
    template.put(BcdObject(bcd.BOOTMGR, bcd.MANAGER_TYPE, settings))
    # Windows 7 knows no 16000060 (BCD-SYS leaves it out for it).
    disk = make_lost(tmp_path, preset_layout(Preset.UEFI), 3, version=(6, 1))
    wim = make_wim(tmp_path, newer_files() | {"Windows/System32/config/BCD-Template": template.to_bytes()})
    install(disk, 3, wim)
    manager, entry = elements(fat_contents(disk)["EFI/Microsoft/Boot/BCD"], tmp_path / "BCD")
    assert manager["12000004"] == "Start"
    assert manager["26000020"] == b"\1"
    assert "16000060" not in entry


def test_a_windows_without_its_loader_gets_boot_files_with_a_word_about_it(tmp_path: Path) -> None:
    make_disk(tmp_path / "disk.img", SIZE, preset_layout(Preset.UEFI), {})
    result = install(tmp_path / "disk.img", 3, make_wim(tmp_path, newer_files("arm64", version=(6, 3))))
    assert result.architecture == "arm64"
    (told,) = result.warnings
    assert r"partition 3: \Windows\System32\winload.efi is missing" in told


# ---- errors: exit codes, and a disk that is as it was


@of_plain_files
def test_boot_files_for_another_processor_are_refused(tmp_path: Path) -> None:
    disk = make_lost(tmp_path, preset_layout(Preset.UEFI), 3)
    before = digest(disk)
    wim = make_wim(tmp_path, newer_files("arm64"))
    with pytest.raises(InvalidRequest, match=r"boot files are for arm64, and the Windows of .* partition 3 is for x64"):
        install(disk, 3, wim)
    done = osdimage("boot", "install", disk, "--partition", "3", "--from-wim", wim, code=2)
    assert "choose an image for x64" in done.err
    assert digest(disk) == before


@of_plain_files
@pytest.mark.parametrize("options", [(), SOLID], ids=str)
def test_an_image_without_boot_files_is_refused(tmp_path: Path, options: tuple[str, ...]) -> None:
    disk = make_lost(tmp_path, preset_layout(Preset.UEFI), 3)
    before = digest(disk)
    wim = make_wim(tmp_path, {"Windows/explorer.exe": b"explorer", "Windows/Boot": b"a file"}, *options)
    done = osdimage("boot", "install", disk, "--partition", "3", "--from-wim", wim, code=3)
    assert f"{wim} image 1: \\Windows\\Boot\\EFI\\bootmgfw.efi is missing" in done.err
    assert digest(disk) == before


@of_plain_files
@pytest.mark.parametrize("options", [("--compress=none",), ("--compress=lzx",), SOLID], ids=str)
@pytest.mark.parametrize("layout", [preset_layout(Preset.UEFI), preset_layout(Preset.BIOS)], ids=["UEFI", "BIOS"])
def test_a_damaged_file_in_the_wim_installs_nothing(
    tmp_path: Path, layout: DiskLayout, options: tuple[str, ...]
) -> None:
    windows = 3 if layout.scheme is Scheme.GPT else 2
    disk = make_lost(tmp_path, layout, windows)
    before = digest(disk)
    noise = random.Random(1).randbytes(100_000)
    wim = make_wim(tmp_path, newer_files() | {"Windows/Boot/Fonts/zh.ttf": noise}, *options)
    data = bytearray(wim.read_bytes())
    # Random bytes are stored as they are, and are most of the WIM in any case.
    data[len(data) // 2 if options == SOLID else data.index(noise[90_000:90_032])] ^= 1
    wim.write_bytes(data)
    with pytest.raises(CorruptWim, match="'Windows/" if options == SOLID else r"'Windows/Boot/Fonts/zh\.ttf'"):
        install(disk, windows, wim)
    done = osdimage("boot", "install", disk, "--partition", str(windows), "--from-wim", wim, code=3)
    assert str(wim) in done.err
    assert digest(disk) == before


# ---- the command


def test_the_command_chooses_the_image(tmp_path: Path) -> None:
    disk = make_lost(tmp_path, preset_layout(Preset.UEFI), 3)
    wim = make_wim(tmp_path, newer_files())
    judges.wimlib("append", write_tree(tmp_path / "arm", newer_files("arm64")), wim, "Other")
    run = ("boot", "install", disk, "--partition", "3", "--from-wim", wim)
    assert "Other" in osdimage(*run, code=2).err
    osdimage(*run, "--index", "2", code=2)
    told = osdimage(*run, "--name", "Newer").out
    assert f"  boot files from {wim} image 1\n" in told
    assert osdimage(*run, "--index", "1", "--json").document["image"] == f"{wim} image 1"
    assert fat_contents(disk)["EFI/Boot/bootx64.efi"] == extracted(wim, "EFI")["EFI/bootmgfw.efi"]
    for alone in (("--index", "1"), ("--ref", "x")):
        done = osdimage("boot", "install", disk, "--partition", "3", *alone, code=2)
        assert "go with --from-wim" in done.err


def test_boot_files_in_other_parts_of_a_split_wim_are_found(tmp_path: Path) -> None:
    disk = make_lost(tmp_path, preset_layout(Preset.UEFI), 3)
    big = random.Random(2).randbytes(3 << 20)
    wim = make_wim(tmp_path, newer_files() | {"Windows/Boot/Fonts/big.ttf": big, "Windows/big": big[::-1]})
    judges.wimlib("split", wim, tmp_path / "part.swm", "2")
    run = ("boot", "install", disk, "--partition", "3", "--from-wim", tmp_path / "part.swm")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "part2.swm").rename(tmp_path / "elsewhere/part2.swm")
    assert "another part of a split WIM" in osdimage(*run, code=3).err
    osdimage(*run, "--ref", tmp_path / "elsewhere/part*.swm")
    assert fat_contents(disk)["EFI/Microsoft/Boot/Fonts/big.ttf"] == big


def test_newer_boot_files_take_the_places_of_those_that_are_there(tmp_path: Path) -> None:
    files = windows_files()
    make_disk(tmp_path / "disk.img", SIZE, preset_layout(Preset.UEFI), {3: write_tree(tmp_path / "tree", files)})
    start(tmp_path / "disk.img", 3)
    install(tmp_path / "disk.img", 3, make_wim(tmp_path, newer_files()), locale="de-DE")
    held = fat_contents(tmp_path / "disk.img")
    assert held["EFI/Microsoft/Boot/memtest.efi"] == body("Windows/Boot/EFI/memtest.efi") + b"newer"
    manager, _ = elements(held["EFI/Microsoft/Boot/BCD"], tmp_path / "BCD")
    assert manager["12000005"] == "de-DE"
