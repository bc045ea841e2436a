"""What starts a medium: which file from where, what is missing, and who has signed it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cases.boot_images import boot_wim, pe_files
from cases.media import ETFSBOOT, boot_files, boot_image, medium_files
from cases.windows_trees import MACHINES, body, pe, windows_files, write_tree
from judges import hive
from osdimage.imaging import ImageSelector, WimFile
from osdimage.imaging.boot.firmware import Firmware
from osdimage.imaging.boot.sources import image_source
from osdimage.imaging.errors import InvalidInput, InvalidRequest
from osdimage.imaging.media import (
    BootParts,
    MediumFile,
    PartsWish,
    PreparedImage,
    SignedBy,
    find_parts,
    open_source,
    prepared_boot_image,
    read_sdi,
)
from osdimage.imaging.media.parts.efisys import loader_in

ANY = ImageSelector()
BOTH = frozenset(Firmware)
BIOS, UEFI = frozenset({Firmware.BIOS}), frozenset({Firmware.UEFI})
WINDOWS_KEY = r"HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\Windows NT\CurrentVersion"
ENTRY = r"Objects\{7619dcc9-fafe-11d9-b411-000476eba25f}\Elements"


def prepare(folder: Path, files: dict[str, bytes]) -> PreparedImage:
    folder.mkdir(exist_ok=True)
    wim = boot_image(folder / "boot.wim", files)
    with prepared_boot_image(wim, ANY) as image:
        assert image.path == wim
        return image


@pytest.fixture(scope="module")
def complete(tmp_path_factory: pytest.TempPathFactory) -> PreparedImage:
    """A boot image with everything, also of the newer generation."""
    return prepare(tmp_path_factory.mktemp("complete"), boot_files(signed_2023=True))


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> PreparedImage:
    """A boot image without ``Windows/Boot/DVD``, as some are."""
    return prepare(tmp_path_factory.mktemp("bare"), boot_files(dvd=False))


def read(file: MediumFile) -> bytes:
    return b"".join(file.contents.pieces())


def by_path(parts: BootParts) -> dict[str, MediumFile]:
    return {each.path: each for each in parts.files}


def test_all_comes_out_of_the_boot_image(complete: PreparedImage) -> None:
    parts = find_parts(complete, PartsWish())
    found = by_path(parts)
    given = boot_files()
    assert (parts.firmware, parts.architecture, parts.signed, parts.warnings) == (BOTH, "x64", SignedBy.UNKNOWN, ())
    assert (parts.bios_image, parts.uefi_image) == ("boot/etfsboot.com", "efi/microsoft/boot/efisys.bin")
    assert sorted(found) == list(found)
    taken = {
        "bootmgr": "Windows/Boot/PCAT/bootmgr",
        "bootmgr.efi": "Windows/Boot/EFI/bootmgr.efi",
        "boot/boot.sdi": "Windows/Boot/DVD/PCAT/boot.sdi",
        "boot/bootfix.bin": "Windows/Boot/DVD/PCAT/en-US/bootfix.bin",
        "boot/etfsboot.com": "Windows/Boot/DVD/PCAT/etfsboot.com",
        "boot/fonts/chs_boot.ttf": "Windows/Boot/Fonts/chs_boot.ttf",
        "boot/memtest.exe": "Windows/Boot/PCAT/memtest.exe",
        "boot/resources/de-DE/bootres.dll.mui": "Windows/Boot/Resources/de-DE/bootres.dll.mui",
        "boot/de-DE/memtest.exe.mui": "Windows/Boot/PCAT/de-DE/memtest.exe.mui",
        "efi/boot/bootx64.efi": "Windows/Boot/EFI/bootmgfw.efi",
        "efi/microsoft/boot/boot.stl": "Windows/Boot/EFI/boot.stl",
        "efi/microsoft/boot/efisys.bin": "Windows/Boot/DVD/EFI/en-US/efisys.bin",
        "efi/microsoft/boot/fonts/chs_boot.ttf": "Windows/Boot/Fonts/chs_boot.ttf",
        "efi/microsoft/boot/memtest.efi": "Windows/Boot/EFI/memtest.efi",
        "efi/microsoft/boot/de-DE/bootmgfw.efi.mui": "Windows/Boot/EFI/de-DE/bootmgfw.efi.mui",
        "efi/microsoft/boot/resources/bootres.dll": "Windows/Boot/Resources/bootres.dll",
    }
    assert {path: read(found[path]) for path in taken} == {path: given[inside] for path, inside in taken.items()}
    assert found["bootmgr"].origin == rf"{complete.source}: \Windows\Boot\PCAT\bootmgr"
    assert not [path for path in found if "bootvhd" in path or "CIPolicies" in path or "bootnxt" in path]


@pytest.mark.foreign
def test_the_stores_are_made_and_name_the_loaders_that_the_image_has(complete: PreparedImage, tmp_path: Path) -> None:
    found = by_path(find_parts(complete, PartsWish(locale="de-DE", timeout_s=7)))
    assert found["boot/bcd"].origin == found["efi/microsoft/boot/bcd"].origin == "made"
    for path, ending in (("boot/bcd", "exe"), ("efi/microsoft/boot/bcd", "efi")):
        tree = hive.dissect(read(found[path]))
        loader = tree[rf"{ENTRY}\12000002"]["Element"][1].decode("utf-16-le")
        assert loader == f"\\windows\\system32\\boot\\winload.{ending}\0"
        assert tree[rf"{ENTRY}\12000004"]["Element"][1].decode("utf-16-le") == "Image 1\0"
        assert tree[rf"{ENTRY}\12000005"]["Element"][1].decode("utf-16-le") == "de-DE\0"
    without = {path: data for path, data in boot_files().items() if "System32/Boot" not in path}
    found = by_path(find_parts(prepare(tmp_path, without), PartsWish()))
    tree = hive.dissect(read(found["efi/microsoft/boot/bcd"]))
    assert tree[rf"{ENTRY}\12000002"]["Element"][1].decode("utf-16-le") == "\\windows\\system32\\winload.efi\0"


def test_a_disc_that_asks_nobody_has_neither_the_question_of_bios_nor_that_of_uefi(complete: PreparedImage) -> None:
    parts = find_parts(complete, PartsWish(is_prompting=False))
    assert parts.uefi_image == "efi/microsoft/boot/efisys_noprompt.bin"
    assert not {"boot/bootfix.bin", "efi/microsoft/boot/efisys.bin"} & by_path(parts).keys()


def test_a_stick_needs_no_images_of_a_disc(bare: PreparedImage, tmp_path: Path) -> None:
    source = open_source(write_tree(tmp_path, {"boot/boot.sdi": b"sdi"}))
    parts = find_parts(bare, PartsWish(is_disc=False, firmware=BOTH), source=source)
    assert (parts.firmware, parts.bios_image, parts.uefi_image) == (BOTH, None, None)
    assert not [path for path in by_path(parts) if "efisys" in path or "etfsboot" in path]


def test_each_file_comes_from_the_medium_first_and_a_folder_as_a_whole(bare: PreparedImage, tmp_path: Path) -> None:
    source = open_source(write_tree(tmp_path, medium_files()))
    parts = find_parts(bare, PartsWish(), source=source)
    found = by_path(parts)
    # Spelled as the medium has them, so that no two folders differ in case alone.
    assert (parts.bios_image, parts.uefi_image) == ("Boot/etfsboot.com", "efi/Microsoft/boot/efisys.bin")
    assert read(found["BOOTMGR"]) == b"bootmgr of the medium"
    assert found["BOOTMGR"].origin == str(tmp_path / "BOOTMGR")
    assert read(found["efi/boot/bootx64.efi"]) == medium_files()["efi/boot/bootx64.efi"]
    assert [path for path in found if path.startswith("Boot/Fonts/")] == ["Boot/Fonts/chs_boot.ttf"]
    assert found["efi/Microsoft/boot/fonts/wgl4_boot.ttf"].origin.startswith(str(bare.source))
    assert found["Boot/BCD"].origin == "made"


def test_what_is_missing_is_told_at_once_with_what_it_is_for(bare: PreparedImage) -> None:
    with pytest.raises(InvalidInput) as caught:
        find_parts(bare, PartsWish(firmware=BOTH))
    told = str(caught.value)
    assert all(
        each in told
        for each in (
            r"there is no \boot\etfsboot.com, which a BIOS starts from a disc",
            r"(in an image of Windows \Windows\Boot\DVD\PCAT\etfsboot.com)",
            r"no \efi\microsoft\boot\efisys.bin, which UEFI starts from a disc",
            r"no \boot\boot.sdi",
            "boot_files_from",
        )
    )
    assert told.count("boot.sdi, in which") == 1


@pytest.fixture
def full(tmp_path: Path) -> Iterator[WimFile]:
    wim = boot_wim(tmp_path / "install.wim", windows_files(signed_2023=True) | boot_files(), windows_files())
    with WimFile.open(wim) as opened:
        yield opened


def test_a_full_image_has_what_the_boot_image_has_not(bare: PreparedImage, full: WimFile) -> None:
    files = image_source(full.image(1))
    parts = find_parts(bare, PartsWish(firmware=BOTH), boot_files_from=files)
    found = by_path(parts)
    assert read(found["boot/etfsboot.com"]) == ETFSBOOT
    assert found["boot/etfsboot.com"].origin == rf"{full.path} image 1: \Windows\Boot\DVD\PCAT\etfsboot.com"
    assert found["bootmgr"].origin.startswith(str(bare.source))


@pytest.mark.parametrize("name", ["install.wim", "install.esd"])
def test_media_of_windows_7_have_the_loader_for_uefi_in_what_they_install(name: str, tmp_path: Path) -> None:
    # "Windows 7 ... bootx64.efi": WoeUSB 5.2, workaround_support_windows_7_uefi_boot, which takes it from install.wim.
    files = {path: data for path, data in boot_files().items() if not path.endswith("Boot/EFI/bootmgfw.efi")}
    image = prepare(tmp_path / "pe", files)
    medium = {path: data for path, data in medium_files().items() if not path.startswith("efi/boot/")}
    write_tree(tmp_path / "medium", medium)
    with pytest.raises(InvalidInput, match=r"there is no \\efi\\boot\\bootx64\.efi"):
        find_parts(image, PartsWish(firmware=UEFI), source=open_source(tmp_path / "medium"))
    wim = boot_wim(tmp_path / "medium" / "sources" / name, windows_files())
    found = by_path(find_parts(image, PartsWish(), source=open_source(tmp_path / "medium")))
    loader = found["efi/boot/bootx64.efi"]
    assert loader.origin == rf"{wim} image 1: \Windows\Boot\EFI\bootmgfw.efi"
    assert read(loader) == windows_files()["Windows/Boot/EFI/bootmgfw.efi"]


def test_what_the_medium_installs_comes_before_what_is_made(bare: PreparedImage, tmp_path: Path) -> None:
    write_tree(tmp_path, {"boot/etfsboot.com": ETFSBOOT})
    (tmp_path / "sources").mkdir()
    wim = boot_wim(tmp_path / "sources" / "install.wim", boot_files())
    found = by_path(find_parts(bare, PartsWish(generate_sdi=True, generate_efisys=True), source=open_source(tmp_path)))
    for path in ("boot/boot.sdi", "efi/microsoft/boot/efisys.bin"):
        assert found[path].origin.startswith(f"{wim} image 1: ")


def test_what_can_start_it_does_and_of_the_other_it_is_told_why_not(tmp_path: Path) -> None:
    files = {path: data for path, data in boot_files().items() if "etfsboot" not in path}
    parts = find_parts(prepare(tmp_path, files), PartsWish())
    assert (parts.firmware, parts.bios_image) == (UEFI, None)
    (warning,) = parts.warnings
    assert warning.startswith(r"BIOS does not start the medium: there is no \boot\etfsboot.com, which a BIOS starts")
    assert not [path for path in by_path(parts) if path in {"bootmgr", "boot/bcd"}]
    assert "boot/boot.sdi" in by_path(parts)


def test_a_boot_image_without_the_loader_of_windows_is_not_started_by_that_firmware(tmp_path: Path) -> None:
    files = {path: data for path, data in boot_files().items() if not path.endswith("winload.exe")}
    image = prepare(tmp_path, files)
    assert find_parts(image, PartsWish()).firmware == UEFI
    with pytest.raises(InvalidInput, match=r"no \\Windows\\System32\\winload\.exe in .*boot\.wim, which starts"):
        find_parts(image, PartsWish(firmware=BIOS))


def test_a_processor_without_bios_is_started_by_uefi_alone(tmp_path: Path) -> None:
    image = prepare(tmp_path, boot_files("arm64"))
    parts = find_parts(image, PartsWish())
    assert (parts.firmware, parts.architecture, parts.warnings) == (UEFI, "arm64", ())
    assert "efi/boot/bootaa64.efi" in by_path(parts)
    with pytest.raises(InvalidRequest, match="is for arm64, which no BIOS starts"):
        find_parts(image, PartsWish(firmware=BOTH))


def test_a_loader_for_another_processor_is_refused(tmp_path: Path) -> None:
    files = boot_files() | {"Windows/Boot/EFI/bootmgfw.efi": pe(MACHINES["x86"])}
    with pytest.raises(InvalidInput, match=r"bootmgfw\.efi: is for x86, and the boot image of .* for x64"):
        find_parts(prepare(tmp_path, files), PartsWish())


def test_what_a_bios_would_load_half_of_is_refused(tmp_path: Path) -> None:
    files = boot_files() | {"Windows/Boot/DVD/PCAT/etfsboot.com": body("x", 2048)}
    with pytest.raises(InvalidInput, match="has 2048 bytes; what a BIOS starts from a disc has 4096"):
        find_parts(prepare(tmp_path, files), PartsWish())


def test_a_windows_that_needs_its_list_of_trust_is_told_of_when_there_is_none(tmp_path: Path) -> None:
    newer = f"Windows Registry Editor Version 5.00\n\n[{WINDOWS_KEY}]\n" + '"CurrentBuildNumber"="26100"\n'
    files = boot_files() | pe_files(software=newer)
    del files["Windows/Boot/EFI/boot.stl"]
    (warning,) = find_parts(prepare(tmp_path / "24H2", files), PartsWish()).warnings
    assert warning.endswith(r"does not start by UEFI without \efi\microsoft\boot\boot.stl, which was not found")
    older = {path: data for path, data in boot_files().items() if not path.endswith("boot.stl")}
    assert find_parts(prepare(tmp_path / "22H2", older), PartsWish()).warnings == ()


# ---- made


def test_what_is_missing_is_made_when_that_is_wanted(bare: PreparedImage) -> None:
    wish = PartsWish(firmware=UEFI, generate_sdi=True, generate_efisys=True)
    parts = find_parts(bare, wish)
    found = by_path(parts)
    assert found["boot/boot.sdi"].origin == found["efi/microsoft/boot/efisys.bin"].origin == "made"
    assert read_sdi(read(found["boot/boot.sdi"]), name="x").is_sound
    assert loader_in(read(found[parts.uefi_image or ""]), "x64") == boot_files()["Windows/Boot/EFI/bootmgfw.efi"]
    assert [each.partition(": ")[0] for each in parts.warnings] == [
        r"\boot\boot.sdi",
        r"\efi\microsoft\boot\efisys.bin",
    ]
    assert all("is not known" in each for each in parts.warnings)
    again = by_path(find_parts(bare, wish))
    assert {path: read(file) for path, file in again.items()} == {path: read(file) for path, file in found.items()}


def test_nothing_is_made_of_what_is_there(complete: PreparedImage) -> None:
    found = by_path(find_parts(complete, PartsWish(generate_sdi=True, generate_efisys=True)))
    assert [path for path, file in found.items() if file.origin == "made"] == ["boot/bcd", "efi/microsoft/boot/bcd"]


def test_a_damaged_sdi_file_is_taken_and_told(tmp_path: Path) -> None:
    files = boot_files() | {"Windows/Boot/DVD/PCAT/boot.sdi": b"no SDI file"}
    parts = find_parts(prepare(tmp_path, files), PartsWish())
    (warning,) = parts.warnings
    assert warning.endswith("is no SDI file, which begins with $SDI0001")
    assert read(by_path(parts)["boot/boot.sdi"]) == b"no SDI file"


# ---- generations


def test_the_newer_generation_takes_loader_volume_and_fonts_of_one_kind(complete: PreparedImage) -> None:
    found = by_path(find_parts(complete, PartsWish(signed_2023=True)))
    given = boot_files(signed_2023=True)
    taken = {
        "efi/boot/bootx64.efi": "Windows/Boot/EFI_EX/bootmgfw_EX.efi",
        "bootmgr.efi": "Windows/Boot/EFI_EX/bootmgr_EX.efi",
        "efi/microsoft/boot/efisys.bin": "Windows/Boot/DVD_EX/EFI/en-US/efisys_EX.bin",
        "efi/microsoft/boot/fonts/chs_boot.ttf": "Windows/Boot/Fonts_EX/chs_boot_EX.ttf",
        "efi/microsoft/boot/fonts/wgl4_boot.ttf": "Windows/Boot/Fonts/wgl4_boot.ttf",
    }
    assert {path: read(found[path]) for path in taken} == {path: given[inside] for path, inside in taken.items()}


def test_a_medium_of_the_older_generation_has_nothing_of_the_newer(complete: PreparedImage, tmp_path: Path) -> None:
    source = open_source(write_tree(tmp_path, medium_files()))
    found = by_path(find_parts(complete, PartsWish(signed_2023=True), source=source))
    assert found["efi/boot/bootx64.efi"].origin.startswith(str(complete.source))
    assert found["efi/Microsoft/boot/efisys.bin"].origin.startswith(str(complete.source))
    assert found["BOOTMGR"].origin.startswith(str(tmp_path))


def test_without_the_newer_generation_it_is_told_which_file_is_missing(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"no \\efi\\boot\\bootx64\.efi.*EFI_EX\\bootmgfw_EX\.efi"):
        find_parts(prepare(tmp_path, boot_files()), PartsWish(firmware=UEFI, signed_2023=True))


def test_what_is_asked_for_by_its_signature_is_not_left_out(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"no \\efi\\boot\\bootx64\.efi.*EFI_EX\\bootmgfw_EX\.efi"):
        find_parts(prepare(tmp_path, boot_files()), PartsWish(signed_2023=True))


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        pytest.param({"firmware": BIOS, "signed_2023": True}, "starts by UEFI", id="signature"),
        pytest.param({"firmware": BIOS, "generate_efisys": True}, "efisys", id="volume, and no UEFI"),
        pytest.param({"is_disc": False, "generate_efisys": True}, "efisys", id="volume, and no disc"),
        pytest.param({"is_disc": False, "is_prompting": False}, "ask for a key", id="key"),
    ],
)
def test_a_wish_for_what_the_medium_would_not_have_is_refused(wish: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidRequest, match=said):
        PartsWish(**wish)


# ---- several boot images


@pytest.mark.foreign
def test_several_boot_images_are_in_one_menu(complete: PreparedImage, bare: PreparedImage) -> None:
    found = by_path(find_parts(complete, PartsWish(), others=[bare]))
    tree = hive.dissect(read(found["boot/bcd"]))
    names = {
        values["Element"][1].decode("utf-16-le")
        for path, values in tree.items()
        if path.endswith(r"\12000004") and r"Objects\{" in path
    }
    assert {"Image 1\0", "Image 1 (2)\0"} <= names


def test_boot_images_of_two_processors_are_refused(complete: PreparedImage, tmp_path: Path) -> None:
    other = prepare(tmp_path, boot_files("x86"))
    with pytest.raises(InvalidInput, match=r"is for x86, and .* for x64: one medium starts those of one processor"):
        find_parts(complete, PartsWish(), others=[other])


@pytest.mark.parametrize("data", [body("efisys.bin", 4096), bytes(1 << 16)])
def test_what_uefi_starts_nothing_from_is_told(data: bytes, tmp_path: Path) -> None:
    image = boot_image(tmp_path / "pe.wim", boot_files() | {"Windows/Boot/DVD/EFI/en-US/efisys.bin": data})
    with prepared_boot_image(image, ANY) as prepared:
        told = find_parts(prepared, PartsWish()).warnings
        unasked = find_parts(prepared, PartsWish(is_prompting=False)).warnings
    (warning,) = (each for each in told if "efisys" in each)
    assert warning.endswith(
        r"\efisys.bin: is no FAT volume that has \EFI\Boot\bootx64.efi, which is what UEFI starts from a disc"
    )
    assert not any("efisys" in each for each in unasked)
