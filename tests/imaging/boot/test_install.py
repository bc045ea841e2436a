"""Making disks start: what is on the system partition afterwards, and what the store is bound to.

mtools, fsck.fat and ntfs-3g's tools read the volumes, sgdisk and sfdisk the tables, and dissect.regf the store, whose
device elements are taken apart here by the offsets that boot loaders document.
"""

from __future__ import annotations

import random
import re
import shutil
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import disk_judges
import fat_judges
import judges
import ntfs_judges
import pytest
from commands import osdimage
from disk_judges import fdisk, missing, run, sfdisk
from osdimage.imaging import InvalidInput, InvalidRequest, OsdImageError, Preset, TargetRefused, preset_layout
from osdimage.imaging.boot.bios import BiosLoader
from osdimage.imaging.boot.install import BootOptions, install_boot
from osdimage.imaging.disk.layout import DiskLayout, FixedSize, PartitionSpec
from osdimage.imaging.disk.roles import FileSystem, Role, Scheme
from osdimage.imaging.testing import make_disk
from osdimage.imaging.units import MIB, Bytes
from windows_trees import FALLBACKS, body, pe, windows_files, write_tree

pytestmark = pytest.mark.foreign
SIZE = 3 << 30


@dataclass
class Made:
    """A disk with a Windows, and the files of it."""

    path: Path
    windows: int
    system: int
    files: dict[str, bytes]
    sector_size: int = 512
    parts: dict[int, tuple[int, int]] = field(default_factory=dict)

    def part(self, number: int) -> Path:
        """Cut a partition out of the disk, by what sfdisk says of its place."""
        begin, count = self.places()[number]
        to = self.path.with_name(f"{self.path.stem}-{number}")
        return disk_judges.cut_out(self.path, begin * self.sector_size, count * self.sector_size, to)

    def places(self) -> dict[int, tuple[int, int]]:
        rows = fdisk(self.path, self.sector_size) if self.sector_size != 512 else sfdisk(self.path)[1]
        return {each.number: (each.first, each.sectors) for each in rows if each.sectors is not None}


def spec(role: Role, size: int | None, filesystem: FileSystem | None, **more: Any) -> PartitionSpec:
    if size is None:
        return PartitionSpec(role, filesystem=filesystem, **more)
    return PartitionSpec(role, FixedSize(Bytes(size)), filesystem=filesystem, **more)


ONE = DiskLayout(Scheme.MBR, (spec(Role.PRIMARY, None, FileSystem.NTFS, active=True),))
FAT_SYSTEM = DiskLayout(
    Scheme.MBR,
    (
        spec(Role.PRIMARY, 100 * MIB, FileSystem.FAT32, active=True),
        spec(Role.PRIMARY, None, FileSystem.NTFS),
    ),
)


def made(
    folder: Path,
    layout: DiskLayout,
    windows: int,
    system: int,
    *,
    sector_size: int = 512,
    size: int = SIZE,
    **tree: Any,
) -> Made:
    files = windows_files(**tree)
    source = write_tree(folder / "tree", files)
    path = folder / "disk.img"
    make_disk(path, size, layout, {windows: source}, sector_size=sector_size)
    return Made(path, windows, system, files, sector_size)


def uefi(folder: Path, **more: Any) -> Made:
    return made(folder, preset_layout(Preset.UEFI), 3, 1, **more)


def bios(folder: Path, layout: DiskLayout | None = None, **more: Any) -> Made:
    return made(folder, layout or preset_layout(Preset.BIOS), 2, 1, **more)


def fat_contents(volume: Path) -> dict[str, bytes]:
    fat_judges.fsck(volume)
    folder = volume.with_suffix(".out")
    shutil.rmtree(folder, ignore_errors=True)
    fat_judges.copy_out(volume, folder)
    return {str(each.relative_to(folder)): each.read_bytes() for each in folder.rglob("*") if each.is_file()}


def ntfs_contents(volume: Path) -> dict[str, bytes]:
    ntfs_judges.ntfsfix(volume)
    assert not ntfs_judges.is_dirty(volume)
    with volume.open("rb") as stream:
        opened = ntfs_judges.dissect(stream)
        return {
            name.lstrip("/"): opened.mft.get(name).open().read()
            for name, held in ntfs_judges.contents(volume).items()
            if held != "directory"
        }


def store_of(data: bytes, path: Path) -> dict[str, dict[str, Any]]:
    """Return the elements of a store's objects by GUID and number, as dissect.regf reads them."""
    try:
        from dissect.regf import RegistryHive  # noqa: PLC0415 - a judge may be missing
    except ImportError:
        missing("dissect.regf is not installed")
    path.write_bytes(data)
    with path.open("rb") as stream:
        objects = RegistryHive(stream).open("Objects")
        return {
            each.name: {element.name: element.value("Element").value for element in each.subkey("Elements").subkeys()}
            for each in objects.subkeys()
        }


def gpt_device(element: bytes) -> tuple[UUID, UUID]:
    """Take a device element of a GPT partition apart: the GUIDs of the disk and of the partition."""
    assert len(element) == 0x58
    assert struct.unpack_from("<II", element, 0x10) == (6, 0)
    assert struct.unpack_from("<II", element, 0x30) == (0, 0)
    return UUID(bytes_le=element[0x38:0x48]), UUID(bytes_le=element[0x20:0x30])


def mbr_device(element: bytes) -> tuple[int, int]:
    """Take a device element of an MBR partition apart: the signature and the offset in bytes."""
    assert struct.unpack_from("<II", element, 0x10) == (6, 0)
    assert struct.unpack_from("<II", element, 0x30) == (0, 1)
    return struct.unpack_from("<I", element, 0x38)[0], struct.unpack_from("<Q", element, 0x20)[0]


BOOTMGR = "{9dea862c-5cdd-4e70-acc1-f32b344d4795}"
# What every store has (Windows SDK, bcd.h).
BCD_NAMES = {
    BOOTMGR,
    "{b2721d73-1db4-4c62-bf78-c548a880142d}",
    "{7ea2e1ac-2e61-4728-aaa3-896d9d0a9f0e}",
    "{6efb52bf-1766-41db-a6b3-0ee5eff72bd7}",
    "{1afa9c49-16ab-4a5c-901b-212802da9460}",
    "{4636856e-540f-4170-a130-a84776f4c654}",
    "{0ce4991b-e6b3-4b16-b23c-5e0d9250e5d9}",
    "{5189b25c-5558-4bf2-bca4-289b11bd29e2}",
    "{7ff607e0-4395-11db-b0de-0800200c9a66}",
}


def default_entry(store: dict[str, dict[str, Any]]) -> dict[str, Any]:
    return store[store[BOOTMGR]["23000003"]]


def guids(disk: Path, number: int) -> tuple[UUID, UUID]:
    """Return the GUIDs of a disk and of a partition, as sgdisk prints them."""
    whole = re.search(r"Disk identifier \(GUID\): (\S+)", run(["sgdisk", "-p", disk]))
    part = re.search(r"Partition unique GUID: (\S+)", run(["sgdisk", "-i", str(number), disk]))
    assert whole is not None
    assert part is not None
    return UUID(whole[1]), UUID(part[1])


# ---- UEFI


@pytest.mark.parametrize("architecture", FALLBACKS)
def test_a_gpt_disk_gets_the_loader_of_its_architecture(tmp_path: Path, architecture: str) -> None:
    disk = uefi(tmp_path, architecture=architecture)
    result = install_boot(disk.path, disk.windows, rng=random.Random(1))
    fallback = f"EFI/Boot/{FALLBACKS[architecture]}"
    assert (result.architecture, result.loader, result.system_partition) == (architecture, fallback, 1)
    held = fat_contents(disk.part(1))
    expected = {
        path.replace("Windows/Boot/EFI/", "EFI/Microsoft/Boot/").replace("Windows/Boot/", "EFI/Microsoft/Boot/"): data
        for path, data in disk.files.items()
        if path.startswith(("Windows/Boot/EFI/", "Windows/Boot/Fonts/", "Windows/Boot/Resources/"))
    }
    expected[fallback] = disk.files["Windows/Boot/EFI/bootmgfw.efi"]
    store = store_of(held.pop("EFI/Microsoft/Boot/BCD"), tmp_path / "BCD")
    assert held == expected
    assert result.files == len(expected)
    entry = default_entry(store)
    assert gpt_device(entry["11000001"]) == gpt_device(entry["21000001"]) == guids(disk.path, 3)
    assert gpt_device(store[BOOTMGR]["11000001"]) == guids(disk.path, 1)
    assert entry["12000002"].lower() == r"\windows\system32\winload.efi"
    assert entry["12000005"] == "de-DE"


def test_a_disk_of_4k_sectors_starts_under_uefi(tmp_path: Path) -> None:
    disk = uefi(tmp_path, sector_size=4096)
    install_boot(disk.path, disk.windows, rng=random.Random(1))
    held = fat_contents(disk.part(1))
    assert held["EFI/Boot/bootx64.efi"] == disk.files["Windows/Boot/EFI/bootmgfw.efi"]
    # What gdisk prints of a 4Kn image needs a device with such sectors; the entry array is read by its offsets here.
    table = disk.path.read_bytes()[: 6 * 4096]
    entries = [table[2 * 4096 + at : 2 * 4096 + at + 128] for at in range(0, 4 * 128, 128)]
    store = store_of(held["EFI/Microsoft/Boot/BCD"], tmp_path / "BCD")
    device = gpt_device(default_entry(store)["21000001"])
    assert device == (UUID(bytes_le=table[4096 + 56 : 4096 + 72]), UUID(bytes_le=entries[2][16:32]))


def test_the_loaders_signed_2023_take_the_places_of_the_others(tmp_path: Path) -> None:
    disk = uefi(tmp_path, signed_2023=True)
    install_boot(disk.path, disk.windows, options=BootOptions(signed_2023=True))
    held = fat_contents(disk.part(1))
    new = disk.files["Windows/Boot/EFI_EX/bootmgfw_EX.efi"]
    assert held["EFI/Microsoft/Boot/bootmgfw.efi"] == held["EFI/Boot/bootx64.efi"] == new
    assert held["EFI/Microsoft/Boot/bootmgr.efi"] == body("Windows/Boot/EFI_EX/bootmgr_EX.efi")
    assert held["EFI/Microsoft/Boot/Fonts/chs_boot.ttf"] == body("Windows/Boot/Fonts_EX/chs_boot_EX.ttf")
    assert held["EFI/Microsoft/Boot/memtest.efi"] == body("Windows/Boot/EFI/memtest.efi")
    assert not [path for path in held if "_EX" in path]


@pytest.mark.parametrize(
    ("preset", "options", "says"),
    [
        pytest.param(Preset.BIOS, {"signed_2023": True}, "the loaders signed in 2023 are for UEFI", id="signed"),
        pytest.param(Preset.UEFI, {"bios_loader": BiosLoader.GRUB}, "no boot sector was written", id="boot sector"),
    ],
)
def test_an_option_of_the_other_firmware_is_told(
    tmp_path: Path, preset: Preset, options: dict[str, Any], says: str
) -> None:
    tree = write_tree(tmp_path / "tree", windows_files())
    windows = 3 if preset is Preset.UEFI else 2
    make_disk(tmp_path / "disk.img", SIZE, preset_layout(preset), {windows: tree})
    (text,) = install_boot(tmp_path / "disk.img", windows, options=BootOptions(**options)).warnings
    assert says in text


def test_a_windows_without_a_name_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="cannot call a Windows by an empty name"):
        BootOptions(description=" ")


def test_what_others_keep_on_the_system_partition_stays(tmp_path: Path) -> None:
    disk = uefi(tmp_path)
    begin = disk.places()[1][0] * 512
    (tmp_path / "other").write_bytes(b"other")
    for folder in ("EFI", "EFI/debian", "efi/MICROSOFT", "efi/MICROSOFT/boot"):
        run(["mmd", "-i", f"{disk.path}@@{begin}", f"::{folder}"])
    for to in ("EFI/debian/grubx64.efi", "EFI/microsoft/BOOT/bcd"):
        run(["mcopy", "-i", f"{disk.path}@@{begin}", tmp_path / "other", f"::{to}"])
    result = install_boot(disk.path, disk.windows)
    assert result.replaced_store
    assert any("replaced" in text for text in result.warnings)
    held = {path.lower(): data for path, data in fat_contents(disk.part(1)).items()}
    assert held["efi/debian/grubx64.efi"] == b"other"
    assert held["efi/microsoft/boot/bcd"][:4] == b"regf"
    # Once more gives the same but for the time and the GUIDs of new entries.
    install_boot(disk.path, disk.windows)
    assert {path.lower() for path in fat_contents(disk.part(1))} == set(held)


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
    source = write_tree(folder / "tree", windows_files())
    recovery = write_tree(folder / "re", {f"Recovery/WindowsRE/{x}": body(x) for x in ("Winre.wim", "boot.sdi")})
    disk = Made(folder / "disk.img", 3, 1, {})
    make_disk(disk.path, SIZE, TWO, {3: source, 4: source, 5: recovery})
    install_boot(disk.path, 3, options=BootOptions(description="First"))
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
    result = install_boot(disk.path, 4, options=BootOptions(description="Second"))
    assert (result.kept_entries, result.replaced_store, result.warnings) == (("First",), False, ())
    assert menu(disk) == [second, first]
    # Once more replaces the entry of the same Windows and no other.
    assert install_boot(disk.path, 3, options=BootOptions(description="First")).kept_entries == ("Second",)
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
    install_boot(disk.path, 4)
    after = store_of(fat_contents(disk.part(1))["EFI/Microsoft/Boot/BCD"], tmp_path / "BCD")
    assert after[listed]["16000049"] == b"\1"
    assert after["{4636856e-540f-4170-a130-a84776f4c654}"]["15000011"] == bytes(8)


def test_an_entry_of_another_disk_is_kept_with_a_word_about_it(tmp_path: Path) -> None:
    disk = two_systems(tmp_path)
    run(["sgdisk", "-d", "3", disk.path])
    result = install_boot(disk.path, 4)
    assert result.kept_entries == ("First",)
    (told,) = result.warnings
    assert "'First' was kept" in told
    assert "--new-store" in told


def test_a_recovery_environment_becomes_part_of_the_store(tmp_path: Path) -> None:
    source = write_tree(tmp_path / "tree", windows_files())
    recovery = write_tree(tmp_path / "re", {f"Recovery/WindowsRE/{x}": body(x) for x in ("winre.wim", "BOOT.sdi")})
    disk = Made(tmp_path / "disk.img", 3, 1, {})
    make_disk(disk.path, SIZE, preset_layout(Preset.UEFI), {3: source, 4: recovery})
    result = install_boot(disk.path, 3)
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
    assert install_boot(disk.path, windows).recovery_partition is None
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


def test_a_recovery_environment_that_cannot_be_is_told(tmp_path: Path) -> None:
    disk = uefi(tmp_path)
    before = fat_contents(disk.part(1))
    where = ("boot", "install", disk.path, "--partition", "3", "--winre")
    assert r"\Windows\System32\Recovery\Winre.wim is missing" in osdimage(*where, code=3).err
    run(["sgdisk", "-d", "4", disk.path])
    assert "has no recovery partition" in osdimage(*where, code=2).err
    assert fat_contents(disk.part(1)) == before


@pytest.mark.parametrize(
    ("gone", "text"),
    [
        ("Windows/Boot/EFI/bootmgfw.efi", r"\\Windows\\Boot\\EFI\\bootmgfw.efi is missing"),
        ("Windows/Boot/EFI_EX/bootmgfw_EX.efi", r"\\Windows\\Boot\\EFI_EX\\bootmgfw_EX.efi is missing"),
    ],
)
def test_a_file_that_is_missing_is_named_and_nothing_is_written(tmp_path: Path, gone: str, text: str) -> None:
    files = windows_files(signed_2023=True)
    del files[gone]
    make_disk(tmp_path / "disk.img", SIZE, preset_layout(Preset.UEFI), {3: write_tree(tmp_path / "tree", files)})
    before = (tmp_path / "disk.img").stat().st_mtime_ns
    with pytest.raises(InvalidInput, match=text):
        install_boot(tmp_path / "disk.img", 3, options=BootOptions(signed_2023=True))
    assert (tmp_path / "disk.img").stat().st_mtime_ns == before


@pytest.mark.parametrize(
    ("data", "text"), [(b"no program", "no PE header"), (pe(0x0200), "machine 0x0200"), (b"MZ" * 40, "no PE header")]
)
def test_a_loader_that_is_none_is_refused(tmp_path: Path, data: bytes, text: str) -> None:
    files = windows_files() | {"Windows/Boot/EFI/bootmgfw.efi": data}
    make_disk(tmp_path / "disk.img", SIZE, preset_layout(Preset.UEFI), {3: write_tree(tmp_path / "tree", files)})
    with pytest.raises(InvalidInput, match=text):
        install_boot(tmp_path / "disk.img", 3)


def test_partitions_that_cannot_be_it_are_refused(tmp_path: Path) -> None:
    disk = uefi(tmp_path)
    for windows, system, text in (
        (7, None, "no partition 7.*: 1, 2, 3, 4"),
        (3, 9, "no partition 9"),
    ):
        with pytest.raises(InvalidRequest, match=text):
            install_boot(disk.path, windows, system)
    with pytest.raises(TargetRefused, match="partition 4: holds an NTFS volume; UEFI firmware reads FAT32"):
        install_boot(disk.path, 3, 4)
    run(["sgdisk", "-t", "1:0700", disk.path])
    with pytest.raises(InvalidRequest, match="no EFI system partition"):
        install_boot(disk.path, 3)
    # Named, it is taken: some firmware starts from any FAT.
    assert install_boot(disk.path, 3, 1).system_partition == 1


# ---- BIOS


def test_an_mbr_disk_with_a_system_partition_of_ntfs(tmp_path: Path) -> None:
    disk = bios(tmp_path)
    result = install_boot(disk.path, 2, options=BootOptions(bios_loader=BiosLoader.NONE))
    assert (result.architecture, result.system_partition) == (None, 1)
    held = ntfs_contents(disk.part(1))
    store = store_of(held.pop("Boot/BCD"), tmp_path / "BCD")
    assert held == {
        {"bootmgr": "bootmgr", "bootnxt": "BOOTNXT"}.get(name := path.split("/", 3)[3], f"Boot/{name}"): data
        for path, data in disk.files.items()
        if path.startswith("Windows/Boot/PCAT/")
    } | {
        path.removeprefix("Windows/"): data
        for path, data in disk.files.items()
        if path.startswith(("Windows/Boot/Fonts/", "Windows/Boot/Resources/"))
    }
    signature = int(re.search(r"label-id: (\S+)", run(["sfdisk", "--dump", disk.path]))[1], 16)  # type: ignore[index]
    places = disk.places()
    assert mbr_device(default_entry(store)["21000001"]) == (signature, places[2][0] * 512)
    assert mbr_device(store[BOOTMGR]["11000001"]) == (signature, places[1][0] * 512)
    part = disk.part(1)
    for path, letters in (
        ("bootmgr", "READONLY HIDDEN SYSTEM"),
        ("BOOTNXT", "HIDDEN SYSTEM"),
        ("Boot", "HIDDEN SYSTEM"),
    ):
        assert f"File attributes:\t {letters} (" in run(["ntfsinfo", "-F", path, part])
    assert result.boot_code is not None
    assert (result.boot_code.mbr, result.boot_code.boot_sector) == (False, None)
    assert any("no boot code" in text for text in result.boot_code.warnings)


def test_an_mbr_disk_with_a_system_partition_of_fat32(tmp_path: Path) -> None:
    disk = bios(tmp_path, FAT_SYSTEM)
    result = install_boot(disk.path, 2)
    held = fat_contents(disk.part(1))
    assert held["bootmgr"] == disk.files["Windows/Boot/PCAT/bootmgr"]
    assert {path for path in held if "/" not in path} == {"bootmgr", "BOOTNXT"}
    shown = run(["mattrib", "-i", disk.part(1), "::bootmgr", "::BOOTNXT", "::Boot"])
    assert [set(line.partition(":")[0]) & set("ASHR") for line in shown.splitlines()] == [
        set("SHR"), set("SH"), set("SH"),
    ]  # fmt: skip
    assert result.boot_code is not None
    assert (result.boot_code.mbr, result.boot_code.boot_sector) == (True, "osdimage")
    boot = disk.part(1).read_bytes()[:512]
    assert struct.unpack_from("<I", boot, 0x1C)[0] == disk.places()[1][0]


def test_windows_on_the_active_partition_itself(tmp_path: Path) -> None:
    disk = made(tmp_path, ONE, 1, 1)
    result = install_boot(disk.path, 1, options=BootOptions(bios_loader=BiosLoader.NONE))
    assert result.system_partition == 1
    held = ntfs_contents(disk.part(1))
    assert held["bootmgr"] == disk.files["Windows/Boot/PCAT/bootmgr"]
    assert held["Windows/explorer.exe"] == b"explorer"


def test_one_partition_is_active_and_the_signature_is_not_zero(tmp_path: Path) -> None:
    disk = bios(tmp_path, FAT_SYSTEM)
    for flag, active in (("1", True), ("2", True)):
        run(["sfdisk", "--activate", disk.path, *(["1", "2"] if active else [flag])])
    run(["sfdisk", "--disk-id", disk.path, "0x00000000"])
    with disk.path.open("r+b") as file:
        file.write(b"\x90" * 440)
    install_boot(disk.path, 2, 1, options=BootOptions(bios_loader=BiosLoader.NONE), rng=random.Random(3))
    dump = run(["sfdisk", "--dump", disk.path])
    assert len(re.findall("bootable", dump)) == 1
    assert re.search(r"1 : .*bootable", dump)
    found = re.search(r"label-id: (0x\w+)", dump)
    assert found is not None
    assert int(found[1], 16) != 0
    # The code that was there is no business of the table.
    assert disk.path.read_bytes()[:440] == b"\x90" * 440


@pytest.mark.parametrize("choice", [BiosLoader.AUTO, BiosLoader.IMAGE])
def test_the_boot_sector_of_the_image_is_used(tmp_path: Path, choice: BiosLoader) -> None:
    """A made-up untfs.dll with what marks the code in Microsoft's; see test_ntfs_boot."""
    code = bytearray(8192)
    code[:11] = b"\xeb\x52\x90NTFS    "
    code[0x60:0x62] = b"\xcd\x13"
    code[510:512] = b"\x55\xaa"
    second = b"\x07\0" + "BOOTMGR".encode("utf-16-le") + b"\x04\0" + "$I30".encode("utf-16-le")
    code[512 : 512 + len(second)] = second
    files = windows_files() | {"Windows/System32/untfs.dll": pe(0x8664) + bytes(code)}
    disk = Made(tmp_path / "disk.img", 2, 1, files)
    make_disk(disk.path, SIZE, preset_layout(Preset.BIOS), {2: write_tree(tmp_path / "tree", files)})
    result = install_boot(disk.path, 2, options=BootOptions(bios_loader=choice))
    assert result.boot_code is not None
    assert result.boot_code.boot_sector == "Windows/System32/untfs.dll"
    part = disk.part(1)
    head = part.read_bytes()[:8192]
    assert head[512:8192] == bytes(code[512:])
    assert struct.unpack_from("<I", head, 0x1C)[0] == disk.places()[1][0]
    assert ntfs_contents(part)["bootmgr"] == files["Windows/Boot/PCAT/bootmgr"]


def test_an_image_without_boot_code_says_what_to_do(tmp_path: Path) -> None:
    disk = bios(tmp_path)
    with pytest.raises(InvalidInput, match=r"no boot code for NTFS in .*untfs\.dll"):
        install_boot(disk.path, 2, options=BootOptions(bios_loader=BiosLoader.IMAGE))


def test_osdimage_starts_an_ntfs_volume_when_the_image_has_no_code_and_leaves_other_code(tmp_path: Path) -> None:
    disk = bios(tmp_path)
    for _ in range(2):
        result = install_boot(disk.path, 2)
        assert result.boot_code is not None
        assert result.boot_code.boot_sector == "osdimage"
    assert b"second part missing" in disk.part(1).read_bytes()[:512]
    with disk.path.open("r+b") as file:
        # Code that is not known here.
        file.seek(disk.places()[1][0] * 512 + 0x54)
        file.write(b"\xfa\x33\xc0")
    kept = install_boot(disk.path, 2)
    assert kept.boot_code is not None
    assert kept.boot_code.boot_sector == "kept"
    replaced = install_boot(disk.path, 2, options=BootOptions(bios_loader=BiosLoader.OSDIMAGE))
    assert replaced.boot_code is not None
    assert replaced.boot_code.boot_sector == "osdimage"


def test_grub_starts_an_ntfs_volume_when_it_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    judges.require("grub-mkimage")
    disk = bios(tmp_path)
    result = install_boot(disk.path, 2, options=BootOptions(bios_loader=BiosLoader.GRUB))
    assert result.boot_code is not None
    assert result.boot_code.boot_sector == "grub"
    assert b"GRUB \0" in disk.part(1).read_bytes()[:512]
    monkeypatch.setattr("osdimage.imaging.boot.grub_chain.find_grub", lambda: None)
    with pytest.raises(OsdImageError, match="not installed"):
        install_boot(disk.path, 2, options=BootOptions(bios_loader=BiosLoader.GRUB))


def test_a_bios_starts_no_disk_of_4k_sectors(tmp_path: Path) -> None:
    layout = DiskLayout(
        Scheme.MBR,
        (spec(Role.PRIMARY, 400 * MIB, FileSystem.FAT32, active=True), spec(Role.PRIMARY, None, FileSystem.NTFS)),
    )
    make_disk(tmp_path / "disk.img", SIZE, layout, sector_size=4096)
    with pytest.raises(TargetRefused, match="4096 bytes"):
        install_boot(tmp_path / "disk.img", 2, sector_size=4096)


def test_a_logical_partition_of_windows_needs_a_primary_one(tmp_path: Path) -> None:
    layout = DiskLayout(
        Scheme.MBR,
        (
            spec(Role.PRIMARY, 100 * MIB, FileSystem.FAT32),
            spec(Role.EXTENDED, None, None),
            spec(Role.LOGICAL, None, FileSystem.NTFS),
        ),
    )
    disk = made(tmp_path, layout, 5, 1)
    with pytest.raises(InvalidRequest, match=r"no primary partition is active.*one of: 1$"):
        install_boot(disk.path, 5)
    with pytest.raises(InvalidRequest, match=r"a logical one.*: 1"):
        install_boot(disk.path, 5, 5)
    install_boot(disk.path, 5, 1)
    assert re.search(r"1 : .*bootable", run(["sfdisk", "--dump", disk.path]))


@pytest.mark.parametrize(("version", "elements"), [((6, 1), False), ((6, 2), True), ((6, 3), True), ((10, 0), True)])
def test_the_store_fits_the_generation_of_windows(tmp_path: Path, version: tuple[int, int], elements: bool) -> None:
    """Windows 7 knows no 16000060 and 250000c2 (BCD-SYS leaves them out for it)."""
    disk = uefi(tmp_path, version=version)
    install_boot(disk.path, 3)
    store = store_of(fat_contents(disk.part(1))["EFI/Microsoft/Boot/BCD"], tmp_path / "BCD")
    assert ("16000060" in default_entry(store), "250000c2" in default_entry(store)) == (elements, elements)


def test_a_windows_that_is_too_old_is_refused(tmp_path: Path) -> None:
    disk = uefi(tmp_path, version=(6, 0))
    with pytest.raises(InvalidInput, match=r"6\.0.*valid are 6\.1"):
        install_boot(disk.path, 3)


@pytest.mark.parametrize(
    ("locales", "wanted", "result"),
    [
        (("en-US",), None, "en-US"),
        (("de-DE",), None, "de-DE"),
        (("en-US", "sr-Latn-RS"), None, "sr-Latn-RS"),
        (("en-US", "de-DE"), "pt-BR", "pt-BR"),
    ],
)
def test_the_menu_speaks_the_language_of_windows(
    tmp_path: Path, locales: tuple[str, ...], wanted: str | None, result: str
) -> None:
    disk = uefi(tmp_path, locales=locales)
    found = install_boot(disk.path, 3, options=BootOptions(locale=wanted, description="My Windows", timeout_s=3))
    assert found.locale == result
    store = store_of(fat_contents(disk.part(1))["EFI/Microsoft/Boot/BCD"], tmp_path / "BCD")
    assert store[BOOTMGR]["12000005"] == default_entry(store)["12000005"] == result
    assert default_entry(store)["12000004"] == "My Windows"
    assert store[BOOTMGR]["25000004"] == (3).to_bytes(8, "little")
    with pytest.raises(InvalidRequest, match="no language"):
        install_boot(disk.path, 3, options=BootOptions(locale="..\\x"))
