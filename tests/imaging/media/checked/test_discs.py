"""Discs, with their boot catalog and what it leads to."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import pytest
from cases import started_media as cases
from cases import udf
from cases.pe import driver
from cases.udf import Node
from judges.disc import make, seven_zip
from judges.disk import run
from judges.signing import make_authority
from osdimage.imaging.boot.firmware import Firmware
from osdimage.imaging.disc import BytesContents, DiscSettings, NewFile, plan_disc, write_disc
from osdimage.imaging.errors import InvalidInput
from osdimage.imaging.media import MediumKind, SignedBy, VerifyOptions, verify_medium

BLOCK = 2048
BOTH = (Firmware.BIOS, Firmware.UEFI)
CATALOG = 26 * BLOCK


@pytest.fixture(scope="module")
def disc(tmp_path_factory: pytest.TempPathFactory, wim: bytes) -> Path:
    folder = tmp_path_factory.mktemp("disc")
    return cases.make_disc(folder / "sound.iso", cases.medium_files(wim, efisys=cases.efi_volume(folder)))


@pytest.mark.foreign
def test_a_sound_disc_starts_both_kinds_of_firmware(disc: Path) -> None:
    report = verify_medium(disc)
    assert (report.findings, report.firmware, report.architecture) == ((), BOTH, "x64")
    assert (report.kind, report.label) == (MediumKind.DISC, "MEDIUM")
    files = [each for each in seven_zip(disc, "udf").values() if not each.is_directory]
    assert (report.files, report.contents_bytes) == (len(files), sum(each.size for each in files))


# Where the fields are: El Torito 1.0, 2.1 to 2.4.
def _put(form: str, at: int, *values: int) -> Callable[[bytearray], None]:
    return lambda data: struct.pack_into(f"<{form}", data, at, *values)


def _efi_image(data: bytearray) -> int:
    (block,) = struct.unpack_from("<I", data, CATALOG + 96 + 8)
    return int(block) * BLOCK


def _no_volume(data: bytearray) -> None:
    data[_efi_image(data) : _efi_image(data) + 512] = bytes(512)


def _bios_image_of_zeros(data: bytearray) -> None:
    (block,) = struct.unpack_from("<I", data, CATALOG + 32 + 8)
    data[block * BLOCK : block * BLOCK + 4096] = bytes(4096)


def _no_program(data: bytearray) -> None:
    at = data.index(b"MZ", _efi_image(data))
    data[at : at + 2] = b"ZM"


@pytest.mark.foreign
@pytest.mark.parametrize(
    ("damage", "code", "left"),
    [
        pytest.param(_put("B", CATALOG, 2), "catalog-damaged", (), id="no validation entry"),
        pytest.param(_put("B", CATALOG + 32, 0), "catalog-not-bootable", (Firmware.UEFI,), id="not bootable"),
        pytest.param(_put("I", CATALOG + 40, 1 << 30), "catalog-beyond", (Firmware.UEFI,), id="image beyond the end"),
        pytest.param(_put("H", CATALOG + 38, 4), "boot-image-size", (Firmware.UEFI,), id="loaded in part"),
        pytest.param(_bios_image_of_zeros, "boot-image-empty", (Firmware.UEFI,), id="no code for a BIOS"),
        pytest.param(_no_volume, "boot-image-volume", (Firmware.BIOS,), id="no volume for UEFI"),
        pytest.param(_no_program, "boot-image-loader", (Firmware.BIOS,), id="no program for UEFI"),
    ],
)
def test_a_boot_catalog_that_starts_less_is_told(
    disc: Path, tmp_path: Path, damage: Callable[[bytearray], None], code: str, left: tuple[Firmware, ...]
) -> None:
    data = bytearray(disc.read_bytes())
    damage(data)
    (tmp_path / "bad.iso").write_bytes(data)
    report = verify_medium(tmp_path / "bad.iso")
    assert code in {each.code for each in report.findings if each.severity == "error"}
    assert report.firmware == left


@pytest.mark.foreign
def test_the_loader_in_the_image_for_uefi_bears_the_name_of_its_architecture(tmp_path: Path, wim: bytes) -> None:
    image = cases.efi_volume(tmp_path, "arm64", name="BOOTX64.EFI")
    disc = cases.make_disc(tmp_path / "named.iso", cases.medium_files(wim, efisys=image))
    report = verify_medium(disc, VerifyOptions(boot_only=True))
    assert [each.code for each in report.findings] == ["boot-image-loader"]
    assert report.firmware == (Firmware.BIOS,)


@pytest.mark.foreign
def test_loaders_of_two_generations_on_one_disc_are_told(tmp_path: Path, wim: bytes) -> None:
    signed = {}
    (tmp_path / "loader").write_bytes(driver(contents=b"loader"))
    for each in (SignedBy.CA_2011, SignedBy.CA_2023):
        (tmp_path / each).mkdir()
        authority = make_authority(tmp_path / each, each.called, ("code",))
        signed[each] = authority.sign(tmp_path / "loader", tmp_path / each / "signed").read_bytes()
    found = []
    for each, loader in signed.items():
        image = cases.efi_volume(tmp_path, loader=loader)
        files = cases.medium_files(wim, efisys=image) | {"efi/boot/bootx64.efi": signed[SignedBy.CA_2023]}
        report = verify_medium(cases.make_disc(tmp_path / f"{each}.iso", files), VerifyOptions(boot_only=True))
        found.append(([one.code for one in report.findings], report.signed))
    assert found == [(["signed-mixed"], SignedBy.UNKNOWN), ([], SignedBy.CA_2023)]


def test_a_disc_without_an_entry_for_its_loader_says_so(tmp_path: Path, wim: bytes) -> None:
    report = verify_medium(cases.make_disc(tmp_path / "bios.iso", cases.medium_files(wim), uefi=None))
    assert [(each.severity, each.code) for each in report.findings] == [("note", "no-catalog-entry")]
    assert report.firmware == (Firmware.BIOS,)


def test_a_disc_that_starts_nothing_is_wrong_where_it_is_to_start_something(tmp_path: Path, wim: bytes) -> None:
    bare, with_image = tmp_path / "data.iso", tmp_path / "boot.iso"
    cases.make_disc(bare, {"data": b"1"}, bios=None, uefi=None)
    cases.make_disc(with_image, {"sources/boot.wim": wim}, bios=None, uefi=None)
    found = [verify_medium(bare), verify_medium(bare, VerifyOptions(boot_only=True)), verify_medium(with_image)]
    assert [[(each.severity, each.code) for each in one.findings] for one in found] == [
        [("note", "starts-nothing")],
        [("error", "starts-nothing")],
        [("error", "starts-nothing")],
    ]


def test_a_disc_that_was_cut_off_says_which_files_are_lost(tmp_path: Path) -> None:
    disc = tmp_path / "cut.iso"
    files = {f"file-{number}": bytes([number + 1]) * 4096 for number in range(30)}
    write_disc(
        plan_disc([NewFile(name, BytesContents(data), 0) for name, data in files.items()], DiscSettings("CUT", 0)), disc
    )
    with disc.open("r+b") as file:
        file.truncate(disc.stat().st_size - 26 * 4096)
    report = verify_medium(disc)
    codes = [each.code for each in report.findings if each.severity == "error"]
    # 25 files and two blocks were behind the end: twenty are named, and the others counted.
    assert codes == ["disc-cut-off", *["file-unreadable"] * 21]
    assert "6 more files cannot be read" in report.findings[21].text


def test_a_directory_that_cannot_be_read_is_told_and_the_rest_was_looked_at(tmp_path: Path) -> None:
    made = udf.build(Node(children=[Node("dir", children=[Node("file", b"x")]), Node("before", b"y")]))
    made.data[made.entries["/dir"] + 60] ^= 1
    (tmp_path / "bad.udf").write_bytes(made.data)
    report = verify_medium(tmp_path / "bad.udf")
    codes = [each.code for each in report.findings if each.severity == "error"]
    assert codes == ["disc-damaged", "unreadable", "manifest-unread"]


@pytest.mark.foreign
def test_discs_of_others_have_no_faults(tmp_path: Path) -> None:
    (tmp_path / "tree" / "dir").mkdir(parents=True)
    (tmp_path / "tree" / "dir" / "file").write_bytes(b"x" * 5000)
    for options in (("-udf", "-allow-limited-size"), ("-J", "-R")):
        disc = make("genisoimage", tmp_path / "others.iso", tmp_path / "tree", *options)
        report = verify_medium(disc)
        assert [each.code for each in report.findings] == ["starts-nothing"]
        assert (report.files, report.contents_bytes, report.is_sound) == (1, 5000, True)


@pytest.mark.foreign
def test_a_disc_that_is_a_disk_too_is_a_disc_where_it_is_called_so(tmp_path: Path) -> None:
    disc = cases.make_disc(tmp_path / "hybrid.iso", {"data": b"1"}, bios=None, uefi=None)
    run(["sfdisk", "--quiet", disc], text_in="label: dos\n64,,83,*\n")
    report = verify_medium(disc)
    assert (report.kind, report.is_sound, report.files) == (MediumKind.DISC, True, 1)


@pytest.mark.parametrize(
    "contents", [b"", b"MSWIM\0\0\0" + bytes(4096), b"text" * 100_000], ids=["empty", "WIM", "text"]
)
def test_what_is_no_medium_is_refused(tmp_path: Path, contents: bytes) -> None:
    (tmp_path / "file").write_bytes(contents)
    with pytest.raises(InvalidInput):
        verify_medium(tmp_path / "file")
