"""Single files of NTFS volumes, which mkntfs and the ntfs-3g driver made, and which ntfs-3g's tools judge."""

from __future__ import annotations

import errno
import os
import shutil
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from cases.ntfs_items import mount_point, symbolic_link
from cases.ntfs_volumes import fill_with_compression
from cases.slice_device import errno_of
from judges import wim as judges
from judges.disk import run
from judges.ntfs import ntfsfix, ntfsls
from osdimage.native.ntfs.files import ROOT, NtfsAbout, NtfsFiles
from osdimage.native.slices.slices import Slice
from osdimage.native.slices.sources import Source

pytestmark = pytest.mark.foreign

MIB = 1 << 20
MANY = 700
# 2020-02-02 02:02:02 UTC.
TIME = 132_250_969_220_000_000
READONLY, HIDDEN, SYSTEM, ARCHIVE, COMPRESSED = 0x01, 0x02, 0x04, 0x20, 0x800


def noise(size: int) -> bytes:
    return bytes(number * 7 % 251 for number in range(size))


def fill(mount: Path) -> None:
    (mount / "Folder").mkdir()
    (mount / "Folder" / "Inner").mkdir()
    (mount / "Folder" / "Straße.txt").write_bytes(b"resident")
    (mount / "Folder" / "large").write_bytes(noise(300_001))
    (mount / "Folder" / "empty").touch()
    (mount / "many").mkdir()
    for number in range(MANY):
        (mount / "many" / f"A long name of a file, number {number}").touch()
    (mount / "same").mkdir()
    # Windows sees the first of them; the driver tells them apart.
    (mount / "same" / "NAME").write_bytes(b"upper")
    (mount / "junction").mkdir()
    os.setxattr(mount / "junction", "system.ntfs_reparse_data", mount_point("\\??\\C:\\Folder", "C:\\Folder"))
    (mount / "link").touch()
    os.setxattr(mount / "link", "system.ntfs_reparse_data", symbolic_link("sparse", "sparse", relative=True))
    fill_with_compression(mount)
    with (mount / "sparse").open("wb") as file:
        file.truncate(5 * MIB)
        file.seek(2 * MIB)
        file.write(b"middle")


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ntfs")
    volume = judges.make_ntfs(folder / "filled.ntfs", 32 * MIB)
    with judges.mounted_ntfs(volume, folder / "mount") as mount:
        fill(mount)
    return volume


@pytest.fixture
def volume(filled: Path, tmp_path: Path) -> Path:
    return shutil.copyfile(filled, tmp_path / "volume.ntfs")


def find(files: NtfsFiles, path: str) -> NtfsAbout:
    about = files.about(ROOT)
    for name in path.split("/"):
        found = files.child(about.reference, name)
        assert found is not None, name
        about = found
    return about


def cat(volume: Path, path: str) -> bytes:
    done = subprocess.run(["ntfscat", "--force", volume, path], capture_output=True, check=True)
    return done.stdout


def inodes(volume: Path, path: str) -> dict[str, int]:
    """Return the numbers of the records of what is in a directory, as ntfsls lists them."""
    lines = run(["ntfsls", "--force", "--inode", "--path", path, volume]).splitlines()
    pairs = [line.strip().split(" ", 1) for line in lines]
    return {name: int(number) for number, name in pairs if name not in {".", ".."}}


# ---- finding and listing


@pytest.mark.parametrize("path", ["", "Folder", "Folder/Inner", "many", "compressed"])
def test_a_directory_has_what_ntfsls_lists(filled: Path, path: str) -> None:
    with NtfsFiles(filled, read_only=True) as files:
        folder = find(files, path) if path else files.about(ROOT)
        listed = list(files.children(folder.reference))
        assert folder.is_directory
        found = {name: reference & 0xFFFFFFFFFFFF for name, reference in listed}
        assert len(found) == len(listed)
        assert found == inodes(filled, f"/{path}")
        for name, reference in listed[:20]:
            child = files.child(folder.reference, name)
            assert child is not None
            assert child == files.about(reference)
    assert len(found) == {"": 7, "Folder": 4, "Folder/Inner": 0, "many": MANY, "compressed": 9}[path]


@pytest.mark.parametrize("name", ["Straße.txt", "STRAßE.TXT", "straße.TXT"])
def test_a_name_is_found_without_case(filled: Path, name: str) -> None:
    with NtfsFiles(filled, read_only=True) as files:
        folder = find(files, "folder")
        found = files.child(folder.reference, name)
        assert found is not None
        assert found.reference & 0xFFFFFFFFFFFF == inodes(filled, "/Folder")["Straße.txt"]
        assert (found.size, found.is_directory) == (8, False)


@pytest.mark.parametrize("name", ["Strasse.txt", ".", "x" * 255, "x" * 256, "x" * 3000, "\ud800"])
def test_a_name_that_is_not_there_is_none(filled: Path, name: str) -> None:
    with NtfsFiles(filled, read_only=True) as files:
        assert files.child(find(files, "Folder").reference, name) is None


def test_nothing_is_in_a_file_and_nothing_in_what_is_gone(volume: Path) -> None:
    with NtfsFiles(volume, read_only=False) as files:
        inside = find(files, "Folder/large").reference
        assert errno_of(files.child, inside, "x") == errno.ENOTDIR
        assert errno_of(lambda: list(files.children(inside))) == errno.ENOTDIR
        gone = find(files, "Folder/Inner").reference
        files.delete(find(files, "Folder").reference, "Inner")
        # Its record is taken again, by something else.
        taken = {files.make_directory(ROOT, f"another {number}", time=TIME).reference for number in range(100)}
        assert gone not in taken
        assert gone & 0xFFFFFFFFFFFF in {reference & 0xFFFFFFFFFFFF for reference in taken}
        assert files.child(gone, "x") is None
        for use in (
            lambda: files.about(gone),
            lambda: list(files.children(gone)),
            lambda: files.read(gone, 0, 1),
            lambda: files.make_file(gone, "x", b"", time=TIME),
            lambda: files.set_attributes(gone, HIDDEN),
        ):
            assert errno_of(use) == errno.ENOENT


# ---- reading


@pytest.mark.parametrize(
    "path",
    ["Folder/Straße.txt", "Folder/large", "Folder/empty", "sparse", "compressed/text", "compressed/mixed"],
)
def test_contents_are_what_ntfscat_prints(filled: Path, path: str) -> None:
    expected = cat(filled, f"/{path}")
    with NtfsFiles(filled, read_only=True) as files:
        about = find(files, path)
        assert about.size == len(expected)
        assert files.read(about.reference, 0, len(expected) + 10) == expected
        for offset, size in ((0, 0), (1, 5), (len(expected) // 2, 70_000), (len(expected), 5), (len(expected) + 5, 5)):
            assert files.read(about.reference, offset, size) == expected[offset : offset + size]


def test_a_link_and_a_directory_have_no_contents(filled: Path) -> None:
    with NtfsFiles(filled, read_only=True) as files:
        assert errno_of(files.read, find(files, "link").reference, 0, 1) == errno.EOPNOTSUPP
        for path in ("Folder", "junction"):
            assert errno_of(files.read, find(files, path).reference, 0, 1) == errno.EISDIR


# ---- changing


@pytest.mark.parametrize("size", [0, 5, 700, 70_000])
def test_a_new_file_is_there_for_others(volume: Path, tmp_path: Path, size: int) -> None:
    data = noise(size)
    with NtfsFiles(volume, read_only=False) as files:
        folder = files.make_directory(ROOT, "Neü", time=TIME)
        made = files.make_file(folder.reference, "file", data, time=TIME)
        assert (made.size, made.modified, made.is_directory) == (size, TIME, False)
        files.sync()
    ntfsfix(volume)
    assert ntfsls(volume, "/Neü") == {"file"}
    assert cat(volume, "/Neü/file") == data
    with judges.mounted_ntfs(volume, tmp_path / "mount", read_only=True) as mount:
        # Created, changed, accessed, and the record changed.
        times = struct.unpack("<4Q", os.getxattr(mount / "Neü/file", "system.ntfs_times"))
        assert times[:2] == (TIME, TIME)


@pytest.mark.parametrize("path", ["Folder/Straße.txt", "Folder/large", "Folder/empty", "compressed/text"])
@pytest.mark.parametrize("size", [0, 9, 150_000, 400_000])
def test_a_file_that_is_overwritten_has_the_new_contents_and_keeps_the_rest(
    volume: Path, tmp_path: Path, path: str, size: int
) -> None:
    data = noise(size)
    with NtfsFiles(volume, read_only=False) as files:
        before = find(files, path)
        files.overwrite(before.reference, data, time=TIME)
        assert files.read(before.reference, 0, size + 1) == data
    ntfsfix(volume)
    assert cat(volume, f"/{path}") == data
    assert inodes(volume, f"/{path.rpartition('/')[0]}")[path.rpartition("/")[2]] == before.reference & 0xFFFFFFFFFFFF
    with judges.mounted_ntfs(volume, tmp_path / "mount", read_only=True) as mount:
        attributes = int.from_bytes(os.getxattr(mount / path, "system.ntfs_attrib_be"), "big")
        assert (attributes & COMPRESSED != 0) == path.startswith("compressed")
        created, changed, *_ = struct.unpack("<4Q", os.getxattr(mount / path, "system.ntfs_times"))
        assert changed == TIME
        assert created != TIME


def test_a_full_volume_leaves_the_old_contents(volume: Path) -> None:
    with NtfsFiles(volume, read_only=False) as files:
        about = find(files, "Folder/large")
        assert errno_of(lambda: files.overwrite(about.reference, bytes(40 * MIB), time=TIME)) == errno.ENOSPC
        assert errno_of(lambda: files.make_file(ROOT, "new", bytes(40 * MIB), time=TIME)) == errno.ENOSPC
    ntfsfix(volume)
    assert cat(volume, "/Folder/large") == noise(300_001)
    assert "new" not in ntfsls(volume)


def test_what_is_deleted_is_gone(volume: Path) -> None:
    with NtfsFiles(volume, read_only=False) as files:
        folder = find(files, "Folder").reference
        assert errno_of(files.delete, ROOT, "Folder") == errno.ENOTEMPTY
        assert errno_of(files.delete, folder, "nothing") == errno.ENOENT
        # By any case, as it is found.
        for name in ("LARGE", "straße.txt", "inner", "Empty"):
            files.delete(folder, name)
        files.delete(ROOT, "folder")
        files.delete(ROOT, "link")
        files.delete(ROOT, "junction")
    ntfsfix(volume)
    assert ntfsls(volume) & {"Folder", "link", "junction"} == set()


def test_a_name_is_there_once_whatever_its_case(volume: Path) -> None:
    with NtfsFiles(volume, read_only=False) as files:
        same = find(files, "same").reference
        for name in ("NAME", "name", "Name"):
            assert errno_of(lambda name=name: files.make_file(same, name, b"", time=TIME)) == errno.EEXIST
            assert errno_of(lambda name=name: files.make_directory(same, name, time=TIME)) == errno.EEXIST
        assert errno_of(lambda: files.make_file(same, "x" * 256, b"", time=TIME)) == errno.ENAMETOOLONG
        files.make_file(same, "x" * 255, b"", time=TIME)
    ntfsfix(volume)
    assert ntfsls(volume, "/same") == {"NAME", "x" * 255}
    assert cat(volume, "/same/NAME") == b"upper"


def test_only_what_a_user_may_set_of_the_attributes_is_set(volume: Path, tmp_path: Path) -> None:
    with NtfsFiles(volume, read_only=False) as files:
        files.set_attributes(find(files, "Folder/large").reference, 0xFFFFFFFF)
        files.set_attributes(find(files, "compressed/text").reference, HIDDEN)
    ntfsfix(volume)
    with judges.mounted_ntfs(volume, tmp_path / "mount", read_only=True) as mount:
        found = [
            int.from_bytes(os.getxattr(mount / path, "system.ntfs_attrib_be"), "big")
            for path in ("Folder/large", "compressed/text")
        ]
    assert found == [READONLY | HIDDEN | SYSTEM | ARCHIVE, HIDDEN | COMPRESSED]


CHANGES: dict[str, Callable[[NtfsFiles], object]] = {
    "make_file": lambda files: files.make_file(ROOT, "new", b"x", time=TIME),
    "make_directory": lambda files: files.make_directory(ROOT, "new", time=TIME),
    "overwrite": lambda files: files.overwrite(find(files, "sparse").reference, b"x", time=TIME),
    "set_attributes": lambda files: files.set_attributes(find(files, "sparse").reference, HIDDEN),
    "delete": lambda files: files.delete(ROOT, "sparse"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_a_volume_that_is_only_read_stays_as_it_is(volume: Path, change: Callable[[NtfsFiles], object]) -> None:
    before = volume.read_bytes()

    def work() -> None:
        with NtfsFiles(volume, read_only=True) as files:
            change(files)

    assert errno_of(work) == errno.EROFS
    assert volume.read_bytes() == before


# ---- opening and closing


def test_a_slice_of_a_disk_holds_a_volume_as_a_file_does(volume: Path, tmp_path: Path) -> None:
    disk, offset, size = tmp_path / "disk", 3 * 512, volume.stat().st_size
    disk.write_bytes(b"#" * offset + volume.read_bytes() + b"#" * 512)
    descriptor = os.open(disk, os.O_RDWR)
    source = Source.of_file(descriptor)
    os.close(descriptor)
    with source, Slice(source, offset, size) as piece, NtfsFiles(piece.name, read_only=False) as files:
        source.close()
        files.make_file(ROOT, "new", b"through a slice", time=TIME)
    whole = disk.read_bytes()
    assert (whole[:offset], whole[-512:]) == (b"#" * offset, b"#" * 512)
    volume.write_bytes(whole[offset:-512])
    ntfsfix(volume)
    assert cat(volume, "/new") == b"through a slice"


USES: dict[str, Callable[[NtfsFiles], object]] = {
    **CHANGES,
    "about": lambda files: files.about(ROOT),
    "child": lambda files: files.child(ROOT, "x"),
    "children": lambda files: list(files.children(ROOT)),
    "read": lambda files: files.read(ROOT, 0, 1),
    "sync": lambda files: files.sync(),
}


@pytest.mark.parametrize("use", USES.values(), ids=USES.keys())
def test_a_closed_volume_is_refused(filled: Path, use: Callable[[NtfsFiles], object]) -> None:
    with NtfsFiles(filled, read_only=True) as files:
        pass
    files.close()
    with pytest.raises(ValueError, match="closed"):
        use(files)


@pytest.mark.parametrize(
    ("contents", "expected"), [(None, errno.ENOENT), (b"", errno.EINVAL), (bytes(MIB), errno.EINVAL)]
)
def test_what_is_no_volume_is_refused_by_its_path(tmp_path: Path, contents: bytes | None, expected: int) -> None:
    path = tmp_path / "none"
    if contents is not None:
        path.write_bytes(contents)
    with pytest.raises(OSError, match=str(path)) as caught:
        NtfsFiles(path, read_only=True)
    assert caught.value.errno == expected


def test_a_part_is_written_within_the_size_that_was_reserved(volume: Path) -> None:
    with NtfsFiles(volume, read_only=False) as files:
        made = files.make_file(ROOT, "reserved", b"", time=TIME).reference
        files.reserve(made, 100_000)
        assert files.about(made).size == 100_000
        files.write(made, 99_000, noise(1000))
        files.write(made, 0, b"begin")
        assert errno_of(files.write, made, 99_001, noise(1000)) == errno.EINVAL
        assert errno_of(files.write, made, -1, b"x") == errno.EINVAL
        assert errno_of(files.write, ROOT, 0, b"x") == errno.EISDIR
        assert errno_of(files.reserve, ROOT, 1) == errno.EISDIR
        assert errno_of(files.reserve, made, 1 << 40) == errno.ENOSPC
    assert cat(volume, "/reserved") == b"begin".ljust(99_000, b"\0") + noise(1000)
    with NtfsFiles(volume, read_only=True) as files:
        assert errno_of(files.reserve, find(files, "reserved").reference, 1) == errno.EROFS
