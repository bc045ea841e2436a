"""A pipable WIM becomes a plain one while it comes, and what is none becomes nothing."""

from __future__ import annotations

import errno
import os
import random
import re
import shutil
import struct
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st
from judges import wim as judges
from osdimage.imaging.cancel import CancellationToken, Cancelled
from osdimage.imaging.capture import CaptureOptions, capture_volumes
from osdimage.imaging.errors import CorruptWim, InvalidRequest, NotAWim, StorageError
from osdimage.imaging.wim.piped.relaid import receive, receive_trees
from osdimage.imaging.wim.piped.spool import spooled
from osdimage.imaging.wim.piped.streams import InputStream
from osdimage.imaging.wim.stored.format import HEADER_SIZE, PIPABLE_MAGIC, Header, HeaderFlag

pytestmark = pytest.mark.foreign


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files of no, some and many chunks, that compress well, badly and not at all."""
    rng = random.Random(5)
    root = tmp_path_factory.mktemp("relaid") / "tree"
    (root / "folder").mkdir(parents=True)
    (root / "empty").touch()
    (root / "small").write_bytes(b"small")
    (root / "text").write_bytes(b"The same line again.\n" * 40_000)
    (root / "mixed").write_bytes(rng.randbytes(40_000) + bytes(100_000) + rng.randbytes(5))
    (root / "folder" / "random").write_bytes(rng.randbytes(300_000))
    return root


@pytest.fixture(scope="module")
def pipable(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Give a function that has wimlib-imagex make a pipable WIM of two images, once for the same options."""
    made: dict[tuple[str, ...], Path] = {}

    def make(*options: str) -> Path:
        if options not in made:
            path = tmp_path_factory.mktemp("pipable") / "two.wim"
            judges.wimlib("capture", tree, path, "first", "--pipable", "--boot", *options)
            judges.wimlib("append", tree / "folder", path, "second")
            made[options] = path
        return made[options]

    return make


@contextmanager
def stream_of(data: bytes) -> Iterator[InputStream]:
    """Give a stream that another thread writes, in pieces as a network does."""
    reader, writer = os.pipe()

    def write() -> None:
        with os.fdopen(writer, "wb", buffering=0) as pipe:
            for at in range(0, len(data), 50_021):
                pipe.write(data[at : at + 50_021])

    thread = threading.Thread(target=write)
    thread.start()
    try:
        yield InputStream(reader)
        thread.join()
    except BaseException:
        os.set_blocking(reader, False)
        while thread.is_alive():
            try:
                os.read(reader, 1 << 20)
            except BlockingIOError:
                thread.join(0.01)
        raise
    finally:
        os.close(reader)


def received(data: bytes, path: Path) -> Path:
    """Write to a file what becomes of a stream."""
    with stream_of(data) as stream, spooled(stream) as kept:
        shutil.copyfile(kept, path)
        assert stream.passed.sha256 == sha256(data).hexdigest()
        assert stream.passed.size == len(data)
    return path


def details(path: Path, image: int) -> list[str]:
    """What wimlib-imagex tells of files, but for how their contents are stored."""
    stored = re.compile(r"size +=|Offset +=|Flags +=|COMPRESSED")
    return [line for line in judges.wimlib_details(path, image).splitlines() if not stored.search(line)]


@pytest.mark.parametrize(
    "options",
    [("--compress=none",), ("--compress=xpress",), ("--compress=lzx",), ("--compress=lzms",), ("--check",)],
    ids=" ".join,
)
def test_a_pipable_wim_becomes_a_plain_one_that_others_take(
    options: tuple[str, ...], pipable: Callable[..., Path], tree: Path, tmp_path: Path
) -> None:
    source = pipable(*options)
    plain = received(source.read_bytes(), tmp_path / "plain.wim")
    theirs, ours = judges.wimlib_info(source), judges.wimlib_info(plain)
    assert "Pipable" in theirs.wim["Attributes"]
    assert "Pipable" not in ours.wim["Attributes"]
    for label in ("GUID", "Compression", "Chunk Size", "Boot Index", "Image Count"):
        assert ours.wim.get(label) == theirs.wim.get(label)
    assert ours.images == theirs.images
    judges.wimlib("verify", plain)
    judges.run("7zz", "t", plain)
    for image in (1, 2):
        assert details(plain, image) == details(source, image)
    judges.wimlib("apply", plain, "1", tmp_path / "applied")
    assert not judges.run("diff", "-r", tree, tmp_path / "applied")


def test_the_parts_of_a_split_one_in_their_order_become_one(pipable: Callable[..., Path], tmp_path: Path) -> None:
    judges.wimlib("split", pipable("--check"), tmp_path / "part.swm", "0.1")
    parts = [tmp_path / "part.swm", *(tmp_path / f"part{number}.swm" for number in range(2, 9))]
    data = [each.read_bytes() for each in parts if each.exists()]
    assert len(data) > 2
    judges.wimlib("verify", received(b"".join(data), tmp_path / "whole.wim"))
    with pytest.raises(CorruptWim, match="begins with part 2 of a split WIM"):
        received(data[1], tmp_path / "second.wim")
    with pytest.raises(CorruptWim, match="something else than part 2"):
        received(data[0] + data[2], tmp_path / "gap.wim")
    with pytest.raises(CorruptWim, match="ended too early"):
        received(data[0], tmp_path / "first.wim")


def test_the_volumes_of_a_disk_go_to_a_file_alone(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match="is not pipable"):
        capture_volumes(tmp_path / "disk.img", tmp_path / "x.wim", CaptureOptions(pipable=True))


def test_how_much_has_come_is_told_and_can_stop_it(pipable: Callable[..., Path]) -> None:
    data = pipable("--compress=none").read_bytes()
    told: list[int] = []
    with stream_of(data) as stream, spooled(stream, lambda event: told.append(event.done)):
        assert told[-1] == len(data)
    assert told == sorted(told)
    token = CancellationToken()
    token.cancel()
    with pytest.raises(Cancelled), stream_of(data) as stream, spooled(stream, token.watch()):
        pytest.fail("it was not stopped")


def test_a_plain_wim_passes_as_it_is(tree: Path, tmp_path: Path) -> None:
    wim = tmp_path / "plain.wim"
    judges.wimlib("capture", tree, wim)
    assert received(wim.read_bytes(), tmp_path / "same.wim").read_bytes() == wim.read_bytes()


def test_what_a_way_adds_behind_the_end_is_passed_over(pipable: Callable[..., Path], tmp_path: Path) -> None:
    padded = pipable("--compress=lzx").read_bytes() + bytes(4096)
    judges.wimlib("verify", received(padded, tmp_path / "plain.wim"))


def test_the_trees_alone_are_a_wim_that_lacks_its_contents(pipable: Callable[..., Path], tmp_path: Path) -> None:
    source = pipable("--compress=lzx")
    with stream_of(source.read_bytes()) as stream, (tmp_path / "trees.wim").open("w+b") as file:
        stream.keep()
        assert receive_trees(stream, file.fileno())
        stream.rewind()
        assert b"".join(iter(stream.block, b"")) == source.read_bytes()
    paths = judges.wimlib_paths(tmp_path / "trees.wim", 1)
    assert paths == judges.wimlib_paths(source, 1)
    judges.wimlib("apply", tmp_path / "trees.wim", "1", tmp_path / "applied", code=None)
    assert not (tmp_path / "applied" / "text").exists() or not (tmp_path / "applied" / "text").stat().st_size


def test_trees_that_would_take_much_memory_are_left_to_a_file(
    pipable: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    data = pipable("--compress=lzx").read_bytes()
    monkeypatch.setattr("osdimage.imaging.wim.piped.relaid._MOST_KEPT", 100)
    with stream_of(data) as stream, tempfile.TemporaryFile() as file:
        stream.keep()
        assert not receive_trees(stream, file.fileno())
        stream.rewind()
        assert b"".join(iter(stream.block, b"")) == data


@pytest.mark.parametrize(
    ("data", "kind", "said"),
    [
        pytest.param(b"", NotAWim, "standard input: is empty", id="nothing"),
        pytest.param(b"MSW", NotAWim, "not a WIM", id="too short for a magic"),
        pytest.param(b"<html>" * 1000, NotAWim, "not a WIM", id="an error page"),
        pytest.param(b"MSWIM\0\0\0" + bytes(50), CorruptWim, "ended too early, after 58 bytes", id="half a header"),
    ],
)
def test_what_is_no_wim_is_refused(data: bytes, kind: type[Exception], said: str, tmp_path: Path) -> None:
    with pytest.raises(kind, match=said):
        received(data, tmp_path / "none.wim")


def test_one_that_is_cut_off_anywhere_is_refused(pipable: Callable[..., Path], tmp_path: Path) -> None:
    data = pipable("--compress=lzx").read_bytes()
    rng = random.Random(1)
    for end in (
        HEADER_SIZE,
        HEADER_SIZE + 20,
        len(data) - 1,
        *(rng.randrange(HEADER_SIZE, len(data)) for _ in range(9)),
    ):
        with pytest.raises(CorruptWim, match=f"standard input: ended too early, after {end} bytes"):
            received(data[:end], tmp_path / "cut.wim")


# ---- heads that lie


def _head(size: int, flags: int, magic: int = 0x2B9B9BA2443DB9D8) -> bytes:
    return struct.pack("<QQ20sI", magic, size, bytes(20), flags)


def _header(**fields: int) -> bytes:
    flags = HeaderFlag.COMPRESSED | HeaderFlag.LZX
    return Header(magic=PIPABLE_MAGIC, **{"flags": int(flags), "chunk_size": 32768, "image_count": 1} | fields).build()


XML = _head(4, 2) + b"\xff\xfe  "


@pytest.mark.parametrize(
    ("data", "said"),
    [
        pytest.param(_header(chunk_size=0), "has no chunks|ended too early", id="no chunk size"),
        pytest.param(_header(chunk_size=12345), "chunks of 12345 bytes", id="a chunk size that is no power of two"),
        pytest.param(_header() + _head(4, 2, magic=1), "no head where a resource begins", id="another magic"),
        pytest.param(_header() + _head(0, 2), "claims 0 bytes", id="a resource of no bytes"),
        pytest.param(_header() + _head(1 << 50, 2), "claims", id="a resource of a petabyte"),
        pytest.param(_header() + _head(1 << 40, 2), "its XML document claims 1.0 TB", id="an XML of a terabyte"),
        pytest.param(_header() + _head(4, 6), "something else where its XML", id="an XML that is compressed"),
        pytest.param(_header() + XML + _head(4, 0), "contents where the tree of image 1", id="no tree"),
        pytest.param(_header() + XML + _head(1 << 33, 6), "the tree of image 1 claims 8.0 GB", id="a tree of 8 GB"),
        pytest.param(
            _header() + XML + _head(100, 6) + struct.pack("<I", 101) + bytes(101),
            "a chunk of 100 bytes claims to take 101",
            id="a chunk that is larger than its contents",
        ),
        pytest.param(
            _header(flags=0) + XML + _head(100, 6), "the header tells no compression", id="compressed by nothing"
        ),
        pytest.param(
            _header() + XML + _head(4, 2) + b"tree" + _head(4, 2) + b"none" + XML + b"what is no header at all",
            "neither an integrity table nor a header",
            id="no header at the end",
        ),
    ],
)
def test_a_lie_is_found_where_it_is(data: bytes, said: str, tmp_path: Path) -> None:
    with pytest.raises(CorruptWim, match=said):
        received(data, tmp_path / "lie.wim")


@given(st.data())
def test_no_damage_is_worse_than_a_refusal(data: st.DataObject) -> None:
    body = XML + _head(4, 2) + b"tree" + _head(5, 0) + b"bytes" + _head(50, 2) + bytes(50) + XML
    whole = bytearray(_header() + body + _header())
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(8, len(whole) - 1))] = data.draw(st.integers(0, 255))
    with tempfile.TemporaryFile() as source, tempfile.TemporaryFile() as target:
        source.write(whole[: data.draw(st.integers(0, len(whole)))])
        source.seek(0)
        try:
            receive(InputStream(source.fileno()), target.fileno())
        except (CorruptWim, NotAWim):
            return
        assert Header.parse(os.pread(target.fileno(), HEADER_SIZE, 0)).magic == b"MSWIM\0\0\0"


def test_a_place_without_room_is_named(
    pipable: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    monkeypatch.setattr("osdimage.imaging.wim.piped.relaid.write_at", mock.Mock(side_effect=full))
    with pytest.raises(StorageError) as refused:
        received(pipable("--compress=lzx").read_bytes(), tmp_path / "plain.wim")
    assert str(refused.value).startswith(f"{tmp_path}: No space left on device: the WIM from standard input")
    assert "another place in TMPDIR" in str(refused.value)
    assert not list(tmp_path.glob("osdimage-scratch-*"))
