"""Where identifiers come from."""

from __future__ import annotations

from typing import Protocol
from uuid import UUID

__all__ = ["RandomBits", "random_guid"]


class RandomBits(Protocol):
    """Where identifiers come from: ``random.SystemRandom()``, or ``random.Random(seed)`` for the same bytes again."""

    def getrandbits(self, k: int, /) -> int:
        """Return ``k`` random bits."""


def drawn_from(rng: RandomBits | None) -> RandomBits:
    """Return where to draw from: None stands for the system."""
    if rng is not None:
        return rng
    import random  # noqa: PLC0415 - it brings hashes with it

    return random.SystemRandom()


def random_guid(rng: RandomBits) -> UUID:
    """Draw a version 4 GUID (RFC 9562)."""
    return UUID(int=rng.getrandbits(128), version=4)
