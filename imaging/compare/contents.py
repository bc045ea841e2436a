"""Comparing the streams of files: their sizes at once, their hashes at the end."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from osdimage.imaging import wof
from osdimage.imaging.attributes import FileAttribute
from osdimage.imaging.compare import describe
from osdimage.imaging.compare.fidelity import Fidelity, Tally
from osdimage.imaging.compare.hashes import EMPTY_SHA1, StreamHash, StreamHashes
from osdimage.imaging.compare.target import ComparedTarget, FoundFile, FoundStream
from osdimage.imaging.progress import Meter
from osdimage.imaging.wim.entries import Entry, Stream
from osdimage.imaging.wim.image import WimImage
from osdimage.imaging.wim.wof import WofFile, expanded

# Plain numbers: the flags of an enumeration are slow, and these meet every file.
_DIRECTORY, _ENCRYPTED = int(FileAttribute.DIRECTORY), int(FileAttribute.ENCRYPTED)


class ContentsComparison:
    """Compares the streams of the files of one image with those of one target."""

    def __init__(
        self,
        target: ComparedTarget,
        tally: Tally,
        compressed: Mapping[str, WofFile],
        behind: Mapping[str, bytes] | None,
    ) -> None:
        """Begin with no file.

        Args:
            target: what is compared.
            tally: takes what is found.
            compressed: the files that Windows has compressed and the target holds plain, by their paths.
            behind: the SHA-1 of the contents that files have besides their reparse points; None when it is not known.
        """
        self._target = target
        self._tally = tally
        self._compressed = compressed
        self._behind = behind
        self._hashes = StreamHashes(target)
        self._expanded: dict[str, tuple[FoundStream, int]] = {}

    def compare(self, entry: Entry, found: FoundFile) -> None:
        """Compare the sizes of the streams, and put those that are to be hashed on the list."""
        streams = {stream.name: stream for stream in found.streams}
        compressed = self._compressed.get(entry.path)
        if compressed is not None:
            self._compare_compressed(compressed, streams.get(None), found.identity)
        elif entry.reparse_tag is not None and found.what == "a file" and self._behind is not None:
            self._compare_behind(entry, self._behind.get(entry.path), streams.get(None), found.identity)
        for position, stream in enumerate(entry.streams):
            there = streams.pop(stream.name, None)
            kind = Fidelity.CONTENTS if position == 0 else Fidelity.NAMED_STREAMS
            if position == 0 and not (has_contents(entry) and found.what == "a file"):
                continue
            if compressed is not None and self._target.takes_any_form and is_stored_form(stream.name):
                continue
            if kind not in self._target.holds or entry.attributes & _ENCRYPTED:
                # libwim cannot write what was captured encrypted (EFS) to any target of Linux.
                self._tally.dropped(kind)
                continue
            self._compare_stream(kind, _stream_path(entry.path, stream.name), stream, there, found.identity)
        for name, extra in streams.items():
            if name is not None:
                path = _stream_path(entry.path, name)
                self._tally.different(Fidelity.EXTRA, path, None, describe.size(extra.size))

    def hash(self, image: WimImage, threads: int, meter: Meter) -> int:
        """Hash what was put off and count it; return how many bytes of the target were read.

        Raises:
            OsdImageError: as :func:`~osdimage.imaging.wim.wof.expanded` and :meth:`StreamHashes.compare`.
        """
        self._expand(image)
        return self._hashes.compare(self._tally, threads, meter)

    def _expand(self, image: WimImage) -> None:
        """Put files that Windows has compressed on the list to be hashed, as what they are when they are expanded."""
        files = [self._compressed[path] for path in self._expanded]
        for file, pieces in expanded(image.path, image.handle, files):
            digest = hashlib.sha1(usedforsecurity=False)
            for piece in pieces:
                digest.update(piece)
            stream, identity = self._expanded[file.path]
            self._hashes.expect(identity, stream, StreamHash(Fidelity.CONTENTS, file.path, digest.digest()))

    def _compare_compressed(self, file: WofFile, there: FoundStream | None, identity: int) -> None:
        if there is not None and there.size == file.size:
            self._expanded[file.path] = (there, identity)
        else:
            found = None if there is None else describe.size(there.size)
            self._tally.different(Fidelity.CONTENTS, file.path, describe.size(file.size), found)

    def _compare_behind(self, entry: Entry, expected: bytes | None, there: FoundStream | None, identity: int) -> None:
        """Compare the contents that a file has besides its reparse point, as files do that are stored elsewhere."""
        size = 0 if there is None else there.size
        if there is not None and size and expected is not None:
            self._hashes.expect(identity, there, StreamHash(Fidelity.CONTENTS, entry.path, expected))
        elif size or expected is not None:
            wanted = describe.size(0) if expected is None else describe.sha1(expected)
            self._tally.different(Fidelity.CONTENTS, entry.path, wanted, describe.size(size))

    def _compare_stream(
        self, kind: Fidelity, path: str, stream: Stream, there: FoundStream | None, identity: int
    ) -> None:
        if there is None and (kind is Fidelity.NAMED_STREAMS or stream.size):
            self._tally.different(kind, path, describe.size(stream.size), None)
        elif there is not None and there.size != stream.size:
            self._tally.different(kind, path, describe.size(stream.size), describe.size(there.size))
        elif there is None or (there.size == 0 and stream.sha1 is None):
            self._tally.restored(kind)
        else:
            self._hashes.expect(identity, there, StreamHash(kind, path, stream.sha1 or EMPTY_SHA1))


def has_contents(entry: Entry) -> bool:
    """Tell whether the first stream is the contents: not of a directory, and not a reparse point's buffer."""
    return not entry.attributes & _DIRECTORY and entry.reparse_tag is None


def is_stored_form(name: str | None) -> bool:
    """Tell whether a stream is that in which Windows keeps the contents of a file that it has compressed."""
    return name is not None and name.lower() == wof.STREAM.lower()


def _stream_path(path: str, name: str | None) -> str:
    return path if name is None else f"{path}:{name}"
