"""Disks that osdimage deployed alone are started by the BIOS of a PC, from the MBR on to a stand-in for BOOTMGR."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from cases import boot as boot_cases
from cases import windows as windows_cases
from cases.boot import Standin
from cases.older_windows import older_files
from cases.windows_trees import write_tree
from judges import bcd as bcd_judges
from judges import boot as boot_judges
from judges import disk as disk_judges
from judges import wim as judges
from judges.bcd import MbrDevice
from runs import ordinary_user
from runs.commands import osdimage

pytestmark = pytest.mark.foreign

LARGE = 400_000
# A system partition of FAT32, as old machines have it, and Windows.
FAT32_LAYOUT = """\
OSDDiskIndex=0
OSDPartitionStyle=MBR
OSDPartitions=2
OSDPartitions0Type=Primary
OSDPartitions0FileSystem=FAT32
OSDPartitions0Bootable=True
OSDPartitions0Size=300
OSDPartitions0SizeUnits=MB
OSDPartitions1Type=Primary
OSDPartitions1FileSystem=NTFS
OSDPartitions1Size=100
OSDPartitions1SizeUnits=Percent
OSDPartitions1VolumeLetterVariable=OSDisk
"""


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with ordinary_user.folder_for_all() as path:
        yield path


@pytest.fixture(scope="module")
def standin(folder: Path) -> Standin:
    return boot_cases.standin(folder, LARGE)


@pytest.fixture(scope="module")
def wim(folder: Path, standin: Standin) -> Path:
    windows_cases.bootable_tree(folder / "tree", bootmgr=standin.data)
    ordinary_user.osdimage_as_nobody(folder, "capture", "tree", "install.wim", "--compress", "none")
    return folder / "install.wim"


def deploy(wim: Path, name: str, *options: str) -> Path:
    ordinary_user.osdimage_as_nobody(wim.parent, "deploy", wim.name, name, *options)
    return wim.with_name(name)


@pytest.fixture(scope="module")
def ntfs_disk(wim: Path) -> Path:
    return deploy(wim, "ntfs.img", "--preset", "bios", "--recovery", "none", "--size", "1GB")


@pytest.fixture(scope="module")
def fat32_disk(wim: Path) -> Path:
    wim.with_name("layout.vars").write_text(FAT32_LAYOUT)
    return deploy(wim, "fat32.img", "--vars", "layout.vars", "--size", "1GB")


@pytest.fixture
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Copy a disk, to change it."""
    judges.run("cp", "--sparse=always", request.getfixturevalue(request.param), tmp_path / "disk.img")
    return tmp_path / "disk.img"


def first_sector(disk: Path, number: int = 1) -> int:
    return disk_judges.sfdisk(disk)[1][number - 1].first


def check(disk: Path, *, code: int) -> str:
    """Return what ``osdimage boot check`` finds."""
    done = osdimage("boot", "check", disk, "--json", code=code)
    return json.dumps(json.loads(done.out), ensure_ascii=False)


@pytest.fixture(scope="module")
def ntldr(folder: Path) -> Standin:
    return boot_cases.standin(folder, 250_000, "NTLDR")


@pytest.fixture(scope="module")
def older_wim(folder: Path, ntldr: Standin) -> Path:
    write_tree(folder / "older", older_files(ntldr=ntldr.data))
    ordinary_user.osdimage_as_nobody(folder, "capture", "older", "xp.wim", "--compress", "none")
    return folder / "xp.wim"


@pytest.mark.parametrize(
    ("options", "windows", "oem"),
    [
        pytest.param(("--preset", "bios", "--recovery", "none"), 2, "NTFS", id="ntfs"),
        pytest.param(("--vars", "layout.vars"), 2, "MSWI", id="fat32"),
        pytest.param(("--preset", "bios", "--recovery", "none", "--bios-loader", "grub"), 2, "NTFS", id="grub"),
    ],
)
def test_the_bios_starts_windows_xp_by_ntldr(
    options: tuple[str, ...], windows: int, oem: str, older_wim: Path, ntldr: Standin
) -> None:
    older_wim.with_name("layout.vars").write_text(FAT32_LAYOUT)
    disk = deploy(older_wim, "xp.img", *options, "--size", "1GB", "--yes")
    booted = boot_judges.boot_bios(disk)
    assert booted.reached, booted.printed
    assert booted.printed.endswith(ntldr.report(hidden=first_sector(disk), oem=oem))
    report = json.loads(check(disk, code=0))
    assert (report["system_partition"], report["os_partition"]) == (1, windows)
    # The letters of the machine that was captured are forgotten, as with every Windows.
    hive = osdimage("registry", "export", disk, "--partition", str(windows), "--hive", "SYSTEM", r"MountedDevices").out
    assert "DosDevices" not in hive
    disk.unlink()


@pytest.mark.parametrize(("made", "oem"), [("ntfs_disk", "NTFS"), ("fat32_disk", "MSWI")])
def test_the_bios_starts_the_disk_and_the_check_finds_nothing_wrong(
    made: str, oem: str, standin: Standin, request: pytest.FixtureRequest
) -> None:
    disk = request.getfixturevalue(made)
    booted = boot_judges.boot_bios(disk)
    assert booted.reached, booted.printed
    assert booted.printed.endswith(standin.report(hidden=first_sector(disk), oem=oem))
    check(disk, code=0)


def test_the_store_names_the_partitions_of_the_disk_as_sfdisk_prints_them(fat32_disk: Path) -> None:
    store = fat32_disk.with_name("BCD")
    judges.run("mcopy", "-n", "-i", f"{fat32_disk}@@{first_sector(fat32_disk) * 512}", "::/Boot/BCD", store)
    signature = int(disk_judges.sfdisk(fat32_disk)[0]["id"], 16)
    places = [MbrDevice(first_sector(fat32_disk, number) * 512, signature) for number in (1, 2)]
    assert bcd_judges.read_store(store) == bcd_judges.Store(*places)


@pytest.mark.parametrize("disk", ["ntfs_disk", "fat32_disk"], indirect=True)
def test_without_an_active_partition_nothing_starts_and_the_check_says_so(disk: Path) -> None:
    judges.run("sfdisk", "-q", "--activate", disk, "-")
    booted = boot_judges.boot_bios(disk, until="Press a key.")
    assert not booted.reached
    assert "MBR: no active partition. Press a key." in booted.printed
    assert "active" in check(disk, code=1)


@pytest.mark.parametrize("disk", ["fat32_disk"], indirect=True)
def test_without_bootmgr_nothing_starts_and_the_check_says_so(disk: Path) -> None:
    judges.run("mdel", "-i", f"{disk}@@{first_sector(disk) * 512}", "::/bootmgr")
    booted = boot_judges.boot_bios(disk, until="Press a key.")
    assert not booted.reached
    assert "Boot sector: BOOTMGR is not in the root directory. Press a key." in booted.printed
    assert "bootmgr is missing" in check(disk, code=1)


@pytest.mark.parametrize("disk", ["ntfs_disk"], indirect=True)
def test_with_another_signature_the_store_names_no_disk_and_the_check_says_so(disk: Path) -> None:
    judges.run("sfdisk", "-q", "--disk-id", disk, "0x0badcafe")
    assert "signature" in check(disk, code=1)
    osdimage("boot", "fix", disk)
    check(disk, code=0)


@pytest.mark.parametrize("disk", ["ntfs_disk"], indirect=True)
def test_grub_starts_the_disk_when_it_is_asked_for(disk: Path, standin: Standin) -> None:
    judges.require("grub-mkimage")
    osdimage("boot", "install", disk, "--partition", "2", "--bios-loader", "grub")
    booted = boot_judges.boot_bios(disk)
    assert booted.reached, booted.printed
    assert booted.printed.endswith(standin.report(hidden=first_sector(disk), oem="NTFS"))
