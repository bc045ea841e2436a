"""An NTFS volume that an image is compared with, read by code that writes none."""

from __future__ import annotations

from collections.abc import Iterator

from osdimage.imaging.compare.fidelity import OF_UNIX, Fidelity
from osdimage.imaging.compare.target import ComparedTarget, FoundFile, FoundStream, ScanProgress
from osdimage.imaging.disk.content import FileSystem
from osdimage.imaging.disk.target import BlockTarget
from osdimage.imaging.volume.ntfs.read import NtfsVolume


class NtfsTarget(ComparedTarget):
    """An NTFS volume."""

    kind = "an NTFS volume"
    filesystem: FileSystem | None = FileSystem.NTFS
    holds = frozenset(Fidelity) - OF_UNIX

    def __init__(self, window: BlockTarget) -> None:
        """Open the volume; see :class:`NtfsVolume`."""
        self._volume = NtfsVolume(window)
        if self._volume.is_dirty:
            self.notes = ("the volume is marked dirty: what wrote it did not finish",)

    def files(self, progress: ScanProgress) -> Iterator[FoundFile]:
        """Yield every name, as the MFT has it."""
        for entry in self._volume.entries(progress):
            yield FoundFile(
                entry.path,
                "a directory" if entry.is_directory else "a file",
                entry.record,
                entry.links,
                entry.modified,
                entry.attributes,
                entry.created,
                entry.accessed,
                entry.security_descriptor,
                entry.short_name,
                entry.object_id,
                entry.reparse,
                streams=tuple(FoundStream(each.name, each.size, each) for each in entry.streams),
            )

    def pieces(self, stream: FoundStream) -> Iterator[bytes]:
        """Yield the contents of a stream."""
        return self._volume.pieces(stream.source)

    def position(self, stream: FoundStream) -> int:
        """Return where on the volume the stream begins."""
        return self._volume.position(stream.source)
