r"""The number by which Windows orders the drivers of a device: ``0xSSGGTHHH``, the lowest is the best.

Sources: Microsoft, "How Windows Ranks Driver Packages", "Identifier Score", "Feature Score", "Signature Score" and
"Driver Package Rank Example" (windows-driver-docs, ``install/``: ``how-windows-ranks-driver-packages.md``,
``identifier-score--windows-vista-and-later-.md`` and their neighbours).  The pages order the signature scores and name
one number, 0xFF of an unknown one; 0x80 and 0xC0 are ``DRIVER_UNTRUSTED_RANK`` and ``DRIVER_W9X_SUSPECT_RANK`` of
``setupapi.h``, and 0x00 of what is trusted is what logs of SetupAPI show (``Rank - 0x00ff0005`` in "Driver Package Rank
Information in the SetupAPI Log").
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, IntEnum

_LAST_POSITION = 0xFFF
_PER_INF_POSITION = 0x100


class MatchKind(IntEnum):
    """Which list of the device and which of the INF an id is in; the value is the score of that, lower is better."""

    HARDWARE = 0x0000
    """The INF's hardware id is a hardware id of the device."""
    COMPATIBLE_OF_INF = 0x1000
    """A compatible id of the INF is a hardware id of the device."""
    COMPATIBLE_OF_DEVICE = 0x2000
    """The INF's hardware id is a compatible id of the device."""
    COMPATIBLE = 0x3000
    """A compatible id of the INF is a compatible id of the device."""

    @classmethod
    def of(cls, *, is_hardware_of_device: bool, is_hardware_of_inf: bool) -> MatchKind:
        """Return the kind of a match between two ids."""
        if is_hardware_of_device:
            return cls.HARDWARE if is_hardware_of_inf else cls.COMPATIBLE_OF_INF
        return cls.COMPATIBLE_OF_DEVICE if is_hardware_of_inf else cls.COMPATIBLE


class Signature(Enum):
    """What is known of a package's signature without a Windows, which alone says what is trusted."""

    CHECKED = "its catalog fits its files"
    PRESENT = "its catalog was not compared with its files"
    NONE = "it has no catalog that fits its files"
    UNKNOWN = "whether it has a catalog is not known"

    def score(self, *, is_nt: bool) -> int:
        """Return the score, 8 bits, of a package that is taken for trusted when it has a catalog.

        Args:
            is_nt: whether the name of its install section ends in ``.nt`` or ``.nt`` and an architecture.
        """
        if self is Signature.UNKNOWN:
            return 0xFF
        if self is Signature.NONE:
            return 0x80 if is_nt else 0xC0
        return 0x00


def identifier_score(kind: MatchKind, device_position: int, inf_position: int = 0) -> int:
    """Return the score of two ids that match, 16 bits.

    Args:
        kind: which lists they are in.
        device_position: of the id in that list of the device, from 0.
        inf_position: of the id among the compatible ids of the INF's line, from 0; its hardware id is alone.
    """
    position = device_position
    if kind is MatchKind.COMPATIBLE:
        position += inf_position * _PER_INF_POSITION
    # The pages end each range with FFF; what Windows does with longer lists is not said.
    return kind + min(position, _LAST_POSITION)


@dataclass(frozen=True, slots=True, order=True)
class Rank:
    """A rank, which compares as its number does.

    Attributes:
        signature: 8 bits.
        feature: 8 bits; 0xFF where the INF names none.
        identifier: 16 bits.
    """

    signature: int
    feature: int
    identifier: int

    @property
    def value(self) -> int:
        """The number, 32 bits."""
        return self.signature << 24 | self.feature << 16 | self.identifier

    def __str__(self) -> str:
        """Return it as Windows writes it."""
        return f"0x{self.value:08X}"
