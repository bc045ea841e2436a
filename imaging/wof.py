"""Files that Windows has compressed as a whole (CompactOS, ``compact /exe``): the Windows Overlay Filter, WOF.

Such a file has a reparse point with the tag :data:`TAG`, its contents in a stream called :data:`STREAM`, and an unnamed
stream of the size of the plain contents that holds nothing: who reads only that reads zeros.  The stream is what a
resource of a WIM is: a table of offsets (4 bytes each, or 8 in a file above 4 GiB; the first chunk has none), then the
chunks, of which one as long as its plain contents is stored as it is.

Sources: [MS-FSCC] 2.1.2.1 (tag), ``WOF_EXTERNAL_INFO`` and ``FILE_PROVIDER_EXTERNAL_INFO`` of Microsoft's wofapi.h and
ntifs.h; libfsntfs, "Windows Overlay Filter (WOF) compressed data"; ebiggers, ntfs-3g-system-compression.
"""

from __future__ import annotations

import struct
import tempfile
from collections.abc import Iterable, Iterator
from enum import Enum

from osdimage.imaging.errors import InvalidInput
from osdimage.imaging.units import KIB, format_size

__all__ = ["Algorithm"]

TAG = 0x80000017
STREAM = "WofCompressedData"
HEADER_BYTES = 8
"""Of a reparse buffer ([MS-FSCC] 2.1.2.2); what an image of a WIM holds of one begins behind it."""
# NTFS holds no larger file with clusters of 4 KiB.
_LARGEST_FILE = 16 << 40

# WOF_EXTERNAL_INFO: Version, Provider; FILE_PROVIDER_EXTERNAL_INFO_V0: Version, Algorithm.
_INFO = struct.Struct("<IIII")
_VERSION, _IN_WIM, _IN_FILE, _FILE_VERSION = 1, 1, 2, 1


class Algorithm(Enum):
    """How a file is compressed, by the number that its reparse point has."""

    XPRESS4K = 0
    LZX = 1
    XPRESS8K = 2
    XPRESS16K = 3

    @property
    def chunk_size(self) -> int:
        """The bytes that are compressed together."""
        return _CHUNKS[self]


_CHUNKS = {
    Algorithm.XPRESS4K: 4 * KIB,
    Algorithm.LZX: 32 * KIB,
    Algorithm.XPRESS8K: 8 * KIB,
    Algorithm.XPRESS16K: 16 * KIB,
}


def parse(data: bytes) -> Algorithm:
    """Return how a file is compressed.

    Args:
        data: of its reparse point, behind the header of :data:`HEADER_BYTES`.

    Raises:
        InvalidInput: when its contents are not in the file, or are stored in a way that is not known; the sentence
            continues one that begins with the file's name.
    """
    if len(data) < 2 * 4:
        raise InvalidInput("is compressed by Windows (WOF), and its reparse point is damaged")
    version, provider, file_version, number = _INFO.unpack(data[: _INFO.size].ljust(_INFO.size, b"\0"))
    if (version, provider) == (_VERSION, _IN_WIM):
        raise InvalidInput("has its contents in a WIM (WIMBoot), where only the Windows that it belongs to finds them")
    if (version, provider, file_version) != (_VERSION, _IN_FILE, _FILE_VERSION) or len(data) < _INFO.size:
        raise InvalidInput(
            f"is stored by a provider of Windows' overlay filter (WOF) that is not known: version {version}, provider "
            f"{provider}, version {file_version} of that"
        )
    try:
        return Algorithm(number)
    except ValueError:
        raise InvalidInput(f"is compressed by Windows (WOF) with algorithm {number}, which is not known") from None


def expand(stored: Iterable[bytes | memoryview], size: int, algorithm: Algorithm) -> Iterator[memoryview]:
    """Yield the plain contents; each piece is valid until the next is asked for.

    Args:
        stored: the contents of the stream :data:`STREAM`, which are kept in a temporary file meanwhile.
        size: of the plain contents: that of the unnamed stream.
        algorithm: how it is compressed.

    Raises:
        InvalidInput: when they are damaged; the sentence continues one that begins with the file's name.
        OSError: when a temporary file cannot be written.
    """
    # The ground floor is loaded by every command, and most need no libwim.
    from osdimage.native.runtime import Compression  # noqa: PLC0415
    from osdimage.native.wim.resource import ResourceReader  # noqa: PLC0415
    from osdimage.native.wim.tree import Blob  # noqa: PLC0415

    if size > _LARGEST_FILE:
        raise InvalidInput(f"is compressed by Windows (WOF) and claims {format_size(size)}")
    with tempfile.TemporaryFile() as spool:
        for piece in stored:
            spool.write(piece)
        spool.flush()
        stored_size = spool.tell()
        blob = Blob(
            sha1=b"",
            size=size,
            part_number=1,
            references=1,
            is_metadata=False,
            is_compressed=True,
            is_solid=False,
            offset_in_resource=0,
            resource_offset=0,
            resource_stored_size=stored_size,
            resource_size=size,
        )
        compression = Compression.LZX if algorithm is Algorithm.LZX else Compression.XPRESS
        reader = ResourceReader(spool.fileno(), compression, algorithm.chunk_size)
        done = 0
        try:
            for part in reader.pieces(blob):
                done += len(part)
                yield part
        except OSError as error:
            raise InvalidInput(
                f"is compressed by Windows (WOF), and cannot be read from byte {done} on: its stream is damaged"
            ) from error
        finally:
            reader.close()
        if done != size:
            raise InvalidInput(f"is compressed by Windows (WOF), and has {done} bytes of {size}")
