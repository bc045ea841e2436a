"""Resources of WIM files: those that wimlib-imagex wrote are read as it lists them, and lies end in an error."""

from __future__ import annotations

import errno
import hashlib
import os
import random
import re
import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from cases.slice_device import errno_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from judges.wim import run
from osdimage.native.runtime import Compression
from osdimage.native.wim.handles import WimHandle
from osdimage.native.wim.resource import BATCH_BYTES, BlobTable, ResourceReader
from osdimage.native.wim.tree import Blob

CHUNK = 32768
CORRUPT, SHORT = errno.EBADMSG, errno.ENODATA

# ---- what wimlib wrote

WIMS = {
    "none": ["--compress=none"],
    "xpress": ["--compress=xpress", "--chunk-size=4096"],
    "lzx": ["--compress=lzx"],
    "lzms": ["--compress=lzms", "--chunk-size=262144"],
    "solid": ["--solid", "--solid-compress=lzms", "--solid-chunk-size=1M"],
    "solid lzx": ["--solid", "--solid-compress=lzx", "--solid-chunk-size=64K"],
}


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("resource") / "source"
    folder.mkdir()
    bits = random.Random(1)
    for number in range(200):
        (folder / f"small {number}").write_bytes(b"%d " % number * bits.randrange(1, 3000))
    (folder / "empty").touch()
    (folder / "one chunk").write_bytes(b"chunk" * 10_000)
    (folder / "noise").write_bytes(bits.randbytes(300_000))
    (folder / "large").write_bytes(b"".join(b"line %d\n" % number for number in range(120_000)))
    os.link(folder / "large", folder / "the same")
    return folder


@pytest.fixture(scope="module", params=WIMS.values(), ids=WIMS.keys())
def wim(source: Path, request: pytest.FixtureRequest) -> Path:
    path = source.parent / f"{request.param_index}.wim"
    run("wimlib-imagex", "capture", source, path, *request.param)
    return path


@contextmanager
def a_reader(path: Path) -> Iterator[tuple[BlobTable, ResourceReader]]:
    with WimHandle.open(path) as handle:
        facts, table = handle.info(), BlobTable(handle)
    assert facts.compression is not None
    descriptor = os.open(path, os.O_RDONLY)
    reader = ResourceReader(descriptor, facts.compression, facts.chunk_size)
    try:
        yield table, reader
    finally:
        reader.close()
        os.close(descriptor)


def listed(path: Path) -> list[dict[str, str]]:
    """Return what wimlib-imagex lists of each blob, by the words it uses."""
    blocks = run("wimlib-imagex", "info", "--blobs", path).split("\n\n")
    pairs = [dict(re.findall(r"^([A-Z][^=\n]*?)\s*= (.*)$", block, re.MULTILINE)) for block in blocks]
    return [facts for facts in pairs if "Hash" in facts]


@pytest.mark.foreign
def test_the_table_has_every_blob_that_wimlib_lists(wim: Path) -> None:
    with a_reader(wim) as (table, _):
        found = {table[position].sha1: table[position] for position in range(len(table))}
        assert len(found) == len(table)
        places = list(table.places())
    assert places == sorted(places, key=lambda place: place[0])
    told = listed(wim)
    assert found.keys() == {bytes.fromhex(facts["Hash"].removeprefix("0x")) for facts in told}
    for facts in told:
        blob = found[bytes.fromhex(facts["Hash"].removeprefix("0x"))]
        assert blob.size == int(facts["Uncompressed size"].split()[0])
        assert blob.references == int(facts["Reference Count"])
        assert blob.part_number == int(facts["Part Number"])
        assert blob.is_metadata == ("METADATA" in facts["Flags"])
        assert blob.is_solid == ("SOLID" in facts["Flags"])
        if blob.is_solid:
            numbers = re.search(r"(\d+) => (\d+) bytes @ offset (\d+)", facts["Solid resource"])
            assert numbers is not None
            place = (blob.resource_size, blob.resource_stored_size, blob.resource_offset)
            assert place == tuple(int(number) for number in numbers.groups())
        else:
            assert blob.is_compressed == ("COMPRESSED" in facts["Flags"])
            assert blob.resource_stored_size == int(facts["Compressed size"].split()[0])
            assert blob.resource_offset == int(facts["Offset in WIM"].split()[0])


@pytest.mark.foreign
def test_every_blob_has_the_hash_that_wimlib_lists(wim: Path) -> None:
    with a_reader(wim) as (table, reader):
        place, resource = -1, b""
        for position in range(len(table)):
            blob = table[position]
            if blob.resource_offset != place:
                place, resource = blob.resource_offset, b"".join(bytes(piece) for piece in reader.pieces(blob))
            assert len(resource) == blob.resource_size
            contents = resource[blob.offset_in_resource :][: blob.size]
            assert hashlib.sha1(contents, usedforsecurity=False).digest() == blob.sha1


@pytest.mark.foreign
def test_small_blobs_are_read_together_until_one_is_large_or_solid(wim: Path) -> None:
    with a_reader(wim) as (table, reader):
        position = batches = 0
        while position < len(table):
            found = reader.batch(table, position, len(table) - position)
            for offset, (contents, number) in enumerate(found):
                assert number == 0
                assert hashlib.sha1(contents, usedforsecurity=False).digest() == table[position + offset].sha1
            if not found:
                assert table[position].is_solid or table[position].size > BATCH_BYTES
            batches += bool(found)
            position += len(found) or 1
        assert batches < len(table) / 10


@pytest.mark.foreign
def test_the_table_keeps_what_is_wanted_of_a_part_and_each_once(wim: Path) -> None:
    with a_reader(wim) as (table, reader):
        blobs = [table[position] for position in range(len(table))]
        wanted = {blob.sha1 for blob in blobs[::3]}
        table.keep(wanted, 2)
        assert len(table) == 0
    with a_reader(wim) as (table, reader):
        table.keep(wanted, 1)
        kept = [table[position] for position in range(len(table))]
        assert kept == [blob for blob in blobs if blob.sha1 in wanted and not blob.is_metadata]
        for position, (contents, number) in enumerate(reader.batch(table, 0, len(table))):
            assert (hashlib.sha1(contents, usedforsecurity=False).digest(), number) == (kept[position].sha1, 0)


def test_a_wim_without_blobs_has_an_empty_table() -> None:
    with WimHandle.create(Compression.NONE) as handle:
        table = BlobTable(handle)
    assert len(table) == 0
    assert list(table.places()) == []


@pytest.mark.foreign
def test_a_wim_is_read_at_its_place_in_another_file(wim: Path, tmp_path: Path) -> None:
    with a_reader(wim) as (table, _), WimHandle.open(wim) as handle:
        facts = handle.info()
    data, around = wim.read_bytes(), bytes(777)
    (tmp_path / "x").write_bytes(around + data + around)
    descriptor = os.open(tmp_path / "x", os.O_RDONLY)
    assert facts.compression is not None
    reader = ResourceReader(descriptor, facts.compression, facts.chunk_size, begin=len(around), length=len(data))
    for position in range(len(table)):
        blob = table[position]
        contents = b"".join(bytes(piece) for piece in reader.pieces(blob))[blob.offset_in_resource :][: blob.size]
        assert hashlib.sha1(contents, usedforsecurity=False).digest() == blob.sha1
    reader.close()
    os.close(descriptor)


@pytest.mark.parametrize(("offset", "fits"), [(0, True), (2990, True), (2991, False), (4000, False), (1 << 62, False)])
def test_nothing_behind_the_end_of_a_file_in_another_is_read(offset: int, fits: bool, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(bytes(range(250)) * 20)
    descriptor = os.open(tmp_path / "x", os.O_RDONLY)
    reader = ResourceReader(descriptor, Compression.NONE, 0, begin=100, length=3000)
    blob = blob_of(10, 10, offset=offset, is_compressed=False)
    try:
        if fits:
            expected = (bytes(range(250)) * 20)[100 + offset :][:10]
            assert b"".join(map(bytes, reader.pieces(blob))) == expected
        else:
            with pytest.raises(OSError, match=os.strerror(errno.ENODATA)):
                list(reader.pieces(blob))
    finally:
        reader.close()
        os.close(descriptor)


# ---- what nobody wrote


def blob_of(stored: int, size: int, *, offset: int = 0, is_compressed: bool = True, is_solid: bool = False) -> Blob:
    return Blob(bytes(20), size, 1, 1, False, is_compressed, is_solid, 0, offset, stored, size)


def read(
    path: Path, data: bytes, blob: Blob, *, compression: Compression = Compression.LZX, chunk_size: int = CHUNK
) -> bytes:
    path.write_bytes(data)
    descriptor = os.open(path, os.O_RDONLY)
    reader = ResourceReader(descriptor, compression, chunk_size)
    try:
        return b"".join(bytes(piece) for piece in reader.pieces(blob))
    finally:
        reader.close()
        os.close(descriptor)


def chunked(*offsets: int, data: bytes) -> bytes:
    """Return a resource with a table of these offsets."""
    return struct.pack(f"<{len(offsets)}I", *offsets) + data


def solid(size: int, chunk_size: int, compression: int, stored: Sequence[int], data: bytes) -> bytes:
    return struct.pack(f"<QII{len(stored)}I", size, chunk_size, compression, *stored) + data


def test_chunks_that_are_stored_as_they_are_need_no_decompressor(tmp_path: Path) -> None:
    contents = random.Random(2).randbytes(2 * CHUNK + 5)
    resource = chunked(CHUNK, 2 * CHUNK, data=contents)
    assert read(tmp_path / "x", b"before" + resource, blob_of(len(resource), len(contents), offset=6)) == contents
    resource = solid(len(contents), CHUNK, 3, [CHUNK, CHUNK, 5], contents)
    assert read(tmp_path / "x", resource, blob_of(len(resource), len(contents), is_solid=True)) == contents


def test_the_table_of_a_resource_above_4_gib_has_wider_numbers(tmp_path: Path) -> None:
    # "Windows Imaging File Format (WIM)", "Resources": 8 bytes each.
    path, chunk, size = tmp_path / "x", 1 << 20, (1 << 32) + 1
    count = size // chunk
    table = struct.pack(f"<{count}Q", *(number * chunk for number in range(1, count + 1)))
    contents = random.Random(3).randbytes(chunk)
    path.write_bytes(table + contents)
    os.truncate(path, len(table) + size)
    descriptor = os.open(path, os.O_RDONLY)
    reader = ResourceReader(descriptor, Compression.LZMS, chunk)
    try:
        pieces = reader.pieces(blob_of(len(table) + size, size))
        assert next(pieces) == contents
        assert next(pieces) == bytes(chunk)
    finally:
        reader.close()
        os.close(descriptor)


MOST = (1 << 64) - 1
HALF = 1 << 63
LIES = {
    "behind the end": (b"x" * 10, blob_of(11, 11, is_compressed=False), SHORT),
    "begin behind the end": (b"x" * 10, blob_of(1, 1, offset=10, is_compressed=False), SHORT),
    "end that wraps around": (b"x" * 10, blob_of(MOST, MOST, offset=2, is_compressed=False), CORRUPT),
    "offset beyond what files have": (b"x" * 10, blob_of(1, 1, offset=HALF, is_compressed=False), SHORT),
    "size beyond what files have": (b"x" * 10, blob_of(HALF, HALF, is_compressed=False), CORRUPT),
    "two sizes without compression": (b"x" * 10, blob_of(10, 9, is_compressed=False), CORRUPT),
    "nothing stored for something": (b"x" * 10, blob_of(0, 1), CORRUPT),
    "less than its table": (bytes(10), blob_of(10, 10 * CHUNK), CORRUPT),
    "a size that no table can hold": (bytes(100), blob_of(100, MOST), CORRUPT),
    "the largest size of all": (bytes(100), blob_of(100, HALF - 1), CORRUPT),
    "offsets that go back": (chunked(20, 10, data=bytes(30)), blob_of(38, 3 * CHUNK), CORRUPT),
    "an offset behind the resource": (chunked(31, data=bytes(30)), blob_of(34, 2 * CHUNK), CORRUPT),
    "a chunk of nothing": (chunked(0, data=bytes(30)), blob_of(34, 2 * CHUNK), CORRUPT),
    "a chunk larger than one": (chunked(CHUNK + 1, data=bytes(CHUNK + 30)), blob_of(CHUNK + 34, 2 * CHUNK), CORRUPT),
    "a last chunk larger than its size": (b"x" * 11, blob_of(11, 10), CORRUPT),
    "noise": (random.Random(4).randbytes(1000), blob_of(1000, CHUNK), CORRUPT),
    "a solid resource without a header": (bytes(15), blob_of(15, 1, is_solid=True), CORRUPT),
    "a solid resource of another size": (
        solid(6, CHUNK, 3, [5], b"x" * 5),
        blob_of(25, 5, is_solid=True),
        CORRUPT,
    ),
    "a solid resource without chunks": (solid(5, 0, 3, [5], b"x" * 5), blob_of(25, 5, is_solid=True), CORRUPT),
    "solid chunks of no power of two": (solid(5, 3000, 3, [5], b"x" * 5), blob_of(25, 5, is_solid=True), CORRUPT),
    "solid chunks that fill the memory": (solid(5, 1 << 31, 3, [5], b"x" * 5), blob_of(25, 5, is_solid=True), CORRUPT),
    "a solid chunk behind the end": (solid(5, CHUNK, 3, [6], b"x" * 5), blob_of(25, 5, is_solid=True), CORRUPT),
    "solid chunks that are too many": (
        solid(MOST, CHUNK, 3, [5], b"x" * 5),
        blob_of(25, MOST, is_solid=True),
        CORRUPT,
    ),
    "a solid resource of an unknown kind": (solid(5, CHUNK, 77, [5], b"x" * 5), blob_of(25, 5, is_solid=True), CORRUPT),
    "a kind that is a negative number": (solid(5, CHUNK, MOST >> 32, [5], b""), blob_of(20, 5, is_solid=True), CORRUPT),
}


@pytest.mark.parametrize(("data", "blob", "expected"), LIES.values(), ids=LIES.keys())
def test_a_resource_that_lies_is_an_error(tmp_path: Path, data: bytes, blob: Blob, expected: int) -> None:
    assert errno_of(lambda: read(tmp_path / "x", data, blob)) == expected


@pytest.mark.parametrize("chunk_size", [0, 1000, 1 << 29, 1 << 31])
def test_a_wim_whose_chunks_cannot_be_is_corrupt(tmp_path: Path, chunk_size: int) -> None:
    assert errno_of(lambda: read(tmp_path / "x", bytes(10), blob_of(10, 20), chunk_size=chunk_size)) == CORRUPT


@pytest.mark.parametrize("is_solid", [False, True])
def test_nothing_is_read_of_a_resource_of_nothing(tmp_path: Path, is_solid: bool) -> None:
    data = solid(0, CHUNK, 3, [], b"")
    assert read(tmp_path / "x", data, blob_of(len(data), 0, is_solid=is_solid)) == b""


def test_a_reader_goes_on_after_a_resource_that_lies(tmp_path: Path) -> None:
    path, contents = tmp_path / "x", random.Random(5).randbytes(CHUNK)
    path.write_bytes(contents)
    descriptor = os.open(path, os.O_RDONLY)
    reader = ResourceReader(descriptor, Compression.LZX, CHUNK)
    good = blob_of(CHUNK, CHUNK)
    try:
        for _, blob, _ in LIES.values():
            # In this file some of them are no lies.
            with suppress(OSError):
                list(reader.pieces(blob))
            assert b"".join(bytes(piece) for piece in reader.pieces(good)) == contents
    finally:
        reader.close()
        os.close(descriptor)


def test_a_file_that_becomes_shorter_while_it_is_read_ends_too_early(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(bytes(3 << 20))
    descriptor = os.open(path, os.O_RDONLY)
    reader = ResourceReader(descriptor, Compression.NONE, 0)
    try:
        pieces = reader.pieces(blob_of(3 << 20, 3 << 20, is_compressed=False))
        next(pieces)
        os.truncate(path, 1 << 20)
        assert errno_of(lambda: next(pieces)) == SHORT
    finally:
        reader.close()
        os.close(descriptor)


NUMBERS = st.fixed_dictionaries(
    {
        "offset": st.integers(0, 20) | st.integers(0, MOST),
        "stored": st.integers(0, 220) | st.integers(0, MOST),
        "size": st.integers(0, 200_000) | st.integers(0, MOST),
        "is_compressed": st.booleans(),
        "is_solid": st.booleans(),
    }
)


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    data=st.binary(max_size=200),
    blob=NUMBERS.map(lambda numbers: blob_of(**numbers)),
    compression=st.sampled_from(Compression),
    chunk_size=st.sampled_from([0, 512, 4096, CHUNK, 1 << 21]) | st.integers(0, (1 << 32) - 1),
)
def test_any_numbers_end_in_contents_of_that_size_or_in_an_error(
    tmp_path: Path, data: bytes, blob: Blob, compression: Compression, chunk_size: int
) -> None:
    found: list[bytes] = []

    def work() -> None:
        found.append(read(tmp_path / "x", data, blob, compression=compression, chunk_size=chunk_size))

    assert errno_of(work) in {CORRUPT, SHORT, None}
    assert [len(contents) for contents in found] in ([], [blob.resource_size])
