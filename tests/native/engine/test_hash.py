"""SHA-1: libcrypto's and the plain one give what is published, and what hashlib gives."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from osdimage.native._wimlib import ffi, lib

# "SHA-1 Example", csrc.nist.gov/projects/cryptographic-standards-and-guidelines/example-values, and FIPS 180-2, A.3.
PUBLISHED = {
    "nothing": (b"", "da39a3ee5e6b4b0d3255bfef95601890afd80709"),
    "one block": (b"abc", "a9993e364706816aba3e25717850c26c9cd0d89d"),
    "two blocks": (
        b"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
        "84983e441c3bd26ebaae4aa1f95129e5e54670f1",
    ),
    "many": (b"a" * 1_000_000, "34aa973cd4c4daa4f61eeb2bdbad27316534016f"),
}


@pytest.fixture(params=[False, True], ids=["libcrypto", "plain"])
def sha1(request: pytest.FixtureRequest) -> Iterator[Any]:
    library = lib.osd_sha1_open(request.param)
    made = lib.osd_sha1_new(library)
    # Where libcrypto is not installed, both are the plain one.
    assert lib.osd_sha1_is_plain(library) or not request.param
    yield made
    lib.osd_sha1_free(made)
    lib.osd_sha1_close(library)


def digest_of(sha1: Any, pieces: Iterable[bytes]) -> bytes:
    digest = bytearray(20)
    assert lib.osd_sha1_begin(sha1) == 0
    for piece in pieces:
        assert lib.osd_sha1_add(sha1, piece, len(piece)) == 0
    assert lib.osd_sha1_end(sha1, ffi.from_buffer("uint8_t[]", digest)) == 0
    return bytes(digest)


@pytest.mark.parametrize(("data", "expected"), PUBLISHED.values(), ids=PUBLISHED.keys())
def test_it_is_what_is_published(sha1: Any, data: bytes, expected: str) -> None:
    assert digest_of(sha1, [data]).hex() == expected


def test_it_is_what_hashlib_gives_however_it_comes(sha1: Any) -> None:
    bits = random.Random(1)
    for size in range(260):
        data = bits.randbytes(size)
        cuts = sorted(bits.randrange(size + 1) for _ in range(bits.randrange(4)))
        pieces = [data[begin:end] for begin, end in zip([0, *cuts], [*cuts, size], strict=True)]
        assert digest_of(sha1, pieces) == hashlib.sha1(data, usedforsecurity=False).digest()


def test_libcrypto_is_found_where_python_has_it() -> None:
    # hashlib.sha1 is OpenSSL's where Python was built with it; that is the same library.
    if "openssl" not in type(hashlib.sha1(usedforsecurity=False)).__module__ and not hasattr(hashlib, "scrypt"):
        pytest.skip("this Python has no OpenSSL")
    library = lib.osd_sha1_open(False)
    assert not lib.osd_sha1_is_plain(library)
    lib.osd_sha1_close(library)
