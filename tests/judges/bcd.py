"""What dissect.regf reads in a BCD store, decoded here and nowhere else.

The layout of a device element is that of stores that Windows wrote: 16 bytes of GUID, then a descriptor of which the
kind is at 10h, the partition at 20h, the kind of the table at 34h and the disk at 38h.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from judges.disk import missing

BOOTMGR = "{9dea862c-5cdd-4e70-acc1-f32b344d4795}"
_DEVICE, _OS_DEVICE, _DEFAULT = "11000001", "21000001", "23000003"
_PARTITION, _GPT, _MBR = 6, 0, 1


@dataclass(frozen=True, slots=True)
class GptDevice:
    """A partition of a disk with a GPT."""

    partition: UUID
    disk: UUID


@dataclass(frozen=True, slots=True)
class MbrDevice:
    """A partition of a disk with an MBR: where it begins in bytes, and the signature of the disk."""

    begin: int
    signature: int


@dataclass(frozen=True, slots=True)
class Store:
    """Where a store says that the boot manager and the Windows that starts by default are."""

    system: GptDevice | MbrDevice
    windows: GptDevice | MbrDevice


def read_store(path: Path) -> Store:
    """Read a store."""
    try:
        from dissect.regf import RegistryHive  # noqa: PLC0415 - a judge may be missing
    except ImportError:
        missing("dissect.regf is not installed")
    with path.open("rb") as stream:
        objects = RegistryHive(stream).root().subkey("Objects")
        chosen = _element(objects, BOOTMGR, _DEFAULT)
        device = _device(_element(objects, chosen, _DEVICE))
        assert _device(_element(objects, chosen, _OS_DEVICE)) == device
        return Store(_device(_element(objects, BOOTMGR, _DEVICE)), device)


def _element(objects: Any, guid: str, element: str) -> Any:
    return objects.subkey(guid).subkey("Elements").subkey(element).value("Element").value


def _device(data: bytes) -> GptDevice | MbrDevice:
    kind, _, size = struct.unpack_from("<3I", data, 0x10)
    assert (kind, size, len(data)) == (_PARTITION, 0x48, 0x58)
    (scheme,) = struct.unpack_from("<I", data, 0x34)
    if scheme == _GPT:
        return GptDevice(UUID(bytes_le=data[0x20:0x30]), UUID(bytes_le=data[0x38:0x48]))
    assert scheme == _MBR
    return MbrDevice(*struct.unpack_from("<Q", data, 0x20), *struct.unpack_from("<I", data, 0x38))
