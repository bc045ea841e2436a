"""What Linux calls a device: the line of the file ``modalias``.

Formats: ``file2alias.c`` of Linux (``do_pci_entry``, ``do_usb_entry``, ``do_acpi_entry``, ``do_vmbus_entry``), which
writes what modules are chosen by.
"""

from __future__ import annotations

import re
import uuid
from collections import defaultdict
from collections.abc import Iterable

from osdimage.imaging.drivers.devices.acpi import acpi_device
from osdimage.imaging.drivers.devices.device import Device
from osdimage.imaging.drivers.devices.listing import Collected
from osdimage.imaging.drivers.devices.pci import PciFunction, pci_device
from osdimage.imaging.drivers.devices.usb import UsbInterface, usb_devices
from osdimage.imaging.drivers.target_os import TargetOs

_HEX8, _HEX4, _HEX2 = "([0-9A-F]{8})", "([0-9A-F]{4})", "([0-9A-F]{2})"
_PCI = re.compile(f"pci:v{_HEX8}d{_HEX8}sv{_HEX8}sd{_HEX8}bc{_HEX2}sc{_HEX2}i{_HEX2}", re.ASCII | re.IGNORECASE)
_USB = re.compile(
    f"usb:v{_HEX4}p{_HEX4}d{_HEX4}dc{_HEX2}dsc{_HEX2}dp{_HEX2}ic{_HEX2}isc{_HEX2}ip{_HEX2}in{_HEX2}",
    re.ASCII | re.IGNORECASE,
)
_ACPI = re.compile(r"acpi:((?:[A-Za-z0-9_]{1,40}:){1,32})", re.ASCII)
_VMBUS = re.compile("vmbus:([0-9a-f]{32})", re.ASCII)
LINE = re.compile(r"[a-z][a-z0-9_-]{1,30}:\S{0,2000}", re.ASCII)
"""What any line of a modalias looks like."""

_OF_LINUX = "LNX"
"""What Linux calls objects of ACPI that have no id of their own; Windows has other names for them."""
_ROOT_HUB = 0x1D6B
"""The vendor of the root hubs that Linux makes up."""
_LEFT_OUT = {"hdaudio": "sound codecs", "sdio": "SDIO cards", "xen": "devices of Xen"}

NO_REVISION = (
    "a modalias has no revision: ids with REV_ are left out, and a driver for one revision alone is not found; "
    "a copy of /sys has it"
)
_ALL_INTERFACES = (
    "a modalias does not tell which interfaces of a USB device share a function: each is listed on its own; a copy of "
    "/sys tells it"
)


def pci_function(line: str, revision: int | None = None, express: int | None = None) -> PciFunction | None:
    """Return the function that a line of a PCI device names, or None when it is another line."""
    found = _PCI.fullmatch(line)
    if found is None:
        return None
    vendor, device, sub_vendor, sub_device, base, sub, interface = (int(each, 16) for each in found.groups())
    # Linux has 32 bits for each; those above 16 are for its own wildcards.
    subsystem = (sub_device & 0xFFFF) << 16 | sub_vendor & 0xFFFF
    return PciFunction(vendor & 0xFFFF, device & 0xFFFF, subsystem, revision, base << 8 | sub, interface, express)


def usb_interface(line: str) -> UsbInterface | None:
    """Return the interface that a line of a USB names, or None when it is another line, or a root hub of Linux."""
    found = _USB.fullmatch(line)
    if found is None:
        return None
    vendor, product, revision, *rest = (int(each, 16) for each in found.groups())
    if vendor == _ROOT_HUB:
        return None
    device_class, interface_class = (rest[0], rest[1], rest[2]), (rest[3], rest[4], rest[5])
    return UsbInterface(vendor, product, revision, device_class, interface_class, rest[6])


def other_device(line: str, os: TargetOs | None) -> Device | None:
    """Return the device of a line of ACPI or of Hyper-V, or None when it is another line."""
    if (found := _ACPI.fullmatch(line)) is not None:
        ids = [each for each in found[1].split(":") if each and not each.startswith(_OF_LINUX)]
        return acpi_device(ids, os) if ids else None
    if (found := _VMBUS.fullmatch(line)) is not None:
        # The bytes are those of the GUID in memory, whose first three numbers are little-endian.
        name = f"VMBUS\\{{{uuid.UUID(bytes_le=bytes.fromhex(found[1]))}}}"
        return Device(name, (name,))
    return None


def collect_lines(lines: Iterable[str], collected: Collected, os: TargetOs | None) -> None:
    """Take in the devices that lines name; lines of buses that Windows knows otherwise are left out."""
    interfaces: dict[object, list[UsbInterface]] = defaultdict(list)
    for line in lines:
        if (function := pci_function(line)) is not None:
            collected.add(pci_device(function, os))
            collected.warn(NO_REVISION)
        elif (interface := usb_interface(line)) is not None:
            interfaces[interface.of_device].append(interface)
        elif (device := other_device(line, os)) is not None:
            collected.add(device)
        else:
            tell_left_out(line, collected)
    for each in interfaces.values():
        devices = usb_devices(each)
        if len(devices) > 1 and each[0].may_share_function:
            collected.warn(_ALL_INTERFACES)
        for device in devices:
            collected.add(device)


def tell_left_out(line: str, collected: Collected) -> None:
    """Say of a device that Windows knows too, but by ids that Linux does not tell, that it is left out."""
    what = _LEFT_OUT.get(line.partition(":")[0])
    if what is not None:
        collected.warn(f"{what} are left out: only listings made by Windows have their ids")
