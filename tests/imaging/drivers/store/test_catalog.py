"""What a catalog keeps of drivers, and how it is changed."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from cases.offered import ID, offered
from osdimage.imaging.drivers.store import adding, catalog, named, settings
from osdimage.imaging.drivers.store.adding import ImportWish, Offered, Outcome
from osdimage.imaging.drivers.store.catalog import DriverCatalog, open_catalog
from osdimage.imaging.drivers.store.platforms import Applicability, Platform, parse_platforms
from osdimage.imaging.drivers.store.settings import DriverChange
from osdimage.imaging.drivers.target_os import Architecture, ProductType, TargetOs
from osdimage.imaging.errors import InvalidInput, InvalidRequest

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
NAME = "Red Hat VirtIO SCSI controller"


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[DriverCatalog]:
    with open_catalog(tmp_path / "deep" / "drivers.db", creates=True) as made:
        yield made


def contents(opened: DriverCatalog) -> set[str]:
    return {each.parent.name + each.name for each in opened.contents.folder.rglob("*") if each.is_file()}


def test_an_import_keeps_what_the_inf_says_and_each_file_by_its_sha256(opened: DriverCatalog) -> None:
    (report,) = adding.add_drivers(opened, [offered()], now=NOW)
    assert (report.outcome, report.name, report.warnings) == (Outcome.NEW, NAME, ("line 3: nothing to worry about",))
    (driver,) = catalog.all_drivers(opened)
    assert driver == catalog.find_driver(opened, NAME.upper())
    assert (driver.inf, driver.class_name, driver.provider) == ("vioscsi.inf", "SCSIAdapter", "Red Hat, Inc.")
    assert (driver.date, driver.version) == (date(2024, 8, 5), "100.95.104.26200")
    assert (driver.is_enabled, driver.is_signed, driver.imported) == (True, True, NOW)
    # The empty section is for no Windows.
    assert (driver.applicability, driver.decorations) == (Applicability.INF, ("NTamd64.10.0",))
    assert (driver.files, driver.size) == (2, 100 + len(f"; {NAME}"))
    digest = hashlib.sha256(b"MZ" * 50).hexdigest()
    assert digest in contents(opened)
    assert opened.contents.path_of(digest).read_bytes() == b"MZ" * 50


def test_the_file_is_what_sqlite_itself_finds_in_order(opened: DriverCatalog) -> None:
    adding.add_drivers(opened, [offered()], ImportWish(categories=("Storage",), package="P"))
    said = subprocess.run(
        ["sqlite3", "-readonly", opened.path, "PRAGMA integrity_check; PRAGMA foreign_key_check; SELECT id FROM model"],
        check=True,
        capture_output=True,
        text=True,
    )
    assert said.stdout.splitlines() == ["ok", ID]


def test_the_same_files_are_one_driver_and_join_what_is_asked_for(opened: DriverCatalog) -> None:
    adding.add_drivers(opened, [offered()])
    before = contents(opened)
    # Neither the order nor the case of names makes another driver.
    again = offered(files={"VIOSCSI.sys": b"MZ" * 50, "vioscsi.inf": f"; {NAME}".encode()})
    (report,) = adding.add_drivers(opened, [again], ImportWish(categories=("Storage", "Virtual"), package="Guests"))
    assert (report.outcome, report.name) == (Outcome.PRESENT, NAME)
    (driver,) = catalog.all_drivers(opened)
    assert (driver.categories, driver.packages) == (("Storage", "Virtual"), ("Guests",))
    assert contents(opened) == before


def test_a_name_that_is_taken_gets_a_number(opened: DriverCatalog) -> None:
    several = [offered(files={"vioscsi.inf": bytes([number])}) for number in range(3)]
    reports = adding.add_drivers(opened, several)
    assert {each.name for each in reports} == {NAME, f"{NAME} (2)", f"{NAME} (3)"}


def test_a_content_stays_while_another_driver_has_it(opened: DriverCatalog) -> None:
    shared = b"shared" * 10
    first = offered("First", files={"a.inf": b"a", "x.sys": shared})
    second = offered("Second", files={"b.inf": b"b", "x.sys": shared})
    adding.add_drivers(opened, [first, second])
    settings.remove_drivers(opened, ["first"])
    assert contents(opened) == {hashlib.sha256(data).hexdigest() for data in (b"b", shared)}
    settings.remove_drivers(opened, ["Second"])
    assert contents(opened) == set()
    assert catalog.all_drivers(opened) == []


def test_a_damaged_content_is_told_when_it_is_read(opened: DriverCatalog) -> None:
    adding.add_drivers(opened, [offered()])
    digest = hashlib.sha256(b"MZ" * 50).hexdigest()
    path = opened.contents.path_of(digest)
    path.chmod(0o644)
    path.write_bytes(b"XX" * 50)
    with pytest.raises(InvalidInput, match="is not what was imported"):
        opened.contents.read(digest, 100)
    path.unlink()
    with pytest.raises(InvalidInput, match="is missing, and the catalog names it"):
        opened.contents.read(digest, 100)
    # Another driver with the same file brings it back.
    adding.add_drivers(opened, [offered(files={"other.inf": b"other", "vioscsi.sys": b"MZ" * 50})])
    assert opened.contents.read(digest, 100) == b"MZ" * 50


def test_what_is_left_out_is_told_and_changes_nothing(opened: DriverCatalog) -> None:
    reports = adding.add_drivers(opened, [Offered("a/autorun.inf", None, reason="no driver"), offered()])
    assert [(each.outcome, each.reason) for each in reports] == [(Outcome.LEFT_OUT, "no driver"), (Outcome.NEW, None)]


@pytest.mark.parametrize(
    ("wish", "message"),
    [
        pytest.param(ImportWish(package="P", enabled=False), "only enabled drivers", id="disabled into a package"),
        pytest.param(ImportWish(name=" "), "is no name of a driver", id="empty name"),
        pytest.param(ImportWish(name="a\x1b[2J"), "is no name of a driver", id="control characters"),
        pytest.param(ImportWish(categories=("a,b",)), "','", id="comma in a category"),
        pytest.param(ImportWish(package="x" * 256), "is no name of a package", id="long name"),
        pytest.param(ImportWish(name="one for two"), "there are 2", id="a name for several"),
    ],
)
def test_a_wish_that_cannot_be_fulfilled_changes_nothing(opened: DriverCatalog, wish: ImportWish, message: str) -> None:
    with pytest.raises(InvalidRequest, match=message):
        adding.add_drivers(opened, [offered(), offered("Other", inf="other.inf")], wish)
    assert catalog.all_drivers(opened) == []
    assert contents(opened) == set()


def test_a_name_of_ones_own_is_never_changed(opened: DriverCatalog) -> None:
    adding.add_drivers(opened, [offered()], ImportWish(name="Mine"))
    with pytest.raises(InvalidRequest, match="another driver is called 'mine'"):
        adding.add_drivers(opened, [offered("Other")], ImportWish(name="mine"))


def test_a_file_that_cannot_be_read_takes_the_whole_import_back(opened: DriverCatalog) -> None:
    def broken() -> bytes:
        raise InvalidInput("disc: unreadable")

    second = offered("Second", inf="b.inf")
    second = Offered(second.source, second.facts, (adding.OfferedFile("b.inf", broken),))
    with pytest.raises(InvalidInput, match="unreadable"):
        adding.add_drivers(opened, [offered(), second])
    assert catalog.all_drivers(opened) == []
    assert contents(opened) == set()


def test_drivers_are_disabled_moved_between_categories_and_given_platforms(opened: DriverCatalog) -> None:
    adding.add_drivers(opened, [offered()], ImportWish(categories=("Old",)))
    wish, platforms = parse_platforms("10.0.22000-amd64, 6.1-x86-server")
    driver = settings.change_driver(
        opened,
        NAME,
        DriverChange(enabled=False, joins=("New",), leaves=("old",), applicability=wish, platforms=platforms),
        now=NOW,
    )
    assert (driver.is_enabled, driver.categories) == (False, ("New",))
    assert driver.applicability is Applicability.LISTED
    assert {*map(str, driver.platforms)} == {"10.0.22000-amd64", "6.1-x86-server"}
    assert catalog.categories(opened) == ("New",)
    said = [each.what for each in catalog.history_of(opened, "driver", NAME)]
    assert said == [
        "imported from folder/vioscsi.inf",
        "disabled",
        "left category old",
        "joined category New",
        "platforms: 10.0.22000-amd64, 6.1-x86-server",
    ]
    # The same again is nothing to write down.
    settings.change_driver(opened, NAME, DriverChange(enabled=False, joins=("new",)))
    assert len(catalog.history_of(opened, "driver", NAME)) == len(said)


def test_leaving_a_category_that_it_is_not_in_changes_nothing(opened: DriverCatalog) -> None:
    adding.add_drivers(opened, [offered()])
    with pytest.raises(InvalidRequest, match="is not in category 'None'"):
        settings.change_driver(opened, NAME, DriverChange(enabled=False, leaves=("None",)))
    assert catalog.find_driver(opened, NAME).is_enabled


def test_a_package_takes_enabled_drivers_alone(opened: DriverCatalog) -> None:
    adding.add_drivers(opened, [offered()], ImportWish(enabled=False))
    with pytest.raises(InvalidRequest, match="is disabled, and only enabled ones"):
        named.create_package(opened, "Guests", drivers=[NAME])
    assert named.all_packages(opened) == []
    settings.change_driver(opened, NAME, DriverChange(enabled=True))
    made = named.create_package(opened, "Guests", description="virtio", drivers=[NAME], now=NOW)
    assert (made.name, made.description, made.created, made.drivers) == ("Guests", "virtio", NOW, (NAME,))
    settings.change_driver(opened, NAME, DriverChange(enabled=False))
    assert named.find_package(opened, "GUESTS").disabled == (NAME,)


def test_a_package_is_made_changed_and_deleted(opened: DriverCatalog) -> None:
    adding.add_drivers(opened, [offered("A", inf="a.inf"), offered("B", inf="b.inf")])
    named.create_package(opened, "Lab")
    with pytest.raises(InvalidRequest, match="there is a package 'lab' already"):
        named.create_package(opened, "lab")
    assert named.add_to_package(opened, "lab", ["a", "B", "A"]).drivers == ("A", "B")
    assert named.remove_from_package(opened, "Lab", ["A"]).drivers == ("B",)
    with pytest.raises(InvalidRequest, match="driver 'A' is not in package 'Lab'"):
        named.remove_from_package(opened, "Lab", ["A"])
    settings.remove_drivers(opened, ["B"])
    assert named.find_package(opened, "Lab").drivers == ()
    named.delete_package(opened, "Lab")
    assert named.all_packages(opened) == []
    assert catalog.all_drivers(opened)[0].packages == ()


@pytest.mark.parametrize(
    "look",
    [
        pytest.param(lambda opened: catalog.find_driver(opened, "x"), id="driver"),
        pytest.param(lambda opened: named.find_package(opened, "x"), id="package"),
        pytest.param(lambda opened: settings.remove_drivers(opened, ["x"]), id="removed"),
        pytest.param(lambda opened: settings.change_driver(opened, "x", DriverChange(enabled=True)), id="changed"),
    ],
)
def test_what_is_not_there_is_named(opened: DriverCatalog, look: object) -> None:
    assert callable(look)
    with pytest.raises(InvalidRequest, match=r"there is no (driver|package) 'x'"):
        look(opened)


# 10.0.22000 is the first build of Windows 11.
@pytest.mark.parametrize(
    ("platform", "version", "arch", "product", "fits"),
    [
        pytest.param("10.0-amd64", "10.0.19045", Architecture.AMD64, ProductType.WORKSTATION, True, id="same"),
        pytest.param("10.0-amd64", "10.0.19045", Architecture.X86, ProductType.WORKSTATION, False, id="architecture"),
        pytest.param("10.0.22000-amd64", "10.0.19045", Architecture.AMD64, ProductType.WORKSTATION, False, id="older"),
        pytest.param("10.0.22000-amd64", "10.0.22631", Architecture.AMD64, ProductType.WORKSTATION, True, id="newer"),
        pytest.param("6.1-amd64", "10.0.22631", Architecture.AMD64, ProductType.WORKSTATION, False, id="version"),
        pytest.param("10.0-x64-server", "10.0.17763", Architecture.AMD64, ProductType.SERVER, True, id="server"),
        pytest.param("10.0-x64-server", "10.0", Architecture.AMD64, ProductType.DOMAIN_CONTROLLER, True, id="dc"),
        pytest.param("10.0-x64-workstation", "10.0", Architecture.AMD64, ProductType.SERVER, False, id="no server"),
    ],
)
def test_a_platform_is_one_version_of_windows(
    platform: str, version: str, arch: Architecture, product: ProductType, fits: bool
) -> None:
    assert Platform.parse(platform).fits(TargetOs.parse(version, arch, product=product)) is fits
    assert Platform.parse(str(Platform.parse(platform))) == Platform.parse(platform)


@pytest.mark.parametrize("text", ["", "10.0", "amd64", "10.0-amd64-", "10.0-mips", "any,10.0-amd64"])
def test_what_is_no_platform_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest, match=r"is no (platform|architecture)"):
        parse_platforms(text)
