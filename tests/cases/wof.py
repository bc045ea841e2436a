"""Files as CompactOS stores them, in a WIM and on an NTFS volume.

wimlib-imagex compresses their contents: what a WIM with chunks of this size has as a resource is what Windows has in
the stream (libfsntfs 20260827 reads the XPRESS ones, and LZX where all chunks shrink).  The WIM around them is made
byte by byte, and wimlib-imagex applies it to a volume.
"""

from __future__ import annotations

import hashlib
import random
import shutil
import struct
from pathlib import Path

from judges import wim as judges

from cases.wimcraft import Node, build, folder, root
from cases.windows_trees import write_tree

TAG = 0x80000017
# FILE_PROVIDER_COMPRESSION_* of wofapi.h, and what wimlib-imagex is told for the same.
ALGORITHMS = {
    "xpress4k": (0, "xpress", 4096),
    "lzx": (1, "lzx", 32768),
    "xpress8k": (2, "xpress", 8192),
    "xpress16k": (3, "xpress", 16384),
}
_random = random.Random(17)
TEXT = b"".join(b"line %d of the text\r\n" % _random.randrange(1000) for _ in range(5000))
# The chunks in the middle do not shrink, and are stored as they are.
MIXED = TEXT[:50_000] + _random.randbytes(100_000) + TEXT[:1]


def compressed(contents: bytes, algorithm: str, workplace: Path) -> bytes:
    """Return what the stream of a file with these contents holds."""
    return all_compressed({"file": contents}, algorithm, workplace)["file"]


def all_compressed(files: dict[str, bytes], algorithm: str, workplace: Path) -> dict[str, bytes]:
    """Return what the streams of files with these contents hold."""
    _, kind, chunk = ALGORITHMS[algorithm]
    source = workplace / "source"
    shutil.rmtree(source, ignore_errors=True)
    write_tree(source, files)
    wim = workplace / "source.wim"
    wim.unlink(missing_ok=True)
    judges.wimlib("capture", source, wim, f"--compress={kind}", f"--chunk-size={chunk}")
    data = wim.read_bytes()
    # rhOffsetTable of the header, then RESHDR_DISK of 50 bytes each; neither is compressed.
    size, at = struct.unpack_from("<QQ", data, 48)
    stored = {}
    for entry in range(at, at + (size & (1 << 56) - 1), 50):
        length, offset, _, _, _, digest = struct.unpack_from("<QQQHI20s", data, entry)
        stored[digest] = data[offset : offset + (length & (1 << 56) - 1)]
    return {name: stored[hashlib.sha1(each, usedforsecurity=False).digest()] for name, each in files.items()}


def wim_of(path: Path, files: dict[str, bytes], algorithm: str = "lzx") -> Path:
    """Make a WIM of which all files, by their paths, are compressed."""
    streams = all_compressed(files, algorithm, path.parent / "workplace")
    data = reparse_data(ALGORITHMS[algorithm][0])

    def nodes(above: str) -> list[Node]:
        below = sorted({each[len(above) :].partition("/")[0] for each in files if each.startswith(above)})
        return [
            node(name, files[above + name], streams[above + name], data)
            if above + name in files
            else folder(name, *nodes(f"{above}{name}/"))
            for name in below
        ]

    path.write_bytes(build(root(*nodes(""))))
    return path


def reparse_data(number: int, *, provider: int = 2) -> bytes:
    """Return WOF_EXTERNAL_INFO and FILE_PROVIDER_EXTERNAL_INFO_V0 of wofapi.h."""
    return struct.pack("<IIII", 1, provider, 1, number)


def node(name: str, contents: bytes, stream: bytes, data: bytes) -> Node:
    """Return a compressed file."""
    return Node(
        name,
        data,
        reparse_tag=TAG,
        contents=bytes(len(contents)),
        streams={"WofCompressedData": stream},
        attributes=0x620,
    )


def files() -> dict[str, bytes]:
    """Return the plain contents of the files in the folder ``compact`` of :func:`make_wim`."""
    return {f"{name}.{kind}": data for name in ALGORITHMS for kind, data in (("txt", TEXT), ("bin", MIXED))}


def make_wim(path: Path, *more: Node) -> Path:
    """Make a WIM with each algorithm's files in a folder, and a plain one beside it."""
    found = []
    for name, contents in files().items():
        algorithm = name.partition(".")[0]
        stream = compressed(contents, algorithm, path.parent / "workplace")
        found.append(node(name, contents, stream, reparse_data(ALGORITHMS[algorithm][0])))
    path.write_bytes(build(root(folder("compact", *found, *more), Node("plain.txt", TEXT))))
    return path


def make_volume(path: Path, wim: Path) -> Path:
    """Let wimlib-imagex apply the WIM to a new NTFS volume."""
    judges.make_ntfs(path, 32 << 20)
    judges.wimlib("apply", wim, "1", path)
    return path
