r"""Which names of an image a target takes.

What no name may be is refused everywhere (``wim/checks/names.py``): more than 255 UTF-16 units (12 of a short name), a
separator, a colon, ``.`` and ``..``; but a directory keeps ``\`` and the colon where that is asked for.  What a target
refuses is replaced where that is asked for (``naming.py``).  Of names that a WIM may hold and Windows does not open:

====================================================  =========  ==========  ==========
name                                                  directory  NTFS        FAT
====================================================  =========  ==========  ==========
differs from another of its folder in case only       kept [1]_  kept, told  refused
holds one of ``< > " | ? *`` or a control character   kept [1]_  kept, told  refused
ends in a dot or a blank                              kept [1]_  kept, told  refused
of a device: ``CON``, ``lpt1.txt``                    kept [1]_  kept, told  kept, told
holds half a surrogate pair                           kept [1]_  kept, told  kept, told
short name that cannot be, or that two files have     dropped    refused     made anew
====================================================  =========  ==========  ==========

.. [1] Where the file system takes it, which is tried in a folder that is removed again; else the target is refused.

Streams exist on NTFS only.  A directory also has limits for the bytes of a name, of a path and of the target of a link,
and NTFS for the size of a reparse point.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from osdimage.imaging.disk.content import FileSystem
from osdimage.imaging.errors import TargetRefused, UnsafeName, quoted
from osdimage.imaging.loss import Loss
from osdimage.imaging.wim.checks.audit import refuse_unkept_names
from osdimage.imaging.wim.checks.names import KEPT, OTHER_NAMES, REASONS, REFUSED, names_told, refusal
from osdimage.imaging.wim.entries import Audit
from osdimage.imaging.wim.failures import wim_errors
from osdimage.imaging.wim.image import WimImage
from osdimage.native.wim.tree import Fault

_REFUSED_ON = {each: frozenset({Fault.TWIN if each.is_fat else Fault.SHORT}) for each in FileSystem}
# What else FAT refuses, of what it takes of an image: volume/fat/names.py.
_REFUSED_BY_FAT = frozenset({Fault.CHARACTER, Fault.END})
REFUSED_ON = {each: refused | _REFUSED_BY_FAT if each.is_fat else refused for each, refused in _REFUSED_ON.items()}
"""What each kind of volume refuses, besides what is refused everywhere."""
# [MS-FSCC] 2.1.2.1: 16 KiB, of which the header takes eight bytes.
_LARGEST_REPARSE_DATA = 16 * 1024 - 8


def refuse_for_volume(path: Path, index: int, audit: Audit, filesystem: FileSystem) -> None:
    """Refuse an image with a name or a reparse point that a kind of volume does not take.

    Args:
        path: the WIM.
        index: the image.
        audit: of the image.
        filesystem: of the volume.

    Raises:
        UnsafeName: which names the first.
    """
    for each in audit.faulty:
        if each.fault not in _REFUSED_ON[filesystem]:
            continue
        # FAT has no streams, so that their names do not matter.
        paths = [path for path in each.examples if filesystem is FileSystem.NTFS or ":" not in path]
        if paths:
            raise UnsafeName(
                f"{path}: image {index}: {refusal(replace(each, examples=tuple(paths)))}, which a volume of "
                f"{filesystem.called} cannot hold",
                path=paths[0],
            )
    if filesystem is FileSystem.NTFS and audit.extent.largest_reparse > _LARGEST_REPARSE_DATA:
        raise UnsafeName(
            f"{path}: image {index}: a reparse point of {audit.extent.largest_reparse} bytes, "
            f"{quoted(audit.extent.largest_reparse_at)}, is larger than the {_LARGEST_REPARSE_DATA} of NTFS",
            path=audit.extent.largest_reparse_at,
        )


def refuse_unkept(image: WimImage, audit: Audit, filesystem: FileSystem | None) -> None:
    """Refuse an image with a name that cannot be kept as it is.

    Args:
        image: the image.
        audit: of it.
        filesystem: of the volume; None for a directory, which can have all names but those with a ``/``, ``.`` and
            ``..``, and those that are too long.

    Raises:
        UnsafeName: which names the first, that no target can have.
        TargetRefused: which names the first, that a directory could have.
    """
    if audit.refusal is None:
        return
    if filesystem is None:
        with wim_errors(image.path):
            refuse_unkept_names(image.path, image.handle, image.index)
        return
    raise TargetRefused(
        f"{image.path}: image {image.index}: the name of {quoted(audit.refused_path or '/')} {REASONS[audit.refusal]}, "
        f"and can be kept in a directory of Linux only, not on a volume of {filesystem.called}",
        remedy=OTHER_NAMES,
    )


def told_in_directory(audit: Audit) -> tuple[Loss, ...]:
    """Return the names that a directory keeps although no Windows image may hold them, by class."""
    return names_told([each for each in audit.faulty if each.fault in KEPT])


def told_on_volume(audit: Audit, filesystem: FileSystem) -> tuple[Loss, ...]:
    """Return the names that a kind of volume keeps and Windows cannot open, by class."""
    refused = {*REFUSED, *_REFUSED_ON[filesystem], Fault.SHORT}
    if filesystem.is_fat:
        refused |= _REFUSED_BY_FAT
    return names_told([each for each in audit.faulty if each.fault not in refused])
