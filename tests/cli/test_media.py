"""``osdimage media``: discs of genisoimage and xorriso against the trees that they were made of, and discs that lie."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from cases import iso, started_media, udf
from cases.udf import Node
from judges import disc as judges
from judges.disk import run
from osdimage.imaging.units import format_size
from runs.commands import osdimage

EFI = b"\xeb\xfe".ljust(2048, b"e")
WIM = bytes(range(256)) * 300
TIME_NS = 1_580_702_706 * 10**9


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("media") / "tree"
    files = {"sources/install.wim": WIM, "sources/lang.ini": b"[x]\n", "efi/boot.img": EFI, "Übersicht.txt": b"text"}
    for name, contents in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(contents)
        os.utime(path / name, ns=(TIME_NS, TIME_NS))
    (path / "link").symlink_to("sources/lang.ini")
    (path / "away").symlink_to("/etc")
    os.mkfifo(path / "pipe")
    return path


@pytest.fixture(scope="module")
def disc(tree: Path) -> Path:
    """A disc with UDF and Rock Ridge; what only Unix has is in the second alone."""
    options = ("-udf", "-J", "-R", "-V", "WINDOWS", "-e", "efi/boot.img", "-no-emul-boot", "-c", "boot.cat")
    return judges.make("genisoimage", tree.with_name("disc.iso"), tree, *options)


@pytest.fixture(scope="module")
def rock(tree: Path) -> Path:
    return judges.make("xorriso", tree.with_name("rock.iso"), tree)


def paths_below(folder: Path) -> list[str]:
    return sorted(f"/{each.relative_to(folder)}" for each in folder.rglob("*"))


@pytest.mark.foreign
def test_what_a_disc_is_is_shown(disc: Path) -> None:
    (boot,) = judges.boot_images(disc)
    shown = osdimage("media", "show", disc)
    assert shown.err == ""
    lines = shown.out.splitlines()
    assert lines[0].startswith(f"{disc}: UDF 1.02, label WINDOWS, ")
    assert [each.split("  ")[0] for each in lines[3:7]] == [
        "UDF 1.02",
        "ISO 9660 with Rock Ridge",
        "ISO 9660",
        "Joliet",
    ]
    assert lines[-1].split() == [
        boot.platform, "yes", "no-emulation", str(boot.sectors), "sectors", f"{boot.block * 2048:,}", "/efi/boot.img"
    ]  # fmt: skip
    document = osdimage("media", "show", disc, "--json").document
    assert (document["tree"], document["label"], document["size_bytes"]) == ("udf", "WINDOWS", disc.stat().st_size)
    assert document["boot_entries"] == [
        {
            "platform": boot.platform.lower(),
            "is_bootable": True,
            "emulation": "no-emulation",
            "load_segment": 0,
            "system_type": 0,
            "sectors": boot.sectors,
            "offset_bytes": boot.block * 2048,
            "path": boot.path,
        }
    ]


@pytest.mark.foreign
def test_files_are_listed_as_those_of_an_image(rock: Path, tree: Path) -> None:
    assert "No firmware starts it." in osdimage("media", "show", rock).out
    assert sorted(osdimage("media", "list", rock).out.splitlines()) == ["/", *paths_below(tree)]
    assert osdimage("media", "list", rock, "SOURCES\\*.wim").out == "/sources/install.wim\n"
    (line,) = osdimage("media", "list", rock, "/sources/install.wim", "--columns").out.splitlines()
    assert line.split() == ["---------", "76,800", "2020-02-03", "04:05:06", "/sources/install.wim"]
    assert "mode:0120777 rdev:0" in osdimage("media", "list", rock, "/link", "--long").out
    entries = {each["path"]: each for each in osdimage("media", "list", rock, "--json").document["entries"]}
    assert entries["/link"]["reparse_tag"] == "0xa000000c"
    assert entries["/link"]["attributes"] == ["reparse_point"]
    assert entries["/sources/install.wim"]["streams"][0]["size"] == len(WIM)
    assert entries["/sources/install.wim"]["modified"] == "2020-02-03T04:05:06.0000000Z"
    facts = (tree / "pipe").lstat()
    assert [entries["/pipe"][each] for each in ("unix_mode", "unix_uid", "unix_gid")] == [
        facts.st_mode, facts.st_uid, facts.st_gid
    ]  # fmt: skip
    assert "holds no '/nothing'\n" in osdimage("media", "list", rock, "/nothing", code=2).err
    near = osdimage("media", "list", rock, "Sources/instal.wim", code=2).err
    assert near.endswith("holds no 'Sources/instal.wim'; did you mean '/sources/install.wim'?\n")


@pytest.mark.foreign
def test_everything_is_extracted_as_it_was(rock: Path, tree: Path, tmp_path: Path) -> None:
    done = osdimage("media", "extract", rock, "/", "--to", tmp_path / "out")
    assert done.warnings == ["FIFOs, sockets and devices left out: 1"]
    assert paths_below(tmp_path / "out") == [each for each in paths_below(tree) if each != "/pipe"]
    assert judges.hashes_of(tmp_path / "out") == judges.hashes_of(tree)
    for name in ("link", "away"):
        assert (tmp_path / "out" / name).readlink() == (tree / name).readlink()
    assert (tmp_path / "out/sources/install.wim").stat().st_mtime_ns == TIME_NS


@pytest.mark.foreign
def test_a_part_is_extracted_by_the_options_of_extract(disc: Path, tmp_path: Path) -> None:
    osdimage("media", "extract", disc, "SOURCES/install.wim", "--to", tmp_path / "one")
    assert paths_below(tmp_path / "one") == ["/install.wim"]
    osdimage(
        "media", "extract", disc, "/*/*.ini", "/nothing", "--nullglob", "--keep-directories", "--to", tmp_path / "two"
    )
    assert paths_below(tmp_path / "two") == ["/sources", "/sources/lang.ini"]
    assert osdimage("media", "extract", disc, "/Übersicht.txt", "/sources/lang.ini", "--to", "-").out == "text[x]\n"
    assert "more than the limit" in osdimage(
        "media", "extract", disc, "/", "--to", tmp_path / "three", "--limit-bytes", "1KB", code=4
    ).err  # fmt: skip
    assert not (tmp_path / "three").exists()
    assert "goes with no --json, --events - and --keep-directories" in osdimage(
        "media", "extract", disc, "/", "--to", "-", "--keep-directories", code=2
    ).err  # fmt: skip


@pytest.mark.foreign
def test_another_tree_is_read_when_it_is_asked_for(disc: Path, rock: Path) -> None:
    assert "/link" in osdimage("media", "list", disc, "--tree", "rock-ridge").out.splitlines()
    assert "/SOURCES/INSTALL.WIM" in osdimage("media", "list", disc, "--tree", "iso9660").out.splitlines()
    assert "has no tree of UDF; it has ISO 9660" in osdimage("media", "show", rock, "--tree", "udf", code=2).err


@pytest.mark.foreign
def test_a_damaged_tree_is_not_passed_over_and_another_is_named(disc: Path, tmp_path: Path) -> None:
    broken = bytearray(disc.read_bytes())
    # Block 256 has the anchor of UDF; genisoimage writes another one at the end.
    for place in (256 * 2048, len(broken) - 2048, len(broken) - 257 * 2048):
        broken[place : place + 2] = b"xx"
    (tmp_path / "broken.iso").write_bytes(broken)
    said = osdimage("media", "list", tmp_path / "broken.iso", code=3).err
    assert "no sound anchor" in said
    assert "; --tree rock-ridge reads ISO 9660 with Rock Ridge" in said
    assert "/link" in osdimage("media", "list", tmp_path / "broken.iso", "--tree", "rock-ridge").out.splitlines()


@pytest.mark.foreign
def test_a_disc_that_is_cut_off_is_told_and_nothing_is_left(disc: Path, tmp_path: Path) -> None:
    short = tmp_path / "short.iso"
    short.write_bytes(disc.read_bytes()[: 2048 * 300])
    assert "it is cut off" in osdimage("media", "list", short).err
    said = osdimage("media", "extract", short, "/", "--to", tmp_path / "out", code=3).err
    assert "is to be at bytes" in said
    assert not (tmp_path / "out").exists()
    assert (
        osdimage("media", "extract", short, "/sources/lang.ini", "/sources/install.wim", "--to", "-", code=3).out == ""
    )


@pytest.mark.foreign
def test_the_commands_for_images_point_to_those_for_discs(rock: Path, tmp_path: Path) -> None:
    assert "osdimage media list DISC" in osdimage("list", rock, code=3).err
    assert "osdimage media list DISC" in osdimage("extract", rock, "/", "--to", tmp_path / "out", code=3).err


def test_what_is_no_disc_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(bytes(100_000))
    assert "is no disc" in osdimage("media", "show", tmp_path / "file", code=3).err
    os.mkfifo(tmp_path / "pipe")
    for place in (tmp_path / "pipe", "/dev/zero"):
        assert "is neither a file nor a drive" in osdimage("media", "show", place, code=3).err
    assert "does not exist" in osdimage("media", "show", tmp_path / "nothing", code=2).err


@pytest.mark.parametrize(
    ("nodes", "said"),
    [
        ([Node("..", children=[Node("file", b"1")])], "the name of '/..' is not one that a directory takes"),
        ([Node("a/../../b", b"1")], "is not one that a directory takes"),
        ([Node("a\0b", b"1")], "is not one that a directory takes"),
        ([Node("x", b"\2\0\0\0\5\4\0\0\x08etc", kind=12, way=udf.WITHIN), Node("x", children=[Node("passwd", b"1")])],
         "holds two things called '/x'"),
        ([Node("x", b"\5\4\0\0\x08a\0b", kind=12, way=udf.WITHIN)], "a link of which the target holds a NUL"),
        ([Node("x", b"", kind=12, way=udf.WITHIN)], "a link of which the target is empty"),
    ],
)  # fmt: skip
def test_nothing_is_written_beside_the_directory(tmp_path: Path, nodes: list[Node], said: str) -> None:
    (tmp_path / "disc.udf").write_bytes(udf.build(Node(children=nodes)).data)
    for path in ("/", "/*"):
        done = osdimage("media", "extract", tmp_path / "disc.udf", path, "--to", tmp_path / "in/out", code=3)
        assert said in done.err
        assert len(done.err.splitlines()) == 1
    assert [each.name for each in tmp_path.iterdir()] == ["disc.udf"]


@pytest.mark.parametrize(
    ("nodes", "joliet", "said"),
    [
        ([iso.Node(b"D", children=[iso.Node(b"F", b"1")], more=iso.entry(b"NM", b"\0.."))], False, "'/..' is not one"),
        ([iso.Node(b"F", b"1", more=iso.entry(b"NM", b"\0../../f"))], False, "'/../../f' is not one"),
        ([iso.Node("../f".encode("utf-16-be"), b"1")], True, "'/../f' is not one"),
        ([iso.Node("..".encode("utf-16-be"), children=[])], True, "'/..' is not one"),
    ],
)
def test_names_of_iso_9660_do_not_lead_out_either(
    tmp_path: Path, nodes: list[iso.Node], joliet: bool, said: str
) -> None:
    (tmp_path / "disc.iso").write_bytes(iso.build(iso.Node(children=nodes), joliet=joliet).data)
    for options in ((), ("--keep-directories",)):
        done = osdimage("media", "extract", tmp_path / "disc.iso", "/", "--to", tmp_path / "a/b/out", *options, code=3)
        assert said in done.err
    assert [each.name for each in tmp_path.iterdir()] == ["disc.iso"]


def test_files_with_several_names_are_one(tmp_path: Path) -> None:
    made = udf.build(Node(children=[Node("a", b"one"), Node("b", b"two")]))
    # The second name leads to the first file, which says that it has two.
    made.patch(made.entries["/a"] + 48, "H", 2)
    made.seal(made.entries["/a"])
    begin = (
        udf.PARTITION + int.from_bytes(made.data[made.entries["/"] + 180 : made.entries["/"] + 184], "little")
    ) * 2048
    at = begin + made.names["/b"]
    made.patch(at + 24, "I", made.entries["/a"] // 2048 - udf.PARTITION)
    made.seal(at)
    (tmp_path / "disc.udf").write_bytes(made.data)
    osdimage("media", "extract", tmp_path / "disc.udf", "/", "--to", tmp_path / "out")
    assert (tmp_path / "out/a").stat().st_ino == (tmp_path / "out/b").stat().st_ino
    assert (tmp_path / "out/b").read_bytes() == b"one"


def test_what_cannot_be_read_is_told_before_anything_is_written(tmp_path: Path) -> None:
    file = iso.Node(b"F.;1", b"1", more=iso.mode(0o100644) + iso.entry(b"ZF", b"pz\4\x0f" + bytes(8)))
    (tmp_path / "disc.iso").write_bytes(iso.build(iso.Node(children=[file])).data)
    assert osdimage("media", "list", tmp_path / "disc.iso").out == "/\n/F\n"
    said = osdimage("media", "extract", tmp_path / "disc.iso", "/", "--to", tmp_path / "out", code=3).err
    assert "'/F' is compressed (zisofs), which is not read" in said
    assert not (tmp_path / "out").exists()


@pytest.mark.foreign
def test_what_is_extracted_is_what_xorriso_extracts(rock: Path, tmp_path: Path) -> None:
    osdimage("media", "extract", rock, "/", "--to", tmp_path / "ours")
    run(["xorriso", "-osirrox", "on", "-indev", f"stdio:{rock}", "-extract", "/", tmp_path / "theirs"])
    (tmp_path / "theirs/pipe").unlink()
    run(["chmod", "-R", "u+w", tmp_path / "theirs"])
    assert run(["diff", "-r", "--no-dereference", tmp_path / "ours", tmp_path / "theirs"]) == ""


def test_a_medium_that_is_sound_is_told_in_a_line_and_one_that_is_not_ends_with_3(tmp_path: Path) -> None:
    wim = started_media.make_wim(tmp_path / "boot.wim")
    files = started_media.medium_files(wim)
    disc = started_media.make_disc(tmp_path / "medium.iso", files, uefi=None)
    told = osdimage("media", "verify", disc)
    size = sum(map(len, files.values()))
    held = f"{len(files)} files, {format_size(size)}"
    line = f"{disc}: a disc, label MEDIUM, {held}: starts under BIOS (x64), as far as can be told"
    assert told.out.splitlines()[-1] == line
    bad = started_media.make_disc(tmp_path / "bad.iso", files | {"boot/bcd": b"none"}, uefi=None)
    told = osdimage("media", "verify", disc, bad, "--quiet", code=3)
    said = [each for each in told.out.splitlines() if not each.startswith(" ")]
    assert len(said) == 1
    assert said[0].startswith(f"error: {bad}: \\boot\\bcd: the BCD store: not a registry hive")
    assert said[0].endswith(" [bcd-damaged]")
    # With --boot-only the files are not counted.
    assert " files" not in osdimage("media", "verify", disc, "--boot-only").out
