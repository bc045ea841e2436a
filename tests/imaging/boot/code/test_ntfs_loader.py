"""The boot code of osdimage for NTFS, started by SeaBIOS from volumes that mkntfs made and ntfs-3g filled."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from cases import boot as boot_cases
from cases.boot import START
from judges import boot as boot_judges
from judges import wim as judges
from osdimage.imaging.boot.code.kinds import BootCode, Loader
from osdimage.imaging.boot.code.mbr import write_mbr_code
from osdimage.imaging.boot.code.ntfs import (
    ntfs_boot_code,
    ntfs_boot_loader,
    own_ntfs_boot_code,
    write_ntfs_boot_code,
)
from osdimage.imaging.disk.image import open_image
from osdimage.imaging.units import Extent, Lba

pytestmark = [pytest.mark.foreign, pytest.mark.root]

SECTORS = 60_000
LARGE = 400_000
_COMPRESSED = 0x800


@pytest.fixture(autouse=True)
def _root() -> None:
    if os.geteuid() != 0:
        pytest.skip("the driver of ntfs-3g is mounted by root")


def finish(volume: Path, *, start: int = START, size: int | None = None, loader: Loader = Loader.BOOTMGR) -> Path:
    """Put a volume on a disk and make it start."""
    sectors = volume.stat().st_size // 512
    disk = boot_cases.disk_of(volume, f"{start},{sectors},07,*", start=start, size=size)
    with open_image(str(disk), write=True) as target:
        write_mbr_code(target)
        window = target.window(Extent(Lba(start), sectors))
        write_ntfs_boot_code(window, own_ntfs_boot_code(loader), hidden_sectors=start)
        assert (ntfs_boot_code(window), ntfs_boot_loader(window)) == (BootCode.OSDIMAGE, loader)
    return disk


def in_free_pieces(mount: Path, name: str, data: bytes) -> None:
    """Fill the volume with small files, remove every second one, and write the file into what is free."""
    free = os.statvfs(mount)
    size = max(free.f_frsize, 32768)
    fillers = []
    folder = mount / "fillers"
    folder.mkdir()
    with suppress(OSError):
        # One large file leaves just the place where the small ones go.
        with (mount / "large").open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, free.f_bavail * free.f_frsize - 5 * len(data) - 4 * size)
        for number in range(10_000):
            fillers.append(folder / str(number))
            fillers[-1].write_bytes(b"\0" * size)
    for filler in fillers[:-1:2]:
        filler.unlink()
    (mount / name).write_bytes(data)


def runs_of(volume: Path, name: str) -> int:
    text = judges.output("ntfsinfo", "--verbose", "--file", name, volume).partition("Dumping attribute $DATA")[2]
    return text.partition("Runlist:")[2].partition("End of inode")[0].count("\t0x") // 3


@pytest.mark.parametrize("cluster_size", [512, 4096, 65536, 262144])
def test_bootmgr_is_loaded_in_pieces_and_from_a_directory_of_many_blocks(cluster_size: int, tmp_path: Path) -> None:
    standin = boot_cases.standin(tmp_path, LARGE)
    sectors = {512: 30_000, 4096: 40_000, 65536: 60_000, 262144: 160_000}[cluster_size]
    volume = boot_cases.ntfs_volume(tmp_path, sectors, "-c", str(cluster_size))
    with judges.mounted_ntfs(volume, tmp_path / "mount") as mount:
        for number in range(700):
            (mount / f"{'bmz'[number % 3]} a file whose name fills the directory {number:05}").touch()
        in_free_pieces(mount, "BootMgr", standin.data)
    assert runs_of(volume, "BootMgr") > (1 if cluster_size > 65536 else 4)
    booted = boot_judges.boot_bios(finish(volume))
    assert booted.reached, booted.printed
    assert booted.printed.endswith(standin.report(oem="NTFS"))


def test_ntldr_is_loaded_in_pieces_beside_a_boot_manager_that_is_not_started(tmp_path: Path) -> None:
    standin = boot_cases.standin(tmp_path, 250_000, "NTLDR")
    volume = boot_cases.ntfs_volume(tmp_path, 40_000, "-c", "4096")
    with judges.mounted_ntfs(volume, tmp_path / "mount") as mount:
        for name in ("bootmgr", "ntldr.exe", "ntld", "nt"):
            (mount / name).write_bytes(b"\xf4" * 8192)
        in_free_pieces(mount, "ntldr", standin.data)
    assert runs_of(volume, "ntldr") > 4
    booted = boot_judges.boot_bios(finish(volume, loader=Loader.NTLDR))
    assert booted.reached, booted.printed
    assert booted.printed.endswith(standin.report(oem="NTFS"))


def test_a_file_that_is_part_of_its_record_is_loaded(tmp_path: Path) -> None:
    standin = boot_cases.standin(tmp_path, 400)
    volume = boot_cases.ntfs_volume(tmp_path, SECTORS)
    (tmp_path / "bootmgr").write_bytes(standin.data)
    judges.run("ntfscp", "-q", volume, tmp_path / "bootmgr", "bootmgr")
    booted = boot_judges.boot_bios(finish(volume))
    assert booted.reached, booted.printed
    assert booted.printed.endswith(standin.report(oem="NTFS"))


def test_a_drive_without_packets_is_read_by_cylinder_head_and_sector(tmp_path: Path) -> None:
    standin = boot_cases.standin(tmp_path, LARGE)
    volume = boot_cases.ntfs_volume(tmp_path, 5720, start=36)
    (tmp_path / "bootmgr").write_bytes(standin.data)
    judges.run("ntfscp", "-q", volume, tmp_path / "bootmgr", "bootmgr")
    booted = boot_judges.boot_bios(finish(volume, start=36, size=2880 << 10), floppy=True)
    assert booted.reached, booted.printed
    assert booted.printed.endswith(standin.report(hidden=36, oem="NTFS", drive=0))


def test_a_file_of_that_name_that_is_gone_is_not_taken_for_the_one_that_is_there(tmp_path: Path) -> None:
    """Blocks of the directory that are no longer in use keep the entry of the old one."""
    standin = boot_cases.standin(tmp_path, 8192)
    volume = boot_cases.ntfs_volume(tmp_path, SECTORS)
    with judges.mounted_ntfs(volume, tmp_path / "mount") as mount:
        (mount / "bootmgr").write_bytes(b"\xf4" * 8192)
        names = [mount / f"a file whose name fills the directory {number:05}" for number in range(400)]
        for name in names:
            name.touch()
        (mount / "bootmgr").unlink()
        for name in names:
            name.unlink()
        (mount / "takes the record").write_bytes(b"\xf4" * 8192)
        (mount / "bootmgr").write_bytes(standin.data)
    booted = boot_judges.boot_bios(finish(volume))
    assert booted.reached, booted.printed
    assert booted.printed.endswith(standin.report(oem="NTFS"))


# ---- what cannot be started


def nothing(mount: Path) -> None:
    (mount / "bootmgr.exe").touch()


def another_letter(mount: Path) -> None:
    (mount / "bootmgs").write_bytes(b"\xf4" * 4096)


def a_directory(mount: Path) -> None:
    (mount / "bootmgr").mkdir()


def removed(mount: Path) -> None:
    (mount / "bootmgr").write_bytes(b"\xf4" * 4096)
    (mount / "bootmgr").unlink()


def empty(mount: Path) -> None:
    (mount / "bootmgr").touch()


def huge(mount: Path) -> None:
    (mount / "bootmgr").write_bytes(b"\xf4" * 700_000)


def compressed(mount: Path) -> None:
    # The driver compresses what is made in a directory with this attribute.
    os.setxattr(mount, "system.ntfs_attrib_be", (_COMPRESSED | 0x16).to_bytes(4, "big"))
    (mount / "bootmgr").write_bytes(b"\xf4" * 200_000)


def sparse(mount: Path) -> None:
    with (mount / "bootmgr").open("wb") as file:
        file.truncate(200_000)
        file.seek(199_000)
        file.write(b"\xf4" * 1000)


@pytest.mark.parametrize(
    ("make", "text"),
    [
        pytest.param(nothing, "BOOTMGR is not in the root directory", id="absent"),
        pytest.param(another_letter, "BOOTMGR is not in the root directory", id="another-letter"),
        pytest.param(a_directory, "BOOTMGR is not in the root directory", id="directory"),
        pytest.param(removed, "BOOTMGR is not in the root directory", id="removed"),
        pytest.param(empty, "BOOTMGR is not in the root directory", id="empty"),
        pytest.param(huge, "BOOTMGR is too large for the memory", id="too-large"),
        pytest.param(compressed, "BOOTMGR is compressed", id="compressed"),
        pytest.param(sparse, "BOOTMGR is compressed", id="sparse"),
    ],
)
def test_what_cannot_be_started_is_told_on_the_screen(make: Callable[[Path], None], text: str, tmp_path: Path) -> None:
    volume = boot_cases.ntfs_volume(tmp_path, SECTORS, "-c", "1024")
    with judges.mounted_ntfs(volume, tmp_path / "mount") as mount:
        make(mount)
    booted = boot_judges.boot_bios(finish(volume), until="Press a key.")
    assert not booted.reached
    assert f"Boot sector: {text}. Press a key." in booted.printed


def test_a_compressed_ntldr_is_told_by_its_name(tmp_path: Path) -> None:
    volume = boot_cases.ntfs_volume(tmp_path, SECTORS, "-c", "1024")
    with judges.mounted_ntfs(volume, tmp_path / "mount") as mount:
        compressed(mount)
        (mount / "bootmgr").rename(mount / "NTLDR")
    booted = boot_judges.boot_bios(finish(volume, loader=Loader.NTLDR), until="Press a key.")
    assert not booted.reached
    assert "Boot sector: NTLDR is compressed. Press a key." in booted.printed


@pytest.mark.parametrize(
    ("record", "at", "text"),
    [
        pytest.param(0, 0, "the file system is damaged", id="mft-without-magic"),
        pytest.param(0, 510, "the file system is damaged", id="mft-half-written"),
        pytest.param(5, 1022, "the file system is damaged", id="root-half-written"),
        pytest.param(5, 0x3C, "the file system is damaged", id="root-attribute-without-length"),
    ],
)
def test_a_damaged_volume_is_told_on_the_screen(record: int, at: int, text: str, tmp_path: Path) -> None:
    volume = boot_cases.ntfs_volume(tmp_path, SECTORS)
    with volume.open("r+b") as file:
        boot = file.read(512)
        begin = int.from_bytes(boot[0x30:0x38], "little") * boot[0x0D] * 512 + record * 1024 + at
        file.seek(begin)
        file.write(b"\0\0\0\0" if at == 0x3C else b"\x5a\xa5")
    booted = boot_judges.boot_bios(finish(volume), until="Press a key.")
    assert not booted.reached
    assert f"Boot sector: {text}. Press a key." in booted.printed


def test_a_file_whose_runs_go_on_in_another_record_is_told_on_the_screen(tmp_path: Path) -> None:
    volume = boot_cases.ntfs_volume(tmp_path, SECTORS)
    (tmp_path / "bootmgr").write_bytes(b"\xf4" * 8192)
    judges.run("ntfscp", "-q", volume, tmp_path / "bootmgr", "bootmgr")
    data = bytearray(volume.read_bytes())
    # The record whose name is bootmgr, and in it the attribute that is not resident: its runs end at once.
    name = data.index("bootmgr".encode("utf-16-le"), data.index(b"FILE"))
    record = data.rindex(b"FILE", 0, name)
    attribute = data.index(b"\x80\0\0\0", name)
    assert attribute < record + 1024
    assert data[attribute + 8] == 1
    data[attribute + data[attribute + 0x20]] = 0
    volume.write_bytes(data)
    booted = boot_judges.boot_bios(finish(volume), until="Press a key.")
    assert not booted.reached
    assert "Boot sector: too fragmented. Press a key." in booted.printed
