"""Deploying an image with drivers: the ISO of a Windows and that of drivers in, the disk of a virtual machine out."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from cases.boot_drivers import BUS_TYPES, storage_package
from cases.offline_windows import WINDOWS_11, make_tree
from cases.windows_trees import windows_files, write_tree
from judges import wim as wim_judges
from judges.disk import run
from judges.hive import dissect
from runs.commands import osdimage

pytestmark = pytest.mark.foreign

UNATTEND = """<unattend xmlns="urn:schemas-microsoft-com:unattend"><settings pass="specialize">
<component name="Microsoft-Windows-Deployment" processorArchitecture="amd64" publicKeyToken="31bf3856ad364e35"
 language="neutral" versionScope="nonSxS" xmlns:wcm="http://schemas.microsoft.com/WMIConfig/2002/State">
<RunSynchronous><RunSynchronousCommand wcm:action="add"><Order>1</Order><Path>user.cmd</Path></RunSynchronousCommand>
</RunSynchronous></component></settings></unattend>"""
TO_QEMU = ("--driver", "virtio-win.iso", "--drivers-for", "qemu")
UEFI = ("--preset", "uefi", "--size", "4GB")


def iso(folder: Path, to: Path) -> None:
    subprocess.run(
        [wim_judges.require("genisoimage"), "-quiet", "-J", "-r", "-o", to, folder], check=True, capture_output=True
    )


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make the two discs, an answer file, and a WIM with Windows PE."""
    folder = tmp_path_factory.mktemp("media")
    tree = write_tree(folder / "tree", windows_files() | make_tree(WINDOWS_11))
    (folder / "win/sources").mkdir(parents=True)
    wim = folder / "win/sources/install.wim"
    wim_judges.wimlib("capture", tree, wim, "Windows 11 Pro")
    wim_judges.wimlib("info", wim, "1", "--image-property", "WINDOWS/EDITIONID=Professional")
    iso(folder / "win", folder / "Win.iso")
    files: dict[str, bytes] = {}
    for system in ("w7", "w10", "w11", "2k22"):
        for service in BUS_TYPES:
            files |= storage_package(service, folder=f"{service}/{system}/amd64")
    iso(write_tree(folder / "virtio", files), folder / "virtio-win.iso")
    (folder / "answers.xml").write_text(UNATTEND)
    write_tree(folder / "pe", make_tree(replace(WINDOWS_11, edition="WindowsPE")))
    wim_judges.wimlib("capture", folder / "pe", folder / "pe.wim", "Windows PE")
    return folder


@pytest.fixture
def here(media: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for each in ("Win.iso", "virtio-win.iso", "answers.xml", "pe.wim"):
        (tmp_path / each).symlink_to(media / each)
    (tmp_path / "install.wim").symlink_to(media / "win/sources/install.wim")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_two_discs_and_an_answer_file_make_the_disk_of_a_virtual_machine(here: Path) -> None:
    wim = "Win.iso!sources/install.wim"
    document = osdimage(
        "deploy", wim, "vm.qcow2", *UEFI, "--edition", "Professional", *TO_QEMU, "--unattend", "answers.xml", "--json"
    ).document
    assert document["drivers"]["folders"] == ["00-vioscsi", "01-viostor"]
    assert document["drivers"]["enabled"] == ["vioscsi", "viostor"]
    run(["qemu-img", "check", here / "vm.qcow2"])
    osdimage("boot", "check", "vm.qcow2")
    osdimage("extract", "vm.qcow2", "/", "--partition", "3", "--to", "out")
    assert (here / "out/Drivers/01-viostor/viostor.sys").read_bytes() == storage_package()["amd64/w10/viostor.sys"]
    system = dissect((here / "out/Windows/System32/config/SYSTEM").read_bytes())
    assert system[r"ControlSet001\Services\viostor"]["Start"] == (4, bytes(4))
    answers = (here / "out/Windows/Panther/unattend.xml").read_text()
    assert "<Order>2</Order><Path>user.cmd</Path>" in answers
    assert r"call %SystemDrive%\Drivers\osdimage-drivers.cmd" in answers
    # What was deployed has them: to bring them in again changes nothing.
    again = osdimage("driver", "add", "vm.qcow2", "--partition", "3", "--driver", "virtio-win.iso", "--for", "qemu",
                     "--yes", "--json").document  # fmt: skip
    assert again["changed"] is False


def test_the_plan_shows_the_drivers_and_is_carried_out_to_the_letter(here: Path) -> None:
    shown = osdimage("deploy", "install.wim", "d.img", *UEFI, *TO_QEMU, "--dry-run").out
    assert r"bring drivers into partition 3: 2 drivers in \Drivers (00-vioscsi, 01-viostor), " in shown
    assert "enabled for booting: vioscsi, viostor" in shown
    plan = osdimage("deploy", "install.wim", "d.img", *UEFI, *TO_QEMU, "--dry-run", "--json")
    (here / "plan.json").write_text(plan.out)
    (step,) = [each for each in plan.document["steps"] if each["step"] == "add-drivers"]
    assert (step["drivers"], step["devices"]) == (["00-vioscsi", "01-viostor"], "qemu")
    assert step["from"] == [str(here / "virtio-win.iso")]
    osdimage("deploy", "install.wim", "d.img", "--plan", "plan.json")
    osdimage("extract", "d.img", "/Drivers", "--partition", "3", "--to", "out")
    assert (here / "out/Drivers/00-vioscsi/vioscsi.inf").exists()


def test_a_saved_plan_of_which_other_drivers_come_now_is_refused_and_nothing_is_written(here: Path) -> None:
    document = osdimage("deploy", "install.wim", "d.img", *UEFI, *TO_QEMU, "--dry-run", "--json").document
    next(each for each in document["steps"] if each["step"] == "add-drivers")["drivers"] = ["00-other"]
    (here / "plan.json").write_text(json.dumps(document))
    error = osdimage("deploy", "install.wim", "d.img", "--plan", "plan.json", code=2).err
    assert "in place of 00-other, vioscsi (booting)" in error
    assert not (here / "d.img").exists()


def test_a_driver_that_is_not_as_it_was_signed_is_refused_before_a_disk_is_made_unless_that_is_allowed(
    here: Path,
) -> None:
    files = storage_package()
    write_tree(here / "changed", {**files, "amd64/w10/viostor.sys": files["amd64/w10/viostor.sys"] + b"x"})
    command = ("deploy", "install.wim", "d.img", *UEFI, "--driver", "changed")
    said = "not what its catalog viostor.cat vouches for: viostor.sys"
    assert said in osdimage(*command, code=3).err
    assert not (here / "d.img").exists()
    plan = osdimage(*command, "--allow-modified", "--dry-run", "--json")
    assert any(said in each for each in plan.document["warnings"])
    # A saved plan keeps that it is allowed.
    (here / "plan.json").write_text(plan.out)
    osdimage("deploy", "install.wim", "d.img", "--plan", "plan.json", "--dry-run")
    (here / "plan.json").write_text(plan.out.replace('"allow_modified": true', '"allow_modified": false'))
    assert said in osdimage("deploy", "install.wim", "d.img", "--plan", "plan.json", "--dry-run", code=3).err


@pytest.mark.parametrize(
    ("wim", "options", "code", "said"),
    [
        pytest.param("pe.wim", TO_QEMU, 4, "is Windows PE", id="Windows PE"),
        pytest.param("install.wim", ("--driver", "answers.xml"), 3, "driver files are not read", id="no drivers"),
        pytest.param("install.wim", ("--drivers-for", "qemu"), 2, "give them with --driver", id="devices alone"),
        pytest.param("install.wim", ("--allow-modified",), 2, "about the drivers of --driver", id="modified alone"),
        pytest.param("install.wim", (*TO_QEMU, "--layout-from-wim", "--all-volumes"), 2, "no --all-volumes", id="all"),
    ],
)
def test_what_cannot_be_is_refused_before_a_disk_is_made(
    here: Path, wim: str, options: tuple[str, ...], code: int, said: str
) -> None:
    layout = () if "--layout-from-wim" in options else UEFI
    assert said in osdimage("deploy", wim, "d.img", *layout, *options, code=code).err
    assert not (here / "d.img").exists()


# The most commands that Setup takes ("RunSynchronousCommand": Order is 1 to 500).
def test_an_answer_file_without_room_for_the_command_is_refused_before_a_disk_is_made(here: Path) -> None:
    head, _, tail = UNATTEND.partition("<RunSynchronousCommand")
    tail = tail[tail.index("</RunSynchronous>") :]
    command = '<RunSynchronousCommand wcm:action="add"><Order>{}</Order><Path>user.cmd</Path></RunSynchronousCommand>'
    words = ("deploy", "install.wim", "d.img", *UEFI, *TO_QEMU, "--unattend", "full.xml")
    for count, code in ((499, 0), (500, 2)):
        (here / "full.xml").write_text(head + "".join(map(command.format, range(1, count + 1))) + tail)
        outcome = osdimage(*words, "--dry-run", "--json", code=code)
        if code == 0:
            (here / "plan.json").write_text(outcome.out)
    said = "the answer file has 500 commands already"
    assert said in outcome.err
    assert said in osdimage("deploy", "install.wim", "d.img", "--plan", "plan.json", code=2).err
    assert not (here / "d.img").exists()


# Lines of modalias: virtio-blk, and a RAID controller for which nothing was given.
def test_strict_refuses_a_disk_controller_without_a_driver_before_a_disk_is_made(here: Path) -> None:
    virtio, raid = ("pci:v00001AF4d00001042sv00001AF4sd00001100bc01sc00i00",
                    "pci:v00001000d0000005Dsv00001000sd00009361bc01sc04i00")  # fmt: skip
    (here / "devices").write_text(f"{virtio}\n{raid}\n")
    command = ("deploy", "install.wim", "d.img", *UEFI, "--driver", "virtio-win.iso", "--drivers-for", "devices")
    plan = osdimage(*command, "--dry-run", "--json")
    assert any("DEV_005D" in each for each in plan.document["warnings"])
    said = "there is no driver for the disk controller"
    assert said in osdimage(*command, "--strict", code=1).err
    (here / "plan.json").write_text(plan.out)
    assert said in osdimage("deploy", "install.wim", "d.img", "--plan", "plan.json", "--strict", code=1).err
    assert not (here / "d.img").exists()


def test_a_disk_that_tells_the_devices_is_not_overwritten(here: Path) -> None:
    with (here / "d.img").open("wb") as file:
        file.truncate(4 << 30)
    error = osdimage(
        "deploy", "install.wim", "d.img", "--preset", "uefi", "--yes", "--driver", "virtio-win.iso", "--drivers-for",
        "d.img", code=2,
    ).err  # fmt: skip
    assert "d.img is read by this command" in error
