"""Sticks and images of them: table, volumes, and what prints "Missing operating system"."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import pytest
from cases import started_media as cases
from cases import sticks
from judges.disk import copy_of, cut_out, run
from osdimage.imaging.boot.firmware import Firmware
from osdimage.imaging.media import MediumKind, VerifyOptions, verify_medium
from osdimage.imaging.media.usb.layout import StickLayout

BOTH = (Firmware.BIOS, Firmware.UEFI)
SECTOR, FIRST = 512, 2048


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("sticks")


@pytest.fixture(scope="module")
def files(wim: bytes) -> dict[str, bytes]:
    return cases.medium_files(wim)


@pytest.fixture(scope="module")
def stick(folder: Path, files: dict[str, bytes]) -> Path:
    sticks.write(folder / "stick.img", sticks.medium(sticks.file(path, data) for path, data in files.items()))
    return folder / "stick.img"


def test_a_sound_stick_starts_both_kinds_of_firmware(stick: Path, files: dict[str, bytes]) -> None:
    report = verify_medium(stick)
    assert (report.findings, report.firmware, report.architecture) == ((), BOTH, "x64")
    assert (report.kind, report.label) == (MediumKind.DISK, "SETUP")
    assert (report.files, report.contents_bytes) == (len(files), sum(map(len, files.values())))


@pytest.mark.parametrize(("layout", "firmware"), [(StickLayout.FAT32_NTFS, BOTH), (StickLayout.GPT, (Firmware.UEFI,))])
def test_a_stick_of_two_volumes_is_one_medium(
    tmp_path: Path, files: dict[str, bytes], layout: StickLayout, firmware: tuple[Firmware, ...]
) -> None:
    medium = sticks.medium(sticks.file(path, data) for path, data in files.items())
    sticks.write(tmp_path / "stick.img", medium, layout)
    report = verify_medium(tmp_path / "stick.img")
    assert (report.firmware, report.files, report.is_sound) == (firmware, len(files), True)


def _put(at: int, form: str, *values: int) -> Callable[[Path], None]:
    def change(path: Path) -> None:
        with path.open("r+b") as file:
            file.seek(at)
            file.write(struct.pack(f"<{form}", *values))

    return change


def _without_table(path: Path) -> None:
    """Leave the volume alone, as a stick without a table has it; it says that it begins at sector 0 then."""
    size = path.stat().st_size - FIRST * SECTOR
    cut_out(path, FIRST * SECTOR, size, path.with_suffix(".volume")).replace(path)


def _fill_with_zeros(at: int, size: int) -> Callable[[Path], None]:
    return _put(at, f"{size}x")


# The MBR: code, signature at 440, four entries from 446 on (active, CHS, type at 4, CHS, first sector at 8), 55 AA.
@pytest.mark.parametrize(
    ("damage", "severity", "code"),
    [
        pytest.param(_put(446, "B", 0), "error", "no-active", id="no active partition"),
        pytest.param(_put(450, "B", 0x0E), "warning", "active-type", id="type"),
        pytest.param(_put(440, "I", 0), "error", "disk-signature", id="no signature"),
        pytest.param(_without_table, "warning", "no-table", id="no table"),
        pytest.param(_fill_with_zeros(0, 440), "error", "mbr-code", id="no code in the MBR"),
        pytest.param(_put(FIRST * SECTOR + 0x1C, "I", 63), "error", "hidden-sectors", id="another first sector"),
    ],
)
def test_what_prints_missing_operating_system_is_told(
    stick: Path, tmp_path: Path, damage: Callable[[Path], None], severity: str, code: str
) -> None:
    copy = copy_of(stick, tmp_path / "stick.img")
    damage(copy)
    report = verify_medium(copy, VerifyOptions(boot_only=code != "no-table"))
    assert (severity, code) in {(each.severity, each.code) for each in report.findings}
    assert (Firmware.BIOS in report.firmware) == (severity == "warning")
    assert Firmware.UEFI in report.firmware


@pytest.mark.foreign
def test_an_active_partition_that_a_bios_does_not_reach_is_told(tmp_path: Path, files: dict[str, bytes]) -> None:
    # 1023 cylinders of 255 heads and 63 sectors are 16,434,495 sectors.
    disk = tmp_path / "far.img"
    with disk.open("wb") as file:
        file.truncate(16_600_000 * SECTOR)
    run(["sfdisk", "--quiet", disk], text_in="label: dos\nlabel-id: 1\n16500000,90000,c,*\n")
    offset = 16_500_000 * SECTOR
    run(["mkfs.vfat", "-F32", "-s1", "-h", "16500000", "--offset=16500000", disk, "45000"])
    (tmp_path / "bootmgr").write_bytes(files["bootmgr"])
    run(["mcopy", "-i", f"{disk}@@{offset}", tmp_path / "bootmgr", "::/bootmgr"])
    report = verify_medium(disk, VerifyOptions(boot_only=True))
    assert "active-far" in {each.code for each in report.findings}


def test_a_volume_that_is_damaged_is_told(stick: Path, tmp_path: Path) -> None:
    copy = copy_of(stick, tmp_path / "stick.img")
    # The second FAT differs from the first: both are as fsck.fat compares them.
    with copy.open("r+b") as file:
        file.seek(FIRST * SECTOR)
        boot = file.read(SECTOR)
        reserved, fat = struct.unpack_from("<H", boot, 14)[0], struct.unpack_from("<I", boot, 36)[0]
        file.seek((FIRST + reserved + fat) * SECTOR + 40)
        file.write(b"\1\2\3\0")
    report = verify_medium(copy)
    assert [each for each in report.findings if "stick.img partition 1" in each.text]
