"""What a target could not hold of what it was given."""

from __future__ import annotations

from dataclasses import dataclass

from osdimage.imaging.errors import quoted

__all__ = ["Loss"]


@dataclass(frozen=True, slots=True)
class Loss:
    """Something of an image that a target cannot hold, or that was left out.

    Attributes:
        what: a few words.
        count: how many files it concerns.
        kind: a word for programs, where the class has one; never changes with the text.
        examples: paths of the first files, where they are known.
    """

    what: str
    count: int
    kind: str | None = None
    examples: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Say it in a few words."""
        named = ", ".join(map(quoted, self.examples))
        more = ", ..." if self.count > len(self.examples) > 0 else ""
        return f"{self.what}: {self.count}" + (f" ({named}{more})" if named else "")


def summarise(losses: tuple[Loss, ...], warnings: tuple[str, ...]) -> str:
    """Say in one line what was lost."""
    return "; ".join([*(str(loss) for loss in losses), *warnings[:3], *(["..."] if len(warnings) > 3 else [])])
