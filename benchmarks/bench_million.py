"""Apply 100,000 and 1,000,000 small files onto a bare NTFS volume, against wimlib-imagex: time and memory grow alike.

A file has 40 to 900 bytes, one in five is empty, a thousand are in a folder; nothing is compressed, so that what is
measured is the work for each file.  Each command runs once: one that needs a minute needs no median.  BENCH_FILES is
the larger number.
"""

from __future__ import annotations

import os
import random
import sys
from collections.abc import Iterator
from hashlib import sha1
from pathlib import Path

from harness import Pair, Result, measure, workspace, write_report
from osdimage.imaging.disk.image import create_image
from osdimage.imaging.units import GIB, Extent, Lba
from osdimage.imaging.volume.ntfs.format import NtfsFormat, format_ntfs
from osdimage.imaging.wim.stored.format import (
    BLOB_STRUCT,
    DENTRY_STRUCT,
    HEADER_SIZE,
    NO_HASH,
    NO_SECURITY_ID,
    SECURITY_STRUCT,
    Header,
    Resource,
    ResourceFlag,
)

OSDIMAGE = str(Path(sys.executable).with_name("osdimage"))
FILES = int(os.environ.get("BENCH_FILES", "1000000"))
FEWER = FILES // 10
IN_FOLDER = 1000
VOLUME_BYTES = 4 * GIB
_FOLDER, _FILE = 0x10, 0x20
_TIME = 130_000_000_000_000_000


def main() -> None:
    """Measure both numbers of files, and tell what each further file takes."""
    with workspace() as folder:
        results = [_measured(folder, count) for count in (FEWER, FILES)]
        write_report(results, "million")
    for name, each in (
        ("osdimage", [result.ours[0] for result in results]),
        ("wimlib", [r.theirs[0] for r in results]),
    ):
        fewer, more = each
        print(
            f"{name}: {(more.peak_rss_bytes - fewer.peak_rss_bytes) / (FILES - FEWER):.0f} bytes and "
            f"{(more.wall_s - fewer.wall_s) / (FILES - FEWER) * 1e6:.1f} us for each further file, "
            f"{fewer.wall_s / FEWER * 1e6:.1f} us for each of the first {FEWER}"
        )


def _measured(folder: Path, count: int) -> Result:
    wim, volume = folder / "image.wim", folder / "volume.img"
    write_wim(wim, count)
    ours = [OSDIMAGE, "apply", str(wim), str(volume), "--quiet", "--engine", "bulk"]
    theirs = ["wimlib-imagex", "apply", str(wim), "1", str(volume)]
    runs = []
    for command in (ours, theirs):
        volume.unlink(missing_ok=True)
        with create_image(str(volume), VOLUME_BYTES) as target:
            extent = Extent(Lba(0), VOLUME_BYTES // 512)
            format_ntfs(target, extent, NtfsFormat(hidden_sectors=0, is_zero=True))
        runs.append(measure(command))
    return Result(Pair(f"apply {count} files", ours, theirs), (runs[0],), (runs[1],))


def write_wim(path: Path, count: int) -> None:
    """Write a WIM with one image of so many files."""
    table = bytearray()
    with path.open("wb") as file:
        file.write(bytes(HEADER_SIZE))
        hashes = []
        for data in _contents(count):
            hashes.append(sha1(data, usedforsecurity=False).digest() if data else NO_HASH)
            if data:
                numbers = Resource.plain(file.tell(), len(data)).numbers()
                table += BLOB_STRUCT.pack(*numbers, 1, 1, hashes[-1])
                file.write(data)
        tree = _tree(hashes)
        numbers = Resource.plain(file.tell(), len(tree), ResourceFlag.METADATA).numbers()
        table += BLOB_STRUCT.pack(*numbers, 1, 1, sha1(tree, usedforsecurity=False).digest())
        file.write(tree)
        header = Header(image_count=1, blob_table=Resource.plain(file.tell(), len(table)))
        file.write(table)
        xml = '\ufeff<WIM><IMAGE INDEX="1"><NAME>many</NAME></IMAGE></WIM>'.encode("utf-16-le")
        header.xml = Resource.plain(file.tell(), len(xml))
        file.write(xml)
        file.seek(0)
        file.write(header.build())


def _contents(count: int) -> Iterator[bytes]:
    rng = random.Random(1)
    noise = rng.randbytes(1 << 16)
    for number in range(count):
        begin = rng.randrange(len(noise) - 1000)
        yield b"" if number % 5 == 0 else b"%d " % number + noise[begin : begin + rng.randrange(30, 890)]


def _tree(hashes: list[bytes]) -> bytes:
    """Return the tree: the root, the list of folders in it, then the list of each folder."""
    folders = [hashes[begin : begin + IN_FOLDER] for begin in range(0, len(hashes), IN_FOLDER)]
    root_size = len(_entry("", _FOLDER, 8))
    folder_size, file_size = len(_entry("folder 0000", _FOLDER, 8)), len(_entry("file 0000.text", _FILE, 0))
    at = SECURITY_STRUCT.size + root_size + 8
    lists = at + len(folders) * folder_size + 8
    parts = [SECURITY_STRUCT.pack(SECURITY_STRUCT.size, 0), _entry("", _FOLDER, at), bytes(8)]
    for number, files in enumerate(folders):
        parts.append(_entry(f"folder {number:04}", _FOLDER, lists))
        lists += len(files) * file_size + 8
    parts.append(bytes(8))
    for files in folders:
        parts += [_entry(f"file {number:04}.text", _FILE, 0, each) for number, each in enumerate(files)]
        parts.append(bytes(8))
    return b"".join(parts)


def _entry(name: str, attributes: int, children: int, digest: bytes = NO_HASH) -> bytes:
    text = name.encode("utf-16-le")
    size = -(-(DENTRY_STRUCT.size + (len(text) + 2 if text else 0)) // 8) * 8
    head = DENTRY_STRUCT.pack(
        size, attributes, NO_SECURITY_ID, children, 0, 0, _TIME, _TIME, _TIME, digest, 0, 0, 0, len(text)
    )
    return (head + text).ljust(size, b"\0")


if __name__ == "__main__":
    main()
