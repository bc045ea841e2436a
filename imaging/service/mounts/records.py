"""What is kept of each mount while it lasts, and after the process that served it has died.

A record is a JSON file that is for its owner alone, in a folder that a restart empties.  The processes that serve the
mount hold its lock: a record that can be locked is of a mount whose processes are gone.
"""

from __future__ import annotations

import fcntl
import json
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from osdimage.imaging.output import write_at

_SUFFIX = ".mount.json"


@dataclass(frozen=True, slots=True)
class Facts:
    """What is kept of a mount.

    Attributes:
        directory: where the image is mounted.
        wim: the WIM.
        index: of the image.
        name: of the image.
        read_write: whether its files may be changed.
        staging: the folder in which contents of changed files are; None when nothing may be changed.
        pid: the process that serves it; None before it does.
        header: of the WIM when it was mounted for writing, in hexadecimal digits; else None.
    """

    directory: str
    wim: str
    index: int
    name: str
    read_write: bool
    staging: str | None = None
    pid: int | None = None
    header: str | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """A record as it was read.

    Attributes:
        path: of its file.
        facts: what it says.
        is_alive: whether a process of the mount is still there.
    """

    path: Path
    facts: Facts
    is_alive: bool


class Kept:
    """A record that this process keeps, with its lock, which its children have too."""

    def __init__(self, facts: Facts) -> None:
        """Write a new one.

        Raises:
            OSError: when it cannot be written.
        """
        folder = _folder()
        _make(folder)
        self.path = folder / f"{os.urandom(8).hex()}{_SUFFIX}"
        self._descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with suppress(OSError):
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        self.write(facts)

    def write(self, facts: Facts) -> None:
        """Write what is known now."""
        data = json.dumps(asdict(facts)).encode()
        write_at(self._descriptor, data, 0)
        os.ftruncate(self._descriptor, len(data))

    def remove(self) -> None:
        """Remove it: nothing is left to be told."""
        self.path.unlink(missing_ok=True)


def records() -> Iterator[Record]:
    """Yield the records of this user."""
    folder = _folder()
    if not _is_own(folder):
        return
    with suppress(OSError):
        for path in sorted(folder.glob(f"*{_SUFFIX}")):
            with suppress(OSError, ValueError, TypeError):
                yield _read(path)


def _read(path: Path) -> Record:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        is_alive = False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            is_alive = True
        members = json.loads(os.read(descriptor, 1 << 20))
        known = {field.name for field in fields(Facts)}
        return Record(path, Facts(**{name: value for name, value in members.items() if name in known}), is_alive)
    finally:
        os.close(descriptor)


def _folder() -> Path:
    """Return where the records of this user are."""
    own = os.environ.get("XDG_RUNTIME_DIR")
    if own and _is_own(Path(own)):
        return Path(own, "osdimage")
    if os.geteuid() == 0 and os.access("/run", os.W_OK):
        return Path("/run/osdimage")
    return Path(tempfile.gettempdir(), f"osdimage-{os.geteuid()}")


def _make(folder: Path) -> None:
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    if not _is_own(folder):
        raise PermissionError(f"{folder} is not this user's alone")


def _is_own(folder: Path) -> bool:
    """Tell whether a folder is this user's, and nobody else can write to it."""
    try:
        facts = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(facts.st_mode) and facts.st_uid == os.geteuid() and not facts.st_mode & 0o022
