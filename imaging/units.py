"""Sizes: reading and writing them for people.

All units are binary, as in Windows tools and ConfigMgr: 1 MB = 2**20 bytes.
"""

from __future__ import annotations

import re
from typing import NewType

from osdimage.imaging.errors import InvalidRequest

Bytes = NewType("Bytes", int)

KIB, MIB, GIB, TIB = 1 << 10, 1 << 20, 1 << 30, 1 << 40

_FACTORS = {"": 1, "B": 1, "K": KIB, "M": MIB, "G": GIB, "T": TIB, "P": 1 << 50, "E": 1 << 60}
_SIZE = re.compile(r"(?P<number>\d{1,30}(?:\.\d{1,30})?)\s*(?P<unit>[KMGTPE]?)(?:i?B)?", re.IGNORECASE | re.ASCII)


def parse_size(text: str) -> Bytes:
    """Read a size such as ``512MB``, ``64GB``, ``1.5GiB`` or ``1048576`` (bytes).

    Raises:
        InvalidRequest: when the text is not a size, or is not a whole number of bytes.
    """
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise InvalidRequest(f"{text!r} is not a size; write a number and a unit, for example 512MB or 64GB")
    whole, _, fraction = match["number"].partition(".")
    scaled = int(whole + fraction) * _FACTORS[match["unit"].upper()]
    size, rest = divmod(scaled, 10 ** len(fraction))
    if rest:
        raise InvalidRequest(f"{text!r} is not a whole number of bytes")
    return Bytes(size)


def format_size(size: int) -> str:
    """Write a size for people, with the largest binary unit that gives at least 1: ``"4.2 GB"``."""
    if size < KIB:
        return f"{size} bytes"
    number = float(size)
    for unit in ("KB", "MB", "GB", "TB", "PB"):
        number /= 1024
        if number < 999.5:
            return f"{number:.1f} {unit}" if number < 99.95 else f"{number:.0f} {unit}"
    return f"{number / 1024:.1f} EB"
