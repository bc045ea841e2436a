r"""Tables that Windows writes of its devices: CSV of ``wmic`` and of PowerShell, and PowerShell's JSON.

The columns are properties of ``Win32_PnPEntity`` and of what ``Get-PnpDevice`` returns, which have English names in
every Windows.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping

from osdimage.imaging.documents import parse_json
from osdimage.imaging.drivers.devices.device import Device
from osdimage.imaging.drivers.devices.instances import CLASS_GUID, NO_IDS, instance_device, is_instance
from osdimage.imaging.drivers.devices.listing import Collected, distinct
from osdimage.imaging.drivers.target_os import TargetOs
from osdimage.imaging.errors import InvalidInput

_HARDWARE = ("hardwareid", "hardwareids")
_COMPATIBLE = ("compatibleid", "compatibleids")
_INSTANCES = ("instanceid", "pnpdeviceid", "deviceid")
_NAMES = ("friendlyname", "name", "caption", "description")
_CLASS = ("classguid",)
_KNOWN = frozenset((*_HARDWARE, *_COMPATIBLE, *_INSTANCES))
_LOST = "System.String[]"
_DELIMITERS = ",;\t"
_COMMENT = "#TYPE"

_JOIN = (
    "PowerShell wrote System.String[] in the place of ids; write JSON instead: Get-CimInstance Win32_PnPEntity | "
    "Select-Object Name,DeviceID,HardwareID,CompatibleID | ConvertTo-Json"
)


def is_csv(lines: list[str]) -> bool:
    """Tell whether lines begin with the names of columns that devices have."""
    return _header(lines) is not None


def is_json(lines: list[str]) -> bool:
    """Tell whether lines begin as JSON does."""
    return next((line.lstrip()[:1] for line in lines if line.strip()), "") in {"[", "{"}


def collect_csv(lines: list[str], collected: Collected, os: TargetOs | None) -> None:
    """Take in the devices of a table.

    Raises:
        InvalidInput: when it is no CSV, or its ids were lost when it was written.
    """
    found = _header(lines)
    if found is None:
        return
    at, delimiter = found
    rows = csv.reader((f"{line}\n" for line in lines[at:]), delimiter=delimiter)
    try:
        names = [_key(each) for each in next(rows)]
        for row in rows:
            if len(row) > len(names):
                collected.warn(
                    "lines with more values than columns are left out: wmic does not quote commas; leave out columns "
                    "with names of devices"
                )
            elif row:
                _add(dict(zip(names, row, strict=False)), collected, os)
    except csv.Error as error:
        raise InvalidInput(f"{collected.name}, line {at + rows.line_num}: no CSV: {error}") from None


def collect_json(lines: list[str], collected: Collected, os: TargetOs | None) -> None:
    """Take in the devices of JSON.

    Raises:
        InvalidInput: when it is no JSON, or none of devices.
    """
    try:
        document = parse_json("\n".join(lines))
    except ValueError as error:
        raise InvalidInput(f"{collected.name} is no listing of devices: it begins as JSON does, but {error}") from None
    if isinstance(document, dict) and isinstance(document.get("value"), list):
        # What Windows PowerShell makes of an array that has a Count of its own.
        document = document["value"]
    for each in document if isinstance(document, list) else [document]:
        if isinstance(each, dict):
            _add({_key(name): value for name, value in each.items() if isinstance(name, str)}, collected, os)


def _header(lines: list[str]) -> tuple[int, str] | None:
    """Return where the names of columns are, and what is between them."""
    for at, line in enumerate(lines):
        if line.strip() and not line.startswith(_COMMENT):
            for delimiter in _DELIMITERS:
                if len(_KNOWN & {_key(each) for each in line.split(delimiter)}) > (delimiter not in line):
                    return at, delimiter
            return None
    return None


def _key(name: str) -> str:
    return name.strip(' "\t').casefold()


def _add(row: Mapping[str, object], collected: Collected, os: TargetOs | None) -> None:
    hardware, compatible = distinct(_ids(row, _HARDWARE)), distinct(_ids(row, _COMPATIBLE))
    if _LOST in hardware or _LOST in compatible:
        raise InvalidInput(f"{collected.name}: {_JOIN}")
    name = _text(row, _NAMES)
    guid = _text(row, _CLASS)
    if hardware or compatible:
        known = guid.upper() if CLASS_GUID.fullmatch(guid) else None
        collected.add(Device(name, hardware, compatible, known))
        return
    instance = _text(row, _INSTANCES)
    # A device that has columns of ids, and none there, has none; software of Windows is like that.
    if is_instance(instance) and not row.keys() & {*_HARDWARE, *_COMPATIBLE}:
        collected.add(instance_device(instance, os, name))
        collected.warn(NO_IDS)


def _text(row: Mapping[str, object], names: Iterable[str]) -> str:
    return next((value.strip() for name in names if isinstance(value := row.get(name), str) and value.strip()), "")


def _ids(row: Mapping[str, object], names: Iterable[str]) -> list[str]:
    """Return the ids of a value: a list, or a text in which something that no id holds is between them."""
    for name in names:
        value = row.get(name)
        if isinstance(value, str):
            # wmic writes {one;two}; an id may begin with a brace itself, as VMBUS\{guid} does not.
            inner = value.strip()
            whole = inner[1:-1] if inner[:1] == "{" and inner[-1:] == "}" and not CLASS_GUID.fullmatch(inner) else inner
            return [each for each in re.split(r"[;,|\s]+", whole) if each]
        if isinstance(value, list):
            return [each.strip() for each in value if isinstance(each, str)]
    return []
