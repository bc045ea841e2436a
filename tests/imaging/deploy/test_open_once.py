"""A disk is opened once, and its lock held, from the first look of a command to its last."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cases.sequence import GPT, blank_disk
from cases.windows_trees import windows_files, write_tree
from judges import wim as judges
from osdimage.imaging import Preset, WimFile, preset_layout
from osdimage.imaging.deploy import execute as executing
from osdimage.imaging.deploy import steps
from osdimage.imaging.deploy.execute import execute
from osdimage.imaging.deploy.plan import make_plan
from osdimage.imaging.disk.opened import open_disk
from osdimage.imaging.registry.hive import Hive
from osdimage.imaging.registry.values import Value
from osdimage.imaging.registry.write import new_hive, write_hive
from runs.commands import osdimage
from runs.formats import of_plain_files
from runs.opening import is_locked, opens_of

pytestmark = [pytest.mark.foreign, of_plain_files]
GIB = 1 << 30
HIVE = "Windows/System32/config/SYSTEM"


def hive() -> Hive:
    made = new_hive("SYSTEM")
    made.root.ensure("Setup").set(Value.dword("Number", 1))
    return made


@pytest.fixture(scope="module")
def wim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("once")
    write_tree(folder / "tree", windows_files() | {HIVE: write_hive(hive())})
    judges.wimlib("capture", folder / "tree", folder / "install.wim", "Windows")
    return folder / "install.wim"


@pytest.fixture(scope="module")
def deployed(wim: Path) -> Path:
    disk = wim.parent / "deployed.img"
    osdimage("deploy", wim, disk, "--preset", "uefi", "--size", "4GB")
    return disk


@pytest.fixture
def disk(deployed: Path, tmp_path: Path) -> Path:
    judges.run("cp", "--sparse=always", deployed, tmp_path / "disk.img")
    return tmp_path / "disk.img"


STEPS = ("initialize", "format_partition", "work_on", "forget_drives", "install_boot", "check_disk")


def test_another_program_does_not_get_the_lock_at_any_step_of_a_deployment(
    wim: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "disk.img"
    locked: dict[str, list[bool]] = {name: [] for name in STEPS}

    def watched(name: str, real: Callable[..., object]) -> Callable[..., object]:
        def work(*arguments: object, **options: object) -> object:
            locked[name].append(is_locked(path))
            result = real(*arguments, **options)
            locked[name].append(is_locked(path))
            return result

        return work

    for name in STEPS:
        for module in (executing, steps):
            if hasattr(module, name):
                monkeypatch.setattr(module, name, watched(name, getattr(module, name)))
    with opens_of(path) as opens, WimFile.open(wim) as opened:
        with open_disk(path, write=True, create=4 * GIB) as disk:
            plan = make_plan(opened.image(1), preset_layout(Preset.UEFI), disk.geometry, random.Random(1))
            execute(plan, disk, opened.image(1), now=datetime.now(UTC))
            assert is_locked(path)
        assert not is_locked(path)
    assert len(opens) == 1
    assert {name: set(found) for name, found in locked.items()} == {name: {True} for name in STEPS}


@pytest.mark.parametrize(
    "words",
    [
        pytest.param("apply {wim} {disk} --partition 3 --wipe --yes", id="apply"),
        pytest.param("capture {disk} {folder}/new.wim --partition 3", id="capture"),
        pytest.param("capture {disk} {folder}/all.wim --all-volumes", id="capture all"),
        pytest.param("apply {folder}/all.wim {disk} --all-volumes --wipe --yes", id="apply all"),
        pytest.param("compare {wim} {disk} --partition 3", id="compare"),
        pytest.param("boot install {disk} --partition 3", id="boot install"),
        pytest.param("boot fix {disk}", id="boot fix"),
        pytest.param("boot check {disk}", id="boot check"),
        pytest.param("registry set {disk} --partition 3 --hive SYSTEM Setup 7 --value Number --type dword", id="hive"),
        pytest.param("disk format {disk} --partition 4 --yes", id="format"),
        pytest.param("deploy {wim} {disk} --preset bios --yes", id="deploy"),
    ],
)
def test_a_command_opens_its_disk_once(wim: Path, disk: Path, tmp_path: Path, words: str) -> None:
    if "all.wim" in words and words.startswith("apply"):
        osdimage("capture", disk, tmp_path / "all.wim", "--all-volumes")
    with opens_of(disk) as opens:
        osdimage(*words.format(wim=wim, disk=disk, folder=tmp_path).split(), code=None)
    assert len(opens) == 1


@pytest.fixture
def sequence(wim: Path, tmp_path: Path) -> list[str]:
    lines = [f"      {name}: '{value}'" for name, value in GPT.items()]
    text = "\n".join(
        [
            "name: Once",
            "steps:",
            "  - step: Partition",
            "    type: PartitionDisk",
            "    variables:",
            *lines,
            "  - step: Apply",
            "    type: ApplyOperatingSystem",
            "    properties: {ImagePackageID: A1, DestinationDisk: '0', DestinationPartition: '3'}",
            "    variables: {OSDImageIndex: '1'}",
        ]
    )
    (tmp_path / "once.yaml").write_text(text)
    return [str(tmp_path / "once.yaml"), "--disk", f"0={tmp_path / 'disk.img'}", "--package", f"A1={wim}", "--yes"]


def test_a_sequence_holds_its_disks_from_the_first_look_on(
    sequence: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = blank_disk(tmp_path / "disk.img", 2 * GIB)
    asked: list[bool] = []
    real = os.pwrite

    def pwrite(descriptor: int, data: bytes, offset: int) -> int:
        if not asked:
            asked.append(is_locked(path))
        return real(descriptor, data, offset)

    monkeypatch.setattr(os, "pwrite", pwrite)
    with opens_of(path) as opens:
        osdimage("run", *sequence)
    assert asked == [True]
    assert len(opens) == 1
    assert not is_locked(path)
