from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from cases import boot as boot_cases
from judges import boot as boot_judges
from judges import wim as judges
from judges.disk import head
from osdimage.imaging.boot.code.kinds import BootCode
from osdimage.imaging.boot.code.mbr import mbr_code, write_mbr_code
from osdimage.imaging.disk.image import create_image, open_image
from osdimage.imaging.errors import TargetRefused

# A boot sector that prints, by the BIOS, what the MBR hands over, and ends QEMU.
REPORTER = """
        bits 16
        cpu 386
        org 7c00h
        mov bp, dx
        mov eax, [si + 8]
        call hex8
        mov ax, cs
        shl eax, 16
        mov ax, bp
        call hex8
        mov ax, 10h
        mov dx, 0f4h
        out dx, ax
        hlt
hex8:   mov cx, 8
.digit: rol eax, 4
        push eax
        and al, 15
        add al, '0'
        cmp al, '9'
        jbe .put
        add al, 'a' - '9' - 1
.put:   mov dx, 3f8h
        out dx, al
        pop eax
        loop .digit
        mov al, ' '
        out dx, al
        ret
        times 510 - ($ - $$) db 0
        dw 0aa55h
"""


@pytest.fixture(scope="module")
def reporter(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    folder = tmp_path_factory.mktemp("reporter")
    (folder / "reporter.asm").write_text(REPORTER)
    return boot_judges.nasm(folder / "reporter.asm", folder / "reporter.bin")


def disk_with(tmp_path: Path, *partitions: str, sectors: dict[int, bytes], size: int = 8 << 20) -> Path:
    disk = boot_cases.mbr_disk(tmp_path / "disk.img", *partitions, size=size)
    with open_image(str(disk), write=True) as target:
        write_mbr_code(target)
        for lba, data in sectors.items():
            target.write_at(lba * 512, data)
    return disk


TWO = ("2048,4096,07", "8192,4096,07,*")


@pytest.mark.foreign
def test_seabios_starts_the_boot_sector_of_the_active_partition(tmp_path: Path, reporter: bytes) -> None:
    booted = boot_judges.boot_bios(disk_with(tmp_path, *TWO, sectors={8192: reporter}))
    assert booted.reached
    # Its start sector, as DS:SI leads to it; CS 0; DL 80h.
    assert booted.printed.endswith("00002000 00000080 ")


@pytest.mark.foreign
def test_a_drive_without_packets_is_read_by_cylinder_head_and_sector(tmp_path: Path, reporter: bytes) -> None:
    # 2.88 MB: 80 cylinders, 2 heads, 36 sectors.  Sector 5000 is cylinder 69, head 0, sector 33.
    disk = disk_with(tmp_path, "36,36,07", "5000,700,07,*", sectors={5000: reporter}, size=2880 << 10)
    booted = boot_judges.boot_bios(disk, floppy=True)
    assert booted.reached
    assert booted.printed.endswith("00001388 00000000 ")


def cleared(sector: bytearray) -> None:
    sector[446 + 16] = 0


def twice(sector: bytearray) -> None:
    sector[446] = 0x80


def odd(sector: bytearray) -> None:
    sector[446] = 0x01


def at_zero(sector: bytearray) -> None:
    sector[446 + 16 + 8 : 446 + 16 + 12] = bytes(4)


def beyond(sector: bytearray) -> None:
    sector[446 + 16 + 8 : 446 + 16 + 12] = b"\xff\xff\xff\x7f"


def intact(sector: bytearray) -> None:
    del sector[512:]


@pytest.mark.foreign
@pytest.mark.parametrize(
    ("change", "text"),
    [
        pytest.param(cleared, "no active partition", id="no-flag"),
        pytest.param(twice, "more than one active partition", id="two-flags"),
        pytest.param(odd, "bad partition table", id="odd-flag"),
        pytest.param(at_zero, "bad partition table", id="starts-at-the-mbr"),
        pytest.param(beyond, "read error", id="beyond-the-disk"),
        pytest.param(intact, "active partition has no boot sector", id="no-boot-sector"),
    ],
)
def test_what_cannot_be_started_is_told_on_the_screen(
    change: Callable[[bytearray], None], text: str, tmp_path: Path
) -> None:
    disk = disk_with(tmp_path, *TWO, sectors={})
    sector = bytearray(head(disk))
    change(sector)
    with disk.open("r+b") as file:
        file.write(sector)
    booted = boot_judges.boot_bios(disk, until="Press a key.")
    assert not booted.reached
    assert f"MBR: {text}. Press a key." in booted.printed


@pytest.mark.foreign
def test_nothing_but_the_first_440_bytes_changes_and_sfdisk_sees_the_same_table(tmp_path: Path) -> None:
    disk = boot_cases.mbr_disk(tmp_path / "disk.img", *TWO, size=8 << 20)
    before, table = disk.read_bytes(), judges.output("sfdisk", "--dump", disk)
    with open_image(str(disk), write=True) as target:
        assert mbr_code(target) is BootCode.NONE
        write_mbr_code(target)
        assert mbr_code(target) is BootCode.OSDIMAGE
    assert disk.read_bytes()[440:] == before[440:]
    assert judges.output("sfdisk", "--dump", disk) == table


@pytest.mark.foreign
def test_other_boot_code_is_recognised(tmp_path: Path) -> None:
    disk = boot_cases.mbr_disk(tmp_path / "disk.img", *TWO, size=8 << 20)
    with open_image(str(disk), write=True) as target:
        # The code of syslinux begins so; GRUB's has its name in its messages.
        target.write_at(0, bytes.fromhex("33c0fa8ed88ed0bc007c"))
        assert mbr_code(target) is BootCode.OTHER
        target.write_at(0x180, b"GRUB \0Geom\0")
        assert mbr_code(target) is BootCode.GRUB


@pytest.mark.foreign
def test_a_disk_that_no_bios_starts_is_refused_and_left_alone(tmp_path: Path) -> None:
    disk = boot_cases.mbr_disk(tmp_path / "disk.img", *TWO, size=8 << 20, signature=0)
    before = disk.read_bytes()
    with open_image(str(disk), write=True) as target, pytest.raises(TargetRefused, match="disk signature 0"):
        write_mbr_code(target)
    with (
        open_image(str(disk), write=True, sector_size=4096) as target,
        pytest.raises(TargetRefused, match=r"sectors of 4096 bytes: no BIOS starts such a disk.*UEFI"),
    ):
        write_mbr_code(target)
    assert disk.read_bytes() == before
    judges.run("sgdisk", "-o", disk, code=None)
    judges.run("sgdisk", "-Z", disk, code=None)
    judges.run("sgdisk", "-n1:2048:+1M", disk)
    with open_image(str(disk), write=True) as target, pytest.raises(TargetRefused, match="a GPT, which UEFI starts"):
        write_mbr_code(target)


def test_a_disk_without_a_table_is_refused(tmp_path: Path) -> None:
    with (
        create_image(str(tmp_path / "disk.img"), 1 << 20) as target,
        pytest.raises(TargetRefused, match="no partition table"),
    ):
        write_mbr_code(target)
