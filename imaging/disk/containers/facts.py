"""What the file of a virtual machine's disk says of itself, without anything that it names being opened.

Each format has a module whose ``facts`` takes the bytes of the file, reads so much of them as it needs, never more than
a few MiB, and returns one :class:`ContainerFacts`.
"""

from __future__ import annotations

import os
import sys
from array import array
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal, Protocol

from osdimage.imaging.errors import InvalidInput
from osdimage.imaging.units import TIB, Bytes, format_size

LARGEST_DISK: Final = 64 * TIB
"""What is taken for a disk: the most that VHDX has ([MS-VHDX] 2.6.2.2), and more than others are used for."""


class ContainerFormat(StrEnum):
    """The formats, by the names that documents have for them."""

    QCOW2 = "qcow2"
    VHDX = "vhdx"
    VHD = "vhd"
    VMDK = "vmdk"
    VDI = "vdi"

    @property
    def called(self) -> str:
        """What people call it."""
        return self.value if self is ContainerFormat.QCOW2 else self.value.upper()

    @property
    def driver(self) -> str:
        """What QEMU calls it."""
        return "vpc" if self is ContainerFormat.VHD else self.value


class LinkRole(StrEnum):
    """What another file is to the one that names it."""

    BACKING = "backing file"
    DATA = "data file"
    EXTENT = "extent"


RAW: Final = "raw"
EXTENT: Final = "extent"
"""What a link may be besides a container: plain bytes, or an extent of a VMDK with tables of its own."""


@dataclass(frozen=True, slots=True)
class Link:
    """Another file that a header names.

    Attributes:
        role: what it is.
        name: as it stands there, in the file system's encoding.
        form: what the header says that it is: a format, :data:`RAW`, :data:`EXTENT`, the name of a format that is not
            known here, or None when it says nothing.
        least_bytes: what the file must have.
    """

    role: LinkRole
    name: str
    form: ContainerFormat | str | None
    least_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A state of the disk that is kept inside of the file.

    Attributes:
        identifier: the number that QEMU gave it, as text.
        name: what people called it.
        seconds: when it was made, in seconds since 1970.
    """

    identifier: str
    name: str
    seconds: int


@dataclass(frozen=True, slots=True)
class ContainerFacts:
    """What the file says.

    Attributes:
        form: its format.
        variant: what of the format, in the words of its specification, such as ``dynamic``; None where there is one.
        size_bytes: of the disk.
        sector_size: the sectors that the disk has for its machine, in bytes.
        links: the other files that it names and needs.
        parent: what it is a difference to, of formats in which that is not read; None when it stands alone.
        snapshots: what is kept inside.
        creator: the program that made it, where the file says so.
        other_size_bytes: of a VHD, which has two sizes: the one that was not taken, where it is another and the creator
            leaves doubt.
        is_by_geometry: of a VHD: whether its size is that of its geometry.
        encryption: how it is encrypted; None when it is not.
        unknown: the features that a reader must know, and that are not known here, by name.
        is_dirty: whether it was not closed, so that QEMU repairs it.
        is_corrupt: whether it is marked as damaged.
        is_compressed: whether some of it was seen to be compressed.
        has_log: whether it has changes in a log that are not in their places yet.
    """

    form: ContainerFormat
    size_bytes: int
    variant: str | None = None
    sector_size: int = 512
    links: tuple[Link, ...] = ()
    parent: str | None = None
    snapshots: tuple[Snapshot, ...] = ()
    creator: str | None = None
    other_size_bytes: int | None = None
    is_by_geometry: bool = False
    encryption: str | None = None
    unknown: tuple[str, ...] = ()
    is_dirty: bool = False
    is_corrupt: bool = False
    is_compressed: bool = False
    has_log: bool = False

    def link(self, role: LinkRole) -> Link | None:
        """Return the file that it names for a role, the first of several, or None."""
        return next((each for each in self.links if each.role is role), None)


class FileBytes(Protocol):
    """The bytes of a file, of which ranges are read."""

    @property
    def size(self) -> int:
        """How many there are."""

    def read(self, offset: int, size: int) -> bytes:
        """Return a range, as far as the file goes."""


@dataclass(frozen=True, slots=True)
class MemoryBytes:
    """Bytes in memory in the place of a file's."""

    data: bytes

    @property
    def size(self) -> int:
        """How many there are."""
        return len(self.data)

    def read(self, offset: int, size: int) -> bytes:
        """Return a range, as far as they go."""
        return self.data[offset : offset + size]


@dataclass(frozen=True, slots=True)
class OpenBytes:
    """The bytes of an open file."""

    descriptor: int

    @property
    def size(self) -> int:
        """How many there are."""
        return os.fstat(self.descriptor).st_size

    def read(self, offset: int, size: int) -> bytes:
        """Return a range, as far as the file goes.

        Raises:
            OSError: when it cannot be read; what it says has the place.
        """
        parts = b""
        while len(parts) < size:
            at = offset + len(parts)
            try:
                part = os.pread(self.descriptor, size - len(parts), at)
            except OSError as error:
                raise OSError(error.errno, f"reading at byte {at}: {error.strerror}") from error
            if not part:
                break
            parts += part
        return parts


Facts = Callable[[FileBytes], ContainerFacts]


def require(data: FileBytes, offset: int, size: int, what: str) -> bytes:
    """Return a range that a header says is there.

    Raises:
        InvalidInput: when the file ends before it.
    """
    found = data.read(offset, size) if 0 <= offset <= data.size else b""
    if len(found) < size:
        raise InvalidInput(f"{what}, bytes {offset} to {offset + size}, is behind the end of the file: {data.size}")
    return found


def checked_size(size_bytes: int) -> Bytes:
    """Return the size of the disk, if it can be one.

    Raises:
        InvalidInput: when it is nothing, or more than :data:`LARGEST_DISK`.
    """
    if not 0 < size_bytes <= LARGEST_DISK:
        raise InvalidInput(
            f"the disk in it would have {size_bytes} bytes; valid is up to {LARGEST_DISK} ({format_size(LARGEST_DISK)})"
        )
    return Bytes(size_bytes)


def cut_off(at: int, data: FileBytes) -> InvalidInput:
    """Return what to raise for a file that refers to bytes behind its end: QEMU reads zeros there, without a word."""
    return InvalidInput(
        f"it is cut off: some of the disk would be at byte {at} of it, and the file has {data.size}; get it whole, or "
        "make it again"
    )


def numbers(data: FileBytes, at: int, count: int, kind: str, *, order: Literal["little", "big"]) -> array[int]:
    """Return the numbers of a table, as far as the file goes; ``kind`` is a type code of :mod:`array`."""
    found = array(kind)
    read = data.read(at, count * found.itemsize)
    found.frombytes(read[: len(read) // found.itemsize * found.itemsize])
    if sys.byteorder != order:
        found.byteswap()
    return found


def shown(text: str | bytes) -> str:
    """Return a text of a header for messages: in one line, with all that cannot be printed escaped."""
    known = text if isinstance(text, str) else text.decode("utf-8", "surrogateescape")
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in known)
