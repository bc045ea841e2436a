"""What is captured of a Windows for the one that takes its place."""

from __future__ import annotations

from cases.offline_windows import HeldFiles
from cases.settings_of_windows import SEVEN, tree_of
from osdimage.imaging.drivers.offline.windows import offline_windows
from osdimage.imaging.errors import InvalidInput, InvalidRequest
from osdimage.imaging.registry.read import read_hive
from osdimage.imaging.tasksequence.capturing.capture_windows import computer_name_of
from osdimage.imaging.tasksequence.capturing.membership import membership_in
from osdimage.imaging.tasksequence.capturing.network import network_of, network_variables
from osdimage.imaging.tasksequence.capturing.time_zone import time_zone_of

from fuzz.target import Target

_TREE = tree_of(SEVEN, made="7")
_CONFIG = "Windows/System32/config"


def _settings(data: bytes) -> None:
    windows = offline_windows(HeldFiles(_TREE | {f"{_CONFIG}/SYSTEM": data}))
    for adapter in network_of(windows).settings.adapters:
        assert adapter.dhcp or adapter.addresses
    assert all(network_variables(network_of(windows).settings).values())
    assert computer_name_of(windows)
    assert time_zone_of(windows)


def _membership(data: bytes) -> None:
    found = membership_in(read_hive(data), "x")
    assert bool(found.domain) != bool(found.workgroup)


TARGETS = (
    Target(
        "captured-settings",
        _settings,
        lambda: (_TREE[f"{_CONFIG}/SYSTEM"],),
        (InvalidInput, InvalidRequest),
        largest=32 << 10,
    ),
    Target(
        "captured-membership",
        _membership,
        lambda: (_TREE[f"{_CONFIG}/SECURITY"],),
        (InvalidInput,),
        largest=16 << 10,
    ),
)
