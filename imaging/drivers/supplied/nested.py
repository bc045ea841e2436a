"""Archives in an archive: each is a folder with its own name among the files beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from osdimage.imaging.attributes import FileAttribute
from osdimage.imaging.drivers.supplied.names import split
from osdimage.imaging.files import FileFacts, FileSource


class NestedFiles(FileSource):
    """Files, some of which are archives that are open and stay the caller's; those are told as folders."""

    def __init__(self, outer: FileSource, inner: Mapping[str, FileSource]) -> None:
        """Take all of them.

        Args:
            outer: the files of the archive.
            inner: those of the archives in it, by their paths.
        """
        super().__init__(outer.name)
        self._outer = outer
        self._inner = {_folded(split(path)): files for path, files in inner.items()}

    def find(self, path: str) -> FileFacts | None:
        """Return what is at a path; see :meth:`FileSource.find`."""
        files, own, within = self._where(path)
        if files is self._outer:
            return files.find(own)
        found = files.find(within)
        return None if found is None else _moved(found, own, split(within))

    def list(self, path: str = "") -> list[FileFacts]:
        """Return what is in a directory; see :meth:`FileSource.list`."""
        files, own, within = self._where(path)
        if files is self._outer:
            found = files.list(own)
            return [_as_folder(each) if _folded(split(each.path)) in self._inner else each for each in found]
        return [_moved(each, own, split(each.path)) for each in files.list(within)]

    def _read(self, facts: FileFacts) -> bytes:
        files, own, within = self._where(facts.path)
        return files.read(own if files is self._outer else within, facts.size)

    def _where(self, path: str) -> tuple[FileSource, str, str]:
        """Return the files that a path leads to, its part up to the archive, or all of it, and its part in that."""
        parts = split(path)
        for count in range(1, len(parts) + 1):
            files = self._inner.get(_folded(parts[:count]))
            if files is not None:
                return files, "/".join(parts[:count]), "/".join(parts[count:])
        return self._outer, "/".join(parts), ""


def _moved(facts: FileFacts, above: str, parts: tuple[str, ...]) -> FileFacts:
    return replace(facts, path="/".join((above, *parts)))


def _as_folder(facts: FileFacts) -> FileFacts:
    return replace(facts, is_directory=True, size=0, attributes=int(FileAttribute.DIRECTORY))


def _folded(parts: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(part.casefold() for part in parts)
