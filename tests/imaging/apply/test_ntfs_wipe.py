"""What a wipe deletes and leaves, and how an image is joined with what is there."""

from __future__ import annotations

import os
import struct
from contextlib import suppress
from pathlib import Path

import pytest
from cases.volume import (
    MIB,
    Disk,
    expected_contents,
    make_files,
    make_wim,
    osdimage,
    osdimage_json,
    part_of,
    with_slice,
)
from judges.disk import stored
from judges.ntfs import contents, is_dirty, ntfscat, ntfsfix, ntfsls
from judges.wim import make_ntfs, mounted_ntfs, wimlib
from osdimage.imaging import WimFile
from osdimage.imaging.apply.image import apply_image
from osdimage.imaging.apply.job import ApplyOptions
from osdimage.imaging.errors import InvalidRequest
from osdimage.imaging.progress import ProgressEvent
from osdimage.native.ntfs import volume as ntfs

pytestmark = pytest.mark.foreign


OLD = {
    "Docs/Old/a.txt": "old a",
    "Docs/both.txt": "old both",
    "docs2/x.txt": "old x",
    "Mixed/another": "old: beside a directory of the image",
    "Swap/outer/y.txt": "old: beside a file of the image",
    "only.txt": "old only",
}
NEW = {
    "docs/Old/b.txt": "new b",
    "docs/BOTH.txt": "new both",
    "Mixed/one/z.txt": "new z",
    "swap/inner": "new: a file",
    "top.txt": "new top",
}


def texts(volume: Path) -> dict[str, str]:
    return {path: ntfscat(volume, path) for path, held in contents(volume).items() if held != "directory"}


# 100 ns since 1601: created, modified, accessed in 2012, 2013 and 2014.
TIMES = (129970120876543210, 130312661498765432, 130340447999999999)
LINKED = (
    ("Program Files/two names.text", "Program Files/zzz.text"),
    ("Program Files/only old/2 names.text", "Program Files/only old/linked.text"),
    ("one of two.text", "Program Files/two of two.text"),
)
JOINED = {
    "/docs/Old/a.txt": "old a",
    "/docs/Old/b.txt": "new b",
    "/docs/BOTH.txt": "new both",
    "/docs2/x.txt": "old x",
    "/Mixed/another": "old: beside a directory of the image",
    "/Mixed/one/z.txt": "new z",
    "/swap/inner": "new: a file",
    "/swap/outer/y.txt": "old: beside a file of the image",
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


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("mixed/ONE", "has a file where the image has the directory '/Mixed/one'"),
        ("Swap/inner/y.txt", "has a directory where the image has the file '/swap/inner'"),
        ("TOP.txt/y.txt", "has a directory where the image has the file '/top.txt'"),
    ],
)
def test_a_folder_is_not_replaced_by_a_file_nor_a_file_by_a_folder(path: str, said: str, tmp_path: Path) -> None:
    # wimlib-imagex apply ends with: Can't create "/swap/inner" in NTFS volume: File exists
    volume = make_ntfs(tmp_path / "volume", 24 * MIB)
    old, new = (
        make_wim(make_files(tmp_path / name, files), tmp_path / f"{name}.wim")
        for name, files in (("old", {path: "precious"}), ("new", NEW))
    )
    osdimage("apply", str(old), str(volume), "--quiet")
    before = volume.read_bytes()
    assert f"{said}; nothing was written" in osdimage("apply", str(new), str(volume), code=4)
    assert volume.read_bytes() == before
    osdimage("apply", str(new), str(volume), "--wipe", "--yes", "--quiet")
    assert texts(volume) == {f"/{path}": text for path, text in NEW.items()}


def test_joining_leaves_short_names_and_the_times_of_the_image(tmp_path: Path) -> None:
    """Both as the ntfs-3g driver has them; the WIM is captured and applied by wimlib-imagex."""
    volume, anew = (make_ntfs(tmp_path / name, 8 * MIB) for name in ("volume.ntfs", "anew.ntfs"))
    short = {
        "Program Files": "PROGRA~1",
        "Program Files/a long name.text": "ALONGN~1.TEX",
        "Program Files/only old/inner.text": "INNER~1.TEX",
        "Program Files/only old": "ONLYOL~1",
        "Program Files/taken by the image": "SHARED~1",
        "another.text": "ANOTHE~1.TEX",
    }
    with mounted_ntfs(volume, tmp_path / "mount") as mount:
        (mount / "Program Files/only old").mkdir(parents=True)
        for name, each in short.items():
            if not (mount / name).exists():
                (mount / name).write_bytes(b"old")
            os.setxattr(mount / name, "system.ntfs_dos_name", each.encode())
        # libntfs-3g gives no short name to a file with hard links.
        for one, other in LINKED:
            (mount / one).write_bytes(b"old")
            os.setxattr(mount / one, "system.ntfs_dos_name", b"TWONAM~1.TEX")
            os.link(mount / one, mount / other)
    with mounted_ntfs(anew, tmp_path / "mount") as mount:
        (mount / "Program Files").mkdir()
        (mount / "Program Files/image").write_bytes(b"new")
        os.setxattr(mount / "Program Files/image", "system.ntfs_dos_name", b"SHARED~1")
        for name in ("Program Files", "."):
            os.setxattr(mount / name, "system.ntfs_times_be", struct.pack(">3Q", *TIMES))
    wimlib("capture", anew, tmp_path / "new.wim", "--compress=none")
    osdimage("apply", tmp_path / "new.wim", volume)
    ntfsfix(volume)
    with mounted_ntfs(volume, tmp_path / "mount", read_only=True) as mount:
        assert short_names(mount) == {
            "Program Files/a long name.text": "ALONGN~1.TEX",
            "Program Files/image": "SHARED~1",
            "Program Files/only old": "ONLYOL~1",
            "Program Files/only old/inner.text": "INNER~1.TEX",
            "another.text": "ANOTHE~1.TEX",
        }
        for one, other in LINKED:
            assert (mount / one).samefile(mount / other)
        for name in ("Program Files", "."):
            created, modified, *_ = struct.unpack(">4Q", os.getxattr(mount / name, "system.ntfs_times_be"))
            assert (created, modified) == TIMES[:2], name


def short_names(mount: Path) -> dict[str, str]:
    found = {}
    for path in mount.rglob("*"):
        with suppress(OSError):
            found[str(path.relative_to(mount))] = os.getxattr(path, "system.ntfs_dos_name").decode()
    return found


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
                apply_image(
                    opened.image(1), disk.path, ApplyOptions(force=force), partition=disk.partition, progress=stop
                )
            part = part_of(disk)
            assert is_dirty(part)
            assert "osdimage-set-aside" in ntfsls(part)
        apply_image(opened.image(1), disk.path, ApplyOptions(force=True), partition=disk.partition)
    part = part_of(disk)
    ntfsfix(part)
    assert texts(part) == JOINED


def test_a_tree_of_many_files_is_joined_with_itself(tree: Path, wim: Path, disk: Disk) -> None:
    for _ in range(2):
        osdimage("apply", str(wim), str(disk.path), "--partition", str(disk.partition), "--quiet")
    part = part_of(disk)
    ntfsfix(part)
    assert contents(part) == expected_contents(tree)


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


def test_a_path_to_keep_that_is_not_on_the_volume_is_refused_before_the_wipe(wim: Path, tmp_path: Path) -> None:
    volume = make_ntfs(tmp_path / "volume", 64 * MIB)
    old = make_wim(make_files(tmp_path / "old", {"Data/precious": "1", "Logs/a": "2"}), tmp_path / "old.wim")
    osdimage("apply", str(old), str(volume), "--quiet")
    before = volume.read_bytes()
    where = ("apply", str(wim), str(volume), "--wipe", "--yes")
    said = osdimage(*where, "--keep", "Dta", "--keep", "Logs", code=4)
    assert "does not hold 'Dta', which is to be kept; nothing was written" in said
    assert volume.read_bytes() == before
    osdimage(*where, "--keep", "data/PRECIOUS", "--keep", "Logs")
    assert {"/Data/precious", "/Logs/a"} <= contents(volume).keys()


@pytest.mark.parametrize("path", ["", "/", "..", r"a\..\b", "C:", "a:b", "x" * 256, "nul\0byte"])
def test_a_path_that_cannot_be_kept_is_refused(path: str, wim: Path, disk: Disk) -> None:
    before = stored(disk.path)
    with WimFile.open(wim) as opened, pytest.raises(InvalidRequest, match="cannot be kept"):
        apply_image(opened.image(1), disk.path, ApplyOptions(wipe=True, keep=(path,)), partition=disk.partition)
    assert stored(disk.path) == before


def test_more_kept_paths_than_can_be_held_are_refused(wim: Path, disk: Disk) -> None:
    with WimFile.open(wim) as opened, pytest.raises(InvalidRequest, match="at most 62"):
        apply_image(
            opened.image(1),
            disk.path,
            ApplyOptions(wipe=True, keep=tuple([f"d{n}" for n in range(63)])),
            partition=disk.partition,
        )


def test_a_directory_cannot_be_wiped_and_a_wipe_needs_a_yes(wim: Path, disk: Disk, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    assert "is no volume, which --wipe is for" in osdimage(
        "apply", str(wim), str(tmp_path / "folder"), "--wipe", "--yes", code=2
    )
    before = stored(disk.path)
    where = ("apply", str(wim), str(disk.path), "--partition", str(disk.partition))
    assert "--yes" in osdimage(*where, "--wipe", code=2)
    assert "--wipe" in osdimage(*where, "--keep", "a", code=2)
    assert stored(disk.path) == before


def test_an_image_that_never_fits_is_refused_before_the_wipe(disk: Disk, tmp_path: Path) -> None:
    large = tmp_path / "large"
    large.mkdir()
    with (large / "zeros").open("wb") as file:
        for _ in range(disk.size // MIB + 1):
            file.write(b"\1" * MIB)
    before = stored(disk.path)
    wim = make_wim(large, tmp_path / "large.wim")
    where = ("apply", str(wim), str(disk.path), "--partition", str(disk.partition), "--wipe", "--yes")
    assert "not written" in osdimage(*where, code=4)
    assert stored(disk.path) == before
