"""Text documents that osdimage keeps for itself: saved tables, plans, the state of a task sequence."""

from __future__ import annotations

import json
import os
import tempfile
from contextlib import suppress
from pathlib import Path

from osdimage.imaging.errors import InvalidDocument, StorageError

MAX_DOCUMENT_BYTES = 64 << 20
"""More than any real document; a larger file is not read into memory."""


def write_document(path: Path, text: str) -> None:
    """Write a document under its name complete or not at all, mode 0600, and wait until it is on the medium.

    Raises:
        StorageError: when it cannot be written; one that was there is as it was, unless the message says that the new
            one has its name.
    """
    temporary: Path | None = None
    told = ""
    try:
        # mkstemp makes the file for its owner alone.
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
        temporary = Path(name)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.rename(path)
        temporary = None
        told = " -- it is complete and has its name, but the medium did not confirm the name"
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise StorageError(f"{path}: {error.strerror}{told}", path=path, errno=error.errno) from error
    finally:
        if temporary is not None:
            with suppress(OSError):
                temporary.unlink()


def read_document(path: Path) -> str:
    """Read a document, of limited size.

    Raises:
        StorageError: when it cannot be read.
        InvalidDocument: when it is too large or not text.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_DOCUMENT_BYTES + 1)
    except OSError as error:
        raise StorageError(f"{path}: {error.strerror}", path=path, errno=error.errno) from error
    if len(data) > MAX_DOCUMENT_BYTES:
        raise InvalidDocument(f"{path} is too large for a document of osdimage")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InvalidDocument(f"{path} is not a text file") from error


def reason_of(error: Exception) -> str:
    """Say what is wrong with a document, from what was raised when it was read; without names of Python."""
    if isinstance(error, json.JSONDecodeError):
        return f"not JSON: {error}"
    if isinstance(error, KeyError):
        return f"{error} is missing"
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    if isinstance(error, (TypeError, AttributeError)):
        # What these say is about Python's types.
        return "a value is of the wrong kind"
    return str(error)
