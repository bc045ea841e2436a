"""Which steps may be left out although they would run: what the caller named, by number, name, type or class.

A class stands for steps that cannot be run here; a step of it that can be run, runs.  A type stands for its steps
whether they can be run or not.  Steps that a later version runs thus run where their class was named, and stay out
where they themselves were.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Self

from osdimage.imaging.errors import InvalidRequest, quoted
from osdimage.imaging.tasksequence.judging.kinds import ActionTable, meant, named, names_of, words_of
from osdimage.imaging.tasksequence.judging.known import known_actions
from osdimage.imaging.tasksequence.result import ActionInfo, StepClass, short_type
from osdimage.imaging.tasksequence.sequence import Sequence, Step

_LABEL = re.compile(r"[0-9]{1,5}(\.[0-9]{1,5})*", re.ASCII)


@dataclass(frozen=True, slots=True)
class LeaveOut:
    """What may be left out.

    Attributes:
        classes: of steps that cannot be run here.
        types: of steps, in lower case, by any of their names.
        steps: the numbers of steps, from 1.
    """

    classes: frozenset[StepClass] = frozenset()
    types: frozenset[str] = frozenset()
    steps: frozenset[int] = frozenset()

    @classmethod
    def of(cls, words: Iterable[str], sequence: Sequence | None = None, actions: ActionTable | None = None) -> Self:
        """Read what a person wrote: classes, types with or without their prefix, titles, scripts of MDT, or steps.

        A step is named by its number, or by its name as the sequence has it; all steps of a name are meant.

        Args:
            words: in any case.
            sequence: whose steps may be named by types that nobody knows; None: only known types may be.
            actions: what is known; None: all that osdimage knows.

        Raises:
            InvalidRequest: when a word is none of these; offers what may have been meant.
        """
        table = known_actions() if actions is None else actions
        present = {name for step in (() if sequence is None else sequence.steps) for name in names_of(step)}
        classes: set[StepClass] = set()
        types: set[str] = set()
        steps: set[int] = set()
        for word in words:
            folded = word.strip().lower()
            info = named(folded, table)
            if folded in set(StepClass):
                classes.add(StepClass(folded))
            elif info is not None:
                types.update(info.names)
            elif folded in present:
                types.add(folded)
            elif sequence is not None and (found := steps_called(word, sequence)):
                steps.update(found)
            else:
                names = () if sequence is None else (step.name for step in sequence.steps)
                known = [*StepClass, *words_of(table), *present, *names]
                classes_told = ", ".join(StepClass)
                raise InvalidRequest(
                    f"{quoted(word)} is no class ({classes_told}), no step and no type of step"
                    f"{meant(short_type(word), known)}"
                )
        return cls(frozenset(classes), frozenset(types), frozenset(steps))

    def names(self, number: int, step: Step, info: ActionInfo | None) -> bool:
        """Tell whether a step is meant by its number or its type."""
        if number in self.steps:
            return True
        own = {*names_of(step), *(() if info is None else info.names)}
        return not self.types.isdisjoint(own)

    def __or__(self, other: LeaveOut) -> LeaveOut:
        """Return what either of two may leave out."""
        return LeaveOut(self.classes | other.classes, self.types | other.types, self.steps | other.steps)

    def to_document(self) -> list[str]:
        """Return it as words that :meth:`from_words` reads, in any version."""
        return sorted((*self.classes, *self.types, *map(str, self.steps)))

    @classmethod
    def from_words(cls, words: Iterable[str]) -> Self:
        """Read what :meth:`to_document` returned."""
        found = set(words)
        classes = {StepClass(word) for word in found & set(StepClass)}
        steps = frozenset(word for word in found if word.isascii() and word.isdigit())
        return cls(frozenset(classes), frozenset(found - classes - steps), frozenset(map(int, steps)))


def steps_called(word: str, sequence: Sequence) -> tuple[int, ...]:
    """Return the numbers of the steps that a person means: by what is said for a number, or by their name, in any case.

    ``12.3`` is a step of the child that step 12 runs; ``12``, and the name of that step, are all steps of the child.
    """
    text = word.strip()
    if _LABEL.fullmatch(text):
        wanted = {text}
    else:
        folded = text.casefold()
        wanted = {label for label, member in sequence.labelled() if member.name.casefold() == folded}
    if not wanted:
        return ()
    return tuple(
        number for number, label in enumerate(sequence.labels, 1) if any(each in wanted for each in _above(label))
    )


def _above(label: str) -> Iterator[str]:
    """Yield a label, and those of the steps that run the children it is in."""
    while label:
        yield label
        label = label.rpartition(".")[0]


NOTHING = LeaveOut()
"""Leaves nothing out."""
