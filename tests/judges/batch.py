"""What is wrong with a batch file by its text alone: what a shell would only find when it comes there.

Written for the scripts of osdimage, and stricter than the shell is; no line of it is shared with what makes them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

_LABEL = re.compile(r"^\s*:([A-Za-z_][A-Za-z0-9_]*)\s*$")
_JUMP = re.compile(r"(?:\bgoto\s+:?|\bcall\s+:)([A-Za-z_][A-Za-z0-9_]*)", re.IGNORECASE)
_SET = re.compile(r"\bset\s+(?:/a\s+)?\"?([A-Za-z_][A-Za-z0-9_]*)\s*=", re.IGNORECASE)
_USED = re.compile(r"%([A-Za-z_][A-Za-z0-9_]*)%")
_LOOP = re.compile(r"%%([A-Za-z])")
_LONGEST = 8191
_OF_WINDOWS = frozenset({"systemroot", "systemdrive", "errorlevel", "date", "time", "programdata", "windir", "comspec"})


def faults(data: bytes, known: Iterable[str] = ()) -> list[str]:
    """Return what is wrong with a batch file; ``known`` are variables that somebody else sets."""
    text = data.decode("latin-1")
    found = []
    if not text.endswith("\r\n") or re.search(r"(?<!\r)\n|\r(?!\n)", text):
        found.append("a line does not end with CR LF")
    lines = [line for line in text.split("\r\n") if not re.match(r"\s*@?rem\b", line, re.IGNORECASE)]
    found += _of_names(lines, {each.lower() for each in known} | _OF_WINDOWS)
    if re.search(r"enabledelayedexpansion|/v:on", text, re.IGNORECASE):
        found.append("delayed expansion takes ! out of what users named")
    for number, line in enumerate(lines, 1):
        if len(line) > _LONGEST:
            found.append(f"line {number} has {len(line)} characters")
        if line.count('"') % 2:
            found.append(f"line {number} has a quote that does not end: {line.strip()}")
        if re.search(r"(?<!\S)[0-9]>", line) and not re.search(r"2>&1|2>nul", line):
            found.append(f"line {number}: a digit before > is a handle: {line.strip()}")
    return found + list(_brackets(lines))


def _of_names(lines: list[str], known: set[str]) -> Iterator[str]:
    text = "\n".join(lines)
    labels = [match[1].lower() for line in lines if (match := _LABEL.match(line))]
    jumps = {name.lower() for name in _JUMP.findall(text)} - {"eof"}
    yield from (f"label {name} is not there" for name in sorted(jumps - set(labels)))
    yield from (f"nothing goes to label {name}" for name in sorted(set(labels) - jumps))
    yield from (f"label {name} is there twice" for name in sorted({each for each in labels if labels.count(each) > 1}))
    sets = {name.lower() for name in _SET.findall(text)} | known
    yield from (f"%{name}% is set nowhere" for name in sorted({each.lower() for each in _USED.findall(text)} - sets))


def _brackets(lines: list[str]) -> Iterator[str]:
    """Yield blocks that read with ``%`` what they set themselves: the shell replaces it before the block begins."""
    depth = 0
    inside: set[str] = set()
    for number, line in enumerate(lines, 1):
        plain = re.sub(r'"[^"]*"', '""', line)
        if depth:
            used = {name.lower() for name in _USED.findall(line)}
            yield from (f"line {number}: %{name}% was set in the same block" for name in sorted(used & inside))
            inside |= {name.lower() for name in _SET.findall(line)}
        if re.search(r"\(\s*$", plain) or (depth and plain.strip().startswith(")")):
            depth += plain.count("(") - plain.count(")")
        if not depth:
            inside = set()
    if depth:
        yield "a block does not end"
