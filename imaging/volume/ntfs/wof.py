"""Files of an NTFS volume that Windows has compressed as a whole; see :mod:`osdimage.imaging.wof`.

libntfs-3g has no reader for them: they are read with the code that compares volumes.
"""

from __future__ import annotations

from collections.abc import Iterator

from osdimage.imaging import wof
from osdimage.imaging.disk.target import BlockTarget
from osdimage.imaging.errors import InvalidInput, InvalidVolume
from osdimage.imaging.volume.ntfs import records
from osdimage.imaging.volume.ntfs.data import Contents
from osdimage.imaging.volume.ntfs.mft import Mft
from osdimage.imaging.volume.ntfs.records import Attribute, BootSector, Reference

_BOOT_BYTES = 512
# A reparse buffer and the data of any provider that is known.
_LARGEST_POINT = (16 << 10) + 24


class WofRecords:
    """The records of a volume, for the files among them that Windows has compressed."""

    def __init__(self, volume: BlockTarget) -> None:
        """Find the MFT.

        Raises:
            InvalidVolume: when the volume is damaged.
            StorageError: when it cannot be read.
        """
        size = volume.geometry.size_bytes
        self._volume = volume
        self._boot = BootSector.from_bytes(volume.read_at(0, min(_BOOT_BYTES, size)), size)
        self._mft = Mft(volume, self._boot)

    def is_compressed(self, reference: int) -> bool:
        """Tell whether a file has the reparse point of such a file; ``reference`` is the one that libntfs-3g uses.

        Raises:
            InvalidVolume: when its record is damaged.
            StorageError: when it cannot be read.
        """
        return self._tag(self._point(self._attributes(reference))) == wof.TAG

    def read(self, reference: int) -> bytes:
        """Return the plain contents of such a file; see :meth:`pieces`."""
        return b"".join(bytes(piece) for piece in self.pieces(reference))

    def size(self, reference: int) -> int:
        """Return how many bytes such a file has when it is expanded: what its unnamed stream claims.

        Raises:
            InvalidInput: when that cannot be; the sentence continues one that begins with the file's name.
            StorageError: when it cannot be read.
        """
        whole = self._contents(self._attributes(reference), "")
        return 0 if whole is None else whole.size

    def pieces(self, reference: int) -> Iterator[memoryview]:
        """Yield the plain contents of such a file; each piece is valid until the next is asked for.

        Raises:
            InvalidInput: when they are damaged, or not in the file; the sentence continues one that begins with the
                file's name.
            StorageError: when they cannot be read.
        """
        attributes = self._attributes(reference)
        algorithm = wof.parse(self._point(attributes)[wof.HEADER_BYTES :])
        whole = self._contents(attributes, "")
        named = {each.name.lower(): each.name for each in attributes if each.kind == records.DATA and each.name}
        if whole is None or wof.STREAM.lower() not in named:
            raise InvalidInput("is compressed by Windows (WOF), and has no stream with its contents")
        stored = self._contents(attributes, named[wof.STREAM.lower()])
        if stored is None:
            raise InvalidInput("is compressed by Windows (WOF), and has no stream with its contents")
        yield from wof.expand(stored.pieces(self._volume, self._boot), whole.size, algorithm)

    def _attributes(self, reference: int) -> list[Attribute]:
        number = Reference.from_int(reference).number
        return self._mft.whole_record(number)[1]

    def _contents(self, attributes: list[Attribute], name: str) -> Contents | None:
        parts = [each for each in attributes if each.kind == records.DATA and each.name == name]
        return Contents.of(parts, f"the stream {name!r}") if parts else None

    def _point(self, attributes: list[Attribute]) -> bytes:
        parts = [each for each in attributes if each.kind == records.REPARSE_POINT]
        if not parts:
            return b""
        contents = Contents.of(parts, "the reparse point")
        try:
            return contents.read(self._volume, self._boot, limit=_LARGEST_POINT, what="the reparse point")
        except InvalidVolume:
            return b""

    @staticmethod
    def _tag(point: bytes) -> int | None:
        return int.from_bytes(point[:4], "little") if len(point) >= wof.HEADER_BYTES else None
