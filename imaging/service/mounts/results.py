"""How an image is unmounted, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from osdimage.imaging.errors import quoted
from osdimage.imaging.service.mounts.table import Mount


@dataclass(frozen=True, slots=True)
class UnmountOptions:
    """How an image is unmounted.

    Attributes:
        commit: write what was changed into the WIM; otherwise it is lost.
        force: unmount also while somebody uses it: files that are open are closed.
        rebuild: write the WIM anew afterwards, without what no image needs.
        recompress: the same, and compress everything again.
        integrity: whether the WIM has an integrity table then; None as before.
        new_image: commit to a new image behind the others, and leave the one that was mounted as it is.
        new_name: of the new image; None for the first that is free of ``NAME (2)``, ``NAME (3)``...
    """

    commit: bool = False
    force: bool = False
    rebuild: bool = False
    recompress: bool = False
    integrity: bool | None = None
    new_image: bool = False
    new_name: str | None = None


AS_IT_IS = UnmountOptions()
"""Unmounting without a commit."""


@dataclass(frozen=True, slots=True)
class UnmountResult:
    """What became of a mount.  Sizes in bytes.

    Attributes:
        mount: the facts of it, as it was.
        committed: whether what was changed is in the WIM.
        index: of the image that has it; None without a commit.
        name: of that image.
        old_size: of the WIM before; None without a commit.
        new_size: of the WIM after.
        lost_files: how many contents of changed files were removed that a server had left which died.
        warnings: sentences for people.
    """

    mount: Mount
    committed: bool = False
    index: int | None = None
    name: str | None = None
    old_size: int | None = None
    new_size: int | None = None
    lost_files: int = 0
    warnings: tuple[str, ...] = ()


def names_told(wim: Path, index: int, count: int, first: str | None) -> tuple[str, ...]:
    """Return what is to be said of names that a Windows image may not hold: how many there are, and the first path."""
    if not count:
        return ()
    more = f" ({count - 1} more like it)" if count > 1 else ""
    text = (
        f"{wim}: image {index} holds a name that is not allowed in a Windows image, "
        f"{quoted(first or '')}{more}: it cannot be applied with it, and a mounted folder with one "
        "that holds / cannot be listed"
    )
    return (text,)
