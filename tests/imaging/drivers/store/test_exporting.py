"""Packages as folders and ZIPs: what other programs find in them, and what is in the way."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from cases.driver_files import write_guest_drivers
from judges.wim import require
from osdimage.imaging.drivers.store.adding import ImportWish
from osdimage.imaging.drivers.store.catalog import DriverCatalog, driver_number, files_of, open_catalog
from osdimage.imaging.drivers.store.exporting import export_package
from osdimage.imaging.drivers.store.importing import import_drivers
from osdimage.imaging.drivers.store.named import create_package
from osdimage.imaging.drivers.store.settings import DriverChange, change_driver
from osdimage.imaging.drivers.store.source import CatalogFiles
from osdimage.imaging.errors import InvalidRequest, StorageError, TargetRefused

SCSI = "Red Hat VirtIO SCSI controller"
NET = "Red Hat VirtIO Ethernet Adapter"


@pytest.fixture(scope="module")
def guests(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_guest_drivers(tmp_path_factory.mktemp("guests"))


@pytest.fixture
def opened(tmp_path: Path, guests: Path) -> Iterator[DriverCatalog]:
    with open_catalog(tmp_path / "drivers.db", creates=True) as made:
        import_drivers(made, [guests / name / "amd64" for name in ("NetKVM", "vioscsi")], ImportWish(package="Guests"))
        yield made


def tree(folder: Path) -> dict[str, bytes]:
    return {str(each.relative_to(folder)): each.read_bytes() for each in folder.rglob("*") if each.is_file()}


def wanted(guests: Path) -> dict[str, bytes]:
    return {
        f"{place}/{name}": (guests / folder / "amd64" / name).read_bytes()
        for place, folder in (("00-netkvm", "NetKVM"), ("01-vioscsi", "vioscsi"))
        for name in (f"{place[3:]}.inf", f"{place[3:]}.sys", f"{place[3:]}.cat")
    }


def test_each_driver_has_a_folder_of_its_own(opened: DriverCatalog, guests: Path, tmp_path: Path) -> None:
    done = export_package(opened, "guests", tmp_path / "out")
    assert tree(tmp_path / "out") == wanted(guests)
    assert done.folders == (("00-netkvm", NET), ("01-vioscsi", SCSI))
    assert (done.files, done.size) == (6, sum(map(len, wanted(guests).values())))
    assert {each.name for each in tmp_path.iterdir()} == {"drivers.db", "drivers.db.contents", "out"}


@pytest.mark.foreign
def test_another_program_takes_the_same_out_of_a_zip(opened: DriverCatalog, guests: Path, tmp_path: Path) -> None:
    for _ in range(2):
        export_package(opened, "Guests", tmp_path / "out.zip", overwrite=True)
    subprocess.run(
        [require("7zz"), "x", f"-o{tmp_path / 'taken'}", tmp_path / "out.zip"], check=True, capture_output=True
    )
    assert tree(tmp_path / "taken") == wanted(guests)
    first = (tmp_path / "out.zip").read_bytes()
    export_package(opened, "Guests", tmp_path / "again.zip")
    assert (tmp_path / "again.zip").read_bytes() == first


def test_disabled_drivers_are_left_out_and_told(opened: DriverCatalog, tmp_path: Path) -> None:
    change_driver(opened, NET, DriverChange(enabled=False))
    done = export_package(opened, "Guests", tmp_path / "out")
    assert (done.left_out, done.folders) == ((NET,), (("00-vioscsi", SCSI),))
    change_driver(opened, SCSI, DriverChange(enabled=False))
    with pytest.raises(InvalidRequest, match="has no driver that is enabled"):
        export_package(opened, "Guests", tmp_path / "none")


def test_what_is_there_is_not_touched(opened: DriverCatalog, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir(mode=0o750)
    export_package(opened, "Guests", tmp_path / "empty")
    assert len(tree(tmp_path / "empty")) == 6
    assert (tmp_path / "empty").stat().st_mode & 0o777 == 0o750
    for name in ("empty", "drivers.db"):
        with pytest.raises(TargetRefused, match="is there already"):
            export_package(opened, "Guests", tmp_path / name)
    (tmp_path / "old.zip").write_bytes(b"old")
    with pytest.raises(TargetRefused, match="exists already"):
        export_package(opened, "Guests", tmp_path / "old.zip")
    with pytest.raises(StorageError, match="No such file"):
        export_package(opened, "Guests", tmp_path / "missing" / "out")


def test_a_damaged_content_leaves_nothing_behind(opened: DriverCatalog, tmp_path: Path) -> None:
    for each in files_of(opened, driver_number(opened, SCSI)):
        opened.contents.path_of(each.sha256).unlink()
    before = {each.name for each in tmp_path.iterdir()}
    for name in ("out", "out.zip"):
        with pytest.raises(Exception, match="is missing, and the catalog names it"):
            export_package(opened, "Guests", tmp_path / name)
    assert {each.name for each in tmp_path.iterdir()} == before


def test_what_a_killed_export_left_is_swept_up(opened: DriverCatalog, tmp_path: Path) -> None:
    left = tmp_path / ".osdimage-drivers-0123456789abcdef"
    (left / "00-netkvm").mkdir(parents=True)
    export_package(opened, "Guests", tmp_path / "out")
    assert not left.exists()


def test_the_files_of_a_driver_are_read_without_case(opened: DriverCatalog) -> None:
    number = driver_number(opened, SCSI)
    source = CatalogFiles("catalog", opened.contents, files_of(opened, number))
    assert source.read("VioSCSI.SYS") == b"MZ scsi amd64"
    assert {each.path for each in source.walk()} == {"vioscsi.inf", "vioscsi.sys", "vioscsi.cat"}
    assert source.find("none.sys") is None
    with pytest.raises(InvalidRequest, match="there is no"):
        source.read("none.sys")


def test_packages_are_no_matter_of_order(opened: DriverCatalog, tmp_path: Path) -> None:
    create_package(opened, "Other", drivers=[SCSI.lower(), NET.upper()])
    for name in ("Guests", "Other"):
        export_package(opened, name, tmp_path / name)
    assert tree(tmp_path / "Guests") == tree(tmp_path / "Other")
