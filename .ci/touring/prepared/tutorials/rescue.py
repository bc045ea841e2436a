"""What docs/tutorials/rescue.md takes for granted."""

from __future__ import annotations

import hashlib
from pathlib import Path

from cases import bitlocker
from judges.disk import copy_of
from judges.wim import make_ntfs
from osdimage.imaging import open_disk

from touring.discs import capture, windows_11
from touring.stock import osdimage

PICTURE = b"\xff\xd8\xff\xe0" + hashlib.shake_256(b"picture").digest(90_000)
WORK = {
    "Users/alice/Documents/thesis.txt": b"In the beginning there was a hypothesis.\r\n" * 90,
    "Users/alice/Documents/results.csv": b"day,value\r\n" + b"1,4.5\r\n" * 400,
    "Users/alice/Pictures/graduation.jpg": PICTURE,
    "Users/Public/readme.txt": b"for everybody\r\n",
}
VOLUME = 3 << 20
ENCRYPTED = bitlocker.Wish(
    (0x280000, 0x2A0000, 0x2C0000), 0x2E0000, protectors=(bitlocker.RECOVERY_PROTECTOR, bitlocker.TPM_PROTECTOR)
)


def prepare() -> None:
    """Make a disk with somebody's files, one without its first table, an encrypted one, and a damaged backup."""
    capture(windows_11() | WORK, "backup.wim", "Alice's PC")
    for disk in ("disk.img", "broken.img"):
        osdimage("deploy", "backup.wim", disk, "--preset", "uefi", "--size", "64GB", "--seed", disk)
    with Path("broken.img").open("r+b") as file:
        # The header of the first GPT, and its entries.
        file.seek(512)
        file.write(bytes(512 * 33))
    lose_record(copy_of(Path("disk.img"), Path("hurt.img")), 3, "results.csv")
    encrypted_disk("laptop.img")
    damage(Path("backup.wim"), PICTURE[40_000:40_016])


def encrypted_disk(disk: str) -> None:
    """Make a disk with one volume behind BitLocker, and recovery.txt, which opens it."""
    osdimage("disk", "init", disk, "--preset", "data-mbr", "--size", "8MB")
    capture(WORK, "work.wim", "Work", "--compress", "none")
    volume = make_ntfs(Path("plain.ntfs"), VOLUME, "-L", "Windows")
    osdimage("apply", "work.wim", str(volume))
    with open_disk(disk) as opened:
        start = opened.volume(1).extent.first * 512
    with Path(disk).open("r+b") as file:
        file.seek(start)
        file.write(bitlocker.make(volume.read_bytes(), ENCRYPTED))
    Path("recovery.txt").write_text(f"{bitlocker.RECOVERY}\n", encoding="ascii")
    for each in ("plain.ntfs", "work.wim"):
        Path(each).unlink()


def damage(wim: Path, where: bytes) -> None:
    """Change a byte of contents that a WIM holds as they are, since nothing compresses them."""
    before, behind = wim.read_bytes().split(where)
    wim.write_bytes(before + where[::-1] + behind)


def lose_record(disk: Path, partition: int, name: str) -> None:
    """Write over the beginning of the MFT record of the file of a name."""
    with open_disk(disk) as opened:
        start = opened.volume(partition).extent.first * 512
    with disk.open("r+b") as file:
        file.seek(start)
        boot = file.read(512)
        # Sectors of a cluster, and the first cluster of the MFT.
        mft = start + boot[13] * 512 * int.from_bytes(boot[48:56], "little")
        file.seek(mft)
        records = file.read(1 << 20)
        text = name.encode("utf-16-le")
        # Flags of 1: in use, and no folder, whose index has the name, too.
        held = (at for at in range(0, len(records), 1024) if records[at + 22] == 1)
        at = next(at for at in held if text in records[at : at + 1024])
        file.seek(mft + at)
        file.write(b"BAAD")
