"""Reparse points that Linux has as symbolic links: what a link must say when an image was applied to a directory.

The buffers are those of [MS-FSCC] 2.1.2.4 and 2.1.2.5, without their first eight bytes, as a WIM keeps them.
"""

from __future__ import annotations

import os
import struct
from pathlib import Path

SYMBOLIC_LINK = 0xA000000C
MOUNT_POINT = 0xA0000003
_RELATIVE = 1
MAX_BUFFER = 16 << 10
"""MAXIMUM_REPARSE_DATA_BUFFER_SIZE: the largest reparse buffer."""
# What NT writes in front of a drive or of the name of a device.
_PREFIXES = ("\\??\\", "\\\\?\\", "\\DosDevices\\", "\\Device\\")


def link_texts(tag: int, data: bytes, target: Path) -> tuple[str, ...]:
    r"""Return what a link may say that stands for a reparse point in a directory.

    A relative link says what its reparse point says.  An absolute one leads to the root of the file system, as
    ``C:\Users`` is ``/Users``, or, when the image's links are rewritten on apply, to the root of the target.
    Nothing is returned when the buffer is damaged.
    """
    head = 12 if tag == SYMBOLIC_LINK else 8
    if len(data) < head:
        return ()
    offset, length = struct.unpack_from("<HH", data)
    is_relative = tag == SYMBOLIC_LINK and bool(struct.unpack_from("<I", data, 8)[0] & _RELATIVE)
    name = data[head + offset : head + offset + length]
    if len(name) != length or length % 2:
        return ()
    text = name.decode("utf-16-le", "surrogatepass")
    if is_relative:
        return (text.replace("\\", "/"),)
    for prefix in _PREFIXES:
        if text.startswith(prefix):
            text = text[len(prefix) :]
            break
    if text[1:2] == ":":
        text = text[2:]
    path = text.replace("\\", "/")
    return (path, os.fspath(target.resolve()).rstrip("/") + path)
