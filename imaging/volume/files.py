"""Single files of a volume, read and written where they lie; ``filesystems.py`` opens them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator

from osdimage.imaging.disk.content import Content
from osdimage.imaging.errors import InvalidInput, InvalidRequest
from osdimage.imaging.files import FileSource, split_path


class VolumeFiles(FileSource):
    """The files of an open volume; :func:`~osdimage.imaging.volume.filesystems.open_files` makes it.

    Attributes:
        content: which file system it is.
    """

    content: Content

    def __init__(self, name: str, *, is_writable: bool) -> None:
        """Remember the name."""
        super().__init__(name)
        self._is_writable = is_writable

    @abstractmethod
    def write(self, path: str, data: bytes, *, attributes: int | None = None, modified_ns: int | None = None) -> None:
        """Write a file; one that is there is replaced, and keeps its attributes and its security descriptor.

        Directories above it are made.  On NTFS, the new contents are on the medium in a file beside
        (:func:`~osdimage.imaging.volume.ntfs.files.beside`) before old ones are changed.

        Args:
            path: of the file.
            data: its contents.
            attributes: READONLY, HIDDEN, SYSTEM and ARCHIVE; None: those it has, or ARCHIVE for a new one.
            modified_ns: when it was changed last, nanoseconds since 1970; None: now.

        Raises:
            InvalidRequest: when there is a directory at the path, or it leads through something that is none.
            UnsafeName: when the file system has no place for the name.
            TargetRefused: when a FAT volume is full; it is as it was.
            StorageError: when writing failed, or an NTFS volume is full.
        """

    def write_pieces(self, path: str, pieces: Iterable[bytes], size: int, *, modified_ns: int | None = None) -> None:
        """Make a file of its contents piece by piece, of which no more than one is in memory.

        Args:
            path: at which there is nothing.
            pieces: of its contents.
            size: of all pieces, in bytes.
            modified_ns: as :meth:`write`.

        Raises:
            InvalidInput: when the pieces are not of that size.
            OsdImageError: as :meth:`write`.
        """
        data = b"".join(self._of_size(path, pieces, size))
        self.write(path, data, modified_ns=modified_ns)

    def _of_size(self, path: str, pieces: Iterable[bytes], size: int) -> Iterator[bytes]:
        """Yield pieces for as long as they stay within their size, and want all of it in the end."""
        left = size
        for each in pieces:
            left -= len(each)
            if left < 0:
                break
            yield each
        if left:
            raise InvalidInput(f"{self.name}: what was to become {path!r} has not the {size} bytes that it had before")

    @abstractmethod
    def make_directory(self, path: str, *, attributes: int | None = None, modified_ns: int | None = None) -> None:
        """Make a directory and those above it, as far as they are not there.

        ``attributes`` are those of :meth:`write`, set also when the directory is there; None: none, or those it has.

        Raises:
            OsdImageError: as :meth:`write`.
        """

    @abstractmethod
    def set_attributes(self, path: str, attributes: int) -> None:
        """Set READONLY, HIDDEN, SYSTEM and ARCHIVE of a file or directory as they are in ``attributes``.

        Raises:
            InvalidRequest: when there is nothing at the path.
            StorageError: when writing failed.
        """

    @abstractmethod
    def delete(self, path: str) -> None:
        """Delete a file or an empty directory.

        Raises:
            InvalidRequest: when there is nothing at the path, or the directory is not empty.
            StorageError: when writing failed.
        """

    def _file_parts(self, path: str) -> tuple[str, ...]:
        """Return the names of the path of what will be changed, which is not the root."""
        parts = split_path(path)
        if not parts:
            raise InvalidRequest(f"{self.name}: the root of the volume is no file, and always there")
        if not self._is_writable:
            raise InvalidRequest(f"{self.name}: {path!r} cannot be written: the volume was opened for reading")
        return parts
