"""What osdimage finds on this machine: libraries, modules, programs and devices, and what is missing.

:func:`examine` asks each of them and never raises: a library that does not load, or a program that hangs, is a fact
like any other.  It works without libwim, which is what it is most often asked about.
"""

from __future__ import annotations

import importlib
import os
import platform
import re
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from enum import StrEnum
from importlib import metadata
from pathlib import Path

from osdimage.imaging.distribution import Distribution, Family, Packages
from osdimage.imaging.programs import bundled_parts, bundled_version, find_program
from osdimage.imaging.version import VERSION

__all__ = ["Component", "Remark", "Report", "Severity", "examine"]

TIMEOUT_S = 10


class Severity(StrEnum):
    """How much a remark matters."""

    NOTE = "note"
    WARNING = "warning"


@dataclass(frozen=True)
class Remark:
    """A sentence about a component."""

    severity: Severity
    text: str


@dataclass(frozen=True, kw_only=True)
class Component:
    """Something that osdimage uses.

    Attributes:
        needed_for: what cannot be done without it.
        required: whether osdimage does not work at all without it.
        version: None when it is missing, or does not tell.
        install: the command that installs it, or None when it is there or the command is not known.
    """

    name: str
    needed_for: str
    required: bool = False
    present: bool
    version: str | None = None
    install: str | None = None
    remarks: tuple[Remark, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Report:
    """Everything that was found."""

    distribution: Distribution
    components: tuple[Component, ...]

    @property
    def missing(self) -> tuple[str, ...]:
        """The names of what is required and missing."""
        return tuple(one.name for one in self.components if one.required and not one.present)


@dataclass(frozen=True)
class _Program:
    """A program, perhaps under other names, and a file without which it is of no use."""

    name: str
    arguments: tuple[str, ...]
    needed_for: str
    packages: Packages
    aliases: tuple[str, ...] = ()
    file: str | None = None


@dataclass(frozen=True)
class _Module:
    """A module of Python; its name is that of the package index, and distributions may have none."""

    name: str
    needed_for: str
    packages: Packages | None = None
    required: bool = True


@dataclass(frozen=True)
class _Device:
    name: str
    path: str
    kernel_module: str
    needed_for: str


# Where the programs of the system find libraries, those that somebody has built among them.
_SYSTEM_LIBRARIES = ("/lib", "/usr/lib", "/usr/local/lib")
_LIBWIM = Packages(debian="libwim15", fedora="wimlib", arch="wimlib")
_LIBNTFS = Packages(debian="ntfs-3g", fedora="ntfs-3g-libs", arch="ntfs-3g")
# What mends a wheel that has the libraries inside: the file of it, as releases are files.
_REINSTALL = f"pip install --force-reinstall osdimage-{VERSION}-*.whl"

_PROGRAMS = (
    _Program(
        "fusermount",
        ("--version",),
        "mounting images as another user than root",
        Packages(debian="fuse3", fedora="fuse", arch="fuse2"),
        aliases=("fusermount3",),
    ),
    _Program(
        "mkntfs",
        ("--version",),
        "formatting NTFS volumes",
        Packages(debian="ntfs-3g", fedora="ntfsprogs", arch="ntfs-3g"),
    ),
    _Program(
        "qemu-img",
        ("--version",),
        "disk images in the forms qcow2, VHD and VHDX",
        Packages(debian="qemu-utils", fedora="qemu-img", arch="qemu-img"),
    ),
    _Program(
        "qemu-nbd",
        ("--version",),
        "disks in the files of virtual machines: qcow2, VHDX, VHD, VMDK, VDI",
        Packages(debian="qemu-utils", fedora="qemu-img", arch="qemu-img"),
    ),
    _Program(
        # ssh-keygen itself does not tell its version.
        "ssh",
        ("-V",),
        "signing media, and checking their signatures (ssh-keygen)",
        Packages(debian="openssh-client", fedora="openssh-clients", arch="openssh"),
        file="/usr/bin/ssh-keygen",
    ),
    _Program(
        "grub-mkimage",
        ("--version",),
        "starting an NTFS volume by GRUB, where that is chosen for its boot code",
        Packages(debian="grub-common grub-pc-bin", fedora="grub2-tools-minimal grub2-pc-modules", arch="grub"),
        aliases=("grub2-mkimage",),
        file="/usr/lib/grub/i386-pc/ntldr.mod",
    ),
    _Program(
        "qemu-system-x86_64",
        ("--version",),
        "starting a disk in a virtual machine, as make demo does",
        Packages(debian="qemu-system-x86 ovmf", fedora="qemu-system-x86 edk2-ovmf", arch="qemu-system-x86 edk2-ovmf"),
    ),
    _Program(
        "wimlib-imagex",
        ("--version",),
        "comparing with another WIM tool",
        Packages(debian="wimtools", fedora="wimlib-utils", arch="wimlib"),
    ),
    _Program(
        "7zz",
        (),
        "drivers in cabinets, 7z archives and programs that extract themselves",
        Packages(debian="7zip", fedora="7zip-standalone-all", arch="7zip"),
    ),
    _Program(
        "msiextract",
        ("--version",),
        "drivers in an MSI",
        Packages(debian="msitools", fedora="msitools", arch="msitools"),
    ),
    _Program(
        "sfdisk",
        ("--version",),
        "comparing with another partitioning tool",
        Packages(debian="fdisk", fedora="util-linux", arch="util-linux"),
    ),
    _Program(
        "sgdisk",
        ("--version",),
        "comparing with another partitioning tool",
        Packages(debian="gdisk", fedora="gdisk", arch="gptfdisk"),
    ),
    _Program(
        "mkfs.vfat",
        # It tells its version only when it is asked to format something; nothing can be below /dev/null.
        ("/dev/null/volume",),
        "comparing with another FAT formatter",
        Packages(debian="dosfstools", fedora="dosfstools", arch="dosfstools"),
    ),
)
_MODULES = (
    _Module(
        "cffi",
        "calling libwim and libntfs-3g",
        Packages(debian="python3-cffi-backend", fedora="python3-cffi", arch="python-cffi"),
    ),
    _Module(
        "click",
        "the command line",
        Packages(debian="python3-click", fedora="python3-click", arch="python-click"),
    ),
    _Module(
        "construct",
        "partition tables and other structures of disks",
        Packages(debian="python3-construct", fedora="python3-construct", arch="python-construct"),
    ),
    _Module("pyfatfs", "reading FAT volumes once more, to compare them"),
    _Module(
        "PyYAML",
        "task sequences in their short form",
        Packages(debian="python3-yaml", fedora="python3-pyyaml", arch="python-yaml"),
    ),
    _Module(
        "rich",
        "tables and progress bars on a terminal",
        Packages(debian="python3-rich", fedora="python3-rich", arch="python-rich"),
    ),
    _Module(
        "asn1crypto",
        "catalogs and signatures of drivers",
        Packages(debian="python3-asn1crypto", fedora="python3-asn1crypto", arch="python-asn1crypto"),
        required=False,
    ),
    _Module(
        "cryptography",
        "passwords of media",
        Packages(debian="python3-cryptography", fedora="python3-cryptography", arch="python-cryptography"),
        required=False,
    ),
)
_DEVICES = (
    _Device(
        "FUSE",
        "/dev/fuse",
        "fuse",
        "mounting images; nothing is mounted otherwise",
    ),
    _Device("loop devices", "/dev/loop-control", "loop", "comparing with the kernel's view of a disk, as root"),
)

# What libfuse3 calls, which a wheel brings along; that of the system may be libfuse2, with another helper.
_FUSERMOUNT3 = _Program(
    "fusermount3",
    ("--version",),
    "mounting images as another user than root",
    Packages(debian="fuse3", fedora="fuse3", arch="fuse3"),
)

_CVES_OF_2026_07 = (
    "CVE-2026-42617, CVE-2026-42618, CVE-2026-46569, CVE-2026-46570, CVE-2026-46571, CVE-2026-46572, "
    "CVE-2026-56135, CVE-2026-56136"
)
# Holes of libntfs-3g that a prepared volume can use, and the first version without them.
# https://github.com/tuxera/ntfs-3g/releases
_HOLES = (
    ("2022.10.3", "CVE-2022-40284 and older ones"),
    ("2026.2.25", "CVE-2026-40706"),
    ("2026.7.7", _CVES_OF_2026_07),
    ("2026.9.18", "eight overflows of 2026-09 without a number"),
)
# The same for releases of Debian, from the changelogs of their packages.
_HOLES_OF_DEBIAN = {
    "bookworm": (
        ("1:2022.10.3-1", "CVE-2022-40284 and older ones"),
        ("1:2022.10.3-1+deb12u1", "CVE-2023-52890"),
        ("1:2022.10.3-1+deb12u3", "CVE-2026-40706"),
        ("1:2022.10.3-1+deb12u4", _CVES_OF_2026_07),
    ),
    "trixie": (
        ("1:2022.10.3-3", "CVE-2023-52890 and older ones"),
        ("1:2022.10.3-5+deb13u1", "CVE-2026-40706"),
        ("1:2022.10.3-5+deb13u2", _CVES_OF_2026_07),
        ("1:2022.10.3-5+deb13u3", "eight overflows of 2026-09 without a number"),
    ),
}


def examine(distribution: Distribution | None = None) -> Report:
    """Find out what is there.

    Args:
        distribution: whose packages to name; by default that of this machine.
    """
    here = distribution or Distribution.current()
    components = (
        Component(
            name="osdimage",
            needed_for="everything",
            required=True,
            present=True,
            version=VERSION,
            remarks=_remarks_on_bundle(),
        ),
        Component(
            name="Python", needed_for="everything", required=True, present=True, version=platform.python_version()
        ),
        *_examine_libraries(here),
        *(_examine_module(module, here) for module in _MODULES),
        *(_examine_program(program, here) for program in _programs()),
        *(_examine_device(device) for device in _DEVICES),
    )
    return Report(distribution=here, components=components)


def _remarks_on_bundle() -> tuple[Remark, ...]:
    parts = [f"{part.name} {part.version}" for part in bundled_parts()]
    if not parts:
        return ()
    return (Remark(Severity.NOTE, f"brings along {', '.join(parts)}; those of the system are not used"),)


def _examine_libraries(here: Distribution) -> tuple[Component, ...]:
    """Load libwim through the extension module, and look up libntfs-3g, to which that is linked as well."""
    version, ntfs, fuse = None, False, False
    remarks = []
    try:
        from osdimage.native import runtime  # noqa: PLC0415 - it may be what is broken

        version, ntfs = runtime.version(), runtime.has_ntfs_support()
        fuse = runtime.has_fuse_support()
    except Exception as error:  # noqa: BLE001 - whatever is wrong with it is what is asked for
        remarks.append(Remark(Severity.WARNING, f"the extension module cannot be used: {error}"))
    loads = version is not None
    if version is not None and version < (1, 14, 2):
        remarks.append(
            Remark(
                Severity.NOTE,
                "before 1.14.2 libwim wrote junctions in a way that some versions of Windows Setup refuse, and "
                "directories with alternate streams in a way that recent versions of DISM refuse",
            )
        )
    deaf = (Remark(Severity.WARNING, "this libwim was built without libntfs-3g"),) if loads and not ntfs else ()
    mute = (Remark(Severity.NOTE, "this libwim was built without FUSE"),) if loads and not fuse else ()
    ntfs_purpose = "capturing and applying NTFS volumes"
    return (
        Component(
            name="libwim",
            needed_for="reading and writing WIM files",
            required=True,
            present=loads,
            version=str(version) if loads else None,
            install=None if loads else _REINSTALL if bundled_parts() else here.install_command(_LIBWIM),
            remarks=tuple(remarks),
        ),
        Component(name="NTFS support of libwim", needed_for=ntfs_purpose, required=True, present=ntfs, remarks=deaf),
        Component(name="FUSE support of libwim", needed_for="mounting images", present=fuse, remarks=mute),
        _examine_libntfs(here, ntfs_purpose, linked=loads),
    )


def _examine_libntfs(here: Distribution, needed_for: str, *, linked: bool) -> Component:
    bundled = bundled_version("libntfs-3g")
    path = _loaded_library("libntfs-3g") if linked and bundled is None else None
    version = bundled or _libntfs_version(here, path)
    present = linked or (bundled is None and version is not None)
    remarks = _remarks_on_libntfs(version, here, bundled=bundled is not None)
    if path is not None and version is None:
        text = f"{path} is in use, of which no package tells the version; whether it has known holes is not known"
        remarks = (Remark(Severity.WARNING, text),)
    return Component(
        name="libntfs-3g",
        needed_for=needed_for,
        required=True,
        present=present,
        version=version,
        install=None if present else _REINSTALL if bundled else here.install_command(_LIBNTFS),
        remarks=remarks,
    )


def _loaded_library(name: str) -> Path | None:
    """Return the file of a library that this process has loaded: a wheel may bring another one than the system."""
    try:
        lines = Path("/proc/self/maps").read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return None
    # address, permissions, offset, device, inode, and the path, which may hold blanks.
    paths = (fields[5] for line in lines if len(fields := line.split(maxsplit=5)) == 6)
    return next((Path(each) for each in paths if each.rpartition("/")[2].startswith(name)), None)


def _libntfs_version(here: Distribution, path: Path | None) -> str | None:
    """Return the version of the library, which does not tell it itself: that of the package which its file is of.

    What no package has, but lies where programs of the system find it, has the version of their mkntfs.
    """
    if path is not None:
        owned = next(filter(None, (_package_version(here, each) for each in _names_of(path))), None)
        if owned is not None or not str(path).startswith(_SYSTEM_LIBRARIES):
            return owned
    return _version_in(_run("mkntfs", "--version"))


def _names_of(path: Path) -> tuple[Path, ...]:
    """Return the paths by which a package may know a file, where /lib is a link to /usr/lib."""
    text = str(path)
    other = text.removeprefix("/usr") if text.startswith("/usr/lib") else f"/usr{text}"
    return (path, Path(other))


def _package_version(here: Distribution, path: Path) -> str | None:
    """Return the version of the package that a file is of."""
    if here.family is Family.DEBIAN:
        answer = _run("dpkg-query", "-S", str(path))
        owner = re.search(rf"^(\S+): {re.escape(str(path))}$", answer.stdout, re.MULTILINE) if answer else None
        answer = _run("dpkg-query", "-W", "-f", "${Version}\\n", owner[1]) if owner else None
    elif here.family is Family.FEDORA:
        answer = _run("rpm", "-q", "--qf", "%{VERSION}\\n", "-f", str(path))
    else:
        answer = _run("pacman", "-Qoq", str(path))
        answer = _run("pacman", "-Q", answer.stdout.strip()) if answer and answer.returncode == 0 else None
    if answer is None or answer.returncode != 0:
        return None
    words = answer.stdout.split()
    return words[-1] if words else None


def _remarks_on_libntfs(version: str | None, here: Distribution, *, bundled: bool) -> tuple[Remark, ...]:
    if version is None:
        return ()
    # The version of Debian's package has an epoch; one that somebody built has not.
    known = _HOLES_OF_DEBIAN.get(here.codename or "") if here.family is Family.DEBIAN and ":" in version else None
    if known is not None:
        holes = [names for fixed, names in known if _is_older_package(version, fixed)]
        advice = "install the update from Debian's security archive: sudo apt-get install --only-upgrade ntfs-3g"
    else:
        holes = [names for fixed, names in _HOLES if _is_older(version, fixed)]
        advice = (
            "install the wheel of a newer osdimage, which brings a newer one"
            if bundled
            else f"unless {here.name} has mended it, do not open volumes or images that you do not trust"
        )
    if not holes:
        return ()
    return (
        Remark(
            Severity.WARNING,
            f"libntfs-3g {version} has holes through which a prepared NTFS volume can take over osdimage "
            f"({', '.join(holes)}): {advice}",
        ),
    )


def _is_older_package(version: str, fixed: str) -> bool:
    answer = _run("dpkg", "--compare-versions", version, "lt", fixed)
    return answer is not None and answer.returncode == 0


def _is_older(version: str, fixed: str) -> bool:
    """Compare the upstream parts of two versions: ``1:2017.3.23AR.3-4`` is of 2017.3.23."""

    def upstream(text: str) -> list[int]:
        found = re.match(r"(?:\d+:)?(\d+(?:\.\d+)*)", text)
        return [int(number) for number in found[1].split(".")] if found else []

    return upstream(version) < upstream(fixed)


def _examine_module(module: _Module, here: Distribution) -> Component:
    version = _module_version(module.name)
    return Component(
        name=module.name,
        needed_for=module.needed_for,
        required=module.required,
        present=version is not None,
        version=version,
        install=None if version is not None else _install_module(module, here),
    )


def _module_version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        if name != "cffi":
            return None
    try:
        # All of cffi that runs; Debian has it by itself, without the metadata of cffi.
        return str(importlib.import_module("_cffi_backend").__version__)
    except ImportError:
        return None


def _install_module(module: _Module, here: Distribution) -> str:
    """Return the command; pip refuses to install for a Python that belongs to the distribution (PEP 668)."""
    is_own = sys.prefix != sys.base_prefix or not Path(sysconfig.get_path("stdlib"), "EXTERNALLY-MANAGED").exists()
    command = None if is_own or module.packages is None else here.install_command(module.packages)
    return command or f"pip install {module.name}"


def _programs() -> tuple[_Program, ...]:
    if bundled_version("libfuse3") is None:
        return _PROGRAMS
    return tuple(_FUSERMOUNT3 if program.name == "fusermount" else program for program in _PROGRAMS)


def _examine_program(program: _Program, here: Distribution) -> Component:
    name = next((each for each in (program.name, *program.aliases) if find_program(each) is not None), None)
    present = name is not None and (program.file is None or Path(program.file).is_file())
    version = _version_in(_run(name, *program.arguments)) if name is not None else None
    mute = present and version is None
    return Component(
        name=program.name,
        needed_for=program.needed_for,
        present=present,
        version=version,
        install=None if present else here.install_command(program.packages),
        remarks=(Remark(Severity.WARNING, "it does not tell its version; is it broken?"),) if mute else (),
    )


def _examine_device(device: _Device) -> Component:
    present = Path(device.path).exists()
    barred = present and not os.access(device.path, os.R_OK | os.W_OK)
    return Component(
        name=device.name,
        needed_for=device.needed_for,
        present=present,
        install=None if present else f"sudo modprobe {device.kernel_module}",
        remarks=(Remark(Severity.NOTE, f"this user may not open {device.path}"),) if barred else (),
    )


def _run(name: str, *arguments: str) -> subprocess.CompletedProcess[str] | None:
    """Run a program; one that is missing, hangs or cannot be run gives None."""
    path = find_program(name)
    if path is None:
        return None
    try:
        return subprocess.run(
            [path, *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=TIMEOUT_S,
            encoding="utf-8",
            errors="replace",
            env={**os.environ, "LC_ALL": "C"},
        )
    except (OSError, subprocess.SubprocessError):
        return None


def _version_in(answer: subprocess.CompletedProcess[str] | None) -> str | None:
    """Return the first number with a dot in what a program printed."""
    found = re.search(r"\d+(?:\.\d+)+", answer.stdout + answer.stderr) if answer else None
    return found[0] if found else None
