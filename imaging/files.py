r"""Files that can be read: those of a volume, or those of an image of a WIM.

Paths begin at the root; ``/`` and ``\`` separate names, whose case does not matter.  Links and junctions are never
followed.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from osdimage.imaging.errors import InvalidRequest, InvalidVolume, quoted
from osdimage.imaging.units import MIB, format_size

__all__ = ["FileFacts", "FileSource"]

DEFAULT_LIMIT = 256 * MIB
"""What :meth:`FileSource.read` reads at most, unless told otherwise."""
DEEPEST = 128
"""How many directories deep trees are looked through: more than Windows, or a tool of it, makes."""


@dataclass(frozen=True, slots=True)
class FileFacts:
    """A file or directory of a volume or of an image.

    Attributes:
        path: from the root, names separated by ``/``, none in front; ``""`` is the root.  When it was listed, its last
            name is as it is stored, otherwise as it was asked for.
        is_directory: whether it is one.
        size: of the contents in bytes; 0 for a directory.
        attributes: those of :class:`~osdimage.imaging.attributes.FileAttribute`.
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

    def __repr__(self) -> str:
        """Return what it is, for logs and debuggers."""
        return f"<{type(self).__name__} of {self.name}>"

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
            if depth > DEEPEST:
                raise InvalidVolume(f"{above[:60]!r}... is more than {DEEPEST} directories deep", volume=self.name)
            found = self.list(above)
            yield from found
            waiting += [(each.path, depth + 1) for each in reversed(found) if each.is_directory and not each.is_link]

    def prefetch(self, paths: Iterable[str], limit: int = DEFAULT_LIMIT) -> None:  # noqa: B027 - of an image
        """Read files that will be asked for, where one pass for all of them saves time; here there is no such need.

        Args:
            paths: of the files; one at which there is no file is passed over.
            limit: the most bytes to hold; files that are more are read when they are asked for.

        Raises:
            InvalidInput, StorageError: as :meth:`read`.
        """

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
        facts = self._required_file(path)
        if facts.size > limit:
            raise InvalidVolume(
                f"{quoted(facts.path)} has {format_size(facts.size)}; such a file has at most {format_size(limit)}",
                volume=self.name,
            )
        return self._read(facts)

    def pieces(self, path: str) -> Iterator[bytes]:
        """Yield the contents of a file piece by piece: of a folder, a disc and a volume one of them is in memory.

        Raises:
            InvalidRequest: when there is no such file.
            InvalidVolume: when it is damaged, a link, or encrypted.
            StorageError: when it cannot be read.
        """
        yield from self._pieces(self._required_file(path))

    @abstractmethod
    def _read(self, facts: FileFacts) -> bytes:
        """Return the contents of a file that was just found."""

    def _pieces(self, facts: FileFacts) -> Iterator[bytes]:
        """Yield the contents of a file that was just found."""
        yield self._read(facts)

    def _required_file(self, path: str) -> FileFacts:
        facts = self.find(path)
        if facts is None:
            raise InvalidRequest(f"{self.name}: there is no {quoted(path)}")
        if facts.is_directory:
            raise InvalidRequest(f"{self.name}: {quoted(facts.path)} is a directory")
        return facts


def split_path(path: str) -> tuple[str, ...]:
    r"""Return the names of a path; ``()`` is the root.

    Raises:
        InvalidRequest: when it holds what cannot be a name.
    """
    parts = tuple(part for part in path.replace("\\", "/").split("/") if part)
    for part in parts:
        if part in {".", ".."} or "\0" in part or ":" in part or len(part) > 255:
            raise InvalidRequest(
                f"{quoted(path)} is no path of a volume; valid is one from the root, such as Windows\\Boot"
            )
    return parts
