r"""The time zone of a Windows, by the name that its registry has for it in every language.

Windows Vista and later keep that name (``TimeZoneKeyName`` of ``Control\TimeZoneInformation``).  Windows before has
only the name in its own language, and the rules: the zone is the key below ``Time Zones`` in the hive SOFTWARE that
says the same, which keys of other languages never do.

Sources: Microsoft, "DYNAMIC_TIME_ZONE_INFORMATION" (``TimeZoneKeyName``) and "TIME_ZONE_INFORMATION" (``TZI``: a
REG_TZI_FORMAT of three numbers and two SYSTEMTIMEs).  ``TimeZoneKeyName`` of a Windows 7 that was looked at is 256
bytes with garbage behind the first NUL; and its two dates are no SYSTEMTIMEs: their day of the week is the last field.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

from osdimage.imaging.answers.time_zones import INDEXES, canonical
from osdimage.imaging.drivers.offline.windows import OfflineWindows
from osdimage.imaging.errors import InvalidInput, InvalidRequest, quoted
from osdimage.imaging.registry.hive import Key
from osdimage.imaging.registry.lookup import number_of, text_of

_INFORMATION = r"Control\TimeZoneInformation"
_ZONES = r"Microsoft\Windows NT\CurrentVersion\Time Zones"
_TZI, _DATE = struct.Struct("<iii16s16s"), struct.Struct("<8H")
_SIGNED = 1 << 31
_MOST_SHOWN = 5


def time_zone_of(windows: OfflineWindows) -> str:
    """Return the time zone of a Windows, as answer files write it.

    Raises:
        InvalidInput: when it cannot be told, or is none that answer files can have.
    """
    told = windows.system.root.find(rf"{windows.control_set}\{_INFORMATION}")
    zones = None if windows.software is None else windows.software.root.find(_ZONES)
    name = text_of(told, "TimeZoneKeyName")
    if name:
        return _known(windows, name, None if zones is None else zones.child(name))
    if told is None or zones is None:
        raise InvalidInput(rf"{windows.name}: its registry has no {_INFORMATION}, or no {_ZONES}")
    standard = text_of(told, "StandardName")
    found = _only(windows, zones, _named(standard)) if standard else None
    found = found or _only(windows, zones, _ruled(told))
    if found is None:
        raise InvalidInput(f"{windows.name}: its time zone, {quoted(standard or '')}, is none of those in its registry")
    return _known(windows, found.name, found)


def _known(windows: OfflineWindows, name: str, zone: Key | None) -> str:
    """Return the name that answer files have for a zone; Windows XP has a few under other names."""
    try:
        return canonical(name)
    except InvalidRequest as error:
        index = number_of(zone, "Index")
        found = next((each for each, number in INDEXES.items() if number == index), None)
        if found is None:
            raise InvalidInput(f"{windows.name}: the time zone of its registry: {error}") from error
        return found


def _named(standard: str) -> Callable[[Key], bool]:
    def matches(zone: Key) -> bool:
        # The second is where a language pack has it: @tzres.dll,-112.
        return standard in {text_of(zone, "Std"), text_of(zone, "MUI_Std")}

    return matches


def _ruled(told: Key) -> Callable[[Key], bool]:
    wanted = (
        *(_bias(told, name) for name in ("Bias", "StandardBias", "DaylightBias")),
        *(_date(told, name) for name in ("StandardStart", "DaylightStart")),
    )

    def matches(zone: Key) -> bool:
        value = zone.value("TZI")
        return (
            None not in wanted and value is not None and len(value.data) == _TZI.size and _rules(value.data) == wanted
        )

    return matches


def _rules(data: bytes) -> tuple[object, ...]:
    bias, standard, daylight, first, second = _TZI.unpack(data)
    return bias, standard, daylight, _DATE.unpack(first), _DATE.unpack(second)


def _bias(told: Key, name: str) -> int | None:
    number = number_of(told, name)
    return None if number is None else (number & 0xFFFFFFFF) - (1 << 32 if number & _SIGNED else 0)


def _date(told: Key, name: str) -> tuple[int, ...] | None:
    value = told.value(name)
    if value is None or len(value.data) != _DATE.size:
        return None
    year, month, day, hour, minute, second, thousandths, weekday = _DATE.unpack(value.data)
    return year, month, weekday, day, hour, minute, second, thousandths


def _only(windows: OfflineWindows, zones: Key, matches: Callable[[Key], bool]) -> Key | None:
    found = [each for each in zones.subkeys if matches(each)]
    if len(found) > 1:
        names = ", ".join(quoted(each.name) for each in found[:_MOST_SHOWN])
        raise InvalidInput(f"{windows.name}: its time zone may be any of {len(found)} in its registry: {names}")
    return found[0] if found else None
