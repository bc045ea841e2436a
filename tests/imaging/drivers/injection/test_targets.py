"""The same drivers into a volume, an image of a WIM and a folder; others read what came of it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cases.boot_drivers import storage_package
from cases.offline_windows import WINDOWS_10, HeldFiles, make_tree
from cases.windows_trees import write_tree
from judges import ntfs as ntfs_judges
from judges import wim as wim_judges
from judges.disk import run
from judges.hive import dissect, hivexregedit_export
from osdimage.imaging.disk.places import open_volume
from osdimage.imaging.drivers.injection.into_folder import FolderTarget
from osdimage.imaging.drivers.injection.into_image import ImageTarget
from osdimage.imaging.drivers.injection.into_volume import VolumeTarget
from osdimage.imaging.drivers.injection.plan import InjectionPlan, WantedDriver
from osdimage.imaging.drivers.injection.planning import plan_driver_injection
from osdimage.imaging.drivers.injection.target import InjectionTarget
from osdimage.imaging.drivers.offline.windows import offline_windows
from osdimage.imaging.drivers.packages import packages_in
from osdimage.imaging.errors import TargetRefused
from osdimage.imaging.wim.select import ImageSelector
from runs.commands import osdimage

pytestmark = pytest.mark.foreign

NOW = datetime(2026, 2, 3, tzinfo=UTC)
# One that gets every kind of change: files, DevicePath, the key of PnPUnattend, a database of drivers.
WINDOWS_8 = replace(WINDOWS_10, version=(6, 2), build=9200)
CONFIG = "Windows/System32/config"
SYS = storage_package()["amd64/w10/viostor.sys"]


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tree(tmp_path_factory.mktemp("tree") / "w", make_tree(WINDOWS_8))


@pytest.fixture(scope="module")
def wim(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("wim") / "a.wim"
    wim_judges.wimlib("capture", tree, made, "first")
    wim_judges.wimlib("append", tree, made, "second")
    return made


@pytest.fixture(scope="module")
def volume(wim: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = wim_judges.make_ntfs(tmp_path_factory.mktemp("volume") / "v.ntfs", 16 << 20)
    wim_judges.wimlib("apply", wim, "1", made)
    return made


def plan_for(target: InjectionTarget) -> InjectionPlan:
    packages = packages_in(HeldFiles(storage_package(), "disc"))
    wanted = [WantedDriver(each, boot_model=each.inf.all_models()[0]) for each in packages]
    with target.opened() as files:
        return plan_driver_injection(offline_windows(files), files, wanted)


def changed(target: InjectionTarget) -> InjectionPlan:
    plan = plan_for(target)
    target.carry_out(plan.changes, now=NOW, force=False)
    return plan


@contextmanager
def volume_target(path: Path) -> Iterator[InjectionTarget]:
    with open_volume(path, write=True) as opened:
        yield VolumeTarget(opened)


def assert_is_there(folder: Path, plan: InjectionPlan) -> None:
    """Compare what a foreign program copied out with the plan, and read the hives with another one."""
    for each in plan.changes.files:
        assert (folder / each.path.replace("windows/", "Windows/", 1)).read_bytes() == each.read(), each.path
    assert (folder / "Drivers/00-viostor/viostor.sys").read_bytes() == SYS
    assert (folder / "Windows/System32/drivers/viostor.sys").read_bytes() == SYS
    software = dissect((folder / f"{CONFIG}/SOFTWARE").read_bytes())
    kind, data = software[r"Microsoft\Windows\CurrentVersion"]["DevicePath"]
    assert (kind, data.decode("utf-16-le")) == (2, "%SystemRoot%\\inf;C:\\Drivers\\00-viostor\0")
    paths = r"Microsoft\Windows NT\CurrentVersion\UnattendSettings\PnPUnattend\DriverPaths\1"
    assert software[paths]["Path"] == (1, "C:\\Drivers\0".encode("utf-16-le"))
    system = hivexregedit_export(folder / f"{CONFIG}/SYSTEM")
    assert r"\ControlSet001\Services\viostor]" in system
    assert r"\DriverDatabase\DeviceIds\PCI\VEN_1AF4&DEV_1042&SUBSYS_11001AF4&REV_01]" in system


def test_a_folder_gets_all_of_it_and_the_same_again_changes_nothing(tree: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(tree, tmp_path / "w"))
    # Media of 2016 have lower case: no second folder is made.
    (folder / "Windows").rename(folder / "windows")
    target = FolderTarget(folder)
    plan = changed(target)
    assert sorted(each.name for each in folder.iterdir()) == ["Drivers", "windows"]
    (folder / "windows").rename(folder / "Windows")
    assert_is_there(folder, plan)
    assert plan_for(target).is_empty


def test_a_volume_gets_all_of_it_and_the_same_again_changes_nothing(volume: Path, tmp_path: Path) -> None:
    path = Path(shutil.copy(volume, tmp_path / "v.ntfs"))
    with volume_target(path) as target:
        plan = changed(target)
    ntfs_judges.ntfsfix(path)
    assert ntfs_judges.is_consistent(path)
    out = tmp_path / "out"
    osdimage("extract", path, "/", "--to", out)
    assert ntfs_judges.contents(path).keys() > {f"/{each.path}" for each in plan.changes.files}
    assert_is_there(out, plan)
    before = path.read_bytes()
    with volume_target(path) as target:
        assert plan_for(target).is_empty
        target.carry_out(plan_for(target).changes, now=NOW, force=False)
    assert path.read_bytes() == before


def details(wim: Path) -> list[str]:
    """Return all that wimlib tells of the first image, but for how many files of both have the same contents."""
    return [line for line in wim_judges.wimlib_details(wim, 1).splitlines() if "Reference Count" not in line]


def test_an_image_gets_all_of_it_and_the_other_stays_as_it_was(wim: Path, tmp_path: Path) -> None:
    path = Path(shutil.copy(wim, tmp_path / "a.wim"))
    other = details(path)
    target = ImageTarget(path, ImageSelector(index=2))
    plan = changed(target)
    assert details(path) == other
    wim_judges.wimlib("verify", path)
    wim_judges.wimlib("apply", path, "2", tmp_path / "out")
    assert_is_there(tmp_path / "out", plan)
    before = path.read_bytes()
    again = plan_for(target)
    assert again.is_empty
    target.carry_out(again.changes, now=NOW, force=False)
    assert path.read_bytes() == before
    run(["7zz", "t", path])


def test_a_link_in_a_folder_is_not_followed(tree: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(tree, tmp_path / "w"))
    (tmp_path / "elsewhere").mkdir()
    (folder / "Drivers").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(TargetRefused, match="is a link"):
        changed(FolderTarget(folder))
    assert list((tmp_path / "elsewhere").iterdir()) == []
    assert not (folder / "Windows/Panther").exists()


@pytest.mark.parametrize(
    ("files", "message"),
    [
        pytest.param({"Drivers": b"file"}, "Drivers is a file, and Drivers/00-viostor/", id="a file for a folder"),
        pytest.param(
            {"Windows/System32/drivers/VIOSTOR.SYS/x": b"x"}, "is a folder, and Windows/System32/dr", id="a folder"
        ),
        pytest.param({"Windows/Temp": b"x"}, "Windows/Temp/osdimage-drivers.json cannot be written", id="the report"),
    ],
)
def test_what_is_in_the_way_is_told_by_the_plan(
    files: dict[str, bytes], message: str, tree: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(tree, tmp_path / "w"))
    write_tree(folder, files)
    with pytest.raises(TargetRefused, match=message):
        plan_for(FolderTarget(folder))
    image = tmp_path / "w.wim"
    osdimage("capture", folder, image)
    with pytest.raises(TargetRefused, match=message):
        plan_for(ImageTarget(image, ImageSelector()))


def test_an_answer_file_that_was_changed_meanwhile_is_not_overwritten(tree: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(tree, tmp_path / "w"))
    answers = folder / "Windows/Panther/unattend.xml"
    answers.parent.mkdir()
    text = b'<unattend xmlns="urn:schemas-microsoft-com:unattend" />'
    answers.write_bytes(text)
    plan = plan_for(FolderTarget(folder))
    answers.write_bytes(text + b"\n")
    with pytest.raises(TargetRefused, match="changed by another program"):
        FolderTarget(folder).carry_out(plan.changes, now=NOW, force=False)
    assert not (folder / "Drivers").exists()
