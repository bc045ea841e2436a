"""Devices matched with a catalog find what they find in the INFs themselves; and drivers by their address."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from cases.driver_files import inf_text, write_driver, write_guest_drivers
from osdimage.imaging.drivers.devices.device import Device
from osdimage.imaging.drivers.injection.choose import DriverWish, open_drivers
from osdimage.imaging.drivers.packages import packages_in
from osdimage.imaging.drivers.ranking.index import Candidate, fold_id
from osdimage.imaging.drivers.ranking.match import match_drivers
from osdimage.imaging.drivers.ranking.packages import index_packages
from osdimage.imaging.drivers.store.adding import ImportWish
from osdimage.imaging.drivers.store.addresses import AddressKind, is_address, package_of, resolve
from osdimage.imaging.drivers.store.catalog import DriverCatalog, open_catalog
from osdimage.imaging.drivers.store.importing import import_drivers
from osdimage.imaging.drivers.store.index import CatalogIndex
from osdimage.imaging.drivers.store.named import create_package
from osdimage.imaging.drivers.store.opening import open_driver_files
from osdimage.imaging.drivers.store.platforms import parse_platforms
from osdimage.imaging.drivers.store.settings import DriverChange, change_driver
from osdimage.imaging.drivers.supplied.folder import FolderFiles
from osdimage.imaging.drivers.target_os import Architecture, TargetOs
from osdimage.imaging.errors import InvalidRequest

SCSI = "Red Hat VirtIO SCSI controller"
NET = "Red Hat VirtIO Ethernet Adapter"
WINDOWS_11 = TargetOs(10, 0, 22631, Architecture.AMD64)
OTHERS = [WINDOWS_11, TargetOs(6, 1, 7601, Architecture.AMD64), TargetOs(10, 0, 0, Architecture.X86)]
IDS = {
    fold_id(each)
    for each in (
        "PCI\\VEN_1AF4&DEV_1004&SUBSYS_00081AF4&REV_00",
        "PCI\\VEN_1AF4&DEV_1004",
        "PCI\\VEN_1AF4&DEV_1048",
        "PCI\\VEN_1AF4&DEV_1000",
        "SWC\\Lab",
        "PCI\\VEN_1234&DEV_5678",
    )
}


@pytest.fixture(scope="module")
def drivers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with guests' drivers, an extension with a component, and a section with its own DriverVer."""
    folder = write_guest_drivers(tmp_path_factory.mktemp("drivers"))
    extension = inf_text("ext", ("PCI\\VEN_1AF4&DEV_1000",), device="Extension", kind=(
        "Extension", "{E2F84CE7-8EFA-411C-AA69-97454CA4CB57}"
    )).replace("Provider =", "ExtensionId = {11111111-2222-3333-4444-555555555555}\nProvider =")  # fmt: skip
    extension += "\n[Install.NT.Components]\nAddComponent = Lab,,Component\n[Component]\nComponentIds = Lab\n"
    write_driver(folder / "ext", extension, stem="ext")
    own = inf_text("own", ("PCI\\VEN_1234&DEV_5678",), device="Own", decorations=("NTamd64", "NTx86"))
    write_driver(
        folder / "own", own.replace("FeatureScore", "DriverVer = 01/02/2025,7.8.9.10\nFeatureScore"), stem="own"
    )
    return folder


@pytest.fixture(scope="module")
def filled(drivers: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DriverCatalog]:
    with open_catalog(tmp_path_factory.mktemp("filled") / "drivers.db", creates=True) as made:
        import_drivers(made, [drivers])
        yield made


@pytest.fixture
def opened(drivers: Path, tmp_path: Path) -> Iterator[DriverCatalog]:
    with open_catalog(tmp_path / "drivers.db", creates=True) as made:
        import_drivers(made, [drivers / "vioscsi" / "amd64"], ImportWish(package="Guests", categories=("Lab",)))
        import_drivers(made, [drivers / "NetKVM" / "amd64"], ImportWish(categories=("Lab", "Net")))
        yield made


def told(candidate: Candidate) -> tuple[object, ...]:
    driver = candidate.driver
    # Where it is and when it came are matters of the place.
    facts = (driver.provider, driver.class_name, driver.class_guid, driver.version, driver.signature, driver.platforms)
    fitting = (
        (candidate.feature_score, candidate.is_nt, candidate.version, candidate.components) if candidate.fits else ()
    )
    return (
        *facts,
        driver.extension_id,
        driver.is_for_os,
        candidate.id,
        candidate.position,
        candidate.description,
        candidate.section,
        candidate.decoration,
        candidate.fits,
        *fitting,
    )


@pytest.mark.parametrize("os", OTHERS, ids=str)
def test_the_candidates_are_those_of_the_infs(filled: DriverCatalog, drivers: Path, os: TargetOs) -> None:
    infs = index_packages(packages_in(FolderFiles(drivers)), os).candidates(IDS)
    found = CatalogIndex(filled, os).candidates(IDS)
    assert {name: sorted(map(repr, map(told, each))) for name, each in found.items()} == {
        name: sorted(map(repr, map(told, each))) for name, each in infs.items()
    }
    assert len(found) == 5


def test_devices_find_their_drivers_and_what_belongs_to_these(filled: DriverCatalog) -> None:
    devices = [
        Device("net", ("PCI\\VEN_1AF4&DEV_1000&SUBSYS_00011AF4&REV_00", "pci\\ven_1af4&dev_1000")),
        Device("own", ("PCI\\VEN_1234&DEV_5678",)),
        Device("none", ("PCI\\VEN_FFFF&DEV_FFFF",)),
    ]
    matching = match_drivers(CatalogIndex(filled, WINDOWS_11), devices, WINDOWS_11)
    assert [[each.driver.name for each in device.taken] for device in matching.devices] == [
        [NET, "Extension"],
        ["Own"],
        [],
    ]
    assert str(matching.devices[1].taken[0].version) == "2025-01-02, 7.8.9.10"
    assert {each.driver.name for each in matching.unused} == {SCSI, f"{SCSI} (2)", f"{NET} (2)"}


def test_disabled_drivers_and_other_categories_are_not_offered(opened: DriverCatalog) -> None:
    assert {each.name for each in CatalogIndex(opened, WINDOWS_11).drivers()} == {SCSI, NET}
    assert {each.name for each in CatalogIndex(opened, WINDOWS_11, categories=["net"]).drivers()} == {NET}
    assert {each.name for each in CatalogIndex(opened, WINDOWS_11, categories=["Net", "LAB"]).drivers()} == {SCSI, NET}
    with pytest.raises(InvalidRequest, match="there is no category 'None'"):
        CatalogIndex(opened, WINDOWS_11, categories=["None"])
    change_driver(opened, NET, DriverChange(enabled=False))
    assert {each.name for each in CatalogIndex(opened, WINDOWS_11).drivers()} == {SCSI}
    assert fold_id("PCI\\VEN_1AF4&DEV_1000") not in CatalogIndex(opened, WINDOWS_11).candidates(IDS)


@pytest.mark.parametrize(
    ("platforms", "os", "fits"),
    [
        pytest.param("10.0-arm64", WINDOWS_11, False, id="another is listed"),
        pytest.param("any", TargetOs(6, 1, 7601, Architecture.AMD64), True, id="any"),
        pytest.param("inf", TargetOs(6, 1, 7601, Architecture.AMD64), False, id="the INF says no"),
    ],
)
def test_what_a_person_said_of_the_windows_counts(
    opened: DriverCatalog, platforms: str, os: TargetOs, fits: bool
) -> None:
    applicability, listed = parse_platforms(platforms)
    change_driver(opened, SCSI, DriverChange(applicability=applicability, platforms=listed))
    found = CatalogIndex(opened, os).candidates(IDS)[fold_id("PCI\\VEN_1AF4&DEV_1048")]
    assert [(each.fits, each.driver.is_for_os) for each in found] == [(fits, fits)]


@pytest.mark.parametrize(
    ("address", "kind", "names"),
    [
        pytest.param(f"catalog:{SCSI.upper()}", AddressKind.DRIVER, (SCSI,), id="driver"),
        pytest.param("Catalog:guests", AddressKind.PACKAGE, (SCSI,), id="package"),
        pytest.param("catalog:lab", AddressKind.CATEGORY, (NET, SCSI), id="category"),
        pytest.param(f"catalog:driver:{NET}", AddressKind.DRIVER, (NET,), id="driver, said so"),
        pytest.param("catalog:category:Net", AddressKind.CATEGORY, (NET,), id="category, said so"),
    ],
)
def test_an_address_names_a_driver_a_package_or_a_category(
    opened: DriverCatalog, drivers: Path, address: str, kind: AddressKind, names: tuple[str, ...]
) -> None:
    assert is_address(address)
    found = resolve(address, opened)
    assert (found.kind, found.names, found.left_out) == (kind, names, ())
    for name, package in zip(names, found.packages, strict=True):
        folder = drivers / ("vioscsi" if name == SCSI else "NetKVM") / "amd64"
        assert (package.name, package.missing(WINDOWS_11)) == (f"{folder.parent.name.lower()}.inf", ())
        assert package.read(f"{folder.parent.name}.SYS") == next(folder.glob("*.sys")).read_bytes()


def test_an_address_is_driver_files_for_whoever_takes_these(opened: DriverCatalog) -> None:
    with open_driver_files(f"catalog:{SCSI}", catalog=opened.path) as supply:
        assert (supply.folder, supply.is_inf, supply.notes) == ("vioscsi.inf", True, ())
        assert [each.path for each in packages_in(supply.files, supply.folder)] == ["vioscsi.inf"]
    change_driver(opened, NET, DriverChange(enabled=False))
    with open_driver_files("catalog:", catalog=opened.path) as supply:
        assert [each.path for each in packages_in(supply.files)] == ["00-vioscsi/vioscsi.inf"]
        assert supply.files.read("00-VIOSCSI/vioscsi.sys") == b"MZ scsi amd64"
        assert supply.notes == (f"driver {NET} of the catalog is disabled, and left out",)


def test_what_is_brought_into_a_windows_is_chosen_by_address(opened: DriverCatalog) -> None:
    change_driver(opened, SCSI, DriverChange(enabled=False))
    with open_drivers(DriverWish(("catalog:lab",), catalog=opened.path), WINDOWS_11) as chosen:
        assert [each.package.name for each in chosen.wanted] == ["netkvm.inf"]
        assert f"driver {SCSI} of the catalog is disabled, and left out" in chosen.warnings


def test_what_an_address_leaves_open_is_asked_for(opened: DriverCatalog) -> None:
    create_package(opened, NET, drivers=[NET])
    with pytest.raises(InvalidRequest, match="is a driver and a package; valid is catalog:driver:"):
        resolve(f"catalog:{NET}", opened)
    assert resolve(f"catalog:package:{NET}", opened).names == (NET,)
    for address in ("catalog:none", "catalog:package:none", "catalog:driver:none", "catalog:category:none"):
        with pytest.raises(InvalidRequest, match="there is no"):
            resolve(address, opened)


def test_disabled_drivers_are_refused_by_name_and_left_out_of_others(opened: DriverCatalog) -> None:
    change_driver(opened, SCSI, DriverChange(enabled=False))
    with pytest.raises(InvalidRequest, match="is disabled"):
        resolve(f"catalog:{SCSI}", opened)
    assert (resolve("catalog:Lab", opened).names, resolve("catalog:Lab", opened).left_out) == ((NET,), (SCSI,))
    with pytest.raises(InvalidRequest, match="package 'Guests' has no driver that is enabled"):
        resolve("catalog:Guests", opened)
    assert package_of(opened, SCSI).inf.version.class_name == "SCSIAdapter"
