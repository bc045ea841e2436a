"""What is wrong with the names in an image.

A WIM stores any UTF-16 names, NTFS nearly any; Windows opens fewer (Microsoft, "Naming Files, Paths, and Namespaces").
Names that no target can hold as they stand, or that would lead out of it, refuse the image (:data:`REFUSED`), unless
:class:`Names` says what becomes of them.  The others are told when an image is captured and when it is verified, and
each target keeps or refuses them by the table in ``apply/names.py``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum

from osdimage.imaging.errors import Means, Remedy, UnsafeName, quoted
from osdimage.imaging.loss import Loss
from osdimage.native.wim.tree import Fault, FaultyNames


class Names(StrEnum):
    """What becomes of names that a WIM, a directory or a volume refuses."""

    REFUSE = "refuse"
    """The image is refused."""
    KEEP = "keep"
    """They are stored in a WIM, and made in a directory of Linux, as they are: those with a ``\\`` or a colon."""
    REPLACE = "replace"
    """They are replaced by others, which are told."""


REFUSED = frozenset({Fault.SEPARATOR, Fault.COLON, Fault.DOTS, Fault.LENGTH})
"""Refused at every target, and in what is captured, unless told otherwise."""

KEPT = frozenset({Fault.SEPARATOR, Fault.COLON})
"""What of these a directory of Linux can hold, but for a ``/``."""

REASONS = {
    Fault.SEPARATOR: "holds a path separator",
    Fault.COLON: "holds a colon",
    Fault.DOTS: "is a directory's name for itself or its parent",
    Fault.LENGTH: "has more than the 255 UTF-16 units of a name, or its short name more than 12",
    Fault.SHORT: "goes with a short name that is not valid there, or is another's too",
    Fault.TWIN: "differs only in case from another of its folder",
    Fault.CHARACTER: 'holds one of < > " | ? * or a control character',
    Fault.END: "ends in a dot or a blank",
    Fault.DEVICE: "is that of a device, such as CON or LPT1",
    Fault.SURROGATE: "holds half a surrogate pair",
}
"""What is wrong with a name that has a fault, after "the name of ...\"."""

_COUNTED = {
    Fault.SEPARATOR: "names with a path separator, which Windows does not allow (and apply only if told)",
    Fault.COLON: "names with a colon, which Windows does not allow (and apply only if told)",
    Fault.DOTS: "names of a directory itself or its parent, which Windows does not allow (and apply only if told)",
    Fault.LENGTH: "names that are too long, which Windows does not allow (and apply only if told)",
    Fault.SHORT: "short names that cannot be, or that two files have (apply to NTFS takes them only if told)",
    Fault.TWIN: "names that differ from others of their folder only in case, of which Windows opens one",
    Fault.CHARACTER: 'names with < > " | ? * or a control character, which Windows cannot open',
    Fault.END: "names that end in a dot or a blank, which Windows cannot open",
    Fault.DEVICE: "names of devices such as CON or LPT1, which Windows cannot open",
    Fault.SURROGATE: "names with half a surrogate pair, which few programs can open",
}


OTHER_NAMES = Remedy("{} gives it another name", (Means.REPLACE_NAMES,))
"""What to do about a name that is refused, where that can be asked for."""


KEPT_OR_OTHER = Remedy("{} gives it another name, {} makes it as it is", (Means.REPLACE_NAMES, Means.KEEP_NAMES))
"""The same, where the target can hold the name, too."""


@contextmanager
def names_advised(names: Names, *, keeps: bool = False) -> Iterator[None]:
    """Say in the refusal of a name what could be done about it, unless that was asked for.

    Args:
        names: what was asked for.
        keeps: whether the target is a directory of Linux, which can hold the names of :data:`KEPT`.
    """
    try:
        yield
    except UnsafeName as error:
        if names is Names.REFUSE and error.remedy is None:
            error.remedy = KEPT_OR_OTHER if keeps and error.can_be_kept else OTHER_NAMES
        raise


def names_told(faulty: Sequence[FaultyNames]) -> tuple[Loss, ...]:
    """Return the faulty names of an image by class, with the paths of the first."""
    return tuple(
        Loss(_COUNTED[each.fault], each.count, kind=f"name-{each.fault.name.lower()}", examples=each.examples)
        for each in faulty
    )


def refusal(faults: FaultyNames) -> str:
    """Return a sentence that refuses names: the first, why, and how many more there are."""
    more = f" ({faults.count - 1} more like it)" if faults.count > 1 else ""
    return f"the name of {quoted(faults.examples[0])} {REASONS[faults.fault]}{more}"
