"""What docs/how-to/make-usb.md takes for granted."""

from __future__ import annotations

import shutil
from pathlib import Path

from cases import media
from cases.windows_trees import body, write_tree

from touring.stock import osdimage


def prepare() -> None:
    """Make a boot image, and a folder with the shape of a Windows medium."""
    media.boot_image(Path("winpe.wim"))
    write_tree(Path("Windows"), media.medium_files())
    shutil.copy("winpe.wim", "Windows/sources/boot.wim")
    write_tree(Path("tree"), {f"{number}.bin": body(f"file {number}", 1_000_000) for number in range(3)})
    osdimage("capture", "tree", "Windows/sources/install.wim", "--name", "Windows", "--compress", "none")
    Path("notes.txt").write_text("Lab 3\n", encoding="ascii")
