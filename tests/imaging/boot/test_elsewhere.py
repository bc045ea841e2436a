"""The system partition on another disk than Windows: what the store names, as dissect.regf and sgdisk tell it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from cases import boot as boot_cases
from cases.installs import (
    BOOTMGR,
    default_entry,
    disk_with,
    fat_contents,
    gpt_device,
    guids,
    mbr_device,
    ntfs_contents,
    spec,
    store_of,
)
from cases.older_windows import older_files
from cases.windows_trees import windows_files, write_tree
from judges import boot as boot_judges
from judges import disk as disk_judges
from judges import wim as wim_judges
from judges.disk import head, run, sfdisk
from osdimage.imaging.disk.content import FileSystem
from osdimage.imaging.disk.layouts.layout import DiskLayout
from osdimage.imaging.disk.roles import Role, Scheme
from osdimage.imaging.units import MIB
from runs.commands import osdimage
from runs.formats import of_plain_files

pytestmark = pytest.mark.foreign

SIZE = 150 * MIB
ESP_SIZE = 300 * MIB
ESP = DiskLayout(Scheme.GPT, (spec(Role.EFI, 260 * MIB, FileSystem.FAT32),))
DATA = DiskLayout(
    Scheme.GPT, (spec(Role.PRIMARY, 50 * MIB, FileSystem.NTFS), spec(Role.PRIMARY, None, FileSystem.NTFS))
)
ACTIVE = DiskLayout(Scheme.MBR, (spec(Role.PRIMARY, None, FileSystem.NTFS, active=True),))
MBR_DATA = DiskLayout(
    Scheme.MBR, (spec(Role.PRIMARY, 50 * MIB, FileSystem.NTFS), spec(Role.PRIMARY, None, FileSystem.NTFS))
)


def made(folder: Path, name: str, layout: DiskLayout, trees: dict[int, dict[str, bytes]] | None = None) -> Path:
    made_once = disk_with(folder, layout, trees or {}, size=ESP_SIZE if layout is ESP else SIZE)
    (folder / name).mkdir()
    disk = made_once.rename(folder / name / "disk.img")
    if layout.scheme is Scheme.GPT:
        # They are made from one seed.
        run(["sgdisk", "--randomize-guids", disk])
    else:
        run(["sfdisk", "-q", "--disk-id", disk, f"{int.from_bytes(name.encode()[:3], 'big'):#x}"])
    return disk


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("image")
    wim_judges.wimlib("capture", write_tree(folder / "tree", windows_files()), folder / "a.wim", "Windows")
    return folder / "a.wim"


def part(disk: Path, number: int) -> Path:
    found = next(each for each in disk_judges.fdisk(disk, 512) if each.number == number)
    assert found.sectors is not None
    return disk_judges.cut_out(disk, found.first * 512, found.sectors * 512, disk.with_name(f"part-{number}"))


def efi_store(disk: Path) -> dict[str, dict[str, Any]]:
    held = {path.lower(): data for path, data in fat_contents(part(disk, 1)).items()}
    return store_of(held["efi/microsoft/boot/bcd"], disk.with_name("BCD"))


def check(*args: object, code: int) -> dict[str, Any]:
    return dict(json.loads(osdimage("boot", "check", *args, "--json", code=code).out))


@of_plain_files
def test_uefi_starts_one_disk_and_its_store_names_windows_on_the_other(tmp_path: Path) -> None:
    windows, system = made(tmp_path, "windows", DATA, {2: windows_files()}), made(tmp_path, "system", ESP)
    before = windows.stat().st_mtime_ns
    done = osdimage("boot", "install", windows, "--partition", "2", "--system", system, "--json")
    result = json.loads(done.out)
    assert (result["disk"], result["system_disk"]) == (str(windows), str(system))
    assert (result["os_partition"], result["system_partition"]) == (2, 1)
    # Nothing of the disk with Windows is written.
    assert windows.stat().st_mtime_ns == before
    store = efi_store(system)
    assert gpt_device(default_entry(store)["11000001"]) == guids(windows, 2)
    assert gpt_device(default_entry(store)["21000001"]) == guids(windows, 2)
    assert gpt_device(store[BOOTMGR]["11000001"]) == guids(system, 1)
    report = check(windows, "--system", system, code=0)
    assert (report["system_partition"], report["os_partition"], report["windows_disk"]) == (1, 2, str(windows))
    assert report["findings"] == []
    # Without the other disk it is not known whether it is there.
    assert check(system, code=6)["findings"][0]["code"] == "os-elsewhere"
    shown = osdimage("boot", "show", windows, "--system", f"{system}:1").out
    assert f"partition 2 of {windows}" in shown


def test_the_fix_binds_the_store_to_the_other_disk_after_that_was_signed_anew(tmp_path: Path) -> None:
    windows, system = made(tmp_path, "windows", DATA, {2: windows_files()}), made(tmp_path, "system", ESP)
    osdimage("boot", "install", windows, "--partition", "2", "--system", system)
    for disk in (windows, system):
        run(["sgdisk", "--randomize-guids", disk])
    assert check(windows, "--system", system, code=6)["verdict"] == "not-known"
    before = head(windows, 1 << 20)
    dry = osdimage("boot", "fix", windows, "--system", system, "--dry-run").out
    assert f"is partition 2 of {windows} now" in dry
    assert check(windows, "--system", system, code=6)["verdict"] == "not-known"
    osdimage("boot", "fix", windows, "--system", system)
    assert head(windows, 1 << 20) == before
    store = efi_store(system)
    assert gpt_device(default_entry(store)["21000001"]) == guids(windows, 2)
    assert gpt_device(store[BOOTMGR]["11000001"]) == guids(system, 1)
    assert check(windows, "--system", system, code=0)["findings"] == []
    assert "nothing was to be changed" in osdimage("boot", "fix", windows, "--system", system).out


def test_a_bios_finds_boot_code_on_the_disk_with_the_boot_manager_only(tmp_path: Path) -> None:
    standin = boot_cases.standin(tmp_path, 100_000)
    files = windows_files() | {"Windows/Boot/PCAT/bootmgr": standin.data}
    windows, system = made(tmp_path, "windows", MBR_DATA, {2: files}), made(tmp_path, "system", ACTIVE)
    run(["sfdisk", "-q", "--disk-id", windows, "0"])
    code = head(windows, 440)
    done = osdimage("boot", "install", windows, "--partition", "2", "--system", system)
    assert f"the firmware must start {system}" in done.out
    assert head(windows, 440) == code
    assert not any(each.active for each in sfdisk(windows)[1])
    signature = int(re.search(r"label-id: (\S+)", run(["sfdisk", "--dump", windows]))[1], 16)  # type: ignore[index]
    assert signature
    store = store_of(ntfs_contents(part(system, 1))["Boot/BCD"], tmp_path / "BCD")
    begin = next(each.first for each in sfdisk(windows)[1] if each.number == 2)
    assert mbr_device(default_entry(store)["21000001"]) == (signature, begin * 512)
    booted = boot_judges.boot_bios(system)
    assert booted.reached, booted.printed
    assert booted.printed.endswith(standin.report(hidden=sfdisk(system)[1][0].first, oem="NTFS"))
    assert check(windows, "--system", system, code=0)["findings"] == []
    # Windows signs a disk anew whose signature another one has.
    run(["sfdisk", "-q", "--disk-id", windows, "0x600df00d"])
    before = head(windows, 1 << 20)
    osdimage("boot", "fix", windows, "--system", system)
    assert head(windows, 1 << 20) == before
    store = store_of(ntfs_contents(part(system, 1))["Boot/BCD"], tmp_path / "BCD")
    assert mbr_device(default_entry(store)["21000001"]) == (0x600DF00D, begin * 512)
    assert check(windows, "--system", system, code=0)["findings"] == []


@pytest.mark.matrix
def test_entries_of_a_menu_that_is_there_stay(tmp_path: Path) -> None:
    first, second = (made(tmp_path, name, DATA, {2: windows_files()}) for name in ("first", "second"))
    system = made(tmp_path, "system", ESP)
    osdimage("boot", "install", first, "--partition", "2", "--system", system, "--menu-name", "One")
    done = osdimage("boot", "install", second, "--partition", "2", "--system", system, "--menu-name", "Two", "--json")
    assert json.loads(done.out)["kept_entries"] == ["One"]
    store = efi_store(system)
    named = {each["12000004"]: gpt_device(each["21000001"]) for each in store.values() if "21000001" in each}
    assert (named["One"], named["Two"]) == (guids(first, 2), guids(second, 2))


def test_a_deployed_disk_starts_from_another_one_of_which_all_else_stays(image: Path, tmp_path: Path) -> None:
    system, disk = made(tmp_path, "system", ESP), tmp_path / "new.img"
    (tmp_path / "note").write_text("stays")
    first = disk_judges.fdisk(system, 512)[0].first * 512
    wim_judges.run("mcopy", "-i", f"{system}@@{first}", tmp_path / "note", "::/note")
    options = ("--preset", "uefi", "--size", "1500MB", "--recovery", "none", "--system", f"{system}:1")
    shown = osdimage("deploy", image, disk, *options, "--dry-run").out
    assert f"make UEFI start partition 3: boot files and BCD store on partition 1 of {system}" in shown
    assert not disk.exists()
    done = osdimage("deploy", image, disk, *options, "--json")
    assert json.loads(done.out)["boot"]["system_disk"] == str(system)
    assert not fat_contents(part(disk, 1))
    assert fat_contents(part(system, 1))["note"] == b"stays"
    assert gpt_device(default_entry(efi_store(system))["21000001"]) == guids(disk, 3)
    assert "No problems found" in run(["sgdisk", "-v", disk])
    assert check(disk, "--system", system, code=0)["findings"] == []


def test_a_disk_without_a_system_partition_is_not_warned_of_when_another_one_starts_it(
    image: Path, tmp_path: Path
) -> None:
    options = (image, tmp_path / "new.img", "--preset", "data-gpt", "--size", "1500MB", "--dry-run")
    alone, with_other = osdimage("deploy", *options), osdimage("deploy", *options, "--system", made(tmp_path, "s", ESP))
    assert "the layout has no EFI system partition" in alone.err
    assert not with_other.err


@pytest.mark.parametrize(
    ("options", "code", "text"),
    [
        pytest.param(("--preset", "bios"), 4, "valid are two disks of one kind", id="other-firmware"),
        pytest.param(("--preset", "uefi", "--no-boot"), 2, "it goes with no --plan and no --no-boot", id="no-boot"),
        pytest.param(("--preset", "uefi", "--also", "b.img"), 2, "it does not go with --also", id="several"),
    ],
)
def test_what_a_deployment_cannot_start_from_elsewhere_is_refused_before_anything_is_made(
    options: tuple[str, ...], code: int, text: str, image: Path, tmp_path: Path
) -> None:
    system, disk = made(tmp_path, "system", ESP), tmp_path / "new.img"
    before = head(system, 1 << 20)
    done = osdimage("deploy", image, disk, *options, "--size", "3GB", "--system", system, code=code)
    assert text in done.err
    assert not disk.exists()
    assert head(system, 1 << 20) == before


def refused(*args: object, code: int, text: str) -> None:
    done = osdimage("boot", "install", *args, "--partition", "2", code=code)
    assert text in done.err


@of_plain_files
def test_disks_that_cannot_be_told_apart_or_are_one_are_refused(tmp_path: Path) -> None:
    windows, system = made(tmp_path, "windows", DATA, {2: windows_files()}), made(tmp_path, "system", ESP)
    mbr = made(tmp_path, "mbr", ACTIVE)
    refused(windows, "--system", mbr, code=4, text="valid are two disks of one kind")
    refused(windows, "--system", windows, code=2, text="is given twice")
    link = tmp_path / "link"
    link.hardlink_to(windows)
    refused(windows, "--system", link, code=2, text="are the same target")
    refused(windows, "--system", f"{system}:9", code=2, text="there is no partition 9")
    assert "there is no partition 9" in osdimage("boot", "check", windows, "--system", f"{system}:9", code=2).err
    refused(windows, "--system", f"{system}:1", "--system-partition", "1", code=2, text="does not go with")
    refused(windows, "--system", tmp_path / "none", code=2, text="does not exist")
    identity = run(["sgdisk", "-p", windows]).split("Disk identifier (GUID): ")[1].split()[0]
    run(["sgdisk", "-U", identity, system])
    before = head(system, 1 << 20)
    refused(windows, "--system", system, code=4, text=f"the same disk GUID {identity.lower()}")
    assert head(system, 1 << 20) == before


def test_boot_ini_cannot_name_another_disk(tmp_path: Path) -> None:
    windows, system = made(tmp_path, "windows", MBR_DATA, {2: older_files()}), made(tmp_path, "system", ACTIVE)
    refused(windows, "--system", system, code=2, text="boot.ini names disks by their order in the BIOS")
