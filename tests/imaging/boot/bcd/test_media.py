"""The stores of media: devices to the byte, and read by programs of others."""

from __future__ import annotations

import struct
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest
from judges import hive as judges
from osdimage.imaging.boot import MediaEntry, MediaStoreSettings, TftpOptions, create_media_store
from osdimage.imaging.boot.bcd import store as bcd
from osdimage.imaging.boot.firmware import Firmware
from osdimage.imaging.errors import InvalidRequest

WIM, LOADER = r"\sources\boot.wim", r"\windows\system32\boot\winload.exe"
PE = MediaEntry("Windows PE", WIM, LOADER)
ENTRY, OPTIONS = "{7619dcc9-fafe-11d9-b411-000476eba25f}", "{7619dcc8-fafe-11d9-b411-000476eba25f}"
BOOTMGR, MEMDIAG = "{9dea862c-5cdd-4e70-acc1-f32b344d4795}", "{b2721d73-1db4-4c62-bf78-c548a880142d}"
# As the descriptors of stores that Windows wrote (test_devices.py), for ramdisk=[boot]\sources\boot.wim,{7619dcc8-...}.
RAMDISK = bytes.fromhex(
    "c8dc1976fefad911b411000476eba25f"
    "0000000001000000a000000000000000"
    "03000000" + "00" * 20 + "010000007800000005000000"
    "05000000000000004800000000000000" + "00" * 56
) + "\\sources\\boot.wim\0".encode("utf-16-le")
# ntloader, utils/rootfs: the element 31000003 of its store is this, to the byte.
SDI = bytes(16) + bytes.fromhex("05000000000000004800000000000000") + bytes(56)


def elements(data: bytes, guid: str) -> dict[str, bytes]:
    """Return the bytes of the elements of an object as dissect.regf reads them."""
    prefix = f"Objects\\{guid}\\Elements\\"
    return {
        path.removeprefix(prefix): values["Element"][1]
        for path, values in judges.dissect(data).items()
        if path.startswith(prefix)
    }


def guids(data: bytes) -> set[str]:
    return {path.split("\\")[1] for path in judges.dissect(data) if path.startswith("Objects\\")}


def text(value: str) -> bytes:
    return f"{value}\0".encode("utf-16-le")


@pytest.mark.foreign
def test_devices_are_those_of_windows_media_to_the_byte() -> None:
    data = create_media_store(MediaStoreSettings(Firmware.BIOS, (PE,))).to_bytes()
    entry, options = elements(data, ENTRY), elements(data, OPTIONS)
    assert len(RAMDISK) == 176
    assert entry["11000001"] == entry["21000001"] == RAMDISK
    assert options == {"31000003": SDI, "32000004": text(r"\boot\boot.sdi")}


@pytest.mark.foreign
@pytest.mark.parametrize("reader", [judges.dissect, judges.python_registry])
def test_readers_of_others_see_the_same_store(reader: Callable[[bytes], judges.Tree], tmp_path: Path) -> None:
    data = create_media_store(MediaStoreSettings(Firmware.UEFI, (PE,)), now=datetime(2026, 1, 1, tzinfo=UTC)).to_bytes()
    found = reader(data)
    about = {name: data for name, (_, data) in found["Description"].items()}
    assert about["KeyName"] == text("BCD00000000")
    assert found[f"Objects\\{ENTRY}\\Elements\\12000002"]["Element"] == (1, text(LOADER))
    assert found[f"Objects\\{ENTRY}\\Description"]["Type"] == (4, struct.pack("<I", 0x10200003))
    (tmp_path / "bcd").write_bytes(data)
    assert judges.regipy_paths(tmp_path / "bcd") == found.keys()
    assert judges.hivexml(tmp_path / "bcd").keys() == found.keys()


@pytest.mark.foreign
def test_the_elements_are_those_that_media_have() -> None:
    data = create_media_store(MediaStoreSettings(Firmware.BIOS, (PE,), locale="de-DE")).to_bytes()
    manager, entry = elements(data, BOOTMGR), elements(data, ENTRY)
    assert sorted(manager) == ["12000004", "12000005", "14000006", "23000003", "24000001", "25000004"]
    assert manager["25000004"] == bytes(8)
    assert manager["23000003"] == text(ENTRY)
    assert manager["12000005"] == text("de-DE")
    assert {name: entry[name] for name in ("22000002", "26000010", "26000022", "250000c2")} == {
        "22000002": text(r"\windows"),
        "26000010": b"\1",
        "26000022": b"\1",
        "250000c2": bytes(8),
    }
    # Settings that everything inherits, and none for resuming; no memory test that the medium does not have.
    assert f"{{{bcd.GLOBAL_SETTINGS}}}" in guids(data)
    assert not {f"{{{bcd.RESUME_SETTINGS}}}", MEMDIAG} & guids(data)


@pytest.mark.foreign
def test_several_boot_images_have_a_menu_that_waits_and_share_their_options() -> None:
    other = MediaEntry("Rescue", r"\sources\boot2.wim", LOADER)
    data = create_media_store(MediaStoreSettings(Firmware.BIOS, (PE, other), has_memory_test=True)).to_bytes()
    manager = elements(data, BOOTMGR)
    first, second = manager["24000001"].decode("utf-16-le").split("\0")[:2]
    assert (first, struct.unpack("<Q", manager["25000004"])) == (ENTRY, (30,))
    assert elements(data, second)["11000001"][:16] == UUID(OPTIONS).bytes_le
    assert elements(data, second)["12000004"] == text("Rescue")
    assert manager["24000010"].decode("utf-16-le").startswith(MEMDIAG)
    assert elements(data, MEMDIAG)["12000002"] == text(r"\boot\memtest.exe")
    # The menu would show it in the place of both names.
    assert "12000004" not in elements(data, OPTIONS)


@pytest.mark.foreign
def test_what_a_server_is_asked_for_is_in_its_store_alone() -> None:
    settings = MediaStoreSettings(Firmware.UEFI, (PE,), timeout_s=5, tftp=TftpOptions(1456, 16))
    options = elements(create_media_store(settings).to_bytes(), OPTIONS)
    assert (options["35000007"], options["35000008"]) == (struct.pack("<Q", 1456), struct.pack("<Q", 16))


def test_the_same_settings_make_the_same_bytes() -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    settings = MediaStoreSettings(Firmware.UEFI, (PE, MediaEntry("b", r"\b.wim", LOADER)))
    first, second = (create_media_store(settings, now=now).to_bytes(now=now) for _ in range(2))
    assert first == second


def test_what_no_boot_manager_starts_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="at least one"):
        MediaStoreSettings(Firmware.BIOS, ())
    with pytest.raises(InvalidRequest, match="begins at the root"):
        MediaEntry("x", "sources/boot.wim", LOADER)
    with pytest.raises(InvalidRequest, match="timeout -1"):
        MediaStoreSettings(Firmware.BIOS, (PE,), timeout_s=-1)
    with pytest.raises(InvalidRequest, match="block size 65536"):
        TftpOptions(65536)
    with pytest.raises(InvalidRequest, match="window 0"):
        TftpOptions(window_blocks=0)
