"""``dism`` and ``bcdboot``: an image, its drivers, and what makes the disk start."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from cases.boot_drivers import storage_package
from cases.offline_windows import WINDOWS_10, make_tree
from cases.windows_trees import windows_files, write_tree
from judges.disk import partition_of
from judges.ntfs import contents
from judges.wim import assert_ntfs_clean
from osdimage.imaging import ImageProperties
from osdimage.imaging.boot import check_boot
from osdimage.imaging.capture import capture_image
from osdimage.imaging.disk.opened import open_disk
from osdimage.imaging.errors import ImageNotFound, InvalidRequest
from osdimage.imaging.tasksequence.computer.machine import Firmware, Machine, NotThere, Place
from osdimage.imaging.tasksequence.winpe.command import Outcome
from osdimage.imaging.tasksequence.winpe.recognized import recognize

pytestmark = pytest.mark.foreign

CarryOut = Callable[[str], Outcome]
APPLY = r"dism /Apply-Image /ImageFile:\\srv\share\install.wim /Index:1 /ApplyDir:C:\ "
DRIVERS = r"dism.exe /Image:C:\ /Add-Driver /Driver:{} /Recurse /ForceUnsigned"


@pytest.fixture(scope="session")
def windows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("windows")
    tree = write_tree(folder / "tree", windows_files(bios=True, locales=("en-US",)) | make_tree(WINDOWS_10))
    wim = folder / "install.wim"
    capture_image(tree, wim, properties=ImageProperties(name="Windows 10"))
    return wim


@pytest.fixture(autouse=True)
def share(windows: Path, machine: Machine) -> Path:
    folder = machine.shares["\\\\srv\\share"]
    (folder / "install.wim").symlink_to(windows)
    write_tree(folder / "Drivers", storage_package(folder="storage"))
    machine.firmware = Firmware.BIOS
    return folder


def test_an_image_its_drivers_and_its_boot_files_go_to_a_volume(
    machine: Machine, carry_out: CarryOut, tmp_path: Path
) -> None:
    assert carry_out(APPLY).code == 0
    assert machine.system is not None
    assert machine.system.place == Place(0, 1)
    carry_out(r"xcopy \\srv\share\Drivers C:\Staged /e /i")
    # From the volume that they go to, where steps before have often copied them.
    done = carry_out(DRIVERS.format(r"C:\Staged"))
    assert "brought in 1 driver" in done.message
    assert carry_out(r"bcdboot C:\Windows /s C: /f BIOS /l en-us").message.endswith("boot files")
    volume = partition_of(machine.disks[0], 1, tmp_path / "volume.ntfs")
    assert_ntfs_clean(volume)
    found = contents(volume)
    assert {"/bootmgr", "/Boot/BCD", "/Windows/System32/ntoskrnl.exe"} <= found.keys()
    assert any(path.startswith("/Drivers/") for path in found)
    with open_disk(machine.disks[0]) as disk:
        assert check_boot(disk).verdict.value != "no"


def test_a_plan_tells_what_each_would_do_before_anything_is_there(machine: Machine) -> None:
    rehearsal = machine.rehearsal()
    with pytest.raises(NotThere, match="no step has applied a Windows"):
        recognize(DRIVERS.format(r"\\srv\share\Drivers"), rehearsal).foretell(rehearsal)
    told = recognize(APPLY, rehearsal).foretell(rehearsal)
    assert told.does == "apply image 1 'Windows 10' to disk 0 partition 1 (C:)"
    assert told.destroys == ("files on disk 0 partition 1 (C:) that the image has, too",)
    drivers = recognize(DRIVERS.format(r"\\srv\share\Drivers"), rehearsal).foretell(rehearsal)
    assert drivers.does.startswith("bring in 1 driver")
    later = recognize(DRIVERS.format(r"C:\Staged"), rehearsal).foretell(rehearsal)
    assert later.unknown == r"which drivers are in C:\Staged when the step runs"
    boot = recognize(r"bcdboot C:\Windows /f ALL", rehearsal).foretell(rehearsal)
    assert boot.does == r"make disk 0 start C:\Windows under BIOS"
    assert boot.warnings == ("bcdboot /f ALL: only the boot files for BIOS are written",)
    rehearsal.firmware = Firmware.UEFI
    assert "but the computer has UEFI" in recognize(r"bcdboot C:\Windows", rehearsal).foretell(rehearsal).warnings[0]


def test_boot_files_for_another_firmware_are_refused(machine: Machine) -> None:
    with pytest.raises(InvalidRequest, match="is started by BIOS alone"):
        recognize(r"bcdboot C:\Windows /f UEFI", machine).foretell(machine)


def test_an_image_that_is_not_there_is_told(machine: Machine) -> None:
    line = APPLY.replace("/Index:1", '/Name:"Windows 7"')
    with pytest.raises(ImageNotFound):
        recognize(line, machine).foretell(machine)


@dataclass(frozen=True)
class Row:
    line: str
    said: str


@pytest.mark.parametrize(
    "row",
    [
        Row("dism /online /add-package", "of dism, /add-driver"),
        Row(r"dism /image:C:\ /add-driver", "valid is dism /image"),
        Row(r"dism /image:C:\ /add-driver /driver:\\srv\share /x", "'/x' is not known"),
        Row(r"dism /apply-image /imagefile:\\srv\share\a.wim /applydir:C:\ ", "valid is dism /apply-image"),
        Row(r"dism /apply-image /imagefile:\\srv\share\a.wim /index:0x1 /applydir:C:\ ", "valid is the number"),
        Row(r"dism /apply-image /imagefile:\\srv\share\a.wim /index:1 /applydir:C:\a", "the root of a drive"),
        Row(r"dism /apply-image /imagefile:C:\a.wim /index:1 /applydir:C:\ ", "valid is one of a share"),
        Row("dism help", "dism 'help' is not known"),
        Row("bcdboot", "told no folder"),
        Row(r"bcdboot C:\Windows /f EFI", "valid are UEFI, BIOS and ALL"),
        Row(r"bcdboot C:\Windows /l en_us", "valid is a language"),
        Row(r"bcdboot C:\Windows /addlast", "'/addlast' is not known"),
    ],
    ids=lambda row: row.line,
)
def test_what_is_not_known_is_refused(machine: Machine, row: Row) -> None:
    with pytest.raises(InvalidRequest, match=row.said):
        recognize(row.line, machine)
