"""The domain or workgroup of a Windows, out of its hive SECURITY."""

from __future__ import annotations

import struct

import pytest
from cases.hive_logs import with_numbers
from cases.offline_windows import HeldFiles
from cases.settings_of_windows import DOMAIN, SID, WORKGROUP, Keys, raw, security, tree_of
from hypothesis import given
from hypothesis import strategies as st
from osdimage.imaging.answers.settings import Membership
from osdimage.imaging.drivers import offline_windows
from osdimage.imaging.errors import InvalidInput, TargetRefused
from osdimage.imaging.registry import Value
from osdimage.imaging.registry.write import new_hive
from osdimage.imaging.tasksequence.capturing.membership import membership_in, membership_of
from osdimage.imaging.tasksequence.capturing.network import membership_variables

SECURITY = "Windows/System32/config/SECURITY"


def membership(keys: Keys) -> Membership:
    files = HeldFiles(tree_of({}, membership=keys))
    return membership_of(files, offline_windows(files))


# The first value is, byte for byte, that of github.com/mkorman90/regipy (f315415), as hivexget prints it:
# hivexget SECURITY 'Policy\PolPrDmN' @ | xxd: 1200 1400 0800 0000 5700 4f00 5200 4b00 4700 5200 4f00 5500 5000 0000
OF_REGIPY = {r"Policy\PolPrDmN": {"@": raw(bytes.fromhex("12001400 08000000") + "WORKGROUP\0".encode("utf-16-le"), 0)}}


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        pytest.param(OF_REGIPY, {"OSDNetworkJoinType": "1", "OSDWorkgroupName": "WORKGROUP"}, id="of a real one"),
        pytest.param(WORKGROUP, {"OSDNetworkJoinType": "1", "OSDWorkgroupName": "WORKGROUP"}, id="workgroup"),
        pytest.param(DOMAIN, {"OSDNetworkJoinType": "0", "OSDDomainName": "shieldbase.local"}, id="domain"),
        pytest.param(
            security("OLD", sid=SID), {"OSDNetworkJoinType": "0", "OSDDomainName": "OLD"}, id="domain without DNS"
        ),
    ],
)
def test_membership_becomes_the_variables_of_apply_network_settings(keys: Keys, expected: dict[str, str]) -> None:
    assert membership_variables(membership(keys)) == expected


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="empty"),
        pytest.param(struct.pack("<HHI", 18, 20, 0xFFFFFFFF) + b"W\0" * 9, id="far behind its value"),
        pytest.param(struct.pack("<HHI", 18, 20, 0) + b"W\0" * 9, id="inside its own lengths"),
        pytest.param(struct.pack("<HHI", 3, 4, 8) + b"W\0W\0", id="half a character"),
        pytest.param(b"\x12\0", id="too short"),
        pytest.param(struct.pack("<HHI", 0, 0, 8), id="no name"),
    ],
)
def test_a_name_that_does_not_lie_in_its_value_is_none(data: bytes) -> None:
    with pytest.raises(InvalidInput, match="domain or workgroup"):
        membership({**WORKGROUP, r"Policy\PolPrDmN": {"@": raw(data, 0)}})


def test_without_its_hive_or_with_changes_missing_nothing_is_told() -> None:
    tree = tree_of({})
    for hive, kind, said in (
        (None, InvalidInput, "SECURITY is not there"),
        (with_numbers(tree[SECURITY], 7, 6), TargetRefused, "SECURITY: Windows did not close it"),
    ):
        files = HeldFiles({path: data for path, data in (tree | {SECURITY: hive}).items() if data is not None})
        with pytest.raises(kind, match=said):
            membership_of(files, offline_windows(files))


@given(st.binary(max_size=64), st.binary(max_size=64))
def test_any_bytes_are_a_membership_or_none(name: bytes, dns: bytes) -> None:
    hive = new_hive("SECURITY")
    for key, data in (("PolPrDmN", name), ("PolPrDmS", b"\1"), ("PolDnDDN", dns)):
        hive.root.ensure(rf"Policy\{key}").set(Value("", 0, data))
    try:
        found = membership_in(hive, "x")
    except InvalidInput:
        return
    assert found.domain
