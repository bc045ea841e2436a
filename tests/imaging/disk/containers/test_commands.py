"""Every command that takes a disk takes one in the file of a virtual machine, and does with it what it always does."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from cases.installs import disk_with, start
from cases.windows_trees import windows_files
from cases.writing import SEQUENCE
from judges import containers as judges
from judges import disk as disk_judges
from judges import wim as wim_judges
from osdimage.imaging import Preset, preset_layout
from osdimage.imaging.registry.hive import Value
from osdimage.imaging.registry.write import new_hive, write_hive
from runs.commands import osdimage
from runs.formats import of_plain_files

pytestmark = [pytest.mark.foreign, of_plain_files]

SIZE = 3 << 30
OPTIONS = {"vhd": ("force_size=on",)}
FORMATS = [
    "qcow2",
    "vhdx",
    pytest.param("vhd", marks=pytest.mark.matrix),
    pytest.param("vmdk", marks=pytest.mark.matrix),
    pytest.param("vdi", marks=pytest.mark.matrix),
]
PATH = r"CurrentControlSet\Services\new"


@pytest.fixture(scope="module")
def windows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a plain disk with a Windows that starts."""
    folder = tmp_path_factory.mktemp("windows")
    hive = new_hive("SYSTEM")
    hive.root.ensure("Select").set(Value.dword("Default", 1))
    hive.root.ensure(r"ControlSet001\Services")
    files = windows_files() | {"Windows/System32/config/SYSTEM": write_hive(hive)}
    path = disk_with(folder, preset_layout(Preset.UEFI), {3: files}, size=SIZE)
    start(path, 3, rng=random.Random(1))
    return path


@pytest.fixture(params=FORMATS)
def disk(request: pytest.FixtureRequest, windows: Path, tmp_path: Path) -> Path:
    """Return the same disk in a container."""
    form = request.param
    return judges.convert(windows, tmp_path / f"disk.{form}", form, *OPTIONS.get(form, ()))


def form_of(disk: Path) -> str:
    return disk.suffix[1:]


def plain(disk: Path) -> Path:
    """Return what QEMU has for the disk now, after it was judged."""
    if form_of(disk) != "vhd":
        judges.check(disk, form_of(disk))
    return judges.plain(disk, form_of(disk), disk.with_suffix(".img"))


def test_what_is_read_is_what_a_plain_disk_gives(disk: Path, windows: Path, tmp_path: Path) -> None:
    shown = [osdimage("disk", "show", each, "--json").facts for each in (disk, windows)]
    assert shown[0]["container"]["format"] == form_of(disk)
    assert shown[1]["container"] is None
    ours, theirs = ({**each, "disk": None, "container": None} for each in shown)
    assert ours == theirs
    for command in (
        ("disk", "check", disk),
        ("disk", "check", disk, "--partition", "3"),
        ("boot", "check", disk),
        ("boot", "show", disk),
        ("list", disk, "--partition", "3"),
        ("registry", "get", disk, "--partition", "3", "--hive", "SYSTEM", r"Select"),
    ):
        there = [windows if each == disk else each for each in command]
        assert osdimage(*command).out == osdimage(*there).out.replace(str(windows), str(disk))
    osdimage("extract", disk, "/Windows/System32/*.exe", "--partition", "3", "--to", tmp_path / "out")
    osdimage("extract", windows, "/Windows/System32/*.exe", "--partition", "3", "--to", tmp_path / "expected")
    names = {each.name for each in (tmp_path / "expected").rglob("*.exe")}
    assert names
    assert names == {each.name for each in (tmp_path / "out").rglob("*.exe")}
    wim, every = tmp_path / "one.wim", tmp_path / "all.wim"
    osdimage("capture", disk, wim, "--partition", "3")
    osdimage("capture", disk, every, "--all-volumes")
    assert wim_judges.wimlib_paths(wim) == wim_judges.wimlib_paths(every, 2)
    osdimage("compare", wim, windows, "--partition", "3")
    osdimage("compare", wim, disk, "--partition", "3")


def test_what_is_written_is_there_for_others(disk: Path, windows: Path, tmp_path: Path) -> None:
    wim = tmp_path / "windows.wim"
    osdimage("capture", windows, wim, "--partition", "3")
    osdimage(
        "registry", "set", disk, "--partition", "3", "--hive", "SYSTEM", PATH, "7", "--value", "v", "--type", "dword"
    )
    result = plain(disk)
    got = [
        osdimage("registry", "get", each, "--partition", "3", "--hive", "SYSTEM", PATH, "--json").facts
        for each in (disk, result)
    ]
    assert got[0]["values"]
    assert got[0] == got[1]
    osdimage("disk", "backup", disk, tmp_path / "table.json")
    osdimage("deploy", wim, disk, "--preset", "uefi", "--yes")
    osdimage("boot", "check", disk)
    result = plain(disk)
    assert "No problems found" in disk_judges.sgdisk_verify(result)
    osdimage("boot", "check", result)
    osdimage("compare", wim, result, "--partition", "3")
    osdimage("disk", "restore", disk, tmp_path / "table.json", "--yes")
    osdimage("disk", "format", disk, "--partition", "3", "--label", "New", "--yes")
    osdimage("apply", wim, disk, "--partition", "3")
    osdimage("boot", "install", disk, "--partition", "3")
    osdimage("boot", "fix", disk, "--partition", "3")
    judges.refuse_other_contents(disk, plain(disk))
    osdimage("disk", "init", disk, "--preset", "data-gpt", "--yes")
    assert "No problems found" in disk_judges.sgdisk_verify(plain(disk))


def test_a_task_sequence_runs_on_it(disk: Path, tmp_path: Path) -> None:
    sequence = tmp_path / "sequence.yaml"
    sequence.write_text(SEQUENCE)
    osdimage("run", sequence, "--disk", f"0={disk}", "--yes", "--log", tmp_path / "log", "--state", tmp_path / "state")
    result = plain(disk)
    (found,) = osdimage("disk", "show", result, "--json").facts["partitions"]
    assert found["filesystem"] == "NTFS"
    osdimage("disk", "check", result, "--partition", "1")


def test_all_volumes_are_put_on_another_one(disk: Path, windows: Path, tmp_path: Path) -> None:
    wim = tmp_path / "all.wim"
    osdimage("capture", windows, wim, "--all-volumes")
    osdimage("deploy", wim, disk, "--layout-from-wim", "--all-volumes", "--yes")
    result = plain(disk)
    # The boot store of the first volume names the new disk.
    osdimage("compare", wim, result, "--index", "2", "--partition", "3")
    osdimage("boot", "check", result)
