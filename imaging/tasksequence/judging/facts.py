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

NEW_COMPUTER = "NEWCOMPUTER"
"""``DeploymentType`` of a computer whose users have left nothing on it that is to be kept."""

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
    """Set what is known before the first step; what was set before stays.

    Raises:
        InvalidRequest: when the deployment share is no folder.
        InvalidInput, StorageError: when it cannot be read.
    """
    from osdimage.imaging.tasksequence.mdt.share import enter_share  # noqa: PLC0415 - keeps this module light

    facts = known_facts(machine)
    if is_of_mdt(sequence):
        # What Lite Touch takes a computer for that started Windows PE from elsewhere.
        facts |= {"PHASE": PHASES[0], "DEPLOYMENTTYPE": NEW_COMPUTER}
    set_missing(env, facts)
    enter_share(env, machine)


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
        fact = fact_called(name)
        if fact is None or name in env:
            return None
        return f"{fact} of the computer; set the variable to tell it"

    return doubt


def fact_called(name: str) -> str | None:
    """Return the fact about the computer that a name, in lower case, stands for; None when it is no such fact.

    The element of a list is one as well: ``MACAddress001``.
    """
    element = _ELEMENT.fullmatch(name)
    if element is None:
        return _UNKNOWN.get(name)
    return _UNKNOWN.get(name) or (name if element[1] in _UNKNOWN else None)
