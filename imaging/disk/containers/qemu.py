"""The programs of QEMU: where they are, what installs them, and making a file with one."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

from osdimage.imaging.distribution import Distribution, Packages
from osdimage.imaging.errors import OsdImageError
from osdimage.imaging.logs import ran
from osdimage.imaging.output import path_of, require_proc
from osdimage.imaging.programs import find_program

_PACKAGES = Packages(debian="qemu-utils", fedora="qemu-img", arch="qemu-img")


def require_program(program: str, name: str | Path, doing: str) -> str:
    """Return the path of a program of QEMU.

    Args:
        program: its name.
        name: what messages call the disk.
        doing: what needs it, such as ``reading qcow2``.

    Raises:
        OsdImageError: when it is missing; it says what installs it.
    """
    path = find_program(program)
    if path is None:
        how = Distribution.current().install_command(_PACKAGES)
        install = f" ({how})" if how is not None else ""
        raise OsdImageError(f"{name}: {doing} needs {program}, which is not installed{install}")
    require_proc()
    return path


def create_file(made: int, name: str | Path, called: str, options: Sequence[str], size_bytes: int) -> None:
    """Make an open, empty file the file of a disk.

    Args:
        made: the file.
        name: what messages call it.
        called: what people call its format.
        options: of ``qemu-img create``.
        size_bytes: of the disk.

    Raises:
        OsdImageError: when qemu-img is missing or fails.
    """
    program = require_program("qemu-img", name, f"making {called}")
    command = [program, "create", "-q", *options, path_of(made), str(size_bytes)]
    done = subprocess.run(command, pass_fds=(made,), capture_output=True, text=True, errors="replace", check=False)
    ran(__name__, command, done.returncode)
    if done.returncode != 0:
        said = " ".join(done.stderr.split()) or f"exit code {done.returncode}"
        raise OsdImageError(f"{name}: qemu-img could not make the {called} file: {said}")
