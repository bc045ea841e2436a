"""Writing a disc, where one belongs."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from osdimage.imaging.disc.written.plan import DiscPlan
from osdimage.imaging.disc.written.write import write_disc
from osdimage.imaging.errors import InvalidRequest, Means, Remedy, TargetRefused
from osdimage.imaging.output import refuse_existing, refuse_irregular, refuse_source
from osdimage.imaging.progress import ProgressCallback
from osdimage.imaging.wim.placed.on_disc import file_of


def write_iso(
    plan: DiscPlan, path: str | os.PathLike[str], *, replace: bool = False, progress: ProgressCallback | None = None
) -> None:
    """Write a disc into a new file, which gets its name once it is complete.

    Args:
        plan: the disc, of :func:`~osdimage.imaging.media.plan_iso`.
        path: of the file.
        replace: whether a file of this name is replaced, in one step at the end.
        progress: is told how much of the contents is written; it stops the work by raising an exception of its own.

    Raises:
        TargetRefused: when it is a device, or there is a file of this name and ``replace`` is false.
        InvalidRequest: when it is a file that the disc is to hold.
        TooSmall: when the file system has less room than the disc has bytes.
        StorageError: when a file cannot be read or has changed since the plan, or the disc cannot be written.
    """
    refuse_iso_target(path, replace=replace)
    write_disc(plan, path, replace=replace, progress=progress)


def refuse_iso_target(
    path: str | os.PathLike[str], *, replace: bool = False, sources: Iterable[str | os.PathLike[str]] = ()
) -> None:
    """Refuse a place where no ISO belongs, before the work is begun.

    Args:
        path: where it is to be.
        replace: whether a file that is there may be replaced.
        sources: files and folders whose contents it is to hold.

    Raises:
        TargetRefused: when it is a device, or a file that may not be replaced.
        InvalidRequest: when it is one of the sources, or lies within one.
    """
    target = Path(path)
    if _is_device(target):
        raise TargetRefused(
            f"{target}: is a device, and an ISO is a file, which another program burns",
            remedy=Remedy("choose a file, or write a stick with {}", (Means.WRITE_STICK,)),
        )
    # Of what is on a disc, that disc.
    for each in (file_of(Path(each)) for each in sources):
        if each.is_dir():
            if target.resolve().is_relative_to(each.resolve()):
                raise InvalidRequest(
                    f"{target}: lies within {each}, of which it is to be made; valid is a place elsewhere"
                )
        else:
            refuse_source(target, each, "what the disc is to be made of")
    if replace:
        refuse_irregular(target)
    else:
        refuse_existing(target)


def _is_device(path: Path) -> bool:
    with suppress(OSError):
        mode = path.stat().st_mode
        return stat.S_ISBLK(mode) or stat.S_ISCHR(mode)
    return False
