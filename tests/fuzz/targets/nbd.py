"""What an NBD server says: the bytes of its side of a connection."""

from __future__ import annotations

import socket
from collections.abc import Iterator

from cases import nbd
from cases.nbd import Request, StandIn
from osdimage.native.slices.sources import NbdSource

from fuzz.target import Target

_SIZE = 10_000


def _read(data: bytes) -> None:
    """Be the client: everything that the server will ever say is there before it is asked, and then it has gone."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(data)
        theirs.shutdown(socket.SHUT_WR)
        with NbdSource.over([ours], patience_s=5) as source:
            if source.size < _SIZE:
                return
            assert len(source.read(100, 3000)) == 3000
            ranges = list(source.data_ranges(0, _SIZE))
            assert all(0 <= begin < end <= _SIZE for begin, end in ranges)
            if not source.is_read_only:
                source.write(5, b"written")
                source.sync()


def _said(server: StandIn, answers: tuple[bytes, ...]) -> bytes:
    options = server.right_options()
    names = (nbd.STRUCTURED_REPLY, nbd.SET_META_CONTEXT, nbd.GO)
    return b"".join((nbd.GREETING, *(options[each] for each in names), *answers))


def _seeds() -> Iterator[bytes]:
    asked = [Request(0, kind, number, 100, 3000) for number, kind in enumerate((nbd.READ, nbd.BLOCK_STATUS), 1)]
    changes = tuple(nbd.simple(Request(0, kind, cookie, 0, 0)) for cookie, kind in ((3, nbd.WRITE), (4, nbd.FLUSH)))
    reading = nbd.data(asked[0], bytes(2000), last=False) + nbd.hole(asked[0], 1000, offset=2100)
    status = nbd.status(asked[1], [(4096, 0), (4096, 3), (_SIZE - 8192, 0)])
    yield _said(StandIn(bytearray(_SIZE)), (reading, status, *changes))
    yield _said(StandIn(bytearray(_SIZE)), (nbd.error(asked[0], 5), status))


TARGETS = (Target("nbd-server", _read, _seeds, (OSError,)),)
