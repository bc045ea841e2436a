"""Files besides a WIM that hold its contents: the other parts of a split WIM, or the base of a delta."""

from __future__ import annotations

from collections.abc import Iterable

from osdimage.imaging.wim.failures import wim_errors
from osdimage.native.handles import WimHandle


def reference_files(handle: WimHandle, refs: Iterable[str]) -> None:
    """Find contents in other files too, given as paths or glob patterns.

    Raises:
        OsdImageError: which names the pattern, when nothing fits it or a file is no WIM or cannot be read.
    """
    for pattern in refs:
        with wim_errors(pattern):
            handle.reference_files([pattern])
