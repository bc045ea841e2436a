"""What ``dmidecode`` tells of a computer, as classes of WMI.

Blocks begin with ``Handle 0x0001, DMI type 1, 27 bytes``, then have a title, and lines ``Name: value`` after a tab.
Sources: "System Management BIOS (SMBIOS) Reference Specification" (types, and the kinds of a chassis, of which WMI has
the numbers); the documentation of the classes of WMI (which of their properties come from which structure).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from osdimage.imaging.errors import InvalidDocument
from osdimage.imaging.tasksequence.facts.computer import ComputerFacts, Fact

_HANDLE = re.compile(r"Handle 0x[0-9A-Fa-f]{4,8}, DMI type (\d{1,3}), \d+ bytes", re.ASCII)
_LINE = re.compile(r"\t([^\t:][^:]{0,60}): ?(.*)")
_SIZE = re.compile(r"(\d{1,12}) (kB|MB|GB|TB)", re.ASCII)
_SPEED = re.compile(r"(\d{1,6}) MHz", re.ASCII)
_UNITS = {"kB": 1 << 10, "MB": 1 << 20, "GB": 1 << 30, "TB": 1 << 40}
_NOTHING = frozenset({"not specified", "not present", "none", ""})
_UNREADABLE = ("<out of spec>", "<bad index>", "unknown")

# SMBIOS 7.4.1, "System Enclosure or Chassis Types", as dmidecode writes them.
CHASSIS = (
    "Other", "Unknown", "Desktop", "Low Profile Desktop", "Pizza Box", "Mini Tower", "Tower", "Portable", "Laptop",
    "Notebook", "Hand Held", "Docking Station", "All In One", "Sub Notebook", "Space-saving", "Lunch Box",
    "Main Server Chassis", "Expansion Chassis", "Sub Chassis", "Bus Expansion Chassis", "Peripheral Chassis",
    "RAID Chassis", "Rack Mount Chassis", "Sealed-case PC", "Multi-system", "CompactPCI", "AdvancedTCA", "Blade",
    "Blade Enclosing", "Tablet", "Convertible", "Detachable", "IoT Gateway", "Embedded PC", "Mini PC", "Stick PC",
)  # fmt: skip

# Which properties of which class are in which structure, by the names that dmidecode has for them.
_TEXTS: Mapping[int, tuple[tuple[str, str, str], ...]] = {
    0: (("Win32_BIOS", "Manufacturer", "Vendor"), ("Win32_BIOS", "SMBIOSBIOSVersion", "Version")),
    1: (
        ("Win32_ComputerSystem", "Manufacturer", "Manufacturer"),
        ("Win32_ComputerSystem", "Model", "Product Name"),
        ("Win32_ComputerSystem", "SystemSKUNumber", "SKU Number"),
        ("Win32_ComputerSystem", "SystemFamily", "Family"),
        ("Win32_ComputerSystemProduct", "Vendor", "Manufacturer"),
        ("Win32_ComputerSystemProduct", "Name", "Product Name"),
        ("Win32_ComputerSystemProduct", "Version", "Version"),
        ("Win32_ComputerSystemProduct", "IdentifyingNumber", "Serial Number"),
        ("Win32_ComputerSystemProduct", "UUID", "UUID"),
        ("Win32_BIOS", "SerialNumber", "Serial Number"),
    ),
    2: (
        ("Win32_BaseBoard", "Manufacturer", "Manufacturer"),
        ("Win32_BaseBoard", "Product", "Product Name"),
        ("Win32_BaseBoard", "Version", "Version"),
        ("Win32_BaseBoard", "SerialNumber", "Serial Number"),
    ),
    3: (
        ("Win32_SystemEnclosure", "Manufacturer", "Manufacturer"),
        ("Win32_SystemEnclosure", "SerialNumber", "Serial Number"),
        ("Win32_SystemEnclosure", "SMBIOSAssetTag", "Asset Tag"),
    ),
    4: (("Win32_Processor", "Manufacturer", "Manufacturer"), ("Win32_Processor", "Name", "Version")),
}
_SINGLE = frozenset({0, 1, 2, 3})
"""Of these structures the first one counts, as for WMI."""
_MEMORY = 17


def is_dmidecode(text: str) -> bool:
    """Tell whether a text is one of dmidecode."""
    return _HANDLE.search(text[:4096]) is not None


def dmidecode_facts(text: str, *, source: str) -> ComputerFacts:
    """Return what a text of dmidecode tells.

    Raises:
        InvalidDocument: when it tells nothing that is known here.
    """
    instances: dict[str, list[dict[str, Fact]]] = {}
    seen: set[int] = set()
    for kind, values in _blocks(text):
        if kind in _SINGLE and kind in seen:
            continue
        seen.add(kind)
        made: dict[str, dict[str, Fact]] = {}
        for name, prop, key in _TEXTS.get(kind, ()):
            if key in values and not _is_unreadable(values[key]):
                made.setdefault(name, {})[prop] = _text_of(values[key].upper() if prop == "UUID" else values[key])
        _add_numbers(kind, values, made)
        for name, properties in made.items():
            if kind in _SINGLE and name in instances:
                instances[name][0] |= properties
            else:
                instances.setdefault(name, []).append(properties)
    if not instances:
        raise InvalidDocument(f"{source}: dmidecode tells nothing of a system in it")
    return ComputerFacts.of(instances)


def _blocks(text: str) -> Iterator[tuple[int, dict[str, str]]]:
    kind: int | None = None
    values: dict[str, str] = {}
    for line in text.splitlines():
        head = _HANDLE.fullmatch(line.strip()) if line.startswith("Handle") else None
        if head is not None:
            if kind is not None:
                yield kind, values
            kind, values = int(head[1]), {}
            continue
        match = _LINE.fullmatch(line.rstrip())
        if match is not None and kind is not None:
            values.setdefault(match[1], match[2].strip())
    if kind is not None:
        yield kind, values


def _add_numbers(kind: int, values: Mapping[str, str], made: dict[str, dict[str, Fact]]) -> None:
    if kind == 3 and values.get("Type") in CHASSIS:
        made.setdefault("Win32_SystemEnclosure", {})["ChassisTypes"] = (CHASSIS.index(values["Type"]) + 1,)
    speed = _SPEED.fullmatch(values.get("Max Speed", ""))
    if kind == 4 and speed is not None:
        made.setdefault("Win32_Processor", {})["MaxClockSpeed"] = int(speed[1])
    size = _SIZE.fullmatch(values.get("Size", ""))
    if kind == _MEMORY and size is not None:
        made["Win32_PhysicalMemory"] = {"Capacity": int(size[1]) * _UNITS[size[2]]}


def _is_unreadable(value: str) -> bool:
    return value.lower().startswith(_UNREADABLE)


def _text_of(value: str) -> str | None:
    return None if value.lower() in _NOTHING else value
