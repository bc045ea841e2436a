r"""The devices that a Windows remembers: ``Enum`` of the control set with which it starts, in its hive SYSTEM.

``Enum\<bus>\<device>\<instance>`` has ``HardwareID`` and ``CompatibleIDs``, as Windows made them.  Devices that are no
longer there stay in it.
"""

from __future__ import annotations

from collections.abc import Iterator

from osdimage.imaging.drivers.devices.device import Device
from osdimage.imaging.drivers.devices.instances import CLASS_GUID
from osdimage.imaging.drivers.devices.listing import Collected, distinct
from osdimage.imaging.errors import InvalidInput, InvalidRequest
from osdimage.imaging.registry.edits import control_set
from osdimage.imaging.registry.hive import Hive, Key
from osdimage.imaging.registry.lookup import text_of, texts_of

_MADE_UP = frozenset({"htree", "root", "storage", "sw", "swd"})
"""Buses of what the software of Windows makes up, which the next Windows makes up again."""
_VALID = "valid is the hive SYSTEM of a Windows that ran"
REMEMBERED = "devices that were once there are listed, too: Windows remembers them"


def collect_enumerated(hive: Hive, collected: Collected) -> None:
    """Take in the devices of a hive SYSTEM.

    Raises:
        InvalidInput: when it is another hive.
    """
    try:
        current = control_set(hive)
    except InvalidRequest:
        # It names the keys that there are, whose names may hold anything.
        raise InvalidInput(rf"{collected.name}: does not say how Windows starts (Select\Default); {_VALID}") from None
    found = hive.root.find(rf"{current}\Enum")
    if found is None:
        raise InvalidInput(rf"{collected.name}: there is no \Enum in it; {_VALID}")
    for instance in _instances(found):
        hardware, compatible = distinct(texts_of(instance, "HardwareID")), distinct(texts_of(instance, "CompatibleIDs"))
        guid = text_of(instance, "ClassGUID") or ""
        known = guid.upper() if CLASS_GUID.fullmatch(guid) else None
        collected.add(Device(_name(instance), hardware, compatible, known))
    collected.warn(REMEMBERED)


def _instances(enumerated: Key) -> Iterator[Key]:
    for bus in enumerated.subkeys:
        if bus.name.casefold() not in _MADE_UP:
            for device in bus.subkeys:
                yield from device.subkeys


def _name(instance: Key) -> str:
    """Return what Windows calls a device: a name of its own, or what its INF says, behind ``@oem1.inf,%token%;``."""
    text = text_of(instance, "FriendlyName") or text_of(instance, "DeviceDesc") or ""
    return text.rpartition(";")[2] if text.startswith("@") else text
