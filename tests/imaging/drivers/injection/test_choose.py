"""Which drivers are taken of what was given."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cases.boot_drivers import BUS_TYPES, driver_sys, storage_inf, storage_package
from cases.windows_trees import write_tree
from osdimage.imaging.drivers.injection.choose import ChosenDrivers, DriverWish, open_drivers
from osdimage.imaging.drivers.injection.plan import InjectionOptions, Method
from osdimage.imaging.drivers.target_os import Architecture, ProductType, TargetOs
from osdimage.imaging.errors import InvalidInput, InvalidRequest
from runs.commands import osdimage

WINDOWS_11 = TargetOs(10, 0, 22631, Architecture.AMD64)
SERVER_2022 = TargetOs(10, 0, 20348, Architecture.AMD64, ProductType.SERVER)
NET_IDS = ((r"PCI\VEN_1AF4&DEV_1000&SUBSYS_00011AF4&REV_00",), (r"PCI\VEN_1AF4&DEV_1041&SUBSYS_11001AF4&REV_01",))
NET = "Class=Net\nClassGUID={4D36E972-E325-11CE-BFC1-08002BE10318}"
# A computer with virtio's block device and a RAID controller of nobody; modalias as Linux shows it.
COMPUTER = """pci:v00001AF4d00001042sv00001AF4sd00001100bc01sc00i00
pci:v00001000d0000005Dsv00001000sd00009361bc01sc04i00
pci:v00008086d00002922sv00001AF4sd00001100bc01sc06i01
"""


def virtio(folder: Path) -> Path:
    """Make a tree as virtio-win.iso has it."""
    files: dict[str, bytes] = {}
    for system in ("w7", "w10", "w11", "2k22"):
        for service in BUS_TYPES:
            files |= storage_package(service, folder=f"{service}/{system}/amd64")
        files |= {f"NetKVM/{system}/amd64/netkvm.inf": storage_inf("netkvm", ids=NET_IDS, class_lines=NET, start=3)}
        files |= {f"NetKVM/{system}/amd64/netkvm.sys": driver_sys(), f"NetKVM/{system}/amd64/netkvm.cat": b"catalog"}
    files["autorun.inf"] = b"[autorun]\nicon=x.ico\n"
    return write_tree(folder, files)


@pytest.fixture(scope="module")
def collection(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return virtio(tmp_path_factory.mktemp("virtio") / "v")


@pytest.fixture(scope="module")
def computer(tmp_path_factory: pytest.TempPathFactory) -> str:
    made = tmp_path_factory.mktemp("computer") / "modalias"
    made.write_text(COMPUTER)
    return str(made)


def taken(chosen: ChosenDrivers) -> list[str]:
    return [each.package.path for each in chosen.wanted]


@pytest.mark.parametrize(("os", "system"), [(WINDOWS_11, "w11"), (SERVER_2022, "2k22")], ids=["11", "Server 2022"])
def test_without_devices_every_driver_for_the_windows_is_taken_once(
    collection: Path, os: TargetOs, system: str
) -> None:
    with open_drivers(DriverWish((str(collection),)), os) as chosen:
        assert taken(chosen) == [
            f"NetKVM/{system}/amd64/netkvm.inf",
            f"vioscsi/{system}/amd64/vioscsi.inf",
            f"viostor/{system}/amd64/viostor.inf",
        ]
        assert all(each.boot_model is None for each in chosen.wanted)
        assert [each.partition(",")[0] for each in chosen.warnings] == ["vioscsi.inf"]
        assert "vioscsi.inf, viostor.inf: not enabled for booting" in chosen.warnings[0]


@pytest.mark.parametrize(
    "wish",
    [
        pytest.param({"boot_critical": ("viostor",)}, id="named"),
        pytest.param({"options": InjectionOptions(Method.STAGE)}, id="only staged"),
        pytest.param({"devices": "qemu"}, id="devices"),
    ],
)
def test_who_says_which_disks_there_are_is_not_warned(collection: Path, wish: dict[str, Any]) -> None:
    with open_drivers(DriverWish((str(collection),), **wish), WINDOWS_11) as chosen:
        assert chosen.warnings == ()


def test_with_devices_only_theirs_are_taken_and_that_of_the_disk_is_enabled(collection: Path, computer: str) -> None:
    with open_drivers(DriverWish((str(collection),), devices=computer), WINDOWS_11) as chosen:
        (driver,) = chosen.wanted
        assert driver.package.path == "viostor/w11/amd64/viostor.inf"
        assert driver.boot_model is not None
        # The one of AHCI has a driver in Windows.
        assert len(chosen.without_storage) == 1
        assert "DEV_005D" in chosen.without_storage[0]
        assert any("DEV_005D" in each and "without a driver" in each for each in chosen.warnings)


def test_a_virtual_machine_gets_its_network_too(collection: Path) -> None:
    with open_drivers(DriverWish((str(collection),), devices="qemu"), WINDOWS_11) as chosen:
        assert [each.package.name for each in chosen.wanted] == ["netkvm.inf", "vioscsi.inf", "viostor.inf"]
        assert [each.boot_model is not None for each in chosen.wanted] == [False, True, True]


def test_a_package_and_an_inf_that_is_named_are_taken_whatever_the_devices(collection: Path, computer: str) -> None:
    inf = str(collection / "vioscsi/w11/amd64/vioscsi.inf")
    wish = DriverWish((inf,), (str(collection / "NetKVM"),), computer)
    with open_drivers(wish, WINDOWS_11) as chosen:
        assert [each.package.name for each in chosen.wanted] == ["vioscsi.inf", "netkvm.inf"]
        assert all(each.boot_model is None for each in chosen.wanted)


def test_drivers_of_a_catalog_are_named_there(collection: Path, tmp_path: Path) -> None:
    catalog = tmp_path / "drivers.db"
    osdimage("driver", "import", collection / "viostor/w11", "--package", "Guests", "--catalog", catalog)
    wish = DriverWish(packages=("catalog:Guests",), catalog=catalog)
    with open_drivers(wish, WINDOWS_11) as chosen:
        assert [each.package.name for each in chosen.wanted] == ["viostor.inf"]
        assert chosen.wanted[0].package.read("viostor.sys") == driver_sys()
    other = replace(wish, packages=("catalog:Other",))
    with pytest.raises(InvalidRequest, match="Other"), open_drivers(other, WINDOWS_11):
        pass


def test_what_is_given_twice_is_taken_once(collection: Path, tmp_path: Path) -> None:
    write_tree(tmp_path, storage_package(folder="copy"))
    with open_drivers(DriverWish((str(collection / "viostor/w11"),), (str(tmp_path),)), WINDOWS_11) as chosen:
        assert taken(chosen) == ["amd64/viostor.inf"]


@pytest.mark.parametrize("name", ["vioscsi", "VIOSCSI.INF"])
def test_a_driver_that_is_named_is_enabled_without_its_device(collection: Path, name: str) -> None:
    wish = DriverWish((str(collection),), boot_critical=(name,))
    with open_drivers(wish, WINDOWS_11) as chosen:
        assert [each.package.name for each in chosen.wanted if each.boot_model is not None] == ["vioscsi.inf"]


def test_only_what_is_enabled_is_taken_where_nothing_is_staged(collection: Path) -> None:
    options = InjectionOptions(Method.BOOT)
    with open_drivers(DriverWish((str(collection),), devices="qemu", options=options), WINDOWS_11) as chosen:
        assert [each.package.name for each in chosen.wanted] == ["vioscsi.inf", "viostor.inf"]


@pytest.mark.parametrize(
    ("more", "error", "said"),
    [
        ({"boot_critical": ("netkvm",)}, InvalidRequest, "its class is Net"),
        ({"boot_critical": ("other",)}, InvalidRequest, "there is no driver 'other'"),
        ({"options": InjectionOptions(Method.BOOT)}, InvalidRequest, "no driver there is for a disk controller"),
    ],
)
def test_what_cannot_be_enabled_is_refused(
    collection: Path, more: dict[str, object], error: type[Exception], said: str
) -> None:
    wish = DriverWish((str(collection),), **more)  # type: ignore[arg-type]
    with pytest.raises(error, match=said), open_drivers(wish, WINDOWS_11):
        pass


def test_a_driver_for_another_windows_names_its_platforms_and_the_windows(tmp_path: Path) -> None:
    write_tree(tmp_path, storage_package(inf=storage_inf(platform="NTarm64"), folder="d"))
    with (
        pytest.raises(InvalidInput, match=r"(?s)NTarm64.*10\.0\.22631 amd64|10\.0\.22631 amd64.*NTarm64"),
        open_drivers(DriverWish((str(tmp_path / "d/viostor.inf"),)), WINDOWS_11),
    ):
        pass


def test_a_folder_without_drivers_is_refused(tmp_path: Path) -> None:
    write_tree(tmp_path, {"autorun.inf": b"[autorun]\n"})
    with (
        pytest.raises(InvalidInput, match="no INF of a driver"),
        open_drivers(DriverWish((str(tmp_path),)), WINDOWS_11),
    ):
        pass


def test_devices_without_any_driver_there_are_told(collection: Path, tmp_path: Path) -> None:
    (tmp_path / "devices").write_text("pci:v00001234d00001111sv00001AF4sd00001100bc03sc00i00\n")
    wish = DriverWish((str(collection),), devices=str(tmp_path / "devices"))
    with pytest.raises(InvalidInput, match="no device there has a driver"), open_drivers(wish, WINDOWS_11):
        pass
