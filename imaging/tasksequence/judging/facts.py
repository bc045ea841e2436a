"""The facts about the computer that MDT gathers (ZTIGather), as far as they are known where no Windows runs.

Model: a fact is known, or it is not; it is never guessed.  What is known is set before the first step, as MDT's Lite
Touch does, unless the caller gave it.  What is not known (the maker, the memory, the kind of the case) stays unset, and
in a sequence for which MDT gathers, a condition that asks for it can be found out by nobody: setting the variable
answers it.

Sources: "Property Reference" of the MDT documentation; ZTIGather.xml and PSDGather.psm1 of FriendsOfMDT/PSD (names, and
that ``IsServerOS`` and ``IsServerCoreOS`` are False in Windows PE); ZTIUtility.vbs of MDT 6.3.8456.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from osdimage.imaging.tasksequence.conditions import CERTAIN, Doubt
from osdimage.imaging.tasksequence.judging.kinds import is_of_mdt

if TYPE_CHECKING:
    from osdimage.imaging.tasksequence.computer.machine import Machine
    from osdimage.imaging.tasksequence.environment import Environment
    from osdimage.imaging.tasksequence.sequence import Sequence

PHASES = ("VALIDATION", "STATECAPTURE", "PREINSTALL", "INSTALL", "POSTINSTALL", "STATERESTORE")
"""The phases of a deployment, in their order."""

UNKNOWN = (
    "Architecture", "AssetTag", "BIOSVersion", "CapableArchitecture", "DefaultGateway", "HostName", "IPAddress",
    "IsBDE", "IsDesktop", "IsHypervisorRunning", "IsLaptop", "IsOnBattery", "IsServer", "IsVM", "MACAddress", "Make",
    "Memory", "Model", "OSCurrentBuild", "OSCurrentVersion", "OSSKU", "ProcessorSpeed", "Product", "SerialNumber",
    "SupportsHyperVRole", "SupportsNX", "SupportsSLAT", "SupportsVT", "SupportsX64", "SupportsX86", "UUID",
    "VMPlatform",
)  # fmt: skip
"""What MDT gathers and nobody knows here; of lists (``MACAddress001``) the name without the number."""

_UNKNOWN = {name.lower(): name for name in UNKNOWN}
_ELEMENT = re.compile(r"(\D+?)\d{1,3}", re.ASCII)


def known_facts(machine: Machine) -> dict[str, str]:
    """Return what is known of a computer that has started Windows PE."""
    from osdimage.imaging.tasksequence.computer.machine import Firmware  # noqa: PLC0415 - keeps this module light

    return {
        "IsUEFI": str(machine.firmware is Firmware.UEFI),
        "OSVersion": "WinPE",
        "IsServerOS": "False",
        "IsServerCoreOS": "False",
    }


def begin(env: Environment, machine: Machine, sequence: Sequence) -> None:
    """Set what is known before the first step; what was set before stays."""
    facts = known_facts(machine)
    if is_of_mdt(sequence):
        # What Lite Touch takes a computer for that started Windows PE from elsewhere.
        facts |= {"PHASE": PHASES[0], "DEPLOYMENTTYPE": "NEWCOMPUTER"}
    set_missing(env, facts)


def set_missing(env: Environment, facts: dict[str, str]) -> tuple[str, ...]:
    """Set the variables that are not set; return their names."""
    missing = {name: value for name, value in facts.items() if name not in env}
    for name, value in missing.items():
        env[name] = value
    return tuple(missing)


def unknown_facts(sequence: Sequence, env: Environment) -> Doubt:
    """Return which variables of a sequence are facts that nobody knows here, unless they are set by then."""
    if not is_of_mdt(sequence):
        return CERTAIN

    def doubt(name: str) -> str | None:
        element = _ELEMENT.fullmatch(name)
        fact = _UNKNOWN.get(name) or (None if element is None else _UNKNOWN.get(element[1]))
        if fact is None or name in env:
            return None
        return f"{name if element is not None else fact} of the computer; set the variable to tell it"

    return doubt
