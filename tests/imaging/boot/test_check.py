"""What ``osdimage boot check`` finds on disks that other programs damaged, and what ``fix`` and ``show`` do."""

from __future__ import annotations

import os
import random
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import pytest
from cases import hive_logs
from cases.installs import start
from cases.windows_trees import pe, windows_files, write_tree
from judges.disk import run, sfdisk
from osdimage.imaging import Preset, preset_layout
from osdimage.imaging.boot.check import check_boot
from osdimage.imaging.disk.content import FileSystem
from osdimage.imaging.disk.layouts.layout import DiskLayout, FixedSize, PartitionSpec
from osdimage.imaging.disk.opened import open_disk
from osdimage.imaging.disk.roles import Role, Scheme
from osdimage.imaging.registry.read import read_hive
from osdimage.imaging.registry.write import write_hive
from osdimage.imaging.testing import make_disk
from osdimage.imaging.units import MIB, Bytes
from runs.commands import osdimage

pytestmark = pytest.mark.foreign
SIZE = 3 << 30
QUIET = ("--no-reread", "--no-tell-kernel", "--quiet", "--wipe", "never")

MBR = DiskLayout(
    Scheme.MBR,
    (
        PartitionSpec(Role.PRIMARY, FixedSize(Bytes(100 * MIB)), filesystem=FileSystem.FAT32, active=True),
        PartitionSpec(Role.PRIMARY, filesystem=FileSystem.NTFS),
    ),
)


@pytest.fixture(scope="module")
def masters(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Make a disk of each kind that would start."""
    folder = tmp_path_factory.mktemp("masters")
    tree = write_tree(folder / "tree", windows_files())
    for name, layout, windows in (("uefi", preset_layout(Preset.UEFI), 3), ("bios", MBR, 2)):
        make_disk(folder / name, SIZE, layout, {windows: tree})
        start(folder / name, windows, rng=random.Random(1))
    return {"uefi": folder / "uefi", "bios": folder / "bios"}


@pytest.fixture
def disk(request: pytest.FixtureRequest, masters: dict[str, Path], tmp_path: Path) -> Path:
    return copied(masters[getattr(request, "param", "uefi")], tmp_path)


def copied(master: Path, folder: Path) -> Path:
    subprocess.run(["cp", "--sparse=always", master, folder / "disk.img"], check=True)
    return folder / "disk.img"


def at(disk: Path, number: int) -> str:
    """Return what mtools calls a partition of a disk."""
    first = next(each.first for each in sfdisk(disk)[1] if each.number == number)
    return f"{disk}@@{first * 512}"


def format_fat(disk: Path, hidden: int) -> None:
    """Format partition 1, which begins at sector 128, with mkfs.fat."""
    assert "start=         128" in run(["sfdisk", "--dump", disk])
    run(["mkfs.fat", "-F", "32", "-s", "1", "-h", str(hidden), "--offset", "128", disk, str(100 << 10)])


def poke(disk: Path, number: int, offset: int, data: bytes) -> None:
    """Overwrite bytes of a partition; dd would do the same."""
    first = next(each.first for each in sfdisk(disk)[1] if each.number == number)
    with disk.open("r+b") as file:
        file.seek(first * 512 + offset)
        file.write(data)


def put(disk: Path, number: int, path: str, data: bytes, folder: Path) -> None:
    (folder / "put").write_bytes(data)
    run(["mcopy", "-o", "-i", at(disk, number), folder / "put", f"::{path}"])


def findings(disk: Path) -> dict[str, str]:
    """Return code and severity of what is found; each says what to do."""
    with open_disk(disk) as target:
        report = check_boot(target)
    assert all(each.text and each.remedy for each in report.findings)
    assert report.starts is ("error" not in {each.severity.value for each in report.findings})
    return {each.code: each.severity.value for each in report.findings}


# What is done to the disk, and the error that must be found.
UEFI_DEFECTS: dict[str, tuple[Callable[[Path, Path], object], str]] = {
    "the fallback loader deleted": (
        lambda disk, _: run(["mdel", "-i", at(disk, 1), "::EFI/Boot/bootx64.efi"]),
        "loader-missing",
    ),
    "the boot manager deleted": (
        lambda disk, _: run(["mdel", "-i", at(disk, 1), "::EFI/Microsoft/Boot/bootmgfw.efi"]),
        "manager-missing",
    ),
    "the store deleted": (lambda disk, _: run(["mdel", "-i", at(disk, 1), "::EFI/Microsoft/Boot/BCD"]), "bcd-missing"),
    "the store cut": (
        lambda disk, folder: put(disk, 1, "EFI/Microsoft/Boot/BCD", b"regf" + bytes(600), folder),
        "bcd-damaged",
    ),
    "a loader of another architecture under the name": (
        lambda disk, folder: put(disk, 1, "EFI/Boot/bootx64.efi", pe(0xAA64), folder),
        "loader-architecture",
    ),
    "a boot manager of another architecture": (
        lambda disk, folder: put(disk, 1, "EFI/Microsoft/Boot/bootmgfw.efi", pe(0xAA64), folder),
        "architecture",
    ),
    "a loader that is no program": (
        lambda disk, folder: put(disk, 1, "EFI/Boot/bootx64.efi", b"text", folder),
        "loader-damaged",
    ),
    "another type of the system partition": (lambda disk, _: run(["sgdisk", "-t", "1:0700", disk]), "esp-type"),
    "no system partition": (lambda disk, _: run(["sgdisk", "-d", "1", disk]), "no-esp"),
    "new GUIDs, as sgdisk makes them after cloning": (lambda disk, _: run(["sgdisk", "-G", disk]), "bcd-partition"),
    "the partition of Windows deleted": (lambda disk, _: run(["sgdisk", "-d", "3", disk]), "bcd-partition"),
    "another file system on the system partition": (
        lambda disk, _: poke(disk, 1, 0, b"\xeb\x52\x90NTFS    ".ljust(512, b"\0")),
        "esp-format",
    ),
    "no table": (lambda disk, _: run(["sgdisk", "--zap-all", disk]), "no-table"),
}


@pytest.mark.parametrize(("damage", "code"), UEFI_DEFECTS.values(), ids=UEFI_DEFECTS)
def test_a_defect_of_a_gpt_disk_is_found(
    disk: Path, tmp_path: Path, damage: Callable[[Path, Path], object], code: str
) -> None:
    assert findings(disk) == {}
    damage(disk, tmp_path)
    assert findings(disk).get(code) == "error", findings(disk)
    told = osdimage("boot", "check", disk, code=1).out
    assert f"[{code}]" in told
    assert ("--system DISK names another disk" in told) is (code == "no-esp")
    facts = osdimage("boot", "check", disk, "--json", code=1).document
    assert facts["starts"] is False
    assert code in {each["code"] for each in facts["findings"]}


def clear_signature(disk: Path) -> None:
    # sfdisk refuses 0.
    with disk.open("r+b") as file:
        file.seek(440)
        file.write(bytes(4))


def clear_code(disk: Path) -> None:
    with disk.open("r+b") as file:
        file.write(bytes(440))


BIOS_DEFECTS: dict[str, tuple[Callable[[Path, Path], object], str]] = {
    "no partition active": (lambda disk, _: run(["sfdisk", "--activate", disk, "-"]), "no-active"),
    "two active": (lambda disk, _: run(["sfdisk", "--activate", disk, "1", "2"]), "active-twice"),
    "the wrong one active": (lambda disk, _: run(["sfdisk", "--activate", disk, "2"]), "loader-missing"),
    "another signature": (lambda disk, _: run(["sfdisk", "--disk-id", disk, "0x11223344"]), "bcd-partition"),
    "signature 0": (lambda disk, _: clear_signature(disk), "disk-signature"),
    "no code in the MBR": (lambda disk, _: clear_code(disk), "mbr-code"),
    "bootmgr deleted": (lambda disk, _: run(["mdel", "-i", at(disk, 1), "::bootmgr"]), "loader-missing"),
    "the store deleted": (lambda disk, _: run(["mdel", "-i", at(disk, 1), "::Boot/BCD"]), "bcd-missing"),
    "formatted again, for another place": (lambda disk, _: format_fat(disk, 63), "hidden-sectors"),
    "formatted again": (lambda disk, _: format_fat(disk, 128), "boot-sector"),
    "hidden sectors of a disk that was moved": (
        lambda disk, _: poke(disk, 1, 0x1C, (63).to_bytes(4, "little")),
        "hidden-sectors",
    ),
    "the partition of Windows moved": (
        lambda disk, _: run(["sfdisk", *QUIET, "-N", "2", disk], text_in="208896,4000000\n"),
        "bcd-partition",
    ),
}  # fmt: skip


@pytest.mark.parametrize("disk", ["bios"], indirect=True)
@pytest.mark.parametrize(("damage", "code"), BIOS_DEFECTS.values(), ids=BIOS_DEFECTS)
def test_a_defect_of_an_mbr_disk_is_found(
    disk: Path, tmp_path: Path, damage: Callable[[Path, Path], object], code: str
) -> None:
    assert findings(disk) == {}
    damage(disk, tmp_path)
    assert findings(disk).get(code) == "error", findings(disk)


def test_windows_that_is_not_there_is_found(masters: dict[str, Path], tmp_path: Path) -> None:
    disk = copied(masters["uefi"], tmp_path)
    row = next(each for each in sfdisk(disk)[1] if each.number == 3)
    assert row.sectors is not None
    part = tmp_path / "empty.ntfs"
    with part.open("wb") as file:
        file.truncate(row.sectors * 512)
    run(["mkntfs", "-q", "-F", "-Q", "-p", str(row.first), "-H", "255", "-S", "63", part])
    with disk.open("r+b") as target, part.open("rb") as source:
        position = 0
        while position < row.sectors * 512:
            try:
                position = os.lseek(source.fileno(), position, os.SEEK_DATA)
            except OSError:
                break
            data = os.pread(source.fileno(), os.lseek(source.fileno(), position, os.SEEK_HOLE) - position, position)
            os.pwrite(target.fileno(), data, row.first * 512 + position)
            position += len(data)
    assert findings(disk).get("os-loader-missing") == "error"


def test_an_architecture_that_no_bios_starts_is_found(tmp_path: Path) -> None:
    tree = write_tree(tmp_path / "tree", windows_files("arm64"))
    make_disk(tmp_path / "disk.img", SIZE, MBR, {2: tree})
    start(tmp_path / "disk.img", 2)
    assert findings(tmp_path / "disk.img") == {"architecture": "error"}


def test_a_disk_without_any_boot_files_does_not_start(tmp_path: Path) -> None:
    for preset, codes in ((Preset.UEFI, {"manager-missing", "loader-missing", "bcd-missing"}),
                          (Preset.BIOS, {"mbr-code", "boot-sector", "loader-missing", "bcd-missing"})):  # fmt: skip
        path = tmp_path / str(preset)
        make_disk(path, SIZE, preset_layout(preset))
        assert findings(path).keys() == codes


# ---- fix


def gpt_guids(disk: Path) -> dict[int, UUID]:
    return {
        number: UUID(re.search(r"unique GUID: (\S+)", run(["sgdisk", "-i", str(number), disk]))[1])  # type: ignore[index]
        for number in (1, 3)
    }


def test_a_clone_with_new_guids_starts_again(disk: Path) -> None:
    before = osdimage("boot", "show", disk, "--json").document
    old = gpt_guids(disk)
    run(["sgdisk", "-G", disk])
    new = gpt_guids(disk)
    assert old != new
    done = osdimage("boot", "fix", disk, "--json").document
    assert done["starts"]
    assert done["changes"]
    after = osdimage("boot", "show", disk, "--json").document
    assert {each["number"] for each in after["partitions"]} == {1, 3}
    assert all(str(guid) in str(after["partitions"]) for guid in new.values())
    # The entries are the same, but for their devices.
    for one, other in zip(before["objects"], after["objects"], strict=True):
        assert one["guid"] == other["guid"]
        for left, right in zip(one["elements"], other["elements"], strict=True):
            assert (left["id"], left["data"]) == (right["id"], right["data"]) or "device" in left["name"]
    assert "nothing was to be changed" in osdimage("boot", "fix", disk).out


def get(disk: Path, path: str, folder: Path) -> bytes:
    run(["mcopy", "-o", "-i", at(disk, 1), f"::{path}", folder / "got"])
    return (folder / "got").read_bytes()


def test_a_store_that_windows_did_not_close_is_read_with_its_logs(disk: Path, tmp_path: Path) -> None:
    path = "EFI/Microsoft/Boot/BCD"
    new = get(disk, path, tmp_path)
    hive = read_hive(new)
    for key in hive.root.ensure("Objects").subkeys:
        kind = key.ensure("Description").value("Type")
        # A loader of Windows ("Application Objects", github.com/libyal/dtformats, Boot Configuration Database).
        if kind is not None and kind.as_integer() == 0x10200003:
            hive.root.ensure("Objects").delete_key(key.name)
    unclosed = hive_logs.unclosed([write_hive(hive), new])
    for end, data in (("", unclosed.hive), *unclosed.logs.items()):
        put(disk, 1, path + end, data, tmp_path)
    assert findings(disk) == {"bcd-replayed": "note"}
    shown = osdimage("boot", "show", disk)
    assert shown.out.splitlines()[0].endswith(", with the last changes from BCD.LOG1 (entry 1)")
    assert osdimage("boot", "show", disk, "--json").document["replayed"]["logs"] == ["BCD.LOG1"]
    run(["sgdisk", "-G", disk])
    assert osdimage("boot", "fix", disk, "--json").document["starts"]
    assert findings(disk) == {}
    assert get(disk, f"{path}.LOG1", tmp_path) == b""
    # A new store begins anew, and so do its logs.
    put(disk, 1, f"{path}.LOG2", unclosed.logs[".LOG1"], tmp_path)
    osdimage("boot", "install", disk, "--partition", "3", "--new-store")
    assert get(disk, f"{path}.LOG2", tmp_path) == b""


def test_a_new_guid_of_the_disk_alone_is_fixed(disk: Path) -> None:
    run(["sgdisk", "-U", "R", disk])
    assert findings(disk)["bcd-partition"] == "error"
    assert osdimage("boot", "fix", disk, "--json").document["starts"]


@pytest.mark.parametrize("disk", ["bios"], indirect=True)
@pytest.mark.parametrize("name", ["another signature", "signature 0", "no partition active", "two active",
                                  "no code in the MBR", "hidden sectors of a disk that was moved"])  # fmt: skip
def test_what_can_be_put_right_of_an_mbr_disk_is(disk: Path, tmp_path: Path, name: str) -> None:
    BIOS_DEFECTS[name][0](disk, tmp_path)
    assert findings(disk)
    done = osdimage("boot", "fix", disk, "--seed", "a", "--json").document
    assert done["starts"], done
    assert done["changes"]
    assert findings(disk) == {}
    script = run(["sfdisk", "--dump", disk])
    assert len(re.findall("bootable", script)) == 1
    assert not re.search(r"label-id: 0x0+$", script, re.MULTILINE)
    run(["fsck.fat", "-n", cut(disk, tmp_path)])


def cut(disk: Path, folder: Path) -> Path:
    row = next(each for each in sfdisk(disk)[1] if each.number == 1)
    assert row.sectors is not None
    run(["dd", f"if={disk}", f"of={folder / 'part'}", "bs=512", f"skip={row.first}", f"count={row.sectors}"])
    return folder / "part"


@pytest.mark.parametrize("disk", ["bios"], indirect=True)
def test_a_refusal_after_the_mbr_was_changed_is_a_failure(disk: Path) -> None:
    run(["sfdisk", *QUIET, "--activate", disk, "-"])
    run(["sfdisk", *QUIET, "--disk-id", disk, "0x12345678"])
    # Microsoft, "FAT32 File System Specification": bit 0 of byte 65 says that the volume was not closed.
    poke(disk, 1, 65, b"\x01")
    failed = osdimage("boot", "fix", disk, code=1)
    assert "marked dirty" in failed.err
    assert " -- partition 1 is the active one now; " in failed.err
    refused = osdimage("boot", "fix", disk, code=4)
    assert refused.err.count(" -- ") == 0


def test_what_cannot_be_fixed_is_said(disk: Path, tmp_path: Path) -> None:
    run(["mdel", "-i", at(disk, 1), "::EFI/Boot/bootx64.efi"])
    told = osdimage("boot", "fix", disk, code=1).out
    assert "still wrong" in told
    assert "[loader-missing]" in told
    run(["mdel", "-i", at(disk, 1), "::EFI/Microsoft/Boot/BCD"])
    assert "no BCD store to fix" in osdimage("boot", "fix", disk, code=3).err
    make_disk(tmp_path / "empty.img", SIZE, preset_layout(Preset.UEFI))
    assert "--partition N" in osdimage("boot", "fix", tmp_path / "empty.img", code=2).err


# ---- commands


def test_boot_install_and_show_tell_what_they_did(tmp_path: Path) -> None:
    tree = write_tree(tmp_path / "tree", windows_files())
    disk = tmp_path / "disk.img"
    make_disk(disk, SIZE, preset_layout(Preset.UEFI), {3: tree})
    told = osdimage("boot", "install", disk, "--partition", "3", "--menu-name", "Windows 11 Pro", "--timeout", "5").out
    assert "set up for UEFI (x64) to start the Windows in partition 3" in told
    assert r"\EFI\Boot\bootx64.efi" in told
    facts = osdimage("boot", "install", disk, "--partition", "3", "--locale", "fr-FR", "--json")
    assert facts.document["locale"] == "fr-FR"
    assert (facts.document["replaced_store"], facts.document["kept_entries"]) == (False, [])
    shown = osdimage("boot", "show", disk).out
    assert re.search(r"osdevice +partition 3\n", shown)
    assert "not on this disk" not in shown
    run(["sgdisk", "-G", disk])
    assert "not on this disk" in osdimage("boot", "show", disk).out
    osdimage("boot", "show", disk, "--quiet")


def test_boot_commands_refuse_what_cannot_be(disk: Path, tmp_path: Path) -> None:
    assert "no partition 9" in osdimage("boot", "install", disk, "--partition", "9", code=2).err
    assert "--partition" in osdimage("boot", "install", disk, code=2).err
    run(["mdel", "-i", at(disk, 1), "::EFI/Microsoft/Boot/BCD"])
    assert "there is no BCD store" in osdimage("boot", "show", disk, code=3).err
    make_disk(tmp_path / "data", SIZE, MBR, {2: write_tree(tmp_path / "data-tree", {"a.txt": b"a"})})
    assert r"\Windows\Boot\PCAT\bootmgr is missing" in osdimage(
        "boot", "install", tmp_path / "data", "--partition", "2", code=3
    ).err  # fmt: skip
