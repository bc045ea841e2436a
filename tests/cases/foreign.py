"""What others put on disks: made by their programs, or made up byte by byte where those need a device; blkid judges."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

from judges.disk import run

MIB = 1 << 20
_ID = bytes(range(16))


def _file(path: Path, size: int, *parts: tuple[int, bytes]) -> Path:
    with path.open("wb") as file:
        file.truncate(size)
        for at, data in parts:
            file.seek(at)
            file.write(data)
    return path


def _made(size: int, *command: str) -> Callable[[Path], Path]:
    """Return what makes a file by a program; FILE and KEY stand for its path and that of a file with a key."""

    def make(path: Path) -> Path:
        key = path.with_name("key")
        key.write_bytes(b"key")
        words = {"FILE": _file(path, size), "KEY": key}
        run([words.get(word, word) for word in command])
        return path

    return make


def _crafted(size: int, *parts: tuple[int, bytes]) -> Callable[[Path], Path]:
    return lambda path: _file(path, size, *parts)


def _crc(data: bytes) -> int:
    """Return the checksum of LVM2 (lib/misc/crc.c)."""
    value = 0xF597A6CF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (0xEDB88320 if value & 1 else 0)
    return value


def _lvm2(sector: int) -> tuple[int, bytes]:
    body = struct.pack("<I8s32s", 32, b"LVM2 001", b"0123456789abcdef" * 2).ljust(512 - 20, b"\0")
    return sector * 512, struct.pack("<8sQI", b"LABELONE", sector, _crc(body)) + body


def _md(at: int, sectors: int) -> tuple[int, bytes]:
    """Return a superblock of version 1 (linux/raid/md_p.h)."""
    block = bytearray(256)
    facts = (0xA92B4EFC, 1, 0, 0, _ID, b"host:0", 0, 1, 0, sectors, 0, 2, 0)
    struct.pack_into("<IIII16s32sQIIQIiI", block, 0, *facts)
    struct.pack_into("<QQQ", block, 128, 16, sectors - 16, at // 512)
    total = sum(struct.unpack("<64I", block))
    struct.pack_into("<I", block, 216, (total & 0xFFFFFFFF) + (total >> 32) & 0xFFFFFFFF)
    return at, bytes(block)


def _xdr(text: str) -> bytes:
    return struct.pack(">I", len(text)) + text.encode() + bytes(-len(text) % 4)


def _pair(name: str, kind: int, value: bytes) -> bytes:
    body = _xdr(name) + struct.pack(">II", kind, 1) + value
    return struct.pack(">II", len(body) + 8, len(body) + 24) + body


def _zfs_label() -> bytes:
    """Return a label with the list of names and values (libnvpair; kinds 8 and 9) and four uberblocks."""
    pairs = _pair("version", 8, struct.pack(">Q", 5000)) + _pair("name", 9, _xdr("tank"))
    pairs += _pair("guid", 8, struct.pack(">Q", 7)) + bytes(8)
    label = bytearray(256 << 10)
    label[16 << 10 : (16 << 10) + 12 + len(pairs)] = b"\1\1\0\0" + struct.pack(">II", 0, 1) + pairs
    for number in range(4, 8):
        struct.pack_into("<QQQQQ", label, 128 + number << 10, 0x00BAB10C, 5000, 4, 1, 2)
    return bytes(label)


def _zfs(size: int) -> Callable[[Path], Path]:
    label = _zfs_label()
    return _crafted(size, *((at, label) for at in (0, 256 << 10, size - (512 << 10), size - (256 << 10))))


def _xfs() -> bytes:
    facts = (b"XFSB", 4096, 4096, 0, 0, _ID, 0, 0, 0, 0, 1, 4096, 1, 1, 64, 0xB4A4, 512, 256, 16, b"")
    return struct.pack(">4sIQQQ16sQQQQIIIIIHHHH12s8B4Q", *facts, 12, 9, 8, 4, 12, 0, 25, 0, 0, 0, 0, 0)


def _hfs(magic: bytes, version: int) -> tuple[int, bytes]:
    return 1024, struct.pack(">2sHI32xIII", magic, version, 0, 4096, 256, 100)


_LUKS = ("cryptsetup", "-q", "luksFormat", "FILE", "KEY", "--pbkdf-force-iterations", "1000", "--type")
# How it is made, what blkid calls it, and the value of its Content.
MATRIX: dict[str, tuple[Callable[[Path], Path], str, str]] = {
    "exFAT": (_made(8 * MIB, "mkfs.exfat", "-L", "STICK", "FILE"), "exfat", "exfat"),
    "LUKS1": (_made(4 * MIB, *_LUKS, "luks1"), "crypto_LUKS", "luks"),
    "LUKS2": (_made(32 * MIB, *_LUKS, "luks2", "--pbkdf", "pbkdf2"), "crypto_LUKS", "luks"),
    "Btrfs": (_made(16 * MIB, "mkfs.btrfs", "-q", "--mixed", "FILE"), "btrfs", "btrfs"),
    "F2FS": (_made(128 * MIB, "mkfs.f2fs", "-q", "FILE"), "f2fs", "f2fs"),
    "ext2": (_made(2 * MIB, "mke2fs", "-q", "-t", "ext2", "FILE"), "ext2", "ext"),
    "ext4": (_made(2 * MIB, "mke2fs", "-q", "-t", "ext4", "FILE"), "ext4", "ext"),
    "swap": (_made(2 * MIB, "mkswap", "-q", "FILE"), "swap", "swap"),
    "XFS": (_crafted(2 * MIB, (0, _xfs())), "xfs", "xfs"),
    "LVM2": (_crafted(4 * MIB, _lvm2(1)), "LVM2_member", "lvm2"),
    "LVM2 in the last sector for it": (_crafted(4 * MIB, _lvm2(3)), "LVM2_member", "lvm2"),
    "md 1.1": (_crafted(4 * MIB, _md(0, 8192)), "linux_raid_member", "md"),
    "md 1.2": (_crafted(4 * MIB, _md(4096, 8192)), "linux_raid_member", "md"),
    "APFS": (
        _crafted(2 * MIB, (0, struct.pack("<QQQHHHH4sI", 0, 1, 1, 1, 0x8000, 0, 0, b"NXSB", 4096))),
        "apfs",
        "apfs",
    ),
    "HFS+": (_crafted(2 * MIB, _hfs(b"H+", 4)), "hfsplus", "hfs+"),
    "HFSX": (_crafted(2 * MIB, _hfs(b"HX", 5)), "hfsplus", "hfs+"),
    "ReFS": (_crafted(2 * MIB, (0, b"\0\0\0ReFS\0\0\0\0")), "ReFS", "refs"),
    "ZFS": (_zfs(64 * MIB), "zfs_member", "zfs"),
}
# Of these blkid of util-linux 2.38 knows nothing: the numbers are those of later versions, and of the formats' headers.
UNJUDGED: dict[str, tuple[Callable[[Path], Path], str]] = {
    "bcachefs": (
        _crafted(2 * MIB, (4096 + 24, bytes.fromhex("c68573f6 66ce 90a9 d96a 60cf803df7ef"))),
        "bcachefs",
    ),
    "Storage Spaces": (_crafted(2 * MIB, (0, b"SPACEDB ")), "storage-spaces"),
}


def type_of(path: Path) -> str:
    """Return what blkid takes a file for, or nothing."""
    return run(["blkid", "-p", "-o", "value", "-s", "TYPE", path], check=False).strip()
