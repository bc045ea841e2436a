"""Lines of scripts as bytes, and texts of people in them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from osdimage.imaging.errors import InvalidRequest, quoted

LONGEST_LINE = 8000
"""Characters: ``cmd`` takes 8191 in a line (Microsoft, KB 830473)."""
_PLAIN = re.compile(r"[^A-Za-z0-9 .,:;_+=@#$~/\\'\[\]{}()-]")
_JUMP = re.compile(r"\b(?:goto |call :)([A-Za-z0-9_]+)")


def script(lines: Iterable[str]) -> bytes:
    """Return a script, whose lines end as ``cmd`` and ``diskpart`` want them.

    Raises:
        InvalidRequest: when a line holds what is not ASCII, whose code page nobody knows there, or is too long.
    """
    text = "".join(f"{line}\r\n" for line in lines)
    if not text.isascii():
        lost = next(each for each in text if not each.isascii())
        raise InvalidRequest(
            f"a script of Windows PE would hold {quoted(lost)} (U+{ord(lost):04X}); valid is ASCII, for the code page "
            "of the computer is not known"
        )
    longest = max(map(len, text.split("\r\n")))
    if longest > LONGEST_LINE:
        raise InvalidRequest(f"a script of Windows PE would have a line of {longest} characters; valid are 8000")
    return text.encode("ascii")


def shown(text: str) -> str:
    """Return a text as ``echo`` can show it: what the shell reads for itself, and what is not ASCII, becomes ``?``."""
    return _PLAIN.sub("?", " ".join(text.split()))[:200].strip()


def with_blocks(lines: Iterable[str], blocks: Mapping[str, tuple[str, ...]]) -> list[str]:
    """Return lines with those blocks behind them, by their labels, that something goes to; unused labels are left out.

    Each block ends with a line from which nothing falls into the next one.
    """
    made = list(lines)
    rest = dict(blocks)
    while taken := [label for label in rest if label in _targets(made)]:
        for label in taken:
            made += ["", f":{label}", *rest.pop(label)]
    used = _targets(made)
    return [line for line in made if not (line.startswith(":") and line[1:] not in used)]


def _targets(lines: Iterable[str]) -> set[str]:
    return {name for line in lines for name in _JUMP.findall(line)}
