"""The devices that Linux shows in ``/sys``: those of this computer, or in a copy of another one's."""

from __future__ import annotations

import os as system
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from osdimage.imaging.drivers.devices.listing import Collected
from osdimage.imaging.drivers.devices.modalias import (
    NO_REVISION,
    other_device,
    pci_function,
    tell_left_out,
    usb_interface,
)
from osdimage.imaging.drivers.devices.pci import express_type, pci_device
from osdimage.imaging.drivers.devices.usb import UsbInterface, usb_devices
from osdimage.imaging.drivers.target_os import TargetOs
from osdimage.imaging.errors import InvalidInput, StorageError

_BUSES = ("pci", "usb", "acpi", "vmbus", "hdaudio", "sdio", "xen")
_MODALIAS = "modalias"
_DEEPEST = 40
_MOST_ENTRIES = 2_000_000
_MOST_BYTES = 4096
"""What the configuration space of a PCI Express device has, the largest file that is read here."""


def collect_sysfs(root: Path, collected: Collected, os: TargetOs | None) -> None:
    """Take in the devices of a ``/sys``, or of what was copied out of one.

    Raises:
        InvalidInput: when it has more entries than any ``/sys``.
        StorageError: when a folder cannot be read.
    """
    interfaces: dict[object, list[UsbInterface]] = defaultdict(list)
    for folder in _folders(root):
        line = _text(folder / _MODALIAS)
        revision = _number(folder / "revision")
        if (function := pci_function(line, revision, express_type(_read(folder / "config") or b""))) is not None:
            collected.add(pci_device(function, os))
            if revision is None:
                collected.warn(NO_REVISION)
        elif (interface := usb_interface(line)) is not None:
            # All interfaces of a device are named after it: 1-4:1.0, 1-4:1.1.
            if not _belongs_to_another(folder, interface):
                interfaces[str(folder).rpartition(":")[0], interface.of_device].append(interface)
        elif (device := other_device(line, os)) is not None:
            collected.add(device)
        else:
            tell_left_out(line, collected)
    for each in interfaces.values():
        for device in usb_devices(each):
            collected.add(device)


def _belongs_to_another(folder: Path, interface: UsbInterface) -> bool:
    """Tell whether an interface is part of a function that another one, the first of it, stands for."""
    first = _number(folder / "iad_bFirstInterface")
    return first is not None and first != interface.number


def _folders(root: Path) -> Iterator[Path]:
    """Yield the folders of devices: by their buses where these are there, else wherever there is a modalias."""
    top = root / "sys" if (root / "sys" / "bus").is_dir() else root
    by_bus = [top / "bus" / bus / "devices" for bus in _BUSES]
    found = False
    for each in by_bus:
        if each.is_dir():
            for name in sorted(_names(each)):
                if (each / name / _MODALIAS).is_file():
                    found = True
                    yield each / name
    if not found:
        yield from _walk(root)


def _names(folder: Path) -> list[str]:
    try:
        return [each.name for each in folder.iterdir()]
    except OSError as error:
        raise StorageError(f"{folder}: {error.strerror}", path=folder, errno=error.errno) from error


def _walk(root: Path) -> Iterator[Path]:
    """Yield every folder with a modalias; links are not followed, which go round in circles in a ``/sys``."""
    waiting, entries = [(root, 0)], 0
    while waiting:
        folder, depth = waiting.pop()
        below: list[Path] = []
        for name in sorted(_names(folder)):
            entries += 1
            if entries > _MOST_ENTRIES or depth > _DEEPEST:
                raise InvalidInput(f"{root} is larger or deeper than any /sys; valid is a copy of one")
            path = folder / name
            if name == _MODALIAS:
                yield folder
            elif path.is_dir() and not path.is_symlink():
                below.append(path)
        waiting += [(each, depth + 1) for each in reversed(below)]


def _read(path: Path) -> bytes | None:
    """Return the first bytes of a file of /sys, or None when it is not there or cannot be read."""
    try:
        # Not to wait for a pipe that a copy may hold.
        descriptor = system.open(path, system.O_RDONLY | system.O_NONBLOCK | system.O_CLOEXEC)
    except OSError:
        return None
    try:
        return system.read(descriptor, _MOST_BYTES)
    except OSError:
        return None
    finally:
        system.close(descriptor)


def _text(path: Path) -> str:
    """Return the text of a file of /sys; empty where there is none.  A copy that tar made has NULs behind it."""
    return (_read(path) or b"").rstrip(b"\0").decode("ascii", "replace").strip()


def _number(path: Path) -> int | None:
    """Return the number that a file of /sys holds, in hexadecimal with or without 0x."""
    try:
        return int(_text(path), 16)
    except ValueError:
        return None
