"""Driver files wherever they are: what lies in the file system, and what is in a catalog."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from osdimage.imaging.drivers.store.addresses import is_address, supply_of
from osdimage.imaging.drivers.store.catalog import open_catalog
from osdimage.imaging.drivers.supplied.opened import Supply, open_supply


@contextmanager
def open_driver_files(
    path: str | os.PathLike[str], *, catalog: str | os.PathLike[str] | None = None
) -> Iterator[Supply]:
    """Open driver files for reading, and yield them.

    Args:
        path: what :func:`open_supply` takes, or ``catalog:NAME``.
        catalog: in which the name is looked for; None for that of the person.

    Raises:
        InvalidInput: when it is nothing of this kind, damaged, not safe, or beyond the limits.
        InvalidRequest: when there is nothing at the path, or nothing of the name, or it is disabled.
        StorageError, OsdImageError: when it cannot be read.
    """
    if not is_address(os.fspath(path)):
        with open_supply(path) as supply:
            yield supply
        return
    with open_catalog(catalog) as held:
        supply = supply_of(os.fspath(path), held)
    yield supply
