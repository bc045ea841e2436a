"""The files of a FAT volume, for who looks at them."""

from __future__ import annotations

from collections.abc import Iterator

from osdimage.imaging.attributes import FileAttribute
from osdimage.imaging.browse.tree import Found, VolumeTree, plain_stream
from osdimage.imaging.disk.target import BlockTarget
from osdimage.imaging.filetime import NOT_KNOWN_NS
from osdimage.imaging.volume.fat.entries import FatEntry
from osdimage.imaging.volume.fat.names import fold
from osdimage.imaging.volume.fat.read import open_fat
from osdimage.imaging.wim.entries import Entry

_ROOT = FatEntry("", "", True, 0, 0, None, None, None, 0)  # noqa: FBT003 - is_directory


class FatTree(VolumeTree):
    """A FAT volume."""

    def __init__(self, window: BlockTarget) -> None:
        """Read the boot sector.

        Raises:
            InvalidVolume: when the volume is damaged.
            StorageError: when it cannot be read.
        """
        self.name = window.name
        self._volume = open_fat(window)
        if self._volume.is_marked_dirty:
            self.notes = (f"{window.name} is marked dirty: an earlier write to it was not finished",)

    def root(self) -> Found:
        """Return the root, of which FAT keeps nothing."""
        return _found(_ROOT)

    def children(self, folder: Found) -> list[Found]:
        """Return what is in a directory."""
        return sorted(map(_found, self._entries(folder)), key=lambda each: each.entry.path)

    def child(self, folder: Found, name: str) -> Found | None:
        """Return what has a name, or a short name, in a directory."""
        wanted = fold(name)
        entries = self._entries(folder)
        return next((_found(each) for each in entries if wanted in {fold(each.name), fold(each.short_name)}), None)

    def stored(self, found: Found, name: str | None) -> Iterator[bytes]:
        """Yield the contents of a file; it has no other stream."""
        if name is None and not found.is_directory:
            yield from self._volume.read(found.source.entry)

    def _entries(self, folder: Found) -> list[FatEntry]:
        return self._volume.entries("" if folder.source.entry is _ROOT else folder.source.entry)


class _Source:
    """What was read of a file or directory; a directory is equal to any other that begins in the same cluster."""

    def __init__(self, entry: FatEntry) -> None:
        self.entry = entry
        self._identity: FatEntry | int = entry.cluster if entry.is_directory else entry

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Source) and other._identity == self._identity

    def __hash__(self) -> int:
        return hash(self._identity)


def _found(each: FatEntry) -> Found:
    entry = Entry(
        path=f"/{each.path}",
        name=each.name or None,
        short_name=each.short_name if fold(each.short_name) != fold(each.name) else None,
        attributes=each.attributes | int(FileAttribute.DIRECTORY if each.is_directory else 0)
        or int(FileAttribute.NORMAL),
        reparse_tag=None,
        links=1,
        link_group=None,
        created_ns=_known(each.created_ns),
        modified_ns=_known(each.modified_ns),
        accessed_ns=_known(each.accessed_ns),
        security_descriptor=None,
        object_id=None,
        unix_mode=None,
        unix_uid=None,
        unix_gid=None,
        unix_device=None,
        streams=(plain_stream(None, each.size),),
    )
    return Found(entry, None, _Source(each))


def _known(time_ns: int | None) -> int:
    return NOT_KNOWN_NS if time_ns is None else time_ns
