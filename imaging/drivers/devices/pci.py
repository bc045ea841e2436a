r"""Ids that Windows gives to what is on a PCI bus.

Source: Microsoft, "Identifiers for PCI devices" (windows-driver-docs, ``install/identifiers-for-pci-devices.md``), with
six formats of hardware ids.  Which of them a device has is in no document, but in listings: the two without a subsystem
and without a class (``VEN&DEV&REV`` and ``VEN&DEV``) are hardware ids of a device that has no subsystem (the log of a
Windows 5.2 for VirtualBox's ``SUBSYS_00000000``), and compatible ids of others (Microsoft's "DevCon Examples", and
pnputil of Windows 10).  From Windows 10 on they are compatible ids alone: the page says that some moved, and issue 1153
of that repository says which.
"""

from __future__ import annotations

from dataclasses import dataclass

from osdimage.imaging.drivers.devices.device import Device
from osdimage.imaging.drivers.devices.listing import distinct
from osdimage.imaging.drivers.target_os import TargetOs

_FIRST_WITH_SHORT_LIST = (10, 0)
"""The first Windows whose hardware ids all have a subsystem or a class."""
_EXPRESS_CAPABILITY = 0x10
_HEADER_BYTES = 64
_STATUS_HAS_CAPABILITIES = 0x10


@dataclass(frozen=True, slots=True)
class PciFunction:
    """A function of a PCI device, as far as its source tells.  Ids with parts that are not known are left out.

    Attributes:
        vendor: 16 bits.
        device: 16 bits.
        subsystem: the subsystem's own number (high 16 bits) and its vendor (low 16 bits); 0 where it has none; None
            when it is not known.
        revision: 8 bits, or None when it is not known.
        device_class: base class and subclass, 16 bits, or None when it is not known.
        interface: of the class, 8 bits, or None when it is not known.
        express_type: the type of a PCI Express device, 4 bits; None when it is none, or when that is not known.
    """

    vendor: int
    device: int
    subsystem: int | None = None
    revision: int | None = None
    device_class: int | None = None
    interface: int | None = None
    express_type: int | None = None


def pci_device(function: PciFunction, os: TargetOs | None = None, *, name: str = "") -> Device:
    """Return the device that Windows makes of a function; without ``os`` as Windows 10 and later do."""
    bare = _bare(function)
    is_long = os is not None and os.version < _FIRST_WITH_SHORT_LIST and function.subsystem == 0
    hardware = [*_with_subsystem(function), *(bare if is_long else ()), *_with_class(f"{bare[-1]}&", function)]
    compatible = [*(() if is_long else bare), *_with_class(f"PCI\\VEN_{function.vendor:04X}&", function)]
    compatible += [f"PCI\\VEN_{function.vendor:04X}", *_class_alone(function)]
    # Where nothing but vendor and device is known, no hardware id would be left.
    hardware = hardware or bare
    return Device(name or hardware[0], distinct(hardware), distinct(compatible))


def express_type(config: bytes) -> int | None:
    """Return the type that a configuration space has in its PCI Express capability, or None when there is none.

    Linux gives others than root the first 64 bytes alone, which hold no capability.
    """
    if len(config) < _HEADER_BYTES or not config[0x06] & _STATUS_HAS_CAPABILITIES:
        return None
    # Byte 0x34 is where the list begins in a function and in a bridge to PCI (PCI Local Bus 3.0, section 6.7).
    at = config[0x34] & 0xFC
    for _ in range(len(config) // 4):
        if at < _HEADER_BYTES or at + 4 > len(config):
            return None
        if config[at] == _EXPRESS_CAPABILITY:
            return config[at + 2] >> 4
        at = config[at + 1] & 0xFC
    return None


def _bare(function: PciFunction) -> list[str]:
    bare = f"PCI\\VEN_{function.vendor:04X}&DEV_{function.device:04X}"
    return [bare] if function.revision is None else [f"{bare}&REV_{function.revision:02X}", bare]


def _with_subsystem(function: PciFunction) -> list[str]:
    if function.subsystem is None:
        return []
    whole = f"PCI\\VEN_{function.vendor:04X}&DEV_{function.device:04X}&SUBSYS_{function.subsystem:08X}"
    return [whole] if function.revision is None else [f"{whole}&REV_{function.revision:02X}", whole]


def _with_class(front: str, function: PciFunction) -> list[str]:
    if function.device_class is None:
        return []
    short = f"{front}CC_{function.device_class:04X}"
    return [short] if function.interface is None else [f"{short}{function.interface:02X}", short]


def _class_alone(function: PciFunction) -> list[str]:
    plain = _with_class("PCI\\", function)
    if function.express_type is None:
        return plain
    # The page says "four-character device type"; listings of Windows have one, such as PCI\\CC_060400&DT_4.
    return [form for each in plain for form in (f"{each}&DT_{function.express_type:X}", each)]
