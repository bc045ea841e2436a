"""Sources of files: what is below a slice."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from osdimage.native.slices.sources import Source


@contextmanager
def opened_source(path: Path, flags: int = os.O_RDWR) -> Iterator[Source]:
    """Open a file as a source."""
    descriptor = os.open(path, flags)
    try:
        source = Source.of_file(descriptor)
    finally:
        # The descriptor of the caller is closed here: the source has its own.
        os.close(descriptor)
    with source:
        yield source
