"""What a damaged WIM still gives.

wimlib-imagex captures; its ``dir --detailed`` tells where contents lie, and ``apply --recover-data`` what can be read.
"""

from __future__ import annotations

import os
import random
import re
import struct
import tempfile
from functools import cache
from pathlib import Path

import pytest
from cases import trees
from cases.wimcraft import Node, build, lie, root, symlink
from judges import wim as judges
from osdimage.imaging.disk.places import open_volume
from osdimage.imaging.volume.filesystems import open_files
from osdimage.imaging.wim.extracted.recover import recovered
from osdimage.imaging.wim.file import WimFile
from osdimage.native.wim.resource import ResourceReader
from osdimage.native.wim.tree import Blob
from runs.commands import osdimage

pytestmark = pytest.mark.foreign
CHUNK = 32 << 10
CHUNKS = 12
_WORDS = [b"%x " % number for number in random.Random(1).sample(range(1 << 40), 4000)]
TEXT = b"".join(random.Random(2).choices(_WORDS, k=CHUNKS * CHUNK // 8))[: CHUNKS * CHUNK - 100]

HOW = {
    "none": ("--compress=none",),
    "xpress": ("--compress=xpress", "--chunk-size=32K"),
    "lzx": ("--compress=lzx",),
    "lzms": ("--compress=lzms", "--chunk-size=32K"),
    "solid": ("--solid", "--solid-compress=lzx", "--solid-chunk-size=32K"),
}


@cache
def _sound(how: str) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "tree"
        (source / "folder").mkdir(parents=True)
        (source / "folder/damaged").write_bytes(TEXT)
        os.link(source / "folder/damaged", source / "another name")
        (source / "sound").write_bytes(TEXT[::-1])
        for path in ("folder/damaged", "folder", "sound"):
            os.utime(source / path, ns=(trees.OLD_NS, trees.OLD_NS))
        judges.wimlib("capture", source, Path(folder) / "x.wim", *HOW[how])
        return (Path(folder) / "x.wim").read_bytes()


def _captured(folder: Path, how: str) -> Path:
    (folder / "x.wim").write_bytes(_sound(how))
    return folder / "x.wim"


def _place(wim: Path, path: str) -> tuple[int, int]:
    """Return where the stored contents of a file are, of those by themselves."""
    block = judges.wimlib("dir", wim, "1", "--detailed").split(f'= "{path}"')[1]
    size, at = (
        re.search(rf"^\s*{name} *= (\d+) bytes", block, re.MULTILINE) for name in ("Compressed size", "Offset in WIM")
    )
    assert size is not None
    assert at is not None
    return int(at[1]), int(size[1])


def _break(wim: Path, how: str) -> None:
    """Turn some bytes in the middle of the contents of the damaged file."""
    if how == "solid":
        # Behind the half: the last of the two files.
        at, size = 208, wim.stat().st_size // 2
    else:
        at, size = _place(wim, "/folder/damaged")
    with wim.open("r+b") as file:
        file.seek(at + size * 6 // 10)
        old = file.read(8)
        file.seek(at + size * 6 // 10)
        file.write(bytes(each ^ 0xFF for each in old))


def _lost_chunks(found: bytes, expected: bytes) -> list[int]:
    assert len(found) == len(expected)
    size = CHUNK
    return [at // size for at in range(0, len(expected), size) if found[at : at + size] != expected[at : at + size]]


@pytest.mark.parametrize(("how", "engine"), [*((each, "bulk") for each in HOW), ("lzx", "libwim")])
def test_all_but_the_damaged_chunk_is_applied_and_each_file_is_named(how: str, engine: str, tmp_path: Path) -> None:
    wim = _captured(tmp_path, how)
    _break(wim, how)
    refused = osdimage("apply", wim, tmp_path / "refused", "--engine", engine, code=3).err
    assert "osdimage extract WIM PATH --recover-data --to DIR takes what can still be read" in refused
    target = tmp_path / "target"
    outcome = osdimage("apply", wim, target, "--engine", engine, "--recover-data", "--json", code=1)
    contents = {path: (target / path).read_bytes() for path in ("folder/damaged", "another name", "sound")}
    expected = {"folder/damaged": TEXT, "another name": TEXT, "sound": TEXT[::-1]}
    lost = {path: _lost_chunks(contents[path], expected[path]) for path in expected}
    bad = {path for path, chunks in lost.items() if chunks}
    assert (
        bad in ({"folder/damaged", "another name"}, {"sound"})
        if how == "solid"
        else bad == {"folder/damaged", "another name"}
    )
    assert all(len(chunks) == 1 for path, chunks in lost.items() if path in bad)
    damaged = outcome.facts["damaged"]
    assert {each["path"] for each in damaged} == {f"/{path}" for path in bad}
    for each in damaged:
        assert each["size"] == len(TEXT)
        # A chunk in the middle of what is solid can belong to two files.
        assert each["lost"] in {0, CHUNK} if how != "solid" else each["lost"] <= 2 * CHUNK
        assert f"{each['path']!r}: its contents " in outcome.err
    assert (target / "sound").stat().st_mtime_ns == (target / "folder").stat().st_mtime_ns == trees.OLD_NS
    assert (target / "another name").samefile(target / "folder/damaged")


@pytest.mark.parametrize("engine", ["bulk", "libntfs"])
def test_a_volume_gets_the_same(engine: str, tmp_path: Path) -> None:
    wim, volume = _captured(tmp_path, "lzx"), judges.make_ntfs(tmp_path / "volume", 16 << 20)
    _break(wim, "lzx")
    refused = osdimage("apply", wim, volume, "--engine", engine, "--recover-data", code=1).err
    assert refused.splitlines()[0] == f"osdimage: {wim}: 2 files are damaged:"
    judges.assert_ntfs_clean(volume)
    with open_volume(volume) as opened, open_files(opened) as files:
        assert len(_lost_chunks(files.read("folder/damaged", 1 << 20), TEXT)) == 1
        assert files.read("sound", 1 << 20) == TEXT[::-1]


def test_of_a_broken_table_of_chunks_two_chunks_are_lost(tmp_path: Path) -> None:
    """The entry says where one chunk ends and the next begins; the others say where theirs are."""
    wim = _captured(tmp_path, "lzx")
    at, _ = _place(wim, "/folder/damaged")
    with wim.open("r+b") as file:
        file.seek(at + 4 * 4)
        file.write(struct.pack("<I", 0xFFFFFFF0))
    osdimage("extract", wim, "/folder/damaged", "--recover-data", "--to", tmp_path / "to", code=1)
    assert _lost_chunks((tmp_path / "to/damaged").read_bytes(), TEXT) == [4, 5]


def test_what_is_not_extracted_is_not_looked_at(tmp_path: Path) -> None:
    wim = _captured(tmp_path, "lzx")
    _break(wim, "lzx")
    document = osdimage("extract", wim, "/sound", "--recover-data", "--to", tmp_path / "to", "--json").facts
    assert document["damaged"] == []
    refused = osdimage("extract", wim, "/another*", "--recover-data", "--to", tmp_path / "to", code=1).err
    assert refused.startswith(f"osdimage: {wim}: '/another name': its contents ")
    assert refused.endswith("cannot be decompressed; up to 32.0 KB of 384 KB are lost\n")
    outcome = osdimage("extract", wim, "/folder/damaged", "--recover-data", "--to-stdout", code=1)
    assert len(outcome.out.encode("utf-8", "surrogateescape")) >= len(TEXT) - CHUNK


def test_nothing_is_recovered_of_a_tree_or_a_pipable_wim(tmp_path: Path) -> None:
    wim = _captured(tmp_path, "lzx")
    judges.wimlib("export", wim, "1", tmp_path / "pipable.wim", "--pipable")
    refused = osdimage("apply", tmp_path / "pipable.wim", tmp_path / "to", "--recover-data", code=2).err
    assert "not pipable; export it first" in refused
    assert "one image and one target" in osdimage("apply", wim, "a", "--also", "b", "--recover-data", code=2).err
    assert not (tmp_path / "to").exists()


def test_a_split_wim_is_recovered_from_its_parts(tmp_path: Path) -> None:
    wim = _captured(tmp_path, "none")
    _break(wim, "none")
    osdimage("split", wim, tmp_path / "part.swm", "--size", "450KB")
    parts = sorted(tmp_path.glob("part*.swm"))
    assert len(parts) == 2
    osdimage("apply", parts[0], tmp_path / "target", "--recover-data", code=1)
    assert len(_lost_chunks((tmp_path / "target/another name").read_bytes(), TEXT)) == 1


@pytest.mark.parametrize("engine", ["bulk", "libwim"])
def test_a_link_without_its_data_is_an_empty_file(engine: str, tmp_path: Path) -> None:
    """Where wimlib-imagex ends: there is no link that could be made."""
    wim, target = tmp_path / "x.wim", tmp_path / "target"
    data = bytearray(build(root(symlink("link", "\\??\\C:\\abcdefghi"), Node("sound", b"x" * 200))))
    at = data.index("abcdefghi".encode("utf-16-le"))
    data[at - 20 : at] = bytes(20)
    wim.write_bytes(data)
    refused = osdimage("apply", wim, target, "--engine", engine, "--recover-data", code=1).err
    assert refused.startswith(f"osdimage: {wim}: '/link': its contents do not match their SHA-1, and it leads nowhere")
    assert ((target / "link").read_bytes(), (target / "sound").read_bytes()) == (b"", b"x" * 200)


def test_a_part_without_trees_is_told_as_such(tmp_path: Path) -> None:
    data = build(root(Node("a", b"1")))
    part = tmp_path / "x2.swm"
    part.write_bytes(lie(data, part_number=2, total_parts=2))
    said = osdimage("extract", part, "/a", "--to", tmp_path / "to", "--recover-data", "--index", "1", code=3).err
    assert "part 1 of 2 is missing" in said
    assert "pipable" not in said


def test_a_damaged_link_that_leads_somewhere_stays_one(tmp_path: Path) -> None:
    wim, target = tmp_path / "x.wim", tmp_path / "target"
    data = build(root(symlink("link", "abcdefghi")))
    wim.write_bytes(data.replace("abcdefghi".encode("utf-16-le"), "abXdefghi".encode("utf-16-le"), 1))
    refused = osdimage("apply", wim, target, "--recover-data", code=1).err
    assert refused == f"osdimage: {wim}: '/link': its contents do not match their SHA-1, and it may lead elsewhere\n"
    judges.wimlib("apply", wim, tmp_path / "judged", "--recover-data")
    assert (target / "link").readlink() == (tmp_path / "judged/link").readlink() == Path("abXdefghi")


# ---- one chunk of many files

FILES = {f"folder {n % 3}/{n}": b"%d " % n + TEXT[n * 4300 : n * 4300 + 3000] for n in range(90)}
LINKS = {f"link {n}": f"folder {n % 3}/{n}" for n in range(6)}


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, bytes], set[str]]:
    """A solid WIM with one damaged place; what wimlib-imagex reads of it, and the files of which that is not all."""
    folder = tmp_path_factory.mktemp("crowd")
    for path, data in FILES.items():
        (folder / "tree" / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / "tree" / path).write_bytes(data)
    for path, text in LINKS.items():
        (folder / "tree" / path).symlink_to(text)
    wim = folder / "crowd.esd"
    judges.wimlib("capture", folder / "tree", wim, "--solid")
    damaged = bytearray(wim.read_bytes())
    middle = len(damaged) * 6 // 10
    damaged[middle : middle + 8] = bytes(each ^ 0xFF for each in damaged[middle : middle + 8])
    wim.write_bytes(damaged)
    judges.wimlib("apply", wim, folder / "judged", "--recover-data")
    judged = {path: (folder / "judged" / path).read_bytes() for path in FILES}
    assert all((folder / "judged" / path).is_symlink() for path in LINKS)
    return wim, judged, {path for path, data in FILES.items() if judged[path] != data}


@pytest.mark.parametrize("engine", ["bulk", "libwim"])
def test_contents_before_the_damage_of_their_chunk_are_whole(
    crowd: tuple[Path, dict[str, bytes], set[str]], engine: str, tmp_path: Path
) -> None:
    wim, judged, damaged = crowd
    assert 20 < len(damaged) < len(FILES) - 5
    outcome = osdimage("apply", wim, tmp_path / "to", "--engine", engine, "--recover-data", "--json", code=1)
    assert {each["path"].removeprefix("/") for each in outcome.facts["damaged"]} == damaged
    assert outcome.facts["damaged_files"] == len(damaged)
    assert all((tmp_path / "to" / path).read_bytes() == judged[path] for path in FILES.keys() - damaged)
    assert {path: str((tmp_path / "to" / path).readlink()) for path in LINKS} == LINKS
    said = outcome.err.splitlines()
    assert said[0] == f"osdimage: {wim}: {len(damaged)} files are damaged:"
    assert (len(said), said[-1]) == (22, f"  and {len(damaged) - 20} more")


def test_a_solid_resource_is_read_once_for_all_that_it_holds(
    crowd: tuple[Path, dict[str, bytes], set[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    wim, _, damaged = crowd
    begun: list[Blob] = []
    begin = ResourceReader._begin
    monkeypatch.setattr(ResourceReader, "_begin", lambda self, blob: begun.append(blob) or begin(self, blob))
    with WimFile.open(wim) as opened, recovered(opened.images[0]) as (_, files):
        assert {each.path.removeprefix("/") for each in files} == damaged
        # The temporary WIM has a tree of its own.
        assert sum(each.is_solid for each in begun) == 1


def test_an_image_that_needs_nothing_behind_the_damage_is_whole(
    crowd: tuple[Path, dict[str, bytes], set[str]], tmp_path: Path
) -> None:
    wim, _, damaged = crowd
    whole = min(FILES.keys() - damaged)
    outcome = osdimage("extract", wim, f"/{whole}", "--recover-data", "--to", tmp_path, "--json")
    assert (outcome.facts["damaged"], outcome.err) == ([], "")
    assert (tmp_path / Path(whole).name).read_bytes() == FILES[whole]
