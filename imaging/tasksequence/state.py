"""Files that a task sequence keeps its state in: JSON, for its owner alone, replaced as a whole."""

from __future__ import annotations

import json
import os
import tempfile
from contextlib import suppress
from pathlib import Path

from osdimage.imaging.disk.backup import read_document
from osdimage.imaging.errors import InvalidDocument, StorageError


def write_state(path: Path, document: object) -> None:
    """Write a document under its name complete or not at all, mode 0600, and wait until it is on the medium.

    Raises:
        StorageError: when it cannot be written.
    """
    temporary: Path | None = None
    try:
        # mkstemp makes the file for its owner alone.
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
        temporary = Path(name)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(document, file, indent=1)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())
        temporary.rename(path)
        temporary = None
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise StorageError(f"{path}: {error.strerror}", path=path, errno=error.errno) from error
    finally:
        if temporary is not None:
            with suppress(OSError):
                temporary.unlink()


def read_state(path: Path) -> object:
    """Read a document.

    Raises:
        StorageError: when it cannot be read.
        InvalidDocument: when it is not JSON, or too large.
    """
    try:
        return json.loads(read_document(path))
    except (ValueError, RecursionError) as error:
        raise InvalidDocument(f"{path} is damaged: {type(error).__name__}") from error
