r"""Listings of WMI: what PowerShell shows of instances, as JSON and as lists.

JSON: instances as ``Get-CimInstance Win32_BIOS | ConvertTo-Json`` writes them, one or a list, in a file of their own
or several in a list.  Lists: ``Get-CimInstance Win32_BIOS | Format-List *``, and ``Get-WmiObject``: lines ``Name :
value``, an empty line behind each instance.  Of each instance one of its entries says of which class it is:
``CimClass``, ``__CLASS`` or ``CreationClassName``.

A list shows numbers as texts, ``{a, b}`` for several values, and nothing for no value.  What it cut short (``...``), or
broke into lines, is not known.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from osdimage.imaging.errors import InvalidDocument
from osdimage.imaging.tasksequence.facts.computer import (
    CIMV2,
    ComputerFacts,
    Fact,
    Instance,
    KnownClass,
    plain_namespace,
)
from osdimage.imaging.tasksequence.facts.document import checked_fact

_LINE = re.compile(r"([A-Za-z_][A-Za-z0-9_]{0,80})[ \t]*:(?:[ ](.*))?")
_CLASS = re.compile(r"(?:(?P<space>[A-Za-z0-9_/\\]{1,200}):)?(?P<name>[A-Za-z][A-Za-z0-9_]{1,80})", re.ASCII)
_OF_CLASS = ("CimClass", "__CLASS", "CreationClassName")
_CUT = ("...", "…")
_NUMBER = re.compile(r"-?\d{1,19}", re.ASCII)
# Texts in WMI, also where they are digits.
_TEXTS = frozenset({
    "assettag", "buildnumber", "identifyingnumber", "model", "name", "product", "serialnumber", "smbiosassettag",
    "smbiosbiosversion", "systemskunumber", "uuid", "version",
})  # fmt: skip


def is_listing(text: str) -> bool:
    """Tell whether a text has a line that says of which class an instance is."""
    return any(_is_of_class(line) for line in text.splitlines())


def _is_of_class(line: str) -> bool:
    match = _LINE.fullmatch(line.rstrip())
    return match is not None and match[1] in _OF_CLASS


def facts_of_list(text: str, *, source: str) -> ComputerFacts:
    """Return what lists of instances tell.

    Raises:
        InvalidDocument: when an instance does not say of which class it is.
    """
    found: list[tuple[str, str, Instance]] = []
    for number, entries in _instances(text):
        found.append(
            _placed(entries, {name: _value(name, value) for name, value in entries.items()}, f"{source}:{number}")
        )
    return _facts(found)


def _instances(text: str) -> Iterator[tuple[int, dict[str, str]]]:
    entries: dict[str, str] = {}
    begin, last = 0, ""
    for number, line in enumerate([*text.splitlines(), ""], 1):
        match = _LINE.fullmatch(line.rstrip())
        if match is not None:
            begin = begin or number
            last = match[1]
            entries[last] = match[2] or ""
        elif line.strip():
            # The value goes on in another line, nobody says how.
            entries.pop(last, None)
        elif entries:
            yield begin, entries
            entries, begin, last = {}, 0, ""


def _value(name: str, text: str) -> Fact | None:
    text = text.strip()
    if text.startswith("{") and text.endswith("}"):
        return tuple(_scalar(name, each.strip()) for each in text[1:-1].split(",") if each.strip())
    return _scalar(name, text)


def _scalar(name: str, text: str) -> str | int | bool | None:
    if not text:
        return None
    if text in {"True", "False"}:
        return text == "True"
    return int(text) if name.lower() not in _TEXTS and _NUMBER.fullmatch(text) is not None else text


def facts_of_json(document: object, *, source: str) -> ComputerFacts:
    """Return what instances tell that PowerShell wrote as JSON.

    Raises:
        InvalidDocument: when it is something else, or an instance does not say of which class it is.
    """
    found = []
    for place, each in _objects(document, source):
        entries = {name: str(value) for name, value in each.items() if name in _OF_CLASS and isinstance(value, str)}
        held = each.get("CimClass")
        if isinstance(held, dict) and isinstance(held.get("CimClassName"), str):
            entries["CimClass"] = str(held["CimClassName"])
        values: dict[str, Fact] = {}
        for name, value in each.items():
            if isinstance(value, dict):
                continue
            try:
                values[name] = checked_fact(value, f"{place}.{name[:60]}")
            except ValueError:
                # What is an object of its own in WMI, conditions do not ask for.
                continue
        found.append(_placed(entries, values, place))
    return _facts(found)


def _objects(document: object, place: str) -> Iterator[tuple[str, Mapping[str, object]]]:
    if isinstance(document, dict):
        yield place, document
        return
    if not isinstance(document, list):
        raise InvalidDocument(f"{place} is no instance of WMI")
    for index, each in enumerate(document):
        if isinstance(each, list):
            for inner, one in enumerate(each):
                yield from _objects(one if isinstance(one, dict) else None, f"{place}[{index}][{inner}]")
        else:
            yield from _objects(each if isinstance(each, dict) else None, f"{place}[{index}]")


def _placed(entries: Mapping[str, str], values: Mapping[str, Fact], place: str) -> tuple[str, str, Instance]:
    told = next((entries[name] for name in _OF_CLASS if entries.get(name)), "")
    match = _CLASS.fullmatch(told.strip())
    if match is None:
        raise InvalidDocument(f"{place}: an instance that does not say of which class it is (CimClass, __CLASS)")
    properties = {name: value for name, value in values.items() if not name.startswith("__") and name not in _OF_CLASS}
    known = {name: value for name, value in properties.items() if not _is_cut(value)}
    space = plain_namespace(match["space"]) if match["space"] else CIMV2
    return space, match["name"], Instance(known)


def _is_cut(value: Fact) -> bool:
    some = value if isinstance(value, tuple) else (value,)
    return any(isinstance(each, str) and each.endswith(_CUT) for each in some)


def _facts(found: list[tuple[str, str, Instance]]) -> ComputerFacts:
    classes: dict[tuple[str, str], list[Instance]] = {}
    names = {name.lower(): name for _, name, _ in found}
    for space, name, instance in found:
        classes.setdefault((space, name.lower()), []).append(instance)
    return ComputerFacts({key: KnownClass(names[key[1]], tuple(some)) for key, some in classes.items()})
