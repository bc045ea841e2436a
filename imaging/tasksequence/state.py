"""Files that a task sequence keeps its state in: JSON, for its owner alone, replaced as a whole."""

from __future__ import annotations

import json
from pathlib import Path

from osdimage.imaging.documents import read_document, reason_of, write_document
from osdimage.imaging.errors import InvalidDocument


def write_state(path: Path, document: object) -> None:
    """Write a document under its name complete or not at all, mode 0600, and wait until it is on the medium.

    Raises:
        StorageError: when it cannot be written.
    """
    write_document(path, json.dumps(document, indent=1) + "\n")


def read_state(path: Path) -> object:
    """Read a document.

    Raises:
        StorageError: when it cannot be read.
        InvalidDocument: when it is not JSON, or too large.
    """
    try:
        return json.loads(read_document(path))
    except (ValueError, RecursionError) as error:
        raise InvalidDocument(f"{path} is damaged: {reason_of(error)}") from error
