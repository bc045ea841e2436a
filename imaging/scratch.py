"""Folders for what is needed for a while, of which a command that was killed leaves nothing for long.

Each is locked as long as somebody uses it.  Who makes one removes those that nobody uses any more.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from osdimage.imaging.errors import StorageError

_PREFIX = "osdimage-scratch-"


@contextmanager
def scratch_folder(inside: Path | None = None) -> Iterator[Path]:
    """Yield a new folder, for the owner alone, that is gone afterwards; it is where ``TMPDIR`` says.

    Args:
        inside: the folder to make it in, with a hidden name, so that what is in it can be renamed to places there.

    Raises:
        StorageError: when it cannot be made.
    """
    where, prefix = (Path(tempfile.gettempdir()), _PREFIX) if inside is None else (inside, f".{_PREFIX}")
    _sweep(where, prefix)
    try:
        folder, descriptor = _locked(where, prefix)
    except OSError as error:
        told = f"{where}: a temporary folder cannot be made: {error.strerror}"
        elsewhere = "; name another place in TMPDIR" if inside is None else ""
        raise StorageError(f"{told}{elsewhere}", path=where, errno=error.errno) from error
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(descriptor)


def _locked(where: Path, prefix: str) -> tuple[Path, int]:
    """Make a folder and lock it."""
    while True:
        folder = where / f"{prefix}{os.urandom(6).hex()}"
        try:
            # Not mkdtemp(): a signal in its last moment would leave a folder of which nobody knows the name.
            folder.mkdir(mode=0o700)
            try:
                descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            except FileNotFoundError:
                # Somebody has taken it for a dead one already.
                continue
            # Where there are no locks, nobody sweeps either.
            with suppress(OSError):
                fcntl.flock(descriptor, fcntl.LOCK_EX)
        except FileExistsError:
            continue
        except BaseException:
            with suppress(OSError):
                folder.rmdir()
            raise
        # Somebody may have taken it for a dead one between the two.
        if folder.exists():
            return folder, descriptor
        os.close(descriptor)


def _sweep(where: Path, prefix: str) -> None:
    with suppress(OSError), os.scandir(where) as entries:
        for entry in entries:
            if entry.name.startswith(prefix):
                with suppress(OSError):
                    _remove_dead(Path(entry.path))


def _remove_dead(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        if os.fstat(descriptor).st_uid == os.geteuid():
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
    finally:
        os.close(descriptor)
