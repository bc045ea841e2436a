"""The files of a folder of this machine, as Windows would see them: names without case, and no links."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from osdimage.imaging.attributes import FileAttribute
from osdimage.imaging.drivers.supplied.names import is_reachable, split
from osdimage.imaging.errors import InvalidRequest, InvalidVolume, StorageError, quoted
from osdimage.imaging.files import FileFacts, FileSource
from osdimage.imaging.units import MIB

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


class FolderFiles(FileSource):
    r"""The files below a folder of this machine.

    A link is told as one and never followed, nor one that takes the place of a directory while files are read: each is
    opened below the one above.  The folder itself may be given by way of a link.  A name with ``\`` in it is left out,
    which no path of Windows leads to.  Nothing stays open.
    """

    def __init__(self, folder: Path) -> None:
        """Remember the folder.

        Raises:
            StorageError: when it is no folder, or cannot be read.
        """
        super().__init__(str(folder))
        self._folder = folder
        with self._opened(()):
            pass

    def find(self, path: str) -> FileFacts | None:
        """Return what is at a path; see :meth:`FileSource.find`."""
        parts = split(path)
        if not parts:
            return FileFacts("", is_directory=True, size=0, attributes=int(FileAttribute.DIRECTORY), modified_ns=None)
        with self._opened(parts[:-1]) as above:
            name = None if above is None else self._stored_name(above, parts[-1])
            return None if above is None or name is None else self._facts(above, name, "/".join(parts))

    def list(self, path: str = "") -> list[FileFacts]:
        """Return what is in a directory; see :meth:`FileSource.list`."""
        parts = split(path)
        prefix = "".join(f"{part}/" for part in parts)
        with self._opened(parts) as folder:
            if folder is None:
                raise InvalidRequest(f"{self.name}: there is no directory {quoted(path)}")
            names = sorted(name for name in self._names(folder) if is_reachable(name))
            found = (self._facts(folder, name, prefix + name) for name in names)
            return [each for each in found if each is not None]

    def _read(self, facts: FileFacts) -> bytes:
        return b"".join(self._pieces(facts))

    def _pieces(self, facts: FileFacts) -> Iterator[bytes]:
        descriptor = self._open(facts)
        try:
            left = facts.size
            while left:
                try:
                    piece = os.read(descriptor, min(left, MIB))
                except OSError as error:
                    raise self._failed(facts.path, error) from error
                if not piece:
                    break
                yield piece
                left -= len(piece)
        finally:
            os.close(descriptor)

    def _open(self, facts: FileFacts) -> int:
        """Return the descriptor of a file, which whoever gets it closes."""
        parts = split(facts.path)
        with self._opened(parts[:-1]) as above:
            name = None if above is None else self._stored_name(above, parts[-1])
            if above is None or name is None:
                raise InvalidRequest(f"{self.name}: there is no {quoted(facts.path)}")
            if facts.is_link:
                raise InvalidVolume(
                    f"{quoted(facts.path)} is a link or no plain file, and is not read", volume=self.name
                )
            # A pipe that takes its place meanwhile does not keep us waiting.
            flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
            try:
                return os.open(name, flags, dir_fd=above)
            except OSError as error:
                raise self._failed(facts.path, error) from error

    @contextmanager
    def _opened(self, parts: tuple[str, ...]) -> Iterator[int | None]:
        """Yield a descriptor of a directory, or None when there is none; a link in its place is none."""
        try:
            here: int | None = os.open(self._folder, _DIRECTORY)
        except OSError as error:
            raise self._failed("", error) from error
        try:
            for part in parts:
                assert here is not None  # noqa: S101 - the loop ends where it is
                name = self._stored_name(here, part)
                above, here = here, None
                try:
                    if name is not None:
                        here = os.open(name, _DIRECTORY | os.O_NOFOLLOW, dir_fd=above)
                except NotADirectoryError:
                    # A link, too.
                    pass
                except OSError as error:
                    raise self._failed("/".join(parts), error) from error
                finally:
                    os.close(above)
                if here is None:
                    break
            yield here
        finally:
            if here is not None:
                os.close(here)

    def _stored_name(self, folder: int, name: str) -> str | None:
        """Return the name in a directory that is meant: exactly this, or the first one that differs in case only."""
        try:
            os.stat(name, dir_fd=folder, follow_symlinks=False)
        except FileNotFoundError:
            folded = name.casefold()
            return min((each for each in self._names(folder) if each.casefold() == folded), default=None)
        except UnicodeEncodeError:
            # No file of Linux is called so.
            return None
        except OSError as error:
            if error.errno == errno.ENAMETOOLONG:
                return None
            raise self._failed(name, error) from error
        return name

    def _names(self, folder: int) -> tuple[str, ...]:
        try:
            return tuple(os.listdir(folder))
        except OSError as error:
            raise self._failed("", error) from error

    def _facts(self, folder: int, name: str, path: str) -> FileFacts | None:
        try:
            found = os.stat(name, dir_fd=folder, follow_symlinks=False)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._failed(path, error) from error
        is_directory = stat.S_ISDIR(found.st_mode)
        is_file = stat.S_ISREG(found.st_mode)
        return FileFacts(
            path,
            is_directory=is_directory,
            size=found.st_size if is_file else 0,
            attributes=int(FileAttribute.DIRECTORY if is_directory else FileAttribute.NORMAL),
            modified_ns=found.st_mtime_ns,
            is_link=not is_directory and not is_file,
        )

    def _failed(self, path: str, error: OSError) -> StorageError:
        where = os.path.join(self._folder, path) if path else os.fspath(self._folder)  # noqa: PTH118 - may have bytes
        return StorageError(f"{where}: {error.strerror}", path=where, errno=error.errno)
