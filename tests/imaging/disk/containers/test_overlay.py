"""``--overlay``: what is written goes to a new qcow2 file, and the disk stays as it is."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from cases.installs import disk_with, start
from cases.windows_trees import windows_files
from judges import containers as judges
from judges import disk as disk_judges
from osdimage.imaging import Preset, preset_layout
from osdimage.imaging.registry.hive import Value
from osdimage.imaging.registry.write import new_hive, write_hive
from runs.commands import osdimage

pytestmark = pytest.mark.foreign

PATH = r"ControlSet001\Services\new"


@pytest.fixture(scope="module")
def windows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("windows")
    hive = new_hive("SYSTEM")
    hive.root.ensure("Select").set(Value.dword("Default", 1))
    hive.root.ensure(r"ControlSet001\Services")
    files = windows_files() | {"Windows/System32/config/SYSTEM": write_hive(hive)}
    path = disk_with(folder, preset_layout(Preset.UEFI), {3: files}, size=3 << 30)
    start(path, 3, rng=random.Random(1))
    return path


@pytest.fixture(params=["raw", "qcow2", "vhdx"])
def disk(request: pytest.FixtureRequest, windows: Path, tmp_path: Path) -> Path:
    if request.param == "raw":
        return disk_judges.copy_of(windows, tmp_path / "base.img")
    return judges.convert(windows, tmp_path / f"base.{request.param}", request.param)


def state(disk: Path) -> tuple[int, int]:
    """Return what every write to a file changes."""
    facts = disk.stat()
    return facts.st_mtime_ns, facts.st_blocks


def test_the_disk_stays_and_the_new_file_has_what_was_written(disk: Path, tmp_path: Path) -> None:
    before, new = state(disk), tmp_path / "new.qcow2"
    words = ("--partition", "3", "--hive", "SYSTEM", PATH, "7", "--value", "v", "--type", "dword")
    assert osdimage("registry", "set", disk, *words, "--overlay", new).err == ""
    assert state(disk) == before
    judges.check(new, "qcow2")
    info = judges.info(new, "qcow2")
    assert info["backing-filename"] == disk.name
    assert info["backing-filename-format"] == {".img": "raw"}.get(disk.suffix, disk.suffix[1:])
    # It is a disk as any other, also to be written on; the overlay of an overlay, too.
    osdimage("boot", "check", new)
    osdimage("registry", "get", new, "--partition", "3", "--hive", "SYSTEM", PATH)
    osdimage("registry", "get", disk, "--partition", "3", "--hive", "SYSTEM", PATH, code=2)
    osdimage("disk", "init", new, "--preset", "data-gpt", "--yes", "--overlay", tmp_path / "above.qcow2")
    plain = judges.plain(tmp_path / "above.qcow2", "qcow2", tmp_path / "plain.img")
    assert "No problems found" in disk_judges.sgdisk_verify(plain)
    assert state(disk) == before


@pytest.mark.parametrize(
    "command",
    [
        ("boot", "install", "{disk}", "--partition", "3"),
        ("boot", "fix", "{disk}", "--partition", "3"),
        ("disk", "format", "{disk}", "--partition", "3", "--yes"),
        ("apply", "{wim}", "{disk}", "--partition", "3", "--wipe", "--yes"),
        ("deploy", "{wim}", "{disk}", "--preset", "uefi", "--yes"),
        ("disk", "restore", "{disk}", "{table}", "--yes"),
    ],
    ids=lambda command: " ".join(command[:2]),
)
def test_every_command_that_writes_can_leave_its_disk(command: tuple[str, ...], windows: Path, tmp_path: Path) -> None:
    disk = disk_judges.copy_of(windows, tmp_path / "base.img")
    wim, table, new = tmp_path / "w.wim", tmp_path / "table.json", tmp_path / "new.qcow2"
    if "{wim}" in command:
        osdimage("capture", disk, wim, "--partition", "3")
    osdimage("disk", "backup", disk, table)
    before = state(disk)
    words = [each.format(disk=disk, wim=wim, table=table) for each in command]
    osdimage(*words, "--overlay", new)
    assert state(disk) == before
    judges.check(new, "qcow2")
    assert osdimage("disk", "show", new, "--json").facts["scheme"] == "gpt"
    assert not list(tmp_path.glob("base.img.*"))


def test_what_cannot_be_is_refused_and_leaves_nothing(windows: Path, tmp_path: Path) -> None:
    disk = disk_judges.copy_of(windows, tmp_path / "base.img")
    new = tmp_path / "new.qcow2"
    init = ("disk", "init", disk, "--preset", "data-gpt", "--yes")
    new.write_bytes(b"mine")
    assert "new.qcow2: exists already; valid is the name of a new file" in osdimage(*init, "--overlay", new, code=4).err
    assert new.read_bytes() == b"mine"
    new.unlink()
    osdimage(*init, "--expect-size", "1GB", "--overlay", new, code=4)
    osdimage(*init, "--size", "1GB", "--overlay", new, code=2)
    osdimage("disk", "init", tmp_path / "none", "--preset", "data-gpt", "--overlay", new, code=2)
    osdimage("disk", "check", disk, "--overlay", new, code=2)
    named = osdimage(*init, "--overlay", tmp_path / "new.vhdx", code=2).err
    assert "the new file is a qcow2 one; valid is a name such as new.qcow2" in named
    osdimage("boot", "install", disk, "--partition", "3", "--dry-run", "--overlay", new)
    # What fails may have written something, but had not here.
    osdimage("apply", disk, disk, "--partition", "3", "--overlay", new, code=3)
    assert [each.name for each in tmp_path.iterdir()] == ["base.img"]


def test_a_file_elsewhere_needs_leave_to_be_opened_again(windows: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    disk = disk_judges.copy_of(windows, tmp_path / "a:b.img")
    new = tmp_path / "elsewhere" / "new.qcow2"
    said = osdimage("disk", "init", disk, "--preset", "data-gpt", "--yes", "--overlay", new).err
    assert f"{new} refers to {disk}, which is not beside it: whoever opens it has to allow that" in said
    assert "--allow-linked if you made it" in osdimage("disk", "show", new, code=4).err
    assert osdimage("disk", "show", new, "--allow-linked", "--json").facts["scheme"] == "gpt"
    above = tmp_path / "above.qcow2"
    assert osdimage("disk", "init", disk, "--preset", "data-gpt", "--yes", "--overlay", above).err == ""
    assert osdimage("disk", "show", above, "--json").facts["scheme"] == "gpt"
