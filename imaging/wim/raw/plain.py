"""A WIM for a while: some images, and of their contents only what is asked for, uncompressed.

libwim makes of it what contents of other forms (solid ones, those of several files) cannot be made of by a copy.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree as ET

from osdimage.imaging.errors import CorruptWim, StorageError
from osdimage.imaging.output import write_at
from osdimage.imaging.progress import Meter, Phase
from osdimage.imaging.wim.contents import BlobSource
from osdimage.imaging.wim.described.changes import encode
from osdimage.imaging.wim.stored.blob_table import sha1_of
from osdimage.imaging.wim.stored.format import BLOB_STRUCT, HEADER_SIZE, Header, HeaderFlag, Resource, ResourceFlag
from osdimage.native.wim.raw_copy import CopyPlan


class PlainWim:
    """Writes such a WIM to an empty file that is open for reading and writing."""

    def __init__(self, descriptor: int, path: Path) -> None:
        """Begin; ``path`` is what errors call the file."""
        self._descriptor = descriptor
        self._path = path
        self._end = HEADER_SIZE
        self._contents: list[bytes] = []

    def write(self, trees: Sequence[bytes], xml: ET.Element, flags: HeaderFlag) -> None:
        """Write what comes behind the contents, and the header.

        Args:
            trees: of the images, as they are stored, expanded.
            xml: the document.
            flags: of the header.

        Raises:
            CorruptWim: when libwim would not take a tree as it is.
            StorageError: when writing fails.
        """
        table = self._counted(trees)
        for tree in trees:
            where = Resource.plain(self._put(tree), len(tree), ResourceFlag.METADATA)
            table += BLOB_STRUCT.pack(*where.numbers(), 1, 1, sha1_of(tree))
        document = encode(xml)
        header = Header(
            guid=os.urandom(16),
            flags=flags,
            image_count=len(trees),
            blob_table=Resource.plain(self._put(table), len(table)),
            xml=Resource.plain(self._put(document), len(document)),
        )
        self._write(header.build(), 0)

    def _counted(self, trees: Sequence[bytes]) -> bytes:
        """Return the table of the contents, with the numbers of references that the trees have."""
        plan = CopyPlan(b"".join(self._contents))
        try:
            for tree in trees:
                plan.add_tree(tree, may_miss=True)
            # All of it is wanted and lies side by side, so each keeps its place.
            plan.lay_out(self._end)
        except OSError as error:
            raise CorruptWim(f"{self._path}: a tree is not as libwim takes it: {error.strerror}") from error
        return plan.table(1)

    def take(self, source: BlobSource, meter: Meter, done: int, total: int) -> int:
        """Copy all blobs of a source behind what is there; return how many bytes are done with.

        Raises:
            CorruptWim: when contents are damaged.
            StorageError: when they cannot be read, or not be written.
        """
        names = [f"the contents with the SHA-1 {sha1.hex()}" for _, sha1 in source.facts]
        for number, pieces in source.read(names):
            size, sha1 = source.facts[number]
            where = Resource.plain(self._end, size)
            for piece in pieces:
                self._put(bytes(piece))
            self._contents.append(BLOB_STRUCT.pack(*where.numbers(), 1, 1, sha1))
            done += size
            meter.step(Phase.SCAN, done, total)
        return done

    def _put(self, data: bytes) -> int:
        at = self._end
        self._write(data, at)
        self._end += len(data)
        return at

    def _write(self, data: bytes, at: int) -> None:
        try:
            write_at(self._descriptor, data, at)
        except OSError as error:
            raise StorageError(
                f"{self._path}: what is kept for a while cannot be written: {error.strerror}",
                path=self._path,
                errno=error.errno,
            ) from error
