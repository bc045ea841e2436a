"""Single files of a volume, read, written and deleted in place.

The volumes and what is on them are made by mkfs.fat, mtools, mkntfs and ntfscp; mtools, fsck.fat, ntfscat, ntfsinfo,
ntfsfix, dissect.ntfs and dissect.fat judge what was written.
"""

from __future__ import annotations

import os
import random
import re
import shutil
import string
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from judges import fat as fat_judges
from judges import ntfs as ntfs_judges
from judges.disk import copy_of, head, run
from judges.wim import make_ntfs
from osdimage.imaging.attributes import FileAttribute
from osdimage.imaging.disk.image import open_image
from osdimage.imaging.disk.places import open_volume
from osdimage.imaging.disk.target import BlockTarget, Data
from osdimage.imaging.errors import (
    InvalidInput,
    InvalidRequest,
    InvalidVolume,
    OsdImageError,
    StorageError,
    TargetRefused,
    UnsafeName,
)
from osdimage.imaging.volume.fat.edit import edit_fat
from osdimage.imaging.volume.fat.read import open_fat
from osdimage.imaging.volume.files import VolumeFiles
from osdimage.imaging.volume.filesystems import free_bytes, open_files

pytestmark = pytest.mark.foreign

MIB = 1 << 20
NS = 1_700_000_000_000_000_000
HIDDEN = FileAttribute.READONLY | FileAttribute.HIDDEN | FileAttribute.SYSTEM
OLD = {"Windows/System32/old.dll": b"old " * 5000, "short": b"s", "Windows/a long name.txt": b"long"}


def make(path: Path, kind: str, files: dict[str, bytes] = OLD) -> Path:
    """Make a volume with foreign programs."""
    folder = path.parent / "source"
    folder.mkdir(exist_ok=True)
    folders = sorted({str(above) for name in files for above in Path(name).parents} - {"."})
    if kind == "fat32":
        with path.open("wb") as file:
            file.truncate(40 * MIB)
        run(["mkfs.fat", "-F", "32", "-s", "1", "-n", "VOLUME", path])
        for each in folders:
            run(["mmd", "-i", path, f"::{each}"])
    else:
        make_ntfs(path, 32 * MIB)
    for name, data in files.items():
        source = folder / Path(name).name
        source.write_bytes(data)
        if kind == "fat32":
            run(["mcopy", "-i", path, source, f"::{name}"])
        else:
            with opened(path, write=True) as volume:
                # ntfscp makes no directories.
                if "/" in name:
                    volume.make_directory(name.rpartition("/")[0])
            run(["ntfscp", "-q", path, source, name])
    return path


@contextmanager
def opened(path: Path, *, write: bool = False, force: bool = False) -> Iterator[VolumeFiles]:
    with open_volume(path, write=write) as volume, open_files(volume, write=write, force=force) as files:
        yield files


def judged(path: Path, kind: str) -> dict[str, bytes]:
    """Return all files as other programs read them; the volume must be sound and clean."""
    if kind == "fat32":
        fat_judges.fsck(path)
        folder = path.with_suffix(".out")
        shutil.rmtree(folder, ignore_errors=True)
        fat_judges.copy_out(path, folder)
        return {str(each.relative_to(folder)): each.read_bytes() for each in folder.rglob("*") if each.is_file()}
    found = {}
    ntfs_judges.ntfsfix(path)
    assert not ntfs_judges.is_dirty(path)
    with path.open("rb") as stream:
        volume = ntfs_judges.dissect(stream)
        for name, held in ntfs_judges.contents(path).items():
            if held != "directory":
                found[name.lstrip("/")] = volume.mft.get(name).open().read()
    return found


@pytest.fixture(params=["ntfs", "fat32"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("made")
    return {kind: make(folder / kind, kind) for kind in ("ntfs", "fat32")}


@pytest.fixture
def volume(tmp_path: Path, kind: str, made: dict[str, Path]) -> Path:
    return copy_of(made[kind], tmp_path / f"volume.{kind}")


@pytest.mark.parametrize(
    "path", ["Windows/System32/old.dll", r"\windows\SYSTEM32\OLD.DLL", "/WINDOWS//system32/Old.dll"]
)
def test_a_file_is_found_in_any_case_and_with_either_separator(volume: Path, path: str) -> None:
    with opened(volume) as files:
        assert files.exists(path)
        assert files.read(path) == OLD["Windows/System32/old.dll"]
        facts = files.find(path)
        assert facts is not None
        assert (facts.size, facts.is_directory, facts.is_link) == (20_000, False, False)
        assert not files.exists(path + "x")
        assert not files.exists(path + "/below a file")


def test_a_directory_is_listed_and_walked(volume: Path) -> None:
    with opened(volume) as files:
        assert {each.path for each in files.list()} == {"Windows", "short"}
        assert [(each.name, each.is_directory) for each in files.list("windows")] == [
            ("System32", True),
            ("a long name.txt", False),
        ]
        walked = {each.path for each in files.walk()}
        assert walked == {*OLD, "Windows", "Windows/System32"}
        for path in ("short", "nowhere"):
            with pytest.raises(InvalidRequest, match=r"there is no|not a directory"):
                files.list(path)


def test_what_was_written_is_what_other_programs_read(volume: Path, kind: str) -> None:
    new = {
        "EFI/Microsoft/Boot/BCD": bytes(range(256)) * 77,
        "EFI/Microsoft/Boot/de-DE/bootmgfw.efi.mui": b"",
        "short": b"longer than before " * 9000,
        "windows/SYSTEM32/old.dll": b"shorter",
    }
    with opened(volume, write=True) as files:
        for path, data in new.items():
            files.write(path, data, modified_ns=NS)
            assert files.read(path) == data
        files.delete(r"Windows\A LONG NAME.TXT")
    assert judged(volume, kind) == {
        "EFI/Microsoft/Boot/BCD": new["EFI/Microsoft/Boot/BCD"],
        "EFI/Microsoft/Boot/de-DE/bootmgfw.efi.mui": b"",
        "short": new["short"],
        "Windows/System32/old.dll": b"shorter",
    }
    with opened(volume) as files:
        facts = files.find("EFI/Microsoft/Boot/BCD")
        assert facts is not None
        assert facts.modified_ns == NS


def test_a_name_on_ntfs_has_the_times_of_its_file(volume: Path, kind: str) -> None:
    if kind != "ntfs":
        pytest.skip("FAT has no times of names")
    with opened(volume, write=True) as files:
        files.write("new/file", b"1", modified_ns=NS)
        files.write_pieces("new/pieces", iter([b"1", b"2"]), 2, modified_ns=NS)
    assert {path: ntfs_judges.name_times(volume, path) for path in ("new", "new/file", "new/pieces")} == {
        "new": {NS},
        "new/file": {NS},
        "new/pieces": {NS},
    }


def attributes_of(volume: Path, kind: str, path: str) -> set[str]:
    """Return the attributes as mattrib or ntfsinfo names them."""
    if kind == "fat32":
        # Letters, spaces, and the path.
        return set(run(["mattrib", "-i", volume, f"::{path}"]).partition(":")[0]) & set("ASHR")
    text = run(["ntfsinfo", "-F", path, volume])
    found = re.search(r"File attributes:\s*(.*?)\(0x", text)
    assert found is not None
    return {name[0] for name in found[1].split()} - {"D"}


def test_attributes_are_set_and_kept(volume: Path, kind: str) -> None:
    with opened(volume, write=True) as files:
        files.write("bootmgr", b"1", attributes=HIDDEN)
        files.make_directory("Boot", attributes=FileAttribute.HIDDEN | FileAttribute.SYSTEM)
        files.write("Boot/BCD", b"2")
        files.set_attributes("SHORT", FileAttribute.HIDDEN)
    assert attributes_of(volume, kind, "bootmgr") == set("RHS")
    assert attributes_of(volume, kind, "Boot") == set("HS")
    assert attributes_of(volume, kind, "Boot/BCD") == set("A")
    assert attributes_of(volume, kind, "short") == set("H")
    # What is replaced keeps them, unless others are given.
    with opened(volume, write=True) as files:
        files.write("BootMgr", b"3")
        files.write("boot/bcd", b"4", attributes=FileAttribute.SYSTEM)
        files.make_directory("boot")
    assert attributes_of(volume, kind, "bootmgr") == set("RHS")
    assert attributes_of(volume, kind, "Boot") == set("HS")
    assert attributes_of(volume, kind, "Boot/BCD") == set("S")
    assert judged(volume, kind)["bootmgr"] == b"3"


def test_a_replaced_file_of_ntfs_stays_the_same_file(tmp_path: Path) -> None:
    volume = make(tmp_path / "v.ntfs", "ntfs")
    with opened(volume, write=True) as files:
        files.make_directory("inherits")
        files.write("inherits/new", b"new")

    def record(path: str) -> tuple[str, ...]:
        text = run(["ntfsinfo", "-F", path, volume])
        return tuple(
            re.findall(r"Dumping Inode (\d+)|Security ID:\s*(\d+)|File Creation Time:\s*(.*)|\$SECURITY", text)
        )

    before = record("short")
    with opened(volume, write=True) as files:
        files.write("short", b"x" * 100_000)
    assert record("short") == before
    # A new one has a descriptor in $Secure, inherited from the directory.
    security = re.findall(r"Security ID:\s*(\d+)", run(["ntfsinfo", "-F", "inherits/new", volume]))
    assert security
    assert int(security[0]) >= 0x100
    assert ntfs_judges.ntfsls(volume) == {"inherits", "Windows", "short"} | {
        each for each in ntfs_judges.ntfsls(volume) if each.startswith("$")
    }


def test_many_long_names_make_a_directory_grow(volume: Path, kind: str) -> None:
    names = [f"a file with a long name, number {number}.text" for number in range(150)]
    with opened(volume, write=True) as files:
        for name in names:
            files.write(f"Windows/System32/{name}", name.encode())
        for name in names[::2]:
            files.delete(f"WINDOWS/system32/{name}")
    with opened(volume, write=True) as files:
        files.write("Windows/System32/one more with a very long name that needs several entries.txt", b"more")
    held = judged(volume, kind)
    assert {path for path in held if "number" in path} == {f"Windows/System32/{name}" for name in names[1::2]}
    assert held["Windows/System32/one more with a very long name that needs several entries.txt"] == b"more"


def test_only_an_empty_directory_is_deleted(volume: Path, kind: str) -> None:
    with opened(volume, write=True) as files:
        with pytest.raises(InvalidRequest, match="not empty"):
            files.delete("Windows")
        files.make_directory("a/b/c")
        files.delete("a/b/c")
        files.delete("a/b")
        with pytest.raises(InvalidRequest, match="there is no 'a/b'"):
            files.delete("a/b")
    assert judged(volume, kind) == OLD


@pytest.mark.parametrize("path", ["", "..", r"a\..\b", "a:b", "nul\0", "x" * 256])
def test_a_path_that_cannot_be_is_refused(volume: Path, path: str) -> None:
    with opened(volume, write=True) as files, pytest.raises(InvalidRequest):
        files.write(path, b"")


@pytest.mark.parametrize("path", ["short/below", "Windows"])
def test_a_file_cannot_be_where_a_directory_is_or_below_a_file(volume: Path, kind: str, path: str) -> None:
    before = judged(volume, kind)
    with opened(volume, write=True) as files, pytest.raises(InvalidRequest, match="directory"):
        files.write(path, b"")
    assert judged(volume, kind) == before


def test_a_volume_opened_for_reading_is_not_written(volume: Path) -> None:
    before = volume.read_bytes()
    with opened(volume) as files:
        for change in (
            lambda: files.write("a", b""),
            lambda: files.make_directory("a"),
            lambda: files.set_attributes("short", 0),
            lambda: files.delete("short"),
        ):
            with pytest.raises(InvalidRequest, match="for reading"):
                change()
    assert volume.read_bytes() == before


def test_a_file_that_is_too_large_to_be_true_is_not_read(volume: Path) -> None:
    with opened(volume) as files, pytest.raises(InvalidVolume, match="at most"):
        files.read("Windows/System32/old.dll", limit=19_999)
    with opened(volume) as files:
        with pytest.raises(InvalidRequest, match="is a directory"):
            files.read("Windows")
        with pytest.raises(InvalidRequest, match="there is no"):
            files.read("Windows/none")


def test_a_file_is_made_of_pieces(volume: Path, kind: str) -> None:
    pieces = [os.urandom(size) for size in (1, 70_000, 0, 300_000, 4096)]
    with opened(volume, write=True) as files:
        files.write_pieces("new/of pieces", iter(pieces), sum(map(len, pieces)), modified_ns=NS)
        files.write_pieces("new/empty", iter(()), 0)
    found = judged(volume, kind)
    assert found["new/of pieces"] == b"".join(pieces)
    assert found["new/empty"] == b""


@pytest.mark.parametrize("pieces", [[b"short"], [b"longer ", b"than it was"]])
def test_pieces_that_are_not_what_was_counted_leave_nothing(volume: Path, kind: str, pieces: list[bytes]) -> None:
    with pytest.raises(InvalidInput, match="has not the 8 bytes"), opened(volume, write=True) as files:
        files.write_pieces("new", iter(pieces), 8)
    assert judged(volume, kind) == OLD


def test_pieces_that_do_not_fit_leave_nothing(tmp_path: Path) -> None:
    volume = make(tmp_path / "volume", "ntfs")
    whole = volume.read_bytes()
    with pytest.raises(StorageError, match="the volume is full"), opened(volume, write=True) as files:
        files.write_pieces("new", iter([b"x"]), 1 << 40)
    assert volume.read_bytes() == whole


@pytest.mark.slow
def test_a_full_volume_keeps_the_old_contents(volume: Path, kind: str) -> None:
    kind_of_error = StorageError if kind == "ntfs" else TargetRefused
    with pytest.raises(kind_of_error, match="full"), opened(volume, write=True) as files:
        files.write("short", os.urandom(60 * MIB))
    # What is written is held back until all of it is decided.
    assert kind != "ntfs" or not ntfs_judges.is_dirty(volume)
    assert judged(volume, kind) == OLD


def test_a_fat_volume_is_as_it_was_when_the_work_ends_in_an_error(tmp_path: Path) -> None:
    volume = make(tmp_path / "v.fat32", "fat32")

    def write(paths: tuple[str, ...]) -> None:
        with opened(volume, write=True) as files:
            for path in paths:
                files.write(path, b"new" * 1000)

    with pytest.raises(InvalidRequest, match="directory"):
        write(("short", "Windows/new", "Windows"))
    assert judged(volume, "fat32") == OLD


def test_a_name_that_fat_cannot_hold_is_refused(tmp_path: Path) -> None:
    volume = make(tmp_path / "v.fat32", "fat32")
    with opened(volume, write=True) as files, pytest.raises(UnsafeName):
        files.write("what?", b"")


def test_volumes_that_must_not_be_written_to_are_refused(tmp_path: Path) -> None:
    fat = make(tmp_path / "v.fat32", "fat32")
    boot = head(fat)
    at = int.from_bytes(boot[14:16], "little") * 512 + 4
    with fat.open("r+b") as file:
        # FAT[1] without the bit of a volume that is not in use.
        file.seek(at)
        file.write((0x07FFFFFF).to_bytes(4, "little"))
    with pytest.raises(TargetRefused, match="dirty"), opened(fat, write=True):
        pass
    with opened(fat) as files:
        assert files.exists("short")
    for name, data, text, unread in (
        ("bitlocker", b"\xeb\x58\x90-FVE-FS-".ljust(510, b"\0") + b"\x55\xaa", "BitLocker", InvalidInput),
        ("empty", bytes(512), "no file system", TargetRefused),
    ):
        other = tmp_path / name
        other.write_bytes(data + bytes(MIB))
        for write, refusal in ((False, unread), (True, TargetRefused)):
            with pytest.raises(refusal, match=text), opened(other, write=write):
                pass


def test_a_damaged_fat_volume_is_not_changed(tmp_path: Path) -> None:
    volume = make(tmp_path / "v.fat32", "fat32")
    boot = head(volume)
    at = int.from_bytes(boot[14:16], "little") * 512
    with volume.open("r+b") as file:
        # The second FAT says something else of cluster 5.
        file.seek(at + int.from_bytes(boot[36:40], "little") * 512 + 20)
        file.write(b"\x99\x99\x99\x09")
    before = volume.read_bytes()
    with pytest.raises(TargetRefused, match="damaged"), opened(volume, write=True):
        pass
    assert volume.read_bytes() == before


def test_links_are_not_followed(tmp_path: Path) -> None:
    """A junction and a symbolic link, as wimlib-imagex writes them."""
    source = tmp_path / "tree"
    (source / "real").mkdir(parents=True)
    (source / "real/file").write_bytes(b"real")
    (source / "to").symlink_to("real")
    (source / "link").symlink_to("real/file")
    run(["wimlib-imagex", "capture", source, tmp_path / "a.wim"])
    volume = make_ntfs(tmp_path / "v.ntfs", 32 * MIB)
    run(["wimlib-imagex", "apply", tmp_path / "a.wim", "1", volume])
    with opened(volume, write=True) as files:
        facts = files.find("link")
        assert facts is not None
        assert facts.is_link
        with pytest.raises(InvalidVolume, match="link"):
            files.write("link", b"new")
        for path in ("to/file", "to/new"):
            with pytest.raises(InvalidRequest, match=r"link|not a directory"):
                files.write(path, b"new")
        with pytest.raises(InvalidRequest, match="through a link"):
            files.find("to/file")
        assert [each.path for each in files.walk()] == ["link", "real", "to", "real/file"]
    with opened(volume) as files:
        assert files.read("real/file") == b"real"


def test_a_volume_that_is_no_ntfs_inside_is_an_error(tmp_path: Path) -> None:
    volume = make(tmp_path / "v.ntfs", "ntfs")
    with volume.open("r+b") as file:
        file.seek(512)
        file.write(os.urandom(8 * MIB))
    for write in (False, True):
        with pytest.raises(InvalidInput), opened(volume, write=write) as files:
            files.list()


# ---- FAT32: any sequence of changes, and a failure at any write


class Failing(BlockTarget):
    """Lets so many writes through and then fails, as a disk that is unplugged."""

    def __init__(self, base: BlockTarget, writes: int) -> None:
        super().__init__(base.name, base.geometry)
        self.base, self.left = base, writes

    def flush(self) -> None:
        self.base.flush()

    def _read(self, offset_bytes: int, size_bytes: int) -> bytes:
        return self.base.read_at(offset_bytes, size_bytes)

    def _write(self, offset_bytes: int, data: Data) -> None:
        if not self.left:
            raise StorageError("unplugged", path=self.name)
        self.left -= 1
        self.base.write_at(offset_bytes, data)


def test_a_failure_at_any_write_leaves_every_file_whole(tmp_path: Path) -> None:
    template = make(tmp_path / "v.fat32", "fat32").read_bytes()
    path = tmp_path / "copy"
    new = {
        "short": b"new" * 1000,
        "Windows/System32/old.dll": b"n",
        **{f"Windows/file {n}": b"f" * n for n in range(9)},
    }
    outcomes = set()
    for writes in range(200):
        path.write_bytes(template)
        with open_image(str(path), write=True) as target:
            editor = edit_fat(Failing(target, writes))
            done = False
            try:
                for name, data in new.items():
                    editor.write_file(name, data, attributes=None, time_ns=NS)
                editor.commit()
                done = True
            except OsdImageError:
                pass
            after = open_fat(target)
            held = {each.path: b"".join(after.read(each)) for each in after.walk() if not each.is_directory}
        for name, data in held.items():
            assert data in {OLD.get(name), new.get(name)}, name
        assert held.keys() >= OLD.keys()
        outcomes.add(held == OLD | new)
        if done:
            break
    assert done
    assert outcomes == {False, True}
    fat_judges.fsck(path)


@pytest.mark.parametrize("seed", range(4))
def test_any_sequence_of_changes_gives_what_a_dictionary_holds(tmp_path: Path, kind: str, seed: int) -> None:
    rng = random.Random(seed)
    volume = make(tmp_path / "volume", kind, {"first": b"1"})
    model = {"first": b"1"}
    folders = ["", "Dir/", "Dir/a longer name of a directory/", "x/y/z/"]
    for _ in range(3):
        with opened(volume, write=True) as files:
            for _ in range(40):
                if model and rng.random() < 0.3:
                    path = rng.choice(sorted(model))
                    files.delete(path)
                    del model[path]
                    continue
                name = "".join(rng.choices(string.ascii_lowercase + "é. ~", k=rng.randint(1, 20))).strip(". ") or "n"
                path = rng.choice([*model, rng.choice(folders) + name])
                data = rng.randbytes(rng.choice([0, 1, 511, 512, 513, 5000, 70_000]))
                same = next((each for each in model if each.upper() == path.upper()), path)
                facts = files.find(path)
                if facts is not None and facts.is_directory:
                    continue
                files.write(path, data)
                model[same] = data
        assert judged(volume, kind) == model


@pytest.mark.parametrize("kind", ["fat32", "ntfs"])
def test_a_volume_has_one_writer_at_a_time(tmp_path: Path, kind: str) -> None:
    path = make(tmp_path / "volume", kind)
    with open_volume(path, write=True) as volume:
        with open_files(volume, write=True) as files:
            with pytest.raises(TargetRefused, match="are being written already"), open_files(volume, write=True):
                pass
            files.write("new", b"by the first", modified_ns=NS)
        with open_files(volume, write=True) as files:
            files.write("newer", b"by the second", modified_ns=NS)
    assert judged(path, kind) == OLD | {"new": b"by the first", "newer": b"by the second"}


@pytest.mark.parametrize("write", [False, True], ids=["reading", "writing"])
def test_what_cannot_be_read_is_not_called_damaged(tmp_path: Path, write: bool) -> None:
    path = make(tmp_path / "volume", "ntfs")
    with open_volume(path, write=write) as volume:
        # Sectors that cannot be read any more: the end of the file is gone, and with it most of the metadata.
        assert volume.target.source.size == 32 * MIB
        os.truncate(path, 8192)
        # What Python reads of it, such as its journal, is told where the file ends now.
        with (
            pytest.raises(StorageError, match=r"Input/output error|ends at byte \d+$"),
            open_files(volume, write=write),
        ):
            pass


@pytest.mark.parametrize("kind", ["fat32", "ntfs"])
def test_what_is_free_is_what_foreign_programs_count(tmp_path: Path, kind: str) -> None:
    path = make(tmp_path / "volume.img", kind)
    if kind == "ntfs":
        told = ntfs_judges.ntfsinfo(path)
        expected = int(told["Free Clusters"].split()[0]) * int(told["Cluster Size"].split()[0])
    else:
        counted = fat_judges.fsck(path)
        # mkfs.fat -s 1: clusters of one sector.
        expected = (counted.clusters - counted.used_clusters) * 512
    with open_volume(path) as volume:
        assert free_bytes(volume) == expected
