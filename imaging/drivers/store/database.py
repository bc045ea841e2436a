"""The file of a catalog: opened, compared with what a catalog declares, read and changed in transactions.

Readers open it read-only, so that one on a read-only disk can be read.  A writer holds the file only while it changes
it, and readers wait for the moment of its commit alone.  There is no WAL: it needs memory that processes share, and a
folder that can be written, of those who only read.  What a killed writer leaves is a journal beside the file, with
which the next one who may write takes back what was begun.
"""

from __future__ import annotations

import errno
import os
import re
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, Self

from osdimage.imaging.drivers.store import schema
from osdimage.imaging.drivers.store.works import alone_in
from osdimage.imaging.errors import (
    InvalidInput,
    InvalidRequest,
    Means,
    OsdImageError,
    Remedy,
    StorageError,
    TargetRefused,
    explain,
)

BUSY_SECONDS: Final = 30.0
"""How long is waited for another writer."""
_MAGIC = b"SQLite format 3\0"
_HEADER_BYTES = 100
_ROLLBACK_JOURNAL = b"\x01\x01"
# No text of an INF comes near it.
_LONGEST_BYTES = 1 << 24
_LONGEST_SAID = 100
_PRAGMAS = (
    "trusted_schema = OFF",
    "cell_size_check = ON",
    "foreign_keys = ON",
    "synchronous = FULL",
    "temp_store = MEMORY",
    # In KiB: so that a large import holds the file for its commit alone.
    f"cache_size = -{1 << 17}",
)
_PRIMARY = 0xFF
_SHA256 = re.compile("[0-9a-f]{64}")

Value = str | int | None
Row = Sequence[object]


class Database:
    """The file of a catalog, open; use it as a context manager.

    Attributes:
        path: of the file, for messages.
        writes: whether it was opened to be changed.
    """

    def __init__(
        self, path: Path, *, writes: bool = False, creates: bool = False, busy_s: float = BUSY_SECONDS
    ) -> None:
        """Open a file.

        Args:
            path: of the file.
            writes: whether it is to be changed.
            creates: whether it is made when it is missing, with the folders above it, by the first transaction that
                ends well.
            busy_s: how many seconds are waited for another writer.

        Raises:
            InvalidRequest: when there is none.
            InvalidInput: when it is no catalog, a damaged one, or one of a newer version.
            StorageError: when it cannot be read or made.
            TargetRefused: when another process does not let go of it in time.
        """
        self.path = path
        self.writes = writes
        self._busy_s = busy_s
        self._connection: sqlite3.Connection | None = None
        if self._is_there():
            with self._said():
                self._connection = self._opened("rw" if writes else "ro")
            self._begin()
        if self._connection is None and not creates:
            raise self._missing()

    def __enter__(self) -> Self:
        """Return it."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    def close(self) -> None:
        """Close the file; again does nothing."""
        if self._connection is not None:
            self._connection.close()

    @property
    def is_there(self) -> bool:
        """Whether it is not yet to be made."""
        return self._connection is not None

    # ---- opening

    def _is_there(self) -> bool:
        """Tell whether there is a file that is not empty, and refuse what is no catalog by its first bytes.

        Raises:
            InvalidInput: when it is none.
            StorageError: when it cannot be read.
        """
        try:
            # A pipe would be waited for.
            descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
            try:
                head = os.read(descriptor, _HEADER_BYTES)
            finally:
                os.close(descriptor)
        except FileNotFoundError:
            return False
        except OSError as error:
            raise StorageError(f"{self.path}: {error.strerror}", path=self.path, errno=error.errno) from error
        if not head:
            return False
        if not head.startswith(_MAGIC) or len(head) < _HEADER_BYTES:
            raise InvalidInput(f"{self.path}: is no catalog of drivers, nor any file of SQLite 3")
        if head[18:20] != _ROLLBACK_JOURNAL:
            raise InvalidInput(f"{self.path}: is no catalog of drivers: it has a write-ahead log, which no catalog has")
        return True

    def _missing(self) -> InvalidRequest:
        remedy = Remedy("{} makes one", (Means.IMPORT_DRIVERS,))
        return InvalidRequest(f"{self.path}: there is no catalog of drivers", remedy=remedy)

    def _opened(self, mode: str) -> sqlite3.Connection:
        try:
            return self._connect(mode)
        except sqlite3.OperationalError as error:
            if self.writes or error.sqlite_errorcode not in _NEEDS_WRITER:
                raise
        # What a killed writer has begun is to be taken back, which a writer alone can.
        with suppress(sqlite3.Error):
            self._connect("rw").close()
        return self._connect(mode)

    def _connect(self, mode: str) -> sqlite3.Connection:
        address = f"{self.path.absolute().as_uri()}?mode={mode}"
        connection = sqlite3.connect(address, uri=True, timeout=self._busy_s, isolation_level=None)
        try:
            connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LONGEST_BYTES)
            for pragma in _PRAGMAS:
                connection.execute(f"PRAGMA {pragma}")
            # The first look at the file itself.
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        except BaseException:
            connection.close()
            raise
        return connection

    def _begin(self) -> None:
        """Refuse what is no catalog; one that is empty, as what was begun when it was made was taken back, is none."""
        try:
            with self._said():
                is_empty = self._is_empty()
            if not is_empty:
                self._check()
        except BaseException:
            self.close()
            raise
        if is_empty:
            self.close()
            self._connection = None

    @property
    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            raise self._missing()
        return self._connection

    def _is_empty(self) -> bool:
        found: int = self._open.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        return found == 0

    def _check(self) -> None:
        """Refuse what is not exactly a catalog of this version.

        Raises:
            InvalidInput: when it is not.
        """
        with self._said():
            application, version = (
                self._open.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version")
            )
            if application != schema.APPLICATION_ID:
                raise InvalidInput(f"{self.path}: is no catalog of drivers, but a file of SQLite of another program")
            if version > schema.VERSION:
                raise InvalidInput(
                    f"{self.path}: is a catalog of version {version}, made by a newer osdimage; this one reads version "
                    f"{schema.VERSION}"
                )
            if version != schema.VERSION or schema.declared(self._open) != schema.wanted():
                raise InvalidInput(f"{self.path}: is no catalog of drivers: its tables are not those that one has")

    # ---- reading and changing

    def rows(self, query: str, values: Sequence[Value] = ()) -> list[Row]:
        """Return all rows that a query finds.

        Raises:
            InvalidInput: when the file is damaged.
            StorageError: when it cannot be read.
            TargetRefused: when another process does not let go of it in time.
        """
        if self._connection is None:
            return []
        with self._said():
            found: list[Row] = self._open.execute(query, values).fetchall()
            return found

    def choose(self, numbers: Iterable[int]) -> None:
        """Put numbers of drivers into ``chosen``, a table of this process alone that queries join."""
        if self._connection is None:
            return
        with self._said():
            self._open.execute("CREATE TEMP TABLE IF NOT EXISTS chosen (driver INTEGER PRIMARY KEY)")
            self._open.execute("DELETE FROM chosen")
            self._open.executemany("INSERT INTO chosen VALUES (?)", ((each,) for each in numbers))

    def change(self, statement: str, values: Sequence[Value] = ()) -> int:
        """Carry out a statement inside a transaction; return the number of the row that it inserted, if it did.

        Raises:
            StorageError: when the disk is full, or the file cannot be written.
        """
        with self._said():
            return self._open.execute(statement, values).lastrowid or 0

    def change_many(self, statement: str, rows: Iterable[Sequence[Value]]) -> None:
        """Carry out a statement for each row inside a transaction; errors as :meth:`change`."""
        with self._said():
            self._open.executemany(statement, rows)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Make the changes inside the ``with`` all or not at all; nobody else changes the file meanwhile.

        Raises:
            TargetRefused: when another process does not let go of it in time; nothing was changed.
            StorageError: when the disk is full or fails; nothing was changed.
        """
        if self._connection is not None:
            with self._transaction():
                yield
            return
        with self._made():
            with self._said():
                self._connection = self._opened("rwc")
            with self._transaction():
                yield

    @contextmanager
    def held(self) -> Iterator[None]:
        """Let nobody else change the file inside the ``with``, nor make it; errors as :meth:`transaction`."""
        if self._connection is not None:
            with self._transaction():
                yield
            return
        with self._alone():
            if self._is_there():
                with self._said():
                    self._connection = self._opened("rw")
                # What was begun when it was made is taken back now.
                self._begin()
                self._drop_empty()
            if self._connection is None:
                yield
            else:
                with self._transaction():
                    yield

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        try:
            with self._said():
                self._open.execute("BEGIN IMMEDIATE")
                if self._is_empty():
                    schema.create(self._open)
            # Another process may have been faster to make it.
            self._check()
            yield
            with self._said():
                self._open.execute("COMMIT")
        except BaseException as error:
            with suppress(sqlite3.Error):
                if self._open.in_transaction:
                    self._open.execute("ROLLBACK")
            journal = self.path.with_name(f"{self.path.name}-journal")
            if isinstance(error, StorageError) and journal.exists():
                explain(error, f"{journal} is left, with which the next change takes back what was begun")
            raise

    @contextmanager
    def _made(self) -> Iterator[None]:
        """Let the file be made inside the ``with``; when that fails it is not there afterwards.

        Others who would make it wait meanwhile, so that nobody writes into a file that has no name any more.
        """
        with self._alone():
            try:
                yield
            except BaseException:
                self.close()
                self._connection = None
                self._drop_empty()
                raise

    def _drop_empty(self) -> None:
        """Remove a file that nothing was written into, while nobody else can be about to."""
        with suppress(OSError):
            if self.path.stat().st_size == 0:
                self.path.unlink()

    @contextmanager
    def _alone(self) -> Iterator[None]:
        folder = self.path.absolute().parent
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with alone_in(folder):
                yield
        except StorageError:
            raise
        except OSError as error:
            raise StorageError(f"{self.path}: {error.strerror}", path=self.path, errno=error.errno) from error

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Let all reads inside the ``with`` see one state of the file; errors as :meth:`rows`."""
        if self._connection is None:
            yield
            return
        with self._said():
            self._open.execute("BEGIN")
        try:
            yield
        finally:
            with suppress(sqlite3.Error):
                self._open.execute("ROLLBACK")

    @contextmanager
    def _said(self) -> Iterator[None]:
        """Say an error of SQLite in one sentence."""
        try:
            yield
        except sqlite3.Error as error:
            raise self._as_error(error) from error
        except UnicodeDecodeError as error:
            # What SQLite says of a damaged file quotes it.
            raise self.damaged("a text is no UTF-8") from error

    def _as_error(self, error: sqlite3.Error) -> OsdImageError:
        code = getattr(error, "sqlite_errorcode", None)
        primary = None if code is None else code & _PRIMARY
        if primary in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
            return TargetRefused(f"{self.path}: another process is changing this catalog; try again when it is done")
        if code == sqlite3.SQLITE_READONLY_ROLLBACK:
            said = (
                "a change of it was interrupted and has to be taken back first, which needs a disk that can be written"
            )
            return StorageError(f"{self.path}: {said}", path=self.path, errno=errno.EROFS)
        number = _NUMBERS.get(primary) if primary is not None else None
        if number is not None:
            return StorageError(f"{self.path}: {os.strerror(number)}", path=self.path, errno=number)
        # It may quote the file.
        said = " ".join(str(error).split())[:_LONGEST_SAID]
        return self.damaged(said.encode("ascii", "backslashreplace").decode())

    # ---- what a row holds is somebody else's

    def damaged(self, what: str) -> InvalidInput:
        """Return the error that says that a row holds what no catalog of ours does."""
        return InvalidInput(f"{self.path}: the catalog is damaged: {what}")

    def text(self, value: object) -> str:
        """Return a value that is a text.

        Raises:
            InvalidInput: when it is none.
        """
        if not isinstance(value, str):
            raise self.damaged("a number stands in the place of a text")
        return value

    def optional_text(self, value: object) -> str | None:
        """Return a value that is a text or nothing; errors as :meth:`text`."""
        return None if value is None else self.text(value)

    def number(self, value: object) -> int:
        """Return a value that is a number, at least 0.

        Raises:
            InvalidInput: when it is none.
        """
        if not isinstance(value, int) or value < 0:
            raise self.damaged("a number is missing, or negative")
        return value

    def digest(self, value: object) -> str:
        """Return a value that is a SHA-256 in hexadecimal; errors as :meth:`text`."""
        text = self.text(value)
        if _SHA256.fullmatch(text) is None:
            raise self.damaged("what names a content is no SHA-256")
        return text


_NEEDS_WRITER = {sqlite3.SQLITE_READONLY_ROLLBACK, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY}
_NUMBERS = {
    sqlite3.SQLITE_FULL: errno.ENOSPC,
    sqlite3.SQLITE_IOERR: errno.EIO,
    sqlite3.SQLITE_READONLY: errno.EROFS,
    sqlite3.SQLITE_PERM: errno.EACCES,
    sqlite3.SQLITE_CANTOPEN: errno.EACCES,
    sqlite3.SQLITE_NOMEM: errno.ENOMEM,
    sqlite3.SQLITE_NOLFS: errno.EFBIG,
}
