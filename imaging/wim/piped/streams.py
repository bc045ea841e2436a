"""The streams that a WIM goes through, counted and hashed as it passes."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from osdimage.imaging.errors import CorruptWim, ReaderLeft, StorageError
from osdimage.imaging.units import MIB
from osdimage.imaging.wim.stored.format import HEADER_SIZE

_BLOCK = MIB


@dataclass(frozen=True, slots=True)
class Passed:
    """What went through a stream.

    Attributes:
        size: in bytes.
        sha256: of all of it, in hexadecimal digits.
    """

    size: int
    sha256: str


class OutputStream:
    """A pipe, a socket or a file to which a WIM is written from its begin to its end.

    Attributes:
        name: what messages call it.
        passed: what went through, once a WIM was written; None before.
    """

    def __init__(self, descriptor: int, name: str = "standard output") -> None:
        """Take a descriptor that is open for writing, and stays so."""
        self.name = name
        self.passed: Passed | None = None
        self._descriptor = descriptor
        self._error: OSError | None = None

    def __str__(self) -> str:
        """Return what messages call it."""
        return self.name

    def __repr__(self) -> str:
        """Return what it is, for logs and debuggers."""
        return f"<OutputStream {self.name}>"

    @contextmanager
    def opened(self) -> Iterator[int]:
        """Yield the descriptor of a pipe; what is written to it has passed when the ``with`` ends.

        After an exception nobody waits for a reader that is slow: it finds the end of the stream too early.

        Raises:
            ReaderLeft: when nobody reads it any more.
            StorageError: when no more can be written to it.
        """
        reader, writer = os.pipe2(os.O_CLOEXEC)
        _enlarge(writer)
        thread = threading.Thread(target=self._carry, args=(reader,), name="osdimage-output", daemon=True)
        thread.start()
        try:
            yield writer
        except BaseException as error:
            os.close(writer)
            if self._error is not None and isinstance(error, Exception):
                # The library learnt only that the pipe is broken.
                raise self._told(self._error) from error
            raise
        os.close(writer)
        thread.join()
        if self._error is not None:
            raise self._told(self._error)

    def _carry(self, reader: int) -> None:
        digest, size = hashlib.sha256(), 0
        try:
            while block := os.read(reader, _BLOCK):
                write_all(self._descriptor, block)
                digest.update(block)
                size += len(block)
            self.passed = Passed(size, digest.hexdigest())
        except OSError as error:
            self._error = error
        finally:
            # Now the other end is broken too.
            os.close(reader)

    def _told(self, error: OSError) -> StorageError:
        if error.errno == errno.EPIPE:
            return ReaderLeft(
                f"{self.name}: who read it has left before the WIM was whole", path=self.name, errno=error.errno
            )
        return StorageError(
            f"{self.name}: {error.strerror}; what was written to it is not a whole WIM",
            path=self.name,
            errno=error.errno,
        )


class InputStream:
    """A pipe, a socket or a file from which a WIM is read from its begin to its end.

    Attributes:
        name: what messages call it.
        listener: is told how much was read so far, in bytes, by the thread that reads; None where nobody wants it.
        tail: the last bytes that were read, as many as a header has.
    """

    def __init__(self, descriptor: int, name: str = "standard input") -> None:
        """Take a descriptor that is open for reading, and stays so."""
        self.name = name
        self._descriptor = descriptor
        self.listener: Callable[[int], None] | None = None
        self._digest = hashlib.sha256()
        self._size = 0
        self.tail: bytes = b""
        self._buffer = b""
        self._at = 0
        self._kept: list[bytes] | None = None

    def __str__(self) -> str:
        """Return what messages call it."""
        return self.name

    def __repr__(self) -> str:
        """Return what it is, for logs and debuggers."""
        return f"<InputStream {self.name}>"

    @property
    def passed(self) -> Passed:
        """What was read so far."""
        return Passed(self._size, self._digest.hexdigest())

    def block(self) -> bytes:
        """Return some of what comes next, or nothing at the end.

        Raises:
            StorageError: when it cannot be read.
        """
        if self._at < len(self._buffer):
            found, self._buffer, self._at = self._buffer[self._at :], b"", 0
            return found
        try:
            found = os.read(self._descriptor, _BLOCK)
        except OSError as error:
            raise StorageError(f"{self.name}: {error.strerror}", path=self.name, errno=error.errno) from error
        self._digest.update(found)
        self._size += len(found)
        self.tail = found[-HEADER_SIZE:] if len(found) >= HEADER_SIZE else (self.tail + found)[-HEADER_SIZE:]
        if self._kept is not None:
            self._kept.append(found)
        if self.listener is not None:
            self.listener(self._size)
        return found

    def take(self, size: int) -> bytes:
        """Return so many bytes.

        Raises:
            CorruptWim: when there are less.
            StorageError: when it cannot be read.
        """
        found = self.up_to(size)
        if len(found) < size:
            raise CorruptWim(f"{self.name}: ended too early, after {self._size} bytes: the WIM is not whole")
        return found

    def up_to(self, size: int) -> bytes:
        """Return so many bytes, or less where it ends.

        Raises:
            StorageError: when it cannot be read.
        """
        end = self._at + size
        if end > len(self._buffer):
            parts, have = [], 0
            while have < size and (part := self.block()):
                parts.append(part)
                have += len(part)
            self._buffer, self._at, end = b"".join(parts), 0, size
        found = self._buffer[self._at : end]
        self._at += len(found)
        return found

    @property
    def kept_bytes(self) -> int:
        """How much is kept for :meth:`rewind`."""
        return sum(map(len, self._kept or ()))

    def keep(self) -> None:
        """Keep what is read from now on, in memory, for :meth:`rewind`."""
        self._kept = []

    def rewind(self) -> None:
        """Begin anew with what was kept; no more is kept."""
        if self._kept is not None:
            self._buffer, self._at, self._kept = b"".join(self._kept), 0, None

    @contextmanager
    def fed(self) -> Iterator[int]:
        """Yield the descriptor of a pipe that gives the stream, from what was kept on, to who reads it by itself.

        What the reader leaves is read too when the ``with`` ends: who writes the stream is not cut off.

        Raises:
            StorageError: when the stream cannot be read, in place of what its reader then says.
        """
        self.rewind()
        reader, writer = os.pipe2(os.O_CLOEXEC)
        _enlarge(writer)
        failed: list[OSError] = []
        thread = threading.Thread(target=self._feed, args=(writer, failed), name="osdimage-input", daemon=True)
        thread.start()
        try:
            yield reader
        except BaseException as error:
            os.close(reader)
            if failed and isinstance(error, Exception):
                raise failed[0] from error
            raise
        os.close(reader)
        thread.join()

    def _feed(self, writer: int, failed: list[OSError]) -> None:
        is_wanted = True
        try:
            while block := self.block():
                if is_wanted:
                    is_wanted = _took(writer, block)
        except OSError as error:
            failed.append(error)
        finally:
            os.close(writer)


def _took(writer: int, block: bytes) -> bool:
    """Write a block to a pipe; return whether there was still somebody to read it."""
    try:
        write_all(writer, block)
    except BrokenPipeError:
        return False
    return True


def write_all(descriptor: int, data: bytes) -> None:
    """Write all bytes to a stream.

    Raises:
        OSError: when it takes no more.
    """
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def _enlarge(pipe: int) -> None:
    """Let a pipe hold a whole block, where the system allows it."""
    with suppress(OSError):
        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _BLOCK)
