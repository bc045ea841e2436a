"""Copying bytes of a WIM from file to file."""

from __future__ import annotations

from collections.abc import Callable

from osdimage.imaging import output
from osdimage.imaging.output import LARGEST_STEP
from osdimage.native.wim.raw_copy import CopyRange

Copied = Callable[[int], None]
"""Is told how many bytes more were copied; it stops the copy by raising an exception of its own."""


def copy_range(
    source: int, destination: int, what: CopyRange, copied: Copied, *, step_bytes: int = LARGEST_STEP
) -> None:
    """Copy bytes from file to file, by the system itself where it can; ``copied`` is told of each step.

    Raises:
        OSError: when reading or writing failed; ENODATA when the source ends too early.
    """
    output.copy_range(
        source,
        destination,
        at=what.source,
        to=what.destination,
        size=what.size,
        copied=copied,
        step_bytes=step_bytes,
    )
