"""Hives SYSTEM of real Windows: OSDIMAGE_HIVES names a folder of them, none of which is in this repository.

Those of github.com/mkorman90/regipy will do, unpacked: ``xz -d regipy_tests/data/SYSTEM*.xz``.  What enables a driver
for booting is planned and carried out, and compared key by key with what hivexregedit makes of what virt-v2v writes;
and the values Version of all packages of others are made again of what they say.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
from cases.boot_drivers import storage_inf, storage_package
from cases.hive_logs import with_numbers
from cases.offline_windows import WINDOWS_7, HeldFiles, make_tree
from cases.virt_v2v import IDS, PREFIX, merged_with, reg_of
from judges.hive import dissect
from osdimage.imaging.drivers import OfflineWindows, offline_windows, packages_in, plan_boot_enabling
from osdimage.imaging.drivers.offline.version_value import VersionValue
from osdimage.imaging.registry.edits import import_edits
from osdimage.imaging.registry.write import write_hive

_FOLDER = os.environ.get("OSDIMAGE_HIVES")
HIVES = [
    path
    for path in (sorted(Path(_FOLDER).iterdir()) if _FOLDER else ())
    if path.name.startswith("SYSTEM") and ".LOG" not in path.name and path.read_bytes()[:4] == b"regf"
]
pytestmark = [
    pytest.mark.foreign,
    pytest.mark.slow,
    pytest.mark.skipif(not HIVES, reason="OSDIMAGE_HIVES names no folder of hives SYSTEM"),
]


def windows_of(hive: bytes) -> OfflineWindows:
    tree = make_tree(replace(WINDOWS_7, has_drivers_hive=False))
    return offline_windows(HeldFiles(tree | {"Windows/System32/config/SYSTEM": hive}))


def closed(path: Path) -> bytes:
    """Return a hive as if Windows had closed it, without the changes of its logs."""
    return with_numbers(path.read_bytes(), 5, 5)


@pytest.mark.parametrize("service", ["viostor", "vioscsi"])
@pytest.mark.parametrize("path", HIVES, ids=lambda path: path.name)
def test_a_real_hive_becomes_what_virt_v2v_makes_of_it(path: Path, service: str, tmp_path: Path) -> None:
    windows = windows_of(closed(path))
    ids = [[f"PCI\\{each}"] for each in IDS[service]]
    files = HeldFiles(storage_package(service, storage_inf(service, ids=ids, driver_ver=None)))
    (package,) = packages_in(files)
    model = package.inf.models(windows.os)[0]
    enabling = plan_boot_enabling(package, model, windows)
    import_edits(windows.system, [each.edit for each in enabling.edits], PREFIX)
    expected = merged_with(closed(path), reg_of(service, has_database=windows.has_driver_database), tmp_path)
    assert dissect(write_hive(windows.system)) == expected
    assert plan_boot_enabling(package, model, windows).edits == ()


@pytest.mark.parametrize("path", HIVES, ids=lambda path: path.name)
def test_the_versions_of_the_drivers_of_others_are_made_again(path: Path) -> None:
    database = windows_of(closed(path)).system.root.child("DriverDatabase")
    packages = None if database is None else database.child("DriverPackages")
    for package in () if packages is None else packages.subkeys:
        value = package.value("Version")
        assert value is not None
        # Of those that Windows brought along, the first two bytes are others.
        assert VersionValue.parse(value.data).to_bytes()[2:40] == value.data[2:40], package.name
