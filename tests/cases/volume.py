"""Disks with an NTFS partition, and a WIM to put there."""

from __future__ import annotations

import hashlib
import json
import os
import random
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from judges.disk import cut_out, sfdisk
from judges.wim import require
from osdimage.imaging.disk.device import open_target
from osdimage.imaging.disk.tables.read import read_table
from osdimage.imaging.units import Extent, Lba
from osdimage.imaging.volume.ntfs.format import NtfsFormat, format_ntfs
from osdimage.native.slices.slices import Slice
from osdimage.native.slices.sources import Source
from runs import commands

OSDIMAGE = Path(sys.executable).with_name("osdimage")
MIB = 1 << 20
SERIAL = 0x0123456789ABCDEF

# What sfdisk is told, and the number of the partition that is to be NTFS.
LAYOUTS = {
    "gpt": ("label: gpt\nsize=16MiB, type=U\nsize=8MiB, type=E3C9E316-0B5C-4DB8-817D-F92DF00215AE\nsize=200MiB\n", 3),
    "mbr": ("label: dos\nsize=16MiB, type=c\nsize=200MiB, type=7\n", 2),
    "logical": ("label: dos\nsize=16MiB, type=7\ntype=5\nsize=16MiB, type=7\nsize=200MiB, type=7\n", 6),
}
DISK_BYTES = 260 * MIB
KINDS = [*LAYOUTS, "gpt-4096"]


@dataclass(frozen=True)
class Disk:
    """A disk image with a partition that is, or is to be, NTFS."""

    path: Path
    partition: int
    extent: Extent
    sector_size: int = 512

    @property
    def offset(self) -> int:
        return self.extent.first * self.sector_size

    @property
    def size(self) -> int:
        return self.extent.count * self.sector_size


def make_disk(path: Path, kind: str = "gpt") -> Disk:
    """Lay out a disk image; other programs make the table where they can."""
    if kind == "gpt-4096":
        command = ["disk", "init", str(path), "--size", str(DISK_BYTES), "--preset", "data-gpt"]
        osdimage(*command, "--sector-size", "4096", "--yes", "--quiet")
        with open_target(str(path)) as target:
            table = read_table(target).require()
        found = max(table.partitions, key=lambda each: each.extent.count)
        return Disk(path, found.number, found.extent, 4096)
    script, number = LAYOUTS[kind]
    with path.open("wb") as file:
        file.truncate(DISK_BYTES)
    subprocess.run([require("sfdisk"), "--quiet", path], input=script, text=True, check=True, capture_output=True)
    seen = next(each for each in sfdisk(path)[1] if each.number == number)
    assert seen.sectors is not None
    return Disk(path, number, Extent(Lba(seen.first), seen.sectors))


def format_disk(disk: Disk, wish: NtfsFormat | None = None) -> Disk:
    """Format the partition."""
    require("mkntfs")
    with open_target(str(disk.path), write=True) as target:
        format_ntfs(target, disk.extent, wish or NtfsFormat(label="Windows", serial=SERIAL, is_zero=True))
    return disk


def make_tree(folder: Path, files: int = 300) -> Path:
    """Make a tree of everything that a capture of Linux can hold."""
    source = random.Random(4)
    for number in range(files):
        place = folder / f"d{number % 7}" / f"e{number % 3}"
        place.mkdir(parents=True, exist_ok=True)
        size = source.choice([0, 1, 300, 700, 5000, 70_000, 200_000])
        (place / f"file {number}.bin").write_bytes(source.randbytes(size))
    (folder / "empty").mkdir()
    (folder / "Zürich \N{SNOWMAN}.txt").write_text("Grüezi\n", encoding="utf-8")
    os.link(folder / "d0/e0/file 0.bin", folder / "hard link.bin")
    (folder / "link").symlink_to("d0/e0/file 0.bin")
    with (folder / "sparse.bin").open("wb") as file:
        file.truncate(3 * MIB)
        os.pwrite(file.fileno(), b"end", 3 * MIB - 3)
    return folder


def make_files(folder: Path, files: dict[str, str]) -> Path:
    """Make text files."""
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    return folder


def make_wim(tree: Path, wim: Path) -> Path:
    """Capture a tree with the program of others."""
    command = [require("wimlib-imagex"), "capture", str(tree), str(wim), "--compress=xpress"]
    subprocess.run(command, check=True, capture_output=True)
    return wim


def osdimage(*arguments: str, code: int = 0) -> str:
    """Run the command; return what it says, on stdout when it works and on stderr when it does not."""
    done = commands.osdimage(*arguments, code=code)
    return done.out if code == 0 else done.err


def osdimage_json(*arguments: str) -> dict[str, Any]:
    """Run ``apply`` or ``capture`` with --json; return what it says of the one volume."""
    document = json.loads(osdimage(*arguments, "--json"))
    result: dict[str, Any] = document["volumes"][0]["result"] if arguments[0] == "apply" else document["images"][0]
    return result


def part_of(disk: Disk) -> Path:
    """Copy the partition into a file of its own, for programs that know no partitions."""
    return cut_out(disk.path, disk.offset, disk.size, disk.path.with_name("part.img"))


def expected_contents(tree: Path) -> dict[str, str]:
    """Return what ntfs_judges.contents() must find of a tree."""
    found = {}
    for path in tree.rglob("*"):
        name = f"/{path.relative_to(tree)}"
        if path.is_symlink():
            found[name] = "link"
        elif path.is_dir():
            found[name] = "directory"
        else:
            found[name] = hashlib.sha1(path.read_bytes(), usedforsecurity=False).hexdigest()
    return found


def with_slice(disk: Disk, use: Callable[[str], object]) -> object:
    """Call a function with the name by which libntfs-3g opens the partition."""
    descriptor = os.open(disk.path, os.O_RDWR)
    try:
        with Source.of_file(descriptor) as source, Slice(source, disk.offset, disk.size) as piece:
            return use(piece.name)
    finally:
        os.close(descriptor)


def put(disk: Disk, at: int, data: bytes) -> None:
    """Overwrite bytes of the partition."""
    with disk.path.open("r+b") as file:
        os.pwrite(file.fileno(), data, disk.offset + at)
