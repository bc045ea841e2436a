"""A volume with files that Windows has compressed, captured as if it had not.

wimlib-imagex compresses the contents, applies them to the volume and tells what the new WIM holds (``cases/wof.py``).
"""

from __future__ import annotations

import errno
import re
import struct
from pathlib import Path

import pytest
from cases import wof
from cases.wimcraft import Node, build, folder, root
from judges import wim as judges
from judges.disk import copy_of
from osdimage.imaging.browse.places import open_tree
from osdimage.imaging.disk.places import open_volume
from osdimage.imaging.scratch import scratch_folder
from osdimage.imaging.volume.ntfs.decompacted import decompacted
from osdimage.imaging.volume.ntfs.mft import Mft
from osdimage.imaging.volume.ntfs.plain_records import PlainData, plain_record
from osdimage.imaging.volume.ntfs.records import BootSector, decode_runs, parse_record
from runs.commands import osdimage

pytestmark = pytest.mark.foreign

# So many that they have no room in one record, before and behind the compressed stream.
OTHERS = {f"{letter}{number}": b"%c%d" % (ord(letter), number) * 40 for letter in "AZ" for number in range(6)}
SHORT_TEXT = wof.TEXT[:30_000]


def odd_files(workplace: Path) -> list[Node]:
    """Return a file of which the metadata have no room in a record, and one with a short name."""
    data, stream = wof.reparse_data(1), wof.compressed(SHORT_TEXT, "lzx", workplace)
    listed = wof.node("listed.dll", SHORT_TEXT, stream, data)
    listed.streams |= OTHERS
    short = wof.node("a long name.dll", SHORT_TEXT, stream, data)
    short.short_name = "ALONGN~1.DLL"
    return [listed, short]


@pytest.fixture(scope="module")
def volume(tmp_path_factory: pytest.TempPathFactory) -> Path:
    judges.require("wimlib-imagex")
    judges.require("mkntfs")
    folder_ = tmp_path_factory.mktemp("decompact")
    return wof.make_volume(
        folder_ / "volume.ntfs", wof.make_wim(folder_ / "compact.wim", *odd_files(folder_ / "workplace"))
    )


@pytest.fixture(scope="module")
def captured(volume: Path) -> Path:
    wim = volume.with_name("plain.wim")
    said = osdimage("capture", volume, wim, "--decompact").out
    assert "plain, and compressed by Windows before: 10 files" in said
    return wim


def test_contents_are_plain_and_all_else_is_kept(captured: Path, tmp_path: Path) -> None:
    judges.wimlib("verify", captured)
    told = judges.output("wimlib-imagex", "dir", captured, "1", "--detailed")
    assert "Wof" not in told
    assert "REPARSE" not in told
    assert "SPARSE" not in told
    assert told.count('"ALONGN~1.DLL"') == 1
    judges.wimlib("extract", captured, "1", "/compact", f"--dest-dir={tmp_path}")
    found = {each.name: each.read_bytes() for each in (tmp_path / "compact").iterdir()}
    assert found == wof.files() | dict.fromkeys(["listed.dll", "a long name.dll"], SHORT_TEXT)
    listed = judges.output("wimlib-imagex", "dir", captured, "1", "--detailed", "--path=/compact/listed.dll")
    assert set(re.findall(r'Named data stream "(.*)"', listed)) == set(OTHERS)


def test_it_is_equal_to_the_volume_by_contents(captured: Path, volume: Path) -> None:
    osdimage("compare", captured, volume, "--content", "--strict")


def test_the_volume_is_as_it_was(volume: Path, tmp_path: Path) -> None:
    copied = copy_of(volume, tmp_path / "volume.ntfs")
    before = copied.read_bytes()
    document = osdimage("capture", copied, tmp_path / "a.wim", "--decompact", "--json").document
    assert document["images"][0]["decompacted"] == 10
    assert copied.read_bytes() == before


def test_without_the_option_files_are_stored_as_they_are(volume: Path, tmp_path: Path) -> None:
    document = osdimage("capture", volume, tmp_path / "a.wim", "--json").document
    assert document["images"][0]["decompacted"] == 0
    told = judges.output("wimlib-imagex", "dir", tmp_path / "a.wim", "1", "--detailed")
    assert told.count("WofCompressedData") == 10


def test_a_file_that_cannot_be_expanded_is_named_and_nothing_is_left(tmp_path: Path) -> None:
    damaged = wof.node("bad.dll", bytes(9000), b"\xff" * 900, wof.reparse_data(0))
    (tmp_path / "a.wim").write_bytes(build(root(folder("x", damaged))))
    volume = wof.make_volume(tmp_path / "volume.ntfs", tmp_path / "a.wim")
    said = osdimage("capture", volume, tmp_path / "b.wim", "--decompact", code=3).err
    assert "'x\\\\bad.dll' is compressed by Windows" in said
    assert not (tmp_path / "b.wim").exists()


def test_a_file_that_claims_to_be_empty_is(volume: Path, tmp_path: Path) -> None:
    """Its unnamed stream has clusters, all of them holes, and no byte."""
    emptied = copy_of(volume, tmp_path / "emptied.ntfs")
    with open_volume(volume) as opened, open_tree(opened) as tree:
        found = tree.find("/compact/lzx.txt")
        assert found is not None
        number = found.source.entry.record
        boot = BootSector.from_bytes(opened.window().read_at(0, 512), volume.stat().st_size)
        ((at, size),) = Mft(opened.window(), boot).places(number)
    with emptied.open("r+b") as file:
        file.seek(at)
        record = bytearray(file.read(size))
        # An attribute of 0x80 that is not resident and has no name; its sizes are at 48 and 56.
        head = re.compile(b"\x80\0\0\0....\1\0", re.DOTALL).search(record)
        assert head is not None
        data = head.start()
        record[data + 48 : data + 64] = bytes(16)
        file.seek(at)
        file.write(record)
    wim = tmp_path / "a.wim"
    osdimage("capture", emptied, wim, "--decompact")
    judges.wimlib("extract", wim, "1", "/compact/lzx.txt", f"--dest-dir={tmp_path}")
    assert (tmp_path / "lzx.txt").read_bytes() == b""
    judges.wimlib("verify", wim)


def test_a_stream_without_clusters_has_no_run() -> None:
    """As mkntfs writes the empty $BadClus, for one: its mapping pairs are a zero (<ntfs-3g/layout.h>, ATTR_RECORD)."""
    head = struct.pack("<4sHHQHHHHIIQHHI", b"FILE", 48, 3, 0, 1, 1, 56, 1, 136, 1024, 0, 3, 0, 7).ljust(56, b"\0")
    stream = struct.pack("<IIBBHHHqqHHIqqq", 0x80, 72, 1, 0, 64, 0, 0, 0, 0, 64, 0, 0, 4096, 0, 0) + b"\1\1\0".ljust(
        8, b"\0"
    )
    block = (head + stream + b"\xff" * 4).ljust(1024, b"\0")
    plain = plain_record(block, 7, PlainData(0, first_cluster=99, clusters=0), 4096)
    record = parse_record(plain, 7, frozenset({0x80}))
    assert record is not None
    assert list(decode_runs(record.attributes[0], 100)) == []
    assert (record.attributes[0].last_vcn, record.attributes[0].size) == (-1, 0)


def test_a_directory_has_none(tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    assert (
        "only an NTFS volume does"
        in osdimage("capture", tmp_path / "tree", tmp_path / "a.wim", "--decompact", code=2).err
    )


def test_its_room_is_asked_for_first(volume: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with scratch_folder() as inside:
        monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": 1 << 10})())
        said = osdimage("capture", volume, tmp_path / "a.wim", "--decompact", code=1).err
        assert str(inside.parent) in said
    assert "name another folder in TMPDIR" in said


def test_what_fails_for_who_reads_it_is_no_fault_of_the_temporary_file(volume: Path) -> None:
    reason = OSError(errno.EPIPE, "whoever read has gone")

    def read() -> None:
        with open_volume(volume) as opened, decompacted(opened):
            raise reason

    with pytest.raises(BrokenPipeError) as caught:
        read()
    assert caught.value is reason
