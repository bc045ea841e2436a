"""Device elements of a BCD store: which partition, or which file of one, an entry is about.

A device element is the GUID of an object with options (zero without one) and a descriptor.  Names: ReactOS,
boot/environ/include/bl.h (BL_DEVICE_DESCRIPTOR, BL_LOCAL_DEVICE, BL_FILE_PATH_DESCRIPTOR); the bytes of a partition of
a GPT and of a ramdisk were compared with a store that Windows 10 wrote, those of ``boot``, of a virtual disk and of
"locate" with stores that bcdedit wrote, those of a partition of an MBR with a published dump.  What is not understood
to the last byte is kept as it is, as :class:`RawDevice`.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from uuid import UUID

import construct as c
from osdimage.imaging.boot.bcd.partition import NO_NAMES, Names, PartitionRef
from osdimage.imaging.disk.roles import Scheme

# ---- declarations ----

DESCRIPTOR_STRUCT = c.Struct(
    "DeviceType" / c.Int32ul,
    "Flags" / c.Int32ul,
    # Of the descriptor: these 16 bytes and what follows.
    "Size" / c.Int32ul,
    "Unknown" / c.Int32ul,
)

PARTITION_STRUCT = c.Struct(
    # GPT: the GUID of the partition.  MBR: its offset in bytes, 64 bits.
    "Partition" / c.Bytes(16),
    "LocalType" / c.Int32ul,
    "Scheme" / c.Int32ul,
    # GPT: the GUID of the disk.  MBR: its signature, 32 bits.
    "Disk" / c.Bytes(16),
    "Padding" / c.Bytes(16),
)

RAMDISK_STRUCT = c.Struct("Base" / c.Int64ul, "Size" / c.Int64ul, "Offset" / c.Int32ul)

PATH_STRUCT = c.Struct("Version" / c.Int32ul, "Length" / c.Int32ul, "PathType" / c.Int32ul)

LOCATE_STRUCT = c.Struct("Mode" / c.Int32ul, "Element" / c.Int32ul, "ParentOffset" / c.Int32ul)

# ---- behaviour ----

_LOCAL, _BOOT, _PARTITION, _LOCATE = 0, 5, 6, 8
_LOCAL_DISK, _LOCAL_RAMDISK, _LOCAL_FILE, _LOCAL_VIRTUAL_DISK = 0, 3, 5, 6
_SCHEMES = {Scheme.GPT: 0, Scheme.MBR: 1}
_OPTIONED = 1
"""Flag of a descriptor that has an object with options."""
_DESCRIPTOR_BYTES = 16
_PLAIN_BODY_BYTES = 56
_PATH_HEADER_BYTES = 12
_PATH_VERSION = 1
_PATH_DEVICE = 5
"""A path that begins with the descriptor of the device it is on."""
_VIRTUAL_DISK_BYTES = 20
_MAX_NESTING = 4
_NO_OPTIONS = UUID(int=0)


@dataclass(frozen=True, slots=True)
class BootDevice:
    """The partition that the boot manager itself was started from."""


@dataclass(frozen=True, slots=True)
class PartitionDevice:
    """A partition."""

    ref: PartitionRef


@dataclass(frozen=True, slots=True)
class FileDevice:
    """A file as a device, such as a disk image.

    Attributes:
        path: the file, from the root of the device it is on.
        parent: that device.
    """

    path: str
    parent: Device


@dataclass(frozen=True, slots=True)
class RamdiskDevice:
    """A WIM that is started from memory.  Where it is in memory stays open: the boot manager decides.

    Attributes:
        path: the WIM, from the root of the device it is on.
        parent: that device.
    """

    path: str
    parent: Device


@dataclass(frozen=True, slots=True)
class VirtualDiskDevice:
    """The partition with Windows inside a VHD.

    Attributes:
        file: the VHD.
    """

    file: Device


@dataclass(frozen=True, slots=True)
class LocateDevice:
    """Whatever partition holds the file that another element of the same object names.

    Attributes:
        mode: how it is looked for; 0: by an element.
        element: the element.
        path: a path besides it, mostly empty.
        parent: where it is looked for; None: everywhere.
    """

    mode: int
    element: int
    path: str
    parent: Device | None


@dataclass(frozen=True, slots=True)
class RawDevice:
    """A descriptor of a kind that is not understood here, as it is."""

    descriptor: bytes


Device = BootDevice | PartitionDevice | FileDevice | RamdiskDevice | VirtualDiskDevice | LocateDevice | RawDevice


@dataclass(frozen=True, slots=True)
class DeviceElement:
    """A device and the object that holds options for it, such as the SDI file of a ramdisk."""

    device: Device
    options: UUID | None = None

    def to_bytes(self) -> bytes:
        """Return the element's value."""
        return (self.options or _NO_OPTIONS).bytes_le + _build(self.device, with_options=self.options is not None)

    @classmethod
    def parse(cls, data: bytes) -> DeviceElement | None:
        """Read an element's value; None when it is too short for one.

        What would not be written again byte for byte comes back as a :class:`RawDevice`.
        """
        if len(data) < 16 + _DESCRIPTOR_BYTES:
            return None
        guid = UUID(bytes_le=data[:16])
        options = guid if guid != _NO_OPTIONS else None
        device = _parse(data[16:], 0)
        element = cls(device, options) if device is not None else None
        if element is not None and element.to_bytes() == data:
            return element
        return cls(RawDevice(data[16:]), options)


def plain(ref: PartitionRef) -> DeviceElement:
    """Return the element of a partition."""
    return DeviceElement(PartitionDevice(ref))


def describe(device: Device | None, called: Names = NO_NAMES) -> str:
    """Tell people what a device is; ``called`` has the partitions that have a better name than their table's."""
    match device:
        case BootDevice():
            return "the partition that the boot manager was started from"
        case PartitionDevice(ref):
            return called.get(ref, str(ref))
        case RamdiskDevice(path, parent):
            return f"ramdisk of {path} on {describe(parent, called)}"
        case FileDevice(path, parent):
            return f"file {path} on {describe(parent, called)}"
        case VirtualDiskDevice(file):
            return f"virtual disk in {describe(file, called)}"
        case LocateDevice(element=element, parent=parent):
            inside = f" on {describe(parent, called)}" if parent is not None else ""
            return f"the partition that holds the file of element {element:08x}{inside}"
        case RawDevice(descriptor):
            return f"a device of an unknown kind ({len(descriptor)} bytes)"
        case None:
            return "nothing"


def replace_partitions(device: Device, changes: dict[PartitionRef, PartitionRef]) -> Device:
    """Return the device with each partition in it replaced that is a key of ``changes``."""
    match device:
        case PartitionDevice(ref):
            return PartitionDevice(changes.get(ref, ref))
        case RamdiskDevice(path, parent):
            return RamdiskDevice(path, replace_partitions(parent, changes))
        case FileDevice(path, parent):
            return FileDevice(path, replace_partitions(parent, changes))
        case VirtualDiskDevice(file):
            return VirtualDiskDevice(replace_partitions(file, changes))
        case LocateDevice(mode, element, path, parent) if parent is not None:
            return LocateDevice(mode, element, path, replace_partitions(parent, changes))
    return device


def partition_of(device: Device) -> PartitionRef | None:
    """Return the partition that a device is or is on, or None."""
    match device:
        case PartitionDevice(ref):
            return ref
        case RamdiskDevice(parent=inner) | FileDevice(parent=inner) | VirtualDiskDevice(file=inner):
            return partition_of(inner)
        case LocateDevice(parent=parent) if parent is not None:
            return partition_of(parent)
    return None


def outer_path(device: Device) -> str | None:
    """Return the file that a device is in, from the root of its partition; None for a partition."""
    match device:
        case VirtualDiskDevice(file):
            return outer_path(file)
        case RamdiskDevice(path, parent) | FileDevice(path, parent):
            return outer_path(parent) or path
    return None


# ---- bytes


def _descriptor(kind: int, body: bytes, flags: int = 0) -> bytes:
    head: bytes = DESCRIPTOR_STRUCT.build(
        {"DeviceType": kind, "Flags": flags, "Size": _DESCRIPTOR_BYTES + len(body), "Unknown": 0}
    )
    return head + body


def _build(device: Device, *, with_options: bool = False) -> bytes:
    flags = _OPTIONED if with_options else 0
    match device:
        case BootDevice():
            return _descriptor(_BOOT, bytes(_PLAIN_BODY_BYTES), flags)
        case PartitionDevice(ref):
            return _descriptor(_PARTITION, _build_partition(ref), flags)
        case RamdiskDevice(path, parent):
            place: bytes = RAMDISK_STRUCT.build({"Base": 0, "Size": 0, "Offset": 0})
            return _descriptor(_LOCAL, _local(_LOCAL_RAMDISK) + place + _build_path(path, parent), flags)
        case FileDevice(path, parent):
            return _descriptor(_LOCAL, _local(_LOCAL_FILE) + _build_path(path, parent), flags)
        case VirtualDiskDevice(file):
            body = _local(_LOCAL_VIRTUAL_DISK) + bytes(_VIRTUAL_DISK_BYTES) + _build(file)
            return _descriptor(_LOCAL, body, flags)
        case LocateDevice():
            return _descriptor(_LOCATE, _build_locate(device), flags)
        case RawDevice(descriptor):
            return descriptor


def _local(kind: int) -> bytes:
    return struct.pack("<I", kind)


def _build_partition(ref: PartitionRef) -> bytes:
    def field(identity: UUID | int) -> bytes:
        return identity.bytes_le if isinstance(identity, UUID) else identity.to_bytes(16, "little")

    body: bytes = PARTITION_STRUCT.build(
        {
            "Partition": field(ref.partition),
            "LocalType": _LOCAL_DISK,
            "Scheme": _SCHEMES[ref.scheme],
            "Disk": field(ref.disk),
            "Padding": bytes(16),
        }
    )
    return body


def _build_path(path: str, parent: Device) -> bytes:
    inner = _build(parent) + _text(path)
    head: bytes = PATH_STRUCT.build(
        {"Version": _PATH_VERSION, "Length": _PATH_HEADER_BYTES + len(inner), "PathType": _PATH_DEVICE}
    )
    return head + inner


def _build_locate(device: LocateDevice) -> bytes:
    path = _text(device.path)
    parent = _build(device.parent) if device.parent is not None else b""
    offset = _DESCRIPTOR_BYTES + LOCATE_STRUCT.sizeof() + len(path) if parent else 0
    head: bytes = LOCATE_STRUCT.build({"Mode": device.mode, "Element": device.element, "ParentOffset": offset})
    return head + path + parent


def _text(path: str) -> bytes:
    return (path + "\0").encode("utf-16-le", "surrogatepass")


def _read_text(data: bytes) -> str | None:
    """Return the text that fills the data up to its NUL, or None."""
    text = data[: len(data) & ~1].decode("utf-16-le", "surrogatepass").rstrip("\0")
    return None if "\0" in text else text


def _parse(data: bytes, depth: int) -> Device | None:
    """Read a descriptor that begins the data; None when it is of another kind or nested too deep."""
    if len(data) < _DESCRIPTOR_BYTES or depth > _MAX_NESTING:
        return None
    head = DESCRIPTOR_STRUCT.parse(data)
    if not _DESCRIPTOR_BYTES <= head.Size <= len(data):
        return None
    body = data[_DESCRIPTOR_BYTES : head.Size]
    match head.DeviceType:
        case 5:
            return BootDevice()
        case 6:
            return _parse_partition(body)
        case 0:
            return _parse_local(body, depth)
        case 8:
            return _parse_locate(body, depth)
    return None


def _parse_partition(body: bytes) -> Device | None:
    if len(body) != _PLAIN_BODY_BYTES:
        return None
    raw = PARTITION_STRUCT.parse(body)
    if raw.Scheme == _SCHEMES[Scheme.GPT]:
        return PartitionDevice(PartitionRef.gpt(UUID(bytes_le=raw.Disk), UUID(bytes_le=raw.Partition)))
    if raw.Scheme == _SCHEMES[Scheme.MBR]:
        signature, offset = struct.unpack_from("<I", raw.Disk)[0], struct.unpack_from("<Q", raw.Partition)[0]
        return PartitionDevice(PartitionRef.mbr(signature, offset))
    return None


def _parse_local(body: bytes, depth: int) -> Device | None:
    if len(body) < 4:
        return None
    (kind,) = struct.unpack_from("<I", body)
    if kind == _LOCAL_VIRTUAL_DISK:
        file = _parse(body[4 + _VIRTUAL_DISK_BYTES :], depth + 1)
        return VirtualDiskDevice(file) if file is not None else None
    if kind == _LOCAL_RAMDISK:
        found = _parse_path(body[4 + RAMDISK_STRUCT.sizeof() :], depth)
        return RamdiskDevice(*found) if found is not None else None
    if kind == _LOCAL_FILE:
        found = _parse_path(body[4:], depth)
        return FileDevice(*found) if found is not None else None
    return None


def _parse_path(data: bytes, depth: int) -> tuple[str, Device] | None:
    """Read a path that begins with a device."""
    if len(data) < _PATH_HEADER_BYTES:
        return None
    head = PATH_STRUCT.parse(data)
    inner = data[_PATH_HEADER_BYTES : head.Length]
    parent = _parse(inner, depth + 1)
    if head.PathType != _PATH_DEVICE or parent is None:
        return None
    path = _read_text(inner[DESCRIPTOR_STRUCT.parse(inner).Size :])
    return None if path is None else (path, parent)


def _parse_locate(body: bytes, depth: int) -> Device | None:
    if len(body) < LOCATE_STRUCT.sizeof():
        return None
    head = LOCATE_STRUCT.parse(body)
    start = LOCATE_STRUCT.sizeof()
    end = head.ParentOffset - _DESCRIPTOR_BYTES if head.ParentOffset else len(body)
    path = _read_text(body[start:end]) if start <= end <= len(body) else None
    if path is None:
        return None
    parent = _parse(body[end:], depth + 1) if head.ParentOffset else None
    if head.ParentOffset and parent is None:
        return None
    return LocateDevice(head.Mode, head.Element, path, parent)
