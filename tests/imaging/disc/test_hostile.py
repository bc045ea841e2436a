"""Discs that lie: each is refused, in bounded time, with what is wrong and where."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path

import pytest
from cases import iso, udf
from cases.udf import PARTITION, Made, Node
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from osdimage.imaging.disc.facts import DiscExtent, FileKind
from osdimage.imaging.disc.opened import Disc, open_disc
from osdimage.imaging.disc.source import DiscSource
from osdimage.imaging.errors import InvalidInput, InvalidVolume

BLOCK = 2048
FE_SIZE, FE_TABLE_BYTES, FE_TABLE, FE_FLAGS = 56, 172, 176, 34


def read_all(disc: Disc) -> None:
    disc.boot_entries()
    for each in disc.walk():
        if each.kind is FileKind.FILE:
            for _ in islice(disc.pieces(each), 4):
                pass


def what_is_told(path: Path) -> str:
    """Return why a disc is refused; nothing, when it can be read."""
    try:
        with open_disc(path) as disc:
            read_all(disc)
    except InvalidInput as error:
        return str(error)
    return ""


def refused(path: Path, said: str) -> None:
    with pytest.raises(InvalidVolume, match=said), open_disc(path) as disc:
        read_all(disc)


def _two_levels() -> Made:
    return udf.build(Node(children=[Node("dir", children=[Node("file", b"x" * 5000)]), Node("other", b"y")]))


def _points_at(made: Made, name: str, block: int) -> None:
    """Let a name of the root, whose directory has one extent, lead to another entry."""
    folder = name.rpartition("/")[0] or "/"
    (begin,) = struct.unpack_from("<I", made.data, made.entries[folder] + FE_TABLE + 4)
    at = (PARTITION + begin) * BLOCK + made.names[name]
    made.patch(at + 24, "I", block)
    made.seal(at)


def _block_of(made: Made, path: str) -> int:
    return made.entries[path] // BLOCK - PARTITION


def _loop(made: Made) -> None:
    _points_at(made, "/dir/file", _block_of(made, "/dir"))


def _root_below(made: Made) -> None:
    _points_at(made, "/dir/file", _block_of(made, "/"))


def _beyond(made: Made) -> None:
    at = made.entries["/dir/file"]
    made.patch(at + FE_TABLE + 4, "I", 1 << 30)
    made.seal(at)


def _huge(made: Made) -> None:
    at = made.entries["/dir/file"]
    made.patch(at + FE_SIZE, "Q", 1 << 62)
    made.seal(at)


def _huge_directory(made: Made) -> None:
    at = made.entries["/dir"]
    made.patch(at + FE_SIZE, "Q", 1 << 40)
    made.seal(at)


def _large_table(made: Made) -> None:
    at = made.entries["/dir/file"]
    made.patch(at + FE_TABLE_BYTES, "I", 0xFFFF)
    made.seal(at)


def _no_descriptors(made: Made) -> None:
    at = made.entries["/dir/file"]
    made.patch(at + FE_FLAGS, "H", 2)
    made.seal(at)


def _other_strategy(made: Made) -> None:
    at = made.entries["/other"]
    made.patch(at + 20, "H", 7)
    made.seal(at)


def _amended_for_ever(made: Made) -> None:
    # The next block says that there is a newer entry: this one.
    at = made.entries["/other"]
    made.patch(at + 20, "H", 4096)
    made.seal(at)
    block = _block_of(made, "/other")
    entry = udf.tagged(259, block + 1, bytes(20) + udf.long_ad(BLOCK, block))
    made.data[at + BLOCK : at + BLOCK + len(entry)] = entry


def _chain_in_itself(made: Made) -> None:
    at = made.entries["/dir/file"]
    block = _block_of(made, "/other") + 1
    made.patch(at + FE_TABLE, "II", BLOCK | 3 << 30, block)
    made.seal(at)
    more = udf.tagged(258, block, struct.pack("<IIII", 0, 8, BLOCK | 3 << 30, block))
    made.data[(PARTITION + block) * BLOCK : (PARTITION + block) * BLOCK + len(more)] = more


def _wrong_crc(made: Made) -> None:
    made.data[made.entries["/other"] + 60] ^= 1


def _wrong_place(made: Made) -> None:
    at = made.entries["/other"]
    made.patch(at + 12, "I", 7)
    made.seal(at)


def _cut_name(made: Made) -> None:
    (begin,) = struct.unpack_from("<I", made.data, made.entries["/dir"] + FE_TABLE + 4)
    at = (PARTITION + begin) * BLOCK + made.names["/dir/file"]
    made.patch(at + 36, "H", 0xFFFF)
    made.seal(at)


def _crc_of_others(made: Made) -> None:
    # Right, but over the name behind it, too.
    (begin,) = struct.unpack_from("<I", made.data, made.entries["/"] + FE_TABLE + 4)
    at = (PARTITION + begin) * BLOCK + made.names["/dir"]
    made.patch(at + 10, "H", made.names["/other"] - made.names["/dir"] + 8)
    made.seal(at)


def _no_root(made: Made) -> None:
    made.patch(PARTITION * BLOCK + 404, "I", _block_of(made, "/other"))
    made.seal(PARTITION * BLOCK)


def _pointers_for_ever(made: Made) -> None:
    # In both copies the first descriptor says that they go on where they begin.
    for place in (udf.MAIN, udf.RESERVE):
        pointer = udf.tagged(3, place, struct.pack("<III", 1, 16 * BLOCK, place) + bytes(484))
        made.data[place * BLOCK : place * BLOCK + len(pointer)] = pointer


def _long_sequence(made: Made) -> None:
    made.patch(udf.ANCHOR * BLOCK + 16, "IIII", 0xFFFFF800, udf.MAIN, 0xFFFFF800, udf.RESERVE)
    made.seal(udf.ANCHOR * BLOCK)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        pytest.param(_loop, "'/dir/file' is in itself, or in two places", id="loop"),
        pytest.param(_root_below, "'/dir/file' is in itself, or in two places", id="root in itself"),
        pytest.param(_beyond, "'/dir/file' is to be at bytes .*, and the disc has", id="beyond the end"),
        pytest.param(_huge, "is to have 4611686018427387904 bytes, and has 5000", id="less than it says"),
        pytest.param(_huge_directory, "'/dir' has 1099511627776 bytes; 67108864 are read at most", id="huge directory"),
        pytest.param(_large_table, "'/dir/file': its file entry, at byte .*, is larger than its block", id="table"),
        pytest.param(_no_descriptors, "'/dir/file' has allocation descriptors of kind 2", id="extended descriptors"),
        pytest.param(_other_strategy, "'/other': its file entry, at byte .*, follows strategy 7", id="strategy"),
        pytest.param(_amended_for_ever, "'/other' has more than 64 file entries, or a loop", id="newer for ever"),
        pytest.param(_chain_in_itself, "the list of extents of '/dir/file' is shared with others", id="chain"),
        pytest.param(_wrong_crc, "'/other': its file entry, at byte .*, has a wrong CRC", id="CRC"),
        pytest.param(_wrong_place, "'/other': .*, says to be in block 7, and is in", id="location"),
        pytest.param(_crc_of_others, "'/': the name at byte 40 of it has a wrong CRC", id="crc-of-others"),
        pytest.param(_cut_name, "'/dir': the name at byte 40 of it is cut off", id="name"),
        pytest.param(_no_root, "the root of the UDF volume is no directory", id="root"),
        pytest.param(_pointers_for_ever, "volume descriptors in more than 16 places", id="pointers"),
        pytest.param(_long_sequence, "more than 256 are not believed", id="long sequence"),
    ],
)
def test_a_udf_volume_that_lies_is_refused(tmp_path: Path, damage: Callable[[Made], None], said: str) -> None:
    made = _two_levels()
    damage(made)
    (tmp_path / "volume.udf").write_bytes(made.data)
    refused(tmp_path / "volume.udf", said)


def test_directories_that_share_their_names_are_refused_before_they_take_long(tmp_path: Path) -> None:
    # Many directories, each with the same many names: what that takes would grow with the square of the disc.
    names = [Node(f"file {number}", b"", way=udf.WITHIN) for number in range(150)]
    folders = [Node(f"dir {number}", children=[], way=udf.WITHIN) for number in range(100)]
    made = udf.build(Node(children=[Node("many", children=names), *folders]), block=512)
    source = made.entries["/many"]
    table = made.data[source + FE_SIZE : source + FE_TABLE + 8]
    for number in range(100):
        at = made.entries[f"/dir {number}"]
        made.data[at + FE_SIZE : at + FE_TABLE + 8] = table
        made.patch(at + FE_FLAGS, "H", udf.SHORT)
        made.seal(at)
    (tmp_path / "volume.udf").write_bytes(made.data)
    refused(tmp_path / "volume.udf", "is shared with others: together they would be larger than the disc")


def test_a_link_that_many_names_lead_to_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Reading it for each name would take a time that grows with the square of the disc.
    link = Node("link", b"\4\0\0\0" * 4, kind=12, pieces=[4, 8], in_chain=True)
    made = udf.build(Node(children=[link, *(Node(f"{number}", b"") for number in range(20))]))
    for number in range(20):
        _points_at(made, f"/{number}", _block_of(made, "/link"))
    (tmp_path / "volume.udf").write_bytes(made.data)
    read: list[str] = []
    pieces = DiscSource.pieces

    def noted(self: DiscSource, extents: Iterable[DiscExtent], what: str) -> Iterator[bytes]:
        read.append(what)
        return pieces(self, extents, what)

    monkeypatch.setattr(DiscSource, "pieces", noted)
    with open_disc(tmp_path / "volume.udf") as disc:
        assert {each.target for each in disc.walk() if not each.is_directory} == {"./././."}
    assert [each for each in read if each.startswith("the link")] == ["the link '/link'"]


def test_a_disc_deeper_than_any_should_be_is_refused(tmp_path: Path) -> None:
    node = Node("d", children=[])
    for _ in range(300):
        node = Node("d", children=[node])
    (tmp_path / "volume.udf").write_bytes(udf.build(Node(children=[node]), block=512).data)
    refused(tmp_path / "volume.udf", "is more than 255 directories deep")


@pytest.fixture(scope="module")
def sample() -> Made:
    kinds = [
        Node("within", b"1", way=udf.WITHIN),
        Node("chain", b"c" * 5000, pieces=(2048,), in_chain=True),
        Node("new", b"n", is_amended=True),
        Node("link", b"\5\2\0\0\x08a", kind=12, way=udf.WITHIN),
    ]
    return udf.build(Node(children=[Node("dir", children=kinds), *kinds]), block=512)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_volume_with_any_field_changed_is_read_or_refused(sample: Made, tmp_path: Path, data: st.DataObject) -> None:
    made = Made(bytearray(sample.data), sample.block, sample.entries, sample.names)
    kinds = [each for each in range(0, len(made.data), 512) if any(made.data[each : each + 2])]
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.sampled_from(kinds))
        offset = data.draw(st.integers(16, 300))
        value = data.draw(st.binary(min_size=1, max_size=8))
        made.data[at + offset : at + offset + len(value)] = value
        made.seal(at)
    path = tmp_path / "volume.udf"
    path.write_bytes(made.data)
    assert "\n" not in what_is_told(path)


# ---- ISO 9660 ----

_LONG_NAME = iso.entry(b"NM", b"\1" + b"n" * 200)
# Two lists that lead to each other, in the block before the root's.
_RING = iso.goes_on(19, 28, 28) + iso.goes_on(19, 0, 28)


def _file(more: bytes) -> iso.Node:
    return iso.Node(b"FILE.;1", b"contents", more=iso.mode(0o100644) + more)


@pytest.mark.parametrize(
    ("node", "said"),
    [
        pytest.param(_file(iso.goes_on(19, 0, 28)), "Rock Ridge in more than 64 places, or in a loop", id="ring"),
        pytest.param(_file(iso.goes_on(19, 0, 1 << 30)), "of 1073741824 bytes; 4096 are read", id="long list"),
        pytest.param(_file(iso.goes_on(1 << 30, 0, 28)), "and the disc has", id="list beyond the end"),
        pytest.param(_file(_LONG_NAME[:100] + b"NM\xff\1"), "a list of Rock Ridge that is cut off", id="cut list"),
        pytest.param(_file(iso.goes_on(19, 100, 1230)), "a name of more than 255 bytes", id="long name"),
        pytest.param(_file(iso.entry(b"SL", b"\0\0\x50abc")), "a symbolic link that is cut off", id="cut link"),
        pytest.param(_file(iso.goes_on(19, 1400, 600)), "a symbolic link to more than 4096 bytes", id="long link"),
        pytest.param(_file(iso.entry(b"CL", iso.both_32(20))), "'/FILE' is in itself, or in two places", id="moved"),
        pytest.param(_file(iso.entry(b"CL", iso.both_32(19))), "does not begin as a directory", id="moved to nothing"),
        pytest.param(iso.Node(b"A", b"1", flags=0x80), "has no last extent", id="extents"),
        pytest.param(iso.Node(b"A", children=[], flags=0x80), "has no last extent", id="extents of a directory"),
    ],
)
def test_a_volume_of_iso_9660_that_lies_is_refused(tmp_path: Path, node: iso.Node, said: str) -> None:
    links = b"".join(iso.entry(b"SL", b"\1\1\xf0" + b"l" * 240) for _ in range(2))
    behind = _RING.ljust(100, b"\0") + (_LONG_NAME * 6).ljust(1300, b"\0") + links + iso.goes_on(19, 1400, 600)
    (tmp_path / "disc.iso").write_bytes(iso.build(iso.Node(children=[node]), behind=behind).data)
    refused(tmp_path / "disc.iso", said)


def _patched(made: iso.Made, at: int, form: str, *values: int) -> None:
    struct.pack_into(form, made.data, at, *values)


def _directory_in_itself(made: iso.Made) -> None:
    _patched(made, made.records[b"/DIR/SUB"] + 2, "<I", made.directories[b"/DIR"] // iso.BLOCK)


def _directory_of_4_gib(made: iso.Made) -> None:
    _patched(made, made.records[b"/DIR"] + 10, "<I", 0xFFFFFFFF)


def _file_beyond(made: iso.Made) -> None:
    _patched(made, made.records[b"/DIR/F"] + 2, "<I", 1 << 31)


def _record_too_long(made: iso.Made) -> None:
    made.data[made.records[b"/DIR/F"] + 32] = 200


def _interleaved(made: iso.Made) -> None:
    made.data[made.records[b"/DIR/F"] + 26] = 2


def _of_another_disc(made: iso.Made) -> None:
    _patched(made, made.records[b"/DIR/F"] + 28, "<H", 2)


def _odd_block(made: iso.Made) -> None:
    _patched(made, 16 * iso.BLOCK + 128, "<H", 3)


def _no_root_of_iso(made: iso.Made) -> None:
    made.data[16 * iso.BLOCK + 156] = 0


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        pytest.param(_directory_in_itself, "'/DIR/SUB' is in itself, or in two places", id="loop"),
        pytest.param(_directory_of_4_gib, "'/DIR' has 4294967295 bytes; 67108864 are read at most", id="huge"),
        pytest.param(_file_beyond, "'/DIR/F' is to be at bytes 4398046511104", id="beyond the end"),
        pytest.param(_record_too_long, "'/DIR', at byte .*, has a damaged record", id="record"),
        pytest.param(_interleaved, "'/DIR/F' is interleaved with others, which is not read", id="interleaved"),
        pytest.param(_of_another_disc, "'/DIR/F' is on disc 2 of a set, and this is disc 1", id="set"),
        pytest.param(_odd_block, "has blocks of 3 bytes; 2048 are usual", id="blocks"),
        pytest.param(_no_root_of_iso, "the root of the ISO 9660 volume is not described", id="root"),
    ],
)
def test_records_that_lie_are_refused(tmp_path: Path, damage: Callable[[iso.Made], None], said: str) -> None:
    tree = iso.Node(children=[iso.Node(b"DIR", children=[iso.Node(b"SUB", children=[]), iso.Node(b"F", b"1")])])
    made = iso.build(tree, root_list=b"")
    damage(made)
    (tmp_path / "disc.iso").write_bytes(made.data)
    refused(tmp_path / "disc.iso", said)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_volume_of_iso_9660_with_any_byte_changed_is_read_or_refused(tmp_path: Path, data: st.DataObject) -> None:
    lists = [_file(iso.entry(b"NM", b"\0name")), _file(iso.entry(b"SL", b"\0\0\2ab")), _file(iso.goes_on(19, 0, 40))]
    tree = iso.Node(children=[*lists, iso.Node(b"DIR", children=[iso.Node(b"SUB", children=lists)])])
    made = iso.build(tree, behind=iso.entry(b"TF", b"\7" + bytes((120, 1, 1, 1, 1, 1, 0)) * 3).ljust(40, b"\0"))
    used = [at for at in range(16 * iso.BLOCK, len(made.data)) if made.data[at]]
    for _ in range(data.draw(st.integers(1, 6))):
        made.data[data.draw(st.sampled_from(used))] = data.draw(st.integers(0, 255))
    path = tmp_path / "disc.iso"
    path.write_bytes(made.data)
    assert "\n" not in what_is_told(path)
