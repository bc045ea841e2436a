"""The task sequences of media: each can be run, and each can be what a step of another one runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from osdimage.imaging.errors import InvalidRequest, quoted
from osdimage.imaging.tasksequence.forms.children import child_of, with_children
from osdimage.imaging.tasksequence.sequence import Sequence as TaskSequence


@dataclass(frozen=True, slots=True)
class MediaSequence:
    """A task sequence of media.

    Attributes:
        identifier: by which it is chosen, and by which steps of others name it.
        name: for people.
        sequence: it, without its children.
    """

    identifier: str
    name: str
    sequence: TaskSequence


def chosen(sequences: Sequence[MediaSequence], wanted: str | None) -> MediaSequence:
    """Return the sequence that is called by an ID or a name, in any case; without one, the only one.

    Raises:
        InvalidRequest: when there is no such one, or several; it tells what there is.
    """
    if wanted is None and len(sequences) == 1:
        return sequences[0]
    folded = None if wanted is None else wanted.casefold()
    found = [each for each in sequences if folded == each.identifier.casefold()]
    found = found or [each for each in sequences if folded == each.name.casefold()]
    if len(found) == 1:
        return found[0]
    there = ", ".join(f"{each.identifier} ({quoted(each.name)})" for each in sequences) or "none"
    why = "say which sequence of the media runs" if wanted is None else f"the media have no sequence {quoted(wanted)}"
    if len(found) > 1:
        why = f"the media have {len(found)} sequences of the name {quoted(wanted or '')}; valid is an ID"
    raise InvalidRequest(f"{why}; on them are: {there}")


def with_family(wanted: MediaSequence, sequences: Sequence[MediaSequence]) -> TaskSequence:
    """Return a sequence with those others of the media in place that its steps, and theirs, run.

    Raises:
        InvalidInput: as :func:`~osdimage.imaging.tasksequence.forms.children.with_children`.
    """
    there = {each.identifier.lower(): each for each in sequences}
    children: dict[str, TaskSequence] = {}
    waiting = [wanted.sequence]
    while waiting:
        for key in _run_by(waiting.pop(), there):
            if key not in children:
                children[key] = there[key].sequence
                waiting.append(there[key].sequence)
    return with_children(wanted.sequence, {there[key].identifier: each for key, each in children.items()})


def _run_by(sequence: TaskSequence, there: Mapping[str, MediaSequence]) -> list[str]:
    names = ((child_of(step) or "").lower() for step in sequence.steps)
    return [name for name in names if name in there]
