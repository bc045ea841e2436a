"""What docs/how-to/programs.md takes for granted."""

from __future__ import annotations

from pathlib import Path

from touring.stock import osdimage, two_references


def prepare() -> None:
    """Make a WIM of two images, and apply one of them, of which a file is then changed."""
    two_references()
    osdimage("apply", "install.wim", "changed", "--index", "1")
    (Path("changed") / "errno.h").write_text("1", encoding="ascii")
