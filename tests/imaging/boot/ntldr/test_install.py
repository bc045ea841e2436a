"""Disks that start Windows XP and Server 2003 by NTLDR: files, boot.ini, attributes, and what is refused."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cases.installs import disk_with, fat_contents, ntfs_contents, spec, start
from cases.older_windows import BOOT_INI, older_files, system_hive
from cases.windows_trees import windows_files, write_tree
from judges import disk as disk_judges
from judges import wim as judges
from judges.disk import head, run, sfdisk
from osdimage.imaging import InvalidInput, InvalidRequest, Preset, TargetRefused, preset_layout
from osdimage.imaging.boot.check import check_boot
from osdimage.imaging.boot.code.bios import BiosLoader, boot_sector_loader
from osdimage.imaging.boot.code.kinds import Loader
from osdimage.imaging.boot.fix import FixWish, fix_boot
from osdimage.imaging.boot.options import BootOptions
from osdimage.imaging.boot.show import view_boot
from osdimage.imaging.boot.verdict import Verdict
from osdimage.imaging.disk.content import FileSystem
from osdimage.imaging.disk.layouts.layout import DiskLayout
from osdimage.imaging.disk.opened import open_disk
from osdimage.imaging.disk.roles import Role, Scheme
from osdimage.imaging.units import MIB
from osdimage.imaging.volume.filesystems import open_files
from osdimage.imaging.wim.file import WimFile

pytestmark = pytest.mark.foreign

SIZE = 400 * MIB
FREE_S = 1_700_000_000
NTFS = FileSystem.NTFS
ONE = DiskLayout(Scheme.MBR, (spec(Role.PRIMARY, None, NTFS, active=True),))
FAT_FIRST = DiskLayout(
    Scheme.MBR,
    (spec(Role.PRIMARY, 100 * MIB, FileSystem.FAT32, active=True), spec(Role.PRIMARY, None, NTFS)),
)
LOGICAL = DiskLayout(
    Scheme.MBR,
    (
        spec(Role.PRIMARY, 60 * MIB, NTFS, active=True),
        spec(Role.EXTENDED, None, None),
        spec(Role.LOGICAL, 60 * MIB, NTFS),
        spec(Role.LOGICAL, None, NTFS),
    ),
)


def part(disk: Path, number: int) -> Path:
    found = next(each for each in sfdisk(disk)[1] if each.number == number)
    assert found.sectors is not None
    return disk_judges.cut_out(disk, found.first * 512, found.sectors * 512, disk.with_name(f"part-{number}"))


def menu_of(disk: Path, number: int) -> bytes:
    return ntfs_contents(part(disk, number))["boot.ini"]


def arc(number: int, folder: str = "WINDOWS") -> str:
    return f"multi(0)disk(0)rdisk(0)partition({number})\\{folder}"


def codes(disk: Path) -> dict[str, str]:
    with open_disk(disk) as opened:
        return {each.code: each.severity.value for each in check_boot(opened).findings}


def fix(disk: Path, wish: FixWish | None = None) -> tuple[str, ...]:
    with open_disk(disk, write=True) as opened:
        return fix_boot(opened, wish, now=datetime.fromtimestamp(FREE_S, UTC)).changes


# ---- what is written


def test_one_partition_gets_its_files_their_attributes_and_a_menu_as_setup_writes_it(tmp_path: Path) -> None:
    files = older_files(hive=system_hive(service_pack=2))
    disk = disk_with(tmp_path, ONE, {1: files}, size=SIZE)
    result = start(disk, 1)
    volume = part(disk, 1)
    held = ntfs_contents(volume)
    assert held.pop("boot.ini").decode() == (
        "[boot loader]\r\n"
        "timeout=30\r\n"
        f"default={arc(1)}\r\n"
        "[operating systems]\r\n"
        f'{arc(1)}="Windows XP" /noexecute=optin /fastdetect\r\n'
    )
    assert {path.lower(): data for path, data in held.items()} == {path.lower(): data for path, data in files.items()}
    for path in ("NTLDR", "NTDETECT.COM", "boot.ini"):
        assert "File attributes:\t READONLY HIDDEN SYSTEM (" in run(["ntfsinfo", "-F", path, volume])
    assert (result.store, result.loader, result.locale) == ("boot.ini", "ntldr", None)
    with open_disk(disk) as opened:
        assert boot_sector_loader(opened.volume_in(opened.table.partitions[0]).window()) is Loader.NTLDR
        report = check_boot(opened)
    assert (report.verdict, report.findings) == (Verdict.STARTS, ())
    assert (report.system_partition, report.os_partition) == (1, 1)


def test_what_is_grubs_is_replaced_and_told_as_for_a_later_windows(tmp_path: Path) -> None:
    disk = disk_with(tmp_path, ONE, {1: older_files()}, size=SIZE)
    with disk.open("r+b") as file:
        # In the MBR, and in the boot sector of the volume, where mkntfs has put code of its own.
        for at in (0, (sfdisk(disk)[1][0].first or 0) * 512):
            file.seek(at + 0x54)
            file.write(b"\x90" * 0x12C + b"GRUB \0")
    for rehearse in (True, False):
        result = start(disk, 1, options=BootOptions(rehearse=rehearse))
        assert result.lost_code == (
            f"{disk}: the boot code in the MBR is GRUB's",
            f"{disk} partition 1: its boot code is GRUB's",
        )
    assert codes(disk) == {}
    assert b"GRUB" not in head(disk) + head(part(disk, 1))


def test_a_system_partition_of_fat32_gets_the_files_and_the_line_of_the_windows(tmp_path: Path) -> None:
    files = older_files(boot_ini=BOOT_INI.replace(b"/fastdetect", b"/fastdetect /3GB") + b'C:\\="Another"\r\n')
    disk = disk_with(tmp_path, FAT_FIRST, {2: files | {"bootfont.bin": b"font"}}, size=SIZE)
    result = start(disk, 2)
    volume = part(disk, 1)
    held = fat_contents(volume)
    assert {name.lower(): data for name, data in held.items() if name.lower() != "boot.ini"} == {
        "ntldr": files["NTLDR"], "ntdetect.com": files["NTDETECT.COM"], "bootfont.bin": b"font",
    }  # fmt: skip
    # Its name and options are its own; what the menu had beside it was on the other partition.
    assert held["boot.ini"].decode().splitlines() == [
        "[boot loader]",
        "timeout=30",
        f"default={arc(2)}",
        "[operating systems]",
        f'{arc(2)}="Microsoft Windows XP Professional" /noexecute=optin /fastdetect /3GB',
    ]
    shown = run(["mattrib", "-i", volume, "::ntldr", "::ntdetect.com", "::boot.ini"])
    assert [set(line.partition(":")[0]) & set("SHR") for line in shown.splitlines()] == [set("SHR")] * 3
    assert result.boot_code is not None
    assert (result.boot_code.mbr, result.boot_code.boot_sector) == (True, "osdimage")
    assert codes(disk) == {}


def test_partitions_are_counted_as_windows_does_with_logical_ones_last(tmp_path: Path) -> None:
    trees = {6: older_files()}
    disk = disk_with(tmp_path, LOGICAL, trees, size=SIZE)
    start(disk, 6, 1)
    # Entry 1, then the logical ones 5 and 6; the extended entry 2 has no number.
    assert f"default={arc(3)}\r\n".encode() in menu_of(disk, 1)
    assert codes(disk) == {}


def test_windows_2000_is_found_in_its_own_folder(tmp_path: Path) -> None:
    files = {path.replace("WINDOWS/", "WINNT/"): data for path, data in older_files((5, 0)).items()}
    disk = disk_with(tmp_path, ONE, {1: files}, size=SIZE)
    start(disk, 1)
    assert f'{arc(1, "WINNT")}="Windows 2000" /fastdetect\r\n'.encode() in menu_of(disk, 1)
    assert codes(disk) == {}


@pytest.mark.parametrize("folder", ["I386/", "WINDOWS/ServicePackFiles/i386/"])
def test_loaders_that_are_not_in_the_root_come_from_the_setup_files(folder: str, tmp_path: Path) -> None:
    files = older_files(loaders=folder)
    disk = disk_with(tmp_path, ONE, {1: files}, size=SIZE)
    start(disk, 1)
    held = {path.lower(): data for path, data in ntfs_contents(part(disk, 1)).items()}
    assert held["ntldr"] == files[f"{folder}NTLDR"]
    assert held["ntdetect.com"] == files[f"{folder}NTDETECT.COM"]
    assert codes(disk) == {}


def test_the_boot_sector_of_the_windows_is_used_when_its_library_has_one(tmp_path: Path) -> None:
    """A made-up untfs.dll with the marks of Windows XP's; see test_ntfs.py."""
    code = bytearray(8192)
    code[:11], code[0x60:0x62], code[510:512] = b"\xeb\x52\x90NTFS    ", b"\xcd\x13", b"\x55\xaa"
    second = bytes.fromhex("0500 4e0054004c0044005200 0400 2400490033003000")
    code[512 : 512 + len(second)] = second
    files = older_files() | {"WINDOWS/system32/untfs.dll": b"MZ" + bytes(100) + bytes(code)}
    disk = disk_with(tmp_path, ONE, {1: files}, size=SIZE)
    result = start(disk, 1)
    assert result.boot_code is not None
    assert result.boot_code.boot_sector == "Windows/System32/untfs.dll"
    assert head(part(disk, 1), 8192)[512:] == bytes(code[512:])
    assert codes(disk) == {}


def test_from_a_wim_the_loaders_are_taken_that_the_windows_has_lost(tmp_path: Path) -> None:
    files = older_files()
    lost = {path: data for path, data in files.items() if "/" in path}
    disk = disk_with(tmp_path, ONE, {1: lost}, size=SIZE)
    with pytest.raises(InvalidInput, match=r"\\ntldr and \\ntdetect\.com are missing, also in .*\\I386"):
        start(disk, 1)
    judges.wimlib("capture", write_tree(tmp_path / "image", files), tmp_path / "xp.wim", "XP")
    with WimFile.open(tmp_path / "xp.wim") as wim:
        result = start(disk, 1, source=wim.images[0])
    assert result.image is not None
    assert {path.lower(): data for path, data in ntfs_contents(part(disk, 1)).items()}["ntldr"] == files["NTLDR"]
    assert codes(disk) == {}


# ---- a menu that is there

FOREIGN = (
    b"[boot loader]\r\ntimeout=5\r\ndefault=C:\\grldr\r\nredirect=com1\r\n"
    b"[operating systems]\r\n"
    b'C:\\grldr="Linux"\r\n'
    b'multi(0)disk(0)rdisk(1)partition(1)\\WINDOWS="On another disk" /fastdetect\r\n'
    b'multi(0)disk(0)rdisk(0)partition(1)\\windows="Mine" /fastdetect /noguiboot /unknown\r\n'
    b"; the end"
)


def test_a_menu_that_is_there_keeps_the_lines_of_others_and_what_nobody_knows(tmp_path: Path) -> None:
    disk = disk_with(tmp_path, ONE, {1: older_files(boot_ini=FOREIGN)}, size=SIZE)
    result = start(disk, 1, options=BootOptions(description="XP Labor ä"))
    expected = FOREIGN.replace(b"default=C:\\grldr", f"default={arc(1)}".encode())
    assert menu_of(disk, 1) == expected.replace(b'"Mine"', '"XP Labor ä"'.encode("cp1252"))
    assert result.kept_entries == ("Linux", "On another disk")
    again = menu_of(disk, 1)
    start(disk, 1)
    assert menu_of(disk, 1) == again
    start(disk, 1, options=BootOptions(new_store=True, timeout_s=3))
    assert menu_of(disk, 1).decode().splitlines()[1:] == [
        "timeout=3", f"default={arc(1)}", "[operating systems]", f'{arc(1)}="Windows XP" /fastdetect',
    ]  # fmt: skip


def test_a_line_by_signature_becomes_one_by_the_bios_and_others_are_told(tmp_path: Path) -> None:
    ini = BOOT_INI.replace(b"multi(0)disk(0)rdisk(0)partition(1)", b"signature(12345678)disk(0)rdisk(0)partition(1)")
    ini += b'scsi(0)disk(1)rdisk(0)partition(1)\\WINNT="On SCSI"\r\n'
    disk = disk_with(tmp_path, ONE, {1: older_files(boot_ini=ini)}, size=SIZE)
    run(["sfdisk", "-q", "--disk-id", disk, "0x12345678"])
    result = start(disk, 1)
    text = menu_of(disk, 1).decode()
    assert f'{arc(1)}="Microsoft Windows XP Professional"' in text
    assert "signature" not in text
    assert any("'On SCSI'" in text and "ntbootdd.sys" in text for text in result.warnings)


def test_a_line_that_leads_to_nothing_is_bound_to_the_windows_that_is_there(tmp_path: Path) -> None:
    ini = BOOT_INI.replace(b"partition(1)", b"partition(3)") + b'multi(0)disk(0)rdisk(0)partition(2)\\WINNT="Gone"\r\n'
    disk = disk_with(tmp_path, ONE, {1: older_files(boot_ini=ini)}, size=SIZE)
    start(disk, 1, options=BootOptions(bios_loader=BiosLoader.NONE))
    assert menu_of(disk, 1) == ini.replace(b"partition(3)", b"partition(1)")


# ---- check, fix, show


def test_the_fix_binds_a_menu_whose_partition_has_another_number_now(tmp_path: Path) -> None:
    disk = disk_with(tmp_path, FAT_FIRST, {2: older_files()}, size=SIZE)
    start(disk, 2)
    menu = fat_contents(part(disk, 1))["boot.ini"]
    # The numbers change when the table is sorted, as after one before them was deleted.
    rows = [each for each in run(["sfdisk", "--dump", disk]).splitlines() if each.startswith(str(disk))]
    head_lines = [each for each in run(["sfdisk", "--dump", disk]).splitlines() if not each.startswith(str(disk))]
    moved = [each.replace(f"{disk.name}1 ", f"{disk.name}3 ") for each in rows]
    judges.run("sfdisk", "-q", "--no-reread", disk, stdin="\n".join([*head_lines, *moved]) + "\n")
    assert codes(disk)["os-loader-missing"] == "error"
    assert fix(disk) == (f"boot.ini names {arc(1)} now; it named {arc(2)}",)
    assert fat_contents(part(disk, 3))["boot.ini"] == menu.replace(arc(2).encode(), arc(1).encode())
    assert codes(disk) == {}
    assert fix(disk) == ()


def test_the_fix_puts_active_flag_signature_place_and_boot_code_right(tmp_path: Path) -> None:
    disk = disk_with(tmp_path, ONE, {1: older_files()}, size=SIZE)
    start(disk, 1, options=BootOptions(bios_loader=BiosLoader.NONE))
    assert {"mbr-code", "boot-sector"} <= set(codes(disk))
    run(["sfdisk", "-q", "--activate", disk, "-"])
    run(["sfdisk", "-q", "--disk-id", disk, "0"])
    assert {"no-active", "disk-signature"} <= set(codes(disk))
    assert len(fix(disk)) == 4
    assert codes(disk) == {}


def delete(disk: Path, *names: str) -> None:
    with open_disk(disk, write=True) as opened, open_files(opened.volume(1), write=True) as files:
        for name in names:
            files.delete(name)


@pytest.mark.parametrize(
    ("lost", "code"),
    [
        pytest.param("ntldr", "loader-missing", id="ntldr"),
        pytest.param("ntdetect.com", "loader-missing", id="ntdetect"),
        pytest.param("WINDOWS/system32/ntoskrnl.exe", "os-loader-missing", id="kernel"),
        pytest.param("WINDOWS/system32/hal.dll", "os-hal-missing", id="hal"),
    ],
)
def test_what_is_missing_keeps_the_disk_from_starting(lost: str, code: str, tmp_path: Path) -> None:
    disk = disk_with(tmp_path, ONE, {1: older_files()}, size=SIZE)
    start(disk, 1)
    delete(disk, lost)
    assert codes(disk)[code] == "error"


def test_without_drivers_of_disks_the_stop_is_foretold(tmp_path: Path) -> None:
    disk = disk_with(tmp_path, ONE, {1: older_files(hive=system_hive(drivers=()))}, size=SIZE)
    assert any("0x0000007B" in text for text in start(disk, 1).warnings)
    assert codes(disk) == {"disk-driver": "warning"}
    other = disk_with(tmp_path, ONE, {1: older_files(hive=system_hive(drivers=("iastor",)))}, size=SIZE)
    assert not start(other, 1).warnings


def test_the_menu_is_shown_with_the_partitions_that_it_means(tmp_path: Path) -> None:
    disk = disk_with(tmp_path, ONE, {1: older_files(boot_ini=FOREIGN)}, size=SIZE)
    start(disk, 1)
    with open_disk(disk) as opened:
        view = view_boot(opened)
    assert (view.store, view.system_partition, view.os_partition) == ("boot.ini", 1, 1)
    assert [(each.name, each.number) for each in view.partitions] == [
        ("multi(0)disk(0)rdisk(1)partition(1)\\WINDOWS", None), (arc(1, "windows"), 1),
    ]  # fmt: skip
    assert [(each.name, each.options) for each in view.entries] == [
        ("Linux", ""), ("On another disk", "/fastdetect"), ("Mine", "/fastdetect /noguiboot /unknown"),
    ]  # fmt: skip


# ---- what is refused


def test_a_gpt_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    disk = disk_with(tmp_path, preset_layout(Preset.UEFI), {3: older_files()}, size=2 << 30)
    before = head(disk, 1 << 20)
    with pytest.raises(InvalidRequest, match="has a GPT: Windows 2000, XP and Server 2003 start from"):
        start(disk, 3)
    assert head(disk, 1 << 20) == before


def test_4k_sectors_are_refused(tmp_path: Path) -> None:
    disk = disk_with(tmp_path, ONE, {1: older_files()}, size=SIZE, sector_size=4096)
    with pytest.raises(TargetRefused, match="4096 bytes"):
        start(disk, 1, sector_size=4096)


def test_a_system_partition_that_starts_a_later_windows_is_left_alone(tmp_path: Path) -> None:
    layout = DiskLayout(
        Scheme.MBR,
        (spec(Role.PRIMARY, 150 * MIB, NTFS, active=True), spec(Role.PRIMARY, None, NTFS)),
    )
    disk = disk_with(tmp_path, layout, {1: windows_files(), 2: older_files()}, size=SIZE)
    start(disk, 1)
    before = head(part(disk, 1), 8192)
    with pytest.raises(TargetRefused, match=r"starts \\bootmgr of a later Windows"):
        start(disk, 2)
    assert head(part(disk, 1), 8192) == before
    # The other way round the boot manager takes over, and the check knows which of both the boot sector starts.
    start(disk, 2, 2)
    assert codes(disk) == {}
    start(disk, 1, 1)
    with open_disk(disk) as opened:
        assert boot_sector_loader(opened.volume(1).window()) is Loader.BOOTMGR


@pytest.mark.root
def test_an_ntldr_that_ntfs_compresses_is_refused_and_the_check_says_so(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("the driver of ntfs-3g is mounted by root")
    disk = disk_with(tmp_path, ONE, {1: {k: v for k, v in older_files().items() if k != "NTLDR"}}, size=SIZE)
    volume = part(disk, 1)
    with judges.mounted_ntfs(volume, tmp_path / "mount") as mount:
        # The driver compresses what is made in a directory with this attribute.
        os.setxattr(mount, "system.ntfs_attrib_be", (0x816).to_bytes(4, "big"))
        (mount / "ntldr").write_bytes(b"\xf4" * 200_000)
    first = next(each.first for each in sfdisk(disk)[1])
    run(["dd", f"if={volume}", f"of={disk}", f"seek={first}", "conv=notrunc,sparse", "status=none"])
    with pytest.raises(TargetRefused, match=r"\\ntldr is compressed by NTFS, and no boot sector reads it like that"):
        start(disk, 1)
    assert codes(disk)["loader-compressed"] == "error"


def test_a_damaged_menu_is_refused_and_a_new_one_helps(tmp_path: Path) -> None:
    disk = disk_with(tmp_path, ONE, {1: older_files(boot_ini=BOOT_INI.decode().encode("utf-16"))}, size=SIZE)
    with pytest.raises(InvalidInput, match=r"boot\.ini: valid is a text of 8-bit characters"):
        start(disk, 1)
    start(disk, 1, options=BootOptions(new_store=True))
    assert codes(disk) == {}


def test_a_windows_before_7_has_no_recovery_environment(tmp_path: Path) -> None:
    disk = disk_with(tmp_path, ONE, {1: older_files()}, size=SIZE)
    with pytest.raises(InvalidRequest, match="no recovery environment"):
        start(disk, 1, options=BootOptions(recovery=True))


def test_a_fat16_system_partition_is_refused_by_name(tmp_path: Path) -> None:
    disk = disk_with(tmp_path, FAT_FIRST, {2: older_files()}, size=SIZE)
    first = next(each.first for each in sfdisk(disk)[1])
    run(["mkfs.fat", "-F", "16", "-s", "4", "--offset", str(first), disk, str(100 << 10)])
    before = head(disk)
    with pytest.raises(TargetRefused, match="partition 1: holds a FAT16 volume"):
        start(disk, 2)
    assert head(disk) == before
    assert codes(disk)["system-unread"] == "warning"
