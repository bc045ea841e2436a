"""What the links of a volume say in a directory of Linux."""

from __future__ import annotations

import struct

from osdimage.imaging.browse.tree import Found
from osdimage.imaging.errors import InvalidVolume
from osdimage.imaging.wof import HEADER_BYTES
from osdimage.native.engine.directory import link_target

_SYMLINK, _JUNCTION = 0xA000000C, 0xA0000003
# Where the names are, behind the header ([MS-FSCC] 2.1.2.4 and 2.1.2.5).
_NAMES_AT = {_SYMLINK: 12, _JUNCTION: 8}
# symlink(2): PATH_MAX of <linux/limits.h>, without its NUL.
_LONGEST_TARGET = 4095


def target_of(volume: str, found: Found) -> bytes | None:
    """Return what a symbolic link or junction says; None for what is neither.

    Args:
        volume: what messages call the volume.
        found: of it.

    Raises:
        InvalidVolume: when it says nothing that a link can say.
    """
    if found.target is not None:
        return _possible(volume, found, found.target)
    tag = found.entry.reparse_tag
    if tag is None or tag not in _NAMES_AT or found.reparse is None:
        return None
    data = found.reparse[HEADER_BYTES:]
    try:
        text = link_target(tag, data)
    except OSError as error:
        raise InvalidVolume(f"{found.entry.path!r} is a link of which the target is damaged", volume=volume) from error
    if _has_zero(data, _NAMES_AT[tag]):
        raise InvalidVolume(f"{found.entry.path!r} is a link of which the target holds a NUL", volume=volume)
    return _possible(volume, found, text)


def _possible(volume: str, found: Found, text: bytes) -> bytes:
    """Return a target; refuse one that Linux does not take."""
    if b"\0" in text or not text:
        wrong = "holds a NUL" if text else "is empty"
        raise InvalidVolume(f"{found.entry.path!r} is a link of which the target {wrong}", volume=volume)
    if len(text) > _LONGEST_TARGET:
        raise InvalidVolume(
            f"{found.entry.path!r} is a link of which the target has {len(text)} bytes in UTF-8, and Linux takes "
            f"{_LONGEST_TARGET}",
            volume=volume,
        )
    return text


def _has_zero(data: bytes, names_at: int) -> bool:
    """Tell whether the substitute name, which is known to be in the data, has a NUL."""
    offset, size = struct.unpack_from("<HH", data)
    begin = names_at + offset
    return "\0" in data[begin : begin + size].decode("utf-16-le", "replace")
