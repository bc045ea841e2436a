"""What this computer is, by ``/sys`` and ``/proc`` of Linux.

Numbers of the firmware (the serial number, the UUID) can only be read by root; what cannot be read is not known.  The
memory is what Linux has of it, which is less than what is built in, as with Windows.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from osdimage.imaging.tasksequence.facts.computer import TPM_NAMESPACE, ComputerFacts, Fact

_ROOT = Path("/")
# SMBIOS by the names that Linux has for it: Documentation/ABI/testing/sysfs-devices-virtual-dmi (dmi-id.c).
_DMI: tuple[tuple[str, str, str], ...] = (
    ("Win32_ComputerSystem", "Manufacturer", "sys_vendor"),
    ("Win32_ComputerSystem", "Model", "product_name"),
    ("Win32_ComputerSystem", "SystemSKUNumber", "product_sku"),
    ("Win32_ComputerSystem", "SystemFamily", "product_family"),
    ("Win32_ComputerSystemProduct", "Vendor", "sys_vendor"),
    ("Win32_ComputerSystemProduct", "Name", "product_name"),
    ("Win32_ComputerSystemProduct", "Version", "product_version"),
    ("Win32_ComputerSystemProduct", "IdentifyingNumber", "product_serial"),
    ("Win32_ComputerSystemProduct", "UUID", "product_uuid"),
    ("Win32_BIOS", "Manufacturer", "bios_vendor"),
    ("Win32_BIOS", "SMBIOSBIOSVersion", "bios_version"),
    ("Win32_BIOS", "SerialNumber", "product_serial"),
    ("Win32_BaseBoard", "Manufacturer", "board_vendor"),
    ("Win32_BaseBoard", "Product", "board_name"),
    ("Win32_BaseBoard", "Version", "board_version"),
    ("Win32_BaseBoard", "SerialNumber", "board_serial"),
    ("Win32_SystemEnclosure", "Manufacturer", "chassis_vendor"),
    ("Win32_SystemEnclosure", "SerialNumber", "chassis_serial"),
    ("Win32_SystemEnclosure", "SMBIOSAssetTag", "chassis_asset_tag"),
)
_MEMORY = re.compile(r"^MemTotal:\s+(\d{1,15}) kB$", re.ASCII | re.MULTILINE)
_MODEL = re.compile(r"^model name\s*:\s*(.+)$", re.MULTILINE)
_ETHERNET, _ON_BATTERY, _ON_MAINS = 1, 1, 2
_CONNECTED, _NOT_CONNECTED, _WIRELESS = 2, 7, 9

Made = dict[str, list[dict[str, Fact]]]


def host_facts(root: Path = _ROOT) -> ComputerFacts:
    """Return what is known of the computer that this runs on.

    Args:
        root: where ``sys`` and ``proc`` are.
    """
    made: Made = {}
    for name, prop, file in _DMI:
        value = _read(root / "sys/class/dmi/id" / file)
        if value is not None:
            made.setdefault(name, [{}])[0][prop] = (value.upper() if prop == "UUID" else value) or None
    case = _read(root / "sys/class/dmi/id/chassis_type") or ""
    if case.isascii() and case.isdigit():
        made.setdefault("Win32_SystemEnclosure", [{}])[0]["ChassisTypes"] = (int(case),)
    _add_processor(root, made)
    _add_network(root, made)
    _add_power(root, made)
    return ComputerFacts.of(made).joined(_tpm(root))


def _add_processor(root: Path, made: Made) -> None:
    memory = _MEMORY.search(_read(root / "proc/meminfo") or "")
    if memory is not None:
        made.setdefault("Win32_ComputerSystem", [{}])[0]["TotalPhysicalMemory"] = int(memory[1]) << 10
    known: dict[str, Fact] = {}
    model = _MODEL.search(_read(root / "proc/cpuinfo") or "")
    if model is not None:
        known["Name"] = model[1].strip()
    fastest = _read(root / "sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq") or ""
    if fastest.isascii() and fastest.isdigit():
        known["MaxClockSpeed"] = int(fastest) // 1000
    if known:
        made["Win32_Processor"] = [known]


def _add_network(root: Path, made: Made) -> None:
    folder = root / "sys/class/net"
    if not folder.is_dir():
        return
    made["Win32_NetworkAdapter"] = [
        {
            "Name": each.name,
            "NetConnectionID": each.name,
            "MACAddress": (_read(each / "address") or "").upper() or None,
            "PhysicalAdapter": True,
            "NetConnectionStatus": _CONNECTED if _read(each / "carrier") == "1" else _NOT_CONNECTED,
            "AdapterTypeId": _WIRELESS if (each / "wireless").exists() else 0,
        }
        for each in sorted(folder.iterdir())
        if (each / "device").exists() and _read(each / "type") == str(_ETHERNET)
    ]


def _add_power(root: Path, made: Made) -> None:
    folder = root / "sys/class/power_supply"
    if not folder.is_dir():
        return
    batteries = [each for each in sorted(folder.iterdir()) if _read(each / "type") == "Battery"]
    # Those of mice and pens have a scope of their own.
    own = [each for each in batteries if _read(each / "scope") != "Device"]
    made["Win32_Battery"] = [
        {
            "DeviceID": each.name,
            "BatteryStatus": _ON_BATTERY if _read(each / "status") == "Discharging" else _ON_MAINS,
        }
        for each in own
    ]


def _tpm(root: Path) -> ComputerFacts:
    folder = root / "sys/class/tpm"
    if not folder.is_dir():
        return ComputerFacts()
    found: list[Mapping[str, Fact]] = []
    if (folder / "tpm0").exists():
        major = _read(folder / "tpm0/tpm_version_major")
        found.append({"SpecVersion": {"1": "1.2", "2": "2.0"}[major]} if major in {"1", "2"} else {})
    return ComputerFacts.of({"Win32_Tpm": found}, TPM_NAMESPACE)


def _read(path: Path) -> str | None:
    """Return the text of a file without blanks around, or None when it cannot be read."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return None
