"""Writing a WIM anew without what nothing refers to."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from osdimage.imaging.errors import InvalidRequest
from osdimage.imaging.logs import logged
from osdimage.imaging.progress import Meter, Phase, ProgressCallback
from osdimage.imaging.wim.raw.export import RawCopy, copy_images
from osdimage.imaging.wim.raw.source import NotRaw
from osdimage.imaging.wim.stored.in_place import changeable_header, locked


@dataclass(frozen=True, slots=True)
class OptimizeResult:
    """What it gained.

    Attributes:
        path: the WIM.
        old_size: before, in bytes.
        new_size: now.
    """

    path: Path
    old_size: int
    new_size: int


@logged("optimize {wim}")
def optimize_wim(
    wim: str | os.PathLike[str], *, integrity: bool | None = None, progress: ProgressCallback | None = None
) -> OptimizeResult:
    """Write a WIM anew beside the old one, which is replaced in one step; nothing is compressed again.

    What was appended, deleted or interrupted leaves holes, and a WIM of many appends lies in pieces.  The images, their
    order and the GUID stay.  What a delta has in other files stays there.

    Args:
        wim: the WIM.
        integrity: whether it has an integrity table afterwards; None as before.
        progress: receives the progress.

    Raises:
        InvalidRequest: when it cannot be copied as it is stored, as a WIM that needs its solid resources in part.
        NotAWim: when it is none, or pipable.
        TargetRefused: when it is read-only, a part of a split WIM, or another program is writing to it.
        CorruptWim: when its XML is damaged, or its header claims more than the file can hold.
        StorageError: when reading or writing failed; the WIM is as it was, unless the message says otherwise.
    """
    path = Path(wim)
    meter = Meter(progress, {Phase.WRITE_DATA: 1})
    # What another program appends while the new file is written would be lost: the lock comes first.
    with locked(path) as descriptor:
        old_size = os.fstat(descriptor).st_size
        header = changeable_header(path, descriptor)
        copy = RawCopy(
            tuple(range(1, header.image_count + 1)),
            boot_index=header.boot_index if header.boot_index <= header.image_count else 0,
            guid=header.guid,
            has_integrity=integrity,
            may_miss=True,
        )
        try:
            copy_images(path, path, copy, replace=True, meter=meter)
        except NotRaw as error:
            raise InvalidRequest(
                f"{path}: cannot be written anew as it is stored: {error}; export its images to a new file"
            ) from error
    meter.finish()
    return OptimizeResult(path, old_size, path.stat().st_size)
