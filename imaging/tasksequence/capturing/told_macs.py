"""MAC addresses of adapters that the facts of a computer tell, which the caller has given.

An instance of ``Win32_NetworkAdapter`` is an adapter's by its GUID, by the id of its device, or by the name of its
connection; one that says none of these is the adapter's when either has no other.  So does one of
``Win32_NetworkAdapterConfiguration``, which calls the GUID SettingID.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from osdimage.imaging.tasksequence.capturing.adapters import Interface, MacsTold
from osdimage.imaging.tasksequence.facts.computer import ComputerFacts, Instance

_ADAPTERS, _CONFIGURATIONS = "Win32_NetworkAdapter", "Win32_NetworkAdapterConfiguration"
_MAC = re.compile(r"[0-9A-F]{2}(?:([:-]?)[0-9A-F]{2})(?:\1[0-9A-F]{2}){4}", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Told:
    """An adapter of the facts: its address, and what tells which it is, in lower case."""

    digits: str
    marks: frozenset[str]


def told_macs(facts: ComputerFacts) -> MacsTold:
    """Return what tells the MAC addresses of interfaces out of facts; an address that is none is passed over."""
    known = tuple(dict.fromkeys(_told(facts)))

    def told(interfaces: tuple[Interface, ...]) -> Mapping[str, str]:
        found: dict[str, str] = {}
        for each in interfaces:
            marks = {mark.lower() for mark in (each.guid, each.instance, each.name) if mark}
            fits = {told.digits for told in known if told.marks & marks}
            if len(fits) == 1:
                found[each.guid.lower()] = fits.pop()
        if not found and len(interfaces) == 1 and len({each.digits for each in known}) == 1 and not known[0].marks:
            found[interfaces[0].guid.lower()] = known[0].digits
        return found

    return told


def _told(facts: ComputerFacts) -> Iterator[_Told]:
    for name in (_ADAPTERS, _CONFIGURATIONS):
        for each in facts.instances(name) or ():
            text = _text(each, "MACAddress")
            if _MAC.fullmatch(text):
                marks = {_text(each, mark).lower() for mark in ("GUID", "SettingID", "PNPDeviceID", "NetConnectionID")}
                yield _Told(re.sub("[:-]", "", text).upper(), frozenset(marks - {""}))


def _text(instance: Instance, name: str) -> str:
    value = instance.get(name)
    return value.strip() if isinstance(value, str) else ""
