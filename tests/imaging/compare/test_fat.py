"""A comparison with a FAT32 volume finds what mtools changed, and nothing where nothing was changed.

The WIM is captured by wimlib-imagex from a volume that the ntfs-3g driver filled.  Volumes of FAT32 are filled by
osdimage, whose comparison reads them with pyfatfs, and by mtools.
"""

from __future__ import annotations

import os
import struct
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from cases import wimcraft
from cases.ntfs_items import APP_LINK, DENIED, Item, a_folder, adorn, mount_point, symbolic_link
from judges import wim as judges
from osdimage.imaging import InvalidVolume, TargetRefused, WimFile
from osdimage.imaging.compare.image import compare_image
from osdimage.imaging.testing import MadeDisk
from runs.commands import Outcome, osdimage

pytestmark = pytest.mark.foreign
MIB = 1 << 20
HIDDEN, SYSTEM, ARCHIVE, NOT_INDEXED = 0x2, 0x4, 0x20, 0x2000
# 100 ns since 1601: 2012-11-10 09:08:07.6543210, 2013-12-11 20:09:09.8765432, 2014-01-12 23:59:59.9999999 UTC.
ODD = (129970120876543210, 130312661498765432, 130340447999999999)

ITEMS: dict[str, Item] = {
    # Times of their own, so that none has by chance what a test is about to write.
    "plain": Item(b"plain contents", times=ODD),
    "large": Item(bytes(range(256)) * 4096, times=ODD),
    "empty": Item(times=ODD),
    "README.TXT": Item(b"a short name in upper case", times=ODD),
    "readme2.txt": Item(b"a short name in lower case"),
    "Größe 日本語 \N{GRINNING FACE}.text": Item(b"unicode"),
    "A long file name.text": Item(b"5", short_name="WISHED~7.TEX"),
    "Another long file name.text": Item(b"its short name is made on FAT"),
    "folder": a_folder(),
    "folder/nested folder": a_folder(),
    "folder/nested folder/deep": Item(b"deep"),
    "hidden": Item(b"8", attributes=HIDDEN | SYSTEM),
    "hidden folder": a_folder(attributes=HIDDEN),
    "not indexed": Item(b"9", attributes=ARCHIVE | NOT_INDEXED),
    "odd times": Item(b"10", times=ODD),
    "of 1601": Item(b"11", times=(1, 2, 3)),
    "of 2200": Item(b"12", times=(189000000000000000,) * 3),
    "never": Item(b"13", times=(0, ODD[1], 0)),
    "streams": Item(b"main", {"one": b"1", "two": b"2"}),
    "denied": Item(b"14", acl=DENIED),
    "linked": Item(b"three names", links=("folder/second", "third")),
    "junction": a_folder(reparse=mount_point("\\??\\C:\\folder", "C:\\folder")),
    "link": Item(reparse=symbolic_link("plain", "plain", relative=True)),
    "app link": Item(reparse=APP_LINK),
}


@dataclass(frozen=True, slots=True)
class Applied:
    """A WIM, and a FAT32 volume that it was applied to."""

    wim: Path
    volume: Path


def make_fat(path: Path, size: int = 40 * MIB, *options: str) -> Path:
    with path.open("wb") as file:
        file.truncate(size)
    judges.run("mkfs.fat", "-F", "32", "-s", "1", *options, path)
    return path


@pytest.fixture(scope="module")
def applied(tmp_path_factory: pytest.TempPathFactory) -> Applied:
    folder = tmp_path_factory.mktemp("fat")
    source = judges.make_ntfs(folder / "source.ntfs")
    with judges.mounted_ntfs(source, folder / "mount") as mount:
        for name, item in ITEMS.items():
            if item.contents is None:
                (mount / name).mkdir()
            else:
                (mount / name).write_bytes(item.contents)
        for name, item in ITEMS.items():
            adorn(mount, mount / name, item)
        for name, item in ITEMS.items():
            if item.times is not None:
                os.setxattr(mount / name, "system.ntfs_times_be", struct.pack(">3Q", *item.times))
    judges.wimlib("capture", source, folder / "image.wim", "--compress=none")
    volume = make_fat(folder / "volume.img", 40 * MIB, "-n", "LABEL")
    osdimage("apply", folder / "image.wim", volume)
    return Applied(folder / "image.wim", volume)


def counts_of(outcome: Outcome) -> dict[str, tuple[int, int, int, int]]:
    return {
        each["kind"]: (each["stored"], each["restored"], each["dropped"], each["different"])
        for each in outcome.compared["classes"]
    }


def found_by(outcome: Outcome) -> list[tuple[str, str]]:
    return [(each["kind"], each["path"]) for each in outcome.compared["differences"]]


# ---- equal


def test_an_applied_volume_is_equal_and_what_fat_lacks_is_dropped(applied: Applied) -> None:
    outcome = osdimage("compare", applied.wim, applied.volume, "--json")
    assert outcome.compared["is_equal"]
    assert outcome.compared["has_losses"]
    assert outcome.compared["target_kind"] == "a FAT32 volume"
    assert outcome.compared["differences"] == []
    names = len(judges.wimlib_paths(applied.wim))
    reparse = sum(item.reparse is not None for item in ITEMS.values())
    linked = 1 + len(ITEMS["linked"].links)
    # The root of FAT has no times and no attributes, which leaves as many as there are files.
    there = names - reparse - 1
    assert counts_of(outcome) == {
        "names": (names, names - reparse, reparse, 0),
        # Every name of a file is a copy of it.
        "contents": (20, 20, 0, 0),
        "named-streams": (2, 0, 2, 0),
        # "not indexed" has a bit that FAT lacks.
        "attributes": (there + reparse, there - 1, reparse + 1, 0),
        # Two files are of years that FAT does not have.
        "creation-times": (there + reparse, there - 2, reparse + 2, 0),
        "modification-times": (there + reparse, there - 2, reparse + 2, 0),
        "access-times": (there + reparse, there - 2, reparse + 2, 0),
        "security-descriptors": (names, 0, names, 0),
        "short-names": (1, 1, 0, 0),
        "hard-links": (linked, 0, linked, 0),
        "reparse-points": (reparse, 0, reparse, 0),
    }
    shown = osdimage("compare", applied.wim, applied.volume)
    assert "a FAT32 volume, equal" in shown.out
    assert "what is dropped has no place there" in shown.out
    osdimage("compare", applied.wim, applied.volume, "--strict", code=1)


def test_the_volume_is_only_read(applied: Applied) -> None:
    before = judges.sha1_of(applied.volume)
    osdimage("compare", applied.wim, applied.volume)
    assert judges.sha1_of(applied.volume) == before


def test_a_volume_that_mtools_filled_is_equal_but_for_what_mtools_does_not_keep(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    (tree / "folder").mkdir(parents=True)
    for number, name in enumerate(["plain", "folder/A long name.text", "readme.txt", "MiXeD.txt", "folder/empty"]):
        (tree / name).write_bytes(bytes([number]) * (number * 1000 % 4000))
    for path in (*tree.rglob("*"), tree):
        # 2020-02-02 02:02:03.5 UTC
        os.utime(path, ns=(0, 1_580_608_923_500_000_000))
    judges.wimlib("capture", tree, tmp_path / "tree.wim")
    volume = make_fat(tmp_path / "volume.img")
    judges.run("mcopy", "-s", "-m", "-i", volume, *sorted(tree.iterdir()), "::/")
    outcome = osdimage("compare", tmp_path / "tree.wim", volume, "--json", code=1)
    assert {kind for kind, _ in found_by(outcome)} <= {"attributes", "creation-times", "access-times"}
    counts = counts_of(outcome)
    assert counts["names"] == (7, 7, 0, 0)
    assert counts["contents"] == (5, 5, 0, 0)
    assert counts["modification-times"] == (6, 6, 0, 0)


@pytest.mark.parametrize("sector_size", [512, 4096])
def test_a_partition_of_a_disk(applied: Applied, osdimage_disk: Callable[..., MadeDisk], sector_size: int) -> None:
    disk = osdimage_disk(size="2GB", preset="uefi", sector_size=sector_size)
    osdimage("apply", applied.wim, disk.path, "--partition", "1")
    outcome = osdimage("compare", applied.wim, disk.path, "--partition", "1", "--json")
    assert outcome.compared["partition"] == 1
    begin = disk.table.partitions[0].extent.first * sector_size
    judges.run("mattrib", "+h", "-i", f"{disk.path}@@{begin}", "::/plain")
    changed = osdimage("compare", applied.wim, disk.path, "--partition", "1", "--json", code=1)
    assert found_by(changed) == [("attributes", "/plain")]
    damage(disk.path, begin)
    failed = osdimage("compare", applied.wim, disk.path, "--partition", "1", code=3)
    assert f"{disk.path} partition 1: the volume is damaged: " in failed.err


def damage(image: Path, begin: int = 0) -> None:
    """Let all chains of the first FAT lead to a free cluster."""
    with image.open("r+b") as file:
        file.seek(begin)
        boot = file.read(512)
        sector, reserved = struct.unpack_from("<H", boot, 11)[0], struct.unpack_from("<H", boot, 14)[0]
        file.seek(begin + reserved * sector + 12)
        file.write(bytes(4000))


# ---- different


def replace(name: str, data: bytes) -> Callable[[Path, Path], object]:
    def plant(volume: Path, folder: Path) -> None:
        (folder / "new").write_bytes(data)
        judges.run("mcopy", "-o", "-i", volume, folder / "new", f"::/{name}")

    return plant


def shell(*words: str) -> Callable[[Path, Path], object]:
    return lambda volume, _: judges.run(words[0], "-i", volume, *words[1:])


def poke(short: bytes, offset: int, data: bytes) -> Callable[[Path, Path], object]:
    """Change bytes of the entry that has a short name."""

    def plant(volume: Path, _: Path) -> None:
        image = bytearray(volume.read_bytes())
        assert image.count(short) == 1
        at = image.index(short) + offset
        assert image[at : at + len(data)] != data
        image[at : at + len(data)] = data
        volume.write_bytes(image)

    return plant


def poke_contents(volume: Path, _: Path) -> None:
    image = volume.read_bytes()
    assert image.count(b"plain contents") == 1
    volume.write_bytes(image.replace(b"plain contents", b"Plain contents"))


def only_the_short_name(volume: Path, folder: Path) -> None:
    """Give a file the short name that mtools makes, and all else of its entry again."""
    before = volume.read_bytes()
    old = before.index(b"WISHED~7TEX")
    rename_short(volume, folder)
    image = bytearray(volume.read_bytes())
    new = image.index(b"ALONGF~1TEX")
    # Attributes and times; the first cluster stays as mtools chose it.
    for begin, end in ((11, 20), (22, 26)):
        image[new + begin : new + end] = before[old + begin : old + end]
    volume.write_bytes(image)


def rename_short(volume: Path, folder: Path) -> None:
    # Written anew, it gets a short name that mtools makes.
    replace("A long file name.text", b"5")(volume, folder)


def directory_for_a_file(volume: Path, _: Path) -> None:
    judges.run("mdel", "-i", volume, "::/plain")
    judges.run("mmd", "-i", volume, "::/plain")


WRITTEN = {"creation-times", "modification-times", "access-times", "attributes"}
DIFFERENCES: dict[str, tuple[Callable[[Path, Path], object], list[tuple[str, str]], set[str]]] = {
    "other contents": (replace("plain", b"PLAIN contents"), [("contents", "/plain")], WRITTEN),
    "longer": (replace("empty", b"no longer empty"), [("contents", "/empty")], WRITTEN),
    "attribute": (shell("mattrib", "+h", "::/plain"), [("attributes", "/plain")], set()),
    "attribute of a folder": (shell("mattrib", "+s", "::/folder"), [("attributes", "/folder")], set()),
    "missing file": (shell("mdel", "::/plain"), [("names", "/plain")], set()),
    "missing folder": (
        shell("mdeltree", "::/folder"),
        [(("names"), f"/folder{name}") for name in ("", "/nested folder", "/nested folder/deep", "/second")],
        set(),
    ),
    "extra file": (replace("new", b"extra"), [("extra", "/new")], set()),
    "extra folder": (shell("mmd", "::/new"), [("extra", "/new")], set()),
    "where a link was left out": (replace("link", b"extra"), [("extra", "/link")], set()),
    "renamed": (shell("mren", "::/plain", "other"), [("names", "/plain"), ("extra", "/other")], set()),
    # The bit that shows a short name in lower case.
    "other case": (poke(b"PLAIN      ", 12, b"\0"), [("extra", "/PLAIN"), ("names", "/plain")], set()),
    "directory for a file": (directory_for_a_file, [("names", "/plain")], set()),
    "other contents only": (poke_contents, [("contents", "/plain")], set()),
    "other short name only": (only_the_short_name, [("short-names", "/A long file name.text")], set()),
    "other short name": (rename_short, [("short-names", "/A long file name.text")], WRITTEN),
    # The hundredths, the date of the access and the time of the modification.
    "creation time": (poke(b"PLAIN      ", 13, b"\xc7"), [("creation-times", "/plain")], set()),
    "access time": (poke(b"PLAIN      ", 18, b"\x21\x28"), [("access-times", "/plain")], set()),
    "modification time": (poke(b"PLAIN      ", 22, b"\x01\x00"), [("modification-times", "/plain")], set()),
    "no modification time": (poke(b"PLAIN      ", 22, bytes(4)), [("modification-times", "/plain")], set()),
    "time beyond FAT": (poke(b"OF1601~1   ", 24, b"\x22\x00"), [("modification-times", "/of 1601")], set()),
    "time where none is known": (poke(b"NEVER      ", 18, b"\x22\x28"), [("access-times", "/never")], set()),
}


@pytest.mark.parametrize("name", DIFFERENCES)
def test_a_difference_is_found_and_named(applied: Applied, tmp_path: Path, name: str) -> None:
    plant, expected, along = DIFFERENCES[name]
    volume = tmp_path / "copy.img"
    judges.run("cp", "--sparse=always", applied.volume, volume)
    plant(volume, tmp_path)
    outcome = osdimage("compare", applied.wim, volume, "--json", code=1)
    assert not outcome.compared["is_equal"]
    found = found_by(outcome)
    assert set(expected) <= set(found)
    assert {kind for kind, _ in set(found) - set(expected)} <= along
    assert len({path for _, path in found}) == len({path for _, path in expected})


def test_each_class_of_facts_in_a_partition(applied: Applied, tmp_path: Path) -> None:
    volume, disk = tmp_path / "copy.img", tmp_path / "disk.img"
    judges.run("cp", "--sparse=always", applied.volume, volume)
    expected = [("creation-times", "/README.TXT"), ("modification-times", "/empty"), ("access-times", "/large")]
    for name in ("other contents only", "other short name only", "attribute of a folder", "extra file"):
        DIFFERENCES[name][0](volume, tmp_path)
        expected += DIFFERENCES[name][1]
    # The hundredths, the time of the modification and the date of the access.
    poke(b"README  TXT", 13, b"\xc7")(volume, tmp_path)
    poke(b"EMPTY      ", 22, b"\x01\x00")(volume, tmp_path)
    poke(b"LARGE      ", 18, b"\x21\x28")(volume, tmp_path)
    judges.run("mdel", "-i", volume, "::/third")
    expected.append(("names", "/third"))
    with disk.open("wb") as file:
        file.truncate(volume.stat().st_size + 2 * MIB)
    judges.run("sfdisk", "-q", disk, stdin=f"label: dos\nstart=2048, size={volume.stat().st_size // 512}, type=c\n")
    judges.run("dd", f"if={volume}", f"of={disk}", "bs=512", "seek=2048", "conv=notrunc,sparse", "status=none")
    outcome = osdimage("compare", applied.wim, disk, "--partition", "1", "--json", code=1)
    assert sorted(found_by(outcome)) == sorted(expected)


def test_what_was_expected_and_what_is_there(applied: Applied, tmp_path: Path) -> None:
    volume = tmp_path / "copy.img"
    judges.run("cp", "--sparse=always", applied.volume, volume)
    # 2000-02-03 04:05:06, with 1.23 s more for the creation.
    stamp = struct.pack("<HH", 4 << 11 | 5 << 5 | 3, 20 << 9 | 2 << 5 | 3)
    poke(b"ODDTIM~1   ", 13, b"\x7b" + stamp + stamp[2:])(volume, tmp_path)
    poke(b"ODDTIM~1   ", 22, stamp)(volume, tmp_path)
    judges.run("mattrib", "-a", "+r", "-i", volume, "::/odd times")
    outcome = osdimage("compare", applied.wim, volume, "--json", code=1)
    sides = {each["kind"]: (each["expected"], each["found"]) for each in outcome.compared["differences"]}
    assert sides == {
        "attributes": ("archive", "readonly"),
        "creation-times": ("2012-11-10 09:08:07.6500000 UTC", "2000-02-03 04:05:07.2300000 UTC"),
        "modification-times": ("2013-12-11 20:09:08.0000000 UTC", "2000-02-03 04:05:06.0000000 UTC"),
        "access-times": ("2014-01-12 00:00:00.0000000 UTC", "2000-02-03 00:00:00.0000000 UTC"),
    }


def test_encrypted_files_are_left_out(tmp_path: Path) -> None:
    tree = wimcraft.root(
        wimcraft.Node("encrypted", b"not its contents", attributes=0x4020),
        # Encrypted is here what a new file in the folder will be.
        wimcraft.Node("folder", children=[wimcraft.Node("inside", b"x")], attributes=0x4010),
        wimcraft.Node("plain", b"plain"),
    )
    wim = tmp_path / "image.wim"
    wim.write_bytes(wimcraft.build(tree))
    volume = make_fat(tmp_path / "volume.img")
    osdimage("apply", wim, volume)
    assert judges.run("mdir", "-b", "-i", volume, "::/").split() == ["::/folder/", "::/plain"]
    counts = counts_of(osdimage("compare", wim, volume, "--json"))
    assert counts["names"] == (5, 4, 1, 0)
    assert counts["contents"] == (3, 2, 1, 0)


# ---- what cannot be compared


def test_a_volume_in_use_is_noted(applied: Applied, tmp_path: Path) -> None:
    volume = tmp_path / "copy.img"
    judges.run("cp", "--sparse=always", applied.volume, volume)
    for at in (65, 6 * 512 + 65):
        with volume.open("r+b") as file:
            file.seek(at)
            file.write(b"\x01")
    outcome = osdimage("compare", applied.wim, volume)
    assert any("marked as in use" in text for text in outcome.warnings)


def test_a_damaged_volume_is_invalid_input(applied: Applied, tmp_path: Path) -> None:
    volume = tmp_path / "copy.img"
    judges.run("cp", "--sparse=always", applied.volume, volume)
    damage(volume)
    with WimFile.open(applied.wim) as wim, pytest.raises(InvalidVolume, match=r"copy\.img: the volume is damaged"):
        compare_image(wim.image(1), volume)


def test_a_volume_that_pyfatfs_cannot_read_is_refused(
    applied: Applied, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    volume = tmp_path / "copy.img"
    judges.run("cp", "--sparse=always", applied.volume, volume)
    for at in (40, 6 * 512 + 40):
        with volume.open("r+b") as file:
            file.seek(at)
            # BPB_ExtFlags: only the second FAT is kept up to date.
            file.write(b"\x81")
    with WimFile.open(applied.wim) as wim, pytest.raises(TargetRefused, match="one FAT of two"):
        compare_image(wim.image(1), volume)
    monkeypatch.setattr("osdimage.imaging.volume.fat.second.LARGEST_FAT", 1000)
    refused = osdimage("compare", applied.wim, applied.volume, code=4)
    assert "the volume has 8" in refused.err


# As of a package of a distribution that has no pyfatfs.
def test_without_pyfatfs_it_is_said_to_be_missing(applied: Applied, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyfatfs.PyFat", None)
    outcome = osdimage("compare", applied.wim, applied.volume, code=1)
    assert "the Python module pyfatfs to be compared, and that is missing" in outcome.err


def test_another_file_system_is_refused(applied: Applied, tmp_path: Path) -> None:
    volume = tmp_path / "small.img"
    with volume.open("wb") as file:
        file.truncate(16 * MIB)
    judges.run("mkfs.ext4", "-q", volume)
    refused = osdimage("compare", applied.wim, volume, code=4)
    assert "is an ext2, ext3 or ext4 volume" in refused.err
    assert "; an image is compared with a directory" in refused.err
