r"""The facts about the computer that MDT gathers (ZTIGather), as variables.

What is not known is not set, and a list is known as a whole.  In Windows PE its own version is not known; of another
Windows what its registry tells.

Sources: ``Get-PSDLocalInfo`` of PSDGather.psm1 in FriendsOfMDT/PSD (e2bde47): which class and property each is, and
which kinds of cases are laptops, desktops and servers; the last also in B. Hunter, "Identifying hardware types".
Chosen here, since a Windows PE of 32 bits is rarer: a processor of 64 bits has started one of 64 bits.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from osdimage.imaging.boot.firmware import Firmware
from osdimage.imaging.errors import OsdImageError
from osdimage.imaging.tasksequence.computer.machine import Machine
from osdimage.imaging.tasksequence.facts.computer import ComputerFacts, Instance
from osdimage.imaging.tasksequence.facts.given import given_facts
from osdimage.imaging.tasksequence.facts.known import facts_of
from osdimage.imaging.tasksequence.phases import Phase
from osdimage.imaging.units import MIB

_SYSTEM, _BOARD, _CASE = "Win32_ComputerSystem", "Win32_BaseBoard", "Win32_SystemEnclosure"
_NETWORK, _BATTERY, _WINDOWS = "Win32_NetworkAdapterConfiguration", "Win32_Battery", "Win32_OperatingSystem"
_TEXTS = (
    ("Product", _BOARD, "Product"),
    ("SerialNumber", "Win32_BIOS", "SerialNumber"),
    ("AssetTag", _CASE, "SMBIOSAssetTag"),
    ("UUID", "Win32_ComputerSystemProduct", "UUID"),
    ("ProcessorSpeed", "Win32_Processor", "MaxClockSpeed"),
)
_CASES = {
    "IsLaptop": frozenset({8, 9, 10, 11, 12, 14, 18, 21}),
    "IsDesktop": frozenset({3, 4, 5, 6, 7, 15, 16}),
    "IsServer": frozenset({23}),
}
_LISTS = (("IPAddress", "IPAddress"), ("MACAddress", "MACAddress"), ("DefaultGateway", "DefaultIPGateway"))
_ARCHITECTURES = {0: "X86", 9: "X64", 12: "ARM64"}
"""``Win32_Processor.Architecture``, and what MDT writes."""
_ON_MAINS = 2
_CLIENT = "1"
_VIRTUAL = ("vmware", "qemu", "innotek")
"""What the maker of a virtual machine has in its name; Hyper-V is known by its model."""

RUNNING = ("OSVersion", "IsServerOS", "IsServerCoreOS", "OSCurrentVersion", "OSCurrentBuild")
"""What hangs on the Windows that runs: gathered again, each has another value."""


def hardware(machine: Machine) -> dict[str, str]:
    """Return what the facts that the caller gave tell of the computer.

    Raises:
        InvalidRequest: when there is neither a preset nor a file of a name that was given.
        InvalidDocument: when a file holds no facts.
        StorageError: when it cannot be read.
    """
    facts = given_facts(machine.supplies.facts, machine.firmware)
    return dict((*_names(facts), *_texts(facts), *_numbers(facts), *_case(facts), *_network(facts), *_battery(facts)))


def running(machine: Machine) -> dict[str, str]:
    """Return what is known of the firmware, and of the Windows that runs in the phase that the sequence is in."""
    told = {"IsUEFI": str(machine.firmware is Firmware.UEFI)}
    if machine.phase is Phase.PE:
        return told | {"OSVersion": "WinPE", "IsServerOS": "False", "IsServerCoreOS": "False"}
    try:
        facts = facts_of(machine)
    except OsdImageError:
        # What cannot be read of it is not known; the step that needs it says so.
        return told
    product = facts.text(_WINDOWS, "ProductType")
    versions = {"OSCurrentVersion": "Version", "OSCurrentBuild": "BuildNumber"}
    told |= {name: text for name, prop in versions.items() if (text := facts.text(_WINDOWS, prop))}
    return told if product is None else told | {"IsServerOS": str(product != _CLIENT)}


def _names(facts: ComputerFacts) -> Iterator[tuple[str, str]]:
    """Yield maker and model; where they are blank, those of the main board."""
    names = {}
    for name, prop, of_board in (("Make", "Manufacturer", "Manufacturer"), ("Model", "Model", "Product")):
        told = facts.text(_SYSTEM, prop)
        text = (told or "").strip() or (None if told is None else (facts.text(_BOARD, of_board) or "").strip())
        if text:
            names[name] = text
    yield from names.items()
    if len(names) == 2:
        maker, model = names["Make"].lower(), names["Model"].lower()
        is_hyper_v = "microsoft" in maker and model == "virtual machine"
        yield "IsVM", str(is_hyper_v or any(each in maker for each in _VIRTUAL))


def _texts(facts: ComputerFacts) -> Iterator[tuple[str, str]]:
    for name, class_name, prop in _TEXTS:
        text = (facts.text(class_name, prop) or "").strip()
        if text:
            yield name, text


def _numbers(facts: ComputerFacts) -> Iterator[tuple[str, str]]:
    memory = facts.number(_SYSTEM, "TotalPhysicalMemory")
    if memory is not None:
        yield "Memory", str(memory // MIB)
    processor = facts.number("Win32_Processor", "Architecture")
    if processor in _ARCHITECTURES:
        yield "Architecture", _ARCHITECTURES[processor]


def _case(facts: ComputerFacts) -> Iterator[tuple[str, str]]:
    cases = [_first(each, "ChassisTypes") for each in facts.instances(_CASE) or ()]
    known = [int(each) for each in cases if isinstance(each, int)]
    if known:
        yield from ((name, str(any(each in kinds for each in known))) for name, kinds in _CASES.items())


def _network(facts: ComputerFacts) -> Iterator[tuple[str, str]]:
    adapters = [each for each in facts.instances(_NETWORK) or () if each.get("IPEnabled") is True]
    for name, prop in _LISTS:
        found = [text for adapter in adapters for text in _all(adapter, prop)]
        yield from ((f"{name}{number:03}", text) for number, text in enumerate(found, 1))


def _battery(facts: ComputerFacts) -> Iterator[tuple[str, str]]:
    batteries = facts.instances(_BATTERY)
    if batteries is None or any("BatteryStatus" not in each for each in batteries):
        return
    is_on_battery = bool(batteries) and all(each["BatteryStatus"] != _ON_MAINS for each in batteries)
    yield "IsOnBattery", str(is_on_battery)


def _first(instance: Instance, prop: str) -> object:
    value = instance.get(prop)
    return next(iter(value), None) if isinstance(value, tuple) else value


def _all(instance: Mapping[str, object], prop: str) -> tuple[str, ...]:
    value = instance.get(prop)
    values = value if isinstance(value, tuple) else (value,)
    return tuple(str(each).strip() for each in values if each is not None and str(each).strip())
