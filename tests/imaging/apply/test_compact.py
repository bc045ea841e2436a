"""Images applied so that Windows' own form of compression holds their files (CompactOS), as no program of Linux does.

wimlib-imagex makes the images.  libfsntfs, which expands such files, reads the volumes, ntfs-3g's tools tell the
streams as they are stored, and ``cases/wof.py`` says what wimlib-imagex makes of the same contents.
"""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest
from cases import wof
from cases.wimcraft import Node, build, root
from cases.wof import ALGORITHMS, MIXED, TEXT
from hypothesis import given
from hypothesis import strategies as st
from judges import ntfs as ntfs_judges
from judges import wim as judges
from osdimage.imaging.apply.compacting import CompactRule, prepopulated
from runs.commands import osdimage

MIB = 1 << 20
NOISE = random.Random(5).randbytes(2 * MIB)
# Some of it is tried before it is seen that it shrinks; the other is seen at once.
LATE = NOISE + NOISE[:2] * MIB + TEXT * 20
EARLY = TEXT * 40 + NOISE
INI = "; comment\r\n[PrepopulateList]\r\n\\Tools\\*.exe\r\n[ExclusionList]\r\n\\Other\\*\r\n"
FILES = {
    "text.txt": TEXT,
    "mixed.bin": MIXED,
    "noise.bin": NOISE,
    "late.bin": LATE,
    "early.bin": EARLY,
    "many.bin": TEXT * 60,
    "small.txt": TEXT[:300],
    "cluster.txt": TEXT[:4096],
    "two clusters.txt": TEXT[:4097],
    "Tools/tool.exe": TEXT,
    "Other/other.exe": TEXT,
    "Windows/System32/ntoskrnl.exe": TEXT,
    "Windows/System32/drivers/disk.sys": TEXT,
    "Windows/System32/config/SOFTWARE": TEXT,
    "Windows/System32/winload.efi": TEXT,
    "Windows/System32/notepad.exe": TEXT,
    "Users/me/NTUSER.DAT": TEXT,
    "Windows/System32/WimBootCompress.ini": INI.encode("utf-16"),
}
PLAIN = {
    *("noise.bin", "small.txt", "cluster.txt", "Tools/tool.exe", "Windows/System32/ntoskrnl.exe"),
    *("Windows/System32/drivers/disk.sys", "Windows/System32/config/SOFTWARE", "Windows/System32/winload.efi"),
    *("Users/me/NTUSER.DAT", "Windows/System32/WimBootCompress.ini"),
}


@pytest.fixture(scope="module")
def wim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    judges.require("wimlib-imagex")
    judges.require("mkntfs")
    folder = tmp_path_factory.mktemp("compact")
    tree = wof.write_tree(folder / "tree", FILES)
    os.link(tree / "text.txt", tree / "linked.txt")
    judges.wimlib("capture", tree, folder / "image.wim", "--compress=XPRESS")
    return folder / "image.wim"


def new_volume(path: Path, *options: str) -> Path:
    judges.make_ntfs(path, 64 * MIB, *options)
    return path


@pytest.fixture(
    scope="module",
    params=[
        each if each in {"xpress4k", "lzx"} else pytest.param(each, marks=pytest.mark.matrix) for each in ALGORITHMS
    ],
)
def applied(request: pytest.FixtureRequest, wim: Path) -> tuple[str, Path]:
    volume = new_volume(wim.with_name(f"{request.param}.ntfs"))
    osdimage("apply", wim, volume, "--compact", request.param)
    return request.param, volume


@pytest.mark.foreign
def test_others_read_the_plain_contents(applied: tuple[str, Path]) -> None:
    algorithm, volume = applied
    ntfs_judges.ntfsfix(volume)
    assert "no faults" in osdimage("disk", "check", volume).out
    for name, data in FILES.items():
        # libfsntfs 20260827 reads LZX where all chunks shrink.
        if algorithm != "lzx" or name not in {"mixed.bin", "early.bin", "late.bin"}:
            assert ntfs_judges.plain_contents(volume, name) == data, name


@pytest.mark.foreign
def test_the_streams_are_those_of_windows(applied: tuple[str, Path], tmp_path: Path) -> None:
    algorithm, volume = applied
    number, _, chunk = ALGORITHMS[algorithm]
    for name in FILES:
        said = judges.output("ntfsinfo", "-F", name, volume)
        assert ("WofCompressedData" in said) == (name not in PLAIN), name
        assert ("Reparse" in said or "REPARSE" in said) == (name not in PLAIN), name
    document = osdimage("list", volume, "/many.bin", "--json").document["entries"][0]
    assert document["attributes"] == ["sparse_file", "reparse_point"]
    # As long as what wimlib-imagex makes of it, give or take the level of the compressor.
    expected = len(wof.compressed(TEXT * 60, algorithm, tmp_path))
    assert document["streams"][1]["size"] == pytest.approx(expected, rel=0.1)
    assert (number, chunk) == ALGORITHMS[algorithm][::2]


@pytest.mark.foreign
def test_it_holds_what_the_image_does(applied: tuple[str, Path], wim: Path, tmp_path: Path) -> None:
    _, volume = applied
    osdimage("compare", wim, volume, "--content", "--strict")
    osdimage("capture", volume, tmp_path / "again.wim", "--decompact")
    told = judges.output("wimlib-imagex", "dir", tmp_path / "again.wim", "1", "--detailed", "--path=/linked.txt")
    assert "Link Count          = 2" in told
    judges.wimlib("extract", tmp_path / "again.wim", "1", f"--dest-dir={tmp_path / 'out'}")
    assert {name: (tmp_path / "out" / name).read_bytes() for name in FILES} == FILES


@pytest.mark.foreign
def test_a_volume_that_is_used_is_to_be_wiped_for_it(wim: Path, tmp_path: Path) -> None:
    volume = new_volume(tmp_path / "volume.ntfs")
    osdimage("apply", wim, volume)
    said = osdimage("apply", wim, volume, "--compact", "lzx", code=4).err
    assert "the volume is not as it was formatted; --wipe makes it anew, and deletes what is on it" in said
    osdimage("apply", wim, volume, "--compact", "lzx", "--wipe", "--yes")


@pytest.mark.foreign
def test_what_was_saved_is_told(wim: Path, tmp_path: Path) -> None:
    volume = new_volume(tmp_path / "volume.ntfs")
    outcome = osdimage("apply", wim, volume, "--compact", "XPRESS16K", "--json").document["volumes"][0]["result"]
    assert outcome["engine"] == "bulk"
    found = outcome["compacted"]
    assert found["files"] == len(FILES.keys() - PLAIN)
    plain = sum(-(-len(data) // 4096) * 4096 for name, data in FILES.items() if name not in PLAIN)
    assert found["size"] == plain
    assert found["stored"] < plain
    assert osdimage("apply", wim, tmp_path / "folder", "--json").document["volumes"][0]["result"]["compacted"] is None


@pytest.mark.foreign
@pytest.mark.parametrize("cluster", [512, 65536])
def test_clusters_may_have_any_size(wim: Path, tmp_path: Path, cluster: int) -> None:
    volume = new_volume(tmp_path / "volume.ntfs", "-c", str(cluster))
    osdimage("apply", wim, volume, "--compact", "xpress8k")
    assert "no faults" in osdimage("disk", "check", volume).out
    assert ntfs_judges.plain_contents(volume, "many.bin") == TEXT * 60
    osdimage("compare", wim, volume, "--content", "--strict")


@pytest.mark.foreign
def test_where_it_cannot_be_nothing_is_written(wim: Path, tmp_path: Path) -> None:
    volume = new_volume(tmp_path / "volume.ntfs")
    osdimage("apply", wim, volume)
    said = osdimage("apply", wim, volume, "--compact", "lzx", code=4).err
    assert "the engine for new volumes only" in said
    assert "in NTFS volumes only" in osdimage("apply", wim, tmp_path / "folder", "--compact", "lzx", code=4).err
    assert not (tmp_path / "folder").exists()
    fresh = new_volume(tmp_path / "fresh.ntfs")
    before = fresh.read_bytes()
    osdimage("apply", wim, fresh, "--compact", "lzx", "--engine", "libntfs", code=4)
    assert fresh.read_bytes() == before
    osdimage("apply", wim, volume, "--wipe", "--yes", "--compact", "lzx")
    assert ntfs_judges.plain_contents(volume, "many.bin") == TEXT * 60


@pytest.mark.foreign
def test_a_file_with_a_stream_of_that_name_stays_as_it_is(tmp_path: Path) -> None:
    odd = Node("odd.txt", TEXT, streams={"wofcompressedDATA": b"its own"})
    (tmp_path / "odd.wim").write_bytes(build(root(odd, Node("usual.txt", TEXT))))
    volume = new_volume(tmp_path / "volume.ntfs")
    assert "compressed: 1 file," in osdimage("apply", tmp_path / "odd.wim", volume, "--compact", "lzx").out
    assert judges.output("ntfscat", "--attribute-name", "wofcompressedDATA", volume, "odd.txt") == "its own"
    assert "REPARSE" not in judges.output("ntfsinfo", "-F", "odd.txt", volume).upper()
    assert "no faults" in osdimage("disk", "check", volume).out


def test_where_nothing_shrinks_that_is_said(tmp_path: Path) -> None:
    (tmp_path / "tiny.wim").write_bytes(build(root(Node("tiny.txt", b"1"))))
    volume = new_volume(tmp_path / "volume.ntfs")
    done = osdimage("apply", tmp_path / "tiny.wim", volume, "--compact", "lzx")
    assert "compressed: no file, as none takes less room so" in done.out


@pytest.mark.foreign
def test_a_disk_is_deployed_so(wim: Path, tmp_path: Path) -> None:
    done = osdimage("deploy", wim, tmp_path / "disk.img", "--preset", "data-gpt", "--size", "200MB", "--compact", "lzx")
    assert "compressed: " in done.out


@given(st.binary(max_size=300))
def test_any_list_is_read(data: bytes) -> None:
    rule = CompactRule(prepopulated(b"[PrepopulateList]\n" + data))
    assert rule.stays_plain("/Windows/System32/NTOSKRNL.EXE")


def test_the_list_of_an_image_is_added() -> None:
    rule = CompactRule(prepopulated(INI.encode("utf-16")))
    assert rule.stays_plain("/tools/A.EXE")
    assert not rule.stays_plain("/Other/a.exe")
    assert not rule.stays_plain("/deep/Tools/a.exe")
    assert not CompactRule().stays_plain("/tools/a.exe")


@pytest.mark.foreign
@pytest.mark.parametrize("lines", [["*a"] * 501, ["*" * 1001]], ids=["many", "long"])
def test_a_list_that_would_take_long_for_each_file_is_refused(lines: list[str], tmp_path: Path) -> None:
    text = "\n".join(["[PrepopulateList]", *lines])
    tree = wof.write_tree(tmp_path / "tree", {"Windows/System32/WimBootCompress.ini": text.encode()})
    judges.wimlib("capture", tree, tmp_path / "a.wim")
    volume = new_volume(tmp_path / "volume.ntfs")
    before = volume.read_bytes()
    said = osdimage("apply", tmp_path / "a.wim", volume, "--compact", "lzx", code=3).err
    assert "at most 500 of 1000 are possible" in said
    assert volume.read_bytes() == before
