"""What docs/how-to/delta.md takes for granted."""

from __future__ import annotations

from pathlib import Path

from touring.stock import two_references


def prepare() -> None:
    """Make two images, and a file that the next one will have."""
    two_references()
    Path("startnet.cmd").write_text("wpeinit\\r\\n", encoding="ascii")
