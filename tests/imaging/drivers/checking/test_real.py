"""Signed packages of others, where there are some: ``OSDIMAGE_DRIVERS=FOLDER`` says where.

Those of virtio-win are in its repository virtio-win-pkg-scripts, below ``data/old-drivers``; a release of Windows has
thousands.  osslsigncode calculates the same hash of each driver with a signature, and reads the same signer.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from judges import signing
from osdimage.imaging.drivers import FolderFiles, Verdict, check_package, packages_in, program_signature
from osdimage.imaging.drivers.signed.hashes import authenticode_hash

FOLDER = os.environ.get("OSDIMAGE_DRIVERS")

pytestmark = [
    pytest.mark.foreign,
    pytest.mark.skipif(FOLDER is None, reason="OSDIMAGE_DRIVERS names no folder of packages"),
]


def test_no_signature_that_somebody_gave_out_is_called_wrong() -> None:
    packages = packages_in(FolderFiles(Path(str(FOLDER))))
    assert packages
    for package in packages:
        checked = check_package(package, now=datetime.now(UTC))
        found = [each.signature for each in (*checked.catalogs, *checked.drivers) if each.signature is not None]
        assert all(each.verdict is not Verdict.WRONG for each in found), package.path
        assert not [each for each in checked.findings if each.code == "catalog-unreadable"], package.path


def test_each_driver_has_the_hash_that_osslsigncode_calculates() -> None:
    drivers = [each for each in Path(str(FOLDER)).rglob("*") if each.suffix.lower() == ".sys"]
    assert drivers
    for path in drivers:
        data = path.read_bytes()
        signature = program_signature(data, name=path.name)
        if signature is not None:
            assert authenticode_hash(data, signature.algorithm, name=path.name).hex() == signing.authenticode(path)
