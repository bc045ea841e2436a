"""Making disks start: what is on the system partition afterwards, and what the store is bound to.

mtools, fsck.fat and ntfs-3g's tools read the volumes, sgdisk and sfdisk the tables, and dissect.regf the store, whose
device elements are taken apart here by the offsets that boot loaders document.
"""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from cases.installs import BOOTMGR, SIZE, default_entry, fat_contents, gpt_device, guids, start, store_of, uefi
from cases.windows_trees import FALLBACKS, body, pe, windows_files, write_tree
from judges.disk import head, run
from osdimage.imaging import InvalidInput, InvalidRequest, Preset, TargetRefused, preset_layout
from osdimage.imaging.boot.code.bios import BiosLoader
from osdimage.imaging.boot.install import BootOptions
from osdimage.imaging.testing import make_disk

pytestmark = pytest.mark.foreign


@pytest.mark.parametrize("architecture", FALLBACKS)
def test_a_gpt_disk_gets_the_loader_of_its_architecture(tmp_path: Path, architecture: str) -> None:
    disk = uefi(tmp_path, architecture=architecture)
    result = start(disk.path, disk.windows, rng=random.Random(1))
    fallback = f"EFI/Boot/{FALLBACKS[architecture]}"
    assert (result.architecture, result.loader, result.system_partition) == (architecture, fallback, 1)
    held = fat_contents(disk.part(1))
    expected = {
        path.replace("Windows/Boot/EFI/", "EFI/Microsoft/Boot/").replace("Windows/Boot/", "EFI/Microsoft/Boot/"): data
        for path, data in disk.files.items()
        if path.startswith(("Windows/Boot/EFI/", "Windows/Boot/Fonts/", "Windows/Boot/Resources/"))
    }
    expected[fallback] = disk.files["Windows/Boot/EFI/bootmgfw.efi"]
    store = store_of(held.pop("EFI/Microsoft/Boot/BCD"), tmp_path / "BCD")
    assert held == expected
    assert result.files == len(expected)
    entry = default_entry(store)
    assert gpt_device(entry["11000001"]) == gpt_device(entry["21000001"]) == guids(disk.path, 3)
    assert gpt_device(store[BOOTMGR]["11000001"]) == guids(disk.path, 1)
    assert entry["12000002"].lower() == r"\windows\system32\winload.efi"
    assert entry["12000005"] == "en-US"


def test_a_disk_of_4k_sectors_starts_under_uefi(tmp_path: Path) -> None:
    disk = uefi(tmp_path, sector_size=4096)
    start(disk.path, disk.windows, rng=random.Random(1))
    held = fat_contents(disk.part(1))
    assert held["EFI/Boot/bootx64.efi"] == disk.files["Windows/Boot/EFI/bootmgfw.efi"]
    # What gdisk prints of a 4Kn image needs a device with such sectors; the entry array is read by its offsets here.
    table = head(disk.path, 6 * 4096)
    entries = [table[2 * 4096 + at : 2 * 4096 + at + 128] for at in range(0, 4 * 128, 128)]
    store = store_of(held["EFI/Microsoft/Boot/BCD"], tmp_path / "BCD")
    device = gpt_device(default_entry(store)["21000001"])
    assert device == (UUID(bytes_le=table[4096 + 56 : 4096 + 72]), UUID(bytes_le=entries[2][16:32]))


def test_the_loaders_signed_2023_take_the_places_of_the_others(tmp_path: Path) -> None:
    disk = uefi(tmp_path, signed_2023=True)
    start(disk.path, disk.windows, options=BootOptions(signed_2023=True))
    held = fat_contents(disk.part(1))
    new = disk.files["Windows/Boot/EFI_EX/bootmgfw_EX.efi"]
    assert held["EFI/Microsoft/Boot/bootmgfw.efi"] == held["EFI/Boot/bootx64.efi"] == new
    assert held["EFI/Microsoft/Boot/bootmgr.efi"] == body("Windows/Boot/EFI_EX/bootmgr_EX.efi")
    assert held["EFI/Microsoft/Boot/Fonts/chs_boot.ttf"] == body("Windows/Boot/Fonts_EX/chs_boot_EX.ttf")
    assert held["EFI/Microsoft/Boot/memtest.efi"] == body("Windows/Boot/EFI/memtest.efi")
    assert not [path for path in held if "_EX" in path]


@pytest.mark.parametrize(
    ("preset", "options", "says"),
    [
        pytest.param(Preset.BIOS, {"signed_2023": True}, "the loaders signed in 2023 are for UEFI", id="signed"),
        pytest.param(Preset.UEFI, {"bios_loader": BiosLoader.GRUB}, "no boot sector was written", id="boot sector"),
    ],
)
def test_an_option_of_the_other_firmware_is_told(
    tmp_path: Path, preset: Preset, options: dict[str, Any], says: str
) -> None:
    tree = write_tree(tmp_path / "tree", windows_files())
    windows = 3 if preset is Preset.UEFI else 2
    make_disk(tmp_path / "disk.img", SIZE, preset_layout(preset), {windows: tree})
    (text,) = start(tmp_path / "disk.img", windows, options=BootOptions(**options)).warnings
    assert says in text


def test_a_windows_without_a_name_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="cannot call a Windows by an empty name"):
        BootOptions(description=" ")


def test_what_others_keep_on_the_system_partition_stays(tmp_path: Path) -> None:
    disk = uefi(tmp_path)
    begin = disk.places()[1][0] * 512
    (tmp_path / "other").write_bytes(b"other")
    for folder in ("EFI", "EFI/debian", "efi/MICROSOFT", "efi/MICROSOFT/boot"):
        run(["mmd", "-i", f"{disk.path}@@{begin}", f"::{folder}"])
    for to in ("EFI/debian/grubx64.efi", "EFI/microsoft/BOOT/bcd"):
        run(["mcopy", "-i", f"{disk.path}@@{begin}", tmp_path / "other", f"::{to}"])
    result = start(disk.path, disk.windows)
    assert result.replaced_store
    assert any("replaced" in text for text in result.warnings)
    held = {path.lower(): data for path, data in fat_contents(disk.part(1)).items()}
    assert held["efi/debian/grubx64.efi"] == b"other"
    assert held["efi/microsoft/boot/bcd"][:4] == b"regf"
    # Once more gives the same but for the time and the GUIDs of new entries.
    start(disk.path, disk.windows)
    assert {path.lower() for path in fat_contents(disk.part(1))} == set(held)


@pytest.mark.parametrize(
    ("gone", "text"),
    [
        ("Windows/Boot/EFI/bootmgfw.efi", r"\\Windows\\Boot\\EFI\\bootmgfw.efi is missing"),
        ("Windows/Boot/EFI_EX/bootmgfw_EX.efi", r"\\Windows\\Boot\\EFI_EX\\bootmgfw_EX.efi is missing"),
    ],
)
def test_a_file_that_is_missing_is_named_and_nothing_is_written(tmp_path: Path, gone: str, text: str) -> None:
    files = windows_files(signed_2023=True)
    del files[gone]
    make_disk(tmp_path / "disk.img", SIZE, preset_layout(Preset.UEFI), {3: write_tree(tmp_path / "tree", files)})
    before = (tmp_path / "disk.img").stat().st_mtime_ns
    with pytest.raises(InvalidInput, match=text):
        start(tmp_path / "disk.img", 3, options=BootOptions(signed_2023=True))
    assert (tmp_path / "disk.img").stat().st_mtime_ns == before


@pytest.mark.parametrize(
    ("data", "text"), [(b"no program", "no PE header"), (pe(0x0200), "machine 0x0200"), (b"MZ" * 40, "no PE header")]
)
def test_a_loader_that_is_none_is_refused(tmp_path: Path, data: bytes, text: str) -> None:
    files = windows_files() | {"Windows/Boot/EFI/bootmgfw.efi": data}
    make_disk(tmp_path / "disk.img", SIZE, preset_layout(Preset.UEFI), {3: write_tree(tmp_path / "tree", files)})
    with pytest.raises(InvalidInput, match=text):
        start(tmp_path / "disk.img", 3)


def test_partitions_that_cannot_be_it_are_refused(tmp_path: Path) -> None:
    disk = uefi(tmp_path)
    for windows, system, text in (
        (7, None, "no partition 7.*: 1, 2, 3, 4"),
        (3, 9, "no partition 9"),
    ):
        with pytest.raises(InvalidRequest, match=text):
            start(disk.path, windows, system)
    with pytest.raises(TargetRefused, match="partition 4: holds an NTFS volume; UEFI firmware reads FAT32"):
        start(disk.path, 3, 4)
    run(["sgdisk", "-t", "1:0700", disk.path])
    with pytest.raises(InvalidRequest, match="no EFI system partition"):
        start(disk.path, 3)
    # Named, it is taken: some firmware starts from any FAT.
    assert start(disk.path, 3, 1).system_partition == 1


@pytest.mark.parametrize(("version", "elements"), [((6, 1), False), ((6, 2), True), ((6, 3), True), ((10, 0), True)])
def test_the_store_fits_the_generation_of_windows(tmp_path: Path, version: tuple[int, int], elements: bool) -> None:
    """Windows 7 knows no 16000060 and 250000c2 (BCD-SYS leaves them out for it)."""
    disk = uefi(tmp_path, version=version)
    start(disk.path, 3)
    store = store_of(fat_contents(disk.part(1))["EFI/Microsoft/Boot/BCD"], tmp_path / "BCD")
    assert ("16000060" in default_entry(store), "250000c2" in default_entry(store)) == (elements, elements)


def test_a_windows_that_is_too_old_is_refused(tmp_path: Path) -> None:
    disk = uefi(tmp_path, version=(6, 0))
    with pytest.raises(InvalidInput, match=r"6\.0.*valid are 6\.1"):
        start(disk.path, 3)


@pytest.mark.parametrize(
    ("locales", "wanted", "result"),
    [
        (("en-US",), None, ("en-US", "only")),
        (("de-DE",), None, ("de-DE", "only")),
        # Nobody says which: Windows falls back to en-US, too.
        (("en-US", "sr-Latn-RS"), None, ("en-US", "guess")),
        (("sr-Latn-RS", "de-DE"), None, ("de-DE", "guess")),
        (("en-US", "de-DE"), "pt-BR", ("pt-BR", "asked")),
    ],
)
def test_the_menu_speaks_the_language_of_windows(
    tmp_path: Path, locales: tuple[str, ...], wanted: str | None, result: tuple[str, str]
) -> None:
    disk = uefi(tmp_path, locales=locales)
    found = start(disk.path, 3, options=BootOptions(locale=wanted, description="My Windows", timeout_s=3))
    assert (found.locale, found.locale_source.value) == result
    store = store_of(fat_contents(disk.part(1))["EFI/Microsoft/Boot/BCD"], tmp_path / "BCD")
    assert store[BOOTMGR]["12000005"] == default_entry(store)["12000005"] == result[0]
    assert default_entry(store)["12000004"] == "My Windows"
    assert store[BOOTMGR]["25000004"] == (3).to_bytes(8, "little")
    with pytest.raises(InvalidRequest, match="no language"):
        start(disk.path, 3, options=BootOptions(locale="..\\x"))
