"""Whether a file is the picture that Windows PE shows: a JPEG, or a BMP before Windows 8.

Sources: ITU T.81, annex B.1.1 (markers and segments) and B.2.2 (the frame header); Microsoft, "BITMAPFILEHEADER" and
"BITMAPINFOHEADER".
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from osdimage.imaging.errors import InvalidInput

LARGEST = 64 << 20
"""More than any picture of a screen has."""
_START, _END = b"\xff\xd8", b"\xff\xd9"
_FILL, _SCAN = 0xFF, 0xDA
_FRAMES = {0xC0, 0xC1, 0xC2}
"""SOF0 to SOF2: what decoders of Windows know."""
_OTHER_FRAMES = {0xC3, *range(0xC5, 0xC8), *range(0xC9, 0xCC), *range(0xCD, 0xD0)}
_ALONE = {0x01, *range(0xD0, 0xD9)}
_FRAME = struct.Struct(">HBHH")
_BITMAP = struct.Struct("<2sIHHIIii")


@dataclass(frozen=True, slots=True)
class Picture:
    """The size of a picture, in pixels."""

    width: int
    height: int


def read_jpeg(data: bytes, name: str) -> Picture:
    """Return the size of a JPEG.

    Raises:
        InvalidInput: when it is none, is cut off, or is of a kind that Windows does not show.
    """
    if not data.startswith(_START):
        raise InvalidInput(f"{name}: is no JPEG, which begins with the bytes FF D8")
    at = len(_START)
    found = None
    while at + 4 <= len(data):
        if data[at] != _FILL:
            raise InvalidInput(f"{name}: is a damaged JPEG: no segment begins at byte {at:,}")
        marker = data[at + 1]
        if marker == _FILL or marker in _ALONE:
            at += 1 if marker == _FILL else 2
            continue
        if marker in _OTHER_FRAMES:
            raise InvalidInput(
                f"{name}: is a JPEG of a kind that Windows does not show; valid is baseline or progressive"
            )
        (size,) = struct.unpack_from(">H", data, at + 2)
        if marker in _FRAMES and at + 2 + _FRAME.size <= len(data):
            _, _, height, width = _FRAME.unpack_from(data, at + 2)
            found = Picture(width, height)
        if marker == _SCAN:
            break
        at += 2 + size
    else:
        raise InvalidInput(f"{name}: is a JPEG that is cut off before its picture")
    if found is None or not found.width or not found.height:
        raise InvalidInput(f"{name}: is a damaged JPEG: it does not say how large its picture is")
    if _END not in data[at:]:
        raise InvalidInput(f"{name}: is a JPEG that is cut off: the mark of its end is missing")
    return found


def read_bitmap(data: bytes, name: str) -> Picture:
    """Return the size of a BMP.

    Raises:
        InvalidInput: when it is none, or is cut off.
    """
    if not data.startswith(b"BM") or len(data) < _BITMAP.size:
        raise InvalidInput(f"{name}: is no BMP, which begins with the letters BM; this Windows PE shows no other")
    _, size, _, _, _, _, width, height = _BITMAP.unpack_from(data)
    if size > len(data):
        raise InvalidInput(f"{name}: is a BMP that is cut off: it has {len(data):,} of {size:,} bytes")
    return Picture(width, abs(height))
