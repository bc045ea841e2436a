"""The way from firmware to the boot image: each thing that is wrong with it is told, and nothing of a sound medium."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import pytest
from cases import started_media as cases
from cases.windows_trees import MACHINES, pe, write_tree
from osdimage.imaging.boot.bcd.devices import BootDevice, DeviceElement, PartitionDevice, RamdiskDevice
from osdimage.imaging.boot.bcd.partition import PartitionRef
from osdimage.imaging.boot.firmware import Firmware
from osdimage.imaging.media import MediumKind, verify_medium

Files = dict[str, bytes]
BOTH = (Firmware.BIOS, Firmware.UEFI)


def test_a_sound_folder_starts_both_kinds_of_firmware(tmp_path: Path, wim: bytes) -> None:
    files = cases.medium_files(wim)
    report = verify_medium(write_tree(tmp_path / "medium", files))
    assert (report.findings, report.firmware, report.architecture) == ((), BOTH, "x64")
    assert (report.kind, report.label, report.is_sound) == (MediumKind.FOLDER, None, True)
    assert (report.files, report.contents_bytes) == (len(files), sum(map(len, files.values())))


def _without(*paths: str) -> Callable[[Files], Files]:
    return lambda files: {path: data for path, data in files.items() if path not in paths}


def _with(path: str, data: bytes) -> Callable[[Files], Files]:
    return lambda files: files | {path: data}


def _stores(**how: object) -> Callable[[Files], Files]:
    return lambda files: files | {path: cases.store(ending, **how) for ending, path in cases.STORES.items()}  # type: ignore[arg-type]


def _wim(form: str, at: int, *values: int) -> Callable[[Files], Files]:
    """Change the header of the boot image."""

    def change(files: Files) -> Files:
        data = bytearray(files["sources/boot.wim"])
        struct.pack_into(f"<{form}", data, at, *values)
        return files | {"sources/boot.wim": bytes(data)}

    return change


ELSEWHERE = DeviceElement(
    RamdiskDevice(r"\sources\boot.wim", PartitionDevice(PartitionRef.mbr(1, 1 << 20))), cases.OPTIONS
)
NO_OPTIONS = DeviceElement(RamdiskDevice(r"\sources\boot.wim", BootDevice()))
PLAIN = DeviceElement(BootDevice())
LOADER = "efi/boot/bootx64.efi"
DAMAGES = [
    pytest.param(_without("boot/bcd", "efi/microsoft/boot/bcd"), {"bcd-missing"}, id="no stores"),
    pytest.param(_with("boot/bcd", b"regf" + bytes(4096)), {"bcd-damaged"}, id="damaged store"),
    pytest.param(_stores(order=(), elements={0x11000001: None}), {"bcd-no-device"}, id="no device"),
    pytest.param(_stores(wim=r"\sources\other.wim"), {"wim-missing"}, id="no WIM of this name"),
    pytest.param(_without("sources/boot.wim"), {"wim-missing"}, id="no WIM"),
    pytest.param(_stores(options={0x32000004: r"\boot\other.sdi"}), {"sdi-missing"}, id="no SDI of this name"),
    pytest.param(_stores(options={0x32000004: None}), {"bcd-no-sdi"}, id="SDI is not named"),
    pytest.param(_stores(options={0x31000003: None}), {"bcd-sdi-elsewhere"}, id="SDI is on nothing"),
    pytest.param(_with("boot/boot.sdi", cases.sdi(checksum=1)), {"sdi-damaged"}, id="SDI with a wrong checksum"),
    pytest.param(_with("boot/boot.sdi", b"$SDI0001"), {"sdi-damaged"}, id="SDI cut off"),
    pytest.param(_with("boot/boot.sdi", b"none"), {"sdi-damaged"}, id="no SDI at all"),
    pytest.param(_stores(elements={0x11000001: NO_OPTIONS, 0x21000001: NO_OPTIONS}), {"bcd-no-options"}, id="options"),
    pytest.param(_stores(elements={0x11000001: ELSEWHERE, 0x21000001: ELSEWHERE}), {"bcd-elsewhere"}, id="partition"),
    pytest.param(_stores(elements={0x21000001: PLAIN}), {"bcd-devices-differ"}, id="two devices"),
    pytest.param(_stores(elements={0x12000002: None}), {"bcd-no-path"}, id="no loader named"),
    pytest.param(_stores(elements={0x12000002: r"\none.com"}), {"bcd-firmware", "wim-loader-missing"}, id="loader"),
    pytest.param(_with("boot/bcd", cases.store("efi")), {"bcd-firmware"}, id="store of UEFI for a BIOS"),
    pytest.param(_with("bootmgr", b""), {"loader-damaged"}, id="empty bootmgr"),
    pytest.param(_with(LOADER, b"MZ"), {"loader-damaged"}, id="loader is no program"),
    pytest.param(_with(LOADER, pe(MACHINES["arm64"])), {"loader-architecture", "wim-architecture"}, id="arm64 as x64"),
    pytest.param(_with("sources/boot.wim", b"none"), {"wim-damaged"}, id="no WIM at all"),
    # Where the fields are: "Windows Imaging File Format (WIM)", Microsoft 2007, WIMHEADER_V1_PACKED.
    pytest.param(_wim("I", 0x78, 0), {"wim-boot-index"}, id="no boot index"),
    pytest.param(_wim("I", 0x78, 2), {"wim-boot-index"}, id="boot index of no image"),
    pytest.param(_wim("HH", 0x28, 1, 2), {"wim-split"}, id="split"),
    pytest.param(_wim("I", 0x0C, 0xE00), {"wim-compression"}, id="solid"),
    pytest.param(_wim("I", 0x14, 1 << 17), {"wim-chunks"}, id="large chunks"),
    pytest.param(_wim("Q", 0x50, 1 << 40), {"wim-cut-off"}, id="XML beyond the end"),
]


@pytest.mark.parametrize(("damage", "codes"), DAMAGES)
def test_what_keeps_a_medium_from_starting_is_told(
    tmp_path: Path, wim: bytes, damage: Callable[[Files], Files], codes: set[str]
) -> None:
    report = verify_medium(write_tree(tmp_path / "medium", damage(cases.medium_files(wim))))
    assert {each.code for each in report.findings if each.severity == "error"} == codes
    assert not report.is_sound
    assert report.firmware != BOTH
