"""``osdimage list``."""

from __future__ import annotations

import errno
import json
import os
import struct
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cases import trees, wimcraft
from cases.ntfs_items import OPEN
from judges import wim as judges
from runs.commands import osdimage

ENTRY_KEYS = {
    "path",
    "name",
    "short_name",
    "attributes",
    "reparse_tag",
    "links",
    "link_group",
    "created",
    "modified",
    "accessed",
    "security_descriptor",
    "object_id",
    "unix_mode",
    "unix_uid",
    "unix_gid",
    "unix_device",
    "extended_attributes",
    "streams",
}


def test_paths_are_those_of_the_tree(pair: Path, tree: Path) -> None:
    out = osdimage("list", pair, "--index", "1").out
    assert set(out.splitlines()) == {"/", *trees.read_tree(tree)}


def test_the_json_document_tells_everything(pair: Path, tree: Path) -> None:
    entries = {entry["path"]: entry for entry in osdimage("list", pair, "--index", "1", "--json").document["entries"]}
    expected = trees.read_tree(tree)
    assert set(entries) == {"/", *expected}
    groups: dict[int, set[str]] = {}
    for path, node in expected.items():
        entry = entries[path]
        assert set(entry) == ENTRY_KEYS
        assert entry["name"] == path.rpartition("/")[2]
        if entry["link_group"] is not None and entry["links"] > 1:
            groups.setdefault(entry["link_group"], set()).add(path)
        if node.kind == "folder":
            assert "directory" in entry["attributes"]
        elif node.kind == "link":
            assert "reparse_point" in entry["attributes"]
            assert entry["reparse_tag"] == "0xa000000c"
        else:
            (stream,) = entry["streams"]
            assert set(stream) == {"name", "size", "stored_size", "sha1", "is_missing"}
            assert (stream["size"], stream["is_missing"]) == (node.size, False)
            assert stream["sha1"] == (node.sha1 if node.size else None)
    assert {frozenset(paths) for paths in groups.values()} == trees.link_groups(expected)


def test_times_have_seven_digits(pair: Path) -> None:
    entries = {entry["path"]: entry for entry in osdimage("list", pair, "--index", "1", "--json").document["entries"]}
    for path, nanoseconds in (("/old.txt", trees.OLD_NS), ("/future.txt", trees.FUTURE_NS)):
        seconds, rest = divmod(nanoseconds, 10**9)
        whole = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
        assert entries[path]["modified"] == f"{whole}.{rest // 100:07d}Z"


@pytest.mark.foreign
def test_the_latest_time_that_ntfs_knows_does_not_stop_the_listing(tmp_path: Path) -> None:
    volume = judges.make_ntfs(tmp_path / "volume.ntfs", 16 << 20)
    with judges.mounted_ntfs(volume, tmp_path / "mount") as mount:
        (mount / "file").write_bytes(b"x")
        # The largest FILETIME that Windows accepts is in the year 30828.
        os.setxattr(mount / "file", "system.ntfs_times_be", (0x7FFFFFFFFFFFFFFF).to_bytes(8, "big") * 3)
    osdimage("capture", volume, tmp_path / "new.wim")
    entries = {entry["path"]: entry for entry in osdimage("list", tmp_path / "new.wim", "--json").document["entries"]}
    assert entries["/file"]["modified"] is None
    assert "after the year 9999" in osdimage("list", tmp_path / "new.wim", "--columns").out


def test_a_path_is_listed_with_what_is_below(pair: Path) -> None:
    out = osdimage("list", pair, r"\SUB", "--index", "1").out
    assert out.splitlines() == ["/sub", "/sub/third name of random.bin"]
    assert osdimage("list", pair, "/sub", "--no-recurse", "--index", "1").out.splitlines() == ["/sub"]


def test_a_path_that_is_not_there_is_a_usage_error(pair: Path) -> None:
    outcome = osdimage("list", pair, "/nothing here", "--index", "1", code=2)
    (line,) = outcome.err.splitlines()
    assert str(pair) in line
    assert "nothing here" in line
    failed = osdimage("list", pair, "/nothing here", "--index", "1", "--json", code=2).document["error"]
    assert (failed["code"], failed["kind"]) == (2, "invalid-request")


def test_columns_show_attributes_size_and_time(pair: Path) -> None:
    lines = osdimage("list", pair, "/old.txt", "--index", "1", "--columns").out.splitlines()
    assert len(lines) == 1
    attributes, size, day, time, path = lines[0].split(maxsplit=4)
    assert set(attributes) <= set("drhslacep-")
    assert (size, day, time, path) == ("9", "1906-08-16", "20:26:40", "/old.txt")


def as_wimlib(wim: Path, image: str) -> str:
    return judges.output("wimlib-imagex", "dir", wim, image, "--detailed")


@pytest.mark.foreign
@pytest.mark.parametrize("option", ["--long", "-l", "--detailed"])
def test_the_long_form_is_that_of_wimlib(option: str, pair: Path) -> None:
    assert osdimage("list", pair, "--index", "1", option).out == as_wimlib(pair, "1")


@pytest.mark.foreign
def test_the_long_form_has_all_that_a_file_can_have(tmp_path: Path) -> None:
    def item(tag: int, data: bytes) -> bytes:
        return struct.pack("<II", tag, len(data)) + data + bytes(-len(data) % 8)

    device = item(1, bytes(range(64))) + item(0x337DD873, struct.pack("<IIII", 1, 2, 0o60644, 0x801))
    tree = wimcraft.root(
        wimcraft.Node("f", b"x", security_id=0, short_name="F~1", streams={"s": b"abc"}, items=device),
        wimcraft.symlink("l", "C:\\x"),
        wimcraft.folder("d", *(wimcraft.Node(name, b"x", link_group=7) for name in "gh")),
        wimcraft.Node("encrypted", attributes=0x4020),
        # The last FILETIME that Windows takes is in the year 30828.
        wimcraft.Node("last", attributes=0xFFFF & ~0x4410, created=(1 << 63) - 1),
    )
    plain, solid = tmp_path / "plain.wim", tmp_path / "solid.esd"
    plain.write_bytes(wimcraft.build(tree, descriptors=[OPEN]))
    judges.wimlib("export", plain, "1", solid, "--solid")
    for wim in (plain, solid):
        assert osdimage("list", wim, "--long").out == as_wimlib(wim, "1")
        assert "rdev:0x801" in as_wimlib(wim, "1")
    (entry,) = osdimage("list", plain, "/f", "--json").document["entries"]
    # 0x801 is sda1 (Documentation/admin-guide/devices.txt of Linux: block, major 8, minor 1).
    assert entry["unix_device"] == {"major": 8, "minor": 1}


@pytest.mark.foreign
@pytest.mark.parametrize("more", [(), ("--pipable",)], ids=["plain", "pipable"])
def test_extended_attributes_are_told(more: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "file").write_bytes(b"x")
    try:
        os.setxattr(tmp_path / "tree" / "file", "user.colour", b"red")
    except OSError:
        pytest.skip("no extended attributes here")
    judges.wimlib("capture", tmp_path / "tree", tmp_path / "one.wim", "--unix-data", "--compress=none", *more)
    entries = osdimage("list", tmp_path / "one.wim", "--json").document["entries"]
    assert [each["extended_attributes"] for each in entries] == [[], [{"name": "user.colour", "value": b"red".hex()}]]
    lines = osdimage("list", tmp_path / "one.wim", "-l").out.splitlines()
    assert [line for line in lines if line.startswith("Ext")] == ['Extended Attribute  = "user.colour" 0x726564']


def test_one_form_is_chosen(pair: Path) -> None:
    assert "choose one" in osdimage("list", pair, "--index", "1", "--long", "--columns", code=2).err


def test_of_several_images_one_must_be_chosen(pair: Path) -> None:
    assert "1: first" in osdimage("list", pair, code=2).err


@pytest.mark.parametrize("words", ["list {} --index 1", "list {} --index 1 --long", "info {}"])
def test_quiet_leaves_what_was_asked_for(words: str, pair: Path) -> None:
    asked = words.format(pair).split()
    assert osdimage(*asked, "--quiet").out == osdimage(*asked).out != ""


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Capture files whose names are patterns themselves, beside others."""
    folder = tmp_path_factory.mktemp("logs")
    for name in ("setup1.log", "setup[1].log", "Old/Deep/x.log", "Old/notes.txt", "other"):
        (folder / "tree" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "tree" / name).touch()
    osdimage("capture", folder / "tree", folder / "logs.wim")
    return folder / "logs.wim"


@pytest.mark.parametrize(
    ("words", "listed"),
    [
        pytest.param("/*.log", ["/setup1.log", "/setup[1].log"], id="within a name"),
        pytest.param("o*", ["/Old", "/Old/Deep", "/Old/Deep/x.log", "/Old/notes.txt", "/other"], id="all below"),
        pytest.param("o* --no-recurse", ["/Old", "/other"], id="not below"),
        pytest.param("/* --no-recurse", ["/Old", "/other", "/setup1.log", "/setup[1].log"], id="not the root"),
        pytest.param(r"\*\DEEP", ["/Old/Deep", "/Old/Deep/x.log"], id="part by part"),
        pytest.param("/setup[1].log", ["/setup[1].log"], id="a name that is a pattern"),
        pytest.param("/setup[12].log", ["/setup1.log"], id="characters"),
    ],
)
def test_a_pattern_lists_what_fits(words: str, listed: list[str], logs: Path) -> None:
    assert osdimage("list", logs, *words.split(" ")).out.splitlines() == listed
    assert [each["path"] for each in osdimage("list", logs, *words.split(" "), "--json").document["entries"]] == listed
    assert [
        line.split(maxsplit=4)[-1] for line in osdimage("list", logs, *words.split(), "-c").out.splitlines()
    ] == listed


def test_a_pattern_that_nothing_fits_is_an_error(logs: Path) -> None:
    refused = osdimage("list", logs, "/*.exe", code=2)
    assert (refused.out, refused.err) == ("", f"osdimage: {logs}: image 1 holds nothing that fits '/*.exe'\n")


def test_a_name_that_is_a_pattern_is_extracted_by_itself(logs: Path, tmp_path: Path) -> None:
    osdimage("extract", logs, "/setup[1].log", "--to", tmp_path / "one")
    assert [each.name for each in (tmp_path / "one").iterdir()] == ["setup[1].log"]
    osdimage("extract", logs, "/setup*.log", "--to", tmp_path / "both")
    assert sorted(each.name for each in (tmp_path / "both").iterdir()) == ["setup1.log", "setup[1].log"]


@pytest.mark.parametrize("options", [(), ("--long",), ("--json",)])
def test_a_damaged_tree_is_told_without_words_of_the_system(tmp_path: Path, options: tuple[str, ...]) -> None:
    (tmp_path / "source").mkdir()
    for number in range(20):
        (tmp_path / f"source/file {number}").touch()
    wim = tmp_path / "x.wim"
    osdimage("capture", tmp_path / "source", wim)
    (tree,) = (each for each in json.loads(osdimage("info", wim, "--blobs", "--json").out)["blobs"] if each["is_tree"])
    with wim.open("r+b") as file:
        file.seek(tree["offset"])
        file.write(b"\xff" * tree["stored_size"])
    said = osdimage("list", wim, *options, code=3).err
    assert "damaged" in said
    assert os.strerror(errno.EBADMSG) not in said
