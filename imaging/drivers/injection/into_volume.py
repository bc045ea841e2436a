"""Changes of a Windows in a volume: a partition of a disk, or a file or device that is one.

An NTFS volume gets all of them at one moment, or none (``volume/ntfs/session.py``).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from osdimage.imaging.disk.volume import OpenVolume
from osdimage.imaging.drivers.injection.changes import Changes, edit_hive
from osdimage.imaging.drivers.injection.target import InjectionTarget
from osdimage.imaging.errors import TargetRefused
from osdimage.imaging.files import FileSource
from osdimage.imaging.registry.beside import read_beside, write_beside
from osdimage.imaging.registry.places import MAX_HIVE_BYTES
from osdimage.imaging.registry.write import write_hive
from osdimage.imaging.volume.filesystems import open_files
from osdimage.imaging.volume.hazards import hazards


class VolumeTarget(InjectionTarget):
    """A volume that is open and stays the caller's.

    Attributes:
        name: what messages call the volume.
    """

    def __init__(self, volume: OpenVolume, *, sync: bool = True) -> None:
        """Take a volume; ``sync``: wait until what was written is on the medium."""
        self.name: str = volume.name
        self._volume = volume
        self._sync = sync

    @contextmanager
    def opened(self) -> Iterator[FileSource]:
        """Open the files; see :meth:`InjectionTarget.opened`."""
        with open_files(self._volume) as files:
            yield files

    def refuse_unwritable(self, *, force: bool) -> None:
        """Refuse a volume that is in use; see :meth:`InjectionTarget.refuse_unwritable`."""
        found = () if force else hazards(self._volume)
        if found:
            raise TargetRefused(found[0])

    def carry_out(self, changes: Changes, *, now: datetime, force: bool) -> None:
        """Make the changes; see :meth:`InjectionTarget.carry_out`."""
        windows = changes.windows
        with open_files(self._volume, write=True, force=force, sync=self._sync) as files:
            for each in changes.files:
                each.refuse_changed_in(files)
                files.write(each.path, each.read(), modified_ns=int(now.timestamp()) * 10**9)
            for name, edits in changes.edits_by_hive().items():
                path = windows.hive_path(name)
                hive = read_beside(files, path, limit=MAX_HIVE_BYTES, name=f"{self.name}: {path}")
                edit_hive(hive, name, edits)
                write_beside(files, path, write_hive(hive, now=now), empties_logs=hive.is_unclosed)
