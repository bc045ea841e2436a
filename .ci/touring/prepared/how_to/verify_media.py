"""What docs/how-to/verify-media.md takes for granted."""

from __future__ import annotations

from pathlib import Path

from cases import media

from touring.starting import starting_files
from touring.stock import osdimage


def prepare() -> None:
    """Make a disc, one of which the copy was cut off, and one whose stores name a WIM that it has not."""
    media.boot_image(Path("boot.wim"), starting_files())
    osdimage("media", "iso", "lab.iso", "--boot-image", "boot.wim")
    osdimage("media", "iso", "without.iso", "--from", "lab.iso", "--remove", "sources/boot.wim")
    Path("cut.iso").write_bytes(Path("lab.iso").read_bytes()[:-8192])
