"""The Windows that a sequence has applied, or is about to capture."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from osdimage.imaging.tasksequence.computer.volumes import Place
from osdimage.imaging.tasksequence.computer.windows import WindowsFacts


@dataclass(frozen=True, slots=True)
class ImagePlace:
    """An image of a WIM, by the number that it has there."""

    path: Path
    index: int


@dataclass(frozen=True, slots=True)
class TargetSystem:
    """The Windows that the sequence has applied, or is about to capture.

    Attributes:
        place: its volume.
        windows: what it is.
        image: in a rehearsal, the image that would be in the volume; None when that is there.
        answers: in a rehearsal, the answer file that would be in the volume; None when that is there.
    """

    place: Place
    windows: WindowsFacts
    image: ImagePlace | None = None
    answers: bytes | None = field(default=None, repr=False)
