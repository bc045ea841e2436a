r"""Ids of devices, against what Windows itself listed for them."""

from __future__ import annotations

import pytest
from osdimage.imaging.drivers import Architecture, TargetOs
from osdimage.imaging.drivers.devices.acpi import acpi_device
from osdimage.imaging.drivers.devices.pci import PciFunction, express_type, pci_device
from osdimage.imaging.drivers.devices.usb import UsbInterface, usb_devices

_SEVEN = TargetOs(6, 1, 0, Architecture.AMD64)
_TEN = TargetOs(10, 0, 22631, Architecture.AMD64)

# A ring interface of Intel in "pnputil /enum-devices /deviceids" of a Windows 10: Microsoft, "Manage Device
# Installation with Group Policy" (windows-itpro-docs, manage-device-installation-with-group-policy.md).
_RING = PciFunction(0x8086, 0x2F34, 0x2F348086, 0x02, 0x1101, 0x00)
_RING_HARDWARE = (
    r"PCI\VEN_8086&DEV_2F34&SUBSYS_2F348086&REV_02",
    r"PCI\VEN_8086&DEV_2F34&SUBSYS_2F348086",
    r"PCI\VEN_8086&DEV_2F34&CC_110100",
    r"PCI\VEN_8086&DEV_2F34&CC_1101",
)
_RING_COMPATIBLE = (
    r"PCI\VEN_8086&DEV_2F34&REV_02",
    r"PCI\VEN_8086&DEV_2F34",
    r"PCI\VEN_8086&CC_110100",
    r"PCI\VEN_8086&CC_1101",
    r"PCI\VEN_8086",
    r"PCI\CC_110100",
    r"PCI\CC_1101",
)


@pytest.mark.parametrize("os", [None, _TEN])
def test_a_pci_device_has_the_ids_that_windows_10_lists(os: TargetOs | None) -> None:
    found = pci_device(_RING, os)
    assert found.hardware_ids == _RING_HARDWARE
    assert found.compatible_ids == _RING_COMPATIBLE


def test_before_windows_10_a_pci_device_without_a_subsystem_has_all_six_hardware_ids() -> None:
    # setupapi.log of a Windows 5.2.3790 in VirtualBox: "Searching for hardware ID(s)" and "compatible ID(s)" of its
    # device 80ee:cafe, in lower case there.
    found = pci_device(PciFunction(0x80EE, 0xCAFE, 0, 0x00, 0x0880, 0x00), _SEVEN)
    assert found.hardware_ids == (
        r"PCI\VEN_80EE&DEV_CAFE&SUBSYS_00000000&REV_00",
        r"PCI\VEN_80EE&DEV_CAFE&SUBSYS_00000000",
        r"PCI\VEN_80EE&DEV_CAFE&REV_00",
        r"PCI\VEN_80EE&DEV_CAFE",
        r"PCI\VEN_80EE&DEV_CAFE&CC_088000",
        r"PCI\VEN_80EE&DEV_CAFE&CC_0880",
    )
    assert found.compatible_ids == (
        r"PCI\VEN_80EE&CC_088000",
        r"PCI\VEN_80EE&CC_0880",
        r"PCI\VEN_80EE",
        r"PCI\CC_088000",
        r"PCI\CC_0880",
    )


def test_before_windows_10_a_pci_device_with_a_subsystem_has_four() -> None:
    # Microsoft, "DevCon Examples": a 3Com network card, in the time of Windows XP.
    found = pci_device(PciFunction(0x10B7, 0x9200, 0x00BE1028, 0x78, 0x0200, 0x00), _SEVEN)
    assert found.hardware_ids == (
        r"PCI\VEN_10B7&DEV_9200&SUBSYS_00BE1028&REV_78",
        r"PCI\VEN_10B7&DEV_9200&SUBSYS_00BE1028",
        r"PCI\VEN_10B7&DEV_9200&CC_020000",
        r"PCI\VEN_10B7&DEV_9200&CC_0200",
    )
    assert found.compatible_ids == (
        r"PCI\VEN_10B7&DEV_9200&REV_78",
        r"PCI\VEN_10B7&DEV_9200",
        r"PCI\VEN_10B7&CC_020000",
        r"PCI\VEN_10B7&CC_0200",
        r"PCI\VEN_10B7",
        r"PCI\CC_020000",
        r"PCI\CC_0200",
    )


def test_from_windows_10_on_a_pci_device_without_a_subsystem_has_four_too() -> None:
    # Issue 1153 of windows-driver-docs: the two in the middle are no hardware ids any more.
    found = pci_device(PciFunction(0x80EE, 0xCAFE, 0, 0x00, 0x0880, 0x00), _TEN)
    assert [each.count("&") for each in found.hardware_ids] == [3, 2, 2, 2]
    assert found.compatible_ids[:2] == (r"PCI\VEN_80EE&DEV_CAFE&REV_00", r"PCI\VEN_80EE&DEV_CAFE")


def test_a_pci_express_device_has_compatible_ids_with_its_type_in_front() -> None:
    # Win32_PnPEntity of a root port in a Windows Server on VMware: HardwareID and CompatibleID as WMI gave them.
    found = pci_device(PciFunction(0x15AD, 0x07A0, 0x07A015AD, 0x01, 0x0604, 0x00, express_type=4), _TEN)
    assert found.hardware_ids == (
        r"PCI\VEN_15AD&DEV_07A0&SUBSYS_07A015AD&REV_01",
        r"PCI\VEN_15AD&DEV_07A0&SUBSYS_07A015AD",
        r"PCI\VEN_15AD&DEV_07A0&CC_060400",
        r"PCI\VEN_15AD&DEV_07A0&CC_0604",
    )
    assert found.compatible_ids == (
        r"PCI\VEN_15AD&DEV_07A0&REV_01",
        r"PCI\VEN_15AD&DEV_07A0",
        r"PCI\VEN_15AD&CC_060400",
        r"PCI\VEN_15AD&CC_0604",
        r"PCI\VEN_15AD",
        r"PCI\CC_060400&DT_4",
        r"PCI\CC_060400",
        r"PCI\CC_0604&DT_4",
        r"PCI\CC_0604",
    )


@pytest.mark.parametrize(
    ("function", "hardware", "compatible"),
    [
        pytest.param(
            PciFunction(0x1AF4, 0x1042),
            (r"PCI\VEN_1AF4&DEV_1042",),
            (r"PCI\VEN_1AF4&DEV_1042", r"PCI\VEN_1AF4"),
            id="vendor-and-device-alone",
        ),
        pytest.param(
            PciFunction(0x1AF4, 0x1042, 0x11001AF4),
            (r"PCI\VEN_1AF4&DEV_1042&SUBSYS_11001AF4",),
            (r"PCI\VEN_1AF4&DEV_1042", r"PCI\VEN_1AF4"),
            id="no-revision",
        ),
        pytest.param(
            PciFunction(0x1AF4, 0x1042, None, 0x01, 0x0100),
            (r"PCI\VEN_1AF4&DEV_1042&CC_0100",),
            (
                r"PCI\VEN_1AF4&DEV_1042&REV_01",
                r"PCI\VEN_1AF4&DEV_1042",
                r"PCI\VEN_1AF4&CC_0100",
                r"PCI\VEN_1AF4",
                r"PCI\CC_0100",
            ),
            id="no-subsystem-and-no-interface",
        ),
    ],
)
def test_ids_with_parts_that_are_not_known_are_left_out(
    function: PciFunction, hardware: tuple[str, ...], compatible: tuple[str, ...]
) -> None:
    found = pci_device(function, _TEN)
    assert found.hardware_ids == hardware
    assert found.compatible_ids == compatible


def _config(*capabilities: bytes, has_list: bool = True) -> bytes:
    head = bytearray(64)
    head[0x06] = 0x10 if has_list else 0
    head[0x34] = 0x40
    return bytes(head) + b"".join(capabilities)


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        # Identifier, next, then for 0x10 the register whose bits 4 to 7 are the type (PCI Express, 7.5.3.2).
        pytest.param(_config(b"\x10\x00\x42\x00"), 4, id="root-port"),
        pytest.param(_config(b"\x01\x48\x00\x00", bytes(4), b"\x10\x00\x02\x00"), 0, id="endpoint-behind-another"),
        pytest.param(_config(b"\x01\x00\x00\x00"), None, id="other-capabilities-alone"),
        pytest.param(_config(b"\x10\x00\x42\x00", has_list=False), None, id="no-list"),
        pytest.param(_config()[:64], None, id="what-linux-shows-to-others-than-root"),
        pytest.param(_config(b"\x01\x40\x00\x00"), None, id="a-list-that-goes-round"),
        pytest.param(b"", None, id="nothing"),
    ],
)
def test_the_type_of_a_pci_express_device_is_in_its_capability(config: bytes, expected: int | None) -> None:
    assert express_type(config) == expected


def test_a_usb_device_with_one_interface_has_the_ids_that_devcon_lists() -> None:
    # "devcon hwids" of an Epson Perfection 3490, as its owner kept it: USB\Vid_04b8&Pid_0122&Rev_0110 and so on.
    # Windows compares without regard to case.
    whole = UsbInterface(0x04B8, 0x0122, 0x0110, (0xFF, 0xFF, 0xFF), (0xFF, 0xFF, 0xFF), 0)
    (found,) = usb_devices([whole])
    assert [each.lower() for each in found.hardware_ids] == [
        r"usb\vid_04b8&pid_0122&rev_0110",
        r"usb\vid_04b8&pid_0122",
    ]
    assert [each.lower() for each in found.compatible_ids] == [
        r"usb\class_ff&subclass_ff&prot_ff",
        r"usb\class_ff&subclass_ff",
        r"usb\class_ff",
    ]


def test_an_interface_of_a_composite_usb_device_has_the_ids_that_devcon_lists() -> None:
    # "devcon hwids" of an Arduino Leonardo's serial port, as a program that looks for it quotes it.
    serial = UsbInterface(0x2341, 0x8036, 0x0100, (0xEF, 0x02, 0x01), (0x02, 0x02, 0x01), 0)
    pointer = UsbInterface(0x2341, 0x8036, 0x0100, (0xEF, 0x02, 0x01), (0x03, 0x00, 0x00), 2)
    whole, first, second = usb_devices([pointer, serial])
    assert whole.hardware_ids == (r"USB\VID_2341&PID_8036&REV_0100", r"USB\VID_2341&PID_8036")
    assert whole.compatible_ids[-1] == r"USB\COMPOSITE"
    assert first.hardware_ids == (r"USB\VID_2341&PID_8036&REV_0100&MI_00", r"USB\VID_2341&PID_8036&MI_00")
    assert first.compatible_ids == (r"USB\Class_02&SubClass_02&Prot_01", r"USB\Class_02&SubClass_02", r"USB\Class_02")
    assert second.hardware_ids[1] == r"USB\VID_2341&PID_8036&MI_02"


def test_a_usb_device_of_a_class_of_its_own_is_one_device_whatever_interfaces_it_has() -> None:
    interfaces = [UsbInterface(0x0A5C, 0x21E8, 0x0112, (0xE0, 0x01, 0x01), (0xE0, 0x01, 0x01), each) for each in (0, 1)]
    (found,) = usb_devices(interfaces)
    assert found.compatible_ids[0] == r"USB\Class_E0&SubClass_01&Prot_01"


@pytest.mark.parametrize(
    ("ids", "hardware"),
    [
        # HardwareID of two devices in the same listing by WMI as the root port above.
        pytest.param(["PNP0C02"], (r"ACPI\VEN_PNP&DEV_0C02", r"ACPI\PNP0C02", "*PNP0C02"), id="three-letters"),
        pytest.param(["ACPI0003"], (r"ACPI\VEN_ACPI&DEV_0003", r"ACPI\ACPI0003", "*ACPI0003"), id="four-letters"),
        pytest.param(["VM_GEN_COUNTER"], (r"ACPI\VM_GEN_COUNTER", "*VM_GEN_COUNTER"), id="of-no-maker"),
    ],
)
def test_an_acpi_device_has_the_ids_that_windows_10_lists(ids: list[str], hardware: tuple[str, ...]) -> None:
    assert acpi_device(ids, _TEN).hardware_ids == hardware


def test_before_windows_8_an_acpi_device_has_no_id_with_its_maker_apart() -> None:
    found = acpi_device(["PNP0A08", "PNP0A03"], _SEVEN)
    assert found.hardware_ids == (r"ACPI\PNP0A08", "*PNP0A08")
    assert found.compatible_ids == (r"ACPI\PNP0A03", "*PNP0A03")
