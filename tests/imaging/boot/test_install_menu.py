"""What the menu of a disk offers besides: a second Windows, and the recovery environment."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

import pytest
from cases.installs import (
    BCD_NAMES,
    BOOTMGR,
    SIZE,
    Made,
    default_entry,
    disk_with,
    fat_contents,
    gpt_device,
    guids,
    ntfs_contents,
    spec,
    start,
    store_of,
    uefi,
)
from cases.windows_trees import body, windows_files, write_tree
from judges.disk import run
from osdimage.imaging import Preset, preset_layout
from osdimage.imaging.boot.install import BootOptions
from osdimage.imaging.disk.content import FileSystem
from osdimage.imaging.disk.layouts.layout import DiskLayout
from osdimage.imaging.disk.roles import Role, Scheme
from osdimage.imaging.testing import make_disk
from osdimage.imaging.units import MIB
from runs.commands import osdimage

pytestmark = pytest.mark.foreign

TWO = DiskLayout(
    Scheme.GPT,
    (
        spec(Role.EFI, 100 * MIB, FileSystem.FAT32),
        spec(Role.MSR, 16 * MIB, None),
        spec(Role.PRIMARY, 400 * MIB, FileSystem.NTFS),
        spec(Role.PRIMARY, 400 * MIB, FileSystem.NTFS),
        spec(Role.RECOVERY, None, FileSystem.NTFS),
    ),
)


def two_systems(folder: Path) -> Made:
    """Make a disk with two Windows and a recovery environment; the second is put into the store last."""
    source = windows_files()
    recovery = {f"Recovery/WindowsRE/{x}": body(x) for x in ("Winre.wim", "boot.sdi")}
    disk = Made(disk_with(folder, TWO, {3: source, 4: source, 5: recovery}), 3, 1, {})
    start(disk.path, 3, options=BootOptions(description="First"))
    return disk


def menu(disk: Made) -> list[tuple[str, UUID]]:
    """Return name and partition of each entry of the menu, in its order; the first must be the default."""
    store = store_of(fat_contents(disk.part(1))["EFI/Microsoft/Boot/BCD"], disk.path.with_name("BCD"))
    listed = store[BOOTMGR]["24000001"]
    listed = listed if isinstance(listed, list) else [listed]
    assert store[BOOTMGR]["23000003"] == listed[0]
    # Nothing is left over, and nothing is named that is not there.
    named = {each for each in store if each in BCD_NAMES} | set(listed)
    for guid in listed:
        sequence = store[guid].get("14000008", [])
        named |= {store[guid]["23000003"], *(sequence if isinstance(sequence, list) else [sequence])}
    named |= {f"{{{UUID(bytes_le=store[each]['11000001'][:16])}}}" for each in named if "11000001" in store[each]}
    assert named - {f"{{{UUID(int=0)}}}"} == set(store)
    return [(store[each]["12000004"], gpt_device(store[each]["21000001"])[1]) for each in listed]


def test_a_second_windows_becomes_the_first_entry_and_the_other_stays(tmp_path: Path) -> None:
    disk = two_systems(tmp_path)
    first, second = ((name, guids(disk.path, number)[1]) for name, number in (("First", 3), ("Second", 4)))
    assert menu(disk) == [first]
    result = start(disk.path, 4, options=BootOptions(description="Second"))
    assert (result.kept_entries, result.replaced_store, result.warnings) == (("First",), False, ())
    assert menu(disk) == [second, first]
    # Once more replaces the entry of the same Windows and no other.
    assert start(disk.path, 3, options=BootOptions(description="First")).kept_entries == ("Second",)
    assert menu(disk) == [first, second]
    assert "the menu also has: First" in osdimage("boot", "install", disk.path, "--partition", "4").out
    assert osdimage("boot", "check", disk.path).code == 0
    done = osdimage("boot", "install", disk.path, "--partition", "4", "--menu-name", "Second", "--new-store", "--json")
    assert done.document["replaced_store"] is True
    assert menu(disk) == [second]


def test_what_an_administrator_set_stays_when_a_second_windows_comes(tmp_path: Path) -> None:
    disk = two_systems(tmp_path)
    begin = disk.places()[1][0] * 512
    store, text = tmp_path / "store", tmp_path / "change.reg"
    run(["mcopy", "-n", "-i", f"{disk.path}@@{begin}", "::EFI/Microsoft/Boot/BCD", store])
    listed = store_of(store.read_bytes(), tmp_path / "BCD")[BOOTMGR]["23000003"]
    # Test signing of the first entry, and the debugger's settings, as bcdedit /set and /dbgsettings write them.
    key = r"[BCD\Objects\{}\Elements\{}]"
    rows = (key.format(listed, "16000049"), key.format("{4636856e-540f-4170-a130-a84776f4c654}", "15000011"))
    values = ('"Element"=hex:01', '"Element"=hex:00,00,00,00,00,00,00,00')
    lines = [f"{row}\n{value}\n" for row, value in zip(rows, values, strict=True)]
    text.write_text("Windows Registry Editor Version 5.00\n\n" + "\n".join(lines), encoding="ascii")
    run(["hivexregedit", "--merge", "--prefix", "BCD", store, text])
    run(["mcopy", "-o", "-i", f"{disk.path}@@{begin}", store, "::EFI/Microsoft/Boot/BCD"])
    start(disk.path, 4)
    after = store_of(fat_contents(disk.part(1))["EFI/Microsoft/Boot/BCD"], tmp_path / "BCD")
    assert after[listed]["16000049"] == b"\1"
    assert after["{4636856e-540f-4170-a130-a84776f4c654}"]["15000011"] == bytes(8)


def test_an_entry_of_a_partition_that_was_deleted_goes(tmp_path: Path) -> None:
    disk = two_systems(tmp_path)
    run(["sgdisk", "-d", "3", disk.path])
    result = start(disk.path, 4, options=BootOptions(description="Second"))
    assert (result.kept_entries, result.warnings) == ((), ())
    assert menu(disk) == [("Second", guids(disk.path, 4)[1])]


def test_an_entry_of_another_disk_is_kept_with_a_word_about_it(tmp_path: Path) -> None:
    disk = two_systems(tmp_path)
    here = [each.bytes_le for each in guids(disk.path, 3)]
    store = tmp_path / "store"
    run(["mcopy", "-n", "-i", f"{disk.path}@@{disk.places()[1][0] * 512}", "::EFI/Microsoft/Boot/BCD", store])
    listed = store_of(store.read_bytes(), tmp_path / "BCD")[BOOTMGR]["23000003"]
    rows = []
    for number, content in store_of(store.read_bytes(), tmp_path / "BCD")[listed].items():
        if number in {"11000001", "21000001"}:
            moved = content.replace(here[0], bytes(range(16))).replace(here[1], bytes(range(16, 32)))
            rows += [rf"[BCD\Objects\{listed}\Elements\{number}]", '"Element"=hex:' + moved.hex(","), ""]
    text = tmp_path / "change.reg"
    text.write_text("Windows Registry Editor Version 5.00\n\n" + "\n".join(rows), encoding="ascii")
    run(["hivexregedit", "--merge", "--prefix", "BCD", store, text])
    run(["mcopy", "-o", "-i", f"{disk.path}@@{disk.places()[1][0] * 512}", store, "::EFI/Microsoft/Boot/BCD"])
    result = start(disk.path, 4)
    assert result.kept_entries == ("First",)
    (told,) = result.warnings
    assert "'First' was kept" in told
    assert "a new store leaves it out" in told


def test_a_recovery_environment_becomes_part_of_the_store(tmp_path: Path) -> None:
    source = write_tree(tmp_path / "tree", windows_files())
    recovery = write_tree(tmp_path / "re", {f"Recovery/WindowsRE/{x}": body(x) for x in ("winre.wim", "BOOT.sdi")})
    disk = Made(tmp_path / "disk.img", 3, 1, {})
    make_disk(disk.path, SIZE, preset_layout(Preset.UEFI), {3: source, 4: recovery})
    result = start(disk.path, 3)
    assert result.recovery_partition == 4
    store = store_of(fat_contents(disk.part(1))["EFI/Microsoft/Boot/BCD"], tmp_path / "BCD")
    sequence = default_entry(store)["14000008"]
    guid = sequence[0] if isinstance(sequence, list) else sequence
    ramdisk = store[guid]["11000001"]
    part = guids(disk.path, 4)[1]
    assert part.bytes_le in ramdisk
    assert "Winre.wim".encode("utf-16-le") in ramdisk


RECOVERY = {
    "Windows/System32/Recovery/Winre.wim": body("Winre.wim", 900_000),
    "Windows/Boot/DVD/EFI/boot.sdi": body("boot.sdi", 70_000),
}


@pytest.mark.parametrize(("preset", "windows", "recovery"), [(Preset.UEFI, 3, 4), (Preset.BIOS, 2, 3)])
def test_the_recovery_environment_of_windows_is_copied_when_asked_for(
    tmp_path: Path, preset: Preset, windows: int, recovery: int
) -> None:
    disk = Made(tmp_path / "disk.img", windows, 1, {})
    tree = write_tree(tmp_path / "tree", windows_files() | RECOVERY)
    make_disk(disk.path, SIZE, preset_layout(preset), {windows: tree})
    assert start(disk.path, windows).recovery_partition is None
    for _ in range(2):
        # The second time replaces the first.
        done = osdimage("boot", "install", disk.path, "--partition", str(windows), "--winre")
        assert f"partition {recovery}: the recovery environment is part of the store" in done.out
    assert ntfs_contents(disk.part(recovery)) == {
        "Recovery/WindowsRE/Winre.wim": RECOVERY["Windows/System32/Recovery/Winre.wim"],
        "Recovery/WindowsRE/boot.sdi": RECOVERY["Windows/Boot/DVD/EFI/boot.sdi"],
    }
    view = osdimage("boot", "show", disk.path, "--json").document
    assert {each["number"] for each in view["partitions"]} == {1, windows, recovery}


def test_a_refusal_after_the_recovery_environment_was_copied_is_a_failure(tmp_path: Path) -> None:
    disk = Made(tmp_path / "disk.img", 3, 1, {})
    tree = write_tree(tmp_path / "tree", windows_files() | RECOVERY)
    make_disk(disk.path, SIZE, preset_layout(Preset.UEFI), {3: tree})
    # Microsoft, "FAT32 File System Specification": bit 0 of byte 65 says that the volume was not closed.
    with disk.path.open("r+b") as file:
        file.seek(disk.places()[1][0] * 512 + 65)
        file.write(b"\x01")
    words = ("boot", "install", disk.path, "--partition", "3")
    assert "marked dirty" in osdimage(*words, code=4).err
    failed = osdimage(*words, "--winre", code=1)
    assert "marked dirty" in failed.err
    assert " -- only the recovery environment was copied; " in failed.err


def test_a_recovery_environment_that_cannot_be_is_told(tmp_path: Path) -> None:
    disk = uefi(tmp_path)
    before = fat_contents(disk.part(1))
    where = ("boot", "install", disk.path, "--partition", "3", "--winre")
    assert r"\Windows\System32\Recovery\Winre.wim is missing" in osdimage(*where, code=3).err
    run(["sgdisk", "-d", "4", disk.path])
    assert "has no recovery partition" in osdimage(*where, code=2).err
    assert fat_contents(disk.part(1)) == before
