r"""Ids that Windows gives to what is on a USB.

Source: Microsoft, "Standard USB identifiers" (windows-driver-docs, ``install/standard-usb-identifiers.md``).  That an
interface also has an id with its revision in front of its number is common in listings, and in no document.
"""

from __future__ import annotations

from dataclasses import dataclass

from osdimage.imaging.drivers.devices.device import Device
from osdimage.imaging.drivers.devices.listing import distinct

_PER_INTERFACE = (0x00, 0x00, 0x00)
_ASSOCIATED = (0xEF, 0x02, 0x01)
"""Miscellaneous, common, interface association: what a device with functions of several interfaces says of itself."""


@dataclass(frozen=True, slots=True)
class UsbInterface:
    """An interface of a USB device.

    Attributes:
        vendor: 16 bits.
        product: 16 bits.
        revision: bcdDevice, 16 bits, or None when it is not known.
        device_class: class, subclass and protocol of the whole device.
        interface_class: class, subclass and protocol of the interface.
        number: bInterfaceNumber.
    """

    vendor: int
    product: int
    revision: int | None
    device_class: tuple[int, int, int]
    interface_class: tuple[int, int, int]
    number: int

    @property
    def of_device(self) -> tuple[int, int, int | None, tuple[int, int, int]]:
        """What is the same in all interfaces of a device."""
        return self.vendor, self.product, self.revision, self.device_class

    @property
    def may_share_function(self) -> bool:
        """Whether its device says that some functions have several interfaces."""
        return self.device_class == _ASSOCIATED


def usb_devices(interfaces: list[UsbInterface]) -> list[Device]:
    """Return what Windows makes of the interfaces of one device: the device, and each function of a composite one."""
    first = interfaces[0]
    of_device = first.device_class
    numbers = {each.number for each in interfaces}
    if len(numbers) == 1 or of_device not in {_PER_INTERFACE, _ASSOCIATED}:
        # What a device with one interface leaves to that is what Windows knows it by.
        known_by = first.interface_class if of_device == _PER_INTERFACE else of_device
        return [_device(first, "", known_by)]
    composite = _device(first, "", of_device, "USB\\COMPOSITE")
    functions = {each.number: _device(each, f"&MI_{each.number:02X}", each.interface_class) for each in interfaces}
    return [composite, *(functions[each] for each in sorted(functions))]


def _device(of: UsbInterface, behind: str, known_by: tuple[int, int, int], *more: str) -> Device:
    bare = f"USB\\VID_{of.vendor:04X}&PID_{of.product:04X}"
    hardware = [bare + behind]
    if of.revision is not None:
        hardware.insert(0, f"{bare}&REV_{of.revision:04X}{behind}")
    kind, sub, protocol = known_by
    compatible = [
        f"USB\\Class_{kind:02X}&SubClass_{sub:02X}&Prot_{protocol:02X}",
        f"USB\\Class_{kind:02X}&SubClass_{sub:02X}",
        f"USB\\Class_{kind:02X}",
        *more,
    ]
    return Device(hardware[0], distinct(hardware), distinct(compatible))
