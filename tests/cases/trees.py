"""Source trees that hold what real ones do, and a way to compare two trees that uses none of osdimage's code."""

from __future__ import annotations

import hashlib
import os
import random
import stat
from dataclasses import dataclass
from pathlib import Path

EMOJI = "\N{GRINNING FACE}\N{FAMILY}\N{VARIATION SELECTOR-16}.txt"
LONGEST_NAME = "n" * 251 + ".txt"
UNICODE_NAMES = (
    "Grüße aus Köln.txt",
    "日本語のファイル.txt",
    "Ελληνικά.txt",
    "עברית.txt",
    # The same letters composed and decomposed: NTFS and WIM keep both.
    "caf\N{LATIN SMALL LETTER E WITH ACUTE}.txt",
    "cafe\N{COMBINING ACUTE ACCENT}.txt",
    EMOJI,
)
DEEP = "/".join(["a folder with a name of forty characters"] * 8) + "/at the bottom.txt"
OLD_NS = -2_000_000_000 * 10**9 + 123_456_700  # 1906
FUTURE_NS = 9_000_000_000 * 10**9 + 987_654_300  # 2255


@dataclass(frozen=True, slots=True)
class Node:
    """A file of a directory tree on this machine."""

    kind: str
    sha1: str | None = None
    size: int | None = None
    link: str | None = None
    modified_ns: int | None = None
    inode: int | None = None


def make_tree(root: Path, *, seed: int = 1) -> Path:
    """Fill a new folder with files of every kind; the same seed gives the same contents."""
    rng = random.Random(seed)
    root.mkdir()
    for number, name in enumerate(UNICODE_NAMES):
        (root / name).write_text(f"{name} {number} {seed}\n", encoding="utf-8")
    (root / LONGEST_NAME).write_bytes(b"the longest name that ext4 and NTFS allow")
    deep = root / DEEP
    deep.parent.mkdir(parents=True)
    deep.write_text("more than 260 characters down\n", encoding="utf-8")
    (root / "empty.bin").touch()
    (root / "empty folder").mkdir()
    (root / "random.bin").write_bytes(rng.randbytes(300_000))
    (root / "text.log").write_bytes(b"".join(b"line %d of %d\n" % (n, rng.randrange(1000)) for n in range(20_000)))
    (root / "one byte").write_bytes(b"x")
    (root / "exactly a chunk").write_bytes(rng.randbytes(16384) * 2)
    (root / "copy of random.bin").write_bytes((root / "random.bin").read_bytes())
    os.link(root / "random.bin", root / "hard link to random.bin")
    (root / "sub").mkdir()
    os.link(root / "random.bin", root / "sub" / "third name of random.bin")
    (root / "relative link").symlink_to("sub/third name of random.bin")
    (root / "link to a folder").symlink_to("empty folder", target_is_directory=True)
    (root / "absolute link inside").symlink_to(root / "text.log")
    (root / "absolute link outside").symlink_to("/usr/share")
    (root / "dangling link").symlink_to("no such file")
    with (root / "sparse.bin").open("wb") as file:
        file.truncate(2 << 20)
        file.seek(1 << 20)
        file.write(b"an island in the hole")
    (root / "old.txt").write_bytes(b"from 1906")
    os.utime(root / "old.txt", ns=(OLD_NS, OLD_NS))
    (root / "future.txt").write_bytes(b"from 2255")
    os.utime(root / "future.txt", ns=(FUTURE_NS, FUTURE_NS))
    locked = root / "read-only folder"
    locked.mkdir()
    (locked / "read-only.txt").write_bytes(b"look, do not touch")
    (locked / "read-only.txt").chmod(0o444)
    locked.chmod(0o555)
    return root


def make_small_tree(root: Path, *, seed: int = 2) -> Path:
    """Fill a new folder with a few files; some contents are those of :func:`make_tree`."""
    root.mkdir()
    (root / "one byte").write_bytes(b"x")
    (root / "folder").mkdir()
    (root / "folder" / "data.bin").write_bytes(random.Random(seed).randbytes(50_000))
    (root / EMOJI).write_text(f"{EMOJI} {seed}", encoding="utf-8")
    return root


def read_tree(root: Path, *, target: Path | None = None) -> dict[str, Node]:
    """Return what is below a folder.  Absolute links into ``target`` (default: the folder) are told from its root."""
    base = os.fspath(target or root)
    found: dict[str, Node] = {}
    for folder, folders, files in os.walk(root):
        for name in [*folders, *files]:
            path = Path(folder) / name
            found[f"/{path.relative_to(root)}"] = _node(path, base)
    return found


def _node(path: Path, base: str) -> Node:
    facts = path.lstat()
    # A WIM counts 100 ns.
    modified = facts.st_mtime_ns // 100 * 100
    if stat.S_ISLNK(facts.st_mode):
        link = str(path.readlink())
        return Node("link", link=link.replace(base, "<root>", 1) if link.startswith(base) else link)
    if stat.S_ISDIR(facts.st_mode):
        return Node("folder")
    with path.open("rb") as file:
        sha1 = hashlib.file_digest(file, "sha1").hexdigest()
    return Node("file", sha1=sha1, size=facts.st_size, modified_ns=modified, inode=facts.st_ino)


def contents(tree: dict[str, Node]) -> dict[str, Node]:
    """Return a tree without inode numbers, which differ between two copies."""
    return {
        path: Node(node.kind, node.sha1, node.size, node.link, node.modified_ns, None) for path, node in tree.items()
    }


def link_groups(tree: dict[str, Node]) -> set[frozenset[str]]:
    """Return the sets of paths that are one file."""
    groups: dict[int, set[str]] = {}
    for path, node in tree.items():
        if node.inode is not None:
            groups.setdefault(node.inode, set()).add(path)
    return {frozenset(paths) for paths in groups.values() if len(paths) > 1}


def hashes(tree: dict[str, Node]) -> dict[str, str]:
    """Return the SHA-1 of each regular file that is not empty."""
    return {path: node.sha1 for path, node in tree.items() if node.sha1 is not None and node.size}
