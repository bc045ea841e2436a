"""Unmounting an image, with or without what was changed in it."""

from __future__ import annotations

import os
from pathlib import Path

from osdimage.imaging.errors import InvalidRequest, Means, OsdImageError, Remedy, TargetRefused
from osdimage.imaging.logs import logged
from osdimage.imaging.progress import Meter, ProgressCallback
from osdimage.imaging.service.mounts.commit import LET_GO, commit, finish
from osdimage.imaging.service.mounts.leftovers import detach, forget
from osdimage.imaging.service.mounts.records import Record, records
from osdimage.imaging.service.mounts.results import AS_IT_IS, UnmountOptions, UnmountResult
from osdimage.imaging.service.mounts.served import refuse_another_file
from osdimage.imaging.service.mounts.table import (
    Found,
    Mount,
    MountState,
    Row,
    ended,
    ended_at,
    mount_at,
    real_path,
    row_at,
    rows,
    users_of,
)
from osdimage.imaging.service.mounts.waiting import runs, wait_until
from osdimage.imaging.wim.fuse import UnmountSettings, stop_serving
from osdimage.imaging.wim.write import WRITE_SHARES

_MOST_USERS = 5


@logged("unmount {directory}")
def unmount_image(
    directory: str | os.PathLike[str],
    options: UnmountOptions = AS_IT_IS,
    *,
    progress: ProgressCallback | None = None,
) -> UnmountResult:
    """Unmount an image, with or without what was changed in it; also one that wimlib-imagex has mounted.

    Returns when the directory is what it was before, and the processes that served it have ended.  Of a mount whose
    server has died, what is left is cleared away: its changes cannot be committed any more.

    Args:
        directory: where it is mounted.
        options: how; see there.
        progress: receives the progress of a commit, which an exception of it cannot stop: it is raised at the end.

    Raises:
        InvalidRequest: when no image is mounted there.
        TargetRefused: when somebody uses it, or it is another user's.  It stays mounted.
        StorageError: when the changes could not be written: it stays mounted, with all of them, and can be unmounted
            again when there is room.
        OsdImageError: when they are to be committed, and the server has died; the message says what is left of them.
    """
    where = Path(directory)
    found = mount_at(where)
    if found is None:
        return _ended(where, options)
    meter = Meter(progress, WRITE_SHARES)
    is_dead = found.mount.state is MountState.DEAD
    result = _dead(where, found, options) if is_dead else _live(where, found, options, meter)
    for text in result.warnings:
        meter.warn(text)
    meter.finish()
    return result


def _live(where: Path, found: Found, options: UnmountOptions, meter: Meter) -> UnmountResult:
    """Unmount what is served."""
    mount = found.mount
    if mount.state is MountState.HIDDEN:
        return _hidden(where, found, options)
    users = users_of(found.row)
    if users and not options.force:
        raise TargetRefused(f"{where}: is in use: {_told(users)}", remedy=LET_GO)
    if options.commit and mount.read_write:
        refuse_another_file(found)
        result = commit(mount, options, meter)
    else:
        stop_serving(where, mount.wim or where, UnmountSettings(force=options.force))
        result = UnmountResult(mount, warnings=_unchanged(where, mount, options))
    _await_end(where, found)
    return finish(result, options) if result.committed else result


def _hidden(where: Path, found: Found, options: UnmountOptions) -> UnmountResult:
    """Unmount what another user serves, who lets nobody else in: root can, without asking who serves it."""
    if options.commit or not options.force or os.geteuid() != 0:
        raise TargetRefused(
            f"{where}: is another user's mount, who lets nobody else in",
            remedy=Remedy("root can take it away, without its changes, with {}", (Means.FORCE,)),
        )
    detach(where)
    _await_end(where, found)
    return UnmountResult(found.mount)


def _told(users: list[str]) -> str:
    more = len(users) - _MOST_USERS
    return ", ".join(users[:_MOST_USERS]) + (f" and {more} more" if more > 0 else "")


def _unchanged(where: Path, mount: Mount, options: UnmountOptions) -> tuple[str, ...]:
    if options.commit and not mount.read_write:
        return (f"{where}: was mounted read-only: there was nothing to commit",)
    return ()


# ---- the end of the processes


def _await_end(where: Path, found: Found) -> None:
    """Wait until it is mounted no more, and its processes have ended.

    Raises:
        OsdImageError: when that takes too long.
    """

    def is_over() -> bool:
        pid = found.mount.pid
        return not _is_there(found.row) and not _is_kept(found.record) and (pid is None or not runs(pid))

    if not wait_until(is_over):
        raise OsdImageError(f"{where}: what served the image has answered, and does not end")


def _is_there(row: Row) -> bool:
    return any(each.mount_id == row.mount_id for each in rows())


def _is_kept(record: Record | None) -> bool:
    """Tell whether a process of a mount still has its record."""
    return record is not None and any(each.path == record.path and each.is_alive for each in records())


# ---- what a server leaves that has died


def _dead(where: Path, found: Found, options: UnmountOptions) -> UnmountResult:
    """Clear away a mount that nobody serves any more."""
    mount, record = found.mount, found.record
    if options.commit and mount.read_write:
        raise _lost(where, mount)
    try:
        detach(where)
    except OsdImageError:
        # The keeper of the mount may have been faster.
        if _is_there(found.row):
            raise
    wait_until(lambda: not _is_kept(record))
    return UnmountResult(mount, lost_files=0 if record is None else forget(record), warnings=_not_found(mount))


def _not_found(mount: Mount) -> tuple[str, ...]:
    """Say where files may be left of what another program mounted for writing."""
    if not mount.read_write or mount.staging is not None:
        return ()
    text = (
        f"{mount.directory}: what was changed in it is lost; a folder of changed files may be left beside the WIM, "
        "with the name of that and .staging behind it"
    )
    return (text,)


def _ended(where: Path, options: UnmountOptions) -> UnmountResult:
    """Clear away what is left of a mount that is there no more."""
    at = str(real_path(where))
    # Its keeper may be about to clear it away itself.
    wait_until(lambda: not any(each.facts.directory == at and each.is_alive for each in records()))
    record = ended_at(where)
    if record is None:
        row = row_at(where)
        if row is not None:
            raise InvalidRequest(f"{where}: is no image of a WIM: a file system ({row.type}) is mounted there")
        raise InvalidRequest(f"{where}: no image is mounted there")
    mount = ended(record)
    if options.commit:
        raise _lost(where, mount)
    return UnmountResult(mount, lost_files=forget(record))


def _lost(where: Path, mount: Mount) -> OsdImageError:
    kept = (
        ""
        if mount.staging is None
        else f"; the contents of changed files are in {mount.staging}, under names of chance"
    )
    return OsdImageError(
        f"{where}: what was changed cannot be committed: the process that served the image has died, and nobody knows "
        f"which file is which; the WIM is as it was{kept}",
        remedy=Remedy("{}, without a commit, clears it away", (Means.UNMOUNT,), (str(where),)),
    )
