"""Programs of others that judge FAT volumes; see ``judges``."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from judges import disk as disk_judges

# mtools would read the configuration of whoever runs the tests.
os.environ["MTOOLSRC"] = os.devnull


@dataclass(frozen=True, slots=True)
class Fsck:
    """What ``fsck.fat -n`` counts on a volume about which it has nothing to say."""

    entries: int
    used_clusters: int
    clusters: int


def fsck(image: Path) -> Fsck:
    """Return the counts of ``fsck.fat -n IMAGE``; fail when it exits with anything but 0 or says anything more."""
    text = disk_judges.run(["fsck.fat", "-n", image])
    lines = text.splitlines()
    found = re.fullmatch(rf"{re.escape(str(image))}: (\d+) files, (\d+)/(\d+) clusters", lines[-1])
    assert len(lines) == 2, text
    assert lines[0].startswith("fsck.fat ")
    assert found is not None, text
    return Fsck(*map(int, found.groups()))


def copy_out(image: Path, folder: Path) -> None:
    """Copy everything out with mtools, times too."""
    folder.mkdir()
    disk_judges.run(["mcopy", "-s", "-m", "-Q", "-i", image, "::/", folder])


def mtools(*arguments: str | Path) -> str:
    """Run a program of mtools."""
    return disk_judges.run(arguments)


def blkid(image: Path) -> dict[str, str]:
    """Return what ``blkid -p -o export IMAGE`` recognises."""
    text = disk_judges.run(["blkid", "-p", "-o", "export", image])
    # blkid escapes spaces for a shell.
    return dict(line.replace("\\ ", " ").split("=", 1) for line in text.splitlines() if "=" in line)


def seven_zip(image: Path) -> str:
    """Return which file system ``7zz l -slt IMAGE`` says that it is."""
    command = [disk_judges.require("7zz"), "l", "-slt", image]
    # It prints short names as they are stored.
    printed = subprocess.run(command, capture_output=True, check=True).stdout.decode("utf-8", "replace")
    return next(line for line in printed.splitlines() if line.startswith("File System = ")).partition(" = ")[2]


@dataclass(frozen=True, slots=True)
class Dissected:
    """A file or directory as dissect.fat sees it; the digest of a directory is None."""

    short_name: str
    attributes: int
    sha256: str | None


def dissect(image: Path) -> tuple[Any, dict[str, Dissected]]:
    """Return dissect.fat's file system, and all that it finds, by path."""
    try:
        from dissect.fat import fat  # noqa: PLC0415 - a judge may be missing
    except ImportError:
        disk_judges.missing("dissect.fat is not installed")
    found: dict[str, Dissected] = {}
    with image.open("rb") as stream:
        system = fat.FATFS(stream)
        waiting = [("", system.root)]
        while waiting:
            prefix, directory = waiting.pop()
            for entry in directory.iterdir():
                if entry.is_volume_id() or entry.name in {".", ".."}:
                    continue
                digest = None
                if entry.is_directory():
                    waiting.append((f"{prefix}{entry.name}/", entry))
                else:
                    digest = hashlib.sha256(entry.open().read(entry.size)).hexdigest() if entry.size else _EMPTY
                name = Dissected(entry.short_name, int(entry.dirent.DIR_Attr), digest)
                found[f"{prefix}{entry.name}"] = name
    return system, found


_EMPTY = hashlib.sha256(b"").hexdigest()
