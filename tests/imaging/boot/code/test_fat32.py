from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest
from cases import boot as boot_cases
from cases.boot import START, Fat32Filler, Standin, entry
from judges import boot as boot_judges
from judges import disk as disk_judges
from judges import fat as fat_judges
from judges import wim as judges
from osdimage.imaging.boot.code.fat32 import fat32_boot_code, fat32_boot_loader, write_fat32_boot_sector
from osdimage.imaging.boot.code.kinds import BootCode, Loader
from osdimage.imaging.boot.code.mbr import write_mbr_code
from osdimage.imaging.disk.image import FileTarget, create_image, open_image
from osdimage.imaging.errors import InvalidRequest, InvalidVolume, TargetRefused
from osdimage.imaging.units import MIB, Extent, Lba
from osdimage.imaging.volume.fat.make import FatOptions, SourceEntry, fill_fat, format_fat, from_entries

NAME = b"BOOTMGR    "
LARGE = 400_000
"""About the size of the real one; more than six segments."""


def volume_of(target: FileTarget, sectors: int, start: int = START) -> FileTarget:
    return target.window(Extent(Lba(start), sectors))  # type: ignore[return-value]


def finish(disk: Path, sectors: int, start: int = START, *, loader: Loader = Loader.BOOTMGR) -> Path:
    with open_image(str(disk), write=True) as target:
        write_mbr_code(target)
        write_fat32_boot_sector(volume_of(target, sectors, start), hidden_sectors=start, loader=loader)
    return disk


def scattered(filler: Fat32Filler, data: bytes, *, begin: int, seed: int) -> list[int]:
    """Return clusters for the data in no order, far apart."""
    count = filler.clusters_of(data)
    return random.Random(seed).sample(range(begin, begin + 3 * count), count)


def full_directory(filler: Fat32Filler, last: bytes) -> bytes:
    """Return more than two clusters of a directory: what has the name but is no file, empty files, and an entry."""
    per_cluster = filler.cluster_size // 32
    decoys = [
        entry(b"BOOTMGR    ", 0, 0, attributes=0x08),  # a label
        entry(b"BOOTMGR    ", 0, 0, attributes=0x10),  # a directory
        entry(b"\xe5OOTMGR    ", 0, 0),
        entry(b"BOOTMGR EFI", 0, 0),
        entry(b"BOOTMGR    ", 0, 0, attributes=0x0F),
    ]
    files = [entry(b"%-8d   " % number, 0, 0) for number in range(2 * per_cluster + 2)]
    return b"".join([*decoys, *files, last])


@pytest.mark.slow
@pytest.mark.matrix
@pytest.mark.foreign
@pytest.mark.parametrize("per_cluster", [1, 8, 64, 128])
def test_bootmgr_is_loaded_whatever_its_clusters_and_those_of_the_directory(per_cluster: int, tmp_path: Path) -> None:
    """Its clusters are in no order, and its entry is the last one of a directory of three."""
    sectors = 66_000 if per_cluster == 1 else 200_000
    disk = boot_cases.mbr_disk(tmp_path / "disk.img", f"{START},{sectors},0c,*", size=(sectors + 4096) * 512)
    boot_cases.mkfs_fat32(disk, sectors, "-s", str(per_cluster))
    standin = boot_cases.standin(tmp_path, LARGE)
    filler = Fat32Filler(disk)
    last = filler.file(NAME, standin.data, scattered(filler, standin.data, begin=20, seed=per_cluster))
    directory = full_directory(filler, last)
    filler.fill([2, 9, 4], directory)
    filler.chain([2, 9, 4])
    booted = boot_judges.boot_bios(finish(disk, sectors))
    assert booted.reached, booted.printed
    assert booted.printed.endswith(standin.report(oem="mkfs"))


@pytest.mark.foreign
def test_ntldr_is_loaded_beside_a_boot_manager_that_is_not_started(tmp_path: Path) -> None:
    sectors = 66_000
    disk = boot_cases.mbr_disk(tmp_path / "disk.img", f"{START},{sectors},0c,*", size=(sectors + 4096) * 512)
    boot_cases.mkfs_fat32(disk, sectors, "-s", "1")
    standin = boot_cases.standin(tmp_path, 250_000, "NTLDR")
    filler = Fat32Filler(disk)
    manager = filler.file(NAME, b"\xf4" * 512, [2000])
    ntldr = filler.file(b"NTLDR      ", standin.data, scattered(filler, standin.data, begin=3000, seed=7))
    filler.fill([2], manager + ntldr)
    booted = boot_judges.boot_bios(finish(disk, sectors, loader=Loader.NTLDR))
    assert booted.reached, booted.printed
    assert booted.printed.endswith(standin.report(oem="mkfs"))
    with open_image(str(disk)) as target:
        volume = volume_of(target, sectors)
        assert (fat32_boot_code(volume), fat32_boot_loader(volume)) == (BootCode.OSDIMAGE, Loader.NTLDR)


@pytest.mark.foreign
def test_bootmgr_is_loaded_from_a_volume_that_osdimage_made_and_fsck_finds_nothing(tmp_path: Path) -> None:
    sectors = 100_000
    disk = boot_cases.mbr_disk(tmp_path / "disk.img", f"{START},{sectors},0c,*")
    standin = boot_cases.standin(tmp_path, LARGE)
    with open_image(str(disk), write=True) as target:
        source = from_entries(
            [SourceEntry("bootmgr", size=LARGE, contents=lambda: iter([standin.data]), attributes=0x27)]
        )
        fill_fat(volume_of(target, sectors), source, FatOptions(0x1234ABCD, label="SYSTEM"))
    booted = boot_judges.boot_bios(finish(disk, sectors))
    assert booted.reached, booted.printed
    assert booted.printed.endswith(standin.report(oem="MSWI"))
    # fsck.fat compares the boot sector with its copy.
    fat_judges.fsck(disk_judges.cut_out(disk, START * 512, sectors * 512, tmp_path / "volume.img"))


@pytest.mark.foreign
def test_a_drive_without_packets_is_read_by_cylinder_head_and_sector(tmp_path: Path) -> None:
    sectors = 5720
    disk = boot_cases.mbr_disk(tmp_path / "disk.img", f"36,{sectors},0c,*", size=2880 << 10)
    boot_cases.mkfs_fat32(disk, sectors, "-s", "1", start=36)
    standin = boot_cases.standin(tmp_path, LARGE)
    filler = Fat32Filler(disk, 36)
    clusters = scattered(filler, standin.data, begin=20, seed=1)
    filler.fill([2], filler.file(NAME, standin.data, clusters))
    booted = boot_judges.boot_bios(finish(disk, sectors, 36), floppy=True)
    assert booted.reached, booted.printed
    assert booted.printed.endswith(standin.report(hidden=36, oem="mkfs", drive=0))


@pytest.mark.foreign
def test_the_fat_that_counts_is_read_when_they_are_not_alike(tmp_path: Path) -> None:
    disk, filler = small_volume(tmp_path)
    standin = boot_cases.standin(tmp_path, 8192)
    filler.fill([2], filler.file(NAME, standin.data, list(range(20, 36))))
    # Mirroring is off and FAT 1 is the one that counts (fatgen103, BPB_ExtFlags); FAT 0 ends the file too early.
    filler.chain([20], end=0, fats=(0,))
    with disk.open("r+b") as file:
        file.seek(START * 512 + 40)
        file.write(b"\x81\0")
    booted = boot_judges.boot_bios(finish(disk, SMALL))
    assert booted.reached, booted.printed
    assert booted.printed.endswith(standin.report(oem="mkfs"))


# ---- what cannot be started

SMALL = 66_000


def small_volume(tmp_path: Path) -> tuple[Path, Fat32Filler]:
    disk = boot_cases.mbr_disk(tmp_path / "disk.img", f"{START},{SMALL},0c,*", size=40 << 20)
    boot_cases.mkfs_fat32(disk, SMALL, "-s", "1")
    return disk, Fat32Filler(disk)


def nothing(filler: Fat32Filler, standin: Standin) -> None:
    del filler, standin


def in_a_ring(filler: Fat32Filler, standin: Standin) -> None:
    filler.fill([2, 9], b"".join(entry(b"%-8d   " % number, 0, 0) for number in range(32)))
    filler.chain([2, 9], end=2)
    del standin


def cut_short(filler: Fat32Filler, standin: Standin) -> None:
    filler.fill([2], filler.file(NAME, standin.data, [20, 21, 22]))


def without_clusters(filler: Fat32Filler, standin: Standin) -> None:
    filler.fill([2], entry(NAME, 0, len(standin.data)))


def empty(filler: Fat32Filler, standin: Standin) -> None:
    filler.fill([2], entry(NAME, 0, 0))
    del standin


def huge(filler: Fat32Filler, standin: Standin) -> None:
    filler.fill([2], entry(NAME, 20, 0x7FFFFFFF))
    del standin


def enormous(filler: Fat32Filler, standin: Standin) -> None:
    filler.fill([2], entry(NAME, 20, 0xFFFFFFFF))
    del standin


def half_written(filler: Fat32Filler, standin: Standin) -> None:
    filler.fill([2], filler.file(NAME, standin.data, list(range(20, 36))))
    # Sector 3 of the volume: the end of the code.
    filler._write(3 * 512, bytes(512))


def far_away(filler: Fat32Filler, standin: Standin) -> None:
    filler.fill([2], entry(NAME, 0x0F000000, len(standin.data)))


@pytest.mark.foreign
@pytest.mark.parametrize(
    ("make", "text"),
    [
        pytest.param(nothing, "BOOTMGR is not in the root directory", id="absent"),
        pytest.param(empty, "BOOTMGR is not in the root directory", id="empty"),
        pytest.param(in_a_ring, "the file system is damaged", id="directory-in-a-ring"),
        pytest.param(cut_short, "the file system is damaged", id="chain-ends-early"),
        pytest.param(without_clusters, "the file system is damaged", id="no-first-cluster"),
        pytest.param(huge, "BOOTMGR is too large for the memory", id="too-large"),
        pytest.param(enormous, "BOOTMGR is too large for the memory", id="largest-size"),
        pytest.param(half_written, "second part missing", id="half-of-the-code"),
        pytest.param(far_away, "read error", id="beyond-the-disk"),
    ],
)
def test_what_cannot_be_started_is_told_on_the_screen(
    make: Callable[[Fat32Filler, Standin], None], text: str, tmp_path: Path
) -> None:
    disk, filler = small_volume(tmp_path)
    finish(disk, SMALL)
    make(filler, boot_cases.standin(tmp_path, 8192))
    booted = boot_judges.boot_bios(disk, until="Press a key.")
    assert not booted.reached
    assert f"Boot sector: {text}. Press a key." in booted.printed


# ---- what is written


@pytest.mark.foreign
def test_only_the_code_changes_and_the_number_of_the_first_sector(tmp_path: Path) -> None:
    disk, _ = small_volume(tmp_path)
    before = disk_judges.cut_out(disk, START * 512, SMALL * 512, tmp_path / "before.img").read_bytes()
    with open_image(str(disk), write=True) as target:
        volume = volume_of(target, SMALL)
        assert fat32_boot_code(volume) is BootCode.NONE
        write_fat32_boot_sector(volume, hidden_sectors=63)
        assert fat32_boot_code(volume) is BootCode.OSDIMAGE
    path = disk_judges.cut_out(disk, START * 512, SMALL * 512, tmp_path / "after.img")
    after = path.read_bytes()
    changed = {at // 512 for at in range(0, len(before), 512) if before[at : at + 512] != after[at : at + 512]}
    # The boot sector and its second part, and the copies of both.
    assert changed == {0, 2, 3, 6, 8, 9}
    assert after[:512] == after[6 * 512 : 7 * 512]
    assert after[2 * 512 : 4 * 512] == after[8 * 512 : 10 * 512]
    assert after[3:0x1C] == before[3:0x1C]
    assert after[0x20:0x5A] == before[0x20:0x5A]
    assert int.from_bytes(after[0x1C:0x20], "little") == 63
    fat_judges.fsck(path)
    assert fat_judges.blkid(path)["TYPE"] == "vfat"
    # file(1) knows the fields of the description: "hidden sectors 63".
    assert "hidden sectors 63," in judges.output("file", "--brief", path)


@pytest.mark.foreign
def test_a_volume_without_a_copy_of_its_boot_sector_gets_none(tmp_path: Path) -> None:
    disk = boot_cases.mbr_disk(tmp_path / "disk.img", f"{START},{SMALL},0c,*", size=40 << 20)
    # -b 0 means no copy; -R 4 leaves just the sectors that are needed.
    boot_cases.mkfs_fat32(disk, SMALL, "-s", "1", "-b", "0", "-R", "4")
    with open_image(str(disk), write=True) as target:
        volume = volume_of(target, SMALL)
        fats = volume.read_at(4 * 512, 64 * 512)
        write_fat32_boot_sector(volume, hidden_sectors=START)
        assert volume.read_at(4 * 512, 64 * 512) == fats
        assert fat32_boot_code(volume) is BootCode.OSDIMAGE


@pytest.mark.foreign
@pytest.mark.parametrize(
    "options",
    [
        pytest.param(("-b", "2"), id="copy-in-the-way"),
        pytest.param(("-b", "0", "-R", "3"), id="too-few-reserved-sectors"),
    ],
)
def test_a_volume_without_room_is_refused_and_left_alone(options: tuple[str, ...], tmp_path: Path) -> None:
    disk = boot_cases.mbr_disk(tmp_path / "disk.img", f"{START},{SMALL},0c,*", size=40 << 20)
    boot_cases.mkfs_fat32(disk, SMALL, "-s", "1", *options)
    before = disk.read_bytes()
    with (
        open_image(str(disk), write=True) as target,
        pytest.raises(TargetRefused, match="no room for boot code in its reserved sectors 2 to 3"),
    ):
        write_fat32_boot_sector(volume_of(target, SMALL), hidden_sectors=START)
    assert disk.read_bytes() == before


def test_volumes_that_no_bios_starts_are_refused(tmp_path: Path) -> None:
    with create_image(str(tmp_path / "large.img"), 300 * MIB, sector_size=4096) as target:
        format_fat(target, FatOptions(1))
        with pytest.raises(TargetRefused, match="sectors of 4096 bytes"):
            write_fat32_boot_sector(target, hidden_sectors=START)
    with create_image(str(tmp_path / "small.img"), 40 * MIB) as target:
        with pytest.raises(InvalidVolume, match="not a FAT volume"):
            write_fat32_boot_sector(target, hidden_sectors=START)
        format_fat(target, FatOptions(1))
        assert fat32_boot_code(target) is BootCode.NONE
        with pytest.raises(InvalidRequest, match="first 2 TB, not at sector 4294967296"):
            write_fat32_boot_sector(target, hidden_sectors=1 << 32)
        write_fat32_boot_sector(target, hidden_sectors=START)
        target.write_at(3 * 512, bytes(512))
        assert fat32_boot_code(target) is BootCode.OTHER
