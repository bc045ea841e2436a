"""``driver add``: what it shows, asks and refuses, wherever the Windows is."""

from __future__ import annotations

import hashlib
import io
import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from cases import catalogs
from cases.boot_drivers import storage_inf, storage_package
from cases.catalogs import Entry
from cases.offline_windows import WINDOWS_11, make_tree
from cases.windows_trees import write_tree
from judges import wim as wim_judges
from judges.disk import run
from judges.schemas import judge_file
from runs.commands import osdimage

pytestmark = pytest.mark.foreign
DEVICES = "pci:v00001AF4d00001042sv00001AF4sd00001100bc01sc00i00\n"
RAID = "pci:v00001000d0000005Dsv00001000sd00009361bc01sc04i00\n"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with a Windows, drivers, and what tells devices, which is the working directory."""
    write_tree(tmp_path / "windows", make_tree(WINDOWS_11))
    write_tree(tmp_path / "drivers", storage_package(folder="viostor/w11/amd64"))
    (tmp_path / "devices").write_text(DEVICES)
    monkeypatch.chdir(tmp_path)
    return tmp_path


ADD = ("--driver", "drivers", "--for", "devices")


def test_the_plan_is_shown_and_nothing_is_written_with_dry_run(here: Path) -> None:
    before = sorted(here.joinpath("windows").rglob("*"))
    shown = osdimage("driver", "add", "windows", *ADD, "--dry-run", "--verbose").out
    assert r"\Drivers\00-viostor: SCSIAdapter, 3 files" in shown
    assert "enable for booting: viostor" in shown
    assert r"HKEY_LOCAL_MACHINE\SYSTEM\ControlSet001\Services\viostor: Start    REG_DWORD    0x0" in shown
    assert "not known: whether Windows takes these drivers" in shown
    assert sorted(here.joinpath("windows").rglob("*")) == before


def test_what_was_done_is_said_once(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    shown = osdimage("driver", "add", "windows", *ADD).out
    assert shown.count("enable for booting") == 1
    assert shown.endswith("windows: done; the report is \\Windows\\Temp\\osdimage-drivers.json\n")
    assert (here / "windows/Windows/Temp/osdimage-drivers.json").exists()
    assert "done" not in osdimage("driver", "add", "windows", *ADD, "--yes").out


def test_nobody_is_asked_who_is_not_there(here: Path) -> None:
    outcome = osdimage("driver", "add", "windows", *ADD, code=2)
    assert "windows would be changed; give --yes" in outcome.err
    assert not (here / "windows/Drivers").exists()


def test_the_report_is_kept_in_the_windows_and_where_it_is_wanted(here: Path) -> None:
    document = osdimage("driver", "add", "windows", *ADD, "--yes", "--report", "r.json", "--json").document
    judge_file(here / "windows/Windows/Temp/osdimage-drivers.json", "driver-report")
    kept = json.loads((here / "windows/Windows/Temp/osdimage-drivers.json").read_text())
    assert kept["drivers"] == document["drivers"]
    assert json.loads((here / "r.json").read_text())["changed"] is True
    again = osdimage("driver", "add", "windows", *ADD, "--yes", "--json").document
    assert (again["changed"], again["files"], again["registry"]) == (False, [], [])


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        pytest.param((), 2, "give the drivers: --driver PATH or --driver-package PATH", id="no drivers"),
        pytest.param(("--driver", "nothing"), 2, "nothing: ", id="no such drivers"),
        pytest.param(("--driver", "nothing"), 2, "nothing: No such file", id="no such drivers"),
        pytest.param(("--driver", "windows"), 3, "holds no INF of a driver", id="no INF"),
        pytest.param(("--driver", "drivers", "--method", "boot"), 2, "name these with --for", id="no devices"),
        pytest.param((*ADD, "--method", "stage", "--boot-critical", "x"), 2, "enables none", id="stage and boot"),
        pytest.param((*ADD, "--boot-critical", "x"), 2, "there is no driver 'x'", id="no such driver"),
        pytest.param((*ADD, "--partition", "1"), 2, "has no partitions", id="a partition of a folder"),
        pytest.param((*ADD, "--index", "1"), 2, "for images of WIMs", id="an image of a folder"),
    ],
)
@pytest.mark.usefixtures("here")
def test_what_cannot_be_is_refused_with_its_code(arguments: tuple[str, ...], code: int, said: str) -> None:
    assert said in osdimage("driver", "add", "windows", *arguments, "--yes", code=code).err


def test_a_driver_for_another_processor_names_both(here: Path) -> None:
    write_tree(here / "arm", storage_package(inf=storage_inf(platform="NTarm64"), folder="d"))
    error = osdimage("driver", "add", "windows", "--driver", "arm/d/viostor.inf", "--yes", code=3).err
    assert "NTarm64" in error
    assert "10.0.22631 amd64 workstation" in error


def test_missing_files_are_all_named(here: Path) -> None:
    (here / "drivers/viostor/w11/amd64/viostor.sys").unlink()
    error = osdimage("driver", "add", "windows", "--driver", "drivers", "--yes", code=3).err
    assert "1 file of drivers missing" in error
    assert "viostor.sys" in error


def test_a_file_that_is_not_as_it_was_signed_is_refused_unless_it_is_to_be_taken(here: Path) -> None:
    folder = here / "drivers/viostor/w11/amd64"
    inf = (folder / "viostor.inf").read_bytes()
    (folder / "viostor.cat").write_bytes(catalogs.catalog([Entry(hashlib.sha256(inf).digest(), "viostor.inf")]))
    said = "not what its catalog viostor.cat vouches for: viostor.sys: it is not what was signed"
    outcome = osdimage("driver", "add", "windows", *ADD, "--yes", code=3)
    assert f"{said}; get it again, whole, from who gave it out; --allow-modified takes it none the less" in outcome.err
    assert not (here / "windows/Drivers").exists()
    assert said in osdimage("driver", "add", "windows", *ADD, "--yes", "--allow-modified").err
    assert (here / "windows/Drivers/00-viostor/viostor.sys").exists()


def test_windows_pe_is_refused_and_nothing_is_written(here: Path) -> None:
    write_tree(here / "pe", make_tree(replace(WINDOWS_11, edition="WindowsPE")))
    assert "is Windows PE" in osdimage("driver", "add", "pe", *ADD, "--yes", code=4).err
    assert not (here / "pe/Drivers").exists()


def test_a_disk_controller_without_a_driver_is_told_and_strict_refuses_it(here: Path) -> None:
    (here / "devices").write_text(DEVICES + RAID)
    error = osdimage("driver", "add", "windows", *ADD, "--dry-run").err
    assert "DEV_005D" in error
    error = osdimage("driver", "add", "windows", *ADD, "--yes", "--strict", code=1).err
    assert "nothing was written" in error
    assert not (here / "windows/Drivers").exists()


@pytest.mark.slow
def test_a_partition_of_a_disk_of_a_virtual_machine_gets_them(here: Path) -> None:
    wim_judges.wimlib("capture", here / "windows", here / "a.wim", "a")
    osdimage("deploy", "a.wim", "d.qcow2", "--preset", "data-gpt", "--size", "100MB")
    number = osdimage("disk", "show", "d.qcow2", "--json").document["partitions"][-1]["number"]
    assert "choose one with --partition" in osdimage("driver", "add", "d.qcow2", *ADD, "--yes", code=2).err
    osdimage("driver", "add", "d.qcow2", "--partition", str(number), *ADD, "--yes")
    osdimage("extract", "d.qcow2", "/Drivers", "--partition", str(number), "--to", "out")
    assert (here / "out/Drivers/00-viostor/viostor.inf").read_bytes() == storage_inf()
    run(["qemu-img", "check", here / "d.qcow2"])
