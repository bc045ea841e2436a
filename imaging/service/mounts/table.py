"""Which images are mounted: what the kernel says, what libwim's daemon answers, and what our own records tell.

Images that wimlib-imagex has mounted are among them: the kernel knows both as file systems of the type ``fuse.wimfs``.
"""

from __future__ import annotations

import errno
import os
import re
import struct
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from osdimage.imaging.service.mounts.records import Record, records

_TABLE = Path("/proc/self/mountinfo")
_TYPE = "fuse.wimfs"
_GONE = {errno.ENOTCONN, errno.ECONNABORTED, errno.ENODEV, errno.EIO}
_INT = struct.Struct("=i")


class MountState(Enum):
    """How a mount is."""

    LIVE = "live"
    """It is served."""
    DEAD = "dead"
    """The process that served it is gone; whoever looks into it gets an error."""
    HIDDEN = "hidden"
    """It is another user's, who lets nobody else in."""
    ENDED = "ended"
    """It is mounted no more, for the process that served it has died; contents of changed files are left over."""


@dataclass(frozen=True, slots=True)
class Mount:
    """A mounted image.

    Attributes:
        directory: where it is mounted.
        wim: the WIM; None when it does not tell.
        index: of the image, 1-based; None when it does not tell.
        name: of the image; None when it is not known, as of what wimlib-imagex has mounted.
        read_write: whether its files may be changed.
        state: how it is.
        pid: the process that serves it; None when it is not known.
        staging: where contents of changed files are; None when nothing may be changed, or it is not known.
    """

    directory: Path
    wim: Path | None
    index: int | None
    name: str | None
    read_write: bool
    state: MountState
    pid: int | None = None
    staging: Path | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the kernel's table.

    Attributes:
        mount_id: its number.
        device: major and minor number, as ``0:39``.
        directory: where it is mounted.
        is_read_only: whether nothing may be written.
        type: of the file system, such as ``ext4``.
    """

    mount_id: int
    device: str
    directory: Path
    is_read_only: bool
    type: str

    @property
    def is_image(self) -> bool:
        """Whether it is an image of a WIM."""
        return self.type == _TYPE


@dataclass(frozen=True, slots=True)
class Found:
    """A mounted image, with all that is known of it.

    Attributes:
        row: what the kernel says.
        mount: what is told.
        record: what was kept of it; None when another program has mounted it.
    """

    row: Row
    mount: Mount
    record: Record | None


def rows() -> list[Row]:
    """Return the kernel's table, what was mounted first at first.

    https://www.kernel.org/doc/html/latest/filesystems/proc.html, section 3.5.
    """
    try:
        lines = _TABLE.read_bytes().splitlines()
    except OSError:
        return []
    return [_row(line) for line in lines]


def _row(line: bytes) -> Row:
    before, _, behind = line.partition(b" - ")
    number, _, device, _, directory, options = before.split()[:6]
    kind, _, more = behind.split(b" ", 2)
    is_read_only = b"ro" in options.split(b",") or b"ro" in more.split(b",")
    return Row(int(number), device.decode(), _path(directory), is_read_only, kind.decode("utf-8", "replace"))


def _path(text: bytes) -> Path:
    r"""Return a path in which blanks, tabs, line ends and \ are written in octal."""
    return Path(os.fsdecode(re.sub(rb"\\([0-7]{3})", lambda found: bytes([int(found[1], 8)]), text)))


def row_at(directory: Path) -> Row | None:
    """Return what is mounted at a directory, the topmost of several, or None."""
    where = real_path(directory)
    return next((row for row in reversed(rows()) if row.directory == where), None)


def real_path(directory: Path) -> Path:
    """Return a path without links; also of a mount whose server is gone."""
    return Path(os.path.realpath(directory))


def list_mounts() -> tuple[Mount, ...]:
    """Return the mounted images, those of wimlib-imagex too, and of ours those whose server died and left files."""
    kept = list(records())
    mounted = [_mount_of(row, _record_of(row, kept)) for row in rows() if row.is_image]
    there = {each.directory for each in mounted}
    return (*mounted, *(ended(record) for record in kept if _is_left_over(record, there)))


def mount_at(directory: Path) -> Found | None:
    """Return the image that is mounted at a directory, or None."""
    row = row_at(directory)
    if row is None or not row.is_image:
        return None
    record = _record_of(row, list(records()))
    return Found(row, _mount_of(row, record), record)


def ended_at(directory: Path) -> Record | None:
    """Return what is left of an image that was mounted at a directory until its server died, or None."""
    where = real_path(directory)
    left = (record for record in records() if _is_left_over(record, set()) and Path(record.facts.directory) == where)
    return next(left, None)


def ended(record: Record) -> Mount:
    """Return what a record says of a mount that is there no more."""
    facts = record.facts
    staging = None if facts.staging is None else Path(facts.staging)
    return Mount(
        Path(facts.directory),
        Path(facts.wim),
        facts.index,
        facts.name,
        facts.read_write,
        MountState.ENDED,
        staging=staging,
    )


def _is_left_over(record: Record, mounted: set[Path]) -> bool:
    return not record.is_alive and Path(record.facts.directory) not in mounted


def _record_of(row: Row, kept: list[Record]) -> Record | None:
    """Return the record of a mount, the one that is alive if there are several."""
    own = [record for record in kept if Path(record.facts.directory) == row.directory]
    return next((record for record in own if record.is_alive), own[0] if own else None)


def _mount_of(row: Row, record: Record | None) -> Mount:
    state = state_of(row.directory)
    is_live = state is MountState.LIVE
    wim = _asked(row.directory, "wim_filename") if is_live else None
    index = _asked(row.directory, "mounted_image") if is_live else None
    facts = None if record is None else record.facts
    return Mount(
        directory=row.directory,
        wim=Path(os.fsdecode(wim)) if wim else None if facts is None else Path(facts.wim),
        index=_INT.unpack(index)[0] if index and len(index) == _INT.size else None if facts is None else facts.index,
        name=None if facts is None else facts.name,
        read_write=not row.is_read_only,
        state=state,
        pid=server_of(row) if is_live else None,
        staging=None if facts is None or facts.staging is None else Path(facts.staging),
    )


def state_of(directory: Path) -> MountState:
    """Look whether a mount answers."""
    try:
        directory.stat()
    except PermissionError:
        return MountState.HIDDEN
    except OSError as error:
        return MountState.DEAD if error.errno in _GONE else MountState.LIVE
    return MountState.LIVE


def _asked(directory: Path, name: str) -> bytes | None:
    """Return what libwim's daemon answers to a question, which it takes as an extended attribute."""
    with suppress(OSError):
        return os.getxattr(directory, f"wimfs.{name}")
    return None


def server_of(row: Row) -> int | None:
    """Return the process that serves a mount; None where the kernel, before Linux 6.11, does not tell."""
    wanted = f"fuse_connection:\t{row.device.partition(':')[2]}\n"
    for pid in processes():
        with suppress(OSError):
            for link in Path(f"/proc/{pid}/fd").iterdir():
                if str(link.readlink()) == "/dev/fuse" and wanted in _described(link):
                    return pid
    return None


def _described(link: Path) -> str:
    """Return what the kernel tells of an open file, by its link in /proc/PID/fd."""
    return (link.parent.with_name("fdinfo") / link.name).read_text(encoding="ascii", errors="replace")


def processes() -> Iterator[int]:
    """Yield the numbers of all processes."""
    with suppress(OSError):
        yield from (int(each.name) for each in Path("/proc").iterdir() if each.name.isdigit())


def users_of(row: Row) -> list[str]:
    """Return who uses a mount, as far as this user may know: ``bash (pid 7): its working directory``."""
    found = [f"another mount, at {each.directory}" for each in rows() if row.directory in each.directory.parents]
    for pid in processes():
        with suppress(OSError):
            what = _use(pid, row)
            if what is not None:
                name = Path(f"/proc/{pid}/comm").read_text(encoding="utf-8", errors="replace").strip()
                found.append(f"{name} (pid {pid}): {what}")
    return found


def _use(pid: int, row: Row) -> str | None:
    """Return what a process has of a mount, or None."""
    for link, what in (("cwd", "its working directory"), ("root", "its root directory"), ("exe", "its program")):
        with suppress(OSError):
            at = Path(f"/proc/{pid}/{link}").readlink()
            if at == row.directory or row.directory in at.parents:
                return what
    wanted = f"mnt_id:\t{row.mount_id}\n"
    for each in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(OSError):
            if wanted in _described(each):
                return str(each.readlink())
    major, _, minor = row.device.partition(":")
    device = f" {int(major):02x}:{int(minor):02x} "
    with suppress(OSError), Path(f"/proc/{pid}/maps").open(encoding="utf-8", errors="replace") as lines:
        return next((line.split(maxsplit=5)[5].strip() for line in lines if device in line), None)
    return None
