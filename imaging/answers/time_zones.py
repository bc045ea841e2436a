r"""The names of time zones in Windows, and the numbers that Windows before Vista has for them.

Names: CLDR 41, ``supplemental/windowsZones.xml`` (Unicode License v3), and two that Windows has retired but still knows
(Mid-Atlantic and Kamchatka).  A name in another language makes Setup fall back to UTC without a word
(SMS_TaskSequence_ApplyWindowsSettingsAction, TimeZone), so an unknown one is refused.

Numbers: ``Index`` of the keys in ``HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion\Time Zones`` of Windows XP, as
Microsoft lists them for Sysprep.inf ("Time Zone Index Values").
"""

from __future__ import annotations

import difflib

from osdimage.imaging.errors import InvalidRequest

NAMES: tuple[str, ...] = (
    "Afghanistan Standard Time", "Alaskan Standard Time", "Aleutian Standard Time", "Altai Standard Time",
    "Arab Standard Time", "Arabian Standard Time", "Arabic Standard Time", "Argentina Standard Time",
    "Astrakhan Standard Time", "Atlantic Standard Time", "AUS Central Standard Time", "Aus Central W. Standard Time",
    "AUS Eastern Standard Time", "Azerbaijan Standard Time", "Azores Standard Time", "Bahia Standard Time",
    "Bangladesh Standard Time", "Belarus Standard Time", "Bougainville Standard Time", "Canada Central Standard Time",
    "Cape Verde Standard Time", "Caucasus Standard Time", "Cen. Australia Standard Time",
    "Central America Standard Time", "Central Asia Standard Time", "Central Brazilian Standard Time",
    "Central Europe Standard Time", "Central European Standard Time", "Central Pacific Standard Time",
    "Central Standard Time", "Central Standard Time (Mexico)", "Chatham Islands Standard Time", "China Standard Time",
    "Cuba Standard Time", "Dateline Standard Time", "E. Africa Standard Time", "E. Australia Standard Time",
    "E. Europe Standard Time", "E. South America Standard Time", "Easter Island Standard Time",
    "Eastern Standard Time", "Eastern Standard Time (Mexico)", "Egypt Standard Time", "Ekaterinburg Standard Time",
    "Fiji Standard Time", "FLE Standard Time", "Georgian Standard Time", "GMT Standard Time",
    "Greenland Standard Time", "Greenwich Standard Time", "GTB Standard Time", "Haiti Standard Time",
    "Hawaiian Standard Time", "India Standard Time", "Iran Standard Time", "Israel Standard Time",
    "Jordan Standard Time", "Kaliningrad Standard Time", "Kamchatka Standard Time", "Korea Standard Time",
    "Libya Standard Time", "Line Islands Standard Time", "Lord Howe Standard Time", "Magadan Standard Time",
    "Magallanes Standard Time", "Marquesas Standard Time", "Mauritius Standard Time", "Mid-Atlantic Standard Time",
    "Middle East Standard Time", "Montevideo Standard Time", "Morocco Standard Time", "Mountain Standard Time",
    "Mountain Standard Time (Mexico)", "Myanmar Standard Time", "N. Central Asia Standard Time",
    "Namibia Standard Time", "Nepal Standard Time", "New Zealand Standard Time", "Newfoundland Standard Time",
    "Norfolk Standard Time", "North Asia East Standard Time", "North Asia Standard Time", "North Korea Standard Time",
    "Omsk Standard Time", "Pacific SA Standard Time", "Pacific Standard Time", "Pacific Standard Time (Mexico)",
    "Pakistan Standard Time", "Paraguay Standard Time", "Qyzylorda Standard Time", "Romance Standard Time",
    "Russia Time Zone 10", "Russia Time Zone 11", "Russia Time Zone 3", "Russian Standard Time",
    "SA Eastern Standard Time", "SA Pacific Standard Time", "SA Western Standard Time", "Saint Pierre Standard Time",
    "Sakhalin Standard Time", "Samoa Standard Time", "Sao Tome Standard Time", "Saratov Standard Time",
    "SE Asia Standard Time", "Singapore Standard Time", "South Africa Standard Time", "South Sudan Standard Time",
    "Sri Lanka Standard Time", "Sudan Standard Time", "Syria Standard Time", "Taipei Standard Time",
    "Tasmania Standard Time", "Tocantins Standard Time", "Tokyo Standard Time", "Tomsk Standard Time",
    "Tonga Standard Time", "Transbaikal Standard Time", "Turkey Standard Time", "Turks And Caicos Standard Time",
    "Ulaanbaatar Standard Time", "US Eastern Standard Time", "US Mountain Standard Time", "UTC", "UTC+12", "UTC+13",
    "UTC-02", "UTC-08", "UTC-09", "UTC-11", "Venezuela Standard Time", "Vladivostok Standard Time",
    "Volgograd Standard Time", "W. Australia Standard Time", "W. Central Africa Standard Time",
    "W. Europe Standard Time", "W. Mongolia Standard Time", "West Asia Standard Time", "West Bank Standard Time",
    "West Pacific Standard Time", "Yakutsk Standard Time", "Yukon Standard Time",
)  # fmt: skip

INDEXES: dict[str, int] = {
    "Dateline Standard Time": 0, "Samoa Standard Time": 1, "Hawaiian Standard Time": 2, "Alaskan Standard Time": 3,
    "Pacific Standard Time": 4, "Mountain Standard Time": 10, "Mountain Standard Time (Mexico)": 13,
    "US Mountain Standard Time": 15, "Central Standard Time": 20, "Canada Central Standard Time": 25,
    "Central Standard Time (Mexico)": 30, "Central America Standard Time": 33, "Eastern Standard Time": 35,
    "US Eastern Standard Time": 40, "SA Pacific Standard Time": 45, "Atlantic Standard Time": 50,
    "SA Western Standard Time": 55, "Pacific SA Standard Time": 56, "Newfoundland Standard Time": 60,
    "E. South America Standard Time": 65, "SA Eastern Standard Time": 70, "Greenland Standard Time": 73,
    "Mid-Atlantic Standard Time": 75, "Azores Standard Time": 80, "Cape Verde Standard Time": 83,
    "GMT Standard Time": 85, "Greenwich Standard Time": 90, "Central Europe Standard Time": 95,
    "Central European Standard Time": 100, "Romance Standard Time": 105, "W. Europe Standard Time": 110,
    "W. Central Africa Standard Time": 113, "E. Europe Standard Time": 115, "Egypt Standard Time": 120,
    "FLE Standard Time": 125, "GTB Standard Time": 130, "Israel Standard Time": 135,
    "South Africa Standard Time": 140, "Russian Standard Time": 145, "Arab Standard Time": 150,
    "E. Africa Standard Time": 155, "Arabic Standard Time": 158, "Iran Standard Time": 160,
    "Arabian Standard Time": 165, "Caucasus Standard Time": 170, "Afghanistan Standard Time": 175,
    "Ekaterinburg Standard Time": 180, "West Asia Standard Time": 185, "India Standard Time": 190,
    "Nepal Standard Time": 193, "Central Asia Standard Time": 195, "Sri Lanka Standard Time": 200,
    "N. Central Asia Standard Time": 201, "Myanmar Standard Time": 203, "SE Asia Standard Time": 205,
    "North Asia Standard Time": 207, "China Standard Time": 210, "Singapore Standard Time": 215,
    "Taipei Standard Time": 220, "W. Australia Standard Time": 225, "North Asia East Standard Time": 227,
    "Korea Standard Time": 230, "Tokyo Standard Time": 235, "Yakutsk Standard Time": 240,
    "AUS Central Standard Time": 245, "Cen. Australia Standard Time": 250, "AUS Eastern Standard Time": 255,
    "E. Australia Standard Time": 260, "Tasmania Standard Time": 265, "Vladivostok Standard Time": 270,
    "West Pacific Standard Time": 275, "Central Pacific Standard Time": 280, "Fiji Standard Time": 285,
    "New Zealand Standard Time": 290, "Tonga Standard Time": 300,
}  # fmt: skip

_BY_FOLDED = {name.lower(): name for name in NAMES}


def canonical(name: str) -> str:
    """Return a time zone's name as Windows writes it; case does not matter.

    Raises:
        InvalidRequest: when Windows has no such time zone; the message names those that are most alike.
    """
    found = _BY_FOLDED.get(name.lower())
    if found is None:
        alike = difflib.get_close_matches(name.lower(), _BY_FOLDED, n=3, cutoff=0.5)
        hint = ", ".join(_BY_FOLDED[each] for each in alike) or "UTC, W. Europe Standard Time"
        raise InvalidRequest(f"{name[:64]!r} is no time zone of Windows; valid are English names, such as {hint}")
    return found


def index_of(name: str) -> int:
    """Return the number of a time zone in Windows 2000, XP and Server 2003.

    Raises:
        InvalidRequest: when they do not know it.
    """
    name = canonical(name)
    if name not in INDEXES:
        raise InvalidRequest(
            f"{name!r} is no time zone of Windows before Vista; choose one with the same offset from UTC"
        )
    return INDEXES[name]
