"""The files of an NTFS volume, for who looks at them."""

from __future__ import annotations

from collections.abc import Iterator

from osdimage.imaging.attributes import FileAttribute
from osdimage.imaging.browse.tree import Found, Unreadable, VolumeTree, plain_stream
from osdimage.imaging.disk.target import BlockTarget
from osdimage.imaging.errors import InvalidVolume, StorageError
from osdimage.imaging.filetime import to_ns
from osdimage.imaging.volume.ntfs.folders import NtfsFolders
from osdimage.imaging.volume.ntfs.read import NtfsEntry
from osdimage.imaging.wim.entries import Entry

# $STANDARD_INFORMATION may have bits of the indexes, which Windows does not show.
_SHOWN = 0x0FFFFFFF & ~int(FileAttribute.DIRECTORY)


class NtfsTree(VolumeTree):
    """An NTFS volume."""

    def __init__(self, window: BlockTarget) -> None:
        """Find the MFT.

        Raises:
            InvalidVolume: when the volume is damaged.
            StorageError: when it cannot be read.
        """
        self.name = window.name
        self._volume = NtfsFolders(window)
        if self._volume.is_dirty:
            self.notes = (f"{window.name} is marked dirty: what wrote it did not finish",)

    def root(self) -> Found:
        """Return the root."""
        return _found(self._volume.root())

    def children(self, folder: Found) -> list[Found]:
        """Return what is in a directory."""
        return [_found(each) for each in self._volume.children(_source(folder))]

    def readable(self, folder: Found) -> tuple[list[Found], list[Unreadable]]:
        """Return what is in a directory and can be read, and the files whose records cannot."""
        try:
            found, unreadable = self._volume.readable_children(_source(folder))
        except (InvalidVolume, StorageError) as error:
            return [], [(folder.entry.path, error)]
        return [_found(each) for each in found], unreadable

    def child(self, folder: Found, name: str) -> Found | None:
        """Return what has a name in a directory."""
        found = self._volume.child(_source(folder), name)
        return None if found is None else _found(found)

    def stored(self, found: Found, name: str | None) -> Iterator[bytes]:
        """Yield what a stream holds."""
        for each in _source(found).streams:
            if each.name == name:
                yield from self._volume.pieces(each)

    def stored_bytes(self, found: Found) -> int:
        """Return how many bytes of the contents are not in holes."""
        unnamed = next((each for each in _source(found).streams if each.name is None), None)
        if unnamed is None or not found.is_sparse:
            return found.size
        return self._volume.stored_bytes(unnamed)


class _Source:
    """What was read of a file; equal to all else of the same file."""

    def __init__(self, entry: NtfsEntry) -> None:
        self.entry = entry

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Source) and other.entry.record == self.entry.record

    def __hash__(self) -> int:
        return hash(self.entry.record)


def _source(found: Found) -> NtfsEntry:
    entry: NtfsEntry = found.source.entry
    return entry


def _found(each: NtfsEntry) -> Found:
    attributes = each.attributes & _SHOWN | (int(FileAttribute.DIRECTORY) if each.is_directory else 0)
    sizes = {one.name: one.size for one in each.streams}
    streams = (
        plain_stream(None, sizes.pop(None, 0)),
        *(plain_stream(name, size) for name, size in sorted(sizes.items(), key=lambda item: item[0] or "")),
    )
    entry = Entry(
        path=each.path,
        name=each.path.rpartition("/")[2] or None,
        short_name=each.short_name,
        attributes=attributes or int(FileAttribute.NORMAL),
        reparse_tag=None if each.reparse is None else int.from_bytes(each.reparse[:4], "little"),
        links=each.links,
        link_group=each.record if each.links > 1 else None,
        created_ns=to_ns(each.created),
        modified_ns=to_ns(each.modified),
        accessed_ns=to_ns(each.accessed),
        security_descriptor=each.security_descriptor,
        object_id=each.object_id,
        unix_mode=None,
        unix_uid=None,
        unix_gid=None,
        unix_device=None,
        streams=streams,
    )
    return Found(entry, each.reparse, _Source(each))
