"""Opening a volume that is captured."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from osdimage.imaging.capture.config import CaptureConfig
from osdimage.imaging.capture.source import CaptureSource, Opened
from osdimage.imaging.disk.content import Content
from osdimage.imaging.errors import InvalidInput
from osdimage.imaging.volume.ntfs import state
from osdimage.imaging.volume.opened import OpenVolume, open_volume
from osdimage.native.slices.slices import CACHE_SIZE


@contextmanager
def opened_volume(source: CaptureSource, *, cache_size: int = CACHE_SIZE) -> Iterator[Opened]:
    """Open a source that is a volume for as long as the body of the ``with`` lasts.

    Raises:
        InvalidInput: when it is neither NTFS nor FAT32, or is damaged.
        OsdImageError: as :func:`~osdimage.imaging.volume.opened.open_volume`.
    """
    with open_volume(source.path, source.partition) as volume:
        if volume.content is Content.FAT32:
            with _fat_tree(volume, source.config) as prepared:
                yield prepared
            return
        if volume.content is not Content.NTFS:
            raise InvalidInput(f"{volume.name}: holds {volume.described}; a capture reads an NTFS or FAT32 volume")
        with volume.sliced(read_only=True, cache_size=cache_size) as piece, state.named(volume, piece):
            yield Opened(piece.name, volume, tuple(state.hazards(volume, state.read_facts(volume, piece))))


@contextmanager
def _fat_tree(volume: OpenVolume, config: CaptureConfig) -> Iterator[Opened]:
    # construct is slow to import, and comes with these.
    from osdimage.imaging.capture.fat import fat_tree  # noqa: PLC0415
    from osdimage.imaging.volume.fat.layout import CLEAN_BITS  # noqa: PLC0415
    from osdimage.imaging.volume.fat.read import open_fat32  # noqa: PLC0415

    opened = open_fat32(volume.window())
    hazards = []
    if opened.used_backup:
        hazards.append(f"{volume.name}: the boot sector is unusable; its copy was read")
    if opened.boot.is_dirty or opened.table[1] & CLEAN_BITS != CLEAN_BITS:
        hazards.append(f"{volume.name}: the volume is marked dirty: an earlier write to it was not finished")
    with fat_tree(opened, config) as prepared:
        yield Opened(volume.name, volume, tuple(hazards), prepared)
