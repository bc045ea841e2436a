"""Applies and captures of partitions that are killed at some of their writes, on disks of both sector sizes."""

from __future__ import annotations

import random
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import fat_judges
import judges
import pytest
from disk_judges import cut_out
from killed import Killer, killer
from ntfs_judges import contents, is_consistent, is_dirty, ntfsfix, outside
from osdimage.imaging import DiskLayout, FileSystem, FixedSize, PartitionSpec, Role, Scheme
from osdimage.imaging.disk import signatures
from osdimage.imaging.testing import make_disk
from osdimage.imaging.units import MIB, Bytes
from sandbox import COMMAND
from volume_cases import expected_contents, make_files, make_wim

pytestmark = [pytest.mark.foreign, pytest.mark.slow]
SEED = 17
KILLS = 5
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


@pytest.fixture(scope="module", params=[512, 4096])
def material(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Material:
    folder = tmp_path_factory.mktemp("volumes")
    tree = make_files(folder / "tree", {f"d{number % 5}/file {number}": str(number) * 900 for number in range(150)})
    wim = make_wim(tree, folder / "both.wim")
    judges.wimlib("append", tree, wim, "Second")
    disk, size = folder / "disk.img", request.param
    # There is also a Microsoft reserved partition.
    table = make_disk(disk, (sum(SIZES[size]) + 64) * MIB, layout(size), sector_size=size, seed="x")
    data = [each for each in table.partitions if each.spec is not None and each.spec.filesystem is not None]
    first, second = ((each.extent.first * size, each.extent.count * size) for each in data)
    numbers = (data[0].number, data[1].number)
    return Material(wim, disk, expected_contents(tree), 150, (first, second), numbers)


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
        if signatures.identify(head) is None:
            return "unfinished"
        # The copy of the boot sector is erased first: until the boot sector is, the old volume is there, without it.
        size = int.from_bytes(head[11:13], "little")
        if not any(head[6 * size : 7 * size]):
            file.seek(6 * size)
            file.write(head[:size])
    files = fat_judges.fsck(part).entries
    assert files in {1, material.files + 5 + 1}, f"seed {SEED}"
    return "empty" if files == 1 else "whole"


@pytest.mark.parametrize("which", [None, 0, 1], ids=["all volumes", "NTFS", "FAT32"])
def test_a_volume_is_never_half_filled_and_clean(
    which: int | None, material: Material, killing: Killer, tmp_path: Path
) -> None:
    disk = copy(material.disk, tmp_path / "disk.img")
    offset, size = material.extents[0][0], sum(material.extents[1]) - material.extents[0][0]
    around = outside(disk, offset, size)
    where = ["--all-volumes"] if which is None else ["--index", "1", "--partition", str(material.numbers[which])]
    arguments = ["apply", str(material.wim), str(disk), *where, "--no-sync"]
    writes = killing.writes(arguments)
    seen = set()
    for write in sorted(random.Random(SEED).sample(range(writes), min(KILLS, writes))):
        copy(material.disk, disk)
        assert killing.kill(arguments, write)
        assert outside(disk, offset, size) == around
        states = state_of_ntfs(disk, material), state_of_fat(disk, material)
        assert states != ("whole", "whole") or write == writes - 1, f"seed {SEED}"
        if which is not None:
            assert states[1 - which] == "empty"
        seen.update(states)
        if states[0] == "unfinished":
            said = subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, check=False)
            assert said.returncode == 4
            assert "marked dirty" in said.stderr
    assert "unfinished" in seen, f"seed {SEED}"


def test_a_capture_of_all_volumes_is_there_whole_or_not_at_all(material: Material, tmp_path: Path) -> None:
    wim, rng = tmp_path / "out" / "all.wim", random.Random(SEED)
    wim.parent.mkdir()
    arguments = [*COMMAND, "capture", str(material.disk), str(wim), "--all-volumes", "--quiet"]
    began = time.monotonic()
    subprocess.run(arguments, check=True)
    lasted = time.monotonic() - began
    killed = 0
    for _ in range(KILLS):
        wim.unlink(missing_ok=True)
        with subprocess.Popen(arguments) as process:
            time.sleep(rng.uniform(0.2, 1) * lasted)
            process.kill()
        killed += process.returncode == -signal.SIGKILL
        assert {path.name for path in wim.parent.iterdir()} <= {wim.name}
        if wim.exists():
            judges.wimlib("verify", wim)
    assert killed, f"seed {SEED}"
    shutil.rmtree(wim.parent)
