"""Applying to, wiping and capturing an NTFS partition in place, judged by programs that did not write it."""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from judges import missing, require
from ntfs_judges import blobs, contents, cut_out, is_dirty, ntfscat, ntfsfix, ntfsls, outside
from osdimage.imaging import CaptureSource, WimFile, capture
from osdimage.imaging.errors import InvalidInput, InvalidRequest, TargetRefused
from osdimage.imaging.progress import ProgressEvent
from osdimage.native import ntfs
from osdimage.native.slices import Slice
from volume_cases import (
    KINDS,
    MIB,
    OSDIMAGE,
    Disk,
    format_disk,
    make_disk,
    make_tree,
    make_wim,
    osdimage,
    osdimage_json,
)

pytestmark = pytest.mark.foreign


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tree(tmp_path_factory.mktemp("tree"))


@pytest.fixture(scope="module")
def wim(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_wim(tree, tmp_path_factory.mktemp("wim") / "image.wim")


@pytest.fixture
def disk(tmp_path: Path) -> Disk:
    return format_disk(make_disk(tmp_path / "disk.img"))


def part_of(disk: Disk) -> Path:
    return cut_out(disk.path, disk.offset, disk.size, disk.path.with_name("part.img"))


def expected_contents(tree: Path) -> dict[str, str]:
    found = {}
    for path in tree.rglob("*"):
        name = f"/{path.relative_to(tree)}"
        if path.is_symlink():
            found[name] = "link"
        elif path.is_dir():
            found[name] = "directory"
        else:
            found[name] = hashlib.sha1(path.read_bytes(), usedforsecurity=False).hexdigest()
    return found


def with_slice(disk: Disk, use: Callable[[str], object]) -> object:
    descriptor = os.open(disk.path, os.O_RDWR)
    try:
        with Slice(descriptor, disk.offset, disk.size) as piece:
            return use(piece.name)
    finally:
        os.close(descriptor)


def put(disk: Disk, at: int, data: bytes) -> None:
    with disk.path.open("r+b") as file:
        os.pwrite(file.fileno(), data, disk.offset + at)


# ---- the whole way


@pytest.mark.parametrize("kind", KINDS)
def test_an_image_goes_into_a_partition_and_comes_back_and_nothing_around_it_changes(
    kind: str, tree: Path, wim: Path, tmp_path: Path
) -> None:
    disk = format_disk(make_disk(tmp_path / "disk.img", kind))
    before = outside(disk.path, disk.offset, disk.size)
    number = str(disk.partition)
    result = osdimage_json("apply", str(wim), str(disk.path), "--partition", number)
    assert (result["partition"], result["wiped"]) == (disk.partition, None)
    assert outside(disk.path, disk.offset, disk.size) == before
    part = part_of(disk)
    ntfsfix(part)
    assert not is_dirty(part)
    assert contents(part) == expected_contents(tree)
    assert ntfscat(part, "/Zürich \N{SNOWMAN}.txt") == "Grüezi\n"
    assert ntfsls(part, "/d0") == {"e0", "e1", "e2"}

    whole = disk.path.read_bytes()
    again = tmp_path / "again.wim"
    osdimage("capture", str(disk.path), str(again), "--partition", number, "--quiet")
    assert disk.path.read_bytes() == whole, "a capture only reads"
    assert blobs(again) == blobs(wim)


def test_a_bare_volume_and_a_partition_hold_the_same(wim: Path, disk: Disk, tmp_path: Path) -> None:
    volume = tmp_path / "volume.img"
    part_of(disk).rename(volume)
    osdimage("apply", str(wim), str(volume), "--quiet")
    osdimage("apply", str(wim), str(disk.path), "--partition", str(disk.partition), "--quiet")
    ntfsfix(volume)
    assert contents(volume) == contents(part_of(disk))


def test_partitions_of_several_disks_in_several_threads_at_once(tree: Path, wim: Path, tmp_path: Path) -> None:
    first = format_disk(make_disk(tmp_path / "disk0.img"))
    disks = [first]
    disks += [
        Disk(shutil.copyfile(first.path, tmp_path / f"disk{number}.img"), first.partition, first.extent)
        for number in range(1, 4)
    ]
    failures: list[BaseException] = []

    def work(disk: Disk) -> None:
        try:
            with WimFile.open(wim) as opened:
                opened.image(1).apply_to(disk.path, partition=disk.partition, sync=False)
            capture(CaptureSource(disk.path, partition=disk.partition), disk.path.with_suffix(".wim"), compression=None)
        except BaseException as error:
            failures.append(error)
            raise

    threads = [threading.Thread(target=work, args=(disk,)) for disk in disks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    expected = expected_contents(tree)
    for disk in disks:
        part = part_of(disk)
        ntfsfix(part)
        assert contents(part) == expected
        assert blobs(disk.path.with_suffix(".wim")) == blobs(wim)


OLD = {
    "Docs/Old/a.txt": "old a",
    "Docs/both.txt": "old both",
    "docs2/x.txt": "old x",
    "Mixed/one": "old: a file where the image has a directory",
    "Swap/inner/y.txt": "old: a directory where the image has a file",
    "only.txt": "old only",
}
NEW = {
    "docs/Old/b.txt": "new b",
    "docs/BOTH.txt": "new both",
    "Mixed/one/z.txt": "new z",
    "swap/inner": "new: a file",
    "top.txt": "new top",
}


def make_files(folder: Path, files: dict[str, str]) -> Path:
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    return folder


def texts(volume: Path) -> dict[str, str]:
    return {path: ntfscat(volume, path) for path, held in contents(volume).items() if held != "directory"}


JOINED = {
    "/docs/Old/a.txt": "old a",
    "/docs/Old/b.txt": "new b",
    "/docs/BOTH.txt": "new both",
    "/docs2/x.txt": "old x",
    "/Mixed/one/z.txt": "new z",
    "/swap/inner": "new: a file",
    "/only.txt": "old only",
    "/top.txt": "new top",
}


def test_without_a_wipe_an_image_is_joined_with_what_is_there(disk: Disk, tmp_path: Path) -> None:
    number = str(disk.partition)
    for name, files in (("old", OLD), ("new", NEW)):
        wim = make_wim(make_files(tmp_path / name, files), tmp_path / f"{name}.wim")
        osdimage("apply", str(wim), str(disk.path), "--partition", number, "--no-wipe", "--quiet")
    part = part_of(disk)
    ntfsfix(part)
    assert not is_dirty(part)
    assert texts(part) == JOINED
    # Once more gives the same.
    osdimage("apply", str(wim), str(disk.path), "--partition", number, "--quiet")
    assert texts(part_of(disk)) == JOINED


def test_what_an_interrupted_apply_set_aside_comes_back_with_the_next(disk: Disk, tmp_path: Path) -> None:
    number = str(disk.partition)
    old = make_wim(make_files(tmp_path / "old", OLD), tmp_path / "old.wim")
    osdimage("apply", str(old), str(disk.path), "--partition", number, "--quiet")

    class Killed(Exception):
        pass

    def stop(_: ProgressEvent) -> None:
        raise Killed

    new = make_wim(make_files(tmp_path / "new", NEW), tmp_path / "new.wim")
    with WimFile.open(new) as opened:
        for force in (False, True):
            with pytest.raises(Killed):
                opened.image(1).apply_to(disk.path, partition=disk.partition, force=force, progress=stop)
            part = part_of(disk)
            assert is_dirty(part)
            assert "osdimage-set-aside" in ntfsls(part)
        opened.image(1).apply_to(disk.path, partition=disk.partition, force=True)
    part = part_of(disk)
    ntfsfix(part)
    assert texts(part) == JOINED


def test_a_tree_of_many_files_is_joined_with_itself(tree: Path, wim: Path, disk: Disk) -> None:
    for _ in range(2):
        osdimage("apply", str(wim), str(disk.path), "--partition", str(disk.partition), "--quiet")
    part = part_of(disk)
    ntfsfix(part)
    assert contents(part) == expected_contents(tree)


# ---- wiping


def test_a_wipe_leaves_the_protected_folders_and_nothing_else(disk: Disk, tmp_path: Path) -> None:
    old = tmp_path / "old"
    for path in (
        "_smstasksequence/UserState/a.txt",
        "SMSTSLog/smsts.log",
        "Users/Anna/State/keep/b.txt",
        "Users/Anna/other.txt",
        "Users/Bob/State/c.txt",
        "Windows/System32/deep/er/d.dll",
        "SMSTSLogs/e.log",
        "Windows/_SMSTaskSequence/f.txt",
    ):
        (old / path).parent.mkdir(parents=True, exist_ok=True)
        (old / path).write_text(path)
    os.link(old / "SMSTSLog/smsts.log", old / "Windows/log")
    (old / "Windows/to").symlink_to("../SMSTSLog")
    for number in range(500):
        (old / "Windows" / f"file with a long name {number}").write_bytes(bytes(number))
    number = str(disk.partition)
    osdimage("apply", str(make_wim(old, tmp_path / "old.wim")), str(disk.path), "--partition", number, "--quiet")

    new = make_files(tmp_path / "new", {"new.txt": "new", "users/Anna/new.txt": "of Anna"})
    result = osdimage_json(
        "apply", str(make_wim(new, tmp_path / "new.wim")), str(disk.path), "--partition", number, "--wipe", "--yes",
        "--keep", r"\users\ANNA\state",
    )  # fmt: skip
    part = part_of(disk)
    ntfsfix(part)
    assert {path for path, held in contents(part).items() if held != "directory"} == {
        "/_smstasksequence/UserState/a.txt",
        "/SMSTSLog/smsts.log",
        "/users/Anna/State/keep/b.txt",
        "/users/Anna/new.txt",
        "/new.txt",
    }
    assert ntfscat(part, "/SMSTSLog/smsts.log") == "SMSTSLog/smsts.log"
    assert ntfsls(part) >= {"_smstasksequence", "SMSTSLog", "users", "new.txt"}
    assert not ntfsls(part) & {"SMSTSLogs", "Windows"}
    # 500 files and five more, the link and the second name, and the folders that held them.
    folders = {"Bob", "Bob/State", "Windows", "System32", "deep", "er", "SMSTSLogs", "Windows/_SMSTaskSequence"}
    assert result["wiped"] == 500 + 5 + 2 + len(folders)
    # What was freed can be used again: the volume takes an image that it could not take beside the old one.
    facts = with_slice(disk, ntfs.volume_facts)
    assert isinstance(facts, ntfs.VolumeFacts)
    assert facts.free > 0.95 * facts.size - 8 * MIB


def test_a_volume_that_is_full_of_files_is_wiped_and_filled_again_and_again(wim: Path, disk: Disk, tree: Path) -> None:
    for _ in range(3):
        osdimage("apply", str(wim), str(disk.path), "--partition", str(disk.partition), "--wipe", "--yes", "--quiet")
    part = part_of(disk)
    ntfsfix(part)
    assert contents(part) == expected_contents(tree)


@pytest.mark.parametrize("path", ["", "/", "..", r"a\..\b", "C:", "a:b", "x" * 256, "nul\0byte"])
def test_a_path_that_cannot_be_kept_is_refused(path: str, wim: Path, disk: Disk) -> None:
    before = disk.path.read_bytes()
    with WimFile.open(wim) as opened, pytest.raises(InvalidRequest, match="cannot be kept"):
        opened.image(1).apply_to(disk.path, partition=disk.partition, wipe=True, keep=[path])
    assert disk.path.read_bytes() == before


def test_more_kept_paths_than_can_be_held_are_refused(wim: Path, disk: Disk) -> None:
    with WimFile.open(wim) as opened, pytest.raises(InvalidRequest, match="at most 62"):
        opened.image(1).apply_to(disk.path, partition=disk.partition, wipe=True, keep=[f"d{n}" for n in range(63)])


def test_a_directory_cannot_be_wiped_and_a_wipe_needs_a_yes(wim: Path, disk: Disk, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    assert "only a volume" in osdimage("apply", str(wim), str(tmp_path / "folder"), "--wipe", "--yes", code=2)
    before = disk.path.read_bytes()
    where = ("apply", str(wim), str(disk.path), "--partition", str(disk.partition))
    assert "--yes" in osdimage(*where, "--wipe", code=2)
    assert "--wipe" in osdimage(*where, "--keep", "a", code=2)
    assert disk.path.read_bytes() == before


def test_an_image_that_never_fits_is_refused_before_the_wipe(disk: Disk, tmp_path: Path) -> None:
    large = tmp_path / "large"
    large.mkdir()
    with (large / "zeros").open("wb") as file:
        for _ in range(disk.size // MIB + 1):
            file.write(b"\1" * MIB)
    before = disk.path.read_bytes()
    wim = make_wim(large, tmp_path / "large.wim")
    where = ("apply", str(wim), str(disk.path), "--partition", str(disk.partition), "--wipe", "--yes")
    assert "not written" in osdimage(*where, code=4)
    assert disk.path.read_bytes() == before


# ---- what may not be written to


def test_a_dirty_volume_is_refused_unless_forced(wim: Path, disk: Disk, tmp_path: Path) -> None:
    with_slice(disk, lambda name: ntfs.set_dirty(name, dirty=True))
    assert is_dirty(part_of(disk))
    before = disk.path.read_bytes()
    where = (str(disk.path), "--partition", str(disk.partition))
    said = osdimage("apply", str(wim), *where, code=4)
    assert "marked dirty" in said
    assert f"{disk.path} partition {disk.partition}" in said
    assert disk.path.read_bytes() == before
    warnings = osdimage_json("capture", str(disk.path), str(tmp_path / "dirty.wim"), *where[1:])["warnings"]
    assert any("marked dirty" in text for text in warnings)
    osdimage("apply", str(wim), *where, "--force", "--quiet")
    part = part_of(disk)
    ntfsfix(part)
    assert not is_dirty(part)


def test_a_hibernated_volume_is_refused_even_when_forced(disk: Disk, tmp_path: Path) -> None:
    windows = tmp_path / "windows"
    windows.mkdir()
    (windows / "hiberfil.sys").write_bytes(b"HIBR" + bytes(8192))
    wim = make_wim_with_everything(windows, tmp_path / "hibernated.wim")
    where = ("apply", str(wim), str(disk.path), "--partition", str(disk.partition))
    osdimage(*where, "--quiet")
    before = disk.path.read_bytes()
    assert "hibernated" in osdimage(*where, code=4)
    assert "hibernated" in osdimage(*where, "--force", "--wipe", "--yes", code=4)
    assert disk.path.read_bytes() == before


def make_wim_with_everything(tree: Path, wim: Path) -> Path:
    """Capture without the default exclusions, of which hiberfil.sys is one."""
    config = wim.with_suffix(".ini")
    config.write_text("[ExclusionList]\n\\nothing\n", encoding="utf-8")
    command = [require("wimlib-imagex"), "capture", str(tree), str(wim), f"--config={config}"]
    subprocess.run(command, check=True, capture_output=True)
    return wim


def test_a_volume_whose_journal_is_open_is_refused_unless_forced(wim: Path, disk: Disk) -> None:
    # mkntfs fills the journal with FF; Windows writes its state to the beginning of it.
    whole = disk.path.read_bytes()[disk.offset : disk.offset + disk.size]
    put(disk, whole.index(b"\xff" * MIB), b"RSTR" + b"\x11" * 8188)
    before = disk.path.read_bytes()
    where = ("apply", str(wim), str(disk.path), "--partition", str(disk.partition))
    assert "journal" in osdimage(*where, code=4)
    assert disk.path.read_bytes() == before
    osdimage(*where, "--force", "--quiet")
    part = part_of(disk)
    ntfsfix(part)
    assert not is_dirty(part)


@pytest.mark.parametrize(
    ("at", "mark", "name"),
    [
        (3, b"-FVE-FS-", "a BitLocker volume"),
        (82, b"FAT32   ", "a FAT32 volume"),
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
    before = disk.path.read_bytes()
    where = (str(disk.path), "--partition", str(disk.partition))
    assert f"partition {disk.partition}: holds {name}" in osdimage("apply", str(wim), *where, "--wipe", "--yes", code=4)
    assert f"holds {name}" in osdimage("capture", where[0], str(tmp_path / "new.wim"), *where[1:], code=3)
    assert not (tmp_path / "new.wim").exists()
    assert disk.path.read_bytes() == before


def test_a_partition_that_is_not_there_is_refused_with_those_that_are(wim: Path, tmp_path: Path) -> None:
    disk = format_disk(make_disk(tmp_path / "disk.img", "logical"))
    where = ("apply", str(wim), str(disk.path))
    assert "no partition 9; it has 1 (" in osdimage(*where, "--partition", "9", code=2)
    assert "in it are: 5, 6" in osdimage(*where, "--partition", "2", code=2)
    assert "say which partition" in osdimage(*where, code=4)
    blank = tmp_path / "blank.img"
    blank.write_bytes(bytes(MIB))
    assert "blank.img" in osdimage("apply", str(wim), str(blank), "--partition", "1", code=3)
    assert "no such file" in osdimage("capture", str(tmp_path / "none"), "x.wim", "--partition", "1", code=2)
    assert "no partitions" in osdimage("capture", str(tmp_path), "x.wim", "--partition", "1", code=2)


def test_a_damaged_volume_is_refused(wim: Path, disk: Disk) -> None:
    # The MFT begins at cluster 4; without its first record nothing can be opened.
    put(disk, 4 * 4096, bytes(4096))
    with WimFile.open(wim) as opened, pytest.raises(InvalidInput, match="NTFS volume"):
        opened.image(1).apply_to(disk.path, partition=disk.partition)


# ---- interrupted


def test_a_cancelled_apply_leaves_the_volume_dirty(wim: Path, disk: Disk) -> None:
    class Cancelled(Exception):
        pass

    def stop(event: ProgressEvent) -> None:
        if event.percent > 50:
            raise Cancelled

    before = outside(disk.path, disk.offset, disk.size)
    with WimFile.open(wim) as opened, pytest.raises(Cancelled):
        opened.image(1).apply_to(disk.path, partition=disk.partition, progress=stop)
    assert is_dirty(part_of(disk))
    assert outside(disk.path, disk.offset, disk.size) == before
    with WimFile.open(wim) as opened:
        with pytest.raises(TargetRefused, match="dirty"):
            opened.image(1).apply_to(disk.path, partition=disk.partition)
        opened.image(1).apply_to(disk.path, partition=disk.partition, force=True)
    ntfsfix(part_of(disk))


@pytest.mark.slow
def test_a_volume_whose_apply_was_killed_never_looks_clean_unless_it_is_whole(
    tree: Path, wim: Path, tmp_path: Path
) -> None:
    disk = format_disk(make_disk(tmp_path / "disk.img"))
    fresh = shutil.copyfile(disk.path, tmp_path / "fresh.img")
    before, expected = outside(disk.path, disk.offset, disk.size), expected_contents(tree)
    command = [str(OSDIMAGE), "apply", str(wim), str(disk.path), "--partition", str(disk.partition), "--events", "-"]
    lines = subprocess.run(command, check=True, capture_output=True).stdout.count(b"\n")
    source, dirty = random.Random(20), 0
    for _ in range(20):
        shutil.copyfile(fresh, disk.path)
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
            assert process.stdout is not None
            # Killed when so many events were seen: any moment from the first write to after the last.
            for _ in range(source.randint(0, lines)):
                process.stdout.readline()
            process.send_signal(signal.SIGKILL)
            code = process.wait()
        assert outside(disk.path, disk.offset, disk.size) == before
        part = part_of(disk)
        if is_dirty(part):
            dirty += 1
            assert code == -signal.SIGKILL, "it reported success"
        else:
            found = contents(part)
            assert found in ({}, expected)
            assert code == -signal.SIGKILL or found == expected
    assert dirty >= 3, "most moments are in the middle of the work"


@pytest.mark.root
def test_a_full_disk_under_a_sparse_image_is_told_and_leaves_the_volume_dirty(wim: Path, tmp_path: Path) -> None:
    unshare = require("unshare")
    if os.geteuid() != 0:
        missing("mounting a small tmpfs needs root")
    disk = format_disk(make_disk(tmp_path / "disk.img"))
    before = outside(disk.path, disk.offset, disk.size)
    small, kept = tmp_path / "small", tmp_path / "kept.img"
    small.mkdir()
    # The volume has room for the image, the file system below has not.
    script = (
        'mount -t tmpfs -o size=12m none "$1" && cp --sparse=always "$2" "$1/disk.img" || exit 99; '
        '"$3" apply "$4" "$1/disk.img" --partition "$5" --no-sync; code=$?; cp --sparse=always "$1/disk.img" "$6"; '
        "exit $code"
    )
    done = subprocess.run(
        [unshare, "--mount", "sh", "-c", script, "sh", small, disk.path, OSDIMAGE, wim, str(disk.partition), kept],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done
    assert "No space left on device" in done.stderr
    assert "stays marked dirty" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert outside(kept, disk.offset, disk.size) == before
    part = cut_out(kept, disk.offset, disk.size, tmp_path / "part.img")
    assert is_dirty(part)


def test_a_file_size_limit_is_told_and_leaves_the_volume_dirty(wim: Path, disk: Disk) -> None:
    """The same without root: writes beyond a place in the file fail."""
    limit = (disk.offset + disk.size * 2 // 3) // 1024
    done = subprocess.run(
        ["sh", "-c", f'ulimit -f {limit * 2}; exec "$@"', "sh", OSDIMAGE, "apply", wim, disk.path, "--partition",
         str(disk.partition)],
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 1, done
    assert "File too large" in done.stderr
    assert is_dirty(part_of(disk))


def test_two_programs_do_not_write_one_disk_at_once(wim: Path, disk: Disk) -> None:
    import fcntl  # noqa: PLC0415 - this test alone

    with disk.path.open("r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert "locked" in osdimage("apply", str(wim), str(disk.path), "--partition", str(disk.partition), code=4)


def test_an_apply_and_a_capture_as_an_ordinary_user(wim: Path, disk: Disk) -> None:
    require("setpriv")
    if os.geteuid() != 0:
        pytest.skip("the other tests have already run as an ordinary user")
    nobody = 65534
    place = Path("/tmp") / f"osdimage-nobody-{os.getpid()}"  # noqa: S108 - pytest's folders are closed to others
    place.mkdir(mode=0o700)
    try:
        image = shutil.copyfile(disk.path, place / "disk.img")
        copy = shutil.copyfile(wim, place / "image.wim")
        for path in (place, image, copy):
            os.chown(path, nobody, nobody)
        for arguments in (
            ["apply", copy, image, "--partition", "3"],
            ["capture", image, place / "again.wim", "--partition", "3"],
        ):
            command = ["setpriv", f"--reuid={nobody}", f"--regid={nobody}", "--clear-groups", OSDIMAGE, *arguments]
            done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "HOME": "/"})
            assert done.returncode == 0, done.stderr
        assert blobs(place / "again.wim") == blobs(wim)
    finally:
        shutil.rmtree(place)
