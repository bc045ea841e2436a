"""Elements of a BCD store: what an object says, one value each.

The number of an element is its class (4 bits), its format (4 bits) and its subtype; the format decides which registry
value holds it ("BCD Elements", learn.microsoft.com/previous-versions/windows/desktop/bcd).  Names are those of bcdedit.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from uuid import UUID

from osdimage.imaging.boot.bcd.devices import DeviceElement, describe
from osdimage.imaging.boot.bcd.partition import NO_NAMES, Names
from osdimage.imaging.errors import InvalidInput, InvalidRequest
from osdimage.imaging.registry.values import Value, ValueType


class Format(IntEnum):
    """What an element holds."""

    DEVICE = 1
    STRING = 2
    OBJECT = 3
    OBJECT_LIST = 4
    INTEGER = 5
    BOOLEAN = 6
    INTEGER_LIST = 7


Content = DeviceElement | str | UUID | tuple[UUID, ...] | int | bool | tuple[int, ...] | bytes
"""What an element holds: by its format, or bytes for what does not fit its format."""

VALUE_NAME = "Element"


class Id(IntEnum):
    """Elements that are written here."""

    DEVICE = 0x11000001
    PATH = 0x12000002
    DESCRIPTION = 0x12000004
    LOCALE = 0x12000005
    INHERIT = 0x14000006
    RECOVERY_SEQUENCE = 0x14000008
    DEBUG_TYPE = 0x15000011
    DISPLAY_MESSAGE = 0x15000065
    RECOVERY_ENABLED = 0x16000009
    BAD_MEMORY_ALLOWED = 0x1600000B
    EMS_ENABLED = 0x16000020
    ISOLATED_CONTEXT = 0x16000060
    ALLOWED_SETTINGS = 0x17000077
    OS_DEVICE = 0x21000001
    FILE_PATH = 0x22000002
    DEFAULT = 0x23000003
    RESUME_OF_MANAGER = 0x23000006
    DISPLAY_ORDER = 0x24000001
    TOOLS_ORDER = 0x24000010
    TIMEOUT = 0x25000004
    RESUME_EXIT = 0x25000008
    NX = 0x25000020
    BOOT_MENU_POLICY = 0x250000C2
    HYPERVISOR_DEBUG_TYPE = 0x250000F3
    HYPERVISOR_DEBUG_PORT = 0x250000F4
    HYPERVISOR_BAUD_RATE = 0x250000F5
    DEBUG_OPTION = 0x26000006
    DETECT_HAL = 0x26000010
    WINPE = 0x26000022
    SDI_DEVICE = 0x31000003
    SDI_PATH = 0x32000004
    TFTP_BLOCK_SIZE = 0x35000007
    TFTP_WINDOW_SIZE = 0x35000008
    CUSTOM_RECOVERY = 0x46000010


# A subtype of class 2 (application) means something else in a boot manager, a loader, and a resume application.
_LIBRARY = {
    0x11000001: "device",
    0x12000002: "path",
    0x12000004: "description",
    0x12000005: "locale",
    0x14000006: "inherit",
    0x15000007: "truncatememory",
    0x14000008: "recoverysequence",
    0x16000009: "recoveryenabled",
    0x1700000A: "badmemorylist",
    0x1600000B: "badmemoryaccess",
    0x15000011: "debugtype",
    0x15000013: "debugport",
    0x15000014: "baudrate",
    0x16000020: "bootems",
    0x15000022: "emsport",
    0x15000023: "emsbaudrate",
    0x12000030: "loadoptions",
    0x16000040: "advancedoptions",
    0x16000041: "optionsedit",
    0x16000046: "graphicsmodedisabled",
    0x15000047: "configaccesspolicy",
    0x16000048: "nointegritychecks",
    0x16000049: "testsigning",
    0x16000054: "nobootuxtext",
    0x16000060: "isolatedcontext",
    0x15000065: "displaymessage",
    0x15000066: "displaymessageoverride",
    0x17000077: "allowedinmemorysettings",
    0x35000001: "ramdiskimageoffset",
    0x35000002: "ramdisktftpclientport",
    0x31000003: "ramdisksdidevice",
    0x32000004: "ramdisksdipath",
    0x35000005: "ramdiskimagelength",
    0x36000006: "exportascd",
    0x35000007: "ramdisktftpblocksize",
    0x35000008: "ramdisktftpwindowsize",
    0x36000009: "ramdiskmcenabled",
    0x3600000A: "ramdiskmctftpfallback",
    0x3600000B: "ramdisktftpvarwindow",
}
_MANAGER = {
    0x24000001: "displayorder",
    0x24000002: "bootsequence",
    0x23000003: "default",
    0x25000004: "timeout",
    0x26000005: "resume",
    0x23000006: "resumeobject",
    0x24000010: "toolsdisplayorder",
    0x26000020: "displaybootmenu",
}
_LOADER = {
    0x21000001: "osdevice",
    0x22000002: "systemroot",
    0x23000003: "resumeobject",
    0x26000010: "detecthal",
    0x25000020: "nx",
    0x25000021: "pae",
    0x26000022: "winpe",
    0x26000042: "usefirmwarepcisettings",
    0x26000043: "msi",
    0x25000080: "safeboot",
    0x250000C2: "bootmenupolicy",
    0x260000A0: "debug",
    0x260000B0: "ems",
    0x250000F3: "hypervisordebugtype",
    0x250000F4: "hypervisordebugport",
    0x250000F5: "hypervisorbaudrate",
}
_RESUME = {
    0x21000001: "filedevice",
    0x22000002: "filepath",
    0x26000006: "debugoptionenabled",
    0x25000008: "bootmenupolicy",
}
_BY_APPLICATION = {1: _MANAGER, 2: _MANAGER, 3: _LOADER, 4: _RESUME}


@dataclass(frozen=True, slots=True)
class Element:
    """One element of an object.

    Attributes:
        id: its number, such as 0x11000001.
        content: what it holds; bytes when its value does not fit its format.
    """

    id: int
    content: Content

    @property
    def format(self) -> int:
        """The format in its number; mostly a :class:`Format`."""
        return self.id >> 24 & 0xF

    @property
    def key_name(self) -> str:
        """The name of its key: eight lower-case digits."""
        return f"{self.id:08x}"

    def to_value(self) -> Value:
        """Return the value that holds it.

        Raises:
            InvalidRequest: when the content does not fit the format.
        """
        return _to_value(self.id, self.format, self.content)

    @classmethod
    def of_value(cls, number: int, value: Value) -> Element:
        """Read an element from its value; what does not fit its format is kept as bytes."""
        try:
            content = _of_value(number >> 24 & 0xF, value)
        except (InvalidInput, ValueError, struct.error):
            content = None
        return cls(number, value.data if content is None else content)


def name_of(number: int, object_type: int) -> str:
    """Return what bcdedit calls an element of an object of this type, or ``custom:`` and its number."""
    table = _BY_APPLICATION.get(object_type & 0xFFFFF, {}) if object_type >> 28 in {1, 2} else {}
    return table.get(number) or _LIBRARY.get(number) or f"custom:{number:08x}"


def text_of(content: Content, names: dict[UUID, str], called: Names = NO_NAMES) -> str:
    """Tell people what an element holds; ``names`` has the objects that have a name, ``called`` the partitions."""
    match content:
        case DeviceElement(device, options):
            with_options = f", options {braced(options, names)}" if options is not None else ""
            return describe(device, called) + with_options
        case bool():
            return "yes" if content else "no"
        case UUID():
            return braced(content, names)
        case tuple():
            return ", ".join(braced(each, names) if isinstance(each, UUID) else hex(each) for each in content)
        case bytes():
            return f"bytes {content.hex()}"
    return str(content)


def braced(guid: UUID, names: dict[UUID, str]) -> str:
    """Return ``{bootmgr}`` for an object with a name, and the GUID in braces for all others."""
    return f"{{{names.get(guid, str(guid))}}}"


def _to_value(number: int, form: int, content: Content) -> Value:
    match form, content:
        case _, bytes():
            return Value.binary(VALUE_NAME, content)
        case Format.DEVICE, DeviceElement():
            return Value.binary(VALUE_NAME, content.to_bytes())
        case Format.STRING, str():
            return Value.string(VALUE_NAME, content)
        case Format.OBJECT, UUID():
            return Value.string(VALUE_NAME, f"{{{content}}}")
        case Format.OBJECT_LIST, tuple() if all(isinstance(each, UUID) for each in content):
            return Value.multi_string(VALUE_NAME, [f"{{{each}}}" for each in content])
        case Format.BOOLEAN, bool():
            return Value.binary(VALUE_NAME, bytes([content]))
        case Format.INTEGER, int() if not isinstance(content, bool):
            return Value.binary(VALUE_NAME, _pack([content]))
        case Format.INTEGER_LIST, tuple():
            return Value.binary(VALUE_NAME, _pack(each for each in content if isinstance(each, int)))
    raise InvalidRequest(f"element {number:08x}: {type(content).__name__} does not fit its format {form}")


def _pack(numbers: Iterable[int]) -> bytes:
    listed = list(numbers)
    try:
        return struct.pack(f"<{len(listed)}Q", *listed)
    except struct.error as error:
        raise InvalidRequest(f"{listed} are not numbers of 64 bits") from error


def _of_value(form: int, value: Value) -> Content | None:
    data = value.data
    is_binary = value.type == ValueType.BINARY
    match form:
        case Format.DEVICE if is_binary:
            return DeviceElement.parse(data)
        case Format.STRING:
            return value.as_string()
        case Format.OBJECT:
            return UUID(value.as_string())
        case Format.OBJECT_LIST:
            return tuple(UUID(text) for text in value.as_strings())
        case Format.INTEGER if is_binary and 0 < len(data) <= 8:
            return int.from_bytes(data, "little")
        case Format.BOOLEAN if is_binary and len(data) == 1:
            return data != b"\0"
        case Format.INTEGER_LIST if is_binary and len(data) % 8 == 0:
            return struct.unpack(f"<{len(data) // 8}Q", data)
    return None
