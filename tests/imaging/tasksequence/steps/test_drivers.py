"""Drivers that a sequence brings into the Windows that it applies: which, why, and what is told before.

The INFs have the sections of virtio-win's; the devices are a text of lspci.  What is on the disk afterwards, ntfscat
and dissect.regf read.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from cases.boot_drivers import driver_sys, storage_package
from cases.offline_windows import WINDOWS_7, WINDOWS_11, WINDOWS_XP, Made, make_tree
from cases.sequence import MBR, MIB, Log, blank_disk, computer, run
from cases.windows_trees import write_tree
from judges import hive as hives
from judges import wim as judges
from judges.disk import partition_of
from judges.ntfs import plain_contents
from osdimage.imaging.capture import capture_image
from osdimage.imaging.errors import ActionFailed
from osdimage.imaging.tasksequence.computer.machine import Machine
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.forms.build import sequence, step
from osdimage.imaging.tasksequence.plan import plan_sequence
from osdimage.imaging.tasksequence.planned import PlannedStep
from osdimage.imaging.tasksequence.result import LogType
from osdimage.imaging.tasksequence.steps.apply_driver_package import apply_driver_package
from osdimage.imaging.tasksequence.steps.apply_os import apply_operating_system
from osdimage.imaging.tasksequence.steps.partition_disk import partition_disk

E_INVALIDARG, INVALID_DATA = 0x80070057, 0x8007000D
PACKAGE = "OSDApplyDriverPackageID"
# $ lspci -nnvmm of a guest of QEMU whose disk is a virtio-blk-pci, in its legacy form.
DEVICES = """\
Slot:\t00:04.0
Class:\tSCSI storage controller [0100]
Vendor:\tRed Hat, Inc. [1af4]
Device:\tVirtio block device [1001]
SVendor:\tRed Hat, Inc. [1af4]
SDevice:\tVirtio block device [0002]
"""
TXTSETUP = """\
[Disks]
d1 = "Drivers", \\disk1, \\
[Defaults]
scsi = XP
[scsi]
XP = "A controller", oemstor
[Files.scsi.XP]
driver = d1, oemstor.sys, OEMSTOR
[HardwareIds.scsi.XP]
id = "PCI\\VEN_1AF4&DEV_1001", "oemstor"
[Config.oemstor]
value = "Parameters", "BusType", REG_DWORD, 1
"""
CRITICAL = {
    "OSDApplyDriverBootCriticalContentUniqueID": "Content_1",
    "OSDApplyDriverBootCriticalINFFile": "txtsetup.oem",
    "OSDApplyDriverBootCriticalHardwareComponent": "scsi",
    "OSDApplyDriverBootCriticalID": "xp",
}


def image_of(made: Made, folder: Path) -> Path:
    path = folder / f"{made.build}.wim"
    capture_image(write_tree(folder / f"tree-{made.build}", make_tree(made)), path)
    return path


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("images")
    return {name: image_of(made, folder) for name, made in (("11", WINDOWS_11), ("7", WINDOWS_7), ("xp", WINDOWS_XP))}


def driver_folder(folder: Path, files: Mapping[str, bytes] | None = None) -> Path:
    made = {**storage_package("viostor", folder="viostor"), **storage_package("vioscsi", folder="vioscsi")}
    return write_tree(folder, dict(made if files is None else files))


def devices_file(folder: Path) -> str:
    path = folder / "lspci.txt"
    path.write_text(DEVICES)
    return str(path)


def prepared(tmp_path: Path, image: Path, **packages: Path) -> tuple[Path, Machine, Environment]:
    """Apply an image to the one partition of a disk."""
    disk = blank_disk(tmp_path / "disk.img", 64 * MIB)
    machine, env = computer(disk, WIM=image, **packages), Environment()
    run(partition_disk, env, machine, MBR)
    run(apply_operating_system, env, machine, {"OSDImageIndex": "1"}, {"ImagePackageID": "WIM"})
    return disk, machine, env


def contents(disk: Path, path: str) -> bytes:
    volume = partition_of(disk, 1, disk.with_name("volume.ntfs"))
    judges.assert_ntfs_clean(volume)
    return plain_contents(volume, path)


def told(machine: Machine, *steps: tuple[dict[str, str], dict[str, str]]) -> tuple[PlannedStep, ...]:
    """Plan a sequence that applies Windows and then driver packages."""
    members = [
        step("partition", "PartitionDisk", MBR),
        step("apply", "ApplyOperatingSystem", {"OSDImageIndex": "1"}, {"ImagePackageID": "WIM"}),
        *(step("drivers", "ApplyDriverPackage", *each) for each in steps),
    ]
    return plan_sequence(sequence("S", *members), Environment(), machine).steps[2:]


@pytest.mark.foreign
def test_all_drivers_of_a_package_go_into_the_windows(tmp_path: Path, images: dict[str, Path]) -> None:
    package = driver_folder(tmp_path / "drivers")
    disk, machine, env = prepared(tmp_path, images["11"], DRV=package)
    log = Log()
    result = run(apply_driver_package, env, machine, {PACKAGE: "DRV"}, log=log)
    assert result.message.startswith("brought in 2 drivers: vioscsi.inf, viostor.inf; pnputil /add-driver in the pass")
    report = json.loads(contents(disk, "/Windows/Temp/osdimage-drivers.json"))
    assert [each["inf"] for each in report["drivers"]] == ["vioscsi.inf", "viostor.inf"]
    # Nobody said which devices there are: none is enabled.
    assert report["boot_enabled"] == []
    assert any(each.startswith("vioscsi.inf, viostor.inf: not enabled for booting") for each in result.warnings)
    assert contents(disk, "/Drivers/01-viostor/viostor.sys") == (package / "viostor" / "viostor.sys").read_bytes()
    assert b"osdimage-drivers.cmd" in contents(disk, "/Windows/Panther/unattend.xml")
    assert [text for kind, text in log.lines if kind is LogType.INFO][:1] == [
        "vioscsi.inf (2021-12-02, 100.90.104.21500): it is in the package"
    ]


@pytest.mark.foreign
def test_the_controller_of_the_disk_is_enabled_when_the_devices_are_known(
    tmp_path: Path, images: dict[str, Path]
) -> None:
    disk, machine, env = prepared(tmp_path, images["11"], DRV=driver_folder(tmp_path / "drivers"))
    machine.devices = (devices_file(tmp_path),)
    assert "; Windows starts with viostor;" in run(apply_driver_package, env, machine, {PACKAGE: "DRV"}).message
    services = hives.dissect(contents(disk, "/Windows/System32/config/SYSTEM"))
    # Start 0: the loader reads it (Microsoft, "INF AddService Directive": SERVICE_BOOT_START).
    assert services[r"ControlSet001\Services\viostor"]["Start"] == (4, b"\0\0\0\0")
    assert r"ControlSet001\Services\vioscsi" not in services
    # A step that is begun again finds it all there.
    again = run(apply_driver_package, env, machine, {PACKAGE: "DRV"})
    assert again.message.startswith("brought in 2 drivers")


@pytest.mark.parametrize(
    ("variables", "properties"),
    [
        pytest.param({PACKAGE: "DRV"}, {}, id="variable"),
        pytest.param({}, {"DriverPackageID": "drv"}, id="property"),
    ],
)
def test_the_plan_tells_each_driver_and_why(
    tmp_path: Path, images: dict[str, Path], variables: dict[str, str], properties: dict[str, str]
) -> None:
    machine = computer(blank_disk(tmp_path / "d.img"), WIM=images["11"], DRV=driver_folder(tmp_path / "drivers"))
    machine.devices = (devices_file(tmp_path),)
    (found,) = told(machine, (variables, properties))
    assert found.problems == ()
    assert (found.does or "").startswith("bring in 2 drivers: vioscsi.inf, viostor.inf; Windows starts with viostor")
    assert found.details[0] == "vioscsi.inf (2021-12-02, 100.90.104.21500): it is in the package"
    assert found.details[1].startswith(
        "viostor.inf (2021-12-02, 100.90.104.21500): for Red Hat, Inc. Virtio block device by PCI\\VEN_1AF4&DEV_1001"
    )
    assert found.details[1].endswith("; Windows starts with it")


def test_the_command_line_of_an_export_names_the_package(tmp_path: Path, images: dict[str, Path]) -> None:
    machine = computer(blank_disk(tmp_path / "d.img"), WIM=images["11"], ABC00005=driver_folder(tmp_path / "drivers"))
    members = [
        step("partition", "PartitionDisk", MBR),
        step("apply", "ApplyOperatingSystem", {"OSDImageIndex": "1"}, {"ImagePackageID": "WIM"}),
        step("drivers", "ApplyDriverPackage", command="osddriverclient.exe /install:ABC00005 /unsigned:false"),
    ]
    listed = sequence("S", *members, packages=["WIM", "ABC00005", "ABC00006"])
    plan = plan_sequence(listed, Environment(), machine)
    found = plan.steps[2]
    assert (found.does or "").startswith("bring in 2 drivers")
    assert plan.unchecked == ("ABC00006",)
    # A variable of the computer stands above what the step says.
    given = Environment(computer={PACKAGE: "OTHER"})
    found = plan_sequence(sequence("S", *members), given, machine).steps[2]
    assert found.unmapped == ("OTHER",)


def test_a_package_without_a_path_and_one_without_a_driver_are_told_before(
    tmp_path: Path, images: dict[str, Path]
) -> None:
    (tmp_path / "empty").mkdir()
    machine = computer(blank_disk(tmp_path / "d.img"), WIM=images["11"], NONE=tmp_path / "empty")
    missing, empty, unnamed = told(machine, ({PACKAGE: "DRV"}, {}), ({PACKAGE: "NONE"}, {}), ({}, {}))
    assert missing.unmapped == ("DRV",)
    assert "there is no path for package 'DRV'" in missing.problems[0]
    assert "holds no driver" in empty.problems[0]
    assert unnamed.problems == ("DriverPackageID is missing; valid: the ID of the driver package",)


def test_drivers_for_another_windows_stay_out_and_a_package_of_them_alone_is_refused(
    tmp_path: Path, images: dict[str, Path]
) -> None:
    inf = storage_package("viostor", folder="x86")["x86/viostor.inf"].replace(b"amd64", b"x86")
    other = {**storage_package("viostor", folder="x86"), "x86/viostor.inf": inf}
    both = driver_folder(tmp_path / "both", {**storage_package("vioscsi", folder="a"), **other})
    machine = computer(
        blank_disk(tmp_path / "d.img"), WIM=images["11"], BOTH=both, X86=driver_folder(tmp_path / "x86", other)
    )
    mixed, wrong = told(machine, ({PACKAGE: "BOTH"}, {}), ({PACKAGE: "X86"}, {}))
    assert (mixed.does or "").startswith("bring in 1 driver: vioscsi.inf;")
    reason = "x86/viostor.inf: its INF has no device for 10.0.22631 amd64 workstation; its platforms are NTx86"
    assert mixed.details[1] == f"1 driver of the package not taken, the first: {reason}"
    assert wrong.problems == (reason,)


def test_drivers_before_a_windows_are_a_problem(tmp_path: Path) -> None:
    machine = computer(blank_disk(tmp_path / "d.img"), DRV=driver_folder(tmp_path / "drivers"))
    members = [step("drivers", "ApplyDriverPackage", {PACKAGE: "DRV"})]
    (found,) = plan_sequence(sequence("S", *members), Environment(), machine).steps
    assert "Apply Operating System must come before" in found.problems[0]


@pytest.mark.parametrize("allowed", ["true", "false"])
def test_a_driver_without_a_catalog_is_told_unless_that_is_allowed(
    tmp_path: Path, images: dict[str, Path], allowed: str
) -> None:
    files = storage_package("viostor", folder="a")
    files.pop("a/viostor.cat")
    machine = computer(blank_disk(tmp_path / "d.img"), WIM=images["11"], DRV=driver_folder(tmp_path / "drivers", files))
    (found,) = told(machine, ({PACKAGE: "DRV", "OSDAllowUnsignedDriver": allowed}, {}))
    assert ("has no catalog of signatures (viostor.cat)" in " ".join(found.warnings)) is (allowed == "false")


def test_a_driver_that_is_not_as_it_was_signed_is_a_problem_unless_that_is_allowed(
    tmp_path: Path, images: dict[str, Path]
) -> None:
    files = {**storage_package("viostor", folder="a"), "a/viostor.sys": driver_sys(signed=False)}
    machine = computer(blank_disk(tmp_path / "d.img"), WIM=images["11"], DRV=driver_folder(tmp_path / "drivers", files))
    said = "a/viostor.inf: not what its catalog viostor.cat vouches for: viostor.sys: it is not what was signed"
    (found,) = told(machine, ({PACKAGE: "DRV"}, {}))
    assert found.problems == (said,)
    machine.allows_modified = True
    (found,) = told(machine, ({PACKAGE: "DRV"}, {}))
    assert (found.problems, said in found.warnings) == ((), True)


def critical_package(folder: Path) -> Path:
    inf = storage_package("vioscsi", folder="scsi")["scsi/vioscsi.inf"].replace(b"NTamd64", b"NTx86")
    files = {
        "Content_1/txtsetup.oem": TXTSETUP.replace("\n", "\r\n").encode(),
        "Content_1/oemstor.sys": driver_sys("x86"),
        **storage_package("vioscsi", inf, "scsi"),
    }
    return driver_folder(folder, files)


def test_before_vista_a_driver_of_disks_is_taken_from_txtsetup(tmp_path: Path, images: dict[str, Path]) -> None:
    package = critical_package(tmp_path / "drivers")
    machine = computer(blank_disk(tmp_path / "d.img"), WIM=images["xp"], DRV=package)
    right, unknown, three = told(
        machine,
        ({PACKAGE: "DRV", **CRITICAL}, {}),
        ({PACKAGE: "DRV", **CRITICAL, "OSDApplyDriverBootCriticalID": "W2K"}, {}),
        ({PACKAGE: "DRV", **CRITICAL, "OSDApplyDriverBootCriticalID": ""}, {}),
    )
    assert "no txtsetup.oem of" in unknown.problems[0]
    assert "has 'W2K' in its section scsi: Content_1/txtsetup.oem" in unknown.problems[0]
    assert three.problems[0].startswith("OSDApplyDriverBootCriticalID missing; valid: all four")
    assert (right.does or "").startswith("bring in 1 driver: vioscsi.inf; Windows starts with OEMSTOR; ")


@pytest.mark.foreign
def test_the_driver_of_txtsetup_is_in_the_hive_and_another_id_fails_with_its_code(
    tmp_path: Path, images: dict[str, Path]
) -> None:
    disk, machine, env = prepared(tmp_path, images["xp"], DRV=critical_package(tmp_path / "drivers"))
    variables = {PACKAGE: "DRV", **CRITICAL}
    with env.step_defaults({**variables, "OSDApplyDriverBootCriticalID": "W2K"}), pytest.raises(ActionFailed) as caught:
        apply_driver_package(env, machine, Log().events)
    # The code that the issue about a wrong id tells: E_INVALIDARG.
    assert caught.value.code == E_INVALIDARG
    run(apply_driver_package, env, machine, variables)
    system = hives.dissect(contents(disk, "/WINDOWS/System32/config/SYSTEM"))
    assert system[r"ControlSet001\Services\OEMSTOR"]["Start"] == (4, b"\0\0\0\0")
    critical = system[r"ControlSet001\Control\CriticalDeviceDatabase\PCI#VEN_1AF4&DEV_1001"]
    assert critical["Service"] == (1, "OEMSTOR\0".encode("utf-16-le"))
    assert contents(disk, "/WINDOWS/System32/drivers/oemstor.sys") == driver_sys("x86")


def test_from_vista_on_the_driver_of_txtsetup_is_not_used(tmp_path: Path, images: dict[str, Path]) -> None:
    package = driver_folder(tmp_path / "drivers")
    machine = computer(blank_disk(tmp_path / "d.img"), WIM=images["7"], DRV=package)
    (found,) = told(machine, ({PACKAGE: "DRV", **CRITICAL}, {}))
    assert found.problems == ()
    assert any("are for Windows before Vista, and not used" in each for each in found.warnings)
    (wrong,) = told(machine, ({PACKAGE: "DRV", **CRITICAL, "OSDApplyDriverBootCriticalHardwareComponent": "ide"}, {}))
    assert wrong.problems == ("OSDApplyDriverBootCriticalHardwareComponent=ide: valid: before Vista: scsi",)


@pytest.mark.foreign
def test_an_image_that_is_not_generalized_has_the_folders_in_its_device_path(
    tmp_path: Path, images: dict[str, Path]
) -> None:
    disk, machine, env = prepared(tmp_path, images["7"], DRV=driver_folder(tmp_path / "drivers"))
    result = run(apply_driver_package, env, machine, {PACKAGE: "DRV"})
    assert "the image is not generalized" in result.message
    software = hives.dissect(contents(disk, "/Windows/System32/config/SOFTWARE"))
    kind, data = software[r"Microsoft\Windows\CurrentVersion"]["DevicePath"]
    assert kind == 2
    assert data.decode("utf-16-le") == r"%SystemRoot%\inf;C:\Drivers\00-vioscsi;C:\Drivers\01-viostor" + "\0"
