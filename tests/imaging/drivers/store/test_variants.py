"""A catalog that was filled from a whole collection offers the driver of the nearest Windows.

The folders are those of viostor on a virtio-win.iso, by the lists in virtio-win-pkg-scripts, ``util/filemap.py``, and
what is chosen of them is what test_variants.py of the supplies expects by Microsoft's builds of Windows.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from cases.driver_files import NET, inf_text, write_driver
from judges.disc import make
from osdimage.imaging.drivers.devices.device import Device
from osdimage.imaging.drivers.injection.choose import DriverWish, open_drivers
from osdimage.imaging.drivers.packages import packages_in
from osdimage.imaging.drivers.ranking.match import Matching, match_drivers
from osdimage.imaging.drivers.store.adding import ImportWish, Outcome
from osdimage.imaging.drivers.store.addresses import resolve, supply_of
from osdimage.imaging.drivers.store.catalog import DriverCatalog, all_drivers, open_catalog
from osdimage.imaging.drivers.store.exporting import export_package
from osdimage.imaging.drivers.store.importing import import_drivers
from osdimage.imaging.drivers.store.index import CatalogIndex
from osdimage.imaging.drivers.store.opening import open_driver_files
from osdimage.imaging.drivers.store.platforms import parse_platforms
from osdimage.imaging.drivers.store.records import CatalogDriver
from osdimage.imaging.drivers.store.settings import DriverChange, change_driver
from osdimage.imaging.drivers.supplied.opened import open_supply
from osdimage.imaging.drivers.supplied.variants import choose_packages
from osdimage.imaging.drivers.target_os import Architecture, ProductType, TargetOs

ID = "PCI\\VEN_1AF4&DEV_1001&SUBSYS_00021AF4&REV_00"
DISK = Device("disk", (ID,))
SYSTEMS = ("2k12", "2k12R2", "2k16", "2k19", "2k22", "2k25", "2k8", "2k8R2", "w10", "w11", "w7", "w8", "w8.1")
FOLDERS = [*(f"viostor/{each}/amd64" for each in SYSTEMS), "viostor/w10/ARM64", "viostor/w11/ARM64"]


def windows(version: str, architecture: str = "amd64", *, server: bool = False) -> TargetOs:
    product = ProductType.SERVER if server else ProductType.WORKSTATION
    return TargetOs.parse(version, Architecture.parse(architecture), product=product)


def write_variant(folder: Path, *, stem: str = "viostor", payload: bytes = b"") -> None:
    """Write a driver whose INF says the same in each folder: that it is for any Windows of both architectures."""
    text = inf_text(stem, (ID,), device="VirtIO disk", decorations=("NTamd64", "NTarm64"))
    write_driver(folder, text, stem=stem, payload=payload or str(folder).encode())


@pytest.fixture(scope="module")
def collection(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("collection") / "virtio-win"
    for each in FOLDERS:
        write_variant(root / each)
    # As the links on that disc: the same files once more, with the names of the folders the other way round.
    for each in ("2k16", "2k19", "2k22", "2k25", "w10", "w11"):
        write_variant(root / "amd64" / each, payload=str(root / "viostor" / each / "amd64").encode())
    other = inf_text("netkvm", ("PCI\\VEN_1AF4&DEV_1000",), device="VirtIO net", kind=NET, decorations=("NTamd64",))
    write_driver(root / "NetKVM" / "w10" / "amd64", other, stem="netkvm")
    return root


@pytest.fixture(scope="module")
def opened(collection: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DriverCatalog]:
    """Return a catalog that no test changes."""
    with open_catalog(tmp_path_factory.mktemp("filled") / "drivers.db", creates=True) as made:
        import_drivers(made, [collection], ImportWish(package="All", categories=("Lab",)))
        yield made


@pytest.fixture
def own(opened: DriverCatalog, tmp_path: Path) -> Iterator[DriverCatalog]:
    """Return such a catalog for one test."""
    for each in opened.path.parent.iterdir():
        (shutil.copytree if each.is_dir() else shutil.copy)(each, tmp_path / each.name)
    with open_catalog(tmp_path / opened.path.name, creates=True) as made:
        yield made


def found_in(catalog: DriverCatalog, os: TargetOs, device: Device = DISK) -> Matching:
    return match_drivers(CatalogIndex(catalog, os), [device], os)


def folder_of(catalog: DriverCatalog, name: str) -> str:
    (driver,) = (each for each in all_drivers(catalog) if each.name == name)
    return driver.folders[-1]


CHOSEN = [
    (windows("10.0.26100"), "viostor/w11/amd64"),
    (windows("10.0.19045"), "viostor/w10/amd64"),
    (windows("6.3.9600"), "viostor/w8.1/amd64"),
    (windows("6.1.7601"), "viostor/w7/amd64"),
    (windows("10.0.26100", server=True), "viostor/2k25/amd64"),
    (windows("10.0.20348", server=True), "viostor/2k22/amd64"),
    (windows("10.0.19042", server=True), "viostor/2k19/amd64"),
    (windows("6.1.7601", server=True), "viostor/2k8R2/amd64"),
    (windows("10.0.22631", "arm64"), "viostor/w11/ARM64"),
]


@pytest.mark.parametrize(("os", "expected"), CHOSEN, ids=str)
def test_of_drivers_that_say_the_same_the_one_of_the_nearest_windows_is_chosen(
    opened: DriverCatalog, collection: Path, os: TargetOs, expected: str
) -> None:
    (device,) = found_in(opened, os).devices
    assert [folder_of(opened, each.driver.name) for each in device.candidates] == [expected]
    # As of the collection itself.
    with open_supply(collection) as supply:
        taken = [each for each in choose_packages(packages_in(supply.files), os).taken if each.name == "viostor.inf"]
        assert [each.read("viostor.sys") for each in taken] == [str(collection / expected).encode()]
    # And so of what is named by an address, in both ways in which that is taken.
    packages = resolve("catalog:package:All", opened).packages
    named = [each.folders for each in choose_packages(packages, os).taken if each.name == "viostor.inf"]
    files = supply_of("catalog:category:Lab", opened).files
    supplied = [each.folders for each in choose_packages(packages_in(files), os).taken if each.name == "viostor.inf"]
    assert [each[-1] for each in named] == [each[-1] for each in supplied] == [expected]


def test_who_is_not_chosen_is_told_with_the_reason(opened: DriverCatalog) -> None:
    unused = {
        folder_of(opened, each.driver.name): each.reason for each in found_in(opened, windows("10.0.22631")).unused
    }
    assert unused["viostor/w8.1/amd64"] == "viostor/w11/amd64 is nearer to 10.0.22631 amd64 workstation"
    assert unused["viostor/2k25/amd64"] == "it is for a newer Windows, 2k25"
    assert unused["viostor/w11/ARM64"] == "it is for arm64"


def test_a_driver_that_lies_in_one_folder_alone_is_offered(opened: DriverCatalog) -> None:
    net = Device("net", ("PCI\\VEN_1AF4&DEV_1000",))
    (device,) = found_in(opened, windows("10.0.22631"), net).devices
    assert [each.driver.name for each in device.candidates] == ["VirtIO net"]


def test_the_same_files_in_two_folders_are_one_driver_for_both_windows(tmp_path: Path) -> None:
    root = tmp_path / "c"
    for system, payload in (("w10", b"a"), ("2k22", b"b"), ("w11", b"b"), ("2k16", b"a")):
        write_variant(root / "viostor" / system / "amd64", payload=payload)
    with open_catalog(tmp_path / "drivers.db", creates=True) as catalog:
        infs = import_drivers(catalog, [root])
        assert [each.outcome for each in infs].count(Outcome.NEW) == 2
        assert sorted(each.folders for each in all_drivers(catalog)) == [
            ("viostor/2k16/amd64", "viostor/w10/amd64"),
            ("viostor/2k22/amd64", "viostor/w11/amd64"),
        ]
        for os, expected in (
            (windows("10.0.22631"), "viostor/w11/amd64"),
            (windows("10.0.19045"), "viostor/w10/amd64"),
        ):
            (device,) = found_in(catalog, os).devices
            (chosen,) = device.candidates
            (driver,) = (each for each in all_drivers(catalog) if each.name == chosen.driver.name)
            assert expected in driver.folders


def named(catalog: DriverCatalog, folder: str) -> CatalogDriver:
    (driver,) = (each for each in all_drivers(catalog) if folder in each.folders)
    return driver


def test_a_disabled_one_and_one_of_another_category_are_no_rivals(own: DriverCatalog) -> None:
    change_driver(own, named(own, "viostor/w11/amd64").name, DriverChange(enabled=False))
    (device,) = found_in(own, windows("10.0.22631")).devices
    assert [folder_of(own, each.driver.name) for each in device.candidates] == ["viostor/w10/amd64"]
    change_driver(own, named(own, "viostor/2k22/amd64").name, DriverChange(joins=("Servers",)))
    os = windows("10.0.22631")
    (device,) = match_drivers(CatalogIndex(own, os, categories=("Servers",)), [DISK], os).devices
    assert [folder_of(own, each.driver.name) for each in device.candidates] == ["viostor/2k22/amd64"]


def test_what_a_person_has_said_counts_more_than_the_names_of_folders(own: DriverCatalog) -> None:
    server = named(own, "viostor/2k22/amd64").name
    applicability, platforms = parse_platforms("10.0.22000-amd64")
    said = DriverChange(applicability=applicability, platforms=platforms)
    change_driver(own, server, said)
    (device,) = found_in(own, windows("10.0.22631")).devices
    assert {folder_of(own, each.driver.name) for each in device.candidates} == {
        "viostor/2k22/amd64",
        "viostor/w11/amd64",
    }


def test_what_is_brought_into_a_windows_by_an_address_is_the_nearest(opened: DriverCatalog) -> None:
    wish = DriverWish(("catalog:package:All",), catalog=opened.path)
    with open_drivers(wish, windows("10.0.22631")) as chosen:
        stored = [each.package for each in chosen.wanted if each.package.name == "viostor.inf"]
        assert [each.folders[-1] for each in stored] == ["viostor/w11/amd64"]
    with open_driver_files("catalog:package:All", catalog=opened.path) as supply:
        assert supply.files.exists("viostor/w11/amd64/viostor.inf")


def test_an_export_has_the_folders_that_tell_the_windows(opened: DriverCatalog, tmp_path: Path) -> None:
    exported = export_package(opened, "All", tmp_path / "out")
    folders = [folder for folder, _ in exported.folders]
    assert len(folders) == len(set(folders)) == len(FOLDERS) + 1
    assert {"viostor/w11/amd64", "viostor/2k22/amd64", "viostor/w11/arm64", "NetKVM/w10/amd64"} <= set(folders)
    with open_supply(tmp_path / "out") as supply:
        taken = choose_packages(packages_in(supply.files), windows("10.0.20348", server=True)).taken
        assert [each.folder for each in taken] == ["NetKVM/w10/amd64", "viostor/2k22/amd64"]


def test_an_export_keeps_drivers_of_one_folder_and_of_two_collections_apart(tmp_path: Path) -> None:
    for root, payload in (("a", b"old"), ("b", b"new")):
        for stem in ("pvpanic", "pvpanic-pci"):
            write_variant(tmp_path / root / "pvpanic" / "w11" / "amd64", stem=stem, payload=payload)
    with open_catalog(tmp_path / "drivers.db", creates=True) as catalog:
        import_drivers(catalog, [tmp_path / "a", tmp_path / "b"], ImportWish(package="All"))
        folders = sorted(folder for folder, _ in export_package(catalog, "All", tmp_path / "out").folders)
    assert folders[2:] == ["pvpanic/pvpanic-pci/w11/amd64", "pvpanic/w11/amd64"]
    assert {each.partition("-")[2] for each in folders[:2]} == {"pvpanic/w11/amd64", "pvpanic-pci/w11/amd64"}


@pytest.mark.foreign
def test_a_whole_disc_and_a_part_of_it_are_told_apart(collection: Path, tmp_path: Path) -> None:
    disc = make("genisoimage", tmp_path / "virtio-win.iso", collection, "-J", "-R")
    with open_catalog(tmp_path / "drivers.db", creates=True) as catalog:
        import_drivers(catalog, [f"{disc}!viostor/2k22/amd64"])
        assert [each.folders for each in all_drivers(catalog)] == [("viostor/2k22/amd64",)]
        import_drivers(catalog, [disc])
        (device,) = found_in(catalog, windows("10.0.22631")).devices
        assert [folder_of(catalog, each.driver.name) for each in device.candidates] == ["viostor/w11/amd64"]
