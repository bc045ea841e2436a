"""The programs of others that a folder takes: wimboot, and iPXE."""

from __future__ import annotations

from pathlib import Path

import pytest
from cases.netboot import WIMBOOT_TOLD as TOLD
from cases.netboot import wimboot_file
from cases.windows_trees import MACHINES, pe
from osdimage.imaging.errors import InvalidInput, StorageError
from osdimage.imaging.media.netboot import clients
from osdimage.imaging.media.netboot.clients import BIOS, UEFI_ARM64, UEFI_X64, find_ipxe, lacking_ipxe
from osdimage.imaging.media.netboot.wimboot import read_wimboot


@pytest.mark.parametrize(
    ("architecture", "name"),
    [pytest.param("x64", "wimboot", id="x64"), pytest.param("arm64", "wimboot.arm64", id="arm64")],
)
def test_wimboot_tells_its_version_and_its_processor(architecture: str, name: str, tmp_path: Path) -> None:
    found = read_wimboot(wimboot_file(tmp_path / "downloaded", architecture))
    assert (found.version, found.architecture, found.name) == ((2, 9, 0), architecture, name)
    assert not found.is_signed
    assert found.warnings == ()


@pytest.mark.parametrize(
    ("told", "warning"),
    [
        pytest.param(TOLD.replace(b"2.9.0", b"2.8.0"), "is wimboot 2.8.0; Windows 11 24H2 and later", id="older"),
        pytest.param(TOLD.replace(b"2.9.0", b"2.9.1-3-gabcdef"), None, id="between-two"),
        pytest.param(b"wimboot,1,iPXE", "does not tell its version", id="no-version"),
    ],
)
def test_a_wimboot_that_is_too_old_or_does_not_tell_is_warned_of(
    told: bytes, warning: str | None, tmp_path: Path
) -> None:
    found = read_wimboot(wimboot_file(tmp_path / "downloaded", told=told)).warnings
    assert [warning in each for each in found if warning] == ([] if warning is None else [True])


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        pytest.param(b"#!ipxe\n", "is no program", id="a-script"),
        pytest.param(pe(MACHINES["x64"]), "is not wimboot; valid is the file of that name", id="another-program"),
        pytest.param(pe(MACHINES["x86"]) + TOLD, "is for x86; valid are the files of wimboot for x64", id="x86"),
    ],
)
def test_what_is_no_wimboot_is_refused(data: bytes, fault: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(data)
    with pytest.raises(InvalidInput, match=fault):
        read_wimboot(tmp_path / "file")
    with pytest.raises(StorageError):
        read_wimboot(tmp_path / "none")


def test_ipxe_is_found_by_the_names_of_distributions(tmp_path: Path) -> None:
    (tmp_path / "x86_64").mkdir()
    (tmp_path / "x86_64" / "ipxe.efi").write_bytes(pe(MACHINES["x64"]))
    (tmp_path / "real").write_bytes(b"undionly")
    (tmp_path / "undionly.kpxe").symlink_to("real")
    bios, uefi = find_ipxe(BIOS, tmp_path), find_ipxe(UEFI_X64, tmp_path)
    assert bios is not None
    assert uefi is not None
    assert (bios.path.name, bios.client.loaded) == ("real", "undionly.kpxe")
    assert (uefi.path.name, uefi.client.loaded, uefi.is_signed) == ("ipxe.efi", "snponly.efi", False)
    assert find_ipxe(UEFI_ARM64, tmp_path) is None
    told = str(lacking_ipxe(UEFI_ARM64, tmp_path))
    assert told.startswith(
        f"{tmp_path}: has no snponly-arm64.efi, the iPXE that computers with UEFI for arm64 load first"
    )


def test_an_ipxe_for_another_processor_and_a_folder_that_is_none_are_refused(tmp_path: Path) -> None:
    (tmp_path / "snponly.efi").write_bytes(pe(MACHINES["arm64"]))
    with pytest.raises(InvalidInput, match="is for arm64, and UEFI for x64 loads one for x64"):
        find_ipxe(UEFI_X64, tmp_path)
    with pytest.raises(InvalidInput, match="is no folder"):
        find_ipxe(BIOS, tmp_path / "none")


def test_the_ipxe_of_this_system_is_found_where_it_is_installed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    there = [folder for folder in clients.IPXE_FOLDERS if (folder / "undionly.kpxe").is_file()]
    found = find_ipxe(BIOS)
    assert (found is not None) == bool(there)
    monkeypatch.setattr(clients, "IPXE_FOLDERS", (tmp_path,))
    assert find_ipxe(BIOS) is None
