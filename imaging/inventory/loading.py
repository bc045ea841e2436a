"""Opening a file that tells of computers."""

from __future__ import annotations

import os
from pathlib import Path

from osdimage.imaging.documents import MAX_DOCUMENT_BYTES, read_limited
from osdimage.imaging.inventory.computers import Inventory
from osdimage.imaging.inventory.table import TableForm, read_table


def load_inventory(path: str | os.PathLike[str], form: TableForm | None = None) -> Inventory:
    """Return the computers of a file: a table as CSV.

    Args:
        path: the file.
        form: what the table is like, where it does not say so itself.

    Raises:
        StorageError: when it cannot be read.
        InvalidRequest: when the form cannot be.
        InvalidInput: when it is not valid; tells every fault with its line.
    """
    path = Path(path)
    return read_table(read_limited(path, MAX_DOCUMENT_BYTES, kind="inventories"), form, source=str(path))
