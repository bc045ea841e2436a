"""A second opinion on a FAT32 volume, by a reader that shares no code with the one that wrote it: pyfatfs.

pyfatfs is used for this and for nothing else.  It fills some twenty files a second, leaves FSInfo as it was, formats by
truncating the file it is given, and marks a volume dirty when it may write; here it gets a stream that cannot be
written.  It follows loops for ever, so it is asked only about volumes in which our own check found no error.  Its
package ``fs`` and pkg_resources belong to the module PyFatFS, which is not imported.
"""

from __future__ import annotations

import hashlib
import io
import struct
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from osdimage.imaging.disk.target import BlockTarget
from osdimage.imaging.errors import InvalidVolume
from osdimage.imaging.units import MIB
from osdimage.imaging.volume.fat32_layout import Fat32Layout

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

LARGEST_FAT = 4 * MIB
"""In clusters.  pyfatfs makes a Python number of every entry of the FAT; this many take some seconds and 150 MB."""


@dataclass(frozen=True, slots=True)
class SecondEntry:
    """A file or directory as the second reader sees it.

    Attributes:
        path: names separated by ``/``; a short name without a long one is in upper case, whatever its case bits say.
        is_directory: whether it is one.
        size: of the contents in bytes.
        sha1: of the contents, or None when they were not asked for.
    """

    path: str
    is_directory: bool
    size: int
    sha1: bytes | None


def can_judge(layout: Fat32Layout) -> bool:
    """Tell whether the volume is small enough for the second reader."""
    return layout.clusters <= LARGEST_FAT


def second_reading(volume: BlockTarget, *, contents: bool = False) -> list[SecondEntry]:
    """Return everything that pyfatfs finds on a volume in which :func:`check_fat32` found no error.

    Args:
        volume: the target, usually the window of a partition.
        contents: also read all contents.

    Raises:
        InvalidVolume: when pyfatfs cannot read it.
        StorageError: when the target cannot be read.
    """
    # Slow to import, and only this function needs it.
    from pyfatfs._exceptions import PyFATException  # noqa: PLC0415
    from pyfatfs.PyFat import PyFat  # noqa: PLC0415

    reader = PyFat()
    stream = io.BufferedReader(_TargetStream(volume), MIB)
    try:
        with warnings.catch_warnings():
            # Large clusters, copies that differ, a volume in use: the check has said so already.
            warnings.simplefilter("ignore")
            reader.set_fp(stream)
            return list(_entries(reader, contents=contents))
    except (PyFATException, ValueError, LookupError, struct.error) as error:
        raise InvalidVolume(f"{volume.name}: pyfatfs cannot read the volume: {error}") from error
    finally:
        stream.close()


def _entries(reader: Any, *, contents: bool) -> Iterator[SecondEntry]:  # noqa: ANN401 - pyfatfs has no types
    waiting = [("", reader.root_dir)]
    while waiting:
        prefix, directory = waiting.pop()
        folders, files, _ = directory.get_entries()
        for entry in files:
            sha1 = _sha1(reader, entry) if contents else None
            yield SecondEntry(f"{prefix}{entry}", is_directory=False, size=entry.filesize, sha1=sha1)
        for entry in folders:
            yield SecondEntry(f"{prefix}{entry}", is_directory=True, size=0, sha1=None)
            waiting.append((f"{prefix}{entry}/", entry))


def _sha1(reader: Any, entry: Any) -> bytes:  # noqa: ANN401 - pyfatfs has no types
    digest = hashlib.sha1(usedforsecurity=False)
    left = entry.filesize
    if left:
        for cluster in reader.get_cluster_chain(entry.get_cluster()):
            piece = reader.read_cluster_contents(cluster)[:left]
            digest.update(piece)
            left -= len(piece)
    return digest.digest()


class _TargetStream(io.RawIOBase):
    """A target as a stream that is read only; closing it leaves the target open."""

    def __init__(self, target: BlockTarget) -> None:
        super().__init__()
        self._target = target
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._target.geometry.size_bytes}[whence]
        self._position = base + offset
        return self._position

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer).cast("B")
        count = max(0, min(len(view), self._target.geometry.size_bytes - self._position))
        view[:count] = self._target.read_at(self._position, count)
        self._position += count
        return count
