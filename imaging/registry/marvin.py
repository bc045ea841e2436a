"""The hash that guards the entries of a hive's transaction log: Marvin32 with one seed for all.

Source: "Windows registry file format specification", M. Suhanov, "Log entries".  The bytes of the seed that it prints
are those of a number, of which the low half comes first: no entry that Windows wrote fits when it is read otherwise.
"""

from __future__ import annotations

_SEED = 0x82EF4D887A4E55C5


def marvin32(data: bytes | memoryview) -> bytes:
    """Return the hash of bytes, 8 bytes as they are stored."""
    # Most hives that are read have no log, and need no libwim either.
    from osdimage.native.hive.marvin import marvin32  # noqa: PLC0415

    return marvin32(_SEED, data).to_bytes(8, "little")
