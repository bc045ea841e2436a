"""Other names for those that cannot be.

A name keeps what it can: each character that cannot be becomes ``_``, what is too long is cut and marked with ``~``,
and a name that another of the folder has then, also in other case, gets a number, as ``report (2).txt``.  Which it gets
depends on the names of the folder alone, not on their order, so that every run gives the same ones.  A short name that
cannot be is left out: Windows makes a new one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from osdimage.imaging.errors import quoted
from osdimage.imaging.loss import Loss
from osdimage.native.text import to_c
from osdimage.native.wim.names import faults_of_name, faults_of_short_name, faults_of_stream_name, folded
from osdimage.native.wim.tree import Audit, Fault

_LONGEST = 255
# An ending that is longer is a part of a sentence.
_LONGEST_SUFFIX = 16
_OF_FAULT = {Fault.SEPARATOR: "/\\\0", Fault.COLON: ":", Fault.CHARACTER: '<>"|?*' + "".join(map(chr, range(1, 32)))}


_EXAMPLES = 3

LISTED = 10_000
"""So many names that were replaced are listed in a result; all are counted."""


class NamePart(StrEnum):
    """What of a file has a name."""

    NAME = "name"
    SHORT_NAME = "short-name"
    STREAM = "stream"


@dataclass(frozen=True, slots=True)
class ReplacedName:
    """A name that was replaced by another.

    Attributes:
        path: of the file or directory, as it was, separated by ``/``.
        part: what of it.
        old: the name.
        new: the other one; None for a short name, which is left out.
    """

    path: str
    part: NamePart
    old: str
    new: str | None

    def __str__(self) -> str:
        """Say it in a line."""
        if self.new is None:
            return f"{quoted(self.path)} lost its short name {quoted(self.old)}"
        what = "" if self.part is NamePart.NAME else f"the stream {quoted(self.old)} of "
        return f"{what}{quoted(self.path)} became {quoted(self.new)}"


def names_replaced(names: Sequence[ReplacedName]) -> tuple[Loss, ...]:
    """Return names that were replaced as a loss."""
    if not names:
        return ()
    examples = tuple(each.path for each in names[:_EXAMPLES])
    return (Loss("names replaced by others", len(names), kind="name-replaced", examples=examples),)


@dataclass(frozen=True, slots=True)
class NameRule:
    """Which names cannot be.

    Attributes:
        refused: the faults that no name may have.
        longest_bytes: of a name in UTF-8; None for no limit.
    """

    refused: frozenset[Fault]
    longest_bytes: int | None = None

    def is_broken_by(self, audit: Audit) -> bool:
        """Tell whether an image may have a name that cannot be: one that libwim drops is not in its audit."""
        is_long = self.longest_bytes is not None and audit.extent.longest_name > self.longest_bytes
        return is_long or bool(audit.messages) or any(each.fault in self.refused for each in audit.faulty)

    def refuses(self, name: str, faults: frozenset[Fault]) -> bool:
        """Tell whether a name of a file, with what is wrong with it, cannot be."""
        return not self.refused.isdisjoint(faults) or (
            self.longest_bytes is not None and len(to_c(name)) > self.longest_bytes
        )


@dataclass(frozen=True, slots=True)
class Named:
    """The names of a file or directory: its own, and its short name, or None."""

    name: str
    short_name: str | None = None


def replaced(names: Sequence[Named], rule: NameRule) -> list[Named]:
    """Return the names that the files of a folder get, in the same order."""
    new = _replaced_names([each.name for each in names], rule)
    shorts = [each.short_name for each in names]
    return [Named(*each) for each in zip(new, _kept_short_names(new, shorts, rule), strict=True)]


def _replaced_names(names: Sequence[str], rule: NameRule) -> list[str]:
    result = list(names)
    taken: set[str] = set()
    odd: list[tuple[int, frozenset[Fault]]] = []
    for number in sorted(range(len(names)), key=lambda each: names[each]):
        name = names[number]
        faults = faults_of_name(name)
        key = folded(name)
        if Fault.TWIN in rule.refused and key in taken:
            faults |= {Fault.TWIN}
        # What has no name is damage, and not to be made whole here.
        if name and rule.refuses(name, faults):
            odd.append((number, faults & rule.refused))
        else:
            taken.add(key)
    free = _FreeNames(taken, rule)
    for number, faults in odd:
        result[number] = free.take(_mended(names[number], faults, rule))
    return result


def _kept_short_names(names: Sequence[str], shorts: Sequence[str | None], rule: NameRule) -> list[str | None]:
    result = list(shorts)
    taken = {folded(name) for name in names}
    for number in sorted(range(len(names)), key=lambda each: names[each]):
        short = shorts[number]
        if short is None:
            continue
        faults = faults_of_short_name(short, names[number])
        if folded(short) != folded(names[number]):
            if folded(short) in taken:
                faults |= {Fault.SHORT}
            taken.add(folded(short))
        if not rule.refused.isdisjoint(faults):
            result[number] = None
    return result


def replaced_streams(names: Iterable[str], rule: NameRule) -> dict[str, str]:
    """Return the names that named streams of a file get, by those that they have."""
    found = sorted(set(names))
    faults = {each: faults_of_stream_name(each) & rule.refused for each in found}
    taken = {folded(each) for each in found if not faults[each]}
    free = _FreeNames(taken, rule)
    return {each: free.take(_mended(each, faults[each], rule)) if faults[each] else each for each in found}


def _mended(name: str, faults: frozenset[Fault], rule: NameRule) -> str:
    """Return a name without its faults, but for those that only its folder tells of."""
    bad = "".join(text for fault, text in _OF_FAULT.items() if fault in faults)
    is_dots = Fault.DOTS in faults
    new = "".join("_" if each in bad or (is_dots and each == ".") or _is_half(each, faults) else each for each in name)
    if Fault.END in faults and new[-1] in ". ":
        new = f"{new[:-1]}_"
    if Fault.DEVICE in faults:
        base, dot, rest = new.partition(".")
        new = f"{base}_{dot}{rest}"
    return _cut(new, "", rule)


def _is_half(character: str, faults: frozenset[Fault]) -> bool:
    return Fault.SURROGATE in faults and "\ud800" <= character <= "\udfff"


class _FreeNames:
    """Gives names that no other of a folder has."""

    def __init__(self, taken: set[str], rule: NameRule) -> None:
        self._taken = taken
        self._rule = rule
        # The numbers below are taken: thousands of names can become one and the same.
        self._numbers: dict[str, int] = {}

    def take(self, name: str) -> str:
        """Return a name, with a number if another has it; it is taken then."""
        key = folded(name)
        new, number = name, self._numbers.get(key, 1)
        while folded(new) in self._taken:
            number += 1
            new = _cut(name, f" ({number})", self._rule)
        self._numbers[key] = number
        self._taken.add(folded(new))
        return new


def _cut(name: str, number: str, rule: NameRule) -> str:
    """Return a name with a number before its ending, cut so that it is not too long."""
    base, dot, ending = name.rpartition(".")
    if not base or not 0 < len(ending) <= _LONGEST_SUFFIX:
        base, dot, ending = name, "", ""
    new = f"{base}{number}{dot}{ending}"
    while base and _is_long(new, rule):
        base = base[:-1]
        new = f"{base}~{number}{dot}{ending}"
    return new


def _is_long(name: str, rule: NameRule) -> bool:
    units = len(name.encode("utf-16-le", "surrogatepass")) // 2
    return units > _LONGEST or (rule.longest_bytes is not None and len(to_c(name)) > rule.longest_bytes)
