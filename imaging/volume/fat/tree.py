"""What goes where: the directories of a new volume, and the clusters of everything; pure, nothing is written.

Clusters are given out once, in one run without gaps: the root, unless it has a place of its own, the other directories,
then the files in the order in which the source hands out their contents.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from osdimage.imaging.attributes import FileAttribute
from osdimage.imaging.disk.fat_width import FIRST_CLUSTER
from osdimage.imaging.errors import InvalidRequest, TargetRefused, TooSmall
from osdimage.imaging.units import format_size
from osdimage.imaging.volume.fat import names as fat_names
from osdimage.imaging.volume.fat.entries import DOT, DOT_DOT, ENTRY_STRUCT, LARGEST_DIRECTORY, VOLUME_ID
from osdimage.imaging.volume.fat.layout import FatLayout
from osdimage.imaging.volume.fat.names import ENTRY_BYTES, StoredName, codec, fold, hide_e5, read_short, store_names
from osdimage.imaging.volume.fat.source import STORED_ATTRIBUTES, SourceEntry
from osdimage.imaging.volume.fat.times import EARLIEST, NEVER, Clock, Stamp

LARGEST_FILE = 0xFFFFFFFF


@dataclass(slots=True)
class Node:
    """A file or directory of the new volume, by the folded names of its children."""

    name: str
    path: str
    entry: SourceEntry
    parent: Node | None
    children: dict[str, Node] = field(default_factory=dict)
    size: int = 0
    cluster: int = 0
    clusters: int = 0
    names: list[StoredName] = field(default_factory=list)
    ordered: list[Node] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Tree:
    """Everything that goes onto a volume, with its place.

    Attributes:
        directories: all of them, the root first, each after its parent.
        files: for each entry of the source its file, or None for a directory.
        used: how many clusters are taken.
        short_names_replaced: how many files did not get the short name that they had elsewhere.
    """

    directories: tuple[Node, ...]
    files: tuple[Node | None, ...]
    used: int
    short_names_replaced: int

    @property
    def file_count(self) -> int:
        """How many files there are."""
        return sum(node is not None for node in self.files)

    @property
    def size(self) -> int:
        """The size of all contents in bytes."""
        return sum(node.size for node in self.files if node is not None)

    def chain_ends(self) -> Iterator[int]:
        """Yield the last cluster of every chain, in ascending order."""
        for node in (*self.directories, *(node for node in self.files if node is not None)):
            if node.clusters:
                yield node.cluster + node.clusters - 1


def plan_tree(
    entries: Sequence[SourceEntry], layout: FatLayout, *, code_page: int, with_label: bool, where: str
) -> Tree:
    """Give everything its name and its clusters.

    Raises:
        UnsafeName: when a name cannot be stored.
        InvalidRequest: when two entries have one path.
        TargetRefused: when a file or a directory is too large for FAT, or all together for this volume.
    """
    root = Node("", "", SourceEntry("", is_directory=True), None)
    files = tuple(_grow(root, entries))
    directories = tuple(_name_all(root, code_page))
    following = FIRST_CLUSTER
    for node in directories:
        fixed = 2 if node.parent is not None else int(with_label)
        node.size = ENTRY_BYTES * (fixed + sum(each.entries for each in node.names))
        is_fixed = node.parent is None and layout.root_cluster is None
        largest = layout.root_bytes if is_fixed else LARGEST_DIRECTORY
        if node.size > largest:
            whose = f"the root directory of this {layout.width.name} volume" if is_fixed else "a directory on FAT"
            raise TargetRefused(
                f"{where}: not written: the directory {node.path or '/'!r} has {len(node.ordered)} files that take "
                f"{node.size // ENTRY_BYTES} entries; {whose} holds {largest // ENTRY_BYTES}"
            )
        if is_fixed:
            continue
        # An empty root has a cluster too.
        node.cluster, node.clusters = following, max(1, layout.clusters_for(node.size))
        following += node.clusters
    for file in files:
        if file is not None and file.size:
            file.cluster, file.clusters = following, layout.clusters_for(file.size)
            following += file.clusters
    used = following - FIRST_CLUSTER
    if used > layout.clusters:
        raise TooSmall(
            f"{where}: not written: {format_size(used * layout.cluster_size)} are needed "
            f"({used * layout.cluster_size} bytes in whole clusters of {layout.cluster_size}), the volume holds "
            f"{format_size(layout.data_bytes)} ({layout.data_bytes} bytes)"
        )
    return Tree(directories, files, used, sum(_short_names_replaced(node, code_page) for node in directories))


def _short_names_replaced(node: Node, code_page: int) -> int:
    encoding = codec(code_page)
    return sum(
        child.entry.short_name is not None and child.entry.short_name.upper() != read_short(name.short, 0, encoding)
        for child, name in zip(node.ordered, node.names, strict=True)
    )


def _grow(root: Node, entries: Iterable[SourceEntry]) -> Iterator[Node | None]:
    """Hang the entries into the tree; yield the file for each, or None for a directory."""
    folders = {"": root}
    described: set[str] = set()
    for entry in entries:
        if entry.path[:1] in {"", "/"}:
            fat_names.refuse_name("", entry.path)
        above, _, name = entry.path.rpartition("/")
        parent = folders.get(above)
        if parent is None:
            parent = _folder(folders, above)
        if entry.is_directory:
            folder = _folder(folders, entry.path)
            if entry.path in described:
                raise InvalidRequest(f"{entry.path!r} comes twice")
            described.add(entry.path)
            folder.entry = entry
            yield None
            continue
        if not 0 <= entry.size <= LARGEST_FILE:
            raise TargetRefused(
                f"{entry.path!r} has {entry.size} bytes ({format_size(entry.size)}); a file on FAT holds at most "
                f"{LARGEST_FILE}"
            )
        node = _child(parent, name, entry)
        node.size = entry.size
        yield node


def _folder(folders: dict[str, Node], path: str) -> Node:
    """Return the directory at a path; it and those above it are made when they are missing."""
    known = folders.get(path)
    if known is not None:
        return known
    above, _, name = path.rpartition("/")
    # Paths are as deep as their author likes, so no recursion: first find what is there, then go down again.
    missing = [name]
    while above not in folders:
        above, _, name = above.rpartition("/")
        missing.append(name)
    node = folders[above]
    for name in reversed(missing):
        path = f"{node.path}/{name}" if node.path else name
        node = folders[path] = _child(node, name, SourceEntry(path, is_directory=True))
    return node


def _child(parent: Node, name: str, entry: SourceEntry) -> Node:
    path = f"{parent.path}/{name}" if parent.path else name
    fat_names.refuse_name(name, path)
    key = fold(name)
    other = parent.children.get(key)
    if other is not None:
        raise InvalidRequest(f"{other.path!r} and {path!r} would be one file on FAT, which ignores case; rename one")
    node = parent.children[key] = Node(name, path, entry, parent)
    return node


def _name_all(root: Node, code_page: int) -> Iterator[Node]:
    """Sort and name the contents of every directory; yield the directories, parents first."""
    waiting = [root]
    while waiting:
        node = waiting.pop()
        node.ordered = [node.children[key] for key in sorted(node.children)]
        wishes = [each.entry.short_name for each in node.ordered]
        node.names = store_names([each.name for each in node.ordered], wishes, code_page)
        yield node
        waiting += [each for each in reversed(node.ordered) if each.entry.is_directory]


def directory_bytes(node: Node, clock: Clock, label: bytes | None, label_time: Stamp) -> bytes:
    """Return the entries of a directory; what follows them in its clusters is zero."""
    parts = []
    if node.parent is not None:
        # The root is cluster 0 here, wherever it is (fatgen103, "Directory Creation").
        above = 0 if node.parent.parent is None else node.parent.cluster
        parts += [_packed(DOT, 0, node, node.cluster, clock), _packed(DOT_DOT, 0, node, above, clock)]
    elif label is not None:
        blank = (0, 0, 0, 0, 0, 0, label_time.time, label_time.date, 0, 0)
        parts.append(ENTRY_STRUCT.pack(hide_e5(label), VOLUME_ID, *blank))
    for child, name in zip(node.ordered, node.names, strict=True):
        parts += [name.long, _packed(name.short, name.case_bits, child, child.cluster, clock)]
    return b"".join(parts)


def _packed(short: bytes, case_bits: int, node: Node, cluster: int, clock: Clock) -> bytes:
    entry = node.entry
    attributes = entry.attributes & STORED_ATTRIBUTES
    size = 0 if entry.is_directory else node.size
    if entry.is_directory:
        attributes |= FileAttribute.DIRECTORY.value
    modified = EARLIEST if entry.modified_ns is None else clock.stamp(entry.modified_ns)
    created = NEVER if entry.created_ns is None else clock.stamp(entry.created_ns)
    accessed = NEVER if entry.accessed_ns is None else clock.stamp(entry.accessed_ns)
    return ENTRY_STRUCT.pack(
        short,
        attributes,
        case_bits,
        created.hundredths,
        created.time,
        created.date,
        accessed.date,
        cluster >> 16,
        modified.time,
        modified.date,
        cluster & 0xFFFF,
        size,
    )
