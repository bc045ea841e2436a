"""What of a disk is not captured is said, and so is a disk that could not be made again."""

from __future__ import annotations

import struct
import subprocess
from pathlib import Path

import pytest
from judges import wim as judges
from runs.commands import osdimage

pytestmark = pytest.mark.foreign
MIB = 1 << 20


def entry(kind: int, first: int, count: int) -> bytes:
    return struct.pack("<B3sB3sII", 0, b"", kind, b"", first, count)


def disk_of(path: Path, *entries: bytes) -> Path:
    """Make an MBR disk of 64 MB; nobody's program writes a table such as some of these."""
    with path.open("wb") as file:
        file.truncate(64 * MIB)
        file.seek(446)
        file.write(b"".join(entries).ljust(64, b"\0") + b"\x55\xaa")
    return path


NTFS = entry(7, 2048, 40960)
WARNINGS = [
    pytest.param([entry(0x83, 60000, 9000)], None, "", id="nothing in it"),
    pytest.param([entry(0x83, 60000, 9000)], 60000, "partition 2 (Linux, 4.4 MB) holds something", id="something"),
    pytest.param([entry(0x42, 60000, 9000)], None, "it is a dynamic disk", id="dynamic"),
    pytest.param([entry(0x83, 30000, 40000)], None, "cannot be made again from the WIM: partition 1", id="overlap"),
    pytest.param(
        [entry(0x05, 60000, 9000), entry(0x0F, 70000, 9000)], None, "second extended partition", id="extended twice"
    ),
    pytest.param([entry(0x05, 60000, 9000)], 60001, "the EBR at sector 60000 has no signature", id="no chain"),
]


@pytest.mark.parametrize(("others", "written", "said"), WARNINGS)
def test_what_is_lost_is_said(tmp_path: Path, others: list[bytes], written: int | None, said: str) -> None:
    disk = disk_of(tmp_path / "disk.img", NTFS, *others)
    if written is not None:
        with disk.open("r+b") as file:
            file.seek(written * 512)
            file.write(b"something")
    if "signature" not in said and any(each[4] in {5, 15} for each in others):
        with disk.open("r+b") as file:
            file.seek(60000 * 512 + 510)
            file.write(b"\x55\xaa")
    osdimage("disk", "format", disk, "--partition", "1", "--yes")
    done = osdimage("capture", disk, tmp_path / "disk.wim", "--all-volumes")
    assert (said in done.err) if said else not done.err
    # It is said by the deployment too, where that has a word on it, and done.
    words = ("--layout-from-wim", "--all-volumes", "--no-boot", "--size", "64MB", "--quiet")
    made = osdimage("deploy", tmp_path / "disk.wim", tmp_path / "new.img", *words, code=None)
    assert made.code == (3 if "cannot be made again" in said else 0), made.err


def test_a_fat32_volume_that_cannot_be_made_again_is_told_of(tmp_path: Path) -> None:
    # It lies behind the NTFS volume and is counted before it.
    disk = disk_of(tmp_path / "disk.img", entry(0x0C, 60000, 40000), NTFS)
    osdimage("disk", "format", disk, "--partition", "2", "--yes")
    # Of fewer clusters than FAT32 must have; Linux makes and reads such volumes, Windows takes them for FAT16.
    subprocess.run(
        [judges.require("mkfs.fat"), "-F", "32", "-s", "1", "--offset", "60000", str(disk), "20000"],
        check=True,
        capture_output=True,
    )
    done = osdimage("capture", disk, tmp_path / "disk.wim", "--all-volumes")
    assert "partition 1 cannot be made again from the WIM: 19.5 MB is too small for FAT32" in done.err
    words = ("--layout-from-wim", "--all-volumes", "--no-boot", "--size", "64MB", "--quiet")
    assert "partition 1: " in osdimage("deploy", tmp_path / "disk.wim", tmp_path / "new.img", *words, code=2).err
    # Its bytes need nobody to make it.
    osdimage("capture", disk, tmp_path / "raw.wim", "--all-volumes", "--keep-raw")
    osdimage("deploy", tmp_path / "raw.wim", tmp_path / "new.img", *words)
    assert (tmp_path / "new.img").read_bytes()[60000 * 512 :] == disk.read_bytes()[60000 * 512 :]
    osdimage("compare", tmp_path / "raw.wim", tmp_path / "new.img", "--all-volumes")
