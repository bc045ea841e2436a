"""Journals of NTFS volumes as Windows leaves them, made by the offsets in <ntfs-3g/logfile.h>; ntfs-3g judges them."""

from __future__ import annotations

import os
import struct
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from judges.ntfs import dissect
from judges.wim import require

PAGE = 4096
NO_CLIENT = 0xFFFF
# Exit codes of ntfs-3g.probe: NTFS_VOLUME_OK, NTFS_VOLUME_HIBERNATED, NTFS_VOLUME_UNCLEAN_UNMOUNT (ntfs-3g/volume.h).
CLEAN, CACHED, UNCLEAN = 0, 14, 15


@dataclass(frozen=True)
class Page:
    """A restart page; the fields bear the names of the header."""

    sequence: int = 0x100
    clean: bool = False
    in_use: bool = True
    version: tuple[int, int] = (1, 1)
    magic: bytes = b"RSTR"
    page_size: int = PAGE
    area_at: int = 0x30
    clients: int = 1
    log_size: int = 0
    torn: bool = False

    def bytes(self, log_size: int) -> bytes:
        """Return the page, protected by its update sequence."""
        page = bytearray(self.page_size)
        blocks = self.page_size // 512
        major, minor = self.version
        chkdsk = self.sequence if self.magic == b"CHKD" else 0
        header = (self.magic, 0x1E, blocks + 1, chkdsk, self.page_size, PAGE, self.area_at, minor, major)
        struct.pack_into("<4sHHqIIHhh", page, 0, *header)
        size = self.log_size or log_size
        # Of XP and later: the array at 0x40, and the client always in use.
        free, used = (NO_CLIENT, 0) if self.in_use else (0, NO_CLIENT)
        length = 0x40 + 160 * self.clients
        area = (self.sequence, self.clients, free, used, 2 if self.clean else 0, 67 - size.bit_length(), length, 0x40)
        struct.pack_into("<qHHHHIHH", page, self.area_at, *area)
        struct.pack_into("<qIHHI", page, self.area_at + 24, size, 0, 0x30, 0x40, 1)
        client = self.area_at + 0x40
        if client + 160 <= len(page):
            name = "NTFS".encode("utf-16-le")
            struct.pack_into("<qqHHH6xI", page, client, 0, 0, NO_CLIENT, NO_CLIENT, 0, len(name))
            page[client + 32 : client + 32 + len(name)] = name
        for number in range(1, blocks + 1):
            end = number * 512
            struct.pack_into("<2s", page, 0x1E + 2 * number, bytes(page[end - 2 : end]))
            page[end - 2 : end] = b"\1\0"
        page[0x1E:0x20] = b"\1\0"
        if self.torn:
            page[510:512] = b"\2\0"
        return bytes(page)


def log_place(file: Path, at: int = 0) -> tuple[int, int]:
    """Return where the journal of a volume lies, as dissect.ntfs reads it: the first byte in the file, and the size.

    Args:
        file: what holds an NTFS volume.
        at: the byte where that begins.
    """
    with file.open("rb") as stream:
        ntfs = dissect(_From(stream, at))
        record = ntfs.mft.get(2)
        # In one piece, as mkntfs makes it.
        ((cluster, _),) = record.dataruns()
        return at + cluster * ntfs.cluster_size, record.size()


class _From:
    """A file that begins behind the begin of another."""

    def __init__(self, stream: BinaryIO, at: int) -> None:
        self._stream, self._at = stream, at
        stream.seek(at)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        at = offset + self._at if whence == os.SEEK_SET else offset
        return self._stream.seek(at, whence) - self._at

    def tell(self) -> int:
        return self._stream.tell() - self._at

    def read(self, size: int = -1) -> bytes:
        return self._stream.read(size)


def write_journal(file: Path, *pages: Page | bytes, at: int = 0) -> None:
    """Put restart pages, and a page of records after them, where the journal of a volume lies."""
    begin, size = log_place(file, at)
    with file.open("r+b") as stream:
        stream.seek(begin)
        for page in pages:
            stream.write(page if isinstance(page, bytes) else page.bytes(size))
        stream.write(b"RCRD".ljust(PAGE, b"\0"))


def probed(volume: Path) -> int:
    """Return what ``ntfs-3g.probe --readwrite VOLUME`` leaves with."""
    command = [require("ntfs-3g.probe"), "--readwrite", str(volume)]
    return subprocess.run(command, check=False, capture_output=True).returncode


UNSHUT = (Page(), Page())
"""The journal of a volume that was not shut down."""
