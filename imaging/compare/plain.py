"""A target of which the files that Windows has compressed as a whole are taken for plain ones.

An image may have such a file compressed and a volume plain, or the other way round: what a program reads is the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from osdimage.imaging import wof
from osdimage.imaging.attributes import FileAttribute
from osdimage.imaging.compare.fidelity import Fidelity
from osdimage.imaging.compare.target import ComparedTarget, FoundFile, FoundStream, ScanProgress
from osdimage.imaging.errors import InvalidInput, InvalidVolume
from osdimage.imaging.wim.entries import Entry

# Those by which such a file differs from a plain one.
_OF_STORAGE = int(FileAttribute.SPARSE_FILE | FileAttribute.REPARSE_POINT)


@dataclass(frozen=True, slots=True)
class _Compressed:
    """The contents of a file that Windows has compressed: where they are stored, their plain size, and how."""

    stored: FoundStream
    size: int
    algorithm: wof.Algorithm


class PlainTarget(ComparedTarget):
    """Another target, whose compressed files look plain."""

    takes_any_form = True

    def __init__(self, inner: ComparedTarget) -> None:
        """Take the target."""
        self._inner = inner
        self.kind = inner.kind
        self.filesystem = inner.filesystem
        self.holds = inner.holds
        self.attributes = inner.attributes & ~_OF_STORAGE
        self.names_by_itself = inner.names_by_itself
        self.notes = inner.notes

    def files(self, progress: ScanProgress) -> Iterator[FoundFile]:
        """Yield every name."""
        return map(_plain, self._inner.files(progress))

    def pieces(self, stream: FoundStream) -> Iterator[bytes]:
        """Yield the contents of a stream, expanded.

        Raises:
            InvalidVolume: when they are damaged.
            StorageError: when they cannot be read.
        """
        source = stream.source
        if not isinstance(source, _Compressed):
            yield from self._inner.pieces(stream)
            return
        try:
            yield from map(bytes, wof.expand(self._inner.pieces(source.stored), source.size, source.algorithm))
        except InvalidVolume:
            raise
        except InvalidInput as error:
            raise InvalidVolume(str(error)) from error

    def position(self, stream: FoundStream) -> int:
        """Return a number by which streams are sorted."""
        source = stream.source
        return self._inner.position(source.stored if isinstance(source, _Compressed) else stream)

    def keeps_reparse_point(self, tag: int) -> bool:
        """Tell whether reparse points of a kind have a place; those of compressed files are not looked at."""
        return tag != wof.TAG and self._inner.keeps_reparse_point(tag)

    def keeps_extended_attribute(self, name: bytes) -> bool:
        """Tell whether an extended attribute of this name has a place."""
        return self._inner.keeps_extended_attribute(name)

    def extended_attributes(self, file: FoundFile) -> dict[bytes, bytes]:
        """Return the extended attributes of a file."""
        return self._inner.extended_attributes(file)

    def leaves_out(self, entry: Entry) -> bool:
        """Tell whether a file of the image has no place at all."""
        return self._inner.leaves_out(entry)

    def nearest_time(self, kind: Fidelity, ticks: int) -> int:
        """Return what a time of the image becomes."""
        return self._inner.nearest_time(kind, ticks)

    def spans_time(self, ticks: int) -> bool:
        """Tell whether a time becomes the same but for rounding."""
        return self._inner.spans_time(ticks)


def _plain(file: FoundFile) -> FoundFile:
    """Return a file as a program of Windows sees it; one whose contents are elsewhere stays as it is."""
    if file.reparse is None or int.from_bytes(file.reparse[:4], "little") != wof.TAG:
        return file
    whole = _stream(file.streams, "")
    stored = _stream(file.streams, wof.STREAM)
    if whole is None or stored is None:
        return file
    try:
        algorithm = wof.parse(file.reparse[wof.HEADER_BYTES :])
    except InvalidInput:
        return file
    plain = FoundStream(None, whole.size, _Compressed(stored, whole.size, algorithm))
    others = tuple(each for each in file.streams if each is not whole and each is not stored)
    return replace(file, reparse=None, streams=(plain, *others))


def _stream(streams: Iterable[FoundStream], name: str) -> FoundStream | None:
    return next((each for each in streams if (each.name or "").lower() == name.lower()), None)
