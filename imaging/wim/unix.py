"""What of Unix is lost when an image is applied or extracted: what is not set at all, and what libwim could not set."""

from __future__ import annotations

import re
from collections import Counter

from osdimage.imaging.loss import Loss
from osdimage.native.wim.tree import Audit

UNIX_DATA = "unix-data"
"""The class of what a directory gets only when it is asked for, and a volume never."""


def of_unix(*audits: Audit) -> tuple[Loss, ...]:
    """Return what a target loses of Unix that does not get it, or is not asked to."""
    files, special = sum(each.unix_data for each in audits), sum(each.special_files for each in audits)
    return tuple(
        Loss(what, count, UNIX_DATA)
        for what, count in (
            ("owner, group and mode of Unix not set", files),
            ("FIFOs, sockets and devices became empty files", special),
        )
        if count
    )


# libwim does not list extended attributes; it counts them when it writes (1.13 and 1.14, src/extract.c).
_EXTENDED_TOLD = re.compile(r"Ignoring extended attributes of (\d+) files")
_UNIX_TOLD = "Ignoring UNIX metadata"
# What it says of single files where the Unix data were asked for (src/unix_apply.c).
_REFUSED = {
    ": unable to set uid=": "files whose owner and group could not be set",
    ": unable to set mode=": "files whose mode could not be set",
    ": unable to set extended attribute ": "extended attributes that could not be set",
    "Can't create special file ": "FIFOs, sockets and devices that could not be made",
}


def told_by_libwim(warnings: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[Loss, ...]]:
    """Return libwim's warnings without those that say what we said, and what is lost by its count."""
    rest = tuple(text for text in warnings if not text.startswith(_UNIX_TOLD) and not _EXTENDED_TOLD.match(text))
    found = next((told for text in warnings if (told := _EXTENDED_TOLD.match(text))), None)
    refused = Counter(what for text in rest for sign, what in _REFUSED.items() if sign in text)
    return rest, (
        *extended_lost(0 if found is None else int(found[1])),
        *(Loss(what, count) for what, count in refused.items()),
    )


def extended_lost(files: int) -> tuple[Loss, ...]:
    """Return the loss of the extended attributes of some files."""
    return (Loss("files with extended attributes, which were not set", files, "extended-attributes"),) if files else ()
