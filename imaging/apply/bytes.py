"""Images that are the bytes of a partition: what they hold, and writing them back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from osdimage.imaging.disk.volume import OpenVolume
from osdimage.imaging.errors import CorruptWim, InvalidRequest, MissingParts, TooSmall
from osdimage.imaging.progress import Meter, Phase, ProgressCallback
from osdimage.imaging.wim.checks.audit import refuse_missing
from osdimage.imaging.wim.contents import BlobSource, references
from osdimage.imaging.wim.described.captured import BYTES_FILE
from osdimage.imaging.wim.image import WimImage

_ZEROS = bytes(1 << 20)


@dataclass(frozen=True, slots=True)
class KeptBytes:
    """The bytes of a partition in an image: how many, and their SHA-1."""

    size: int
    sha1: bytes


@dataclass(frozen=True, slots=True)
class WrittenBytes:
    """An image whose bytes were written: its index and name, the number of the partition, and how many bytes."""

    image: int
    name: str
    partition: int | None
    size: int


def refuse_bytes(image: WimImage) -> None:
    """Refuse an image that is the bytes of a partition, where one with files is needed.

    Raises:
        InvalidRequest: that says so.
    """
    if image.info.is_of_bytes:
        raise InvalidRequest(
            f"{image.path}: image {image.index} {image.name!r} is the bytes of a partition (/{BYTES_FILE}), not the "
            "files of a volume: it is written back with its disk, when that is laid out as the captured one with all "
            "volumes, or extracted as a file"
        )


def bytes_of(image: WimImage) -> KeptBytes:
    """Return what an image holds of a partition.

    Raises:
        CorruptWim: when it does not hold the one file that it must.
        MissingParts: when that is in another part of a split WIM.
    """
    refuse_missing(image.path, image.index, image.audit())
    try:
        (entry,) = image.entries(f"/{BYTES_FILE}", recursive=False)
    except InvalidRequest as error:
        raise CorruptWim(f"{image.path}: image {image.index} holds no /{BYTES_FILE}") from error
    contents = next((stream for stream in entry.streams if stream.name is None), None)
    if contents is None or contents.sha1 is None or not contents.size:
        raise CorruptWim(f"{image.path}: /{BYTES_FILE} of image {image.index} is empty")
    return KeptBytes(contents.size, contents.sha1)


def write_bytes(
    image: WimImage, volume: OpenVolume, *, is_zero: bool = False, progress: ProgressCallback | None = None
) -> WrittenBytes:
    """Write the bytes of an image to a partition; what was there is lost, and what lies behind them becomes zeros.

    Until all is written the beginning is zeros, so that no half of a file system looks whole.  The bytes are compared
    with their SHA-1 on the way.

    Args:
        image: of an open WIM.
        volume: the partition, of a disk that is open for writing.
        is_zero: the partition is known to hold nothing but zeros.
        progress: receives the progress.

    Raises:
        TooSmall: when the partition has fewer bytes; nothing was written.
        CorruptWim: when the WIM is damaged; the beginning is zeros then.
        StorageError: when reading or writing failed; the same.
    """
    kept, window = bytes_of(image), volume.window()
    room = window.geometry.size_bytes
    if kept.size > room:
        raise TooSmall(f"{volume.name}: has {room} bytes, image {image.index} is {kept.size} bytes of a partition")
    meter = Meter(progress, {Phase.EXTRACT_DATA: 1})
    size = volume.target.geometry.sector_size
    holds_zeros = is_zero or volume.target.punch(volume.extent.first * size, room)
    if not holds_zeros:
        window.write_at(0, _ZEROS[:room])
        window.flush()
    begin, at = b"", 0
    for piece in _pieces(image, kept):
        data = bytes(piece)
        if at < len(_ZEROS) and len(begin) < len(_ZEROS):
            # It comes last, once the SHA-1 of all is known to be right.
            taken = data[: len(_ZEROS) - len(begin)]
            begin, data, at = begin + taken, data[len(taken) :], at + len(taken)
        if data and (not holds_zeros or any(data)):
            window.write_at(at, data)
        at += len(data)
        meter.step(Phase.EXTRACT_DATA, at, kept.size)
    if not holds_zeros:
        for rest in range(at, room, len(_ZEROS)):
            window.write_at(rest, _ZEROS[: room - rest])
    window.flush()
    window.write_at(0, begin)
    window.flush()
    meter.finish()
    return WrittenBytes(image.index, image.name, volume.partition, kept.size)


def _pieces(image: WimImage, kept: KeptBytes) -> Iterator[memoryview]:
    for path in (image.path, *references(image.path, image.handle)):
        blobs = BlobSource(path, {kept.sha1})
        if blobs.facts:
            for _, pieces in blobs.read([BYTES_FILE]):
                yield from pieces
            return
    raise MissingParts(f"{image.path}: the bytes of image {image.index} are in another file")
