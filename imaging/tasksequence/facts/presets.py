"""What virtual machines of one make all are, where nobody gives their facts.

Told is only what every machine of the make has: the names of its maker and model, and the kind of its case, as its
SMBIOS has them.  That of QEMU is its machine q35 (``pc_q35.c``, ``smbios.c``).  A machine of VMware that starts by UEFI
has a model by the version of its hardware, which is not known here.
"""

from __future__ import annotations

from collections.abc import Mapping

from osdimage.imaging.boot.firmware import Firmware
from osdimage.imaging.tasksequence.facts.computer import ComputerFacts, Fact

_OTHER_CASE, _DESKTOP_CASE = 1, 3
PRESETS = ("hyper-v", "qemu", "virtualbox", "vmware")
"""The names of them."""


def preset_facts(name: str, firmware: Firmware) -> ComputerFacts:
    """Return what is known of the machines of a preset; KeyError when there is none of that name."""
    system: dict[str, dict[str, Fact]] = {
        "hyper-v": {"Manufacturer": "Microsoft Corporation", "Model": "Virtual Machine"},
        "qemu": {"Manufacturer": "QEMU", "Model": "Standard PC (Q35 + ICH9, 2009)"},
        "virtualbox": {"Manufacturer": "innotek GmbH", "Model": "VirtualBox"},
        "vmware": {"Manufacturer": "VMware, Inc."},
    }
    if firmware is Firmware.BIOS:
        system["vmware"]["Model"] = "VMware Virtual Platform"
    case = _DESKTOP_CASE if name == "hyper-v" else _OTHER_CASE
    told: Mapping[str, list[Mapping[str, Fact]]] = {
        "Win32_ComputerSystem": [system[name]],
        "Win32_SystemEnclosure": [{"ChassisTypes": (case,)}],
    }
    return ComputerFacts.of(told)
