"""Opening what holds a Windows, for who reads its files: an image of a WIM, a volume, a partition or a folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from osdimage.imaging.disk.opening import AS_FOUND, Opening
from osdimage.imaging.disk.places import open_volume
from osdimage.imaging.disk.tables.read import read_table
from osdimage.imaging.disk.wim_mark import is_wim
from osdimage.imaging.drivers.supplied.folder import FolderFiles
from osdimage.imaging.errors import InvalidRequest, Means, Remedy
from osdimage.imaging.files import FileSource
from osdimage.imaging.volume.filesystems import open_files
from osdimage.imaging.wim.file import WimFile
from osdimage.imaging.wim.placed.on_disc import disc_path
from osdimage.imaging.wim.select import ImageSelector


@contextmanager
def open_windows_files(
    path: str | os.PathLike[str],
    *,
    partition: int | None = None,
    selector: ImageSelector | None = None,
    opening: Opening = AS_FOUND,
    refs: tuple[str, ...] = (),
) -> Iterator[FileSource]:
    """Yield the files of what holds a Windows; nothing is written to it.

    Args:
        path: a folder, a WIM, a disk, or a file or device that holds one volume.
        partition: of a disk: the number of the partition.
        selector: of a WIM: which image; None for its only one.
        opening: of a disk: how it is opened.
        refs: of a WIM: files with contents of it.

    Raises:
        InvalidRequest: when a partition or an image is chosen where there can be none, or has to be chosen.
        OsdImageError: when it cannot be opened or read.
    """
    where = Path(path)
    is_folder = where.is_dir()
    is_image = not is_folder and partition is None and (disc_path(where) is not None or is_wim(where))
    if not is_image and (refs or selector not in {None, ImageSelector()}):
        raise InvalidRequest(f"{where}: an image was chosen, and it is no WIM")
    if is_image:
        with WimFile.open(where, refs=refs) as opened:
            yield opened.select(selector or ImageSelector()).files()
    elif is_folder:
        if partition is not None:
            raise InvalidRequest(f"{where}: is a folder, which has no partitions")
        opening.require_disk(str(where))
        yield FolderFiles(where)
    else:
        with open_volume(where, partition, opening=opening, share=True) as volume:
            table = read_table(volume.target).table if partition is None and volume.content is None else None
            if table is not None:
                held = [f"{each.number} ({each.type_label})" for each in table.partitions if not each.is_extended]
                raise InvalidRequest(
                    f"{where}: is a disk with a partition table: {', '.join(held) or 'it has no partition'}",
                    remedy=Remedy("choose one with {}", (Means.PARTITION,)),
                )
            with open_files(volume) as files:
                yield files
