"""Boot catalogs: of every emulation, against xorriso's report, and ones that lie."""

from __future__ import annotations

from pathlib import Path

import pytest
from cases import iso
from judges import disc as judges
from osdimage.imaging.disc.eltorito import BootEntry, Emulation, Platform
from osdimage.imaging.disc.opened import open_disc

_NAMES = {"none": Emulation.NONE, "fd1.4": Emulation.FLOPPY_1440K, "hd": Emulation.HARD_DISK}
_NODE = iso.Node(children=[iso.Node(b"BOOT.IMG;1", b"boot" * 512)])


def entries_of(path: Path) -> tuple[tuple[BootEntry, ...], tuple[str, ...]]:
    with open_disc(path) as disc:
        return disc.boot_entries(), disc.notes


@pytest.mark.foreign
@pytest.mark.parametrize(
    ("size", "options"),
    [
        pytest.param(1440 << 10, (), id="floppy"),
        pytest.param(3 << 20, ("-hard-disk-boot",), id="hard disk"),
        pytest.param(2048, ("-no-emul-boot", "-boot-load-size", "4", "-boot-load-seg", "0x1000"), id="none"),
        pytest.param(2048, ("-no-emul-boot", "-no-boot"), id="not started"),
    ],
)
def test_each_emulation_is_what_xorriso_reports(tmp_path: Path, size: int, options: tuple[str, ...]) -> None:
    (tmp_path / "tree").mkdir()
    image = bytearray(size)
    # A table with one partition, as an image of a hard disk needs.
    image[446:462] = bytes.fromhex("80010100060f20000100000000080000")
    image[510:512] = b"\x55\xaa"
    (tmp_path / "tree/boot.img").write_bytes(image)
    disc = judges.make("genisoimage", tmp_path / "disc.iso", tmp_path / "tree", "-b", "boot.img", "-R", *options)
    (theirs,) = judges.boot_images(disc)
    ((ours,), notes) = entries_of(disc)
    assert notes == ()
    assert (ours.is_bootable, ours.sectors, ours.offset, ours.path) == (
        theirs.is_bootable, theirs.sectors, theirs.block * 2048, theirs.path
    )  # fmt: skip
    assert ours.emulation == _NAMES[theirs.emulation]
    assert ours.load_segment == (0x1000 if "-boot-load-seg" in options else 0)


def test_sections_and_what_extends_their_entries_are_told_apart(tmp_path: Path) -> None:
    # El Torito 1.0, figures 3 to 5.
    extension = b"\x44\x20".ljust(32, b"\0")
    catalog = iso.catalog_of(
        iso.boot_entry(0x88, 0, 4, 21),
        iso.section(0x90, 0xEF, 2),
        iso.boot_entry(0x88, 0x20, 2880, 21),
        extension,
        extension,
        iso.boot_entry(0, 0, 1, 99),
        iso.section(0x91, 0x42, 1),
        iso.boot_entry(0x88, 9, 1, 99),
        iso.section(0x91, 0, 1),
    )
    (tmp_path / "disc.iso").write_bytes(iso.build(_NODE, catalog=catalog).data)
    found, _ = entries_of(tmp_path / "disc.iso")
    assert [(each.platform, each.is_bootable, each.emulation, each.sectors, each.path) for each in found] == [
        (Platform.BIOS, True, 0, 4, "/BOOT.IMG"),
        (Platform.UEFI, True, 0, 2880, "/BOOT.IMG"),
        (Platform.UEFI, False, 0, 1, None),
        (0x42, True, 9, 1, None),
    ]


@pytest.mark.parametrize(
    ("catalog", "said"),
    [
        (iso.catalog_of(iso.boot_entry(0x88, 0, 4, 21), wrong=1), "has a wrong checksum"),
        (bytes(64), "does not begin with a validation entry"),
    ],
)
def test_a_damaged_catalog_is_told_and_the_files_are_read(tmp_path: Path, catalog: bytes, said: str) -> None:
    (tmp_path / "disc.iso").write_bytes(iso.build(_NODE, catalog=catalog).data)
    found, notes = entries_of(tmp_path / "disc.iso")
    assert found == ()
    assert [said in each for each in notes] == [True]


def test_a_catalog_beyond_the_end_is_told(tmp_path: Path) -> None:
    made = iso.build(_NODE, catalog=iso.catalog_of())
    made.data[17 * 2048 + 0x47 : 17 * 2048 + 0x4B] = b"\xff\xff\xff\x7f"
    (tmp_path / "disc.iso").write_bytes(made.data)
    assert "beyond the end of the disc" in entries_of(tmp_path / "disc.iso")[1][0]


def test_a_catalog_of_entries_without_end_stops(tmp_path: Path) -> None:
    sections = iso.section(0x90, 0, 0xFFFF) + iso.boot_entry(0x88, 0, 1, 1) * 2000
    catalog = iso.catalog_of(iso.boot_entry(0x88, 0, 1, 1), sections)
    (tmp_path / "disc.iso").write_bytes(iso.build(_NODE, catalog=catalog).data)
    # 16 blocks of 64, without the validation entry and the header of the section.
    assert len(entries_of(tmp_path / "disc.iso")[0]) == 1022
