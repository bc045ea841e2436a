from __future__ import annotations

from pathlib import Path

import pytest
from cases import boot as boot_cases
from cases.boot import START
from judges import boot as boot_judges
from judges import disk as disk_judges
from judges import ntfs as ntfs_judges
from judges import wim as judges
from osdimage.imaging.boot.code import grub as grub_chain
from osdimage.imaging.boot.code.grub import ChainReport, GrubTools, find_grub, install_grub_chain
from osdimage.imaging.boot.code.kinds import BootCode
from osdimage.imaging.boot.code.mbr import mbr_code, write_mbr_code
from osdimage.imaging.boot.code.ntfs import ntfs_boot_code
from osdimage.imaging.disk.image import FileTarget, open_image
from osdimage.imaging.disk.tables.read import read_table
from osdimage.imaging.errors import InvalidVolume, OsdImageError, TargetRefused

SECTORS = 60_000
LARGE = 400_000


@pytest.fixture
def grub() -> GrubTools:
    found = find_grub()
    if found is None:
        disk_judges.missing("GRUB for BIOS machines is not installed")
    assert found is not None
    return found


def ntfs_disk(tmp_path: Path, *, start: int = START, bootmgr: bytes | None = None) -> Path:
    """Make a disk with an active NTFS volume as its second partition, with the programs of others."""
    volume = boot_cases.ntfs_volume(tmp_path, SECTORS, start=start)
    if bootmgr is not None:
        (tmp_path / "bootmgr").write_bytes(bootmgr)
        judges.run("ntfscp", "-q", volume, tmp_path / "bootmgr", "bootmgr")
    return boot_cases.disk_of(volume, f"{start + SECTORS},2048,07", f"{start},{SECTORS},07,*", start=start)


def install(target: FileTarget, tools: GrubTools | None = None, number: int = 2) -> ChainReport:
    table = read_table(target).table
    assert table is not None
    partition = next(each for each in table.partitions if each.number == number)
    return install_grub_chain(target, table, partition, tools=tools)


def make_bootable(disk: Path) -> Path:
    with open_image(str(disk), write=True) as target:
        write_mbr_code(target)
        install(target)
    return disk


@pytest.mark.foreign
@pytest.mark.usefixtures("grub")
def test_bootmgr_is_loaded_from_ntfs(tmp_path: Path) -> None:
    standin = boot_cases.standin(tmp_path, LARGE)
    disk = make_bootable(ntfs_disk(tmp_path, bootmgr=standin.data))
    booted = boot_judges.boot_bios(disk)
    assert booted.reached, booted.printed
    assert booted.printed.endswith(standin.report(oem="NTFS"))
    # GRUB marks nothing and is no part of the volume.
    ntfs_judges.ntfsfix(disk_judges.cut_out(disk, START * 512, SECTORS * 512, tmp_path / "after.img"))


@pytest.mark.foreign
@pytest.mark.usefixtures("grub")
def test_without_bootmgr_grub_says_so_and_without_the_flag_it_is_never_started(tmp_path: Path) -> None:
    disk = make_bootable(ntfs_disk(tmp_path))
    booted = boot_judges.boot_bios(disk, until="not found")
    assert not booted.reached
    assert "`/bootmgr' not found" in booted.printed
    judges.run("sfdisk", "-q", "--activate", disk, "-")
    booted = boot_judges.boot_bios(disk, until="Press a key.")
    assert not booted.reached
    assert "MBR: no active partition" in booted.printed


@pytest.mark.foreign
def test_only_the_gap_and_the_code_of_the_boot_sector_change(grub: GrubTools, tmp_path: Path) -> None:
    disk = ntfs_disk(tmp_path, bootmgr=b"x" * 5000)
    table, before = judges.output("sfdisk", "--dump", disk), disk.read_bytes()
    with open_image(str(disk), write=True) as target:
        report = install(target, grub)
        window = target.window(next(each.extent for each in read_table(target).table.partitions if each.number == 2))  # type: ignore[union-attr]
        assert ntfs_boot_code(window) is BootCode.GRUB
        assert mbr_code(target) is BootCode.NONE
    after = disk.read_bytes()
    assert judges.output("sfdisk", "--dump", disk) == table
    changed = {at // 512 for at in range(0, len(before), 512) if before[at : at + 512] != after[at : at + 512]}
    assert report.first_lba == 1
    assert changed == {*range(1, 1 + report.sectors), START, START + SECTORS - 1}
    first = after[START * 512 :]
    assert first[3:0x54] == before[START * 512 + 3 : START * 512 + 0x54]
    assert after[(START + SECTORS - 1) * 512 : (START + SECTORS) * 512] == first[:512]
    volume = disk_judges.cut_out(disk, START * 512, SECTORS * 512, tmp_path / "after.img")
    ntfs_judges.ntfsfix(volume)
    assert ntfs_judges.ntfscat(volume, "bootmgr") == "x" * 5000


@pytest.mark.foreign
def test_what_an_earlier_or_interrupted_run_left_is_replaced(grub: GrubTools, tmp_path: Path) -> None:
    disk = ntfs_disk(tmp_path)
    with open_image(str(disk), write=True) as target:
        report = install(target, grub)
        first = target.read_sectors(0, START + 16)
        assert install(target, grub) == report
        target.write_at(30 * 512, b"half a core" * 100)
        assert install(target, grub) == report
        assert target.read_sectors(0, START + 16) == first


@pytest.mark.foreign
def test_a_gap_that_holds_something_else_is_left_alone(grub: GrubTools, tmp_path: Path) -> None:
    disk = ntfs_disk(tmp_path)
    with open_image(str(disk), write=True) as target:
        for sector, data in ((1, b"another boot loader"), (50, b"a licence")):
            target.write_at(sector * 512, data)
            before = target.read_sectors(0, START + 16)
            with pytest.raises(
                TargetRefused, match=rf"sector {sector} behind the MBR is in use.*sectors 1 to 8\d to hold"
            ):
                install(target, grub)
            assert target.read_sectors(0, START + 16) == before
            target.write_at(sector * 512, bytes(512))


@pytest.mark.foreign
def test_a_gap_of_63_sectors_is_too_small(grub: GrubTools, tmp_path: Path) -> None:
    disk = ntfs_disk(tmp_path, start=63)
    with (
        open_image(str(disk), write=True) as target,
        pytest.raises(
            TargetRefused, match=r"begins at sector 63, which leaves no room.*valid is sector 8\d and beyond"
        ),
    ):
        install(target, grub)


@pytest.mark.foreign
def test_other_volumes_and_other_tables_are_refused(grub: GrubTools, tmp_path: Path) -> None:
    disk = ntfs_disk(tmp_path)
    with open_image(str(disk), write=True) as target, pytest.raises(InvalidVolume, match="not an NTFS volume"):
        install(target, grub, number=1)
    assert disk.read_bytes()[512 : START * 512].count(0) == (START - 1) * 512
    judges.run("sgdisk", "-Z", disk, code=None)
    judges.run("sgdisk", "-n1:2048:+1M", disk)
    with open_image(str(disk), write=True) as target, pytest.raises(TargetRefused, match="primary partition of a disk"):
        install(target, grub, number=1)


@pytest.mark.foreign
def test_without_grub_the_error_names_its_packages(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(grub_chain, "_FOLDER", tmp_path / "none")
    assert find_grub() is None
    disk = ntfs_disk(tmp_path)
    with open_image(str(disk), write=True) as target, pytest.raises(OsdImageError, match="grub-common grub-pc-bin"):
        install(target)


def broken(tmp_path: Path, script: str, boot: bytes | None = None) -> GrubTools:
    program = tmp_path / "grub-mkimage"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    (tmp_path / "boot.img").write_bytes(boot if boot is not None else b"\xeb" + bytes(509) + b"\x55\xaa")
    return GrubTools(program, tmp_path)


@pytest.mark.foreign
@pytest.mark.parametrize(
    ("script", "boot", "text"),
    [
        pytest.param("echo no such module >&2; exit 1", None, "no such module", id="fails"),
        pytest.param("exit 7", None, r"failed \(7\): without a word", id="fails-silently"),
        pytest.param("exit 0", None, "core.img: No such file", id="makes-nothing"),
        pytest.param('echo x > "${4#--output=}"; printf x > "${5#--output=}"', None, "not of the kind", id="tiny-core"),
        pytest.param("exit 0", b"\xeb" + bytes(511), "not the boot sector of GRUB", id="boot-image-unsigned"),
    ],
)
def test_a_grub_that_fails_is_an_error_and_nothing_is_written(
    script: str, boot: bytes | None, text: str, tmp_path: Path
) -> None:
    disk = ntfs_disk(tmp_path)
    before = disk.read_bytes()
    with open_image(str(disk), write=True) as target, pytest.raises(OsdImageError, match=text):
        install(target, broken(tmp_path, script, boot))
    assert disk.read_bytes() == before


@pytest.mark.foreign
def test_a_grub_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    disk = ntfs_disk(tmp_path)
    tools = broken(tmp_path, "exit 0")
    with open_image(str(disk), write=True) as target, pytest.raises(OsdImageError, match="cannot be run"):
        install(target, GrubTools(tmp_path / "absent", tools.folder))
    (tmp_path / "boot.img").unlink()
    with open_image(str(disk), write=True) as target, pytest.raises(OsdImageError, match=r"boot\.img: No such file"):
        install(target, tools)
