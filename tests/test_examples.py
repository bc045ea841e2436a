"""The programs of docs/examples, which pages show: each does what its first line says."""

from __future__ import annotations

import asyncio
import importlib.util
import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cases.wimcraft import Node, build, root
from cases.windows_trees import windows_files, write_tree
from judges import mounts
from judges.disk import sfdisk
from osdimage.imaging import CaptureOptions, Compression, CompressionSpec, Preset, WimFile, capture_image
from osdimage.imaging.registry import HiveAddress, load_hive, new_hive, write_hive
from osdimage.imaging.units import MIB

EXAMPLES = Path(__file__).parents[1] / "docs" / "examples"
STORED = CaptureOptions(compression=CompressionSpec(Compression.NONE))


SEQUENCE = """
name: Data disk
steps:
  - step: Partition Disk 0
    type: PartitionDisk
    variables: {OSDDiskIndex: 0, OSDPartitionStyle: GPT, OSDPartitions0Type: Primary, OSDPartitions0FileSystem: NTFS,
                OSDPartitions0QuickFormat: true}
  - step: Apply Data
    type: ApplyDataImage
    variables: {OSDDataImageIndex: 1}
    properties: {ImagePackageID: ABC00001}
  - step: Restore User State
    type: RestoreUserState
"""


def example(name: str) -> Any:
    """Return a program as a module."""
    spec = importlib.util.spec_from_file_location(f"example_{name}", EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the files of a Windows in ``Reference``, and a WIM of them."""
    made = tmp_path_factory.mktemp("examples")
    tree = write_tree(made / "Reference", windows_files())
    (tree / "Windows" / "Temp").mkdir(exist_ok=True)
    (tree / "Windows" / "Temp" / "old.tmp").write_bytes(b"old")
    (tree / "Windows" / "System32" / "winpeshl.ini").write_bytes(b"[LaunchApp]\r\n")
    hives = tree / "Windows" / "System32" / "config"
    hives.mkdir()
    (hives / "SOFTWARE").write_bytes(write_hive(new_hive("ROOT")))
    capture_image(tree, made / "install.wim", STORED)
    return made


@pytest.fixture(autouse=True)
def _state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OSDIMAGE_STATE_DIR", str(tmp_path / "state"))


def test_every_program_is_shown_on_a_page_and_tested() -> None:
    pages = "".join(path.read_text(encoding="utf-8") for path in EXAMPLES.parent.rglob("*.md"))
    tests = Path(__file__).read_text(encoding="utf-8")
    names = [path.stem for path in EXAMPLES.glob("*.py")]
    assert len(names) > 5
    for name in names:
        assert f"examples/{name}.py\n" in pages
        assert f'example("{name}")' in tests


@pytest.mark.foreign
def test_deploy(world: Path, tmp_path: Path) -> None:
    disk = tmp_path / "disk.img"
    assert example("deploy").deploy(str(world / "install.wim"), 1, str(disk), "3GB") is True
    assert [row.number for row in sfdisk(disk)[1]] == [1, 2, 3, 4]


def test_capture(world: Path, tmp_path: Path) -> None:
    assert example("capture").capture(str(world / "Reference"), str(tmp_path / "a.wim"), str(tmp_path / "b.esd")) == 0
    with WimFile.open(tmp_path / "b.esd") as copy:
        assert (copy.header.compression, copy.image(1).name) == (Compression.LZMS, "Reference 1.0")


def test_look(world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert example("look").look(str(world / "install.wim"), "/Windows/Temp/*", str(tmp_path / "out")) == 1
    assert (tmp_path / "out" / "1" / "old.tmp").read_bytes() == b"old"
    files = [path for path in (world / "Reference").rglob("*") if path.is_file()]
    assert f"  {len(files)} files, " in capsys.readouterr().out


def test_edit_disk(world: Path, tmp_path: Path) -> None:
    disk = tmp_path / "disk.img"
    example("deploy").deploy(str(world / "install.wim"), 1, str(disk), "3GB")
    assert example("edit_disk").edit(str(disk), 3, "Lab") == 0
    key = load_hive(HiveAddress(disk, "SOFTWARE", 3)).root.find(r"Microsoft\Windows NT\CurrentVersion")
    assert key is not None
    value = key.value("registeredowner")
    assert value is not None
    assert value.as_string() == "Lab"


def test_update_wim(world: Path, tmp_path: Path) -> None:
    wim, script = tmp_path / "boot.wim", tmp_path / "startnet.cmd"
    wim.write_bytes((world / "install.wim").read_bytes())
    script.write_bytes(b"wpeinit\r\n")
    assert example("update_wim").update(str(wim), 1, str(script)) == 2
    with WimFile.open(wim) as changed:
        paths = {entry.path: entry.size for entry in changed.image(1).entries("/Windows")}
    assert paths["/Windows/System32/startnet.cmd"] == 9
    assert "/Windows/Temp/old.tmp" not in paths


@pytest.mark.foreign
def test_mounted(world: Path, tmp_path: Path) -> None:
    mounts.require_fuse()
    wim = tmp_path / "boot.wim"
    wim.write_bytes((world / "install.wim").read_bytes())
    (tmp_path / "at").mkdir()
    example("mounted").change(str(wim), 1, str(tmp_path / "at"))
    with WimFile.open(wim) as changed:
        assert not changed.image(1).holds("/Windows/System32/winpeshl.ini")


def test_many_disks(world: Path, tmp_path: Path) -> None:
    (tmp_path / "there.img").write_bytes(b"x" * MIB)
    disks = [str(tmp_path / name) for name in ("a.img", "b.img", "there.img")]
    wim = str(world / "install.wim")
    done = example("many_disks").deploy_to_all(wim, disks, size_bytes=200 * MIB, preset=Preset.DATA_GPT)
    files = sum(path.is_file() for path in (world / "Reference").rglob("*"))
    assert [done[disk] for disk in disks[:2]] == [files, files]
    assert type(done[disks[2]]).__name__ == "TargetRefused"
    assert (tmp_path / "there.img").read_bytes() == b"x" * MIB


def test_service(world: Path, tmp_path: Path) -> None:
    damaged, large = tmp_path / "damaged.wim", tmp_path / "large.wim"
    damaged.write_bytes(b"MSWIM\0\0\0")
    large.write_bytes(build(root(*(Node(f"{number}", os.urandom(4 * MIB)) for number in range(8)))))
    paths = [str(world / "install.wim"), str(damaged)]
    verify_all = example("service").verify_all
    verdicts = asyncio.run(verify_all(paths, 60))
    assert verdicts[paths[0]] == "sound"
    assert verdicts[paths[1]] != "sound"
    assert asyncio.run(verify_all([str(large)], 0.0)) == {str(large): "stopped: it takes too long"}


def test_processes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text(name)
    (tmp_path / "b.wim").write_text("mine")
    # A process that is spawned imports the program anew, by its file: it runs on its own, not as example("processes").
    command = [sys.executable, EXAMPLES / "processes.py", tmp_path / "a", tmp_path / "b"]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    assert len(lines) == 2
    assert lines[0].startswith(f"{tmp_path}/a: CaptureResult(")
    assert lines[1].startswith(f"{tmp_path}/b: {tmp_path}/b.wim: exists already; ")
    assert (tmp_path / "b.wim").read_text() == "mine"


@pytest.mark.parametrize(
    ("wim", "word"),
    [
        pytest.param("install.wim", "no such image", id="no-edition"),
        pytest.param("none.wim", "not there", id="no-file"),
        pytest.param("cut.wim", "fetch it again", id="damaged"),
        pytest.param("tree", "failed", id="not-a-wim"),
    ],
)
def test_handling(world: Path, tmp_path: Path, wim: str, word: str, caplog: pytest.LogCaptureFixture) -> None:
    whole = (world / "install.wim").read_bytes()
    (tmp_path / "install.wim").write_bytes(whole)
    (tmp_path / "cut.wim").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "tree").write_bytes(b"no WIM")
    with caplog.at_level(logging.INFO):
        assert example("handling").apply(str(tmp_path / wim), str(tmp_path / "out")) == word
    assert [record.name for record in caplog.records if record.levelno == logging.ERROR] == ["deployer"]


@pytest.mark.foreign
def test_sequence(world: Path, tmp_path: Path) -> None:
    (tmp_path / "sequence.yaml").write_text(SEQUENCE)
    (tmp_path / "answers.yaml").write_text("leave-out: [Restore User State]\n")
    with (tmp_path / "disk.img").open("wb") as disk:
        disk.truncate(300 * MIB)
    run = example("sequence").run
    paths = [str(tmp_path / name) for name in ("sequence.yaml", "answers.yaml", "disk.img")]
    assert run(*paths, str(world / "install.wim")) == 0
    assert [row.number for row in sfdisk(tmp_path / "disk.img")[1]] == [1, 2]
