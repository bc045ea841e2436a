"""A disc that is made of another one: its files, their order, and what starts from it."""

from __future__ import annotations

import hashlib
import random
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from judges import disc as judges
from judges.wim import run
from osdimage.imaging.boot.firmware import Firmware
from osdimage.imaging.disc import (
    BytesContents,
    DiscSettings,
    NewFile,
    NewFolder,
    contents_of_file,
    open_disc,
    plan_disc,
    write_disc,
)
from osdimage.imaging.errors import InvalidInput, OsdImageError
from osdimage.imaging.media import (
    IsoOptions,
    Medium,
    MediumChanges,
    OldDisc,
    PlacedSource,
    changed_files,
    plan_iso,
    read_old_disc,
    write_iso,
)

TIME_NS = 1_580_702_706_000_000_000
OPTIONS = IsoOptions(TIME_NS, "0123456789abcdef")
ETFSBOOT = random.Random(1).randbytes(4096)
# In an order that no rule of ours would give them.
DATA = {
    "z.txt": b"first",
    "sources/install.wim": random.Random(2).randbytes(50_000),
    "boot/etfsboot.com": ETFSBOOT,
    "a.txt": b"last",
}


def efisys(folder: Path) -> Path:
    """Make a FAT volume as UEFI starts it."""
    volume = folder / "efisys.bin"
    run("mformat", "-C", "-i", volume, "-v", "EFISYS", "-f", "1440", "::")
    return volume


def old_disc(path: Path, data: dict[str, bytes] = DATA, **settings: object) -> Path:
    files = [NewFile(name, BytesContents(each), TIME_NS, rank) for rank, (name, each) in enumerate(data.items())]
    facts = DiscSettings("CCCOMA_X64FRE_DE-DE_DV9", TIME_NS, bios_image="boot/etfsboot.com")
    folders = [NewFolder("void/deep", TIME_NS - 10**9), NewFolder("sources", TIME_NS - 2 * 10**9)]
    write_disc(plan_disc(files, replace(facts, **settings), folders=folders), path)  # type: ignore[arg-type]
    return path


def remastered(old: OldDisc, path: Path, changes: MediumChanges) -> Path:
    files = changed_files(old.files, changes)
    options = replace(OPTIONS, order=old.order)
    write_iso(plan_iso(Medium(old.label, files, old.boot), options, folders=old.folders_of(files)), path)
    return path


def in_order(path: Path) -> list[str]:
    with open_disc(path) as disc:
        found = {each.path: disc.extents(each)[0].offset or 0 for each in disc.walk() if not each.is_directory}
    return sorted(found, key=found.__getitem__)


@pytest.mark.foreign
def test_label_order_times_and_boot_image_stay(tmp_path: Path) -> None:
    (tmp_path / "new").write_bytes(b"new contents")
    (tmp_path / "more").write_bytes(b"more")
    changes = MediumChanges(
        removed=("z.txt",),
        replaced=(PlacedSource(tmp_path / "new", "SOURCES/install.WIM"),),
        added=(PlacedSource(tmp_path / "more", "0.txt"),),
    )
    old = read_old_disc(old_disc(tmp_path / "old.iso"))
    new = remastered(old, tmp_path / "new.iso", changes)
    assert in_order(new) == ["/sources/install.wim", "/boot/etfsboot.com", "/a.txt", "/0.txt"]
    assert judges.seven_zip_hashes(new, "udf", tmp_path / "out") == {
        "/sources/install.wim": hashlib.sha256(b"new contents").hexdigest(),
        "/boot/etfsboot.com": hashlib.sha256(ETFSBOOT).hexdigest(),
        "/a.txt": hashlib.sha256(b"last").hexdigest(),
        "/0.txt": hashlib.sha256(b"more").hexdigest(),
    }
    listed = judges.seven_zip(new, "udf")
    assert (listed["/void/deep"].modified_ns, listed["/sources"].modified_ns) == (TIME_NS - 10**9, TIME_NS - 2 * 10**9)
    assert listed["/a.txt"].modified_ns == TIME_NS
    assert [(each.platform, each.sectors) for each in judges.boot_images(new)] == [("BIOS", 8)]
    with open_disc(new) as disc:
        assert disc.label == "CCCOMA_X64FRE_DE-DE_DV9"
    assert old.warnings == ()


def test_what_two_files_of_the_old_disc_share_is_on_the_new_one_once(tmp_path: Path) -> None:
    (tmp_path / "font").write_bytes(random.Random(4).randbytes(300_000))
    shared = [NewFile(path, contents_of_file(tmp_path / "font"), TIME_NS) for path in ("boot/font", "efi/font")]
    write_disc(plan_disc(shared, DiscSettings("OLD", TIME_NS)), tmp_path / "old.iso")
    new = remastered(read_old_disc(tmp_path / "old.iso"), tmp_path / "new.iso", MediumChanges())
    assert new.stat().st_size == (tmp_path / "old.iso").stat().st_size
    assert new.read_bytes().count((tmp_path / "font").read_bytes()) == 1


def test_contents_stay_where_they_are_until_the_disc_is_written(tmp_path: Path) -> None:
    old = read_old_disc(old_disc(tmp_path / "old.iso"))
    assert {each.contents.path for each in old.files} == {tmp_path / "old.iso"}  # type: ignore[union-attr]
    assert old.order == tuple(DATA)


def test_folders_that_are_emptied_go_and_those_that_were_empty_stay(tmp_path: Path) -> None:
    old = read_old_disc(old_disc(tmp_path / "old.iso"))
    files = changed_files(old.files, MediumChanges(removed=("sources",)))
    assert [each.path for each in old.folders_of(files)] == ["boot", "void", "void/deep"]


# Microsoft's own discs start UEFI from an image that is no file; xorriso makes such ones, too.
@pytest.mark.foreign
def test_what_uefi_starts_becomes_a_file_when_it_was_none(tmp_path: Path) -> None:
    old = foreign_disc(tmp_path, {})
    read = read_old_disc(old)
    assert read.boot is not None
    assert read.boot.firmware == frozenset(Firmware)
    assert (read.boot.bios_image, read.boot.uefi_image) == ("boot/etfsboot.com", "efi/microsoft/boot/efisys.bin")
    assert read.warnings == (f"{old}: what UEFI starts was no file; it is one now, efi/microsoft/boot/efisys.bin",)
    new = remastered(read, tmp_path / "new.iso", MediumChanges())
    volume = (tmp_path / "efisys.bin").read_bytes()
    bios, uefi = judges.boot_images(new)
    assert (bios.platform, uefi.platform, uefi.sectors) == ("BIOS", "UEFI", len(volume) // 512)
    assert new.read_bytes()[uefi.block * 2048 :][: len(volume)] == volume


@pytest.mark.foreign
def test_a_file_with_the_same_contents_is_what_uefi_starts(tmp_path: Path) -> None:
    name = "efi/microsoft/boot/efisys_noprompt.bin"
    other = {"efi/microsoft/boot/efisys.bin": b"another", name: efisys(tmp_path).read_bytes()}
    read = read_old_disc(foreign_disc(tmp_path, other))
    assert read.boot is not None
    assert read.boot.uefi_image == name
    assert read.warnings == ()


@pytest.mark.foreign
def test_what_uefi_starts_does_not_take_the_place_of_another_file(tmp_path: Path) -> None:
    read = read_old_disc(foreign_disc(tmp_path, {"efi/microsoft/boot/efisys.bin": b"another"}))
    assert read.boot is not None
    assert read.boot.uefi_image == "efi/microsoft/boot/started.bin"


def foreign_disc(folder: Path, data: dict[str, bytes]) -> Path:
    """Make a disc with xorriso, which starts UEFI from what is no file."""
    volume = efisys(folder) if not (folder / "efisys.bin").exists() else folder / "efisys.bin"
    for path, each in {"boot/etfsboot.com": ETFSBOOT, **data}.items():
        file = folder / "tree" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(each)
    bios = ("-b", "boot/etfsboot.com", "-no-emul-boot", "-boot-load-size", "8")
    uefi = ("-eltorito-alt-boot", "-e", "--interval:appended_partition_2:all::", "-no-emul-boot")
    options = ("-V", "OLD", *bios, *uefi, "-append_partition", "2", "0xef", volume, "-appended_part_as_gpt")
    return judges.make("xorriso", folder / "foreign.iso", folder / "tree", *options)


# genisoimage -o disc.iso -b boot.img tree: emulates a floppy
@pytest.mark.foreign
def test_a_disc_that_starts_a_floppy_is_refused(tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "boot.img").write_bytes(bytes(1_474_560))
    old = judges.make("genisoimage", tmp_path / "floppy.iso", tmp_path / "tree", "-b", "boot.img")
    with pytest.raises(InvalidInput, match="valid is what Windows media have, an image without emulation"):
        read_old_disc(old)


# genisoimage -o disc.iso -b isolinux.bin -no-emul-boot -boot-load-size 4 tree: as discs of Linux are made
@pytest.mark.foreign
def test_a_disc_that_starts_a_larger_image_is_refused(tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "isolinux.bin").write_bytes(bytes(24_576))
    options = ("-b", "isolinux.bin", "-no-emul-boot", "-boot-load-size", "4")
    old = judges.make("genisoimage", tmp_path / "linux.iso", tmp_path / "tree", *options)
    with pytest.raises(InvalidInput, match=r"a BIOS starts 'ISOLINUX.BIN' of 24,576 bytes; valid is .* one of 4,096"):
        read_old_disc(old)


def test_a_disc_that_starts_nothing_makes_one_that_starts_nothing(tmp_path: Path) -> None:
    old = read_old_disc(old_disc(tmp_path / "old.iso", {"a": b"1"}, bios_image=None))
    assert old.boot is None
    with open_disc(remastered(old, tmp_path / "new.iso", MediumChanges())) as disc:
        assert disc.boot_entries() == ()


def test_the_manifest_of_a_task_sequence_is_said_to_be_of_the_old_disc(tmp_path: Path) -> None:
    old = read_old_disc(old_disc(tmp_path / "old.iso", {"osdimage/media.json": b"{}"}, bios_image=None))
    assert "osdimage/media.json, which tells of the files as they were" in old.warnings[0]


def of_a_large_file(folder: Path) -> tuple[Path, Path]:
    """Return a file of 5 GB that is nearly all holes, and a disc that is made of a disc with it."""
    large = folder / "install.wim"
    with large.open("wb") as file:
        file.truncate(5_000_000_007)
        file.seek(4_999_999_000)
        file.write(b"near the end")
    plan = plan_disc([NewFile("sources/install.wim", contents_of_file(large), TIME_NS)], DiscSettings("A", TIME_NS))
    write_disc(plan, folder / "old.iso")
    return large, remastered(read_old_disc(folder / "old.iso"), folder / "new.iso", MediumChanges())


@pytest.mark.foreign
def test_a_file_of_4_gib_is_taken_with_its_holes(tmp_path: Path) -> None:
    _, new = of_a_large_file(tmp_path)
    assert new.stat().st_blocks * 512 < 64 << 20
    assert judges.seven_zip(new, "udf")["/sources/install.wim"].size == 5_000_000_007
    with open_disc(new) as disc, new.open("rb") as file:
        found = disc.find("sources/install.wim")
        assert found is not None
        (extent,) = disc.extents(found)
        assert extent.offset is not None
        file.seek(extent.offset + 4_999_999_000)
        assert file.read(20) == b"near the end" + bytes(8)


@pytest.mark.foreign
@pytest.mark.matrix
@pytest.mark.slow
def test_another_reader_finds_all_of_a_file_of_4_gib_that_was_taken(tmp_path: Path) -> None:
    large, new = of_a_large_file(tmp_path)
    assert judges.is_same_to_grub(new, "/sources/install.wim", large)


@pytest.mark.foreign
def test_damage_anywhere_is_refused_or_does_no_harm(tmp_path: Path) -> None:
    sound = foreign_disc(tmp_path, {}).read_bytes()
    generator = random.Random("damage")
    # What describes a disc of xorriso: volume descriptors, catalog, records, and the begin of the FAT volume.
    described = [*range(0x8000, 0xC000), *range(0x8000, 90_000, 7)]
    for _ in range(60):
        data = bytearray(sound)
        for place in generator.sample(described, 6):
            data[place] = generator.choice([0, 0xFF, data[place] ^ 1 << generator.randrange(8)])
        (tmp_path / "damaged.iso").write_bytes(data)
        with suppress(OsdImageError):
            old = read_old_disc(tmp_path / "damaged.iso")
            remastered(old, tmp_path / "new.iso", MediumChanges())
        (tmp_path / "new.iso").unlink(missing_ok=True)
