"""Programs of others that make discs, and that judge what osdimage reads of them."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from judges.disk import run
from judges.wim import output, require

_BOOT = "[BOOT]"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Listed:
    """A file or directory as 7zz lists it; the time in the steps that it prints."""

    is_directory: bool
    size: int
    modified_ns: int | None


def seven_zip(disc: Path, kind: str) -> dict[str, Listed]:
    """Return what ``7zz l -slt`` lists, by path; the kind is ``udf`` or ``iso``."""
    # Images that are started are in a folder of their own to 7zz.
    text = output("7zz", "l", "-slt", "-ba", f"-t{kind}", f"-x!{_BOOT}", "--", disc)
    found = {}
    for block in text.strip().split("\n\n"):
        facts = dict(re.findall(r"^([A-Z][A-Za-z ]*) = (.*)$", block, re.MULTILINE))
        is_directory = facts["Folder"] == "+"
        found["/" + facts["Path"]] = Listed(is_directory, int(facts["Size"] or 0), _nanoseconds(facts["Modified"]))
    return found


def _nanoseconds(text: str) -> int | None:
    if not text:
        return None
    whole, _, fraction = text.partition(".")
    moment = datetime.strptime(whole, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC) - _EPOCH
    return int(moment.total_seconds()) * 10**9 + int(fraction.ljust(9, "0") or 0)


def seven_zip_hashes(disc: Path, kind: str, to: Path, *leave_out: str) -> dict[str, str]:
    """Extract with 7zz, and return the SHA-256 of each file by path."""
    output("7zz", "x", "-y", f"-t{kind}", f"-o{to}", *(f"-x!{each}" for each in (_BOOT, *leave_out)), "--", disc)
    return hashes_of(to)


def hashes_of(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of each file in a directory, by path."""
    return {
        f"/{each.relative_to(folder)}": hashlib.sha256(each.read_bytes()).hexdigest()
        for each in folder.rglob("*")
        if each.is_file() and not each.is_symlink()
    }


def is_same_to_grub(disc: Path, path: str, file: Path) -> bool:
    """Tell whether GRUB reads these contents from a disc; ``grub-fstest cmp`` is silent about it."""
    return not run(["grub-fstest", disc, "cmp", f"(loop0){path}", file], check=False).strip()


@dataclass(frozen=True)
class BootImage:
    """An entry of a boot catalog, as xorriso reports it."""

    platform: str
    is_bootable: bool
    emulation: str
    sectors: int
    block: int
    path: str | None


def boot_images(disc: Path) -> list[BootImage]:
    """Return what ``xorriso -report_el_torito plain`` says."""
    text = output("xorriso", "-indev", f"stdio:{disc}", "-report_el_torito", "plain")
    paths = {int(n): path for n, path in re.findall(r"^El Torito img path : +(\d+)  (.*)$", text, re.MULTILINE)}
    lines = re.findall(
        r"^El Torito boot img : +(\d+) +(\S+) +(\S) +(\S+) +(\S+) +(\S+) +(\d+) +(\d+)$", text, re.MULTILINE
    )
    return [
        BootImage(platform, can == "y", emulation, int(size), int(block), paths.get(int(number)))
        for number, platform, can, emulation, _, _, size, block in lines
    ]


def make(tool: str, disc: Path, folder: Path, *options: str | Path) -> Path:
    """Make a disc of a directory with genisoimage or xorriso."""
    start = [require("xorriso"), "-as", "mkisofs"] if tool == "xorriso" else [require(tool)]
    # xorriso would take what is in /dev for a drive.
    run([*start, "-quiet", *options, "-o", f"stdio:{disc}" if tool == "xorriso" else disc, folder])
    return disc
