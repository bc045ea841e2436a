"""Trees and volumes for the tests of FAT32."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from osdimage.imaging.disk.image import create_image
from osdimage.imaging.units import MIB
from osdimage.imaging.volume.fat.make import FatOptions, FillResult, SourceEntry, fill_fat, from_entries

SMALL = 40 * MIB
"""Enough for FAT32 with clusters of 512 bytes."""
SERIAL = 0x1234ABCD
# 2024-02-29 23:59:59.990 UTC: the leap day, an odd second, the last hundredth.
NOON = 1_709_251_199_990_000_000


def contents(path: str, size: int) -> bytes:
    """Return bytes that differ from file to file and from cluster to cluster."""
    seed = hashlib.sha256(path.encode("utf-8", "surrogatepass")).digest()
    parts = [hashlib.sha256(seed + number.to_bytes(8, "big")).digest() for number in range(min(-(-size // 32), 4096))]
    unit = b"".join(parts)
    return (unit * (size // len(unit) + 1))[:size] if unit else b""


def file(path: str, size: int = 5, **facts: int | None) -> SourceEntry:
    """Describe a file whose contents follow from its path."""
    data = contents(path, size)
    facts.setdefault("attributes", 0x20)
    facts.setdefault("modified_ns", NOON)
    return SourceEntry(path, size=size, contents=lambda: iter([data]), **facts)  # type: ignore[arg-type]


def folder(path: str, **facts: int | None) -> SourceEntry:
    """Describe a directory."""
    facts.setdefault("modified_ns", NOON)
    return SourceEntry(path, is_directory=True, **facts)  # type: ignore[arg-type]


def fill(
    path: Path,
    entries: Sequence[SourceEntry],
    *,
    size: int = SMALL,
    sector_size: int = 512,
    options: FatOptions | None = None,
) -> FillResult:
    """Make an image file that is one volume."""
    with create_image(str(path), size, sector_size=sector_size) as target:
        return fill_fat(target, from_entries(entries), options or FatOptions(SERIAL, label="Test Vol"))


def collide(count: int) -> list[SourceEntry]:
    """Return files whose short names would all be the same but for the tail."""
    return [file(f"long name number {number:06d}.text", number % 3) for number in range(count)]


NAMES = {
    "eight-three": ["README.TXT", "A", "A.B", "ABCDEFGH.IJK", "12345678.901", "~!#$%&'(.)-@"],
    "lower-case": ["readme.txt", "README2.txt", "readme3.TXT", "abc", "a.b", "x1.2y"],
    "mixed-case": ["ReadMe.txt", "Makefile", "a.Txt", "iPhone"],
    "spaces": ["a b", "a b.txt", " leading", "two  spaces.doc", "x y z.tar gz"],
    "dots": [".profile", "..two", "a.b.c", "archive.tar.gz", "x.html", "many.dots.in.a.name"],
    "reserved in short names": ["a+b", "a,b", "a;b", "a=b", "a[b]", "+,;=[].+,;"],
    "looks like a tail": ["LONGNA~1.TXT", "longname1.txt", "longname2.txt", "longname3.txt", "LONGNA~3.TXT"],
    "more than 9 collisions": [entry.path for entry in collide(15)],
    "accents": ["äöü.txt", "ÄÖÜ2.TXT", "straße.doc", "ÿ", "çédille", "naïve café.txt"],
    "other scripts": ["Ωμέγα.txt", "Привет мир.txt", "日本語のファイル.txt", "עברית", "العربية.doc"],
    "255 characters": ["n" * 255, "m" * 251 + ".txt"],
    "units of 13": ["x" * 13, "y" * 26, "z" * 39, "w" * 12 + "W", "v" * 14],
    "device names": ["CON", "NUL.txt", "com1", "aux.h"],
}
# mtools stores a character beyond the BMP as one unit, and Linux has names of 255 bytes, not units.
BEYOND_MTOOLS = ["😀.txt", "a😀b", "😀" * 127, "\U0001d518\U0001d52b.doc", "👩\u200d💻", "x\U0010ffff", "日" * 255]

TREES = {
    **{name: [file(each, index) for index, each in enumerate(names)] for name, names in NAMES.items()},
    "empty": [],
    "sizes": [file(f"size-{size}", size) for size in (0, 1, 511, 512, 513, 1024, 65535, 65536, 65537, 5 * MIB + 1)],
    "empty directories": [folder("a"), folder("b/c"), folder("b/d")],
    "deep": [file("/".join(f"level {level}" for level in range(60)) + "/leaf", 1000)],
    "directory of several clusters": [file(f"d/file number {number}", 1) for number in range(60)],
    # 1,500 files of three entries each.
    "directory above 65,536 bytes": [file(f"d/a rather long name {number}.text", number % 2) for number in range(1500)],
    "more than 99 collisions": collide(130),
    "attributes": [
        file(f"attribute {bits:02x}", 3, attributes=bits) for bits in (0, 1, 2, 4, 0x20, 0x27, 0x80, 0xFF07)
    ],
    "attributes of directories": [folder(f"folder {bits:02x}", attributes=bits | 0x10) for bits in (0, 1, 2, 4, 7)],
    "directories without entries of their own": [file("p/q/r/file"), file("p/other")],
}
LARGE = [file(f"{number % 50:02d}/{number // 700}/file {number}.dat", number % 900) for number in range(5600)]
