"""The files of a medium as the source of a new FAT volume, and as what is put into a volume that is there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from osdimage.imaging.attributes import FileAttribute
from osdimage.imaging.media.parts.medium import MediumFile
from osdimage.imaging.progress import Meter, Phase
from osdimage.imaging.volume.fat.source import Source, SourceEntry, from_entries
from osdimage.imaging.volume.files import VolumeFiles


def source_of(files: Iterable[MediumFile], *, name: str) -> Source:
    """Return the source of a volume that is to hold files, in their order."""
    return from_entries(map(_entry, files), name=name)


def write_files(volume: VolumeFiles, files: Sequence[MediumFile], meter: Meter) -> None:
    """Write files into a volume that is open for writing, each piece by piece.

    Raises:
        StorageError: when reading or writing failed, or a file has changed since the medium was planned.
        OsdImageError: as :meth:`VolumeFiles.write_pieces`.
    """
    total, done = sum(each.size for each in files), 0
    for each in files:
        pieces = _told(each, meter, done, total)
        volume.write_pieces(each.path, pieces, each.size, modified_ns=each.modified_ns)
        done += each.size


def _told(file: MediumFile, meter: Meter, done: int, total: int) -> Iterator[bytes]:
    for piece in file.contents.pieces():
        yield piece
        done += len(piece)
        meter.step(Phase.EXTRACT_DATA, done, total)


def _entry(file: MediumFile) -> SourceEntry:
    return SourceEntry(
        file.path,
        size=file.size,
        attributes=FileAttribute.ARCHIVE.value,
        created_ns=file.modified_ns,
        modified_ns=file.modified_ns,
        accessed_ns=file.modified_ns,
        contents=file.contents.pieces,
        copy=file.contents.copy_to,
    )
