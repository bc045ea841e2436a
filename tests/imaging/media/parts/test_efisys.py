"""What UEFI starts from a disc: volumes that are made, judged by others' programs, and the loader in one of theirs."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from cases import disc_loaders
from cases.media import boot_files, boot_image
from cases.windows_trees import FALLBACKS, MACHINES, body, pe
from judges import boot as boot_judges
from judges import fat as judges
from judges.disk import run
from osdimage.imaging.errors import InvalidInput
from osdimage.imaging.media.parts.efisys import LARGEST_EFISYS, loader_in, make_efisys
from runs.commands import osdimage

TIME_NS = 1_700_000_000_000_000_000


@pytest.mark.foreign
@pytest.mark.parametrize("size", [3000, 1_400_000, 2_900_001, 20_000_000])
def test_the_volume_is_one_for_others_and_holds_the_loader(size: int, tmp_path: Path) -> None:
    loader = pe(MACHINES["x64"]) + body("loader", size - 3000)
    data = make_efisys(loader, "x64", modified_ns=TIME_NS, name="x")
    (tmp_path / "efisys.bin").write_bytes(data)
    # FAT12, as Windows' own, and three directories with the root, and a file.
    assert judges.blkid(tmp_path / "efisys.bin")["VERSION"] == "FAT12"
    judges.fsck(tmp_path / "efisys.bin")
    judges.copy_out(tmp_path / "efisys.bin", tmp_path / "out")
    found = {str(each.relative_to(tmp_path / "out")): each for each in (tmp_path / "out").rglob("*") if each.is_file()}
    assert [each.upper() for each in found] == ["EFI/BOOT/BOOTX64.EFI"]
    (file,) = found.values()
    assert (file.read_bytes(), int(file.stat().st_mtime)) == (loader, TIME_NS // 10**9)
    # El Torito counts its sectors of 512 bytes in 16 bits.
    assert len(data) // 512 <= 0xFFFF


@pytest.mark.parametrize("architecture", FALLBACKS)
def test_the_name_is_that_of_the_processor_and_the_bytes_are_the_same_each_time(architecture: str) -> None:
    first, second = (make_efisys(b"MZ", architecture, modified_ns=TIME_NS, name="x") for _ in range(2))
    assert first == second
    assert loader_in(first, architecture) == b"MZ"


def test_a_loader_that_no_disc_can_start_is_refused() -> None:
    with pytest.raises(InvalidInput, match=r"^x: has 32\.0 MB; a disc starts by UEFI what has at most 31\.9 MB"):
        make_efisys(bytes(LARGEST_EFISYS), "x64", modified_ns=TIME_NS, name="x")


@pytest.mark.foreign
def test_the_loader_in_a_floppy_that_mtools_made_is_found(tmp_path: Path) -> None:
    volume = tmp_path / "efisys.bin"
    (tmp_path / "loader").write_bytes(pe(MACHINES["x64"]))
    run(["mformat", "-C", "-f", "1440", "-i", volume, "::"])
    run(["mmd", "-i", volume, "::/EFI", "::/EFI/BOOT"])
    run(["mcopy", "-i", volume, tmp_path / "loader", "::/EFI/BOOT/BOOTX64.EFI"])
    assert loader_in(volume.read_bytes(), "x64") == pe(MACHINES["x64"])
    assert loader_in(volume.read_bytes(), "arm64") is None


@pytest.mark.slow
@pytest.mark.foreign
def test_uefi_starts_a_disc_by_a_volume_that_was_made_of_the_loader(tmp_path: Path) -> None:
    files = boot_files(dvd=False) | {"Windows/Boot/EFI/bootmgfw.efi": disc_loaders.loader(tmp_path).read_bytes()}
    image = boot_image(tmp_path / "pe.wim", files)
    made = ("--generate-efisys", "--generate-sdi", "--firmware", "uefi")
    said = osdimage("media", "iso", tmp_path / "pe.iso", "--boot-image", image, *made).err
    assert said.count("is not known") == 2
    booted = boot_judges.boot_uefi_disc(tmp_path / "pe.iso", tmp_path / "variables.fd")
    assert booted.reached, booted.printed
    assert "EFISYS found it on udf\n" in booted.printed
    assert hashlib.sha256(image.read_bytes()).hexdigest() in booted.printed


@pytest.mark.parametrize("data", [b"", b"x" * 100, bytes(1 << 20), b"\xeb\x3c\x90" + bytes(5000)])
def test_in_what_is_no_volume_there_is_none(data: bytes) -> None:
    assert loader_in(data, "x64") is None
