"""The folder of contents beside a catalog: each file once, named by the SHA-256 of what it holds.

Who adds contents writes them into a folder of its own inside (``.work-*``, locked while its maker lives), waits until
they are on the medium, and renames them into their places only while it holds the catalog for its change.  So a content
that a row names is always there.  What a killed process leaves are contents that no row names, and its own folder,
which tells the next one who changes the catalog to look for them.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Collection, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from osdimage.imaging.drivers.store.works import WorkingFolder, left_behind, sync, working_folder
from osdimage.imaging.errors import InvalidInput, StorageError
from osdimage.imaging.output import write_at

_WORK = ".work-"
_HEAD = re.compile("[0-9a-f]{2}")
_REST = re.compile("[0-9a-f]{62}")


class Contents:
    """The folder of contents of a catalog.

    Attributes:
        folder: where they are; it is made when something is first put into it.
    """

    def __init__(self, catalog: Path) -> None:
        """Name the folder of a catalog."""
        self.folder: Path = catalog.with_name(f"{catalog.name}.contents")

    def path_of(self, digest: str) -> Path:
        """Return where a content is, by its SHA-256 in hexadecimal."""
        return self.folder / digest[:2] / digest[2:]

    def read(self, digest: str, size: int) -> bytes:
        """Return a content.

        Raises:
            InvalidInput: when it is not there, or not what it was.
            StorageError: when it cannot be read.
        """
        path = self.path_of(digest)
        try:
            data = path.read_bytes()
        except FileNotFoundError as error:
            raise InvalidInput(f"{path}: is missing, and the catalog names it; import the driver again") from error
        except OSError as error:
            raise StorageError(f"{path}: {error.strerror}", path=path, errno=error.errno) from error
        if len(data) != size or hashlib.sha256(data).hexdigest() != digest:
            raise InvalidInput(f"{path}: is not what was imported; remove the driver and import it again")
        return data

    @contextmanager
    def work(self) -> Iterator[Work]:
        """Yield a folder for new contents, which is removed afterwards.

        Raises:
            StorageError: when it cannot be made.
        """
        with ExitStack() as stack:
            try:
                folder = self._new_work(stack)
            except OSError as error:
                raise StorageError(f"{self.folder}: {error.strerror}", path=self.folder, errno=error.errno) from error
            yield Work(self, folder)

    def _new_work(self, stack: ExitStack) -> WorkingFolder:
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        while True:
            self.folder.mkdir(exist_ok=True)
            # Not left empty; another process may remove it at this moment.
            stack.callback(self._remove_empty)
            with suppress(FileNotFoundError):
                return stack.enter_context(working_folder(self.folder, _WORK))

    def _remove_empty(self) -> None:
        with suppress(OSError):
            self.folder.rmdir()

    @contextmanager
    def left_behind(self) -> Iterator[list[Path]]:
        """Yield the folders of processes that were killed, which nobody takes for his own meanwhile."""
        with left_behind(self.folder, _WORK) as dead:
            yield dead

    def remove(self, digests: Iterable[str]) -> None:
        """Remove contents that nothing names any more, while the catalog is held; what cannot be, stays."""
        for digest in digests:
            path = self.path_of(digest)
            with suppress(OSError):
                path.unlink(missing_ok=True)
                # Only when it was the last one.
                path.parent.rmdir()

    def all(self) -> Iterator[str]:
        """Yield the digest of each content that is in its place."""
        with suppress(OSError):
            heads = sorted(each for each in self.folder.iterdir() if _HEAD.fullmatch(each.name) and each.is_dir())
            for head in heads:
                yield from (head.name + each.name for each in head.iterdir() if _REST.fullmatch(each.name))


class Work:
    """A folder in which contents are gathered before the catalog is changed."""

    def __init__(self, contents: Contents, folder: WorkingFolder) -> None:
        """Begin with nothing."""
        self._contents = contents
        self._working = folder
        self._folder = folder.path
        self._gathered: dict[str, int] = {}
        self._unsynced: list[Path] = []

    def keep(self) -> None:
        """Let the folder stay, so that the next one who changes the catalog looks for contents that no row names."""
        self._working.is_kept = True

    def add(self, data: bytes) -> str:
        """Gather a content; return its SHA-256 in hexadecimal.

        Raises:
            StorageError: when it cannot be written.
        """
        digest = hashlib.sha256(data).hexdigest()
        if digest not in self._gathered:
            path = self._folder / digest
            if not self._linked(digest, path):
                self._write(path, data)
            self._gathered[digest] = len(data)
        return digest

    def _linked(self, digest: str, path: Path) -> bool:
        """Give a content that is there already a second name, so that it stays whoever removes it meanwhile."""
        source = self._contents.path_of(digest)
        try:
            if source.stat(follow_symlinks=False).st_size == 0:
                # An empty file is as quickly written.
                return False
            os.link(source, path, follow_symlinks=False)
        except OSError:
            return False
        if hashlib.sha256(path.read_bytes()).hexdigest() == digest:
            return True
        path.unlink()
        return False

    def _write(self, path: Path, data: bytes) -> None:
        try:
            descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o444)
            try:
                write_at(descriptor, data, 0)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise self._failed(error) from error
        self._unsynced.append(path)

    def sync(self) -> None:
        """Wait until all that was written is on the medium.

        Raises:
            StorageError: when the medium refuses.
        """
        # After all are written: the first wait takes the others' bytes along on most file systems.
        for path in self._unsynced:
            try:
                sync(path)
            except OSError as error:
                raise self._failed(error) from error
        self._unsynced.clear()

    def place(self, digests: Collection[str]) -> None:
        """Put contents into their places, while the catalog is held, and wait until their names are on the medium.

        Raises:
            StorageError: when that fails.
        """
        try:
            heads = {digest[:2] for digest in digests}
            for head in heads:
                (self._contents.folder / head).mkdir(exist_ok=True)
            for digest in digests:
                (self._folder / digest).rename(self._contents.path_of(digest))
            for head in sorted(heads):
                sync(self._contents.folder / head)
            sync(self._contents.folder)
        except OSError as error:
            raise self._failed(error) from error

    def _failed(self, error: OSError) -> StorageError:
        folder = self._contents.folder
        return StorageError(f"{folder}: {error.strerror}", path=folder, errno=error.errno)
