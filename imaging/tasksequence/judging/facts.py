"""The facts about the computer that MDT gathers (ZTIGather), as far as they are known where no Windows runs.

Model: a fact is known, or it is not; it is never guessed.  What is known, by facts that the caller gives, is set before
the first step, as MDT's Lite Touch does, unless the variable is set.  What is not known (the maker, the memory) stays
unset, and in a sequence for which MDT gathers, a condition that asks for it can be found out by nobody: facts, or
setting the variable, answer it.

Sources: "Property Reference" of the MDT documentation; ZTIGather.xml and PSDGather.psm1 of FriendsOfMDT/PSD (names, and
that ``IsServerOS`` and ``IsServerCoreOS`` are False in Windows PE); ZTIUtility.vbs of MDT 6.3.8456.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from osdimage.imaging.tasksequence.conditions import CERTAIN, Doubt
from osdimage.imaging.tasksequence.judging.kinds import is_of_mdt

if TYPE_CHECKING:
    from osdimage.imaging.tasksequence.environment import Environment
    from osdimage.imaging.tasksequence.sequence import Sequence

PHASES = ("VALIDATION", "STATECAPTURE", "PREINSTALL", "INSTALL", "POSTINSTALL", "STATERESTORE")
"""The phases of a deployment, in their order."""

NEW_COMPUTER = "NEWCOMPUTER"
"""``DeploymentType`` of a computer whose users have left nothing on it that is to be kept."""

REFRESH = "REFRESH"
"""``DeploymentType`` of a computer whose Windows is replaced, and begins the deployment itself."""

UNKNOWN = (
    "Architecture", "AssetTag", "BIOSVersion", "CapableArchitecture", "DefaultGateway", "HostName", "IPAddress",
    "IsBDE", "IsDesktop", "IsHypervisorRunning", "IsLaptop", "IsOnBattery", "IsServer", "IsServerCoreOS", "IsServerOS",
    "IsVM", "MACAddress", "Make", "Memory", "Model", "OSCurrentBuild", "OSCurrentVersion", "OSSKU", "OSVersion",
    "ProcessorSpeed", "Product", "SerialNumber", "SupportsHyperVRole", "SupportsNX", "SupportsSLAT", "SupportsVT",
    "SupportsX64", "SupportsX86", "UUID", "VMPlatform",
)  # fmt: skip
"""What only the computer, or the Windows that runs, can tell; of lists (``MACAddress001``) without the number."""

_UNKNOWN = {name.lower(): name for name in UNKNOWN}
_ELEMENT = re.compile(r"(\D+?)\d{1,3}", re.ASCII)


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
        if fact is None or name in env or _is_gathered(name, env):
            return None
        return f"{fact} of the computer; give facts or set the variable to tell it"

    return doubt


def _is_gathered(name: str, env: Environment) -> bool:
    """Tell whether a name is an element of a list that is known: it has an end."""
    element = _ELEMENT.fullmatch(name)
    return element is not None and f"{element[1]}001" in env


def fact_called(name: str) -> str | None:
    """Return the fact about the computer that a name, in lower case, stands for; None when it is no such fact.

    The element of a list is one as well: ``MACAddress001``.
    """
    element = _ELEMENT.fullmatch(name)
    if element is None:
        return _UNKNOWN.get(name)
    return _UNKNOWN.get(name) or (name if element[1] in _UNKNOWN else None)
