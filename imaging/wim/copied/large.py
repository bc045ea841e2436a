"""Files that are too large for a part of a split WIM, found before anything is written.

What is copied as it is stored has a known size.  Of what is compressed again, only files that are larger than a part
come into question; these are compressed once to see, as there are few of them and all the others may take hours.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from osdimage.imaging.errors import InvalidRequest, Means, Remedy, StorageError, quoted
from osdimage.imaging.units import format_size
from osdimage.imaging.wim.compression import CompressionSpec
from osdimage.imaging.wim.contents import references
from osdimage.imaging.wim.failures import wim_errors
from osdimage.imaging.wim.file import WimFile
from osdimage.imaging.wim.image import WimImage
from osdimage.imaging.wim.opening import open_wim
from osdimage.imaging.wim.placed.place import opened_file
from osdimage.native.runtime import Compression
from osdimage.native.wim.compress import stored_size
from osdimage.native.wim.entries import Entry, each_entry
from osdimage.native.wim.handles import WimHandle
from osdimage.native.wim.resource import BlobTable, ResourceReader
from osdimage.native.wim.tree import Blob

LARGER = Remedy("{} makes the part as large as it must be", (Means.ALLOW_LARGER,))
"""What to do about a file that is larger than a part."""


def least_size(handle: WimHandle, spec: CompressionSpec, file_size: int, *, was_solid: bool) -> int:
    """Return how much all contents of a WIM take at least when they are compressed anew, in bytes.

    That is known of what is not compressed, and of what comes out of a solid resource, as nothing is smaller than that;
    otherwise it is 0.
    """
    if spec.format is Compression.NONE:
        return sum(blob.size for blob in _blobs(handle))
    return file_size if was_solid and not spec.solid else 0


def _blobs(handle: WimHandle) -> Iterator[Blob]:
    """Yield the contents of files that a WIM has, in all of its files."""
    table = BlobTable(handle)
    for position in range(len(table)):
        blob = table[position]
        if not blob.is_metadata:
            yield blob


def refuse_large_files(source: WimFile, images: Sequence[WimImage], spec: CompressionSpec, part_bytes: int) -> None:
    """Refuse images with a file that is larger than a part, compressed as told.

    Raises:
        InvalidRequest: which names the file.
        StorageError: when it cannot be read.
    """
    large = {blob.sha1: blob for blob in _blobs(source.handle) if blob.size > part_bytes}
    if not large:
        return
    for sha1, path in _names(source, images, large).items():
        blob = large[sha1]
        size = blob.size if spec.format is Compression.NONE else _compressed(source, blob, spec, part_bytes)
        if size is not None and size > part_bytes:
            raise InvalidRequest(
                f"{source.path}: {quoted(path)} has {format_size(blob.size)} and takes more of a part than the "
                f"{format_size(part_bytes)} that it may have",
                remedy=LARGER,
            )


def _names(source: WimFile, images: Sequence[WimImage], large: dict[bytes, Blob]) -> dict[bytes, str]:
    """Return a path for each of some contents that images have."""
    names: dict[bytes, str] = {}

    def take(entry: Entry) -> None:
        for stream in entry.streams:
            if stream.sha1 in large:
                names.setdefault(stream.sha1, entry.path)

    for image in images:
        with wim_errors(source.path):
            each_entry(source.handle, image.index, "/", recursive=True, visit=take)
    return names


def _compressed(source: WimFile, blob: Blob, spec: CompressionSpec, most: int) -> int | None:
    """Return what contents take when they are compressed, in bytes, or a number above ``most``; None when not known."""
    for path in (source.path, *references(source.path, source.handle)):
        with wim_errors(path), open_wim(path) as handle:
            facts, table = handle.info(), BlobTable(handle)
        place = next((number for number in range(len(table)) if table[number].sha1 == blob.sha1), None)
        if facts.is_pipable or place is None:
            continue
        chunk = spec.chunk_size or spec.default_chunk_size
        assert chunk is not None  # noqa: S101 - what is compressed has one
        try:
            with opened_file(path) as file:
                reader = ResourceReader(
                    file.descriptor,
                    facts.compression or Compression.NONE,
                    facts.chunk_size,
                    begin=file.begin,
                    length=file.size,
                )
                try:
                    contents = _contents(reader, table[place])
                    return stored_size(contents, blob.size, spec.format, chunk, spec.native_level, most=most)
                finally:
                    reader.close()
        except OSError as error:
            raise StorageError(f"{path}: {error.strerror}", path=path, errno=error.errno) from error
    return None


def _contents(reader: ResourceReader, blob: Blob) -> Iterator[memoryview]:
    """Yield the contents of a blob, piece by piece, also of one inside a solid resource."""
    skip, left = blob.offset_in_resource, blob.size
    for piece in reader.pieces(blob):
        begin = min(skip, len(piece))
        skip -= begin
        taken = piece[begin : begin + left]
        left -= len(taken)
        if taken:
            yield taken
        if left == 0:
            return
