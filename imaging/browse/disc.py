"""The files of an optical disc, for who looks at them."""

from __future__ import annotations

from collections.abc import Iterator

from osdimage.imaging.attributes import FileAttribute
from osdimage.imaging.browse.tree import Found, VolumeTree, plain_stream
from osdimage.imaging.disc.facts import DiscFile, FileKind
from osdimage.imaging.disc.opened import Disc
from osdimage.imaging.filetime import NOT_KNOWN_NS
from osdimage.imaging.wim.entries import Entry

# IO_REPARSE_TAG_SYMLINK: what an image would have of a symbolic link.
_SYMLINK = 0xA000000C


class DiscTree(VolumeTree):
    """A disc that is open."""

    def __init__(self, disc: Disc) -> None:
        """Take a disc, which stays the caller's."""
        self.name = disc.name
        self.notes = tuple(f"{disc.name}: {each}" for each in disc.notes)
        self._disc = disc
        # By the place of the file: many names may lead to one.
        self._whole: set[int] = set()

    def root(self) -> Found:
        """Return the root."""
        return _found(self._disc.root())

    def children(self, folder: Found) -> list[Found]:
        """Return what is in a directory."""
        files = self._disc.children(_file(folder))
        return [_found(each) for each in sorted(files, key=lambda each: each.name)]

    def child(self, folder: Found, name: str) -> Found | None:
        """Return what has a name in a directory."""
        found = self._disc.child(_file(folder), name)
        return None if found is None else _found(found)

    def stored(self, found: Found, name: str | None) -> Iterator[bytes]:
        """Yield the contents of a file; named streams of UDF are not read."""
        if name is None and found.has_contents:
            yield from self._disc.pieces(_file(found))

    def stored_bytes(self, found: Found) -> int:
        """Return the size of a file, of which it is known then that the disc holds all of it."""
        file = _file(found)
        if file.place not in self._whole:
            self._disc.extents(file)
            self._whole.add(file.place)
        return found.size


class _Source:
    """What was read of a file; equal to all else of the same file."""

    def __init__(self, file: DiscFile) -> None:
        self.file = file

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Source) and other.file.place == self.file.place

    def __hash__(self) -> int:
        return hash(self.file.place)


def _file(found: Found) -> DiscFile:
    file: DiscFile = found.source.file
    return file


def _attributes(file: DiscFile) -> int:
    attributes = int(FileAttribute.DIRECTORY) if file.is_directory else 0
    if file.kind is FileKind.LINK:
        attributes |= int(FileAttribute.REPARSE_POINT)
    if file.is_hidden:
        attributes |= int(FileAttribute.HIDDEN)
    return attributes or int(FileAttribute.NORMAL)


def _found(file: DiscFile) -> Found:
    unix = file.unix
    has_names = file.kind is FileKind.FILE and file.links > 1
    entry = Entry(
        path=file.path,
        name=file.name or None,
        short_name=None,
        attributes=_attributes(file),
        reparse_tag=_SYMLINK if file.kind is FileKind.LINK else None,
        links=file.links if has_names else 1,
        link_group=file.place if has_names else None,
        created_ns=_known(file.created_ns),
        modified_ns=_known(file.modified_ns),
        accessed_ns=_known(file.accessed_ns),
        security_descriptor=None,
        object_id=None,
        unix_mode=None if unix is None else unix.mode,
        unix_uid=None if unix is None else unix.uid,
        unix_gid=None if unix is None else unix.gid,
        unix_device=None if unix is None else unix.device or 0,
        streams=(plain_stream(None, file.size),),
    )
    # As the names beside it are spelled on disk, half a surrogate pair and all.
    target = None if file.target is None else file.target.encode("utf-8", "surrogatepass")
    return Found(entry, None, _Source(file), target=target, is_special=file.kind is FileKind.SPECIAL)


def _known(time_ns: int | None) -> int:
    return NOT_KNOWN_NS if time_ns is None else time_ns
