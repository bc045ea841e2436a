"""What bringing drivers into a Windows takes, by its version and the state it was left in."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from dataclasses import replace

import pytest
from cases.boot_drivers import storage_package
from cases.offline_windows import SERVER_2022, WINDOWS_7, WINDOWS_10, WINDOWS_11, WINDOWS_XP, HeldFiles, Made, make_tree
from osdimage.imaging.drivers.injection.document import to_document
from osdimage.imaging.drivers.injection.plan import InjectionOptions, InjectionPlan, Method, WantedDriver
from osdimage.imaging.drivers.injection.planning import plan_driver_injection
from osdimage.imaging.drivers.injection.script import Installer
from osdimage.imaging.drivers.offline.windows import offline_windows
from osdimage.imaging.drivers.packages import DriverPackage, packages_in
from osdimage.imaging.errors import InvalidInput, InvalidRequest, TargetRefused
from osdimage.imaging.registry.hive import Key, Value
from osdimage.imaging.registry.reg_file import Edit

GENERALIZED = "IMAGE_STATE_GENERALIZE_RESEAL_TO_OOBE"
WINDOWS_8 = replace(WINDOWS_10, version=(6, 2), build=9200)
WINDOWS_10_1511 = replace(WINDOWS_10, build=10586)
WINDOWS_10_1607 = replace(WINDOWS_10, build=14393)
WINDOWS_7_GENERALIZED = replace(WINDOWS_7, image_state=GENERALIZED)
WINDOWS_XP_64 = replace(WINDOWS_XP, architecture="x64", version=(5, 2))
CURRENT = r"HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\Windows\CurrentVersion"
PATHS = r"HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\Windows NT\CurrentVersion\UnattendSettings\PnPUnattend\DriverPaths"
COMMAND = r'cmd.exe /d /c "call %SystemDrive%\Drivers\osdimage-drivers.cmd & rd %SystemDrive%\Drivers & exit 0"'
U = "{urn:schemas-microsoft-com:unattend}"
ANSWERS, SCRIPT = "Windows/Panther/unattend.xml", "Drivers/osdimage-drivers.cmd"
UNATTEND = b"""<unattend xmlns="urn:schemas-microsoft-com:unattend"><settings pass="specialize">
<component name="Microsoft-Windows-Deployment" processorArchitecture="amd64" publicKeyToken="31bf3856ad364e35"
 language="neutral" versionScope="nonSxS" xmlns:wcm="http://schemas.microsoft.com/WMIConfig/2002/State">
<RunSynchronous><RunSynchronousCommand wcm:action="add"><Order>1</Order><Path>user.cmd</Path></RunSynchronousCommand>
</RunSynchronous></component></settings></unattend>"""


def packages(*services: str) -> list[DriverPackage]:
    held: dict[str, bytes] = {}
    for each in services:
        held |= storage_package(each, folder=f"{each}/w10/amd64")
    return packages_in(HeldFiles(held, "disc"))


def wanted(*services: str, boot: bool = False) -> list[WantedDriver]:
    return [
        WantedDriver(each, boot_model=each.inf.all_models()[0] if boot else None)
        for each in packages(*(services or ("viostor",)))
    ]


def planned(
    made: Made,
    drivers: list[WantedDriver] | None = None,
    options: InjectionOptions = InjectionOptions(),  # noqa: B008 - it is frozen
    **more: bytes,
) -> InjectionPlan:
    files = HeldFiles(make_tree(made) | {path.replace("__", "/"): data for path, data in more.items()})
    return plan_driver_injection(offline_windows(files), files, wanted() if drivers is None else drivers, options)


def edits(plan: InjectionPlan) -> dict[tuple[str, str], str]:
    """Return the texts that are set, by key and name of the value."""
    values = [each.edit for each in plan.changes.edits if each.hive == "SOFTWARE"]
    return {(each.key, each.value.name): each.value.as_string() for each in values if each.value is not None}


def contents(plan: InjectionPlan) -> dict[str, bytes]:
    return {each.path: each.read() for each in plan.changes.files}


def commands(document: bytes) -> list[tuple[str, str]]:
    root = ET.fromstring(document)  # noqa: S314 - what osdimage just wrote
    found = root.iter(f"{U}RunSynchronousCommand")
    return sorted((each.findtext(f"{U}Order") or "", each.findtext(f"{U}Path") or "") for each in found)


# Section 8 of the spec's table: what installs staged drivers, by the version of Windows.
@pytest.mark.parametrize(
    ("made", "installer", "has_device_path", "has_paths"),
    [
        pytest.param(WINDOWS_11, Installer.PNPUTIL, False, False, id="11"),
        pytest.param(WINDOWS_10_1607, Installer.PNPUTIL, False, False, id="10 1607"),
        pytest.param(SERVER_2022, Installer.PNPUTIL, False, False, id="Server 2022"),
        pytest.param(WINDOWS_10_1511, Installer.PNP_UNATTEND, True, True, id="10 1511"),
        pytest.param(WINDOWS_8, Installer.PNP_UNATTEND, True, True, id="8"),
        pytest.param(WINDOWS_7_GENERALIZED, Installer.PNPUTIL_OF_VISTA, True, False, id="7"),
    ],
)
def test_what_installs_the_drivers_is_chosen_by_the_windows(
    made: Made, installer: Installer, has_device_path: bool, has_paths: bool
) -> None:
    plan = planned(made)
    assert plan.first_start is not None
    assert plan.first_start.installer is installer
    assert commands(contents(plan)[ANSWERS]) == [("1", COMMAND)]
    assert ((CURRENT, "DevicePath") in edits(plan)) is has_device_path
    assert ((rf"{PATHS}\1", "Path") in edits(plan)) is has_paths


def test_each_driver_gets_a_folder_with_its_own_files() -> None:
    plan = planned(WINDOWS_11, wanted("viostor", "vioscsi"))
    assert sorted(contents(plan)) == [
        "Drivers/00-vioscsi/vioscsi.cat",
        "Drivers/00-vioscsi/vioscsi.inf",
        "Drivers/00-vioscsi/vioscsi.sys",
        "Drivers/01-viostor/viostor.cat",
        "Drivers/01-viostor/viostor.inf",
        "Drivers/01-viostor/viostor.sys",
        SCRIPT,
        ANSWERS,
        "Windows/Temp/osdimage-drivers.json",
    ]
    assert contents(plan)["Drivers/00-vioscsi/vioscsi.sys"] == storage_package("vioscsi")["amd64/w10/vioscsi.sys"]


def test_the_device_path_keeps_what_it_has_and_is_made_as_windows_has_it() -> None:
    found = edits(planned(WINDOWS_8, wanted("viostor", "vioscsi")))
    assert found[CURRENT, "DevicePath"] == r"%SystemRoot%\inf;C:\Drivers\00-vioscsi;C:\Drivers\01-viostor"
    assert found[rf"{PATHS}\1", "Path"] == r"C:\Drivers"


def test_the_commands_of_the_user_come_after() -> None:
    plan = planned(WINDOWS_11, **{ANSWERS: UNATTEND})
    assert commands(contents(plan)[ANSWERS]) == [("1", COMMAND), ("2", "user.cmd")]


@pytest.mark.parametrize(
    "path",
    ["Windows/Panther/Unattend/Unattend.xml", "Windows/System32/Sysprep/unattend.xml", "unattend.xml"],
)
def test_the_answer_file_that_windows_finds_first_is_changed(path: str) -> None:
    plan = planned(WINDOWS_11, **{path: UNATTEND})
    assert commands(contents(plan)[path]) == [("1", COMMAND), ("2", "user.cmd")]
    assert ANSWERS not in contents(plan)


def test_the_answer_file_that_the_registry_names_comes_first() -> None:
    def name(root: Key, _control: Key) -> None:
        root.ensure("Setup").set(Value.string("UnattendFile", r"C:\ours\answers.xml"))

    more = {"ours/answers.xml": UNATTEND, ANSWERS: UNATTEND}
    assert set(contents(planned(replace(WINDOWS_11, more=name), **more))) & {*more} == {"ours/answers.xml"}


def test_a_windows_that_is_not_generalized_only_looks_into_the_device_path() -> None:
    plan = planned(replace(WINDOWS_11, image_state="IMAGE_STATE_COMPLETE"), **{ANSWERS: UNATTEND})
    assert plan.first_start is not None
    assert plan.first_start.installer is None
    assert "not generalized" in plan.first_start.how
    assert edits(plan) == {(CURRENT, "DevicePath"): r"%SystemRoot%\inf;C:\Drivers\00-viostor"}
    assert ANSWERS not in contents(plan)
    assert SCRIPT not in contents(plan)


def test_one_that_does_not_say_gets_both_and_a_warning() -> None:
    plan = planned(replace(WINDOWS_11, image_state=None))
    assert (CURRENT, "DevicePath") in edits(plan)
    assert ANSWERS in contents(plan)
    assert any("does not say whether it is generalized" in each for each in plan.warnings)


def test_mini_setup_is_told_the_folders_and_the_disk_controllers() -> None:
    inf = b"[Unattended]\r\nOemPnPDriversPath=D\r\nOemSkipEula=Yes\r\n"
    drivers = packages("viostor")
    plan = planned(WINDOWS_XP_64, [WantedDriver(drivers[0], boot_model=drivers[0].inf.all_models()[0])],
                   **{"sysprep/sysprep.inf": inf})  # fmt: skip
    text = contents(plan)["sysprep/sysprep.inf"].decode("ascii")
    assert 'OemPnPDriversPath="D;Drivers\\00-viostor"\r\nOemSkipEula=Yes\r\n' in text
    assert (
        '[SysprepMassStorage]\r\nPCI\\VEN_1AF4&DEV_1001&SUBSYS_00021AF4&REV_00="\\Drivers\\00-viostor\\viostor.inf"'
        in text
    )
    assert (CURRENT, "DevicePath") in edits(plan)


@pytest.mark.parametrize(
    ("method", "is_staged", "is_enabled"),
    [(Method.AUTO, True, True), (Method.STAGE, True, False), (Method.BOOT, False, True)],
)
def test_a_method_stages_or_enables_or_both(method: Method, is_staged: bool, is_enabled: bool) -> None:
    plan = planned(WINDOWS_11, wanted(boot=True), InjectionOptions(method))
    assert any(each.startswith("Drivers/") for each in contents(plan)) is is_staged
    assert ("Windows/System32/drivers/viostor.sys" in contents(plan)) is is_enabled
    assert any(r"Services\viostor" in each.edit.key for each in plan.changes.edits) is is_enabled


def after(plan: InjectionPlan, made: Made, more: Mapping[str, bytes]) -> HeldFiles:
    """Return the Windows as a plan makes it, its hives left out."""
    return HeldFiles(make_tree(made) | dict(more) | contents(plan))


def test_a_driver_that_is_there_keeps_its_number_and_another_gets_the_next() -> None:
    first = planned(WINDOWS_11, wanted("viostor"))
    files = after(first, WINDOWS_11, {"Drivers/00-other/notes": b"of somebody else"})
    plan = plan_driver_injection(offline_windows(files), files, wanted("viostor", "vioscsi"))
    assert [(each.folder, each.is_there) for each in plan.drivers] == [("01-vioscsi", False), ("00-viostor", True)]
    # The same again changes nothing.
    again = plan_driver_injection(offline_windows(files), files, wanted("viostor"))
    assert again.is_empty
    assert again.changes.files == ()


def test_the_script_goes_on_installing_what_was_staged_before() -> None:
    first = planned(WINDOWS_11, wanted("viostor"))
    files = after(first, WINDOWS_11, {"Drivers/00-other/notes.txt": b"of somebody else"})
    script = contents(plan_driver_injection(offline_windows(files), files, wanted("vioscsi")))[SCRIPT].decode()
    assert r'"%here%00-viostor\viostor.inf"' in script
    assert r'"%here%01-vioscsi\vioscsi.inf"' in script
    assert "00-other" not in script


def test_what_was_staged_in_part_is_gone_on_with() -> None:
    first = contents(planned(WINDOWS_11))
    files = HeldFiles(make_tree(WINDOWS_11) | {path: first[path] for path in first if path.endswith((".inf", ".cat"))})
    plan = plan_driver_injection(offline_windows(files), files, wanted())
    assert plan.drivers[0].folder == "00-viostor"
    assert not plan.drivers[0].is_there
    assert "Drivers/00-viostor/viostor.sys" in contents(plan)
    assert "Drivers/00-viostor/viostor.inf" not in contents(plan)


def test_another_driver_of_the_same_name_gets_its_own_folder() -> None:
    files = HeldFiles(make_tree(WINDOWS_11) | {"Drivers/00-viostor/viostor.inf": b"an older one"})
    plan = plan_driver_injection(offline_windows(files), files, wanted())
    assert plan.drivers[0].folder == "01-viostor"


def test_all_missing_files_are_named() -> None:
    held = storage_package("viostor") | storage_package("vioscsi")
    del held["amd64/w10/viostor.sys"], held["amd64/w10/vioscsi.sys"]
    drivers = [WantedDriver(each) for each in packages_in(HeldFiles(held, "disc"))]
    with pytest.raises(InvalidInput, match=r"2 files of drivers missing: .*vioscsi\.sys; .*viostor\.sys"):
        planned(WINDOWS_11, drivers)


@pytest.mark.parametrize(
    ("made", "more", "said"),
    [
        pytest.param(replace(WINDOWS_11, edition="WindowsPE"), {}, "is Windows PE", id="Windows PE"),
        pytest.param(WINDOWS_11, {"Windows/WinSxS/pending.xml": b"x"}, "updates are pending", id="pending updates"),
    ],
)
def test_a_windows_that_is_not_ready_is_refused(made: Made, more: dict[str, bytes], said: str) -> None:
    with pytest.raises(TargetRefused, match=said):
        planned(made, **more)


def test_nothing_wanted_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="no driver"):
        planned(WINDOWS_11, [])


def test_the_document_tells_old_and_new_values_and_promises_nothing() -> None:
    document = to_document(planned(WINDOWS_8, wanted(boot=True)))
    json.dumps(document)
    (path,) = [each for each in document["registry"] if each["value"] == "DevicePath"]
    assert path["key"] == CURRENT
    assert path["new"] == {"type": "REG_EXPAND_SZ", "data": r"%SystemRoot%\inf;C:\Drivers\00-viostor"}
    assert document["drivers"][0]["folder"] == r"C:\Drivers\00-viostor"
    assert document["boot_enabled"][0]["service"] == "viostor"
    assert any("whether Windows will use a driver" in each for each in document["not_known"])


def test_edits_are_of_the_hive_that_they_name() -> None:
    plan = planned(WINDOWS_8, wanted(boot=True))
    kinds = {each.hive: each.edit for each in plan.changes.edits}
    assert all(
        isinstance(each, Edit) and each.key.startswith(rf"HKEY_LOCAL_MACHINE\{hive}") for hive, each in kinds.items()
    )
