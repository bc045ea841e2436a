"""What a disc is to hold: files and directories by their paths, and what is wrong with these, all of it at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from osdimage.imaging.disc.udf.text import compressed, timestamp
from osdimage.imaging.disc.written.contents import Contents
from osdimage.imaging.errors import InvalidInput, quoted
from osdimage.imaging.units import GIB

LARGEST_EXTENT = GIB - 2048
"""Bytes of an extent: the upper two bits of its length are its kind (ECMA-167, 4/14.14.1.1)."""
MOST_EXTENTS = 234
"""So many fit into the block of a file entry."""
NameFault = Callable[[str], str | None]
"""Tells why a name is not valid for those who are to read the disc, or None when it is."""
# A directory has one name more than it holds directories, and their number 16 bits.
_MOST_FOLDERS = 65_534
_LONGEST_PATH = 1023
_SHOWN_FAULTS, _SHOWN_CHARACTERS = 20, 60


@dataclass(frozen=True, slots=True)
class NewFile:
    """A file that a disc is to hold.

    Attributes:
        path: names with ``/`` between them, and none in front.
        contents: what is in it.
        modified_ns: the time of its last change, in nanoseconds since 1970, 1970 to 9999.
        rank: files of a lower one are nearer to the begin of the disc, where firmware and old drives reach; those of
            the same are in the order of their paths.
    """

    path: str
    contents: Contents
    modified_ns: int
    rank: int = 0


@dataclass(frozen=True, slots=True)
class NewFolder:
    """A directory that a disc is to hold; those of files need not be told.

    Attributes:
        path: as that of a file.
        modified_ns: the time of its last change, likewise.
    """

    path: str
    modified_ns: int


@dataclass(slots=True)
class DiscNode:
    """A directory, or a file, in the tree of a disc.

    Attributes:
        path: of it, ``""`` of the root.
        name: the last of the path, as it is recorded.
        file: what it is to hold; None of a directory.
        modified_ns: of the last change.
        children: of a directory, by their names.
    """

    path: str
    name: bytes = b""
    file: NewFile | None = None
    modified_ns: int | None = None
    children: dict[str, DiscNode] = field(default_factory=dict)

    @property
    def folders(self) -> int:
        """How many directories are in it."""
        return sum(1 for each in self.children.values() if each.file is None)

    def walk(self) -> Iterator[DiscNode]:
        """Yield it and all below it, directories before what is in them."""
        yield self
        for _, each in sorted(self.children.items()):
            yield from each.walk()


def make_tree(
    files: Iterable[NewFile], folders: Iterable[NewFolder] = (), *, name_fault: NameFault = lambda _: None
) -> DiscNode:
    """Put files and directories into a tree.

    Args:
        files: that the disc is to hold; directories above them are made.
        folders: that it is to hold besides, or whose times are known.
        name_fault: tells what those who are to read the disc, such as Windows, cannot open.

    Raises:
        InvalidInput: when some of them cannot be on a disc, or differ in case alone; the message has all, up to 20.
    """
    root = DiscNode("")
    faults: list[str] = []
    for folder in folders:
        node = _place(root, folder.path, faults, name_fault, is_folder=True)
        if node is not None:
            node.modified_ns = folder.modified_ns
            faults.extend(_fault_of_time(folder.path, folder.modified_ns))
    for file in files:
        faults.extend(_faults_of_file(file))
        node = _place(root, file.path, faults, name_fault, is_folder=False)
        if node is not None:
            node.file, node.modified_ns = file, file.modified_ns
    faults += (
        f"{_shown(node.path)}, which holds {node.folders} directories; {_MOST_FOLDERS} are valid"
        for node in root.walk()
        if node.folders > _MOST_FOLDERS
    )
    if faults:
        told = list(dict.fromkeys(faults))
        more = f"; and {len(told) - _SHOWN_FAULTS} more" if len(told) > _SHOWN_FAULTS else ""
        raise InvalidInput(f"the disc cannot hold: {'; '.join(told[:_SHOWN_FAULTS])}{more}")
    return root


def _place(root: DiscNode, path: str, faults: list[str], name_fault: NameFault, *, is_folder: bool) -> DiscNode | None:
    """Return the new node of a path, or a directory that is there; None, with the fault told, when it cannot be."""
    names = path.split("/")
    if len(path.encode("utf-8", "surrogatepass")) > _LONGEST_PATH:
        faults.append(f"{_shown(path)}, which is longer than {_LONGEST_PATH} bytes")
        return None
    node = root
    for number, name in enumerate(names, 1):
        recorded = compressed(name)
        fault = _fault_of_name(name) or name_fault(name)
        if recorded is None or fault is not None:
            faults.append(f"{_shown(path)}: the name {_shown(name)} {fault or 'is too long for UDF'}")
            return None
        is_last = number == len(names)
        found = node.children.get(name.lower())
        if found is None:
            found = node.children[name.lower()] = DiscNode("/".join(names[:number]), recorded)
            if is_last and not is_folder:
                return found
        elif found.name != recorded:
            faults.append(f"{_shown(found.path)} and {_shown('/'.join(names[:number]))}, which differ in case alone")
            return None
        elif found.file is not None or (is_last and not is_folder):
            faults.append(f"{_shown(found.path)} twice, or as a file and a directory")
            return None
        node = found
    return node


def _shown(path: str) -> str:
    return quoted(path) if len(path) <= _SHOWN_CHARACTERS else f"{quoted(path[:_SHOWN_CHARACTERS])}..."


def _fault_of_name(name: str) -> str | None:
    if not name:
        return "is empty"
    if name in {".", ".."}:
        return "is that of a directory above or here"
    return "holds a zero" if "\0" in name else None


def _faults_of_file(file: NewFile) -> Iterator[str]:
    if file.contents.size > LARGEST_EXTENT * MOST_EXTENTS:
        yield f"{_shown(file.path)}, which has {file.contents.size} bytes; {LARGEST_EXTENT * MOST_EXTENTS} are valid"
    yield from _fault_of_time(file.path, file.modified_ns)


def _fault_of_time(path: str, moment_ns: int) -> Iterator[str]:
    if timestamp(moment_ns) is None:
        yield f"{_shown(path)}, whose time of the last change is not within the years 1970 to 9999"
