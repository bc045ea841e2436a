"""What is left of a mount whose server was killed or has crashed, and how it is cleared away."""

from __future__ import annotations

import os
import shutil
import subprocess
from contextlib import suppress
from pathlib import Path

from osdimage.imaging.errors import OsdImageError, StorageError
from osdimage.imaging.programs import find_program
from osdimage.imaging.service.mounts.needs import HELPERS
from osdimage.imaging.service.mounts.records import Record


def holds_files(folder: Path) -> bool:
    """Tell whether there are files in a folder or below it."""
    with suppress(OSError):
        return any(not each.is_dir() for each in folder.rglob("*"))
    return False


def detach(directory: Path) -> None:
    """Take away a mount whose server is gone, also while somebody has files of it open.

    Raises:
        OsdImageError: when there is no program for it, or it fails.
    """
    names = ("umount", *HELPERS) if os.geteuid() == 0 else HELPERS
    program = find_program(*names)
    if program is None:
        raise OsdImageError(f"{names[0]}: is missing: without it {directory} cannot be unmounted")
    how = ("--lazy",) if Path(program).name == "umount" else ("-u", "-z")
    done = subprocess.run(
        [program, *how, str(directory)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        encoding="utf-8",
        errors="replace",
    )
    if done.returncode != 0:
        said = done.stderr.strip().splitlines()
        raise StorageError(f"{directory}: cannot be unmounted: {said[-1] if said else program}", path=directory)


def forget(record: Record) -> int:
    """Remove the record of a mount that is gone, and its staging folder; return how many files that held.

    Raises:
        StorageError: when they cannot be removed.
    """
    count = 0
    staging = record.facts.staging
    try:
        if staging is not None and os.path.lexists(staging):
            count = sum(not each.is_dir() for each in Path(staging).rglob("*"))
            shutil.rmtree(staging)
        record.path.unlink(missing_ok=True)
    except OSError as error:
        where = error.filename or staging or record.path
        raise StorageError(f"{where}: cannot be removed: {error.strerror}", path=where, errno=error.errno) from error
    return count
