"""Files and folders that one image has and the other has not: which of them are the same under another path.

A file is the same when all that is looked at is equal, its name apart, and a folder when all that is in it is the same
under the same names.  Folders are looked for before files, and the outermost ones first: what is in one that was
renamed is not told again.  What says little of itself, as an empty file, is the same only where
its times are looked at.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from osdimage.imaging.compare.facts import key_of
from osdimage.imaging.compare.fidelity import Fidelity
from osdimage.imaging.compare.tree_facts import Child, TreeFacts


@dataclass(slots=True)
class Lone:
    """An entry that is in one of two images.

    Attributes:
        path: from the root.
        entry: what its folder says of it.
        above: the position in the list of the folder that it is in; None where that is in both images.
        end: the position in the list behind all that is in it.
        is_gone: whether it was found under another path.
    """

    path: str
    entry: Child
    above: int | None
    end: int = 0
    is_gone: bool = False

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.rpartition("/")[2]


@dataclass(slots=True)
class LoneEntries:
    """The entries that are in one of two images, folders before what is in them.

    Attributes:
        facts: the tree that has them.
        entries: the list.
    """

    facts: TreeFacts
    entries: list[Lone] = field(default_factory=list)

    def add(self, path: str, entry: Child, above: int | None) -> int:
        """Add an entry; return its position."""
        self.entries.append(Lone(path, entry, above))
        return len(self.entries) - 1

    def settle(self) -> None:
        """Find out how far each folder reaches, once all are there."""
        for position in range(len(self.entries) - 1, -1, -1):
            each = self.entries[position]
            each.end = max(each.end, position + 1)
            if each.above is not None:
                above = self.entries[each.above]
                above.end = max(above.end, each.end)

    def left(self) -> list[Lone]:
        """Return what was not renamed."""
        return [each for each in self.entries if not each.is_gone]


def pair_renamed(before: LoneEntries, after: LoneEntries, kinds: frozenset[Fidelity]) -> list[tuple[range, range]]:
    """Find what was renamed, and mark it as gone.

    Args:
        before: what the first image has alone.
        after: what the second one has alone.
        kinds: what is looked at; without the contents nothing is the same.

    Returns:
        Positions in both lists, of a file or of a folder with all that is in it, in the same order.
    """
    if Fidelity.CONTENTS not in kinds or not before.entries or not after.entries:
        return []
    has_times = Fidelity.MODIFICATION_TIMES in kinds
    numbers: dict[object, int] = {}
    ours, theirs = (_marks(each, other, kinds, numbers) for each, other in ((before, after), (after, before)))
    by_mark: dict[int, dict[str, list[int]]] = {}
    for position in range(len(theirs) - 1, -1, -1):
        mark, says_much = theirs[position]
        if mark is not None and (says_much or has_times):
            by_mark.setdefault(mark, {}).setdefault(after.entries[position].name, []).append(position)
    found = []
    for position in _folders_first(before):
        lone, mark = before.entries[position], ours[position][0]
        chosen = None if lone.is_gone or mark is None else _choose(lone.name, by_mark.get(mark, {}), after)
        if chosen is not None:
            pair = range(position, lone.end), range(chosen, after.entries[chosen].end)
            for here, there in zip(*pair, strict=True):
                before.entries[here].is_gone = after.entries[there].is_gone = True
            found.append(pair)
    return found


def _folders_first(lone: LoneEntries) -> list[int]:
    return sorted(range(len(lone.entries)), key=lambda each: not lone.entries[each].entry.is_directory)


def _choose(name: str, candidates: dict[str, list[int]], after: LoneEntries) -> int | None:
    """Take one that has the same name, if any has, or else another; candidates are by names, the last first."""
    while candidates:
        key = name if name in candidates else next(iter(candidates))
        while candidates[key]:
            position = candidates[key].pop()
            if not after.entries[position].is_gone:
                return position
        del candidates[key]
    return None


def _marks(
    lone: LoneEntries, other: LoneEntries, kinds: frozenset[Fidelity], numbers: dict[object, int]
) -> list[tuple[int | None, bool]]:
    """Return of each entry a number that equal ones have, None for what has no equal, and whether it has contents."""
    facts = lone.facts
    # Most of what is new in one image has contents that are nowhere in the other: the rest is not looked at.
    there = {other.facts.main_sha1(each.entry) for each in other.entries}
    inside: dict[int, list[tuple[str, int | None, bool]]] = {}
    marks: list[tuple[int | None, bool]] = [(None, False)] * len(lone.entries)
    for position in range(len(lone.entries) - 1, -1, -1):
        each = lone.entries[position]
        sha1 = facts.main_sha1(each.entry)
        mark: int | None = None
        below = inside.pop(position, [])
        if sha1 in there and all(found is not None for _, found, _ in below):
            names = tuple(sorted((name, found) for name, found, _ in below))
            mark = numbers.setdefault((key_of(facts, each.entry, kinds), names), len(numbers))
        marks[position] = (mark, sha1 is not None or any(much for _, _, much in below))
        if each.above is not None:
            inside.setdefault(each.above, []).append((each.name, *marks[position]))
    return marks
