"""Marvin32 of the log of a hive; the Python face of ``marvin.c``."""

from __future__ import annotations

from osdimage.native._wimlib import ffi, lib


def marvin32(seed: int, data: bytes | memoryview) -> int:
    """Return the hash of bytes, a number of 64 bits, of which the low half comes first, as it does of the seed."""
    found: int = lib.osd_marvin32(seed, ffi.from_buffer("uint8_t[]", data), len(data))
    return found
