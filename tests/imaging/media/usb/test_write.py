"""Sticks as they are written: read by programs of others, and started by the firmware of PCs."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from cases import boot as boot_cases
from cases import sticks
from cases import windows as windows_cases
from judges import boot as boot_judges
from judges import disk as disk_judges
from judges import fat as fat_judges
from judges import ntfs as ntfs_judges
from judges import wim as judges
from osdimage.imaging.disc import contents_of_file
from osdimage.imaging.disk.opened import open_disk
from osdimage.imaging.errors import StorageError, TooSmall
from osdimage.imaging.media.parts.medium import Medium, MediumFile
from osdimage.imaging.media.usb.layout import StickLayout
from osdimage.imaging.media.usb.plan import StickOptions, plan_stick
from osdimage.imaging.media.usb.splitting import fitted
from osdimage.imaging.media.usb.target import planned_stick
from osdimage.imaging.media.usb.write import write_stick
from osdimage.imaging.progress import ProgressEvent
from osdimage.imaging.units import MIB

ON_NTFS = ["osdimage/media.json", "sources/install.wim"]


def digests(what: Medium) -> dict[str, str]:
    return {each.path.lower(): hashlib.sha256(b"".join(each.contents.pieces())).hexdigest() for each in what.files}


def on_fat(volume: Path) -> dict[str, str]:
    """Return path and SHA-256 of every file, as dissect.fat reads them, which shows short names in upper case."""
    found = fat_judges.dissect(volume)[1]
    return {path.lower(): each.sha256 for path, each in found.items() if each.sha256 is not None}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("sticks")


@pytest.fixture(scope="module")
def whole() -> Medium:
    return sticks.medium(sticks.windows_files())


@pytest.fixture(scope="module")
def fat32(folder: Path, whole: Medium) -> Path:
    sticks.write(folder / "fat32.img", whole)
    return folder / "fat32.img"


@pytest.mark.foreign
def test_a_stick_has_one_active_partition_of_fat32_from_sector_2048_on(fat32: Path) -> None:
    table, (first,) = disk_judges.sfdisk(fat32)
    assert table["label"] == "dos"
    assert int(table["id"], 16) != 0
    assert (first.number, first.first, first.type_id, first.active) == (1, 2048, "0x0c", True)
    assert first.sectors == fat32.stat().st_size // 512 - 2048 == 300 * 2048


@pytest.mark.foreign
def test_fsck_and_mtools_find_a_whole_volume_and_every_file(fat32: Path, whole: Medium, folder: Path) -> None:
    volume = sticks.partition(fat32, 1)
    # It says something more of a volume that is marked dirty.
    fat_judges.fsck(volume)
    assert on_fat(volume) == digests(whole)
    assert fat_judges.blkid(volume)["LABEL"] == "SETUP"
    fat_judges.copy_out(volume, folder / "out")
    copied = folder / "out" / "sources" / "install.wim"
    assert hashlib.sha256(copied.read_bytes()).hexdigest() == digests(whole)["sources/install.wim"]
    assert copied.stat().st_mtime_ns == sticks.MODIFIED_NS


@pytest.mark.foreign
def test_with_a_second_volume_what_setup_applies_and_the_sequence_are_on_ntfs(folder: Path, whole: Medium) -> None:
    disk = folder / "two.img"
    sticks.write(disk, whole, StickLayout.FAT32_NTFS)
    _, rows = disk_judges.sfdisk(disk)
    assert [(each.type_id, each.active) for each in rows] == [("0x0c", True), ("0x07", False)]
    ntfs = sticks.partition(disk, 2)
    found = {path.strip("/"): sha1 for path, sha1 in ntfs_judges.contents(ntfs).items() if sha1 != "directory"}
    wanted = {each.path: each for each in whole.files if each.path in ON_NTFS}
    assert found == {
        path: hashlib.sha1(b"".join(each.contents.pieces()), usedforsecurity=False).hexdigest()
        for path, each in wanted.items()
    }
    ntfs_judges.ntfsfix(ntfs)
    assert not ntfs_judges.is_dirty(ntfs)
    rest = {path: digest for path, digest in digests(whole).items() if path not in wanted}
    volume = sticks.partition(disk, 1)
    fat_judges.fsck(volume)
    assert on_fat(volume) == rest


@pytest.mark.foreign
def test_a_gpt_has_an_efi_system_partition_with_what_the_firmware_reads_and_no_more(
    folder: Path, whole: Medium
) -> None:
    disk = folder / "gpt.img"
    sticks.write(disk, whole, StickLayout.GPT)
    table, rows = disk_judges.sfdisk(disk)
    assert table["label"] == "gpt"
    assert [each.type_id for each in rows] == [
        # UEFI 2.10, 5.3.3: the EFI system partition; Windows' basic data partition.
        "C12A7328-F81F-11D2-BA4B-00A0C93EC93B".lower(),
        "EBD0A0A2-B9E5-4433-87C0-68B6B72699C7".lower(),
    ]
    judges.run("sgdisk", "--verify", disk)
    assert set(on_fat(sticks.partition(disk, 1))) == {
        *("bootmgr", "boot/bcd", "boot/boot.sdi", "efi/boot/bootx64.efi", "sources/boot.wim")
    }
    found = ntfs_judges.ntfsls(sticks.partition(disk, 2))
    assert {"setup.exe", "sources", "osdimage", "empty.txt"} <= found


@pytest.mark.foreign
def test_the_bios_starts_a_stick(folder: Path) -> None:
    standin = boot_cases.standin(folder, 400_000)
    disk = folder / "bios.img"
    sticks.write(disk, sticks.medium(sticks.windows_files(bootmgr=standin.data)))
    booted = boot_judges.boot_bios(disk)
    assert booted.reached, booted.printed
    # The name that the volume has in front of its boot sector; see layout.py.
    assert standin.report(oem="MSWI") in booted.printed


@pytest.mark.foreign
@pytest.mark.slow
@pytest.mark.parametrize(
    ("layout", "bus"),
    [
        pytest.param(StickLayout.FAT32, "usb", id="fat32 on USB"),
        pytest.param(StickLayout.GPT, "usb", id="gpt on USB", marks=pytest.mark.matrix),
        pytest.param(StickLayout.FAT32_NTFS, "virtio", id="fat32+ntfs", marks=pytest.mark.matrix),
    ],
)
def test_uefi_starts_a_stick(folder: Path, tmp_path: Path, layout: StickLayout, bus: str) -> None:
    loader = windows_cases.grub_loader(folder / "loader.efi", sticks.GRUB, *sticks.GRUB_MODULES)
    sticks.write(tmp_path / "d", sticks.medium(sticks.windows_files(loader=loader)), layout)
    booted = boot_judges.boot_uefi(tmp_path / "d", tmp_path / "variables.fd", is_usb=bus == "usb")
    assert booted.reached, booted.printed
    digest = hashlib.sha256(b"".join(each for each in _boot_wim())).hexdigest()
    assert f"BOOTWIM {digest}" in booted.printed


def _boot_wim() -> list[bytes]:
    found = next(each for each in sticks.windows_files() if each.path == "sources/boot.wim")
    return list(found.contents.pieces())


def test_the_same_seed_makes_the_same_stick(folder: Path, fat32: Path, whole: Medium) -> None:
    sticks.write(folder / "again.img", whole)
    assert disk_judges.stored(folder / "again.img") == disk_judges.stored(fat32)
    sticks.write(folder / "other.img", whole, seed=2)
    assert disk_judges.stored(folder / "other.img") != disk_judges.stored(fat32)


def test_a_disk_that_is_there_is_used_whole_and_its_old_table_saved(tmp_path: Path, whole: Medium) -> None:
    disk = tmp_path / "d"
    sticks.write(disk, whole)
    with disk.open("r+b") as stream:
        stream.truncate(400 * MIB)
    report = sticks.write(disk, whole, StickLayout.FAT32, seed=3)
    assert report.saved is not None
    assert report.saved.exists()
    with open_disk(disk) as opened:
        (partition,) = opened.table.partitions
        assert opened.table.size_bytes(partition) == 399 * MIB


def test_what_does_not_fit_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    disk = tmp_path / "d"
    with disk.open("wb") as stream:
        stream.truncate(40 * MIB)
    large = sticks.medium(sticks.windows_files(sticks.file("large.bin", bytes(50 * MIB))))
    with pytest.raises(TooSmall, match="are needed"), planned_stick(disk, large, StickOptions()):
        pass
    assert not any(disk.read_bytes())


def test_a_write_that_is_stopped_leaves_no_image_and_no_whole_volume_on_a_disk(tmp_path: Path, whole: Medium) -> None:
    class Stopped(Exception):
        pass

    def stop(event: ProgressEvent) -> None:
        if event.percent > 30:
            raise Stopped

    with pytest.raises(Stopped), planned_stick(tmp_path / "new", whole, StickOptions()) as (plan, disk):
        write_stick(plan, disk, progress=stop)
    assert not (tmp_path / "new").exists()
    there = tmp_path / "there"
    with there.open("wb") as stream:
        stream.truncate(400 * MIB)
    with pytest.raises(Stopped) as caught, planned_stick(there, whole, StickOptions()) as (plan, disk):
        write_stick(plan, disk, progress=stop)
    assert any("is not complete, and does not start" in note for note in caught.value.__notes__)
    with open_disk(there) as disk:
        assert disk.volume(1).described == "a volume whose making was interrupted"


def test_a_medium_that_does_not_hold_what_was_written_to_it_is_found_out(
    tmp_path: Path, whole: Medium, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(offset: int, size: int) -> bytes:
        # Contents are read a MiB at a time, and tables less.
        return read(offset, size) if size < MIB else bytes(size)

    with planned_stick(tmp_path / "d", whole, StickOptions()) as (plan, disk):
        read = disk.target.read_at
        monkeypatch.setattr(disk.target, "read_at", broken)
        with pytest.raises(StorageError, match="does not hold what was written to it, from byte 0 on"):
            write_stick(plan, disk)


def test_holes_of_a_file_stay_holes_in_a_new_image_and_are_zeros_on_a_disk(tmp_path: Path) -> None:
    holed = tmp_path / "holed"
    with holed.open("wb") as stream:
        stream.write(b"begin")
        stream.seek(60 * MIB)
        stream.write(b"end")
    what = sticks.medium([MediumFile("holed.bin", contents_of_file(holed), 0, "made"), sticks.file("bootmgr", b"x")])
    # Reading it back tells of every byte.
    sticks.write(tmp_path / "new", what)
    assert (tmp_path / "new").stat().st_blocks * 512 < 8 * MIB
    used = tmp_path / "used"
    with used.open("wb") as stream:
        for _ in range(100):
            stream.write(b"\xaa" * MIB)
    sticks.write(used, what)


@pytest.mark.foreign
@pytest.mark.slow
@pytest.mark.matrix
def test_an_install_image_of_more_than_4_gib_is_on_a_stick_in_parts(tmp_path: Path) -> None:
    tree, wim = tmp_path / "tree", tmp_path / "install.wim"
    tree.mkdir()
    for number in range(5):
        with (tree / f"{number}.bin").open("wb") as stream:
            stream.write(bytes([number + 1]))
            stream.truncate(900 * MIB)
    judges.wimlib("capture", tree, wim, "Windows", "--compress=none")
    judges.run("fallocate", "--dig-holes", wim)
    assert wim.stat().st_size > 1 << 32
    what = sticks.medium([MediumFile("sources/install.wim", contents_of_file(wim), 0, "made")])
    with fitted(what, StickLayout.FAT32) as found:
        sticks.write(tmp_path / "d", found.medium)
    for name in ("install.swm", "install2.swm"):
        judges.run("mcopy", "-i", f"{tmp_path / 'd'}@@{MIB}", f"::/sources/{name}", tmp_path)
    judges.wimlib("verify", tmp_path / "install.swm", f"--ref={tmp_path}/install*.swm")


def test_a_stick_is_planned_without_a_file(whole: Medium) -> None:
    plan = plan_stick(whole)
    assert plan.size_bytes == 301 * MIB
    assert plan.starts == sticks.ALL_FIRMWARE
    assert plan.warnings == ()
