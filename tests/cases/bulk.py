"""Images with all that fills a new NTFS volume in one pass, and images that it cannot, each for one reason."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable, Sequence

from cases.ntfs_items import AUDITED, DENIED, NOBODY, OPEN
from cases.wimcraft import DIRECTORY, FILE, SPARSE, Node, folder, root, symlink

COMPRESSED, ENCRYPTED = 0x800, 0x4000
APP = Node("app", bytes(range(24)), reparse_tag=0x8000001B)
DESCRIPTORS = (OPEN, NOBODY, DENIED, AUDITED)
_NOISE = random.Random(20_000).randbytes(300_000)
_LOG = b"".join(b"line %d of a log, number %d\n" % (n, n * n) for n in range(20_000))
# Names at the edges of what NTFS sorts and stores.
NAMES = [
    "a", "B", "Straße", "STRASSE", "ß", "ẞ", "ﬀ", "é", "É", "Ωmega", "ωMEGA", "日本語", "😀😀", "x" * 255, "ü" * 255,
    "a b", "a.b", "~", "[", "_", "^",
]  # fmt: skip

# Those that a directory of Linux takes, of 255 bytes at most.
DIRECTORY_NAMES = [name for name in NAMES if len(name.encode("utf-8", "surrogatepass")) <= 255]


def noise(size: int, at: int = 0) -> bytes:
    """Return bytes that do not repeat, others for each place."""
    return _NOISE[at : at + size] if at + size <= len(_NOISE) else random.Random(at).randbytes(size)


def everything(names: Sequence[str] = NAMES) -> Node:
    """Return a tree with files of every kind that is written in one pass, some of them with these names."""
    return root(
        folder("sizes", *(Node(f"{size:05}", noise(size, size)) for size in [*range(0, 1100, 7), 4095, 4096, 4097])),
        folder("names", *(Node(name, name.encode("utf-8", "surrogatepass")) for name in names)),
        folder("many", *(Node(f"file number {n:04} {'y' * (n % 40)}") for n in range(900))),
        folder("short", *(Node(f"A long name {n}.text", b"s", short_name=f"ALONGN~{n}.TEX") for n in range(9))),
        folder("streams", *(_with_streams(count) for count in (1, 2, 25, 90))),
        Node("with streams", children=[], streams={"more": noise(9000), "note": b"on a folder"}),
        folder("security", *(Node(f"{n}", security_id=n) for n in range(len(DESCRIPTORS)))),
        folder(
            "links", symlink("to a file", "\\??\\C:\\a"), symlink("far", "\\??\\C:\\" + "x" * 1500), _junction(), APP
        ),
        folder("compressed", *_compressed()),
        folder("sparse", *_sparse()),
        Node("empty folder", children=[], attributes=DIRECTORY | 0x2),
        Node("twice 1", noise(50_000, 7)),
        Node("twice 2", noise(50_000, 7)),
        Node("large", noise(300_000) * 9),
    )


def _with_streams(count: int) -> Node:
    streams = {f"stream {n:03}": noise(n * 37 + 1, n) for n in range(count)}
    return Node(f"{count} streams", b"main", streams=streams)


def _junction() -> Node:
    target = "\\??\\C:\\many".encode("utf-16-le")
    data = struct.pack("<HHHH", 0, len(target), len(target) + 2, 0) + target + b"\0\0\0\0"
    return Node("junction", data, children=[], reparse_tag=0xA0000003)


def _compressed() -> list[Node]:
    contents = {
        "text": _LOG,
        "noise": noise(200_000),
        "mixed": noise(70_000) + bytes(300_000) + b"x" * 70_000 + noise(5000),
        "zeros": bytes(1_000_000),
        "short": b"a" * 3000,
        "in the record": b"b" * 100,
        "noise at the end": b"c" * 65_536 + noise(5000),
        "pieces": (_LOG + noise(99_999)) * 3,
    }
    files = [Node(name, data, attributes=FILE | COMPRESSED) for name, data in contents.items()]
    files[0].streams = {"also": _LOG[:100_000]}
    return [*files, Node("folder", children=[], attributes=DIRECTORY | COMPRESSED)]


def _sparse() -> list[Node]:
    contents = {
        "islands": b"".join((b"island %d" % n).ljust(16384, b"\0") for n in range(150)),
        "all holes": bytes(500_000),
        "begin": noise(100_000) + bytes(900_001),
        "end": bytes(900_001) + noise(1000),
        "units": b"".join((noise(65_536, n) if n % 3 else bytes(65_536)) for n in range(30)),
    }
    both = Node("compressed too", bytes(200_000) + _LOG, attributes=FILE | SPARSE | COMPRESSED)
    return [*(Node(name, data, attributes=FILE | SPARSE) for name, data in contents.items()), both]


def at_random(seed: int) -> Node:
    """Return a tree of names, sizes, streams and attributes of chance."""
    return Node("", children=_children(random.Random(seed), 0))


def _children(rng: random.Random, depth: int) -> list[Node]:
    children, used = [], set[str]()
    for number in range(rng.choice([0, 1, 3, 10, 40, 120 if depth == 0 else 5])):
        name = _name(rng, used)
        short = f"S{depth}{number:05}" if rng.random() < 0.3 else ""
        common = {"short_name": short, "security_id": rng.choice([-1, *range(len(DESCRIPTORS))])}
        kind = rng.random()
        if kind < 0.2 and depth < 4:
            attributes = DIRECTORY | rng.choice([0, 0x2, COMPRESSED])
            children.append(Node(name, children=_children(rng, depth + 1), attributes=attributes, **common))
        elif kind < 0.3:
            children.append(Node(name, rng.randbytes(rng.choice([20, 700, 3000])), reparse_tag=0xA000000C, **common))
        else:
            attributes = FILE | rng.choice([0, 0, 1, SPARSE, COMPRESSED, SPARSE | COMPRESSED])
            data, names = _data(rng), set[str]()
            streams = [_name(rng, names) for _ in range(rng.choice([0, 0, 0, 1, 2, 40]))] if data else []
            held = {stream: _data(rng) or b"1" for stream in sorted(streams, key=_upper)}
            children.append(Node(name, data, attributes=attributes, streams=held, **common))
    return children


def _upper(name: str) -> list[int]:
    # As the table of NTFS does with the characters below: one for one.
    return [ord(each.upper() if len(each.upper()) == 1 else each) for each in name]


def _name(rng: random.Random, used: set[str]) -> str:
    while True:
        letters = rng.choice([1, 3, 8, 12, 30, 100, 255])
        name = "".join(rng.choice("abcXYZäöüß€日本 .~_0123") for _ in range(letters)).strip(" .") or "n"
        if name.upper() not in used:
            used.add(name.upper())
            return name


def _data(rng: random.Random) -> bytes:
    size = rng.choice([0, 1, 10, 300, 600, 690, 700, 705, 710, 720, 900, 4096, 5000, 65_536, 70_000])
    if rng.random() < 0.4:
        return rng.randbytes(size)
    if rng.random() < 0.5:
        return (b"line %d\n" % rng.randrange(99)) * (size // 8)
    pages = [rng.choice([bytes(4096), b"a" * 4096, noise(4096, rng.randrange(9) * 4096)]) for _ in range(size // 4096)]
    return b"".join(pages)


def _object_id(number: int) -> bytes:
    # TAG_OBJECT_ID of a tagged item (wimlib, tagged_items.h): the id, and three more GUIDs.
    return struct.pack("<II", 1, 64) + bytes([number]) * 64


REFUSED: dict[str, tuple[Callable[[], Node], str | None]] = {
    "encrypted": (lambda: root(Node("secret", b"raw", attributes=FILE | ENCRYPTED)), "/secret"),
    "reparse-tag": (lambda: root(Node("app", b"x" * 24, reparse_tag=0x80000017, contents=b"y")), "/app"),
    "reparse-size": (lambda: root(Node("far", b"x" * 16_385, reparse_tag=0xA000000C)), "/far"),
    "descriptor": (lambda: root(folder("d", Node("odd", security_id=len(DESCRIPTORS)))), "/d/odd"),
    "twins": (lambda: root(Node("File 1", short_name="FILE1~1"), Node("FILE 1", short_name="FILE1~2")), "/File 1"),
    "system-name": (lambda: root(Node("$mft")), "/$mft"),
    "object-id": (lambda: root(Node("a", items=_object_id(1)), Node("b", items=_object_id(1))), None),
    "many-names": (lambda: root(Node("a", b"", streams={f"s{n:05}": b"x" for n in range(9000)})), "/a"),
    "perhaps-too-small": (lambda: root(Node("hole", bytes(40 << 20), attributes=FILE | SPARSE)), None),
}
"""By the code of the reason: an image, and the path that is told."""
