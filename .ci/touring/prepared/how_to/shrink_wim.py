"""What docs/how-to/shrink-wim.md takes for granted."""

from __future__ import annotations

from pathlib import Path

from cases.windows_trees import write_tree

from touring.discs import boot_wim, install_wim


def prepare() -> None:
    """Make wIMs of a Windows disc, and a folder with logs."""
    install_wim()
    boot_wim()
    write_tree(Path("Reference"), {"top.txt": b"1", "today.log": b"2", "cache/x": b"3"})
