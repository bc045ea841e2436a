r"""The MAC addresses of the network adapters of a Windows, as far as its registry tells them.

Windows 10 and later keep them: ``PermanentAddress`` of ``Control\NetworkSetup2\Interfaces\{GUID}\Kernel``.  Before,
two places lead to one, without being made for it:

* A PCI Express adapter with a serial number has that at the end of its instance id, such as ``000C29FFFFF3FFDE00``:
  an EUI-64 that was made of a MAC address, with FFFF in its middle, and the number of its function, of which only the
  first has that address.
* ``Dhcpv6DUID`` of type 1 (RFC 8415, section 11.2: DUID-LLT) ends with the MAC address of one adapter.  That is the one
  whose ``Dhcpv6Iaid`` begins, in the order of its bytes, with the same three, when just one does.  It stays when that
  adapter is taken out or the computer is copied.

All three agree in a Windows 10 1709 of VMware, the first and the third in a Windows 10 of Dell, and the third holds in
a Windows 8.1 of VirtualBox; no document tells of them (hives of github.com/mkorman90/regipy).  ``NetworkAddress`` of
an adapter's driver, which is set by people, is another address, and not that of the adapter.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from osdimage.imaging.registry.hive import Key
from osdimage.imaging.registry.lookup import number_of

_MAC_BYTES = 6
_SETUP = r"Control\NetworkSetup2\Interfaces"
_TCPIP6 = r"Services\Tcpip6\Parameters"
_SERIAL = re.compile(r".*\\([0-9A-F]{6})FFFF([0-9A-F]{6})00", re.ASCII | re.IGNORECASE | re.DOTALL)
# RFC 8415, section 11.2: the type 1, the type 1 of hardware, which is Ethernet, four bytes of time, the address.
_DUID_LLT, _DUID_BYTES = b"\0\1\0\1", 14
_GROUP = 1


@dataclass(frozen=True, slots=True)
class MacAddress:
    """A MAC address.

    Attributes:
        digits: twelve hexadecimal digits.
        is_sure: whether it is that of the adapter; otherwise it may be that of one which was there before.
    """

    digits: str
    is_sure: bool = True


def mac_address(control: Key, guid: str, instance: str) -> MacAddress | None:
    """Return the MAC address of an adapter, or None when the registry does not lead to it.

    Args:
        control: the control set.
        guid: of the interface, in braces.
        instance: the id of the device.
    """
    kept = control.find(rf"{_SETUP}\{guid}\Kernel")
    value = None if kept is None else kept.value("PermanentAddress")
    if value is not None and _is_address(value.data):
        return MacAddress(value.data.hex().upper())
    by_serial, by_duid = _by_serial(instance), _by_duid(control, guid)
    if by_serial is not None and by_duid in {None, by_serial}:
        return MacAddress(by_serial)
    # Where they differ, nobody knows which is right.
    return None if by_duid is None or by_serial is not None else MacAddress(by_duid, is_sure=False)


def _by_serial(instance: str) -> str | None:
    match = _SERIAL.fullmatch(instance)
    if match is None or not instance.upper().startswith("PCI\\"):
        return None
    digits = (match[1] + match[2]).upper()
    return digits if _is_address(bytes.fromhex(digits)) else None


def _by_duid(control: Key, guid: str) -> str | None:
    parameters = control.find(_TCPIP6)
    value = None if parameters is None else parameters.value("Dhcpv6DUID")
    if parameters is None or value is None or len(value.data) != _DUID_BYTES or not value.data.startswith(_DUID_LLT):
        return None
    address = value.data[-_MAC_BYTES:]
    interfaces = parameters.child("Interfaces")
    alike = [] if interfaces is None else list(_of_vendor(interfaces.subkeys, address[:3]))
    if len(alike) != 1 or alike[0].lower() != guid.lower() or not _is_address(address):
        return None
    return address.hex().upper()


def _of_vendor(interfaces: Iterable[Key], vendor: bytes) -> Iterable[str]:
    for each in interfaces:
        number = number_of(each, "Dhcpv6Iaid")
        if number is not None and (number & 0xFFFFFF).to_bytes(3, "big") == vendor:
            yield each.name


def _is_address(data: bytes) -> bool:
    """Tell whether bytes may be the address of one adapter: no group's, and not nothing."""
    return len(data) == _MAC_BYTES and any(data) and not data[0] & _GROUP
