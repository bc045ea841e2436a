"""Enabling drivers of disks for booting, value by value against what virt-v2v and distrobuilder write."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest
from cases.boot_drivers import VIOSTOR_IDS, driver_sys, storage_inf, storage_package
from cases.offline_windows import WINDOWS_7, WINDOWS_10, WINDOWS_11, WINDOWS_XP, HeldFiles, Made, make_tree
from cases.virt_v2v import CRITICAL, IDS, PREFIX, SERVICE, merged_with, reg_of, reg_text
from judges.hive import dissect
from osdimage.imaging.drivers import offline_windows
from osdimage.imaging.drivers.offline.boot_driver import boot_models, oem_boot_driver, why_not_boot
from osdimage.imaging.drivers.offline.boot_enable import BootEnabling, plan_boot_enabling, plan_driver
from osdimage.imaging.drivers.offline.txtsetup import read_txtsetup
from osdimage.imaging.drivers.packages import DriverPackage, packages_in
from osdimage.imaging.errors import InvalidInput, InvalidRequest
from osdimage.imaging.registry.edits import import_edits
from osdimage.imaging.registry.hive import Key, Value
from osdimage.imaging.registry.write import write_hive

FOLDER = "amd64/w10"


def package_of(files: dict[str, bytes], folder: str = FOLDER) -> DriverPackage:
    (package,) = packages_in(HeldFiles(files, "drivers"), folder)
    return package


def plan(made: Made, files: dict[str, bytes] | None = None, *, force: bool = False) -> BootEnabling:
    windows = offline_windows(HeldFiles(make_tree(made), "target"))
    package = package_of(storage_package() if files is None else files)
    model = package.inf.models(windows.os)[0]
    return plan_boot_enabling(package, model, windows, force=force)


def carried_out(made: Made, enabling: BootEnabling) -> bytes:
    """Return the hive SYSTEM after the edits."""
    system = offline_windows(HeldFiles(make_tree(made))).system
    import_edits(system, [each.edit for each in enabling.edits], PREFIX)
    return write_hive(system)


def system_of(made: Made) -> bytes:
    folder = make_tree(made)
    return folder[f"{made.folder}/System32/config/SYSTEM"]


@pytest.mark.foreign
@pytest.mark.parametrize("service", ["viostor", "vioscsi"])
@pytest.mark.parametrize("made", [WINDOWS_7, WINDOWS_10, WINDOWS_11], ids=["7", "10", "11"])
def test_the_hive_becomes_what_virt_v2v_makes_of_it(made: Made, service: str, tmp_path: Path) -> None:
    ids = [[f"PCI\\{each}"] for each in IDS[service]]
    files = storage_package(service, storage_inf(service, ids=ids, driver_ver=None))
    expected = merged_with(system_of(made), reg_of(service, has_database=made.has_database), tmp_path)
    assert dissect(carried_out(made, plan(made, files))) == expected


def test_the_database_gets_what_windows_itself_has_for_the_driver() -> None:
    enabling = plan(WINDOWS_11)
    tree = {each.edit.key.removeprefix(f"{PREFIX}\\"): {} for each in enabling.edits} | {}
    for each in enabling.edits:
        value = each.edit.value
        assert value is not None
        tree[each.edit.key.removeprefix(f"{PREFIX}\\")][value.name] = value
    inf = "osdimage-viostor.inf"
    packages = rf"DriverDatabase\DriverPackages\{inf}_amd64_0000000000000000"
    # lxc/distrobuilder windows/driver_viostor.go (09dd578), templates that were taken from a Windows 10.
    for name, first in {
        "VEN_1AF4&DEV_1001": 2,
        "VEN_1AF4&DEV_1001&SUBSYS_00021AF4&REV_00": 1,
        "VEN_1AF4&DEV_1042": 2,
        "VEN_1AF4&DEV_1042&SUBSYS_11001AF4&REV_01": 1,
    }.items():
        assert tree[rf"DriverDatabase\DeviceIds\PCI\{name}"][inf].data == bytes((first, 0xFF, 0, 0))
        assert tree[rf"{packages}\Descriptors\PCI\{name}"] == {
            "Configuration": Value.string("Configuration", "scsi_inst")
        }
    assert tree[packages]["Version"].data.hex(",") == (
        "00,ff,09,00,00,00,00,00,7b,e9,36,4d,25,e3,ce,11,bf,c1,08,00,2b,e1,03,18,00,c0,97,8c,0f,e7,d7,01,"
        "fc,53,68,00,5a,00,64,00,00,00,00,00,00,00,00,00"
    )
    assert tree[rf"{packages}\Configurations\scsi_inst"] == {
        "ConfigFlags": Value.dword("ConfigFlags", 0),
        "Service": Value.string("Service", "viostor"),
    }
    assert tree[r"ControlSet001\Services\viostor"] == {
        "Type": Value.dword("Type", 1),
        "Start": Value.dword("Start", 0),
        "ErrorControl": Value.dword("ErrorControl", 1),
        "Group": Value.string("Group", "SCSI miniport"),
        "ImagePath": Value.expand_string("ImagePath", r"System32\drivers\viostor.sys"),
    }


@pytest.mark.parametrize("made", [WINDOWS_7, WINDOWS_11], ids=["7", "11"])
def test_the_same_again_changes_nothing(made: Made) -> None:
    enabling = plan(made)
    assert enabling.edits
    assert all(each.old is None for each in enabling.edits)
    after = make_tree(made) | {f"{made.folder}/System32/config/SYSTEM": carried_out(made, enabling)}
    windows = offline_windows(HeldFiles(after))
    package = package_of(storage_package())
    assert plan_boot_enabling(package, package.inf.models(windows.os)[0], windows).edits == ()


def test_driver_and_catalog_are_copied_where_the_loader_looks() -> None:
    enabling = plan(WINDOWS_11)
    assert [(each.source_path, each.target_path) for each in enabling.files] == [
        ("amd64/w10/viostor.sys", "Windows/System32/drivers/viostor.sys"),
        (
            "amd64/w10/viostor.cat",
            "Windows/System32/CatRoot/{F750E6C3-38EE-11D1-85E5-00C04FC295EE}/osdimage-viostor.cat",
        ),
    ]
    assert enabling.is_signed
    assert enabling.warnings == ()
    assert enabling.source.read(enabling.files[0].source_path) == driver_sys()


def existing(start: int = 3) -> Made:
    def add(_root: Key, control_set: Key) -> None:
        service = control_set.ensure(r"Services\viostor")
        service.set(Value.dword("Start", start))
        service.set(Value.dword("ErrorControl", 3))
        service.set(Value.dword("Tag", 0x21))
        service.ensure("Parameters").set(Value.dword("BusType", 7))
        # As Windows 8 and later have it for drivers of their own; it stands above Start.
        service.ensure("StartOverride").set(Value.dword("0", 3))

    return replace(WINDOWS_11, more=add)


def changes(enabling: BootEnabling) -> Iterable[tuple[str, Value | None, Value | None]]:
    start = f"{PREFIX}\\ControlSet001\\Services\\viostor"
    for each in enabling.edits:
        if each.edit.key.startswith(start) and each.old is not None:
            yield each.edit.key[len(start) + 1 :], each.old, each.edit.value


def test_a_service_that_is_there_keeps_its_values_and_starts_with_the_loader() -> None:
    enabling = plan(existing())
    assert list(changes(enabling)) == [
        ("", Value.dword("Start", 3), Value.dword("Start", 0)),
        ("StartOverride", Value.dword("0", 3), Value.dword("0", 0)),
    ]
    assert enabling.warnings == (
        "target: the service viostor is there, and keeps its own ErrorControl",
        "target: the service viostor is there, and keeps its own Parameters\\BusType",
    )


def test_force_overwrites_a_service_that_is_there() -> None:
    enabling = plan(existing(), force=True)
    assert list(changes(enabling)) == [
        ("", Value.dword("Start", 3), Value.dword("Start", 0)),
        ("", Value.dword("ErrorControl", 3), Value.dword("ErrorControl", 1)),
        ("Parameters", Value.dword("BusType", 7), Value.dword("BusType", 1)),
        ("StartOverride", Value.dword("0", 3), Value.dword("0", 0)),
    ]
    assert enabling.warnings == ()
    tree = dissect(carried_out(existing(), enabling))
    # The place in an order that only this Windows has is never touched.
    assert tree[r"ControlSet001\Services\viostor"]["Tag"] == (4, (0x21).to_bytes(4, "little"))


def test_the_package_folder_of_windows_8_1_is_no_place_for_the_loader() -> None:
    inf = storage_inf(binary=r"%13%\viostor.sys")
    values = {
        each.edit.value.name: each.edit.value
        for each in plan(WINDOWS_11, storage_package(inf=inf)).edits
        if each.edit.value
    }
    assert values["ImagePath"] == Value.expand_string("ImagePath", r"System32\drivers\viostor.sys")


def test_a_feature_score_is_in_the_values_of_the_ids() -> None:
    enabling = plan(WINDOWS_11, storage_package(inf=storage_inf(more_install="FeatureScore=F9")))
    found = {each.edit.value.data for each in enabling.edits if each.edit.value and "DeviceIds" in each.edit.key}
    assert found == {bytes((1, 0xF9, 0, 0)), bytes((2, 0xF9, 0, 0))}


def test_a_line_without_a_hardware_id_has_compatible_ids_alone() -> None:
    inf = storage_inf(ids=[["", r"PCI\CC_0101", r"PCI\CC_0106"]])
    enabling = plan(WINDOWS_11, storage_package(inf=inf))
    values = {
        each.edit.key.rpartition("\\")[2]: each.edit.value for each in enabling.edits if "DeviceIds" in each.edit.key
    }
    assert {name: value.data.hex() for name, value in values.items() if value is not None} == {
        "CC_0101": "02ff0000",
        "CC_0106": "02ff0100",
    }


def test_what_is_not_of_the_service_is_told_and_not_written() -> None:
    inf = storage_inf(more_settings='HKLM,"SOFTWARE\\x","y",,"z"')
    enabling = plan(WINDOWS_11, storage_package(inf=inf))
    assert not [each for each in enabling.edits if "SOFTWARE" in each.edit.key]
    (warning,) = enabling.warnings
    assert "is not of the service, and not written (HKLM)" in warning


@pytest.mark.parametrize(
    ("inf", "reason"),
    [
        (storage_inf(class_lines="Class=Net\nClassGUID={4D36E972-E325-11CE-BFC1-08002BE10318}"), "its class is Net"),
        (storage_inf(class_lines=""), "its class is not said, not SCSIAdapter or HDC"),
        (storage_inf(start=3), "has no service that starts with the loader"),
    ],
)
def test_a_driver_that_the_loader_does_not_read_is_refused(inf: bytes, reason: str) -> None:
    package = package_of(storage_package(inf=inf))
    windows = offline_windows(HeldFiles(make_tree(WINDOWS_11)))
    model = package.inf.models(windows.os)[0]
    assert reason in (why_not_boot(package.inf, model, windows.os) or "")
    assert boot_models(package.inf, windows.os) == ()
    with pytest.raises(InvalidRequest, match=r"viostor\.inf: cannot be enabled for booting: "):
        plan_boot_enabling(package, model, windows)


@pytest.mark.parametrize(
    "class_lines", ["Class=SCSIAdapter", "Class=hdc\nClassGUID={4d36e96a-e325-11ce-bfc1-08002be10318}"]
)
def test_a_class_is_told_by_its_name_or_its_guid(class_lines: str) -> None:
    package = package_of(storage_package(inf=storage_inf(class_lines=class_lines)))
    windows = offline_windows(HeldFiles(make_tree(WINDOWS_11)))
    assert [each.hardware_id for each in boot_models(package.inf, windows.os)] == [each[0] for each in VIOSTOR_IDS]


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({f"{FOLDER}/viostor.sys": None}, "names the driver 'amd64/w10/viostor.sys', which is not there"),
        ({f"{FOLDER}/viostor.sys": b"no program"}, "amd64/w10/viostor.sys: is no program"),
        ({f"{FOLDER}/viostor.sys": driver_sys("arm64")}, "is for arm64, and the Windows of target is for amd64"),
        ({f"{FOLDER}/viostor.inf": storage_inf(ids=[["PCI\\\\VEN_1"]])}, "is no id of a device"),
        ({f"{FOLDER}/viostor.inf": storage_inf(ids=[["PCI\\" + 201 * "V"]])}, "is no id of a device"),
        ({f"{FOLDER}/viostor.inf": storage_inf("a\\..\\b", binary="%12%\\viostor.sys")}, "is no name of a service"),
    ],
)
def test_a_driver_that_cannot_be_is_refused(files: dict[str, bytes | None], message: str) -> None:
    held = {path: data for path, data in (storage_package() | files).items() if data is not None}
    with pytest.raises(InvalidInput, match=message.replace("\\", r"\\")):
        plan(WINDOWS_11, held)


@pytest.mark.parametrize(
    ("made", "warned"), [(WINDOWS_11, True), (WINDOWS_7, True), (replace(WINDOWS_7, architecture="x86"), False)]
)
def test_a_driver_without_a_signature_in_itself_is_told_on_64_bit_windows(made: Made, warned: bool) -> None:
    files = storage_package()
    if made.architecture == "x86":
        files[f"{FOLDER}/viostor.inf"] = storage_inf(platform="NTx86")
    sys = driver_sys(made.architecture, signed=False)
    enabling = plan(made, files | {f"{FOLDER}/viostor.sys": sys})
    assert not enabling.is_signed
    assert [each for each in enabling.warnings if "has no signature in itself" in each] == list(enabling.warnings)
    assert bool(enabling.warnings) is warned


def test_filters_of_disks_without_a_service_are_told() -> None:
    def add(_root: Key, control_set: Key) -> None:
        key = control_set.ensure(r"Control\Class\{4D36E967-E325-11CE-BFC1-08002BE10318}")
        key.set(Value.multi_string("UpperFilters", ("disk", "xenfilt")))

    (warning,) = plan(replace(WINDOWS_11, more=add)).warnings
    assert warning == (
        "target: the class of disk drives has the filter xenfilt (UpperFilters), and there is no such service: Windows "
        "stops with 0x0000007B when it starts"
    )


OEM = rb"""[Disks]
d1 = "disk", \disk1, \
[scsi]
WXP32 = "Red Hat VirtIO BLOCK"
EMPTY = "nothing"
NOIDS = "no ids"
GONE = "gone"
[Files.scsi.WXP32]
driver = d1, viostor.sys, viostor
catalog = d1, viostor.cat
[Files.scsi.NOIDS]
driver = d1, viostor.sys, viostor
[Files.scsi.GONE]
driver = d1, gone.sys, gone
[HardwareIds.scsi.WXP32]
id = "PCI\VEN_1AF4&DEV_1001&SUBSYS_00021AF4&REV_00", "viostor"
[HardwareIds.scsi.GONE]
id = "PCI\VEN_1", "gone"
[Config.viostor]
value = Parameters\PnpInterface, 5, REG_DWORD, 1
"""
OEM_FILES = {"xp/viostor.sys": driver_sys("x86", signed=False), "xp/viostor.cat": b"a catalog"}


@pytest.mark.foreign
def test_a_driver_of_txtsetup_is_enabled_for_windows_xp(tmp_path: Path) -> None:
    windows = offline_windows(HeldFiles(make_tree(WINDOWS_XP)))
    setup = read_txtsetup(OEM, name="txtsetup.oem")
    component = setup.component("wxp32")
    assert component is not None
    driver = oem_boot_driver(setup, component, windows.os, HeldFiles(OEM_FILES), "xp")
    enabling = plan_driver(driver, windows)
    # As virt-v2v does it for Windows before 8, with the id and the settings of the file.
    reg = SERVICE.replace('"BusType"=dword:{bus:08x}\n', "").format(
        PREFIX=PREFIX, service="viostor", image=reg_text(r"System32\drivers\viostor.sys")
    ) + CRITICAL.format(PREFIX=PREFIX, service="viostor", id="VEN_1AF4&DEV_1001&SUBSYS_00021AF4&REV_00")
    assert dissect(carried_out(WINDOWS_XP, enabling)) == merged_with(system_of(WINDOWS_XP), reg, tmp_path)
    assert [each.target_path for each in enabling.files] == [
        "WINDOWS/System32/drivers/viostor.sys",
        "WINDOWS/System32/CatRoot/{F750E6C3-38EE-11D1-85E5-00C04FC295EE}/osdimage-viostor.cat",
    ]
    assert enabling.warnings == ()


@pytest.mark.parametrize(
    ("component", "message"),
    [
        ("empty", "the component 'empty' of txtsetup.oem has no driver"),
        ("noids", "has no device"),
        ("gone", "names the driver 'xp/gone.sys', which is not there"),
    ],
)
def test_a_component_that_cannot_be_enabled_is_refused(component: str, message: str) -> None:
    windows = offline_windows(HeldFiles(make_tree(WINDOWS_XP)))
    setup = read_txtsetup(OEM, name="txtsetup.oem")
    found = setup.component(component)
    assert found is not None
    with pytest.raises(InvalidInput, match=message):
        oem_boot_driver(setup, found, windows.os, HeldFiles(OEM_FILES), "xp")
