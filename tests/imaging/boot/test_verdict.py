"""Of what was not read it is never said that it starts, nor that it does not.

The disks are small, with a Windows on FAT32; each test changes one thing that only Windows, a machine or another boot
loader can judge, by the bytes that the format's description gives or with another program.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import pytest
from cases.installs import start
from cases.windows_trees import pe, windows_files, write_tree
from judges.disk import copy_of, head, run, sfdisk
from judges.wim import require
from osdimage.imaging.boot.bcd.devices import (
    Device,
    DeviceElement,
    FileDevice,
    LocateDevice,
    PartitionDevice,
    RawDevice,
    VirtualDiskDevice,
)
from osdimage.imaging.boot.bcd.elements import Element, Id
from osdimage.imaging.boot.bcd.partition import PartitionRef
from osdimage.imaging.boot.bcd.store import BOOTMGR, BcdStore
from osdimage.imaging.boot.check import check_boot
from osdimage.imaging.boot.verdict import Verdict
from osdimage.imaging.disk.content import FileSystem
from osdimage.imaging.disk.layouts.layout import DiskLayout, FixedSize, PartitionSpec
from osdimage.imaging.disk.opened import Disk, open_disk
from osdimage.imaging.disk.roles import Role, Scheme
from osdimage.imaging.testing import make_disk
from osdimage.imaging.units import MIB, Bytes
from osdimage.imaging.volume.filesystems import open_files
from runs.commands import osdimage

pytestmark = pytest.mark.foreign
STORES = {"uefi": "EFI/Microsoft/Boot/BCD", "bios": "Boot/BCD"}
LOADER = r"\Windows\system32\winload.efi"


def fat(role: Role, *, active: bool = False) -> PartitionSpec:
    return PartitionSpec(role, FixedSize(Bytes(40 * MIB)), filesystem=FileSystem.FAT32, active=active)


LAYOUTS = {
    "uefi": DiskLayout(Scheme.GPT, (fat(Role.EFI), fat(Role.PRIMARY)), add_reserved=False),
    "bios": DiskLayout(Scheme.MBR, (fat(Role.PRIMARY, active=True), fat(Role.PRIMARY))),
}


@pytest.fixture(scope="module")
def masters(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Make a disk of each kind that would start."""
    folder = tmp_path_factory.mktemp("verdicts")
    tree = write_tree(folder / "tree", windows_files())
    for name, layout in LAYOUTS.items():
        make_disk(folder / name, 96 * MIB, layout, {2: tree})
        start(folder / name, 2, rng=random.Random(1))
    return {name: folder / name for name in LAYOUTS}


def judged(disk: Path) -> tuple[Verdict, dict[str, str]]:
    with open_disk(disk) as opened:
        report = check_boot(opened)
    assert (report.starts is None) is (report.verdict is Verdict.NOT_KNOWN)
    return report.verdict, {each.code: each.severity.value for each in report.findings}


def poke(disk: Path, at: int, data: bytes) -> None:
    with disk.open("r+b") as file:
        file.seek(at)
        file.write(data)


def begin(disk: Path, number: int) -> int:
    return next(each.first for each in sfdisk(disk)[1] if each.number == number) * 512


def in_files(disk: Path, number: int, change: Callable[[object], object]) -> None:
    with open_disk(disk, write=True) as opened, open_files(opened.volume(number), write=True) as files:
        change(files)


def write(path: str, data: bytes, number: int = 1) -> Callable[[Path], object]:
    return lambda disk: in_files(disk, number, lambda files: files.write(path, data))  # type: ignore[attr-defined]


def first_sector(data: bytes, number: int = 2) -> Callable[[Path], object]:
    """Replace the first sector of a partition, and so what it holds."""
    return lambda disk: poke(disk, begin(disk, number), data.ljust(512, b"\0"))


def store(change: Callable[[BcdStore, UUID, Disk], object], kind: str = "uefi") -> Callable[[Path], object]:
    """Change the store; what changes it gets the default entry and the disk, too."""

    def work(disk: Path) -> None:
        with open_disk(disk, write=True) as opened, open_files(opened.volume(1), write=True) as files:
            found = BcdStore.parse(files.read(STORES[kind]))
            manager = found.object(BOOTMGR)
            assert manager is not None
            default = manager.content(Id.DEFAULT)
            assert isinstance(default, UUID)
            change(found, default, opened)
            files.write(STORES[kind], found.to_bytes())

    return work


def devices(device: Callable[[Disk], Device]) -> Callable[[Path], object]:
    """Let the default entry name another device for its program and for its Windows."""

    def change(found: BcdStore, default: UUID, disk: Disk) -> None:
        for number in (Id.DEVICE, Id.OS_DEVICE):
            found.set_element(default, Element(number, DeviceElement(device(disk))))

    return store(change)


def vhd(disk: Disk) -> Device:
    place = PartitionRef.of(disk.table, disk.partition(2))
    return VirtualDiskDevice(FileDevice(r"\vm\w.vhdx", PartitionDevice(place)))


def _guid(disk: Disk) -> UUID:
    assert disk.table.disk_guid is not None
    return disk.table.disk_guid


def third_disk(_: Disk) -> Device:
    return PartitionDevice(PartitionRef.gpt(UUID(int=1), UUID(int=2)))


def both(*changes: Callable[[Path], object]) -> Callable[[Path], object]:
    def work(disk: Path) -> None:
        for each in changes:
            each(disk)

    return work


def grub(at: int) -> Callable[[Path], object]:
    """Put GRUB's own boot sector somewhere, as grub-bios-setup does."""
    path = Path("/usr/lib/grub/i386-pc/boot.img")

    def work(disk: Path) -> None:
        if not path.is_file():
            require("grub-mkimage")
        poke(disk, at, path.read_bytes()[:440])

    return work


# Microsoft: "ReFS" (file system recognition structure, [MS-FSCC] 2.1.x: FSRS at byte 16); the label of an LDM disk is
# its PRIVHEAD; libyal, "BitLocker Drive Encryption (BDE) format".
REFS = b"\0\0\0ReFS\0\0\0\0\0\0\0\0\0FSRS"
BITLOCKER = b"\xeb\x58\x90-FVE-FS-".ljust(510, b"\0") + b"\x55\xaa"
# D. Sedory, "An Examination of the Windows 7 MBR": how it begins, and what it says.
WINDOWS_MBR = b"\x33\xc0\x8e\xd0\xbc\x00\x7c".ljust(355, b"\x90") + (
    b"Invalid partition table\0Error loading operating system\0Missing operating system\0"
)
# What strings shows of Debian's /usr/lib/syslinux/mbr/mbr.bin.
SYSLINUX_MBR = b"\x33\xc0\xfa".ljust(300, b"\x90") + (
    b"Missing operating system.\r\nMultiple active partitions.\r\nOperating system load error.\r\n"
)

NOT_KNOWN = {
    "windows behind BitLocker": ("uefi", first_sector(BITLOCKER), "os-encrypted"),
    "windows on ReFS": ("uefi", first_sector(REFS), "os-unread"),
    "windows on something unknown": ("uefi", first_sector(b"\x01" * 512), "os-unread"),
    "windows in a VHD": ("uefi", both(devices(vhd), write("vm/w.vhdx", b"vhdxfile", 2)), "os-inside"),
    "windows on a dynamic disk": (
        "uefi",
        both(
            devices(lambda disk: PartitionDevice(PartitionRef.gpt(_guid(disk), UUID(int=2)))),
            lambda disk: run(["sgdisk", "-t", "2:4200", disk]),
        ),
        "os-unread",
    ),
    "windows on another disk": ("uefi", devices(third_disk), "os-elsewhere"),
    "a device of an unknown kind": ("uefi", devices(lambda _: RawDevice(bytes(72))), "bcd-device-unknown"),
    "an ESP of something unknown": ("uefi", first_sector(b"\x01" * 512, 1), "system-unread"),
    "an ESP whose boot sector is damaged": (
        "uefi",
        # Three sectors a cluster: mdir takes none of it, and only repair programs look at the copy.
        lambda disk: poke(disk, begin(disk, 1) + 13, b"\3"),
        "system-unread",
    ),
    "an ESP whose FAT is damaged": ("uefi", lambda disk: _loop(disk, 1), "system-unread"),
    "a loader of others": ("uefi", write("EFI/Boot/bootx64.efi", pe(0x8664, salt="shim")), "loader-other"),
    "a boot manager for 32 bits": (
        "uefi",
        both(
            write("EFI/Microsoft/Boot/bootmgfw.efi", pe(0x14C)),
            write("EFI/Boot/bootia32.efi", pe(0x14C)),
            write("Windows/System32/winload.efi", pe(0x14C), 2),
        ),
        "machine-32-bit",
    ),
    "no loader but that of another application": (
        "uefi",
        store(lambda found, default, _: found.put(_of_type(found, default, 0x10400008))),
        "os-other",
    ),
    "GRUB in the MBR": ("bios", grub(0), "mbr-code-other"),
    "unknown code in the MBR": ("bios", lambda disk: poke(disk, 0, b"\xeb\xfe" * 220), "mbr-code-other"),
    "unknown code in the boot sector": (
        "bios",
        lambda disk: poke(disk, begin(disk, 1) + 90, b"\xeb\xfe" * 200),
        "boot-sector-other",
    ),
    "a Linux that is active": (
        "bios",
        both(lambda disk: poke(disk, begin(disk, 1), bytes(4096)), lambda disk: _linux(disk, 1)),
        "system-unread",
    ),
    "a boot sector that claims too much": (
        "bios",
        both(lambda disk: run(["sfdisk", "--activate", disk, "2"]), lambda disk: _claim(disk, 2)),
        "system-unread",
    ),
    "a volume without a table": (
        "bios",
        lambda disk: run(["mkfs.fat", "-I", "-F", "32", disk]),
        "whole-disk",
    ),
    "an EFI system partition on an MBR": (
        "bios",
        lambda disk: run(["sfdisk", "--part-type", disk, "1", "ef"]) + run(["sfdisk", "--activate", disk, "-"]),
        "uefi-from-mbr",
    ),
}


def _loop(disk: Path, number: int) -> None:
    """Let the root directory of a FAT32 volume lead outside of it, in both FATs (fatgen103, "BPB")."""
    at = begin(disk, number)
    boot = head(disk, at + 512)[at:]
    reserved, size = int.from_bytes(boot[14:16], "little"), int.from_bytes(boot[36:40], "little")
    for fat_at in (reserved, reserved + size):
        poke(disk, at + fat_at * 512 + 2 * 4, (0x0FFFFFF0).to_bytes(4, "little"))


def _claim(disk: Path, number: int) -> None:
    """Put an NTFS volume into a partition that says that it is larger than that."""
    size = next(each.sectors for each in sfdisk(disk)[1] if each.number == number)
    assert size is not None
    volume = disk.with_name("volume.ntfs")
    with volume.open("wb") as file:
        file.truncate(size * 512)
    run(
        [
            "mkntfs",
            "-q",
            "-F",
            "-Q",
            "-s",
            "512",
            "-p",
            str(begin(disk, number) // 512),
            "-H",
            "255",
            "-S",
            "63",
            volume,
        ]
    )
    poke(disk, begin(disk, number), head(volume, 8192))
    # Microsoft, "NTFS boot sector": the number of sectors is at byte 40.
    poke(disk, begin(disk, number) + 40, (2 * size).to_bytes(8, "little"))


def _of_type(found: BcdStore, guid: UUID, kind: int) -> object:
    from dataclasses import replace  # noqa: PLC0415 - one use

    entry = found.object(guid)
    assert entry is not None
    return replace(entry, type=kind)


def _linux(disk: Path, number: int) -> None:
    # mkfs.ext4 leaves the first KiB to boot loaders.
    size = next(each.sectors for each in sfdisk(disk)[1] if each.number == number)
    assert size is not None
    run(["mkfs.ext4", "-q", "-F", "-E", f"offset={begin(disk, number)}", disk, f"{size // 2}k"])
    poke(disk, begin(disk, number), (b"\xeb\x63" + b"\x90" * 88 + b"GRUB \0").ljust(510, b"\x90") + b"\x55\xaa")


@pytest.mark.parametrize("name", NOT_KNOWN)
def test_what_decides_and_was_not_read_leaves_it_open(masters: dict[str, Path], tmp_path: Path, name: str) -> None:
    kind, change, code = NOT_KNOWN[name]
    disk = copy_of(masters[kind], tmp_path / "disk.img")
    assert judged(disk) == (Verdict.STARTS, {})
    change(disk)  # type: ignore[operator]
    verdict, found = judged(disk)
    assert (verdict, found.get(code)) == (Verdict.NOT_KNOWN, "warning"), found


def test_the_command_says_so_with_a_code_of_its_own(masters: dict[str, Path], tmp_path: Path) -> None:
    disk = copy_of(masters["uefi"], tmp_path / "disk.img")
    first_sector(BITLOCKER)(disk)
    told = osdimage("boot", "check", disk, code=6).out
    assert told.endswith(
        f"{disk}: UEFI (x64), system partition 1, Windows in partition 2: whether it starts is not known\n"
    )
    facts = osdimage("boot", "check", disk, "--json", code=6).document
    assert (facts["verdict"], facts["starts"]) == ("not-known", None)
    # An error decides, whatever else is not known.
    in_files(disk, 1, lambda files: files.delete("EFI/Boot/bootx64.efi"))  # type: ignore[attr-defined]
    assert osdimage("boot", "check", disk, "--json", code=1).document["verdict"] == "does-not-start"


STARTS = {
    "a windows that is looked for": ("uefi", devices(lambda _: LocateDevice(0, Id.PATH, "", None)), {}),
    "code of Windows in the MBR": ("bios", lambda disk: poke(disk, 0, WINDOWS_MBR), {}),
    "code of Syslinux in the MBR": ("bios", lambda disk: poke(disk, 0, SYSLINUX_MBR), {}),
    "another version of the boot manager": (
        "uefi",
        write("EFI/Boot/bootx64.efi", pe(0x8664, salt="older") + b"bootmgfw.pdb"),
        {},
    ),
    # Microsoft, "FAT32 File System Specification": bit 0 of byte 65 says that the volume was not closed.
    "a dirty system partition": (
        "uefi",
        lambda disk: poke(disk, begin(disk, 1) + 65, b"\1"),
        {"system-dirty": "warning"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", STARTS)
def test_what_is_known_to_be_in_order_starts(masters: dict[str, Path], tmp_path: Path, name: str) -> None:
    kind, change, expected = STARTS[name]
    disk = copy_of(masters[kind], tmp_path / "disk.img")
    change(disk)  # type: ignore[operator]
    assert judged(disk) == (Verdict.STARTS, expected)
    if expected:
        assert "marked dirty" in osdimage("boot", "install", disk, "--partition", "2", code=4).err
        assert "marked dirty" in osdimage("boot", "install", disk, "--partition", "2", "--dry-run", code=4).err


def _cut(disk: Path) -> None:
    with disk.open("r+b") as file:
        file.truncate(begin(disk, 2) + 10 * MIB)


DOES_NOT = {
    "a VHD that is not there": ("uefi", devices(vhd), "os-loader-missing"),
    "a windows that nobody finds": (
        "uefi",
        both(
            devices(lambda _: LocateDevice(0, Id.PATH, "", None)),
            lambda disk: in_files(disk, 2, lambda files: files.delete("Windows/System32/winload.efi")),  # type: ignore[attr-defined]
        ),
        "os-loader-missing",
    ),
    "a Linux where windows is to be": ("uefi", lambda disk: _linux(disk, 2), "os-format"),
    "nothing where windows is to be": ("uefi", lambda disk: poke(disk, begin(disk, 2), bytes(2 * MIB)), "os-format"),
    "an ESP that is empty": ("uefi", lambda disk: poke(disk, begin(disk, 1), bytes(MIB)), "esp-format"),
    "an image whose end is missing": ("uefi", _cut, "os-off-disk"),
}


@pytest.mark.parametrize("name", DOES_NOT)
def test_what_is_known_to_be_missing_is_an_error(masters: dict[str, Path], tmp_path: Path, name: str) -> None:
    kind, change, code = DOES_NOT[name]
    disk = copy_of(masters[kind], tmp_path / "disk.img")
    change(disk)  # type: ignore[operator]
    verdict, found = judged(disk)
    assert (verdict, found.get(code)) == (Verdict.DOES_NOT_START, "error"), found


# ---- boot code of others


def test_boot_code_of_others_is_asked_about_before_it_is_lost(masters: dict[str, Path], tmp_path: Path) -> None:
    disk = copy_of(masters["bios"], tmp_path / "disk.img")
    poke(disk, 0, b"\xeb\xfe" * 220)
    before = head(disk, 45 * MIB)
    words = ("boot", "install", disk, "--partition", "2")
    told = osdimage(*words, code=2).err
    assert "the boot code in the MBR is none that is known, which would be overwritten; give --yes" in told
    rehearsed = osdimage(*words, "--dry-run", "--json").document
    assert rehearsed["dry_run"]
    assert rehearsed["lost_code"] == [f"{disk}: the boot code in the MBR is none that is known"]
    assert head(disk, 45 * MIB) == before
    assert not osdimage(*words, "--yes", "--json").document["dry_run"]
    assert judged(disk) == (Verdict.STARTS, {})
    # That of Windows is what belongs there.
    poke(disk, 0, WINDOWS_MBR)
    osdimage(*words)


# ---- advice that is followed

FOLLOWED = {
    "boot install": ("uefi", lambda disk: in_files(disk, 1, _without_loader), "loader-missing"),
    "a new store": ("uefi", write(STORES["uefi"], b"regf" + bytes(600)), "bcd-damaged"),
    "boot fix": ("uefi", lambda disk: run(["sgdisk", "-G", disk]), "bcd-partition"),
    "a volume made anew": ("uefi", first_sector(b"\xeb\x52\x90NTFS    ", 1), "esp-format"),
    "a windows that is here": ("uefi", devices(third_disk), "os-elsewhere"),
    "another loader": ("uefi", write("EFI/Boot/bootx64.efi", pe(0x8664, salt="x")), "loader-other"),
    "an active partition": ("bios", lambda disk: run(["sfdisk", "--activate", disk, "-"]), "no-active"),
    "code in the MBR": ("bios", lambda disk: poke(disk, 0, bytes(440)), "mbr-code"),
    "other code in the MBR": ("bios", lambda disk: poke(disk, 0, b"\xeb\xfe" * 220), "mbr-code-other"),
    "a boot sector": ("bios", lambda disk: poke(disk, begin(disk, 1) + 90, bytes(420)), "boot-sector"),
    "another boot sector": (
        "bios",
        lambda disk: poke(disk, begin(disk, 1) + 90, b"\xeb\xfe" * 200),
        "boot-sector-other",
    ),
}


def _without_loader(files: object) -> None:
    files.delete("EFI/Boot/bootx64.efi")  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", FOLLOWED)
def test_what_the_check_advises_helps_as_it_is_written(masters: dict[str, Path], tmp_path: Path, name: str) -> None:
    kind, damage, code = FOLLOWED[name]
    disk = copy_of(masters[kind], tmp_path / "disk.img")
    damage(disk)  # type: ignore[operator]
    found = osdimage("boot", "check", disk, "--json", code=None).document["findings"]
    remedy = next(each["remedy"] for each in found if each["code"] == code)
    commands = re.findall(r"osdimage ((?:boot|disk) \w+ DISK(?: --[\w-]+(?: (?:N|\d+|osdimage|fat32))?)*)", remedy)
    assert commands
    for each in commands:
        words = [{"DISK": str(disk), "N": "2"}.get(word, word) for word in each.split()]
        # What asks is answered with yes.
        osdimage(*words, *(() if words[1] == "fix" else ("--yes",)))
    assert judged(disk) == (Verdict.STARTS, {})
