"""The release that tests of wheels are about, and places to install it in that have nothing else."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from judges.disk import missing

RELEASE = Path(os.environ.get("OSDIMAGE_RELEASE", "/nonexistent")).resolve()
needs_release = pytest.mark.skipif(
    "OSDIMAGE_RELEASE" not in os.environ, reason="is about a release; make release-check says where it is"
)
# Suites of Debian, of which each has another Python; SUITES of the Makefile.
SUITES = os.environ.get("OSDIMAGE_SUITES", "bookworm").split()
# Other machines, as the kernel calls them, that qemu-user(1) emulates; MACHINES of the Makefile.
MACHINES = os.environ.get("OSDIMAGE_MACHINES", "").split()
_DEBIAN_OF = {"x86_64": "amd64", "aarch64": "arm64"}
# The Debian whose Python an emulated machine has, and the version of that.
_EMULATED = ("bookworm", "3.11")


def wheels() -> list[Path]:
    """Return the wheels of the release."""
    return sorted(RELEASE.glob("*.whl"))


def wheel_for(machine: str = os.uname().machine) -> Path:
    """Return the one for a kind of machine, by default this one."""
    (wheel,) = RELEASE.glob(f"*_{machine}.whl")
    return wheel


def oldest_modules() -> tuple[str, ...]:
    """Return what the wheel depends on, each in the oldest version that it says is enough: ``click==8.1.7``."""
    with zipfile.ZipFile(wheel_for()) as archive:
        (path,) = (each for each in archive.namelist() if each.endswith(".dist-info/METADATA"))
        metadata = archive.read(path).decode()
    needed = re.findall(r"^Requires-Dist: ([\w-]+)>=(\S+)$", metadata, re.MULTILINE)
    return tuple(f"{name}=={oldest}" for name, oldest in needed)


def wheelhouse(python: str, folder: Path, modules: Sequence[str] = (), *, machine: str = os.uname().machine) -> Path:
    """Put the wheel, and what it depends on, into a folder, for one version of Python, such as 3.13."""
    wheel = wheel_for(machine)
    pip = [sys.executable, "-m", "pip"]
    download = [*pip, "download", "--quiet", "--dest", folder, "--find-links", folder, *_made_for(python, machine)]
    for module in modules:
        if subprocess.run([*download, "--no-deps", module], capture_output=True, check=False).returncode != 0:
            # An old version may have no wheel; one that is made of a source in Python alone is for all.
            subprocess.run([*pip, "wheel", "--quiet", "--no-deps", "--wheel-dir", folder, module], check=True)
    subprocess.run([*download, wheel, *modules], check=True)
    shutil.copy(wheel, folder)
    return folder


def _made_for(python: str, machine: str) -> list[str]:
    """Return the options by which pip takes wheels for an interpreter that it does not run in."""
    platforms = (f"--platform={each}_{machine}" for each in ("manylinux_2_28", "manylinux_2_17", "manylinux2014"))
    return ["--only-binary=:all:", f"--python-version={python}", *platforms]


@dataclass(frozen=True)
class Place:
    """Where the wheel is installed, and nothing that it could need.

    Attributes:
        command: that runs osdimage there.
        outside: a folder, as this machine knows it.
        inside: the same, as it is known there.
    """

    command: tuple[str, ...]
    outside: Path
    inside: Path

    def osdimage(self, *arguments: str | Path) -> str:
        """Run osdimage; return what it printed."""
        done = subprocess.run(
            [*self.command, *map(str, arguments)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            text=True,
            # As little as a service has: no LANG, no HOME, and a PATH without the programs of administrators.
            env={"PATH": "/usr/bin:/bin"},
        )
        assert done.returncode == 0, f"{arguments}: {done.stdout}{done.stderr}"
        return done.stdout


def virtual_environment(python: str, folder: Path, modules: Sequence[str] = ()) -> Place:
    """Install the wheel for an interpreter of this machine, with modules in given versions."""
    found = interpreter(python)
    if found is None:
        pytest.skip(f"Python {python} is not here")
    subprocess.run([found, "-m", "venv", folder / "venv"], check=True)
    _install(folder / "venv", wheelhouse(python, folder / "wheelhouse", modules))
    return Place((str(folder / "venv/bin/osdimage"),), folder, folder)


def interpreter(python: str) -> str | None:
    """Return an interpreter of a version, also of pyenv(1), which has them side by side."""
    versions = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    pyenv = sorted(str(path) for path in versions.glob(f"{python}.*/bin/python{python}"))
    return next(iter(pyenv), None) or shutil.which(f"python{python}")


def emulated(machine: str, folder: Path) -> Place:
    """Install the wheel for another kind of machine, with the Python of a Debian for it, and let QEMU emulate programs.

    Nothing is asked of the kernel (binfmt_misc), so QEMU is called by name: for Python here, and for ``mkntfs``, which
    osdimage starts by itself, by a script in its place.  Programs of the system are those of this machine.
    """
    qemu = shutil.which(f"qemu-{machine}-static")
    if qemu is None:
        missing(f"qemu-{machine}-static is not here (package qemu-user-static)")
    suite, python = _EMULATED
    root = folder / "root"
    _debootstrap(suite, root, f"--arch={_DEBIAN_OF[machine]}", "--foreign", "--include=python3")
    # Without the second stage, which runs programs of that machine, packages are fetched, and not all unpacked.
    for package in (root / "var/cache/apt/archives").glob("*.deb"):
        subprocess.run(["dpkg-deb", "--extract", package, root], check=True)
    site = folder / "site"
    packages = wheelhouse(python, folder / "wheelhouse", machine=machine)
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--target", site),
            *("--no-index", "--find-links", packages, *_made_for(python, machine), "osdimage"),
        ],
        check=True,
        env=_without_pip(),
    )
    enter = (qemu, "-L", str(root))
    program = site / "osdimage/imaging/bundle/mkntfs"
    moved = program.rename(program.with_name(f"mkntfs.{machine}"))
    program.write_text(f'#!/bin/sh\nexec {shlex.join((*enter, str(moved)))} "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    command = ("/usr/bin/env", f"PYTHONPATH={site}", *enter, f"{root}/usr/bin/python{python}", f"{site}/bin/osdimage")
    return Place(command, folder, folder)


def empty_debian(suite: str, folder: Path) -> Place:
    """Make the smallest Debian with a Python, from the archive that this machine uses, and install the wheel in it."""
    root = folder / suite
    # With a /proc of its own, which is gone with the command.
    enter = 'mount -t proc proc "$0/proc" && exec /usr/sbin/chroot "$0" "$@"'
    chroot = ("/usr/bin/unshare", "--mount", "/bin/sh", "-c", enter, str(root))
    _debootstrap(suite, root, "--include=python3,python3-venv")
    ask = "import sys; print(*sys.version_info[:2], sep='.')"
    version = subprocess.run([*chroot, "python3", "-c", ask], capture_output=True, check=True, text=True).stdout.strip()
    wheelhouse(version, root / "wheelhouse")
    subprocess.run([*chroot, "python3", "-m", "venv", "/opt/osdimage"], check=True)
    _install(Path("/opt/osdimage"), Path("/wheelhouse"), chroot)
    (root / "work").mkdir()
    return Place((*chroot, "/opt/osdimage/bin/osdimage"), root / "work", Path("/work"))


def _debootstrap(suite: str, root: Path, *options: str) -> None:
    rows = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(ORIGIN) $(REPO_URI)", "Created-By: Packages"],
        capture_output=True,
        check=True,
        text=True,
    ).stdout.splitlines()
    mirror = next(row.split()[1] for row in rows if row.startswith("Debian ") and "security" not in row)
    # debootstrap of an older Debian knows no newer suite by name; all are made as the newest is.
    scripts = Path("/usr/share/debootstrap/scripts")
    script = scripts / (suite if (scripts / suite).exists() else "sid")
    # What debootstrap mounts, and leaves mounted where it fails, is gone with it.
    made = ["debootstrap", "--variant=minbase", *options, suite, root, mirror, script]
    subprocess.run(["unshare", "--mount", *made], stdout=subprocess.DEVNULL, check=True)


def _install(environment: Path, packages: Path, prefix: tuple[str, ...] = ()) -> None:
    subprocess.run(
        [
            *(*prefix, environment / "bin/pip", "install", "--quiet", "--disable-pip-version-check"),
            *("--no-index", "--find-links", packages, "osdimage"),
        ],
        check=True,
        env=_without_pip(),
    )


def _without_pip() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
