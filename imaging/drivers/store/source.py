"""The files of a driver of a catalog, read as those of any folder are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from osdimage.imaging.attributes import FileAttribute
from osdimage.imaging.drivers.store.contents import Contents
from osdimage.imaging.drivers.store.records import StoredFile
from osdimage.imaging.errors import InvalidRequest, quoted
from osdimage.imaging.files import FileFacts, FileSource, split_path


class CatalogFiles(FileSource):
    """The files of a driver, the INF in the root, or of several in folders; what is read is compared with its SHA-256.

    The catalog itself need not stay open.
    """

    def __init__(
        self,
        name: str,
        contents: Contents,
        files: Sequence[StoredFile],
        *,
        lay_in: Mapping[str, tuple[str, ...]] = MappingProxyType({}),
    ) -> None:
        """Take the files.

        Args:
            name: what messages call them.
            contents: of the catalog.
            files: all of the drivers'.
            lay_in: the folders of collections that drivers lay in, by their folders here.
        """
        super().__init__(name)
        self._contents = contents
        self._lay_in = {folder.casefold(): folders for folder, folders in lay_in.items()}
        self._files = {each.path.casefold(): each for each in files}
        self._folders = {"": ""}
        for each in files:
            parts = each.path.split("/")[:-1]
            for count in range(1, len(parts) + 1):
                folder = "/".join(parts[:count])
                self._folders.setdefault(folder.casefold(), folder)

    def folders_in_collection(self, folder: str) -> tuple[str, ...]:
        """Return the folders of the collection that a driver lay in; see :class:`KeepsFolders`."""
        return self._lay_in.get(folder.casefold(), ())

    def find(self, path: str) -> FileFacts | None:
        """Return what is at a path; see :meth:`FileSource.find`."""
        asked = "/".join(split_path(path))
        found = self._files.get(asked.casefold())
        if found is not None:
            return _file_facts(asked, found.size)
        return _folder_facts(asked) if asked.casefold() in self._folders else None

    def list(self, path: str = "") -> list[FileFacts]:
        """Return what is in a directory; see :meth:`FileSource.list`."""
        asked = "/".join(split_path(path)).casefold()
        if asked not in self._folders:
            raise InvalidRequest(f"{self.name}: there is no directory {quoted(path)}")
        below = [_folder_facts(each) for folded, each in self._folders.items() if folded and _above(folded) == asked]
        files = [_file_facts(each.path, each.size) for folded, each in self._files.items() if _above(folded) == asked]
        return sorted(below + files, key=lambda each: each.path)

    def _read(self, facts: FileFacts) -> bytes:
        found = self._files[facts.path.casefold()]
        return self._contents.read(found.sha256, found.size)


def _above(path: str) -> str:
    return path.rpartition("/")[0]


def _file_facts(path: str, size: int) -> FileFacts:
    return FileFacts(path, is_directory=False, size=size, attributes=int(FileAttribute.NORMAL), modified_ns=None)


def _folder_facts(path: str) -> FileFacts:
    return FileFacts(path, is_directory=True, size=0, attributes=int(FileAttribute.DIRECTORY), modified_ns=None)
