"""The blob pipeline: what wimlib-imagex wrote arrives as it lists it, and what nobody wrote ends in a verdict."""

from __future__ import annotations

import errno
import hashlib
import os
import random
import struct
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from cases.blob_rows import BlobRows, blob_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from judges.wim import run
from osdimage.native._wimlib import ffi
from osdimage.native.engine.pipeline import BlobFile, Run, Verdict
from osdimage.native.runtime import Compression
from osdimage.native.wim.handles import WimHandle
from osdimage.native.wim.resource import BlobTable
from osdimage.native.wim.tree import Blob

CHUNK = 32768
UNIT = 1 << 20
DAMAGED, CUT_OFF, OUTSIDE, DIFFERENT = Verdict.DAMAGED, Verdict.CUT_OFF, Verdict.OUTSIDE, Verdict.DIFFERENT

# ---- what gets the bytes


@dataclass
class Sink:
    """Keeps what it is given, and fails where it is told to.

    Attributes:
        pieces: by blob: offset and bytes.
        ends: by blob, whether it is good, each time that it is told.
        flushed: the workers.
        fails_at: called with a blob for each piece; returns what piece() does.
    """

    fails_at: Callable[[int], int] = lambda _: 0
    pieces: dict[int, list[tuple[int, bytes]]] = field(default_factory=dict)
    ends: dict[int, list[bool]] = field(default_factory=dict)
    flushed: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        functions = ffi.new("struct osd_sink_ops *")
        self._callbacks = (
            ffi.callback("int(struct osd_sink *, unsigned, uint32_t, uint64_t, const uint8_t *, size_t)", self._piece),
            ffi.callback("int(struct osd_sink *, unsigned, uint32_t, int)", self._end),
            ffi.callback("int(struct osd_sink *, unsigned)", self._flush),
        )
        functions.piece, functions.blob_end, functions.flush = self._callbacks
        self._functions = functions
        self.pointer = ffi.new("struct osd_sink *", {"ops": functions})

    def _piece(self, _sink: Any, _worker: int, blob: int, offset: int, data: Any, size: int) -> int:
        with self._lock:
            assert blob not in self.ends
            self.pieces.setdefault(blob, []).append((offset, bytes(ffi.buffer(data, size))))
            return self.fails_at(blob)

    def _end(self, _sink: Any, _worker: int, blob: int, is_good: int) -> int:
        with self._lock:
            self.ends.setdefault(blob, []).append(bool(is_good))
        return 0

    def _flush(self, _sink: Any, worker: int) -> int:
        self.flushed.append(worker)
        return 0

    def contents(self, blob: int) -> bytes:
        found = sorted(self.pieces.get(blob, []))
        places = [offset for offset, _ in found]
        joined = b"".join(data for _, data in found)
        sizes = [len(data) for _, data in found]
        assert places == [sum(sizes[:number]) for number in range(len(sizes))]
        return joined


@contextmanager
def running(
    blobs: BlobTable, paths: Sequence[tuple[Path, Compression, int]], *sinks: Sink, workers: int = 3, **options: Any
) -> Iterator[Run]:
    with ExitStack() as stack:
        files = []
        for path, compression, chunk_size in paths:
            descriptor = os.open(path, os.O_RDONLY)
            stack.callback(os.close, descriptor)
            files.append(BlobFile(descriptor, compression, chunk_size))
        pointers = [sink.pointer for sink in sinks]
        yield stack.enter_context(Run(blobs, files, workers=workers, sinks=pointers, **options))


def judge(
    blobs: BlobTable, paths: Sequence[tuple[Path, Compression, int]], *sinks: Sink, **options: Any
) -> dict[int, Verdict | int]:
    """Return what is wrong, by blob."""
    with running(blobs, paths, *sinks, **options) as made:
        *_, done = made.progress()
        found = {each.position: each.fault for each in made.bad()}
        if made.error() is None and blobs.size < MOST:
            assert done == blobs.size
        return found


def opened(*paths: Path) -> tuple[BlobTable, list[tuple[Path, Compression, int]]]:
    with ExitStack() as stack:
        handles = [stack.enter_context(WimHandle.open(path)) for path in paths]
        facts = [handle.info() for handle in handles]
        files = [
            (path, each.compression or Compression.NONE, each.chunk_size)
            for path, each in zip(paths, facts, strict=True)
        ]
        return BlobTable(*handles), files


# ---- what wimlib wrote

WIMS = {
    "none": ["--compress=none"],
    "xpress": ["--compress=xpress", "--chunk-size=4096"],
    "lzx": ["--compress=lzx:10"],
    "lzx of large chunks": ["--compress=lzx:10", "--chunk-size=2M"],
    "lzms": ["--compress=lzms:10", "--chunk-size=262144"],
    "solid": ["--solid", "--solid-compress=lzms:10", "--solid-chunk-size=1M"],
    "solid lzx": ["--solid", "--solid-compress=lzx:10", "--solid-chunk-size=64K"],
}


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pipeline") / "source"
    folder.mkdir()
    bits = random.Random(1)
    for number in range(120):
        (folder / f"small {number}").write_bytes(b"%d " % number * bits.randrange(1, 3000))
    (folder / "empty").touch()
    (folder / "noise").write_bytes(bits.randbytes(300_000))
    (folder / "of a unit").write_bytes(b"unit" * (UNIT // 4))
    (folder / "more than one").write_bytes(b"unit" * (UNIT // 4) + b".")
    (folder / "large").write_bytes(b"".join(b"line %d\n" % number for number in range(400_000)))
    (folder / "large noise").write_bytes(bits.randbytes(2 * UNIT + 5))
    return folder


@pytest.fixture(scope="module", params=WIMS.values(), ids=WIMS.keys())
def wim(source: Path, request: pytest.FixtureRequest) -> Path:
    path = source.parent / f"{request.param_index}.wim"
    run("wimlib-imagex", "capture", source, path, *request.param)
    return path


@pytest.mark.foreign
@pytest.mark.parametrize(("workers", "memory"), [(1, 32 << 20), (3, 32 << 20), (3, 1)])
def test_every_blob_arrives_with_the_hash_that_wimlib_stored(wim: Path, workers: int, memory: int) -> None:
    blobs, files = opened(wim)
    sink, other = Sink(), Sink()
    assert judge(blobs, files, sink, other, workers=workers, memory=memory) == {}
    for position in range(len(blobs)):
        blob = blobs[position]
        contents = sink.contents(position)
        assert len(contents) == blob.size
        assert hashlib.sha1(contents, usedforsecurity=False).digest() == blob.sha1
        if blob.size <= UNIT and not blob.is_solid:
            assert len(sink.pieces[position]) == 1
    assert sink.ends == other.ends == {position: [True] for position in range(len(blobs))}
    assert {key: sorted(value) for key, value in sink.pieces.items()} == {
        key: sorted(value) for key, value in other.pieces.items()
    }
    assert sorted(sink.flushed) == list(range(workers))


@pytest.mark.foreign
def test_files_that_belong_together_are_read_in_one_run(source: Path, tmp_path: Path) -> None:
    whole = tmp_path / "whole.wim"
    run("wimlib-imagex", "capture", source, whole, "--compress=xpress")
    run("wimlib-imagex", "split", whole, tmp_path / "part.swm", "1")
    parts = sorted(tmp_path.glob("part*.swm"))
    assert len(parts) > 1
    blobs, files = opened(*parts)
    assert {blobs.file_of(position) for position in range(len(blobs))} == set(range(len(parts)))
    assert judge(blobs, files) == {}
    # One that is damaged says nothing of the others.
    data = bytearray(parts[1].read_bytes())
    data[300] ^= 0xFF
    parts[1].write_bytes(data)
    bad = judge(blobs, files)
    assert len(bad) == 1
    assert {blobs.file_of(position) for position in bad} == {1}


def test_a_table_of_nothing_is_done_at_once() -> None:
    with WimHandle.create(Compression.NONE) as handle:
        blobs = BlobTable(handle)
    sink = Sink()
    assert judge(blobs, [], sink) == {}
    assert (sink.pieces, sink.ends, sorted(sink.flushed)) == ({}, {}, [0, 1, 2])


# ---- what nobody wrote


def verdicts(
    path: Path, data: bytes, *blobs: Blob, compression: Compression = Compression.LZX, chunk_size: int = CHUNK
) -> dict[int, Verdict | int]:
    path.write_bytes(data)
    return judge(BlobRows(*blobs), [(path, compression, chunk_size)])


def chunked(*offsets: int, data: bytes) -> bytes:
    return struct.pack(f"<{len(offsets)}I", *offsets) + data


def solid(size: int, chunk_size: int, compression: int, stored: Sequence[int], data: bytes) -> bytes:
    return struct.pack(f"<QII{len(stored)}I", size, chunk_size, compression, *stored) + data


def test_chunks_that_are_stored_as_they_are_need_no_decompressor(tmp_path: Path) -> None:
    contents = random.Random(2).randbytes(2 * CHUNK + 5)
    resource = chunked(CHUNK, 2 * CHUNK, data=contents)
    good = blob_of(len(resource), len(contents), offset=6, contents=contents)
    assert verdicts(tmp_path / "x", b"before" + resource, good) == {}
    other = blob_of(len(resource), len(contents), offset=6, contents=contents + b".")
    assert verdicts(tmp_path / "x", b"before" + resource, other) == {0: DIFFERENT}


def test_the_table_of_a_resource_above_4_gib_has_wider_numbers(tmp_path: Path) -> None:
    # "Windows Imaging File Format (WIM)", "Resources": 8 bytes each.
    path, chunk, size = tmp_path / "x", 1 << 28, (1 << 32) + 1
    count = size // chunk
    table = struct.pack(f"<{count}Q", *(number * chunk for number in range(1, count + 1)))
    path.write_bytes(table)
    os.truncate(path, len(table) + size)
    stopped: list[int] = []

    def look(blob: int) -> int:
        stopped.append(blob)
        return errno.ECANCELED

    sink = Sink(look)
    with running(
        BlobRows(blob_of(len(table) + size, size)), [(path, Compression.LZMS, chunk)], sink, workers=1
    ) as made:
        assert [*made.progress()]
        error = made.error()
    assert error is not None
    assert (error.errno, error.filename) == (errno.ECANCELED, 0)
    ((offset, data),) = sink.pieces[0]
    assert (offset, len(data), data.count(0)) == (0, chunk, chunk)


MOST = (1 << 64) - 1
HALF = 1 << 63
LIES = {
    "behind the end": (b"x" * 10, blob_of(11, 11, is_compressed=False), CUT_OFF),
    "begin behind the end": (b"x" * 10, blob_of(1, 1, offset=10, is_compressed=False), CUT_OFF),
    "end that wraps around": (b"x" * 10, blob_of(MOST, MOST, offset=2, is_compressed=False), DAMAGED),
    "offset beyond what files have": (b"x" * 10, blob_of(1, 1, offset=HALF, is_compressed=False), CUT_OFF),
    "size beyond what files have": (b"x" * 10, blob_of(HALF, HALF, is_compressed=False), DAMAGED),
    "two sizes without compression": (b"x" * 10, blob_of(10, 9, is_compressed=False), DAMAGED),
    "two sizes of one blob": (b"x" * 10, blob_of(10, 10, is_compressed=False, inside=(0, 9)), DAMAGED),
    "nothing stored for something": (b"x" * 10, blob_of(0, 1), DAMAGED),
    "less than its table": (bytes(10), blob_of(10, 10 * CHUNK), DAMAGED),
    "a size that no table can hold": (bytes(100), blob_of(100, MOST), DAMAGED),
    "the largest size of all": (bytes(100), blob_of(100, HALF - 1), DAMAGED),
    "more stored than there is": (bytes(4 << 20), blob_of(4 << 20, 100), DAMAGED),
    "offsets that go back": (chunked(20, 10, data=bytes(30)), blob_of(38, 3 * CHUNK), DAMAGED),
    "an offset behind the resource": (chunked(31, data=bytes(30)), blob_of(34, 2 * CHUNK), DAMAGED),
    "a chunk of nothing": (chunked(0, data=bytes(30)), blob_of(34, 2 * CHUNK), DAMAGED),
    "a chunk larger than one": (chunked(CHUNK + 1, data=bytes(CHUNK + 30)), blob_of(CHUNK + 34, 2 * CHUNK), DAMAGED),
    "a last chunk larger than its size": (b"x" * 11, blob_of(11, 10), DAMAGED),
    "offsets of a large one that go back": (
        struct.pack("<64I", *(100 * ((number * 7) % 64) for number in range(64))) + bytes(9000),
        blob_of(256 + 9000, 64 * CHUNK + 1),
        DAMAGED,
    ),
    "noise": (random.Random(4).randbytes(1000), blob_of(1000, CHUNK), DAMAGED),
    "a solid resource without a header": (bytes(15), blob_of(15, 1, is_solid=True), DAMAGED),
    "a solid resource of another size": (
        solid(6, CHUNK, 3, [5], b"x" * 5),
        blob_of(25, 5, is_solid=True),
        DAMAGED,
    ),
    "a solid resource without chunks": (solid(5, 0, 3, [5], b"x" * 5), blob_of(25, 5, is_solid=True), DAMAGED),
    "solid chunks of no power of two": (solid(5, 3000, 3, [5], b"x" * 5), blob_of(25, 5, is_solid=True), DAMAGED),
    "solid chunks that fill the memory": (solid(5, 1 << 31, 3, [5], b"x" * 5), blob_of(25, 5, is_solid=True), DAMAGED),
    "a solid chunk behind the end": (solid(5, CHUNK, 3, [6], b"x" * 5), blob_of(25, 5, is_solid=True), DAMAGED),
    "solid chunks that are too many": (
        solid(MOST, CHUNK, 3, [5], b"x" * 5),
        blob_of(25, MOST, is_solid=True),
        DAMAGED,
    ),
    "a solid resource of an unknown kind": (
        solid(10, CHUNK, 77, [5], b"x" * 5),
        blob_of(25, 10, is_solid=True),
        DAMAGED,
    ),
    "a kind that is a negative number": (solid(5, CHUNK, MOST >> 32, [5], b""), blob_of(20, 5, is_solid=True), DAMAGED),
    "a blob that reaches beyond its solid resource": (
        solid(5, CHUNK, 3, [5], b"x" * 5),
        blob_of(25, 5, is_solid=True, inside=(3, 3)),
        OUTSIDE,
    ),
    "one that begins there": (
        solid(5, CHUNK, 3, [5], b"x" * 5),
        blob_of(25, 5, is_solid=True, inside=(MOST, 3)),
        OUTSIDE,
    ),
}


@pytest.mark.parametrize(("data", "blob", "expected"), LIES.values(), ids=LIES.keys())
def test_a_resource_that_lies_is_bad_and_the_next_one_is_not(
    tmp_path: Path, data: bytes, blob: Blob, expected: Verdict
) -> None:
    path, other = tmp_path / "x", tmp_path / "y"
    path.write_bytes(data)
    other.write_bytes(b"good")
    blobs = BlobRows(blob, blob_of(4, 4, is_compressed=False, contents=b"good"), files=(0, 1))
    assert judge(blobs, [(path, Compression.LZX, CHUNK), (other, Compression.NONE, 0)]) == {0: expected}


@pytest.mark.parametrize("chunk_size", [0, 1000, 2048, 1 << 29, 1 << 31])
def test_a_wim_whose_chunks_cannot_be_is_damaged(tmp_path: Path, chunk_size: int) -> None:
    assert verdicts(tmp_path / "x", bytes(10), blob_of(10, 20), chunk_size=chunk_size) == {0: DAMAGED}


@pytest.mark.parametrize("is_solid", [False, True])
def test_nothing_is_read_of_a_blob_of_nothing(tmp_path: Path, is_solid: bool) -> None:
    data = solid(0, CHUNK, 3, [], b"")
    assert verdicts(tmp_path / "x", data, blob_of(len(data), 0, is_solid=is_solid)) == {}
    assert verdicts(tmp_path / "x", data, blob_of(len(data), 0, is_solid=is_solid, contents=b"x")) == {0: DIFFERENT}


def test_blobs_of_a_solid_resource_may_overlap_and_leave_gaps(tmp_path: Path) -> None:
    contents = random.Random(6).randbytes(5 * 4096 + 100)
    stored = [4096] * 5 + [100]
    resource = solid(len(contents), 4096, 3, stored, contents)
    places = [(0, 100), (0, 20_000), (50, 4096), (4000, 200), (4096, 0), (4096, 4096), (9000, 11_580), (20_580, 0)]
    blobs = [
        blob_of(
            len(resource),
            len(contents),
            is_solid=True,
            inside=(begin, size),
            contents=contents[begin : begin + size],
        )
        for begin, size in places
    ]
    path = tmp_path / "x"
    path.write_bytes(resource)
    sink = Sink()
    for memory in (1, 1 << 20):
        assert judge(BlobRows(*blobs), [(path, Compression.NONE, 0)], sink, memory=memory) == {}
        assert [sink.contents(number) for number in range(len(places))] == [
            contents[begin : begin + size] for begin, size in places
        ]
        sink = Sink()


def test_a_bad_chunk_is_bad_for_the_blobs_in_it_alone(tmp_path: Path) -> None:
    contents = random.Random(7).randbytes(4 * 4096)
    places = [(0, 4096), (4000, 8000), (8192, 10), (12_288, 4096)]
    blobs = [
        blob_of(32 + 16_383, 16_384, is_solid=True, inside=(begin, size), contents=contents[begin : begin + size])
        for begin, size in places
    ]
    # The third chunk is one byte shorter, and no LZMS.
    damaged = solid(16_384, 4096, 3, [4096, 4096, 4095, 4096], contents[:12_287] + contents[12_288:])
    assert verdicts(tmp_path / "x", damaged, *blobs) == {1: DAMAGED, 2: DAMAGED}
    # Where it ends is not known, nor where the fourth begins.
    damaged = solid(16_384, 4096, 3, [4096, 4096, 9999, 4096], contents[:12_287] + contents[12_288:])
    assert verdicts(tmp_path / "x", damaged, *blobs) == {1: DAMAGED, 2: DAMAGED, 3: DAMAGED}


def test_a_file_that_becomes_shorter_while_it_is_read_is_cut_off(tmp_path: Path) -> None:
    path, contents = tmp_path / "x", random.Random(8).randbytes(5 << 20)
    path.write_bytes(contents)
    places = [(0, 2 << 20), (2 << 20, 3 << 20)]
    blobs = [
        blob_of(size, size, offset=begin, is_compressed=False, contents=contents[begin : begin + size])
        for begin, size in places
    ]

    def cut(_: int) -> int:
        os.truncate(path, 3 << 20)
        return 0

    assert judge(BlobRows(*blobs), [(path, Compression.NONE, 0)], Sink(cut), workers=1) == {1: CUT_OFF}


def test_what_the_medium_refuses_is_told_of_each_blob_by_its_number(tmp_path: Path) -> None:
    # A descriptor that was not opened for reading stands for the disk that cannot read.
    path = tmp_path / "x"
    path.write_bytes(bytes(100))
    descriptor = os.open(path, os.O_WRONLY)
    blobs = BlobRows(*(blob_of(10, 10, offset=10 * number, is_compressed=False) for number in range(3)))
    with Run(blobs, [BlobFile(descriptor, Compression.NONE, 0)], workers=2) as made:
        assert [*made.progress()][-1] == 30
        assert [each.fault for each in made.bad()] == [errno.EBADF] * 3
    os.close(descriptor)


# ---- files inside other files


@pytest.mark.foreign
def test_a_wim_is_read_at_its_place_in_another_file(wim: Path, tmp_path: Path) -> None:
    blobs, ((_, compression, chunk_size),) = opened(wim)
    data, around = wim.read_bytes(), random.Random(5).randbytes(5000)
    (tmp_path / "x").write_bytes(around + data + around)
    descriptor = os.open(tmp_path / "x", os.O_RDONLY)
    sink = Sink()
    file = BlobFile(descriptor, compression, chunk_size, len(around), len(data))
    with Run(blobs, [file], workers=3, sinks=[sink.pointer]) as made:
        assert [*made.progress()][-1] == blobs.size
        assert not list(made.bad())
    os.close(descriptor)
    for position in range(len(blobs)):
        assert hashlib.sha1(sink.contents(position), usedforsecurity=False).digest() == blobs[position].sha1


@pytest.mark.parametrize("is_solid", [False, True])
@pytest.mark.parametrize(("begin", "length"), [(100, 3000), (100, 0), (5000, 0), (1 << 40, 0), (100, 1 << 40)])
def test_nothing_behind_the_end_of_a_file_in_another_is_read(
    begin: int, length: int, is_solid: bool, tmp_path: Path
) -> None:
    noise = random.Random(6).randbytes(5000)
    (tmp_path / "x").write_bytes(noise)
    size = max(0, min(len(noise) - begin, length or len(noise)))
    places = (0, 1000, 2500, 2990, 4000, 4890, 4900, 6000)
    rows = BlobRows(
        *(
            blob_of(10, 10, offset=at, is_compressed=False, is_solid=is_solid, contents=noise[begin + at :][:10])
            for at in places
        )
    )
    descriptor = os.open(tmp_path / "x", os.O_RDONLY)
    with Run(rows, [BlobFile(descriptor, Compression.NONE, 0, begin, length)], workers=2) as made:
        for _ in made.progress():
            pass
        found = {each.position: each.fault for each in made.bad()}
    os.close(descriptor)
    # What is whole and claims to be solid is too short for that.
    whole = Verdict.DAMAGED if is_solid else None
    assert {place: found.get(number) for number, place in enumerate(places)} == {
        place: whole if place + 10 <= size else CUT_OFF for place in places
    }


# ---- ending early


def plain_blobs(path: Path, count: int) -> BlobRows:
    """Write blobs that are stored as they are, each of a segment and a byte."""
    contents = random.Random(9).randbytes(UNIT + 1)
    path.write_bytes(contents * count)
    size = len(contents)
    return BlobRows(
        *(blob_of(size, size, offset=size * each, is_compressed=False, contents=contents) for each in range(count))
    )


def test_a_sink_that_fails_is_left_out_and_the_others_go_on(tmp_path: Path) -> None:
    blobs = plain_blobs(tmp_path / "x", 4)
    failing, sound = Sink(lambda blob: errno.ENOSPC if blob == 1 else 0), Sink()
    with running(blobs, [(tmp_path / "x", Compression.NONE, 0)], failing, sound, workers=1) as made:
        assert [*made.progress()][-1] == blobs.size
        assert made.error() is None
        assert [made.sink_error(number) for number in range(2)] == [(errno.ENOSPC, 1), None]
    assert failing.pieces.keys() == {0, 1}
    assert (failing.ends, failing.flushed) == ({0: [True]}, [])
    assert sound.ends == {number: [True] for number in range(4)}


def test_a_run_ends_when_all_of_its_sinks_have_failed(tmp_path: Path) -> None:
    blobs = plain_blobs(tmp_path / "x", 4)
    sinks = [Sink(lambda blob: errno.ENOSPC if blob == 0 else 0), Sink(lambda blob: errno.EIO if blob == 1 else 0)]
    with running(blobs, [(tmp_path / "x", Compression.NONE, 0)], *sinks, workers=1) as made:
        assert [*made.progress()][-1] < blobs.size
        error = made.error()
        assert error is not None
        assert (error.errno, error.filename) == (errno.EIO, 1)
    assert sinks[1].flushed == []


def test_the_first_bad_blob_ends_a_run_that_is_to_end_there(tmp_path: Path) -> None:
    blobs = plain_blobs(tmp_path / "x", 4)
    with (tmp_path / "x").open("r+b") as file:
        file.seek(UNIT + 7)
        file.write(b"?")
    path = [(tmp_path / "x", Compression.NONE, 0)]
    with running(blobs, path, workers=1, ends_at_bad=True) as made:
        assert [*made.progress()][-1] < blobs.size
        error = made.error()
    assert error is not None
    assert (error.errno, error.filename) == (errno.EILSEQ, 1)
    assert judge(blobs, path) == {1: DIFFERENT}


def test_closing_a_run_stops_it_and_nothing_is_called_afterwards(tmp_path: Path) -> None:
    blobs = plain_blobs(tmp_path / "x", 20)
    begun = threading.Event()

    def begin(_: int) -> int:
        begun.set()
        return 0

    sink = Sink(begin)
    with running(blobs, [(tmp_path / "x", Compression.NONE, 0)], sink, workers=2):
        assert begun.wait(30)
    before = Counter(map(len, sink.pieces.values()))
    assert len(sink.ends) < 20
    assert sink.flushed == []
    assert Counter(map(len, sink.pieces.values())) == before


def test_blobs_that_are_not_in_order_and_a_file_that_is_not_given_are_refused(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(bytes(20))
    blobs = BlobRows(blob_of(1, 1, offset=5, is_compressed=False), blob_of(1, 1, offset=4, is_compressed=False))
    for files in ([(tmp_path / "x", Compression.NONE, 0)], []):
        with pytest.raises(OSError, match="Invalid argument"), running(blobs, files):
            pass


# ---- anything at all

NUMBERS = st.fixed_dictionaries(
    {
        "offset": st.integers(0, 20) | st.integers(0, MOST),
        "stored": st.integers(0, 220) | st.integers(0, MOST),
        "size": st.integers(0, 200_000) | st.integers(0, MOST),
        "is_compressed": st.booleans(),
        "is_solid": st.booleans(),
        "inside": st.none() | st.tuples(st.integers(0, 200) | st.integers(0, MOST), st.integers(0, 200_000)),
    }
)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    data=st.binary(max_size=200),
    blobs=st.lists(NUMBERS.map(lambda numbers: blob_of(**numbers)), max_size=6),
    compression=st.sampled_from(Compression),
    chunk_size=st.sampled_from([0, 512, 4096, CHUNK, 1 << 21]) | st.integers(0, (1 << 32) - 1),
)
def test_any_numbers_end_in_a_verdict_for_each(
    tmp_path: Path, data: bytes, blobs: list[Blob], compression: Compression, chunk_size: int
) -> None:
    path = tmp_path / "x"
    path.write_bytes(data)
    ordered = sorted(blobs, key=lambda each: (each.resource_offset, each.offset_in_resource))
    sink = Sink()
    bad = judge(BlobRows(*ordered), [(path, compression, chunk_size)], sink)
    assert set(bad.values()) <= {DAMAGED, CUT_OFF, OUTSIDE, DIFFERENT}
    assert sink.ends == {number: [number not in bad] for number in range(len(ordered))}


def test_a_sink_gets_calls_of_no_more_workers_than_it_may_have_room_for(tmp_path: Path) -> None:
    # OSD_WORKERS of sink.h; a machine may have more processors.
    sink = Sink()
    (tmp_path / "file").touch()
    assert judge(BlobRows(), [(tmp_path / "file", Compression.NONE, 0)], sink, workers=100) == {}
    assert sorted(sink.flushed) == list(range(64))
