"""What a target could not hold of what it was given."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Loss:
    """Something of an image that a target cannot hold, or that was left out: what, and how many files it concerns."""

    what: str
    count: int

    def __str__(self) -> str:
        """Say it in a few words."""
        return f"{self.what}: {self.count}"


def summarise(losses: tuple[Loss, ...], warnings: tuple[str, ...]) -> str:
    """Say in one line what was lost."""
    return "; ".join([*(str(loss) for loss in losses), *warnings[:3], *(["..."] if len(warnings) > 3 else [])])
