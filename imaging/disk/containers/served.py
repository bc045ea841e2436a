"""A disk whose bytes a server reads and writes."""

from __future__ import annotations

from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING

from osdimage.imaging.disk.target import Data, DiskTarget
from osdimage.imaging.errors import StorageError
from osdimage.imaging.units import Geometry

if TYPE_CHECKING:
    from osdimage.imaging.disk.containers.server import Server
    from osdimage.native.slices.sources import Source


class ServedTarget(DiskTarget):
    """The disk of a server, which ends with it."""

    def __init__(self, server: Server, sector_size: int) -> None:
        """Take over the server."""
        super().__init__(server.name, Geometry.of_size(server.source.size, sector_size))
        self._server = server
        self._is_closed = False
        self._is_writable = not server.source.is_read_only
        self._source = server.source

    @property
    def is_closed(self) -> bool:
        """Whether it was closed."""
        return self._is_closed

    @property
    def is_writable(self) -> bool:
        """Whether it was opened for writing."""
        return self._is_writable

    def reason(self, error: OSError) -> str:
        """Return what to say of a system error; of a server that has gone, what it said, also when it is closed."""
        return self._server.reason(error)

    def flush(self) -> None:
        """Wait until everything is on the medium.

        Raises:
            StorageError: when that failed.
        """
        try:
            self.source.sync()
        except OSError as error:
            raise self._failure("flushing", error) from error

    def close(self) -> None:
        """Let the server end, and wait for that; whoever still has its bytes has them no longer.

        Raises:
            StorageError: when it could not store what it held.
        """
        self._is_closed = True
        # A second end does nothing.
        self._server.end()

    def _read(self, offset_bytes: int, size_bytes: int) -> bytes:
        try:
            return self.source.read(offset_bytes, size_bytes)
        except OSError as error:
            raise self._failure(f"reading at byte {offset_bytes}", error) from error

    def _write(self, offset_bytes: int, data: Data) -> None:
        try:
            self.source.write(offset_bytes, data)
        except OSError as error:
            raise self._failure(f"writing at byte {offset_bytes}", error) from error

    def _open_source(self) -> Source:
        raise AssertionError("it was given when this was made")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it.  An exception that is on its way is not replaced by what follows from it."""
        if kind is None:
            self.close()
            return
        with suppress(StorageError):
            self.close()
