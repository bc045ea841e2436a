"""What an image is not applied to: said by name, before anything is written."""

from __future__ import annotations

import fcntl
import subprocess
from pathlib import Path

import pytest
from cases.volume import (
    MIB,
    Disk,
    format_disk,
    make_disk,
    osdimage,
    osdimage_json,
    part_of,
    put,
    with_slice,
)
from judges.disk import stored
from judges.ntfs import is_dirty, ntfsfix, ntfsls
from judges.wim import require
from osdimage.imaging import WimFile
from osdimage.imaging.apply.image import apply_image
from osdimage.imaging.errors import InvalidInput
from osdimage.native.ntfs import volume
from runs import commands

pytestmark = pytest.mark.foreign


def test_a_dirty_volume_is_refused_unless_forced(wim: Path, disk: Disk, tmp_path: Path) -> None:
    with_slice(disk, lambda name: volume.set_dirty(name, dirty=True))
    assert is_dirty(part_of(disk))
    before = stored(disk.path)
    where = (str(disk.path), "--partition", str(disk.partition))
    said = osdimage("apply", str(wim), *where, code=4)
    assert "marked dirty" in said
    # The options as they are given, each of which is tried below.
    assert "--wipe and --force, which make it anew; --force alone joins the image with what is there" in said
    assert f"{disk.path} partition {disk.partition}" in said
    assert stored(disk.path) == before
    warnings = osdimage_json("capture", str(disk.path), str(tmp_path / "dirty.wim"), *where[1:])["warnings"]
    assert any("marked dirty" in text for text in warnings)
    # What made it dirty is still there, whatever was written since.
    said = commands.osdimage("apply", wim, *where, "--force").err
    assert "stays marked dirty, as it was marked dirty before" in said
    part = part_of(disk)
    ntfsfix(part)
    assert is_dirty(part)
    # With --wipe it is made anew.
    said = commands.osdimage("apply", wim, *where, "--wipe", "--yes", "--force").err
    assert "dirty" not in said
    assert not is_dirty(part_of(disk))


def test_a_dirty_volume_that_is_not_wiped_as_a_whole_stays_dirty(wim: Path, disk: Disk, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    (kept / "_SMSTaskSequence").mkdir(parents=True)
    where = (str(disk.path), "--partition", str(disk.partition))
    osdimage("apply", str(make_wim_with_everything(kept, tmp_path / "kept.wim")), *where, "--quiet")
    with_slice(disk, lambda name: volume.set_dirty(name, dirty=True))
    said = commands.osdimage("apply", wim, *where, "--wipe", "--yes", "--force").err
    assert "stays marked dirty, as it was marked dirty before" in said
    part = part_of(disk)
    ntfsfix(part)
    assert is_dirty(part)
    assert "_SMSTaskSequence" in ntfsls(part)


def test_a_hibernated_volume_is_refused_even_when_forced(disk: Disk, tmp_path: Path) -> None:
    windows = tmp_path / "windows"
    windows.mkdir()
    (windows / "hiberfil.sys").write_bytes(b"HIBR" + bytes(8192))
    wim = make_wim_with_everything(windows, tmp_path / "hibernated.wim")
    where = ("apply", str(wim), str(disk.path), "--partition", str(disk.partition))
    osdimage(*where, "--quiet")
    before = stored(disk.path)
    assert "hibernated" in osdimage(*where, code=4)
    assert "hibernated" in osdimage(*where, "--force", "--wipe", "--yes", code=4)
    assert stored(disk.path) == before


def make_wim_with_everything(tree: Path, wim: Path) -> Path:
    """Capture without the default exclusions, of which hiberfil.sys is one."""
    config = wim.with_suffix(".ini")
    config.write_text("[ExclusionList]\n\\nothing\n", encoding="utf-8")
    command = [require("wimlib-imagex"), "capture", str(tree), str(wim), f"--config={config}"]
    subprocess.run(command, check=True, capture_output=True)
    return wim


def test_a_volume_whose_journal_is_damaged_is_refused_unless_it_is_given_up(wim: Path, disk: Disk) -> None:
    # mkntfs fills the journal with FF; Windows writes its state to the beginning of it.
    whole = disk.path.read_bytes()[disk.offset : disk.offset + disk.size]
    put(disk, whole.index(b"\xff" * MIB), b"RSTR" + b"\x11" * 8188)
    before = stored(disk.path)
    where = ("apply", str(wim), str(disk.path), "--partition", str(disk.partition))
    for more in ((), ("--force",)):
        said = osdimage(*where, *more, code=4)
        assert "the volume's journal is damaged: the restart page at its byte 0 has system pages of" in said
        assert "; --discard-journal gives up what is in the journal alone" in said
    assert stored(disk.path) == before
    said = commands.osdimage(*where, "--discard-journal").err
    assert "stays marked dirty, as changes in its journal were given up" in said
    part = part_of(disk)
    ntfsfix(part)
    assert is_dirty(part)


@pytest.mark.parametrize(
    ("at", "mark", "name"),
    [
        (3, b"-FVE-FS-", "a BitLocker volume"),
        (3, b"EXFAT   ", "an exFAT volume"),
        (1080, b"\x53\xef", "an ext2, ext3 or ext4 volume"),
        (0, b"LUKS\xba\xbe", "a LUKS volume"),
        (0, b"", "no file system known here"),
    ],
)
def test_what_is_not_ntfs_is_named_and_left_as_it_is(
    at: int, mark: bytes, name: str, wim: Path, tmp_path: Path
) -> None:
    disk = make_disk(tmp_path / "disk.img", "mbr")
    put(disk, at, mark)
    before = stored(disk.path)
    where = (str(disk.path), "--partition", str(disk.partition))
    # What is encrypted can be replaced, as nobody can look into it.
    wipe = () if mark == b"-FVE-FS-" else ("--wipe", "--yes")
    assert f"partition {disk.partition}: holds {name}" in osdimage("apply", str(wim), *where, *wipe, code=4)
    assert f"holds {name}" in osdimage("capture", where[0], str(tmp_path / "new.wim"), *where[1:], code=3)
    assert not (tmp_path / "new.wim").exists()
    assert stored(disk.path) == before


def test_a_partition_that_is_not_there_is_refused_with_those_that_are(wim: Path, tmp_path: Path) -> None:
    disk = format_disk(make_disk(tmp_path / "disk.img", "logical"))
    where = ("apply", str(wim), str(disk.path))
    assert "no partition 9; it has 1 (" in osdimage(*where, "--partition", "9", code=2)
    assert "in it are: 5, 6" in osdimage(*where, "--partition", "2", code=2)
    assert "choose one with --partition" in osdimage(*where, code=2)
    blank = tmp_path / "blank.img"
    blank.write_bytes(bytes(MIB))
    assert "blank.img" in osdimage("apply", str(wim), str(blank), "--partition", "1", code=3)
    assert "does not exist" in osdimage("capture", str(tmp_path / "none"), "x.wim", "--partition", "1", code=2)
    assert "no partitions" in osdimage("capture", str(tmp_path), "x.wim", "--partition", "1", code=2)


def test_a_damaged_volume_is_refused(wim: Path, disk: Disk) -> None:
    # The MFT begins at cluster 4; without its first record nothing can be opened.
    put(disk, 4 * 4096, bytes(4096))
    with WimFile.open(wim) as opened, pytest.raises(InvalidInput, match="NTFS volume"):
        apply_image(opened.image(1), disk.path, partition=disk.partition)


def test_two_programs_do_not_write_one_disk_at_once(wim: Path, disk: Disk) -> None:
    with disk.path.open("r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert "locked" in osdimage("apply", str(wim), str(disk.path), "--partition", str(disk.partition), code=4)
