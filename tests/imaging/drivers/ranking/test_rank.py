"""Ranks of drivers, against Microsoft's pages."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from osdimage.imaging.drivers import (
    Architecture,
    Candidate,
    Device,
    DriverFacts,
    MatchKind,
    MemoryIndex,
    Rank,
    Signature,
    TargetOs,
    match_drivers,
)
from osdimage.imaging.drivers.ranking.rank import identifier_score

_TEN = TargetOs(10, 0, 22631, Architecture.AMD64)

# "Driver Package Rank Example" (windows-driver-docs, install/driver-rank-example--windows-vista-and-later-.md): the
# device has HwID_1, HwID_2 and CID_1, CID_2, the line of the INF has INF_HwID_1, INF_CID_1, INF_CID_2.  Its table, by
# the position of the id in the INF's line and the id of the device that is the same.
_TABLE = {
    ("HwID_1", 0): 0x0000,
    ("HwID_1", 1): 0x1000,
    ("HwID_1", 2): 0x1000,
    ("HwID_2", 0): 0x0001,
    ("HwID_2", 1): 0x1001,
    ("HwID_2", 2): 0x1001,
    ("CID_1", 0): 0x2000,
    ("CID_1", 1): 0x3000,
    ("CID_1", 2): 0x3100,
    ("CID_2", 0): 0x2001,
    ("CID_2", 1): 0x3001,
    ("CID_2", 2): 0x3101,
}
_DEVICE = Device("x", ("HwID_1", "HwID_2"), ("CID_1", "CID_2"))


@pytest.mark.parametrize(("cell", "expected"), _TABLE.items(), ids=str)
def test_every_cell_of_microsofts_example_has_its_rank(cell: tuple[str, int], expected: int) -> None:
    found, position = cell
    driver = DriverFacts("x.inf", 0, signature=Signature.PRESENT)
    candidate = Candidate(driver, found, position, "x", "InstallSection1", "NTamd64", feature_score=0xFE)
    (matched,) = match_drivers(MemoryIndex(_TEN, [driver], [candidate]), [_DEVICE], _TEN).devices
    assert matched.chosen is not None
    assert matched.chosen.rank.value == 0x00FE0000 | expected


def test_a_rank_is_written_as_in_the_log_of_setupapi() -> None:
    # "Driver Rank Information in the SetupAPI Log": 00FF3101 of a signed driver, for USB\Class_03&SubClass_01 where the
    # device has USB\Class_03&SubClass_01&Prot_02 in front of it and the INF another compatible id in front of its own.
    assert str(Rank(0x00, 0xFF, identifier_score(MatchKind.COMPATIBLE, 1, 1))) == "0x00FF3101"


def test_signatures_are_ordered_as_the_page_orders_them() -> None:
    # "Signature Score": trusted, then unsigned with .nt, then unsigned without, then unknown.
    scores = [
        Signature.PRESENT.score(is_nt=True),
        Signature.NONE.score(is_nt=True),
        Signature.NONE.score(is_nt=False),
        Signature.UNKNOWN.score(is_nt=True),
    ]
    assert scores == sorted(set(scores))
    assert Signature.CHECKED.score(is_nt=False) == Signature.PRESENT.score(is_nt=True)


@given(st.integers(0, 2000), st.integers(0, 2000), st.sampled_from(MatchKind))
def test_a_kind_of_match_never_reaches_the_range_of_the_next(device: int, inf: int, kind: MatchKind) -> None:
    # "Identifier Score": the ranges are 0x0000 to 0x0FFF, 0x1000 to 0x1FFF, and so on.
    assert kind <= identifier_score(kind, device, inf) <= kind + 0xFFF
