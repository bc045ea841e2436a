"""What of a medium lies where on a disc.

The boot code of a BIOS, and old drives, reach the front of a disc alone: so what starts a computer lies there, then
small files, and the large ones last.  Of a disc that is made of another one, files lie in the order of that.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from osdimage.imaging.disc.udf.text import compressed
from osdimage.imaging.disc.written.plan import DiscPlan, DiscSettings, plan_disc
from osdimage.imaging.disc.written.tree import NewFile, NewFolder
from osdimage.imaging.errors import InvalidRequest, Means, Remedy, TooSmall, quoted
from osdimage.imaging.media.parts.medium import BOOT_WIMS, Medium
from osdimage.imaging.randomness import RandomBits
from osdimage.imaging.units import MIB, format_size
from osdimage.imaging.volume.windows_names import fault_of

LONGEST_LABEL_BYTES = 31
"""Of a label as UDF records it, in all descriptors that have it: 30 letters of Western Europe, or 15 of others."""
_LARGE_BYTES = 16 * MIB
# Paths in the order in which their files lie on a disc; more boot images are named boot2.wim and so on.
_FRONT = tuple(
    re.compile(each)
    for each in (
        r"bootmgr",
        r"boot/.*",
        r"bootmgr\.efi",
        r"efi/.*",
        BOOT_WIMS,
        r"osdimage/media\.json(\.sig)?",
    )
)
_OF_BOOT, _SMALL, _LARGE = len(_FRONT), len(_FRONT) + 1, len(_FRONT) + 2


@dataclass(frozen=True, slots=True)
class IsoOptions:
    """What a disc says of itself, besides its label.

    Attributes:
        created_ns: when it is said to be made, in nanoseconds since 1970: the same time makes the same bytes.
        set_id: 16 digits of 0-9 and a-f, which all discs of a set have, and no other disc; see :func:`new_set_id`.
        number: which disc of its set it is, from 1.
        discs: how many discs the set has.
        limit_bytes: how large it may be; None for any size.
        readme: what somebody reads who sees ISO 9660 alone, ASCII, up to 2048 characters; None for a text that says so.
        order: paths of files in the order in which they lie on the disc; others lie behind them.
    """

    created_ns: int
    set_id: str
    number: int = 1
    discs: int = 1
    limit_bytes: int | None = None
    readme: str | None = None
    order: tuple[str, ...] = ()


def new_set_id(created_ns: int, rng: RandomBits) -> str:
    """Draw what all discs of a set have and no other disc: UDF wants the time in the first half (OSTA UDF 2.2.2.5)."""
    return f"{created_ns // 1_000_000_000 & 0xFFFFFFFF:08x}{rng.getrandbits(32):08x}"


def plan_iso(medium: Medium, options: IsoOptions, *, folders: Iterable[NewFolder] = ()) -> DiscPlan:
    """Lay out a medium on a disc; nothing is read or written, and the plan says how large the disc is, to the byte.

    Args:
        medium: what is to be on it.
        options: what it says of itself.
        folders: directories that it is to have besides those of files, or whose times are known.

    Raises:
        InvalidInput: when a disc, or Windows, cannot have some of the files; the message has all of them.
        InvalidRequest: when the label or the options cannot be.
        TooSmall: when it would be larger than it may be.
    """
    _require_label(medium.label)
    ranks = _Ranks(medium, options.order)
    boot = medium.boot
    settings = DiscSettings(
        medium.label,
        options.created_ns,
        options.set_id,
        options.number,
        options.discs,
        None if boot is None else boot.bios_image,
        None if boot is None else boot.uefi_image,
    )
    if options.readme is not None:
        settings = replace(settings, readme=options.readme)
    files = [
        NewFile(each.path, each.contents, each.modified_ns, ranks.of(each.path, each.size)) for each in medium.files
    ]
    plan = plan_disc(files, settings, folders=folders, name_fault=fault_of)
    if options.limit_bytes is not None and plan.size > options.limit_bytes:
        raise TooSmall(
            f"the disc would have {plan.size:,} bytes, {format_size(plan.size - options.limit_bytes)} more than the "
            f"{options.limit_bytes:,} that it may have",
            remedy=Remedy("take a larger disc, or leave out what is not needed"),
        )
    return plan


class _Ranks:
    """How near to the front of a disc files lie."""

    def __init__(self, medium: Medium, order: tuple[str, ...]) -> None:
        self._ordered = {path.lower(): number for number, path in enumerate(order)}
        self._of_boot = {each.path.lower() for each in medium.boot.files} if medium.boot is not None else set()

    def of(self, path: str, size: int) -> int:
        """Return the rank of a file; lower ones are nearer."""
        key = path.lower()
        ordered = self._ordered.get(key)
        if ordered is not None:
            return ordered
        return len(self._ordered) + self._by_kind(key, size)

    def _by_kind(self, key: str, size: int) -> int:
        for rank, each in enumerate(_FRONT):
            if each.fullmatch(key) is not None:
                return rank
        if key in self._of_boot:
            return _OF_BOOT
        return _SMALL if size < _LARGE_BYTES else _LARGE


def _require_label(label: str) -> None:
    recorded = compressed(label)
    if not label or not label.isprintable() or recorded is None or len(recorded) > LONGEST_LABEL_BYTES:
        raise InvalidRequest(
            f"the label {quoted(label)} is not valid; valid are 1 to {LONGEST_LABEL_BYTES - 1} characters, or "
            f"{(LONGEST_LABEL_BYTES - 1) // 2} where some are not of Western Europe",
            remedy=Remedy("choose one with {}", (Means.LABEL,)),
        )
