"""An image like those of Windows, made without one: hard links, descriptors, streams, short names, odd files.

The contents are those of a real tree; what is beside them follows counts of an installed Windows: a third of the files
have a second name in a component store, each has one of many security descriptors, some have named streams.
"""

from __future__ import annotations

import random
import struct
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from itertools import count
from multiprocessing import get_context
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1] / "tests"))
from cases.ntfs_items import ALLOW, SYSTEM, ace, acl, descriptor, sid
from cases.wimcraft import DIRECTORY, FILE, SPARSE, Node, build, folder, root

DESCRIPTORS = 1500
IN_ONE_FOLDER = 30_000
NAMES_OF_ONE_FILE = 1000
_COMPRESSED = 0x800
_ATTRIBUTES = (0x1, 0x2, 0x6, FILE, FILE | 0x7, 0x2000, FILE | 0x100, FILE | _COMPRESSED, FILE | SPARSE)
# Of what begins with this there is one in some hundred files (wimlib, tagged_items.h: TAG_OBJECT_ID).
_OBJECT_ID = struct.Struct("<II")


def write_image_apart(tree: Path, path: Path) -> None:
    """As :func:`write_image`, in a process of its own: no command is measured as less memory than this one ever had."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        pool.submit(write_image, tree, path).result()


def write_image(tree: Path, path: Path) -> None:
    """Write a WIM of LZX with the files of a tree; links and special files are left out."""
    made = path.with_suffix(".none")
    made.write_bytes(build(_Maker().tree(tree), descriptors=[_descriptor(number) for number in range(DESCRIPTORS)]))
    subprocess.run(["wimlib-imagex", "export", made, "1", path, "--compress=lzx:20"], check=True, capture_output=True)
    made.unlink()


class _Maker:
    """Makes the tree, with what a Windows has beside the contents."""

    def __init__(self) -> None:
        self._rng = random.Random(7)
        self._numbers = count()
        self._store: list[list[Node]] = [[] for _ in range(40)]

    def tree(self, source: Path) -> Node:
        """Return the root of all."""
        top = self._folder(source)
        many = [
            Node(f"link {number:04}-{'x' * (number % 40)}", b"many", link_group=1 << 40)
            for number in range(NAMES_OF_ONE_FILE)
        ]
        names = {f"{self._rng.randrange(1 << 40):010x}-{'y' * self._rng.randrange(60)}" for _ in range(IN_ONE_FOLDER)}
        large = folder("large", *map(Node, sorted(names)))
        store = (
            folder(f"amd64_component-{number:02}_31bf3856ad364e35", *each) for number, each in enumerate(self._store)
        )
        return root(*(top.children or ()), folder("WinSxS", *store), folder("many", *many), large)

    def _folder(self, source: Path) -> Node:
        children, used = [], set[str]()
        for each in sorted(source.iterdir()):
            # Names that are one to Windows are told apart by it in no image of its own.
            if each.is_symlink() or each.name.upper() in used:
                continue
            used.add(each.name.upper())
            if each.is_dir():
                children.append(self._folder(each))
            elif each.is_file():
                children.append(self._file(each))
        return Node(source.name, children=children, attributes=DIRECTORY, security_id=self._rng.randrange(40))

    def _file(self, source: Path) -> Node:
        number = next(self._numbers)
        made = Node(
            source.name,
            source.read_bytes(),
            security_id=number % DESCRIPTORS if number < DESCRIPTORS else self._rng.randrange(60),
            short_name=f"F{number:05X}~1.TXT" if number % 5 == 0 else "",
            attributes=self._rng.choice(_ATTRIBUTES) if number % 11 == 0 else FILE,
            items=_OBJECT_ID.pack(1, 64) + self._rng.randbytes(64) if number % 700 == 0 else b"",
        )
        if number % 40 == 0 and made.data:
            made.streams = {
                f"Stream{each}": self._rng.randbytes(self._rng.choice([20, 300, 700, 5000, 60_000]))
                for each in range(1 + number // 40 % 3)
            }
        elif number % 3 == 0:
            made.link_group = number + 1
            other = Node(
                f"{number:06}-{source.name[:60]}", made.data, attributes=made.attributes, link_group=number + 1
            )
            other.security_id, other.items = made.security_id, made.items
            self._store[number % len(self._store)].append(other)
        return made


def _descriptor(number: int) -> bytes:
    owner = sid(5, 32, 544) if number % 3 else SYSTEM
    entries = (
        ace(
            ALLOW, 3 if number % 2 else 0, 0x1F01FF if each % 2 else 0x1200A9, sid(5, 21, 1000 + number, 77, 500 + each)
        )
        for each in range(1 + number % 5)
    )
    return descriptor(owner, SYSTEM, acl(*entries))
