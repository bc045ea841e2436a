"""Disks that started, captured with all their volumes and made again: what their boot menus have then.

The stores are read with dissect.regf, the identities of partitions with sgdisk and sfdisk.
"""

from __future__ import annotations

import random
import re
import shutil
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from cases.installs import (
    BOOTMGR,
    ONE,
    Made,
    disk_with,
    fat_contents,
    gpt_device,
    guids,
    mbr_device,
    ntfs_contents,
    spec,
    start,
    store_of,
)
from cases.windows_trees import body, windows_files
from judges.disk import run
from osdimage.imaging.boot.install import BootOptions
from osdimage.imaging.disk.content import FileSystem
from osdimage.imaging.disk.layouts.layout import DiskLayout
from osdimage.imaging.disk.roles import Role, Scheme
from osdimage.imaging.units import MIB
from runs.commands import osdimage

pytestmark = pytest.mark.foreign
SIZE = 1 << 30
TWO = DiskLayout(
    Scheme.GPT,
    (
        spec(Role.EFI, 64 * MIB, FileSystem.FAT32),
        spec(Role.PRIMARY, 128 * MIB, FileSystem.NTFS),
        spec(Role.PRIMARY, 128 * MIB, FileSystem.NTFS),
        spec(Role.RECOVERY, 100 * MIB, FileSystem.NTFS),
    ),
    add_reserved=False,
)
RE = {f"Recovery/WindowsRE/{name}": body(name) for name in ("Winre.wim", "boot.sdi")}
TEST_SIGNING = "16000049"


@pytest.fixture(scope="module")
def captured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Capture a disk with two Windows, a recovery environment, and what an administrator set of the menu."""
    folder = tmp_path_factory.mktemp("restored") / "two"
    folder.mkdir()
    files = windows_files(bios=False)
    disk = Made(disk_with(folder, TWO, {2: files, 3: files, 4: RE}, size=SIZE), 2, 1, {})
    for number, name in ((2, "First"), (3, "Second")):
        start(disk.path, number, options=BootOptions(description=name, timeout_s=5), rng=random.Random(number))
    store, text, place = folder / "store", folder / "change.reg", f"{disk.path}@@{disk.places()[1][0] * 512}"
    run(["mcopy", "-n", "-i", place, "::EFI/Microsoft/Boot/BCD", store])
    default = store_of(store.read_bytes(), folder / "BCD")[BOOTMGR]["23000003"]
    # bcdedit /set {default} testsigning on
    key = rf"[BCD\Objects\{default}\Elements\{TEST_SIGNING}]"
    text.write_text(f'Windows Registry Editor Version 5.00\n\n{key}\n"Element"=hex:01\n', encoding="ascii")
    run(["hivexregedit", "--merge", "--prefix", "BCD", store, text])
    run(["mcopy", "-o", "-i", place, store, "::EFI/Microsoft/Boot/BCD"])
    osdimage("capture", disk.path, folder / "all.wim", "--all-volumes", "--compress", "none")
    return folder / "all.wim"


def deployed(wim: Path, folder: Path, *options: str) -> Made:
    disk = Made(folder / "again.img", 2, 1, {})
    told = osdimage("deploy", wim, disk.path, "--layout-from-wim", "--all-volumes", "--size", "1GB", *options)
    (folder / "told").write_text(told.out)
    return disk


def store_on(disk: Made) -> dict[str, dict[str, Any]]:
    return store_of(fat_contents(disk.part(1))["EFI/Microsoft/Boot/BCD"], disk.path.with_name("BCD"))


def menu(store: dict[str, dict[str, Any]]) -> list[tuple[str, UUID]]:
    """Return name and partition of each entry of the menu; nothing else in the store starts a Windows on a disk."""
    listed = store[BOOTMGR]["24000001"]
    listed = listed if isinstance(listed, list) else [listed]
    assert store[BOOTMGR]["23000003"] in listed
    loaders = {each for each in store if "22000002" in store[each] and "\\Windows" in store[each]["22000002"]}
    assert loaders == set(listed)
    return [(store[each]["12000004"], gpt_device(store[each]["21000001"])[1]) for each in listed]


def part(disk: Made, number: int) -> UUID:
    return guids(disk.path, number)[1]


def assert_all_here(disk: Made, store: dict[str, dict[str, Any]]) -> None:
    """Make sure that no device of the store names another disk than this one."""
    here = guids(disk.path, 1)[0].bytes_le
    devices = [
        value for elements in store.values() for number, value in elements.items() if number[1] == "1"
    ]  # fmt: skip
    assert devices
    assert all(here in value for value in devices)


def test_a_disk_with_two_windows_has_its_menu_again(captured: Path, tmp_path: Path) -> None:
    disk = deployed(captured, tmp_path)
    store = store_on(disk)
    assert menu(store) == [("Second", part(disk, 3)), ("First", part(disk, 2))]
    assert_all_here(disk, store)
    default = store[store[BOOTMGR]["23000003"]]
    assert default["12000004"] == "Second"
    told = (tmp_path / "told").read_text()
    assert "to start the Windows in partition 2\n" in told
    assert "  the menu also has: Second\n  by itself it starts, as before: Second\n" in told
    assert re.search(r"^  partition 3: \d+ files and \d+ directories, ", told, flags=re.MULTILINE)
    assert default[TEST_SIGNING] == b"\1"
    assert store[BOOTMGR]["25000004"] == (5).to_bytes(8, "little")
    sequence = default["14000008"]
    recovery = store[sequence[0] if isinstance(sequence, list) else sequence]
    assert part(disk, 4).bytes_le in recovery["11000001"]
    assert osdimage("boot", "check", disk.path).out.count("\n") == 1


def test_a_windows_that_is_not_restored_is_not_in_the_menu(captured: Path, tmp_path: Path) -> None:
    wim = Path(shutil.copy(captured, tmp_path))
    # The third image is of the partition of the default entry.
    osdimage("delete", wim, "--index", "3")
    disk = deployed(wim, tmp_path, "--timeout", "9", "--locale", "de-DE")
    store = store_on(disk)
    assert menu(store) == [("First", part(disk, 2))]
    # What is asked for wins over what the menu had.
    assert store[BOOTMGR]["25000004"] == (9).to_bytes(8, "little")
    assert store[store[BOOTMGR]["23000003"]]["12000005"] == store[BOOTMGR]["12000005"] == "de-DE"
    assert_all_here(disk, store)
    assert osdimage("boot", "check", disk.path).out.count("\n") == 1


def test_without_boot_the_disk_is_bound_later_when_it_is_said_which_windows_is_which(
    captured: Path, tmp_path: Path
) -> None:
    disk = deployed(captured, tmp_path, "--no-boot")
    assert "name the partition with Windows: --partition N" in osdimage("boot", "fix", disk.path, code=2).err
    osdimage("boot", "fix", disk.path, "--partition", "3")
    store = store_on(disk)
    assert menu(store) == [("Second", part(disk, 3)), ("First", part(disk, 2))]
    assert_all_here(disk, store)


def test_two_windows_without_a_store_among_the_images_get_an_entry_each(captured: Path, tmp_path: Path) -> None:
    wim = Path(shutil.copy(captured, tmp_path))
    osdimage("delete", wim, "--index", "1")
    disk = deployed(wim, tmp_path)
    assert [each for _, each in menu(store_on(disk))] == [part(disk, 2), part(disk, 3)]


def test_a_disk_with_all_on_one_partition_has_one_entry_again(tmp_path: Path) -> None:
    source = Made(disk_with(tmp_path, ONE, {1: windows_files(uefi=False)}, size=SIZE), 1, 1, {})
    start(source.path, 1, options=BootOptions(description="Alone"))
    wim = tmp_path / "all.wim"
    osdimage("capture", source.path, wim, "--all-volumes", "--compress", "none")
    disk = deployed(wim, tmp_path)
    signature = int(re.search(r"label-id: 0x(\S+)", run(["sfdisk", "--dump", disk.path]))[1], 16)  # type: ignore[index]
    store = store_of(ntfs_contents(disk.part(1))["Boot/BCD"], tmp_path / "BCD")
    entry = store[store[BOOTMGR]["23000003"]]
    assert entry["12000004"] == "Alone"
    assert mbr_device(entry["21000001"]) == (signature, disk.places()[1][0] * 512)
    assert [each for each in store if store[each].get("22000002") == r"\Windows"] == [store[BOOTMGR]["23000003"]]
    assert osdimage("boot", "check", disk.path).out.count("\n") == 1
    # The same, later, with the boot code that it has not got.
    disk.path.unlink()
    disk = deployed(wim, tmp_path, "--no-boot")
    told = osdimage("boot", "fix", disk.path).out
    assert "boot code was written into the boot sector of partition 1, which had none" in told
    assert "boot code was written into the MBR, which had none" in told
    assert osdimage("boot", "check", disk.path).out.count("\n") == 1
    osdimage("boot", "fix", disk.path, "--dry-run")
    assert "nothing was to be changed" in osdimage("boot", "fix", disk.path).out
