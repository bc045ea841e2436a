"""Opening a WIM with libwim, once its header is known not to claim what the file cannot hold.

libwim takes memory for what a header claims before it reads what is there: eight bytes for each image, and the whole of
the XML and of the blob table.  So those numbers are compared with each other and with the size of the file here, which
takes one read of 208 bytes.  What the blob table says of resources is compared with the file where they are read.
"""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from osdimage.imaging.errors import CorruptWim, InvalidRequest, NotAWim, StorageError, TargetRefused
from osdimage.imaging.units import MIB, format_size
from osdimage.imaging.wim.failures import NOT_A_WIM, PART, join_parts
from osdimage.imaging.wim.placed.on_disc import absent, disc_path, refuse_on_disc
from osdimage.imaging.wim.placed.place import PlacedFile, opened_file
from osdimage.imaging.wim.placed.stand_in import stand_in
from osdimage.imaging.wim.stored import integrity
from osdimage.imaging.wim.stored.format import (
    BLOB_STRUCT,
    HEADER_SIZE,
    MAGIC,
    PIPABLE_MAGIC,
    Header,
    HeaderFlag,
    Resource,
    ResourceFlag,
)
from osdimage.native.callbacks import Listener
from osdimage.native.wim.handles import WimHandle

LARGEST_XML = 8 * MIB
"""The longest XML document that is read, in bytes.  An image has some thousand bytes of it, and more where a disk's
layout is kept with it."""
# So many images take no memory to speak of, and libwim says better what is wrong.
_FEW_IMAGES = 4096
# "<IMAGE/>" in UTF-16.  The XML of every part of a split WIM has all images.
_SMALLEST_IMAGE = 16
# The largest chunk that libwim takes; each takes four bytes in the table of chunks (but for one) and one for itself.
_LARGEST_CHUNK = 1 << 30
_SMALLEST_CHUNK_BYTES = 5


def open_wim(
    path: Path, *, check_integrity: bool = False, write: bool = False, listener: Listener | None = None
) -> WimHandle:
    """Open a WIM; see :meth:`~osdimage.native.wim.handles.WimHandle.open`.

    Raises:
        CorruptWim: when its header claims more than the file can hold.
        TargetRefused: when it is to be changed, and may not be.
        WimlibError: when libwim cannot open it.
    """
    if write:
        refuse_on_disc(path)
    header = refuse_impossible_header(path)
    if write and header is not None:
        refuse_unchangeable(path, header)
    if disc_path(path) is None:
        return WimHandle.open(path, check_integrity=check_integrity, write=write, listener=listener)
    with opened_wim_file(path) as file, stand_in(path, file) as standing_in:
        if check_integrity and header is not None:
            _compare_with_table(path, file, header, listener)
        return WimHandle.open(standing_in.path, backing=standing_in, listener=listener)


def refer(handle: WimHandle, paths: Sequence[Path], pattern: str) -> None:
    """Let a handle refer to files.

    Raises:
        InvalidRequest: when there are none, because nothing fits the pattern.
        OsdImageError: as :func:`open_wim`.
    """
    if not paths:
        said = "no file fits the pattern" if glob.has_magic(pattern) else absent(pattern)
        raise InvalidRequest(f"{pattern}: {said}")
    for path in paths:
        refuse_impossible_header(path)
    names = [glob.escape(os.fspath(path)) for path in paths if disc_path(path) is None]
    if names:
        handle.reference_files(names)
    for path in paths:
        if disc_path(path) is not None:
            with opened_wim_file(path) as file, stand_in(path, file) as standing_in:
                handle.reference_files([glob.escape(os.fspath(path))], backings=[standing_in])


@contextmanager
def opened_wim_file(path: Path) -> Iterator[PlacedFile]:
    """Open the file of a WIM, wherever it is, to read from it.

    Raises:
        StorageError: when it cannot be opened.
        InvalidInput: when it is on a disc that is damaged, or in a form that cannot be read at its place.
    """
    with ExitStack() as stack:
        try:
            file = stack.enter_context(opened_file(path))
        except OSError as error:
            if isinstance(error, StorageError):
                raise
            raise StorageError(f"{path}: {error.strerror}", path=path, errno=error.errno) from error
        yield file


def _compare_with_table(path: Path, file: PlacedFile, header: Header, listener: Listener | None) -> None:
    """Compare a WIM with its integrity table at its place: libwim would read a copy of all of it."""
    try:
        integrity.compare(file, header, listener)
    except OSError as error:
        raise StorageError(f"{path}: {error.strerror}", path=path, errno=error.errno) from error


def refuse_unchangeable(path: Path, header: Header) -> None:
    """Refuse to change a WIM that says of itself that it is not to be changed.

    Raises:
        TargetRefused: when it is marked read-only, or is a part of a split WIM.
    """
    if header.flags & HeaderFlag.READONLY:
        raise TargetRefused(f"{path}: is marked read-only")
    if header.flags & HeaderFlag.SPANNED:
        raise TargetRefused(f"{path}: {PART}", remedy=join_parts(path))


def refuse_impossible_header(path: Path) -> Header | None:
    """Refuse a WIM whose header claims more than the file can hold; what is not there, or no WIM, is left to libwim.

    Returns the header, or None when it is left to libwim.

    Raises:
        CorruptWim: which names the number.
        NotAWim: when it is shorter than a header, and does not begin as one.
    """
    try:
        with opened_file(path) as file:
            if not file.is_regular:
                return None
            size = file.size
            header = Header.parse(file.read(HEADER_SIZE, 0))
            if header.magic == PIPABLE_MAGIC and size >= 2 * HEADER_SIZE:
                # That at the begin is only for who reads from a pipe.
                header = Header.parse(file.read(HEADER_SIZE, size - HEADER_SIZE))
    except OSError:
        return None
    if header.magic not in {MAGIC, PIPABLE_MAGIC}:
        if size < HEADER_SIZE:
            # libwim would say that it ends too early.
            raise NotAWim(f"{path}: {NOT_A_WIM}")
        return None
    if size < HEADER_SIZE:
        return None
    _compare(path, header, size)
    return header


def _compare(path: Path, header: Header, size: int) -> None:
    for what, resource in (("blob table", header.blob_table), ("XML document", header.xml)):
        _refuse_outside(path, what, resource, size, header.chunk_size)
    if header.xml.size > LARGEST_XML:
        raise CorruptWim(
            f"{path}: its header claims an XML document of {format_size(header.xml.size)}; more than "
            f"{format_size(LARGEST_XML)} is not believed"
        )
    most = header.xml.size // _SMALLEST_IMAGE
    if header.part_number == 1:
        # Of a split WIM, only the first part has the trees.
        most = min(most, header.blob_table.size // BLOB_STRUCT.size)
    if header.image_count > max(most, _FEW_IMAGES):
        raise CorruptWim(f"{path}: its header claims {header.image_count} images, and the file holds {most} at most")


def _refuse_outside(path: Path, what: str, resource: Resource, size: int, chunk_size: int) -> None:
    if resource.offset + resource.stored_size > size:
        # libwim takes the memory first.  A file that was cut off is told by the same words as everywhere.
        raise CorruptWim(
            f"{path}: the file ends too early: its {what} is to end at byte {resource.offset + resource.stored_size}, "
            f"and the file at {size}"
        )
    largest = resource.stored_size
    if resource.flags & ResourceFlag.COMPRESSED:
        largest = (largest // _SMALLEST_CHUNK_BYTES + 1) * min(chunk_size or _LARGEST_CHUNK, _LARGEST_CHUNK)
    if resource.size > largest:
        raise CorruptWim(
            f"{path}: its header claims a {what} of {resource.size} bytes, and what is stored of it holds {largest} at "
            "most"
        )
