"""What an interrupted change of files has left to be carried out in a volume, for whoever reads it or goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from osdimage.imaging.disk.content import FATS, Content
from osdimage.imaging.volume.pending import overlaid

if TYPE_CHECKING:
    from osdimage.imaging.disk.target import BlockTarget
    from osdimage.imaging.disk.volume import OpenVolume
    from osdimage.imaging.volume.pending import Pending


def find_interrupted(volume: OpenVolume) -> Pending | None:
    """Return the rest of a change of an NTFS or FAT volume that was interrupted after it was decided, or None.

    Raises:
        StorageError: when the volume cannot be read.
    """
    if volume.content is Content.NTFS:
        from osdimage.imaging.volume.ntfs import session  # noqa: PLC0415 - not for who looks at a table

        return session.find_pending(volume)
    if volume.content in FATS:
        from osdimage.imaging.volume.fat.edit import find_pending  # noqa: PLC0415 - as above

        return find_pending(volume.window())
    return None


def settled_window(volume: OpenVolume) -> BlockTarget:
    """Return the window of a volume, for reading: with what is still to be carried out, where something is.

    Raises:
        StorageError: when the volume cannot be read.
    """
    window, found = volume.window(), find_interrupted(volume)
    return window if found is None else overlaid(window, found)


def finish_interrupted(volume: OpenVolume) -> bool:
    """Carry out what an interrupted change has left, in a volume that is open for writing; return whether it had.

    Raises:
        StorageError: when reading or writing failed.
    """
    if volume.content is Content.NTFS:
        from osdimage.imaging.volume.ntfs import session  # noqa: PLC0415 - not for who looks at a table

        return session.finish(volume)
    if volume.content in FATS:
        from osdimage.imaging.volume.fat.edit import finish  # noqa: PLC0415 - as above

        return finish(volume.window())
    return False
