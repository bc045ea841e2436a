"""A window of a file as a device of libntfs-3g: the same as the bytes themselves, and never one byte outside."""

from __future__ import annotations

import errno
import os
import random
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from cases.slice_device import Device, errno_of
from cases.sources import opened_source
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from osdimage.native.ntfs import volume
from osdimage.native.runtime import Compression
from osdimage.native.slices.slices import Slice
from osdimage.native.status import WimlibError
from osdimage.native.text import titled
from osdimage.native.wim.handles import WimHandle

KIB = 1024
BLOCK = 64 * KIB
BLKGETSIZE64, BLKSSZGET, BLKROGET, BLKDISCARD, HDIO_GETGEO = 0x80081272, 0x1268, 0x125E, 0x1277, 0x0301


@contextmanager
def a_slice(
    path: Path,
    offset: int,
    length: int,
    *,
    cache_size: int = 4 * BLOCK,
    read_only: bool = False,
    sync: bool = True,
    sector_size: int = 512,
) -> Iterator[Slice]:
    with opened_source(path, os.O_RDONLY if read_only else os.O_RDWR) as source:
        piece = Slice(
            source,
            offset,
            length,
            cache_size=cache_size,
            read_only=read_only,
            sync=sync,
            sector_size=sector_size,
        )
    # The source of the caller is closed here: the slice has it on its own.
    with piece:
        yield piece


def noise(size: int, seed: int = 1) -> bytes:
    return random.Random(seed).randbytes(size)


def test_messages_of_libwim_have_the_title_of_a_slice_and_not_its_name(tmp_path: Path) -> None:
    (tmp_path / "zeros").write_bytes(bytes(64 * KIB))
    with opened_source(tmp_path / "zeros") as source, WimHandle.create(Compression.NONE) as wim, ExitStack() as slices:
        # Twelve, since the name of the first begins that of the others.
        pieces = [slices.enter_context(Slice(source, 0, 64 * KIB, title=f"<part {each}>")) for each in range(12)]
        for number, piece in enumerate(pieces):
            with pytest.raises(WimlibError) as caught:
                wim.add_image(piece.name, "no volume", from_ntfs=True)
            assert f"<part {number}>" in str(caught.value)
            assert "osdimage-slice" not in str(caught.value)


def test_a_slice_without_a_title_or_that_is_closed_is_called_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "zeros").write_bytes(bytes(KIB))
    with (
        opened_source(tmp_path / "zeros") as source,
        Slice(source, 0, KIB) as first,
        Slice(source, 0, KIB, title="x") as second,
    ):
        names = f"{first.name}, {second.name}: gone"
        assert titled(names) == f"{first.name}, x: gone"
    assert titled(names) == names


# ---- the same as the bytes themselves

LENGTH = 5 * BLOCK + 700
STEP = st.one_of(
    st.tuples(st.just("read"), st.integers(0, LENGTH + 10), st.integers(0, 3 * BLOCK)),
    st.tuples(st.just("write"), st.integers(0, LENGTH - 1), st.integers(0, 3 * BLOCK)),
    st.tuples(
        st.just("write"), st.integers(0, LENGTH // 512).map(lambda n: n * 512), st.sampled_from([512, 1024, 4096])
    ),
    st.tuples(st.just("write"), st.integers(0, LENGTH - 1), st.integers(1, 3)),
    st.tuples(st.sampled_from(["sync", "reopen"]), st.just(0), st.just(0)),
)


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(
    steps=st.lists(STEP, max_size=40),
    cache_blocks=st.sampled_from([0, 1, 2, 3, 8]),
    offset=st.sampled_from([0, 512, 63 * 512, 4096, BLOCK + 1]),
    holes=st.lists(st.tuples(st.integers(0, LENGTH), st.integers(1, 2 * BLOCK)), max_size=4),
)
@example(steps=[("write", LENGTH - 1, 1), ("read", LENGTH - 2, 10)], cache_blocks=1, offset=512, holes=[(0, LENGTH)])
def test_a_slice_reads_and_writes_as_a_bytearray_does(
    steps: list[tuple[str, int, int]], cache_blocks: int, offset: int, holes: list[tuple[int, int]]
) -> None:
    after = 3000
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "disk")
        make_with_holes(path, offset + LENGTH + after, holes)
        whole = bytearray(path.read_bytes())
        model = whole[offset : offset + LENGTH]
        source = random.Random(7)
        with a_slice(path, offset, LENGTH, cache_size=cache_blocks * BLOCK, sync=False) as piece:
            device = Device(piece.name)
            for what, at, count in steps:
                if what == "read":
                    assert device.pread(at, count) == model[at : at + count]
                elif what == "write":
                    data = source.randbytes(min(count, LENGTH - at))
                    assert device.pwrite(at, data) == len(data)
                    model[at : at + len(data)] = data
                elif what == "sync":
                    device.sync()
                    assert path.read_bytes()[offset : offset + LENGTH] == model
                else:
                    device.close()
                    device = Device(piece.name)
            assert device.pread(0, LENGTH) == model
            device.close()
        whole[offset : offset + LENGTH] = model
        assert path.read_bytes() == whole


def make_with_holes(path: Path, size: int, holes: list[tuple[int, int]]) -> None:
    """Make a file of noise with holes, which are rounded by the file system."""
    with path.open("wb") as file:
        file.truncate(size)
        wanted = bytearray(noise(size))
        for begin, count in holes:
            wanted[begin : begin + count] = bytes(len(wanted[begin : begin + count]))
        for at in range(0, size, 4096):
            page = wanted[at : at + 4096]
            if any(page):
                os.pwrite(file.fileno(), page, at)


def test_several_slices_of_one_file_in_several_threads_at_once(tmp_path: Path) -> None:
    count, length = 6, 3 * BLOCK + 512
    path = tmp_path / "disk"
    path.write_bytes(noise(count * length))
    models = [bytearray(path.read_bytes()[n * length : (n + 1) * length]) for n in range(count)]
    wrong: list[str] = []

    def work(number: int) -> None:
        source, model = random.Random(number), models[number]
        for _ in range(4):
            with a_slice(path, number * length, length, cache_size=2 * BLOCK) as piece, Device(piece.name) as device:
                for _ in range(400):
                    at = source.randrange(length)
                    data = source.randbytes(source.choice([1, 512, 3000, 40000]))[: length - at]
                    if source.random() < 0.5:
                        device.pwrite(at, data)
                        model[at : at + len(data)] = data
                    elif device.pread(at, len(data)) != model[at : at + len(data)]:
                        wrong.append(f"thread {number} at {at}")

    threads = [threading.Thread(target=work, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert path.read_bytes() == b"".join(models)


# ---- nothing outside


def test_nothing_outside_the_window_can_be_read_or_written(tmp_path: Path) -> None:
    path = tmp_path / "disk"
    whole = noise(6 * BLOCK)
    path.write_bytes(whole)
    offset, length = BLOCK - 512, 2 * BLOCK
    for cache_size in (0, 4 * BLOCK):
        with a_slice(path, offset, length, cache_size=cache_size) as piece, Device(piece.name) as device:
            assert device.pread(length - 10, 100) == whole[offset + length - 10 : offset + length]
            assert device.pread(length, 1) == b""
            assert device.pread(1 << 62, 100) == b""
            assert device.pread(0, (1 << 63) - 1) == whole[offset : offset + length]
            assert errno_of(device.pread, -1, 1) == errno.EINVAL
            assert errno_of(device.pread, -(1 << 63), 1) == errno.EINVAL
            assert errno_of(device.pread, 0, -1) == errno.EINVAL
            assert errno_of(device.pwrite, -1, b"x") == errno.EINVAL
            assert errno_of(device.pwrite, 0, b"x", -1) == errno.EINVAL
            assert errno_of(device.pwrite, length, b"x") == errno.ENOSPC
            assert errno_of(device.pwrite, length - 10, b"x" * 11) == errno.ENOSPC
            assert errno_of(device.pwrite, (1 << 63) - 1, b"x" * 11) == errno.ENOSPC
            assert errno_of(device.pwrite, 1, b"x", (1 << 63) - 1) == errno.ENOSPC
            device.sync()
            # A refused write is the caller's fault and nothing that was lost.
            assert piece.error is None
        assert path.read_bytes() == whole


def test_a_read_only_slice_cannot_be_written(tmp_path: Path) -> None:
    path = tmp_path / "disk"
    whole = noise(2 * BLOCK)
    path.write_bytes(whole)
    with a_slice(path, 0, BLOCK, read_only=True) as piece:
        assert errno_of(Device, piece.name, os.O_RDWR) == errno.EROFS
        with Device(piece.name, os.O_RDONLY) as device:
            assert errno_of(device.pwrite, 0, b"x") == errno.EROFS
            assert errno_of(device.write, b"x") == errno.EROFS
            assert device.ioctl(BLKROGET, "int") == 1
            assert device.pread(0, 10) == whole[:10]
    with a_slice(path, 0, BLOCK) as piece, Device(piece.name, os.O_RDONLY) as device:
        assert errno_of(device.pwrite, 0, b"x") == errno.EROFS
    assert path.read_bytes() == whole


@pytest.mark.parametrize(
    ("offset", "length", "sector_size", "expected"),
    [
        (0, BLOCK + 1, 512, errno.EINVAL),
        (1, BLOCK, 512, errno.EINVAL),
        (BLOCK + 1, 1, 512, errno.EINVAL),
        (-1, 512, 512, errno.EINVAL),
        (0, 0, 512, errno.EINVAL),
        (0, -1, 512, errno.EINVAL),
        ((1 << 63) - 1, (1 << 63) - 1, 512, errno.EINVAL),
        (0, 512, 100, errno.EINVAL),
        (0, 512, 256, errno.EINVAL),
        (0, 512, 513, errno.EINVAL),
    ],
)
def test_a_window_that_does_not_lie_in_the_file_is_refused(
    tmp_path: Path, offset: int, length: int, sector_size: int, expected: int
) -> None:
    path = tmp_path / "disk"
    path.write_bytes(bytes(BLOCK))
    with opened_source(path) as source:
        with pytest.raises(OSError, match="Invalid argument") as caught:
            Slice(source, offset, length, sector_size=sector_size)
        assert caught.value.errno == expected


def test_a_source_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "disk"
    path.write_bytes(bytes(BLOCK))
    with opened_source(path, os.O_RDONLY) as source:
        with pytest.raises(OSError, match="Read-only") as caught:
            Slice(source, 0, 512)
        assert caught.value.errno == errno.EROFS


# ---- names


def test_other_names_still_reach_the_file_of_that_name(tmp_path: Path) -> None:
    path = tmp_path / "disk"
    path.write_bytes(noise(BLOCK))
    with a_slice(path, 512, 1024) as piece, Device(str(path)) as device, Device(piece.name) as other:
        assert device.pread(0, 4) == path.read_bytes()[:4]
        assert device.stat()[0] == BLOCK
        assert other.stat()[0] == 1024
        assert errno_of(Device, str(tmp_path / "missing")) == errno.ENOENT


def test_a_file_can_be_opened_again_by_path_after_its_slice_was(tmp_path: Path) -> None:
    path = tmp_path / "disk"
    path.write_bytes(noise(BLOCK))
    with a_slice(path, 512, 1024) as piece:
        device = Device(piece.name)
        device.device.d_ops.close(device.device)
        assert device.device.d_ops.open(device.device, os.O_RDWR) == 0
        assert device.pread(0, 4) == path.read_bytes()[512:516]
        device.close()


@pytest.mark.parametrize("suffix", ["", "0", "-1", "+1", " 1", "1x", "0x1", "99999999999999999999", "999999"])
def test_a_name_that_no_slice_has_is_refused(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / "disk"
    path.write_bytes(bytes(BLOCK))
    with a_slice(path, 0, BLOCK) as piece:
        assert errno_of(Device, piece.name.rstrip("0123456789") + suffix) == errno.ENOENT


def test_one_writer_or_several_readers(tmp_path: Path) -> None:
    path = tmp_path / "disk"
    path.write_bytes(bytes(BLOCK))
    with a_slice(path, 0, BLOCK) as piece:
        with Device(piece.name):
            assert errno_of(Device, piece.name) == errno.EBUSY
            assert errno_of(Device, piece.name, os.O_RDONLY) == errno.EBUSY
        with Device(piece.name, os.O_RDONLY), Device(piece.name, os.O_RDONLY):
            assert errno_of(Device, piece.name) == errno.EBUSY
        with Device(piece.name):
            pass


def test_a_closed_slice_has_no_name_and_no_facts(tmp_path: Path) -> None:
    path = tmp_path / "disk"
    path.write_bytes(bytes(BLOCK))
    with a_slice(path, 0, BLOCK) as piece:
        name = piece.name
    piece.close()
    for use in (lambda: piece.name, lambda: piece.error, piece.counters):
        with pytest.raises(ValueError, match="closed"):
            use()
    assert errno_of(Device, name) == errno.ENOENT


def test_closing_a_slice_that_is_being_written_is_reported_and_does_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "disk"
    path.write_bytes(bytes(BLOCK))
    with opened_source(path) as source:
        piece = Slice(source, 0, BLOCK)
    device = Device(piece.name)
    device.pwrite(0, b"late")
    with pytest.raises(OSError, match="still open") as caught:
        piece.close()
    assert caught.value.errno == errno.EBUSY
    device.close()
    assert path.read_bytes()[:4] == b"late"


# ---- what it says of itself


def test_stat_and_ioctl_tell_of_the_window_and_reach_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "disk"
    path.write_bytes(bytes(4 * BLOCK))
    with a_slice(path, 4096, 2 * BLOCK, sector_size=4096) as piece, Device(piece.name) as device:
        size, mode = device.stat()
        assert size == 2 * BLOCK
        assert stat.S_ISREG(mode)
        assert device.ioctl(BLKGETSIZE64, "uint64_t") == 2 * BLOCK
        assert device.ioctl(BLKSSZGET, "int") == 4096
        assert device.ioctl(BLKROGET, "int") == 0
        assert errno_of(device.ioctl, BLKDISCARD, "uint64_t") == errno.EOPNOTSUPP
        assert errno_of(device.ioctl, HDIO_GETGEO, "uint64_t") == errno.EOPNOTSUPP


def test_seek_read_and_write_have_a_position_of_their_own(tmp_path: Path) -> None:
    path = tmp_path / "disk"
    path.write_bytes(noise(2 * BLOCK))
    whole = path.read_bytes()
    with a_slice(path, 512, BLOCK) as piece, Device(piece.name) as device:
        assert device.seek(0, os.SEEK_END) == BLOCK
        assert device.read(10) == b""
        assert device.seek(-5, os.SEEK_CUR) == BLOCK - 5
        assert device.read(10) == whole[512 + BLOCK - 5 : 512 + BLOCK]
        assert device.seek(100, os.SEEK_SET) == 100
        assert device.write(b"abc") == 3
        assert device.seek(0, os.SEEK_CUR) == 103
        assert errno_of(device.seek, -1, os.SEEK_SET) == errno.EINVAL
        assert errno_of(device.seek, -104, os.SEEK_CUR) == errno.EINVAL
        assert errno_of(device.seek, (1 << 63) - 1, os.SEEK_CUR) == errno.EOVERFLOW
        assert errno_of(device.seek, 0, 77) == errno.EINVAL
        assert device.seek(0, os.SEEK_CUR) == 103
    assert path.read_bytes()[612:615] == b"abc"


# ---- what the cache saves


def test_what_is_written_whole_is_never_read(tmp_path: Path) -> None:
    path = tmp_path / "disk"
    path.write_bytes(noise(8 * BLOCK))
    with a_slice(path, 512, 4 * BLOCK) as piece:
        with Device(piece.name) as device:
            for sector in random.Random(3).sample(range(4 * BLOCK // 512), 4 * BLOCK // 512):
                device.pwrite(sector * 512, bytes([sector % 251]) * 512)
            assert device.pread(0, 4 * BLOCK) == b"".join(bytes([n % 251]) * 512 for n in range(4 * BLOCK // 512))
        counters = piece.counters()
    assert counters.file_reads == 0
    # All of it is adjacent, so it goes in one call, and is synced once.
    assert (counters.file_writes, counters.file_written_bytes, counters.syncs) == (1, 4 * BLOCK, 1)


def test_what_lies_between_two_written_places_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "disk"
    whole = bytearray(noise(BLOCK))
    path.write_bytes(whole)
    with a_slice(path, 0, BLOCK) as piece:
        with Device(piece.name) as device:
            for sector in (3, 5, 20, 100):
                whole[sector * 512 : sector * 512 + 512] = bytes([sector]) * 512
                device.pwrite(sector * 512, bytes([sector]) * 512)
        counters = piece.counters()
    assert path.read_bytes() == whole
    assert (counters.file_reads, counters.file_writes, counters.file_written_bytes) == (0, 4, 4 * 512)


def test_what_is_known_between_two_written_places_is_written_with_them(tmp_path: Path) -> None:
    path = tmp_path / "disk"
    whole = bytearray(noise(BLOCK))
    path.write_bytes(whole)
    with a_slice(path, 0, BLOCK) as piece:
        with Device(piece.name) as device:
            device.pread(0, 1)
            for sector in (3, 5, 20):
                whole[sector * 512 : sector * 512 + 512] = bytes([sector]) * 512
                device.pwrite(sector * 512, bytes([sector]) * 512)
        counters = piece.counters()
    assert path.read_bytes() == whole
    assert (counters.file_writes, counters.file_written_bytes) == (1, 18 * 512)


def test_a_part_of_a_sector_needs_the_sector(tmp_path: Path) -> None:
    path = tmp_path / "disk"
    path.write_bytes(noise(2 * BLOCK))
    with a_slice(path, 0, 2 * BLOCK) as piece:
        with Device(piece.name) as device:
            device.pwrite(700, b"x")
        counters = piece.counters()
    assert counters.file_reads == 1
    assert counters.file_written_bytes == 512


def test_holes_are_never_read(tmp_path: Path) -> None:
    path = tmp_path / "disk"
    with path.open("wb") as file:
        file.truncate(64 * BLOCK)
        if os.lseek(file.fileno(), 0, os.SEEK_HOLE) != 0:
            pytest.skip(f"the file system of {tmp_path} keeps no record of holes")
    with a_slice(path, 0, 64 * BLOCK) as piece:
        with Device(piece.name) as device:
            for block in range(0, 64, 3):
                assert device.pread(block * BLOCK + 5, 10) == bytes(10)
                device.pwrite(block * BLOCK + 700, b"x")
        counters = piece.counters()
    assert counters.file_reads == 0
    assert counters.holes >= 22
    assert counters.file_written_bytes == 22 * 512


def test_a_small_cache_writes_in_the_order_of_the_disk_and_keeps_what_is_used(tmp_path: Path) -> None:
    path = tmp_path / "disk"
    path.write_bytes(bytes(64 * BLOCK))
    with a_slice(path, 0, 64 * BLOCK, cache_size=8 * BLOCK) as piece:
        with Device(piece.name) as device:
            for block in random.Random(5).sample(range(1, 64), 63):
                device.pwrite(block * BLOCK, bytes([block]) * 1024)
                # A block that is used all the time stays.
                device.pwrite(0, bytes([block]) * 512)
        counters = piece.counters()
    assert counters.misses == 64
    assert path.read_bytes()[5 * BLOCK : 5 * BLOCK + 1024] == bytes([5]) * 1024


def test_without_sync_nothing_is_synced(tmp_path: Path) -> None:
    path = tmp_path / "disk"
    path.write_bytes(bytes(BLOCK))
    for sync, expected in ((True, 1), (False, 0)):
        with a_slice(path, 0, BLOCK, sync=sync) as piece:
            with Device(piece.name) as device:
                device.pwrite(0, b"data")
                device.sync()
            assert piece.counters().syncs == expected
        # Nothing was written: nothing to wait for.
        with a_slice(path, 0, BLOCK, sync=sync) as piece:
            with Device(piece.name) as device:
                device.pread(0, 10)
            assert piece.counters().syncs == 0


# ---- a write that fails later

DEFERRED = """
import errno, os, resource, sys
sys.path.insert(0, sys.argv[2])
from cases.slice_device import Device, errno_of
from osdimage.native.slices.slices import Slice
from osdimage.native.slices.sources import Source

path, block = sys.argv[1], 65536
resource.setrlimit(resource.RLIMIT_FSIZE, (8 * block, 8 * block))
source = Source.of_file(os.open(path, os.O_RDWR))
piece = Slice(source, 0, 16 * block, cache_size=4 * block)
device = Device(piece.name)
assert device.pwrite(0, b"good") == 4
assert device.pwrite(12 * block, b"lost") == 4, "the cache takes it"
first = errno_of(device.sync)
assert first == errno.EFBIG, first
for use in (
    lambda: device.pread(0, 4), lambda: device.pwrite(0, b"more"), lambda: device.read(4), lambda: device.write(b"x"),
    device.sync, device.close,
):
    assert errno_of(use) == errno.EFBIG, use
assert piece.error == errno.EFBIG
for flags in (os.O_RDWR, os.O_RDONLY):
    assert errno_of(Device, piece.name, flags) == errno.EFBIG
assert errno_of(piece.close) == errno.EFBIG
piece.close()
# Eviction, in a read, finds out as well.
piece = Slice(source, 0, 16 * block, cache_size=block)
device = Device(piece.name)
device.pwrite(12 * block, b"lost")
assert errno_of(device.pread, 0, 4) == errno.EFBIG
assert errno_of(device.close) == errno.EFBIG
try:
    with piece:
        raise KeyError("on its way")
except KeyError:
    print("kept")
"""


def test_an_error_of_a_write_stays_and_fails_everything_after_it(tmp_path: Path) -> None:
    path = tmp_path / "disk"
    path.write_bytes(bytes(16 * BLOCK))
    done = subprocess.run(
        [sys.executable, "-c", DEFERRED, path, Path(__file__).parents[2]], capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr, done.returncode) == ("kept\n", "", 0)


def test_libntfs_refuses_a_slice_that_holds_no_volume(tmp_path: Path) -> None:
    path = tmp_path / "disk"
    path.write_bytes(noise(4 * BLOCK))
    with a_slice(path, 0, 4 * BLOCK) as piece:
        with pytest.raises(OSError, match="Invalid argument") as caught:
            volume.volume_facts(piece.name)
        assert caught.value.errno == errno.EINVAL
        # It was closed again: nothing holds it.
        with Device(piece.name):
            pass
