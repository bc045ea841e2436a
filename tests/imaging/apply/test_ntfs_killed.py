"""An apply that is killed between any two of its writes, and what the next one makes of the volume."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from cases.slice_device import Device
from cases.volume import MIB, expected_contents, make_files, make_tree, make_wim
from judges.disk import run
from judges.ntfs import contents, is_consistent, is_dirty, ntfsfix
from judges.wim import require
from osdimage.imaging import WimFile
from osdimage.imaging.apply.image import apply_image
from osdimage.imaging.apply.job import ApplyOptions
from osdimage.imaging.disk.image import open_image
from osdimage.imaging.errors import InvalidInput, TargetRefused
from osdimage.imaging.volume.ntfs import mirror as ntfs_mirror
from osdimage.native.ntfs import volume as ntfs
from osdimage.native.slices.slices import Slice
from osdimage.native.slices.sources import Source
from runs.killed import Killer, killer

pytestmark = pytest.mark.foreign
BLOCK = 65536
RECORD, SECTOR = 1024, 512


@dataclass(frozen=True)
class Material:
    """A WIM, what is in it, and the bytes of an empty volume."""

    wim: Path
    expected: dict[str, str]
    volume: bytes


@pytest.fixture(scope="module")
def material(tmp_path_factory: pytest.TempPathFactory) -> Material:
    folder = tmp_path_factory.mktemp("killed")
    tree = make_tree(folder / "tree", 40)
    volume = folder / "volume"
    with volume.open("wb") as file:
        file.truncate(24 * MIB)
    run(["mkntfs", "--quick", "--force", "--quiet", volume])
    return Material(make_wim(tree, folder / "image.wim"), expected_contents(tree), volume.read_bytes())


@pytest.fixture(scope="module")
def killing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Killer]:
    with killer(tmp_path_factory.mktemp("killer")) as made:
        yield made


@pytest.fixture
def volume(material: Material, tmp_path: Path) -> Path:
    path = tmp_path / "volume"
    path.write_bytes(material.volume)
    return path


def apply(wim: Path, volume: Path, *, wipe: bool = False, force: bool = False, keep: tuple[str, ...] = ()) -> None:
    with WimFile.open(wim) as opened:
        apply_image(opened.image(1), volume, ApplyOptions(wipe=wipe, force=force, keep=keep))


def refusal(wim: Path, volume: Path) -> str | None:
    """Apply in spite of the dirty flag; return why that was refused."""
    try:
        apply(wim, volume, force=True)
    except TargetRefused as error:
        return str(error)
    return None


def assert_whole(volume: Path, material: Material) -> None:
    """Judge a volume, whatever its dirty flag says: what was dirty before stays so, unless it is wiped."""
    ntfsfix(volume)
    assert contents(volume) == material.expected
    # Also compares the bitmap of the clusters with the files that use them; --force: of a dirty volume too.
    run(["ntfsresize", "--info", "--force", "--no-progress-bar", volume])


@pytest.mark.matrix
@pytest.mark.slow
def test_between_any_two_writes_the_volume_is_whole_or_says_that_it_is_not(
    material: Material, killing: Killer, volume: Path
) -> None:
    require("ntfsresize")
    arguments = ["apply", str(material.wim), str(volume), "--no-sync"]
    writes = killing.writes(arguments)
    seen: set[bool] = set()
    for moment in range(writes):
        volume.write_bytes(material.volume)
        assert killing.kill(arguments, moment)
        left = volume.read_bytes()
        if is_consistent(volume) and not is_dirty(volume):
            assert contents(volume) == {}, moment
            assert moment == 0
            continue
        is_sound = is_consistent(volume)
        is_new_kind = is_sound not in seen
        seen.add(is_sound)
        with pytest.raises(TargetRefused, match="marked dirty: an earlier write to it was not finished"):
            apply(material.wim, volume)
        assert volume.read_bytes() == left, "refused, but written to"
        # What follows takes most of the time, and differs by where the flush of the image was cut.
        if not (is_new_kind or moment % 4 == 0 or moment >= writes - 4):
            continue
        said = refusal(material.wim, volume)
        if said is None:
            assert_whole(volume, material)
        else:
            assert re.search(r"left it inconsistent .*Wipe it", said), moment
        volume.write_bytes(left)
        apply(material.wim, volume, wipe=True, force=True)
        assert_whole(volume, material)
        assert not is_dirty(volume)
    assert seen == {True, False}, "killed between the first records and their mirror, and elsewhere"


def test_what_is_to_be_kept_on_a_volume_that_is_inconsistent_is_not_lost(
    material: Material, killing: Killer, volume: Path, tmp_path: Path
) -> None:
    kept = make_wim(make_files(tmp_path / "kept", {"_SMSTaskSequence/state": "state"}), tmp_path / "kept.wim")
    apply(kept, volume)
    arguments = ["apply", str(material.wim), str(volume), "--no-sync"]
    full = volume.read_bytes()
    writes = killing.writes(arguments)
    volume.write_bytes(full)
    # Most of the flush of the image is written, its last two pieces are not.
    assert killing.kill(arguments, writes - 6)
    before = volume.read_bytes()
    for wipe in (False, True):
        with pytest.raises(TargetRefused, match=r"left it inconsistent"):
            apply(material.wim, volume, wipe=wipe, force=True)
        assert volume.read_bytes() == before


def offsets(volume: Path) -> tuple[int, int]:
    """Return where the MFT and its mirror begin, as ntfsinfo says."""
    text = run(["ntfsinfo", "--mft", "--force", volume])
    size = int(re.search(r"Cluster Size: (\d+)", text)[1])  # type: ignore[index]
    mft, mirror = (
        int(re.search(rf"LCN of Data Attribute for {name}: (\d+)", text)[1])  # type: ignore[index]
        for name in ("FILE_MFT", "File_MFTMirr")
    )
    return mft * size, mirror * size


def damage(volume: Path, offset: int) -> None:
    """Change the check bytes at the end of a sector, as a write that ended there does."""
    with volume.open("r+b") as file:
        os.pwrite(file.fileno(), b"\xee\xee", offset + SECTOR - 2)


@pytest.mark.parametrize("which", [0, 1], ids=["records", "mirror"])
def test_a_record_that_was_cut_is_taken_from_its_copy(which: int, volume: Path, material: Material) -> None:
    ntfs.set_dirty(volume, dirty=True)
    sound = volume.read_bytes()
    damage(volume, offsets(volume)[which] + RECORD)
    assert not is_consistent(volume)
    with open_image(str(volume), write=True, sector_size=512) as target:
        assert ntfs_mirror.is_unfinished(target)
        ntfs_mirror.mend(target)
        assert not ntfs_mirror.is_unfinished(target)
    assert volume.read_bytes() == sound
    apply(material.wim, volume, force=True)
    assert_whole(volume, material)


@pytest.mark.parametrize("which", [0, 1], ids=["records", "mirror"])
def test_a_record_that_was_cut_while_the_flag_was_set_is_taken_from_its_copy(
    which: int, volume: Path, material: Material
) -> None:
    # The flag is in $Volume, record 3, which is written before all others: nothing says yet that the volume is dirty.
    sound = volume.read_bytes()
    damage(volume, offsets(volume)[which] + 3 * RECORD)
    assert not is_consistent(volume)
    with open_image(str(volume), write=True, sector_size=512) as target:
        assert ntfs_mirror.is_unfinished(target)
        ntfs_mirror.mend(target)
        assert not ntfs_mirror.is_unfinished(target)
    assert volume.read_bytes() == sound
    apply(material.wim, volume)
    assert_whole(volume, material)


def test_a_difference_on_a_clean_volume_is_damage(volume: Path, material: Material) -> None:
    damage(volume, offsets(volume)[1] + RECORD)
    with pytest.raises(InvalidInput, match="damaged"):
        apply(material.wim, volume, force=True, wipe=True)


@pytest.mark.parametrize("both", [0, RECORD], ids=["of one", "of both"])
def test_damage_that_no_interrupted_write_explains_is_not_mended(both: int, volume: Path) -> None:
    ntfs.set_dirty(volume, dirty=True)
    for offset in offsets(volume):
        damage(volume, offset + RECORD)
    with open_image(str(volume), sector_size=512) as target:
        assert not ntfs_mirror.is_unfinished(target)
    with open_image(str(volume), write=True, sector_size=512) as target:
        target.write_at(both, bytes(SECTOR))
        assert not ntfs_mirror.is_unfinished(target)


def test_the_first_records_stay_in_the_cache_until_all_else_is_written(volume: Path) -> None:
    mft, mirror = offsets(volume)
    before = volume.read_bytes()
    descriptor = os.open(volume, os.O_RDWR)
    source = Source.of_file(descriptor)
    os.close(descriptor)
    with source, Slice(source, 0, len(before), cache_size=16 * BLOCK) as piece, Device(piece.name) as device:
        for offset in (mft, mirror):
            device.pwrite(offset, bytes(SECTOR))
        for block in range(100, 200):
            device.pwrite(block * BLOCK, b"x" * SECTOR)
        seen = volume.read_bytes()
        assert seen[100 * BLOCK] == ord("x")
        assert seen[mft : mft + SECTOR] == before[mft : mft + SECTOR]
        assert seen[mirror : mirror + SECTOR] == before[mirror : mirror + SECTOR]
        device.sync()
        seen = volume.read_bytes()
        assert seen[mft : mft + SECTOR] == seen[mirror : mirror + SECTOR] == bytes(SECTOR)
