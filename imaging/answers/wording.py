"""Names of an answer file in messages."""

from __future__ import annotations

from collections.abc import Iterable

_SHOWN = 4
_LONGEST = 60


def listed(items: Iterable[object]) -> str:
    """Join names: the first few, each once, and how many there are besides."""
    names = list(dict.fromkeys(map(str, items)))
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")


def shown(text: str) -> str:
    """Return a name that a file holds: not longer than names are, and printable."""
    plain = "".join(each if each.isprintable() else "?" for each in text[:_LONGEST])
    return plain + ("..." if len(text) > _LONGEST else "")
