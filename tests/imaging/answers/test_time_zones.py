"""Time zones of Windows, compared with the names in CLDR (fixtures/README.md says how they were taken out)."""

from __future__ import annotations

from pathlib import Path

import pytest
from osdimage.imaging import InvalidRequest
from osdimage.imaging.answers.time_zones import INDEXES, NAMES, canonical, index_of

CLDR = Path(__file__).parents[3] / "fixtures" / "cldr-windows-zones.txt"
RETIRED = {"Kamchatka Standard Time", "Mid-Atlantic Standard Time"}


def test_the_names_are_those_of_cldr_and_two_that_windows_still_knows() -> None:
    theirs = CLDR.read_text(encoding="ascii").splitlines()
    assert len(theirs) == 139
    assert set(NAMES) == {*theirs, *RETIRED}
    assert len(NAMES) == len(set(NAMES))


def test_names_are_compared_without_case() -> None:
    assert canonical("w. EUROPE standard TIME") == "W. Europe Standard Time"


def test_an_unknown_name_is_refused_with_those_that_are_alike() -> None:
    with pytest.raises(InvalidRequest, match=r"W\. Europe Standard Time"):
        canonical("West Europe Standard Time")
    with pytest.raises(InvalidRequest, match="valid are English names"):
        canonical("Mitteleuropäische Zeit" * 100)


# "Index" of the keys below Time Zones in ReactOS' boot/bootdata/hivesft.inf, which has those of Windows.
@pytest.mark.parametrize(
    ("name", "index"),
    [
        ("Alaskan Standard Time", 3),
        ("Mountain Standard Time (Mexico)", 13),
        ("Eastern Standard Time", 35),
        ("Pacific SA Standard Time", 56),
        ("Greenland Standard Time", 73),
        ("GMT Standard Time", 85),
        ("Romance Standard Time", 105),
        ("W. Europe Standard Time", 110),
        ("Iran Standard Time", 160),
        ("Nepal Standard Time", 193),
        ("Myanmar Standard Time", 203),
        ("North Asia Standard Time", 207),
    ],
)
def test_windows_before_vista_has_numbers(name: str, index: int) -> None:
    assert index_of(name.upper()) == index


def test_every_number_belongs_to_a_name() -> None:
    assert set(INDEXES) <= set(NAMES)
    assert len(set(INDEXES.values())) == len(INDEXES)
