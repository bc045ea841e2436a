"""NTFS volumes that are hard to read, made by mkntfs and the ntfs-3g driver, and what foreign readers say of them."""

from __future__ import annotations

import hashlib
import os
import struct
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

COMPRESSED = 0x800
# Windows allows 1024 names of a file; the names of this many do not fit into one record of the MFT.
LINKS = 300
ISLANDS = 2000


def fill_with_fragments(mount: Path) -> None:
    """Leave free space in pieces of one cluster, then make the MFT grow into it."""
    cluster = os.statvfs(mount).f_bsize
    files = [os.open(mount / name, os.O_WRONLY | os.O_CREAT) for name in ("kept", "removed")]
    with suppress(OSError):
        for number in range(1 << 20):
            for file in files:
                os.write(file, b"%0*d" % (cluster, number))
    for file in files:
        os.close(file)
    (mount / "removed").unlink()
    with suppress(OSError):
        for number in range(1 << 14):
            (mount / f"empty {number:05}").touch()


def fill_with_parts(mount: Path) -> None:
    """Make files whose attributes do not fit into one record."""
    (mount / "many names").write_bytes(b"one file")
    (mount / "folder").mkdir()
    for number in range(LINKS):
        os.link(mount / "many names", mount / "folder" / f"another name of the same file, number {number:03}")
    with (mount / "islands").open("wb") as file:
        for number in range(ISLANDS):
            # Far enough apart for a hole at every size of cluster up to 8 KiB.
            file.seek(number * 16384)
            file.write(b"island %d" % number)
        file.truncate(ISLANDS * 16384)
    for number in range(120):
        Path(f"{mount / 'many streams'}:stream {number}").write_bytes(b"s" * number * 10)


def fill_with_compression(mount: Path) -> None:
    """Make compressed files of every shape: text, noise, holes, ends inside of a unit."""
    folder = mount / "compressed"
    folder.mkdir()
    os.setxattr(folder, "system.ntfs_attrib_be", struct.pack(">I", COMPRESSED))
    noise = b"".join(hashlib.sha256(b"%d" % number).digest() for number in range(8192))
    contents = {
        "empty": b"",
        "short": b"a" * 1000,
        "one unit": b"the same line again\n" * 3276,
        "text": b"".join(b"line %d of a log, number %d\n" % (n, n * n) for n in range(20_000)),
        "noise": noise,
        "mixed": noise[:70_000] + bytes(300_000) + b"x" * 70_000 + noise[:5000],
        "zeros": bytes(1_000_000),
        "period 3": b"abc" * 50_000,
    }
    for name, data in contents.items():
        (folder / name).write_bytes(data)
    with (folder / "with a hole").open("wb") as file:
        file.write(b"begin" * 100)
        file.seek(900_000)
        file.write(b"end" * 5000)


def dissect_contents(volume: Path) -> dict[tuple[str, str], str]:
    """Return the SHA-1 of every stream of every file, by path and name of the stream, as dissect.ntfs reads them."""
    from dissect.ntfs import NTFS  # noqa: PLC0415 - a judge

    with volume.open("rb") as file:
        return dict(_dissect(NTFS(file).mft.get(5), ""))


def _dissect(record: Any, path: str) -> Iterator[tuple[tuple[str, str], str]]:
    from dissect.ntfs.c_ntfs import ATTRIBUTE_TYPE_CODE  # noqa: PLC0415 - a judge

    # With an attribute list, each record's part of a stream is listed.
    names = {attribute.name for attribute in record.attributes.get(ATTRIBUTE_TYPE_CODE.DATA, [])}
    for name in sorted(names):
        yield (path or "/", name), hashlib.sha1(record.open(name).read()).hexdigest()  # noqa: S324
    if record.is_dir() and not record.is_reparse_point():
        for child in record.iterdir(ignore_dos=True):
            name = child.attribute.file_name
            if name != "." and not (path == "" and name.startswith("$")):
                yield from _dissect(child.dereference(), f"{path}/{name}")
