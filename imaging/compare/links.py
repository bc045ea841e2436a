"""Reparse points that Linux has as symbolic links: what a link must say when an image was applied to a directory.

The buffers are those of [MS-FSCC] 2.1.2.4 and 2.1.2.5, without their first eight bytes, as a WIM keeps them.  What
becomes of one is what libwim does, to the byte (1.13 and 1.14, ``wim_inode_readlink`` of ``src/reparse.c``): it keeps
``.``, empty names and slashes at the end, and lets slash and backslash change places, so that a backslash in a link of
Linux comes back.
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from pathlib import Path

from osdimage.imaging.compare.fidelity import Fidelity, Tally
from osdimage.imaging.compare.hashes import EMPTY_SHA1
from osdimage.imaging.units import counted
from osdimage.imaging.wim.blobs import read_small_blobs
from osdimage.imaging.wim.contents import references
from osdimage.imaging.wim.entries import Entry
from osdimage.imaging.wim.failures import wim_errors
from osdimage.imaging.wim.image import WimImage

SYMBOLIC_LINK = 0xA000000C
MOUNT_POINT = 0xA0000003
_RELATIVE = 1
MAX_BUFFER = 16 << 10
"""MAXIMUM_REPARSE_DATA_BUFFER_SIZE: the largest reparse buffer."""
# What NT writes in front of a drive or of the name of a device.
_PREFIXES = ("\\??\\", "\\DosDevices\\", "\\Device\\")
_EXCHANGED = str.maketrans("/\\", "\\/")


@dataclass(frozen=True, slots=True)
class _Link:
    """A symbolic link of Linux whose text is to be compared with a reparse point of the image."""

    path: str
    tag: int
    sha1: bytes
    text: str


class LinkComparison:
    """Compares what links of Linux say with the reparse points of an image, all at the end: what they say is in blobs.

    Attributes:
        notes: what could not be compared.
    """

    def __init__(self, tally: Tally) -> None:
        """Begin with no link."""
        self.notes: list[str] = []
        self._tally = tally
        self._links: list[_Link] = []

    def expect(self, entry: Entry, tag: int, text: str) -> None:
        """Put a link that says a text on the list."""
        self._links.append(_Link(entry.path, tag, entry.streams[0].sha1 or EMPTY_SHA1, text))

    def compare(self, image: WimImage, target: Path) -> None:
        """Compare what is on the list.

        Raises:
            CorruptWim: when a blob cannot be read.
        """
        if not self._links:
            return
        wim, blobs = image.path, {EMPTY_SHA1: b""}
        for place in (wim, *references(wim, image.handle)):
            with wim_errors(place):
                missing = {link.sha1 for link in self._links} - blobs.keys()
                blobs |= read_small_blobs(place, missing, largest=MAX_BUFFER)
        unknown = 0
        for link in self._links:
            if link.sha1 not in blobs:
                unknown += 1
                self._tally.dropped(Fidelity.REPARSE_POINTS)
                continue
            texts = link_texts(link.tag, blobs[link.sha1], target)
            if link.text in texts:
                self._tally.restored(Fidelity.REPARSE_POINTS)
            else:
                wanted = texts[0] if texts else "what its damaged reparse point says"
                self._tally.different(Fidelity.REPARSE_POINTS, link.path, wanted, link.text)
        if unknown:
            self.notes.append(
                f"{counted(unknown, 'link was', 'links were')} not compared: {wim} is pipable, or what they say is in "
                "another file"
            )


def link_texts(tag: int, data: bytes, target: Path) -> tuple[str, ...]:
    r"""Return what a link may say that stands for a reparse point in a directory.

    A relative link says what its reparse point says.  An absolute one leads to the root of the file system, as
    ``C:\Users`` is ``/Users``, or, when the image's links are rewritten on apply, to the root of the target.
    Nothing is returned when the buffer is damaged.
    """
    head = 12 if tag == SYMBOLIC_LINK else 8
    if len(data) < head:
        return ()
    offset, length = struct.unpack_from("<HH", data)
    is_relative = tag == SYMBOLIC_LINK and bool(struct.unpack_from("<I", data, 8)[0] & _RELATIVE)
    name = data[head + offset : head + offset + length]
    if len(name) != length or length % 2:
        return ()
    text = name.decode("utf-16-le", "surrogatepass")
    if is_relative:
        return (_of_linux(text) or "/",)
    path = _of_linux(_without_device(text))
    return (path or "/", os.fspath(target.resolve()).rstrip("/") + path)


def _without_device(text: str) -> str:
    """Return a path of NT from the root of its drive or device; it is empty when it is that root."""
    for prefix in _PREFIXES:
        if text.startswith(prefix):
            _, slash, path = text[len(prefix) :].lstrip("\\").partition("\\")
            return slash + path
    return text


def _of_linux(text: str) -> str:
    """Return a path with the separators of Linux; what is behind a zero, no link can say."""
    return text.partition("\0")[0].translate(_EXCHANGED)
