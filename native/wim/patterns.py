"""Patterns of what a capture leaves out, matched in C; the Python face of ``patterns.c``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from osdimage.native._wimlib import ffi, lib
from osdimage.native.text import to_c


class Patterns:
    """What is left out, and what is not although it fits that.  One thread at a time.

    Attributes:
        pointer: the ``struct osd_patterns *``, which lives as long as this object.
    """

    def __init__(
        self,
        exclusions: Iterable[str],
        exceptions: Iterable[str] = (),
        *,
        match_case: bool = False,
        paths: Iterable[str] = (),
    ) -> None:
        r"""Take patterns; one that begins with ``\`` or ``/`` is a path from the root, any other the name of a file.

        What has one of ``paths``, written with ``/`` and as they are, is left out whatever the exceptions are.
        """
        self.pointer: Any = ffi.gc(lib.osd_patterns_new(match_case), lib.osd_patterns_free)
        if self.pointer == ffi.NULL:
            raise MemoryError
        for is_exception, patterns in enumerate((exclusions, exceptions)):
            for pattern in patterns:
                if lib.osd_patterns_add(self.pointer, to_c(pattern), is_exception) != 0:
                    raise MemoryError
        for path in paths:
            if lib.osd_patterns_add_path(self.pointer, to_c(path)) != 0:
                raise MemoryError

    def exclude(self, path: str) -> bool:
        """Tell whether a path from the root, with ``/`` between its parts, is left out."""
        found = lib.osd_patterns_exclude(self.pointer, to_c(path))
        if found < 0:
            raise MemoryError
        return bool(found)
