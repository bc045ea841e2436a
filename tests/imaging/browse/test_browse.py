"""The files of volumes, listed and taken out without applying anything.

wimlib-imagex applies the image to the NTFS volume, and lists and extracts the same image; mtools fill the FAT32 volume.
"""

from __future__ import annotations

import re
import struct
from pathlib import Path

import pytest
from cases import udf, wof
from cases.cloud import SMALL, synced_volume
from cases.wimcraft import Node, build, folder, root
from judges import wim as judges
from judges.disk import copy_of, run
from osdimage.imaging.browse.places import open_tree
from osdimage.imaging.browse.tree import VolumeTree
from osdimage.imaging.errors import InvalidVolume
from runs.commands import osdimage

pytestmark = pytest.mark.foreign
MIB = 1 << 20


@pytest.fixture(scope="module")
def wim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    judges.require("wimlib-imagex")
    path = tmp_path_factory.mktemp("browse") / "image.wim"
    many = [Node(f"file {number:03}.txt", b"%d" % number) for number in range(150)]
    linked = [Node(name, SMALL * 500, link_group=5) for name in ("first", "second")]
    streams = Node("streams.txt", SMALL, streams={"one": b"1", "two": b"22"})
    text = "..\\plain.txt".encode("utf-16-le")
    data = len(text).to_bytes(2, "little")
    relative = Node("link", b"\0\0" + data + b"\0\0" + data + (1).to_bytes(4, "little") + text, reparse_tag=0xA000000C)
    text = "\\??\\C:\\Users".encode("utf-16-le")
    data = struct.pack("<HHHHI", 0, len(text), 0, len(text), 0) + text
    away = Node("away", data, reparse_tag=0xA000000C)
    folders = [folder("Many", *many), folder("Links", *linked, relative, away)]
    wof.make_wim(path, streams)
    compact = [
        wof.node(name, contents, wof.compressed(contents, "lzx", path.parent / "w"), wof.reparse_data(1))
        for name, contents in (("a.txt", wof.TEXT), ("b.bin", wof.MIXED))
    ]
    long = Node("A long name.text", b"short", short_name="ALONGN~1.TEX")
    path.write_bytes(build(root(*folders, folder("Compact", *compact), streams, long, Node("plain.txt", wof.TEXT))))
    return path


@pytest.fixture(scope="module")
def volume(wim: Path) -> Path:
    judges.require("mkntfs")
    return wof.make_volume(wim.with_name("volume.ntfs"), wim)


@pytest.fixture(scope="module")
def fat(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("fat") / "volume.img"
    with path.open("wb") as file:
        file.truncate(40 * MIB)
    run(["mkfs.vfat", "-F", "32", "-s", "1", path])
    (path.parent / "small").write_bytes(SMALL)
    for name in ("EFI", "EFI/Boot"):
        run(["mmd", "-i", path, f"::/{name}"])
    for name in ("EFI/Boot/bootx64.efi", "EFI/Boot/A longer name.txt", "top.txt"):
        run(["mcopy", "-i", path, path.parent / "small", f"::/{name}"])
    return path


@pytest.fixture(scope="module")
def leading_out(wim: Path) -> Path:
    """A volume with ``/../../file``."""
    image = wim.with_name("leading.wim")
    image.write_bytes(build(root(folder("12", folder("34", Node("file", b"outside"))))))
    volume = wof.make_volume(wim.with_name("leading.ntfs"), image)
    data = volume.read_bytes()
    for name in (each.encode("utf-16-le") for each in ("12", "34")):
        # As in $FILE_NAME: how many characters, in which namespace, and these.
        for before in (b"\2\0", b"\2\1", b"\2\2", b"\2\3"):
            data = data.replace(before + name, before + "..".encode("utf-16-le"))
    volume.write_bytes(data)
    return volume


def contents_of(folder_: Path) -> dict[str, bytes | str]:
    return {
        str(each.relative_to(folder_)): f"-> {each.readlink()}" if each.is_symlink() else each.read_bytes()
        for each in sorted(folder_.rglob("*"))
        if each.is_symlink() or each.is_file()
    }


def test_a_volume_lists_what_the_image_does(wim: Path, volume: Path) -> None:
    expected = judges.output("wimlib-imagex", "dir", wim, "1").splitlines()
    assert sorted(osdimage("list", volume).out.splitlines()) == sorted(each for each in expected if each)


@pytest.mark.parametrize(
    "pattern",
    ["/Many/file 00[0-4].txt", "/*/first", "/links/FIRST", "/Compact", "*.txt", "\\Many\\*9.txt"],
)
def test_patterns_are_those_of_an_image(wim: Path, volume: Path, pattern: str) -> None:
    expected = osdimage("list", wim, pattern).out.splitlines()
    assert expected
    found = osdimage("list", volume, pattern).out.splitlines()
    assert sorted(found) == sorted(expected)


def test_a_short_name_is_a_name(volume: Path) -> None:
    assert osdimage("list", volume, "/ALONGN~1.TEX").out == "/A long name.text\n"


def test_all_that_is_known_is_told(wim: Path, volume: Path) -> None:
    ours, theirs = (
        {each["path"]: each for each in osdimage("list", place, "--json").document["entries"]}
        for place in (volume, wim)
    )
    for path in ("/streams.txt", "/A long name.text", "/Links/first", "/Many"):
        for member in ("name", "short_name", "attributes", "links", "created", "modified", "accessed", "reparse_tag"):
            assert ours[path][member] == theirs[path][member], (path, member)
        sizes = [[(one["name"], one["size"]) for one in each[path]["streams"]] for each in (ours, theirs)]
        assert sizes[0] == sizes[1]
    assert ours["/Links/first"]["link_group"] == ours["/Links/second"]["link_group"]
    assert ours["/Compact/a.txt"]["streams"][0] == {
        "name": None, "size": len(wof.TEXT), "stored_size": None, "sha1": None, "is_missing": False
    }  # fmt: skip
    said = osdimage("list", volume, "/streams.txt", "--long").out
    assert re.findall(r'Named data stream "(.*)"', said) == ["one", "two"]
    assert "[one, two]" in osdimage("list", volume, "/streams.txt", "--columns").out


def test_everything_is_extracted_as_from_the_image(wim: Path, volume: Path, tmp_path: Path) -> None:
    said = osdimage("extract", volume, "/", "--to", tmp_path / "ours").err
    osdimage("extract", wim, "/", "--to", tmp_path / "theirs")
    assert "named streams not kept: 2" in said
    ours, theirs = contents_of(tmp_path / "ours"), contents_of(tmp_path / "theirs")
    assert ours.keys() == theirs.keys()
    assert ours == theirs
    first, second = ((tmp_path / "ours/Links" / name).stat() for name in ("first", "second"))
    assert first.st_ino == second.st_ino
    assert first.st_mtime == (tmp_path / "theirs/Links/first").stat().st_mtime
    assert (tmp_path / "ours/Many").stat().st_mtime == (tmp_path / "theirs/Many").stat().st_mtime


@pytest.mark.parametrize(
    ("options", "places"),
    [
        (("/Compact/a.txt",), ["a.txt"]),
        (("/Compact/a.txt", "--keep-directories"), ["Compact/a.txt"]),
        (("/*/a.*", "/Nothing*", "--nullglob"), ["a.txt"]),
        (("/Many/file 00?.txt",), [f"file {number:03}.txt" for number in range(10)]),
        (("/Compact",), ["Compact/a.txt", "Compact/b.bin"]),
    ],
)
def test_paths_become_places_as_for_an_image(
    volume: Path, tmp_path: Path, options: tuple[str, ...], places: list[str]
) -> None:
    osdimage("extract", volume, *options, "--to", tmp_path / "out")
    assert list(contents_of(tmp_path / "out")) == places


def test_contents_go_to_standard_output(volume: Path) -> None:
    said = osdimage("extract", volume, "/Compact/a.txt", "/Many/file 001.txt", "--to-stdout").out
    assert said == wof.TEXT.decode() + "1"
    assert "is a directory" in osdimage("extract", volume, "/Many", "--to-stdout", code=2).err
    assert "more than the limit" in osdimage("extract", volume, "/*.txt", "--to", "-", "--limit-bytes", "9", code=4).err


def test_a_fat32_volume_is_looked_at(fat: Path, tmp_path: Path) -> None:
    assert osdimage("list", fat).out.splitlines() == [
        "/",
        "/EFI",
        "/EFI/Boot",
        "/EFI/Boot/A longer name.txt",
        "/EFI/Boot/bootx64.efi",
        "/top.txt",
    ]
    osdimage("extract", fat, "/efi/boot/BOOTX64.EFI", "/EFI/Boot/ALONGE~1.TXT", "--to", tmp_path / "out")
    assert contents_of(tmp_path / "out") == {"A longer name.txt": SMALL, "bootx64.efi": SMALL}


def test_a_partition_of_a_disk_is_chosen(volume: Path, tmp_path: Path) -> None:
    disk = tmp_path / "disk.img"
    with disk.open("wb") as file:
        file.truncate(64 * MIB)
    run(["sfdisk", disk], text_in=f"label: gpt\nstart=2048, size={volume.stat().st_size // 512}\n")
    with disk.open("r+b") as file:
        file.seek(MIB)
        file.write(volume.read_bytes())
    assert osdimage("list", disk, "/plain.txt", "--partition", "1").out == "/plain.txt\n"
    osdimage("extract", disk, "/plain.txt", "--partition", "1", "--to", tmp_path / "out")
    assert (tmp_path / "out/plain.txt").read_bytes() == wof.TEXT
    assert "--partition" in osdimage("list", disk, code=2).err
    assert osdimage("list", disk, "/plain.txt", "--partition", "1", "--json").document["partition"] == 1


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("list", "/nothing"), 2, "holds no '/nothing'"),
        (("list", "/nothing*"), 2, "nothing that fits"),
        (("list", "--index", "1"), 2, "--index: for images of WIMs"),
        (("extract", "/plain.txt", "--to", "out", "--check"), 2, "--check: for images of WIMs"),
        (("extract", "/plain.txt", "--to", "out", "--names", "keep"), 2, "--names: for images of WIMs"),
        (("extract", "/plain.txt", "--to", "out", "--limit-bytes", "10"), 4, "more than the limit"),
        (("extract", "/*/*", "/plain.txt", "/Links/../plain.txt", "--to", "out"), 2, "holds no"),
    ],
)
def test_what_cannot_be_is_refused(
    volume: Path, tmp_path: Path, arguments: tuple[str, ...], code: int, said: str
) -> None:
    command, *rest = (str(tmp_path / "out") if each == "out" else each for each in arguments)
    assert said in osdimage(command, volume, *rest, code=code).err
    assert not (tmp_path / "out").exists()


def test_nothing_is_written_through_a_link_or_in_the_place_of_another_kind(volume: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    (out / "elsewhere").mkdir(parents=True)
    (out / "Compact").symlink_to(out / "elsewhere")
    assert "symbolic link" in osdimage("extract", volume, "/Compact", "--to", out, code=4).err
    assert (
        "symbolic link" in osdimage("extract", volume, "/Compact/a.txt", "--keep-directories", "--to", out, code=4).err
    )
    (out / "plain.txt").mkdir()
    assert "another kind" in osdimage("extract", volume, "/plain.txt", "--to", out, code=4).err
    assert not any((out / "elsewhere").iterdir())
    (out / "plain.txt").rmdir()
    (out / "target").write_bytes(b"kept")
    (out / "plain.txt").symlink_to("target")
    osdimage("extract", volume, "/plain.txt", "--to", out)
    assert (out / "plain.txt").read_bytes() == wof.TEXT
    assert (out / "target").read_bytes() == b"kept"


def test_damaged_contents_are_an_error_and_leave_nothing(tmp_path: Path) -> None:
    damaged = wof.node("bad.dll", bytes(9000), b"\xff" * 900, wof.reparse_data(0))
    (tmp_path / "a.wim").write_bytes(build(root(damaged, Node("good", b"good"))))
    volume = wof.make_volume(tmp_path / "volume.ntfs", tmp_path / "a.wim")
    said = osdimage("extract", volume, "/", "--to", tmp_path / "out", code=3).err
    assert "'/bad.dll' is compressed by Windows" in said
    outcome = osdimage("extract", volume, "/good", "/bad.dll", "--to-stdout", code=3)
    assert outcome.out == ""
    assert not (tmp_path / "out").exists()


def test_a_name_that_leads_out_of_the_directory_is_refused(volume: Path, tmp_path: Path) -> None:
    hostile = copy_of(volume, tmp_path / "hostile.ntfs")
    data = hostile.read_bytes()
    name, other = (each.encode("utf-16-le") for each in ("plain.txt", "../ain.tx"))
    assert data.count(name) >= 2
    hostile.write_bytes(data.replace(name, other))
    assert (
        "'../ain.tx', which no file can have"
        in osdimage("extract", hostile, "/", "--to", tmp_path / "out/in", code=3).err
    )
    assert not (tmp_path / "out").exists()
    assert [each.name for each in tmp_path.iterdir()] == ["hostile.ntfs"]


@pytest.mark.parametrize("pattern", ["/", "/*/*", "/*/*/file", "/../../file"])
def test_a_directory_that_leads_out_is_refused_also_above_what_is_named(
    pattern: str, leading_out: Path, tmp_path: Path
) -> None:
    out = tmp_path / "one/two/out"
    said = osdimage("extract", leading_out, pattern, "--to", out, "--keep-directories", code=3).err
    assert "the name of '/..' is not one that a directory takes" in said
    assert not any(tmp_path.iterdir())


def test_nothing_is_written_through_a_link_of_the_volume(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    text = str(outside).encode("utf-16-le")
    data = struct.pack("<HHHHI", 0, len(text), 0, len(text), 1) + text
    link = Node("same 1", data, reparse_tag=0xA000000C)
    (tmp_path / "a.wim").write_bytes(build(root(link, folder("same 2", Node("file", b"through the link")))))
    volume = wof.make_volume(tmp_path / "volume.ntfs", tmp_path / "a.wim")
    # No driver of NTFS writes two things of one name into a folder.
    changed = volume.read_bytes().replace("same 2".encode("utf-16-le"), "same 1".encode("utf-16-le"))
    volume.write_bytes(changed)
    said = osdimage("extract", volume, "/", "--to", tmp_path / "out", code=3).err
    assert "holds two things called '/same 1'" in said
    assert not (tmp_path / "out").exists()
    assert not any(outside.iterdir())


def _one(path: Path, *nodes: Node) -> Path:
    wim = path.with_suffix(".wim")
    wim.write_bytes(build(root(Node("first.txt", SMALL), *nodes)))
    return wof.make_volume(path, wim)


def _link(target: str) -> Node:
    text = target.encode("utf-16-le")
    data = struct.pack("<HHHHI", 0, len(text), 0, len(text), 1) + text
    return Node("link", data, reparse_tag=0xA000000C)


@pytest.mark.parametrize(
    ("node", "said"),
    [
        pytest.param(Node("\u6f22" * 100, SMALL), "has 300 bytes in UTF-8, and {out} takes names of 255", id="a name"),
        pytest.param(_link("a\0b"), "'/link' is a link of which the target holds a NUL", id="a link with a NUL"),
        pytest.param(
            _link("\u6f22" * 1400),
            "'/link' is a link of which the target has 4200 bytes in UTF-8, and Linux takes 4095",
            id="a long link",
        ),
    ],
)
def test_what_a_directory_does_not_take_is_refused_before_anything_is_written(
    node: Node, said: str, tmp_path: Path
) -> None:
    volume, out = _one(tmp_path / "volume.ntfs", node), tmp_path / "out"
    assert said.format(out=out) in osdimage("extract", volume, "/", "--to", out, code=3).err
    assert not out.exists()
    osdimage("extract", volume, "/first.txt", "--to", out)
    assert contents_of(out) == {"first.txt": SMALL}


def test_a_name_with_a_backslash_is_refused(volume: Path, tmp_path: Path) -> None:
    hostile = copy_of(volume, tmp_path / "hostile.ntfs")
    name, other = (each.encode("utf-16-le") for each in ("plain.txt", "..\\in.txt"))
    hostile.write_bytes(hostile.read_bytes().replace(name, other[: len(name)]))
    said = osdimage("extract", hostile, "/", "--to", tmp_path / "out", code=3).err
    assert "is not one that a directory takes" in said
    assert not (tmp_path / "out").exists()


def test_a_path_that_is_too_long_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    deep = Node("file", SMALL)
    for _ in range(20):
        deep = folder("n" * 250, deep)
    volume = _one(tmp_path / "volume.ntfs", deep)
    said = osdimage("extract", volume, "/", "--to", tmp_path / "out", code=3).err
    assert "and Linux takes 4095" in said
    assert not (tmp_path / "out").exists()


def test_holes_of_a_sparse_file_are_holes(tmp_path: Path) -> None:
    """The ntfs-3g driver makes a file sparse that is written behind its end."""
    volume = judges.make_ntfs(tmp_path / "volume.ntfs", 32 << 20)
    with (
        judges.mounted_ntfs(volume, tmp_path / "mount") as mounted,
        (mounted / "sparse").open("wb") as file,
    ):
        file.seek(10 << 20)
        file.write(b"\1" * 5000)
        file.truncate(64 * MIB)
    # More than there is room for would be refused, if holes took any.
    osdimage("extract", volume, "/sparse", "--to", tmp_path / "out")
    found = tmp_path / "out/sparse"
    assert found.read_bytes() == (bytes(10 << 20) + b"\1" * 5000).ljust(64 * MIB, b"\0")
    assert found.stat().st_blocks * 512 <= 64 << 10


def test_a_directory_in_itself_ends(volume: Path) -> None:
    with open_tree(volume) as tree:

        class Looped(type(tree)):  # type: ignore[misc]
            def children(self, found):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
                return [found]

        tree.__class__ = Looped
        assert isinstance(tree, VolumeTree)
        with pytest.raises(InvalidVolume, match="is in itself"):
            list(tree.walk(tree.root()))


def test_a_directory_of_a_fat32_volume_in_itself_is_refused(fat: Path, tmp_path: Path) -> None:
    hostile = copy_of(fat, tmp_path / "hostile.img")
    data = bytearray(hostile.read_bytes())
    # Entries of FAT: name, attributes, and at byte 26 the first cluster (its upper half is 0).
    above, below = (data.index(name.ljust(11) + b"\x10") for name in (b"EFI", b"BOOT"))
    data[below + 26 : below + 28] = data[above + 26 : above + 28]
    hostile.write_bytes(data)
    for command in (("list", hostile), ("extract", hostile, "/", "--to", tmp_path / "out")):
        said = osdimage(*command, code=3).err
        assert "'/EFI/Boot' is in itself, or in two places" in said
    assert not (tmp_path / "out").exists()


@pytest.fixture(scope="module")
def synced(tmp_path_factory: pytest.TempPathFactory) -> Path:
    linked = [Node(name, SMALL * 500, link_group=5) for name in ("first", "second", "third")]
    return synced_volume(tmp_path_factory.mktemp("cloud") / "volume.ntfs", *linked)


def test_a_folder_in_step_with_a_cloud_is_looked_into(synced: Path, tmp_path: Path) -> None:
    listed = osdimage("list", synced, "/desktop").out.splitlines()
    assert sorted(each for each in listed if "Many/file" not in each) == [
        "/Desktop",
        "/Desktop/Many",
        "/Desktop/Many/là *?.txt",
        "/Desktop/here.txt",
        "/Desktop/online.txt",
    ]
    said = osdimage("extract", synced, "/Desktop", "--to", tmp_path / "out", "--limit-bytes", str(101 * 15)).err
    assert said == "warning: files that are in a cloud only left out: 2\n"
    found = contents_of(tmp_path / "out")
    assert (len(found), found["Desktop/here.txt"]) == (101, SMALL)
    assert osdimage("extract", synced, "/Desktop/here.txt", "--to-stdout").out == SMALL.decode()
    assert "/Desktop/online.txt is" in osdimage("extract", synced, "/Desktop/online.txt", "--to-stdout", code=2).err


def test_what_has_several_names_takes_room_once(synced: Path, tmp_path: Path) -> None:
    limit = str(len(SMALL) * 500)
    osdimage("extract", synced, "/first", "/second", "/third", "--to", tmp_path / "out", "--limit-bytes", limit)
    assert (tmp_path / "out/third").stat().st_nlink == 3


def test_a_link_of_a_disc_is_spelled_as_the_names_are(tmp_path: Path) -> None:
    # Half a surrogate pair, which UTF-8 forbids, in a name and in the link to it (ECMA-167, 4/14.16.1).
    text = b"\x10\xd8\x00"
    link = udf.Node("link", b"\5" + bytes([len(text), 0, 0]) + text, kind=12, way=udf.WITHIN)
    (tmp_path / "disc.udf").write_bytes(udf.build(udf.Node(children=[udf.Node("\ud800", b"1"), link])).data)
    osdimage("media", "extract", tmp_path / "disc.udf", "/", "--to", tmp_path / "out")
    assert (tmp_path / "out/link").read_bytes() == b"1"
