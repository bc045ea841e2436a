"""The devices that a source holds, as they are collected."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import StrEnum

from osdimage.imaging.drivers.devices.device import Device
from osdimage.imaging.errors import InvalidInput

MAX_DEVICES = 20_000
"""More than any computer has, and the hive of an old one remembers; a larger listing is refused."""
MAX_IDS = 256
"""More than any bus reports of a device: what is beyond is left out."""
_ID = re.compile("[\x20-\x7e]{1,200}")
"""Windows stops at other characters, and at longer ones (Microsoft, "IRP_MN_QUERY_ID"; ``MAX_DEVICE_ID_LEN``)."""
_LONGEST_NAME = 200
_NO_NAME = re.compile("[\0-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


class DeviceSource(StrEnum):
    """What a listing of devices is; the value is what messages call it."""

    HOST = "this computer's /sys"
    SYSFS = "a copy of /sys"
    MODALIAS = "modalias lines"
    LSPCI = "text of lspci"
    PNPUTIL = "text of pnputil"
    DEVCON = "text of devcon"
    CSV = "CSV of Windows"
    JSON = "JSON of Windows"
    MSINFO = "a report of MSInfo32"
    HIVE = "the registry of a Windows"
    QEMU = "what QEMU and KVM offer"
    LIBVIRT = "a domain of libvirt"


@dataclass(frozen=True, slots=True)
class Devices:
    """The devices of a computer, and where they were read.

    Attributes:
        source: what messages call the listing: a path, or the name of a preset.
        kind: what it was recognised as.
        devices: each once, in the order of the listing.
        warnings: what the listing does not tell, and what that means; each is one sentence.
    """

    source: str
    kind: DeviceSource
    devices: tuple[Device, ...]
    warnings: tuple[str, ...] = ()


@dataclass(slots=True)
class Collected:
    """What a reader has found so far.

    Attributes:
        name: what messages call the listing.
        devices: by their ids, so that the same device is there once.
        warnings: each once, in their order.
    """

    name: str
    devices: dict[tuple[tuple[str, ...], tuple[str, ...]], Device] = field(default_factory=dict)
    warnings: dict[str, None] = field(default_factory=dict)

    def add(self, device: Device) -> None:
        """Take a device in, unless it has no ids, or one of the same ids is there.

        Raises:
            InvalidInput: when there are more than any computer has.
        """
        if not device.hardware_ids and not device.compatible_ids:
            return
        name = " ".join(_NO_NAME.sub(" ", device.name).split())[:_LONGEST_NAME]
        kept = replace(device, name=name or (*device.hardware_ids, *device.compatible_ids)[0])
        self.devices.setdefault((device.hardware_ids, device.compatible_ids), kept)
        if len(self.devices) > MAX_DEVICES:
            raise InvalidInput(f"{self.name} lists more than {MAX_DEVICES:,} devices; no computer has as many")

    def warn(self, text: str) -> None:
        """Say something once."""
        self.warnings.setdefault(text)

    def done(self, kind: DeviceSource) -> Devices:
        """Return what was found.

        Raises:
            InvalidInput: when there is no device.
        """
        if not self.devices:
            notes = "".join(f"; {each}" for each in self.warnings)
            raise InvalidInput(f"{self.name}, read as {kind.value}, holds no device that has ids{notes}")
        return Devices(self.name, kind, tuple(self.devices.values()), tuple(self.warnings))


def distinct(ids: Iterable[str]) -> tuple[str, ...]:
    """Return ids once each, whatever their case, in their order; without what no device can have."""
    found: dict[str, str] = {}
    for each in ids:
        if len(found) == MAX_IDS:
            break
        if _ID.fullmatch(each):
            found.setdefault(each.casefold(), each)
    return tuple(found.values())
