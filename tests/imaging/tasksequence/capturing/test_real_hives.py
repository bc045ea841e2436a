"""Hives of real Windows: OSDIMAGE_HIVES names a folder of them, none of which is in this repository.

Those of github.com/mkorman90/regipy (f315415) are meant, unpacked: ``xz -d`` of SYSTEM* and SECURITY in its
regipy_tests/data.  What is expected
of each is what hivexget prints, such as
``hivexget SYSTEM 'ControlSet001\\services\\Tcpip\\Parameters\\Interfaces\\{698E50A9-4F58-4D86-B61D-F42E58DCACF6}'``.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from cases.hive_logs import with_numbers
from cases.offline_windows import WINDOWS_7, HeldFiles, make_tree
from osdimage.imaging.drivers import offline_windows
from osdimage.imaging.registry.read import read_hive
from osdimage.imaging.tasksequence.capturing.capture_windows import computer_name_of
from osdimage.imaging.tasksequence.capturing.membership import membership_in
from osdimage.imaging.tasksequence.capturing.network import network_of
from osdimage.imaging.tasksequence.capturing.time_zone import time_zone_of

_FOLDER = Path(os.environ.get("OSDIMAGE_HIVES") or "/nowhere")
pytestmark = [
    pytest.mark.foreign,
    pytest.mark.slow,
    pytest.mark.skipif(not _FOLDER.is_dir(), reason="OSDIMAGE_HIVES names no folder of hives"),
]


@dataclass(frozen=True)
class Real:
    """What a hive SYSTEM holds: of each adapter its connection, MAC address, and own address with its bits."""

    name: str
    computer: str
    zone: str
    adapters: tuple[tuple[str, str | None, str | None], ...]


REAL = (
    Real(
        "SYSTEM",
        "WKS-WIN732BITA",
        "Eastern Standard Time",
        (
            ("Local Area Connection 2", None, "10.3.58.5/24"),
            ("Local Area Connection", "000C297E7ED3", "192.168.1.123/24"),
        ),
    ),
    Real("SYSTEM_2", "SENSEI", "Pacific Standard Time", (("Ethernet", "080027499716", None),)),
    Real(
        "SYSTEM_B",
        "DESKTOP-PM6C56D",
        "Eastern Standard Time",
        (("Ethernet", "ECF4BB487FED", None), ("Wi-Fi", "EC0EC4207F0E", None)),
    ),
    Real("SYSTEM_WIN_10_1709", "DESKTOP-2KGM189", "Pacific Standard Time", (("Ethernet0", "000C29F3FFDE", None),)),
)


def closed(name: str) -> bytes:
    """Return a hive as if Windows had closed it, without the changes of its logs."""
    path = _FOLDER / name
    if not path.exists():
        pytest.skip(f"{path} is not there")
    return with_numbers(path.read_bytes(), 5, 5)


@pytest.mark.parametrize("real", REAL, ids=lambda real: real.name)
def test_a_real_windows_is_captured_as_it_is(real: Real) -> None:
    tree = make_tree(replace(WINDOWS_7, has_drivers_hive=False))
    windows = offline_windows(HeldFiles(tree | {"Windows/System32/config/SYSTEM": closed(real.name)}))
    assert (computer_name_of(windows), time_zone_of(windows)) == (real.computer, real.zone)
    found = network_of(windows).settings.adapters
    assert tuple((each.name, each.mac) for each in found) == tuple(each[:2] for each in real.adapters)
    for adapter, (_, _, address) in zip(found, real.adapters, strict=True):
        assert adapter.dhcp == (address is None)
        assert adapter.addresses == (() if address is None else ((IPv4Address(address.split("/")[0]), 24),))


def test_a_real_security_hive_tells_its_workgroup() -> None:
    assert membership_in(read_hive(closed("SECURITY")), "SECURITY").workgroup == "WORKGROUP"
