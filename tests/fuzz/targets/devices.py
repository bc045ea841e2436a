"""Listings of devices, of whatever kind the bytes look like."""

from __future__ import annotations

from collections.abc import Iterator

from osdimage.imaging.drivers import Architecture, TargetOs, devices_of_listing
from osdimage.imaging.registry.hive import Value
from osdimage.imaging.registry.write import new_hive, write_hive

from fuzz.target import Target

_SEVEN = TargetOs(6, 1, 0, Architecture.X86)


def _listing(data: bytes) -> None:
    for os in (None, _SEVEN):
        found = devices_of_listing(data, os, name="x")
        assert found.devices
        for device in found.devices:
            assert device.hardware_ids or device.compatible_ids
            (device.name + "".join((*device.hardware_ids, *device.compatible_ids))).encode()
        assert len({(each.hardware_ids, each.compatible_ids) for each in found.devices}) == len(found.devices)


def _listing_seeds() -> Iterator[bytes]:
    yield b"pci:v00001AF4d00001042sv00001AF4sd00001100bc01sc00i00\nacpi:PNP0A08:PNP0A03:\n"
    yield b"usb:v2341p8036d0100dcEFdsc02dp01ic02isc02ip01in00\nvmbus:635161f83edfc546913ff2d2f965ed0e\n"
    yield b'00:02.0 "VGA compatible controller [0300]" "I \\"C\\" [8086]" "HD [5916]" -r02 -p00 "L [17aa]" "D [224b]"\n'
    yield b"Slot:\t00:02.0\nClass:\t0300\nVendor:\t8086\nDevice:\t5916\nSVendor:\t17aa\nSDevice:\t224b\nRev:\t02\n\n"
    yield b"00:02.0 VGA [0300]: Intel [8086:5916] (rev 02) (prog-if 00 [VGA])\n\tSubsystem: Lenovo [17aa:224b]\n"
    yield "00:02.0 0300: 8086:5916 (rev 02)\n".encode("utf-16")
    yield b'<domain><devices><interface><model type="virtio"/></interface></devices></domain>'
    block = "Instance ID:  PCI\\VEN_1&DEV_2\\3\nDevice:  x\nHardware IDs:  PCI\\A\n               PCI\\B\n"
    yield (block + "Compatible IDs:  PCI\\C\n\n").encode("utf-16")
    yield b"PCI\\A\\1\n    Name: x\n    Hardware ID's:\n        PCI\\A\n    Compatible ID's:\n        PCI\\B\n"
    yield b"Node,CompatibleID,DeviceID,HardwareID\r\r\nA,{PCI\\C;PCI\\D},PCI\\A\\1,{PCI\\A;PCI\\B}\r\r\n"
    yield b'[{"Name": "x", "HardwareID": ["PCI\\\\A"], "CompatibleID": null, "DeviceID": "PCI\\\\A\\\\1"}]'
    hive = new_hive("SYSTEM")
    hive.root.ensure("Select").set(Value.dword("Default", 1))
    device = hive.root.ensure("ControlSet001\\Enum\\PCI\\VEN_1&DEV_2\\3&1")
    device.set(Value.multi_string("HardwareID", ("PCI\\VEN_1&DEV_2&REV_03", "PCI\\VEN_1&DEV_2")))
    device.set(Value.string("DeviceDesc", "@oem1.inf,%name%;Name"))
    yield write_hive(hive)
    yield b"<MsInfo><Category><Data><a>x</a><b>PCI\\VEN_1&amp;DEV_2\\3</b></Data></Category></MsInfo>"


TARGETS = (Target("device-listing", _listing, _listing_seeds),)
