"""An NBD server that stands in for qemu-nbd, and can be told to answer as none should.

After the protocol (NetworkBlockDevice/nbd, doc/proto.md); it shares no line with the client.
"""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from osdimage.native.slices.sources import NbdSource

READ, WRITE, DISC, FLUSH, WRITE_ZEROES, BLOCK_STATUS = 0, 1, 2, 3, 6, 7
GO, STRUCTURED_REPLY, SET_META_CONTEXT = 7, 8, 10
ACK, INFO, META_CONTEXT, UNSUPPORTED, POLICY, UNKNOWN = 1, 3, 4, 0x80000001, 0x80000002, 0x80000006
HAS_FLAGS, READ_ONLY, SEND_FLUSH, SEND_ZEROES, MULTI_CONN, SEND_FAST_ZERO = 1, 2, 4, 64, 256, 2048
NONE, DATA, HOLE, STATUS, ERROR = 0, 1, 2, 5, 0x8001
FAST_ZERO = 16
CONTEXT = 7
USUAL = HAS_FLAGS | SEND_FLUSH | SEND_ZEROES | MULTI_CONN
GREETING = b"NBDMAGIC" + b"IHAVEOPT" + struct.pack(">H", 3)
BLOCK = 4096


@dataclass(frozen=True)
class Request:
    """What the client asks for."""

    flags: int
    kind: int
    cookie: int
    offset: int
    length: int


def simple(request: Request, error: int = 0, *, magic: int = 0x67446698) -> bytes:
    return struct.pack(">IIQ", magic, error, request.cookie)


def chunk(
    request: Request,
    kind: int,
    payload: bytes = b"",
    *,
    last: bool = True,
    cookie: int | None = None,
    magic: int = 0x668E33EF,
    length: int | None = None,
) -> bytes:
    told = len(payload) if length is None else length
    head = (magic, last, kind, request.cookie if cookie is None else cookie, told)
    return struct.pack(">IHHQI", *head) + payload


def data(request: Request, contents: bytes, *, offset: int | None = None, last: bool = True) -> bytes:
    at = request.offset if offset is None else offset
    return chunk(request, DATA, struct.pack(">Q", at) + contents, last=last)


def hole(request: Request, length: int, *, offset: int | None = None, last: bool = True) -> bytes:
    at = request.offset if offset is None else offset
    return chunk(request, HOLE, struct.pack(">QI", at, length), last=last)


def status(request: Request, ranges: list[tuple[int, int]], *, context: int = CONTEXT, last: bool = True) -> bytes:
    payload = struct.pack(">I", context) + b"".join(struct.pack(">II", *each) for each in ranges)
    return chunk(request, STATUS, payload, last=last)


def error(request: Request, number: int, *, text: bytes = b"no", kind: int = ERROR, last: bool = True) -> bytes:
    return chunk(request, kind, struct.pack(">IH", number, len(text)) + text, last=last)


def reply(option: int, kind: int, payload: bytes = b"", *, magic: int = 0x3E889045565A9) -> bytes:
    return struct.pack(">QIII", magic, option, kind, len(payload)) + payload


def export_info(size: int, flags: int) -> bytes:
    return struct.pack(">HQH", 0, size, flags)


Answer = Callable[[Request], bytes]


@dataclass
class StandIn:
    """A server of some bytes.

    Attributes:
        content: of the disk; one bytearray for all connections.
        flags: what it says that it can.
        greeting: how it begins.
        options: what it answers to options in place of what is right.
        answers: what it answers to requests of a kind in place of what is right; it hangs up where that is empty, or
            when it has said so much.
        hangs_up: whether it does so after each of these.
        held: how many requests it waits for before it answers them, the last one first.
        asked: the requests that it got.
        connections: how many there were.
    """

    content: bytearray
    flags: int = USUAL
    greeting: bytes = GREETING
    options: Mapping[int, bytes] = field(default_factory=dict)
    answers: Mapping[int, Answer] = field(default_factory=dict)
    hangs_up: bool = False
    held: int = 1
    asked: list[Request] = field(default_factory=list)
    connections: int = 0
    structured: bool = True
    lock: threading.Lock = field(default_factory=threading.Lock)

    def serve(self, client: socket.socket) -> None:
        """Serve one client until it leaves, or until something hangs up."""
        with client, suppress(OSError, EOFError):
            self._negotiate(client)
            waiting: list[bytes] = []
            while (request := self._take(client)).kind != DISC:
                answer = self._answer(client, request)
                if request.kind in self.answers and (self.hangs_up or not answer):
                    client.sendall(answer)
                    return
                waiting.insert(0, answer)
                if len(waiting) >= self.held:
                    client.sendall(b"".join(waiting))
                    waiting.clear()

    def count(self, kind: int) -> int:
        """Return how many requests of a kind there were."""
        return sum(each.kind == kind for each in self.asked)

    def _negotiate(self, client: socket.socket) -> None:
        client.sendall(self.greeting)
        _receive(client, 4)
        with self.lock:
            self.connections += 1
        while True:
            _, option, length = struct.unpack(">QII", _receive(client, 16))
            _receive(client, length)
            client.sendall(self.options.get(option, self.right_options()[option]))
            if option == GO:
                return

    def right_options(self) -> dict[int, bytes]:
        """Return what is to be answered to each option."""
        context = struct.pack(">I", CONTEXT) + b"base:allocation"
        return {
            STRUCTURED_REPLY: reply(STRUCTURED_REPLY, ACK),
            SET_META_CONTEXT: reply(SET_META_CONTEXT, META_CONTEXT, context) + reply(SET_META_CONTEXT, ACK),
            GO: reply(GO, INFO, export_info(len(self.content), self.flags)) + reply(GO, ACK),
        }

    def _take(self, client: socket.socket) -> Request:
        magic, *rest = struct.unpack(">IHHQQI", _receive(client, 28))
        assert magic == 0x25609513
        request = Request(*rest)
        with self.lock:
            self.asked.append(request)
        return request

    def _answer(self, client: socket.socket, request: Request) -> bytes:
        contents = _receive(client, request.length) if request.kind == WRITE else b""
        if request.kind in self.answers:
            return self.answers[request.kind](request)
        end = request.offset + request.length
        with self.lock:
            if request.kind == READ:
                found = bytes(self.content[request.offset : end])
                return data(request, found) if self.structured else simple(request) + found
            if request.kind == BLOCK_STATUS:
                return status(request, self._ranges(request.offset, end))
            if request.kind == WRITE:
                self.content[request.offset : end] = contents
            if request.kind == WRITE_ZEROES:
                self.content[request.offset : end] = bytes(request.length)
        return simple(request)

    def _ranges(self, begin: int, end: int) -> list[tuple[int, int]]:
        blocks = [self.content[at : min(at + BLOCK, end)] for at in range(begin, end, BLOCK)]
        runs = [(is_data, list(run)) for is_data, run in groupby(blocks, any)]
        return [(sum(map(len, run)), 0 if is_data else 3) for is_data, run in runs]


def _receive(client: socket.socket, size: int) -> bytes:
    parts = b""
    while len(parts) < size:
        part = client.recv(size - len(parts))
        if not part:
            raise EOFError
        parts += part
    return parts


@contextmanager
def connected(server: StandIn, *, count: int = 1, patience_s: int = 30) -> Iterator[NbdSource]:
    """Yield the disk of a server as a source; its threads have ended afterwards."""
    # The stand-in is a program of its own, too, which runs where osdimage does not.
    from osdimage.native.slices.sources import NbdSource  # noqa: PLC0415

    pairs = [socket.socketpair() for _ in range(count)]
    threads = [threading.Thread(target=server.serve, args=(theirs,)) for _, theirs in pairs]
    for thread in threads:
        thread.start()
    try:
        source = NbdSource.over([ours for ours, _ in pairs], patience_s=patience_s)
    finally:
        for ours, _ in pairs:
            ours.close()
    # A source that was made has sockets of its own; without one, the server is alone now.
    try:
        with source:
            yield source
    finally:
        del source
        for thread in threads:
            thread.join()
