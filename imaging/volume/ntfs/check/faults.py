"""What was found: every fault is counted, the first ones of each kind are kept."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from osdimage.imaging.finding import Severity
from osdimage.imaging.volume.ntfs.check.kinds import FaultKind

# All kinds together, whatever was asked for: a hostile volume has as many faults as it has bytes.
_MOST_KEPT = 10_000


@dataclass(frozen=True, slots=True)
class NtfsFault:
    r"""Something that is wrong.

    Attributes:
        kind: what it is, how much it matters and what it means.
        text: what was found, without where.
        record: the number of the MFT record that it is in, or None.
        attribute: which attribute of it, such as ``$DATA:stream``, or None.
        cluster: the first cluster that it is about, or None.
        path: the file's, from the root and separated by ``\``; None when it has none, or none that could be found.
    """

    kind: FaultKind
    text: str
    record: int | None = None
    attribute: str | None = None
    cluster: int | None = None
    path: str | None = None

    @property
    def place(self) -> str:
        """Where it is on the volume, in words; empty for the volume as a whole."""
        parts = [] if self.record is None else [f"MFT record {self.record}"]
        parts += [] if self.attribute is None else [self.attribute]
        parts += [] if self.cluster is None else [f"cluster {self.cluster}"]
        return ", ".join(parts)


@dataclass(frozen=True, slots=True)
class NtfsReport:
    """What a check of an NTFS volume found.

    Attributes:
        files: how many files there are, those of the system included.
        directories: how many of these are directories.
        records: how many records of the MFT are in use.
        clusters: how many the volume has.
        used: how many of them belong to files.
        is_complete: whether everything could be looked at; if not, what hangs on the rest was not judged.
        counts: how many faults there are of each kind that was found, in the order in which they were found.
        faults: the first ones of each kind.
    """

    files: int
    directories: int
    records: int
    clusters: int
    used: int
    is_complete: bool
    counts: dict[FaultKind, int]
    faults: tuple[NtfsFault, ...]

    @property
    def is_sound(self) -> bool:
        """Whether there is no error; there may be warnings and notes."""
        return not self.errors

    @property
    def errors(self) -> int:
        """How many faults are errors."""
        return self._number(Severity.ERROR)

    @property
    def warnings(self) -> int:
        """How many faults are warnings."""
        return self._number(Severity.WARNING)

    @property
    def notes(self) -> int:
        """How many are notes: what Windows itself leaves behind."""
        return self._number(Severity.NOTE)

    def _number(self, severity: Severity) -> int:
        return sum(count for kind, count in self.counts.items() if kind.severity is severity)

    def of(self, kind: FaultKind) -> tuple[NtfsFault, ...]:
        """Return the faults of a kind that were kept."""
        return tuple(each for each in self.faults if each.kind is kind)


class Faults:
    """Collects faults while a volume is checked.

    Attributes:
        counts: how many there are of each kind.
        kept: the first ones of each kind.
        is_complete: cleared when something could not be looked at.
        most: how many of each kind are kept.
    """

    def __init__(self, most: int) -> None:
        """Keep at most so many of each kind."""
        self.counts: Counter[FaultKind] = Counter()
        self._told: Counter[FaultKind] = Counter()
        self.kept: list[NtfsFault] = []
        self.is_complete = True
        self.most = most

    def tell(
        self,
        kind: FaultKind,
        text: str,
        record: int | None = None,
        attribute: str | None = None,
        cluster: int | None = None,
    ) -> None:
        """Note a fault."""
        self.counts[kind] += 1
        if self._told[kind] < self.most and len(self.kept) < _MOST_KEPT:
            self._told[kind] += 1
            self.kept.append(NtfsFault(kind, text, record, attribute, cluster))

    def add(self, kind: FaultKind, number: int) -> None:
        """Count faults without keeping them."""
        if number > 0:
            self.counts[kind] += number
