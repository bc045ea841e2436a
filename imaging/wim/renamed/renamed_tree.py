r"""The tree of an image with other names in the place of those that cannot be.

libwim takes a ``\`` in a path for a separator, so that it cannot rename what has one in its name, and what is called
``..`` it drops as it loads a tree.  So the tree is written anew, entry by entry, as it is stored: all but names, their
lengths and the places of entries stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from osdimage.imaging.errors import CorruptWim
from osdimage.imaging.wim.renamed.replacing import Named, NamePart, NameRule, ReplacedName, replaced, replaced_streams
from osdimage.imaging.wim.stored.dentries import (
    CHILDREN_AT,
    COUNTS,
    COUNTS_AT,
    END_BYTES,
    OFFSET,
    Dentry,
    list_at,
    padded,
    root_of,
)
from osdimage.imaging.wim.stored.format import DENTRY_STRUCT, SECURITY_STRUCT, STREAM_STRUCT

_NUL = b"\0\0"


@dataclass(frozen=True, slots=True)
class RenamedTree:
    """A tree with other names.

    Attributes:
        tree: the bytes.
        names: those that were replaced; of a file with several names its streams are told once for each.
        paths: of the files and directories that have another name, or are below one: what they are now, by what they
            were.
    """

    tree: bytes
    names: tuple[ReplacedName, ...]
    paths: dict[str, str]


def with_other_names(tree: bytes, rule: NameRule) -> RenamedTree | None:
    """Return a tree in which no name is that a rule refuses; None when it has none.

    Raises:
        CorruptWim: when the tree is damaged.
    """
    return _Renaming(tree, rule).result()


class Replacing:
    """Gives the trees of a WIM that is written other names; see :func:`~osdimage.imaging.wim.write.write_file`.

    Attributes:
        names: those that were replaced in each tree, in the order in which the trees came.
    """

    def __init__(self, rule: NameRule) -> None:
        """Remember which names cannot be."""
        self.names: list[tuple[ReplacedName, ...]] = []
        self._rule = rule

    def __call__(self, tree: bytes) -> bytes | None:
        """Return a tree with other names; None when it has none that cannot be."""
        renamed = with_other_names(tree, self._rule)
        self.names.append(() if renamed is None else renamed.names)
        return None if renamed is None else renamed.tree


class _Renaming:
    def __init__(self, tree: bytes, rule: NameRule) -> None:
        self._tree = tree
        self._rule = rule
        self._parts: list[bytes | bytearray] = []
        self._position = 0
        self._names: list[ReplacedName] = []
        self._paths: dict[str, str] = {}

    def result(self) -> RenamedTree | None:
        if len(self._tree) < SECURITY_STRUCT.size:
            raise CorruptWim("the tree is cut off")
        begin = root_of(self._tree)
        self._put(self._tree[:begin])
        seen = {begin}
        # Where a list is, the paths of its folder before and now, and the entry that is to tell its new place.
        lists: list[tuple[int, str, str, bytearray | None]] = [(begin, "", "", None)]
        while lists:
            at, folder, now, above = lists.pop()
            if above is not None:
                OFFSET.pack_into(above, CHILDREN_AT, self._position)
            below = list(self._put_list(list(list_at(self._tree, at, folder, strict=True)), now))
            for entry, path, made in below:
                if entry.children_at in seen:
                    raise CorruptWim("two directories of the tree have one list of entries")
                seen.add(entry.children_at)
                lists.append((entry.children_at, "" if entry.is_root else entry.path, path, made))
        if not self._names:
            return None
        return RenamedTree(b"".join(self._parts), tuple(self._names), self._paths)

    def _put(self, data: bytes | bytearray) -> None:
        self._parts.append(data)
        self._position += len(data)

    def _put_list(self, entries: list[Dentry], folder: str) -> Iterator[tuple[Dentry, str, bytearray]]:
        """Write a list of entries; yield the folders with lists of their own, their paths now, and what was written."""
        names = [Named(each.name, each.short_name) for each in entries]
        for entry, old, new in zip(entries, names, replaced(names, self._rule), strict=True):
            path = "" if entry.is_root else f"{folder}/{new.name}"
            if path != entry.path and not entry.is_root:
                self._paths[entry.path] = path
            self._tell(entry, old, new)
            streams = self._streams_of(entry)
            made = _entry(entry, new)
            self._put(made)
            self._put(streams)
            if entry.is_folder and entry.children_at:
                yield entry, path, made
        self._put(bytes(END_BYTES))

    def _tell(self, entry: Dentry, old: Named, new: Named) -> None:
        if old.name != new.name:
            self._names.append(ReplacedName(entry.path, NamePart.NAME, old.name, new.name))
        if old.short_name is not None and new.short_name is None:
            self._names.append(ReplacedName(entry.path, NamePart.SHORT_NAME, old.short_name, None))

    def _streams_of(self, entry: Dentry) -> bytes:
        """Return the streams behind an entry, with the names that they get."""
        stored = self._tree[entry.streams_at : entry.end]
        names = [each.name for each in entry.streams() if each.name]
        new = replaced_streams(names, self._rule) if names else {}
        if all(each == new[each] for each in names):
            return stored
        path = "/" if entry.is_root else entry.path
        self._names += [ReplacedName(path, NamePart.STREAM, each, new[each]) for each in new if each != new[each]]
        return b"".join(
            _stream(self._tree[each.begin : each.end], new[each.name] if each.name else "") for each in entry.streams()
        )


def _entry(entry: Dentry, named: Named) -> bytearray:
    """Return an entry with other names, and no list of what is in it."""
    name, short = (_encoded(each or "") for each in (named.name, named.short_name))
    made = bytearray(entry.tree[entry.begin : entry.begin + DENTRY_STRUCT.size])
    for each in (name, short):
        made += each + _NUL if each else b""
    made += bytes(padded(len(made)) - len(made)) + entry.items
    made += bytes(padded(len(made)) - len(made))
    OFFSET.pack_into(made, 0, len(made))
    OFFSET.pack_into(made, CHILDREN_AT, 0)
    COUNTS.pack_into(made, COUNTS_AT, COUNTS.unpack_from(made, COUNTS_AT)[0], len(short), len(name))
    return made


def _stream(stored: bytes, name: str) -> bytes:
    """Return a stream with another name."""
    encoded = _encoded(name)
    made = bytearray(stored[: STREAM_STRUCT.size]) + encoded + _NUL
    made += bytes(padded(len(made)) - len(made))
    OFFSET.pack_into(made, 0, len(made))
    made[STREAM_STRUCT.size - 2 : STREAM_STRUCT.size] = len(encoded).to_bytes(2, "little")
    return bytes(made)


def _encoded(name: str) -> bytes:
    return name.encode("utf-16-le", "surrogatepass")
