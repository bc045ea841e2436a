r"""Single files of a volume, read and written where they lie: NTFS or FAT32, in one manner.

::

    with open_volume(disk, partition, write=True) as volume, open_files(volume, write=True) as files:
        hive = files.read("Windows/System32/config/SYSTEM", limit=256 * MIB)
        files.write("EFI/Microsoft/Boot/BCD", store, attributes=FileAttribute.ARCHIVE)

Paths begin at the root; ``/`` and ``\`` separate names, whose case does not matter.  Links and junctions are never
followed: what a path leads to is in this volume.

When the ``with`` statement ends in an error, an NTFS volume stays marked dirty with what was written until then, and a
FAT32 volume is as it was.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from osdimage.imaging.errors import InvalidRequest, InvalidVolume, TargetRefused
from osdimage.imaging.units import MIB, format_size
from osdimage.imaging.volume.opened import OpenVolume

DEFAULT_LIMIT = 256 * MIB
"""What :meth:`VolumeFiles.read` reads at most, unless told otherwise."""
_DEEPEST = 128


@dataclass(frozen=True, slots=True)
class FileFacts:
    """A file or directory of a volume or of an image.

    Attributes:
        path: from the root, names separated by ``/``, none in front; ``""`` is the root.  When it was listed, its last
            name is as it is stored, otherwise as it was asked for.
        is_directory: whether it is one.
        size: of the contents in bytes; 0 for a directory.
        attributes: those of :class:`~osdimage.imaging.wim.attributes.FileAttribute`.
        modified_ns: nanoseconds since 1970, or None when it is not known.
        is_link: it is a link, a junction, or something else that only Windows knows how to read.
    """

    path: str
    is_directory: bool
    size: int
    attributes: int
    modified_ns: int | None
    is_link: bool = False

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.rpartition("/")[2]


class FileSource(ABC):
    """Files that can be read: those of a volume, or those of an image of a WIM.

    Attributes:
        name: what messages call it.
    """

    def __init__(self, name: str) -> None:
        """Remember the name."""
        self.name = name

    @abstractmethod
    def find(self, path: str) -> FileFacts | None:
        """Return what is at a path, or None when there is nothing.

        Raises:
            InvalidRequest: when no path can be like this.
            InvalidVolume: when a directory on the way is damaged.
            StorageError: when the volume cannot be read.
        """

    def exists(self, path: str) -> bool:
        """Tell whether there is something at a path."""
        return self.find(path) is not None

    @abstractmethod
    def list(self, path: str = "") -> list[FileFacts]:
        """Return what is in a directory, by name.

        Raises:
            InvalidRequest: when it is no directory.
            InvalidVolume, StorageError: as :meth:`find`.
        """

    def walk(self, path: str = "") -> Iterator[FileFacts]:
        """Yield everything below a directory, parents first; links are not followed.

        Raises:
            InvalidRequest: when it is no directory.
            InvalidVolume: when a directory is damaged, or lies deeper than any should.
            StorageError: when the volume cannot be read.
        """
        waiting = [(path, 0)]
        while waiting:
            above, depth = waiting.pop()
            if depth > _DEEPEST:
                raise InvalidVolume(f"{self.name}: {above[:60]!r}... is more than {_DEEPEST} directories deep")
            found = self.list(above)
            yield from found
            waiting += [(each.path, depth + 1) for each in reversed(found) if each.is_directory and not each.is_link]

    def read(self, path: str, limit: int = DEFAULT_LIMIT) -> bytes:
        """Return the contents of a file.

        Args:
            path: of the file.
            limit: the most bytes that it may have.

        Raises:
            InvalidRequest: when there is no such file.
            InvalidVolume: when it is larger than ``limit``, damaged, a link, or encrypted.
            StorageError: when it cannot be read.
        """
        facts = self._required(path)
        if facts.is_directory:
            raise InvalidRequest(f"{self.name}: {facts.path!r} is a directory")
        if facts.size > limit:
            raise InvalidVolume(
                f"{self.name}: {facts.path!r} has {format_size(facts.size)}; such a file has at most "
                f"{format_size(limit)}"
            )
        return self._read(facts)

    @abstractmethod
    def _read(self, facts: FileFacts) -> bytes:
        """Return the contents of a file that was just found."""

    def _required(self, path: str) -> FileFacts:
        facts = self.find(path)
        if facts is None:
            raise InvalidRequest(f"{self.name}: there is no {path!r}")
        return facts


class VolumeFiles(FileSource):
    """The files of an open volume; :func:`open_files` makes it.

    Attributes:
        filesystem: ``ntfs`` or ``fat32``.
    """

    filesystem: str

    def __init__(self, name: str, *, is_writable: bool) -> None:
        """Remember the name."""
        super().__init__(name)
        self._is_writable = is_writable

    @abstractmethod
    def write(self, path: str, data: bytes, *, attributes: int | None = None, modified_ns: int | None = None) -> None:
        """Write a file; one that is there is replaced, and keeps its attributes and its security descriptor.

        Directories above it are made.  On NTFS, the new contents are on the medium in a file beside
        (:func:`~osdimage.imaging.volume.files_ntfs.beside`) before old ones are changed.

        Args:
            path: of the file.
            data: its contents.
            attributes: READONLY, HIDDEN, SYSTEM and ARCHIVE; None: those it has, or ARCHIVE for a new one.
            modified_ns: when it was changed last, nanoseconds since 1970; None: now.

        Raises:
            InvalidRequest: when there is a directory at the path, or it leads through something that is none.
            UnsafeName: when the file system has no place for the name.
            TargetRefused: when the volume is full.
            StorageError: when writing failed.
        """

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


def split_path(path: str) -> tuple[str, ...]:
    r"""Return the names of a path; ``()`` is the root.

    Raises:
        InvalidRequest: when it holds what cannot be a name.
    """
    parts = tuple(part for part in path.replace("\\", "/").split("/") if part)
    for part in parts:
        if part in {".", ".."} or "\0" in part or ":" in part or len(part) > 255:
            raise InvalidRequest(f"{path!r} is no path of a volume; valid is one from the root, such as Windows\\Boot")
    return parts


@contextmanager
def open_files(
    volume: OpenVolume, *, write: bool = False, force: bool = False, sync: bool = True
) -> Iterator[VolumeFiles]:
    """Open the files of a volume; what is written is complete when the ``with`` statement has ended well.

    Args:
        volume: the volume, open for writing when ``write`` is set.
        write: whether something will be written.  An NTFS volume is marked dirty meanwhile.
        force: write also to a volume that is marked dirty; one that Windows has in use is refused all the same.
        sync: wait until everything is on the medium.

    Raises:
        TargetRefused: when it holds no NTFS or FAT32, or must not be written to; it was left as it was.
        InvalidVolume, InvalidInput: when it is damaged.
        StorageError: when reading or writing failed.
    """
    if volume.filesystem == "ntfs":
        from osdimage.imaging.volume.files_ntfs import open_ntfs  # noqa: PLC0415 - one of the two is needed

        with open_ntfs(volume, write=write, force=force, sync=sync) as files:
            yield files
    elif volume.filesystem == "fat32":
        from osdimage.imaging.volume.files_fat32 import open_fat  # noqa: PLC0415

        with open_fat(volume, write=write, force=force, sync=sync) as files:
            yield files
    else:
        raise TargetRefused(f"{volume.name}: holds {volume.described}; files are read and written on NTFS and FAT32")
