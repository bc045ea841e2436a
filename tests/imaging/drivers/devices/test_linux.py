r"""Devices from what Linux shows: /sys, lines of modalias, and what lspci prints."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from judges.wim import output
from osdimage.imaging.drivers import (
    Architecture,
    Device,
    DeviceSource,
    TargetOs,
    devices_of_listing,
    read_devices,
)
from osdimage.imaging.errors import InvalidInput, InvalidRequest

_SEVEN = TargetOs(6, 1, 0, Architecture.AMD64)

# The first 64 bytes of configuration spaces of QEMU 7.2, as its qtest gave them; the form is that of "lspci -x".
_DUMP = """\
00:02.0 x
00: f4 1a 42 10 00 00 10 00 01 00 00 01 00 00 00 00
10: 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00
20: 00 00 00 00 00 00 00 00 00 00 00 00 f4 1a 00 11
30: 00 00 00 00 98 00 00 00 00 00 00 00 00 01 00 00

00:03.0 x
00: 86 80 d3 10 00 00 10 00 00 00 00 02 00 00 00 00
10: 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00
20: 00 00 00 00 00 00 00 00 00 00 00 00 86 80 00 00
30: 00 00 00 00 c8 00 00 00 00 00 00 00 00 01 00 00

00:04.0 x
00: 36 1b 0d 00 00 00 10 00 01 30 03 0c 00 00 00 00
10: 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00
20: 00 00 00 00 00 00 00 00 00 00 00 00 f4 1a 00 11
30: 00 00 00 00 90 00 00 00 00 00 00 00 00 01 00 00

00:1e.0 x
00: 36 1b 01 00 00 00 10 00 00 00 04 06 00 00 01 00
10: 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00
20: 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00
30: 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00

"""
_BLOCK = (r"PCI\VEN_1AF4&DEV_1042&SUBSYS_11001AF4&REV_01", r"PCI\VEN_1AF4&DEV_1042&CC_010000")
_NETWORK = (r"PCI\VEN_8086&DEV_10D3&SUBSYS_00008086&REV_00", r"PCI\VEN_8086&DEV_10D3&CC_020000")
_USB_HOST = (r"PCI\VEN_1B36&DEV_000D&SUBSYS_11001AF4&REV_01", r"PCI\VEN_1B36&DEV_000D&CC_0C0330")
_BRIDGE = (r"PCI\VEN_1B36&DEV_0001&SUBSYS_00000000&REV_00", r"PCI\VEN_1B36&DEV_0001&CC_060400")
_WHOLE = [_BLOCK, _NETWORK, _USB_HOST, _BRIDGE]


def _first_and_third(devices: tuple[Device, ...]) -> list[tuple[str, str]]:
    return [(each.hardware_ids[0], each.hardware_ids[2]) for each in devices]


@pytest.mark.foreign
@pytest.mark.parametrize("form", ["-nnmm", "-nmm", "-nnvmm", "-nvmm", "-nnvm", "-nnv", "-nv", "-nnvDk"])
def test_the_forms_of_lspci_that_tell_all_give_all_ids(tmp_path: Path, form: str) -> None:
    (tmp_path / "dump").write_text(_DUMP, encoding="ascii")
    text = output("lspci", form, "-F", tmp_path / "dump")
    found = devices_of_listing(text.encode(), name="listing")
    assert found.kind is DeviceSource.LSPCI
    assert _first_and_third(found.devices) == _WHOLE
    assert found.warnings == ()


@pytest.mark.foreign
@pytest.mark.parametrize("form", ["-nn", "-n"])
def test_lspci_without_details_gives_vendor_and_device_alone_and_that_is_said(tmp_path: Path, form: str) -> None:
    (tmp_path / "dump").write_text(_DUMP, encoding="ascii")
    text = output("lspci", form, "-F", tmp_path / "dump")
    found = devices_of_listing(text.encode(), name="listing")
    assert found.devices[0].hardware_ids == (r"PCI\VEN_1AF4&DEV_1042&CC_0100",)
    assert found.devices[0].compatible_ids[:2] == (r"PCI\VEN_1AF4&DEV_1042&REV_01", r"PCI\VEN_1AF4&DEV_1042")
    assert "no subsystem" in found.warnings[0]


# Printed by lspci 3.9.0 of a notebook's listing: quotes and brackets in names are escaped by -mm alone.
_QUOTED = (
    '00:02.0 "VGA compatible controller [0300]" "Intel \\"Corp\\" [8086]" "HD [Graphics] 620 [5916]" -r02 -p00'
    ' "Lenovo [17aa]" "Device [224b]"\n'
)


def test_names_of_lspci_are_names_of_devices() -> None:
    (device,) = devices_of_listing(_QUOTED.encode(), name="listing").devices
    assert device.name == 'Intel "Corp" HD [Graphics] 620'
    assert device.hardware_ids[0] == r"PCI\VEN_8086&DEV_5916&SUBSYS_224B17AA&REV_02"


# cat /sys/bus/*/devices/*/modalias of a virtual machine, and of a notebook's USB; not all are devices of Windows.
_LINES = """\
acpi:LNXSYSTM:
acpi:PNP0303:
acpi:PNP0A08:PNP0A03:
acpi:VMGENCTR:VM_GEN_COUNTER:
pci:v00001AF4d00001042sv00001AF4sd00001042bc01sc80i00
pci:v00008086d00000D57sv00000000sd00000000bc06sc00i00
platform:pcspkr
usb:v2341p8036d0100dcEFdsc02dp01ic02isc02ip01in00
usb:v2341p8036d0100dcEFdsc02dp01ic03isc00ip00in02
usb:v1D6Bp0003d0601dc09dsc00dp03ic09isc00ip00in00
virtio:d00000002v00001AF4
vmbus:635161f83edfc546913ff2d2f965ed0e
hdaudio:v10EC0256r00100002a01
"""


def test_lines_of_modalias_are_devices_of_windows_where_windows_has_them() -> None:
    found = devices_of_listing(_LINES.encode(), name="listing")
    assert found.kind is DeviceSource.MODALIAS
    assert [each.hardware_ids[0] for each in found.devices] == [
        r"ACPI\VEN_PNP&DEV_0303",
        r"ACPI\VEN_PNP&DEV_0A08",
        r"ACPI\VMGENCTR",
        r"PCI\VEN_1AF4&DEV_1042&SUBSYS_10421AF4",
        r"PCI\VEN_8086&DEV_0D57&SUBSYS_00000000",
        # The network adapter of Hyper-V: Microsoft, "HV_NIC_GUID" of hyperv.h in Linux, {f8615163-df3e-46c5-...}.
        r"VMBUS\{f8615163-df3e-46c5-913f-f2d2f965ed0e}",
        r"USB\VID_2341&PID_8036&REV_0100",
        r"USB\VID_2341&PID_8036&REV_0100&MI_00",
        r"USB\VID_2341&PID_8036&REV_0100&MI_02",
    ]
    assert "no revision" in found.warnings[0]
    assert found.warnings[1] == "sound codecs are left out: only listings made by Windows have their ids"
    # The device of class EF 02 01 has functions of several interfaces, the hub and a keyboard have not.
    assert "which interfaces of a USB device share a function" in found.warnings[2]
    alone = devices_of_listing(b"usb:v046DpC31Cd6402dc00dsc00dp00ic03isc01ip01in00\n" * 2, name="listing")
    assert alone.warnings == ()


def _make_sys(root: Path, *, by_bus: bool) -> Path:
    """Make a /sys of two PCI devices and a USB device with a function of two interfaces."""
    devices = root / "devices/pci0000:00"
    shown: dict[str, list[Path]] = {"pci": [], "usb": []}
    for slot, modalias, revision in (
        ("0000:00:02.0", "pci:v00001AF4d00001042sv00001AF4sd00001100bc01sc00i00", "0x01"),
        ("0000:00:04.0", "pci:v00001B36d0000000Dsv00001AF4sd00001100bc0Csc03i30", "0x01"),
    ):
        (devices / slot).mkdir(parents=True)
        (devices / slot / "modalias").write_text(modalias + "\n")
        (devices / slot / "revision").write_text(revision + "\n")
        shown["pci"].append(devices / slot)
    for number, first in (("00", "00"), ("01", "00"), ("02", None)):
        folder = devices / f"0000:00:04.0/usb1/1-4/1-4:1.{int(number)}"
        folder.mkdir(parents=True)
        modalias = f"usb:v2341p8036d0100dcEFdsc02dp01ic02isc02ip01in{number}"
        (folder / "modalias").write_text(modalias + "\n")
        if first is not None:
            (folder / "iad_bFirstInterface").write_text(first + "\n")
        shown["usb"].append(folder)
    # A circle, as the links subsystem and driver of a /sys make them.
    (devices / "0000:00:02.0/subsystem").symlink_to(root)
    for bus, folders in shown.items() if by_bus else ():
        (root / "bus" / bus / "devices").mkdir(parents=True)
        for folder in folders:
            (root / "bus" / bus / "devices" / folder.name).symlink_to(folder)
    return root


_OF_SYS = [
    r"PCI\VEN_1AF4&DEV_1042&SUBSYS_11001AF4&REV_01",
    r"PCI\VEN_1B36&DEV_000D&SUBSYS_11001AF4&REV_01",
    r"USB\VID_2341&PID_8036&REV_0100",
    r"USB\VID_2341&PID_8036&REV_0100&MI_00",
    r"USB\VID_2341&PID_8036&REV_0100&MI_02",
]


def test_this_computers_devices_are_those_of_its_buses(tmp_path: Path) -> None:
    found = read_devices("host", sysfs=_make_sys(tmp_path / "sys", by_bus=True))
    assert found.kind is DeviceSource.HOST
    assert [each.hardware_ids[0] for each in found.devices] == _OF_SYS
    assert found.warnings == ()


@pytest.mark.parametrize("by_bus", [True, False], ids=["with-bus", "devices-alone"])
def test_a_folder_copied_from_sys_gives_the_same(tmp_path: Path, by_bus: bool) -> None:
    found = read_devices(str(_make_sys(tmp_path / "sys", by_bus=by_bus)))
    assert found.kind is DeviceSource.SYSFS
    assert [each.hardware_ids[0] for each in found.devices] == _OF_SYS


@pytest.mark.foreign
@pytest.mark.parametrize("form", ["cp", "tar"])
def test_a_copy_that_programs_make_gives_the_same(tmp_path: Path, form: str) -> None:
    root = _make_sys(tmp_path / "sys", by_bus=True)
    if form == "tar":
        # Files of /sys say that they have 4096 bytes, and tar makes up those that they have not.
        for name in ("modalias", "revision"):
            for each in root.rglob(name):
                os.truncate(each, 4096)
    copy = tmp_path / "copy"
    copy.mkdir()
    script = {
        "cp": 'cd "$1" && cp -r --parents sys/bus/*/devices/*/{modalias,revision} "$2" 2>/dev/null',
        "tar": 'cd "$1" && tar -ch sys/bus/*/devices/*/{modalias,revision} 2>/dev/null | tar -x -C "$2"',
    }[form]
    # Interfaces of USB have no revision, so that both programs complain.
    output("bash", "-c", script, "bash", tmp_path, copy, code=None)
    assert [each.hardware_ids[0] for each in read_devices(str(copy)).devices] == [
        *_OF_SYS[:3],
        # What tells that two interfaces are one function was not copied.
        r"USB\VID_2341&PID_8036&REV_0100&MI_00",
        r"USB\VID_2341&PID_8036&REV_0100&MI_01",
        r"USB\VID_2341&PID_8036&REV_0100&MI_02",
    ]


def test_a_copy_without_revisions_says_what_it_lacks(tmp_path: Path) -> None:
    root = _make_sys(tmp_path / "sys", by_bus=False)
    for each in root.rglob("revision"):
        each.unlink()
    found = read_devices(str(root))
    assert found.devices[0].hardware_ids[0] == r"PCI\VEN_1AF4&DEV_1042&SUBSYS_11001AF4"
    assert "no revision" in found.warnings[0]


@pytest.mark.skipif(not Path("/sys/bus/pci/devices").is_dir(), reason="this computer shows no PCI bus")
@pytest.mark.foreign
def test_of_this_computer_lspci_and_sys_tell_the_same() -> None:
    def pci(devices: tuple[Device, ...]) -> list[str]:
        return sorted(each.hardware_ids[0] for each in devices if each.hardware_ids[0].startswith("PCI"))

    listed = devices_of_listing(output("lspci", "-nnvmm").encode(), name="lspci")
    assert pci(read_devices("host").devices) == pci(listed.devices)


def test_the_windows_decides_which_ids_a_device_has() -> None:
    line = b'00:02.0 "0880" "80ee" "cafe" "" ""\n'
    (new,) = devices_of_listing(line, name="x").devices
    (old,) = devices_of_listing(line, _SEVEN, name="x").devices
    bare = r"PCI\VEN_80EE&DEV_CAFE"
    assert bare not in new.hardware_ids
    assert bare in new.compatible_ids
    assert bare in old.hardware_ids


@pytest.mark.parametrize(
    ("contents", "expected"),
    [
        pytest.param(b"", "is no listing of devices; valid are 'host'", id="empty"),
        pytest.param(b"Dear Sir,\n", "is no listing of devices; valid are 'host'", id="letter"),
        pytest.param(
            b"MZ\x90\0\x03",
            "too small to be a disk: 5 bytes; the smallest has a sector of 512 -- valid are",
            id="program",
        ),
        pytest.param(b"platform:pcspkr\n", "read as modalias lines, holds no device", id="no-device-of-windows"),
        pytest.param(b"00:02.0 x\n00: f4 1a\n", "read as text of lspci, holds no device", id="bytes-alone"),
    ],
)
def test_what_tells_no_devices_is_refused_with_what_would(tmp_path: Path, contents: bytes, expected: str) -> None:
    (tmp_path / "file").write_bytes(contents)
    with pytest.raises(InvalidInput, match=re.escape(expected)):
        read_devices(str(tmp_path / "file"))


def test_an_empty_folder_holds_no_device(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="read as a copy of /sys, holds no device"):
        read_devices(str(tmp_path))


def test_nothing_of_that_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match=r"there is no '.*missing' to read devices from; valid are 'host'"):
        read_devices(str(tmp_path / "missing"))


def test_more_devices_than_any_computer_has_are_refused() -> None:
    lines = "".join(f"pci:v{each:08X}d00001042sv00001AF4sd00001100bc01sc00i00\n" for each in range(20_001))
    with pytest.raises(InvalidInput, match="lists more than 20,000 devices"):
        devices_of_listing(lines.encode(), name="listing")


_HEX4 = st.integers(0, 0xFFFF)


@given(_HEX4, _HEX4, _HEX4, _HEX4, st.integers(0, 0xFFFFFF))
def test_every_modalias_of_pci_gives_its_numbers(vendor: int, device: int, sub: int, maker: int, kind: int) -> None:
    base, lower, interface = kind.to_bytes(3, "big")
    line = f"pci:v{vendor:08X}d{device:08X}sv{maker:08X}sd{sub:08X}bc{base:02X}sc{lower:02X}i{interface:02X}"
    (found,) = devices_of_listing(line.encode(), name="x").devices
    assert found.hardware_ids[0] == f"PCI\\VEN_{vendor:04X}&DEV_{device:04X}&SUBSYS_{sub:04X}{maker:04X}"
    assert found.compatible_ids[-2] == f"PCI\\CC_{kind:06X}"


@given(st.binary(max_size=400) | st.text(max_size=200).map(str.encode))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    with suppress(InvalidInput):
        assert devices_of_listing(data, name="x").devices
