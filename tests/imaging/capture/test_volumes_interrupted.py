"""Applies and captures of partitions that are killed at some of their writes, on disks of both sector sizes."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from cases.smalldisk import small_disk
from cases.volume import expected_contents, make_files, make_wim
from judges import fat as fat_judges
from judges import wim as judges
from judges.disk import cut_out
from judges.ntfs import contents, is_consistent, is_dirty, ntfsfix, outside
from osdimage.imaging import DiskLayout, FileSystem, PartitionSpec
from osdimage.imaging.disk import Content, FixedSize, Role, Scheme, signatures
from osdimage.imaging.testing import make_disk
from osdimage.imaging.units import MIB, Bytes
from runs.killed import Killer, killer
from runs.ordinary_user import folder_for_all
from runs.sandbox import COMMAND
from runs.stopping import KILLS

pytestmark = pytest.mark.foreign
SEED = 17
# Each takes the judgement of a whole disk.
MOMENTS = max(2, KILLS // 3)
FILES = 60
# FAT32 has 65,525 clusters at least; with sectors of 4096 bytes that is a volume of 256 MiB.
SIZES = {512: (24, 40), 4096: (24, 272)}


def layout(sector_size: int) -> DiskLayout:
    ntfs, fat = SIZES[sector_size]
    specs = ((ntfs, FileSystem.NTFS, "Windows"), (fat, FileSystem.FAT32, "DATA"))
    return DiskLayout(
        Scheme.GPT,
        tuple(
            PartitionSpec(Role.PRIMARY, FixedSize(Bytes(size * MIB)), filesystem=filesystem, label=label)
            for size, filesystem, label in specs
        ),
    )


@dataclass(frozen=True)
class Material:
    """A disk with an empty NTFS and an empty FAT32 volume, and a WIM with an image for each."""

    wim: Path
    disk: Path
    expected: dict[str, str]
    files: int
    extents: tuple[tuple[int, int], tuple[int, int]]
    numbers: tuple[int, int]


@pytest.fixture(scope="module")
def material(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Material:
    folder = tmp_path_factory.mktemp("volumes")
    tree = make_files(folder / "tree", {f"d{number % 5}/file {number}": str(number) * 900 for number in range(FILES)})
    wim = make_wim(tree, folder / "both.wim")
    judges.wimlib("append", tree, wim, "Second")
    disk, size = folder / "disk.img", request.param
    # There is also a Microsoft reserved partition.
    table = make_disk(disk, (sum(SIZES[size]) + 64) * MIB, layout(size), sector_size=size, seed="x")
    data = [each for each in table.partitions if each.spec is not None and each.spec.filesystem is not None]
    first, second = ((each.extent.first * size, each.extent.count * size) for each in data)
    numbers = (data[0].number, data[1].number)
    return Material(wim, disk, expected_contents(tree), FILES, (first, second), numbers)


@pytest.fixture(scope="module")
def killing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Killer]:
    with killer(tmp_path_factory.mktemp("killer")) as made:
        yield made


def copy(source: Path, to: Path) -> Path:
    subprocess.run(["cp", "--sparse=always", source, to], check=True)
    return to


def state_of_ntfs(disk: Path, material: Material) -> str:
    part = cut_out(disk, *material.extents[0], disk.with_name("part.ntfs"))
    if not is_consistent(part) or is_dirty(part):
        return "unfinished"
    ntfsfix(part)
    found = contents(part)
    assert found in ({}, material.expected), f"seed {SEED}"
    return "whole" if found else "empty"


def state_of_fat(disk: Path, material: Material) -> str:
    part = cut_out(disk, *material.extents[1], disk.with_name("part.fat"))
    with part.open("r+b") as file:
        head = file.read(signatures.HEAD_BYTES)
        if signatures.content_of(head) in {None, Content.UNFINISHED}:
            return "unfinished"
        # The copy of the boot sector is erased first: until the boot sector is, the old volume is there, without it.
        size = int.from_bytes(head[11:13], "little")
        if not any(head[6 * size : 7 * size]):
            file.seek(6 * size)
            file.write(head[:size])
    files = fat_judges.fsck(part).entries
    assert files in {1, material.files + 5 + 1}, f"seed {SEED}"
    return "empty" if files == 1 else "whole"


def command(material: Material, disk: Path, which: int | None) -> list[str]:
    where = ["--all-volumes"] if which is None else ["--index", "1", "--partition", str(material.numbers[which])]
    return ["apply", str(material.wim), str(disk), *where, "--no-sync"]


def window(material: Material, which: int | None) -> tuple[int, int]:
    """Return where the volumes are that a command may write to, and their size."""
    if which is not None:
        return material.extents[which]
    return material.extents[0][0], sum(material.extents[1]) - material.extents[0][0]


def judged(disk: Path, material: Material, which: int | None) -> tuple[str, str]:
    """Return the states of both volumes; one that was not to be written must be as it was."""
    states = state_of_ntfs(disk, material), state_of_fat(disk, material)
    if which is not None:
        assert states[1 - which] == "empty"
    return states


def kill_some(material: Material, killing: Killer, disk: Path, which: int | None, owner: str | None = None) -> None:
    """Kill a command at some of its writes and judge the disk each time."""

    def renew() -> None:
        copy(material.disk, disk)
        if owner is not None:
            shutil.chown(disk, owner)

    renew()
    around = outside(disk, *window(material, which))
    arguments = command(material, disk, which)
    writes = killing.writes(arguments)
    seen = set()
    for write in sorted(random.Random(SEED).sample(range(writes), min(MOMENTS, writes))):
        renew()
        assert killing.kill(arguments, write)
        assert outside(disk, *window(material, which)) == around
        states = judged(disk, material, which)
        assert states != ("whole", "whole") or write == writes - 1, f"seed {SEED}"
        seen.update(states)
    assert "unfinished" in seen, f"seed {SEED}"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("material", "which"),
    [(512, None), (512, 0), (512, 1), (4096, None)],
    ids=["all volumes", "NTFS", "FAT32", "all volumes, sectors of 4096 bytes"],
    indirect=["material"],
)
def test_a_volume_is_never_half_filled_and_clean(
    which: int | None, material: Material, killing: Killer, tmp_path: Path
) -> None:
    kill_some(material, killing, tmp_path / "disk.img", which)


@pytest.mark.parametrize("material", [512], indirect=True)
def test_an_unfinished_volume_is_refused_with_what_to_do(material: Material, killing: Killer, tmp_path: Path) -> None:
    disk = copy(material.disk, tmp_path / "disk.img")
    arguments = command(material, disk, None)
    assert killing.kill(arguments, 8)
    assert judged(disk, material, None)[0] == "unfinished"
    said = subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, check=False)
    assert said.returncode == 4
    assert "marked dirty" in said.stderr


@pytest.mark.parametrize("material", [512], indirect=True)
@pytest.mark.parametrize("which", [0, 1], ids=["NTFS", "FAT32"])
def test_an_ordinary_user_leaves_no_half_filled_volume_either(which: int, material: Material, tmp_path: Path) -> None:
    with folder_for_all() as folder, killer(tmp_path, nobody_in=folder) as killing:
        theirs = replace(material, wim=Path(shutil.copy(material.wim, folder / "both.wim")))
        kill_some(theirs, killing, folder / "disk.img", which, "nobody" if os.geteuid() == 0 else None)


@pytest.fixture(scope="module")
def growth(material: Material, tmp_path_factory: pytest.TempPathFactory) -> dict[int | None, int]:
    """How much room a command takes on the file system under a sparse disk."""
    taken = {}
    for which in (None, 1):
        disk = copy(material.disk, tmp_path_factory.mktemp("growth") / "disk.img")
        before = disk.stat().st_blocks
        subprocess.run([*COMMAND, *command(material, disk, which)], check=True, capture_output=True)
        taken[which] = (disk.stat().st_blocks - before) * 512
    return taken


@pytest.mark.root
@pytest.mark.parametrize("material", [512], indirect=True)
@pytest.mark.parametrize("share", [0.2, 0.9])
@pytest.mark.parametrize("which", [None, 1], ids=["all volumes", "FAT32"])
def test_a_full_disk_under_the_volumes_is_told_and_nothing_looks_done(
    which: int | None, share: float, material: Material, growth: dict[int | None, int], tmp_path: Path
) -> None:
    around = outside(material.disk, *window(material, which))
    folder = tmp_path / "small"
    folder.mkdir()
    with small_disk(folder, 64 * MIB) as small:
        copied = copy(material.disk, small.seen / "disk.img")
        # What is left is too little for what the command adds to the sparse image.
        with (small.seen / "filler").open("wb") as filler:
            os.posix_fallocate(filler.fileno(), 0, small.free() - int(growth[which] * share))
        done = subprocess.run(
            [*small.prefix, *COMMAND, *command(material, small.path / "disk.img", which)],
            capture_output=True,
            text=True,
            check=False,
        )
        disk = copy(copied, tmp_path / "disk.img")
    assert done.returncode == 1
    assert "No space left on device" in done.stderr.splitlines()[-1]
    assert outside(disk, *window(material, which)) == around
    states = judged(disk, material, which)
    assert "unfinished" in states
    if which is None and share < 0.5:
        assert states[1] == "empty"


@pytest.mark.parametrize("material", [512], indirect=True)
def test_a_capture_of_all_volumes_is_there_whole_or_not_at_all(material: Material, tmp_path: Path) -> None:
    wim = tmp_path / "out" / "all.wim"
    wim.parent.mkdir()
    arguments = [*COMMAND, "capture", str(material.disk), str(wim), "--all-volumes", "--quiet"]
    began = time.monotonic()
    subprocess.run(arguments, check=True)
    lasted = time.monotonic() - began
    killed = 0
    for moment in range(1, MOMENTS + 1):
        wim.unlink(missing_ok=True)
        with subprocess.Popen(arguments) as process:
            time.sleep(lasted * moment / (MOMENTS + 2))
            process.kill()
        killed += process.returncode == -signal.SIGKILL
        assert {path.name for path in wim.parent.iterdir()} <= {wim.name}
        if wim.exists():
            judges.wimlib("verify", wim)
    assert killed
    shutil.rmtree(wim.parent)
