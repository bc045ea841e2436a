"""The time zone of a Windows: by its name, and before Vista by its name in a language, or by its rules."""

from __future__ import annotations

import pytest
from cases.offline_windows import HeldFiles
from cases.settings_of_windows import OWNER, VERSION, XP, ZONES_XP, Keys, number, text, tree_of, zone
from osdimage.imaging.drivers import offline_windows
from osdimage.imaging.errors import InvalidInput
from osdimage.imaging.tasksequence.capturing.time_zone import time_zone_of

INFORMATION = r"Control\TimeZoneInformation"


def zone_told(told: dict[str, str], zones: Keys = ZONES_XP) -> str:
    tree = tree_of({INFORMATION: told}, {**OWNER, **zones}, made="xp")
    return time_zone_of(offline_windows(HeldFiles(tree)))


RULES = {name: value for name, value in XP[INFORMATION].items() if name != "StandardName"}
ALONE = zone("W. Europe Standard Time", "W. Europe Standard Time", 110, -60)
MUI = {rf"{VERSION}\Time Zones\Eastern Standard Time": {"Std": text("x"), "MUI_Std": text("@tzres.dll,-112")}}


@pytest.mark.parametrize(
    ("told", "zones", "expected"),
    [
        pytest.param({"TimeZoneKeyName": text("Pacific Standard Time")}, {}, "Pacific Standard Time", id="its name"),
        pytest.param(XP[INFORMATION], ZONES_XP, "W. Europe Standard Time", id="its name in German"),
        pytest.param({"StandardName": text("@tzres.dll,-112")}, MUI, "Eastern Standard Time", id="its translation"),
        pytest.param(RULES | {"StandardName": text("MEZ")}, ALONE, "W. Europe Standard Time", id="its rules"),
        # "Time Zone Index Values" (Microsoft): 30 is Guadalajara, Mexico City, Monterrey.
        pytest.param(
            {"StandardName": text("Mexico")},
            {rf"{VERSION}\Time Zones\Mexico Standard Time": {"Std": text("Mexico"), "Index": number(30)}},
            "Central Standard Time (Mexico)",
            id="a name that Windows XP had",
        ),
    ],
)
def test_a_time_zone_is_told_by_its_english_name(told: dict[str, str], zones: Keys, expected: str) -> None:
    assert zone_told(told, zones) == expected


@pytest.mark.parametrize(
    ("told", "zones", "said"),
    [
        pytest.param({}, ZONES_XP, r"no Control\\TimeZoneInformation|is none of those in its registry", id="nothing"),
        pytest.param({"StandardName": text("MEZ")}, ZONES_XP, "its time zone, 'MEZ', is none of those", id="no rules"),
        pytest.param(RULES, ZONES_XP, "may be any of 2 in its registry: 'Romance Standard Time'", id="rules of two"),
        pytest.param({"TimeZoneKeyName": text("MEZ")}, {}, "'MEZ' is no time zone of Windows", id="none of Windows"),
        pytest.param({"TimeZoneKeyName": number(1)}, {}, "has no Control.*or no Microsoft", id="of a wrong type"),
    ],
)
def test_what_is_not_sure_is_not_guessed(told: dict[str, str], zones: Keys, said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        zone_told(told, zones)
