"""Files that Windows has compressed as a whole are read, or refused by their names, and never taken for zeros.

wimlib-imagex compresses the contents and applies the WIM to the volumes (see ``cases/wof.py``); mtools and ntfscat
judge what is written.
"""

from __future__ import annotations

import hashlib
import os
import struct
from pathlib import Path

import pytest
from cases import wof as cases
from cases.wimcraft import FILE, REPARSE_POINT, Node, build, folder, root
from cases.wof import ALGORITHMS, MIXED, TEXT, reparse_data
from hypothesis import given
from hypothesis import strategies as st
from judges import wim as judges
from judges.disk import copy_of
from osdimage.imaging import WimFile, apply_image, compare_image, wof
from osdimage.imaging.disk.places import open_volume
from osdimage.imaging.errors import CorruptWim, InvalidInput, InvalidVolume, TooSmall
from osdimage.imaging.files import FileSource
from osdimage.imaging.service.replace import replace_file
from osdimage.imaging.volume.filesystems import open_files
from osdimage.imaging.wim.extracted.options import ExtractOptions
from osdimage.imaging.wim.select import ImageSelector
from runs.commands import osdimage

MIB = 1 << 20
FILES = cases.files()


@pytest.fixture(scope="module")
def wim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    judges.require("wimlib-imagex")
    return cases.make_wim(tmp_path_factory.mktemp("wof") / "compact.wim")


@pytest.fixture(scope="module")
def volume(wim: Path) -> Path:
    judges.require("mkntfs")
    return cases.make_volume(wim.with_name("volume.ntfs"), wim)


def read_all(source: FileSource) -> dict[str, bytes]:
    found = {}
    for each in source.list("compact"):
        contents = source.read(each.path)
        assert not each.is_link
        assert each.size == len(contents)
        found[each.name] = contents
    return found


@pytest.mark.foreign
def test_an_image_applied_to_a_directory_has_the_plain_contents(wim: Path, tmp_path: Path) -> None:
    with WimFile.open(wim) as opened:
        result = apply_image(opened.image(1), tmp_path / "out")
        assert {each.name: each.read_bytes() for each in (tmp_path / "out/compact").iterdir()} == FILES
        assert [str(each) for each in result.losses if "WOF" in str(each)] == [
            "compression of files by Windows (WOF) not kept: 8"
        ]
        assert not any("reparse" in str(each) or "streams" in str(each) for each in result.losses)
        assert compare_image(opened.image(1), tmp_path / "out").is_equal
        with (tmp_path / "out/compact/lzx.txt").open("r+b") as file:
            file.seek(1000)
            file.write(b"changed")
        os.utime(tmp_path / "out/compact/lzx.txt", ns=(0, (tmp_path / "out/compact/lzx.bin").stat().st_mtime_ns))
        (difference,) = compare_image(opened.image(1), tmp_path / "out").differences
    assert (difference.kind, difference.path) == ("contents", "/compact/lzx.txt")
    assert difference.expected == f"SHA-1 {hashlib.sha1(TEXT, usedforsecurity=False).hexdigest()}"


@pytest.mark.foreign
def test_their_plain_size_counts_for_the_limit(wim: Path, tmp_path: Path) -> None:
    # What libwim counts are 16 bytes of each, and the streams.
    with WimFile.open(wim) as opened:
        audit = opened.image(1).audit()
        limit = audit.size + audit.named_stream_size + 1
    assert "more than the limit" in osdimage("apply", wim, tmp_path / "out", "--limit-bytes", str(limit), code=4).err
    with WimFile.open(wim) as opened, pytest.raises(TooSmall):
        opened.image(1).extract(["/compact"], tmp_path / "out", ExtractOptions(limit_bytes=limit))
    assert not (tmp_path / "out").exists()


@pytest.mark.foreign
@pytest.mark.parametrize(
    ("wanted", "options", "place"),
    [
        pytest.param("/compact/lzx.txt", (), "lzx.txt", id="a file"),
        pytest.param("/COMPACT/LZX.txt", (), "lzx.txt", id="in another case"),
        pytest.param("/*/lzx.*", ("--keep-directories",), "compact/lzx.txt", id="a pattern"),
        pytest.param("/compact", (), "compact/lzx.txt", id="the folder"),
        pytest.param("/", (), "compact/lzx.txt", id="everything"),
    ],
)
def test_an_extracted_file_is_plain(
    wim: Path, tmp_path: Path, wanted: str, options: tuple[str, ...], place: str
) -> None:
    osdimage("extract", wim, wanted, "--to", tmp_path / "out", *options)
    assert (tmp_path / "out" / place).read_bytes() == TEXT


@pytest.mark.foreign
def test_a_fat32_volume_has_the_plain_contents(wim: Path, tmp_path: Path) -> None:
    volume = tmp_path / "volume.img"
    with volume.open("wb") as file:
        file.truncate(40 * MIB)
    judges.run("mkfs.vfat", "-F", "32", "-s", "1", volume)
    with WimFile.open(wim) as opened:
        apply_image(opened.image(1), volume)
        report = compare_image(opened.image(1), volume)
    judges.run("fsck.fat", "-n", volume)
    judges.run("mcopy", "-s", "-i", volume, "::/compact", tmp_path)
    assert {each.name: each.read_bytes() for each in (tmp_path / "compact").iterdir()} == FILES
    assert report.is_equal
    assert next(each.restored for each in report.classes if each.kind == "contents") == len(FILES) + 1


@pytest.mark.foreign
def test_single_files_of_an_image_and_of_a_volume_are_read(wim: Path, volume: Path) -> None:
    with WimFile.open(wim) as opened:
        assert read_all(opened.image(1).files()) == FILES
    with open_volume(volume) as place, open_files(place) as files:
        assert read_all(files) == FILES


@pytest.mark.foreign
def test_a_file_of_a_volume_that_is_written_becomes_plain(volume: Path, tmp_path: Path) -> None:
    copied = copy_of(volume, tmp_path / "volume.ntfs")
    with open_volume(copied, write=True) as place, open_files(place, write=True) as files:
        files.write("compact/lzx.txt", b"new contents")
        assert files.read("compact/lzx.txt") == b"new contents"
        assert files.read("compact/xpress4k.bin") == MIXED
    assert judges.output("ntfscat", copied, "compact/lzx.txt") == "new contents"
    said = judges.output("ntfsinfo", "-F", "compact/lzx.txt", copied)
    assert "$REPARSE_POINT" not in said
    assert "WofCompressedData" not in said
    assert "processed successfully" in judges.output("ntfsfix", "-n", copied)


@pytest.mark.foreign
def test_a_file_of_an_image_that_is_replaced_becomes_plain(wim: Path, tmp_path: Path) -> None:
    copied = copy_of(wim, tmp_path / "copy.wim")
    replace_file(copied, ImageSelector(), "compact/lzx.txt", lambda old: old.upper(), limit_bytes=MIB)
    judges.wimlib("extract", copied, "1", "/compact/lzx.txt", f"--dest-dir={tmp_path}")
    assert (tmp_path / "lzx.txt").read_bytes() == TEXT.upper()
    assert "WofCompressedData" not in judges.output(
        "wimlib-imagex", "dir", copied, "1", "--detailed", "--path=/compact/lzx.txt"
    )


@pytest.fixture(scope="module")
def plain_wim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of the other image, plain, with the attributes that they have without their compression."""
    path = tmp_path_factory.mktemp("plain") / "plain.wim"
    nodes = [Node(name, contents, attributes=FILE) for name, contents in FILES.items()]
    path.write_bytes(build(root(folder("compact", *nodes), Node("plain.txt", TEXT))))
    return path


@pytest.mark.foreign
def test_both_forms_of_a_file_are_equal_by_their_contents_only(
    wim: Path, plain_wim: Path, volume: Path, tmp_path: Path
) -> None:
    plain = tmp_path / "plain.ntfs"
    judges.make_ntfs(plain, 32 * MIB)
    judges.wimlib("apply", plain_wim, "1", plain)
    for image, place in ((wim, plain), (plain_wim, volume)):
        assert "reparse points: /compact" in osdimage("compare", image, place, code=1).out
        said = osdimage("compare", image, place, "--content", "--strict").out
        assert "equal" in said
        assert "DIFFERENT" not in said
    for image, place in ((wim, volume), (plain_wim, plain)):
        osdimage("compare", image, place)
        osdimage("compare", image, place, "--content", "--strict")
    changed = copy_of(volume, tmp_path / "changed.ntfs")
    with open_volume(changed, write=True) as place, open_files(place, write=True) as files:
        facts = files.find("compact/lzx.txt")
        assert facts is not None
        files.write("compact/lzx.txt", TEXT[:-1] + b"!", modified_ns=facts.modified_ns)
    said = osdimage("compare", plain_wim, changed, "--content", code=1).out
    assert [line.split(":")[:2] for line in said.splitlines() if "SHA-1" in line] == [["contents", " /compact/lzx.txt"]]


# What cannot be read: the data of the reparse point, and what is said of it.
UNREADABLE = {
    "WIMBoot": (struct.pack("<II", 1, 1) + bytes(60), "has its contents in a WIM"),
    "another provider": (reparse_data(0, provider=3), "a provider of Windows' overlay filter"),
    "another algorithm": (reparse_data(9), "algorithm 9, which is not known"),
    "cut off": (reparse_data(0)[:6], "its reparse point is damaged"),
}


@pytest.mark.parametrize(("data", "said"), UNREADABLE.values(), ids=UNREADABLE)
def test_what_cannot_be_read_is_refused_by_its_name(tmp_path: Path, data: bytes, said: str) -> None:
    wim = tmp_path / "hostile.wim"
    wim.write_bytes(build(root(folder("compact", cases.node("name.dll", b"x" * 9000, b"stream", data)))))
    refused = osdimage("apply", wim, tmp_path / "out", code=3)
    assert said in refused.err
    assert "'/compact/name.dll'" in refused.err
    assert not (tmp_path / "out").exists()
    assert said in osdimage("extract", wim, "/compact/name.dll", "--to", tmp_path / "out", code=3).err
    with WimFile.open(wim) as opened:
        files = opened.image(1).files()
        assert [(each.name, each.is_link) for each in files.list("compact")] == [("name.dll", True)]
        with pytest.raises(InvalidInput, match=said):
            files.read("compact/name.dll")


DAMAGED = {
    "nothing": b"",
    "an offset that falls": struct.pack("<II", 9, 5) + bytes(20),
    "an offset beyond the stream": struct.pack("<II", 5, 900) + bytes(20),
    "a chunk longer than what it expands to": struct.pack("<II", 5000, 5001) + bytes(5010),
    "bytes that no compression makes": struct.pack("<II", 300, 600) + b"\xff" * 900,
}


@pytest.mark.parametrize("stream", DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_stream_is_an_error_of_that_file(tmp_path: Path, stream: bytes) -> None:
    wim = tmp_path / "damaged.wim"
    wim.write_bytes(build(root(cases.node("name.dll", b"x" * 9000, stream or b"\0", reparse_data(0)))))
    with WimFile.open(wim) as opened:
        with pytest.raises(CorruptWim, match=r"'/name\.dll' is compressed by Windows"):
            opened.image(1).files().read("name.dll")
        with pytest.raises(CorruptWim, match=r"'/name\.dll' is compressed by Windows.*holds an incomplete image"):
            apply_image(opened.image(1), tmp_path / "out")


@pytest.mark.foreign
def test_a_damaged_stream_of_a_volume_names_the_file(tmp_path: Path) -> None:
    judges.require("mkntfs")
    wim = tmp_path / "damaged.wim"
    node = cases.node("name.dll", b"x" * 9000, struct.pack("<II", 9, 5) + bytes(900), reparse_data(0))
    wim.write_bytes(build(root(node, cases.node("boot.dll", b"x" * 900, b"x", UNREADABLE["WIMBoot"][0]))))
    volume = cases.make_volume(tmp_path / "volume.ntfs", wim)
    with open_volume(volume) as place, open_files(place) as files:
        with pytest.raises(InvalidVolume, match=r"'name\.dll' is compressed by Windows .* damaged"):
            files.read("name.dll")
        with pytest.raises(InvalidVolume, match=r"'boot\.dll' has its contents in a WIM"):
            files.read("boot.dll")


def test_a_directory_and_other_reparse_points_are_none_of_them(tmp_path: Path) -> None:
    wim = tmp_path / "other.wim"
    other = Node("other", b"data of a dedup file", reparse_tag=0x80000013, attributes=FILE | REPARSE_POINT)
    wim.write_bytes(build(root(folder("compact", other), Node("plain", b"plain"))))
    with WimFile.open(wim) as opened:
        result = apply_image(opened.image(1), tmp_path / "out")
    assert "reparse points other than links not kept: 1" in [str(each) for each in result.losses]


@given(st.binary(max_size=200), st.integers(1, 40_000), st.sampled_from(wof.Algorithm))
def test_no_stream_makes_more_or_less_than_the_file_has(stream: bytes, size: int, algorithm: wof.Algorithm) -> None:
    try:
        plain = b"".join(bytes(piece) for piece in wof.expand([stream], size, algorithm))
    except InvalidInput:
        return
    assert len(plain) == size


def test_a_size_that_no_file_of_ntfs_has_is_refused_before_anything_is_written() -> None:
    with pytest.raises(InvalidInput, match="claims 16"):
        next(wof.expand([b"\0" * 100], (16 << 40) + 1, wof.Algorithm.LZX))


def test_every_algorithm_of_windows_is_known() -> None:
    # FILE_PROVIDER_COMPRESSION_XPRESS4K, _LZX, _XPRESS8K and _XPRESS16K of wofapi.h.
    assert {each.name.lower(): (each.value, each.chunk_size) for each in wof.Algorithm} == {
        name: (number, chunk) for name, (number, _, chunk) in ALGORITHMS.items()
    }
