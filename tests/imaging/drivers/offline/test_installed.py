"""The drivers of others that a Windows has, and taking them out."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from cases.boot_drivers import SCSI_ADAPTER, driver_sys, storage_inf, storage_package
from cases.installed_drivers import NET, REPOSITORY, VIOSTOR, windows_7_tree, windows_10_tree
from cases.offline_windows import WINDOWS_11, WINDOWS_XP, HeldFiles, Tree, make_tree
from cases.windows_trees import write_tree
from osdimage.imaging.drivers import Architecture, FolderFiles, offline_windows, packages_in, plan_boot_enabling
from osdimage.imaging.drivers.offline.export import export_installed
from osdimage.imaging.drivers.offline.installed import (
    InstalledDriver,
    InstalledDrivers,
    Presence,
    chosen_drivers,
    installed_drivers,
)
from osdimage.imaging.drivers.offline.windows import OfflineWindows
from osdimage.imaging.errors import InvalidRequest, TargetRefused, TooSmall, UnsafeName
from osdimage.imaging.files import FileFacts
from osdimage.imaging.registry.edits import import_edits
from osdimage.imaging.registry.hive import Key, Value
from osdimage.imaging.registry.write import write_hive

SIGNER = "Microsoft Windows Hardware Compatibility Publisher"


def listed(tree: Tree) -> tuple[HeldFiles, OfflineWindows, InstalledDrivers]:
    files = HeldFiles(tree)
    windows = offline_windows(files)
    return files, windows, installed_drivers(files, windows)


def test_a_windows_10_tells_what_both_databases_and_its_infs_say() -> None:
    _, _, found = listed(windows_10_tree())
    assert found.warnings == ()
    assert found.drivers == (
        InstalledDriver(
            "oem3.inf",
            Presence.PUBLISHED,
            "netkvm.inf",
            "Red Hat, Inc.",
            "",
            NET,
            None,
            "4.3.2.1",
            Architecture.AMD64,
            SIGNER,
            "DRIVERS",
            None,
        ),
        InstalledDriver(
            "oem5.inf",
            Presence.PUBLISHED,
            None,
            "Red Hat, Inc.",
            "SCSIAdapter",
            SCSI_ADAPTER,
            date(2020, 1, 2),
            "7.8.0.0",
            None,
            "",
            None,
            None,
        ),
        # DriverVer of that package: 12/02/2021,100.90.104.21500.
        InstalledDriver(
            "oem12.inf",
            Presence.PUBLISHED,
            "viostor.inf",
            "Red Hat, Inc.",
            "SCSIAdapter",
            SCSI_ADAPTER,
            date(2021, 12, 2),
            "100.90.104.21500",
            Architecture.AMD64,
            SIGNER,
            "SYSTEM",
            f"{REPOSITORY}/{VIOSTOR}",
        ),
    )


def test_a_windows_7_tells_the_folder_whose_inf_has_the_same_bytes() -> None:
    _, _, found = listed(windows_7_tree())
    (driver,) = found.drivers
    assert (driver.inf, driver.original_name, driver.hive) == ("oem0.inf", "viostor.inf", None)
    assert driver.folder == f"{REPOSITORY}/viostor.inf_amd64_neutral_0123456789abcdef"
    assert (driver.date, driver.driver_version) == (date(2021, 12, 2), "100.90.104.21500")
    assert driver.architecture is Architecture.AMD64


def test_a_windows_xp_has_infs_alone() -> None:
    _, _, found = listed(make_tree(WINDOWS_XP) | {"WINDOWS/inf/oem0.inf": storage_inf(platform="NTx86")})
    (driver,) = found.drivers
    assert (driver.inf, driver.folder, driver.provider) == ("oem0.inf", None, "Red Hat, Inc.")


def test_a_windows_without_drivers_of_others_has_none() -> None:
    assert listed(make_tree(WINDOWS_11))[2] == InstalledDrivers((), ())


def test_a_driver_that_was_only_enabled_for_booting_says_so() -> None:
    files = make_tree(WINDOWS_11)
    windows = offline_windows(HeldFiles(files))
    (package,) = packages_in(HeldFiles(storage_package()))
    enabling = plan_boot_enabling(package, package.inf.models(windows.os)[0], windows)
    import_edits(windows.system, [each.edit for each in enabling.edits], "HKEY_LOCAL_MACHINE\\SYSTEM")
    files["Windows/System32/config/SYSTEM"] = write_hive(windows.system)
    (driver,) = listed(files)[2].drivers
    assert (driver.inf, driver.presence, driver.folder) == ("osdimage-viostor.inf", Presence.BOOT_ENABLED, None)
    assert driver.driver_version == "100.90.104.21500"


def test_a_driver_that_is_staged_says_so() -> None:
    tree = make_tree(WINDOWS_11) | storage_package(folder="Drivers/00-viostor") | {"Drivers/mine/x.inf": storage_inf()}
    (driver,) = listed(tree)[2].drivers
    assert (driver.inf, driver.presence, driver.folder) == ("viostor.inf", Presence.STAGED, "Drivers/00-viostor")
    assert (driver.class_name, driver.driver_version) == ("SCSIAdapter", "100.90.104.21500")


def broken(root: Key, _control_set: Key) -> None:
    root.ensure(r"DriverDatabase\DriverInfFiles\oem1.inf").set(Value.string("Active", "gone"))
    root.ensure(r"DriverDatabase\DriverInfFiles\oem2.inf").set(Value.dword("Active", 7))
    root.ensure(r"DriverDatabase\DriverInfFiles\oem3.inf").set(Value.string("Active", "p"))
    root.ensure(r"DriverDatabase\DriverPackages\p").set(Value.binary("Version", b"short"))


def test_what_cannot_be_read_is_told_and_the_rest_is_listed() -> None:
    tree = make_tree(replace(WINDOWS_11, more=broken)) | {
        "Windows/INF/oem4.inf": b"[Version",
        "Windows/INF/oem5.inf": storage_inf(),
    }
    _, _, found = listed(tree)
    assert [each.inf for each in found.drivers] == [f"oem{number}.inf" for number in (1, 2, 3, 4, 5)]
    assert found.warnings == (
        "held: oem1.inf: the database of SYSTEM names no package for it",
        "held: oem2.inf: the database of SYSTEM names no package for it",
        "held: oem3.inf: the value Version of a driver has 5 bytes; valid are 48",
        "held: oem4.inf: line 1: the section '[Version' has no ']' behind its name",
    )


def test_drivers_are_chosen_by_either_name() -> None:
    drivers = listed(windows_10_tree())[2].drivers
    assert [each.inf for each in chosen_drivers(drivers, ["OEM3.INF", "viostor.inf"])] == ["oem3.inf", "oem12.inf"]
    assert chosen_drivers(drivers, []) == drivers
    with pytest.raises(InvalidRequest, match=r"no driver 'oem9\.inf'; there are oem3\.inf, oem5\.inf, oem12"):
        chosen_drivers(drivers, ["oem9.inf"])


# ---- taking them out


def test_a_driver_is_taken_out_in_a_folder_that_is_called_as_in_the_driver_store(tmp_path: Path) -> None:
    files, _, found = listed(windows_10_tree())
    result = export_installed(files, found.drivers, tmp_path / "out")
    assert {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()} == {
        f"out/{VIOSTOR}/viostor.inf",
        f"out/{VIOSTOR}/viostor.sys",
        f"out/{VIOSTOR}/viostor.cat",
    }
    assert (tmp_path / "out" / VIOSTOR / "viostor.sys").read_bytes() == driver_sys()
    (one,) = result.exported
    assert (one.driver.inf, one.files, one.folder) == ("oem12.inf", 3, tmp_path / "out" / VIOSTOR)
    assert one.is_new
    assert one.size == sum(path.stat().st_size for path in one.folder.iterdir())
    assert [each.split(": ")[1].split()[0] for each in result.warnings] == ["oem3.inf", "oem5.inf"]


def test_what_was_taken_out_is_a_driver_again(tmp_path: Path) -> None:
    files, _, found = listed(windows_7_tree())
    export_installed(files, found.drivers, tmp_path)
    (package,) = packages_in(FolderFiles(tmp_path))
    assert package.missing(offline_windows(files).os) == ()


def test_the_same_again_writes_nothing(tmp_path: Path) -> None:
    files, _, found = listed(windows_10_tree())
    export_installed(files, found.drivers, tmp_path)
    before = {path: (path.stat().st_ino, path.read_bytes()) for path in (tmp_path / VIOSTOR).iterdir()}
    (one,) = export_installed(files, found.drivers, tmp_path, limit_bytes=0).exported
    assert not one.is_new
    assert {path: (path.stat().st_ino, path.read_bytes()) for path in (tmp_path / VIOSTOR).iterdir()} == before


@pytest.mark.parametrize("kind", ["folder", "changed", "more", "linked", "file", "link"])
def test_nothing_is_overwritten(tmp_path: Path, kind: str) -> None:
    files, _, found = listed(windows_10_tree())
    there = tmp_path / VIOSTOR
    if kind in {"changed", "more", "linked"}:
        export_installed(files, found.drivers, tmp_path)
    match kind:
        case "folder":
            there.mkdir()
        case "changed":
            (there / "viostor.cat").write_bytes(b"A catalog")
        case "more":
            (there / "more").write_bytes(b"")
        case "linked":
            (there / "viostor.cat").rename(tmp_path / VIOSTOR / ".." / "cat")
            (there / "viostor.cat").symlink_to("../cat")
        case "file":
            there.write_bytes(b"mine")
        case "link":
            there.symlink_to("/nowhere")
    with pytest.raises(TargetRefused, match=f"{VIOSTOR}: is there already, and is not overwritten"):
        export_installed(files, found.drivers, tmp_path)
    assert {each.name for each in tmp_path.iterdir()} - {"cat"} == {VIOSTOR}


def test_a_target_that_is_no_directory_is_refused(tmp_path: Path) -> None:
    files, _, found = listed(windows_10_tree())
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(TargetRefused, match="file: is no directory"):
        export_installed(files, found.drivers, tmp_path / "file")


def test_more_than_the_limit_is_refused(tmp_path: Path) -> None:
    files, _, found = listed(windows_10_tree())
    with pytest.raises(TooSmall, match="more than the limit of"):
        export_installed(files, found.drivers, tmp_path / "out", limit_bytes=1024)
    assert not (tmp_path / "out").exists()


def test_a_link_in_a_folder_is_not_followed(tmp_path: Path) -> None:
    root = write_tree(tmp_path / "windows", windows_10_tree())
    secret = tmp_path / "secret"
    secret.write_bytes(b"secret")
    (root / REPOSITORY / VIOSTOR / "link.sys").symlink_to(secret)
    (root / REPOSITORY / VIOSTOR / "folder").symlink_to(tmp_path)
    files = FolderFiles(root)
    found = installed_drivers(files, offline_windows(files))
    result = export_installed(files, found.drivers, tmp_path / "out")
    assert sorted(each.name for each in (tmp_path / "out" / VIOSTOR).iterdir()) == [
        "viostor.cat",
        "viostor.inf",
        "viostor.sys",
    ]
    assert sum("is a link, or only Windows can read it" in each for each in result.warnings) == 2


class Hostile(HeldFiles):
    """Files of which one has a name that no directory takes."""

    def list(self, path: str = "") -> list[FileFacts]:
        found = super().list(path)
        return [*found, replace(found[0], path=f"{path}/\ud800")] if path.endswith(VIOSTOR) else found


def test_a_name_that_no_directory_takes_is_refused(tmp_path: Path) -> None:
    files = Hostile(windows_10_tree())
    found = installed_drivers(files, offline_windows(files))
    with pytest.raises(UnsafeName, match="cannot be written to a directory"):
        export_installed(files, found.drivers, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_file_that_cannot_be_read_leaves_nothing(tmp_path: Path) -> None:
    class Failing(HeldFiles):
        def _read(self, facts: FileFacts) -> bytes:
            if facts.path.endswith("viostor.sys"):
                raise InvalidRequest("gone")
            return super()._read(facts)

    files = Failing(windows_10_tree())
    found = installed_drivers(files, offline_windows(files))
    with pytest.raises(InvalidRequest, match="gone"):
        export_installed(files, found.drivers, tmp_path / "out")
    assert not (tmp_path / "out").exists()
