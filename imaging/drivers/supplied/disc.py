"""The files of an optical disc, such as virtio-win.iso."""

from __future__ import annotations

from collections.abc import Iterator

from osdimage.imaging.attributes import FileAttribute
from osdimage.imaging.disc.facts import DiscFile, FileKind
from osdimage.imaging.disc.opened import Disc
from osdimage.imaging.drivers.supplied.names import is_reachable, split
from osdimage.imaging.errors import InvalidRequest, InvalidVolume, quoted
from osdimage.imaging.files import FileFacts, FileSource


class DiscFiles(FileSource):
    """The files of a disc that is open and stays the caller's; a link is told as one and never followed."""

    def __init__(self, disc: Disc) -> None:
        """Take a disc."""
        super().__init__(disc.name)
        self._disc = disc

    def find(self, path: str) -> FileFacts | None:
        """Return what is at a path; see :meth:`FileSource.find`."""
        parts = split(path)
        found = self._disc.find("/".join(parts))
        return None if found is None else _facts(found, "/".join(parts))

    def list(self, path: str = "") -> list[FileFacts]:
        """Return what is in a directory; see :meth:`FileSource.list`."""
        parts = split(path)
        folder = self._disc.find("/".join(parts))
        if folder is None or not folder.is_directory:
            raise InvalidRequest(f"{self.name}: there is no directory {quoted(path)}")
        prefix = "".join(f"{part}/" for part in parts)
        # No path leads to a name with a separator in it, which only a hostile disc has.
        files = [each for each in self._disc.children(folder) if is_reachable(each.name)]
        return sorted((_facts(each, prefix + each.name) for each in files), key=lambda each: each.path)

    def _read(self, facts: FileFacts) -> bytes:
        return b"".join(self._pieces(facts))

    def _pieces(self, facts: FileFacts) -> Iterator[bytes]:
        found = self._disc.find(facts.path)
        if found is None:
            raise InvalidRequest(f"{self.name}: there is no {quoted(facts.path)}")
        if found.kind is not FileKind.FILE:
            raise InvalidVolume(f"{quoted(facts.path)} is a link or no plain file, and is not read", volume=self.name)
        yield from self._disc.pieces(found)


def _facts(file: DiscFile, path: str) -> FileFacts:
    attributes = FileAttribute.DIRECTORY if file.is_directory else FileAttribute.NORMAL
    return FileFacts(
        path,
        is_directory=file.is_directory,
        size=file.size,
        attributes=int(attributes),
        modified_ns=file.modified_ns,
        is_link=file.kind in {FileKind.LINK, FileKind.SPECIAL},
    )
