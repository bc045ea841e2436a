"""What opens a sealed key: SHA-256, its stretching, and AES-256-CCM; ``libcrypto.c`` does it.

What is returned is in memory that can be wiped (:func:`wipe`), which bytes of Python cannot.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum
from typing import Any

from osdimage.native._wimlib import ffi, lib

HASH_BYTES = 32
NONCE_BYTES = 12
TAG_BYTES = 16
SALT_BYTES = 16

Buffer = bytes | bytearray | memoryview


class Method(IntEnum):
    """How the sectors of a volume are encrypted."""

    CBC = int(lib.OSD_FVE_CBC)
    CBC_DIFFUSER = int(lib.OSD_FVE_CBC_DIFFUSER)
    XTS = int(lib.OSD_FVE_XTS)


def is_here() -> bool:
    """Tell whether libcrypto is there; without it nothing can be decrypted."""
    return bool(lib.osd_libcrypto_is_here())


def sha256(data: Buffer) -> bytearray:
    """Return the SHA-256 of something secret.

    Raises:
        OSError: ENOSYS without libcrypto.
    """
    digest = bytearray(HASH_BYTES)
    _check(lib.osd_sha256(_in(data), len(data), _out(digest)))
    return digest


def stretch(key: Buffer, salt: Buffer, rounds: int) -> bytearray:
    """Return a key that takes so many rounds of SHA-256 to make; meanwhile other threads of Python run.

    Raises:
        OSError: ENOSYS without libcrypto.
    """
    _require(len(key) == HASH_BYTES and len(salt) == SALT_BYTES)
    stretched = bytearray(HASH_BYTES)
    _check(lib.osd_sha256_stretch(_in(key), _in(salt), rounds, _out(stretched)))
    return stretched


def unseal(key: Buffer, nonce: Buffer, tag: Buffer, sealed: Buffer) -> bytearray | None:
    """Return what AES-256-CCM has sealed, or None when it was not with this key.

    Raises:
        OSError: ENOSYS without libcrypto.
    """
    _require(len(key) == HASH_BYTES and len(nonce) == NONCE_BYTES and len(tag) == TAG_BYTES and len(sealed) > 0)
    opened = bytearray(len(sealed))
    if lib.osd_ccm_open(_in(key), _in(nonce), _in(tag), _in(sealed), len(sealed), _out(opened)) != 0:
        if ffi.errno == errno.EBADMSG:
            return None
        raise _failure(ffi.errno)
    return opened


def wipe(secret: bytearray) -> None:
    """Make something secret zeros."""
    ffi.memmove(_out(secret), bytes(len(secret)), len(secret))


@contextmanager
def wiped(secret: bytearray) -> Iterator[bytearray]:
    """Yield something secret, and make it zeros at the end."""
    try:
        yield secret
    finally:
        wipe(secret)


class Unseen:
    """Memory of this process that goes into no core file and that no other process may read, until this is closed.

    Those that are open are counted: it is seen again when the last one is closed.
    """

    def __init__(self) -> None:
        """Forbid to look.

        Raises:
            OSError: when the system refuses.
        """
        _check(lib.osd_dump_forbid())
        self._is_open = True

    def close(self) -> None:
        """Allow it again; a second call does nothing."""
        if self._is_open:
            self._is_open = False
            lib.osd_dump_allow()


def _in(data: Buffer) -> Any:
    return ffi.from_buffer("uint8_t[]", data)


def _out(data: bytearray) -> Any:
    return ffi.from_buffer("uint8_t[]", data, require_writable=True)


def _require(holds: bool) -> None:  # noqa: FBT001 - as an assertion
    if not holds:
        raise _failure(errno.EINVAL)


def _check(result: int) -> None:
    if result != 0:
        raise _failure(ffi.errno)


def _failure(number: int) -> OSError:
    return OSError(number, os.strerror(number))
