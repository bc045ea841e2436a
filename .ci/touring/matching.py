"""Whether what a command printed is what a page shows.

Lines are equal when they are, but for what differs from run to run, which is known by its form, and for the width of
columns.  A line ``...`` stands for any number of lines.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass

ANY_LINES = "..."

_UNITS = {"byte": 1, "bytes": 1, "KB": 1 << 10, "MB": 1 << 20, "GB": 1 << 30}
_SIZE = r"(?P<number>[0-9][0-9,.]*) (?P<unit>bytes?|KB|MB|GB)\b"
_GAP = re.compile(r"(?<=\S) {2,}")


def _behind(*words: str) -> str:
    return f"(?:{'|'.join(f'(?<={re.escape(word)})' for word in words)})"


@dataclass(frozen=True)
class Varying:
    """What differs from run to run.

    Attributes:
        name: what it is.
        pattern: how it is known; of one with ``near`` the groups ``number`` and ``unit`` are a size.
        near: how much a size may differ besides one in its last place, as a fraction of the larger; None for all.
    """

    name: str
    pattern: re.Pattern[str]
    near: float | None = None


# The metadata of an image holds times, and takes some bytes more or less when it is compressed.
VARYING = (
    Varying("time taken", re.compile(r"\b\d+\.\d+ ?s\b")),
    Varying("moment", re.compile(r"\b\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d(\.\d+)?)?( UTC|Z|[+-]\d\d:\d\d)?\b")),
    Varying("moment in a name", re.compile(r"\b\d{8}T\d{6}Z\b")),
    Varying("GUID", re.compile(r"\b[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b")),
    Varying("SHA-256", re.compile(r"\b[0-9a-f]{64}\b")),
    Varying(
        "size of a WIM",
        re.compile(rf"{_behind('the file has ', 'image, ', 'images, ', 'together ', '.swm: ')}{_SIZE}"),
        0.03,
    ),
    Varying("size of a medium with a WIM", re.compile(rf"{_behind('files, ')}{_SIZE}"), 0.05),
    Varying("size of a WIM before", re.compile(rf"{_behind('KB, before ', 'MB, before ')}{_SIZE}"), 0.03),
    Varying("size of a stream", re.compile(rf"{_behind('the stream has ', 'sent: ', 'received: ')}{_SIZE}"), 0.03),
    Varying("growth of a WIM", re.compile(rf"{_SIZE}(?= (?:more|less|of it are|of them are)\b)"), 0.1),
)


def matches(shown: Sequence[str], printed: Sequence[str]) -> bool:
    """Tell whether lines are those that are shown."""
    first, *rest = _pieces(shown)
    if not rest:
        return len(first) == len(printed) and _alike(first, printed)
    *middle, last = rest
    if len(first) + len(last) > len(printed) or not _alike(first, printed) or not _alike(last, _last(printed, last)):
        return False
    at, end = len(first), len(printed) - len(last)
    for piece in middle:
        found = next((n for n in range(at, end - len(piece) + 1) if _alike(piece, printed[n:])), None)
        if found is None:
            return False
        at = found + len(piece)
    return True


def to_show(shown: Sequence[str], printed: Sequence[str]) -> list[str]:
    """Return the lines that a page shows of what was printed: before and behind one cut as many as there are now."""
    pieces = _pieces(shown)
    if len(pieces) != 2 or sum(map(len, pieces)) >= len(printed):
        return list(printed)
    cut = next(line for line in shown if line.strip() == ANY_LINES)
    return [*printed[: len(pieces[0])], cut, *_last(printed, pieces[1])]


def difference(shown: Sequence[str], printed: Sequence[str]) -> str:
    """Return what differs, a line each, `-` for what is shown and `+` for what was printed."""
    lines = [next((each for each in shown if _same(each, line)), line) for line in printed]
    return "\n".join(list(difflib.unified_diff(shown, lines, lineterm="", n=2))[2:])


def _pieces(shown: Sequence[str]) -> list[list[str]]:
    pieces: list[list[str]] = [[]]
    for line in shown:
        if line.strip() == ANY_LINES:
            pieces.append([])
        else:
            pieces[-1].append(line)
    return pieces


def _last(printed: Sequence[str], piece: Sequence[str]) -> Sequence[str]:
    return printed[len(printed) - len(piece) :]


def _alike(piece: Sequence[str], printed: Sequence[str]) -> bool:
    return all(map(_same, piece, printed))


def _same(shown: str, printed: str) -> bool:
    return _form(shown) == _form(printed) and all(map(_Size.is_near, _sizes(shown), _sizes(printed)))


def _form(line: str) -> str:
    """Return a line with names in the place of what varies."""
    for each in VARYING:
        line = each.pattern.sub(f"<{each.name}>", line)
    return _GAP.sub("  ", line.rstrip())


@dataclass(frozen=True)
class _Size:
    """A size that may be near another: bytes, what one in its last place is, and how near."""

    size: float
    place: float
    near: float

    def is_near(self, other: _Size) -> bool:
        return abs(self.size - other.size) <= self.near * max(self.size, other.size) + max(self.place, other.place)


def _sizes(line: str) -> list[_Size]:
    found = []
    for each in VARYING:
        if each.near is not None:
            for size in each.pattern.finditer(line):
                unit, digits = _UNITS[size["unit"]], size["number"].replace(",", "")
                place = unit * 0.1 ** len(digits.partition(".")[2])
                found.append(_Size(float(digits) * unit, place, each.near))
    return found
