"""Patterns of LIKE, the operator of WQL: ``%``, ``_`` and sets such as ``[a-f]`` and ``[^a]``.

Source: "LIKE Operator" of the WMI documentation; names and texts are compared without case ("WQL Operators").
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache


@dataclass(frozen=True, slots=True)
class _Part:
    """What stands between the ``%`` of a pattern: it matches texts of one length."""

    pattern: re.Pattern[str]
    length: int


def is_like(value: str, pattern: str) -> bool:
    """Match a pattern in a time that goes with the length of the text and of the pattern."""
    text, parts = value.lower(), _parts_of(pattern.lower())
    if len(parts) == 1:
        return parts[0].pattern.fullmatch(text) is not None
    last = len(text) - parts[-1].length
    if last < parts[0].length or parts[0].pattern.match(text) is None:
        return False
    at = parts[0].length
    for part in parts[1:-1]:
        found = part.pattern.search(text, at, last)
        if found is None:
            return False
        at = found.end()
    return parts[-1].pattern.fullmatch(text, last) is not None


def check_pattern(pattern: str) -> None:
    """Refuse a pattern that is not understood.

    Raises:
        ValueError: when a set in it has no end, or no member, or is a range that ends before it begins.
    """
    _parts_of(pattern.lower())


@lru_cache(maxsize=512)
def _parts_of(pattern: str) -> tuple[_Part, ...]:
    parts: list[list[str]] = [[]]
    at = 0
    while at < len(pattern):
        character = pattern[at]
        if character == "%":
            parts.append([])
        elif character == "[":
            end = pattern.find("]", at + 1)
            if end < 0:
                raise ValueError("a [ without ] in a pattern")
            parts[-1].append(_set_of(pattern[at + 1 : end]))
            at = end
        else:
            parts[-1].append("." if character == "_" else re.escape(character))
        at += 1
    return tuple(_Part(re.compile("".join(each), re.DOTALL), len(each)) for each in parts)


def _set_of(text: str) -> str:
    is_negated = text.startswith("^")
    members = text[is_negated:]
    if not members:
        raise ValueError("an empty [] in a pattern")
    pieces = []
    at = 0
    while at < len(members):
        if members[at + 1 : at + 2] == "-" and at + 2 < len(members):
            low, high = members[at], members[at + 2]
            if low > high:
                raise ValueError("a range in a pattern that ends before it begins")
            pieces.append(f"{re.escape(low)}-{re.escape(high)}")
            at += 3
        else:
            pieces.append(re.escape(members[at]))
            at += 1
    return f"[{'^' if is_negated else ''}{''.join(pieces)}]"
