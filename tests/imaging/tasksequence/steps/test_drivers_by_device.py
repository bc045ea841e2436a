"""Drivers that are chosen from a catalog by the devices of a computer: Auto Apply Drivers, and MDT's Inject Drivers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from cases.boot_drivers import storage_inf, storage_package
from cases.offline_windows import WINDOWS_11, make_tree
from cases.sequence import MBR, MIB, blank_disk, computer
from cases.windows_trees import write_tree
from judges.disk import partition_of
from judges.ntfs import plain_contents
from osdimage.cli.guidance.advice import worded
from osdimage.imaging.capture import capture_image
from osdimage.imaging.drivers.store.adding import ImportWish
from osdimage.imaging.drivers.store.addresses import resolve
from osdimage.imaging.drivers.store.catalog import open_catalog
from osdimage.imaging.drivers.store.importing import import_drivers
from osdimage.imaging.drivers.target_os import Architecture, TargetOs
from osdimage.imaging.errors import Incomplete
from osdimage.imaging.tasksequence.computer.kept import machine_document, machine_of
from osdimage.imaging.tasksequence.computer.machine import Machine
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.forms.build import sequence, step
from osdimage.imaging.tasksequence.forms.xml import load_sequence
from osdimage.imaging.tasksequence.judging.judgement import Decision
from osdimage.imaging.tasksequence.judging.leave_out import LeaveOut
from osdimage.imaging.tasksequence.plan import plan_sequence
from osdimage.imaging.tasksequence.planned import PlannedStep, RunPlan
from osdimage.imaging.tasksequence.report import RunEnd
from osdimage.imaging.tasksequence.result import StepClass
from osdimage.imaging.tasksequence.runner import run_sequence
from osdimage.imaging.tasksequence.sequence import Step
from osdimage.imaging.tasksequence.steps.auto_apply_drivers import choose_of_catalog
from osdimage.imaging.tasksequence.steps.driver_choice import choose_all

FIXTURES = Path(__file__).parents[4] / "fixtures" / "tasksequence"
CATEGORIES, BEST = "OSDAutoApplyDriverCategoryList", "OSDAutoApplyDriverBestMatch"
OS_11 = TargetOs(10, 0, 22631, Architecture.AMD64)
GUID = "{f080bd22-c068-4ae4-8759-cc1f3f7b956b}"
# Lines of /sys/bus/pci/devices/*/modalias of a guest of QEMU: virtio-blk in its legacy form, virtio-scsi in its modern.
DEVICES = """\
pci:v00001AF4d00001001sv00001AF4sd00000002bc01sc00i00
pci:v00001AF4d00001048sv00001AF4sd00001100bc01sc00i00
"""


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("image")
    capture_image(write_tree(folder / "tree", make_tree(WINDOWS_11)), folder / "windows.wim")
    return folder / "windows.wim"


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A catalog: two drivers for virtio-blk, an old one in Storage and a new one in Spare; one for virtio-scsi."""
    folder = tmp_path_factory.mktemp("catalog")
    new = storage_inf("viostor", driver_ver="01/31/2025,100.99.0.0")
    given = {
        "Storage": storage_package("viostor", folder="old"),
        "Spare": storage_package("viostor", new, "new"),
        "Other": storage_package("vioscsi", folder="scsi"),
    }
    with open_catalog(folder / "drivers.db", creates=True) as opened:
        for category, files in given.items():
            path = write_tree(folder / category, files)
            import_drivers(opened, [path], ImportWish(categories=(category,), package=f"{category} package"))
    return folder / "drivers.db"


@pytest.fixture
def machine(tmp_path: Path, image: Path, catalog: Path) -> Machine:
    (tmp_path / "modalias").write_text(DEVICES)
    made = computer(blank_disk(tmp_path / "disk.img", 64 * MIB), **{"WIM": image, GUID: image})
    made.catalog, made.devices = catalog, (str(tmp_path / "modalias"),)
    return made


def applying(*drivers: Step) -> list[Step]:
    return [
        step("partition", "PartitionDisk", MBR),
        step("apply", "ApplyOperatingSystem", {"OSDImageIndex": "1"}, {"ImagePackageID": "WIM"}),
        *drivers,
    ]


def told(
    machine: Machine, variables: Mapping[str, str], env: Environment | None = None, *, kind: str = "AutoApply"
) -> PlannedStep:
    members = applying(step("drivers", kind, variables))
    return plan_sequence(sequence("S", *members), env or Environment(), machine).steps[-1]


def versions(planned: PlannedStep) -> list[str]:
    """Return the drivers that would be taken, by INF and version."""
    assert planned.problems == ()
    return [each.partition(")")[0].replace(" (", " ").replace(",", "") for each in planned.details]


OLD, NEW, SCSI = (
    "viostor.inf 2021-12-02 100.90.104.21500",
    "viostor.inf 2025-01-31 100.99.0.0",
    "vioscsi.inf 2021-12-02 100.90.104.21500",
)


@pytest.mark.parametrize(
    ("variables", "taken"),
    [
        # Of equal rank the latest date counts ("Overview of the Driver Package Selection Process").
        pytest.param({}, {NEW, SCSI}, id="the best of all"),
        pytest.param({CATEGORIES: "Storage"}, {OLD}, id="a category"),
        pytest.param({CATEGORIES: "Storage,other"}, {OLD, SCSI}, id="any of two, by a comma"),
        pytest.param({CATEGORIES: " Spare ; OTHER ;"}, {NEW, SCSI}, id="any of two, by a semicolon"),
        pytest.param({BEST: "false"}, {OLD, NEW, SCSI}, id="all that fit"),
        pytest.param({BEST: "FALSE", CATEGORIES: "Storage;Spare"}, {OLD, NEW}, id="all that fit of two categories"),
    ],
)
def test_drivers_of_the_categories_are_taken_by_the_devices(
    machine: Machine, variables: dict[str, str], taken: set[str]
) -> None:
    assert set(versions(told(machine, variables))) == taken


def test_a_variable_of_the_computer_stands_above_what_the_step_says(machine: Machine) -> None:
    env = Environment(computer={CATEGORIES: "Other"})
    assert versions(told(machine, {CATEGORIES: "Storage"}, env)) == [SCSI]


@pytest.mark.parametrize(
    ("variables", "problem"),
    [
        pytest.param(
            {CATEGORIES: "Stor"}, "there is no category 'Stor'; there are: Other, Spare, Storage", id="unknown"
        ),
        pytest.param({CATEGORIES: ";,"}, f"{CATEGORIES}=;,: valid: names of categories", id="empty"),
        pytest.param({BEST: "perhaps"}, f"{BEST}=perhaps: valid: true or false", id="no truth"),
    ],
)
def test_a_variable_that_is_wrong_is_told_before(machine: Machine, variables: dict[str, str], problem: str) -> None:
    assert problem in told(machine, variables).problems[0]


def test_a_controller_of_disks_without_a_driver_is_told(machine: Machine) -> None:
    lacking = "a disk controller without a driver in what was given; Windows may not start"
    assert not any(lacking in each for each in told(machine, {}).warnings)
    assert [lacking in each for each in told(machine, {CATEGORIES: "Other"}).warnings].count(True) == 1


def test_strict_refuses_a_sequence_of_which_no_step_brings_a_driver_for_a_controller_of_disks(machine: Machine) -> None:
    def planned(*categories: str) -> RunPlan:
        steps = (step(each, "AutoApply", {CATEGORIES: each}) for each in categories)
        return plan_sequence(sequence("S", *applying(*steps)), Environment(), machine)

    alone = planned("Other")
    alone.require()
    with pytest.raises(Incomplete, match=r"step 3 'Other': .*: a disk controller for which no step brings a driver"):
        alone.require(strict=True)
    # What one step lacks another one may bring.
    planned("Other", "Storage").require(strict=True)


def test_windows_starts_with_the_best_driver_of_its_controller_alone(machine: Machine) -> None:
    all_that_fit = told(machine, {BEST: "false"})
    starting = [each.endswith("; Windows starts with it") for each in all_that_fit.details]
    assert {each for each, is_needed in zip(versions(all_that_fit), starting, strict=True) if is_needed} == {NEW, SCSI}
    assert "; Windows starts with viostor, vioscsi;" in (all_that_fit.does or "")


def test_of_a_whole_collection_the_driver_of_the_nearest_windows_is_taken(machine: Machine, tmp_path: Path) -> None:
    for system in ("2k22", "w10", "w11"):
        write_tree(tmp_path / "virtio-win" / "viostor" / system, storage_package("viostor", folder="amd64"))
        (tmp_path / "virtio-win" / "viostor" / system / "amd64" / "viostor.sys").write_text(system)
    machine.catalog = tmp_path / "drivers.db"
    with open_catalog(machine.catalog, creates=True) as opened:
        import_drivers(opened, [tmp_path / "virtio-win"], ImportWish(package="virtio"))
        for is_best_match in (True, False):
            choice = choose_of_catalog(machine, opened, OS_11, (), is_best_match=is_best_match)
            assert [each.package.read("viostor.sys") for each in choice.wanted] == [b"w11"]
        named = choose_all(resolve("catalog:virtio", opened).packages, (), OS_11)
        assert [each.package.read("viostor.sys") for each in named.wanted] == [b"w11"]


@pytest.mark.parametrize("kind", ["AutoApply", "BDD_InjectDrivers"])
def test_without_devices_or_a_catalog_the_step_cannot_be_run(machine: Machine, tmp_path: Path, kind: str) -> None:
    devices, machine.devices = machine.devices, ()
    unknown = told(machine, {}, kind=kind)
    assert unknown.decision is Decision.REFUSE
    assert "by the devices of the computer, and nothing tells which these are" in (unknown.reason or "")
    assert unknown.step_class is (StepClass.SITE if kind == "AutoApply" else StepClass.WINDOWS)
    machine.devices, machine.catalog = devices, tmp_path / "none.db"
    assert "chosen from a catalog, and there is none" in (told(machine, {}, kind=kind).reason or "")
    plan = plan_sequence(sequence("S", *applying(step("drivers", kind))), Environment(), machine)
    remedy = plan.remedy_for()
    assert remedy is not None
    assert worded(remedy).startswith("to run it without these steps: --leave-out ")
    assert worded(remedy).endswith("; or for drivers, give --drivers-for SOURCE and --catalog FILE")
    assert unknown.step_class is not None
    left = LeaveOut(frozenset({unknown.step_class}))
    plan = plan_sequence(sequence("S", *applying(step("d", kind))), Environment(), machine, leave_out=left)
    assert plan.refusal() is None


def contents(machine: Machine, path: str) -> bytes:
    disk = machine.disk(0)
    return plain_contents(partition_of(disk, 1, disk.with_name("volume.ntfs")), path)


@pytest.mark.foreign
def test_a_run_brings_them_in(machine: Machine) -> None:
    report = run_sequence(sequence("S", *applying(step("d", "AutoApply"))), Environment(), machine)
    assert report.end is RunEnd.SUCCEEDED
    document = json.loads(contents(machine, "/Windows/Temp/osdimage-drivers.json"))
    assert {(each["inf"], each["driver_version"]) for each in document["drivers"]} == {
        ("vioscsi.inf", "2021-12-02, 100.90.104.21500"),
        ("viostor.inf", "2025-01-31, 100.99.0.0"),
    }
    assert {each["service"] for each in document["boot_enabled"]} == {"vioscsi", "viostor"}


def test_a_package_of_the_catalog_is_a_driver_package(machine: Machine) -> None:
    machine.driver_packages["DRV"] = "catalog:Spare package"
    assert versions(told(machine, {"OSDApplyDriverPackageID": "drv"}, kind="ApplyDriverPackage")) == [NEW]
    machine.driver_packages["DRV"] = "catalog:Nowhere"
    (problem,) = told(machine, {"OSDApplyDriverPackageID": "drv"}, kind="ApplyDriverPackage").problems
    assert "there is no driver, package or category 'Nowhere'" in problem


def test_a_machine_is_saved_with_what_drivers_are_chosen_by(machine: Machine) -> None:
    machine.driver_packages["DRV"] = "catalog:Spare package"
    machine.at_first_start = machine.allows_modified = True
    again = machine_of(json.loads(json.dumps(machine_document(machine))), source="x")
    assert (again.catalog, again.devices, again.driver_packages, again.at_first_start, again.allows_modified) == (
        machine.catalog, machine.devices, machine.driver_packages, True, True,
    )  # fmt: skip
    # One that an earlier version has saved.
    names = {"catalog", "devices", "driver_packages", "at_first_start", "allows_modified"}
    old = {name: value for name, value in machine_document(machine).items() if name not in names}
    assert machine_of(old, source="x").devices == ()


# ---- MDT


def mdt(machine: Machine, *steps: Step, env: Environment | None = None) -> tuple[PlannedStep, ...]:
    return plan_sequence(sequence("S", *steps), env or Environment(), machine).steps


def inject(**variables: str) -> Step:
    return step("inject", "BDD_InjectDrivers", variables)


@pytest.mark.parametrize(
    ("variables", "taken"),
    [
        pytest.param({}, {NEW, SCSI}, id="all drivers that fit"),
        pytest.param({"DriverSelectionProfile": "Storage"}, {OLD}, id="a profile"),
        pytest.param(
            {"DriverSelectionProfile": "Nothing", "DriverGroup001": "Storage", "DriverGroup002": "Other"},
            {OLD, SCSI},
            id="groups alone",
        ),
        pytest.param(
            {"DriverSelectionProfile": "Spare", "DriverGroup001": "Storage", "DriverInjectionMode": "ALL"},
            {OLD, NEW},
            id="a profile and a group, all of them",
        ),
        pytest.param(
            {"DriverSelectionProfile": "everything", "DriverInjectionMode": "all"}, {OLD, NEW, SCSI}, id="all"
        ),
        pytest.param({"DriverSelectionProfile": "Nothing"}, set(), id="nothing"),
    ],
)
def test_the_drivers_of_a_profile_and_of_groups_are_taken(
    machine: Machine, variables: dict[str, str], taken: set[str]
) -> None:
    assert set(versions(told(machine, variables, kind="BDD_InjectDrivers"))) == taken


def test_all_of_a_profile_needs_no_devices(machine: Machine) -> None:
    machine.devices = ()
    variables = {"DriverSelectionProfile": "Storage", "DriverInjectionMode": "ALL"}
    assert versions(told(machine, variables, kind="BDD_InjectDrivers")) == [OLD]


# MDT's Client.xml: Inject Drivers in the group Preinstall, Install Operating System, ZTIDrivers.wsf in Postinstall.
@pytest.mark.foreign
def test_what_is_chosen_before_the_operating_system_goes_in_with_it(machine: Machine) -> None:
    steps = [
        step("partition", "PartitionDisk", MBR),
        inject(DriverSelectionProfile="Storage"),
        step("install", "BDD_InstallOS", {"OSGUID": GUID}),
        step("after", "ZTIDrivers"),
    ]
    _, chosen, install, after = mdt(machine, *steps)
    assert chosen.does == "choose the drivers of Storage that fit a device, which go in with the operating system"
    assert versions(install) == [OLD]
    assert after.does == "the drivers that were chosen before went in with the operating system"
    report = run_sequence(sequence("S", *steps), Environment(), machine)
    assert report.end is RunEnd.SUCCEEDED
    document = json.loads(contents(machine, "/Windows/Temp/osdimage-drivers.json"))
    assert [each["driver_version"] for each in document["drivers"]] == ["2021-12-02, 100.90.104.21500"]


# ---- the samples


@pytest.mark.parametrize(
    ("name", "number", "kind"),
    [
        ("existing-image", 11, "SMS_TaskSequence_AutoApplyAction"),
        ("build-and-capture", 6, "SMS_TaskSequence_AutoApplyAction"),
        ("standalone-media", 11, "SMS_TaskSequence_ApplyDriverPackageAction"),
    ],
)
@pytest.mark.parametrize("has_all", [True, False])
def test_the_step_of_a_sample_runs_when_it_has_what_it_needs(
    machine: Machine, name: str, number: int, kind: str, has_all: bool
) -> None:
    wanted = load_sequence(FIXTURES / f"{name}.xml")
    if has_all:
        machine.driver_packages["ABC00005"] = "catalog:Storage package"
    else:
        machine.devices = ()
    found = plan_sequence(wanted, Environment(), machine).steps[number - 1]
    assert found.type == kind
    if kind.endswith("AutoApplyAction"):
        assert found.decision is (Decision.RUN if has_all else Decision.REFUSE)
    else:
        assert found.unmapped == (() if has_all else ("ABC00005",))


def test_the_sample_of_mdt_has_no_drivers() -> None:
    wanted = load_sequence(FIXTURES / "mdt-client.xml")
    assert not any("Drivers" in (each.type or "") + each.command for each in wanted.steps)
