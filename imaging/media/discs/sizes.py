"""How much a disc holds, by what it is called in shops."""

from __future__ import annotations

from osdimage.imaging.errors import InvalidRequest, quoted
from osdimage.imaging.units import parse_size

# Of two kinds that are sold under one name, that with less room: a DVD+R has 2,295,104 sectors of 2048 bytes, where a
# DVD-R has 2,298,496, and a DVD-R DL 4,171,712, where a DVD+R DL has 4,173,824.  A CD of 80 minutes has 360,000.
DISC_SIZES = {
    "cd": 737_280_000,
    "dvd": 4_700_372_992,
    "dvd-dl": 8_543_666_176,
    "bd": 25_025_314_816,
    "bd-dl": 50_050_629_632,
}
"""Bytes that a disc holds, by its name."""
UNLIMITED = "unlimited"


def parse_disc_size(text: str) -> int | None:
    """Read how much a disc may hold: one of :data:`DISC_SIZES`, a size such as ``4.3GB``, or ``unlimited`` (None).

    Raises:
        InvalidRequest: when the text is none of these.
    """
    wanted = text.strip().lower()
    if wanted == UNLIMITED:
        return None
    if wanted in DISC_SIZES:
        return DISC_SIZES[wanted]
    try:
        return parse_size(wanted)
    except InvalidRequest:
        names = ", ".join(DISC_SIZES)
        raise InvalidRequest(
            f"{quoted(text)} is no size of a disc; valid are {names}, {UNLIMITED}, and a size such as 4.3GB"
        ) from None
