"""Programs of others that judge the partition tables that osdimage wrote.

Each wrapper returns facts, so that a test compares facts and never text.  A judge that is missing skips the test here
and fails it in CI, where all are installed.  Hostile tables make some judges loop or eat all memory, so each runs under
a limit of both.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from judges.wim import require

_MEMORY_BYTES = 2 << 30
_SECONDS = 60
_PIECE = 8 << 20


@dataclass(frozen=True, slots=True)
class Seen:
    """A partition as a judge reports it; None is what the judge does not tell."""

    number: int | None
    first: int
    sectors: int | None
    type_id: str | None = None
    guid: str | None = None
    name: str | None = None
    attributes: int | None = None
    active: bool | None = None


def missing(what: str) -> Any:
    """Skip the test for want of something else than a program, or fail it in CI."""
    if os.environ.get("CI"):
        pytest.fail(f"{what}; in CI every judge must be there")
    pytest.skip(what)


def run(arguments: Sequence[str | Path], *, text_in: str | None = None, check: bool = True) -> str:
    """Run a judge within limits of time and memory and return what it prints."""
    # With a function of Python before the exec, subprocess copies the page tables of the tests: 12 ms for each judge.
    limited = [require("prlimit"), f"--as={_MEMORY_BYTES}", "--"]
    command = [*limited, require(str(arguments[0])), *map(str, arguments[1:])]
    done = subprocess.run(
        command,
        input=text_in,
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
        env={**os.environ, "LC_ALL": "C.UTF-8"},
    )
    if check:
        assert done.returncode == 0, f"{command}: {done.returncode}: {done.stdout}{done.stderr}"
    return done.stdout


def cut_out(disk: Path, offset: int, size: int, to: Path) -> Path:
    """Copy a part of a file into a file of its own; holes stay holes."""
    with disk.open("rb") as source, to.open("wb") as target:
        target.truncate(size)
        position, last = offset, offset + size
        while position < last:
            try:
                position = os.lseek(source.fileno(), position, os.SEEK_DATA)
            except OSError:
                break
            end = min(os.lseek(source.fileno(), position, os.SEEK_HOLE), last)
            while position < end:
                piece = os.pread(source.fileno(), min(end - position, _PIECE), position)
                os.pwrite(target.fileno(), piece, position - offset)
                position += len(piece)
    return to


def copy_of(disk: Path, to: Path) -> Path:
    """Copy a file whose holes stay holes."""
    return cut_out(disk, 0, disk.stat().st_size, to)


def stored(path: Path) -> str:
    """Return a hash of what a file holds and where, but for its holes: of gigabytes that are holes nothing is read."""
    found = hashlib.sha1(usedforsecurity=False)
    with path.open("rb") as file:
        position, end = 0, path.stat().st_size
        found.update(b"%d" % end)
        while position < end:
            try:
                position = os.lseek(file.fileno(), position, os.SEEK_DATA)
            except OSError:
                break
            after = os.lseek(file.fileno(), position, os.SEEK_HOLE)
            found.update(b" %d " % position)
            while position < after:
                piece = os.pread(file.fileno(), min(after - position, _PIECE), position)
                found.update(piece)
                position += len(piece)
    return found.hexdigest()


def head(path: Path, size: int = 512) -> bytes:
    """Return the first bytes of a file that may have gigabytes."""
    with path.open("rb") as file:
        return file.read(size)


def partition_of(disk: Path, number: int, to: Path, *, sector_size: int = 512) -> Path:
    """Copy a partition into a file of its own, by what fdisk says of its place."""
    seen = next(each for each in fdisk(disk, sector_size) if each.number == number)
    assert seen.sectors is not None
    return cut_out(disk, seen.first * sector_size, seen.sectors * sector_size, to)


# ---- sfdisk ----

# sfdisk names attribute bits: "RequiredPartition LegacyBIOSBootable GUID:60,63".
_SFDISK_BITS = {"RequiredPartition": 0, "NoBlockIOProtocol": 1, "LegacyBIOSBootable": 2}


def _sfdisk_attributes(text: str) -> int:
    bits = 0
    for word in text.split():
        if word.startswith("GUID:"):
            bits |= sum(1 << int(bit) for bit in word.removeprefix("GUID:").split(","))
        else:
            bits |= 1 << _SFDISK_BITS[word]
    return bits


def _number(node: str, disk: str) -> int:
    return int(node.removeprefix(disk).removeprefix("p"))


def sfdisk(disk: Path) -> tuple[dict[str, Any], list[Seen]]:
    """Return what ``sfdisk -J DISK`` says of the disk and of its partitions."""
    table = json.loads(run(["sfdisk", "-J", disk]))["partitiontable"]
    seen = []
    for each in table.get("partitions", []):
        is_gpt = table["label"] == "gpt"
        seen.append(
            Seen(
                number=_number(each["node"], str(disk)),
                first=each["start"],
                sectors=each["size"],
                type_id=each["type"].lower() if is_gpt else f"0x{int(each['type'], 16):02x}",
                guid=each["uuid"].lower() if is_gpt else None,
                name=each.get("name", "") if is_gpt else None,
                attributes=_sfdisk_attributes(each.get("attrs", "")) if is_gpt else None,
                active=None if is_gpt else each.get("bootable", False),
            )
        )
    return table, seen


_FDISK_GPT = ["Device", "Start", "Sectors", "Type-UUID", "UUID", "Attrs"]
_FDISK_DOS = ["Device", "Boot", "Start", "Sectors", "Id"]


def fdisk(disk: Path, sector_size: int) -> list[Seen]:
    """Return what ``fdisk -l -b SIZE -o ... DISK`` lists; unlike sfdisk it can be told the sector size of a file."""
    heading = run(["fdisk", "-l", "-b", str(sector_size), disk])
    is_gpt = "Disklabel type: gpt" in heading
    columns = _FDISK_GPT if is_gpt else _FDISK_DOS
    text = run(["fdisk", "-l", "-b", str(sector_size), "-o", ",".join(columns), disk])
    seen = []
    for line in text.splitlines():
        if not line.startswith(str(disk)) or ":" in line.split()[0]:
            continue
        cells = line.split()
        number = _number(cells[0], str(disk))
        if is_gpt:
            first, sectors, type_id, guid = cells[1:5]
            attributes = _sfdisk_attributes(" ".join(cells[5:]))
            seen.append(Seen(number, int(first), int(sectors), type_id.lower(), guid.lower(), None, attributes))
        else:
            active = cells[1] == "*"
            first, sectors, type_id = cells[2:5] if active else cells[1:4]
            seen.append(Seen(number, int(first), int(sectors), f"0x{int(type_id, 16):02x}", active=active))
    return seen


# ---- sgdisk ----


def sgdisk_verify(disk: Path) -> str:
    """Return what ``sgdisk -v DISK`` finds."""
    return run(["sgdisk", "-v", disk])


def sgdisk(disk: Path, numbers: Sequence[int]) -> list[Seen]:
    """Return what ``sgdisk -i 1 -i 2 ... DISK`` says of partitions of a GPT."""
    text = run(["sgdisk", *(f"--info={number}" for number in numbers), disk])
    blocks = text.split("Partition GUID code: ")[1:]
    assert len(blocks) == len(numbers), text
    seen = []
    for number, block in zip(numbers, blocks, strict=True):
        first = int(_find(r"First sector: (\d+)", block))
        seen.append(
            Seen(
                number=number,
                first=first,
                sectors=int(_find(r"Last sector: (\d+)", block)) - first + 1,
                type_id=block.split()[0].lower(),
                guid=_find(r"unique GUID: (\S+)", block).lower(),
                name=_find(r"Partition name: '(.*)'", block),
                attributes=int(_find(r"Attribute flags: (\S+)", block), 16),
            )
        )
    return seen


def _find(pattern: str, text: str) -> str:
    match = re.search(pattern, text)
    assert match is not None, text
    return match[1]


# ---- parted ----


def parted(disk: Path) -> tuple[str, list[tuple[Seen, set[str]]]]:
    """Return the label and the partitions with their flags that ``parted -m DISK unit s print`` prints."""
    text = run(["parted", "--machine", "--script", disk, "unit", "s", "print"])
    lines = [line.rstrip(";") for line in text.splitlines() if ":" in line]
    label = lines[0].split(":")[5]
    seen = []
    for line in lines[1:]:
        number, first, _last, sectors, _filesystem, name, flags = line.split(":")
        words = {word.strip() for word in flags.split(",") if word.strip()}
        partition = Seen(int(number), int(first[:-1]), int(sectors[:-1]), name=name if label == "gpt" else None)
        seen.append((partition, words))
    return label, seen


# ---- dissect.volume ----


def dissect(stream: BinaryIO, sector_size: int) -> list[Seen]:
    """Return what dissect.volume reads.

    Of a GPT it makes every size one sector too small, which is put right here.  It miscounts logical partitions, so
    their numbers are left out.
    """
    try:
        from dissect.volume.disk import Disk  # noqa: PLC0415 - a judge may be missing
    except ImportError:
        missing("dissect.volume is not installed")
    disk = Disk(stream, sector_size)
    is_gpt = type(disk.scheme).__name__ == "GPT"
    seen = []
    for each in disk.partitions:
        sectors = each.size // sector_size + (1 if is_gpt else 0)
        first = each.offset // sector_size
        if is_gpt:
            seen.append(Seen(each.number, first, sectors, str(each.type), str(each.guid), each.name, each.flags))
        else:
            seen.append(Seen(None, first, sectors, f"0x{each.type:02x}", active=each.flags == 0x80))
    return seen
