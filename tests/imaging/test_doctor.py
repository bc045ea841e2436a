from __future__ import annotations

import importlib
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from dataclasses import replace
from importlib import metadata
from pathlib import Path

import pytest
from osdimage.imaging import doctor
from osdimage.imaging.distribution import Distribution, Family
from osdimage.imaging.doctor import Component, Remark, Severity
from osdimage.imaging.programs import BundledPart
from osdimage.imaging.version import VERSION

BOOKWORM = Distribution(name="Debian GNU/Linux 12 (bookworm)", family=Family.DEBIAN, codename="bookworm")
TRIXIE = Distribution(name="Debian GNU/Linux 13 (trixie)", family=Family.DEBIAN, codename="trixie")
FORKY = Distribution(name="Debian GNU/Linux forky/sid", family=Family.DEBIAN, codename="forky")
ARCH = Distribution(name="Arch Linux", family=Family.ARCH, codename=None)
FEDORA = Distribution(name="Fedora Linux 41", family=Family.FEDORA, codename=None)

# What the programs print, from the packages of Debian 12.
# $ mkntfs --version; sgdisk --version; 7zz; mkfs.vfat /dev/null/volume
MKNTFS = "\nmkntfs v2022.10.3 (libntfs-3g)\n\nCreate an NTFS volume on a user specified (block) device.\n"
SGDISK = "GPT fdisk (sgdisk) version 1.0.9\n\n"
SEVEN_ZIP = "\n7-Zip (z) 26.02 (x64) : Copyright (c) 1999-2026 Igor Pavlov : 2026-06-25\n"
MKFS_VFAT = "mkfs.fat 4.2 (2021-01-31)\nmkfs.vfat: unable to open /dev/null/volume: Not a directory\n"


class Programs:
    """A folder that is the whole PATH, with programs that a test writes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def add(self, name: str, script: str) -> None:
        path = self.folder / name
        path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        path.chmod(0o755)

    def add_printing(self, name: str, output: str, *, exit_code: int = 0) -> None:
        (self.folder / f"{name}.output").write_text(output, encoding="utf-8")
        self.add(name, f'while IFS= read -r line; do echo "$line"; done <"$0.output"; exit {exit_code}')

    def add_packages(self, version: str, *, folder: str = "/lib") -> None:
        """Add a dpkg-query that knows the files of the library in one folder, as that of Debian 12 does.

        $ dpkg-query -S /lib/x86_64-linux-gnu/libntfs-3g.so.89.0.0; dpkg-query -W -f '${Version}\\n' libntfs-3g89:amd64
        """
        self.add(
            "dpkg-query",
            f'case $1 in -S) case $2 in {folder}/*) echo "libntfs-3g89:amd64: $2" ;; *) exit 1 ;; esac ;;\n'
            f'*) test "$4" = libntfs-3g89:amd64 && echo "{version}" ;; esac',
        )

    def link(self, name: str) -> None:
        real = shutil.which(name, path=os.defpath)
        if real is None:
            pytest.skip(f"{name} is not here")
        (self.folder / name).symlink_to(real)


@pytest.fixture(autouse=True)
def nothing_bundled(monkeypatch: pytest.MonkeyPatch) -> list[BundledPart]:
    """Make it an installation that uses the system's libraries and programs, whichever it is."""
    parts: list[BundledPart] = []
    monkeypatch.setattr("osdimage.imaging.programs.bundled_parts", lambda: tuple(parts))
    monkeypatch.setattr(doctor, "bundled_parts", lambda: tuple(parts))
    monkeypatch.setattr("osdimage.imaging.programs.bundled_program", lambda _: None)
    return parts


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Programs:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("osdimage.imaging.programs.SYSTEM_FOLDERS", ())
    return Programs(tmp_path)


def component(name: str, distribution: Distribution = BOOKWORM) -> Component:
    (found,) = [one for one in doctor.examine(distribution).components if one.name == name]
    return found


def test_the_machine_that_runs_the_tests_is_complete() -> None:
    report = doctor.examine()
    assert report.missing == ()
    versions = {one.name: one.version for one in report.components}
    assert versions["Python"] == ".".join(str(number) for number in sys.version_info[:3])
    assert versions["click"] == metadata.version("click")
    assert versions["libwim"] is not None
    assert versions["libntfs-3g"] is not None


@pytest.mark.parametrize(
    ("name", "output", "exit_code", "version"),
    [
        ("mkntfs", MKNTFS, 0, "2022.10.3"),
        ("sgdisk", SGDISK, 0, "1.0.9"),
        ("7zz", SEVEN_ZIP, 0, "26.02"),
        ("mkfs.vfat", MKFS_VFAT, 1, "4.2"),
        ("qemu-img", "qemu-img version 7.2.22 (Debian 1:7.2+dfsg-7+deb12u18+b3)\n", 0, "7.2.22"),
        (
            "qemu-system-x86_64",
            "QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7+deb12u18+b3)\nCopyright (c) 2003-2022 Fabrice Bellard\n",
            0,
            "7.2.22",
        ),
        ("sfdisk", "sfdisk from util-linux 2.38.1\n", 0, "2.38.1"),
        ("wimlib-imagex", "wimlib-imagex 1.13.5 (using wimlib 1.13.5)\n", 0, "1.13.5"),
    ],
)
def test_version_is_read_from_what_a_program_prints(
    programs: Programs, name: str, output: str, exit_code: int, version: str
) -> None:
    programs.add_printing(name, output, exit_code=exit_code)
    found = component(name)
    assert (found.present, found.version, found.install, found.remarks) == (True, version, None, ())


@pytest.mark.usefixtures("programs")
def test_a_missing_program_names_the_command_of_the_distribution() -> None:
    assert component("mkntfs", BOOKWORM).install == "sudo apt-get install ntfs-3g"
    assert component("mkntfs", FEDORA).install == "sudo dnf install ntfsprogs"
    assert component("sgdisk", ARCH).install == "sudo pacman -S gptfdisk"
    assert not component("mkntfs").present
    assert not component("mkntfs").required


@pytest.mark.parametrize("name", ["grub-mkimage", "grub2-mkimage"])
def test_grub_is_there_when_its_modules_for_a_bios_are(
    programs: Programs, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    # $ grub-mkimage --version; Fedora calls it grub2-mkimage
    programs.add_printing(name, f"{name} (GRUB) 2.06-13+deb12u2\n")
    module = tmp_path / "ntldr.mod"
    monkeypatch.setattr(
        doctor,
        "_PROGRAMS",
        tuple(replace(each, file=str(module)) if each.file is not None else each for each in doctor._PROGRAMS),
    )
    assert not component("grub-mkimage").present
    assert component("grub-mkimage").install == "sudo apt-get install grub-common grub-pc-bin"
    module.touch()
    found = component("grub-mkimage")
    assert (found.present, found.version, found.install) == (True, "2.06", None)


def test_a_program_that_hangs_or_cannot_be_run_is_there_without_a_version(
    programs: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "TIMEOUT_S", 0.2)
    programs.add("qemu-img", "while :; do :; done")
    (programs.folder / "sfdisk").write_bytes(b"\x7fELF is not enough")
    (programs.folder / "sfdisk").chmod(0o755)
    programs.add("sgdisk", "echo; printf '\\377\\376'")
    for name in ("qemu-img", "sfdisk", "sgdisk"):
        found = component(name)
        assert (found.present, found.version) == (True, None)
        assert [remark.severity for remark in found.remarks] == [Severity.WARNING]


def test_programs_are_found_in_the_system_folders_too(
    programs: Programs, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    programs.add_printing("mkntfs", MKNTFS)
    monkeypatch.setattr("osdimage.imaging.programs.SYSTEM_FOLDERS", (str(tmp_path),))
    monkeypatch.setenv("PATH", "/nowhere")
    assert component("mkntfs").version == "2022.10.3"


def test_an_extension_module_that_does_not_load_is_a_fact(programs: Programs, monkeypatch: pytest.MonkeyPatch) -> None:
    del programs
    monkeypatch.setitem(sys.modules, "osdimage.native", None)
    monkeypatch.setitem(sys.modules, "osdimage.native.runtime", None)
    report = doctor.examine(FEDORA)
    assert report.missing == ("libwim", "NTFS support of libwim", "libntfs-3g")
    libwim = component("libwim", FEDORA)
    assert libwim.install == "sudo dnf install wimlib"
    assert "cannot be used" in libwim.remarks[0].text
    assert component("libntfs-3g", FEDORA).install == "sudo dnf install ntfs-3g-libs"


def test_a_libwim_without_libntfs_is_not_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    from osdimage.native import runtime  # noqa: PLC0415 - only this test touches it

    monkeypatch.setattr(runtime, "has_ntfs_support", lambda: False)
    assert doctor.examine(BOOKWORM).missing == ("NTFS support of libwim",)
    assert component("NTFS support of libwim").remarks == (
        Remark(Severity.WARNING, "this libwim was built without libntfs-3g"),
    )


@pytest.mark.parametrize(("version", "noted"), [((1, 13, 6), True), ((1, 14, 1), True), ((1, 14, 2), False)])
def test_a_libwim_whose_files_windows_refuses_is_noted(
    version: tuple[int, int, int], noted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    from osdimage.native import runtime  # noqa: PLC0415 - only this test touches it

    monkeypatch.setattr(runtime, "version", lambda: runtime.Version(*version))
    remarks = component("libwim").remarks
    assert [remark.severity for remark in remarks] == ([Severity.NOTE] if noted else [])


def test_a_missing_module_names_the_pip_command(monkeypatch: pytest.MonkeyPatch) -> None:
    real = metadata.version

    def version(name: str) -> str:
        if name == "pyfatfs":
            raise metadata.PackageNotFoundError(name)
        return real(name)

    monkeypatch.setattr(metadata, "version", version)
    assert doctor.examine(BOOKWORM).missing == ("pyfatfs",)
    assert component("pyfatfs").install == "pip install pyfatfs"


@pytest.fixture
def without_metadata(monkeypatch: pytest.MonkeyPatch) -> None:
    def version(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", version)


# $ dpkg --listfiles python3-cffi-backend | grep -c info
# 0
@pytest.mark.usefixtures("without_metadata")
def test_the_part_of_cffi_that_runs_is_enough() -> None:
    found = component("cffi")
    assert found.present
    assert found.version == importlib.import_module("_cffi_backend").__version__


@pytest.mark.usefixtures("without_metadata")
def test_modules_of_the_python_of_the_distribution_are_packages_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "EXTERNALLY-MANAGED").touch()
    monkeypatch.setattr(sys, "prefix", sys.base_prefix)
    monkeypatch.setattr(sysconfig, "get_path", lambda _: str(tmp_path))
    assert component("PyYAML").install == "sudo apt-get install python3-yaml"
    assert component("PyYAML", FEDORA).install == "sudo dnf install python3-pyyaml"
    assert component("pyfatfs").install == "pip install pyfatfs"


# $ dpkg --compare-versions A lt B, with dpkg 1.21.22; the first version without each hole is in
# /usr/share/doc/libntfs-3g89/changelog.Debian.gz.
@pytest.mark.parametrize(
    ("version", "named", "not_named"),
    [
        ("1:2022.10.3-1", ["CVE-2023-52890", "CVE-2026-40706", "CVE-2026-42617"], ["CVE-2022-40284"]),
        ("1:2022.10.3-1+b1", ["CVE-2023-52890", "CVE-2026-40706", "CVE-2026-42617"], ["CVE-2022-40284"]),
        ("1:2022.10.3-1+deb12u2", ["CVE-2026-40706", "CVE-2026-56136"], ["CVE-2023-52890"]),
        ("1:2022.10.3-1+deb12u3", ["CVE-2026-42617", "CVE-2026-46572"], ["CVE-2026-40706"]),
        ("1:2022.10.3-1~bpo11+1", ["CVE-2022-40284"], []),
    ],
)
def test_holes_of_debian_12_that_are_open_are_named(
    programs: Programs, version: str, named: list[str], not_named: list[str]
) -> None:
    programs.link("dpkg")
    programs.add_packages(version)
    found = component("libntfs-3g")
    assert found.version == version
    (remark,) = found.remarks
    assert remark.severity is Severity.WARNING
    assert all(name in remark.text for name in named)
    assert not any(name in remark.text for name in not_named)


# Likewise, of libntfs-3g89t64.
@pytest.mark.parametrize(
    ("version", "named", "not_named"),
    [
        ("1:2022.10.3-5", ["CVE-2026-40706", "CVE-2026-42617", "2026-09"], ["CVE-2023-52890"]),
        ("1:2022.10.3-5+deb13u2", ["2026-09"], ["CVE-2026-40706", "CVE-2026-42617"]),
    ],
)
def test_holes_of_debian_13_that_are_open_are_named(
    programs: Programs, version: str, named: list[str], not_named: list[str]
) -> None:
    programs.link("dpkg")
    programs.add_packages(version)
    (remark,) = component("libntfs-3g", TRIXIE).remarks
    assert all(name in remark.text for name in named)
    assert not any(name in remark.text for name in not_named)


def test_a_mended_libntfs_of_debian_13_has_no_remark(programs: Programs) -> None:
    programs.link("dpkg")
    programs.add_packages("1:2022.10.3-5+deb13u3")
    assert component("libntfs-3g", TRIXIE).remarks == ()


@pytest.mark.parametrize("version", ["1:2022.10.3-1+deb12u4", "1:2022.10.3-1+deb12u10", "1:2026.7.7-1"])
def test_a_mended_libntfs_of_debian_12_has_no_remark(programs: Programs, version: str) -> None:
    programs.link("dpkg")
    programs.add_packages(version)
    assert component("libntfs-3g").remarks == ()


@pytest.mark.parametrize(
    ("distribution", "version", "named"),
    [
        # Built by hand on Debian 12: dpkg knows nothing of it.
        (BOOKWORM, "2022.10.3", ["CVE-2026-40706", "CVE-2026-42617"]),
        (ARCH, "2022.5.17", ["CVE-2022-40284", "CVE-2026-40706", "CVE-2026-42617"]),
        (ARCH, "2022.10.3", ["CVE-2026-40706", "CVE-2026-42617"]),
        (FEDORA, "2026.2.25", ["CVE-2026-42617"]),
        (FEDORA, "2026.7.7", ["2026-09"]),
        (FEDORA, "2026.9.28", []),
        (FEDORA, "2026.10.1", []),
    ],
)
def test_elsewhere_the_upstream_version_decides(
    programs: Programs, distribution: Distribution, version: str, named: list[str]
) -> None:
    programs.add_printing("mkntfs", MKNTFS.replace("2022.10.3", version))
    found = component("libntfs-3g", distribution)
    assert found.version == version
    text = " ".join(remark.text for remark in found.remarks)
    assert ("2026-09" in text) == bool(named)
    for name in ("CVE-2022-40284", "CVE-2026-40706", "CVE-2026-42617"):
        assert (name in text) == (name in named)
    if named:
        assert distribution.name in text


@pytest.mark.parametrize(("version", "old"), [("1:2017.3.23AR.3-4+deb11u4", True), ("1:2022.10.3-5", False)])
def test_the_upstream_part_of_another_debian_release_decides(programs: Programs, version: str, old: bool) -> None:
    programs.add_packages(version)
    (remark,) = component("libntfs-3g", FORKY).remarks
    assert ("CVE-2022-40284" in remark.text) == old


@pytest.mark.parametrize("folder", ["/lib", "/usr/lib"])
def test_the_package_of_the_loaded_library_is_asked_for_where_lib_is_a_link_too(
    programs: Programs, monkeypatch: pytest.MonkeyPatch, folder: str
) -> None:
    monkeypatch.setattr(doctor, "_loaded_library", lambda _: Path("/usr/lib/x86_64-linux-gnu/libntfs-3g.so.89.0.0"))
    programs.add_packages("1:2026.7.7-1", folder=folder)
    assert component("libntfs-3g").version == "1:2026.7.7-1"


def test_a_library_that_a_wheel_brings_is_not_judged_by_the_package_of_the_system(
    programs: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "_loaded_library", lambda _: Path("/opt/osdimage.libs/libntfs-3g-1a2b.so.89"))
    programs.add_packages("1:2026.7.7-1")
    programs.add_printing("mkntfs", MKNTFS)
    found = component("libntfs-3g")
    assert (found.present, found.version) == (True, None)
    (remark,) = found.remarks
    assert remark.text.startswith("/opt/osdimage.libs/libntfs-3g-1a2b.so.89 is in use, of which no package tells")


@pytest.fixture
def bundle(nothing_bundled: list[BundledPart]) -> list[BundledPart]:
    """What a wheel brings along, for tests to change."""
    nothing_bundled += [
        BundledPart("libwim", "1.14.5", "GPL-3.0-or-later", "wimlib=1.14.5-1"),
        BundledPart("libntfs-3g", "2026.9.28", "GPL-2.0-or-later", "ntfs-3g=1:2026.9.28-2"),
    ]
    return nothing_bundled


def test_what_a_wheel_brings_along_is_told_and_the_library_of_the_system_is_not_asked_for(
    programs: Programs, bundle: list[BundledPart]
) -> None:
    assert bundle
    programs.add_packages("1:2022.10.3-1")
    programs.add_printing("mkntfs", MKNTFS)
    found = component("libntfs-3g")
    assert (found.present, found.version, found.remarks) == (True, "2026.9.28", ())
    (remark,) = component("osdimage").remarks
    assert remark == Remark(
        Severity.NOTE, "brings along libwim 1.14.5, libntfs-3g 2026.9.28; those of the system are not used"
    )


def test_holes_of_what_a_wheel_brings_along_are_mended_by_a_newer_wheel(bundle: list[BundledPart]) -> None:
    bundle[1] = replace(bundle[1], version="2026.7.7")
    (remark,) = component("libntfs-3g").remarks
    assert remark.severity is Severity.WARNING
    assert remark.text.endswith(": install the wheel of a newer osdimage, which brings a newer one")


def test_a_wheel_with_libfuse3_needs_its_helper_alone(programs: Programs, bundle: list[BundledPart]) -> None:
    programs.add("fusermount", "echo fusermount version: 2.9.9")
    assert component("fusermount").present
    bundle.append(BundledPart("libfuse3", "3.18.3", "LGPL-2.1-only", "fuse3=3.18.3-1"))
    helper = component("fusermount3", FEDORA)
    assert (helper.present, helper.install) == (False, "sudo dnf install fuse3")


def test_a_wheel_that_does_not_load_is_to_be_installed_again(
    bundle: list[BundledPart], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert bundle
    monkeypatch.setitem(sys.modules, "osdimage.native", None)
    monkeypatch.setitem(sys.modules, "osdimage.native.runtime", None)
    report = doctor.examine(FEDORA)
    assert report.missing == ("libwim", "NTFS support of libwim", "libntfs-3g")
    for name in ("libwim", "libntfs-3g"):
        assert component(name, FEDORA).install == f"pip install --force-reinstall osdimage-{VERSION}-*.whl"


def test_the_library_is_the_one_that_this_process_has_loaded() -> None:
    doctor.examine()
    path = doctor._loaded_library("libntfs-3g")
    assert path is not None
    assert path.is_file()
    assert doctor._loaded_library("no such library") is None


def test_every_module_that_is_installed_with_osdimage_is_listed() -> None:
    # Requires-Dist of the installed package, as pip shows it.
    needed = {
        re.split(r"[ <>=!~;\[]", line)[0] for line in metadata.requires("osdimage") or () if "extra ==" not in line
    }
    assert {name.lower() for name in needed} == {module.name.lower() for module in doctor._MODULES if module.required}


def test_devices_that_are_missing_or_barred(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    there = tmp_path / "fuse"
    there.touch()
    monkeypatch.setattr(
        doctor,
        "_DEVICES",
        (
            doctor._Device("FUSE", str(there), "fuse", "mounting images"),
            doctor._Device("loop devices", str(tmp_path / "loop-control"), "loop", "tests"),
        ),
    )
    monkeypatch.setattr("os.access", lambda *_: False)
    assert component("FUSE").present
    assert component("FUSE").remarks == (Remark(Severity.NOTE, f"this user may not open {there}"),)
    assert component("loop devices").install == "sudo modprobe loop"


def test_a_libwim_that_cannot_mount_is_told_and_is_no_reason_to_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    from osdimage.native import runtime  # noqa: PLC0415 - the module is what doctor looks for

    # ldd says whether it was built with FUSE.
    (library,) = {line.split()[-1] for line in Path("/proc/self/maps").read_text().splitlines() if "/libwim" in line}
    is_linked = "libfuse" in subprocess.run(["ldd", library], capture_output=True, text=True, check=True).stdout
    assert component("FUSE support of libwim").present == is_linked
    monkeypatch.setattr(runtime, "has_fuse_support", lambda: False)
    found = component("FUSE support of libwim")
    assert (found.present, found.required) == (False, False)
    assert found.remarks == (Remark(Severity.NOTE, "this libwim was built without FUSE"),)
