"""What docs/tutorials/media.md takes for granted."""

from __future__ import annotations

from pathlib import Path

from touring.discs import virtio_disc, windows_disc
from touring.starting import SETUP_ANSWERS, starting_files


def prepare() -> None:
    """Make a disc of Windows, whose boot images have all that starts one, a disc with drivers, and answers."""
    windows_disc(has=starting_files())
    virtio_disc()
    Path("answers.xml").write_text(SETUP_ANSWERS, encoding="ascii")
