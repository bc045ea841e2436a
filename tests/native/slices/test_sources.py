"""A source is the bytes of its file: as ``dd`` and ``cmp`` see them, with the holes that ``fiemap`` tells of."""

from __future__ import annotations

import errno
import os
import random
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from cases.slice_device import Device, errno_of
from cases.sources import opened_source
from osdimage.native.slices.slices import Slice
from osdimage.native.slices.sources import Source

BLOCK = 64 * 1024
SIZE = 4 * BLOCK + 100


def noise(size: int, seed: int = 1) -> bytes:
    return random.Random(seed).randbytes(size)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "disk"
    path.write_bytes(noise(SIZE))
    return path


def dd(path: Path, offset: int, size: int) -> bytes:
    command = ["dd", f"if={path}", "iflag=skip_bytes,count_bytes", f"skip={offset}", f"count={size}", "status=none"]
    return subprocess.run(command, capture_output=True, check=True).stdout


def blocks_on_disk(path: Path) -> int:
    """Return the room that a file takes in bytes, as du counts it."""
    done = subprocess.run(["du", "--block-size=1", path], capture_output=True, text=True, check=True)
    return int(done.stdout.split()[0])


# ---- reading and writing


@pytest.mark.parametrize(
    ("offset", "size"),
    [(0, 0), (0, 1), (0, SIZE), (SIZE - 1, 1), (SIZE, 0), (511, 2), (BLOCK - 3, 2 * BLOCK)],
)
def test_what_is_read_is_what_dd_reads(path: Path, offset: int, size: int) -> None:
    with opened_source(path, os.O_RDONLY) as source:
        assert source.size == SIZE
        assert source.read(offset, size) == dd(path, offset, size)


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_what_is_written_is_there_and_nothing_else_changed(path: Path, kind: Callable[[bytes], bytes]) -> None:
    expected = bytearray(path.read_bytes())
    with opened_source(path) as source:
        assert not source.is_read_only
        for offset, size in ((0, 1), (700, 5000), (SIZE - 3, 3), (BLOCK, 0)):
            data = noise(size, offset + 2)
            expected[offset : offset + size] = data
            source.write(offset, kind(data))
            assert path.read_bytes() == expected
        source.sync()
    assert path.read_bytes() == expected


@pytest.mark.parametrize(
    ("offset", "size"),
    [(0, SIZE + 1), (1, SIZE), (SIZE, 1), (-1, 1), (0, -1), ((1 << 63) - 1, (1 << 63) - 1), (0, (1 << 63) - 1)],
)
def test_what_does_not_lie_in_the_source_is_refused(path: Path, offset: int, size: int) -> None:
    before = path.read_bytes()
    with opened_source(path) as source:
        assert errno_of(source.read, offset, size) == errno.EINVAL
        assert errno_of(source.zero, offset, size) == errno.EINVAL
        if 0 <= size <= SIZE + 1:
            assert errno_of(source.write, offset, bytes(size)) == errno.EINVAL
        if offset >= 0 and 0 <= size <= SIZE + 1:
            assert errno_of(lambda: list(source.data_ranges(offset, size))) == errno.EINVAL
    assert path.read_bytes() == before


def test_a_source_that_can_only_be_read_refuses_every_change(path: Path) -> None:
    before = path.read_bytes()
    with opened_source(path, os.O_RDONLY) as source:
        assert source.is_read_only
        assert errno_of(source.write, 0, b"x") == errno.EROFS
        assert errno_of(source.zero, 0, 512) == errno.EROFS
        source.sync()
    assert path.read_bytes() == before


def test_a_file_that_became_shorter_is_an_error_and_no_zeros(path: Path) -> None:
    with opened_source(path) as source:
        os.truncate(path, BLOCK)
        assert source.read(0, BLOCK) == noise(SIZE)[:BLOCK]
        assert errno_of(source.read, BLOCK - 1, 2) == errno.EIO


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        pytest.param(os.O_WRONLY, errno.EBADF, id="only for writing"),
        pytest.param(os.O_RDWR | os.O_APPEND, errno.EBADF, id="whose writes go to its end"),
        pytest.param(os.O_RDONLY | os.O_PATH, errno.EBADF, id="only as a name"),
    ],
)
def test_a_file_that_is_not_open_as_it_must_be_is_refused(path: Path, flags: int, expected: int) -> None:
    def make() -> None:
        with opened_source(path, flags):
            pass

    assert errno_of(make) == expected


def test_what_is_neither_file_nor_block_device_is_refused(tmp_path: Path) -> None:
    for target, flags in ((tmp_path, os.O_RDONLY), (Path("/dev/null"), os.O_RDWR)):
        descriptor = os.open(target, flags)
        assert errno_of(Source.of_file, descriptor) == errno.EINVAL
        os.close(descriptor)
    assert errno_of(Source.of_file, descriptor) == errno.EBADF


# ---- holes


@pytest.fixture
def sparse(tmp_path: Path) -> Path:
    """Make a file of 16 blocks that has data in 2, 3 and 9."""
    path = tmp_path / "sparse"
    with path.open("wb") as file:
        file.truncate(16 * BLOCK)
        if os.lseek(file.fileno(), 0, os.SEEK_HOLE) != 0:
            pytest.skip(f"the file system of {tmp_path} keeps no record of holes")
        os.pwrite(file.fileno(), noise(2 * BLOCK), 2 * BLOCK)
        os.pwrite(file.fileno(), noise(BLOCK), 9 * BLOCK)
    return path


@pytest.mark.parametrize(
    ("offset", "size", "data", "holes"),
    [
        pytest.param(0, 16, [(2, 4), (9, 10)], [(0, 2), (4, 9), (10, 16)], id="all of it"),
        pytest.param(3, 7, [(3, 4), (9, 10)], [(4, 9)], id="from data to data"),
        pytest.param(5, 2, [], [(5, 7)], id="inside of a hole"),
        pytest.param(2, 1, [(2, 3)], [], id="inside of data"),
        pytest.param(10, 6, [], [(10, 16)], id="behind the last data"),
        pytest.param(16, 0, [], [], id="nothing"),
    ],
)
def test_data_and_holes_are_told_apart(
    sparse: Path, offset: int, size: int, data: list[tuple[int, int]], holes: list[tuple[int, int]]
) -> None:
    with opened_source(sparse, os.O_RDONLY) as source:
        for found, expected in (
            (source.data_ranges(offset * BLOCK, size * BLOCK), data),
            (source.hole_ranges(offset * BLOCK, size * BLOCK), holes),
        ):
            assert [(begin / BLOCK, end / BLOCK) for begin, end in found] == expected


def test_zeros_as_a_hole_take_no_room_and_touch_nothing_beside_them(path: Path) -> None:
    expected = bytearray(path.read_bytes())
    expected[BLOCK + 1 : 3 * BLOCK] = bytes(2 * BLOCK - 1)
    with opened_source(path) as source:
        before = blocks_on_disk(path)
        if not source.zero(BLOCK + 1, 2 * BLOCK - 1):
            pytest.skip("the file system of the test makes no holes")
    assert path.read_bytes() == expected
    assert before - blocks_on_disk(path) >= BLOCK


def test_zeros_that_keep_their_room_reserve_it() -> None:
    # A file system in memory, on which most tests run, reserves none.
    with tempfile.NamedTemporaryFile(dir="/var/tmp") as file:
        path = Path(file.name)
        file.write(noise(BLOCK))
        file.truncate(SIZE)
        with opened_source(path) as source:
            source.sync()
            before = blocks_on_disk(path)
            if not source.zero(0, 3 * BLOCK, keep_room=True):
                pytest.skip("the file system of /var/tmp reserves no room")
            source.sync()
        assert path.read_bytes() == bytes(SIZE)
        assert blocks_on_disk(path) - before >= 2 * BLOCK


def test_no_zeros_at_all_are_always_made(path: Path) -> None:
    with opened_source(path) as source:
        assert source.zero(5, 0)
    assert path.read_bytes() == noise(SIZE)


@pytest.mark.root
@pytest.mark.foreign
def test_a_block_device_is_a_source_of_its_size(path: Path) -> None:
    os.truncate(path, 4 * BLOCK)
    done = subprocess.run(["losetup", "--find", "--show", path], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"no loop device: {done.stderr.strip()}")
    device = Path(done.stdout.strip())
    try:
        with opened_source(device) as source:
            assert source.size == 4 * BLOCK
            # What holes are below a device nobody tells.
            assert list(source.data_ranges(10, BLOCK)) == [(10, BLOCK + 10)]
            assert not source.zero(0, BLOCK, keep_room=True)
            assert source.read(1, 600) == noise(SIZE)[1:601]
            source.write(BLOCK - 1, b"xyz")
            punched = source.zero(2 * BLOCK, BLOCK)
            source.sync()
    finally:
        subprocess.run(["losetup", "--detach", device], check=True)
    expected = bytearray(noise(SIZE)[: 4 * BLOCK])
    expected[BLOCK - 1 : BLOCK + 2] = b"xyz"
    if punched:
        expected[2 * BLOCK : 3 * BLOCK] = bytes(BLOCK)
    assert path.read_bytes() == expected


# ---- who has it open


def test_a_closed_source_is_refused_everywhere(path: Path) -> None:
    with opened_source(path) as source:
        ranges = source.data_ranges(0, SIZE)
    source.close()
    for use in (
        lambda: source.size,
        lambda: source.is_read_only,
        lambda: source.handle,
        lambda: source.read(0, 1),
        lambda: source.write(0, b"x"),
        lambda: source.zero(0, 1),
        source.sync,
        lambda: list(ranges),
        lambda: Slice(source, 0, 512),
    ):
        with pytest.raises(ValueError, match="this source is closed"):
            use()
    assert path.read_bytes() == noise(SIZE)


def open_files() -> list[str]:
    found = []
    for entry in Path("/proc/self/fd").iterdir():
        try:
            found.append(str(entry.readlink()))
        except FileNotFoundError:
            # That of the list itself.
            continue
    return found


def test_a_device_that_is_open_outlives_slice_and_source(path: Path) -> None:
    with opened_source(path) as source:
        piece = Slice(source, 512, BLOCK)
    device = Device(piece.name)
    device.pwrite(0, b"late")
    assert errno_of(piece.close) == errno.EBUSY
    del source, piece
    assert device.pread(0, 6) == b"late" + noise(SIZE)[516:518]
    device.sync()
    assert str(path) in open_files()
    device.close()
    assert str(path) not in open_files()
    assert dd(path, 510, 8) == noise(SIZE)[510:512] + b"late" + noise(SIZE)[516:518]


def test_the_last_of_several_users_closes_the_file(path: Path) -> None:
    with opened_source(path) as source, Slice(source, 0, 512) as first, Slice(source, 512, 512) as second:
        source.close()
        with Device(first.name) as one, Device(second.name) as other:
            assert one.pread(0, 512) + other.pread(0, 512) == dd(path, 0, 1024)
        first.close()
        assert str(path) in open_files()
    assert str(path) not in open_files()


def test_many_threads_use_one_source_at_once(path: Path) -> None:
    count, length = 6, BLOCK // 2
    wrong: list[str] = []
    expected = bytearray(path.read_bytes())

    def work(number: int) -> None:
        random_bits, begin = random.Random(number), number * length
        model = bytearray(source.read(begin, length))
        with Slice(source, begin, length, cache_size=0) as piece, Device(piece.name) as device:
            for _ in range(200):
                at = random_bits.randrange(length)
                data = random_bits.randbytes(random_bits.choice([1, 512, 3000]))[: length - at]
                model[at : at + len(data)] = data
                if random_bits.random() < 0.5:
                    source.write(begin + at, data)
                else:
                    device.pwrite(at, data)
                if source.read(begin, length) != model or list(source.data_ranges(0, SIZE)) != [(0, SIZE)]:
                    wrong.append(f"thread {number} at {at}")
        expected[begin : begin + length] = model

    with opened_source(path) as source:
        threads = [threading.Thread(target=work, args=(number,)) for number in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert wrong == []
    assert path.read_bytes() == expected


def test_closing_takes_nothing_from_a_thread_that_is_inside(path: Path) -> None:
    for _ in range(50):
        with opened_source(path) as source:
            results: list[object] = []

            def work(source: Source = source, results: list[object] = results) -> None:
                try:
                    while True:
                        assert source.read(0, SIZE) == noise(SIZE)
                except ValueError as error:
                    results.append(error)

            threads = [threading.Thread(target=work) for _ in range(2)]
            for thread in threads:
                thread.start()
            source.close()
            for thread in threads:
                thread.join()
            assert [str(each) for each in results] == ["this source is closed"] * 2
    assert str(path) not in open_files()


# ---- failures of the system

FAILING = """
import errno, os, resource, signal, sys
sys.path.insert(0, sys.argv[2])
from cases.slice_device import errno_of
from osdimage.native.slices.sources import Source

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
with Source.of_file(os.open(sys.argv[1], os.O_RDWR)) as source:
    # The system takes a part of it: what is left is asked for again, and that fails.
    assert errno_of(source.write, 99_000, b"x" * 5000) == errno.EFBIG
    assert source.read(99_000, 1000) == b"x" * 1000
    source.sync()
print("done")
"""


def test_a_write_of_which_the_system_takes_a_part_fails(path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FAILING, path, Path(__file__).parents[2]], capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr, done.returncode) == ("done\n", "", 0)


@pytest.mark.root
@pytest.mark.foreign
def test_a_medium_that_fails_is_told_by_sync(tmp_path: Path) -> None:
    # A loop device over a file on a full file system: writes go to the page cache, and syncing finds out.
    small = tmp_path / "small"
    small.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", small], check=False).returncode != 0:
        pytest.skip("nothing can be mounted here")
    try:
        path = small / "disk"
        with path.open("wb") as file:
            file.truncate(16 << 20)
        done = subprocess.run(["losetup", "--find", "--show", path], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            pytest.skip(f"no loop device: {done.stderr.strip()}")
        device = Path(done.stdout.strip())
        try:
            with opened_source(device) as source:
                source.write(0, noise(4 << 20))
                assert errno_of(source.sync) in {errno.EIO, errno.ENOSPC}
        finally:
            subprocess.run(["losetup", "--detach", device], check=True)
    finally:
        subprocess.run(["umount", small], check=True)
