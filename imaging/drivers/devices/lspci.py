r"""Text that ``lspci`` prints: ``-nnmm``, ``-nnvmm``, ``-nn -v``, and their forms with numbers alone (``-n``).

What pciutils 3.9.0 prints (``lspci.c``, ``show_machine`` and ``show_terse``) decides what an absent value means: in all
of these forms a revision of 0 is left out, in the two of ``-mm`` so is a subsystem that there is not, and only ``-v``
tells the interface of the class and the subsystem in the form for people.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from osdimage.imaging.drivers.devices.listing import Collected
from osdimage.imaging.drivers.devices.pci import PciFunction, pci_device
from osdimage.imaging.drivers.target_os import TargetOs

_SLOT = r"(?:[0-9a-f]{4,8}:)?[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]"
_FOR_PEOPLE = re.compile(
    rf"{_SLOT} (?:.{{0,300}}\[)?(?P<kind>[0-9a-f]{{4}})\]?: "
    r"(?:(?P<name>.{0,1000}) \[)?(?P<ids>[0-9a-f]{4}:[0-9a-f]{4})\]?"
    r"(?: \(rev (?P<revision>[0-9a-f]{2})\))?(?: \(prog-if (?P<interface>[0-9a-f]{2})[^)]{0,200}\))?",
    re.ASCII,
)
_SUBSYSTEM = re.compile(r"\s+Subsystem: (?:.{0,1000}\[)?([0-9a-f]{4}):([0-9a-f]{4})\]?", re.ASCII)
_FOR_MACHINES = re.compile(rf'{_SLOT}(?: (?:"(?:[^"\\]|\\.){{0,1000}}"|-[rp][0-9a-f]{{2}}))+', re.ASCII)
_PART = re.compile(r'"((?:[^"\\]|\\.){0,1000})"|-([rp])([0-9a-f]{2})', re.ASCII)
_FIELD = re.compile(
    r"(Slot|Device|Class|Vendor|SVendor|SDevice|Rev|ProgIf|PhySlot|Driver|Module|NUMANode|IOMMUGroup|DTNode):\t(.{0,2000})",
    re.ASCII,
)
_NUMBER = re.compile(r"(?:(.{0,1000}) )?\[?([0-9a-f]{4})\]?", re.ASCII | re.DOTALL)
HEAD = re.compile(rf"{_SLOT} |(?:Slot|Device):\t{_SLOT}$", re.ASCII)
"""What the first line of such a text looks like."""

_NO_SUBSYSTEM = (
    "this form of lspci tells no subsystem: devices are known by vendor and device alone; 'lspci -nnvmm' tells more"
)


def collect_lspci(lines: Iterable[str], collected: Collected, os: TargetOs | None) -> None:
    """Take in the devices of a text, in whichever of the forms its lines are."""
    lines = list(lines)
    has_details = any(line[:1] in {"\t", " "} for line in lines)
    fields: dict[str, str] = {}
    for line in [*lines, ""]:
        if (field := _FIELD.fullmatch(line)) is not None:
            # In the older form, -vm, the slot is called Device, too; what comes later is the device.
            fields[field[1]] = field[2]
            continue
        _add_fields(fields, collected, os)
        fields = {}
        if _FOR_MACHINES.fullmatch(line):
            _add_machine(line, collected, os)
    _add_for_people(lines, collected, os, has_details=has_details)


def _add_fields(fields: dict[str, str], collected: Collected, os: TargetOs | None) -> None:
    kind, vendor, device = (_NUMBER.fullmatch(fields.get(name, "")) for name in ("Class", "Vendor", "Device"))
    if kind is None or vendor is None or device is None:
        return
    function = PciFunction(
        int(vendor[2], 16),
        int(device[2], 16),
        _subsystem(fields.get("SVendor", ""), fields.get("SDevice", "")),
        _byte(fields.get("Rev")),
        int(kind[2], 16),
        _byte(fields.get("ProgIf")),
    )
    collected.add(pci_device(function, os, name=_name(vendor[1], device[1])))


def _add_machine(line: str, collected: Collected, os: TargetOs | None) -> None:
    texts: list[str] = []
    options: dict[str, str] = {}
    for part in _PART.finditer(line):
        if part[2]:
            options[part[2]] = part[3]
        else:
            texts.append(re.sub(r"\\(.)", r"\1", part[1]))
    names = ("Class", "Vendor", "Device", "SVendor", "SDevice")
    fields = dict(zip(names, texts, strict=False))
    _add_fields(
        fields | {long: options[short] for short, long in (("r", "Rev"), ("p", "ProgIf")) if short in options},
        collected,
        os,
    )


def _add_for_people(lines: list[str], collected: Collected, os: TargetOs | None, *, has_details: bool) -> None:
    waiting: tuple[PciFunction, str] | None = None
    for line in [*lines, None]:
        head = None if line is None else _FOR_PEOPLE.fullmatch(line)
        if waiting is not None and (head is not None or line is None):
            collected.add(pci_device(waiting[0], os, name=waiting[1]))
            waiting = None
        if line is None:
            return
        if head is not None:
            vendor, device = (int(each, 16) for each in head["ids"].split(":"))
            interface = _byte(head["interface"]) if has_details else None
            subsystem = 0 if has_details else None
            function = PciFunction(vendor, device, subsystem, _byte(head["revision"]), int(head["kind"], 16), interface)
            waiting = function, head["name"] or ""
            if not has_details:
                collected.warn(_NO_SUBSYSTEM)
        elif waiting is not None and (found := _SUBSYSTEM.fullmatch(line)) is not None:
            subsystem = int(found[2], 16) << 16 | int(found[1], 16)
            waiting = replace(waiting[0], subsystem=subsystem), waiting[1]


def _subsystem(vendor: str, device: str) -> int:
    found = _NUMBER.fullmatch(vendor), _NUMBER.fullmatch(device)
    if found[0] is None or found[1] is None:
        return 0
    return int(found[1][2], 16) << 16 | int(found[0][2], 16)


def _byte(text: str | None) -> int:
    """Return a number of two digits; 0 where lspci leaves it out."""
    return int(text, 16) if text and re.fullmatch("[0-9a-f]{2}", text) else 0


def _name(vendor: str | None, device: str | None) -> str:
    return " ".join(each for each in (vendor, device) if each)
