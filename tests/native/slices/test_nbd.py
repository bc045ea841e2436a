"""The disk of an NBD server as a source, and what a server says that is wrong.

The server is a stand-in (``cases.nbd``); what QEMU's own makes of it is tested in ``imaging/disk/containers``.
"""

from __future__ import annotations

import errno
import os
import random
import signal
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import cases
import pytest
from cases import nbd
from cases.nbd import Answer, Request, StandIn, connected
from cases.slice_device import Device, errno_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from osdimage.native.slices.slices import Slice
from osdimage.native.slices.sources import NbdSource

MIB = 1 << 20
SIZE = 3 * MIB


def noise(size: int, seed: int = 1) -> bytes:
    return random.Random(seed).randbytes(size)


def stand_in(**habits: object) -> StandIn:
    return StandIn(bytearray(noise(SIZE)), **habits)  # type: ignore[arg-type]


# ---- what is right


@pytest.mark.parametrize("count", [1, 4])
@pytest.mark.parametrize(("offset", "size"), [(0, 0), (0, 1), (0, SIZE), (SIZE - 1, 1), (511, 2 * MIB), (MIB - 3, 7)])
def test_what_is_read_and_written_is_what_the_server_has(count: int, offset: int, size: int) -> None:
    server = stand_in()
    expected = bytearray(server.content)
    with connected(server, count=count) as source:
        assert (source.size, source.is_read_only) == (SIZE, False)
        assert source.read(offset, size) == expected[offset : offset + size]
        expected[offset : offset + size] = noise(size, 2)
        source.write(offset, noise(size, 2))
        assert server.content == expected
        assert source.read(0, SIZE) == expected
        source.sync()
    assert server.count(nbd.FLUSH) == 1
    assert max(each.length for each in server.asked) <= MIB


def test_answers_in_another_order_than_the_requests_are_put_where_they_belong() -> None:
    # Eight are under way at most.
    server = StandIn(bytearray(noise(16 * MIB)), held=8)
    with connected(server) as source:
        assert source.read(0, 16 * MIB) == server.content
        source.write(0, noise(8 * MIB, 2))
    assert server.content[: 8 * MIB] == noise(8 * MIB, 2)


def test_contents_in_several_chunks_and_holes_are_one_read() -> None:
    def answer(request: Request) -> bytes:
        middle, end = request.offset + 100, request.offset + request.length
        return (
            nbd.data(request, b"a" * 100, last=False)
            + nbd.hole(request, 50, offset=middle, last=False)
            + nbd.data(request, b"b" * (end - middle - 50), offset=middle + 50, last=False)
            + nbd.chunk(request, nbd.NONE)
        )

    with connected(stand_in(answers={nbd.READ: answer})) as source:
        assert source.read(5, 1000) == b"a" * 100 + bytes(50) + b"b" * 850


def test_a_slice_of_it_is_read_and_written_as_of_a_file() -> None:
    server = stand_in()
    expected = bytearray(server.content)
    with (
        connected(server, count=2) as source,
        Slice(source, 65536, MIB) as piece,
        Device(piece.name) as device,
    ):
        for at in range(0, MIB, 70_000):
            device.pwrite(at, b"written")
            expected[65536 + at : 65536 + at + 7] = b"written"
        device.sync()
        assert device.pread(0, MIB) == expected[65536 : 65536 + MIB]
    assert server.content == expected


def test_an_export_that_can_only_be_read_refuses_changes() -> None:
    with connected(stand_in(flags=nbd.USUAL | nbd.READ_ONLY)) as source:
        assert source.is_read_only
        assert errno_of(source.write, 0, b"x") == errno.EROFS
        assert errno_of(source.zero, 0, 512) == errno.EROFS
        source.sync()


# ---- what a server may lack


@pytest.mark.parametrize("option", [nbd.STRUCTURED_REPLY, nbd.SET_META_CONTEXT])
def test_without_chunks_or_without_status_all_is_data(option: int) -> None:
    content = bytearray(noise(100)) + bytearray(SIZE)
    refusal = {option: nbd.reply(option, nbd.UNSUPPORTED, b"what?")}
    server = StandIn(content, options=refusal, structured=option != nbd.STRUCTURED_REPLY)
    with connected(server) as source:
        assert source.read(0, 2 * MIB) == content[: 2 * MIB]
        assert list(source.data_ranges(0, len(content))) == [(0, len(content))]
        source.write(10, b"abc")
        assert source.read(9, 5) == noise(100)[9:10] + b"abc" + noise(100)[13:14]
    assert server.count(nbd.BLOCK_STATUS) == 0


def test_a_server_that_cannot_flush_does_not_say_that_it_has() -> None:
    with connected(stand_in(flags=nbd.HAS_FLAGS)) as source:
        assert errno_of(source.sync) == errno.EOPNOTSUPP
        assert not source.zero(0, 4096)


def test_connections_that_do_not_share_what_is_written_are_not_used() -> None:
    server = stand_in(flags=nbd.USUAL & ~nbd.MULTI_CONN)
    with connected(server, count=4) as source:
        assert source.read(0, 10) == server.content[:10]
    assert server.connections == 1


# ---- zeros

LAYOUT = bytearray(noise(8192)) + bytearray(8192) + bytearray(noise(4096)) + bytearray(10 * MIB) + bytearray(noise(100))


@pytest.mark.parametrize(
    ("begin", "end", "expected"),
    [
        pytest.param(0, len(LAYOUT), [(0, 8192), (16384, 20480), (20480 + 10 * MIB, len(LAYOUT))], id="all of it"),
        pytest.param(5, 8200, [(5, 8192)], id="from data into a hole"),
        pytest.param(9000, 16000, [], id="inside of a hole"),
        pytest.param(16385, 16390, [(16385, 16390)], id="inside of data"),
        pytest.param(len(LAYOUT), len(LAYOUT), [], id="nothing"),
    ],
)
def test_data_is_where_the_server_says(begin: int, end: int, expected: list[tuple[int, int]]) -> None:
    with connected(StandIn(LAYOUT)) as source:
        assert list(source.data_ranges(begin, end - begin)) == expected


def test_zeros_are_asked_for_once_in_a_gib_and_what_is_written_is_data_from_then_on() -> None:
    server = StandIn(bytearray(3 * MIB))
    with connected(server, count=2) as source:
        assert list(source.data_ranges(0, SIZE)) == []
        source.write(MIB + 5, b"x")
        source.write(2 * MIB, bytes(8192))
        assert list(source.data_ranges(0, SIZE)) == [(MIB, MIB + 4096), (2 * MIB, 2 * MIB + 8192)]
        assert server.count(nbd.BLOCK_STATUS) == 1
        assert source.zero(MIB, 4096)
        assert list(source.data_ranges(0, SIZE)) == []
        assert server.count(nbd.BLOCK_STATUS) == 2
    assert server.content == bytes(SIZE)


class Vast(bytearray):
    """Forty GiB, which nobody reads."""

    def __len__(self) -> int:
        return 40 << 30


def test_who_looks_here_and_there_asks_for_each_gib_once() -> None:
    def answer(request: Request) -> bytes:
        return nbd.status(request, [(request.length - 4096, 3), (4096, 0)])

    server = StandIn(Vast(), answers={nbd.BLOCK_STATUS: answer})
    with connected(server) as source:
        for _ in range(3):
            for number in (0, 9, 4, 39, 20):
                begin, end = number << 30, (number + 1) << 30
                assert list(source.data_ranges(begin + 5000, MIB)) == []
                assert list(source.data_ranges(end - MIB, MIB)) == [(end - 4096, end)]
    assert server.count(nbd.BLOCK_STATUS) == 5


def test_a_server_that_tells_of_a_part_is_asked_again_and_one_that_cannot_tell_has_data() -> None:
    def in_steps(request: Request) -> bytes:
        return nbd.status(request, [(min(request.length, MIB + 1), 3)])

    with connected(StandIn(bytearray(SIZE), answers={nbd.BLOCK_STATUS: in_steps})) as source:
        assert list(source.data_ranges(0, SIZE)) == []
    failing = StandIn(bytearray(SIZE), answers={nbd.BLOCK_STATUS: lambda request: nbd.error(request, 5)})
    with connected(failing) as source:
        assert list(source.data_ranges(0, SIZE)) == [(0, SIZE)]
        assert source.read(0, 10) == bytes(10)
    assert failing.count(nbd.BLOCK_STATUS) == 1


def test_zeros_are_made_only_where_there_is_data_and_keep_their_room_where_they_shall() -> None:
    server = StandIn(bytearray(LAYOUT))
    with connected(server) as source:
        assert source.zero(4096, len(LAYOUT) - 4096)
        made = [(each.offset, each.length) for each in server.asked if each.kind == nbd.WRITE_ZEROES]
        assert made == [(4096, 4096), (16384, 4096), (20480 + 10 * MIB, 100)]
        assert source.zero(0, 100, keep_room=True)
        assert server.asked[-1].flags == 2
    assert server.content == bytes(100) + noise(8192)[100:4096] + bytes(len(LAYOUT) - 4096)


def test_zeros_that_would_be_written_are_left_to_the_caller_before_anything_is_changed() -> None:
    def refuse(request: Request) -> bytes:
        return nbd.simple(request, 95 if request.flags & nbd.FAST_ZERO else 0)

    content = bytearray(noise(4096)) + bytearray(MIB) + bytearray(noise(9 * MIB))
    server = StandIn(content, flags=nbd.USUAL | nbd.SEND_FAST_ZERO, answers={nbd.WRITE_ZEROES: refuse})
    with connected(server) as source:
        assert not source.zero(0, len(content))
        assert [each.flags for each in server.asked if each.kind == nbd.WRITE_ZEROES] == [nbd.FAST_ZERO]
        # What is small is not worth asking for.
        assert source.zero(0, 4096)


def test_zeros_are_made_of_all_data_when_the_server_tells_of_other_ranges_the_second_time() -> None:
    seen: set[int] = set()

    def tell(request: Request) -> bytes:
        if request.offset in seen:
            return nbd.error(request, 5)
        seen.add(request.offset)
        return nbd.status(request, [(3 * MIB, 0), (2 * MIB, 3), (3 * MIB, 0), (request.length - 8 * MIB, 3)])

    # More than what is remembered, so that it is asked for again.
    server = StandIn(
        Vast(),
        flags=nbd.USUAL | nbd.SEND_FAST_ZERO,
        answers={nbd.BLOCK_STATUS: tell, nbd.WRITE_ZEROES: nbd.simple},
    )
    with connected(server) as source:
        assert source.zero(0, 40 << 30)
    made = [(each.offset, each.offset + each.length) for each in server.asked if each.kind == nbd.WRITE_ZEROES]
    for begin in (at + (number << 30) for number in range(40) for at in (0, MIB, 2 * MIB, 5 * MIB, 7 * MIB)):
        assert any(first <= begin and begin + MIB <= after for first, after in made)


# ---- what is read ahead


def test_who_reads_on_asks_for_a_mib_at_once_and_who_does_not_for_what_he_wants() -> None:
    server = StandIn(bytearray(noise(8 * MIB)))
    with connected(server) as source:
        for at in range(0, 4 * MIB, 65536):
            assert source.read(at, 65536) == server.content[at : at + 65536]
        assert [each.length for each in server.asked] == [65536, *[MIB] * 4]
        source.read(7 * MIB, 100)
        assert server.asked[-1].length == 100


def test_two_who_read_on_do_not_disturb_each_other() -> None:
    server = StandIn(bytearray(noise(8 * MIB)))
    with connected(server, count=2) as source:
        for at in range(0, 2 * MIB, 65536):
            assert source.read(at, 65536) == server.content[at : at + 65536]
            assert source.read(4 * MIB + at, 65536) == server.content[4 * MIB + at : 4 * MIB + at + 65536]
    assert server.count(nbd.READ) == 6


@pytest.mark.parametrize("change", ["write", "zero"])
def test_what_was_read_ahead_is_never_older_than_what_was_written(change: str) -> None:
    server = stand_in()
    with connected(server, count=2) as source:
        source.read(0, 4096)
        source.read(4096, 4096)
        if change == "write":
            source.write(8192, b"new")
        else:
            assert source.zero(8192, 3)
        assert source.read(8192, 3) == (b"new" if change == "write" else bytes(3))


def test_what_cannot_be_read_ahead_is_no_error_of_what_is_there() -> None:
    def answer(request: Request) -> bytes:
        if request.offset + request.length > MIB:
            return nbd.error(request, 5)
        return nbd.data(request, noise(SIZE)[request.offset : request.offset + request.length])

    with connected(stand_in(answers={nbd.READ: answer})) as source:
        assert source.read(0, 4096) == noise(SIZE)[:4096]
        assert source.read(4096, 4096) == noise(SIZE)[4096:8192]
        assert errno_of(source.read, MIB, 1) == errno.EIO


STEP = st.tuples(
    st.sampled_from(["read", "read on", "write", "zero", "ranges"]),
    st.integers(0, 200_000),
    st.integers(0, 70_000),
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(STEP, max_size=30), st.integers(1, 3))
def test_whatever_is_done_the_disk_is_as_a_model_of_it(steps: list[tuple[str, int, int]], count: int) -> None:
    size = 250_000
    model = bytearray(size)
    with connected(StandIn(bytearray(size)), count=count) as source:
        last = 0
        for number, (step, at, length) in enumerate(steps):
            begin = last if step == "read on" else at
            end = min(begin + length, size)
            if step == "write":
                model[begin:end] = noise(end - begin, number)
                source.write(begin, noise(end - begin, number))
            elif step == "zero":
                model[begin:end] = bytes(end - begin)
                assert source.zero(begin, end - begin)
            elif step == "ranges":
                for first, after in source.hole_ranges(begin, end - begin):
                    assert not any(model[first:after])
            else:
                assert source.read(begin, end - begin) == model[begin:end]
                last = end


def test_many_threads_use_one_disk_at_once() -> None:
    length = 300_000
    server = StandIn(bytearray(6 * length))
    wrong: list[str] = []

    def work(source: NbdSource, number: int) -> None:
        chance, begin = random.Random(number), number * length
        model = bytearray(length)
        for _ in range(60):
            at = chance.randrange(length)
            contents = chance.randbytes(chance.choice([1, 512, 50_000]))[: length - at]
            model[at : at + len(contents)] = contents
            source.write(begin + at, contents)
            holes = list(source.hole_ranges(begin, length))
            if source.read(begin, length) != model or any(any(model[a - begin : b - begin]) for a, b in holes):
                wrong.append(f"thread {number} at {at}")

    with connected(server, count=4) as source:
        threads = [threading.Thread(target=work, args=(source, number)) for number in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert wrong == []


# In a program of its own: CPython 3.11 that traces lines, as for coverage, lets no second thread go on while a signal
# waits for the first, and that is in C for as long as the second does not answer.
SLOW_SERVER = """
import random, socket, time
from cases.nbd import READ, StandIn, data
content = bytearray(random.Random(1).randbytes(int(input())))
def slowly(request):
    time.sleep(0.02)
    return data(request, bytes(content[request.offset : request.offset + request.length]))
StandIn(content, answers={READ: slowly}).serve(socket.socket(fileno=1))
"""


def test_a_signal_is_no_failure() -> None:
    ours, theirs = socket.socketpair()
    server = subprocess.Popen(
        [sys.executable, "-c", SLOW_SERVER],
        stdin=subprocess.PIPE,
        stdout=theirs,
        env=os.environ | {"PYTHONPATH": str(Path(cases.__file__).parent.parent)},
    )
    theirs.close()
    assert server.stdin is not None
    with server.stdin:
        server.stdin.write(f"{SIZE}\n".encode())
    heard: list[int] = []
    with ours:
        source = NbdSource.over([ours], patience_s=30)
    before = signal.signal(signal.SIGALRM, lambda number, _: heard.append(number))
    signal.setitimer(signal.ITIMER_REAL, 0.005, 0.005)
    try:
        with source:
            for at in (0, 500, 100, 2 * MIB):
                assert source.read(at, 300) == noise(SIZE)[at : at + 300]
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert heard
    assert server.wait(30) == 0


# ---- errors of the server


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (1, errno.EPERM),
        (5, errno.EIO),
        (12, errno.ENOMEM),
        (22, errno.EIO),
        (28, errno.ENOSPC),
        (95, errno.EOPNOTSUPP),
        (108, errno.ENOTCONN),
        (4711, errno.EIO),
    ],
)
def test_an_error_of_the_server_is_that_of_the_call_and_the_next_one_goes_on(number: int, expected: int) -> None:
    server = stand_in(answers={nbd.WRITE: lambda request: nbd.simple(request, number)})
    with connected(server) as source:
        assert errno_of(source.write, 0, bytes(SIZE)) == expected
        assert source.read(0, 100) == noise(SIZE)[:100]


def test_an_error_in_a_chunk_is_the_same_of_whatever_type_it_is() -> None:
    kinds = iter((0x8001, 0x8002, 0x8077))
    server = stand_in(answers={nbd.READ: lambda request: nbd.error(request, 28, text=b"x" * 600, kind=next(kinds))})
    with connected(server) as source:
        for _ in range(3):
            assert errno_of(source.read, 0, 100) == errno.ENOSPC


def over(request: Request) -> bytes:
    return nbd.data(request, bytes(request.length + 1))


def gap(request: Request) -> bytes:
    half = request.length // 2
    return nbd.data(request, bytes(half), last=False) + nbd.data(request, bytes(5), offset=request.offset + half + 1)


def overlap(request: Request) -> bytes:
    half = request.length // 2
    return nbd.data(request, bytes(half), last=False) + nbd.data(request, bytes(half), offset=request.offset + half - 1)


WRONG_READS = {
    "another magic": lambda request: nbd.simple(request, magic=0x12345678),
    "the cookie of nobody": lambda request: nbd.chunk(request, nbd.NONE, cookie=request.cookie + 1),
    "no cookie": lambda request: nbd.chunk(request, nbd.NONE, cookie=0),
    "an answer without chunks": nbd.simple,
    "nothing at all": lambda request: nbd.chunk(request, nbd.NONE),
    "nothing, with contents": lambda request: nbd.chunk(request, nbd.NONE, b"x"),
    "nothing, and not the last": lambda request: nbd.chunk(request, nbd.NONE, last=False),
    "contents before the range": lambda request: nbd.data(request, bytes(10), offset=request.offset - 1),
    "contents behind the range": lambda request: nbd.data(request, b"x", offset=request.offset + request.length),
    "contents at the end of all numbers": lambda request: nbd.data(request, b"x", offset=(1 << 64) - 1),
    "more contents than asked for": over,
    "fewer contents than asked for": lambda request: nbd.data(request, bytes(request.length - 1)),
    "contents with a gap": gap,
    "contents twice": overlap,
    "contents of no bytes": lambda request: nbd.data(request, b""),
    "contents without a place": lambda request: nbd.chunk(request, nbd.DATA, bytes(7)),
    "contents of 4 GiB": lambda request: nbd.chunk(request, nbd.DATA, bytes(8), length=0xFFFFFFFF),
    "a hole behind the range": lambda request: nbd.hole(request, request.length + 1),
    "a hole of no bytes": lambda request: nbd.hole(request, 0),
    "a hole of another form": lambda request: nbd.chunk(request, nbd.HOLE, bytes(13)),
    "a status": lambda request: nbd.status(request, [(request.length, 0)]),
    "a type that is not known": lambda request: nbd.chunk(request, 77, bytes(8)),
    "an error without a number": lambda request: nbd.chunk(request, nbd.ERROR, bytes(5)),
    "an error that is none": lambda request: nbd.error(request, 0),
    "an error of a GiB": lambda request: nbd.chunk(request, nbd.ERROR, bytes(6), length=1 << 30),
    "errors without end": lambda request: nbd.error(request, 5, last=False) + nbd.error(request, 5, last=False),
}
WRONG_STATUS = {
    "a status of another context": lambda request: nbd.status(request, [(request.length, 0)], context=8),
    "a status of no ranges": lambda request: nbd.status(request, []),
    "a status of half a range": lambda request: nbd.chunk(request, nbd.STATUS, struct.pack(">IIII", 7, 512, 0, 1)[:14]),
    "a status without a context": lambda request: nbd.chunk(request, nbd.STATUS, b"abc"),
    "a status of a million ranges": lambda request: nbd.chunk(
        request, nbd.STATUS, struct.pack(">III", 7, 512, 0), length=4 + (8 << 20)
    ),
    "a range of no bytes": lambda request: nbd.status(request, [(0, 0), (request.length, 0)]),
    "ranges behind the end": lambda request: nbd.status(request, [(request.length, 0), (512, 0)]),
    "two of them": lambda request: (
        nbd.status(request, [(request.length, 0)], last=False) + nbd.status(request, [(request.length, 0)])
    ),
    "an answer without it": lambda request: nbd.chunk(request, nbd.NONE),
    "an answer without chunks": nbd.simple,
    "contents": lambda request: nbd.data(request, b"x"),
}
WRONG_WRITES = {
    "contents": lambda request: nbd.data(request, bytes(request.length)),
    "a hole": lambda request: nbd.hole(request, request.length),
    "a status": lambda request: nbd.status(request, [(request.length, 0)]),
    "two answers": lambda request: nbd.simple(request) + nbd.simple(request),
}


def rows(kind: int, answers: dict[str, Answer], call: Callable[[NbdSource], object]) -> list[object]:
    return [pytest.param(kind, answer, call, id=f"{kind}: {name}") for name, answer in answers.items()]


@pytest.mark.parametrize(
    ("kind", "answer", "call"),
    [
        *rows(nbd.READ, WRONG_READS, lambda source: source.read(1000, 1000)),
        *rows(nbd.BLOCK_STATUS, WRONG_STATUS, lambda source: list(source.data_ranges(0, SIZE))),
        *rows(nbd.WRITE, WRONG_WRITES, lambda source: (source.write(1000, b"x" * 10), source.read(0, 1))),
    ],
)
def test_an_answer_that_is_none_ends_the_connection_for_good(
    kind: int, answer: Answer, call: Callable[[NbdSource], object]
) -> None:
    # With one connection, what is read next comes behind a second answer.
    with connected(stand_in(answers={kind: answer}), count=1 if kind == nbd.WRITE else 2) as source:
        assert errno_of(call, source) == errno.EPROTO
        for later in (
            lambda: source.read(0, 1),
            lambda: source.write(0, b"x"),
            lambda: source.zero(0, 4096),
            source.sync,
            lambda: list(source.data_ranges(0, SIZE)),
        ):
            assert errno_of(later) == errno.EPROTO


@pytest.mark.parametrize("kind", [nbd.READ, nbd.WRITE, nbd.WRITE_ZEROES, nbd.FLUSH, nbd.BLOCK_STATUS])
@pytest.mark.parametrize("told", [0, 3, 16, 20, 25, 1000])
def test_a_server_that_goes_away_is_an_error_and_never_waited_for(kind: int, told: int) -> None:
    def answer(request: Request) -> bytes:
        whole = nbd.data(request, bytes(request.length)) if kind == nbd.READ else nbd.simple(request)
        if kind == nbd.BLOCK_STATUS:
            whole = nbd.status(request, [(request.length, 3)])
        return whole[: min(told, len(whole) - 1)]

    with connected(stand_in(answers={kind: answer}, hangs_up=True), count=2) as source:
        calls: dict[int, Callable[[], object]] = {
            nbd.READ: lambda: source.read(0, 5000),
            nbd.WRITE: lambda: source.write(0, bytes(SIZE)),
            nbd.WRITE_ZEROES: lambda: source.zero(0, 5000, keep_room=True),
            nbd.FLUSH: source.sync,
            nbd.BLOCK_STATUS: lambda: list(source.data_ranges(0, SIZE)),
        }
        assert errno_of(calls[kind]) == errno.ENOTCONN
        assert errno_of(source.read, 0, 1) == errno.ENOTCONN
        assert errno_of(source.sync) == errno.ENOTCONN


def test_when_one_connection_ends_nobody_waits_on_another() -> None:
    stop = threading.Event()

    def never(request: Request) -> bytes:
        if request.offset == 0:
            stop.wait(60)
        return b""

    with connected(stand_in(answers={nbd.READ: never}), count=2) as source:
        results: list[int | None] = []
        waiting = threading.Thread(target=lambda: results.append(errno_of(source.read, 0, 100)))
        waiting.start()
        while not source.is_read_only and not results:
            # Only when the other thread has the first connection does this one have the second.
            if errno_of(source.read, 4096, 100) == errno.ENOTCONN:
                break
        waiting.join(30)
        stop.set()
        assert results == [errno.ENOTCONN]


def test_who_takes_leave_is_told_so_and_so_is_who_still_has_it() -> None:
    server = stand_in()
    with connected(server, count=2) as source, Slice(source, 0, MIB) as piece, Device(piece.name) as device:
        source.end()
        assert errno_of(source.read, 0, 1) == errno.EBADF
        assert errno_of(device.pread, 0, 10) == errno.EBADF
        source.end()
    assert server.count(nbd.DISC) == 2


# ---- before the first request

CONTEXT = struct.pack(">I", 7) + b"base:allocation"
WRONG_OPTIONS = {
    "a reply of another magic": (nbd.GO, nbd.reply(nbd.GO, nbd.ACK, magic=1)),
    "a reply to another option": (nbd.GO, nbd.reply(nbd.STRUCTURED_REPLY, nbd.ACK)),
    "a reply of a MiB": (nbd.GO, nbd.reply(nbd.GO, nbd.INFO, bytes(1 << 20))),
    "no facts": (nbd.GO, nbd.reply(nbd.GO, nbd.ACK)),
    "facts without a kind": (nbd.GO, nbd.reply(nbd.GO, nbd.INFO, b"x")),
    "facts of another length": (nbd.GO, nbd.reply(nbd.GO, nbd.INFO, nbd.export_info(SIZE, nbd.USUAL) + b"x")),
    "a disk of 8 EiB": (nbd.GO, nbd.reply(nbd.GO, nbd.INFO, nbd.export_info(1 << 63, nbd.USUAL))),
    "no flags": (nbd.GO, nbd.reply(nbd.GO, nbd.INFO, nbd.export_info(SIZE, 4))),
    "a type that is not known": (nbd.GO, nbd.reply(nbd.GO, 99)),
    "facts without end": (nbd.GO, nbd.reply(nbd.GO, nbd.INFO, b"\0\3abc") * 100),
    "chunks, perhaps": (nbd.STRUCTURED_REPLY, nbd.reply(nbd.STRUCTURED_REPLY, nbd.INFO)),
    "two contexts": (nbd.SET_META_CONTEXT, nbd.reply(nbd.SET_META_CONTEXT, nbd.META_CONTEXT, CONTEXT) * 2),
    "another context": (
        nbd.SET_META_CONTEXT,
        nbd.reply(nbd.SET_META_CONTEXT, nbd.META_CONTEXT, struct.pack(">I", 7) + b"qemu:allocation"),
    ),
    "a context without a name": (nbd.SET_META_CONTEXT, nbd.reply(nbd.SET_META_CONTEXT, nbd.META_CONTEXT, b"ab")),
}
REFUSALS = {
    "no such disk": (nbd.GO, nbd.reply(nbd.GO, nbd.UNKNOWN, b"none"), errno.ENOENT),
    "a disk that is not given": (nbd.GO, nbd.reply(nbd.GO, nbd.POLICY), errno.EACCES),
    "a server that is too old": (nbd.GO, nbd.reply(nbd.GO, nbd.UNSUPPORTED), errno.EOPNOTSUPP),
}


def errno_of_connecting(server: StandIn, patience_s: int = 30) -> int | None:
    def connect() -> None:
        with connected(server, patience_s=patience_s):
            pass

    return errno_of(connect)


@pytest.mark.parametrize(
    ("option", "replies", "expected"),
    [
        *(pytest.param(*row, errno.EPROTO, id=name) for name, row in WRONG_OPTIONS.items()),
        *(pytest.param(*row, id=name) for name, row in REFUSALS.items()),
    ],
)
def test_a_server_that_does_not_agree_is_refused(option: int, replies: bytes, expected: int) -> None:
    assert errno_of_connecting(stand_in(options={option: replies})) == expected


@pytest.mark.parametrize(
    "greeting",
    [
        pytest.param(b"SSH-2.0-OpenSSH_9\r\n", id="another protocol"),
        pytest.param(b"NBDMAGIC" + struct.pack(">QQIH", 0x420281861253, SIZE, 0, 1), id="the old protocol"),
        pytest.param(b"NBDMAGICIHAVEOPT\0\0", id="before it was fixed"),
    ],
)
def test_what_is_no_server_is_refused(greeting: bytes) -> None:
    assert errno_of_connecting(stand_in(greeting=greeting)) == errno.EPROTO


def test_a_server_that_goes_away_at_any_byte_of_the_beginning_is_an_error() -> None:
    for length in range(len(nbd.GREETING)):
        pairs = nbd.socket.socketpair()
        pairs[1].sendall(nbd.GREETING[:length])
        pairs[1].close()
        assert errno_of(NbdSource.over, [pairs[0]]) == errno.ENOTCONN
        pairs[0].close()


def test_a_server_that_says_nothing_is_not_waited_for() -> None:
    ours, theirs = nbd.socket.socketpair()
    with ours, theirs:
        assert errno_of(lambda: NbdSource.over([ours], patience_s=1)) == errno.ETIMEDOUT


def test_what_can_be_no_connection_is_refused() -> None:
    ours, theirs = nbd.socket.socketpair()
    with ours, theirs:
        assert errno_of(NbdSource.over, []) == errno.EINVAL
        assert errno_of(NbdSource.over, [ours] * 5) == errno.EINVAL
        assert errno_of(lambda: NbdSource.over([ours], export="x" * 300)) == errno.ENAMETOOLONG
