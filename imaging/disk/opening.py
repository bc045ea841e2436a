"""How a disk is opened: what of it is not to be found on the disk itself, and what somebody must have allowed."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Opening:
    """How a disk is opened, which every function that takes the path of one is told.

    Attributes:
        sector_size: bytes of a sector of an image; None for what its partition table or a device says.
    """

    sector_size: int | None = None


AS_FOUND = Opening()
"""Nothing is told, and nothing allowed that is not always."""
