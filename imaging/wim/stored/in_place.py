"""Changing a WIM where it stands, so that a failure at any moment leaves what it held before.

What is new goes behind the end of the file, and is synced to the medium; only then does one write of the 208-byte
header point to it, which is synced too.  The way back has the opposite order: the old header, sync, and only then is
what lies behind the old end cut off, sync.  A file that was cut under a header that points behind its end is lost, so
nothing is cut while the old header is not known to be on the medium.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from osdimage.imaging.errors import Means, NotAWim, OsdImageError, Remedy, StorageError, TargetRefused, explain
from osdimage.imaging.output import sync_name, write_at
from osdimage.imaging.wim.opening import refuse_unchangeable
from osdimage.imaging.wim.placed.on_disc import refuse_on_disc
from osdimage.imaging.wim.stored.format import HEADER_SIZE, MAGIC, Header, HeaderFlag
from osdimage.native.callbacks import Listener, Message, Report, Stage


class InPlace:
    """A WIM that is changed in place.

    Attributes:
        path: the WIM.
        descriptor: its file, open for reading and writing; whoever opened it closes it.
        header: its header before the change.
        size: its length before the change, in bytes.
    """

    def __init__(self, path: Path, descriptor: int) -> None:
        """Remember what the file is."""
        self.path = path
        self.descriptor = descriptor
        self.header = os.pread(descriptor, HEADER_SIZE, 0)
        self.size = os.fstat(descriptor).st_size
        # Until then there is nothing to put back, and the file may be another program's.
        self._has_begun = False

    def append(self, data: bytes) -> None:
        """Write behind the end of the file, which nothing points to yet.  The caller holds the lock of the file."""
        self._has_begun = True
        with self._storage_errors():
            write_at(self.descriptor, data, self.size)

    def point_to(self, header: bytes) -> None:
        """Make a header the file's once everything that it points to is on the medium."""
        with self._storage_errors():
            os.fsync(self.descriptor)
            write_at(self.descriptor, header, 0)
            os.fsync(self.descriptor)

    # ---- the same with libwim as the writer

    def watch(self, listener: Listener) -> Listener:
        """Return a listener for libwim that also sees when it begins to write, and syncs what it has written.

        Data that the medium does not take is known before libwim touches the header.
        """

        def listen(message: Message) -> None:
            # libwim says nothing before it has the lock and has set this flag; it does neither when it writes a new
            # file that replaces this one, as it does with a pipable WIM.
            self._has_begun = self._has_begun or self._is_flagged()
            if isinstance(message, Report) and message.stage is Stage.WRITE_METADATA and message.done:
                with self._storage_errors():
                    os.fsync(self.descriptor)
            listener(message)

        return listen

    def look(self) -> None:
        """See whether another process, such as the one that serves a mounted image, has begun to write."""
        with self._storage_errors():
            self._has_begun = self._has_begun or not self.is_as_it_was

    @property
    def is_as_it_was(self) -> bool:
        """Whether the file has its old header and length."""
        return self._has_old_header() and os.fstat(self.descriptor).st_size == self.size

    def settle(self, mend: Callable[[Header], object] | None = None) -> None:
        """Bring to the medium, in the right order, what libwim has written without waiting for it.

        ``mend`` may change what libwim has written behind the old end, and the header that is written at last.

        libwim writes the blob table, the XML and then the header in one go.  So its header is taken back, and written
        again once the rest is on the medium.  A power cut can find it without the rest only if the system wrote the
        first page of the file in the moment between, some microseconds, and the cut comes before the next sync ends.
        """
        with self._storage_errors():
            is_replaced = not os.path.samestat(os.fstat(self.descriptor), self.path.stat())
        if is_replaced or not self._has_begun:
            # libwim wrote a new file, synced it and gave it the name.
            sync_name(self.path.resolve(), self.path)
            return
        if not self.lock():
            with self._storage_errors():
                os.fsync(self.descriptor)
            return
        with self._storage_errors():
            header = os.pread(self.descriptor, HEADER_SIZE, 0)
            write_at(self.descriptor, self.header, 0)
            if mend is not None:
                changed = Header.parse(header)
                mend(changed)
                header = changed.build()
        self.point_to(header)

    # ---- the way back

    def put_back(self, error: BaseException) -> None:
        """Put the file back to what it was, and say in an exception of any kind what became of it.

        Nothing is done when nothing was written.  A second exception on the way (Ctrl-C) leaves a valid WIM too.
        """
        if not self._has_begun:
            return
        problem = self._try_to_put_back()
        if problem is not None:
            explain(error, problem, Remedy("{} tells what it holds", (Means.VERIFY,), (str(self.path),)))
        elif isinstance(error, OsdImageError):
            explain(error, f"{self.path} was cut back to what it held before")

    def _try_to_put_back(self) -> str | None:
        """Return what of it did not work."""
        if not self.lock():
            return f"another program is writing to {self.path} by now, so nothing was taken back"
        try:
            write_at(self.descriptor, self.header, 0)
        except OSError as error:
            if not self._has_old_header():
                return f"the old header of {self.path} could not be put back ({error.strerror}), so nothing was cut off"
        try:
            os.fsync(self.descriptor)
        except OSError as error:
            # The medium may hold the new header, and would lose what it points to.
            return (
                f"{self.path} has its old header again, but the medium did not confirm it ({error.strerror}), so "
                "nothing was cut off"
            )
        try:
            # libwim cuts off what it wrote by itself when it fails before the header.
            if os.fstat(self.descriptor).st_size > self.size:
                os.ftruncate(self.descriptor, self.size)
        except OSError as error:
            return f"{self.path} has its old header again, but could not be cut back ({error.strerror})"
        try:
            os.fsync(self.descriptor)
        except OSError as error:
            return (
                f"{self.path} was cut back to what it held before, but the medium confirmed only its old header, not "
                f"its length ({error.strerror})"
            )
        return None

    def _has_old_header(self) -> bool:
        try:
            return os.pread(self.descriptor, HEADER_SIZE, 0) == self.header
        except OSError:
            return False

    def _is_flagged(self) -> bool:
        try:
            header = Header.parse(os.pread(self.descriptor, HEADER_SIZE, 0))
        except OSError:
            return False
        return bool(header.flags & HeaderFlag.WRITE_IN_PROGRESS)

    def lock(self) -> bool:
        """Take the lock that libwim had until it returned; False when another program has it."""
        try:
            fcntl.flock(self.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:
            # A file system without locks; libwim goes on without one too.
            return True
        return True

    @contextmanager
    def _storage_errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise StorageError(f"{self.path}: {error.strerror}", path=self.path, errno=error.errno) from error


@contextmanager
def opened_in_place(path: Path) -> Iterator[InPlace]:
    """Open a WIM that libwim is about to append to.

    Raises:
        TargetRefused: when it cannot be opened for writing.
        StorageError: when it cannot be read.
    """
    refuse_on_disc(path)
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except OSError as error:
        raise TargetRefused(f"{path}: cannot be opened for writing: {error.strerror}") from error
    try:
        try:
            place = InPlace(path, descriptor)
        except OSError as error:
            raise StorageError(f"{path}: {error.strerror}", path=path, errno=error.errno) from error
        yield place
    finally:
        os.close(descriptor)


@contextmanager
def locked(path: Path) -> Iterator[int]:
    """Open a WIM for writing and hold the lock that libwim takes too.

    Raises:
        TargetRefused: when it cannot be opened, or another program is writing to it.
    """
    refuse_on_disc(path)
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except OSError as error:
        raise TargetRefused(f"{path}: cannot be opened for writing: {error.strerror}") from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise TargetRefused(f"{path}: another program is writing to it, or has it mounted for that") from error
        if not os.path.samestat(os.fstat(descriptor), path.stat()):
            # It was replaced, as delete does, between the two calls.
            raise TargetRefused(f"{path}: another program has just replaced it; run this again")
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def kept_from_others(path: Path, *, replaces: bool) -> Iterator[None]:
    """Keep other writers from a WIM that is replaced by another at the end of the ``with``; nothing else is done to it.

    What they wrote to it meanwhile would be lost, and who serves it to a mount would write it into the new file.

    Raises:
        TargetRefused: when another program is writing to it, or has it mounted for that.
    """
    if not replaces:
        yield
        return
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        # It is not there; or it is nothing that can be read, and whoever replaces it decides whether that can be.
        yield
        return
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise TargetRefused(
                f"{path}: another program is writing to it, or has it mounted for that, so it is not replaced"
            ) from error
        except OSError:
            # A file system without locks.
            pass
        yield
    finally:
        os.close(descriptor)


def changeable_header(path: Path, descriptor: int) -> Header:
    """Return the header of a WIM that can be changed where it stands.

    Raises:
        NotAWim: when it is none, or a pipable one.
        TargetRefused: when it is marked read-only, or a part of a split WIM.
    """
    header = Header.parse(os.pread(descriptor, HEADER_SIZE, 0))
    if header.magic != MAGIC:
        raise NotAWim(f"{path}: only a plain WIM can be changed in place; export a pipable one first")
    refuse_unchangeable(path, header)
    return header
