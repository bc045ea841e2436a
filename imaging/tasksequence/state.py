"""Files that a task sequence keeps its state in: JSON, for its owner alone, replaced as a whole."""

from __future__ import annotations

import json
from pathlib import Path

from osdimage.imaging.documents import (
    MAX_DOCUMENT_BYTES,
    Fields,
    parse_json,
    read_document,
    reason_of,
    require_version,
    write_document,
)
from osdimage.imaging.errors import InvalidDocument

MAX_BYTES = MAX_DOCUMENT_BYTES
"""A full environment is 10 MB in UTF-16, and JSON may write each of its characters with six."""


def write_state(path: Path, document: object) -> None:
    """Write a document under its name complete or not at all, mode 0600, and wait until it is on the medium.

    Raises:
        StorageError: when it cannot be written.
    """
    # After every step: with an indent Python encodes it itself, a hundred times slower.
    write_document(path, json.dumps(document) + "\n")


def read_state(path: Path) -> Fields:
    """Read a document.

    Raises:
        StorageError: when it cannot be read.
        InvalidDocument: when it is not JSON, no object, or too large.
    """
    text = read_document(path, MAX_BYTES)
    try:
        return Fields.of(parse_json(text))
    except ValueError as error:
        raise InvalidDocument(f"{path} is damaged: {reason_of(error)}") from error


def require_format(document: Fields, form: str, version: int, *, source: str, what: str) -> None:
    """Refuse what is another document, or of another version; ``what`` is what it ought to be.

    Raises:
        InvalidDocument: when it is.
    """
    if document.values.get("format") != form:
        raise InvalidDocument(f"{source} is not {what} of osdimage")
    require_version(document, version, source=source)
