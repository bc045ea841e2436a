"""UDF volumes with every way to describe a file, which 7zz and GRUB judge, too."""

from __future__ import annotations

import random
import struct
from pathlib import Path

import pytest
from cases import udf
from cases.udf import LONG, WITHIN, Node
from judges import disc as judges
from osdimage.imaging.disc.facts import DiscExtent, FileKind
from osdimage.imaging.disc.opened import Disc, open_disc
from osdimage.imaging.errors import InvalidVolume

_BIG = random.Random(3).randbytes(30_000)
_ZEROS = bytes(8192)
JUDGED = (
    Node("short.bin", _BIG),
    Node("long.bin", _BIG, way=LONG, pieces=(4096, 16384)),
    Node("within.txt", b"embedded", way=WITHIN),
    Node("hidden", b"h", flags=1),
    Node("日本 Ü", b"w"),
    Node("wide", b"w", wide=True),
    Node("empty", b""),
    Node("Dir", children=[Node("sub", children=[Node("x", b"deep", way=WITHIN)], way=WITHIN)]),
    Node("L" * 254, b"long name"),
)
# 7zz says "Unsupported Method" of these.
CHAIN = Node("chain", _BIG, pieces=(4096, 8192, 16384), in_chain=True)
HOLES = Node("holes", b"a" * 4096 + _ZEROS + b"b" * 100, pieces=(4096, 4096 + len(_ZEROS)), holes=frozenset({1}))
DELETED = Node("deleted", b"d", flags=4)


def contents(disc: Disc, path: str) -> bytes:
    found = disc.find(path)
    assert found is not None
    return b"".join(disc.pieces(found))


def write(made: udf.Made, path: Path) -> Path:
    path.write_bytes(made.data)
    return path


def expected(nodes: tuple[Node, ...], above: str = "") -> dict[str, bytes | None]:
    found: dict[str, bytes | None] = {}
    for each in nodes:
        found[f"{above}/{each.name}"] = each.contents
        found |= expected(tuple(each.children), f"{above}/{each.name}")
    return found


@pytest.mark.foreign
@pytest.mark.parametrize(
    ("revision", "block"), [(0x0102, 2048), (0x0150, 512), (0x0200, 2048), (0x0201, 2048), (0x0201, 512)]
)
def test_every_way_to_describe_a_file_is_read_as_7zz_does(tmp_path: Path, revision: int, block: int) -> None:
    made = udf.build(Node(children=(*JUDGED, DELETED)), revision=revision, block=block)
    path = write(made, tmp_path / "volume.udf")
    listed = judges.seven_zip(path, "udf")
    with open_disc(path) as disc:
        found = {each.path: each for each in disc.walk()}
        assert found.keys() - {"/"} == listed.keys() == expected(JUDGED).keys()
        for each, facts in listed.items():
            assert (found[each].is_directory, found[each].size, found[each].modified_ns) == (
                facts.is_directory, facts.size, facts.modified_ns
            ), each  # fmt: skip
        assert found["/hidden"].is_hidden
        assert found["/wide"].created_ns == (udf.TIME_NS if revision >= 0x0200 else None)
        read = {each: None if one.is_directory else contents(disc, each) for each, one in found.items()}
        del read["/"]
        assert read == expected(JUDGED)
    hashes = judges.seven_zip_hashes(path, "udf", tmp_path / "out")
    assert hashes["/short.bin"] == hashes["/long.bin"]
    assert {each: (tmp_path / f"out{each}").read_bytes() for each in hashes} == {
        each: data for each, data in expected(JUDGED).items() if data is not None
    }


@pytest.mark.foreign
@pytest.mark.parametrize("block", [2048, 4096])
def test_extents_that_go_on_elsewhere_are_read_as_grub_does(tmp_path: Path, block: int) -> None:
    path = write(udf.build(Node(children=[CHAIN]), block=block), tmp_path / "volume.udf")
    (tmp_path / "file").write_bytes(_BIG)
    assert judges.is_same_to_grub(path, "/chain", tmp_path / "file")
    with open_disc(path) as disc:
        assert contents(disc, "/chain") == _BIG


def test_what_is_not_recorded_is_zeros(tmp_path: Path) -> None:
    # ECMA-167, 4/14.14.1.1; 7zz refuses such files, and GRUB hands out what was in its memory.
    with open_disc(write(udf.build(Node(children=[HOLES])), tmp_path / "volume.udf")) as disc:
        found = disc.find("/holes")
        assert found is not None
        assert [(each.offset is None, each.size) for each in disc.extents(found)] == [
            (False, 4096), (True, len(_ZEROS)), (False, 100)
        ]  # fmt: skip
        assert contents(disc, "/holes") == HOLES.contents


def test_of_several_entries_of_a_file_the_newest_counts(tmp_path: Path) -> None:
    # ECMA-167, 4/14.6.2 and 4/14.7, as on discs that are written once; 7zz and GRUB take the oldest.
    made = udf.build(Node(children=[Node("amended", b"new contents", is_amended=True)]))
    with open_disc(write(made, tmp_path / "volume.udf")) as disc:
        assert contents(disc, "/amended") == b"new contents"


def test_extents_tell_where_the_contents_are(tmp_path: Path) -> None:
    made = udf.build(Node(children=JUDGED))
    with open_disc(write(made, tmp_path / "volume.udf")) as disc:
        for path in ("/short.bin", "/long.bin", "/within.txt"):
            found = disc.find(path)
            assert found is not None
            extents = disc.extents(found)
            assert sum(each.size for each in extents) == found.size
            read = b"".join(made.data[each.offset : (each.offset or 0) + each.size] for each in extents)
            assert read == contents(disc, path)
        assert len(extents) == 1


def test_extents_beside_each_other_are_one(tmp_path: Path) -> None:
    made = udf.build(Node(children=[Node("a", _BIG)]))
    at = made.entries["/a"]
    length, block = struct.unpack_from("<II", made.data, at + 176)
    # As a file of more than 1 GiB has them.
    made.patch(at + 172, "I", 16)
    made.patch(at + 10, "H", 176 - 16 + 16)
    made.patch(at + 176, "IIII", 2048, block, length - 2048, block + 1)
    made.seal(at)
    with open_disc(write(made, tmp_path / "volume.udf")) as disc:
        found = disc.find("/a")
        assert found is not None
        assert disc.extents(found) == (DiscExtent((udf.PARTITION + block) * 2048, len(_BIG)),)


@pytest.mark.parametrize(
    ("data", "target"),
    [
        (b"\5\4\0\0\x08abc\3\0\0\0\4\0\0\0\5\2\0\0\x08d", "abc/.././d"),
        (b"\2\0\0\0\5\4\0\0\x08abc", "/abc"),
        (b"\2\0\0\0", "/"),
    ],
)
def test_a_symbolic_link_is_a_path_of_components(tmp_path: Path, data: bytes, target: str) -> None:
    # ECMA-167, 4/14.16.1; no program here writes them without root.
    made = udf.build(Node(children=[Node("link", data, kind=12, way=WITHIN), Node("pipe", b"", kind=9)]))
    with open_disc(write(made, tmp_path / "volume.udf")) as disc:
        kinds = {each.path: (each.kind, each.target) for each in disc.walk()}
        assert kinds["/link"] == (FileKind.LINK, target)
        assert kinds["/pipe"] == (FileKind.SPECIAL, None)


def test_a_time_of_another_zone_is_the_same_moment(tmp_path: Path) -> None:
    made = udf.build(Node(children=[Node("a", b"1")]))
    at = made.entries["/a"]
    zones = {0x1000: 0, 0x1000 | -300 & 0xFFF: 300, 0x1000 | -2047 & 0xFFF: 0, 0x1000 | 60: -60}
    for zone, minutes in zones.items():
        made.patch(at + 84, "H", zone)
        made.seal(at)
        with open_disc(write(made, tmp_path / "volume.udf")) as disc:
            found = disc.find("/a")
            assert found is not None
            assert found.modified_ns == udf.TIME_NS + 3600 * 10**9 + minutes * 60 * 10**9


def test_the_copy_of_the_volume_descriptors_is_taken(tmp_path: Path) -> None:
    made = udf.build(Node(children=JUDGED))
    made.data[udf.MAIN * 2048 + 40] ^= 1
    with open_disc(write(made, tmp_path / "volume.udf")) as disc:
        assert disc.label == "LABEL"
        assert disc.notes == ("a volume descriptor of UDF, in block 80, has a wrong CRC; its copy is taken",)


def test_the_anchor_at_the_end_is_taken(tmp_path: Path) -> None:
    made = udf.build(Node(children=JUDGED))
    made.data[udf.ANCHOR * 2048] ^= 1
    with open_disc(write(made, tmp_path / "volume.udf")) as disc:
        assert disc.notes == ("the UDF volume has no anchor in block 256",)


def test_a_volume_that_is_open_says_so(tmp_path: Path) -> None:
    made = udf.build(Node())
    made.patch(udf.INTEGRITY * 2048 + 28, "I", 0)
    made.seal(udf.INTEGRITY * 2048)
    with open_disc(write(made, tmp_path / "volume.udf")) as disc:
        assert disc.notes == ("the UDF volume is marked open: what wrote it did not finish",)


def _other_map(name: bytes) -> bytes:
    return b"\2\x40\0\0\0" + name.ljust(59, b"\0")


@pytest.mark.parametrize(
    ("partition_map", "said"),
    [
        (_other_map(b"*UDF Metadata Partition"), "a metadata partition, as UDF 2.50 has, which is not read"),
        (_other_map(b"*Other Partition"), "has 1 partition maps; one plain partition is read"),
        (b"\1\6\2\0\0\0", "is on disc 2 of a set, and this is disc 1"),
        (b"\1\6\1\0\7\0", "is in partition 7, which is not described"),
        (b"\1\7\1\0\0\0", "a damaged table of partition maps"),
    ],
)
def test_a_volume_that_is_not_one_plain_partition_is_refused(tmp_path: Path, partition_map: bytes, said: str) -> None:
    made = udf.build(Node(), partition_map=partition_map)
    with pytest.raises(InvalidVolume, match=said):
        open_disc(write(made, tmp_path / "volume.udf"))
