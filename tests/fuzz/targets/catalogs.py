"""Catalogs of drivers: files of SQLite that anybody may have made, read, searched and changed."""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

from cases.offered import ID, offered
from osdimage.imaging.drivers.devices.device import Device
from osdimage.imaging.drivers.ranking.match import match_drivers
from osdimage.imaging.drivers.store.adding import ImportWish, add_drivers
from osdimage.imaging.drivers.store.addresses import supply_of
from osdimage.imaging.drivers.store.catalog import driver_number, files_of, open_catalog
from osdimage.imaging.drivers.store.index import CatalogIndex
from osdimage.imaging.drivers.store.named import all_packages
from osdimage.imaging.drivers.store.search import DriverFilter, find_drivers
from osdimage.imaging.drivers.store.settings import DriverChange, change_driver
from osdimage.imaging.drivers.target_os import Architecture, TargetOs
from osdimage.imaging.errors import InvalidInput, InvalidRequest, StorageError

from fuzz.target import Target

_WINDOWS = TargetOs(10, 0, 22631, Architecture.AMD64)
# SQLite says of some damage that it cannot read.
_REFUSALS = (InvalidInput, InvalidRequest, StorageError)


def _catalog(data: bytes) -> None:
    with tempfile.TemporaryDirectory(prefix="osdimage-fuzz-") as folder:
        path = Path(folder) / "drivers.db"
        path.write_bytes(data)
        with open_catalog(path) as opened:
            found = find_drivers(opened)
            find_drivers(opened, DriverFilter(os=_WINDOWS, id="PCI\\VEN"))
            all_packages(opened)
            match_drivers(CatalogIndex(opened, _WINDOWS), [Device("x", (ID,))], _WINDOWS)
            with suppress(InvalidRequest):
                supply_of("catalog:", opened).files.list()
            for each in found:
                for file in files_of(opened, driver_number(opened, each.name)):
                    # No row leads out of the folder of contents.
                    assert opened.contents.path_of(file.sha256).parent.parent == opened.contents.folder
        assert path.read_bytes() == data
        with open_catalog(path, writes=True) as opened:
            for each in found[:1]:
                change_driver(opened, each.name, DriverChange(enabled=not each.is_enabled, joins=("Lab",)))


def _seeds() -> Iterator[bytes]:
    with tempfile.TemporaryDirectory(prefix="osdimage-fuzz-") as folder:
        path = Path(folder) / "drivers.db"
        with open_catalog(path, creates=True) as opened:
            both = [offered("First", inf="first.inf"), offered("Second", inf="second.inf", files={"second.inf": b"2"})]
            add_drivers(opened, both, ImportWish(categories=("Storage",), package="Both"))
        # Small pages, so that most of the bytes say something.
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA page_size = 512")
            connection.execute("VACUUM")
        yield path.read_bytes()


TARGETS = (Target("driver-catalog", _catalog, _seeds, _REFUSALS, largest=64 << 10),)
