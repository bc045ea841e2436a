"""What tells one computer from others: its make and numbers, and its network, by the facts that are known of it."""

from __future__ import annotations

from osdimage.imaging.tasksequence.conditions import Question
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.facts.computer import ComputerFacts

_NUMBERS = {
    "assettag": ("Win32_SystemEnclosure", "SMBIOSAssetTag"),
    "serialnumber": ("Win32_BIOS", "SerialNumber"),
    "uuid": ("Win32_ComputerSystemProduct", "UUID"),
}
_ADAPTERS = ("Win32_NetworkAdapterConfiguration", "Win32_NetworkAdapter")


def identity_variables(facts: ComputerFacts) -> dict[str, str]:
    """Return the variables with which Set Dynamic Variables tells the computer, those that are known."""
    found = {
        "_SMSTSMake": facts.text("Win32_ComputerSystem", "Manufacturer"),
        "_SMSTSModel": facts.text("Win32_ComputerSystem", "Model"),
        "_SMSTSSerialNumber": facts.text(*_NUMBERS["serialnumber"]),
        "_SMSTSAssetTag": facts.text(*_NUMBERS["assettag"]),
        "_SMSTSUUID": facts.text(*_NUMBERS["uuid"]),
        "_SMSTSMacAddresses": _listed(mac_addresses(facts)),
        "_SMSTSIPAddresses": _listed(_values(facts, "IPAddress")),
        "_SMSTSDefaultGateways": _listed(_values(facts, "DefaultIPGateway")),
    }
    return {name: value for name, value in found.items() if value}


def is_computer(facts: ComputerFacts, question: Question, env: Environment) -> bool | str:
    """Tell whether the computer has one of the numbers that are asked for, or why that is not known."""
    unknown = []
    for name, text in question.facts.items():
        wanted = env.expand(text).strip()
        if not wanted:
            continue
        if name.lower() == "macaddress":
            addresses = mac_addresses(facts)
            if addresses is None:
                unknown.append("Win32_NetworkAdapter.MACAddress of the computer")
            elif _plain(wanted) in map(_plain, addresses):
                return True
            continue
        place = _NUMBERS.get(name.lower())
        told = None if place is None else facts.text(*place)
        if place is None or told is None:
            unknown.append(f"{name} of the computer" if place is None else f"{'.'.join(place)} of the computer")
        elif told.strip().lower() == wanted.lower():
            return True
    return "; ".join(unknown) if unknown else False


def mac_addresses(facts: ComputerFacts) -> tuple[str, ...] | None:
    """Return the addresses of all network adapters, or None when they are not known."""
    return next((found for each in _ADAPTERS if (found := _values(facts, "MACAddress", each)) is not None), None)


def _values(facts: ComputerFacts, prop: str, name: str = _ADAPTERS[0]) -> tuple[str, ...] | None:
    adapters = facts.instances(name)
    if adapters is None:
        return None
    found: list[str] = []
    for each in adapters:
        value = each.get(prop)
        found += (str(one) for one in (value if isinstance(value, tuple) else (value,)) if one is not None)
    return tuple(dict.fromkeys(found))


def _listed(values: tuple[str, ...] | None) -> str | None:
    return None if values is None else ",".join(values)


def _plain(address: str) -> str:
    """Return an address as it is compared: people write it with colons, with hyphens, or without."""
    return address.replace("-", "").replace(":", "").lower()
