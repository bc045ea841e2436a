"""A real tree of files to measure with, the same for both sides: a copy of system folders on tmpfs."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

FOLDERS = ("/usr/share", "/usr/include", "/usr/lib")
WANTED_FILES = 50_000


def copy_tree(destination: Path, wanted: int = WANTED_FILES) -> int:
    """Copy system folders until there are enough files; return their number.

    ``BENCH_FILES`` in the environment asks for another number: fewer, and the start of a command counts for more.
    Left out are names with a colon or a backslash, which a Windows image cannot hold, and special files.
    """
    wanted = int(os.environ.get("BENCH_FILES", wanted))
    count = 0
    for folder in FOLDERS:
        if count >= wanted:
            break
        for root, folders, files in os.walk(folder):
            target = destination / root.lstrip("/")
            target.mkdir(parents=True, exist_ok=True)
            folders[:] = [name for name in folders if is_plain(Path(root, name))]
            for name in files:
                source = Path(root, name)
                if is_plain(source):
                    shutil.copy2(source, target / name, follow_symlinks=False)
                    count += 1
            if count >= wanted:
                break
    return count


def is_plain(path: Path) -> bool:
    """Tell whether a path can be part of the tree."""
    return not set(":\\") & set(path.name) and (path.is_symlink() or path.is_dir() or path.is_file())
