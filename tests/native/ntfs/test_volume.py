"""Facts and emptying of NTFS volumes, which mkntfs and the ntfs-3g driver made, and which ntfs-3g's tools judge."""

from __future__ import annotations

import errno
import os
import subprocess
from pathlib import Path

import pytest
from cases.ntfs_items import mount_point
from cases.slice_device import errno_of
from judges import wim as judges
from judges.disk import run
from judges.ntfs import contents, is_dirty, ntfsfix, ntfsinfo, ntfsls
from osdimage.native.ntfs import volume as ntfs

pytestmark = pytest.mark.foreign

MIB = 1 << 20


@pytest.fixture
def volume(tmp_path: Path) -> Path:
    path = judges.make_ntfs(tmp_path / "volume.ntfs", 16 * MIB)
    with judges.mounted_ntfs(path, tmp_path / "mount") as mount:
        for name in ("Users/State/deep", "Users/Other", "Windows/System32", "Program Files"):
            (mount / name).mkdir(parents=True)
            (mount / name / "file").write_bytes(name.encode() * 1000)
        (mount / "pagefile.sys").write_bytes(bytes(100_000))
        (mount / "junction").mkdir()
        os.setxattr(mount / "junction", "system.ntfs_reparse_data", mount_point("\\??\\C:\\Users", "C:\\Users"))
    return path


# ---- facts


@pytest.mark.parametrize("cluster_size", [512, 4096, 65536])
def test_the_facts_are_those_that_ntfsinfo_tells(tmp_path: Path, cluster_size: int) -> None:
    path = judges.make_ntfs(tmp_path / "volume.ntfs", 16 * MIB, f"--cluster-size={cluster_size}")
    told = ntfsinfo(path)
    facts = ntfs.volume_facts(path)
    assert facts.cluster_size == int(told["Cluster Size"]) == cluster_size
    assert facts.size == int(told["Volume Size in Clusters"]) * cluster_size
    assert facts.free == int(told["Free Clusters"].split()[0]) * cluster_size
    assert (facts.is_dirty, facts.is_hibernated, facts.has_open_log) == (False, False, False)


def test_what_is_in_use_is_what_the_bitmap_has(volume: Path) -> None:
    # $Bitmap is record 6.
    bitmap = subprocess.run(["ntfscat", "--inode", "6", volume], capture_output=True, check=True).stdout
    size = int(ntfsinfo(volume)["Cluster Size"])
    clusters = int(ntfsinfo(volume)["Volume Size in Clusters"])
    bits = [bitmap[number // 8] >> number % 8 & 1 for number in range(clusters)]
    expected, begin = [], 0
    for number in range(1, clusters + 1):
        if number == clusters or bits[number] != bits[begin]:
            expected += [(begin * size, number * size)] if bits[begin] else []
            begin = number
    assert len(expected) > 1
    assert ntfs.allocated_ranges(volume) == expected


def test_the_dirty_flag_is_the_one_that_ntfsinfo_reads(volume: Path) -> None:
    for dirty in (True, True, False, False):
        ntfs.set_dirty(volume, dirty=dirty)
        assert is_dirty(volume) == dirty
        assert ntfs.volume_facts(volume).is_dirty == dirty
    ntfsfix(volume)


def test_a_hibernated_windows_is_noticed_and_its_volume_not_changed(volume: Path, tmp_path: Path) -> None:
    hibernation = tmp_path / "hiberfil.sys"
    # ntfs-3g, libntfs-3g/volume.c, ntfs_volume_check_hiberfile().
    hibernation.write_bytes(b"hibr" + bytes(4092))
    run(["ntfscp", volume, hibernation, "hiberfil.sys"])
    before = volume.read_bytes()
    assert ntfs.volume_facts(volume).is_hibernated
    assert errno_of(lambda: ntfs.set_dirty(volume, dirty=True)) == errno.EPERM
    assert errno_of(ntfs.wipe, volume) == errno.EPERM
    assert errno_of(ntfs.set_aside, volume, ["Users"]) == errno.EPERM
    assert volume.read_bytes() == before


@pytest.mark.parametrize("content", [b"", bytes(MIB)])
def test_what_is_no_volume_is_refused_by_its_path(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "none"
    path.write_bytes(content)
    for use in (
        lambda: ntfs.volume_facts(path),
        lambda: ntfs.allocated_ranges(path),
        lambda: ntfs.set_dirty(path, dirty=True),
        lambda: ntfs.wipe(path),
        lambda: ntfs.set_aside(path, ["x"]),
        lambda: ntfs.bring_back(path),
    ):
        with pytest.raises(OSError, match=str(path)) as caught:
            use()
        assert caught.value.errno == errno.EINVAL
    assert path.read_bytes() == content


# ---- emptying


def test_a_wiped_volume_is_empty(volume: Path) -> None:
    there = len(contents(volume))
    assert ntfs.wipe(volume) == there
    ntfsfix(volume)
    assert contents(volume) == {}
    assert ntfsls(volume) == ntfsls(judges.make_ntfs(volume.with_name("fresh"), 16 * MIB))


@pytest.mark.parametrize(
    ("keep", "stays"),
    [
        pytest.param(["Users"], {"/Users"}, id="a directory"),
        pytest.param(["users\\STATE"], {"/Users/State"}, id="one below another, in other letters"),
        pytest.param(["Users\\State", "Windows\\System32\\file"], {"/Users/State", "/Windows/System32/file"}, id="two"),
        pytest.param(["nothing", ""], set(), id="what is not there"),
        pytest.param(["junction"], {"/junction"}, id="a link, not what it leads to"),
    ],
)
def test_what_is_kept_stays_with_all_below_and_above_it(volume: Path, keep: list[str], stays: set[str]) -> None:
    before = contents(volume)
    expected = {
        path: what
        for path, what in before.items()
        if any(f"{path}/".startswith(f"{kept}/") or f"{kept}/".startswith(f"{path}/") for kept in stays)
    }
    assert ntfs.wipe(volume, keep=keep) == len(before) - len(expected)
    ntfsfix(volume)
    assert contents(volume) == expected


def test_too_many_paths_to_keep_are_refused_before_anything_is_deleted(volume: Path) -> None:
    before = volume.read_bytes()
    paths = [f"path {number}" for number in range(ntfs.MOST_KEPT + 1)]
    assert errno_of(lambda: ntfs.wipe(volume, keep=paths)) == errno.E2BIG
    assert volume.read_bytes() == before
    assert ntfs.wipe(volume, keep=paths[1:]) > 0


class Mine(Exception):
    """An exception that only this module knows."""


def test_a_listener_hears_of_the_work_and_can_end_it(volume: Path, tmp_path: Path) -> None:
    with judges.mounted_ntfs(volume, tmp_path / "mount") as mount:
        for number in range(300):
            (mount / "Users" / f"file {number}").touch()
    heard: list[tuple[int, int]] = []

    def listen(removed: int, total: int) -> None:
        heard.append((removed, total))
        if removed >= 128:
            raise Mine

    with pytest.raises(Mine):
        ntfs.wipe(volume, listener=listen)
    assert [removed for removed, _ in heard] == [64, 128]
    assert all(total >= 300 for _, total in heard)
    # It ended between two entries: all is consistent, and the rest can still be deleted.
    ntfsfix(volume)
    ntfs.wipe(volume)
    assert contents(volume) == {}


def test_what_is_set_aside_comes_back_and_gives_way_to_what_is_new(volume: Path, tmp_path: Path) -> None:
    before = contents(volume)
    assert ntfs.set_aside(volume, ["USERS", "pagefile.sys", "nothing"]) == 2
    ntfsfix(volume)
    assert ntfsls(volume) & {"Users", "pagefile.sys"} == set()
    with judges.mounted_ntfs(volume, tmp_path / "mount") as mount:
        (mount / "Users/State/deep").mkdir(parents=True)
        (mount / "Users/State/deep/file").write_bytes(b"new")
        (mount / "pagefile.sys").mkdir()
    new = contents(volume)["/Users/State/deep/file"]
    assert new != before["/Users/State/deep/file"]
    ntfs.bring_back(volume)
    ntfsfix(volume)
    assert contents(volume) == {**before, "/Users/State/deep/file": new, "/pagefile.sys": "directory"}
    # Nothing is aside any more.
    ntfs.bring_back(volume)
    assert contents(volume) == {**before, "/Users/State/deep/file": new, "/pagefile.sys": "directory"}
