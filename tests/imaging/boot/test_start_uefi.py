"""A disk that osdimage deployed alone is started by the firmware of a PC, and Windows found by the GUID of its store.

The image is a tree with the names of Windows whose loader is GRUB: none of Microsoft's programs runs here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest
from cases import windows as windows_cases
from judges import bcd as bcd_judges
from judges import boot as boot_judges
from judges import disk as disk_judges
from judges import wim as judges
from judges.bcd import GptDevice
from osdimage.imaging.disk.content import FileSystem
from osdimage.imaging.disk.layouts.layout import DiskLayout, FixedSize, PartitionSpec
from osdimage.imaging.disk.roles import Role, Scheme
from osdimage.imaging.testing import make_disk
from osdimage.imaging.units import MIB, Bytes
from runs import ordinary_user
from runs.commands import osdimage

pytestmark = pytest.mark.foreign

OTHER = UUID("01234567-89ab-4cde-8f01-23456789abcd")


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with ordinary_user.folder_for_all() as path:
        yield path


@pytest.fixture(scope="module")
def deployed(folder: Path) -> Path:
    """Capture the tree and deploy it as an ordinary user, with nothing but osdimage."""
    windows_cases.bootable_tree(folder / "tree", loader=windows_cases.grub_loader(folder / "loader.efi"))
    ordinary_user.osdimage_as_nobody(folder, "capture", "tree", "install.wim", "--compress", "none")
    ordinary_user.osdimage_as_nobody(folder, "deploy", "install.wim", "disk.img", "--preset", "uefi", "--size", "2GB")
    return folder / "disk.img"


def sectors(disk: Path, number: int) -> disk_judges.Seen:
    return disk_judges.sgdisk(disk, [number])[0]


def on_esp(disk: Path) -> str:
    return f"{disk}@@{sectors(disk, 1).first * 512}"


@pytest.fixture(scope="module")
def bootable(deployed: Path) -> Path:
    """Tell the loader which partition the store names, as dissect.regf reads it."""
    store = deployed.with_name("BCD")
    judges.run("mcopy", "-n", "-i", on_esp(deployed), "::/EFI/Microsoft/Boot/BCD", store)
    windows = bcd_judges.read_store(store).windows
    assert isinstance(windows, GptDevice)
    wanted = deployed.with_name("wanted.cfg")
    wanted.write_text(f"set wanted={windows.partition}\n")
    judges.run("mcopy", "-i", on_esp(deployed), wanted, "::/wanted.cfg")
    return deployed


@pytest.fixture
def disk(bootable: Path, tmp_path: Path) -> Path:
    judges.run("cp", "--sparse=always", bootable, tmp_path / "disk.img")
    return tmp_path / "disk.img"


def check(disk: Path, *, code: int) -> str:
    """Return what ``osdimage boot check`` finds."""
    done = osdimage("boot", "check", disk, "--json", code=code)
    return json.dumps(json.loads(done.out), ensure_ascii=False)


def test_the_store_names_the_partitions_of_the_disk_as_sgdisk_prints_them(bootable: Path) -> None:
    text = judges.output("sgdisk", "--print", bootable)
    disk_guid = UUID(text.partition("Disk identifier (GUID): ")[2].split()[0])
    store = bcd_judges.read_store(bootable.with_name("BCD"))
    guids = [UUID(sectors(bootable, number).guid) for number in (1, 3)]
    assert store == bcd_judges.Store(GptDevice(guids[0], disk_guid), GptDevice(guids[1], disk_guid))


@pytest.mark.slow
def test_the_firmware_starts_the_disk_and_the_loader_finds_windows(bootable: Path, tmp_path: Path) -> None:
    booted = boot_judges.boot_uefi(bootable, tmp_path / "variables.fd")
    assert booted.reached, booted.printed
    # An empty NVRAM knows no other path.
    assert "LOADER started as (hd0,gpt1)/efi/boot" in booted.printed.lower().replace("loader", "LOADER")
    assert f"LOADER esp={sectors(bootable, 1).guid}" in booted.printed
    assert "LOADER windows=(hd0,gpt3)" in booted.printed
    assert windows_cases.MARKER in booted.printed


def test_the_check_finds_nothing_wrong(bootable: Path) -> None:
    check(bootable, code=0)


@pytest.mark.matrix
@pytest.mark.slow
def test_without_the_loader_the_firmware_finds_nothing_and_the_check_says_so(disk: Path, tmp_path: Path) -> None:
    judges.run("mdel", "-i", on_esp(disk), "::/EFI/Boot/bootx64.efi")
    booted = boot_judges.boot_uefi(disk, tmp_path / "variables.fd", until="Shell>")
    assert not booted.reached
    assert "LOADER" not in booted.printed
    assert "bootx64.efi" in check(disk, code=1)


@pytest.mark.matrix
@pytest.mark.slow
def test_when_windows_has_another_guid_the_loader_does_not_find_it_and_the_check_says_so(
    disk: Path, tmp_path: Path
) -> None:
    judges.run("sgdisk", f"--partition-guid=3:{OTHER}", disk)
    booted = boot_judges.boot_uefi(disk, tmp_path / "variables.fd")
    assert booted.code == 0x21 * 2 + 1
    windows = bcd_judges.read_store(disk_store(disk, tmp_path)).windows
    assert isinstance(windows, GptDevice)
    assert f"LOADER no partition has the GUID {windows.partition}" in booted.printed
    assert str(windows.partition) in check(disk, code=1).lower()


def disk_store(disk: Path, tmp_path: Path) -> Path:
    judges.run("mcopy", "-n", "-i", on_esp(disk), "::/EFI/Microsoft/Boot/BCD", tmp_path / "BCD")
    return tmp_path / "BCD"


@pytest.mark.matrix
@pytest.mark.slow
def test_a_windows_is_found_on_another_disk_than_the_one_that_the_firmware_starts(
    deployed: Path, tmp_path: Path
) -> None:
    wim, system, disk = deployed.with_name("install.wim"), tmp_path / "system.img", tmp_path / "disk.img"
    layout = DiskLayout(
        Scheme.GPT, (PartitionSpec(Role.EFI, FixedSize(Bytes(260 * MIB)), filesystem=FileSystem.FAT32),)
    )
    make_disk(system, 300 * MIB, layout, {})
    osdimage("deploy", wim, disk, "--preset", "uefi", "--size", "2GB", "--system", system)
    judges.run("mcopy", "-n", "-i", on_esp(system), "::/EFI/Microsoft/Boot/BCD", tmp_path / "BCD")
    windows = bcd_judges.read_store(tmp_path / "BCD").windows
    assert isinstance(windows, GptDevice)
    assert windows.partition == UUID(sectors(disk, 3).guid)
    (tmp_path / "wanted.cfg").write_text(f"set wanted={windows.partition}\n")
    judges.run("mcopy", "-i", on_esp(system), tmp_path / "wanted.cfg", "::/wanted.cfg")
    booted = boot_judges.boot_uefi(system, tmp_path / "variables.fd", beside=disk)
    assert booted.reached, booted.printed
    assert f"LOADER esp={sectors(system, 1).guid}" in booted.printed
    assert "LOADER windows=(hd1,gpt3)" in booted.printed
    assert windows_cases.MARKER in booted.printed
