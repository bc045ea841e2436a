"""What of a WIM nothing points to: it is left over where images were changed or deleted in place."""

from __future__ import annotations

from pathlib import Path

from osdimage.imaging.errors import StorageError
from osdimage.imaging.wim.placed.place import PlacedFile, opened_file
from osdimage.imaging.wim.stored.format import (
    BLOB_STRUCT,
    HEADER_SIZE,
    MAGIC,
    SOLID_RESOURCE_SIZE,
    Header,
    Resource,
    ResourceFlag,
)

# Where the first number of a resource has its flags.
_FLAG_SHIFT = 56
_STORED = (1 << _FLAG_SHIFT) - 1
_SOLID = ResourceFlag.SOLID.value


def unused_bytes(path: Path) -> int:
    """Return how many bytes of a WIM belong to nothing in it; 0 where that is not told, as of a pipable one.

    Raises:
        StorageError: when it cannot be read.
    """
    try:
        with opened_file(path) as file:
            return _unused(file)
    except OSError as error:
        raise StorageError(f"{path}: {error.strerror}", path=path, errno=error.errno) from error


def _unused(file: PlacedFile) -> int:
    header = Header.parse(file.read(HEADER_SIZE, 0))
    if header.magic != MAGIC or header.blob_table.flags & ResourceFlag.COMPRESSED:
        return 0
    table = file.read(header.blob_table.stored_size, header.blob_table.offset)
    entries = BLOB_STRUCT.iter_unpack(table[: len(table) // BLOB_STRUCT.size * BLOB_STRUCT.size])
    # libwim leaves what nothing refers to any more in the table.  What is in a solid resource has no place of its own.
    places: dict[int, int] = {
        offset: packed & _STORED
        for packed, offset, size, _, references, _ in entries
        if references and (not packed >> _FLAG_SHIFT & _SOLID or size == SOLID_RESOURCE_SIZE)
    }
    tables: tuple[Resource, ...] = (header.blob_table, header.xml, header.integrity)
    used = HEADER_SIZE + sum(places.values()) + sum(each.stored_size for each in tables if each.offset)
    return max(0, file.size - used)
