"""What a comparison of an image with a target finds: a count for each class of facts, and the differences by name."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path


class Fidelity(StrEnum):
    """A class of facts that an image stores of its files."""

    NAMES = "names"
    CONTENTS = "contents"
    NAMED_STREAMS = "named-streams"
    ATTRIBUTES = "attributes"
    CREATION_TIMES = "creation-times"
    MODIFICATION_TIMES = "modification-times"
    ACCESS_TIMES = "access-times"
    SECURITY_DESCRIPTORS = "security-descriptors"
    SHORT_NAMES = "short-names"
    HARD_LINKS = "hard-links"
    REPARSE_POINTS = "reparse-points"
    OBJECT_IDS = "object-ids"
    OWNERS = "owners"
    MODES = "modes"
    DEVICES = "device-numbers"
    EXTENDED_ATTRIBUTES = "extended-attributes"
    EXTRA = "extra"


OF_UNIX = frozenset({Fidelity.OWNERS, Fidelity.MODES, Fidelity.DEVICES, Fidelity.EXTENDED_ATTRIBUTES})
"""What no volume of Windows gets: Windows has no owner and mode of Unix, and libwim writes no $EA."""

# As `apply` does, which cannot keep them in any directory: a class that is always dropped would make --strict useless.
_FORGIVEN = frozenset({Fidelity.CREATION_TIMES, Fidelity.ACCESS_TIMES})


@dataclass(frozen=True, slots=True)
class Difference:
    """A fact that is not in the target as it is in the image.

    Attributes:
        kind: its class.
        path: of the file; a named stream follows behind a colon.
        expected: what the image says, or None: it says nothing, the target has something on its own.
        found: what is in the target, or None: nothing.
    """

    kind: Fidelity
    path: str
    expected: str | None
    found: str | None


@dataclass(frozen=True, slots=True)
class ClassCount:
    """How a class of facts fared.

    Attributes:
        kind: the class.
        stored: facts of this class in the image.
        restored: how many of them are in the target as they are in the image.
        dropped: how many of them a target of this kind has no place for.
        different: facts that the target has otherwise, has not, or has without the image.
    """

    kind: Fidelity
    stored: int
    restored: int
    dropped: int
    different: int


@dataclass(frozen=True, slots=True)
class CompareReport:
    """What a comparison found.

    Attributes:
        wim: the WIM.
        image: the index of the image.
        target: what it was compared with.
        partition: the number of the partition, or None.
        target_kind: such as "an NTFS volume".
        files: names that the image has.
        size: bytes that were read from the target and hashed.
        is_equal: whether there is no difference; what was dropped is none.
        has_losses: whether something was dropped that the target has no place for, times apart.
        classes: one count for each class of which the image or the target has anything.
        differences: the first ones, by path.
        more_differences: how many are not listed.
        excluded: paths of the target alone that a capture leaves out by its exclusions; they are no differences.
        notes: sentences about the target as a whole.
    """

    wim: Path
    image: int
    target: Path
    partition: int | None
    target_kind: str
    files: int
    size: int
    is_equal: bool
    has_losses: bool
    classes: tuple[ClassCount, ...]
    differences: tuple[Difference, ...]
    more_differences: int
    excluded: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(slots=True)
class _Count:
    stored: int = 0
    restored: int = 0
    dropped: int = 0
    different: int = 0


@dataclass(slots=True)
class Tally:
    """Counts facts and keeps the first differences.

    Attributes:
        limit: how many to keep.
        total_different: all differences; the facts of a file that is missing are not, the file is one.
        counts: by class.
        differences: those that were kept.
    """

    limit: int
    total_different: int = 0
    counts: dict[Fidelity, _Count] = field(default_factory=lambda: {kind: _Count() for kind in Fidelity})
    differences: list[Difference] = field(default_factory=list)

    def restored(self, kind: Fidelity, count: int = 1) -> None:
        """Count facts that are there as they should be."""
        self.counts[kind].stored += count
        self.counts[kind].restored += count

    def dropped(self, kind: Fidelity, count: int = 1) -> None:
        """Count facts that the target has no place for."""
        self.counts[kind].stored += count
        self.counts[kind].dropped += count

    def gone(self, kind: Fidelity, count: int = 1) -> None:
        """Count facts of a file that is not there at all, which is a difference of its own."""
        self.counts[kind].stored += count
        self.counts[kind].different += count

    def different(self, kind: Fidelity, path: str, expected: str | None, found: str | None) -> None:
        """Count a difference; it is kept if it is among the first."""
        self.counts[kind].stored += expected is not None
        self.counts[kind].different += 1
        self.total_different += 1
        if len(self.differences) < self.limit:
            self.differences.append(Difference(kind, path, expected, found))

    @property
    def classes(self) -> tuple[ClassCount, ...]:
        """The counts of the classes of which there is anything."""
        return tuple(
            ClassCount(kind, count.stored, count.restored, count.dropped, count.different)
            for kind, count in self.counts.items()
            if count.stored or count.different
        )

    @property
    def has_losses(self) -> bool:
        """Whether something was dropped, times apart."""
        return any(count.dropped for kind, count in self.counts.items() if kind not in _FORGIVEN)
