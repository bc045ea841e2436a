"""What docs/how-to/task-sequence-media.md takes for granted."""

from __future__ import annotations

from pathlib import Path

from cases import media

from touring.starting import starting_files


def prepare() -> None:
    """Make a boot image with all that a medium is started with."""
    media.boot_image(Path("boot.wim"), starting_files())
