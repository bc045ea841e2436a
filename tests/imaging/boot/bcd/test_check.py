"""Stores that do not fit their disk, and what of it can be put right.

The stores are changed with hivexregedit's library of Perl where it is about one value (``hivexregedit --merge``), as an
administrator's tool would, and by what else is at hand where a whole entry goes.
"""

from __future__ import annotations

import random
import re
import subprocess
from pathlib import Path
from uuid import UUID

import pytest
from cases.installs import BCD_NAMES, BOOTMGR, start, store_of
from cases.windows_trees import body, windows_files, write_tree
from judges.disk import run, sfdisk
from judges.wim import require
from osdimage.imaging import Preset, preset_layout
from osdimage.imaging.boot.bcd.devices import DeviceElement, RamdiskDevice
from osdimage.imaging.boot.bcd.elements import Id
from osdimage.imaging.boot.bcd.store import BcdStore
from osdimage.imaging.boot.check import check_boot
from osdimage.imaging.disk.content import FileSystem
from osdimage.imaging.disk.layouts.layout import DiskLayout, FixedSize, PartitionSpec
from osdimage.imaging.disk.opened import open_disk
from osdimage.imaging.disk.roles import Role, Scheme
from osdimage.imaging.testing import make_disk
from osdimage.imaging.units import MIB, Bytes
from osdimage.imaging.volume.filesystems import open_files
from runs.commands import osdimage

pytestmark = pytest.mark.foreign
SIZE = 3 << 30


@pytest.fixture(scope="module")
def master(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("stores")
    tree = write_tree(folder / "tree", windows_files())
    recovery = write_tree(folder / "re", {f"Recovery/WindowsRE/{x}": body(x) for x in ("Winre.wim", "boot.sdi")})
    make_disk(folder / "disk", SIZE, preset_layout(Preset.UEFI), {3: tree, 4: recovery})
    start(folder / "disk", 3, rng=random.Random(1))
    return folder / "disk"


@pytest.fixture
def disk(master: Path, tmp_path: Path) -> Path:
    subprocess.run(["cp", "--sparse=always", master, tmp_path / "disk.img"], check=True)
    return tmp_path / "disk.img"


def esp(disk: Path) -> str:
    return f"{disk}@@{next(each.first for each in sfdisk(disk)[1] if each.number == 1) * 512}"


def merge(disk: Path, folder: Path, *lines: str) -> None:
    """Change the store with hivexregedit."""
    require("hivexregedit")
    store, text = folder / "BCD", folder / "change.reg"
    store.unlink(missing_ok=True)
    run(["mcopy", "-n", "-i", esp(disk), "::EFI/Microsoft/Boot/BCD", store])
    text.write_text("Windows Registry Editor Version 5.00\n\n" + "\n".join(lines) + "\n", encoding="ascii")
    run(["hivexregedit", "--merge", "--prefix", "BCD", store, text])
    run(["mcopy", "-o", "-i", esp(disk), store, "::EFI/Microsoft/Boot/BCD"])


def default_of(disk: Path) -> str:
    objects = osdimage("boot", "show", disk, "--json").document["objects"]
    manager = next(each for each in objects if each["name"] == "bootmgr")
    return str(next(each["text"] for each in manager["elements"] if each["name"] == "default"))


def element(guid: str, number: str) -> str:
    return rf"[BCD\Objects\{guid}\Elements\{number}]"


def binary(data: bytes) -> str:
    return '"Element"=hex:' + ",".join(f"{byte:02x}" for byte in data)


def text_value(text: str) -> str:
    return '"Element"=hex(1):' + ",".join(f"{byte:02x}" for byte in (text + "\0").encode("utf-16-le"))


def device(kind: int, body_: bytes = b"") -> bytes:
    """Return a device element by the layout in ReactOS' bl.h: options, type, flags, size, 0, and 56 bytes."""
    head = b"".join(number.to_bytes(4, "little") for number in (kind, 0, 0x48, 0))
    return bytes(16) + head + body_.ljust(56, b"\0")


def found(disk: Path) -> dict[str, str]:
    with open_disk(disk) as target:
        return {each.code: each.severity.value for each in check_boot(target).findings}


def test_what_does_not_fit_in_the_default_entry_is_found(disk: Path, tmp_path: Path) -> None:
    guid = default_of(disk)
    assert found(disk) == {}
    merge(disk, tmp_path, element(guid, "12000002"), text_value(r"\Windows\system32\winload.exe"))
    assert found(disk) == {"bcd-firmware": "error"}
    merge(disk, tmp_path, element(guid, "12000002"), text_value(r"\Windows\system32\gone.efi"))
    assert found(disk) == {"os-loader-missing": "error"}
    merge(disk, tmp_path, rf"[-BCD\Objects\{guid}\Elements\21000001]")
    assert found(disk).get("bcd-no-device") == "error"


def test_what_the_default_entry_does_not_say_is_found(disk: Path, tmp_path: Path) -> None:
    guid = default_of(disk)
    merge(disk, tmp_path, rf"[-BCD\Objects\{guid}\Elements\12000002]")
    assert found(disk) == {"bcd-no-path": "error"}
    merge(disk, tmp_path, element(guid, "12000002"), text_value(""))
    assert found(disk) == {"bcd-no-path": "error"}
    merge(disk, tmp_path, element(guid, "12000002"), text_value(r"\Windows\system32\winload.efi"))
    merge(disk, tmp_path, element(guid, "22000002"), text_value(r"\WINNT"))
    assert found(disk) == {"os-loader-missing": "error"}
    merge(disk, tmp_path, rf"[-BCD\Objects\{guid}\Elements\22000002]")
    assert found(disk) == {"bcd-no-root": "error"}


def test_the_loader_is_looked_for_where_the_boot_manager_does(disk: Path, tmp_path: Path) -> None:
    guid = default_of(disk)
    # "boot": the partition that the boot manager came from.
    merge(disk, tmp_path, element(guid, "11000001"), binary(device(5)))
    with open_disk(disk) as target:
        (finding,) = check_boot(target).findings
    missing = r"\Windows\system32\winload.efi is missing, which the default entry starts"
    assert finding.text == f"{disk} partition 1: {missing}"


def test_windows_inside_a_file_is_not_looked_for_on_the_partition(disk: Path, tmp_path: Path) -> None:
    guid = default_of(disk)
    run(["mcopy", "-n", "-i", esp(disk), "::EFI/Microsoft/Boot/BCD", tmp_path / "read"])
    store = BcdStore.parse((tmp_path / "read").read_bytes())
    entry = store.object(UUID(guid))
    assert entry is not None
    place = entry.content(Id.OS_DEVICE)
    assert isinstance(place, DeviceElement)
    # bcdedit /set {default} device ramdisk=[C:]\sources\boot.wim; a virtual disk is the same here.
    inside = DeviceElement(RamdiskDevice(r"\sources\boot.wim", place.device)).to_bytes()
    for number in ("11000001", "21000001"):
        merge(disk, tmp_path, element(guid, number), binary(inside))
    merge(disk, tmp_path, element(guid, "12000002"), text_value(r"\windows\system32\boot\winload.efi"))
    # Only the file that it is in can be looked for.
    assert found(disk) == {"os-loader-missing": "error"}
    with open_disk(disk, write=True) as target, open_files(target.volume(3), write=True) as files:
        files.write("sources/boot.wim", b"MSWIM")
    assert found(disk) == {"os-inside": "warning"}
    told = osdimage("boot", "check", disk, code=6).out
    assert told.splitlines()[-1].endswith("Windows in partition 3: whether it starts is not known")


def test_a_store_without_an_entry_starts_nothing(disk: Path, tmp_path: Path) -> None:
    guid = default_of(disk)
    merge(disk, tmp_path, rf"[-BCD\Objects\{guid}]")
    # The list of the menu names it too.
    assert found(disk) == {"bcd-no-entry": "error"}
    merge(disk, tmp_path, rf"[-BCD\Objects\{BOOTMGR}]")
    assert found(disk) == {"bcd-no-entry": "error"}


def test_windows_where_the_boot_manager_is_and_a_manager_elsewhere(disk: Path, tmp_path: Path) -> None:
    guid = default_of(disk)
    view = osdimage("boot", "show", disk, "--json").document
    windows = next(each["name"] for each in view["partitions"] if each["number"] == 3)
    parts = [UUID(text) for text in re.findall(r"\{([0-9a-f-]{36})\}", windows)]
    elsewhere = device(6, parts[0].bytes_le + bytes(8) + parts[1].bytes_le)
    merge(disk, tmp_path, element(BOOTMGR, "11000001"), binary(elsewhere))
    assert found(disk) == {"bcd-system-partition": "warning"}
    # Type 5 is the partition that the manager was started from, where no Windows is.
    for number in ("11000001", "21000001"):
        merge(disk, tmp_path, element(guid, number), binary(device(5)))
    assert found(disk)["os-loader-missing"] == "error"


def test_a_recovery_environment_is_bound_again_too(disk: Path) -> None:
    run(["sgdisk", "-G", disk])
    assert found(disk)["bcd-partition"] == "error"
    done = osdimage("boot", "fix", disk, "--json").document
    assert done["starts"]
    assert found(disk) == {}
    view = osdimage("boot", "show", disk, "--json").document
    assert {each["number"] for each in view["partitions"]} == {1, 3, 4}


def test_a_recovery_partition_that_is_gone_is_told_and_its_entry_goes_with_all_that_names_it(
    disk: Path, tmp_path: Path
) -> None:
    run(["sgdisk", "-d", "4", disk])
    assert found(disk) == {"bcd-partition-other": "warning"}
    told = osdimage("boot", "fix", disk, "--dry-run").out
    assert "would be changed: the entry 'Windows Recovery Environment' was taken out" in told
    assert found(disk) == {"bcd-partition-other": "warning"}
    done = osdimage("boot", "fix", disk, "--json")
    assert (done.document["left"], len(done.document["changes"])) == ([], 1)
    assert found(disk) == {}
    # The ramdisk's options went too, and the loader does not name what it recovered with.
    run(["mcopy", "-n", "-i", esp(disk), "::EFI/Microsoft/Boot/BCD", tmp_path / "store"])
    store = store_of((tmp_path / "store").read_bytes(), tmp_path / "read")
    entry = store[store[BOOTMGR]["23000003"]]
    assert not {"14000008", "16000009"} & set(entry)
    assert set(store) == BCD_NAMES | {store[BOOTMGR]["23000003"], entry["23000003"]}


def test_an_entry_of_another_disk_stays_until_it_is_asked_to_go(disk: Path, tmp_path: Path) -> None:
    other = "{11111111-2222-3333-4444-555555555555}"
    elsewhere = device(6, bytes(range(16)) + bytes(8) + bytes(range(16, 32)))
    merge(
        disk, tmp_path,
        rf"[BCD\Objects\{other}]", "",
        rf"[BCD\Objects\{other}\Description]", '"Type"=dword:10200003', "",
        rf"[BCD\Objects\{other}\Elements]", "",
        element(other, "11000001"), binary(elsewhere), "", element(other, "21000001"), binary(elsewhere),
        "", element(other, "12000004"), text_value("On the other disk"),
    )  # fmt: skip
    told = osdimage("boot", "check", disk).out
    assert "'On the other disk' in the store names what is not on this disk" in told
    assert "none is needed while that disk is in the machine; if it is gone, osdimage boot fix DISK --prune" in told
    done = osdimage("boot", "fix", disk)
    assert "nothing was to be changed" in done.out
    assert "if that disk is gone, osdimage boot fix DISK --prune takes the entry out" in done.warnings[0]
    assert "the entry 'On the other disk' was taken out" in osdimage("boot", "fix", disk, "--prune").out
    assert found(disk) == {}


def test_two_systems_are_never_bound_to_one_partition(disk: Path, tmp_path: Path) -> None:
    guid = default_of(disk)
    other = "{11111111-2222-3333-4444-555555555555}"
    # A second Windows, on a partition that was there once.
    gone = device(6, bytes(range(16)) + bytes(8) + bytes(range(16, 32)))
    merge(
        disk, tmp_path,
        rf"[BCD\Objects\{other}]", "",
        rf"[BCD\Objects\{other}\Description]", '"Type"=dword:10200003', "",
        rf"[BCD\Objects\{other}\Elements]", "",
        element(other, "11000001"), binary(gone), "", element(other, "21000001"), binary(gone),
    )  # fmt: skip
    run(["sgdisk", "-G", disk])
    done = osdimage("boot", "fix", disk, "--json").document
    assert done["starts"]
    (left,) = done["left"]
    assert "03020100-0504-0706-0809-0a0b0c0d0e0f" in left
    assert default_of(disk) == guid
    assert found(disk) == {"bcd-partition-other": "warning"}


def test_a_device_of_an_unknown_kind_is_left_and_told(disk: Path, tmp_path: Path) -> None:
    merge(disk, tmp_path, element(default_of(disk), "21000007"), binary(device(9, bytes(range(56)))))
    run(["sgdisk", "-G", disk])
    done = osdimage("boot", "fix", disk)
    (told,) = done.warnings
    assert "custom:21000007 is a device of an unknown kind (72 bytes), which stays as it is" in told
    assert "elements of the BCD store were bound" in done.out


def test_two_systems_need_a_word_which_is_meant(disk: Path) -> None:
    rows = {each.number: each for each in sfdisk(disk)[1]}
    run(["sgdisk", "-d", "4", disk])
    assert rows[3].sectors is not None
    run(["sgdisk", "-n", f"5:{rows[4].first}:0", "-t", "5:0700", disk])
    # A second Windows: a tree of its own in a FAT32 volume.
    begin = rows[4].first * 512
    offset = str(rows[4].first)
    run(["mkfs.fat", "-F", "32", "-s", "1", "-h", offset, "--offset", offset, disk, str(100 << 10)])
    at = f"{disk}@@{begin}"
    for folder in ("Windows", "Windows/System32"):
        run(["mmd", "-i", at, f"::{folder}"])
    run(["mcopy", "-i", at, "/etc/hostname", "::Windows/System32/winload.efi"])
    # What the store says is here, so nothing is to be guessed.
    assert osdimage("boot", "fix", disk, "--json").document["starts"]
    run(["sgdisk", "-G", disk])
    assert "several partitions may be that now; name the partition with Windows" in osdimage(
        "boot", "fix", disk, code=2
    ).err  # fmt: skip
    osdimage("boot", "fix", disk, "--partition", "3")
    assert osdimage("boot", "show", disk, "--json").document["os_partition"] == 3


def test_of_what_cannot_be_looked_into_it_is_not_known_whether_it_starts(disk: Path) -> None:
    rows = {each.number: each for each in sfdisk(disk)[1]}
    with disk.open("r+b") as file:
        file.seek(rows[3].first * 512)
        file.write(b"\xeb\x58\x90-FVE-FS-".ljust(510, b"\0") + b"\x55\xaa")
    assert found(disk) == {"os-encrypted": "warning"}
    facts = osdimage("boot", "check", disk, "--json", code=6).document
    assert (facts["verdict"], facts["starts"]) == ("not-known", None)
    run(["mkfs.fat", "-F", "16", "--offset", str(rows[1].first), disk, str(100 << 10)])
    # It is empty, as mdir says.
    errors = dict.fromkeys(("bcd-missing", "loader-missing", "manager-missing"), "error")
    assert found(disk) == errors | {"esp-fat16": "warning"}
    assert "None" not in osdimage("boot", "check", disk, code=1).out


def test_a_volume_of_windows_that_is_damaged_is_told(disk: Path) -> None:
    first = next(each.first for each in sfdisk(disk)[1] if each.number == 3) * 512
    with disk.open("r+b") as file:
        file.seek(first + 512)
        file.write(bytes(64 * MIB))
    assert found(disk) == {"os-unread": "warning"}
    told = osdimage("boot", "check", disk, code=6).out
    assert "copy the disk, then check the copy" in told


def test_an_extended_partition_that_is_active_is_told(tmp_path: Path) -> None:
    layout = DiskLayout(
        Scheme.MBR,
        (
            PartitionSpec(Role.PRIMARY, FixedSize(Bytes(100 * MIB)), filesystem=FileSystem.FAT32),
            PartitionSpec(Role.EXTENDED),
            PartitionSpec(Role.LOGICAL, filesystem=FileSystem.NTFS),
        ),
    )
    path = tmp_path / "disk"
    make_disk(path, SIZE, layout, {5: write_tree(tmp_path / "tree", windows_files())})
    start(path, 5, 1)
    run(["sfdisk", "--activate", path, "2"])
    assert found(path) == {"active-extended": "error"}
    run(["sfdisk", "--activate", path, "-"])
    # The partition with bootmgr is looked at all the same.
    assert found(path) == {"no-active": "error"}
    assert osdimage("boot", "fix", path, "--json").document["starts"]


def test_the_place_in_the_boot_sector_of_ntfs_is_put_right(tmp_path: Path) -> None:
    path = tmp_path / "disk"
    make_disk(path, SIZE, preset_layout(Preset.BIOS), {2: write_tree(tmp_path / "tree", windows_files())})
    start(path, 2)
    row = next(each for each in sfdisk(path)[1] if each.number == 1)
    assert row.sectors is not None
    with path.open("r+b") as file:
        file.seek(row.first * 512 + 0x1C)
        file.write((63).to_bytes(4, "little"))
    assert found(path) == {"hidden-sectors": "error"}
    assert osdimage("boot", "fix", path, "--json").document["starts"]
    with path.open("rb") as file:
        file.seek(row.first * 512)
        boot = file.read(512)
        total = int.from_bytes(boot[0x28:0x30], "little")
        file.seek((row.first + total) * 512)
        copy = file.read(512)
    assert int.from_bytes(boot[0x1C:0x20], "little") == int.from_bytes(copy[0x1C:0x20], "little") == row.first


def test_a_windows_that_is_hibernated_may_start_or_not(disk: Path) -> None:
    with open_disk(disk, write=True) as target, open_files(target.volume(3), write=True) as files:
        # Windows writes "hibr", or "HIBR" since Windows 8, at the start of the file when it hibernates.
        files.write("hiberfil.sys", b"HIBR" + bytes(8192))
    assert found(disk) == {"os-hibernated": "warning"}
    assert "shut it down fully" in osdimage("boot", "check", disk, code=6).out
