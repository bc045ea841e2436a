"""Which standard streams were closed when the command began: ``main`` has put nothing in their place."""

from __future__ import annotations

CLOSED: set[int] = set()
