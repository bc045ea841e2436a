"""What loaders are signed with: certificates with the names of Microsoft's, which are thrown away."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
from cases.media import boot_files, boot_image, medium_files
from cases.pe import driver
from cases.windows_trees import write_tree
from judges.signing import make_authority
from osdimage.imaging import ImageSelector
from osdimage.imaging.boot.firmware import Firmware
from osdimage.imaging.errors import InvalidInput
from osdimage.imaging.media import BootParts, PartsWish, PreparedImage, SignedBy, find_parts, open_source
from osdimage.imaging.media.parts.efisys import make_efisys
from osdimage.imaging.media.parts.prepared import prepared_boot_image
from osdimage.imaging.media.parts.signing import signed_by

pytestmark = pytest.mark.foreign
LOADER, EFISYS = "Windows/Boot/EFI/bootmgfw.efi", "Windows/Boot/DVD/EFI/en-US/efisys.bin"
MANAGER_2023 = "Windows/Boot/EFI_EX/bootmgr_EX.efi"
LOADER_2023, EFISYS_2023 = "Windows/Boot/EFI_EX/bootmgfw_EX.efi", "Windows/Boot/DVD_EX/EFI/en-US/efisys_EX.bin"


@dataclass(frozen=True)
class Signed:
    """Loaders that Microsoft's certificates are said to sign, and one that somebody else does."""

    old: bytes
    new: bytes
    other: bytes


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory) -> Signed:
    folder = tmp_path_factory.mktemp("signed")
    (folder / "loader").write_bytes(driver(contents=b"loader"))
    found = []
    for number, name in enumerate((SignedBy.CA_2011.called, SignedBy.CA_2023.called, "Somebody Else")):
        (folder / str(number)).mkdir()
        authority = make_authority(folder / str(number), name, ("code",))
        found.append(authority.sign(folder / "loader", folder / f"signed{number}").read_bytes())
    return Signed(*found)


def volume(loader: bytes) -> bytes:
    return make_efisys(loader, "x64", modified_ns=0, name="x")


def find(folder: Path, changed: dict[str, bytes], wish: PartsWish, medium: dict[str, bytes] | None = None) -> BootParts:
    """Find the parts of a medium whose boot image has other files."""
    wim = boot_image(folder / "boot.wim", boot_files(signed_2023=True) | changed)
    source = None if medium is None else open_source(write_tree(folder / "medium", medium))
    with prepared_boot_image(wim, ImageSelector()) as image:
        assert isinstance(image, PreparedImage)
        return find_parts(image, wish, source=source)


def origins(parts: BootParts) -> dict[str, str]:
    return {each.path.lower(): each.origin for each in parts.files}


def test_the_issuer_of_the_certificate_tells_the_generation(signed: Signed) -> None:
    assert [signed_by(each) for each in (signed.old, signed.new, signed.other)] == [
        SignedBy.CA_2011,
        SignedBy.CA_2023,
        SignedBy.UNKNOWN,
    ]
    # Nothing is known of what has no signature, was changed, or is no program.
    changed = signed.new.replace(b"loader", b"LOADER")
    assert {signed_by(each) for each in (driver(), changed, b"", signed.new[:200])} == {SignedBy.UNKNOWN}


def test_the_generation_of_the_medium_is_that_of_its_loader(signed: Signed, tmp_path: Path) -> None:
    parts = find(tmp_path, {LOADER: signed.old, EFISYS: volume(signed.old)}, PartsWish())
    assert (parts.signed, parts.warnings) == (SignedBy.CA_2011, ())


def test_loaders_of_two_generations_on_one_medium_are_told(signed: Signed, tmp_path: Path) -> None:
    parts = find(tmp_path, {LOADER: signed.new, EFISYS: volume(signed.old)}, PartsWish())
    assert parts.signed is SignedBy.CA_2023
    (warning,) = parts.warnings
    assert "efisys.bin: its loader is signed with Microsoft Windows Production PCA 2011, and that of the " in warning
    assert "medium with Windows UEFI CA 2023" in warning


def test_a_volume_of_the_same_generation_is_looked_for_in_the_next_place(signed: Signed, tmp_path: Path) -> None:
    medium = medium_files() | {"efi/Microsoft/boot/efisys.bin": volume(signed.old)}
    del medium["efi/boot/bootx64.efi"]
    parts = find(tmp_path, {LOADER: signed.new, EFISYS: volume(signed.new)}, PartsWish(), medium)
    assert parts.warnings == ()
    assert origins(parts)["efi/microsoft/boot/efisys.bin"].startswith(str(tmp_path / "boot.wim"))


def test_a_medium_of_the_newer_generation_keeps_its_loaders(signed: Signed, tmp_path: Path) -> None:
    medium = medium_files() | {
        "efi/boot/bootx64.efi": signed.new,
        "efi/Microsoft/boot/efisys.bin": volume(signed.new),
    }
    parts = find(tmp_path, {}, PartsWish(signed_2023=True), medium)
    assert parts.signed is SignedBy.CA_2023
    for path in ("efi/boot/bootx64.efi", "efi/microsoft/boot/efisys.bin"):
        assert origins(parts)[path].startswith(str(tmp_path / "medium"))


def test_what_is_named_as_of_the_newer_generation_and_is_not_is_refused(signed: Signed, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"no \\efi\\boot\\bootx64\.efi, which UEFI starts"):
        find(tmp_path, {LOADER_2023: signed.old}, PartsWish(signed_2023=True, firmware=frozenset({Firmware.UEFI})))


def test_what_microsoft_calls_newer_is_taken_whoever_signed_it(signed: Signed, tmp_path: Path) -> None:
    changed = {LOADER_2023: signed.new, EFISYS_2023: volume(signed.old), MANAGER_2023: signed.old}
    parts = find(tmp_path, changed, PartsWish(signed_2023=True), medium_files() | {"bootmgr.efi": signed.old})
    # Make2023BootableMedia.ps1 takes bootmgr_EX.efi though it is signed with the certificate of 2011.
    assert origins(parts)["bootmgr.efi"].endswith("bootmgr_EX.efi")
    assert origins(parts)["efi/microsoft/boot/efisys.bin"].endswith("efisys_EX.bin")
    (warning,) = parts.warnings
    assert "Secure Boot stops between them" in warning


def test_the_newer_generation_is_taken_whole(signed: Signed, tmp_path: Path) -> None:
    changed = {LOADER: signed.old, LOADER_2023: signed.new, EFISYS_2023: volume(signed.new)}
    parts = find(tmp_path, changed, PartsWish(signed_2023=True))
    assert parts.signed is SignedBy.CA_2023
    assert origins(parts)["efi/microsoft/boot/efisys.bin"].endswith("efisys_EX.bin")
