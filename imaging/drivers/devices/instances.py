r"""Devices by the id of their instance, where a listing tells no more: ``PCI\VEN_8086&DEV_...&REV_21\3&11583659&0&A2``.

The instance is the last part; what is in front of it is the first hardware id of most devices (Microsoft, "Device
Instance IDs" and "Device IDs"), and of PCI and USB tells what the other ids are made of, but for the class.
"""

from __future__ import annotations

import re

from osdimage.imaging.drivers.devices.acpi import acpi_device
from osdimage.imaging.drivers.devices.device import Device
from osdimage.imaging.drivers.devices.listing import distinct
from osdimage.imaging.drivers.devices.pci import PciFunction, pci_device
from osdimage.imaging.drivers.target_os import TargetOs

INSTANCE = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,40}\\[^\\\s]{1,160}\\\S{1,200}", re.ASCII)
"""What an instance id looks like: a bus, a device on it, and an instance."""
CLASS_GUID = re.compile(r"\{[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\}", re.ASCII | re.IGNORECASE)

NO_IDS = (
    "the listing has ids of instances alone: compatible ids and classes of devices are not known; "
    "'pnputil /enum-devices /connected /ids' tells them"
)

_PCI = re.compile(
    r"PCI\\VEN_([0-9A-F]{4})&DEV_([0-9A-F]{4})&SUBSYS_([0-9A-F]{8})&REV_([0-9A-F]{2})", re.ASCII | re.IGNORECASE
)
_ACPI = re.compile(r"ACPI\\([A-Z0-9_]{7,8})", re.ASCII)
# The software of Windows makes these up: no driver is chosen by what they are called.
_MADE_UP = frozenset({"HTREE", "ROOT", "STORAGE", "SW", "SWD", "HKLM", "HKCU", "HKEY_LOCAL_MACHINE", "HKEY_USERS"})


def is_instance(text: str) -> bool:
    """Tell whether a text is the id of an instance of a device."""
    return INSTANCE.fullmatch(text) is not None and text.partition("\\")[0].upper() not in _MADE_UP


def instance_device(instance: str, os: TargetOs | None, name: str = "") -> Device:
    """Return the device of an instance, with the ids that its own tells."""
    own = instance.rpartition("\\")[0]
    if (found := _PCI.fullmatch(own)) is not None:
        vendor, device, subsystem, revision = (int(each, 16) for each in found.groups())
        return pci_device(PciFunction(vendor, device, subsystem, revision), os, name=name)
    if (found := _ACPI.fullmatch(own)) is not None:
        known = acpi_device([found[1]], os)
        return Device(name or known.name, known.hardware_ids)
    return Device(name or own, distinct([own]))
