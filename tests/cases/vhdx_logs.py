"""A VHDX whose writer was killed: a change of 4 KiB is in its log alone.

Source: [MS-VHDX] 2.2.2 "Headers", 2.3.1 "Log Entry".
"""

from __future__ import annotations

import struct
from pathlib import Path

from osdimage.imaging.disk.containers.crc32c import crc32c

_LOG = bytes(range(16))
_HEADERS = (0x10000, 0x20000)
_PAGE = 4096


def with_log(path: Path, at: int, page: bytes) -> None:
    """Put a change of a page of the file, at a place that is a multiple of its size, into the log."""
    data = bytearray(path.read_bytes())
    newest = max(_HEADERS, key=lambda each: struct.unpack_from("<Q", data, each + 8))
    log_at = struct.unpack_from("<Q", data, newest + 72)[0]
    descriptor = struct.pack("<4s4s8sQQ", b"desc", page[-4:], page[:8], at, 1)
    sizes = (len(data), len(data))
    entry = struct.pack("<4sIIIQII16sQQ", b"loge", 0, 2 * _PAGE, 0, 1, 1, 0, _LOG, *sizes) + descriptor
    whole = entry.ljust(_PAGE, b"\0") + struct.pack("<4sI4084sI", b"data", 0, page[8:-4], 1)
    data[log_at : log_at + len(whole)] = _summed(whole)
    header = bytearray(data[newest : newest + _PAGE])
    header[8:16] = struct.pack("<Q", struct.unpack_from("<Q", header, 8)[0] + 1)
    header[48:64] = _LOG
    other = next(each for each in _HEADERS if each != newest)
    data[other : other + _PAGE] = _summed(header)
    path.write_bytes(data)


def _summed(data: bytes | bytearray) -> bytes:
    """Write the checksum of a header or an entry, which is behind its mark."""
    empty = bytes(data[:4]) + bytes(4) + bytes(data[8:])
    return empty[:4] + crc32c(empty).to_bytes(4, "little") + empty[8:]
