"""What a DOS name can be: eight characters, a dot and three ([MS-FSCC] 2.1.5.2.1)."""

from __future__ import annotations

# What is in a name of most files; everything else is looked at one by one.
_FORBIDDEN = frozenset(' "*+,/:;<=>?[\\]|' + "".join(map(chr, range(32))))


def short_name_fault(name: str) -> str | None:
    """Return what keeps a name from being one of DOS, or None.  Windows keeps the case of one that fits as it is."""
    base, dot, extension = name.partition(".")
    if not 1 <= len(base) <= 8 or len(extension) > 3 or "." in extension or (dot and not extension):
        return f"{name!r} is not eight characters, a dot and three"
    bad = _FORBIDDEN.intersection(name)
    return f"{name!r} has {', '.join(map(repr, sorted(bad)))}" if bad else None
