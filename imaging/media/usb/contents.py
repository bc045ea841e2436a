"""The files of a medium as the source of a new FAT volume."""

from __future__ import annotations

from collections.abc import Iterable

from osdimage.imaging.attributes import FileAttribute
from osdimage.imaging.media.parts.medium import MediumFile
from osdimage.imaging.volume.fat.source import Source, SourceEntry, from_entries


def source_of(files: Iterable[MediumFile], *, name: str) -> Source:
    """Return the source of a volume that is to hold files, in their order."""
    return from_entries(map(_entry, files), name=name)


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
