"""A comparison finds what foreign programs changed, names it, and finds nothing where nothing was changed.

The WIMs are captured and applied by wimlib-imagex, and differences are planted through the ntfs-3g driver.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import pytest
from cases import trees
from cases.ntfs_items import DENIED, ITEMS, LONG_NAME, OPEN, fill, symbolic_link
from judges import wim as judges
from osdimage.imaging import InvalidVolume, WimFile
from osdimage.imaging.compare import Fidelity
from osdimage.imaging.compare.fidelity import OF_UNIX
from osdimage.imaging.compare.image import compare_image
from runs.commands import Outcome, osdimage

pytestmark = pytest.mark.foreign

Found = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Applied:
    """A WIM of a rich NTFS volume, and a volume that it was applied to."""

    wim: Path
    volume: Path


@pytest.fixture(scope="module")
def applied(tmp_path_factory: pytest.TempPathFactory) -> Applied:
    folder = tmp_path_factory.mktemp("compare")
    source = judges.make_ntfs(folder / "source.ntfs")
    with judges.mounted_ntfs(source, folder / "mount") as mount:
        fill(mount)
    judges.wimlib("capture", source, folder / "image.wim", "--compress=none")
    volume = judges.make_ntfs(folder / "volume.ntfs")
    judges.wimlib("apply", folder / "image.wim", volume)
    return Applied(folder / "image.wim", volume)


def copy_of(path: Path, folder: Path) -> Path:
    copy = folder / "copy.ntfs"
    judges.run("cp", "--sparse=always", path, copy)
    return copy


def found_by(outcome: Outcome) -> Found:
    return [(each["kind"], each["path"]) for each in outcome.compared["differences"]]


def counts_of(outcome: Outcome) -> dict[str, tuple[int, int, int, int]]:
    return {
        each["kind"]: (each["stored"], each["restored"], each["dropped"], each["different"])
        for each in outcome.compared["classes"]
    }


# ---- equal


def test_an_applied_volume_is_equal_in_every_class(applied: Applied) -> None:
    outcome = osdimage("compare", applied.wim, applied.volume, "--json")
    document = outcome.compared
    assert document["is_equal"]
    assert not document["has_losses"]
    assert document["differences"] == []
    counts = counts_of(outcome)
    # What the driver was told to make, not what the WIM says.
    links = sum(len(item.links) + 1 for item in ITEMS.values() if item.links)
    assert counts["short-names"] == (4, 4, 0, 0)
    assert counts["hard-links"] == (links, links, 0, 0)
    assert counts["reparse-points"] == (6, 6, 0, 0)
    assert counts["object-ids"] == (1, 1, 0, 0)
    streams = sum(len(item.streams) * (1 + len(item.links)) for item in ITEMS.values())
    assert counts["named-streams"] == (streams, streams, 0, 0)
    names = len(judges.wimlib_paths(applied.wim))
    for kind in ("names", "attributes", "creation-times", "modification-times", "access-times", "security-descriptors"):
        assert counts[kind] == (names, names, 0, 0), kind
    # What only Unix has is of test_unix.py.
    assert set(counts) == {str(kind) for kind in set(Fidelity) - OF_UNIX} - {"extra"}


def test_the_volume_that_was_captured_is_equal_too(applied: Applied) -> None:
    osdimage("compare", applied.wim, applied.wim.with_name("source.ntfs"), "--strict")


@pytest.mark.parametrize("cluster", ["512", "65536"])
def test_other_sizes_of_clusters(applied: Applied, tmp_path: Path, cluster: str) -> None:
    volume = judges.make_ntfs(tmp_path / "volume.ntfs", 96 << 20, "-c", cluster)
    judges.wimlib("apply", applied.wim, volume)
    if cluster == "65536":
        # NTFS compresses only in clusters of at most 4 KiB.
        outcome = osdimage("compare", applied.wim, volume, "--json", code=1)
        assert {kind for kind, _ in found_by(outcome)} == {"attributes"}
    else:
        osdimage("compare", applied.wim, volume)


def test_the_target_is_only_read(applied: Applied) -> None:
    before = judges.sha1_of(applied.volume)
    applied.volume.chmod(0o444)
    osdimage("compare", applied.wim, applied.volume)
    applied.volume.chmod(0o644)
    assert judges.sha1_of(applied.volume) == before


@pytest.mark.parametrize(
    "name", ["discutils_TestData", "mwl_BootLZX", "mwl_LZMS", "wimlib_empty_dacl", "wimlib_longpaths"]
)
def test_wims_that_others_made(tmp_path: Path, name: str) -> None:
    wim = judges.corpus() / "wim" / f"{name}.wim"
    if not wim.is_file():
        pytest.skip("this WIM is not in the corpus")
    volume = judges.make_ntfs(tmp_path / "volume.ntfs")
    judges.wimlib("apply", wim, "1", volume)
    counts = counts_of(osdimage("compare", wim, volume, "--index", "1", "--strict", "--json"))
    assert counts["names"][0] == len(judges.wimlib_paths(wim))


# ---- different: an NTFS volume


@contextmanager
def keeping_times(*paths: Path) -> Iterator[None]:
    """Give files the times back that they had before."""
    before = [os.getxattr(path, "system.ntfs_times_be", follow_symlinks=False) for path in paths]
    yield
    for path, times in zip(paths, before, strict=True):
        os.setxattr(path, "system.ntfs_times_be", times, follow_symlinks=False)


def rewrite(name: str, data: bytes) -> Callable[[Path], None]:
    def plant(mount: Path) -> None:
        with keeping_times(mount / name.partition(":")[0]), (mount / name).open("r+b") as file:
            file.write(data)

    return plant


def set_attribute(name: str, attribute: str, value: bytes) -> Callable[[Path], None]:
    def plant(mount: Path) -> None:
        with keeping_times(mount / name, (mount / name).parent):
            os.setxattr(mount / name, f"system.ntfs_{attribute}", value, follow_symlinks=False)

    return plant


def remove_attribute(name: str, attribute: str) -> Callable[[Path], None]:
    def plant(mount: Path) -> None:
        with keeping_times(mount / name, (mount / name).parent):
            os.removexattr(mount / name, f"system.ntfs_{attribute}", follow_symlinks=False)

    return plant


def set_time(name: str, number: int) -> Callable[[Path], None]:
    def plant(mount: Path) -> None:
        times = list(struct.unpack(">4Q", os.getxattr(mount / name, "system.ntfs_times_be")))
        times[number] += 1
        os.setxattr(mount / name, "system.ntfs_times_be", struct.pack(">4Q", *times))

    return plant


def remove(name: str) -> Callable[[Path], None]:
    def plant(mount: Path) -> None:
        with keeping_times((mount / name).parent):
            (mount / name).unlink()

    return plant


def remove_tree(mount: Path) -> None:
    with keeping_times(mount):
        shutil.rmtree(mount / "folder audited")


def add(name: str) -> Callable[[Path], None]:
    def plant(mount: Path) -> None:
        with keeping_times(mount):
            Path(f"{mount / name}").write_bytes(b"extra")

    return plant


def add_stream(mount: Path) -> None:
    with keeping_times(mount / "resident"):
        Path(f"{mount / 'resident'}:new").write_bytes(b"extra")


def remove_stream(mount: Path) -> None:
    with keeping_times(mount / "streams"):
        Path(f"{mount / 'streams'}:small").unlink()


def add_folder(mount: Path) -> None:
    with keeping_times(mount):
        (mount / "new folder").mkdir()


def rename(mount: Path) -> None:
    with keeping_times(mount):
        (mount / "resident").rename(mount / "Resident 2")


def make_directory_of_file(mount: Path) -> None:
    with keeping_times(mount):
        (mount / "resident").unlink()
        (mount / "resident").mkdir()


def add_link(mount: Path) -> None:
    with keeping_times(mount, mount / "resident"):
        (mount / "another name").hardlink_to(mount / "resident")


def make_own_file(mount: Path) -> None:
    """Make of a name of a file a file of its own that is like it in everything else."""
    path = mount / "third"
    kept = {name: os.getxattr(path, f"system.ntfs_{name}") for name in ("acl", "attrib_be", "times_be")}
    with keeping_times(mount, mount / "linked"):
        copy = mount / "copy"
        for stream in ("", ":s"):
            Path(f"{copy}{stream}").write_bytes(Path(f"{path}{stream}").read_bytes())
        for name, value in kept.items():
            os.setxattr(copy, f"system.ntfs_{name}", value)
        copy.rename(path)


DIFFERENCES: dict[str, tuple[Callable[[Path], None], Found]] = {
    "changed byte, resident": (rewrite("resident", b"F"), [("contents", "/resident")]),
    "changed byte, large": (rewrite("large", b"\xff"), [("contents", "/large")]),
    "changed byte, compressed": (
        rewrite("compressed folder/text", b"T"),
        [("contents", "/compressed folder/text")],
    ),
    "island in a hole": (rewrite("sparse", b"!"), [("contents", "/sparse")]),
    "longer": (rewrite("empty", b"not empty"), [("contents", "/empty")]),
    "changed byte in a stream": (rewrite("streams:large", b"\xff"), [("named-streams", "/streams:large")]),
    "stream missing": (remove_stream, [("named-streams", "/streams:small")]),
    "extra stream": (add_stream, [("extra", "/resident:new")]),
    "missing file": (remove("resident"), [("names", "/resident")]),
    "missing folder": (remove_tree, [("names", "/folder audited"), ("names", "/folder audited/child")]),
    "extra file": (add("new"), [("extra", "/new")]),
    "extra folder": (add_folder, [("extra", "/new folder")]),
    "renamed": (rename, [("extra", "/Resident 2"), ("names", "/resident")]),
    "a directory instead of a file": (make_directory_of_file, [("names", "/resident")]),
    "attribute": (set_attribute("resident", "attrib_be", struct.pack(">I", 0x23)), [("attributes", "/resident")]),
    "creation time": (set_time("resident", 0), [("creation-times", "/resident")]),
    "modification time": (set_time("resident", 1), [("modification-times", "/resident")]),
    "access time": (set_time("resident", 2), [("access-times", "/resident")]),
    "security descriptor": (set_attribute("denied", "acl", OPEN), [("security-descriptors", "/denied")]),
    "security descriptor of a folder": (
        set_attribute("folder audited", "acl", DENIED),
        [("security-descriptors", "/folder audited")],
    ),
    "short name": (
        set_attribute("A long file name.text", "dos_name", b"OTHER~1.TEX"),
        [("short-names", "/A long file name.text")],
    ),
    "short name missing": (
        remove_attribute("A long folder name", "dos_name"),
        [("short-names", "/A long folder name")],
    ),
    "extra short name": (
        set_attribute("archive, not indexed", "dos_name", b"ARCHIV~1"),
        [("short-names", "/archive, not indexed")],
    ),
    "extra link": (add_link, [("extra", "/another name")]),
    "link missing": (remove("third"), [("names", "/third")]),
    "file of its own": (make_own_file, [("hard-links", "/third")]),
    "reparse data": (
        set_attribute("relative link", "reparse_data", symbolic_link("large", "large", relative=True)),
        [("reparse-points", "/relative link")],
    ),
    "object id": (
        set_attribute("tracked", "object_id", UUID(int=7).bytes_le),
        [("object-ids", "/tracked")],
    ),
    "object id missing": (remove_attribute("tracked", "object_id"), [("object-ids", "/tracked")]),
    "extra object id": (
        set_attribute("resident", "object_id", UUID(int=7).bytes_le),
        [("object-ids", "/resident")],
    ),
}


@pytest.mark.parametrize("name", DIFFERENCES)
def test_a_difference_is_found_and_named(applied: Applied, tmp_path: Path, name: str) -> None:
    plant, expected = DIFFERENCES[name]
    copy = copy_of(applied.volume, tmp_path)
    with judges.mounted_ntfs(copy, tmp_path / "mount") as mount:
        plant(mount)
    outcome = osdimage("compare", applied.wim, copy, "--json", code=1)
    assert found_by(outcome) == sorted(expected, key=lambda each: (each[1], each[0]))
    assert not outcome.compared["is_equal"]
    assert outcome.compared["more_differences"] == 0
    shown = osdimage("compare", applied.wim, copy, code=1).out
    for kind, path in expected:
        assert f"{kind.replace('-', ' ')}: {path}: " in shown


# One for each class of facts.
OF_EACH_CLASS = (
    "island in a hole",
    "changed byte in a stream",
    "attribute",
    "extra file",
    "missing folder",
    "file of its own",
    "security descriptor",
    "short name",
    "reparse data",
    "object id",
)


def test_each_class_of_facts_in_a_partition(applied: Applied, tmp_path: Path) -> None:
    copy = copy_of(applied.volume, tmp_path)
    expected = [("creation-times", "/empty"), ("modification-times", "/large"), ("access-times", "/tracked")]
    with judges.mounted_ntfs(copy, tmp_path / "mount") as mount:
        for name in OF_EACH_CLASS:
            DIFFERENCES[name][0](mount)
            expected += DIFFERENCES[name][1]
        for number, name in enumerate(("empty", "large", "tracked")):
            set_time(name, number)(mount)
    assert {kind for kind, _ in expected} == {str(kind) for kind in set(Fidelity) - OF_UNIX}
    put_into_disk(copy, tmp_path / "disk.img", "gpt")
    outcome = osdimage("compare", applied.wim, tmp_path / "disk.img", "--partition", "2", "--json", code=1)
    assert sorted(found_by(outcome)) == sorted(expected)


def test_what_was_expected_and_what_is_there(applied: Applied, tmp_path: Path) -> None:
    copy = copy_of(applied.volume, tmp_path)
    with judges.mounted_ntfs(copy, tmp_path / "mount") as mount:
        rewrite("resident", b"F")(mount)
        changed = judges.sha1_of(mount / "resident")
        rewrite("empty", b"123")(mount)
        os.setxattr(mount / "precise", "system.ntfs_attrib_be", struct.pack(">I", 0x22))
        times = struct.pack(">4Q", 116444736000000000, 125911584000000002, 131592384000000003, 0)
        os.setxattr(mount / "precise", "system.ntfs_times_be", times)
    outcome = osdimage("compare", applied.wim, copy, "--json", code=1)
    sides = {
        (each["kind"], each["path"]): (each["expected"], each["found"]) for each in outcome.compared["differences"]
    }
    original = hashlib.sha1(b"fits in the MFT record").hexdigest()  # noqa: S324
    assert sides == {
        ("contents", "/resident"): (f"SHA-1 {original}", f"SHA-1 {changed}"),
        ("contents", "/empty"): ("0 bytes", "3 bytes"),
        ("attributes", "/precise"): ("archive", "hidden, archive"),
        ("creation-times", "/precise"): ("1970-01-01 00:00:00.0000001 UTC", "1970-01-01 00:00:00.0000000 UTC"),
    }


def test_a_link_that_became_a_file_of_its_own(applied: Applied, tmp_path: Path) -> None:
    copy = copy_of(applied.volume, tmp_path)
    with judges.mounted_ntfs(copy, tmp_path / "mount") as mount:
        (mount / "third").unlink()
        (mount / "third").write_bytes(b"three names")
        (mount / "nobody").unlink()
        (mount / "nobody").hardlink_to(mount / "resident")
    found = found_by(osdimage("compare", applied.wim, copy, "--json", "--differences", "100", code=1))
    assert ("hard-links", "/third") in found
    assert ("hard-links", "/resident") in found
    assert ("hard-links", "/linked") not in found


def test_only_the_first_differences_are_named_and_all_are_counted(applied: Applied, tmp_path: Path) -> None:
    empty = judges.make_ntfs(tmp_path / "empty.ntfs")
    outcome = osdimage("compare", applied.wim, empty, "--json", "--differences", "3", code=1)
    assert len(outcome.compared["differences"]) == 3
    names = len(judges.wimlib_paths(applied.wim))
    counts = counts_of(outcome)
    assert counts["names"] == (names, 1, 0, names - 1)
    assert counts["short-names"] == (4, 0, 0, 4)
    assert all(stored == sum(rest) for stored, *rest in counts.values())
    shown = osdimage("compare", applied.wim, empty, "--differences", "3", code=1).out
    assert f"and {outcome.compared['more_differences']} more differences" in shown


# ---- a partition


def put_into_disk(volume: Path, disk: Path, label: str) -> None:
    """Put a volume into partition 2 of a disk that sfdisk lays out; partition 1 is an ext4 volume."""
    size = volume.stat().st_size // 512
    with disk.open("wb") as file:
        file.truncate((size + 200_000) * 512)
    kinds = ("U", "EBD0A0A2-B9E5-4433-87C0-68B6B72699C7") if label == "gpt" else ("c", "7")
    script = f"label: {label}\nstart=2048, size=131072, type={kinds[0]}\nstart=133120, size={size}, type={kinds[1]}\n"
    judges.run("sfdisk", "-q", disk, stdin=script)
    judges.run("dd", f"if={volume}", f"of={disk}", "bs=512", "seek=133120", "conv=notrunc,sparse", "status=none")
    other = disk.with_suffix(".ext4")
    with other.open("wb") as file:
        file.truncate(64 << 20)
    judges.run("mkfs.ext4", "-q", other)
    judges.run("dd", f"if={other}", f"of={disk}", "bs=512", "seek=2048", "conv=notrunc,sparse", "status=none")


@pytest.mark.parametrize("label", ["gpt", "dos"])
def test_a_partition_of_a_disk(applied: Applied, tmp_path: Path, label: str) -> None:
    disk = tmp_path / "disk.img"
    put_into_disk(applied.volume, disk, label)
    outcome = osdimage("compare", applied.wim, disk, "--partition", "2", "--strict", "--json")
    assert outcome.compared["partition"] == 2
    assert outcome.compared["is_equal"]
    with disk.open("r+b") as file:
        # Somewhere in the contents of /large, which hold each byte in turn.
        data = file.read()
        at = data.index(bytes(range(256)) * 16)
        file.seek(at)
        file.write(b"\xff")
    changed = osdimage("compare", applied.wim, disk, "--partition", "2", "--json", code=1)
    assert {kind for kind, _ in found_by(changed)} <= {"contents", "named-streams"}
    assert len(found_by(changed)) == 1
    other = osdimage("compare", applied.wim, disk, "--partition", "1", code=4)
    assert "partition 1: holds an ext2, ext3 or ext4 volume" in other.err
    absent = osdimage("compare", applied.wim, disk, "--partition", "3", code=2)
    assert "no partition 3; it has 1 (ext, 64.0 MB), 2 (NTFS, 64.0 MB)" in absent.err
    undecided = osdimage("compare", applied.wim, disk, code=2)
    assert "--partition" in undecided.err


# ---- a directory


@pytest.fixture
def tree(tmp_path: Path) -> tuple[Path, Path]:
    """Return a WIM of a tree of Linux, and a directory that it was applied to."""
    source = trees.make_tree(tmp_path / "source")
    judges.wimlib("capture", source, tmp_path / "tree.wim", "--compress=lzx:20")
    judges.wimlib("apply", tmp_path / "tree.wim", tmp_path / "target")
    return tmp_path / "tree.wim", tmp_path / "target"


def test_an_applied_directory_is_equal(tree: tuple[Path, Path]) -> None:
    wim, target = tree
    outcome = osdimage("compare", wim, target, "--json")
    names = len(judges.wimlib_paths(wim))
    counts = counts_of(outcome)
    assert counts["names"] == (names, names, 0, 0)
    assert counts["modification-times"] == (names, names, 0, 0)
    assert counts["creation-times"] == (names, 0, names, 0)
    assert counts["hard-links"] == (3, 3, 0, 0)
    assert counts["reparse-points"] == (5, 5, 0, 0)
    # Times apart, which no directory keeps, nothing is lost of what came from a directory.
    osdimage("compare", wim, target, "--strict")


def test_a_tree_of_linux_on_ntfs_is_equal(tree: tuple[Path, Path], tmp_path: Path) -> None:
    volume = judges.make_ntfs(tmp_path / "volume.ntfs")
    judges.wimlib("apply", tree[0], volume)
    osdimage("compare", tree[0], volume, "--strict")


def keep_mtime(path: Path, change: Callable[[Path], object]) -> None:
    """Change a file so that its time and its folder's stay as they were."""
    kept = [(each, each.lstat()) for each in (path, path.parent) if each.is_symlink() or each.exists()]
    change(path)
    for each, facts in kept:
        if each.is_symlink() or each.exists():
            os.utime(each, ns=(facts.st_atime_ns, facts.st_mtime_ns), follow_symlinks=False)


def _replace_link(path: Path) -> None:
    path.unlink()
    path.symlink_to("elsewhere")


def _unlink_and_copy(path: Path) -> None:
    data = path.read_bytes()
    path.unlink()
    path.write_bytes(data)


def _change_byte(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(-1, os.SEEK_END)
        file.write(b"\0")


def _link_to_file(path: Path) -> None:
    path.unlink()
    path.symlink_to("text.log")


LINUX_DIFFERENCES: dict[str, tuple[str, Callable[[Path], object], Found]] = {
    "changed byte": ("text.log", _change_byte, [("contents", "/text.log")]),
    "shorter": ("text.log", lambda path: os.truncate(path, 10), [("contents", "/text.log")]),
    "missing": ("one byte", Path.unlink, [("names", "/one byte")]),
    "extra": ("new", Path.touch, [("extra", "/new")]),
    "pipe": ("new", os.mkfifo, [("extra", "/new")]),
    "other link": ("relative link", _replace_link, [("reparse-points", "/relative link")]),
    "link for a file": ("one byte", _link_to_file, [("names", "/one byte")]),
    "link broken": (
        "sub/third name of random.bin",
        _unlink_and_copy,
        [("hard-links", "/sub/third name of random.bin")],
    ),
}


@pytest.mark.parametrize("name", LINUX_DIFFERENCES)
def test_a_difference_in_a_directory_is_found_and_named(tree: tuple[Path, Path], name: str) -> None:
    wim, target = tree
    path, change, expected = LINUX_DIFFERENCES[name]
    keep_mtime(target / path, change)
    outcome = osdimage("compare", wim, target, "--json", code=1)
    assert found_by(outcome) == expected


def test_a_time_in_a_directory(tree: tuple[Path, Path]) -> None:
    wim, target = tree
    before = (target / "one byte").stat().st_mtime_ns
    os.utime(target / "one byte", ns=(0, before + 99))
    osdimage("compare", wim, target)
    os.utime(target / "one byte", ns=(0, before + 100))
    assert found_by(osdimage("compare", wim, target, "--json", code=1)) == [("modification-times", "/one byte")]


def test_what_a_directory_cannot_hold_is_dropped(applied: Applied, tmp_path: Path) -> None:
    short = tmp_path / "short.wim"
    shutil.copy(applied.wim, short)
    # Linux file systems allow 255 bytes, NTFS 255 characters.
    judges.wimlib("update", short, "1", f"--command=delete '/{LONG_NAME}'")
    # Some file systems of Linux have no year 9999.
    judges.wimlib("update", short, "1", "--command=delete '/of 1601 and 9999'")
    judges.wimlib("apply", short, tmp_path / "target")
    outcome = osdimage("compare", short, tmp_path / "target", "--json")
    counts = counts_of(outcome)
    applied_losses = {"short-names": 4, "object-ids": 1}
    for kind, count in applied_losses.items():
        assert counts[kind] == (count, 0, count, 0)
    # Two of the six become no links: the app's and the third party's.
    assert counts["reparse-points"] == (6, 4, 2, 0)
    assert outcome.compared["has_losses"]
    osdimage("compare", short, tmp_path / "target", "--strict", code=1)


# ---- what cannot be compared


def test_a_damaged_volume_is_invalid_input(applied: Applied, tmp_path: Path) -> None:
    copy = copy_of(applied.volume, tmp_path)
    data = bytearray(copy.read_bytes())
    at = data.index("resident".encode("utf-16-le"))
    record = at // 1024 * 1024
    while data[record : record + 4] != b"FILE":
        at = data.index("resident".encode("utf-16-le"), at + 1)
        record = at // 1024 * 1024
    # The update sequence no longer fits.
    data[record + 510] ^= 0xFF
    copy.write_bytes(data)
    outcome = osdimage("compare", applied.wim, copy, code=3)
    assert str(copy) in outcome.err
    assert "was not written whole" in outcome.err
    with WimFile.open(applied.wim) as wim, pytest.raises(InvalidVolume, match=r"copy\.ntfs: MFT record"):
        compare_image(wim.image(1), copy)


def test_damaged_contents_are_a_difference_of_their_file(applied: Applied, tmp_path: Path) -> None:
    copy = copy_of(applied.volume, tmp_path)
    data = bytearray(copy.read_bytes())
    name = "compressed folder".encode("utf-16-le")
    assert data.count(name) >= 1
    # The first chunk of the compressed text: its first reference leads before its begin.
    at = data.index(b"the same line again\n"[:8])
    while data[at - 3 : at - 1] == b"\0\0" or at % 4096 != 3:
        at = data.index(b"the same", at + 1)
    data[at - 1] = 0xFF
    copy.write_bytes(data)
    outcome = osdimage("compare", applied.wim, copy, "--json", code=1)
    (difference,) = outcome.compared["differences"]
    assert difference["path"] == "/compressed folder/text"
    assert difference["found"].startswith("unreadable: compressed data is damaged")


def test_a_dirty_volume_is_noted(applied: Applied, tmp_path: Path) -> None:
    copy = copy_of(applied.volume, tmp_path)
    judges.run("ntfsfix", copy)
    outcome = osdimage("compare", applied.wim, copy)
    assert any("marked dirty" in text for text in outcome.warnings)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda path: path.write_bytes(bytes(4096)), "holds no file system"),
        (lambda path: path.write_bytes(b"MSWIM\0\0\0" + bytes(4096)), "is a WIM"),
        (os.mkfifo, "neither a file"),
    ],
    ids=["zeros", "wim", "pipe"],
)
def test_a_target_of_no_known_kind_is_refused(
    applied: Applied, tmp_path: Path, make: Callable[[Path], object], words: str
) -> None:
    make(tmp_path / "target")
    assert words in osdimage("compare", applied.wim, tmp_path / "target", code=4).err


def test_contents_in_another_file_are_asked_for(tree: tuple[Path, Path], tmp_path: Path) -> None:
    wim, target = tree
    judges.wimlib("split", wim, tmp_path / "part.swm", "0.1")
    osdimage("compare", tmp_path / "part.swm", target)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "part2.swm").rename(tmp_path / "elsewhere/part2.swm")
    refused = osdimage("compare", tmp_path / "part.swm", target, code=3)
    assert "another file: part 2 of" in refused.err
    osdimage("compare", tmp_path / "part.swm", target, "--ref", f"{tmp_path}/elsewhere/part*.swm")


@pytest.mark.parametrize("options", [("--solid",), ("--pipable",)], ids=lambda options: options[0])
def test_links_of_other_kinds_of_wims(tree: tuple[Path, Path], tmp_path: Path, options: tuple[str, ...]) -> None:
    wim, target = tree
    judges.wimlib("export", wim, "1", tmp_path / "other.wim", *options)
    outcome = osdimage("compare", tmp_path / "other.wim", target, "--json")
    # What links say cannot be read from a pipable WIM.
    expected = (5, 0, 5, 0) if options == ("--pipable",) else (5, 5, 0, 0)
    assert counts_of(outcome)["reparse-points"] == expected
    assert bool(outcome.compared["notes"]) == (options == ("--pipable",))


def test_progress_reaches_the_end(applied: Applied) -> None:
    events = osdimage("compare", applied.wim, applied.volume, "--events", "-").events
    assert events[-1]["percent"] == 100
    percents = [event["percent"] for event in events]
    assert percents == sorted(percents)
    assert {event["phase"] for event in events} == {"scan", "verify-data"}


def test_quiet_says_nothing(applied: Applied) -> None:
    outcome = osdimage("compare", applied.wim, applied.volume, "--quiet")
    assert (outcome.out, outcome.err) == ("", "")
    (applied.volume.parent / "empty").mkdir()
    outcome = osdimage("compare", applied.wim, applied.volume.parent / "empty", "--quiet", code=1)
    assert outcome.out.splitlines()[-1].startswith(f"{applied.volume.parent / 'empty'}: a directory, DIFFERENT: ")
    assert "stored" not in outcome.out
