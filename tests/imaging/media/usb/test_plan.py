"""What is decided of a stick before anything is written."""

from __future__ import annotations

from pathlib import Path

import pytest
from cases import sticks
from osdimage.imaging.boot.firmware import Firmware
from osdimage.imaging.disc import FileContents
from osdimage.imaging.disc.facts import DiscExtent
from osdimage.imaging.errors import InvalidRequest, TargetRefused, UnsafeName
from osdimage.imaging.media import Medium, MediumFile
from osdimage.imaging.media.usb.layout import StickLayout
from osdimage.imaging.media.usb.plan import StickOptions, fat32_label, plan_stick
from osdimage.imaging.units import GIB, MIB, TIB, Geometry

FAT32, TWO, GPT = StickLayout


def large(path: str, size: int) -> MediumFile:
    """Return a file that is planned and never read."""
    contents = FileContents(Path("none"), (DiscExtent(0, size),), size, 0)
    return MediumFile(path, contents, 0, "made")


@pytest.mark.parametrize(
    ("path", "layouts"),
    [
        pytest.param("bootmgr", [], id="boot manager"),
        pytest.param("EFI/Boot/bootx64.efi", [], id="loader"),
        pytest.param("boot/fonts/wgl4_boot.ttf", [], id="font"),
        pytest.param("sources/boot.wim", [], id="boot image"),
        pytest.param("sources/Boot2.wim", [], id="second boot image"),
        pytest.param("Sources/Install.wim", [TWO, GPT], id="install image"),
        pytest.param("sources/install2.swm", [TWO, GPT], id="part"),
        pytest.param("osdimage/media.json", [TWO, GPT], id="sequence"),
        pytest.param("osdimage.txt", [GPT], id="beside the sequence"),
        pytest.param("setup.exe", [GPT], id="setup"),
        pytest.param("sources/installer.wim", [GPT], id="another image"),
    ],
)
def test_which_files_go_to_ntfs(path: str, layouts: list[StickLayout]) -> None:
    assert [each for each in StickLayout if each.is_for_ntfs(path, 1)] == layouts


def test_a_file_that_fat32_cannot_hold_goes_to_ntfs_and_is_refused_without() -> None:
    # fatgen103, DIR_FileSize: 32 bits.
    fits, beyond = large("data.bin", 4 * GIB - 1), large("data.bin", 4 * GIB)
    assert plan_stick(sticks.medium([fits])).volumes[0].files == (fits,)
    assert plan_stick(sticks.medium([beyond]), StickOptions(TWO)).volumes[1].files == (beyond,)
    with pytest.raises(TargetRefused, match=r"'data\.bin' \(4\.0 GB\): a file on FAT32 holds at most 4294967295 bytes"):
        plan_stick(sticks.medium([beyond]))
    for layout in (FAT32, TWO):
        with pytest.raises(TargetRefused, match=r"'sources/boot2\.wim' .*; valid are smaller files$"):
            plan_stick(sticks.medium([large("sources/boot2.wim", 4 * GIB)]), StickOptions(layout))


@pytest.mark.parametrize(
    ("count", "size", "least"),
    [
        pytest.param(1, 1, 300 * MIB, id="nothing to speak of"),
        pytest.param(1, 2 * GIB, 2 * GIB * 105 // 100, id="one large file"),
        # Of 21 clusters of 4 KiB each.
        pytest.param(4000, 81_921, 4000 * 86_016, id="many small files"),
    ],
)
def test_an_image_is_as_large_as_it_must_be_and_little_more(count: int, size: int, least: int) -> None:
    plan = plan_stick(sticks.medium(large(f"f{number}", size) for number in range(count)))
    assert least <= plan.size_bytes - MIB <= least * 1.1 + MIB


@pytest.mark.parametrize(
    ("layout", "size", "message"),
    [
        pytest.param(FAT32, 30 * MIB, "is too small for FAT32", id="too few clusters"),
        pytest.param(TWO, 301 * MIB, "are needed", id="no room for the second volume"),
        pytest.param(FAT32, 3 * TIB, "an MBR describes 2.0 TB", id="more than an MBR describes"),
        pytest.param(GPT, 512, "too small for a GPT", id="no room for a GPT"),
    ],
)
def test_a_size_that_cannot_be_is_refused(layout: StickLayout, size: int, message: str) -> None:
    what = sticks.medium(sticks.windows_files())
    with pytest.raises((TargetRefused, InvalidRequest), match=message):
        plan_stick(what, StickOptions(layout), geometry=Geometry.of_size(size, 512))


def test_of_a_disk_that_is_there_so_much_is_used_as_is_asked_for() -> None:
    options = StickOptions(size_bytes=512 * MIB)
    plan = plan_stick(sticks.medium(sticks.windows_files()), options, geometry=Geometry.of_size(4 * TIB, 512))
    (partition,) = plan.table.partitions
    assert plan.table.geometry.size_bytes == 4 * TIB
    assert plan.table.size_bytes(partition) == 511 * MIB


@pytest.mark.parametrize(
    ("layout", "sector", "firmware", "starts", "warning"),
    [
        pytest.param(FAT32, 512, {"bios", "uefi"}, {"bios", "uefi"}, None, id="both"),
        pytest.param(GPT, 512, {"bios", "uefi"}, {"uefi"}, "a BIOS does not start a disk with a GPT", id="gpt"),
        pytest.param(FAT32, 4096, {"bios", "uefi"}, {"uefi"}, "sectors of 4096 bytes", id="large sectors"),
        pytest.param(GPT, 512, {"uefi"}, {"uefi"}, None, id="gpt, and for UEFI alone"),
    ],
)
def test_what_starts_a_stick_is_told(
    layout: StickLayout, sector: int, firmware: set[str], starts: set[str], warning: str | None
) -> None:
    what = sticks.medium(sticks.windows_files(), firmware=frozenset(map(Firmware, firmware)))
    plan = plan_stick(what, StickOptions(layout), geometry=Geometry.of_size(2 * GIB, sector))
    assert plan.starts == starts
    assert len(plan.warnings) == (warning is not None)
    assert warning is None or warning in plan.warnings[0]


def test_what_nothing_would_start_is_refused() -> None:
    what = sticks.medium(sticks.windows_files(), firmware=frozenset({Firmware.BIOS}))
    with pytest.raises(InvalidRequest, match="a BIOS does not start a disk with a GPT, and nothing on the medium is"):
        plan_stick(what, StickOptions(GPT))


def test_a_medium_without_anything_that_starts_is_told() -> None:
    assert plan_stick(Medium("DATA", (sticks.file("a.txt"),), None)).warnings == ("nothing on it starts a computer",)


@pytest.mark.parametrize(
    ("label", "made"),
    [
        pytest.param("setup", "SETUP", id="upper case"),
        pytest.param("CCCOMA_X64FRE_EN-US_DV5", "CCCOMA_X64F", id="11 characters"),
        pytest.param("a.b/c", "A_B_C", id="what FAT forbids"),
        pytest.param("\N{SNOWMAN}", "_", id="what the code page lacks"),
        pytest.param("0123456789 B", "0123456789", id="no blank at the end"),
        pytest.param("", None, id="none"),
    ],
)
def test_a_label_is_made_one_of_fat32(label: str, made: str | None) -> None:
    assert fat32_label(label) == made


def test_a_label_that_is_another_one_on_fat32_is_told() -> None:
    what = sticks.medium(sticks.windows_files(), label="Windows 11 24H2")
    assert plan_stick(what).warnings == ("the label 'Windows 11 24H2' is 'WINDOWS 11' on FAT32",)


def test_a_name_that_fat32_cannot_have_is_refused() -> None:
    with pytest.raises(UnsafeName):
        plan_stick(sticks.medium([sticks.file("a:b")]))
