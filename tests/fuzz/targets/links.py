"""Data of reparse points: the targets of links that they become on Linux."""

from __future__ import annotations

import errno
import struct
from collections.abc import Iterator

from osdimage.native.engine.directory import link_target

from fuzz.target import Target

_TAGS = (0xA000000C, 0xA0000003)


def _read(data: bytes) -> None:
    """Take the first byte for the kind of link and what stands before its target, and the others for its data."""
    kind, rest = data[:1] or b"\0", data[1:]
    above = None if kind[0] & 2 else b"/above"
    try:
        target = link_target(_TAGS[kind[0] & 1], rest, above)
    except OSError as error:
        assert error.errno == errno.EINVAL  # noqa: PT017 - everything else is wrong
        return
    # Three bytes of UTF-8 for two of UTF-16.
    assert len(target) <= 2 * len(rest) + 6


def _seeds() -> Iterator[bytes]:
    for target in ("..\\a\\b/c", "\\??\\C:\\Users", "\\Device\\Volume\\a\ud800", "C:\\😀", ""):
        text = target.encode("utf-16-le", "surrogatepass")
        names = struct.pack("<HHHH", 0, len(text), 0, len(text))
        for kind in range(4):
            yield bytes([kind]) + names + (b"" if kind & 1 else b"\1\0\0\0") + text + text


TARGETS = (Target("link-target", _read, _seeds, largest=17 << 10),)
