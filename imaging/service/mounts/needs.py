"""What mounting needs of a machine and of the place: asked before anything is begun, each with its own sentence."""

from __future__ import annotations

import os
from pathlib import Path

from osdimage.imaging.errors import InvalidRequest, Means, OsdImageError, Remedy, TargetRefused
from osdimage.imaging.output import require_proc
from osdimage.imaging.programs import bundled_version, find_program
from osdimage.imaging.service.mounts.table import MountState, real_path, row_at, state_of

DEVICE = Path("/dev/fuse")
HELPERS = ("fusermount", "fusermount3")
_CONFIGURATION = Path("/etc/fuse.conf")
_EXAMINE = Remedy("{} tells what is missing", (Means.EXAMINE,))


def helpers() -> tuple[str, ...]:
    """Return the names of what mounts for users who are not root; libfuse3, which wheels bring along, calls one."""
    return HELPERS if bundled_version("libfuse3") is None else ("fusermount3",)


def has_fuse() -> bool:
    """Tell whether libwim can mount."""
    # With it comes libwim, for which the keeper of a mount has no use.
    from osdimage.imaging.wim import fuse  # noqa: PLC0415

    return fuse.has_fuse()


def refuse_without_fuse(*, allow_other: bool, device: Path = DEVICE) -> None:
    """Refuse to mount on a machine that cannot.

    Raises:
        OsdImageError: which says what is missing: libwim's part, /proc, the device, the right to open it, or the
            program that mounts for users who are not root.
    """
    if not has_fuse():
        raise OsdImageError("the installed libwim was built without FUSE, and cannot mount images", remedy=_EXAMINE)
    require_proc()
    if not device.exists():
        raise OsdImageError(f"{device}: is missing: the kernel has no FUSE, or it is not loaded", remedy=_EXAMINE)
    if not os.access(device, os.R_OK | os.W_OK):
        raise OsdImageError(f"{device}: this user may not open it, and so cannot mount", remedy=_EXAMINE)
    if os.geteuid() == 0:
        return
    if find_program(*helpers()) is None:
        raise OsdImageError(f"{helpers()[0]}: is missing: without it only root can mount images", remedy=_EXAMINE)
    if allow_other and not _lets_others():
        raise OsdImageError(
            f"{_CONFIGURATION}: does not let users open their mounts to others: it needs a line user_allow_other"
        )


def _lets_others() -> bool:
    try:
        lines = _CONFIGURATION.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return False
    return any(line.strip() == "user_allow_other" for line in lines)


def refuse_place(directory: Path) -> Path:
    """Refuse a place at which nothing can be mounted; return it without links.

    Raises:
        InvalidRequest: when it is not there, or no directory.
        TargetRefused: when something is mounted there already, or it is not empty.
    """
    where = real_path(directory)
    row = row_at(where)
    if row is not None:
        if row.is_image and state_of(where) is MountState.DEAD:
            raise TargetRefused(
                f"{directory}: the image that was mounted there is served no more",
                remedy=Remedy("{} clears it away", (Means.UNMOUNT,), (str(directory),)),
            )
        what = "an image of a WIM" if row.is_image else f"a file system ({row.type})"
        raise TargetRefused(f"{directory}: {what} is mounted there already; valid is another directory")
    if not os.path.lexists(directory):
        raise InvalidRequest(f"{directory}: there is no such directory; make it first")
    if not where.is_dir():
        raise InvalidRequest(f"{directory}: is not a directory")
    try:
        is_full = any(where.iterdir())
    except OSError as error:
        raise TargetRefused(f"{directory}: {error.strerror}") from error
    if is_full:
        raise TargetRefused(
            f"{directory}: is not empty, and what is in it would be hidden; valid is an empty directory"
        )
    if not os.access(where, os.W_OK):
        raise TargetRefused(f"{directory}: this user may not write to it, and so may not mount there")
    return where


def why_fuse_failed(directory: Path, said: str) -> OsdImageError:
    """Return the error for what FUSE has said; the last line of it tells the cause."""
    text = said.lower()
    if "operation not permitted" in text or "permission denied" in text:
        return OsdImageError(
            f"{directory}: the system does not let this process mount: it lacks the right, as in most containers"
        )
    if "user_allow_other" in text:
        return OsdImageError(f"{_CONFIGURATION}: does not let users open their mounts to others")
    if "too many fuse filesystems" in text:
        return OsdImageError(f"{directory}: FUSE has as many mounts as {_CONFIGURATION} allows")
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return OsdImageError(f"{directory}: FUSE did not mount it" + (f" ({lines[-1]})" if lines else ""))
