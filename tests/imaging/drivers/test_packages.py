"""Packages of drivers below a folder: which INFs are some, and where their files are."""

from __future__ import annotations

from pathlib import Path

import pytest
from osdimage.imaging.drivers import Architecture, FolderFiles, TargetOs, packages_in
from osdimage.imaging.errors import InvalidInput, InvalidRequest

AMD64 = TargetOs.parse("10.0.22631", Architecture.AMD64)
INF = """[Version]
Signature = "$Windows NT$"
Class = SCSIAdapter
CatalogFile = disk.cat
DriverVer = 01/31/2025,1.0
[Manufacturer]
Contoso = M,NTamd64
[M.NTamd64]
Adapter = inst, PCI\\VEN_1234&DEV_0001
[inst]
CopyFiles = f
[f]
disk.sys
tool.exe
[SourceDisksNames]
1 = Disk,,,amd64
2 = Disk
[SourceDisksFiles]
Disk.sys = 1
tool.exe = 2
serial.sys = 2
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    storage = tmp_path / "Storage" / "w10"
    (storage / "AMD64").mkdir(parents=True)
    (storage / "Disk.INF").write_text(INF)
    (storage / "AMD64" / "DISK.SYS").write_bytes(b"driver")
    (storage / "tool.exe").mkdir()
    (tmp_path / "autorun.inf").write_text("[autorun]\nopen=setup.exe\n")
    (tmp_path / "a.inf").write_text(INF)
    (tmp_path / "a.inf.txt").write_text(INF)
    (tmp_path / "link.inf").symlink_to("a.inf")
    return tmp_path


def test_each_driver_below_a_folder_is_a_package(folder: Path) -> None:
    found = packages_in(FolderFiles(folder))
    assert [(each.path, each.folder, each.name) for each in found] == [
        ("a.inf", "", "a.inf"),
        ("Storage/w10/Disk.INF", "Storage/w10", "Disk.INF"),
    ]
    assert [each.path for each in packages_in(FolderFiles(folder), "storage")] == ["storage/w10/Disk.INF"]


def test_files_are_found_in_any_case_and_missing_ones_told(folder: Path) -> None:
    plain, package = packages_in(FolderFiles(folder))
    assert package.read("amd64/disk.sys") == b"driver"
    # A folder of the name of a file is none; serial.sys, which nothing copies, may be of Windows.
    assert [each.path for each in package.missing(AMD64)] == ["tool.exe"]
    assert [each.path for each in plain.missing(AMD64)] == ["amd64/Disk.sys", "tool.exe"]


def test_one_inf_can_be_named(folder: Path) -> None:
    (package,) = packages_in(FolderFiles(folder), "storage/W10/disk.inf")
    assert package.read("AMD64/disk.sys") == b"driver"
    with pytest.raises(InvalidInput, match=r"autorun\.inf: is no INF of a driver; one says Signature="):
        packages_in(FolderFiles(folder), "autorun.inf")
    with pytest.raises(InvalidRequest, match="there is no 'none'"):
        packages_in(FolderFiles(folder), "none")


def test_an_inf_that_cannot_be_read_is_told_or_ends_the_search(folder: Path) -> None:
    (folder / "broken.inf").write_text("[Version]\n[Manufacturer\n")
    with pytest.raises(InvalidInput, match=r"broken\.inf: line 2: the section '\[Manufacturer' has no '\]'"):
        packages_in(FolderFiles(folder))
    told: list[tuple[str, str]] = []
    found = packages_in(FolderFiles(folder), on_fault=lambda path, error: told.append((path, str(error))))
    assert [each.path for each in found] == ["a.inf", "Storage/w10/Disk.INF"]
    assert [path for path, _ in told] == ["broken.inf"]


def test_the_code_page_is_passed_on(tmp_path: Path) -> None:
    (tmp_path / "x.inf").write_bytes(INF.replace("Contoso", "Контосо").encode("cp1251"))
    (package,) = packages_in(FolderFiles(tmp_path), codepage="cp1251")
    assert {each.manufacturer for each in package.inf.all_models()} == {"Контосо"}
